package store

import (
	"context"
	"slices"

	"github.com/uptrace/bun"

	"upstream/models"
)

// claimMonth is a row of the roll-up by month; its columns are read through
// models.ClaimStats.
type claimMonth struct {
	bun.BaseModel `bun:"table:claim_months,alias:cm"`
}

// dimensionColumn is a column of the answer that says which group it is, with
// its expression in the roll-up and its type.
type dimensionColumn struct {
	dimension         models.ClaimDimension
	column, expr, typ string
}

func dimensionColumns() []dimensionColumn {
	return []dimensionColumn{
		{models.ByPayer, "payer", "cm.payer", "text"},
		{models.ByCPTGroup, "cpt_group", "cm.cpt_group", "text"},
		{models.ByMonth, "month", "cm.month", "date"},
		{models.ByOutcome, "outcome", "cm.outcome", "text"},
		{models.ByDenialReason, "denial_reason_code", "nullif(cm.denial_reason_code, '')", "text"},
	}
}

// claimStatsSpec is how the groups are listed that a grouping makes: in the
// order of its dimensions unless asked otherwise.
func claimStatsSpec(by models.ClaimGrouping) listSpec[models.ClaimStats] {
	spec := listSpec[models.ClaimStats]{noun: "claim_stats", alias: "cs", narrow: narrowStats, columns: claimStatsColumns()}
	for _, d := range dimensionColumns() {
		// Only the dimensions that are grouped by have a value in each row; a
		// claim may be without a reason.
		column := spec.columns[d.column]
		column.nullable = !slices.Contains(by, d.dimension) || d.dimension == models.ByDenialReason
		spec.columns[d.column] = column
	}
	for _, dimension := range by {
		for _, d := range dimensionColumns() {
			if d.dimension == dimension {
				spec.order = append(spec.order, term{column: d.column})
			}
		}
	}
	if len(spec.order) == 0 {
		spec.order = []term{{column: "total_claims"}}
	}
	return spec
}

func claimStatsColumns() map[string]column[models.ClaimStats] {
	type stats = models.ClaimStats
	return map[string]column[stats]{
		"payer":              {cast: "text", value: func(s *stats) any { return optional(s.Payer) }},
		"cpt_group":          {cast: "text", value: func(s *stats) any { return optional(s.CPTGroup) }},
		"month":              {cast: "date", value: func(s *stats) any { return optional(firstDay(s.Month)) }},
		"outcome":            {cast: "text", value: func(s *stats) any { return optional(s.Outcome) }},
		"denial_reason_code": {cast: "text", value: func(s *stats) any { return optional(s.DenialReasonCode) }},
		"total_claims":       {cast: "bigint", value: func(s *stats) any { return s.TotalClaims }},
		"denied_count":       {cast: "bigint", value: func(s *stats) any { return s.DeniedCount }},
		"denial_rate":        {cast: "float8", value: func(s *stats) any { return s.DenialRate }},
		"billed_amount":      {cast: "numeric", value: func(s *stats) any { return s.BilledAmount }},
		"allowed_amount":     {cast: "numeric", value: func(s *stats) any { return s.AllowedAmount }},
		"paid_amount":        {cast: "numeric", value: func(s *stats) any { return s.PaidAmount }},
	}
}

// optional is the value behind p, or nil.
func optional[T any](p *T) any {
	if p == nil {
		return nil
	}
	return *p
}

func firstDay(m *models.Month) *models.Date {
	if m == nil {
		return nil
	}
	return new(m.First())
}

// narrowStats puts the filter to the claims that are counted.
func narrowStats(_ context.Context, tx *tenantTx, filter any) (any, scopeFunc, error) {
	f, ok := filter.(models.ClaimStatsFilter)
	if !ok {
		return filter, everything, nil
	}
	by, err := f.Grouping()
	f.GroupBy = nil
	groups := applyFilter(tx.selectFrom((*claimMonth)(nil)), "cm", f).
		ColumnExpr("cm.customer_id").GroupExpr("cm.customer_id")
	for _, d := range dimensionColumns() {
		if !slices.Contains(by, d.dimension) {
			groups = groups.ColumnExpr("NULL::? AS ?", bun.Safe(d.typ), bun.Ident(d.column))
			continue
		}
		groups = groups.ColumnExpr("? AS ?", bun.Safe(d.expr), bun.Ident(d.column)).GroupExpr("?", bun.Safe(d.expr))
	}
	groups = groups.ColumnExpr(`sum(cm.claims)::bigint AS total_claims,
		coalesce(sum(cm.claims) FILTER (WHERE cm.outcome = 'PAID'), 0)::bigint AS paid_count,
		coalesce(sum(cm.claims) FILTER (WHERE cm.outcome = 'DENIED'), 0)::bigint AS denied_count,
		coalesce(sum(cm.claims) FILTER (WHERE cm.outcome = 'OTHER'), 0)::bigint AS other_count,
		coalesce(sum(cm.claims) FILTER (WHERE cm.outcome = 'DENIED'), 0)::float8 / sum(cm.claims)::float8 AS denial_rate,
		sum(cm.billed_amount) AS billed_amount, sum(cm.allowed_amount) AS allowed_amount, sum(cm.paid_amount) AS paid_amount`)
	return struct{}{}, func(q *bun.SelectQuery) *bun.SelectQuery { return q.ModelTableExpr("(?) AS cs", groups) }, err
}

// ClaimStats counts the customer's claims by group. The error is VALIDATION for
// a dimension that is named twice.
func (s *Store) ClaimStats(ctx context.Context, v models.Viewer, f models.ClaimStatsFilter, l models.List[models.ClaimStatsOrderField]) (*models.Rows[*models.ClaimStats], error) {
	return read(ctx, s, v, models.PermissionViewClaims, func(tx *tenantTx) (*models.Rows[*models.ClaimStats], error) {
		by, err := f.Grouping()
		if err != nil {
			return nil, err
		}
		return list(ctx, tx, claimStatsSpec(by), "", everything, f, l)
	})
}
