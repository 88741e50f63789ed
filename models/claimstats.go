package models

import (
	"io"
	"slices"
	"strings"

	"github.com/shopspring/decimal"
	"github.com/uptrace/bun"
)

// ClaimDimension is something claims are grouped by.
type ClaimDimension string

// The dimensions. A month is that of the decision.
const (
	ByPayer        ClaimDimension = "payer"
	ByCPTGroup     ClaimDimension = "cpt_group"
	ByMonth        ClaimDimension = "month"
	ByOutcome      ClaimDimension = "outcome"
	ByDenialReason ClaimDimension = "denial_reason"
)

// Values lists the dimensions.
func (ClaimDimension) Values() []string {
	return []string{string(ByPayer), string(ByCPTGroup), string(ByMonth), string(ByOutcome), string(ByDenialReason)}
}

// MarshalGQL writes the GraphQL enum value.
func (d ClaimDimension) MarshalGQL(w io.Writer) { marshalEnum(w, d) }

// UnmarshalGQL reads the GraphQL enum value.
func (d *ClaimDimension) UnmarshalGQL(v any) error { return unmarshalEnum(d, v) }

// ClaimGrouping is the dimensions of one statistic; with none of them all
// claims are one group.
type ClaimGrouping []ClaimDimension

// UnmarshalText reads "payer,month"; an empty text is no dimension.
func (g *ClaimGrouping) UnmarshalText(text []byte) error {
	*g = ClaimGrouping{}
	if len(text) == 0 {
		return nil
	}
	for name := range strings.SplitSeq(string(text), ",") {
		d, err := ParseEnum[ClaimDimension](strings.TrimSpace(name))
		if err != nil {
			return err
		}
		*g = append(*g, d)
	}
	return nil
}

// ClaimStats is the claims of one group, counted. The dimensions that claims
// were not grouped by are nil.
type ClaimStats struct {
	bun.BaseModel `bun:"table:claim_stats,alias:cs"`

	CustomerID CustomerID `bun:"customer_id,type:uuid"`
	Payer      *string    `bun:"payer"`
	CPTGroup   *string    `bun:"cpt_group"`
	// Month is that of the decision.
	Month   *Month   `bun:"month,type:date"`
	Outcome *Outcome `bun:"outcome"`
	// DenialReasonCode is also nil for the group of claims without one.
	DenialReasonCode *string `bun:"denial_reason_code"`
	TotalClaims      int64   `bun:"total_claims"` // at least 1
	PaidCount        int64   `bun:"paid_count"`
	DeniedCount      int64   `bun:"denied_count"`
	OtherCount       int64   `bun:"other_count"`
	// DenialRate is the share of denied claims in all of them, 0..1.
	DenialRate float64 `bun:"denial_rate"`
	// The sums are USD over the claims that have the amount; 0 when none has.
	BilledAmount  decimal.Decimal `bun:"billed_amount,type:numeric"`
	AllowedAmount decimal.Decimal `bun:"allowed_amount,type:numeric"`
	PaidAmount    decimal.Decimal `bun:"paid_amount,type:numeric"`
}

// ClaimStatsFilter says which claims are counted and how they are grouped.
type ClaimStatsFilter struct {
	GroupBy          *ClaimGrouping `query:"group_by" column:"-" op:"group" doc:"What claims are grouped by, the first one first in the order of the answer; payer unless given, and one group of all claims when empty. A month is that of decided_date."`
	Payer            *string        `query:"payer" column:"payer" op:"icontains" doc:"Only claims whose payer contains this text, ignoring case."`
	CptGroup         *string        `query:"cpt_group" column:"cpt_group" op:"eq" doc:"Only claims of exactly this CPT group."`
	Outcome          *Outcome       `query:"outcome" column:"outcome" op:"eq" doc:"Only claims with this outcome."`
	DenialReasonCode *string        `query:"denial_reason_code" column:"denial_reason_code" op:"eq" doc:"Only claims with exactly this denial reason code; those without one when empty."`
	FromMonth        *Month         `query:"from_month" column:"month" op:"gte" doc:"Only claims decided in this month or later."`
	ToMonth          *Month         `query:"to_month" column:"month" op:"lte" doc:"Only claims decided in this month or earlier."`
}

// Grouping is what the filter groups by: payers unless it says otherwise. The
// error is VALIDATION for a dimension that is named twice.
func (f ClaimStatsFilter) Grouping() (ClaimGrouping, error) {
	if f.GroupBy == nil {
		return ClaimGrouping{ByPayer}, nil
	}
	for i, d := range *f.GroupBy {
		if slices.Contains((*f.GroupBy)[:i], d) {
			return nil, InvalidField("group_by", "repeated", "must name %s once", d)
		}
	}
	return *f.GroupBy, nil
}

// ClaimStatsOrderField is a column statistics of claims can be ordered by. A
// dimension that claims are not grouped by is nil in every group and orders
// nothing.
type ClaimStatsOrderField string

// The orderings of statistics.
const (
	ClaimStatsOrderPayer            ClaimStatsOrderField = "payer"
	ClaimStatsOrderCPTGroup         ClaimStatsOrderField = "cpt_group"
	ClaimStatsOrderMonth            ClaimStatsOrderField = "month"
	ClaimStatsOrderOutcome          ClaimStatsOrderField = "outcome"
	ClaimStatsOrderDenialReasonCode ClaimStatsOrderField = "denial_reason_code"
	ClaimStatsOrderTotalClaims      ClaimStatsOrderField = "total_claims"
	ClaimStatsOrderDeniedCount      ClaimStatsOrderField = "denied_count"
	ClaimStatsOrderDenialRate       ClaimStatsOrderField = "denial_rate"
	ClaimStatsOrderBilledAmount     ClaimStatsOrderField = "billed_amount"
	ClaimStatsOrderAllowedAmount    ClaimStatsOrderField = "allowed_amount"
	ClaimStatsOrderPaidAmount       ClaimStatsOrderField = "paid_amount"
)

// Values lists the columns.
func (ClaimStatsOrderField) Values() []string {
	return []string{
		string(ClaimStatsOrderPayer), string(ClaimStatsOrderCPTGroup), string(ClaimStatsOrderMonth), string(ClaimStatsOrderOutcome),
		string(ClaimStatsOrderDenialReasonCode), string(ClaimStatsOrderTotalClaims), string(ClaimStatsOrderDeniedCount),
		string(ClaimStatsOrderDenialRate), string(ClaimStatsOrderBilledAmount), string(ClaimStatsOrderAllowedAmount),
		string(ClaimStatsOrderPaidAmount),
	}
}

// MarshalGQL writes the GraphQL enum value.
func (f ClaimStatsOrderField) MarshalGQL(w io.Writer) { marshalEnum(w, f) }

// UnmarshalGQL reads the GraphQL enum value.
func (f *ClaimStatsOrderField) UnmarshalGQL(v any) error { return unmarshalEnum(f, v) }
