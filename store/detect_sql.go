package store

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"upstream/models"
	"upstream/models/drift"
)

// aggregates answers three aggregates over the claims of both windows in one
// result and one snapshot: cells by week and code, and histograms of days to
// the decision and to the payment. The database counts; no claim leaves it.
//
// Each is a GROUP BY of its own over the covering index of the window. GROUPING
// SETS would read the index once, but carry the sums of the cells through each
// set, in more memory than hashing may take: they sort, at three times the cost.
//
// %[1]s is the date column that places a claim in a window. The parameters are
// the customer, the starts of the baseline and of the current window and the
// end of the latter; %[2]s may narrow the claims further.
const aggregates = `
SELECT 'cell', %[1]s >= $3::date,
    ((CASE WHEN %[1]s >= $3::date THEN $4::date ELSE $3::date END) - %[1]s - 1) / 7, payer, cpt_group, cpt, 0, 0::bigint,
    count(*) FILTER (WHERE outcome = 'PAID'),
    count(*) FILTER (WHERE outcome = 'DENIED'),
    count(*) FILTER (WHERE outcome = 'OTHER'),
    count(*) FILTER (WHERE authorization_required),
    count(*) FILTER (WHERE authorization_required AND authorization_denied),
    count(allowed_amount) FILTER (WHERE outcome = 'PAID'),
    coalesce(sum(allowed_amount) FILTER (WHERE outcome = 'PAID'), 0),
    coalesce(sum(allowed_amount * allowed_amount) FILTER (WHERE outcome = 'PAID'), 0),
    count(coalesce(allowed_amount, billed_amount)) FILTER (WHERE %[1]s >= $3::date),
    coalesce(sum(coalesce(allowed_amount, billed_amount)) FILTER (WHERE %[1]s >= $3::date), 0)
FROM claims
WHERE customer_id = $1::uuid AND %[1]s >= $2::date AND %[1]s < $4::date%[2]s
GROUP BY 2, 3, payer, cpt_group, cpt
UNION ALL
SELECT 'decision', %[1]s >= $3::date, 0, payer, cpt_group, '', decided_date - submitted_date, count(*),
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0
FROM claims
WHERE customer_id = $1::uuid AND %[1]s >= $2::date AND %[1]s < $4::date AND outcome <> 'OTHER'%[2]s
GROUP BY 2, payer, cpt_group, 7
UNION ALL
SELECT 'payment', %[1]s >= $3::date, 0, payer, cpt_group, '', payment_date - submitted_date, count(*),
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0
FROM claims
WHERE customer_id = $1::uuid AND %[1]s >= $2::date AND %[1]s < $4::date AND outcome = 'PAID' AND payment_date IS NOT NULL%[2]s
GROUP BY 2, payer, cpt_group, 7`

// detectSettings give the one aggregate the memory to count in one pass.
const detectSettings = `SELECT set_config('statement_timeout', '0', true), set_config('work_mem', '64MB', true)`

// gather reads everything a run decides on, in the run's own snapshot.
func gather(ctx context.Context, tx *tenantTx, p models.DetectParams) (drift.Input, error) {
	input := drift.Input{Params: p, Signals: p.Signals}
	if _, err := tx.tx.ExecContext(ctx, detectSettings); err != nil {
		return input, err
	}
	accumulator := drift.NewAccumulator(p)
	if err := tx.pgx(ctx, func(conn *pgx.Conn) error { return aggregate(ctx, conn, tx.customer, p, "", accumulator) }); err != nil {
		return input, err
	}
	input.Segments = accumulator.Segments()
	var err error
	if input.Previous, err = previousEvents(ctx, tx, p); err != nil {
		return input, err
	}
	input.Watermark, err = watermark(ctx, tx)
	return input, err
}

func windowColumn(by models.WindowBy) string {
	if by == models.WindowBySubmitted {
		return "submitted_date"
	}
	return "decided_date"
}

// aggregate adds the claims of a customer to the accumulator, or those of one
// payer when payer is not empty.
func aggregate(
	ctx context.Context, conn *pgx.Conn, customer models.CustomerID, p models.DetectParams, payer string, into *drift.Accumulator,
) error {
	narrow := ""
	args := []any{
		pgx.QueryExecModeExec, customer.UUID().String(), p.BaselineStart().String(), p.CurrentStart().String(), p.AsOf.String(),
	}
	if payer != "" {
		narrow, args = " AND payer = $5::text", append(args, payer)
	}
	rows, err := conn.Query(ctx, fmt.Sprintf(aggregates, windowColumn(p.WindowBy), narrow), args...)
	if err != nil {
		return err
	}
	var r aggregateRow
	targets := []any{
		&r.kind, &r.isCurrent, &r.week, &r.payer, &r.group, &r.cpt, &r.days, &r.count,
		&r.paid, &r.denied, &r.other, &r.authRequired, &r.authDenied,
		&r.allowed.N, &r.allowed.Sum, &r.allowed.SumSquares, &r.value.N, &r.value.Sum,
	}
	_, err = pgx.ForEachRow(rows, targets, func() error { return r.addTo(into) })
	return err
}

// The kinds of rows that aggregates answers with, beside cells.
const (
	decisionRow = "decision"
	paymentRow  = "payment"
)

// aggregateRow is one row of any kind: a cell, or days and how many claims
// took them.
type aggregateRow struct {
	kind                     string
	isCurrent                bool
	week, days, count        int
	payer, group, cpt        string
	paid, denied, other      int
	authRequired, authDenied int
	allowed                  drift.Moments
	value                    drift.Amount
}

func (r *aggregateRow) addTo(a *drift.Accumulator) error {
	window := drift.Baseline
	if r.isCurrent {
		window = drift.Current
	}
	days := func(m drift.Measure) error {
		return a.AddDays(drift.DaysRow{
			Window: window, Measure: m, Payer: r.payer, CPTGroup: r.group, Days: r.days, Count: r.count,
		})
	}
	switch r.kind {
	case decisionRow:
		return days(drift.DecisionDays)
	case paymentRow:
		return days(drift.PaymentDays)
	default:
		return a.Add(drift.Cell{
			Window: window, Week: r.week, Payer: r.payer, CPTGroup: r.group, CPT: r.cpt,
			Counts: drift.Counts{
				Paid: r.paid, Denied: r.denied, Other: r.other, AuthRequired: r.authRequired, AuthDenied: r.authDenied,
			},
			Allowed: r.allowed, Value: r.value,
		})
	}
}
