package store

import (
	"context"
	"time"

	"github.com/uptrace/bun"

	"upstream/models"
)

func uploadSpec() listSpec[models.Upload] {
	type upload = models.Upload
	return listSpec[upload]{
		noun: "upload", key: []string{"customer_id", "id"}, alias: "up", search: []string{"filename", "status"},
		order: []term{{column: "uploaded_at", desc: true}, {column: "id", desc: true}},
		columns: map[string]column[upload]{
			"id":          {cast: "uuid", value: func(u *upload) any { return u.ID }},
			"uploaded_at": {cast: "timestamptz", value: func(u *upload) any { return u.UploadedAt }},
			"status":      {cast: "text", value: func(u *upload) any { return string(u.Status) }},
			"row_count": {cast: "bigint", nullable: true, value: func(u *upload) any {
				if u.RowCount == nil {
					return nil
				}
				return *u.RowCount
			}},
		},
	}
}

func rejectionSpec() listSpec[models.Rejection] {
	return listSpec[models.Rejection]{
		noun: "rejection", key: []string{"customer_id", "upload_id", "row_number"}, alias: "rj", order: []term{{column: "row_number"}},
		columns: map[string]column[models.Rejection]{
			"row_number": {cast: "bigint", value: func(r *models.Rejection) any { return r.RowNumber }},
		},
	}
}

// Uploads lists the customer's uploads.
func (s *Store) Uploads(ctx context.Context, v models.Viewer, f models.UploadFilter, l models.List[models.UploadOrderField]) (*models.Rows[*models.Upload], error) {
	return read(ctx, s, v, models.PermissionViewClaims, func(tx *tenantTx) (*models.Rows[*models.Upload], error) {
		return list(ctx, tx, uploadSpec(), "", everything, f, l)
	})
}

// Upload is one upload of the customer; NOT_FOUND when it has none of this id.
func (s *Store) Upload(ctx context.Context, v models.Viewer, id models.UploadID) (*models.Upload, error) {
	return one[models.Upload](ctx, s, v, models.PermissionViewClaims, id, "upload")
}

// UploadsByID are those of the uploads that the customer has.
func (s *Store) UploadsByID(ctx context.Context, v models.Viewer, ids []models.UploadID) (map[models.UploadID]*models.Upload, error) {
	return byID(ctx, s, v, models.PermissionViewClaims, ids, func(u *models.Upload) models.UploadID { return u.ID })
}

// What the audit log calls the changes of uploads.
const (
	auditUploadUpdated auditAction = "upload_updated"
	auditUploadDeleted auditAction = "upload_deleted"
)

// UpdateUpload renames an upload. It answers VALIDATION for bad input,
// NOT_FOUND and STALE.
func (s *Store) UpdateUpload(ctx context.Context, v models.Viewer, in models.Update[models.UploadID, models.UploadPatch]) (*models.Upload, error) {
	if err := admit(v, models.PermissionUploadClaims, in.Patch); err != nil {
		return nil, err
	}
	return write(ctx, s, v, models.PermissionUploadClaims, func(tx *tenantTx) (*models.Upload, error) {
		_, after, err := amend(ctx, tx, tx, uploadAmendment(auditUploadUpdated, in.ID, in.ExpectedVersion, in.Patch))
		return after, err
	})
}

// DeleteUpload removes an upload and its rejected rows. It answers NOT_FOUND,
// STALE, and IN_USE while claims of it are stored.
func (s *Store) DeleteUpload(ctx context.Context, v models.Viewer, in models.Deletion[models.UploadID]) error {
	_, err := write(ctx, s, v, models.PermissionDeleteUploads, func(tx *tenantTx) (struct{}, error) {
		return struct{}{}, uploadAmendment(auditUploadDeleted, in.ID, in.ExpectedVersion, models.UploadPatch{}).erase(ctx, tx)
	})
	return err
}

func uploadAmendment(action auditAction, id models.UploadID, expected *int64, patch models.UploadPatch) amendment[models.Upload] {
	return amendment[models.Upload]{
		noun: "upload", entity: "upload", id: id, expected: expected, action: action,
		apply: func(u *models.Upload) error { patch.Apply(u); return nil },
		stamp: func(u *models.Upload) (*int64, *time.Time) { return &u.Version, &u.UpdatedAt },
	}
}

const uploadStats = `SELECT count(*) AS total,
	count(*) FILTER (WHERE status = 'success') AS success,
	count(*) FILTER (WHERE status = 'failed') AS failed,
	count(*) FILTER (WHERE status = 'partial') AS partial,
	count(*) FILTER (WHERE status = 'processing') AS processing,
	coalesce(sum(row_count), 0)::bigint AS total_rows
	FROM uploads WHERE customer_id = ?0`

// UploadStats counts the customer's uploads.
func (s *Store) UploadStats(ctx context.Context, v models.Viewer) (*models.UploadStats, error) {
	return read(ctx, s, v, models.PermissionViewClaims, func(tx *tenantTx) (*models.UploadStats, error) {
		stats := new(models.UploadStats)
		return stats, tx.query(uploadStats).Scan(ctx, stats)
	})
}

// Rejections lists why rows of an upload were not kept; NOT_FOUND when the
// customer has no such upload.
func (s *Store) Rejections(ctx context.Context, v models.Viewer, id models.UploadID, l models.List[models.RejectionOrderField]) (*models.Rows[*models.Rejection], error) {
	return read(ctx, s, v, models.PermissionViewClaims, func(tx *tenantTx) (*models.Rows[*models.Rejection], error) {
		if err := tx.mustExist(ctx, (*models.Upload)(nil), id, "upload"); err != nil {
			return nil, err
		}
		ofUpload := func(q *bun.SelectQuery) *bun.SelectQuery { return q.Where("rj.upload_id = ?", id) }
		return list(ctx, tx, rejectionSpec(), id.String(), ofUpload, struct{}{}, l)
	})
}

// RejectionsOfUploads lists the rejected rows of each of the uploads.
func (s *Store) RejectionsOfUploads(ctx context.Context, v models.Viewer, ids []models.UploadID, l models.List[models.RejectionOrderField]) (map[models.UploadID]*models.Rows[*models.Rejection], error) {
	return read(ctx, s, v, models.PermissionViewClaims, func(tx *tenantTx) (map[models.UploadID]*models.Rows[*models.Rejection], error) {
		ofUpload := byColumn("rj", "upload_id", func(r *models.Rejection) models.UploadID { return r.UploadID })
		return listOf(ctx, tx, rejectionSpec(), ofUpload, ids, struct{}{}, l)
	})
}

// mustExist answers NOT_FOUND unless the customer has the row.
func (tx *tenantTx) mustExist(ctx context.Context, model any, id identifier, noun string) error {
	exists, err := tx.selectFrom(model).Where("?TableAlias.id = ?", id.UUID()).Exists(ctx)
	if err == nil && !exists {
		return models.NotFound(noun)
	}
	return err
}
