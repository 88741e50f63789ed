package models

import (
	"io"

	"github.com/shopspring/decimal"
	"github.com/uptrace/bun"
)

// summaryDays is the length of a payer summary's period unless one is given.
const summaryDays = 90

// PayerSummary is how one payer decided the claims submitted to it within a
// period. It is identified by the payer and the period.
type PayerSummary struct {
	bun.BaseModel `bun:"table:payer_summaries,alias:ps"`

	CustomerID  CustomerID `bun:"customer_id,type:uuid"`
	Payer       string     `bun:"payer"`
	TotalClaims int64      `bun:"total_claims"` // at least 1
	PaidCount   int64      `bun:"paid_count"`
	DeniedCount int64      `bun:"denied_count"`
	OtherCount  int64      `bun:"other_count"`
	// DenialRate is the share of denied claims in all of them, 0..1.
	DenialRate float64 `bun:"denial_rate"`
	// AvgAllowedAmount is USD, rounded to cents; nil when no claim has one.
	AvgAllowedAmount *decimal.Decimal `bun:"avg_allowed_amount,type:numeric"`

	// Payers counts the payers of the whole list it came with, whose period is
	// Period.
	Payers int64  `bun:"payers"`
	Period Period `bun:"-"`
}

// DenialPercent is DenialRate in percent, rounded to two decimals.
func (s *PayerSummary) DenialPercent() float64 { return percent(s.DeniedCount, s.TotalClaims) }

// percent is the share of part in whole, above 0, in percent, rounded to two
// decimals, halves away from zero.
func percent(part, whole int64) float64 { return float64((part*2e4+whole)/(2*whole)) / 100 }

// Period is whole days, both ends included.
type Period struct{ First, Last Date }

// PayerSummaryFilter chooses the claims that are summarised, and among the
// payers.
type PayerSummaryFilter struct {
	Payer     *string `query:"payer" column:"payer" op:"icontains" doc:"Only payers whose name contains this text, ignoring case."`
	StartDate *Date   `query:"start_date" column:"submitted_date" op:"gte" doc:"Only claims submitted on this day or later; 89 days before end_date unless given."`
	EndDate   *Date   `query:"end_date" column:"submitted_date" op:"lte" doc:"Only claims submitted on this day or earlier; today unless given."`
}

// Period is the one the filter asks for: the 90 days that end today unless it
// says otherwise. The error is VALIDATION for one that ends before it starts.
func (f PayerSummaryFilter) Period(today Date) (Period, error) {
	p := Period{Last: today}
	if f.EndDate != nil {
		p.Last = *f.EndDate
	}
	p.First = p.Last.AddDays(1 - summaryDays)
	if f.StartDate != nil {
		p.First = *f.StartDate
	}
	if p.First.After(p.Last) {
		return p, InvalidField("start_date", "invalid", "must not be after the last day, %s", p.Last)
	}
	return p, nil
}

// PayerSummaryOrderField is a column payer summaries can be ordered by.
type PayerSummaryOrderField string

// The orderings of payer summaries.
const (
	PayerSummaryOrderTotalClaims      PayerSummaryOrderField = "total_claims"
	PayerSummaryOrderDeniedCount      PayerSummaryOrderField = "denied_count"
	PayerSummaryOrderDenialRate       PayerSummaryOrderField = "denial_rate"
	PayerSummaryOrderAvgAllowedAmount PayerSummaryOrderField = "avg_allowed_amount"
	PayerSummaryOrderPayer            PayerSummaryOrderField = "payer"
)

// Values lists the columns.
func (PayerSummaryOrderField) Values() []string {
	return []string{
		string(PayerSummaryOrderTotalClaims), string(PayerSummaryOrderDeniedCount), string(PayerSummaryOrderDenialRate),
		string(PayerSummaryOrderAvgAllowedAmount), string(PayerSummaryOrderPayer),
	}
}

// MarshalGQL writes the GraphQL enum value.
func (f PayerSummaryOrderField) MarshalGQL(w io.Writer) { marshalEnum(w, f) }

// UnmarshalGQL reads the GraphQL enum value.
func (f *PayerSummaryOrderField) UnmarshalGQL(v any) error { return unmarshalEnum(f, v) }
