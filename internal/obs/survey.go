package obs

import "strings"

// findings say which patterns could occur in a text. Most lines have none.
type findings struct {
	marks, words, houses bool
	digits               int
}

// stems begin every word that a spoken pattern can begin with, by their first
// letter, a being 0.
var stems = ['z' - 'a' + 1][]string{
	0:  {"access", "api_key", "api-key", "apikey", "authorization"},
	1:  {"bearer", "basic", "birth", "born"},
	2:  {"cookie", "credential"},
	3:  {"dob", "d.o.b", "date of birth"},
	6:  {"guarantor"},
	8:  {"insured"},
	12: {"mrn", "medical record", "member"},
	15: {"passw", "passphrase", "pwd", "patient"},
	17: {"refresh"},
	18: {"ssn", "social security", "secret", "subscriber"},
	19: {"token"},
}

// survey reads a text once.
func survey(text string) findings {
	var s findings
	for i := range len(text) {
		switch c := text[i]; {
		case isDigit(c):
			s.digits++
			s.houses = s.houses || i+2 < len(text) && text[i+1] == ' ' && isUpper(text[i+2])
		case c == '@', c == ':', c == '_', c == '$', c == '"', c == '(':
			s.marks = true
		case c == 'J' && i > 0 && text[i-1] == 'y', c == 'F' && i+1 < len(text) && text[i+1] == 'a': // eyJ, Failing row
			s.marks = true
		case !s.words && isLetter(c) && (i == 0 || isUpper(c) || !isLetter(text[i-1])):
			s.words = beginsStem(text[i:])
		}
	}
	return s
}

func beginsStem(text string) bool {
	for _, stem := range stems[(text[0]|0x20)-'a'] {
		if len(text) >= len(stem) && text[1]|0x20 == stem[1] && strings.EqualFold(text[:len(stem)], stem) {
			return true
		}
	}
	return false
}
