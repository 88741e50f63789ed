package jobs

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/riverqueue/river"

	"upstream/internal/factory"
	"upstream/models"
	"upstream/store"
)

// A run that is triggered is computed by the workers, as the job of the request
// that asked for it.
func TestWorkers_ComputeQueuedRuns(t *testing.T) {
	t.Parallel()
	r := newRig(t, 0, func(context.Context, *river.Job[probe]) error { return nil })
	cedar := r.Tenant("cedar")
	cedar.Drifting()
	viewer := cedar.User(models.RoleAnalyst)
	viewer.RequestID = "req-7"
	run, err := r.Store.TriggerReport(t.Context(), viewer, models.DetectInput{})
	if err != nil {
		t.Fatal(err)
	}
	r.start(t)
	for run.Unfinished() {
		if run, err = r.Store.ReportRun(t.Context(), viewer, run.ID); err != nil {
			t.Fatal(err)
		}
	}
	if err := r.workers.Stop(); err != nil {
		t.Error(err)
	}
	if run.Status != models.RunSuccess || run.DriftEventCount == 0 {
		t.Errorf("run %+v", run)
	}
	lines := factory.Query[int](cedar, `SELECT count(*) FROM audit_events WHERE action IN ('report_run_started', 'report_run_completed')
		AND actor = 'detect' AND actor_type = 'job' AND request_id = 'req-7'`)
	if lines != 2 {
		t.Errorf("%d audit lines of the job", lines)
	}
}

// The jobs that recur queue what is due and fail what was left behind.
func TestWorkers_ScheduleAndWatch(t *testing.T) {
	t.Parallel()
	r := newRig(t, 0, func(context.Context, *river.Job[probe]) error { return nil })
	cedar := r.Tenant("cedar")
	cedar.Drifting()
	cedar.Insert(cedar.RunRow(func(run *models.ReportRun) { // of a process that is gone
		run.Status, run.FinishedAt, run.StartedAt = models.RunRunning, nil, run.StartedAt.Add(-24*time.Hour)
	}))
	week := r.StoreWith(r.DB.App, store.Options{Now: func() time.Time { return factory.Now().AddDate(0, 0, 7) }})
	workers, err := New(Options{Store: week, Mail: r.post, PollInterval: 10 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	if err := workers.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	const ended = `SELECT count(*) FROM report_runs WHERE (origin, status, coalesce(error_code, '')) IN
		(('schedule', 'success', ''), ('detect', 'failed', 'ABANDONED'))`
	for factory.Query[int](cedar, ended) < 2 {
		continue
	}
	if err := workers.Stop(); err != nil {
		t.Error(err)
	}
}

// A file that waits is read by the workers, and one whose job got lost gets
// another; both once.
func TestWorkers_ReadQueuedUploads(t *testing.T) {
	t.Parallel()
	r := newRig(t, 0, func(context.Context, *river.Job[probe]) error { return nil })
	cedar := r.Tenant("cedar")
	queue := func(number string) *models.Upload {
		text := "claim_number,payer,cpt,submitted_date,decided_date,outcome\n" + number + ",Aetna,99213,2026-05-01,2026-05-15,PAID\n"
		in := models.NewUpload{Filename: number + ".csv", Source: models.UploadSourceAPI}
		u, err := r.Store.QueueUpload(t.Context(), cedar.System(), in, strings.NewReader(text))
		if err != nil {
			t.Fatal(err)
		}
		return u
	}
	queue("A")
	lost := queue("B")
	if _, err := r.DB.App.Exec(t.Context(), `DELETE FROM river.river_job WHERE args->>'upload_id' = $1`, lost.ID.String()); err != nil {
		t.Fatal(err)
	}
	r.start(t)
	const done = `SELECT count(*) FROM uploads WHERE status = 'success'`
	for factory.Query[int](cedar, done) < 2 {
		continue
	}
	if err := r.workers.Stop(); err != nil {
		t.Error(err)
	}
	if n := factory.Query[int](cedar, `SELECT count(*) FROM claims`); n != 2 {
		t.Errorf("%d claims", n)
	}
}
