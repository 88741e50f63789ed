package claimfile

import (
	"crypto/sha256"
	"fmt"
	"strings"
	"time"

	"upstream/models"
)

// Limits of domain values, in characters unless named otherwise.
const (
	maxPayer         = 255
	maxCPT           = 20
	maxClaimNumber   = 64
	maxReasonCode    = 50
	maxAuthorization = 100
	maxCode          = 20
	maxCodes         = 100 // codes in one list
	maxProcedures    = 10_000
	maxLineNumber    = 1<<31 - 1
)

// maxCachedPayers bounds the memory of the payer cache.
const maxCachedPayers = 4096

// checker turns records into rows. It is bound to one customer's mappings and
// to one day, and not safe for concurrent use.
type checker struct {
	opts     Options
	earliest models.Date
	// payers remembers the mapped name of raw names that passed every rule: a
	// file repeats few payers many times.
	payers  map[string]string
	scratch []byte
}

func newChecker(opts Options) *checker {
	return &checker{
		opts:     opts,
		earliest: models.NewDate(1990, time.January, 1),
		payers:   map[string]string{},
	}
}

// check fills row, whose Number is set, from rec and returns the first rule the
// record breaks, or nil.
func (c *checker) check(rec *record, row *Row) *problem {
	rec.trim()
	for _, step := range [...]func(*checker, *record, *Row) *problem{
		(*checker).required, (*checker).patientData, (*checker).outcome, (*checker).dates,
		(*checker).period, (*checker).payer, (*checker).cpt, (*checker).amounts, (*checker).payment,
		(*checker).denial, (*checker).authorization, (*checker).codes, (*checker).numbers,
	} {
		if p := step(c, rec, row); p != nil {
			return p
		}
	}
	row.DataQualityScore = row.quality()
	c.scratch = row.appendCanonical(c.scratch[:0])
	row.SourceHash = sha256.Sum256(c.scratch)
	return nil
}

func (c *checker) required(rec *record, _ *Row) *problem {
	for _, cell := range [requiredColumns]struct{ column, text string }{
		{"payer", rec.Payer},
		{"cpt", rec.CPT},
		{"submitted_date", rec.SubmittedDate},
		{"decided_date", rec.DecidedDate},
		{"outcome", rec.Outcome},
	} {
		if cell.text == "" {
			return &problem{cell.column, models.RejectionMissing, msgRequired}
		}
	}
	return nil
}

func (c *checker) patientData(rec *record, _ *Row) *problem {
	if _, known := c.payers[rec.Payer]; !known && (isPersonName(rec.Payer) || hasIdentifier(rec.Payer)) {
		return &problem{"payer", models.RejectionPHI, msgPHI}
	}
	if isPersonName(rec.ClaimNumber) || hasIdentifier(rec.ClaimNumber) {
		return &problem{"claim_number", models.RejectionPHI, msgPHI}
	}
	return nil
}

func (c *checker) outcome(rec *record, row *Row) *problem {
	switch strings.ToUpper(rec.Outcome) {
	case "PAID", "APPROVED", "ACCEPTED":
		row.Outcome = models.OutcomePaid
	case "DENIED", "REJECTED", "DECLINED":
		row.Outcome = models.OutcomeDenied
	case "OTHER":
		row.Outcome = models.OutcomeOther
	default:
		row.Outcome = models.OutcomeOther
		row.warn("outcome", warnOutcome)
	}
	return nil
}

func (c *checker) dates(rec *record, row *Row) *problem {
	var ok bool
	if row.SubmittedDate, ok = parseDate(rec.SubmittedDate); !ok {
		return &problem{"submitted_date", models.RejectionInvalidDate, msgDate}
	}
	if row.DecidedDate, ok = parseDate(rec.DecidedDate); !ok {
		return &problem{"decided_date", models.RejectionInvalidDate, msgDate}
	}
	return nil
}

func (c *checker) period(_ *record, row *Row) *problem {
	for _, d := range [...]struct {
		column string
		date   models.Date
	}{{"submitted_date", row.SubmittedDate}, {"decided_date", row.DecidedDate}} {
		if d.date.Before(c.earliest) {
			return invalidValue(d.column, msgTooEarly)
		}
		if d.date.After(c.opts.Today) {
			return invalidValue(d.column, msgFuture)
		}
	}
	if row.DecidedDate.Before(row.SubmittedDate) {
		return invalidValue("decided_date", msgDecided)
	}
	return nil
}

func (c *checker) payer(rec *record, row *Row) *problem {
	mapped, known := c.payers[rec.Payer]
	if !known {
		if p := checkWord("payer", rec.Payer, maxPayer); p != nil {
			return p
		}
		mapped = c.mapPayer(rec.Payer)
	}
	row.Payer = mapped
	return nil
}

// mapPayer looks a good raw name up and remembers the result.
func (c *checker) mapPayer(raw string) string {
	raw = strings.Clone(raw) // the record's text must not live as long as the cache
	mapped, found := c.opts.Payers[strings.ToLower(raw)]
	if !found {
		mapped = raw
	}
	if len(c.payers) < maxCachedPayers {
		c.payers[raw] = mapped
	}
	return mapped
}

func (c *checker) cpt(rec *record, row *Row) *problem {
	if p := checkWord("cpt", rec.CPT, maxCPT); p != nil {
		return p
	}
	row.CPT = rec.CPT
	group, found := c.opts.CPTGroups[rec.CPT]
	if !found {
		group = c.opts.Groups.Of(rec.CPT)
	}
	row.CPTGroup = group
	return nil
}

func (c *checker) amounts(rec *record, row *Row) *problem {
	for _, a := range [...]struct {
		column, text string
		dst          *Null[Cents]
	}{
		{"billed_amount", rec.BilledAmount, &row.BilledAmount},
		{"allowed_amount", rec.AllowedAmount, &row.AllowedAmount},
		{"paid_amount", rec.PaidAmount, &row.PaidAmount},
	} {
		if a.text == "" {
			continue
		}
		cents, message := parseAmount(a.text)
		if message != "" {
			return invalidValue(a.column, message)
		}
		*a.dst = some(cents)
	}
	return nil
}

func (c *checker) payment(rec *record, row *Row) *problem {
	if rec.PaymentDate == "" {
		return nil
	}
	paid, ok := parseDate(rec.PaymentDate)
	switch {
	case !ok:
		return &problem{"payment_date", models.RejectionInvalidDate, msgDate}
	case paid.Before(c.earliest):
		return invalidValue("payment_date", msgTooEarly)
	case paid.Before(row.SubmittedDate):
		return invalidValue("payment_date", msgPayment)
	}
	row.PaymentDate = some(paid)
	return nil
}

func (c *checker) denial(rec *record, row *Row) *problem {
	if p := checkWord("denial_reason_code", rec.DenialReasonCode, maxReasonCode); p != nil {
		return p
	}
	row.DenialReasonCode = rec.DenialReasonCode
	text := rec.DenialReasonText
	if hasControl(text) && hasControl(strings.NewReplacer("\n", "", "\r", "", "\t", "").Replace(text)) {
		return invalidValue("denial_reason_text", msgControl)
	}
	if hasPatientData(text) {
		row.warn("denial_reason_text", warnText)
		text = ""
	}
	row.DenialReasonText = text
	return nil
}

func (c *checker) authorization(rec *record, row *Row) *problem {
	var ok bool
	if row.AuthorizationRequired, ok = parseBool(rec.AuthorizationRequired); !ok {
		return invalidValue("authorization_required", msgBool)
	}
	if row.AuthorizationObtained, ok = parseBool(rec.AuthorizationObtained); !ok {
		return invalidValue("authorization_obtained", msgBool)
	}
	row.AuthorizationNumber = rec.AuthorizationNumber
	return checkWord("authorization_number", rec.AuthorizationNumber, maxAuthorization)
}

func (c *checker) codes(rec *record, row *Row) *problem {
	row.ModifierCodes = splitList(rec.ModifierCodes)
	if p := checkList("modifier_codes", row.ModifierCodes); p != nil {
		return p
	}
	row.DiagnosisCodes = splitList(rec.DiagnosisCodes)
	return checkList("diagnosis_codes", row.DiagnosisCodes)
}

func (c *checker) numbers(rec *record, row *Row) *problem {
	var ok bool
	if row.ProcedureCount, ok = parseWhole(rec.ProcedureCount, maxProcedures); !ok {
		return invalidValue("procedure_count", msgProcedures)
	}
	if row.LineNumber, ok = parseWhole(rec.LineNumber, maxLineNumber); !ok {
		return invalidValue("line_number", msgLineNumber)
	}
	row.ClaimNumber = rec.ClaimNumber
	return checkWord("claim_number", rec.ClaimNumber, maxClaimNumber)
}

// checkWord refuses control characters and more than limit characters.
func checkWord(column, text string, limit int) *problem {
	if hasControl(text) {
		return invalidValue(column, msgControl)
	}
	if tooLong(text, limit) {
		return invalidValue(column, fmt.Sprintf(msgTooManyChar, limit))
	}
	return nil
}

func checkList(column string, codes []string) *problem {
	if len(codes) > maxCodes {
		return invalidValue(column, msgListLength)
	}
	for _, code := range codes {
		if hasControl(code) {
			return invalidValue(column, msgControl)
		}
		if tooLong(code, maxCode) {
			return invalidValue(column, msgListCode)
		}
	}
	return nil
}
