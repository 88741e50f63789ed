package jobs

import (
	"context"
	"fmt"
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
