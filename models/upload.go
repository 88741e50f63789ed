package models

import (
	"io"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/uptrace/bun"
)

// UploadStatus is where a claims file stands.
type UploadStatus string

// The upload states: processing while rows are read, success when all were
// accepted, partial when some were rejected, failed when none was kept.
const (
	UploadProcessing UploadStatus = "processing"
	UploadSuccess    UploadStatus = "success"
	UploadFailed     UploadStatus = "failed"
	UploadPartial    UploadStatus = "partial"
)

// Values lists the states.
func (UploadStatus) Values() []string {
	return []string{string(UploadProcessing), string(UploadSuccess), string(UploadFailed), string(UploadPartial)}
}

// MarshalGQL writes the GraphQL enum value.
func (s UploadStatus) MarshalGQL(w io.Writer) { marshalEnum(w, s) }

// UnmarshalGQL reads the GraphQL enum value.
func (s *UploadStatus) UnmarshalGQL(v any) error { return unmarshalEnum(s, v) }

// UploadSource is the door a claims file came in by.
type UploadSource string

// The upload sources.
const (
	UploadSourceWebUI UploadSource = "web_ui"
	UploadSourceAPI   UploadSource = "api"
	UploadSourceBatch UploadSource = "batch"
)

// Values lists the sources.
func (UploadSource) Values() []string {
	return []string{string(UploadSourceWebUI), string(UploadSourceAPI), string(UploadSourceBatch)}
}

// MarshalGQL writes the GraphQL enum value.
func (s UploadSource) MarshalGQL(w io.Writer) { marshalEnum(w, s) }

// UnmarshalGQL reads the GraphQL enum value.
func (s *UploadSource) UnmarshalGQL(v any) error { return unmarshalEnum(s, v) }

// Upload is one ingested claims file and its data-quality report: how many
// rows it had, how many were kept, and why the others were not.
type Upload struct {
	bun.BaseModel `bun:"table:uploads,alias:up"`

	ID           UploadID     `bun:"id,pk,type:uuid"`
	CustomerID   CustomerID   `bun:"customer_id,type:uuid"`
	UploadedAt   time.Time    `bun:"uploaded_at"`
	Filename     string       `bun:"filename"`
	Status       UploadStatus `bun:"status"`
	ErrorMessage *string      `bun:"error_message"`
	// RowCount counts data rows, accepted or not; null until the file was read.
	RowCount *int64 `bun:"row_count"`
	// DateMin and DateMax span the submitted and decided dates of accepted rows.
	DateMin               *Date      `bun:"date_min,type:date"`
	DateMax               *Date      `bun:"date_max,type:date"`
	ProcessingStartedAt   *time.Time `bun:"processing_started_at"`
	ProcessingCompletedAt *time.Time `bun:"processing_completed_at"`
	AcceptedRowCount      int64      `bun:"accepted_row_count"`
	RejectedRowCount      int64      `bun:"rejected_row_count"`
	WarningRowCount       int64      `bun:"warning_row_count"`
	// The rejections by category; they add up to RejectedRowCount.
	PHIDetections int64 `bun:"phi_detections"`
	MissingFields int64 `bun:"missing_fields"`
	InvalidDates  int64 `bun:"invalid_dates"`
	InvalidValues int64 `bun:"invalid_values"`
	// FileSizeBytes and FileHash (SHA-256, lower-case hex) describe the bytes received.
	FileSizeBytes *int64       `bun:"file_size_bytes"`
	FileHash      *string      `bun:"file_hash"`
	FileEncoding  string       `bun:"file_encoding"`
	UploadedBy    *UserID      `bun:"uploaded_by,type:uuid"`
	UploadSource  UploadSource `bun:"upload_source"`
	// RowsRead and BytesRead are how far reading has come, as of a second ago.
	RowsRead  int64 `bun:"rows_read"`
	BytesRead int64 `bun:"bytes_read"`
	// ErrorCode is why the file as a whole failed: CANCELLED, ABANDONED, or the
	// code of the error that refused it.
	ErrorCode *string `bun:"error_code"`
	// Worker is the process that reads the file in the background; nil while none
	// does. Attempts is how often one began to.
	Worker    *uuid.UUID `bun:"worker,type:uuid"`
	Attempts  int        `bun:"attempts"`
	Version   int64      `bun:"version"`
	CreatedAt time.Time  `bun:"created_at"`
	UpdatedAt time.Time  `bun:"updated_at"`
}

// QualityScore is accepted rows over all rows, 0..1; nil while the count is
// unknown, 0 for a file without rows.
func (u *Upload) QualityScore() *float64 {
	if u.RowCount == nil {
		return nil
	}
	score := 0.0
	if *u.RowCount > 0 {
		score = float64(u.AcceptedRowCount) / float64(*u.RowCount)
	}
	return &score
}

// ProcessingDurationSeconds is how long reading the file took; nil until it ended.
func (u *Upload) ProcessingDurationSeconds() *float64 {
	if u.ProcessingStartedAt == nil || u.ProcessingCompletedAt == nil {
		return nil
	}
	seconds := u.ProcessingCompletedAt.Sub(*u.ProcessingStartedAt).Seconds()
	return &seconds
}

// Unfinished reports whether the file is yet to be read, or is being read.
func (u *Upload) Unfinished() bool { return u.Status == UploadProcessing }

// RowsSoFar is how many data rows were read; all of them once reading ended.
func (u *Upload) RowsSoFar() int64 {
	if u.RowCount != nil {
		return *u.RowCount
	}
	return u.RowsRead
}

// BytesSoFar is how much of the file was read; all of it once that ended well.
func (u *Upload) BytesSoFar() int64 {
	if u.FileSizeBytes != nil && (u.Status == UploadSuccess || u.Status == UploadPartial) {
		return *u.FileSizeBytes
	}
	return u.BytesRead
}

// Percent is how much of the file was read, 0..100 in whole numbers; nil when
// its size is not known. It is below 100 until the claims are stored.
func (u *Upload) Percent() *int {
	if u.FileSizeBytes == nil {
		return nil
	}
	percent := 100
	if size := *u.FileSizeBytes; size > 0 {
		percent = int(float64(u.BytesSoFar()) / float64(size) * 100)
	}
	if u.Unfinished() {
		percent = min(percent, 99)
	}
	return new(min(percent, 100))
}

// Cancellation asks that an upload not be read to its end.
type Cancellation struct {
	ID UploadID
	// ExpectedVersion is the version it was decided on; nil when that does not
	// matter.
	ExpectedVersion *int64
}

// RejectionCode is the category a rejected row is counted under.
type RejectionCode string

// The rejection codes and the tally each adds to.
const (
	RejectionPHI            RejectionCode = "phi_detected"
	RejectionMissing        RejectionCode = "required"
	RejectionInvalidDate    RejectionCode = "invalid_date"
	RejectionInvalidValue   RejectionCode = "invalid_value"
	RejectionDuplicateRow   RejectionCode = "duplicate_row"
	RejectionDuplicateClaim RejectionCode = "duplicate_claim"
)

// Values lists the codes.
func (RejectionCode) Values() []string {
	return []string{
		string(RejectionPHI), string(RejectionMissing), string(RejectionInvalidDate),
		string(RejectionInvalidValue), string(RejectionDuplicateRow), string(RejectionDuplicateClaim),
	}
}

// MarshalGQL writes the GraphQL enum value.
func (c RejectionCode) MarshalGQL(w io.Writer) { marshalEnum(w, c) }

// UnmarshalGQL reads the GraphQL enum value.
func (c *RejectionCode) UnmarshalGQL(v any) error { return unmarshalEnum(c, v) }

// Rejection is why one row of a file was not kept. It names the column and the
// rule and never repeats the value, which may identify a patient.
type Rejection struct {
	bun.BaseModel `bun:"table:upload_rejections,alias:rj"`

	CustomerID CustomerID `bun:"customer_id,pk,type:uuid"`
	UploadID   UploadID   `bun:"upload_id,pk,type:uuid"`
	// RowNumber counts from 1, the header being row 1 of a CSV file.
	RowNumber int64         `bun:"row_number,pk"`
	Column    string        `bun:"column_name"`
	Code      RejectionCode `bun:"code"`
	Message   string        `bun:"message"`
}

// UploadFilter narrows a list of uploads.
type UploadFilter struct {
	Status         *UploadStatus `query:"status" column:"status" op:"eq" doc:"Only uploads in this state."`
	Source         *UploadSource `query:"upload_source" column:"upload_source" op:"eq" doc:"Only uploads that came in by this door."`
	UploadedAfter  *time.Time    `query:"uploaded_after" column:"uploaded_at" op:"gte" doc:"Only uploads received at this instant or later."`
	UploadedBefore *time.Time    `query:"uploaded_before" column:"uploaded_at" op:"lte" doc:"Only uploads received at this instant or earlier."`
}

// UploadOrderField is a column uploads can be ordered by.
type UploadOrderField string

// The orderings of uploads.
const (
	UploadOrderUploadedAt UploadOrderField = "uploaded_at"
	UploadOrderStatus     UploadOrderField = "status"
	UploadOrderRowCount   UploadOrderField = "row_count"
)

// Values lists the columns.
func (UploadOrderField) Values() []string {
	return []string{string(UploadOrderUploadedAt), string(UploadOrderStatus), string(UploadOrderRowCount)}
}

// MarshalGQL writes the GraphQL enum value.
func (f UploadOrderField) MarshalGQL(w io.Writer) { marshalEnum(w, f) }

// UnmarshalGQL reads the GraphQL enum value.
func (f *UploadOrderField) UnmarshalGQL(v any) error { return unmarshalEnum(f, v) }

// UploadPatch is what a client may change of an upload.
type UploadPatch struct {
	Filename Change[string] `json:"filename" maxLength:"255" doc:"What the file is called." example:"claims-2026-05.csv"`
}

// Validate lists what is wrong with the patch.
func (in UploadPatch) Validate() error {
	return Invalid(checked("filename", in.Filename, textUpTo(maxFilename))...)
}

// Apply makes the changes.
func (in UploadPatch) Apply(u *Upload) { in.Filename.apply(&u.Filename) }

// UploadStats counts a customer's uploads, by what became of them.
type UploadStats struct {
	Total      int64 `bun:"total"`
	Success    int64 `bun:"success"`
	Failed     int64 `bun:"failed"`
	Partial    int64 `bun:"partial"`
	Processing int64 `bun:"processing"`
	// TotalRows is how many data rows the files had, accepted or not.
	TotalRows int64 `bun:"total_rows"`
}

// RejectionOrderField is a column rejections can be ordered by.
type RejectionOrderField string

// The orderings of rejections.
const (
	RejectionOrderRowNumber RejectionOrderField = "row_number"
)

// Values lists the columns.
func (RejectionOrderField) Values() []string { return []string{string(RejectionOrderRowNumber)} }

// MarshalGQL writes the GraphQL enum value.
func (f RejectionOrderField) MarshalGQL(w io.Writer) { marshalEnum(w, f) }

// UnmarshalGQL reads the GraphQL enum value.
func (f *RejectionOrderField) UnmarshalGQL(v any) error { return unmarshalEnum(f, v) }

// maxFilename is how many characters the name of a file may have.
const maxFilename = 255

// NewUpload is what an edge knows about a claims file before it is read.
type NewUpload struct {
	Filename string
	Source   UploadSource
}

// Validate lists what is wrong with the input.
func (in NewUpload) Validate() error {
	if in.Filename == "" || len([]rune(in.Filename)) > maxFilename || strings.ContainsRune(in.Filename, 0) {
		return InvalidField("file", "invalid", "must have a file name of 1 to 255 characters, none of them NUL")
	}
	return nil
}
