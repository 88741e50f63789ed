package claimfile

import (
	"bytes"
	"fmt"
	"io"
	"unicode/utf8"
)

const (
	// maxRecordBytes bounds one record, and with it the memory of a scanner.
	maxRecordBytes = 1 << 20
	startBuffer    = 64 << 10
	maxEmptyReads  = 100
)

// lineState is what a search for the end of a line came to.
type lineState int

const (
	lineWhole lineState = iota
	lineTooLong
	lineNone // nothing left to read
)

// scanner cuts a byte stream into CSV records (RFC 4180 quoting). It holds at
// most about two records of maxRecordBytes, and always makes progress: a record
// it cannot read costs one text line.
type scanner struct {
	src io.Reader
	// The unread bytes are buf[start:end].
	buf        []byte
	start, end int
	// err is why src ended, io.EOF included.
	err  error
	read int64

	comma, eol byte
	// width is how many cells a record has; more are counted but not kept.
	width int

	fields []string
	text   []byte // cells of a quoted record, unquoted and concatenated
	ends   []int  // where each cell ends in text
}

func newScanner(src io.Reader) *scanner {
	return &scanner{src: src, buf: make([]byte, startBuffer), comma: ',', eol: '\n'}
}

// Read returns the next record, which must have width cells; the slice is valid
// until the next call, its strings for good. The error is io.EOF, a
// *recordError about this record alone, or a failure of the source.
func (s *scanner) Read() ([]string, error) {
	if err := s.skipBlank(); err != nil {
		return nil, err
	}
	n, count, err := s.parse()
	if n < 0 {
		s.skipLine()
	} else {
		s.start += n
	}
	if err == nil && count != s.width {
		err = wrongFieldCount(count, s.width)
	}
	return s.fields, err
}

// parse reads the record at the start of the unread bytes into fields, without
// consuming it. It returns the bytes to consume (-1: the rest of an over-long
// line) and the number of cells, which may be more than fields keeps.
func (s *scanner) parse() (n, count int, err error) {
	n, state := s.lineEnd(0)
	if state == lineTooLong {
		return -1, 0, &recordError{msgTooLong}
	}
	if state == lineNone {
		return 0, 0, s.failure()
	}
	line := s.buf[s.start : s.start+n]
	if bytes.IndexByte(line, '"') >= 0 {
		return s.parseQuoted(n)
	}
	if err := checkText(line); err != nil {
		return n, 0, err
	}
	return n, s.splitPlain(string(line[:s.bodyLen(line)])), nil
}

// splitPlain splits a record without quotes.
func (s *scanner) splitPlain(body string) int {
	s.fields = s.fields[:0]
	count, from := 1, 0
	for i := range len(body) {
		if body[i] == s.comma {
			s.keep(body[from:i])
			from = i + 1
			count++
		}
	}
	s.keep(body[from:])
	return count
}

func (s *scanner) keep(field string) {
	if len(s.fields) < s.width {
		s.fields = append(s.fields, field)
	}
}

// parseQuoted is parse for a record whose first line has n bytes and a quote.
// On any error only that line is to be consumed.
func (s *scanner) parseQuoted(n int) (consumed, count int, err error) {
	q := quotedRecord{scanner: s, length: n, body: s.bodyLen(s.buf[s.start : s.start+n])}
	s.text, s.ends = s.text[:0], s.ends[:0]
	for {
		if err := q.field(); err != nil {
			return n, 0, err
		}
		count++
		if len(s.ends) < s.width {
			s.ends = append(s.ends, len(s.text))
		}
		if q.pos == q.body {
			break
		}
		q.pos++ // the separator
	}
	if err := checkText(s.buf[s.start : s.start+q.length]); err != nil {
		return q.length, 0, err
	}
	text, from := string(s.text), 0
	s.fields = s.fields[:0]
	for _, end := range s.ends {
		s.fields = append(s.fields, text[from:end])
		from = end
	}
	return q.length, count, nil
}

// quotedRecord is the state of parsing a record that may span text lines.
// Positions count from the scanner's start, which reading more may move.
type quotedRecord struct {
	*scanner
	pos, length int
	// body is length without the line end.
	body int
}

// field appends the cell at pos to text and leaves pos at the separator behind
// it, or at body.
func (q *quotedRecord) field() error {
	rest := q.buf[q.start+q.pos : q.start+q.body]
	if len(rest) > 0 && rest[0] == '"' {
		return q.quotedField()
	}
	if i := bytes.IndexByte(rest, q.comma); i >= 0 {
		rest = rest[:i]
	}
	if bytes.IndexByte(rest, '"') >= 0 {
		return &recordError{msgQuotes}
	}
	q.text = append(q.text, rest...)
	q.pos += len(rest)
	return nil
}

func (q *quotedRecord) quotedField() error {
	q.pos++
	for {
		rest := q.buf[q.start+q.pos : q.start+q.length]
		i := bytes.IndexByte(rest, '"')
		if i < 0 {
			q.text = append(q.text, rest...)
			q.pos = q.length
			if err := q.nextLine(); err != nil {
				return err
			}
			continue
		}
		q.text = append(q.text, rest[:i]...)
		q.pos += i + 1
		if i+1 >= len(rest) || rest[i+1] != '"' {
			return q.closed()
		}
		q.text = append(q.text, '"')
		q.pos++
	}
}

// closed checks that a closing quote is followed by a separator or the end.
func (q *quotedRecord) closed() error {
	if q.pos == q.body || q.pos < q.body && q.buf[q.start+q.pos] == q.comma {
		return nil
	}
	return &recordError{msgQuotes}
}

// nextLine extends the record by the text line behind it.
func (q *quotedRecord) nextLine() error {
	length, state := q.lineEnd(q.length)
	switch state {
	case lineTooLong:
		return &recordError{msgTooLong}
	case lineNone:
		if !q.ended() {
			return q.failure()
		}
		return &recordError{msgQuotes}
	case lineWhole:
	}
	q.length = length
	q.body = q.bodyLen(q.buf[q.start : q.start+length])
	return nil
}

// checkText refuses bytes that are no text.
func checkText(record []byte) error {
	if bytes.IndexByte(record, 0) >= 0 {
		return &recordError{msgNUL}
	}
	if !utf8.Valid(record) {
		return &recordError{msgUTF8}
	}
	return nil
}

// bodyLen is the length of a line without its end, which may be CR CR LF too.
func (s *scanner) bodyLen(line []byte) int {
	n := len(line)
	if n > 0 && line[n-1] == s.eol {
		n--
	}
	for s.eol == '\n' && n > 0 && line[n-1] == '\r' {
		n--
	}
	return n
}

// skipBlank consumes lines of nothing but spaces.
func (s *scanner) skipBlank() error {
	for {
		if s.start == s.end && !s.more() {
			return s.failure()
		}
		if c := s.buf[s.start]; c > ' ' {
			return nil
		}
		n, state := s.lineEnd(0)
		if state == lineNone {
			return s.failure()
		}
		line := s.buf[s.start : s.start+n]
		if state == lineTooLong || bytes.IndexByte(line, s.comma) >= 0 || len(bytes.TrimSpace(line)) > 0 {
			return nil
		}
		s.start += n
	}
}

// skipLine drops everything up to the next line end without keeping it.
func (s *scanner) skipLine() {
	for {
		if i := bytes.IndexByte(s.buf[s.start:s.end], s.eol); i >= 0 {
			s.start += i + 1
			return
		}
		s.start = s.end
		if !s.more() {
			return
		}
	}
}

// lineEnd finds the end, line end included, of the line that begins from bytes
// behind start. A source that fails in the middle of a line has no line there.
func (s *scanner) lineEnd(from int) (int, lineState) {
	searched := from
	for {
		if i := bytes.IndexByte(s.buf[s.start+searched:s.end], s.eol); i >= 0 {
			return withinLimit(searched + i + 1)
		}
		searched = s.end - s.start
		if searched > maxRecordBytes {
			return searched, lineTooLong
		}
		if s.more() {
			continue
		}
		if !s.ended() || searched == from {
			return searched, lineNone
		}
		return withinLimit(searched)
	}
}

func withinLimit(length int) (int, lineState) {
	if length > maxRecordBytes {
		return length, lineTooLong
	}
	return length, lineWhole
}

// more reads at least one more byte; false when the source has ended.
func (s *scanner) more() bool {
	if s.err != nil {
		return false
	}
	s.makeRoom()
	for range maxEmptyReads {
		n, err := s.src.Read(s.buf[s.end:])
		s.end += n
		s.read += int64(n)
		s.err = err
		if n > 0 || err != nil {
			return n > 0
		}
	}
	s.err = io.ErrNoProgress
	return false
}

// makeRoom leaves space behind the unread bytes: by moving them to the front
// when they are few, else by doubling the buffer, so that no byte moves often.
func (s *scanner) makeRoom() {
	if s.end < len(s.buf) {
		return
	}
	unread := s.buf[s.start:s.end]
	if len(unread) > len(s.buf)/2 {
		s.buf = make([]byte, 2*len(s.buf))
	}
	s.end = copy(s.buf, unread)
	s.start = 0
}

// ended reports whether the source is at its end. A source that wraps io.EOF
// broke off: taking that for the end would accept half a file.
func (s *scanner) ended() bool { return s.err == io.EOF } //nolint:errorlint // see above

// failure is io.EOF or the source's error.
func (s *scanner) failure() error {
	if s.ended() {
		return io.EOF
	}
	return fmt.Errorf("claimfile: reading the file: %w", s.err)
}
