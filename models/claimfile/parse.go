package claimfile

import (
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"upstream/models"
)

// parseDate reads YYYY-MM-DD, MM/DD/YYYY and YYYY/MM/DD; month and day may lack
// their leading zero.
func parseDate(text string) (models.Date, bool) {
	separator := "-"
	if strings.Contains(text, "/") {
		separator = "/"
	}
	first, rest, _ := strings.Cut(text, separator)
	second, third, found := strings.Cut(rest, separator)
	if !found {
		return models.Date{}, false
	}
	if separator == "/" && len(third) == 4 {
		return dateOf(third, first, second)
	}
	return dateOf(first, second, third)
}

func dateOf(yearText, monthText, dayText string) (models.Date, bool) {
	year, okYear := parseDigits(yearText, 4, 4)
	month, okMonth := parseDigits(monthText, 1, 2)
	day, okDay := parseDigits(dayText, 1, 2)
	if !okYear || !okMonth || !okDay || year < 1 || month < 1 || month > 12 || day < 1 || day > 31 {
		return models.Date{}, false
	}
	// The calendar moves 31 April to 1 May: a date that moved does not exist.
	t := time.Date(year, time.Month(month), day, 0, 0, 0, 0, time.UTC)
	return models.DateOf(t), t.Day() == day
}

// parseDigits reads a number of minLen to maxLen digits and nothing else.
func parseDigits(text string, minLen, maxLen int) (int, bool) {
	if len(text) < minLen || len(text) > maxLen {
		return 0, false
	}
	n := 0
	for i := range len(text) {
		c := text[i]
		if c < '0' || c > '9' {
			return 0, false
		}
		n = n*10 + int(c-'0')
	}
	return n, true
}

// maxCents is the largest amount numeric(12,2) holds.
const maxCents Cents = 999_999_999_999

// parseAmount reads dollars: digits, thousands separators in the right places or
// none, a point and decimals, and a dollar sign in front. Decimals behind the
// second must be zeros. The message is empty when the amount is good.
func parseAmount(text string) (Cents, string) {
	if strings.HasPrefix(text, "-") || strings.HasPrefix(text, "(") || strings.HasPrefix(text, "$-") {
		return 0, msgNegative
	}
	if rest, ok := strings.CutPrefix(text, "$"); ok {
		text = strings.TrimLeft(rest, " ")
	}
	whole, fraction, _ := strings.Cut(text, ".")
	if len(whole)+len(fraction) == 0 || !allDigits(fraction) {
		return 0, msgAmount
	}
	dollars, ok := parseGrouped(whole)
	if !ok {
		return 0, msgAmount
	}
	if len(fraction) > 2 && strings.Trim(fraction[2:], "0") != "" {
		return 0, msgDecimals
	}
	cents := dollars*100 + hundredths(fraction)
	if cents > maxCents {
		return 0, msgAmountMax
	}
	return cents, ""
}

// parseGrouped reads whole dollars, "1234567" or "1,234,567". Beyond the largest
// amount it stops counting.
func parseGrouped(text string) (Cents, bool) {
	dollars, sinceComma, commas := Cents(0), 0, false
	for i := range len(text) {
		c := text[i]
		switch {
		case c == ',':
			if sinceComma == 0 || sinceComma > 3 || commas && sinceComma != 3 {
				return 0, false
			}
			commas, sinceComma = true, 0
			continue
		case c < '0' || c > '9':
			return 0, false
		}
		sinceComma++
		dollars = min(dollars*10+Cents(c-'0'), maxCents)
	}
	return dollars, !commas || sinceComma == 3
}

func allDigits(text string) bool {
	for i := range len(text) {
		if text[i] < '0' || text[i] > '9' {
			return false
		}
	}
	return true
}

// hundredths is the value of the first two decimals.
func hundredths(fraction string) Cents {
	cents := Cents(0)
	if len(fraction) > 0 {
		cents = Cents(fraction[0]-'0') * 10
	}
	if len(fraction) > 1 {
		cents += Cents(fraction[1] - '0')
	}
	return cents
}

// parseBool reads a truth value in either case; empty is false.
func parseBool(text string) (value, ok bool) {
	switch text {
	case "", "0":
		return false, true
	case "1":
		return true, true
	}
	switch strings.ToLower(text) {
	case "true", "t", "yes", "y":
		return true, true
	case "false", "f", "no", "n":
		return false, true
	}
	return false, false
}

// parseWhole reads a whole number from 1 to limit; empty is 1.
func parseWhole(text string, limit int64) (int, bool) {
	if text == "" {
		return 1, true
	}
	if !allDigits(text) {
		return 0, false
	}
	n, err := strconv.ParseInt(text, 10, 32)
	return int(n), err == nil && n >= 1 && n <= limit
}

// splitList splits a cell at |, ;, commas and white space; never nil.
func splitList(text string) []string {
	if text == "" {
		return []string{}
	}
	return strings.FieldsFunc(text, func(r rune) bool {
		return r == '|' || r == ';' || r == ',' || unicode.IsSpace(r)
	})
}

// hasControl reports whether text holds a control character.
func hasControl(text string) bool {
	for i := range len(text) {
		if c := text[i]; c < ' ' || c >= 0x7f {
			return strings.ContainsFunc(text[i:], unicode.IsControl)
		}
	}
	return false
}

// tooLong reports whether text has more than limit characters.
func tooLong(text string, limit int) bool {
	return len(text) > limit && utf8.RuneCountInString(text) > limit
}
