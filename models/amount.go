package models

import (
	"strconv"

	"github.com/shopspring/decimal"
)

// exactDigits is how many digits surely fit into 64 bits.
const exactDigits = 15

// AppendAmount appends a number with two decimals, rounded as StringFixed(2)
// rounds it. Amounts are stored with two, and those are written without the
// arithmetic of long numbers.
func AppendAmount(b []byte, d decimal.Decimal) []byte {
	if d.Exponent() != -2 || d.NumDigits() > exactDigits {
		return append(b, d.StringFixed(2)...)
	}
	cents := d.CoefficientInt64()
	if cents < 0 {
		b, cents = append(b, '-'), -cents
	}
	return appendTwo(append(strconv.AppendInt(b, cents/100, 10), '.'), int(cents%100))
}

// FormatAmount is a number with two decimals, as AppendAmount appends it.
func FormatAmount(d decimal.Decimal) string {
	var room [exactDigits + 2]byte
	return string(AppendAmount(room[:0], d))
}
