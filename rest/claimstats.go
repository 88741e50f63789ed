package rest

import (
	"context"
	"net/http"

	"upstream/models"
)

// payerSummary is the representation of models.PayerSummary.
type payerSummary struct {
	Payer            string            `json:"payer" doc:"The payer, after the customer's mapping." example:"Aetna"`
	TotalClaims      int64             `json:"total_claims" minimum:"1" doc:"Claims submitted within the period." example:"1600"`
	PaidCount        int64             `json:"paid_count" minimum:"0" example:"1360"`
	DeniedCount      int64             `json:"denied_count" minimum:"0" example:"200"`
	OtherCount       int64             `json:"other_count" minimum:"0" example:"40"`
	DenialRate       float64           `json:"denial_rate" minimum:"0" maximum:"100" doc:"Percent of all claims, two decimals." example:"12.5"`
	AvgAllowedAmount *string           `json:"avg_allowed_amount" pattern:"^\\d+\\.\\d{2}$" doc:"USD, over the claims that have an allowed amount; null when none has." example:"143.27"`
	Links            payerSummaryLinks `json:"_links"`
}

type payerSummaryLinks struct {
	Collection link `json:"collection"`
}

func showPayerSummary(l links, s *models.PayerSummary) payerSummary {
	return payerSummary{
		Payer: s.Payer, TotalClaims: s.TotalClaims, PaidCount: s.PaidCount, DeniedCount: s.DeniedCount, OtherCount: s.OtherCount,
		DenialRate: s.DenialPercent(), AvgAllowedAmount: usd(s.AvgAllowedAmount),
		Links: payerSummaryLinks{Collection: l.to("claims", "payer_summary")},
	}
}

// claimStats is the representation of models.ClaimStats.
type claimStats struct {
	Payer            *string         `json:"payer" doc:"The payer of the group; null unless grouped by it." example:"Aetna"`
	CPTGroup         *string         `json:"cpt_group" doc:"The CPT group; null unless grouped by it." example:"E&M"`
	Month            *models.Month   `json:"month" doc:"The month of decided_date; null unless grouped by it."`
	Outcome          *models.Outcome `json:"outcome" doc:"The outcome; null unless grouped by it."`
	DenialReasonCode *string         `json:"denial_reason_code" doc:"The denial reason code; null for claims without one, and unless grouped by it." example:"CO-97"`
	TotalClaims      int64           `json:"total_claims" minimum:"1" example:"1600"`
	PaidCount        int64           `json:"paid_count" minimum:"0" example:"1360"`
	DeniedCount      int64           `json:"denied_count" minimum:"0" example:"200"`
	OtherCount       int64           `json:"other_count" minimum:"0" example:"40"`
	DenialRate       float64         `json:"denial_rate" minimum:"0" maximum:"1" doc:"Share of all claims of the group, 0..1." example:"0.125"`
	BilledAmount     string          `json:"billed_amount" pattern:"^\\d+\\.\\d{2}$" doc:"What was charged together, USD." example:"336000.00"`
	AllowedAmount    string          `json:"allowed_amount" pattern:"^\\d+\\.\\d{2}$" doc:"What the contracts permit together, USD." example:"229232.00"`
	PaidAmount       string          `json:"paid_amount" pattern:"^\\d+\\.\\d{2}$" doc:"What was remitted together, USD." example:"194888.80"`
	Links            claimStatsLinks `json:"_links"`
}

type claimStatsLinks struct {
	Collection link `json:"collection"`
}

func showClaimStats(l links, s *models.ClaimStats) claimStats {
	return claimStats{
		Payer: s.Payer, CPTGroup: s.CPTGroup, Month: s.Month, Outcome: s.Outcome, DenialReasonCode: s.DenialReasonCode,
		TotalClaims: s.TotalClaims, PaidCount: s.PaidCount, DeniedCount: s.DeniedCount, OtherCount: s.OtherCount, DenialRate: s.DenialRate,
		BilledAmount: s.BilledAmount.StringFixed(2), AllowedAmount: s.AllowedAmount.StringFixed(2), PaidAmount: s.PaidAmount.StringFixed(2),
		Links: claimStatsLinks{Collection: l.to("claims", "stats")},
	}
}

func (a *api) registerClaimStats() {
	registerList(a, operation{
		id: "listPayerSummaries", method: http.MethodGet, path: resourcePath("claims", "payer_summary"), tag: tagClaims,
		summary: "Summarise claims by payer", description: "How each payer decided the claims submitted within a period, both ends included: " +
			"the 90 days that end today unless given. The busiest payer comes first unless ordered otherwise.",
		permission: models.PermissionViewClaims, unsearchable: true,
	}, func(ctx context.Context, v models.Viewer, _ *noInput, f models.PayerSummaryFilter, l models.List[models.PayerSummaryOrderField]) (*models.Rows[*models.PayerSummary], error) {
		return a.store.PayerSummaries(ctx, v, f, l)
	}, showPayerSummary)
	registerList(a, operation{
		id: "listClaimStats", method: http.MethodGet, path: resourcePath("claims", "stats"), tag: tagClaims,
		summary: "Count claims by group", description: "Counts, denial rates and sums of money for charts, by any of payer, CPT group, month of " +
			"the decision, outcome and denial reason. Groups come in the order of what they are grouped by unless ordered otherwise.",
		permission: models.PermissionViewClaims, unsearchable: true,
	}, func(ctx context.Context, v models.Viewer, _ *noInput, f models.ClaimStatsFilter, l models.List[models.ClaimStatsOrderField]) (*models.Rows[*models.ClaimStats], error) {
		return a.store.ClaimStats(ctx, v, f, l)
	}, showClaimStats)
}
