package claimfile

import (
	"bytes"
	"encoding/json"
	"io"
	"strconv"
	"strings"

	"upstream/models"
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

// Batch reads the rows of a batch by the rules of a claims file. Rows are
// numbered from 1. It is not safe for concurrent use.
type Batch struct {
	tally

	rows    []json.RawMessage
	checker *checker
	read    int64
}

// NewBatch is a batch of rows that models.SplitBatch has cut: JSON objects whose
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
		text, message := kind.text(value)
		if *cell = text; message != "" {
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
