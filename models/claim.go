package models

import (
	"io"
	"time"

	"github.com/shopspring/decimal"
	"github.com/uptrace/bun"
)

// Outcome is how a payer decided a claim.
type Outcome string

// The outcomes. OTHER is anything a file calls neither paid nor denied.
const (
	OutcomePaid   Outcome = "PAID"
	OutcomeDenied Outcome = "DENIED"
	OutcomeOther  Outcome = "OTHER"
)

// Values lists the outcomes.
func (Outcome) Values() []string {
	return []string{string(OutcomePaid), string(OutcomeDenied), string(OutcomeOther)}
}

// MarshalGQL writes the GraphQL enum value.
func (o Outcome) MarshalGQL(w io.Writer) { marshalEnum(w, o) }

// UnmarshalGQL reads the GraphQL enum value.
func (o *Outcome) UnmarshalGQL(v any) error { return unmarshalEnum(o, v) }

// SubmittedVia is the route by which a claim reached Upstream.
type SubmittedVia string

// The routes.
const (
	ViaCSVUpload   SubmittedVia = "csv_upload"
	ViaEHRWebhook  SubmittedVia = "ehr_webhook"
	ViaAPI         SubmittedVia = "api"
	ViaBatchImport SubmittedVia = "batch_import"
)

// Values lists the routes.
func (SubmittedVia) Values() []string {
	return []string{string(ViaCSVUpload), string(ViaEHRWebhook), string(ViaAPI), string(ViaBatchImport)}
}

// MarshalGQL writes the GraphQL enum value.
func (s SubmittedVia) MarshalGQL(w io.Writer) { marshalEnum(w, s) }

// UnmarshalGQL reads the GraphQL enum value.
func (s *SubmittedVia) UnmarshalGQL(v any) error { return unmarshalEnum(s, v) }

// CPTGroupOther is the group of a procedure code that no mapping and no RBCS
// category covers.
const CPTGroupOther = "OTHER"

// CPTGroupAll names a payer as a whole in drift detection; no claim and no
// mapping may carry it.
const CPTGroupAll = "ALL"

// Claim is one adjudicated claim line. It exists only once decided and carries
// no patient identity. Money is USD.
type Claim struct {
	bun.BaseModel `bun:"table:claims,alias:cl"`

	CustomerID  CustomerID `bun:"customer_id,pk,type:uuid"`
	ID          ClaimID    `bun:"id,pk,type:uuid"`
	UploadID    UploadID   `bun:"upload_id,type:uuid"`
	ClaimNumber *string    `bun:"claim_number"`
	LineNumber  int        `bun:"line_number"`
	// Payer is the normalised name.
	Payer                 string           `bun:"payer"`
	CPT                   string           `bun:"cpt"`
	CPTGroup              string           `bun:"cpt_group"`
	SubmittedDate         Date             `bun:"submitted_date,type:date"`
	DecidedDate           Date             `bun:"decided_date,type:date"`
	Outcome               Outcome          `bun:"outcome"`
	BilledAmount          *decimal.Decimal `bun:"billed_amount,type:numeric"`
	AllowedAmount         *decimal.Decimal `bun:"allowed_amount,type:numeric"`
	PaidAmount            *decimal.Decimal `bun:"paid_amount,type:numeric"`
	DenialReasonCode      *string          `bun:"denial_reason_code"`
	DenialReasonText      *string          `bun:"denial_reason_text"`
	PaymentDate           *Date            `bun:"payment_date,type:date"`
	AuthorizationRequired bool             `bun:"authorization_required"`
	AuthorizationObtained bool             `bun:"authorization_obtained"`
	AuthorizationNumber   *string          `bun:"authorization_number"`
	ModifierCodes         []string         `bun:"modifier_codes,array"`
	DiagnosisCodes        []string         `bun:"diagnosis_codes,array"`
	ProcedureCount        int              `bun:"procedure_count"`
	// DataQualityScore is the share, 0..1, of the fields its outcome calls for
	// that the row carried.
	DataQualityScore *float64     `bun:"data_quality_score"`
	SubmittedVia     SubmittedVia `bun:"submitted_via"`
	SourceRowNumber  *int64       `bun:"source_row_number"`
	ProcessedAt      time.Time    `bun:"processed_at"`
}

// DaysToDecision is whole days from submission to decision.
func (c *Claim) DaysToDecision() int { return c.DecidedDate.Sub(c.SubmittedDate) }

// DaysToPayment is whole days from submission to payment; nil when unpaid.
func (c *Claim) DaysToPayment() *int {
	if c.PaymentDate == nil {
		return nil
	}
	days := c.PaymentDate.Sub(c.SubmittedDate)
	return &days
}

// PaymentVariance is paid minus allowed, USD; nil when either is missing or zero.
func (c *Claim) PaymentVariance() *decimal.Decimal {
	if c.PaidAmount == nil || c.AllowedAmount == nil || c.PaidAmount.IsZero() || c.AllowedAmount.IsZero() {
		return nil
	}
	variance := c.PaidAmount.Sub(*c.AllowedAmount)
	return &variance
}

// ClaimFilter narrows a list of claims. It is the only whitelist: REST reads it
// as query parameters, GraphQL as the input type, the store as SQL.
type ClaimFilter struct {
	Payer            *string          `query:"payer" column:"payer" op:"icontains" doc:"Only claims whose payer contains this text, ignoring case."`
	Outcome          *Outcome         `query:"outcome" column:"outcome" op:"eq" doc:"Only claims with this outcome."`
	Cpt              *string          `query:"cpt" column:"cpt" op:"eq" doc:"Only claims with exactly this procedure code."`
	CptGroup         *string          `query:"cpt_group" column:"cpt_group" op:"eq" doc:"Only claims of exactly this CPT group."`
	Upload           *UploadID        `query:"upload" column:"upload_id" op:"eq" doc:"Only claims that came with this upload."`
	StartDate        *Date            `query:"start_date" column:"decided_date" op:"gte" doc:"Only claims decided on this day or later."`
	EndDate          *Date            `query:"end_date" column:"decided_date" op:"lte" doc:"Only claims decided on this day or earlier."`
	SubmittedAfter   *Date            `query:"submitted_after" column:"submitted_date" op:"gte" doc:"Only claims submitted on this day or later."`
	SubmittedBefore  *Date            `query:"submitted_before" column:"submitted_date" op:"lte" doc:"Only claims submitted on this day or earlier."`
	DecidedAfter     *Date            `query:"decided_after" column:"decided_date" op:"gte" doc:"Only claims decided on this day or later."`
	DecidedBefore    *Date            `query:"decided_before" column:"decided_date" op:"lte" doc:"Only claims decided on this day or earlier."`
	MinAmount        *decimal.Decimal `query:"min_amount" column:"billed_amount" op:"gte" doc:"Only claims billed at this amount or more, USD."`
	MaxAmount        *decimal.Decimal `query:"max_amount" column:"billed_amount" op:"lte" doc:"Only claims billed at this amount or less, USD."`
	DenialReasonCode *string          `query:"denial_reason_code" column:"denial_reason_code" op:"eq" doc:"Only claims with exactly this denial reason code."`
}

// ClaimOrderField is a column claims can be ordered by.
type ClaimOrderField string

// The orderings of claims.
const (
	ClaimOrderDecidedDate   ClaimOrderField = "decided_date"
	ClaimOrderSubmittedDate ClaimOrderField = "submitted_date"
	ClaimOrderPayer         ClaimOrderField = "payer"
	ClaimOrderOutcome       ClaimOrderField = "outcome"
)

// Values lists the columns.
func (ClaimOrderField) Values() []string {
	return []string{
		string(ClaimOrderDecidedDate), string(ClaimOrderSubmittedDate),
		string(ClaimOrderPayer), string(ClaimOrderOutcome),
	}
}

// MarshalGQL writes the GraphQL enum value.
func (f ClaimOrderField) MarshalGQL(w io.Writer) { marshalEnum(w, f) }

// UnmarshalGQL reads the GraphQL enum value.
func (f *ClaimOrderField) UnmarshalGQL(v any) error { return unmarshalEnum(f, v) }
