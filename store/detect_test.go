package store_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/shopspring/decimal"

	"upstream/internal/factory"
	"upstream/internal/postgres"
	"upstream/models"
	"upstream/models/drift"
	"upstream/store"
)

func eventsOf(t tester, tenant *factory.Tenant, run models.ReportRunID) []*models.DriftEvent {
	t.Helper()
	return must(tenant.Store.DriftEvents(context.Background(), tenant.System(), models.DriftEventFilter{ReportRun: &run},
		everyRow[models.DriftEventOrderField]()))(t).Items
}

func testsOf(t tester, tenant *factory.Tenant, run models.ReportRunID) []*models.DriftTest {
	t.Helper()
	return must(tenant.Store.DriftTests(context.Background(), tenant.System(), run, models.DriftTestFilter{},
		everyRow[models.DriftTestOrderField]()))(t).Items
}

func runsOf(t tester, tenant *factory.Tenant) []*models.ReportRun {
	t.Helper()
	return must(tenant.Store.ReportRuns(context.Background(), tenant.System(), models.ReportRunFilter{},
		everyRow[models.ReportRunOrderField]()))(t).Items
}

// whole checks that a successful run agrees with what is stored of it.
func whole(t tester, tenant *factory.Tenant, run *models.ReportRun) ([]*models.DriftTest, []*models.DriftEvent) {
	t.Helper()
	stored := must(tenant.Store.ReportRun(context.Background(), tenant.System(), run.ID))(t)
	equal(t, "stored run", withoutJSON(run), withoutJSON(stored))
	tests, events := testsOf(t, tenant, run.ID), eventsOf(t, tenant, run.ID)
	equal(t, "tests and events counted", []int{run.TestCount, run.DriftEventCount}, []int{len(tests), len(events)})
	byID := map[models.DriftEventID]*models.DriftEvent{}
	keys := map[string]bool{}
	for _, e := range events {
		byID[e.ID] = e
		keys[e.SignalKey] = true
	}
	equal(t, "different signals", len(events), len(keys))
	linked := 0
	for _, test := range tests {
		if test.DriftEventID == nil {
			continue
		}
		linked++
		e := byID[*test.DriftEventID]
		if e == nil || e.Payer != test.Payer || e.CPTGroup != test.CPTGroup || e.DriftType != test.DriftType ||
			e.DeltaValue != test.DeltaValue || e.TestMethod != test.Method {
			t.Errorf("the test %+v points at the event %+v", test, e)
		}
	}
	equal(t, "events with a test", len(events), linked)
	return tests, events
}

// withoutJSON leaves out the text of JSON, which the database writes its own way.
func withoutJSON(r *models.ReportRun) models.ReportRun {
	plain := *r
	plain.SummaryJSON = nil
	return plain
}

func TestDetect_FindsPlantedDrift(t *testing.T) {
	t.Parallel()
	w := factory.New(t)
	cedar := w.Tenant("cedar")
	upload := cedar.Drifting()
	viewer := cedar.User(models.RoleAnalyst)
	run := must(w.Store.DetectDrift(t.Context(), viewer, models.DetectInput{}))(t)

	equal(t, "status", models.RunSuccess, run.Status)
	equal(t, "author", &viewer.UserID, run.CreatedBy)
	tests, events := whole(t, cedar, run)
	if len(tests) != 6 || len(events) != 2 {
		t.Fatalf("%d tests and %d events", len(tests), len(events))
	}
	// Nothing is paid yet and nothing needs an authorisation: two rates and the
	// decision time of two payers were tested.
	approval := events[slices.IndexFunc(events, func(e *models.DriftEvent) bool { return e.DriftType == models.DriftApprovalRate })]
	equal(t, "the mirror image", []any{"Payer A", 0.9, 0.6, models.TrendDegrading},
		[]any{approval.Payer, approval.BaselineValue, approval.CurrentValue, approval.TrendDirection})
	e := events[slices.IndexFunc(events, func(e *models.DriftEvent) bool { return e.DriftType == models.DriftDenialRate })]
	equal(t, "event", []any{"Payer A", "E&M", models.DriftDenialRate, models.TrendDegrading, 1, 300, 100},
		[]any{e.Payer, e.CPTGroup, e.DriftType, e.TrendDirection, e.ConsecutivePeriods, e.BaselineSampleSize, e.CurrentSampleSize})
	if e.BaselineValue != 0.1 || e.CurrentValue != 0.4 || e.QValue == nil || *e.QValue > 0.05 {
		t.Errorf("event = %+v", e)
	}
	// (0.4 - 0.1) of 100 claims of 200 dollars each.
	equal(t, "impact", new(decimal.New(600000, -2)), e.EstimatedRevenueImpact)

	var evidence drift.Evidence
	if err := json.Unmarshal(must(w.Store.DriftEvidence(t.Context(), viewer, e.ID))(t).Stored, &evidence); err != nil {
		t.Fatal(err)
	}
	equal(t, "counts in the evidence", []any{30, 40, 300, 100, 6, 200.0},
		[]any{
			*evidence.Baseline.Count, *evidence.Current.Count, evidence.Baseline.SampleSize, evidence.Current.SampleSize,
			evidence.Test.FamilySize, evidence.ClaimValue.Sum.InexactFloat64() / float64(evidence.ClaimValue.Claims),
		})
	equal(t, "watermark", &upload.ID, evidence.DataWatermark)

	var summary map[string]any
	if err := json.Unmarshal(must(w.Store.ReportRun(t.Context(), viewer, run.ID))(t).SummaryJSON, &summary); err != nil {
		t.Fatal(err)
	}
	parameters, _ := summary["parameters"].(map[string]any)
	equal(t, "summary", []any{2.0, 6.0, 2.0, nil, upload.ID.String(), "2026-06-15", "2026-06-01", "2026-03-03", "2026-06-15", 30.0},
		[]any{
			summary["groups_considered"], summary["tests_made"], summary["events_created"], summary["message"],
			summary["watermark"], summary["current_end"], summary["baseline_end"], summary["baseline_start"],
			parameters["as_of_date"], parameters["min_volume"],
		})

	equal(t, "audit lines", []int{1, 1, 2, 0}, []int{
		audited(cedar, "report_run_started"), audited(cedar, "report_run_completed"),
		audited(cedar, "drift_event_created"), audited(cedar, "report_run_failed"),
	})
	active := must(w.Store.ActiveDriftEvents(t.Context(), viewer, models.DriftEventFilter{}, everyRow[models.DriftEventOrderField]()))(t)
	equal(t, "active events", 2, len(active.Items))
	equal(t, "look-ups", []int{1, 1}, []int{
		len(must(w.Store.ReportRunsByID(t.Context(), viewer, []models.ReportRunID{run.ID}))(t)),
		len(must(w.Store.DriftEventsByID(t.Context(), viewer, []models.DriftEventID{e.ID}))(t)),
	})
}

func TestDetect_ThresholdMethod(t *testing.T) {
	t.Parallel()
	cedar := factory.New(t).Tenant("cedar")
	cedar.Drifting()
	run := must(cedar.Store.DetectDrift(t.Context(), cedar.System(), models.DetectInput{
		Method: new(models.MethodThreshold), WindowBy: new(models.WindowByDecided),
	}))(t)
	tests, events := whole(t, cedar, run)
	equal(t, "tests, events", []int{4, 1}, []int{len(tests), len(events)})
	for _, test := range tests {
		if test.PValue != nil || test.QValue != nil || test.Method != models.TestThreshold {
			t.Errorf("the fixed rule made a test: %+v", test)
		}
	}
	if run.CreatedBy != nil || events[0].StatisticalSignificance != nil || events[0].Confidence != 1 {
		t.Errorf("run %+v, event %+v", run, events[0])
	}
}

func TestDetect_NothingToTest(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		batches []factory.Batch
		message string
	}{
		"long ago": {
			batches: []factory.Batch{{Payer: "A", CPT: "99213", Outcome: models.OutcomePaid, Count: 20, FirstDay: factory.Today().AddDays(-300)}},
			message: "There are no claims in either window.",
		},
		"too few": {
			batches: []factory.Batch{{Payer: "A", CPT: "99213", Outcome: models.OutcomePaid, Count: 20, FirstDay: factory.Today().AddDays(-10)}},
			message: "No payer and CPT group has enough claims in both windows to be tested.",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cedar := factory.New(t).Tenant("cedar")
			cedar.Ingest(tt.batches...)
			run := must(cedar.Store.DetectDrift(t.Context(), cedar.System(), models.DetectInput{}))(t)
			whole(t, cedar, run)
			equal(t, "run", []any{models.RunSuccess, 0, 0}, []any{run.Status, run.TestCount, run.DriftEventCount})
			var summary struct{ Message, Watermark string }
			if err := json.Unmarshal(run.SummaryJSON, &summary); err != nil {
				t.Fatal(err)
			}
			equal(t, "message", tt.message, summary.Message)
			equal(t, "watermark", true, summary.Watermark != "")
		})
	}
}

func TestDetect_BadParameters(t *testing.T) {
	t.Parallel()
	cedar := factory.New(t).Tenant("cedar")
	_, err := cedar.Store.DetectDrift(t.Context(), cedar.System(), models.DetectInput{
		AsOf: new(factory.Today().AddDays(1)), RunType: new(models.RunType("daily")), Method: new(models.Method("dice")),
		WindowBy: new(models.WindowBy("paid")), CurrentDays: new(0), BaselineDays: new(-1), MinVolume: new(0), Alpha: new(0.6),
		Signals: []models.DriftType{"MOOD"},
	})
	equal(t, "fields", []string{
		"method:invalid", "window_by:invalid", "run_type:invalid", "as_of:invalid", "current_days:invalid",
		"baseline_days:invalid", "min_volume:invalid", "alpha:invalid", "signals:invalid",
	}, fieldPaths(wantCode(t, err, models.CodeValidation)))
	_, err = cedar.Store.DetectDrift(t.Context(), cedar.User(models.RoleViewer), models.DetectInput{})
	wantCode(t, err, models.CodeForbidden)
	_, err = cedar.Store.DetectDrift(t.Context(), models.Viewer{}, models.DetectInput{})
	wantCode(t, err, models.CodeUnauthenticated)
	_, err = cedar.Store.DetectDrift(t.Context(), cedar.System(), models.DetectInput{})
	equal(t, "without claims", []string{"customer:no_claims"}, fieldPaths(wantCode(t, err, models.CodeValidation)))
	equal(t, "runs", 0, len(runsOf(t, cedar)))
	equal(t, "audit lines", 0, audited(cedar, "report_run_started"))
}

// A signal that goes on counts its periods; the run before is the newest one of
// the same type with an earlier as-of, and must have succeeded.
func TestDetect_Streaks(t *testing.T) {
	t.Parallel()
	cedar := factory.New(t).Tenant("cedar")
	cedar.Drifting()
	detect := func(days int, runType models.RunType) *models.ReportRun {
		return must(cedar.Store.DetectDrift(t.Context(), cedar.System(), models.DetectInput{
			AsOf: new(factory.Today().AddDays(days)), RunType: &runType,
			BaselineDays: new(90), CurrentDays: new(14), Signals: []models.DriftType{models.DriftDenialRate},
		}))(t)
	}
	periods := func(run *models.ReportRun) int {
		t.Helper()
		events := eventsOf(t, cedar, run.ID)
		if len(events) != 1 {
			t.Fatalf("%d events", len(events))
		}
		return events[0].ConsecutivePeriods
	}
	equal(t, "first", 1, periods(detect(-2, models.RunWeekly)))
	cedar.Insert(cedar.RunRow(func(r *models.ReportRun) { // failed: no part of the streak
		r.Status, r.AsOf, r.ErrorMessage = models.RunFailed, factory.Today().AddDays(-1), new("x")
		r.CurrentEnd = r.AsOf
	}))
	equal(t, "second", 2, periods(detect(-1, models.RunWeekly)))
	equal(t, "same day again", 2, periods(detect(-1, models.RunWeekly)))
	equal(t, "another type", 1, periods(detect(0, models.RunCustom)))
	equal(t, "third", 3, periods(detect(0, models.RunWeekly)))
	equal(t, "a day before them all", 1, periods(detect(-3, models.RunWeekly)))
}

func TestActiveDriftEvents_AreThoseOfTheRunThatFinishedLast(t *testing.T) {
	t.Parallel()
	cedar := factory.New(t).Tenant("cedar")
	active := func() (payers []string) {
		rows := must(cedar.Store.ActiveDriftEvents(t.Context(), cedar.System(), models.DriftEventFilter{}, everyRow[models.DriftEventOrderField]()))(t)
		for _, e := range rows.Items {
			payers = append(payers, e.Payer)
		}
		return payers
	}
	equal(t, "without a run", []string(nil), active())
	finished := func(minutes int, status models.RunStatus) func(*models.ReportRun) {
		return func(r *models.ReportRun) {
			at := factory.Now().Add(-time.Duration(minutes) * time.Minute)
			r.FinishedAt, r.Status = &at, status
			if status == models.RunFailed {
				r.ErrorMessage = new("x")
			}
		}
	}
	early := cedar.RunRow(finished(10, models.RunSuccess))
	cedar.Insert(early, cedar.EventRow(early.ID, "Early"))
	equal(t, "one run", []string{"Early"}, active())
	late := cedar.RunRow(finished(5, models.RunSuccess), func(r *models.ReportRun) { r.StartedAt = r.StartedAt.Add(-time.Duration(60) * time.Minute) })
	cedar.Insert(late, cedar.EventRow(late.ID, "Late"))
	failed := cedar.RunRow(finished(1, models.RunFailed))
	cedar.Insert(failed, cedar.EventRow(failed.ID, "Failed"))
	equal(t, "finished last, though started first", []string{"Late"}, active())
}

// failing makes the store's statement that contains text fail.
func failing(t *testing.T, w *factory.World, table string) {
	t.Helper()
	_, err := w.DB.Owner.Exec(t.Context(), fmt.Sprintf(`
		CREATE FUNCTION sabotage() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'sabotage'; END $$;
		CREATE TRIGGER sabotage BEFORE INSERT ON %s FOR EACH ROW EXECUTE FUNCTION sabotage()`, table))
	if err != nil {
		t.Fatal(err)
	}
}

func TestDetect_FailuresAreRecorded(t *testing.T) {
	t.Parallel()
	for _, table := range []string{"drift_events", "drift_tests"} {
		t.Run(table, func(t *testing.T) {
			t.Parallel()
			cedar := factory.New(t).Tenant("cedar")
			cedar.Drifting()
			failing(t, cedar.World, table)
			run, err := cedar.Store.DetectDrift(t.Context(), cedar.System(), models.DetectInput{})
			wantCode(t, err, models.CodeInternal)
			if run != nil {
				t.Errorf("run = %+v", run)
			}
			failed := onlyFailedRun(t, cedar)
			equal(t, "why", []string{"INTERNAL", models.InternalMessage}, []string{*failed.ErrorCode, *failed.ErrorMessage})
		})
	}
}

// onlyFailedRun is the one run of the customer, failed and without any rows.
func onlyFailedRun(t *testing.T, cedar *factory.Tenant) *models.ReportRun {
	t.Helper()
	runs := runsOf(t, cedar)
	if len(runs) != 1 || runs[0].Status != models.RunFailed || runs[0].FinishedAt == nil || runs[0].Version != 2 {
		t.Fatalf("runs = %+v", runs)
	}
	equal(t, "tests and events left behind", []int{0, 0},
		[]int{len(testsOf(t, cedar, runs[0].ID)), len(eventsOf(t, cedar, runs[0].ID))})
	equal(t, "audit lines", []int{1, 1, 0, 0}, []int{
		audited(cedar, "report_run_started"), audited(cedar, "report_run_failed"),
		audited(cedar, "report_run_completed"), audited(cedar, "drift_event_created"),
	})
	return runs[0]
}

func TestDetect_ClientGivesUp(t *testing.T) {
	t.Parallel()
	for _, at := range []string{"FROM claims", `INSERT INTO "drift_events"`, `INSERT INTO "drift_tests"`, "COMMIT"} {
		t.Run(at, func(t *testing.T) {
			t.Parallel()
			w := factory.New(t)
			cedar := w.Tenant("cedar")
			cedar.Drifting()
			r := traced(w)
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			seen := false
			var mu sync.Mutex
			r.on(func(sql string) {
				mu.Lock()
				defer mu.Unlock()
				seen = seen || strings.Contains(sql, "UNION ALL") // the run itself has begun
				if seen && strings.Contains(strings.ToUpper(sql), strings.ToUpper(at)) {
					cancel()
				}
			})
			_, err := w.Store.DetectDrift(ctx, cedar.System(), models.DetectInput{})
			if !errors.Is(err, context.Canceled) {
				t.Fatalf("error = %v", err)
			}
			equal(t, "why", "CANCELED", *onlyFailedRun(t, cedar).ErrorCode)
		})
	}
}

// Sixteen detections of one customer while claims come in: each is whole.
func TestDetect_ManyAtOnceWhileIngesting(t *testing.T) {
	t.Parallel()
	w := factory.New(t)
	cedar, harbor := w.Tenant("cedar"), w.Tenant("harbor")
	cedar.Drifting()
	harbor.Drifting()
	more := w.CSV(factory.Batch{
		Payer: "Payer C", CPT: "99213", Outcome: models.OutcomePaid, Count: 200, FirstDay: factory.Today().AddDays(-100), Days: 99, Wait: 5, Billed: 10,
	})
	runs := make([]*models.ReportRun, 16)
	var wg sync.WaitGroup
	for i := range runs {
		wg.Go(func() {
			run, err := w.Store.DetectDrift(t.Context(), cedar.System(), models.DetectInput{})
			if err != nil {
				t.Error(err)
			}
			runs[i] = run
		})
	}
	wg.Go(func() {
		if _, err := cedar.IngestText(string(more)); err != nil {
			t.Error(err)
		}
	})
	wg.Go(func() {
		// Cedar's sixteen may be in the way of all its attempts; a client that
		// is told so asks again.
		for {
			_, err := w.Store.DetectDrift(t.Context(), harbor.System(), models.DetectInput{})
			if err == nil {
				return
			}
			if models.CodeOf(err) != models.CodeSerializationConflict {
				t.Error(err)
				return
			}
		}
	})
	wg.Wait()
	if t.Failed() {
		return
	}
	for _, run := range runs {
		equal(t, "status", models.RunSuccess, run.Status)
		if _, events := whole(t, cedar, run); len(events) == 0 {
			t.Error("a run found nothing")
		}
	}
	equal(t, "runs", 16, len(runsOf(t, cedar)))
	equal(t, "events of another customer", 2, len(must(w.Store.DriftEvents(t.Context(), harbor.System(), models.DriftEventFilter{},
		everyRow[models.DriftEventOrderField]()))(t).Items))
}

// The detections of one customer wait without taking the connections of others.
func TestDetect_WaitingLeavesConnectionsToOthers(t *testing.T) {
	t.Parallel()
	w := factory.New(t)
	cedar, harbor := w.Tenant("cedar"), w.Tenant("harbor")
	w.Store = w.StoreWith(w.Pool(postgres.PoolOptions{MaxConns: 2}), store.Options{})
	// Another process detects for cedar.
	holder := w.StoreWith(w.DB.App, store.Options{})
	cedar.Drifting()
	harbor.Drifting()
	held, release := make(chan struct{}), make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		err := store.ExclusiveAs(t.Context(), holder, cedar.System(), store.DetectionLock, func(store.ExclusiveTx) error {
			close(held)
			<-release
			return nil
		})
		if err != nil {
			t.Error(err)
		}
	})
	<-held
	for range 5 {
		wg.Go(func() {
			if _, err := w.Store.DetectDrift(t.Context(), cedar.System(), models.DetectInput{}); err != nil {
				t.Error(err)
			}
		})
	}
	// All five have begun, and one of them waits in the database.
	for len(runsOf(t, cedar)) < 5 || waiters(t, w) == 0 {
		continue
	}
	run := must(w.Store.DetectDrift(t.Context(), harbor.System(), models.DetectInput{}))(t)
	equal(t, "another customer's run", models.RunSuccess, run.Status)
	close(release)
	wg.Wait()
	for _, run := range runsOf(t, cedar) {
		equal(t, "status", models.RunSuccess, run.Status)
	}
}

// waiters is how many transactions of this test's database wait for an
// advisory lock.
func waiters(t *testing.T, w *factory.World) (n int) {
	t.Helper()
	err := w.DB.Owner.QueryRow(t.Context(), `SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted
		AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`).Scan(&n)
	if err != nil {
		t.Fatal(err)
	}
	return n
}
