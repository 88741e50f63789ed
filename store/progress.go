package store

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"

	"upstream/models"
)

// progressInterval is how often is written how far reading has come.
const progressInterval = time.Second

// errNotOurs ends an ingestion whose upload was cancelled, deleted or given to
// another process meanwhile.
var errNotOurs = errors.New("store: the upload is no longer this process's to read")

// progress tells, beside the transaction that reads a file, how far it has come,
// and learns on the way whether the upload is still to be read. Its methods do
// nothing on nil.
type progress struct {
	store  *Store
	viewer models.Viewer
	upload models.UploadID

	rows, bytes atomic.Int64
	stop        func()
}

// watch begins to write; the context it answers with ends, with errNotOurs as
// its cause, when the upload is no longer ours. finish waits until nothing is
// written any more.
func (p *progress) watch(ctx context.Context) (watched context.Context, finish func()) {
	watched, lose := context.WithCancelCause(ctx)
	writing, cancel := context.WithCancel(ctx)
	var group sync.WaitGroup
	group.Go(func() {
		ticker := time.NewTicker(p.store.progressEvery)
		defer ticker.Stop()
		for {
			select {
			case <-writing.Done():
				return
			case <-ticker.C:
			}
			// A failure is no reason to stop reading: the next round comes, and the
			// end of the ingestion asks again whose the upload is.
			if ours, err := p.write(writing); err == nil && !ours {
				lose(errNotOurs)
				return
			}
		}
	})
	p.stop = sync.OnceFunc(func() {
		cancel()
		group.Wait()
	})
	return watched, func() {
		p.stop()
		lose(nil)
	}
}

// note says how far reading has come.
func (p *progress) note(rows, bytes int64) {
	if p == nil {
		return
	}
	p.rows.Store(rows)
	p.bytes.Store(bytes)
}

// write stores the progress, and reports whether the upload is still ours.
func (p *progress) write(ctx context.Context) (ours bool, err error) {
	return bound(ctx, p.store, p.viewer, readCommitted, func(tx *tenantTx) (bool, error) {
		rows, bytes := p.rows.Load(), p.bytes.Load()
		row := new(models.Upload)
		result, err := tx.updateOf(row).
			Set("rows_read = ?, bytes_read = ?, version = up.version + (CASE WHEN (up.rows_read, up.bytes_read) = (?, ?) THEN 0 ELSE 1 END)", rows, bytes, rows, bytes).
			Set("updated_at = ?", tx.now).
			Where("up.id = ? AND up.status = ? AND up.worker = ?", p.upload, models.UploadProcessing, p.store.life.id).Exec(ctx)
		if err != nil {
			return false, err
		}
		n, err := result.RowsAffected()
		return n == 1, err
	})
}

// settle ends the writing and takes the upload's row for good: what others
// changed of it meanwhile stays, and who comes to cancel it has to wait, and
// then comes too late.
func (p *progress) settle(ctx context.Context, tx *tenantTx, upload *models.Upload) error {
	if p == nil {
		return nil
	}
	p.stop()
	current, err := tx.ownUpload(ctx, upload.ID, p.store.life.id)
	if err != nil {
		return err
	}
	upload.Filename, upload.Version, upload.Worker = current.Filename, current.Version+1, nil
	return tx.dropChunks(ctx, upload.ID)
}

// ownUpload locks the row of an upload that the worker reads: errNotOurs when it
// does not any more. The lock leaves references to the row alone.
func (tx *tenantTx) ownUpload(ctx context.Context, id models.UploadID, worker uuid.UUID) (*models.Upload, error) {
	var rows []*models.Upload
	err := tx.selectFrom(&rows).Where("up.id = ? AND up.status = ? AND up.worker = ?", id, models.UploadProcessing, worker).
		For("NO KEY UPDATE").Scan(ctx)
	if err != nil {
		return nil, err
	}
	if len(rows) == 0 {
		return nil, errNotOurs
	}
	return rows[0], nil
}
