package store

import (
	"context"
	"crypto/sha256"
	"encoding/hex"

	"github.com/google/uuid"

	"upstream/models"
	"upstream/models/claimfile"
)

// IngestBatch stores claims that came without a file, by the rules and on the
// way of Ingest: as an upload whose rows are numbered from 1.
//
// In an atomic batch a bad row is a VALIDATION error that names all of them, and
// nothing is stored. Of a partial batch the good rows are stored, if there are
// none the upload has failed, and the answer says what became of each. CONFLICT
// names the upload that holds the same bytes already.
func (s *Store) IngestBatch(ctx context.Context, v models.Viewer, in models.NewBatch) (*models.Batch, error) {
	if err := admit(v, models.PermissionUploadClaims, in); err != nil {
		return nil, err
	}
	sum := sha256.Sum256(in.Content)
	hash := hex.EncodeToString(sum[:])
	v.Once.AddContent([]byte(hash))
	done, err := write(ctx, s, v, models.PermissionUploadClaims, func(tx *tenantTx) (*models.Batch, error) {
		batch := &models.Batch{}
		run := &ingestion{
			store: s, via: models.ViaAPI,
			open: func(options claimfile.Options) (claimRows, error) { return claimfile.NewBatch(in.Rows, options), nil },
		}
		run.results = func(ctx context.Context, tx *tenantTx) (err error) {
			batch.Rows, err = tx.stagedResults(ctx)
			if err == nil && in.Mode == models.BatchAtomic {
				err = faultsOf(batch.Rows)
			}
			return err
		}
		file := models.NewUpload{Filename: in.Filename, Source: models.UploadSourceAPI}
		var err error
		batch.Upload, err = run.ingest(ctx, tx, newUploadRow(tx, file, hash, int64(len(in.Content))))
		return batch, err
	})
	if models.CodeOf(err) == models.CodeConflict && err != nil {
		return nil, s.nameExistingUpload(ctx, v, hash, err)
	}
	if err == nil {
		s.tellIngested(v, done.Upload)
	}
	return done, err
}

// stagedResults are what became of the staged rows, in their order.
func (tx *tenantTx) stagedResults(ctx context.Context) ([]models.BatchRow, error) {
	var staged []struct {
		Number  int64      `bun:"source_row_number"`
		ID      *uuid.UUID `bun:"id,type:uuid"`
		Column  *string    `bun:"rejected_column"`
		Code    *string    `bun:"rejected_code"`
		Message *string    `bun:"rejected_message"`
	}
	err := tx.query(`SELECT source_row_number, id, rejected_column, rejected_code, rejected_message
		FROM claims_staging WHERE ?0 IS NOT NULL ORDER BY source_row_number`).Scan(ctx, &staged)
	if err != nil {
		return nil, err
	}
	results := make([]models.BatchRow, len(staged))
	for i, row := range staged {
		if row.Code == nil {
			results[i].Claim = new(models.ClaimID{}.From(*row.ID))
			continue
		}
		results[i].Error = &models.FieldError{
			Path: claimfile.Index(row.Number, *row.Column), Code: *row.Code, Message: *row.Message,
		}
	}
	return results, nil
}

// faultsOf is one error about every bad row; nil when there is none.
func faultsOf(rows []models.BatchRow) error {
	var faults []models.FieldError
	for _, row := range rows {
		if row.Error != nil {
			faults = append(faults, *row.Error)
		}
	}
	return models.Invalid(faults...)
}
