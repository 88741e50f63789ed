package seed

import (
	"context"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"

	"upstream/models"
)

// history runs detection week by week and then lays copies of the first run
// behind it, so that the lists are as long as after years of use. A customer
// that has runs keeps them.
func (o Options) history(ctx context.Context, t Target, customer models.CustomerID, ids *ids) error {
	v := models.SystemViewer(customer)
	one := models.List[models.ReportRunOrderField]{Page: models.Page{Limit: 1}}
	there, err := t.Store.ReportRuns(ctx, v, models.ReportRunFilter{}, one)
	if err != nil || len(there.Items) > 0 || o.Runs < 0 {
		return err
	}
	for i := range o.Runs {
		run, err := t.Store.DetectDrift(ctx, v, models.DetectInput{AsOf: new(o.Today.AddDays(-7 * (o.Runs - 1 - i)))})
		if err != nil {
			return fmt.Errorf("detection: %w", err)
		}
		there.Items = append(there.Items, run)
	}
	return o.past(ctx, t, v.CustomerID, there.Items, ids)
}

// past copies the run with the most events.
func (o Options) past(ctx context.Context, t Target, customer models.CustomerID, runs []*models.ReportRun, ids *ids) error {
	most := runs[0]
	for _, run := range runs {
		if run.DriftEventCount > most.DriftEventCount {
			most = run
		}
	}
	return pgx.BeginFunc(ctx, t.Owner, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, `SELECT set_config('app.customer_id', $1, true)`, customer.UUID().String()); err != nil {
			return err
		}
		batch := &pgx.Batch{}
		for week := range max(o.PastRuns, 0) {
			back := week + o.Runs
			id := ids.next()
			batch.Queue(copyRun, most.ID.UUID(), id, back, o.Today.AddDays(-7*back).String())
			batch.Queue(copyEvents, most.ID.UUID(), id, back, o.Today.AddDays(-7*back).String(), eventIDs(ids, most.DriftEventCount))
		}
		return tx.SendBatch(ctx, batch).Close()
	})
}

func eventIDs(ids *ids, n int) []string {
	all := make([]string, n)
	for i := range all {
		all[i] = ids.next().String()
	}
	return all
}

// moved are the columns of windows, which the copies have so many weeks ago.
const moved = `'baseline_start', o.baseline_start - o.current_end + $4::text::date, 'baseline_end', o.baseline_end - o.current_end + $4::text::date,
    'current_start', o.current_start - o.current_end + $4::text::date, 'current_end', $4::text::date, 'created_at', o.created_at - $3::int * interval '7 days'`

// copyRun stores run $1 once more, as $2, of $3 weeks before and of the day $4.
// Whatever columns there are come along.
const copyRun = `
INSERT INTO report_runs
SELECT c.* FROM report_runs o, LATERAL jsonb_populate_record(o, jsonb_build_object('id', $2::uuid, 'as_of', $4::text::date,
    'started_at', o.started_at - $3::int * interval '7 days', 'finished_at', o.finished_at - $3::int * interval '7 days',
    'updated_at', o.updated_at - $3::int * interval '7 days', ` + moved + `)) c
WHERE o.id = $1::uuid`

// copyEvents stores the events of run $1 once more, for run $2.
const copyEvents = `
INSERT INTO drift_events
SELECT c.* FROM (SELECT e AS o, row_number() OVER (ORDER BY e.id) AS n FROM drift_events e WHERE e.report_run_id = $1::uuid) n,
    LATERAL (SELECT (n.o).*) o,
    LATERAL jsonb_populate_record(n.o, jsonb_build_object('id', ($5::uuid[])[n.n], 'report_run_id', $2::uuid, ` + moved + `)) c`

// settled are the tables that seeding fills.
const settled = `claims claim_days claim_payer_days claim_months uploads upload_rejections report_runs drift_events drift_tests`

// Settle leaves the tables as time would: with statistics, and with pages of
// which the database knows that everybody sees all of them.
func Settle(ctx context.Context, t Target) error { return analyze(ctx, t, "VACUUM (ANALYZE)") }

func analyze(ctx context.Context, t Target, statement string) error {
	conn, err := t.Owner.Acquire(ctx)
	if err != nil {
		return err
	}
	defer conn.Release()
	if _, err := conn.Exec(ctx, `SET statement_timeout = 0`); err != nil {
		return err
	}
	for table := range strings.FieldsSeq(settled) {
		if _, err := conn.Exec(ctx, statement+" "+table); err != nil {
			return err
		}
	}
	_, err = conn.Exec(ctx, `RESET statement_timeout`)
	return err
}
