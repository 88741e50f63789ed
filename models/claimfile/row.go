package claimfile

import (
	"crypto/sha256"
	"strconv"

	"github.com/shopspring/decimal"

	"upstream/models"
)

// Cents is an exact, non-negative amount of money in hundredths of a US dollar,
// at most 999,999,999,999 (9,999,999,999.99 dollars).
type Cents int64

// Decimal is the amount in dollars, with two decimals.
func (c Cents) Decimal() decimal.Decimal { return decimal.New(int64(c), -2) }

// String writes dollars with two decimals: "1234.50".
func (c Cents) String() string { return string(c.Append(nil)) }

// Append appends the text String gives to b.
func (c Cents) Append(b []byte) []byte {
	b = strconv.AppendInt(b, int64(c/100), 10)
	return append(b, '.', byte('0'+c/10%10), byte('0'+c%10))
}

// Null is a value that a row may lack. It is a plain pair, so that a row of
// optional values costs no allocation.
type Null[T any] struct {
	V     T
	Valid bool
}

func some[T any](v T) Null[T] { return Null[T]{V: v, Valid: true} }

// Row is one accepted claim line, ready to be stored. Text that the file left
// empty is "", to be stored as null where models.Claim has a pointer.
type Row struct {
	// Number is the record's number in the file; the header is 1.
	Number      int64
	ClaimNumber string
	LineNumber  int
	// Payer is the name after the customer's mapping.
	Payer         string
	CPT           string
	CPTGroup      string
	SubmittedDate models.Date
	DecidedDate   models.Date
	Outcome       models.Outcome

	BilledAmount          Null[Cents]
	AllowedAmount         Null[Cents]
	PaidAmount            Null[Cents]
	DenialReasonCode      string
	DenialReasonText      string
	PaymentDate           Null[models.Date]
	AuthorizationRequired bool
	AuthorizationObtained bool
	AuthorizationNumber   string
	// ModifierCodes and DiagnosisCodes are empty, never nil, without codes.
	ModifierCodes  []string
	DiagnosisCodes []string
	ProcedureCount int
	// DataQualityScore is the share, 0..1, of the fields its outcome calls for
	// that the row carried: billed, allowed, paid amount and payment date of a
	// paid claim, billed amount and denial reason code of a denied one, billed
	// amount of any other.
	DataQualityScore float64
	// SourceHash tells equal claim lines apart from different ones: the SHA-256
	// of claim_number, line_number, payer (after mapping), cpt, submitted_date,
	// decided_date, outcome, billed_amount, allowed_amount, paid_amount,
	// denial_reason_code, denial_reason_text, payment_date,
	// authorization_required, authorization_obtained, authorization_number,
	// modifier_codes, diagnosis_codes and procedure_count, in this order and
	// joined with 0x1F. Values are as accepted: dates YYYY-MM-DD, amounts with
	// two decimals, booleans t or f, lists joined with commas, null empty. None
	// can contain 0x1F. The CPT group is left out: it follows from the code.
	SourceHash [sha256.Size]byte
	// Warnings tell what was changed to accept the row; mostly nil.
	Warnings []Warning
}

// Warning tells that a value of an accepted row was changed, without repeating it.
type Warning struct {
	RowNumber int64
	Column    string
	// Message is a fragment that completes "<column> ...".
	Message string
}

func (r *Row) warn(column, message string) {
	r.Warnings = append(r.Warnings, Warning{RowNumber: r.Number, Column: column, Message: message})
}

// fieldSeparator is ASCII's unit separator, a control character no value holds.
const fieldSeparator = 0x1f

// appendCanonical appends what SourceHash is the hash of.
func (r *Row) appendCanonical(b []byte) []byte {
	b = append(append(b, r.ClaimNumber...), fieldSeparator)
	b = append(strconv.AppendInt(b, int64(r.LineNumber), 10), fieldSeparator)
	b = append(append(b, r.Payer...), fieldSeparator)
	b = append(append(b, r.CPT...), fieldSeparator)
	b = append(appendDate(b, r.SubmittedDate), fieldSeparator)
	b = append(appendDate(b, r.DecidedDate), fieldSeparator)
	b = append(append(b, r.Outcome...), fieldSeparator)
	b = append(appendAmount(b, r.BilledAmount), fieldSeparator)
	b = append(appendAmount(b, r.AllowedAmount), fieldSeparator)
	b = append(appendAmount(b, r.PaidAmount), fieldSeparator)
	b = append(append(b, r.DenialReasonCode...), fieldSeparator)
	b = append(append(b, r.DenialReasonText...), fieldSeparator)
	if r.PaymentDate.Valid {
		b = appendDate(b, r.PaymentDate.V)
	}
	b = append(b, fieldSeparator)
	b = append(appendBool(b, r.AuthorizationRequired), fieldSeparator)
	b = append(appendBool(b, r.AuthorizationObtained), fieldSeparator)
	b = append(append(b, r.AuthorizationNumber...), fieldSeparator)
	b = append(appendList(b, r.ModifierCodes), fieldSeparator)
	b = append(appendList(b, r.DiagnosisCodes), fieldSeparator)
	return strconv.AppendInt(b, int64(r.ProcedureCount), 10)
}

// appendDate is d.String() at a fifth of its price.
func appendDate(b []byte, d models.Date) []byte {
	year, month, day := d.Time().Date()
	return append(b,
		byte('0'+year/1000%10), byte('0'+year/100%10), byte('0'+year/10%10), byte('0'+year%10), '-',
		byte('0'+month/10), byte('0'+month%10), '-', byte('0'+day/10), byte('0'+day%10))
}

func appendAmount(b []byte, amount Null[Cents]) []byte {
	if !amount.Valid {
		return b
	}
	return amount.V.Append(b)
}

func appendBool(b []byte, v bool) []byte {
	if v {
		return append(b, 't')
	}
	return append(b, 'f')
}

func appendList(b []byte, codes []string) []byte {
	for i, code := range codes {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, code...)
	}
	return b
}

// quality computes DataQualityScore.
func (r *Row) quality() float64 {
	switch r.Outcome {
	case models.OutcomePaid:
		return share(r.BilledAmount.Valid, r.AllowedAmount.Valid, r.PaidAmount.Valid, r.PaymentDate.Valid)
	case models.OutcomeDenied:
		return share(r.BilledAmount.Valid, r.DenialReasonCode != "")
	default:
		return share(r.BilledAmount.Valid)
	}
}

// share is the fraction of present that is true.
func share(present ...bool) float64 {
	n := 0
	for _, p := range present {
		if p {
			n++
		}
	}
	return float64(n) / float64(len(present))
}
