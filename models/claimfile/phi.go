package claimfile

import (
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

// firstNames are the common US first names by which a cell is recognised as a
// person. It is never written to.
var firstNames = setOf(`andrew anthony ashley barbara betty charles christopher
	daniel david donald donna dorothy elizabeth emily james jennifer jessica john joseph joshua
	karen kimberly linda margaret mark mary matthew michael michelle nancy patricia paul richard
	robert sandra sarah steven susan thomas william`)

func setOf(words string) map[string]bool {
	set := map[string]bool{}
	for word := range strings.FieldsSeq(words) {
		set[word] = true
	}
	return set
}

// isPersonName reports whether text reads like a person: two or three words,
// each in Title Case and made of letters and hyphens, the first one (up to its
// hyphen) a common first name.
func isPersonName(text string) bool {
	if !strings.ContainsFunc(text, unicode.IsSpace) {
		return false
	}
	words := strings.Fields(text)
	if len(words) < 2 || len(words) > 3 {
		return false
	}
	for _, word := range words {
		if !isTitleCase(word) {
			return false
		}
	}
	first, _, _ := strings.Cut(words[0], "-")
	return firstNames[strings.ToLower(first)]
}

// isTitleCase wants a capital, then letters or hyphens that do not go on in
// capitals: "Smith", "McDonald", "Smith-Jones" and the initial "Q", not "BCBS".
func isTitleCase(word string) bool {
	for i, r := range word {
		switch {
		case i == 0 && !unicode.IsUpper(r):
			return false
		case r != '-' && !unicode.IsLetter(r):
			return false
		}
	}
	_, size := utf8.DecodeRuneInString(word)
	second, _ := utf8.DecodeRuneInString(word[size:])
	return !unicode.IsUpper(second)
}

// The patterns of patient identifiers. The number patterns want no digit on
// either side, so that they do not fire inside longer numbers.
const (
	patternSSN   = `(?:^|[^0-9])[0-9]{3}[-–. ][0-9]{2}[-–. ][0-9]{4}(?:[^0-9]|$)`
	patternPhone = `(?:^|[^0-9])(?:\([0-9]{3}\) ?|[0-9]{3}[-–. ])[0-9]{3}[-–. ][0-9]{4}(?:[^0-9]|$)`
	patternEmail = `[^\s@]+@[^\s@]+\.[^\s@]{2,}`
	patternMRN   = `(?i:(?:^|[^a-z])mrn[^0-9a-z]{0,5}(?:(?:no|num|number|id)[^0-9a-z]{0,5})?[0-9])`

	// In prose, plain digits count too: nine are a social-security number, ten
	// a phone number; so does a date such as one of birth.
	patternPlainSSN   = `(?:^|[^0-9A-Za-z])[0-9]{9}(?:[^0-9A-Za-z]|$)`
	patternPlainPhone = `(?:^|[^0-9A-Za-z])(?:\+?1[-–. ]?)?\(?[0-9]{3}\)?[-–. ]?[0-9]{3}[-–. ]?[0-9]{4}(?:[^0-9A-Za-z]|$)`
	patternDate       = `(?:^|[^0-9])[0-9]{1,2}/[0-9]{1,2}/[0-9]{4}(?:[^0-9]|$)`
)

var (
	identifierPattern = regexp.MustCompile(strings.Join(
		[]string{patternSSN, patternPhone, patternEmail, patternMRN}, "|"))
	freeTextPattern = regexp.MustCompile(strings.Join(
		[]string{
			patternSSN, patternPhone, patternEmail, patternMRN,
			patternPlainSSN, patternPlainPhone, patternDate,
		}, "|"))
)

// hasIdentifier reports whether a payer or claim number holds a patient
// identifier. Runs of digits without separators pass: claim numbers are such.
func hasIdentifier(text string) bool {
	t := traitsOf(text)
	if !t.at && !t.mrn && (t.digits < 9 || !t.separated) {
		return false // the patterns cost a microsecond, this pass a few nanoseconds
	}
	return identifierPattern.MatchString(text)
}

// hasPatientData reports whether prose holds a patient identifier or a date.
func hasPatientData(text string) bool {
	t := traitsOf(text)
	if !t.at && !t.mrn && t.digits < 6 {
		return false
	}
	return freeTextPattern.MatchString(text)
}

// traits are what a text must have for any pattern to match.
type traits struct {
	digits             int
	at, mrn, separated bool
}

func traitsOf(text string) (t traits) {
	for i := range len(text) {
		switch c := text[i]; {
		case c >= '0' && c <= '9':
			t.digits++
		case c == '@':
			t.at = true
		case c == '-' || c == '.' || c == ' ' || c >= utf8.RuneSelf:
			t.separated = true
		case c|0x20 == 'm' && len(text) >= i+3 && strings.EqualFold(text[i:i+3], "mrn"):
			t.mrn = true
		}
	}
	return t
}
