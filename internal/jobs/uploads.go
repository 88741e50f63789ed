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

// ingestion reads claims files that wait in the database. How one ends is in its
// upload: the job itself fails only when it should be tried again.
type ingestion struct {
	river.WorkerDefaults[models.IngestUploadJob]

	store *store.Store
}

// Timeout implements river.Worker.
func (*ingestion) Timeout(*river.Job[models.IngestUploadJob]) time.Duration { return ingestionTimeout }

// Work implements river.Worker.
func (i *ingestion) Work(ctx context.Context, job *river.Job[models.IngestUploadJob]) error {
	viewer := models.JobViewer(job.Args.CustomerID, job.Kind, store.JobRequestID(job.Metadata))
	if err := i.store.PerformUpload(ctx, viewer, job.Args.UploadID); err != nil {
		return fmt.Errorf("read a claims file: %w", err)
	}
	return nil
}

// resuming sees to uploads that nobody reads any more. A failure is not tried
// again: the next round comes.
type resuming struct {
	river.WorkerDefaults[models.ResumeUploadsJob]

	store *store.Store
	log   *slog.Logger
}

// Work implements river.Worker.
func (r *resuming) Work(ctx context.Context, _ *river.Job[models.ResumeUploadsJob]) error {
	resumed, err := r.store.ResumeUploads(ctx)
	if resumed > 0 {
		r.log.WarnContext(ctx, "uploads left behind were taken up", "uploads", resumed)
	}
	if err != nil {
		return fmt.Errorf("take up the uploads left behind: %w", err)
	}
	return nil
}
