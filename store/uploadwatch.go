package store

import (
	"context"

	"upstream/models"
)

// ResumeUploads sees to the uploads of all customers that nobody reads any more,
// and answers how many there were. One whose process is gone, which its lifeline
// tells with certainty, and one whose job is gone get a new job; after five
// beginnings, or twelve hours in a living process, they fail with the code
// ABANDONED. Should a process that was taken for dead come to the end of its
// file after all, its transaction finds the upload in other hands and rolls
// back.
func (s *Store) ResumeUploads(ctx context.Context) (resumed int, err error) {
	return sweep(ctx, s.unfinishedUploads, counting(s.resumeUpload))
}

// unfinishedUploads are the next ones after the given in the order of their keys.
func (s *Store) unfinishedUploads(ctx context.Context, after models.Upload) ([]models.Upload, error) {
	return system(ctx, s, func(tx *systemTx) (uploads []models.Upload, err error) {
		err = tx.tx.NewSelect().Model(&uploads).Column("customer_id", "id").
			Where("up.status = ?", models.UploadProcessing).
			Where("(up.customer_id, up.id) > (?, ?)", after.CustomerID, after.ID).
			OrderExpr("up.customer_id, up.id").Limit(watchBatch).Scan(ctx)
		return uploads, err
	})
}

func (s *Store) resumeUpload(ctx context.Context, seen models.Upload) (resumed bool, err error) {
	v := models.JobViewer(seen.CustomerID, models.ResumeUploadsJob{}.Kind(), "")
	return write(ctx, s, v, models.PermissionUploadClaims, func(tx *tenantTx) (bool, error) {
		upload, err := tx.unfinishedUpload(ctx, seen.ID)
		if err != nil || upload == nil {
			return false, err
		}
		if upload.Worker == nil {
			alive, err := tx.hasUploadJob(ctx, upload.ID)
			if err != nil || alive {
				return false, err
			}
			return true, tx.enqueueUpload(ctx, upload.ID)
		}
		gone, err := tx.gone(ctx, *upload.Worker)
		if err != nil {
			return false, err
		}
		switch {
		case gone && upload.Attempts >= maxUploadAttempts:
			return true, tx.abandonUpload(ctx, upload, uploadForsaken)
		case gone:
			upload.Worker = nil
			if err := tx.storeUpload(ctx, upload, "worker"); err != nil {
				return false, err
			}
			return true, tx.enqueueUpload(ctx, upload.ID)
		case upload.ProcessingStartedAt != nil && tx.now.Sub(*upload.ProcessingStartedAt) > uploadOverdue:
			return true, tx.abandonUpload(ctx, upload, "The file was not read within twelve hours.")
		}
		return false, nil
	})
}

// liveUploadJob finds a job of an upload that is still to be done. One that has
// been running for long without having named its process is of one that ended.
const liveUploadJob = `SELECT EXISTS (SELECT FROM river.river_job WHERE kind = ?1
	AND (state IN ('available', 'pending', 'retryable', 'scheduled') OR state = 'running' AND attempted_at > now() - interval '5 minutes')
	AND args @> jsonb_build_object('customer_id', ?2, 'upload_id', ?3) AND ?0 IS NOT NULL)`

func (tx *tenantTx) hasUploadJob(ctx context.Context, id models.UploadID) (alive bool, err error) {
	err = tx.query(liveUploadJob, models.IngestUploadJob{}.Kind(), tx.customer.String(), id.String()).Scan(ctx, &alive)
	return alive, err
}
