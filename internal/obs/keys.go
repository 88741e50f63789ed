package obs

import "strings"

// Kinds of what is taken out of a log; each is written [REDACTED_<KIND>].
const (
	kindSecret  = "SECRET"
	kindToken   = "TOKEN"
	kindKey     = "KEY"
	kindHash    = "HASH"
	kindValue   = "VALUE"
	kindEmail   = "EMAIL"
	kindSSN     = "SSN"
	kindMRN     = "MRN"
	kindDOB     = "DOB"
	kindPhone   = "PHONE"
	kindCard    = "CARD"
	kindName    = "NAME"
	kindAddress = "ADDRESS"
)

func placeholder(kind string) string { return "[REDACTED_" + kind + "]" }

// hiddenWords are the last words of keys whose values are hidden, and the kind
// of secret they are.
var hiddenWords = map[string]string{
	"password": kindSecret, "passwords": kindSecret, "passwd": kindSecret, "pwd": kindSecret, "passphrase": kindSecret, "pin": kindSecret,
	"otp": kindSecret, "secret": kindSecret, "secrets": kindSecret, "credential": kindSecret, "credentials": kindSecret,
	"authorization": kindSecret, "cookie": kindSecret, "cookies": kindSecret, "session": kindSecret, "refresh": kindSecret,
	"access": kindSecret, "dsn": kindSecret,
	"token": kindToken, "tokens": kindToken, "jwt": kindToken, "bearer": kindToken,
	"key": kindKey, "keys": kindKey, "apikey": kindKey,
	"email": kindEmail, "emails": kindEmail, "mail": kindEmail,
	"ssn": kindSSN, "mrn": kindMRN, "dob": kindDOB, "birthdate": kindDOB, "birthday": kindDOB, "phone": kindPhone,
}

// longestHidden is the length of the longest of them.
const longestHidden = len("authorization")

// hiddenBy is the kind of secret that values under a key are, whatever they
// look like; empty for a key like any other. A key is read word by word, in
// snake_case, kebab-case or camelCase, and its last word says what the value is:
// refresh_token hides it, token_count and key_id do not.
func hiddenBy(key string) string {
	word := lastWord(key)
	if len(word) > longestHidden {
		return ""
	}
	var room [longestHidden]byte
	lower := append(room[:0], word...)
	for i, c := range lower {
		if isUpper(c) {
			lower[i] |= 0x20
		}
	}
	return hiddenWords[string(lower)]
}

// lastWord is what follows the last separator of a key, or the last capital
// letter after a small one.
func lastWord(key string) string {
	if i := strings.LastIndexAny(key, "_-. :/"); i >= 0 {
		key = key[i+1:]
	}
	for i := len(key) - 1; i > 0; i-- {
		if isUpper(key[i]) && !isUpper(key[i-1]) {
			return key[i:]
		}
	}
	return key
}

func isUpper(c byte) bool { return 'A' <= c && c <= 'Z' }
func isDigit(c byte) bool { return '0' <= c && c <= '9' }
func isLetter(c byte) bool {
	c |= 0x20
	return 'a' <= c && c <= 'z'
}
