package store

import (
	"context"
	"strings"

	"github.com/uptrace/bun"

	"upstream/models"
)

// payerSummaries counts the claims submitted within a period, by payer, and
// those payers. ?3 narrows the payers further.
const payerSummaries = `(
    SELECT customer_id, payer, sum(paid) + sum(denied) + sum(other) AS total_claims, sum(paid) AS paid_count,
        sum(denied) AS denied_count, sum(other) AS other_count,
        sum(denied)::float8 / (sum(paid) + sum(denied) + sum(other))::float8 AS denial_rate,
        round(sum(allowed_amount) / nullif(sum(allowed), 0), 2) AS avg_allowed_amount,
        count(*) OVER () AS payers
    FROM claim_payer_days
    WHERE customer_id = ?0 AND submitted_date BETWEEN ?1 AND ?2?3
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

// narrowPeriod puts the filter to the claims that are summarised.
func narrowPeriod(_ context.Context, tx *tenantTx, filter any) (any, scopeFunc, error) {
	f, ok := filter.(models.PayerSummaryFilter)
	if !ok {
		return filter, everything, nil
	}
	period, err := f.Period(models.DateOf(tx.now))
	payers := bun.SafeQuery("")
	if f.Payer != nil {
		payers = bun.SafeQuery(" AND payer ILIKE ?", containing(*f.Payer))
		if strings.ContainsRune(*f.Payer, 0) {
			payers = bun.SafeQuery(" AND FALSE") // no stored text holds a NUL, and none can be sent
		}
	}
	return struct{}{}, func(q *bun.SelectQuery) *bun.SelectQuery {
		return q.ModelTableExpr(payerSummaries, tx.customer, period.First, period.Last, payers)
	}, err
}

// PayerSummaries lists how each payer decided the claims submitted within a
// period, busiest payer first. The error is VALIDATION for a period that ends
// before it starts.
func (s *Store) PayerSummaries(ctx context.Context, v models.Viewer, f models.PayerSummaryFilter, l models.List[models.PayerSummaryOrderField]) (*models.Rows[*models.PayerSummary], error) {
	return read(ctx, s, v, models.PermissionViewClaims, func(tx *tenantTx) (*models.Rows[*models.PayerSummary], error) {
		rows, err := listSummaries(ctx, tx, f, l)
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

// listSummaries spares the statement that counts the payers where a row says
// how many there are: it would add up the whole period again.
func listSummaries(ctx context.Context, tx *tenantTx, f models.PayerSummaryFilter, l models.List[models.PayerSummaryOrderField]) (*models.Rows[*models.PayerSummary], error) {
	whole := l
	whole.Page.WantTotal = l.Page.SkipRows && l.Page.WantTotal
	rows, err := list(ctx, tx, payerSummarySpec(), "", everything, f, whole)
	if err != nil || !l.Page.WantTotal || rows.Total != nil {
		return rows, err
	}
	if len(rows.Items) > 0 {
		rows.Total = &rows.Items[0].Payers
		return rows, nil
	}
	l.Page.SkipRows, l.Page.WantNeighbours = true, false
	counted, err := list(ctx, tx, payerSummarySpec(), "", everything, f, l)
	if err == nil {
		rows.Total = counted.Total
	}
	return rows, err
}

// ClaimsOfPayers lists the claims submitted to each of the payers within a
// period.
func (s *Store) ClaimsOfPayers(ctx context.Context, v models.Viewer, payers []string, period models.Period, f models.ClaimFilter, l models.List[models.ClaimOrderField]) (map[string]*models.Rows[*models.Claim], error) {
	return read(ctx, s, v, models.PermissionViewClaims, func(tx *tenantTx) (map[string]*models.Rows[*models.Claim], error) {
		ofPayer := byColumn("cl", "payer", func(c *models.Claim) string { return c.Payer })
		spec := claimSpec()
		spec.tally = submittedTally
		spec.narrow = func(ctx context.Context, tx *tenantTx, filter any) (any, scopeFunc, error) {
			rest, scope, err := narrowClaims(ctx, tx, filter)
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
		ofPayer := byColumn("de", "payer", func(e *models.DriftEvent) string { return e.Payer })
		return listOf(ctx, tx, driftEventSpec(), ofPayer, payers, f, l)
	})
}
