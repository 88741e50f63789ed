package claimfile

import (
	"bytes"
	"cmp"
	"errors"
	"io"
	"slices"
	"strings"

	"upstream/models"
)

// maxColumns bounds a header.
const maxColumns = 1000

// byteOrderMark is UTF-8's; spreadsheets like to write it.
const byteOrderMark = "\xef\xbb\xbf"

// separators are tried in this order; the first that names the most required
// columns wins.
const separators = ",;\t|"

// signatures tell the files people send by mistake from text.
var signatures = [...]struct{ prefix, what string }{
	{"PK\x03\x04", "an Excel workbook or ZIP archive"},
	{"PK\x05\x06", "an empty ZIP archive"},
	{"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an old Excel workbook"},
	{"%PDF-", "a PDF document"},
	{"\x1f\x8b", "a gzip archive"},
	{"7z\xbc\xaf\x27\x1c", "a 7-Zip archive"},
	{"PAR1", "a Parquet file"},
}

// fileError is a problem of the whole file: a sentence for people and the same
// as a field error that completes "file ...".
func fileError(code, fragment string) error {
	return &models.Error{
		Code:    models.CodeValidation,
		Message: "The file " + fragment + ".",
		Fields:  []models.FieldError{{Path: "file", Code: code, Message: fragment}},
	}
}

// readHeader finds out the dialect of the file, consumes its header and returns
// the normalised column names.
func (s *scanner) readHeader() ([]string, error) {
	if err := s.sniff(); err != nil {
		return nil, err
	}
	if err := s.skipBlank(); err != nil {
		if errors.Is(err, io.EOF) {
			return nil, fileError("empty", "is empty")
		}
		return nil, err
	}
	s.width = maxColumns + 1
	header, err := s.bestHeader()
	if err != nil {
		return nil, err
	}
	s.start += header.length
	s.comma = header.comma
	s.width = len(header.names)
	return header.names, checkHeader(header.names)
}

// sniff looks at the first bytes: it refuses what is no text, drops the
// byte-order mark and decides the line end.
func (s *scanner) sniff() error {
	for s.end-s.start < startBuffer {
		if !s.more() {
			break
		}
	}
	if s.err != nil && !s.ended() {
		return s.failure()
	}
	if bytes.HasPrefix(s.buf[s.start:s.end], []byte(byteOrderMark)) {
		s.start += len(byteOrderMark)
	}
	text := s.buf[s.start:s.end]
	if err := refuseBinary(text); err != nil {
		return err
	}
	s.eol = lineEnding(text)
	return nil
}

// refuseBinary refuses known binary formats, and NUL bytes in the first line.
func refuseBinary(text []byte) error {
	for _, s := range signatures {
		if bytes.HasPrefix(text, []byte(s.prefix)) {
			return fileError("not_csv", "must be a CSV file, but this is "+s.what)
		}
	}
	if bytes.HasPrefix(text, []byte("\xff\xfe")) || bytes.HasPrefix(text, []byte("\xfe\xff")) {
		return fileError("encoding", "must be UTF-8 text, but this is UTF-16: save it as CSV UTF-8")
	}
	firstLine := text
	if i := bytes.IndexAny(text, "\r\n"); i >= 0 {
		firstLine = text[:i]
	}
	if bytes.IndexByte(firstLine, 0) >= 0 {
		return fileError("not_csv", "must be a CSV file, but this is binary data")
	}
	return nil
}

// lineEnding is '\r' when the first line outside quotes ends in a lone CR, as
// old Macintosh programs write, else '\n' (which a CR may precede).
func lineEnding(text []byte) byte {
	text = bytes.TrimLeft(text, " \r\n")
	quoted := false
	for i, c := range text {
		switch {
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '\n':
			return '\n'
		case c == '\r':
			after := bytes.TrimLeft(text[i:], "\r")
			if len(after) > 0 && after[0] != '\n' {
				return '\r'
			}
			return '\n'
		}
	}
	return '\n'
}

// header is the first record, read with one of the separators.
type header struct {
	names    []string
	comma    byte
	length   int
	required int
}

// bestHeader reads the header with each separator and keeps the best result.
func (s *scanner) bestHeader() (header, error) {
	var best header
	var failed error
	for _, comma := range []byte(separators) {
		s.comma = comma
		length, _, err := s.parse()
		if err != nil {
			failed = cmp.Or(failed, err)
			continue
		}
		names := normalise(s.fields)
		found := requiredColumns - len(missingColumns(names))
		if best.names == nil || found > best.required {
			best = header{names: names, comma: comma, length: length, required: found}
		}
	}
	if best.names == nil {
		return header{}, headerError(failed)
	}
	return best, nil
}

// headerError turns why the header could not be read into a whole-file error.
func headerError(err error) error {
	bad, isRecord := errors.AsType[*recordError](err)
	if !isRecord {
		return err
	}
	switch bad.message {
	case msgUTF8:
		return fileError("encoding", "must be UTF-8 text, but its header line is not: save it as CSV UTF-8")
	case msgNUL:
		return fileError("not_csv", "must be a CSV file, but this is binary data")
	default:
		return fileError("malformed_header", "has a header line that "+bad.message)
	}
}

// normalise trims and lower-cases column names.
func normalise(fields []string) []string {
	names := make([]string, len(fields))
	for i, f := range fields {
		names[i] = strings.ToLower(strings.TrimSpace(f))
	}
	return names
}

// missingColumns lists the required columns that names lacks.
func missingColumns(names []string) []string {
	var missing []string
	for _, column := range knownColumns[:requiredColumns] {
		if !slices.Contains(names, column) {
			missing = append(missing, column)
		}
	}
	return missing
}

// checkHeader refuses a header with too many, repeated or missing columns. It
// names known columns only: what stands in the others may be anything.
func checkHeader(names []string) error {
	if len(names) > maxColumns {
		return fileError("too_many_columns", "must have at most 1000 columns")
	}
	if repeated := repeatedColumns(names); len(repeated) > 0 {
		return columnsError("duplicate_column", "names a column more than once", repeated)
	}
	missing := missingColumns(names)
	if len(missing) == requiredColumns {
		return columnsError("missing_column", "has no header line, which must name the required columns", missing)
	}
	if len(missing) > 0 {
		return columnsError("missing_column", "lacks required columns", missing)
	}
	return nil
}

func repeatedColumns(names []string) []string {
	var repeated []string
	for _, column := range knownColumns {
		first := slices.Index(names, column)
		if first >= 0 && slices.Contains(names[first+1:], column) {
			repeated = append(repeated, column)
		}
	}
	return repeated
}

// columnsError has one sentence that names all columns and a field error each.
func columnsError(code, fragment string, columns []string) error {
	e := models.NewError(models.CodeValidation, "The file %s: %s.", fragment, strings.Join(columns, ", "))
	message := "lacks the required column "
	if code == "duplicate_column" {
		message = "names more than once the column "
	}
	for _, column := range columns {
		e.Fields = append(e.Fields, models.FieldError{Path: "file", Code: code, Message: message + column})
	}
	return e
}
