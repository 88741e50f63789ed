package rest

import (
	"context"
	"net/http"
	"time"

	"github.com/shopspring/decimal"

	"upstream/models"
)

// claim is the representation of models.Claim.
type claim struct {
	ID                    models.ClaimID      `json:"id"`
	Customer              models.CustomerID   `json:"customer"`
	Upload                models.UploadID     `json:"upload" doc:"The file it came with."`
	ClaimNumber           *string             `json:"claim_number" doc:"The provider's own number." example:"A-10042"`
	LineNumber            int                 `json:"line_number" minimum:"1" doc:"The line of the claim." example:"1"`
	Payer                 string              `json:"payer" doc:"The payer, after the customer's mapping." example:"Aetna"`
	CPT                   string              `json:"cpt" doc:"The procedure code." example:"99213"`
	CPTGroup              string              `json:"cpt_group" doc:"The analytics bucket of the code." example:"E&M"`
	SubmittedDate         models.Date         `json:"submitted_date"`
	DecidedDate           models.Date         `json:"decided_date"`
	DaysToDecision        int                 `json:"days_to_decision" minimum:"0" doc:"Whole days from submission to decision." example:"14"`
	Outcome               models.Outcome      `json:"outcome"`
	BilledAmount          *string             `json:"billed_amount" pattern:"^\\d+\\.\\d{2}$" doc:"What was charged, USD." example:"210.00"`
	AllowedAmount         *string             `json:"allowed_amount" pattern:"^\\d+\\.\\d{2}$" doc:"What the contract permits, USD." example:"150.00"`
	PaidAmount            *string             `json:"paid_amount" pattern:"^\\d+\\.\\d{2}$" doc:"What was remitted, USD." example:"150.00"`
	PaymentVariance       *string             `json:"payment_variance" pattern:"^-?\\d+\\.\\d{2}$" doc:"Paid minus allowed, USD; null when either is missing or zero." example:"-5.00"`
	DenialReasonCode      *string             `json:"denial_reason_code" example:"CO-97"`
	DenialReasonText      *string             `json:"denial_reason_text" example:"Included in another service"`
	PaymentDate           *models.Date        `json:"payment_date"`
	DaysToPayment         *int                `json:"days_to_payment" doc:"Whole days from submission to payment; null when unpaid." example:"21"`
	AuthorizationRequired bool                `json:"authorization_required"`
	AuthorizationObtained bool                `json:"authorization_obtained"`
	AuthorizationNumber   *string             `json:"authorization_number" example:"PA-7781"`
	ModifierCodes         []string            `json:"modifier_codes" example:"[\"25\"]"`
	DiagnosisCodes        []string            `json:"diagnosis_codes" example:"[\"J06.9\"]"`
	ProcedureCount        int                 `json:"procedure_count" minimum:"1" example:"1"`
	DataQualityScore      *float64            `json:"data_quality_score" minimum:"0" maximum:"1" doc:"Share of the expected fields that the row carried, 0..1." example:"0.9"`
	SubmittedVia          models.SubmittedVia `json:"submitted_via"`
	SourceRowNumber       *int64              `json:"source_row_number" doc:"The row of the file, the header being 1." example:"42"`
	ProcessedAt           time.Time           `json:"processed_at"`
	Links                 claimLinks          `json:"_links"`
}

type claimLinks struct {
	Self       link `json:"self"`
	Collection link `json:"collection"`
	Upload     link `json:"upload"`
}

func showClaim(l links, c *models.Claim) claim {
	id := c.ID.String()
	return claim{
		ID: c.ID, Customer: c.CustomerID, Upload: c.UploadID, ClaimNumber: c.ClaimNumber, LineNumber: c.LineNumber,
		Payer: c.Payer, CPT: c.CPT, CPTGroup: c.CPTGroup, SubmittedDate: c.SubmittedDate, DecidedDate: c.DecidedDate,
		DaysToDecision: c.DaysToDecision(), Outcome: c.Outcome, BilledAmount: usd(c.BilledAmount),
		AllowedAmount: usd(c.AllowedAmount), PaidAmount: usd(c.PaidAmount), PaymentVariance: usd(c.PaymentVariance()),
		DenialReasonCode: c.DenialReasonCode, DenialReasonText: c.DenialReasonText,
		PaymentDate: c.PaymentDate, DaysToPayment: c.DaysToPayment(),
		AuthorizationRequired: c.AuthorizationRequired, AuthorizationObtained: c.AuthorizationObtained,
		AuthorizationNumber: c.AuthorizationNumber, ModifierCodes: listed(c.ModifierCodes),
		DiagnosisCodes: listed(c.DiagnosisCodes), ProcedureCount: c.ProcedureCount, DataQualityScore: c.DataQualityScore,
		SubmittedVia: c.SubmittedVia, SourceRowNumber: c.SourceRowNumber, ProcessedAt: c.ProcessedAt.UTC(),
		Links: claimLinks{
			Self: l.to("claims", id), Collection: l.to("claims"), Upload: l.to("uploads", c.UploadID.String()),
		},
	}
}

// usd writes an amount with its two decimals.
func usd(amount *decimal.Decimal) *string {
	if amount == nil {
		return nil
	}
	return new(models.FormatAmount(*amount))
}

// listed is the list itself, never null.
func listed(items []string) []string {
	if items == nil {
		return []string{}
	}
	return items
}

// utc is an instant as answers show it.
func utc(t *time.Time) *time.Time {
	if t == nil {
		return nil
	}
	u := t.UTC()
	return &u
}

func (a *api) registerClaims() {
	registerList(a, operation{
		id: "listClaims", method: http.MethodGet, path: resourcePath("claims"), tag: tagClaims,
		summary: "List claims", description: "The customer's claims, those decided last first unless ordered otherwise. " +
			"Search looks at payer, procedure code and denial reason code.",
		permission: models.PermissionViewClaims,
	}, func(ctx context.Context, v models.Viewer, _ *noInput, f models.ClaimFilter, l models.List[models.ClaimOrderField]) (*models.Rows[*models.Claim], error) {
		return a.store.Claims(ctx, v, f, l)
	}, showClaim)
	registerDetail(a, operation{
		id: "getClaim", method: http.MethodGet, path: resourcePath("claims", "{id}"), tag: tagClaims,
		summary: "Show a claim", description: "One adjudicated claim line.", permission: models.PermissionViewClaims,
	}, a.store.Claim, showClaim,
		// A claim has no version: it is written once, at this instant.
		func(c *models.Claim) int64 { return c.ProcessedAt.UnixMicro() })
}
