//go:build linux || darwin || freebsd

package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"upstream/internal/factory"
	"upstream/models"
)

// detectionDay is the as-of of these runs. The servers' clock is the real one.
var detectionDay = models.NewDate(2026, time.February, 1)

// drifting is a clinic of which one payer denies more in the weeks before
// detectionDay.
func drifting(t *testing.T) *factory.Tenant {
	t.Helper()
	cedar := factory.New(t).Tenant("cedar")
	cedar.Ingest(shifting("Payer A", 30, 40)...)
	cedar.Ingest(shifting("Payer B", 30, 10)...)
	return cedar
}

// shifting are 300 claims of the baseline and 100 of the current window, of
// which so many were denied.
func shifting(payer string, before, after int) []factory.Batch {
	batch := func(first, days, count int, outcome models.Outcome) factory.Batch {
		return factory.Batch{
			Payer: payer, CPT: "99213", Outcome: outcome, Count: count, FirstDay: detectionDay.AddDays(first), Days: days, Wait: 10, Billed: 200,
		}
	}
	return []factory.Batch{
		batch(-104, 90, 300-before, models.OutcomePaid), batch(-104, 90, before, models.OutcomeDenied),
		batch(-14, 14, 100-after, models.OutcomePaid), batch(-14, 14, after, models.OutcomeDenied),
	}
}

// serveOn starts a server on the clinic's database that works on no jobs.
func serveOn(t *testing.T, cedar *factory.Tenant) (*program, *client) {
	t.Helper()
	p := start(t, t.TempDir(), "serve", "--no-workers", "--database-url="+cedar.DB.AppURL, "--secret-key="+strings.Repeat("s", 32))
	c := newClient(p.url(t))
	c.token = string(cedar.APIKey(models.ScopeDriftRun, models.ScopeDriftRead, models.ScopeClaimsWrite).Text)
	return p, c
}

// detect asks for a run by either API, and answers with the refusal's code.
func (c *client) detect(byGraphQL bool) (code string, err error) {
	path, body := "/api/v1/drift/detect/", fmt.Sprintf(`{"as_of": %q}`, detectionDay)
	if byGraphQL {
		path = "/graphql"
		body = fmt.Sprintf(`{"query": "mutation { detectDrift(input: {asOf: \"%s\"}) { reportRun { status } userErrors { code } } }"}`, detectionDay)
	}
	answer, err := c.try(http.MethodPost, path, strings.NewReader(body), "application/json")
	const conflict = string(models.CodeSerializationConflict)
	switch {
	case strings.Contains(answer, conflict) || err != nil && strings.Contains(err.Error(), conflict):
		return conflict, nil
	case err != nil:
		return "", err
	case !strings.Contains(strings.ToLower(answer), `"success"`):
		return "", fmt.Errorf("the answer is %s", answer)
	}
	return "", nil
}

// checkWhole demands that what is stored of a run is all of it, or nothing, and
// comes from one state of the claims.
func checkWhole(t *testing.T, cedar *factory.Tenant, run *models.ReportRun) {
	t.Helper()
	rows := factory.Query[string](cedar, `SELECT json_build_array(
		(SELECT count(*) FROM drift_tests WHERE report_run_id = ?0),
		(SELECT count(*) FROM drift_events WHERE report_run_id = ?0),
		(SELECT count(DISTINCT (payer, cpt_group, drift_type)) FROM drift_events WHERE report_run_id = ?0),
		(SELECT count(DISTINCT evidence->>'data_watermark') FROM drift_events WHERE report_run_id = ?0),
		(SELECT count(*) FROM drift_events e JOIN report_runs r ON r.id = e.report_run_id
			WHERE report_run_id = ?0 AND e.evidence->>'data_watermark' IS DISTINCT FROM r.summary_json->>'watermark'))::text`, run.ID)
	var got []int
	if err := json.Unmarshal([]byte(rows), &got); err != nil {
		t.Fatal(err)
	}
	marks := min(run.DriftEventCount, 1)
	if want := []int{run.TestCount, run.DriftEventCount, run.DriftEventCount, marks, 0}; fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("run %s is %s: tests, events, distinct events, watermarks and foreign ones are %v, want %v", run.ID, run.Status, got, want)
	}
	if run.Status == models.RunSuccess && run.DriftEventCount == 0 || run.Status != models.RunSuccess && run.TestCount != 0 {
		t.Errorf("run %+v", run)
	}
}

func runsOf(t *testing.T, cedar *factory.Tenant) []*models.ReportRun {
	t.Helper()
	rows, err := cedar.Store.ReportRuns(t.Context(), cedar.System(), models.ReportRunFilter{},
		models.List[models.ReportRunOrderField]{Page: models.Page{Limit: 1000}})
	if err != nil {
		t.Fatal(err)
	}
	return rows.Items
}

// Thirty-two detections of one clinic at once, by two servers and both APIs,
// while claims come in.
func TestRuns_ManyAtOnce(t *testing.T) {
	t.Parallel()
	cedar := drifting(t)
	_, first := serveOn(t, cedar)
	_, second := serveOn(t, cedar)
	const detections = 32
	var wg sync.WaitGroup
	codes := make(chan string, detections)
	for i := range detections {
		c := []*client{first, second}[i%2]
		wg.Go(func() {
			code, err := c.detect(i/2%2 == 0)
			if err != nil {
				t.Error(err)
			}
			codes <- code
		})
	}
	for i := range 8 {
		batches := shifting(fmt.Sprint("Payer ", i), 30, 40)
		wg.Go(func() { cedar.Ingest(batches...) })
	}
	wg.Wait()
	close(codes)
	conflicts := 0
	for code := range codes {
		if code != "" {
			conflicts++
		}
	}
	succeeded := 0
	runs := runsOf(t, cedar)
	for _, run := range runs {
		checkWhole(t, cedar, run)
		switch {
		case run.Status == models.RunSuccess:
			succeeded++
		case run.ErrorCode == nil || *run.ErrorCode != string(models.CodeSerializationConflict):
			t.Errorf("run %+v", run)
		}
	}
	if len(runs) != detections || succeeded != detections-conflicts || succeeded < detections/2 {
		t.Errorf("%d runs, %d succeeded, %d conflicts", len(runs), succeeded, conflicts)
	}
}

// stall is where a server is held up: what is done to the database before, and
// how to know that the server has come there.
type stall struct {
	prepare, arrived string
	// want is the state of the run in the end; empty when there is none.
	want models.RunStatus
}

// stalled is the number of the lock that holds a server up.
const stalled = 4711

// waiting counts who waits for that lock.
var waiting = fmt.Sprintf(`SELECT count(*) > 0 FROM pg_locks WHERE locktype = 'advisory' AND objid = %d AND NOT granted`, stalled)

// before is a trigger that waits for the lock.
func before(trigger string) string {
	return fmt.Sprintf(`CREATE FUNCTION stall() RETURNS trigger LANGUAGE plpgsql AS $$
		BEGIN PERFORM pg_advisory_xact_lock(%d); RETURN NEW; END $$; CREATE %s EXECUTE FUNCTION stall()`, stalled, trigger)
}

// Whatever a server is doing when it is killed, it leaves a whole run or none,
// and in the end no run looks alive.
func TestRuns_KilledAtEachStep(t *testing.T) {
	t.Parallel()
	for name, s := range map[string]stall{
		"before the run row": {before(`TRIGGER stall BEFORE INSERT ON report_runs FOR EACH ROW`), waiting, ""},
		"in the aggregate": {
			`CREATE FUNCTION stall() RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN
				IF current_setting('transaction_isolation') = 'serializable' THEN PERFORM pg_advisory_xact_lock(4711); END IF;
				RETURN true; END $$;
			CREATE POLICY stall ON claims AS RESTRICTIVE FOR SELECT USING ((SELECT stall()))`, waiting, models.RunFailed,
		},
		"before the events": {before(`TRIGGER stall BEFORE INSERT ON drift_events FOR EACH ROW`), waiting, models.RunFailed},
		"after the events":  {before(`TRIGGER stall BEFORE INSERT ON drift_tests FOR EACH ROW`), waiting, models.RunFailed},
		"before the end":    {before(`TRIGGER stall BEFORE UPDATE ON report_runs FOR EACH ROW`), waiting, models.RunFailed},
		// A COMMIT that has begun goes through, whoever asked for it.
		"in the commit": {
			before(`CONSTRAINT TRIGGER stall AFTER UPDATE ON report_runs DEFERRABLE INITIALLY DEFERRED FOR EACH ROW`), waiting, models.RunSuccess,
		},
		"after the commit": {`SELECT 1`, `SELECT count(*) > 0 FROM audit_heads WHERE seq > 0 AND EXISTS (
			SELECT FROM report_runs WHERE status = 'success')`, models.RunSuccess},
	} {
		t.Run(strings.ReplaceAll(name, " ", "_"), func(t *testing.T) { s.kill(t) })
	}
}

func (s stall) kill(t *testing.T) {
	t.Helper()
	cedar := drifting(t)
	ctx := t.Context()
	p, c := serveOn(t, cedar)
	holder, err := pgx.Connect(ctx, cedar.DB.OwnerURL)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = holder.Close(context.WithoutCancel(ctx)) }()
	if _, err := holder.Exec(ctx, fmt.Sprintf(`SELECT pg_advisory_lock(%d)`, stalled)); err != nil {
		t.Fatal(err)
	}
	if _, err := holder.Exec(ctx, s.prepare); err != nil {
		t.Fatal(err)
	}
	answered := make(chan error, 1)
	go func() {
		_, err := c.detect(false)
		answered <- err
	}()
	for !factory.Query[bool](cedar, s.arrived) {
		continue
	}
	if err := p.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = p.cmd.Wait()
	<-answered
	if _, err := holder.Exec(ctx, fmt.Sprintf(`SELECT pg_advisory_unlock(%d)`, stalled)); err != nil {
		t.Fatal(err)
	}
	// What the server's connections were doing ends, and the watchdog looks every
	// now and then.
	for factory.Query[bool](cedar, `SELECT count(*) > 0 FROM pg_stat_activity WHERE datname = current_database() AND state = 'active'
		AND pid <> pg_backend_pid() AND query NOT LIKE '%pg_stat_activity%'`) {
		continue
	}
	for looks := 0; looks == 0 || slices.ContainsFunc(runsOf(t, cedar), (*models.ReportRun).Unfinished); looks++ {
		if _, err := cedar.Store.FailAbandonedRuns(ctx); err != nil {
			t.Fatal(err)
		}
	}
	s.check(t, cedar)
}

func (s stall) check(t *testing.T, cedar *factory.Tenant) {
	t.Helper()
	runs := runsOf(t, cedar)
	if s.want == "" {
		if len(runs) > 0 {
			t.Errorf("runs %+v", runs[0])
		}
		return
	}
	if len(runs) != 1 || runs[0].Status != s.want {
		t.Fatalf("%d runs, the first %+v", len(runs), runs[0])
	}
	checkWhole(t, cedar, runs[0])
	if s.want == models.RunFailed && *runs[0].ErrorCode != "ABANDONED" {
		t.Errorf("failed with %s", *runs[0].ErrorCode)
	}
	if lines := factory.Query[int](cedar, `SELECT count(*) FROM audit_events WHERE action IN ('report_run_failed', 'report_run_completed')`); lines != 1 {
		t.Errorf("%d audit lines of its end", lines)
	}
}
