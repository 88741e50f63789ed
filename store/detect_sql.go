package store

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/shopspring/decimal"

	"upstream/models"
	"upstream/models/drift"
)

// aggregates reads the claims of both windows once and answers two aggregates
// in one result: cells by week and code, and histograms of days. The database
// counts; no claim leaves it. %[1]s is the date column that places a claim in
// a window. The parameters are the customer, and the starts of the baseline
// and of the current window and the end of the latter.
const aggregates = `
SELECT grouping(days) = 1 AS is_cell, is_current, week, payer, cpt_group, cpt, days,
    count(*) FILTER (WHERE outcome = 'PAID'),
    count(*) FILTER (WHERE outcome = 'DENIED'),
    count(*) FILTER (WHERE outcome = 'OTHER'),
    count(value) FILTER (WHERE is_current),
    coalesce(sum(value) FILTER (WHERE is_current), 0)
FROM (
    SELECT %[1]s >= $3::date AS is_current,
        ((CASE WHEN %[1]s >= $3::date THEN $4::date ELSE $3::date END) - %[1]s - 1) / 7 AS week,
        payer, cpt_group, cpt, outcome, decided_date - submitted_date AS days,
        coalesce(allowed_amount, billed_amount) AS value
    FROM claims
    WHERE customer_id = $1::uuid AND %[1]s >= $2::date AND %[1]s < $4::date
) c
GROUP BY GROUPING SETS ((is_current, week, payer, cpt_group, cpt), (is_current, payer, cpt_group, days))`

// detectSettings give the one aggregate the memory to count in one pass.
const detectSettings = `SELECT set_config('statement_timeout', '0', true), set_config('work_mem', '64MB', true)`

// gather reads everything a run decides on, in the run's own snapshot.
func gather(ctx context.Context, tx *tenantTx, p models.DetectParams) (drift.Input, error) {
	input := drift.Input{Params: p, Signals: enabledSignals()}
	if _, err := tx.tx.ExecContext(ctx, detectSettings); err != nil {
		return input, err
	}
	accumulator := drift.NewAccumulator(p)
	if err := tx.pgx(ctx, func(conn *pgx.Conn) error { return aggregate(ctx, conn, tx.customer, p, accumulator) }); err != nil {
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

func aggregate(ctx context.Context, conn *pgx.Conn, customer models.CustomerID, p models.DetectParams, into *drift.Accumulator) error {
	rows, err := conn.Query(ctx, fmt.Sprintf(aggregates, windowColumn(p.WindowBy)), pgx.QueryExecModeExec,
		customer.UUID().String(), p.BaselineStart().String(), p.CurrentStart().String(), p.AsOf.String())
	if err != nil {
		return err
	}
	var r aggregateRow
	targets := []any{
		&r.isCell, &r.isCurrent, &r.week, &r.payer, &r.group, &r.cpt, &r.days,
		&r.paid, &r.denied, &r.other, &r.valueN, &r.valueSum,
	}
	_, err = pgx.ForEachRow(rows, targets, func() error { return r.addTo(into) })
	return err
}

// aggregateRow is one row of either aggregate; week and cpt are set in cells,
// days in histograms.
type aggregateRow struct {
	isCell, isCurrent   bool
	week, days          *int
	payer, group        string
	cpt                 *string
	paid, denied, other int
	valueN              int
	valueSum            decimal.Decimal
}

func (r *aggregateRow) addTo(a *drift.Accumulator) error {
	window := drift.Baseline
	if r.isCurrent {
		window = drift.Current
	}
	if r.isCell {
		return a.Add(drift.Cell{
			Window: window, Week: *r.week, Payer: r.payer, CPTGroup: r.group, CPT: *r.cpt,
			Counts: drift.Counts{Paid: r.paid, Denied: r.denied, Other: r.other},
			Value:  drift.Amount{N: r.valueN, Sum: r.valueSum},
		})
	}
	if r.paid+r.denied == 0 {
		return nil // only claims of another outcome took this long
	}
	return a.AddDays(drift.DaysRow{
		Window: window, Measure: drift.DecisionDays, Payer: r.payer, CPTGroup: r.group,
		Days: *r.days, Count: r.paid + r.denied,
	})
}
