package drift

import (
	"regexp"
	"strings"
)

// AuthDenialCodePattern matches an upper-cased denial reason code that means a
// missing or invalid authorisation: one of the claim adjustment reason codes
// (CARC) 15, 197, 198, 210, 243, 284, 296, 302, bare or after its group code
// ("CO-197", "PR197"), or any code that contains AUTH. It reads the same in
// Go's RE2 and in PostgreSQL's ~ operator.
const AuthDenialCodePattern = `^(?:[A-Z]{2}[- ]?)?0*(?:15|197|198|210|243|284|296|302)$|AUTH`

var authDenialCode = regexp.MustCompile(AuthDenialCodePattern)

// IsAuthDenial reports whether a denied claim was denied for want of an
// authorisation, by its reason code or its reason text. Either may be empty.
func IsAuthDenial(code, text string) bool {
	return authDenialCode.MatchString(strings.ToUpper(code)) ||
		strings.Contains(strings.ToLower(text), "authorization")
}
