package store

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/shopspring/decimal"

	"upstream/models"
	"upstream/models/drift"
)

// aggregates answers with one row for each payer, group and window, in one
// snapshot: the codes of the group with their counts and money, and three
// histograms in one list, of weeks, of days to the decision and of days to the
// payment. The database counts; no claim leaves it.
//
// The covering index holds the claims of a group side by side, by date. So the
// groups are found by skipping from one to the next, and those of each are
// read for themselves: the hashes that count them stay as small as a
// processor's cache, which halves the time that one hash over all groups
// takes. docs/drift-queries.md has the plan and the figures.
//
// The parameters are the customer, the starts of the baseline and of the
// current window and the end of the latter. %[1]s is the date column that
// places a claim in a window; a claim is never decided before it is submitted,
// so that what is submitted in a window is decided after the window's start,
// and the index serves either column. %[2]s may narrow the groups further.
const aggregates = `
WITH RECURSIVE segments AS (
    (SELECT payer, cpt_group FROM claims WHERE customer_id = $1::uuid%[2]s ORDER BY payer, cpt_group LIMIT 1)
    UNION ALL
    SELECT next.payer, next.cpt_group
    FROM segments s CROSS JOIN LATERAL (
        SELECT payer, cpt_group FROM claims
        WHERE customer_id = $1::uuid AND (payer, cpt_group) > (s.payer, s.cpt_group)%[2]s
        ORDER BY payer, cpt_group LIMIT 1
    ) next
), windows (is_current, starting, ending) AS (
    VALUES (false, $2::date, $3::date), (true, $3::date, $4::date)
)
SELECT s.payer, s.cpt_group, w.is_current, codes.*, counts.*
FROM segments s CROSS JOIN windows w
CROSS JOIN LATERAL (
    SELECT array_agg(cpt), array_agg(paid), array_agg(denied), array_agg(priced), array_agg(coalesce(allowed, 0)),
        coalesce(sum(squares), 0), coalesce(sum(valued), 0)::bigint, coalesce(sum(value), 0)
    FROM (
        SELECT cpt, count(*) FILTER (WHERE paid) AS paid, count(*) FILTER (WHERE denied) AS denied,
            count(allowed) AS priced, sum(allowed) AS allowed, sum(allowed * allowed) AS squares,
            count(value) AS valued, sum(value) AS value
        FROM (
            SELECT cpt, outcome = 'PAID' AS paid, outcome = 'DENIED' AS denied,
                CASE WHEN outcome = 'PAID' THEN allowed_amount END AS allowed,
                CASE WHEN w.is_current THEN coalesce(allowed_amount, billed_amount) END AS value
            FROM claims
            WHERE customer_id = $1::uuid AND payer = s.payer AND cpt_group = s.cpt_group
                AND decided_date >= w.starting AND %[1]s >= w.starting AND %[1]s < w.ending
            OFFSET 0 -- each expression is evaluated once for all that use it
        ) claim
        GROUP BY cpt
    ) code
) codes
CROSS JOIN LATERAL (
    SELECT array_agg(measure), array_agg(number), array_agg(class), array_agg(n)
    FROM (
        SELECT GROUPING(decision, payment) AS measure, coalesce(week, decision, payment) AS number, class, count(*) AS n
        FROM (
            SELECT (w.ending - %[1]s - 1) / 7 AS week,
                CASE outcome WHEN 'PAID' THEN 0 WHEN 'DENIED' THEN 1 ELSE 2 END
                    + CASE WHEN authorization_required THEN 4 ELSE 0 END
                    + CASE WHEN authorization_denied THEN 8 ELSE 0 END AS class,
                CASE WHEN outcome <> 'OTHER' THEN decided_date - submitted_date END AS decision,
                CASE WHEN outcome = 'PAID' THEN payment_date - submitted_date END AS payment
            FROM claims
            WHERE customer_id = $1::uuid AND payer = s.payer AND cpt_group = s.cpt_group
                AND decided_date >= w.starting AND %[1]s >= w.starting AND %[1]s < w.ending
        ) claim
        GROUP BY GROUPING SETS ((week, class), (decision), (payment))
    ) counted
    WHERE number IS NOT NULL -- claims that are in another histogram only
) counts`

// detectSettings give each aggregate the memory to count in one pass, and keep
// the planner from what estimates mislead it to: claims submitted and decided
// in the same weeks seem rare to it, so that it would sort where a hash is
// faster, and summed over all groups it takes the statement for one that is
// worth compiling.
const detectSettings = `SELECT set_config('statement_timeout', '0', true), set_config('work_mem', '64MB', true),
    set_config('enable_sort', 'off', true), set_config('jit', 'off', true)`

// gather reads everything a run decides on, in the run's own snapshot.
func gather(ctx context.Context, tx *tenantTx, p models.DetectParams) (drift.Input, error) {
	if _, err := tx.tx.ExecContext(ctx, detectSettings); err != nil {
		return drift.Input{}, err
	}
	input, err := gatherClaims(ctx, tx, p, segment{})
	if err != nil {
		return input, err
	}
	input.Previous, err = previousEvents(ctx, tx, p)
	return input, err
}

// segment narrows claims to those of a payer, and of one of its groups; an empty
// text does not narrow.
type segment struct{ payer, group string }

// gatherClaims is what the claims of a segment say.
func gatherClaims(ctx context.Context, tx *tenantTx, p models.DetectParams, of segment) (drift.Input, error) {
	accumulator := drift.NewAccumulator(p)
	err := tx.pgx(ctx, func(conn *pgx.Conn) error { return aggregate(ctx, conn, tx.customer, p, of, accumulator) })
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

// aggregate adds the claims of a customer's segment to the accumulator.
func aggregate(
	ctx context.Context, conn *pgx.Conn, customer models.CustomerID, p models.DetectParams, of segment, into *drift.Accumulator,
) error {
	narrow := ""
	args := []any{
		pgx.QueryExecModeDescribeExec, // knows the types beforehand, so that lists come in binary form
		customer.UUID().String(), p.BaselineStart().String(), p.CurrentStart().String(), p.AsOf.String(),
	}
	if of.payer != "" {
		narrow, args = " AND payer = $5::text", append(args, of.payer)
	}
	if of.group != "" {
		narrow, args = fmt.Sprintf("%s AND cpt_group = $%d::text", narrow, len(args)), append(args, of.group)
	}
	rows, err := conn.Query(ctx, fmt.Sprintf(aggregates, windowColumn(p.WindowBy), narrow), args...)
	if err != nil {
		return err
	}
	var r aggregateRow
	targets := []any{
		&r.payer, &r.group, &r.isCurrent,
		&r.cpt, &r.paid, &r.denied, &r.priced, &r.allowed, &r.squares, &r.value.N, &r.value.Sum,
		&r.measure, &r.number, &r.class, &r.count,
	}
	_, err = pgx.ForEachRow(rows, targets, func() error { return r.addTo(into) })
	return err
}

// aggregateRow is a group in one window. The lists from cpt to allowed are of
// one length, with an entry for each code; those from measure to count are of
// another, with an entry for each bar of a histogram. Both are empty without
// claims.
type aggregateRow struct {
	payer, group string
	isCurrent    bool

	cpt                  []string
	paid, denied, priced []int
	allowed              []decimal.Decimal
	squares              decimal.Decimal
	value                drift.Amount

	measure, number []int
	class           []*int // set in the bars of weeks alone
	count           []int
}

// The measures of the bars: bits that say which of the columns of days the bar
// is not grouped by.
const (
	decisionBar = 0b01
	paymentBar  = 0b10
	weekBar     = 0b11
)

// The classes of the claims in a bar of weeks: an outcome and two bits.
const (
	paidClass = iota
	deniedClass
	otherClass
)

const (
	outcomeOf    = 0b0011
	authRequired = 0b0100
	authDenied   = 0b1000
)

func (r *aggregateRow) window() drift.Window {
	if r.isCurrent {
		return drift.Current
	}
	return drift.Baseline
}

func (r *aggregateRow) addTo(a *drift.Accumulator) error {
	if len(r.cpt) == 0 {
		return nil
	}
	if err := r.addCodes(a); err != nil {
		return err
	}
	for i := range r.measure {
		if err := r.addBar(a, i); err != nil {
			return err
		}
	}
	return nil
}

// addCodes adds the codes and the money of the group.
func (r *aggregateRow) addCodes(a *drift.Accumulator) error {
	money := drift.MoneyRow{
		Window: r.window(), Payer: r.payer, CPTGroup: r.group,
		Allowed: drift.Moments{SumSquares: r.squares}, Value: r.value,
	}
	for i, cpt := range r.cpt {
		money.Allowed.N += r.priced[i]
		money.Allowed.Sum = money.Allowed.Sum.Add(r.allowed[i])
		err := a.AddCode(drift.CodeRow{
			Window: r.window(), Payer: r.payer, CPTGroup: r.group, CPT: cpt,
			CPTTotals: drift.CPTTotals{
				Paid: r.paid[i], Denied: r.denied[i], Allowed: drift.Amount{N: r.priced[i], Sum: r.allowed[i]},
			},
		})
		if err != nil {
			return err
		}
	}
	return a.AddMoney(money)
}

// addBar adds bar i of the histograms.
func (r *aggregateRow) addBar(a *drift.Accumulator, i int) error {
	days := drift.DaysRow{Window: r.window(), Payer: r.payer, CPTGroup: r.group, Days: r.number[i], Count: r.count[i]}
	switch measure := r.measure[i]; {
	case measure == decisionBar:
		days.Measure = drift.DecisionDays
		return a.AddDays(days)
	case measure == paymentBar:
		days.Measure = drift.PaymentDays
		return a.AddDays(days)
	case measure == weekBar && r.class[i] != nil:
		return a.AddWeek(drift.WeekRow{
			Window: r.window(), Week: r.number[i], Payer: r.payer, CPTGroup: r.group,
			Counts: countsOf(*r.class[i], r.count[i]),
		})
	default:
		return fmt.Errorf("store: a histogram of an unknown measure %b", measure)
	}
}

// countsOf are n claims of one class.
func countsOf(class, n int) drift.Counts {
	var counts drift.Counts
	switch class & outcomeOf {
	case paidClass:
		counts.Paid = n
	case deniedClass:
		counts.Denied = n
	case otherClass:
		counts.Other = n
	}
	if class&authRequired != 0 {
		counts.AuthRequired = n
		if class&authDenied != 0 {
			counts.AuthDenied = n
		}
	}
	return counts
}
