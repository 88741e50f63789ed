package jobs

import (
	"context"
	"testing"

	"github.com/riverqueue/river"
)

// later is a job that a newer version of the program enqueues, and this one
// knows nothing of.
type later struct{}

func (later) Kind() string { return "of_a_later_version" }

// Versions share a queue while servers are replaced: what one does not know is
// left as it is, without an attempt, although what came after it is done.
func TestWorkers_LeaveJobsOfLaterVersions(t *testing.T) {
	t.Parallel()
	done := make(chan struct{})
	r := newRig(t, 0, func(context.Context, *river.Job[probe]) error {
		close(done)
		return nil
	})
	if _, err := r.workers.queue.Insert(t.Context(), later{}, &river.InsertOpts{MaxAttempts: 1}); err == nil {
		t.Error("a job that nobody here can do was taken")
	}
	_, err := r.DB.App.Exec(t.Context(), `INSERT INTO river.river_job (state, scheduled_at, kind, args, max_attempts)
		VALUES ('available', now() - interval '1 hour', 'of_a_later_version', '{}', 1)`)
	if err != nil {
		t.Fatal(err)
	}
	r.start(t)
	r.enqueue(t, "")
	<-done
	if err := r.workers.Stop(); err != nil {
		t.Error(err)
	}
	var state string
	var attempts int
	row := r.DB.App.QueryRow(t.Context(), `SELECT state, attempt FROM river.river_job WHERE kind = 'of_a_later_version'`)
	if err := row.Scan(&state, &attempts); err != nil || state != "available" || attempts != 0 {
		t.Errorf("%s after %d attempts: %v", state, attempts, err)
	}
}
