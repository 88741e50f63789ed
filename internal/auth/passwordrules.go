package auth

import (
	_ "embed"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"

	"upstream/models"
)

// CheckPassword answers nil when a new password is good enough for the account
// with this e-mail address and these names of its owner; otherwise a VALIDATION
// error about "password" that lists every broken rule.
func CheckPassword(password, email string, names ...string) error {
	var fields []models.FieldError
	broken := func(code, message string) {
		fields = append(fields, models.FieldError{Path: "password", Code: code, Message: message})
	}
	if utf8.RuneCountInString(password) < MinPasswordLength {
		broken("too_short", "must have at least 12 characters")
	}
	if len(password) > MaxPasswordBytes {
		broken("too_long", "must have at most 1024 bytes")
		return models.Invalid(fields...) // the other rules cost time that grows with it
	}
	if password != "" && strings.IndexFunc(password, func(r rune) bool { return !unicode.IsDigit(r) }) < 0 {
		broken("all_digits", "must not consist of digits alone")
	}
	if isCommon(password) {
		broken("too_common", "must not be a common password, nor one with digits or signs around it")
	}
	if isSimilar(password, append(partsOf(email), names...)) {
		broken("too_similar", "must not resemble the e-mail address or the name of its owner")
	}
	return models.Invalid(fields...)
}

// partsOf is an address and its two sides, without the last label of the
// domain, which says nothing about anybody.
func partsOf(email string) []string {
	local, domain, _ := strings.Cut(email, "@")
	if i := strings.LastIndexByte(domain, '.'); i >= 0 {
		domain = domain[:i]
	}
	return []string{email, local, domain}
}

// Bounds of similarity.
const (
	// minAttribute is the length, in characters, below which an attribute is in
	// half of all passwords and gives nothing away.
	minAttribute = 3
	// maxSimilarity is the share of characters two texts may have in common.
	maxSimilarity = 0.7
)

// isSimilar reports whether the password contains one of the attributes, or
// differs from it by few characters.
func isSimilar(password string, attributes []string) bool {
	password = strings.ToLower(password)
	for _, attribute := range attributes {
		attribute = strings.ToLower(strings.TrimSpace(attribute))
		if utf8.RuneCountInString(attribute) < minAttribute {
			continue
		}
		if strings.Contains(password, attribute) || similarity(password, attribute) > maxSimilarity {
			return true
		}
	}
	return false
}

// similarity is 1 less the Levenshtein distance as a share of the longer text.
func similarity(a, b string) float64 {
	x, y := []rune(a), []rune(b)
	return 1 - float64(distance(x, y))/float64(max(len(x), len(y), 1))
}

// distance is the Levenshtein distance: the fewest insertions, deletions and
// replacements that turn one text into the other.
func distance(a, b []rune) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range a {
		diagonal := row[0]
		row[0] = i + 1
		for j := range b {
			replaced := diagonal
			if a[i] != b[j] {
				replaced++
			}
			diagonal = row[j+1]
			row[j+1] = min(replaced, diagonal+1, row[j]+1)
		}
	}
	return row[len(b)]
}

// commonText is one common password a line, in lower case, most common first.
// Its source and licence are in common_passwords.md.
//
//go:embed common_passwords.txt
var commonText string

// common is the list as a set, made when first needed and never changed.
var common = sync.OnceValue(func() map[string]struct{} {
	set := make(map[string]struct{})
	for line := range strings.Lines(commonText) {
		set[strings.TrimSuffix(line, "\n")] = struct{}{}
	}
	return set
})

// isCommon reports whether a password is on the list, or would be without what
// people add to get past a rule about length: digits and signs around it, signs
// and digits in place of letters, the same once more. Runs such as
// "abcdefghijkl" are common whether listed or not.
func isCommon(password string) bool {
	password = strings.ToLower(password)
	plain := unleet.Replace(strings.TrimRightFunc(password, notLetter))
	for _, guess := range []string{password, unleet.Replace(password), plain, core(password), core(plain)} {
		unit := repeated(guess)
		if len(guess)*minCoreShare < len(password) {
			continue // what surrounds it is most of the password
		}
		if _, listed := common()[unit]; listed || isRun(unit) {
			return true
		}
	}
	unit := repeated(password)
	return isRun(unit) || len(unit) <= shortUnit && len(unit) < len(password)
}

// unleet undoes the usual replacements of letters.
var unleet = strings.NewReplacer("0", "o", "1", "l", "3", "e", "4", "a", "5", "s", "7", "t", "@", "a", "$", "s", "!", "i")

// minCoreShare: a core counts when it is at least this part, 1/3, of the whole.
const minCoreShare = 3

// core is a password without the digits and signs around its letters.
func core(password string) string { return strings.TrimFunc(password, notLetter) }

func notLetter(r rune) bool { return !unicode.IsLetter(r) }

// shortUnit is the length, in bytes, up to which a repeated text is a common
// password whatever it is.
const shortUnit = 4

// repeated is the shortest text that the password is a repetition of.
func repeated(password string) string {
	// A text is a repetition exactly when it is found in itself, written twice,
	// before its own second beginning.
	if password == "" {
		return ""
	}
	at := strings.Index((password + password)[1:], password)
	return password[:at+1]
}

// isRun reports whether each character follows, or each precedes, the one
// before it.
func isRun(text string) bool {
	const shortest = 4
	runes := []rune(text)
	if len(runes) < shortest {
		return false
	}
	step := runes[1] - runes[0]
	if step != 1 && step != -1 {
		return false
	}
	for i := 1; i < len(runes); i++ {
		if runes[i]-runes[i-1] != step {
			return false
		}
	}
	return true
}
