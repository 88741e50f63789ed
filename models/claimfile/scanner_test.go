package claimfile

import (
	"bytes"
	"encoding/csv"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// scanAll reads every record of text, which all have width cells.
func scanAll(src io.Reader, comma, eol byte, width int) (records [][]string, bad int, err error) {
	s := newScanner(src)
	s.comma, s.eol, s.width = comma, eol, width
	for {
		fields, err := s.Read()
		if _, isRecord := errors.AsType[*recordError](err); isRecord {
			bad++
			continue
		}
		if errors.Is(err, io.EOF) {
			return records, bad, nil
		}
		if err != nil {
			return records, bad, err
		}
		records = append(records, append([]string(nil), fields...))
	}
}

// TestScannerReadsWhatTheStandardWriterWrites compares with encoding/csv.
func TestScannerReadsWhatTheStandardWriterWrites(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		width := rapid.IntRange(2, 6).Draw(t, "width")
		cell := rapid.StringOf(rapid.SampledFrom([]rune("ab,;\"\n \té|1")))
		want := rapid.SliceOfN(rapid.SliceOfN(cell, width, width), 1, 20).Draw(t, "records")
		comma := rapid.SampledFrom([]byte(separators)).Draw(t, "comma")
		crlf := rapid.Bool().Draw(t, "crlf")
		var b bytes.Buffer
		w := csv.NewWriter(&b)
		w.Comma, w.UseCRLF = rune(comma), crlf
		if err := w.WriteAll(want); err != nil {
			t.Fatal(err)
		}
		var src io.Reader = &b
		if rapid.Bool().Draw(t, "one byte at a time") {
			src = iotest.OneByteReader(src)
		}
		got, bad, err := scanAll(src, comma, '\n', width)
		if err != nil || bad > 0 {
			t.Fatalf("%d bad records, error %v", bad, err)
		}
		for _, record := range got {
			for i := range record {
				record[i] = strings.ReplaceAll(record[i], "\r\n", "\n")
			}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("records (-want +got):\n%s", diff)
		}
	})
}

// FuzzScannerAgainstStandard: what encoding/csv reads without complaint, the
// scanner reads the same.
func FuzzScannerAgainstStandard(f *testing.F) {
	f.Add("a,b\nc,d\n")
	f.Add("\"a\"\"b\",\"c\nd\"\r\ne,f")
	f.Add("\n\na,\"\"\n\"\",b\n")
	f.Fuzz(func(t *testing.T, text string) {
		if strings.ContainsAny(text, "\r\x00") || len(text) > maxRecordBytes {
			t.Skip("the standard reader treats carriage returns and NUL differently, on purpose")
		}
		std := csv.NewReader(strings.NewReader(text))
		want, err := std.ReadAll()
		got, bad, scanErr := scanAll(strings.NewReader(text), ',', '\n', max(std.FieldsPerRecord, 1))
		if scanErr != nil {
			t.Fatal(scanErr)
		}
		if err != nil || std.FieldsPerRecord < 2 || bad > 0 && strings.ToValidUTF8(text, "") != text {
			return
		}
		if diff := cmp.Diff(want, got); diff != "" || bad > 0 {
			t.Fatalf("%d bad records (-want +got):\n%s", bad, diff)
		}
	})
}

// TestScannerAlwaysAdvances counts the bytes that hostile quoting makes the
// scanner look at: a quadratic scanner would not end.
func TestScannerAlwaysAdvances(t *testing.T) {
	t.Parallel()
	for name, line := range map[string]string{
		"odd quotes":    "\"a,b\n",
		"three quotes":  "\"\"\",b\n",
		"bare quotes":   "a\"\"b,c\n",
		"empty quotes":  "\"\",\"\"\n",
		"quote at ends": "\"a,b\"\n",
	} {
		records, bad, err := scanAll(strings.NewReader(strings.Repeat(line, 200_000)), ',', '\n', 2)
		if err != nil || len(records)+bad == 0 || len(records)+bad > 200_000 {
			t.Errorf("%s: %d records, %d bad, error %v", name, len(records), bad, err)
		}
	}
}

func TestScannerBufferStaysSmall(t *testing.T) {
	t.Parallel()
	line := strings.Repeat("x", maxRecordBytes-3) + ",y\n"
	s := newScanner(strings.NewReader(strings.Repeat(line, 8)))
	s.width = 2
	for range 8 {
		fields, err := s.Read()
		if err != nil || len(fields[0]) != maxRecordBytes-3 || fields[1] != "y" {
			t.Fatalf("a record of exactly the limit: %v", err)
		}
	}
	if len(s.buf) > 4*maxRecordBytes {
		t.Errorf("the buffer has %d bytes", len(s.buf))
	}
}
