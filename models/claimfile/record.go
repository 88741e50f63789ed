package claimfile

import (
	"strings"

	"github.com/jszwec/csvutil"
)

// record holds the cells of one row as text. Its tags are the list of known
// columns; a column the file lacks stays empty.
type record struct {
	Payer         string `csv:"payer"`
	CPT           string `csv:"cpt"`
	SubmittedDate string `csv:"submitted_date"`
	DecidedDate   string `csv:"decided_date"`
	Outcome       string `csv:"outcome"`

	ClaimNumber           string `csv:"claim_number"`
	LineNumber            string `csv:"line_number"`
	BilledAmount          string `csv:"billed_amount"`
	AllowedAmount         string `csv:"allowed_amount"`
	PaidAmount            string `csv:"paid_amount"`
	PaymentDate           string `csv:"payment_date"`
	DenialReasonCode      string `csv:"denial_reason_code"`
	DenialReasonText      string `csv:"denial_reason_text"`
	AuthorizationRequired string `csv:"authorization_required"`
	AuthorizationObtained string `csv:"authorization_obtained"`
	AuthorizationNumber   string `csv:"authorization_number"`
	ModifierCodes         string `csv:"modifier_codes"`
	DiagnosisCodes        string `csv:"diagnosis_codes"`
	ProcedureCount        string `csv:"procedure_count"`
}

// requiredColumns is how many of knownColumns, from the front, a file must have.
const requiredColumns = 5

// knownColumns lists every column a file may have, the required ones first.
var knownColumns = columnsOf(record{})

func columnsOf(tagged any) []string {
	names, err := csvutil.Header(tagged, "csv")
	if err != nil {
		panic(err) // at start-up, and only for a type that is no struct
	}
	return names
}

// trim removes the white space around every cell.
func (r *record) trim() {
	for _, cell := range [...]*string{
		&r.Payer, &r.CPT, &r.SubmittedDate, &r.DecidedDate, &r.Outcome,
		&r.ClaimNumber, &r.LineNumber, &r.BilledAmount, &r.AllowedAmount, &r.PaidAmount,
		&r.PaymentDate, &r.DenialReasonCode, &r.DenialReasonText,
		&r.AuthorizationRequired, &r.AuthorizationObtained, &r.AuthorizationNumber,
		&r.ModifierCodes, &r.DiagnosisCodes, &r.ProcedureCount,
	} {
		*cell = strings.TrimSpace(*cell)
	}
}
