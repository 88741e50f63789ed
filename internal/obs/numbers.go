package obs

import "strings"

// fewestDigits is how many digits the shortest number has that is redacted: a
// social security number.
const fewestDigits = 9

// redactNumbers takes out social security, phone and payment card numbers. A
// number counts only when it stands for itself: within an identifier, a
// decimal or a longer number it is left alone.
func redactNumbers(text string) string {
	var out strings.Builder
	copied := 0
	for i := 0; i < len(text); {
		if !isDigit(text[i]) && text[i] != '(' && text[i] != '+' {
			i++
			continue
		}
		length, kind := 0, ""
		if i == 0 || !continues(text[i-1]) {
			length, kind = numberAt(text[i:])
		}
		if length == 0 {
			for i++; i < len(text) && isDigit(text[i]) && isDigit(text[i-1]); { // the rest of a run begins nothing
				i++
			}
			continue
		}
		out.WriteString(text[copied:i])
		out.WriteString(placeholder(kind))
		i += length
		copied = i
	}
	if copied == 0 {
		return text
	}
	out.WriteString(text[copied:])
	return out.String()
}

// continues reports whether a number after c is part of something longer.
func continues(c byte) bool {
	return isDigit(c) || isLetter(c) || c == '_' || c == '-' || c == '.' || c == '+' || c >= 0x80
}

// numberAt is the length and kind of the number that text begins with; 0 when
// it is none of those that are hidden.
func numberAt(text string) (length int, kind string) {
	if n := matches(text, "ddd-dd-dddd"); n > 0 {
		return n, kindSSN
	}
	if n := phoneAt(text); n > 0 {
		return n, kindPhone
	}
	if n := cardAt(text); n > 0 {
		return n, kindCard
	}
	return 0, ""
}

// phoneAt is the length of the US phone number that text begins with, with or
// without the country.
func phoneAt(text string) int {
	if n := matches(text, "+1dddddddddd"); n > 0 {
		return n
	}
	rest, abroad := strings.CutPrefix(text, "+")
	if at(rest, 0) == '1' {
		rest = rest[1:]
		if c := at(rest, 0); c == ' ' || c == '-' || c == '.' {
			rest = rest[1:]
		} else if !abroad {
			return 0
		}
	} else if abroad {
		return 0
	}
	n := max(matches(rest, "ddd?ddd?dddd"), matches(rest, "(ddd) ddd?dddd"), matches(rest, "(ddd)ddd?dddd"))
	if n == 0 {
		return 0
	}
	return len(text) - len(rest) + n
}

// matches is the length of form when text begins with it and then ends what it
// began: d is a digit, ? one of the separators of a phone number.
func matches(text, form string) int {
	if len(text) < len(form) {
		return 0
	}
	for i := range len(form) {
		c := text[i]
		switch form[i] {
		case 'd':
			if !isDigit(c) {
				return 0
			}
		case '?':
			if c != '-' && c != '.' && c != ' ' {
				return 0
			}
		default:
			if c != form[i] {
				return 0
			}
		}
	}
	if !ends(text[len(form):]) {
		return 0
	}
	return len(form)
}

// ends reports whether a number may end before rest.
func ends(rest string) bool {
	if rest == "" {
		return true
	}
	c := rest[0]
	if c == '-' || c == '.' {
		return len(rest) == 1 || !isDigit(rest[1]) && !isLetter(rest[1])
	}
	return !isDigit(c) && !isLetter(c) && c != '_' && c < 0x80
}

// Digits of a payment card.
const (
	shortestCard  = 13
	longestCard   = 19
	shortestGroup = 4
)

// cardAt is the length of the payment card number that text begins with: the
// issuers' first digits, grouped by one kind of separator or not at all, with
// the right check digit. Times since the epoch, which begin with 1, are none.
func cardAt(text string) int {
	if text[0] < '2' || text[0] > '6' {
		return 0
	}
	var digits [longestCard]byte
	var separator byte
	count, group, i := 0, 0, 0
	for ; i < len(text) && count < longestCard; i++ {
		c := text[i]
		if isDigit(c) {
			digits[count] = c - '0'
			count++
			group++
			continue
		}
		if !joins(c, separator) || group < shortestGroup || !isDigit(at(text, i+1)) {
			break
		}
		separator, group = c, 0
	}
	if count < shortestCard || !ends(text[i:]) || !luhn(digits[:count]) {
		return 0
	}
	return i
}

// joins reports whether c may stand between two groups, the first of which was
// followed by separator; 0 when c is the first.
func joins(c, separator byte) bool {
	return (c == ' ' || c == '-') && (separator == 0 || separator == c)
}

// at is a byte of text, 0 beyond its end.
func at(text string, i int) byte {
	if i >= len(text) {
		return 0
	}
	return text[i]
}

// luhn checks the last digit against the others.
func luhn(digits []byte) bool {
	sum := 0
	for i, d := range digits {
		n := int(d)
		if (len(digits)-i)%2 == 0 {
			if n *= 2; n > 9 {
				n -= 9
			}
		}
		sum += n
	}
	return sum%10 == 0
}
