package store_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"upstream/internal/factory"
	"upstream/models"
	"upstream/store"
)

// detectJobs counts the jobs that would compute runs.
func detectJobs(t tester, w *factory.World) (n int) {
	t.Helper()
	if err := w.DB.App.QueryRow(context.Background(), `SELECT count(*) FROM river.river_job WHERE kind = 'detect'`).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

func TestTrigger_QueuesWithItsParameters(t *testing.T) {
	t.Parallel()
	cedar := factory.New(t).Tenant("cedar")
	cedar.Drifting()
	viewer := cedar.User(models.RoleAnalyst)
	in := models.DetectInput{
		AsOf: new(factory.Today().AddDays(-1)), CurrentDays: new(20), BaselineDays: new(60), MinVolume: new(7), Alpha: new(0.1),
		Method: new(models.MethodThreshold), Signals: []models.DriftType{models.DriftDecisionTime, models.DriftDenialRate},
	}
	run := must(cedar.Store.TriggerReport(t.Context(), viewer, in))(t)
	equal(t, "run", []any{models.RunQueued, models.OriginTrigger, &viewer.UserID, (*time.Time)(nil)},
		[]any{run.Status, run.Origin, run.CreatedBy, run.FinishedAt})
	stored := must(cedar.Store.ReportRun(t.Context(), viewer, run.ID))(t)
	equal(t, "parameters", must(in.Resolve(factory.Today()))(t), stored.Params(stored.Signals...))
	equal(t, "jobs, audit lines", []int{1, 1, 0}, []int{
		detectJobs(t, cedar.World), audited(cedar, "report_run_queued"), audited(cedar, "report_run_started"),
	})
	job := factory.Query[string](cedar, `SELECT args->>'run_id' FROM river.river_job WHERE kind = 'detect' AND queue = 'detection'`)
	equal(t, "run of the job", run.ID.String(), job)

	if err := cedar.Store.PerformRun(t.Context(), cedar.System(), run.ID); err != nil {
		t.Fatal(err)
	}
	finished := must(cedar.Store.ReportRun(t.Context(), viewer, run.ID))(t)
	tests, _ := whole(t, cedar, finished)
	equal(t, "status, author", []any{models.RunSuccess, &viewer.UserID, 3, int64(3)},
		[]any{finished.Status, finished.CreatedBy, audited(cedar, "report_run_queued") + audited(cedar, "report_run_started") + audited(cedar, "report_run_completed"), finished.Version})
	for _, test := range tests {
		if test.DriftType != models.DriftDecisionTime && test.DriftType != models.DriftDenialRate {
			t.Errorf("a test of %s, which was not asked for", test.DriftType)
		}
	}
	// The job comes again, as after a crash: nothing is computed twice.
	if err := cedar.Store.PerformRun(t.Context(), cedar.System(), run.ID); err != nil {
		t.Fatal(err)
	}
	whole(t, cedar, finished)
}

// What a queued run finds is what one that is made at once finds.
func TestTrigger_IsTheSameDetection(t *testing.T) {
	t.Parallel()
	cedar := factory.New(t).Tenant("cedar")
	cedar.Drifting()
	now := must(cedar.Store.DetectDrift(t.Context(), cedar.System(), models.DetectInput{}))(t)
	later := must(cedar.Store.TriggerReport(t.Context(), cedar.System(), models.DetectInput{}))(t)
	if err := cedar.Store.PerformRun(t.Context(), cedar.System(), later.ID); err != nil {
		t.Fatal(err)
	}
	values := func(run models.ReportRunID) (all []any) {
		for _, test := range testsOf(t, cedar, run) {
			all = append(all, test.Payer, test.CPTGroup, test.DriftType, test.QValue, test.DeltaValue)
		}
		return all
	}
	equal(t, "tests", values(now.ID), values(later.ID))
}

func TestTrigger_OneInTheBackground(t *testing.T) {
	t.Parallel()
	w := factory.New(t)
	cedar, harbor := w.Tenant("cedar"), w.Tenant("harbor")
	cedar.Drifting()
	harbor.Drifting()
	other := w.StoreWith(w.DB.App, store.Options{})
	runs := make([]*models.ReportRun, 32)
	var wg sync.WaitGroup
	for i := range runs {
		s := []*store.Store{w.Store, other}[i%2]
		wg.Go(func() {
			run, err := s.TriggerReport(t.Context(), cedar.System(), models.DetectInput{MinVolume: new(i + 1)})
			if err != nil {
				t.Error(err)
			}
			runs[i] = run
		})
	}
	wg.Wait()
	if t.Failed() {
		return
	}
	for _, run := range runs {
		equal(t, "run", runs[0].ID, run.ID)
	}
	equal(t, "runs, jobs", []int{1, 1}, []int{len(runsOf(t, cedar)), detectJobs(t, w)})
	if theirs := must(w.Store.TriggerReport(t.Context(), harbor.System(), models.DetectInput{}))(t); theirs.ID == runs[0].ID {
		t.Error("another customer was answered with the run")
	}

	// A run that somebody waits for goes beside it; while it runs it is answered
	// as while it was queued; and when it has ended there is room again.
	must(w.Store.DetectDrift(t.Context(), cedar.System(), models.DetectInput{}))(t)
	if err := w.Store.PerformRun(t.Context(), cedar.System(), runs[0].ID); err != nil {
		t.Fatal(err)
	}
	cedar.Insert(cedar.RunRow(func(r *models.ReportRun) { r.Status, r.FinishedAt = models.RunRunning, nil })) // of detect
	next := must(w.Store.TriggerReport(t.Context(), cedar.System(), models.DetectInput{}))(t)
	if next.ID == runs[0].ID || next.Status != models.RunQueued {
		t.Errorf("after the end: %+v", next)
	}
}

func TestTrigger_Refusals(t *testing.T) {
	t.Parallel()
	cedar := factory.New(t).Tenant("cedar")
	for name, tt := range map[string]struct {
		as   models.Viewer
		in   models.DetectInput
		code models.Code
	}{
		"bad parameters": {cedar.System(), models.DetectInput{CurrentDays: new(0), Signals: []models.DriftType{"MOOD"}}, models.CodeValidation},
		"no claims":      {cedar.System(), models.DetectInput{}, models.CodeValidation},
		"a viewer":       {cedar.User(models.RoleViewer), models.DetectInput{}, models.CodeForbidden},
		"nobody":         {models.Viewer{}, models.DetectInput{}, models.CodeUnauthenticated},
	} {
		_, err := cedar.Store.TriggerReport(t.Context(), tt.as, tt.in)
		if models.CodeOf(err) != tt.code || err == nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	equal(t, "stored", []int{0, 0, 0}, []int{len(runsOf(t, cedar)), detectJobs(t, cedar.World), audited(cedar, "report_run_queued")})
}

func TestPerform_ProcessEnds(t *testing.T) {
	t.Parallel()
	w := factory.New(t)
	cedar := w.Tenant("cedar")
	cedar.Drifting()
	run := must(w.Store.TriggerReport(t.Context(), cedar.System(), models.DetectInput{}))(t)
	r := traced(w)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	r.on(func(sql string) {
		if sql == "" || isAggregate(sql) {
			cancel()
		}
	})
	if err := w.Store.PerformRun(ctx, cedar.System(), run.ID); !errors.Is(err, context.Canceled) {
		t.Fatalf("error = %v", err)
	}
	stored := must(w.Store.ReportRun(t.Context(), cedar.System(), run.ID))(t)
	equal(t, "back in the queue", []any{models.RunQueued, true}, []any{stored.Status, stored.Worker == nil})
	r.on(nil)
	if err := w.Store.PerformRun(t.Context(), cedar.System(), run.ID); err != nil {
		t.Fatal(err)
	}
	whole(t, cedar, must(w.Store.ReportRun(t.Context(), cedar.System(), run.ID))(t))
}

// A run in the hands of a living process is left alone; one whose process is
// gone is taken over, or failed by the watchdog, whichever comes first.
func TestPerform_AfterACrash(t *testing.T) {
	t.Parallel()
	for _, crashed := range []bool{false, true} {
		w := factory.New(t)
		cedar := w.Tenant("cedar")
		cedar.Drifting()
		run := must(w.Store.TriggerReport(t.Context(), cedar.System(), models.DetectInput{}))(t)
		other := w.StoreWith(w.DB.App, store.Options{})
		die := must(store.ClaimAndHold(t.Context(), other, cedar.System(), run.ID))(t)
		if crashed {
			die()
		}
		if err := w.Store.PerformRun(t.Context(), cedar.System(), run.ID); err != nil {
			t.Fatal(err)
		}
		stored := must(w.Store.ReportRun(t.Context(), cedar.System(), run.ID))(t)
		want := models.RunRunning
		if crashed {
			want = models.RunSuccess
			whole(t, cedar, stored)
		}
		equal(t, "status", want, stored.Status)
		die()
	}
}

func TestWatchdog(t *testing.T) {
	t.Parallel()
	w := factory.New(t)
	cedar, harbor := w.Tenant("cedar"), w.Tenant("harbor")
	cedar.Drifting()
	harbor.Drifting()
	queued := must(w.Store.TriggerReport(t.Context(), cedar.System(), models.DetectInput{}))(t)
	other := w.StoreWith(w.DB.App, store.Options{})
	computing := must(w.Store.TriggerReport(t.Context(), harbor.System(), models.DetectInput{}))(t)
	die := must(store.ClaimAndHold(t.Context(), other, harbor.System(), computing.ID))(t)
	old := cedar.RunRow(func(r *models.ReportRun) {
		r.Status, r.FinishedAt, r.StartedAt = models.RunRunning, nil, factory.Now().Add(-13*time.Hour)
	})
	cedar.Insert(old)

	status := func(tenant *factory.Tenant, id models.ReportRunID) models.RunStatus {
		return must(w.Store.ReportRun(t.Context(), tenant.System(), id))(t).Status
	}
	equal(t, "failed, the overdue one", 1, must(w.Store.FailAbandonedRuns(t.Context()))(t))
	equal(t, "states", []models.RunStatus{models.RunQueued, models.RunRunning, models.RunFailed},
		[]models.RunStatus{status(cedar, queued.ID), status(harbor, computing.ID), status(cedar, old.ID)})

	die()
	if _, err := w.DB.App.Exec(t.Context(), `UPDATE river.river_job SET state = 'discarded', finalized_at = now()
		WHERE args->>'run_id' = $1`, queued.ID.String()); err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	total := make(chan int, 4)
	for range cap(total) { // as on several servers
		wg.Go(func() {
			n, err := w.Store.FailAbandonedRuns(t.Context())
			if err != nil {
				t.Error(err)
			}
			total <- n
		})
	}
	wg.Wait()
	close(total)
	failed := 0
	for n := range total {
		failed += n
	}
	equal(t, "failed", 2, failed)
	for tenant, id := range map[*factory.Tenant]models.ReportRunID{cedar: queued.ID, harbor: computing.ID} {
		run := must(w.Store.ReportRun(t.Context(), tenant.System(), id))(t)
		equal(t, "run", []any{models.RunFailed, "ABANDONED", true}, []any{run.Status, *run.ErrorCode, run.ErrorMessage != nil})
	}
	equal(t, "audit lines", []int{2, 1}, []int{audited(cedar, "report_run_failed"), audited(harbor, "report_run_failed")})
	equal(t, "again", 0, must(w.Store.FailAbandonedRuns(t.Context()))(t))
}

// A process that was taken for dead finds its run failed and commits nothing.
func TestWatchdog_WrongAboutAProcess(t *testing.T) {
	t.Parallel()
	w := factory.New(t)
	cedar := w.Tenant("cedar")
	cedar.Drifting()
	r := traced(w)
	var once sync.Once
	r.on(func(sql string) {
		if isAggregate(sql) {
			once.Do(func() {
				if err := asOwner(t, cedar, `UPDATE report_runs SET status = 'failed', error_code = 'ABANDONED',
					error_message = 'x', finished_at = now(), worker = NULL WHERE status = 'running'`); err != nil {
					t.Error(err)
				}
			})
		}
	})
	_, err := w.Store.DetectDrift(t.Context(), cedar.System(), models.DetectInput{})
	wantCode(t, err, models.CodeConflict)
	runs := runsOf(t, cedar)
	equal(t, "runs", []any{1, models.RunFailed, "ABANDONED"}, []any{len(runs), runs[0].Status, *runs[0].ErrorCode})
	equal(t, "left behind", []int{0, 0}, []int{len(testsOf(t, cedar, runs[0].ID)), len(eventsOf(t, cedar, runs[0].ID))})
}

// isAggregate says whether the statement is the one by which a run reads claims.
func isAggregate(sql string) bool { return strings.Contains(sql, "FROM claims") }
