package cli

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"syscall"

	"upstream/internal/postgres"
	"upstream/models"
)

// The exit codes.
const (
	exitOK       = 0
	exitFailure  = 1
	exitUsage    = 2
	exitNotFound = 3
	exitConflict = 4
	exitDatabase = 5
	exitAddress  = 6
)

// errBehind says that the schema is older than the program.
var errBehind = errors.New("the database schema is behind this program: run `upstream migrate up`, or serve with --migrate")

// errorBody is an error on standard error with --json.
type errorBody struct {
	Error errorDetail `json:"error"`
}

type errorDetail struct {
	Code       string              `json:"code"`
	Message    string              `json:"message"`
	ExitCode   int                 `json:"exit_code"`
	ExistingID string              `json:"existing_id,omitempty"`
	Errors     []models.FieldError `json:"errors,omitempty"`
}

// fail prints the error and answers with its exit code.
func (a *app) fail(err error) int {
	detail := describe(err)
	if a.JSON {
		_ = json.NewEncoder(a.Err).Encode(errorBody{Error: detail})
		return detail.ExitCode
	}
	_, _ = fmt.Fprintln(a.Err, "error:", detail.Message)
	for _, f := range detail.Errors {
		_, _ = fmt.Fprintf(a.Err, "  %s %s\n", f.Path, f.Message)
	}
	return detail.ExitCode
}

func describe(err error) errorDetail {
	var usage usageError
	var connect *postgres.ConnectError
	var coded *models.Error
	switch {
	case errors.As(err, &usage), errors.Is(err, fs.ErrNotExist):
		return errorDetail{Code: "USAGE", Message: err.Error(), ExitCode: exitUsage}
	case errors.Is(err, syscall.EADDRINUSE):
		return errorDetail{Code: "ADDRESS_IN_USE", Message: err.Error(), ExitCode: exitAddress}
	case errors.As(err, &connect), errors.Is(err, errBehind), errors.Is(err, postgres.ErrUnsafeRole),
		errors.Is(err, postgres.ErrDataDirInUse), errors.Is(err, postgres.ErrNoBinaries):
		return errorDetail{Code: "DATABASE", Message: err.Error(), ExitCode: exitDatabase}
	case errors.As(err, &coded):
		return describeCoded(coded)
	default:
		return errorDetail{Code: "FAILURE", Message: err.Error(), ExitCode: exitFailure}
	}
}

// describeCoded shows the cause of an internal error: the operator at the
// terminal is the one who has to mend it.
func describeCoded(e *models.Error) errorDetail {
	detail := errorDetail{
		Code: string(e.Code), Message: e.Message, ExistingID: e.ExistingID, Errors: e.Fields, ExitCode: exitFailure,
	}
	switch e.Code {
	case models.CodeValidation:
		detail.ExitCode = exitUsage
	case models.CodeNotFound:
		detail.ExitCode = exitNotFound
	case models.CodeConflict, models.CodeInUse, models.CodeStale, models.CodeSerializationConflict:
		detail.ExitCode = exitConflict
	case models.CodeInternal:
		detail.Message = e.Error()
	default:
	}
	return detail
}
