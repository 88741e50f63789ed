package claimfile

import (
	"errors"
	"fmt"
	"io"

	"github.com/jszwec/csvutil"

	"upstream/models"
)

// Options are what the rules of a row depend on besides the row.
type Options struct {
	// Today is the day after which no claim can have been submitted or decided.
	Today models.Date
	// Payers maps a raw payer name, trimmed and lower-cased, to the name claims
	// are stored under. A name it lacks is stored as it is.
	Payers map[string]string
	// CPTGroups maps a procedure code, exactly as written, to its group.
	CPTGroups map[string]string
	// Groups decides about codes that CPTGroups lacks.
	Groups Groups
}

// Counts is the tally of the rows read so far. Accepted and Rejected add up to
// Rows, the four categories to Rejected.
type Counts struct {
	Rows     int64
	Accepted int64
	Rejected int64
	// Warned counts accepted rows with at least one warning.
	Warned int64

	PHIDetections int64
	MissingFields int64
	InvalidDates  int64
	InvalidValues int64

	// DateMin and DateMax span the submitted and decided dates of accepted rows.
	DateMin Null[models.Date]
	DateMax Null[models.Date]
}

// Reader reads the rows of one claims file. It is not safe for concurrent use.
type Reader struct {
	tally

	scanner *scanner
	decoder *csvutil.Decoder
	checker *checker
	raw     record
	row     Row // here, and not a variable of Next, so that it is not allocated for each row
}

// tally counts rows and what became of them.
type tally struct {
	number int64
	counts Counts
}

// NewReader reads the header of a claims file. The error is a *models.Error with
// code VALIDATION about the whole file, its fields with path "file" and one of
// the codes empty, not_csv, encoding, malformed_header, too_many_columns,
// duplicate_column and missing_column (one field for each column); or a failure
// of src, wrapped. A file of a header alone is good and has no rows.
func NewReader(src io.Reader, opts Options) (*Reader, error) {
	s := newScanner(src)
	columns, err := s.readHeader()
	if err != nil {
		return nil, err
	}
	decoder, err := csvutil.NewDecoder(s, columns...)
	if err != nil {
		return nil, fmt.Errorf("claimfile: %w", err)
	}
	return &Reader{scanner: s, decoder: decoder, checker: newChecker(opts), tally: tally{number: 1}}, nil
}

// Next reads one record. It returns the accepted row; or, for a row that is not
// accepted, a rejection with RowNumber, Column ("" when the record as a whole is
// at fault), Code and Message filled; or an error, io.EOF after the last row and
// otherwise a failure of the source, wrapped. Errors repeat on further calls.
func (r *Reader) Next() (Row, *models.Rejection, error) {
	err := r.decoder.Decode(&r.raw)
	bad, isRecord := errors.AsType[*recordError](err)
	if err != nil && !isRecord {
		return Row{}, nil, err
	}
	r.row = Row{Number: r.next()}
	if isRecord {
		return Row{}, r.reject(invalidValue("", bad.message)), nil
	}
	if p := r.checker.check(&r.raw, &r.row); p != nil {
		return Row{}, r.reject(p), nil
	}
	r.accept(&r.row)
	return r.row, nil, nil
}

// next counts a row and answers with its number.
func (r *tally) next() int64 {
	r.number++
	r.counts.Rows++
	return r.number
}

func (r *tally) reject(p *problem) *models.Rejection {
	r.counts.Rejected++
	switch p.code {
	case models.RejectionPHI:
		r.counts.PHIDetections++
	case models.RejectionMissing:
		r.counts.MissingFields++
	case models.RejectionInvalidDate:
		r.counts.InvalidDates++
	default:
		r.counts.InvalidValues++
	}
	return &models.Rejection{RowNumber: r.number, Column: p.column, Code: p.code, Message: p.message}
}

func (r *tally) accept(row *Row) {
	c := &r.counts
	c.Accepted++
	if len(row.Warnings) > 0 {
		c.Warned++
	}
	// Submitted is never after decided.
	if !c.DateMin.Valid || row.SubmittedDate.Before(c.DateMin.V) {
		c.DateMin = some(row.SubmittedDate)
	}
	if !c.DateMax.Valid || row.DecidedDate.After(c.DateMax.V) {
		c.DateMax = some(row.DecidedDate)
	}
}

// Counts is the tally of the rows Next has returned.
func (r *tally) Counts() Counts { return r.counts }

// BytesRead is how many bytes were taken from the source, for progress; it runs
// ahead of the rows by less than the buffer.
func (r *Reader) BytesRead() int64 { return r.scanner.read }
