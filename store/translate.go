package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"

	"upstream/models"
)

// translate turns a database error into the one the client may read. Errors
// that carry a code already, and cancelled contexts, pass through.
func translate(err error) error {
	var coded *models.Error
	var pgErr *pgconn.PgError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &coded):
		return err
	case errors.As(err, &pgErr):
		return translatePg(pgErr, err)
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return err
	case errors.Is(err, sql.ErrNoRows):
		return models.NotFound("row").WithCause(err)
	default:
		return models.Internal(err)
	}
}

// SQLSTATE codes that mean something to a client; all others are internal.
const (
	stateUniqueViolation      = "23505"
	stateForeignKeyViolation  = "23503"
	stateRestrictViolation    = "23001"
	stateCheckViolation       = "23514"
	stateNotNullViolation     = "23502"
	stateStringTooLong        = "22001"
	stateNumberOutOfRange     = "22003"
	stateBadDatetime          = "22007"
	stateDatetimeOverflow     = "22008"
	stateBadCharacter         = "22021"
	stateBadText              = "22P02"
	stateSerializationFailure = "40001"
	stateDeadlock             = "40P01"
	stateQueryCanceled        = "57014"
)

func translatePg(pgErr *pgconn.PgError, cause error) error {
	switch pgErr.Code {
	case stateUniqueViolation, stateForeignKeyViolation, stateRestrictViolation, stateCheckViolation:
		return constraintError(pgErr, cause)
	case stateNotNullViolation:
		return fieldError(pgErr.ColumnName, "required", "must be given", cause)
	case stateStringTooLong:
		return fieldError(pgErr.ColumnName, "invalid", "is longer than its column allows", cause)
	case stateNumberOutOfRange, stateDatetimeOverflow:
		return fieldError(pgErr.ColumnName, "invalid", "is outside the range that can be stored", cause)
	case stateBadCharacter:
		return fieldError(pgErr.ColumnName, "invalid", "contains a character that cannot be stored", cause)
	case stateBadDatetime, stateBadText:
		return fieldError(pgErr.ColumnName, "invalid", "cannot be read as a value of its type", cause)
	case stateSerializationFailure, stateDeadlock:
		return models.NewError(models.CodeSerializationConflict,
			"Another change to the same data was made at the same time. Try again.").WithCause(cause)
	case stateQueryCanceled:
		return fmt.Errorf("%w: %w", context.DeadlineExceeded, cause)
	default:
		return models.Internal(cause)
	}
}

func fieldError(path, code, message string, cause error) error {
	if path == "" {
		path = "input"
	}
	return models.AsError(models.InvalidField(path, code, "%s", message)).WithCause(cause)
}

// constraintError looks the violated constraint up by name.
func constraintError(pgErr *pgconn.PgError, cause error) error {
	rule, ok := constraints()[pgErr.ConstraintName]
	if !ok {
		return models.Internal(cause)
	}
	code := rule.code
	// A foreign key says two things: the row pointed at is missing (on insert
	// and update), or rows still point at this one (on delete).
	if isStillReferenced(pgErr) {
		return models.NewError(models.CodeInUse, "%s", rule.inUse).WithCause(cause)
	}
	fieldCode := "invalid"
	if code == models.CodeConflict {
		fieldCode = "taken"
	}
	e := models.NewError(code, "%s", rule.sentence())
	e.Fields = []models.FieldError{{Path: rule.field, Code: fieldCode, Message: rule.message}}
	return e.WithCause(cause)
}

// isStillReferenced tells the delete side of a foreign key from the insert
// side. Up to PostgreSQL 17 both have one SQLSTATE and one constraint name and
// only the detail differs; 18 reports RESTRICT as 23001. On a server whose
// messages are translated the field error of the insert side is the answer.
func isStillReferenced(pgErr *pgconn.PgError) bool {
	return pgErr.Code == stateRestrictViolation || strings.Contains(pgErr.Detail, "still referenced")
}
