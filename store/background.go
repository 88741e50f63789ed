package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"upstream/models"
)

const (
	// maxUploadAttempts is how often reading a file is begun: one that ends the
	// process each time must not do so for ever.
	maxUploadAttempts = 5
	// uploadOverdue is when an upload is given up although its process lives.
	uploadOverdue = 12 * time.Hour
)

// What the audit log calls the stations of an upload in the background.
const (
	auditUploadQueued    auditAction = "upload_queued"
	auditUploadCancelled auditAction = "upload_cancelled"
)

// uploadCancelled is the error code of an upload that was cancelled.
const uploadCancelled = "CANCELLED"

// uploadForsaken is why an upload is given up that was begun too often.
const uploadForsaken = "The processes that read the file ended before they were done."

// PerformUpload reads a file that QueueUpload stored, on behalf of a job. How it
// ends is in the upload; the error says that the job should be tried again,
// after a failure that may pass or because ctx was cancelled. Nothing is stored
// then.
//
// A job may come again after a crash. It finds the upload ended, or in the hands
// of a living process, and does nothing; or it takes the upload over from a
// process that is gone, of whose work nothing was committed.
func (s *Store) PerformUpload(ctx context.Context, v models.Viewer, id models.UploadID) error {
	leave, err := s.life.hold(ctx)
	if err != nil {
		return err
	}
	defer leave()
	upload, err := s.claimUpload(ctx, v, id)
	if err != nil || upload == nil {
		return err
	}
	err = s.readSpooled(ctx, v, upload)
	switch {
	case err == nil, errors.Is(err, errNotOurs):
		return nil
	case upload.Attempts < maxUploadAttempts || ctx.Err() != nil:
		return errors.Join(err, s.releaseUpload(ctx, v, upload))
	default:
		s.log.WarnContext(ctx, "an upload failed", "upload", upload.ID, "error", err)
		e := models.AsError(err)
		return s.failUpload(ctx, v, upload.ID, string(e.Code), e.Message)
	}
}

// claimUpload makes a waiting upload this process's to read; nil when there is
// nothing to do. One that was begun too often fails.
func (s *Store) claimUpload(ctx context.Context, v models.Viewer, id models.UploadID) (*models.Upload, error) {
	return write(ctx, s, v, models.PermissionUploadClaims, func(tx *tenantTx) (*models.Upload, error) {
		upload, err := tx.unfinishedUpload(ctx, id)
		if err != nil || upload == nil {
			return nil, err
		}
		if upload.Worker != nil {
			if gone, err := tx.gone(ctx, *upload.Worker); err != nil || !gone {
				return nil, err
			}
		}
		if upload.Attempts >= maxUploadAttempts {
			return nil, tx.abandonUpload(ctx, upload, uploadForsaken)
		}
		upload.Worker, upload.ProcessingStartedAt, upload.Attempts = &s.life.id, &tx.now, upload.Attempts+1
		upload.RowsRead, upload.BytesRead = 0, 0
		return upload, tx.storeUpload(ctx, upload, "worker", "processing_started_at", "attempts", "rows_read", "bytes_read")
	})
}

// readSpooled is Ingest of stored bytes into a stored upload.
func (s *Store) readSpooled(ctx context.Context, v models.Viewer, upload *models.Upload) error {
	told := &progress{store: s, viewer: v, upload: upload.ID}
	watched, finish := told.watch(ctx)
	defer finish()
	file := s.openSpool(watched, v, upload)
	ended, err := write(watched, s, v, models.PermissionUploadClaims, func(tx *tenantTx) (*models.Upload, error) {
		run := &ingestion{store: s, open: csvOf(file), via: models.ViaCSVUpload, progress: told}
		read := *upload
		return run.read(watched, tx, &read)
	})
	if err == nil {
		s.tellIngested(v, ended)
	}
	if err != nil && errors.Is(context.Cause(watched), errNotOurs) {
		return errNotOurs
	}
	if err != nil && !errors.Is(err, errNotOurs) {
		// Cancelling deletes the bytes, which looks like damage to who reads them.
		finish()
		return s.stillOurs(ctx, v, upload.ID, err)
	}
	return err
}

// stillOurs is the error, or errNotOurs when the upload is no longer this
// process's.
func (s *Store) stillOurs(ctx context.Context, v models.Viewer, id models.UploadID, cause error) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), failureTimeout)
	defer cancel()
	_, err := bound(ctx, s, v, readCommitted, func(tx *tenantTx) (*models.Upload, error) { return tx.ownUpload(ctx, id, s.life.id) })
	if errors.Is(err, errNotOurs) {
		return errNotOurs
	}
	return cause
}

// releaseUpload puts an upload back that this process broke off.
func (s *Store) releaseUpload(ctx context.Context, v models.Viewer, upload *models.Upload) error {
	interrupted := ctx.Err() != nil
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), failureTimeout)
	defer cancel()
	_, err := bound(ctx, s, v, readCommitted, func(tx *tenantTx) (struct{}, error) {
		mine, err := tx.ownUpload(ctx, upload.ID, s.life.id)
		if err != nil {
			return struct{}{}, err
		}
		mine.Worker = nil
		if interrupted { // which says nothing about the file
			mine.Attempts--
		}
		return struct{}{}, tx.storeUpload(ctx, mine, "worker", "attempts")
	})
	if err != nil && !errors.Is(err, errNotOurs) {
		return fmt.Errorf("put the upload back into the queue: %w", err)
	}
	return nil
}

// failUpload ends an upload of this process that cannot be read.
func (s *Store) failUpload(ctx context.Context, v models.Viewer, id models.UploadID, code, message string) error {
	_, err := bound(ctx, s, v, readCommitted, func(tx *tenantTx) (struct{}, error) {
		mine, err := tx.ownUpload(ctx, id, s.life.id)
		if err != nil {
			return struct{}{}, err
		}
		return struct{}{}, tx.endUpload(ctx, mine, auditUploadFailed, code, message)
	})
	if errors.Is(err, errNotOurs) {
		return nil
	}
	return err
}

// unfinishedUpload locks an upload that is to be read; nil when it is not. The
// lock leaves references to the row alone, so that it need not wait for an
// ingestion.
func (tx *tenantTx) unfinishedUpload(ctx context.Context, id models.UploadID) (*models.Upload, error) {
	var rows []*models.Upload
	err := tx.selectFrom(&rows).Where("up.id = ? AND up.status = ?", id, models.UploadProcessing).For("NO KEY UPDATE").Scan(ctx)
	if err != nil || len(rows) == 0 {
		return nil, err
	}
	return rows[0], nil
}

// storeUpload writes columns of an upload whose row is locked.
func (tx *tenantTx) storeUpload(ctx context.Context, upload *models.Upload, columns ...string) error {
	upload.Version++
	upload.UpdatedAt = tx.now
	_, err := tx.updateOf(upload).Column(append(columns, "version", "updated_at")...).Where("up.id = ?", upload.ID).Exec(ctx)
	return err
}

// endUpload fails an upload whose row is locked, and deletes its bytes.
func (tx *tenantTx) endUpload(ctx context.Context, upload *models.Upload, action auditAction, code, message string) error {
	upload.Status, upload.Worker = models.UploadFailed, nil
	upload.ErrorCode, upload.ErrorMessage, upload.ProcessingCompletedAt = &code, &message, &tx.now
	err := tx.storeUpload(ctx, upload, "status", "worker", "error_code", "error_message", "processing_completed_at")
	if err != nil {
		return err
	}
	if err := tx.dropChunks(ctx, upload.ID); err != nil {
		return err
	}
	if err := tx.emitUpload(ctx, upload); err != nil {
		return err
	}
	return tx.auditChange(ctx, action, "upload", upload.ID.String(), change{
		before: map[string]any{"status": models.UploadProcessing},
		after:  map[string]any{"status": upload.Status, "error_code": code},
	})
}

// abandonUpload fails an upload that nobody comes to the end of.
func (tx *tenantTx) abandonUpload(ctx context.Context, upload *models.Upload, message string) error {
	return tx.endUpload(ctx, upload, auditUploadFailed, abandonedCode, message)
}

// CancelUpload ends an upload that waits or is being read: nothing of it is
// stored. The errors are NOT_FOUND, STALE, and CONFLICT for one that has ended.
func (s *Store) CancelUpload(ctx context.Context, v models.Viewer, in models.Cancellation) (*models.Upload, error) {
	return write(ctx, s, v, models.PermissionUploadClaims, func(tx *tenantTx) (*models.Upload, error) {
		var rows []*models.Upload
		if err := tx.selectFrom(&rows).Where("up.id = ?", in.ID).For("NO KEY UPDATE").Scan(ctx); err != nil {
			return nil, err
		}
		if len(rows) == 0 {
			return nil, models.NotFound("upload")
		}
		upload := rows[0]
		if err := expectVersion("upload", upload.Version, in.ExpectedVersion); err != nil {
			return nil, err
		}
		if !upload.Unfinished() {
			return nil, models.NewError(models.CodeConflict, "The upload has ended: its status is %s.", upload.Status)
		}
		return upload, tx.endUpload(ctx, upload, auditUploadCancelled, uploadCancelled, "The upload was cancelled.")
	})
}
