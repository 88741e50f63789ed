package jobs

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/riverqueue/river"

	"upstream/models"
	"upstream/store"
)

// detection computes queued runs. How one ends is in its row: the job itself
// fails only when it should be tried again.
type detection struct {
	river.WorkerDefaults[models.DetectJob]

	store *store.Store
}

// Timeout implements river.Worker.
func (*detection) Timeout(*river.Job[models.DetectJob]) time.Duration { return detectionTimeout }

// Work implements river.Worker.
func (d *detection) Work(ctx context.Context, job *river.Job[models.DetectJob]) error {
	viewer := models.JobViewer(job.Args.CustomerID, job.Kind, store.JobRequestID(job.Metadata))
	if err := d.store.PerformRun(ctx, viewer, job.Args.RunID); err != nil {
		return fmt.Errorf("compute a queued run: %w", err)
	}
	return nil
}

// scheduling queues the runs that are due. A failure is not tried again: the
// next round comes, as it does for watching.
type scheduling struct {
	river.WorkerDefaults[models.ScheduleRunsJob]

	store *store.Store
	log   *slog.Logger
}

// Work implements river.Worker.
func (s *scheduling) Work(ctx context.Context, _ *river.Job[models.ScheduleRunsJob]) error {
	queued, err := s.store.QueueDueRuns(ctx)
	if queued > 0 {
		s.log.InfoContext(ctx, "scheduled runs queued", "runs", queued)
	}
	if err != nil {
		return fmt.Errorf("queue the runs that are due: %w", err)
	}
	return nil
}

// watching fails the runs that nobody computes any more.
type watching struct {
	river.WorkerDefaults[models.FailAbandonedRunsJob]

	store *store.Store
	log   *slog.Logger
}

// Work implements river.Worker.
func (w *watching) Work(ctx context.Context, _ *river.Job[models.FailAbandonedRunsJob]) error {
	failed, err := w.store.FailAbandonedRuns(ctx)
	if failed > 0 {
		w.log.WarnContext(ctx, "abandoned detection runs failed", "runs", failed)
	}
	if err != nil {
		return fmt.Errorf("fail the abandoned runs: %w", err)
	}
	return nil
}
