package rest

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humachi"

	"upstream/internal/auth"
	"upstream/internal/throttle"
	"upstream/models"
)

// upload is the representation of models.Upload.
type upload struct {
	ID                        models.UploadID     `json:"id"`
	Customer                  models.CustomerID   `json:"customer"`
	Filename                  string              `json:"filename" doc:"The name the file had." example:"claims-2026-05.csv"`
	UploadedAt                time.Time           `json:"uploaded_at"`
	Status                    models.UploadStatus `json:"status" doc:"partial: some rows were rejected; failed: none was kept."`
	ErrorMessage              *string             `json:"error_message" doc:"Why the whole file failed."`
	ErrorCode                 *string             `json:"error_code" doc:"Why the whole file failed, as a stable word: CANCELLED, ABANDONED, or the code of the error that refused it." example:"CANCELLED"`
	RowsRead                  int64               `json:"rows_read" minimum:"0" doc:"How many data rows were read so far." example:"2575"`
	BytesRead                 int64               `json:"bytes_read" minimum:"0" doc:"How many bytes were read so far." example:"182331"`
	Percent                   *int                `json:"percent" minimum:"0" maximum:"100" doc:"How much of the file was read; 100 once its claims are stored, null when its size is not known." example:"100"`
	RowCount                  *int64              `json:"row_count" doc:"Data rows, accepted or not." example:"2575"`
	AcceptedRowCount          int64               `json:"accepted_row_count" minimum:"0" example:"2570"`
	RejectedRowCount          int64               `json:"rejected_row_count" minimum:"0" example:"5"`
	WarningRowCount           int64               `json:"warning_row_count" minimum:"0" example:"3"`
	PHIDetections             int64               `json:"phi_detections" minimum:"0" doc:"Rows rejected because they may identify a patient." example:"1"`
	MissingFields             int64               `json:"missing_fields" minimum:"0" doc:"Rows rejected for a missing field." example:"2"`
	InvalidDates              int64               `json:"invalid_dates" minimum:"0" doc:"Rows rejected for a date that is none." example:"1"`
	InvalidValues             int64               `json:"invalid_values" minimum:"0" doc:"Rows rejected for any other value." example:"1"`
	QualityScore              *float64            `json:"quality_score" minimum:"0" maximum:"1" doc:"Accepted rows over all rows, 0..1." example:"0.998"`
	DateMin                   *models.Date        `json:"date_min" doc:"The earliest date of an accepted row."`
	DateMax                   *models.Date        `json:"date_max" doc:"The latest date of an accepted row."`
	ProcessingStartedAt       *time.Time          `json:"processing_started_at"`
	ProcessingCompletedAt     *time.Time          `json:"processing_completed_at"`
	ProcessingDurationSeconds *float64            `json:"processing_duration_seconds" minimum:"0" example:"1.8"`
	FileSizeBytes             *int64              `json:"file_size_bytes" example:"182331"`
	FileHash                  *string             `json:"file_hash" doc:"SHA-256 of the bytes received, in hexadecimal." example:"9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"`
	FileEncoding              string              `json:"file_encoding" example:"utf-8"`
	UploadedBy                *models.UserID      `json:"uploaded_by" doc:"Who sent it; null for commands of the operator."`
	UploadSource              models.UploadSource `json:"upload_source"`
	CreatedAt                 time.Time           `json:"created_at"`
	UpdatedAt                 time.Time           `json:"updated_at"`
	Links                     uploadLinks         `json:"_links"`
}

type uploadLinks struct {
	Self       link `json:"self"`
	Collection link `json:"collection"`
	Claims     link `json:"claims"`
	Rejections link `json:"rejections"`
}

func showUpload(l links, u *models.Upload) upload {
	id := u.ID.String()
	claims := l.to("claims")
	claims.Href += "?upload=" + id
	return upload{
		ID: u.ID, Customer: u.CustomerID, Filename: u.Filename, UploadedAt: u.UploadedAt.UTC(), Status: u.Status,
		ErrorMessage: u.ErrorMessage, ErrorCode: u.ErrorCode, RowsRead: u.RowsSoFar(), BytesRead: u.BytesSoFar(), Percent: u.Percent(), RowCount: u.RowCount, AcceptedRowCount: u.AcceptedRowCount,
		RejectedRowCount: u.RejectedRowCount, WarningRowCount: u.WarningRowCount, PHIDetections: u.PHIDetections,
		MissingFields: u.MissingFields, InvalidDates: u.InvalidDates, InvalidValues: u.InvalidValues,
		QualityScore: u.QualityScore(), DateMin: u.DateMin, DateMax: u.DateMax,
		ProcessingStartedAt: utc(u.ProcessingStartedAt), ProcessingCompletedAt: utc(u.ProcessingCompletedAt),
		ProcessingDurationSeconds: u.ProcessingDurationSeconds(), FileSizeBytes: u.FileSizeBytes, FileHash: u.FileHash,
		FileEncoding: u.FileEncoding, UploadedBy: u.UploadedBy, UploadSource: u.UploadSource,
		CreatedAt: u.CreatedAt.UTC(), UpdatedAt: u.UpdatedAt.UTC(),
		Links: uploadLinks{
			Self: l.to("uploads", id), Collection: l.to("uploads"), Claims: claims, Rejections: l.to("uploads", id, "rejections"),
		},
	}
}

// rejection is the representation of models.Rejection.
type rejection struct {
	RowNumber int64                `json:"row_number" minimum:"1" doc:"The row of the file, the header being 1." example:"17"`
	Column    string               `json:"column" doc:"The column at fault; empty when the whole row is." example:"decided_date"`
	Code      models.RejectionCode `json:"code"`
	Message   string               `json:"message" doc:"What is wrong; never repeats the value." example:"must not be before the submitted date"`
	Links     rejectionLinks       `json:"_links"`
}

type rejectionLinks struct {
	Collection link `json:"collection"`
	Upload     link `json:"upload"`
}

func showRejection(l links, r *models.Rejection) rejection {
	id := r.UploadID.String()
	return rejection{
		RowNumber: r.RowNumber, Column: r.Column, Code: r.Code, Message: r.Message,
		Links: rejectionLinks{Collection: l.to("uploads", id, "rejections"), Upload: l.to("uploads", id)},
	}
}

func (a *api) registerUploads() {
	registerList(a, operation{
		id: "listUploads", method: http.MethodGet, path: resourcePath("uploads"), tag: tagUploads,
		summary: "List uploads", description: "The customer's claims files, the last one first unless ordered otherwise. " +
			"Search looks at file name and status.",
		permission: models.PermissionViewClaims,
	}, func(ctx context.Context, v models.Viewer, _ *noInput, f models.UploadFilter, l models.List[models.UploadOrderField]) (*models.Rows[*models.Upload], error) {
		return a.store.Uploads(ctx, v, f, l)
	}, showUpload)
	registerDetail(a, operation{
		id: "getUpload", method: http.MethodGet, path: resourcePath("uploads", "{id}"), tag: tagUploads,
		summary: "Show an upload", description: "One claims file: its state, every count, its hash and times.",
		permission: models.PermissionViewClaims,
	}, a.store.Upload, showUpload, func(u *models.Upload) int64 { return u.Version })
	registerList(a, operation{
		id: "listRejections", method: http.MethodGet, path: resourcePath("uploads", "{id}", "rejections"), tag: tagUploads,
		summary: "List the rejected rows of an upload", description: "Why rows of the file were not kept, in the order of the file.",
		permission: models.PermissionViewClaims, unsearchable: true,
	}, func(ctx context.Context, v models.Viewer, in *byID[models.UploadID], _ struct{}, l models.List[models.RejectionOrderField]) (*models.Rows[*models.Rejection], error) {
		return a.store.Rejections(ctx, v, in.ID, l)
	}, showRejection)
	register(a, operation{
		id: "showUploadStats", method: http.MethodGet, path: resourcePath("uploads", "stats"), tag: tagUploads,
		summary: "Count uploads", description: "How many uploads the customer has, by what became of them, and how many rows in all.",
		permission: models.PermissionViewClaims,
	}, func(ctx context.Context, _ *noInput) (*struct{ Body uploadStats }, error) {
		stats, err := a.store.UploadStats(ctx, auth.ViewerFrom(ctx))
		if err != nil {
			return nil, err
		}
		return &struct{ Body uploadStats }{uploadStats(*stats)}, nil
	})
	a.registerCreateUpload()
	a.registerUploadChanges()
	a.registerCancelUpload()
}

// uploadStats is the representation of models.UploadStats.
type uploadStats struct {
	Total      int64 `json:"total" minimum:"0" doc:"All uploads." example:"14"`
	Success    int64 `json:"success" minimum:"0" doc:"Those of which every row was kept." example:"11"`
	Failed     int64 `json:"failed" minimum:"0" doc:"Those of which no row was kept." example:"1"`
	Partial    int64 `json:"partial" minimum:"0" doc:"Those of which some rows were rejected." example:"2"`
	Processing int64 `json:"processing" minimum:"0" doc:"Those that are still being read." example:"0"`
	TotalRows  int64 `json:"total_rows" minimum:"0" doc:"Data rows of all files together, kept or not." example:"36050"`
}

func (a *api) registerUploadChanges() {
	path := resourcePath("uploads", "{id}")
	registerPatch(a, operation{
		id: "updateUpload", method: http.MethodPatch, path: path, tag: tagUploads,
		summary: "Rename an upload", description: "Changes what the file is called.",
		permission: models.PermissionUploadClaims, throttle: []throttle.Class{throttle.BulkOperation},
	}, a.store.UpdateUpload, showUpload, func(u *models.Upload) int64 { return u.Version })
	registerDelete(a, operation{
		id: "deleteUpload", method: http.MethodDelete, path: path, tag: tagUploads,
		summary:     "Delete an upload",
		description: "Deletes an upload and its rejected rows. One that brought claims stays (409, `IN_USE`).",
		permission:  models.PermissionDeleteUploads, throttle: []throttle.Class{throttle.BulkOperation},
		codes: []models.Code{models.CodeInUse},
	}, a.store.DeleteUpload)
}

// uploadInput gives the handler the request itself: a claims file is streamed,
// and the library would gather it first.
type uploadInput struct {
	request *http.Request
	writer  http.ResponseWriter
}

// Resolve implements huma.Resolver.
func (in *uploadInput) Resolve(ctx huma.Context) []error {
	in.request, in.writer = humachi.Unwrap(ctx)
	return nil
}

func (a *api) registerCreateUpload() {
	path := resourcePath("uploads")
	register(a, operation{
		id: "createUpload", method: http.MethodPost, path: path, tag: tagUploads, status: http.StatusCreated,
		summary: "Upload a claims file",
		description: "Reads a CSV file of claims, up to 1 GiB unless the operator says otherwise. A file above 10 MiB (by the operator's " +
			"setting), and any with `Prefer: respond-async`, is stored to be read in the background: the answer is 202 with the upload in " +
			"`processing`, whose `Location` tells how far it is and what became of it. Rows that break a rule are " +
			"rejected one by one and listed under `rejections`; the others are kept (`partial`). A file that is no CSV, lacks a " +
			"column or has no acceptable row is refused as a whole: the answer names the failed upload as `upload_id`. The same " +
			"file a second time is a conflict that names the first upload as `existing_id`.",
		permission: models.PermissionUploadClaims, throttle: []throttle.Class{throttle.BulkOperation}, patient: true,
		codes:    []models.Code{models.CodeConflict, models.CodePayloadTooLarge, codeUnsupportedMediaType},
		streamed: true, params: []*huma.Param{preferParam()},
	}, a.createUpload)
	documented := a.huma.OpenAPI().Paths[path].Post
	documentAccepted(documented)
	documented.RequestBody = multipartBody(int(a.opts.MaxUploadBytes))
	documented.Extensions[bodyLimitExtension] = a.opts.MaxUploadBytes + formOverhead
}

// multipartBody documents the form. It is set after registration, so that the
// library does not read the body.
func multipartBody(limit int) *huma.RequestBody {
	return &huma.RequestBody{Required: true, Content: map[string]*huma.MediaType{
		"multipart/form-data": {
			Schema: &huma.Schema{
				Type: huma.TypeObject, Required: []string{fileField}, AdditionalProperties: false,
				Properties: map[string]*huma.Schema{fileField: {
					Type: huma.TypeString, Format: "binary", MaxLength: &limit, Description: "The CSV file.",
				}},
			},
			Encoding: map[string]*huma.Encoding{fileField: {ContentType: "text/csv, application/octet-stream"}},
		},
	}}
}

func (a *api) createUpload(ctx context.Context, in *uploadInput) (*uploadedOutput, error) {
	file, err := a.receive(in.writer, in.request)
	if err != nil {
		return nil, err
	}
	defer file.discard()
	v, claims := auth.ViewerFrom(ctx), models.NewUpload{Filename: file.name, Source: models.UploadSourceAPI}
	preferred := prefersAsync(in.request.Header.Values("Prefer"))
	if preferred || file.size > a.opts.AsyncUploadBytes {
		u, err := a.store.QueueUpload(ctx, v, claims, file)
		if err != nil {
			return nil, err
		}
		return queued(ctx, u, preferred), nil
	}
	u, err := a.store.Ingest(ctx, v, claims, file)
	if err != nil {
		return nil, a.refusedFile(ctx, u, err)
	}
	body := showUpload(linksFor(ctx), u)
	return &uploadedOutput{Status: http.StatusCreated, Location: body.Links.Self.Href, ETag: etag(u.Version), Body: body}, nil
}

// refusedFile names the upload that records why a whole file was refused.
func (a *api) refusedFile(ctx context.Context, u *models.Upload, err error) error {
	p := a.problem(ctx, err)
	if u != nil {
		id := u.ID.String()
		p.UploadID = &id
	}
	return p
}
