package store_test

import (
	"testing"
	"time"

	"upstream/internal/factory"
	"upstream/store"
)

func TestQueueDepths(t *testing.T) {
	t.Parallel()
	w := factory.New(t)
	for _, values := range []string{
		`('available', now() - interval '2 minutes', NULL, 'a', 'uploads')`, `('available', now() - interval '1 minute', NULL, 'a', 'uploads')`,
		`('scheduled', now() + interval '1 hour', NULL, 'a', 'default')`, `('completed', now(), current_timestamp, 'a', 'default')`,
	} {
		if _, err := w.DB.App.Exec(t.Context(), `INSERT INTO river.river_job (state, scheduled_at, finalized_at, kind, queue, args, max_attempts)
			SELECT v.state::river.river_job_state, v.due, v.done::timestamptz, v.kind, v.queue, '{}', 1 FROM (VALUES `+values+`) AS v(state, due, done, kind, queue)`); err != nil {
			t.Fatal(err)
		}
	}
	depths := must(w.Store.QueueDepths(t.Context()))(t)
	if len(depths) != 2 {
		t.Fatalf("%+v", depths)
	}
	equal(t, "not due", store.QueueDepth{Queue: "default", State: "scheduled", Jobs: 1}, depths[0])
	if d := depths[1]; d.Queue != "uploads" || d.State != "available" || d.Jobs != 2 || d.Oldest < 2*time.Minute || d.Oldest > time.Hour {
		t.Errorf("%+v", d)
	}
}
