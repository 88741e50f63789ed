package store

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/jackc/pgx/v5"

	"upstream/models"
	"upstream/models/claimfile"
)

// Ingest reads a claims file and stores its valid rows as claims, in one
// transaction: a crash in the middle leaves nothing. Rows that break a rule
// are kept as rejections with their number, column and reason.
//
// The answer is the upload with its counts. CONFLICT names the upload that
// holds the same bytes already. A file of which nothing could be kept is
// stored as a failed upload, with its rejections, and returned together with a
// VALIDATION error that says why.
func (s *Store) Ingest(ctx context.Context, v models.Viewer, in models.NewUpload, file io.ReadSeeker) (*models.Upload, error) {
	if err := v.Authorize(models.PermissionUploadClaims); err != nil {
		return nil, err
	}
	if err := in.Validate(); err != nil {
		return nil, err
	}
	hash, size, err := fingerprint(file)
	if err != nil {
		return nil, models.Internal(err)
	}
	v.Once.AddContent([]byte(hash), []byte(in.Filename))
	done, err := write(ctx, s, v, models.PermissionUploadClaims, func(tx *tenantTx) (ingested, error) {
		run := &ingestion{store: s, open: csvOf(file), via: models.ViaCSVUpload}
		upload, err := run.ingest(ctx, tx, newUploadRow(tx, in, hash, size))
		return ingested{Upload: upload, Refusal: refusalOf(run.refusal)}, err
	})
	switch {
	case err == nil:
		s.tellIngested(v, done.Upload)
		return done.Upload, done.Refusal.err()
	case models.CodeOf(err) == models.CodeConflict:
		return nil, s.nameExistingUpload(ctx, v, hash, err)
	case models.CodeOf(err) == models.CodeInternal && ctx.Err() == nil:
		s.recordFailedUpload(ctx, v, in, err)
	}
	return nil, err
}

// ingested is what came of a file: its upload and, when that was stored as
// failed, why. A file that is sent again under its idempotency key, failed or
// not, is answered by this.
type ingested struct {
	Upload  *models.Upload
	Refusal *refusal
}

// refusal is a VALIDATION error in a form that can be kept.
type refusal struct {
	Message string
	Fields  []models.FieldError
}

func refusalOf(why error) *refusal {
	if why == nil {
		return nil
	}
	e := models.AsError(why)
	return &refusal{Message: e.Message, Fields: e.Fields}
}

func (r *refusal) err() error {
	if r == nil {
		return nil
	}
	return &models.Error{Code: models.CodeValidation, Message: r.Message, Fields: r.Fields}
}

// fingerprint hashes the file and rewinds it.
func fingerprint(file io.ReadSeeker) (hash string, size int64, err error) {
	sum := sha256.New()
	if size, err = io.Copy(sum, file); err != nil {
		return "", 0, fmt.Errorf("reading the file: %w", err)
	}
	if _, err := file.Seek(0, io.SeekStart); err != nil {
		return "", 0, fmt.Errorf("rewinding the file: %w", err)
	}
	return hex.EncodeToString(sum.Sum(nil)), size, nil
}

func newUploadRow(tx *tenantTx, in models.NewUpload, hash string, size int64) *models.Upload {
	started := tx.now
	return &models.Upload{
		ID: models.UploadID{}.From(tx.newUUID()), CustomerID: tx.customer, UploadedAt: tx.now,
		Filename: in.Filename, Status: models.UploadProcessing, ProcessingStartedAt: &started,
		FileSizeBytes: &size, FileHash: &hash, FileEncoding: "utf-8", UploadedBy: tx.actorID(),
		UploadSource: in.Source, Version: 1, CreatedAt: tx.now, UpdatedAt: tx.now,
	}
}

// claimRows gives out the rows of a file, or of a request, one by one.
type claimRows interface {
	// Next is the next row or why it was rejected; io.EOF after the last.
	Next() (claimfile.Row, *models.Rejection, error)
	Counts() claimfile.Counts
	BytesRead() int64
}

// ingestion is the reading of one file.
type ingestion struct {
	store *Store
	// open begins to read. VALIDATION refuses the file as a whole.
	open func(claimfile.Options) (claimRows, error)
	via  models.SubmittedVia
	// progress hears how far reading has come; nil when nobody asks.
	progress *progress
	// results reads what is to become of the rows, and may refuse; may be nil.
	results func(context.Context, *tenantTx) error
	// refusal is why the file as a whole was not accepted, though its upload
	// was stored.
	refusal error
}

func csvOf(file io.Reader) func(claimfile.Options) (claimRows, error) {
	return func(options claimfile.Options) (claimRows, error) { return claimfile.NewReader(file, options) }
}

// ingest stores a new upload and its claims.
func (g *ingestion) ingest(ctx context.Context, tx *tenantTx, upload *models.Upload) (*models.Upload, error) {
	// The unique index on the hash decides whether the file was here before. It
	// waits for another ingestion of the same bytes that is still under way.
	if err := tx.insert(ctx, upload); err != nil {
		return nil, err
	}
	return g.read(ctx, tx, upload)
}

// read stores the claims of an upload that is stored already.
func (g *ingestion) read(ctx context.Context, tx *tenantTx, upload *models.Upload) (*models.Upload, error) {
	if _, err := tx.tx.ExecContext(ctx, ingestSettings); err != nil {
		return nil, err
	}
	options, err := g.options(ctx, tx)
	if err != nil {
		return nil, err
	}
	reader, err := g.open(options)
	if models.CodeOf(err) == models.CodeValidation && err != nil {
		return upload, g.refuse(ctx, tx, upload, err)
	}
	if err != nil {
		return nil, err
	}
	if err := g.stage(ctx, tx, reader); err != nil {
		return nil, err
	}
	duplicates, err := g.unstage(ctx, tx, upload)
	if err != nil {
		return nil, err
	}
	counts := reader.Counts()
	if duplicates > 0 {
		if err := recount(ctx, tx, &counts); err != nil {
			return nil, err
		}
	}
	g.tally(upload, counts, duplicates)
	upload.RowsRead, upload.BytesRead = counts.Rows, reader.BytesRead()
	if upload.AcceptedRowCount == 0 {
		return upload, g.refuse(ctx, tx, upload, nothingAccepted(upload, duplicates))
	}
	return upload, g.finish(ctx, tx, upload, auditUploadCreated)
}

// options are the customer's mappings and the built-in groups.
func (g *ingestion) options(ctx context.Context, tx *tenantTx) (claimfile.Options, error) {
	options := claimfile.Options{
		Today: models.DateOf(tx.now), Groups: g.store.groups,
		Payers: map[string]string{}, CPTGroups: map[string]string{},
	}
	var payers []models.PayerMapping
	if err := tx.selectFrom(&payers).Scan(ctx); err != nil {
		return options, err
	}
	for _, m := range payers {
		options.Payers[strings.ToLower(strings.TrimSpace(m.RawName))] = m.NormalizedName
	}
	var groups []models.CPTGroupMapping
	if err := tx.selectFrom(&groups).Scan(ctx); err != nil {
		return options, err
	}
	for _, m := range groups {
		options.CPTGroups[m.CPTCode] = m.CPTGroup
	}
	return options, nil
}

// stage streams the file's rows, good and bad, into a temporary table.
func (g *ingestion) stage(ctx context.Context, tx *tenantTx, reader claimRows) error {
	if _, err := tx.tx.ExecContext(ctx, createStaging); err != nil {
		return err
	}
	rows := &stagingStream{reader: reader, newUUID: tx.newUUID, progress: g.progress}
	return tx.pgx(ctx, func(conn *pgx.Conn) error {
		_, err := conn.PgConn().CopyFrom(ctx, rows, copyStaging)
		if rows.err != nil && !errors.Is(rows.err, io.EOF) {
			return rows.err // the cause; COPY only reports that its input broke off
		}
		return err
	})
}

// unstage moves the staged rows into claims and rejections and returns how
// many that the reader accepted were duplicates. One ingestion per customer is
// in this step at a time, until it commits: so what it finds stored stays all
// there is, and two that hold the same claim numbers in another order do not
// wait for each other's index entries for ever.
func (g *ingestion) unstage(ctx context.Context, tx *tenantTx, upload *models.Upload) (duplicates int64, err error) {
	lock := "upstream.ingest:" + tx.customer.UUID().String()
	if _, err := tx.tx.ExecContext(ctx, `SELECT pg_advisory_xact_lock(hashtextextended(?, 0))`, lock); err != nil {
		return 0, err
	}
	if duplicates, err = rejectDuplicates(ctx, tx); err != nil {
		return 0, err
	}
	if g.results != nil {
		if err := g.results(ctx, tx); err != nil {
			return 0, err
		}
	}
	if _, err := tx.tx.ExecContext(ctx, insertClaims, tx.customer, upload.ID, g.via, tx.now); err != nil {
		return 0, err
	}
	_, err = tx.tx.ExecContext(ctx, insertRejections, tx.customer, upload.ID)
	return duplicates, err
}

// rejectDuplicates marks staged rows that repeat another or a stored claim.
func rejectDuplicates(ctx context.Context, tx *tenantTx) (duplicates int64, err error) {
	for _, step := range []struct{ query, nestloop string }{
		{rejectRepeatedRows, "off"}, {rejectRepeatedNumbers, "off"}, {rejectKnownNumbers, "on"},
	} {
		if _, err := tx.tx.ExecContext(ctx, planSettings, step.nestloop); err != nil {
			return 0, err
		}
		result, err := tx.tx.ExecContext(ctx, step.query, tx.customer)
		if err != nil {
			return 0, err
		}
		n, err := result.RowsAffected()
		if err != nil {
			return 0, err
		}
		duplicates += n
	}
	return duplicates, nil
}

// recount corrects what the reader counted over rows that turned out to be
// duplicates: dates and warnings are those of the rows that were kept.
func recount(ctx context.Context, tx *tenantTx, counts *claimfile.Counts) error {
	var first, last *models.Date
	row := tx.tx.QueryRowContext(ctx, countKept)
	if err := row.Scan(&first, &last, &counts.Warned); err != nil {
		return err
	}
	counts.DateMin, counts.DateMax = claimfile.Null[models.Date]{}, claimfile.Null[models.Date]{}
	if first != nil && last != nil {
		counts.DateMin = claimfile.Null[models.Date]{V: *first, Valid: true}
		counts.DateMax = claimfile.Null[models.Date]{V: *last, Valid: true}
	}
	return nil
}

// tally writes the file's counts onto the upload.
func (g *ingestion) tally(upload *models.Upload, counts claimfile.Counts, duplicates int64) {
	rows := counts.Rows
	upload.RowCount = &rows
	upload.AcceptedRowCount = counts.Accepted - duplicates
	upload.RejectedRowCount = counts.Rejected + duplicates
	upload.WarningRowCount = counts.Warned
	upload.PHIDetections = counts.PHIDetections
	upload.MissingFields = counts.MissingFields
	upload.InvalidDates = counts.InvalidDates
	upload.InvalidValues = counts.InvalidValues + duplicates
	if counts.DateMin.Valid {
		first, last := counts.DateMin.V, counts.DateMax.V
		upload.DateMin, upload.DateMax = &first, &last
	}
	upload.Status = models.UploadSuccess
	if upload.RejectedRowCount > 0 {
		upload.Status = models.UploadPartial
	}
}

// refuse stores the upload as failed and remembers why.
func (g *ingestion) refuse(ctx context.Context, tx *tenantTx, upload *models.Upload, why error) error {
	g.refusal = why
	message := sentenceOf(models.AsError(why))
	upload.Status = models.UploadFailed
	upload.ErrorMessage, upload.ErrorCode = &message, new(string(models.CodeOf(why)))
	return g.finish(ctx, tx, upload, auditUploadFailed)
}

// sentenceOf puts an error with its fields into one line of text.
func sentenceOf(e *models.Error) string {
	parts := []string{e.Message}
	for _, f := range e.Fields {
		parts = append(parts, f.Path+" "+f.Message+".")
	}
	return strings.Join(parts, " ")
}

func nothingAccepted(u *models.Upload, duplicates int64) error {
	if *u.RowCount == 0 {
		return models.InvalidField("file", "no_rows", "has a header but no data rows")
	}
	return models.InvalidField("file", "no_valid_rows",
		"has no row to keep: of %d, %d are missing a required field, %d have an invalid date, %d an invalid value, %d contain patient data, and %d repeat claims that are stored",
		*u.RowCount, u.MissingFields, u.InvalidDates, u.InvalidValues-duplicates, u.PHIDetections, duplicates)
}

func (g *ingestion) finish(ctx context.Context, tx *tenantTx, upload *models.Upload, action auditAction) error {
	completed := g.store.clock()
	upload.ProcessingCompletedAt, upload.UpdatedAt = &completed, completed
	if err := g.progress.settle(ctx, tx, upload); err != nil {
		return err
	}
	if _, err := tx.updateOf(upload).ExcludeColumn("id", "customer_id").Where("id = ?", upload.ID).Exec(ctx); err != nil {
		return err
	}
	if err := tx.emitUpload(ctx, upload); err != nil {
		return err
	}
	if upload.PHIDetections > 0 {
		counts := map[string]any{"rows": upload.PHIDetections}
		if err := tx.audit(ctx, auditPHIDetected, "upload", upload.ID.String(), counts); err != nil {
			return err
		}
	}
	return tx.auditChange(ctx, action, "upload", upload.ID.String(), uploadAdded(upload))
}

// uploadAdded is what the audit log says about a new upload. The file's name
// stays out: it is the uploader's own text, and may name a patient.
func uploadAdded(u *models.Upload) change {
	after := map[string]any{
		"status": u.Status, "upload_source": u.UploadSource,
		"accepted_row_count": u.AcceptedRowCount, "rejected_row_count": u.RejectedRowCount,
	}
	if u.FileHash != nil {
		after["file_hash"] = *u.FileHash
	}
	return change{after: after}
}

// nameExistingUpload adds to a conflict which upload holds the same bytes.
func (s *Store) nameExistingUpload(ctx context.Context, v models.Viewer, hash string, conflict error) error {
	existing, err := read(ctx, s, v, models.PermissionUploadClaims, func(tx *tenantTx) (*models.Upload, error) {
		upload := new(models.Upload)
		err := tx.selectFrom(upload).Column("id").
			Where("file_hash = ? AND status <> ?", hash, models.UploadFailed).Scan(ctx)
		return upload, err
	})
	if err != nil {
		return conflict // the other upload is gone; the conflict was real
	}
	named := *models.AsError(conflict)
	named.ExistingID = existing.ID.String()
	named.Message = "This file was uploaded before, as " + named.ExistingID + "."
	return named.WithCause(conflict)
}

// recordFailedUpload leaves a trace of a file whose ingestion broke off and
// was rolled back. That it cannot is logged: the first error is the answer.
func (s *Store) recordFailedUpload(ctx context.Context, v models.Viewer, in models.NewUpload, cause error) {
	_, err := write(ctx, s, v, models.PermissionUploadClaims, func(tx *tenantTx) (*models.Upload, error) {
		message := models.AsError(cause).Message
		upload := newUploadRow(tx, in, "", 0)
		upload.FileHash, upload.FileSizeBytes = nil, nil
		upload.Status, upload.ErrorMessage, upload.ProcessingCompletedAt = models.UploadFailed, &message, &tx.now
		upload.ErrorCode = new(string(models.CodeOf(cause)))
		if err := tx.insert(ctx, upload); err != nil {
			return nil, err
		}
		if err := tx.emitUpload(ctx, upload); err != nil {
			return nil, err
		}
		return upload, tx.auditChange(ctx, auditUploadFailed, "upload", upload.ID.String(), uploadAdded(upload))
	})
	if err != nil {
		s.log.ErrorContext(ctx, "a failed upload could not be recorded", "error", err)
	}
}
