package store

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/uptrace/bun"

	"upstream/models"
)

// spoolChunk is how many bytes of a file lie in one row: enough that rows are
// few, and little enough that one in memory is nothing.
const spoolChunk = 256 << 10

// uploadChunk is a piece of a file that is yet to be read.
type uploadChunk struct {
	bun.BaseModel `bun:"table:upload_chunks,alias:uc"`

	CustomerID models.CustomerID `bun:"customer_id,pk,type:uuid"`
	UploadID   models.UploadID   `bun:"upload_id,pk,type:uuid"`
	Number     int               `bun:"number,pk"`
	Content    []byte            `bun:"content,type:bytea"`
}

// QueueUpload stores a claims file to be read in the background, and answers
// with the upload in processing: any process that works on jobs reads it, as
// Ingest would, and what becomes of it is in the upload. The bytes are stored in
// the same transaction, so that none is lost.
//
// The errors are VALIDATION for a bad name and CONFLICT naming the upload that
// holds the same bytes already, or is to.
func (s *Store) QueueUpload(ctx context.Context, v models.Viewer, in models.NewUpload, file io.ReadSeeker) (*models.Upload, error) {
	if err := admit(v, models.PermissionUploadClaims, in); err != nil {
		return nil, err
	}
	hash, size, err := fingerprint(file)
	if err != nil {
		return nil, models.Internal(err)
	}
	v.Once.AddContent([]byte(hash), []byte(in.Filename), []byte("in the background"))
	upload, err := write(ctx, s, v, models.PermissionUploadClaims, func(tx *tenantTx) (*models.Upload, error) {
		upload := newUploadRow(tx, in, hash, size)
		upload.ProcessingStartedAt = nil
		if _, err := tx.tx.ExecContext(ctx, `SELECT set_config('statement_timeout', '0', true)`); err != nil {
			return nil, err
		}
		if err := tx.insert(ctx, upload); err != nil {
			return nil, err
		}
		if err := tx.spool(ctx, upload.ID, file); err != nil {
			return nil, err
		}
		if err := tx.auditChange(ctx, auditUploadQueued, "upload", upload.ID.String(), uploadAdded(upload)); err != nil {
			return nil, err
		}
		return upload, tx.enqueueUpload(ctx, upload.ID)
	})
	if models.CodeOf(err) == models.CodeConflict && err != nil {
		return nil, s.nameExistingUpload(ctx, v, hash, err)
	}
	return upload, err
}

func (tx *tenantTx) enqueueUpload(ctx context.Context, id models.UploadID) error {
	return tx.enqueue(ctx, models.IngestUploadJob{CustomerID: tx.customer, UploadID: id})
}

// spool stores the bytes of a file in pieces.
func (tx *tenantTx) spool(ctx context.Context, upload models.UploadID, file io.Reader) error {
	piece := make([]byte, spoolChunk)
	for number := 0; ; number++ {
		n, err := io.ReadFull(file, piece)
		if n > 0 {
			row := &uploadChunk{CustomerID: tx.customer, UploadID: upload, Number: number, Content: piece[:n]}
			if err := tx.insert(ctx, row); err != nil {
				return err
			}
		}
		switch {
		case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
			return nil
		case err != nil:
			return fmt.Errorf("reading the file: %w", err)
		}
	}
}

// dropChunks deletes the bytes of an upload.
func (tx *tenantTx) dropChunks(ctx context.Context, upload models.UploadID) error {
	_, err := tx.deleteFrom((*uploadChunk)(nil)).Where("uc.upload_id = ?", upload).Exec(ctx)
	return err
}

// spooled is a file as it was stored, read piece by piece: by transactions of
// their own, since the one that stores the claims is busy with COPY.
type spooled struct {
	next func(number int) ([]byte, error)
	// left is how many bytes are yet to come.
	left   int64
	number int
	piece  []byte
}

// Read implements io.Reader. A piece that is missing is no end of the file.
func (f *spooled) Read(p []byte) (int, error) {
	for len(f.piece) == 0 {
		if f.left == 0 {
			return 0, io.EOF
		}
		piece, err := f.next(f.number)
		if err != nil {
			return 0, err
		}
		if len(piece) == 0 || int64(len(piece)) > f.left {
			return 0, fmt.Errorf("store: piece %d of the file is missing or too long", f.number)
		}
		f.number++
		f.piece, f.left = piece, f.left-int64(len(piece))
	}
	n := copy(p, f.piece)
	f.piece = f.piece[n:]
	return n, nil
}

// openSpool reads the stored bytes of an upload.
func (s *Store) openSpool(ctx context.Context, v models.Viewer, upload *models.Upload) *spooled {
	size := int64(0)
	if upload.FileSizeBytes != nil {
		size = *upload.FileSizeBytes
	}
	return &spooled{left: size, next: func(number int) ([]byte, error) {
		return look(ctx, s, v, func(tx *tenantTx) ([]byte, error) {
			var rows []*uploadChunk
			err := tx.selectFrom(&rows).Where("uc.upload_id = ? AND uc.number = ?", upload.ID, number).Scan(ctx)
			if err != nil || len(rows) == 0 {
				return nil, err
			}
			return rows[0].Content, nil
		})
	}}
}
