package jobs

import (
	"context"
	"fmt"
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
