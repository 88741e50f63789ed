package models_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"upstream/models"
)

func TestErrors(t *testing.T) {
	t.Parallel()
	cause := errors.New("the secret cause")
	internal := models.Internal(cause)
	if internal.Message != models.InternalMessage || !errors.Is(internal, cause) || !strings.Contains(internal.Error(), "secret") {
		t.Errorf("internal: %v", internal)
	}
	if strings.Contains(internal.Message, "secret") {
		t.Error("the cause shows in the public sentence")
	}
	coded := models.NotFound("claim")
	wrapped := fmt.Errorf("while reading: %w", coded)
	if models.AsError(wrapped) != coded || models.CodeOf(wrapped) != models.CodeNotFound {
		t.Errorf("a wrapped error lost its code: %v", models.AsError(wrapped))
	}
	if models.CodeOf(cause) != models.CodeInternal {
		t.Error("an error without a code is not internal")
	}
	with := coded.WithCause(cause)
	if !errors.Is(with, cause) || errors.Is(coded, cause) {
		t.Error("WithCause changed the original or lost the cause")
	}
}

func TestInvalid(t *testing.T) {
	t.Parallel()
	if err := models.Invalid(); err != nil {
		t.Errorf("no broken field is an error: %v", err)
	}
	err := models.AsError(models.InvalidField("as_of", "invalid", "must not be later than %d", 7))
	if err.Code != models.CodeValidation || len(err.Fields) != 1 || err.Fields[0] != (models.FieldError{
		Path: "as_of", Code: "invalid", Message: "must not be later than 7",
	}) {
		t.Errorf("got %+v", err)
	}
	if !strings.Contains(err.Error(), "as_of must not be later than 7") {
		t.Errorf("the log line hides the field: %s", err.Error())
	}
}

func TestCodes_AreDistinct(t *testing.T) {
	t.Parallel()
	seen := map[models.Code]bool{}
	for _, c := range models.Codes() {
		if seen[c] || c == "" {
			t.Errorf("%q is listed twice or empty", c)
		}
		seen[c] = true
	}
}
