package store

import (
	"encoding/hex"
	"strconv"

	"github.com/google/uuid"

	"upstream/models"
	"upstream/models/claimfile"
)

// stagingStream is a claims file as the text of COPY: it pulls rows from the
// reader as PostgreSQL takes them, so that a file of any size needs one row of
// memory. After the end, err is io.EOF or what broke the file off.
type stagingStream struct {
	reader  claimRows
	newUUID func() uuid.UUID
	// progress hears how far the reader has come; may be nil.
	progress *progress
	line     []byte
	pending  []byte
	err      error
}

// chunk is how much text is gathered before COPY gets it.
const chunk = 64 << 10

// Read implements io.Reader.
func (s *stagingStream) Read(p []byte) (int, error) {
	if len(s.pending) == 0 {
		s.fill()
	}
	if len(s.pending) == 0 {
		return 0, s.err
	}
	n := copy(p, s.pending)
	s.pending = s.pending[n:]
	return n, nil
}

func (s *stagingStream) fill() {
	s.line = s.line[:0]
	for s.err == nil && len(s.line) < chunk {
		row, rejection, err := s.reader.Next()
		switch {
		case err != nil:
			s.err = err
		case rejection != nil:
			s.line = appendRejection(s.line, rejection)
		default:
			s.line = appendClaim(s.line, &row, s.newUUID())
		}
	}
	s.pending = s.line
	s.progress.note(s.reader.Counts().Rows, s.reader.BytesRead())
}

// claimColumns is how many columns of the staging table a rejection leaves null.
const claimColumns = 24

func appendRejection(b []byte, r *models.Rejection) []byte {
	b = strconv.AppendInt(b, r.RowNumber, 10)
	b = appendCopyText(append(b, '\t'), r.Column)
	b = appendCopyText(append(b, '\t'), string(r.Code))
	b = appendCopyText(append(b, '\t'), r.Message)
	for range claimColumns {
		b = append(b, "\t\\N"...)
	}
	return append(b, '\n')
}

func appendClaim(b []byte, r *claimfile.Row, id uuid.UUID) []byte {
	b = strconv.AppendInt(b, r.Number, 10)
	b = append(b, "\t\\N\t\\N\t\\N\t"...)
	b = append(b, id.String()...)
	b = appendNullable(append(b, '\t'), r.ClaimNumber)
	b = strconv.AppendInt(append(b, '\t'), int64(r.LineNumber), 10)
	b = appendCopyText(append(b, '\t'), r.Payer)
	b = appendCopyText(append(b, '\t'), r.CPT)
	b = appendCopyText(append(b, '\t'), r.CPTGroup)
	b = r.SubmittedDate.Time().AppendFormat(append(b, '\t'), models.DateLayout)
	b = r.DecidedDate.Time().AppendFormat(append(b, '\t'), models.DateLayout)
	b = append(append(b, '\t'), r.Outcome...)
	b = appendCents(b, r.BilledAmount)
	b = appendCents(b, r.AllowedAmount)
	b = appendCents(b, r.PaidAmount)
	b = appendNullable(append(b, '\t'), r.DenialReasonCode)
	b = appendNullable(append(b, '\t'), r.DenialReasonText)
	if r.PaymentDate.Valid {
		b = r.PaymentDate.V.Time().AppendFormat(append(b, '\t'), models.DateLayout)
	} else {
		b = append(b, "\t\\N"...)
	}
	b = strconv.AppendBool(append(b, '\t'), r.AuthorizationRequired)
	b = strconv.AppendBool(append(b, '\t'), r.AuthorizationObtained)
	b = appendNullable(append(b, '\t'), r.AuthorizationNumber)
	b = appendArray(append(b, '\t'), r.ModifierCodes)
	b = appendArray(append(b, '\t'), r.DiagnosisCodes)
	b = strconv.AppendInt(append(b, '\t'), int64(r.ProcedureCount), 10)
	b = strconv.AppendFloat(append(b, '\t'), r.DataQualityScore, 'g', -1, 64)
	b = append(b, "\t\\\\x"...)
	b = hex.AppendEncode(b, r.SourceHash[:])
	b = strconv.AppendBool(append(b, '\t'), len(r.Warnings) > 0)
	return append(b, '\n')
}

func appendCents(b []byte, amount claimfile.Null[claimfile.Cents]) []byte {
	if !amount.Valid {
		return append(b, "\t\\N"...)
	}
	return amount.V.Append(append(b, '\t'))
}

// appendNullable writes NULL for text the file left empty.
func appendNullable(b []byte, text string) []byte {
	if text == "" {
		return append(b, `\N`...)
	}
	return appendCopyText(b, text)
}

// appendCopyText escapes what means something to COPY.
func appendCopyText(b []byte, text string) []byte {
	for i := range len(text) {
		switch c := text[i]; c {
		case '\\':
			b = append(b, `\\`...)
		case '\t':
			b = append(b, `\t`...)
		case '\n':
			b = append(b, `\n`...)
		case '\r':
			b = append(b, `\r`...)
		default:
			b = append(b, c)
		}
	}
	return b
}

// appendArray writes an array literal; quotes and backslashes are escaped once
// for the array and once for COPY.
func appendArray(b []byte, items []string) []byte {
	b = append(b, '{')
	for i, item := range items {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, '"')
		for j := range len(item) {
			if item[j] == '"' || item[j] == '\\' {
				b = append(b, `\\`...)
			}
			b = appendCopyText(b, item[j:j+1])
		}
		b = append(b, '"')
	}
	return append(b, '}')
}
