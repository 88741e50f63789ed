package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"upstream/internal/config"
	"upstream/internal/postgres"
	"upstream/migrations"
	"upstream/models"
)

// The exit codes.
const (
	exitOK          = 0
	exitFailure     = 1
	exitUsage       = 2
	exitNotFound    = 3
	exitConflict    = 4
	exitDatabase    = 5
	exitAddress     = 6
	exitInterrupted = 130
)

var (
	// errBehind says that the schema is older than the program.
	errBehind = errors.New("the database schema is behind this program: " +
		"run `upstream migrate up`, or serve with --migrate")
	// errDatabaseEnded says that an embedded server is gone under a program that
	// still needs it.
	errDatabaseEnded = errors.New("the embedded database has ended")
	errInterrupted   = errors.New("interrupted before the work was done")
)

// usageError is a command line that cannot be understood.
type usageError struct{ error }

// Unwrap gives the reason.
func (e usageError) Unwrap() error { return e.error }

// interruption replaces the many shapes an error takes when work is broken off
// because ctx has ended.
func interruption(ctx context.Context, err error) error {
	if ctx.Err() != nil && errors.Is(err, context.Canceled) {
		return errInterrupted
	}
	return err
}

// Codes of errors that are not the store's.
const (
	codeUsage       = "USAGE"
	codeAddress     = "ADDRESS"
	codeDatabase    = "DATABASE"
	codeInterrupted = "INTERRUPTED"
	codeFailure     = "FAILURE"
)

// errorBody is an error on standard error with --json.
type errorBody struct {
	Error errorDetail `json:"error"`
}

type errorDetail struct {
	Code       string        `json:"code"`
	Message    string        `json:"message"`
	ExitCode   int           `json:"exit_code"`
	ExistingID string        `json:"existing_id,omitempty"`
	Errors     []fieldDetail `json:"errors,omitempty"`
}

// fieldDetail is a models.FieldError as JSON shows it.
type fieldDetail struct {
	Path    string `json:"path"`
	Code    string `json:"code"`
	Message string `json:"message"`
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

// describe finds what kind of error it is. What the operator can mend (a wrong
// file, a busy address, the database) comes before the codes of the store,
// which may be wrapped around it.
func describe(err error) errorDetail {
	detail := errorDetail{Message: err.Error()}
	var coded *models.Error
	switch {
	case errors.Is(err, errInterrupted):
		detail.Code, detail.ExitCode = codeInterrupted, exitInterrupted
	case isUsage(err):
		detail.Code, detail.ExitCode = codeUsage, exitUsage
	case isAddress(err):
		detail.Code, detail.ExitCode = codeAddress, exitAddress
	case isDatabase(err):
		detail.Code, detail.ExitCode = codeDatabase, exitDatabase
	case errors.As(err, &coded):
		return describeCoded(coded)
	default:
		detail.Code, detail.ExitCode = codeFailure, exitFailure
	}
	return detail
}

func isUsage(err error) bool {
	var usage usageError
	var input inputError
	return errors.As(err, &usage) || errors.As(err, &input) || errors.Is(err, config.ErrNoSecret)
}

func isAddress(err error) bool {
	var listen listenError
	return errors.As(err, &listen)
}

func isDatabase(err error) bool {
	var connect *postgres.ConnectError
	if errors.As(err, &connect) {
		return true
	}
	for _, kind := range []error{
		errBehind, errDatabaseEnded, postgres.ErrUnsafeRole, postgres.ErrDataDirInUse, postgres.ErrNoBinaries,
		postgres.ErrUnsupported, migrations.ErrLocked, migrations.ErrNewer,
	} {
		if errors.Is(err, kind) {
			return true
		}
	}
	return false
}

// describeCoded shows the cause of an internal error: the operator at the
// terminal is the one who has to mend it.
func describeCoded(e *models.Error) errorDetail {
	detail := errorDetail{
		Code: string(e.Code), Message: e.Message, ExistingID: e.ExistingID, ExitCode: exitFailure,
	}
	for _, f := range e.Fields {
		detail.Errors = append(detail.Errors, fieldDetail(f))
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
