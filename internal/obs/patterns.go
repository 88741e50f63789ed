package obs

import (
	"regexp"
	"strings"
)

// pattern is a form of text that a log must not hold.
type pattern struct {
	find *regexp.Regexp
	// with replaces it; $1 is what may stay.
	with string
}

func replaced(expression, keep, kind string) pattern {
	return pattern{regexp.MustCompile(expression), keep + placeholder(kind)}
}

// Values as they follow a label: quoted to the closing quote, else up to what
// ends a word.
const (
	labelled = `["'\\]*\s*[:=]\s*`
	anyValue = `(?:\[REDACTED_[A-Z]+\]|\\?"[^"]*"?|'[^']*'?|[^\s"',;&}\])]+)`
	aDate    = `(?:\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}|(?:\d{1,2} )?[A-Z][a-z]{2,8}\.? (?:\d{1,2},? )?\d{4}|\d{8})`
)

// marked are the patterns that begin with a mark of their own, which is looked
// for first: an expression costs a hundred times as much.
var marked = []struct {
	mark string
	pattern
}{
	{"eyJ", replaced(`eyJ[A-Za-z0-9_-]{4,}(?:\.[A-Za-z0-9_-]*){0,4}`, "", kindToken)},
	{"up_", replaced(`\bup_[a-z]+_[A-Za-z0-9_-]+`, "", kindKey)},
	{"whsec_", replaced(`whsec_[A-Za-z0-9+/=_-]+`, "", kindSecret)},
	{"$argon2", replaced(`\$argon2[^\s"']+`, "", kindHash)},
	{"://", pattern{regexp.MustCompile(`(://)[^/\s@"']*:[^\s@"']*@`), "$1" + placeholder(kindSecret) + "@"}},
	{"@", replaced(`[\p{L}\p{N}._%+'-]+@(?:[\p{L}\p{N}-]+\.)+[\p{L}]{2,}`, "", kindEmail)},
	// What PostgreSQL repeats of a row.
	{"Key (", replaced(`(Key \(.*?\)=)\(.*\)`, "$1", kindValue)},
	{"Failing row contains", replaced(`(Failing row contains )\(.*\)`, "$1", kindValue)},
	{"invalid input", replaced(`(invalid input (?:syntax|value) for [^:"]+: )"(?s:.*)"`, "$1", kindValue)},
}

// spoken are the patterns that begin with a word, in any case.
var spoken = []pattern{
	replaced(`(?i)\b((?:bearer|basic)\s+)[A-Za-z0-9._~+/=-]{8,}`, "$1", kindToken),
	replaced(`(?i)((?:password|passwd|passphrase|pwd|secret|token|api[_-]?key|authorization|cookie|credentials?|refresh|access)`+labelled+`)(?:(?:bearer|basic) )?`+anyValue, "$1", kindSecret),
	replaced(`(?i)\b((?:ssn|social security(?: number| no\.?)?)["']?\W{0,4})\d{3}[- ]?\d{2}[- ]?\d{4}\b`, "$1", kindSSN),
	replaced(`(?i)\b((?:mrn|medical record(?: number| no\.?)?)["']?\W{0,4})[A-Z]{0,4}-?\d[\dA-Z-]{3,}`, "$1", kindMRN),
	replaced(`\b((?i:dob|d\.o\.b\.?|date of birth|birth ?date|birthday|born(?: on)?)["']?\W{0,4})`+aDate, "$1", kindDOB),
	replaced(`\b((?i:patient|member|subscriber|insured|guarantor)(?i:'s)?(?i:[ _]?name)?["']?\s*[:=]\s*["']?)\p{Lu}[\p{L}'-]+(?:,? \p{Lu}[\p{L}'.-]*){1,3}`, "$1", kindName),
}

// street is a house number, one to three names and a kind of street.
var street = replaced(`\b\d{1,6} (?:[NSEW]\.? )?(?:[A-Z][a-z]+ ){1,3}(?:Street|St|Avenue|Ave|Road|Rd|Boulevard|Blvd|Lane|Ln|Drive|Dr|Court|Ct|Place|Pl|Terrace|Way)\b\.?`, "", kindAddress)

// Redact takes out of a text what looks like a secret, like personal or like
// health data, and puts [REDACTED_<KIND>] in its place: bearer tokens, JWTs,
// API keys, webhook secrets, password hashes, credentials in URLs, whatever
// follows a word like "password"; e-mail addresses, labelled patient names,
// street addresses, US phone numbers, social security numbers (dashed or
// labelled), labelled record numbers and dates of birth, payment card numbers;
// and the values that PostgreSQL repeats in its errors. Identifiers, dates,
// versions, network addresses and paths stay.
func Redact(text string) string {
	s := survey(text)
	if s.words {
		for i := range spoken {
			text = spoken[i].find.ReplaceAllString(text, spoken[i].with)
		}
	}
	if s.marks {
		for i := range marked {
			if strings.Contains(text, marked[i].mark) {
				text = marked[i].find.ReplaceAllString(text, marked[i].with)
			}
		}
	}
	if s.digits >= fewestDigits {
		text = redactNumbers(text)
	}
	if s.houses {
		text = street.find.ReplaceAllString(text, street.with)
	}
	return text
}
