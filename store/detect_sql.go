package store

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"upstream/models"
	"upstream/models/drift"
)

// aggregates answers four aggregates over the claims of both windows in one
// result and one snapshot: counts and money by week, counts and money by code,
// and histograms of days to the decision and to the payment. The database
// counts; no claim leaves it.
//
// Each is a GROUP BY of its own that hashes a pass over the window's pages of
// the covering index. docs/drift-queries.md has the plans, and why GROUPING
// SETS over one pass would take over three times as long.
//
// %[1]s is the date column that places a claim in a window. The parameters are
// the customer, the starts of the baseline and of the current window and the
// end of the latter; %[2]s may narrow the claims further.
const aggregates = `
SELECT 'week', %[1]s >= $3::date,
    ((CASE WHEN %[1]s >= $3::date THEN $4::date ELSE $3::date END) - %[1]s - 1) / 7,
    payer, cpt_group, '',
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
GROUP BY 2, 3, payer, cpt_group
UNION ALL
SELECT 'code', %[1]s >= $3::date, 0, payer, cpt_group, cpt,
    count(*) FILTER (WHERE outcome = 'PAID'),
    count(*) FILTER (WHERE outcome = 'DENIED'),
    0, 0, 0,
    count(allowed_amount) FILTER (WHERE outcome = 'PAID'),
    coalesce(sum(allowed_amount) FILTER (WHERE outcome = 'PAID'), 0),
    0, 0, 0
FROM claims
WHERE customer_id = $1::uuid AND %[1]s >= $2::date AND %[1]s < $4::date%[2]s
GROUP BY 2, payer, cpt_group, cpt
UNION ALL
SELECT 'decision', %[1]s >= $3::date, decided_date - submitted_date, payer, cpt_group, '',
    count(*), 0, 0, 0, 0, 0, 0, 0, 0, 0
FROM claims
WHERE customer_id = $1::uuid AND %[1]s >= $2::date AND %[1]s < $4::date AND outcome <> 'OTHER'%[2]s
GROUP BY 2, 3, payer, cpt_group
UNION ALL
SELECT 'payment', %[1]s >= $3::date, payment_date - submitted_date, payer, cpt_group, '',
    count(*), 0, 0, 0, 0, 0, 0, 0, 0, 0
FROM claims
WHERE customer_id = $1::uuid AND %[1]s >= $2::date AND %[1]s < $4::date AND outcome = 'PAID' AND payment_date IS NOT NULL%[2]s
GROUP BY 2, 3, payer, cpt_group`

// detectSettings give each aggregate the memory to count in one pass.
const detectSettings = `SELECT set_config('statement_timeout', '0', true), set_config('work_mem', '64MB', true)`

// gather reads everything a run decides on, in the run's own snapshot.
func gather(ctx context.Context, tx *tenantTx, p models.DetectParams) (drift.Input, error) {
	if _, err := tx.tx.ExecContext(ctx, detectSettings); err != nil {
		return drift.Input{}, err
	}
	input, err := gatherClaims(ctx, tx, p, "")
	if err != nil {
		return input, err
	}
	input.Previous, err = previousEvents(ctx, tx, p)
	return input, err
}

// gatherClaims is what the claims say: those of the customer, or of one payer
// when payer is not empty.
func gatherClaims(ctx context.Context, tx *tenantTx, p models.DetectParams, payer string) (drift.Input, error) {
	accumulator := drift.NewAccumulator(p)
	err := tx.pgx(ctx, func(conn *pgx.Conn) error { return aggregate(ctx, conn, tx.customer, p, payer, accumulator) })
	if err != nil {
		return drift.Input{}, err
	}
	mark, err := watermark(ctx, tx)
	return drift.Input{Params: p, Signals: p.Signals, Segments: accumulator.Segments(), Watermark: mark}, err
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
		&r.kind, &r.isCurrent, &r.number, &r.payer, &r.group, &r.cpt,
		&r.paid, &r.denied, &r.other, &r.authRequired, &r.authDenied,
		&r.allowed.N, &r.allowed.Sum, &r.allowed.SumSquares, &r.value.N, &r.value.Sum,
	}
	_, err = pgx.ForEachRow(rows, targets, func() error { return r.addTo(into) })
	return err
}

// The kinds of rows that aggregates answers with.
const (
	weekRow     = "week"
	codeRow     = "code"
	decisionRow = "decision"
	paymentRow  = "payment"
)

// aggregateRow is one row of any kind. number is the week, or the days that
// paid counts the claims of; cpt is set in rows by code.
type aggregateRow struct {
	kind                     string
	isCurrent                bool
	number                   int
	payer, group, cpt        string
	paid, denied, other      int
	authRequired, authDenied int
	allowed                  drift.Moments
	value                    drift.Amount
}

func (r *aggregateRow) window() drift.Window {
	if r.isCurrent {
		return drift.Current
	}
	return drift.Baseline
}

func (r *aggregateRow) addTo(a *drift.Accumulator) error {
	switch r.kind {
	case weekRow:
		return a.AddWeek(drift.WeekRow{
			Window: r.window(), Week: r.number, Payer: r.payer, CPTGroup: r.group,
			Counts: drift.Counts{
				Paid: r.paid, Denied: r.denied, Other: r.other, AuthRequired: r.authRequired, AuthDenied: r.authDenied,
			},
			Allowed: r.allowed, Value: r.value,
		})
	case codeRow:
		return a.AddCode(drift.CodeRow{
			Window: r.window(), Payer: r.payer, CPTGroup: r.group, CPT: r.cpt,
			CPTTotals: drift.CPTTotals{
				Paid: r.paid, Denied: r.denied, Allowed: drift.Amount{N: r.allowed.N, Sum: r.allowed.Sum},
			},
		})
	case decisionRow:
		return a.AddDays(r.days(drift.DecisionDays))
	case paymentRow:
		return a.AddDays(r.days(drift.PaymentDays))
	default:
		return fmt.Errorf("store: an aggregate of an unknown kind %q", r.kind)
	}
}

func (r *aggregateRow) days(m drift.Measure) drift.DaysRow {
	return drift.DaysRow{
		Window: r.window(), Measure: m, Payer: r.payer, CPTGroup: r.group, Days: r.number, Count: r.paid,
	}
}
