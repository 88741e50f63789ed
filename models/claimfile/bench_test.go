package claimfile_test

import (
	"bytes"
	"errors"
	"io"
	"os"
	"testing"

	"upstream/models"
	"upstream/models/claimfile"
)

// repeated serves the header of a file once and its rows over and over.
type repeated struct {
	rows      []byte
	rest      []byte
	remaining int
}

func (r *repeated) Read(p []byte) (int, error) {
	if len(r.rest) == 0 {
		if r.remaining == 0 {
			return 0, io.EOF
		}
		r.remaining--
		r.rest = r.rows
	}
	n := copy(p, r.rest)
	r.rest = r.rest[n:]
	return n, nil
}

// BenchmarkReader reads the real claims file again and again: one operation is
// one row, all rules, hash and default groups included.
func BenchmarkReader(b *testing.B) {
	file, err := os.ReadFile(realFile)
	if err != nil {
		b.Fatal(err)
	}
	header, rows, _ := bytes.Cut(file, []byte("\n"))
	groups, err := claimfile.DefaultGroups()
	if err != nil {
		b.Fatal(err)
	}
	src := &repeated{rows: rows, rest: append(header, '\n'), remaining: 1 << 40}
	reader, err := claimfile.NewReader(src, claimfile.Options{Today: models.NewDate(2026, 9, 1), Groups: groups})
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(len(rows) / bytes.Count(rows, []byte("\n"))))
	b.ReportAllocs()
	for b.Loop() {
		if _, rejection, err := reader.Next(); rejection != nil || errors.Is(err, io.EOF) {
			b.Fatal(rejection, err)
		}
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "rows/s")
}
