package wire

import (
	"encoding/json"
	"errors"
	"io"
	"math"
	"strconv"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"github.com/shopspring/decimal"

	"upstream/models"
)

// dateTimeLayout keeps all six digits, so that instants sort as text and a
// value read can be sent back as a filter without losing microseconds.
const dateTimeLayout = "2006-01-02T15:04:05.000000Z"

// maxDecimalText bounds the text of a Decimal. Without it "1e999999999" would
// be a short literal whose digits fill the memory.
const maxDecimalText = 40

// MarshalDateTime writes the scalar DateTime in UTC.
func MarshalDateTime(t time.Time) graphql.Marshaler {
	return graphql.WriterFunc(func(w io.Writer) {
		_, _ = w.Write(AppendDateTime(nil, t))
	})
}

// AppendDateTime appends the scalar DateTime.
func AppendDateTime(b []byte, t time.Time) []byte {
	return append(t.UTC().AppendFormat(append(b, '"'), dateTimeLayout), '"')
}

// UnmarshalDateTime reads the scalar DateTime with any offset; digits below a
// microsecond are dropped, as the database would.
func UnmarshalDateTime(v any) (time.Time, error) {
	text, ok := v.(string)
	if !ok {
		return time.Time{}, errDateTime
	}
	t, err := time.Parse(time.RFC3339Nano, text)
	if err != nil || t.Year() < 1 || t.Year() > 9999 {
		return time.Time{}, errDateTime
	}
	return t.UTC().Truncate(time.Microsecond), nil
}

var errDateTime = errors.New("must be an instant in RFC 3339 with an offset, such as 2026-05-01T09:30:00Z")

// MarshalDecimal writes the scalar Decimal as a string with at least two decimals.
func MarshalDecimal(d decimal.Decimal) graphql.Marshaler {
	return graphql.WriterFunc(func(w io.Writer) {
		_, _ = w.Write(AppendDecimal(nil, d))
	})
}

// AppendDecimal appends the scalar Decimal.
func AppendDecimal(b []byte, d decimal.Decimal) []byte {
	b = append(b, '"')
	if d.Exponent() >= -2 {
		b = models.AppendAmount(b, d)
	} else {
		b = append(b, d.String()...)
	}
	return append(b, '"')
}

// UnmarshalDecimal reads the scalar Decimal from a string or a number.
func UnmarshalDecimal(v any) (decimal.Decimal, error) {
	var text string
	switch v := v.(type) {
	case string:
		text = v
	case json.Number:
		text = v.String()
	case int64:
		text = strconv.FormatInt(v, 10)
	case int:
		text = strconv.Itoa(v)
	case float64:
		text = strconv.FormatFloat(v, 'f', -1, 64)
	default:
		return decimal.Decimal{}, errDecimal
	}
	if len(text) > maxDecimalText {
		return decimal.Decimal{}, errDecimal
	}
	d, err := decimal.NewFromString(text)
	if err != nil || d.Exponent() < -maxDecimalText || d.Exponent() > maxDecimalText {
		return decimal.Decimal{}, errDecimal
	}
	return d, nil
}

var errDecimal = errors.New(`must be a decimal number of at most 40 characters, such as "150.00"`)

// MarshalJSON writes the scalar JSON; absent JSON is null.
func MarshalJSON(raw json.RawMessage) graphql.Marshaler {
	return graphql.WriterFunc(func(w io.Writer) {
		if len(raw) == 0 {
			raw = json.RawMessage("null")
		}
		_, _ = w.Write(raw)
	})
}

// UnmarshalJSON reads the scalar JSON.
func UnmarshalJSON(v any) (json.RawMessage, error) {
	raw, err := json.Marshal(v)
	if err != nil {
		return nil, errors.New("must be a JSON value")
	}
	return raw, nil
}

// MarshalBigInt writes the scalar BigInt.
func MarshalBigInt(n int64) graphql.Marshaler { return graphql.MarshalInt64(n) }

// UnmarshalBigInt reads the scalar BigInt.
func UnmarshalBigInt(v any) (int64, error) { return graphql.UnmarshalInt64(v) }

// MarshalCount writes a 64-bit count as the built-in Int, at most 2^31-1: the
// specification allows no more, and clients reject the whole answer otherwise.
func MarshalCount(n int64) graphql.Marshaler { return graphql.MarshalInt64(min(n, math.MaxInt32)) }

// UnmarshalCount reads the built-in Int.
func UnmarshalCount(v any) (int64, error) {
	n, err := graphql.UnmarshalInt32(v)
	return int64(n), err
}
