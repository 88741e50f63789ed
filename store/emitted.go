package store

import (
	"context"

	"upstream/models"
)

// happening is what happens to an object once.
func happening(data models.WebhookData, subject string, revision int64) models.Happening {
	return models.Happening{Data: data, Subject: subject, Key: string(data.EventType()) + ":" + subject, Revision: revision}
}

// emitDrift tells partners of each new event.
func (tx *tenantTx) emitDrift(ctx context.Context, events []models.DriftEvent) error {
	for i := range events {
		e := &events[i]
		err := tx.emit(ctx, happening(models.DriftDetectedOf(e), e.ID.String(), e.Version))
		if err != nil {
			return err
		}
	}
	return nil
}

// emitRun tells partners of a run that has ended.
func (tx *tenantTx) emitRun(ctx context.Context, run *models.ReportRun) error {
	var data models.WebhookData = models.ReportCompletedOf(run)
	if run.Status == models.RunFailed {
		data = models.ReportFailedOf(run)
	}
	return tx.emit(ctx, happening(data, run.ID.String(), run.Version))
}

// emitUpload tells partners of a file that was read, or will not be.
func (tx *tenantTx) emitUpload(ctx context.Context, u *models.Upload) error {
	return tx.emit(ctx, happening(models.UploadProcessedOf(u), u.ID.String(), u.Version))
}
