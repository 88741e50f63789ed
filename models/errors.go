package models

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

// Code says what went wrong, the same word in both APIs. Each edge maps a code
// to its own status once; a test ranges over Codes and fails if a map misses one.
type Code string

// The error codes of both APIs.
const (
	CodeValidation            Code = "VALIDATION"
	CodeUnauthenticated       Code = "UNAUTHENTICATED"
	CodeForbidden             Code = "FORBIDDEN"
	CodeNotFound              Code = "NOT_FOUND"
	CodeConflict              Code = "CONFLICT"
	CodeInUse                 Code = "IN_USE"
	CodeStale                 Code = "STALE"
	CodeSerializationConflict Code = "SERIALIZATION_CONFLICT"
	CodeRateLimited           Code = "RATE_LIMITED"
	CodeTooComplex            Code = "TOO_COMPLEX"
	CodePayloadTooLarge       Code = "PAYLOAD_TOO_LARGE"
	CodeInternal              Code = "INTERNAL"
)

// Codes lists every error code.
func Codes() []Code {
	return []Code{
		CodeValidation, CodeUnauthenticated, CodeForbidden, CodeNotFound, CodeConflict, CodeInUse,
		CodeStale, CodeSerializationConflict, CodeRateLimited, CodeTooComplex, CodePayloadTooLarge, CodeInternal,
	}
}

// InternalMessage is all a client ever reads about an internal failure.
const InternalMessage = "Something went wrong on our side. Quote the request id when you contact support."

// FieldError is one broken rule of one input field.
type FieldError struct {
	// Path names the field as the client wrote it, dotted for nested input.
	Path string
	// Code is a stable machine word such as "required", "invalid" or "taken".
	Code string
	// Message is a sentence fragment that completes "<path> ...".
	Message string
}

// Error is the one error type of Upstream: a code for machines, a sentence for
// people, the offending fields, and a cause that is logged but never shown.
type Error struct {
	Code    Code
	Message string
	Fields  []FieldError
	// ExistingID is the identifier of the row a conflict ran into, when the
	// caller may see it.
	ExistingID string
	// RetryAfter is when trying again makes sense, in whole seconds; 0 when
	// the code alone says all there is to know.
	RetryAfter time.Duration

	cause error
}

// NewError builds an error of the given code with a sentence for people.
func NewError(code Code, format string, args ...any) *Error {
	return &Error{Code: code, Message: fmt.Sprintf(format, args...)}
}

// Error implements error; it includes the cause and is meant for logs.
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString(string(e.Code))
	b.WriteString(": ")
	b.WriteString(e.Message)
	for _, f := range e.Fields {
		fmt.Fprintf(&b, "; %s %s", f.Path, f.Message)
	}
	if e.cause != nil {
		b.WriteString(": ")
		b.WriteString(e.cause.Error())
	}
	return b.String()
}

// Unwrap gives the private cause.
func (e *Error) Unwrap() error { return e.cause }

// WithCause returns a copy of the error that remembers what caused it.
func (e *Error) WithCause(cause error) *Error {
	c := *e
	c.cause = cause
	return &c
}

// Internal hides cause behind the fixed sentence.
func Internal(cause error) *Error {
	return &Error{Code: CodeInternal, Message: InternalMessage, cause: cause}
}

// NotFound says that no such row exists for the viewer, which is also the
// answer for a row of another customer.
func NotFound(noun string) *Error { return NewError(CodeNotFound, "There is no such %s.", noun) }

// Invalid collects field errors into one VALIDATION error; nil when there are none.
func Invalid(fields ...FieldError) error {
	if len(fields) == 0 {
		return nil
	}
	return &Error{Code: CodeValidation, Message: "The input is not valid.", Fields: fields}
}

// InvalidField is a VALIDATION error about a single field.
func InvalidField(path, code, format string, args ...any) error {
	return Invalid(FieldError{Path: path, Code: code, Message: fmt.Sprintf(format, args...)})
}

// AsError finds the Error in a chain; anything else becomes INTERNAL.
func AsError(err error) *Error {
	var e *Error
	if errors.As(err, &e) {
		return e
	}
	return Internal(err)
}

// CodeOf is the code an error answers with; CodeInternal for uncoded ones.
func CodeOf(err error) Code { return AsError(err).Code }
