package models

import "encoding/json"

// BatchMode is what one bad row of a batch means for the others.
type BatchMode string

// The modes: in an atomic batch nothing is stored unless every row is good; of a
// partial one the good rows are.
const (
	BatchAtomic  BatchMode = "atomic"
	BatchPartial BatchMode = "partial"
)

// Values lists the modes.
func (BatchMode) Values() []string { return []string{string(BatchAtomic), string(BatchPartial)} }

// NewBatch is what an edge knows about claims that come without a file.
type NewBatch struct {
	Mode BatchMode
	// Filename is what the upload of the batch is called.
	Filename string
	// Content are the bytes received, and Rows the rows in them as JSON objects.
	Content []byte
	Rows    []json.RawMessage
}

// Validate lists what is wrong with the input.
func (in NewBatch) Validate() error {
	if in.Mode != BatchAtomic && in.Mode != BatchPartial {
		return InvalidField("mode", "invalid", "must be one of atomic, partial")
	}
	return NewUpload{Filename: in.Filename, Source: UploadSourceAPI}.Validate()
}

// Batch is what became of claims that came without a file.
type Batch struct {
	Upload *Upload
	// Rows has one entry for each row, in their order.
	Rows []BatchRow
}

// BatchRow is what became of one row: a claim, or a field error with the path of
// the row and, where one is at fault, the column.
type BatchRow struct {
	Claim *ClaimID
	Error *FieldError
}
