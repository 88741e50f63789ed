package obs

import "strings"

// longestShape is how many bytes of a statement are logged.
const longestShape = 2000

// shapeOf is a statement without its values: each becomes a question mark, and
// a list of them one. What is written into a statement may be about a patient.
func shapeOf(sql string) string {
	var out strings.Builder
	for i := 0; i < len(sql) && out.Len() < longestShape; {
		n := valueAt(sql, i)
		switch {
		case n > 0:
			writeValue(&out)
			i += n
		case strings.HasPrefix(sql[i:], "--"):
			i += len(sql[i:][:lineEnd(sql[i:])])
		case sql[i] == '"':
			end := i + 1 + quoted(sql[i+1:], '"')
			out.WriteString(sql[i:end])
			i = end
		case isSpace(sql[i]):
			if text := out.String(); text != "" && text[len(text)-1] != ' ' {
				out.WriteByte(' ')
			}
			i++
		default:
			out.WriteByte(sql[i])
			i++
		}
	}
	text := strings.TrimSpace(out.String())
	return text[:min(len(text), longestShape)]
}

// writeValue writes a mark, unless a list of them has one already.
func writeValue(out *strings.Builder) {
	text := strings.TrimRight(out.String(), " ")
	if strings.HasSuffix(text, "?,") {
		kept := strings.TrimSuffix(text, ",")
		out.Reset()
		out.WriteString(kept)
		return
	}
	out.WriteByte('?')
}

// valueAt is the length of the literal that stands at i; 0 when none does.
func valueAt(sql string, i int) int {
	c := sql[i]
	inWord := i > 0 && (isWord(sql[i-1]) || sql[i-1] == '$')
	switch {
	case c == '\'':
		return 1 + quoted(sql[i+1:], '\'')
	case inWord:
		return 0
	case (c == 'E' || c == 'e') && i+1 < len(sql) && sql[i+1] == '\'':
		return 2 + escaped(sql[i+2:])
	case c == '$':
		return dollarQuoted(sql[i:])
	case isDigit(c):
		return number(sql[i:])
	}
	return 0
}

// quoted is how far it is behind the closing quote, which is doubled where it is
// meant.
func quoted(text string, quote byte) int {
	for i := 0; i < len(text); i++ {
		if text[i] != quote {
			continue
		}
		if i+1 == len(text) || text[i+1] != quote {
			return i + 1
		}
		i++
	}
	return len(text)
}

// escaped is as quoted, where a backslash takes the next character's meaning.
func escaped(text string) int {
	for i := 0; i < len(text); i++ {
		switch {
		case text[i] == '\\':
			i++
		case text[i] == '\'' && i+1 < len(text) && text[i+1] == '\'':
			i++
		case text[i] == '\'':
			return i + 1
		}
	}
	return len(text)
}

func dollarQuoted(text string) int {
	end := strings.IndexByte(text[1:], '$')
	if end < 0 {
		return 0
	}
	tag := text[:end+2]
	for _, c := range []byte(tag[1 : len(tag)-1]) {
		if !isWord(c) {
			return 0
		}
	}
	if len(tag) > 2 && isDigit(tag[1]) {
		return 0 // a parameter
	}
	rest := strings.Index(text[len(tag):], tag)
	if rest < 0 {
		return len(text)
	}
	return rest + 2*len(tag)
}

func number(text string) int {
	n := 0
	for n < len(text) && (isDigit(text[n]) || text[n] == '.' || isLetter(text[n])) {
		n++
	}
	return n
}

func lineEnd(text string) int {
	if end := strings.IndexByte(text, '\n'); end >= 0 {
		return end
	}
	return len(text)
}

func isWord(c byte) bool { return isDigit(c) || isLetter(c) || c == '_' || c >= 0x80 }

func isSpace(c byte) bool { return c == ' ' || c == '\n' || c == '\t' || c == '\r' }
