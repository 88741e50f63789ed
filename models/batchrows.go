package models

import (
	"bytes"
	"encoding/json"
	"errors"
	"unicode/utf8"
)

// MaxBatchRows is how many rows one batch may have.
const MaxBatchRows = 10_000

// BatchFormat is how the rows of a batch are written down.
type BatchFormat int

// The formats: one JSON array, or one JSON object on each line.
const (
	BatchJSON BatchFormat = iota
	BatchNDJSON
)

// ErrBatchSyntax is the error for text that is not JSON at all.
var ErrBatchSyntax = errors.New("models: the batch is not valid JSON")

// SplitBatch cuts a batch into its rows without looking into them. The error is
// ErrBatchSyntax, or VALIDATION with the path "claims" for a batch that is
// no list, has no row or more than MaxBatchRows.
func SplitBatch(content []byte, format BatchFormat) ([]json.RawMessage, error) {
	if !utf8.Valid(content) {
		return nil, ErrBatchSyntax
	}
	var rows []json.RawMessage
	var err error
	if format == BatchNDJSON {
		rows = splitLines(content)
	} else {
		rows, err = splitArray(content)
	}
	switch {
	case err != nil:
		return nil, err
	case len(rows) == 0:
		return nil, InvalidField("claims", "required", "must have at least one row")
	case len(rows) > MaxBatchRows:
		return nil, InvalidField("claims", "too_many", "must have at most %d rows", MaxBatchRows)
	}
	return rows, nil
}

// splitLines cuts at line ends. Lines of nothing but spaces are no rows.
func splitLines(content []byte) []json.RawMessage {
	var rows []json.RawMessage
	for line := range bytes.SplitSeq(content, []byte("\n")) {
		if line = bytes.TrimSpace(line); len(line) > 0 && len(rows) <= MaxBatchRows {
			rows = append(rows, line)
		}
	}
	return rows
}

func splitArray(content []byte) ([]json.RawMessage, error) {
	if !json.Valid(content) {
		return nil, ErrBatchSyntax
	}
	decoder := json.NewDecoder(bytes.NewReader(content))
	if start, err := decoder.Token(); err != nil || start != json.Delim('[') {
		return nil, InvalidField("claims", "invalid", "must be a JSON array of objects")
	}
	var rows []json.RawMessage
	for decoder.More() && len(rows) <= MaxBatchRows {
		var row json.RawMessage
		if err := decoder.Decode(&row); err != nil {
			return nil, ErrBatchSyntax
		}
		rows = append(rows, row)
	}
	return rows, nil
}
