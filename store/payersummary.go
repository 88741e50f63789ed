package store

import (
	"context"

	"github.com/uptrace/bun"

	"upstream/models"
)

// payerSummaries counts the claims submitted within a period, by payer.
const payerSummaries = `(
    SELECT customer_id, payer,
        sum(paid + denied + other)::bigint AS total_claims, sum(paid)::bigint AS paid_count,
        sum(denied)::bigint AS denied_count, sum(other)::bigint AS other_count,
        sum(denied)::float8 / sum(paid + denied + other)::float8 AS denial_rate,
        round(sum(allowed_amount) / nullif(sum(allowed), 0), 2) AS avg_allowed_amount
    FROM claim_payer_days
    WHERE customer_id = ?0 AND submitted_date BETWEEN ?1 AND ?2
    GROUP BY customer_id, payer
) AS ps`

func payerSummarySpec() listSpec[models.PayerSummary] {
	type summary = models.PayerSummary
	return listSpec[summary]{
		noun: "payer_summary", alias: "ps", narrow: narrowPeriod,
		order: []term{{column: "total_claims", desc: true}, {column: "payer"}},
		columns: map[string]column[summary]{
			"total_claims": {cast: "bigint", value: func(s *summary) any { return s.TotalClaims }},
			"denied_count": {cast: "bigint", value: func(s *summary) any { return s.DeniedCount }},
			"denial_rate":  {cast: "float8", value: func(s *summary) any { return s.DenialRate }},
			"avg_allowed_amount": {cast: "numeric", nullable: true, value: func(s *summary) any {
				if s.AvgAllowedAmount == nil {
					return nil
				}
				return *s.AvgAllowedAmount
			}},
			"payer": {cast: "text", value: func(s *summary) any { return s.Payer }},
		},
	}
}

// narrowPeriod takes the days of the filter for those that are summarised.
func narrowPeriod(_ context.Context, tx *tenantTx, filter any) (any, scopeFunc, error) {
	f, ok := filter.(models.PayerSummaryFilter)
	if !ok {
		return filter, everything, nil
	}
	period, err := f.Period(models.DateOf(tx.now))
	f.StartDate, f.EndDate = nil, nil
	return f, func(q *bun.SelectQuery) *bun.SelectQuery {
		return q.ModelTableExpr(payerSummaries, tx.customer, period.First, period.Last)
	}, err
}

// PayerSummaries lists how each payer decided the claims submitted within a
// period, busiest payer first. The error is VALIDATION for a period that ends
// before it starts.
func (s *Store) PayerSummaries(ctx context.Context, v models.Viewer, f models.PayerSummaryFilter, l models.List[models.PayerSummaryOrderField]) (*models.Rows[*models.PayerSummary], error) {
	return read(ctx, s, v, models.PermissionViewClaims, func(tx *tenantTx) (*models.Rows[*models.PayerSummary], error) {
		rows, err := list(ctx, tx, payerSummarySpec(), "", everything, f, l)
		if err != nil {
			return nil, err
		}
		period, err := f.Period(models.DateOf(tx.now))
		for _, row := range rows.Items {
			row.Period = period
		}
		return rows, err
	})
}

// ClaimsOfPayers lists the claims submitted to each of the payers within a
// period.
func (s *Store) ClaimsOfPayers(ctx context.Context, v models.Viewer, payers []string, period models.Period, f models.ClaimFilter, l models.List[models.ClaimOrderField]) (map[string]*models.Rows[*models.Claim], error) {
	return read(ctx, s, v, models.PermissionViewClaims, func(tx *tenantTx) (map[string]*models.Rows[*models.Claim], error) {
		ofPayer := parentOf[models.Claim, string]{column: "payer", id: func(c *models.Claim) string { return c.Payer }}
		spec := claimSpec()
		spec.narrow = func(ctx context.Context, tx *tenantTx, filter any) (any, scopeFunc, error) {
			rest, scope, err := narrowPayer(ctx, tx, filter)
			return rest, func(q *bun.SelectQuery) *bun.SelectQuery {
				return scope(q).Where("cl.submitted_date BETWEEN ? AND ?", period.First, period.Last)
			}, err
		}
		return listOf(ctx, tx, spec, ofPayer, payers, f, l)
	})
}

// DriftEventsOfPayers lists the events about each of the payers, of all runs.
func (s *Store) DriftEventsOfPayers(ctx context.Context, v models.Viewer, payers []string, f models.DriftEventFilter, l models.List[models.DriftEventOrderField]) (map[string]*driftEventRows, error) {
	return read(ctx, s, v, models.PermissionViewReports, func(tx *tenantTx) (map[string]*driftEventRows, error) {
		ofPayer := parentOf[models.DriftEvent, string]{column: "payer", id: func(e *models.DriftEvent) string { return e.Payer }}
		return listOf(ctx, tx, driftEventSpec(), ofPayer, payers, f, l)
	})
}
