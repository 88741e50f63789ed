package claimfile

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"strconv"
	"strings"
	"unicode/utf8"

	"upstream/models"
)

// MaxBatchRows is how many rows one batch may have.
const MaxBatchRows = 10_000

// BatchFormat is how the rows of a batch are written down.
type BatchFormat int

// The formats: one JSON array, or one JSON object on each line.
const (
	BatchJSON BatchFormat = iota
	BatchNDJSON
)

// What is wrong with a row of a batch as JSON.
const (
	msgNoObject   = "must be a JSON object"
	msgMember     = "has a member that is no column of a claims file"
	msgTwice      = "has a member twice"
	msgCell       = "must be text, a number, true, false or null"
	msgTextCell   = "must be text or null"
	msgNumberCell = "must be text, a number or null"
	msgBoolCell   = "must be text, true, false or null"
	msgListCell   = "must be a list of texts, or text"
	msgListSplit  = "must list codes without spaces, commas, semicolons and vertical bars"
)

// ErrBatchSyntax is the error for text that is not JSON at all.
var ErrBatchSyntax = errors.New("claimfile: the batch is not valid JSON")

// SplitBatch cuts a batch into its rows without looking into them. The error is
// ErrBatchSyntax, or VALIDATION with the path "claims" for a batch that is
// no list, has no row or more than MaxBatchRows.
func SplitBatch(content []byte, format BatchFormat) ([]json.RawMessage, error) {
	if !utf8.Valid(content) {
		return nil, ErrBatchSyntax
	}
	var rows []json.RawMessage
	var err error
	if format == BatchNDJSON {
		rows = splitLines(content)
	} else {
		rows, err = splitArray(content)
	}
	switch {
	case err != nil:
		return nil, err
	case len(rows) == 0:
		return nil, models.InvalidField("claims", "required", "must have at least one row")
	case len(rows) > MaxBatchRows:
		return nil, models.InvalidField("claims", "too_many", "must have at most %d rows", MaxBatchRows)
	}
	return rows, nil
}

// splitLines cuts at line ends. Lines of nothing but spaces are no rows.
func splitLines(content []byte) []json.RawMessage {
	var rows []json.RawMessage
	for line := range bytes.SplitSeq(content, []byte("\n")) {
		if line = bytes.TrimSpace(line); len(line) > 0 && len(rows) <= MaxBatchRows {
			rows = append(rows, line)
		}
	}
	return rows
}

func splitArray(content []byte) ([]json.RawMessage, error) {
	if !json.Valid(content) {
		return nil, ErrBatchSyntax
	}
	decoder := json.NewDecoder(bytes.NewReader(content))
	if start, err := decoder.Token(); err != nil || start != json.Delim('[') {
		return nil, models.InvalidField("claims", "invalid", "must be a JSON array of objects")
	}
	var rows []json.RawMessage
	for decoder.More() && len(rows) <= MaxBatchRows {
		var row json.RawMessage
		if err := decoder.Decode(&row); err != nil {
			return nil, ErrBatchSyntax
		}
		rows = append(rows, row)
	}
	return rows, nil
}

// Batch reads the rows of a batch by the rules of a claims file. Rows are
// numbered from 1. It is not safe for concurrent use.
type Batch struct {
	tally

	rows    []json.RawMessage
	checker *checker
	read    int64
}

// NewBatch is a batch of rows that SplitBatch has cut: JSON objects whose
// members are the columns of a claims file. A member may be left out or null
// where a cell may be empty. Amounts and counts may be numbers, yes and no true
// and false, and lists of codes arrays.
func NewBatch(rows []json.RawMessage, opts Options) *Batch {
	return &Batch{rows: rows, checker: newChecker(opts)}
}

// Next is [Reader.Next] for a batch.
func (b *Batch) Next() (Row, *models.Rejection, error) {
	if len(b.rows) == 0 {
		return Row{}, nil, io.EOF
	}
	text := b.rows[0]
	b.rows = b.rows[1:]
	b.read += int64(len(text))
	number := b.next()
	rec, p := recordOf(text)
	row := Row{Number: number}
	if p == nil {
		p = b.checker.check(&rec, &row)
	}
	if p != nil {
		return Row{}, b.reject(p), nil
	}
	b.accept(&row)
	return row, nil, nil
}

// BytesRead is how many bytes of rows were read.
func (b *Batch) BytesRead() int64 { return b.read }

// recordOf reads the members of one object into the cells of a row.
func recordOf(text json.RawMessage) (rec record, p *problem) {
	decoder := json.NewDecoder(bytes.NewReader(text))
	if start, err := decoder.Token(); err != nil || start != json.Delim('{') || !json.Valid(text) {
		return rec, invalidValue("", msgNoObject)
	}
	seen := map[string]bool{}
	for decoder.More() {
		name, _ := decoder.Token() // valid JSON, as was just seen
		var value json.RawMessage
		if err := decoder.Decode(&value); err != nil {
			return rec, invalidValue("", msgNoObject)
		}
		column, _ := name.(string)
		cell, kind := rec.cell(column)
		switch {
		case cell == nil: // its name may be anything, and is not repeated
			return rec, invalidValue("", msgMember)
		case seen[column]:
			return rec, invalidValue(column, msgTwice)
		}
		seen[column] = true
		message := ""
		if *cell, message = kind.text(value); message != "" {
			return rec, invalidValue(column, message)
		}
	}
	return rec, nil
}

// cellKind is which JSON values a column takes beside text and null.
type cellKind int

const (
	textCell cellKind = iota
	numberCell
	boolCell
	listCell
)

// cell is where a column of a row is, nil for none.
func (r *record) cell(column string) (*string, cellKind) {
	switch column {
	case "payer":
		return &r.Payer, textCell
	case "cpt":
		return &r.CPT, textCell
	case "submitted_date":
		return &r.SubmittedDate, textCell
	case "decided_date":
		return &r.DecidedDate, textCell
	case "outcome":
		return &r.Outcome, textCell
	case "claim_number":
		return &r.ClaimNumber, textCell
	case "payment_date":
		return &r.PaymentDate, textCell
	case "denial_reason_code":
		return &r.DenialReasonCode, textCell
	case "denial_reason_text":
		return &r.DenialReasonText, textCell
	case "authorization_number":
		return &r.AuthorizationNumber, textCell
	default:
		return r.typedCell(column)
	}
}

func (r *record) typedCell(column string) (*string, cellKind) {
	switch column {
	case "line_number":
		return &r.LineNumber, numberCell
	case "billed_amount":
		return &r.BilledAmount, numberCell
	case "allowed_amount":
		return &r.AllowedAmount, numberCell
	case "paid_amount":
		return &r.PaidAmount, numberCell
	case "procedure_count":
		return &r.ProcedureCount, numberCell
	case "authorization_required":
		return &r.AuthorizationRequired, boolCell
	case "authorization_obtained":
		return &r.AuthorizationObtained, boolCell
	case "modifier_codes":
		return &r.ModifierCodes, listCell
	case "diagnosis_codes":
		return &r.DiagnosisCodes, listCell
	default:
		return nil, textCell
	}
}

// text is what a cell of a CSV file would hold. The message is empty when the
// value is of a kind that the column takes.
func (k cellKind) text(value json.RawMessage) (text, message string) {
	value = bytes.TrimSpace(value)
	switch {
	case string(value) == "null":
		return "", ""
	case value[0] == '"':
		if err := json.Unmarshal(value, &text); err != nil {
			return "", msgCell
		}
		return text, ""
	case k == numberCell && (value[0] == '-' || value[0] >= '0' && value[0] <= '9'):
		return string(value), ""
	case k == boolCell && (value[0] == 't' || value[0] == 'f'):
		return string(value), ""
	case k == listCell && value[0] == '[':
		return joinCodes(value)
	}
	return "", [...]string{msgTextCell, msgNumberCell, msgBoolCell, msgListCell}[k]
}

// joinCodes writes a list as a cell would.
func joinCodes(value json.RawMessage) (text, message string) {
	var codes []string
	if err := json.Unmarshal(value, &codes); err != nil {
		return "", msgListCell
	}
	for i, code := range codes {
		codes[i] = strings.TrimSpace(code)
		if len(splitList(codes[i])) != 1 {
			return "", msgListSplit
		}
	}
	return strings.Join(codes, ","), ""
}

// Index is where a row of a batch stood, from 0, as a path of field errors has
// it: "[12]", or "[12].payer" with a column.
func Index(number int64, column string) string {
	path := "[" + strconv.FormatInt(number-1, 10) + "]"
	if column != "" {
		path += "." + column
	}
	return path
}
