package rest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"strconv"
	"strings"
	"time"

	"upstream/internal/auth"
	"upstream/internal/throttle"
	"upstream/models"
)

// kind is what one error code looks like over HTTP.
type kind struct {
	status int
	// title is the same for every occurrence of the code.
	title string
	// retryAfter tells a client when trying again makes sense; 0 for never.
	retryAfter time.Duration
}

// kindOf is the one table from codes to HTTP. A test ranges over models.Codes
// and fails when one is missing.
func kindOf(code models.Code) (kind, bool) {
	k, ok := map[models.Code]kind{
		models.CodeValidation:            {status: http.StatusUnprocessableEntity, title: "Invalid input"},
		models.CodeUnauthenticated:       {status: http.StatusUnauthorized, title: "Not signed in"},
		models.CodeForbidden:             {status: http.StatusForbidden, title: "Not allowed"},
		models.CodeNotFound:              {status: http.StatusNotFound, title: "Not found"},
		models.CodeConflict:              {status: http.StatusConflict, title: "Conflict"},
		models.CodeInUse:                 {status: http.StatusConflict, title: "Still in use"},
		models.CodeStale:                 {status: http.StatusPreconditionFailed, title: "Changed meanwhile"},
		models.CodeSerializationConflict: {status: http.StatusConflict, title: "Concurrent change", retryAfter: time.Second},
		models.CodeRateLimited:           {status: http.StatusTooManyRequests, title: "Too many requests", retryAfter: time.Second},
		models.CodeTooComplex:            {status: http.StatusUnprocessableEntity, title: "Too complex"},
		models.CodePayloadTooLarge:       {status: http.StatusRequestEntityTooLarge, title: "Body too large"},
		models.CodeInternal:              {status: http.StatusInternalServerError, title: "Internal error"},
		codeMethodNotAllowed:             {status: http.StatusMethodNotAllowed, title: "Method not allowed"},
		codeNotAcceptable:                {status: http.StatusNotAcceptable, title: "Not acceptable"},
		codeUnsupportedMediaType:         {status: http.StatusUnsupportedMediaType, title: "Unsupported media type"},
		codeRequestTimeout:               {status: http.StatusRequestTimeout, title: "Request timeout"},
		codeTimeout:                      {status: http.StatusGatewayTimeout, title: "Timeout"},
		codeUnavailable:                  {status: http.StatusServiceUnavailable, title: "Unavailable", retryAfter: 5 * time.Second},
	}[code]
	return k, ok
}

// Codes of errors that only HTTP has; no store method answers with them.
const (
	codeMethodNotAllowed     models.Code = "METHOD_NOT_ALLOWED"
	codeNotAcceptable        models.Code = "NOT_ACCEPTABLE"
	codeUnsupportedMediaType models.Code = "UNSUPPORTED_MEDIA_TYPE"
	codeRequestTimeout       models.Code = "REQUEST_TIMEOUT"
	codeTimeout              models.Code = "TIMEOUT"
	codeUnavailable          models.Code = "UNAVAILABLE"
)

// transportCodes lists them.
func transportCodes() []models.Code {
	return []models.Code{
		codeMethodNotAllowed, codeNotAcceptable, codeUnsupportedMediaType, codeRequestTimeout, codeTimeout, codeUnavailable,
	}
}

// errorCode is a code of either list, as the documents name it.
type errorCode string

// Values lists the codes.
func (errorCode) Values() []string {
	var values []string
	for _, code := range append(models.Codes(), transportCodes()...) {
		values = append(values, string(code))
	}
	return values
}

// problem is the body of every error (RFC 9457).
type problem struct {
	Type       string       `json:"type" format:"uri-reference" doc:"Names the kind of problem; a page of the program explains it." example:"/errors/validation"`
	Title      string       `json:"title" doc:"The kind of problem in a few words, the same each time." example:"Invalid input"`
	Status     int          `json:"status" minimum:"400" maximum:"599" doc:"The HTTP status, repeated." example:"422"`
	Detail     string       `json:"detail" doc:"What went wrong this time, a sentence for people." example:"The input is not valid."`
	Instance   string       `json:"instance" format:"uri-reference" doc:"The path that was asked for." example:"/api/v1/claims/"`
	Code       errorCode    `json:"code" doc:"The kind of problem as a stable word, the same in both APIs."`
	RequestID  string       `json:"request_id" doc:"Quote it to support; every log line of the request carries it." example:"0d8f2a52-9a35-4ef6-b0a3-ef2b4f2c9d0e"`
	Errors     []fieldError `json:"errors" doc:"The offending fields, all of them; empty when none is to blame."`
	ExistingID *string      `json:"existing_id,omitempty" doc:"On conflicts: the resource that is there already." example:"upl_01jd0000000000000000000000"`
	UploadID   *string      `json:"upload_id,omitempty" doc:"When a whole file was refused: the upload that records why." example:"upl_01jd0000000000000000000000"`

	headers http.Header
}

// fieldError is one broken rule of one field.
type fieldError struct {
	Path    string `json:"path" doc:"The field, query parameter or header, dotted for nested input." example:"email"`
	Code    string `json:"code" doc:"The broken rule as a stable word." example:"required"`
	Message string `json:"message" doc:"Completes the sentence that starts with the path." example:"must be given"`
}

// Error implements error.
func (p *problem) Error() string { return string(p.Code) + ": " + p.Detail }

// GetStatus tells huma the status.
func (p *problem) GetStatus() int { return p.Status }

// GetHeaders tells huma the headers.
func (p *problem) GetHeaders() http.Header { return p.headers }

// ContentType tells huma the media type.
func (p *problem) ContentType(string) string { return problemType }

const problemType = "application/problem+json"

// newProblem fills in everything but the place it happened.
func newProblem(e *models.Error) *problem {
	k, ok := kindOf(e.Code)
	if !ok {
		e, k.status, k.title = models.Internal(e), http.StatusInternalServerError, "Internal error"
	}
	p := &problem{
		Type:  "/errors/" + strings.ReplaceAll(strings.ToLower(string(e.Code)), "_", "-"),
		Title: k.title, Status: k.status, Detail: e.Message, Code: errorCode(e.Code),
		Errors: make([]fieldError, 0, len(e.Fields)), headers: http.Header{},
	}
	for _, f := range e.Fields {
		p.Errors = append(p.Errors, fieldError(f))
	}
	if e.ExistingID != "" {
		p.ExistingID = &e.ExistingID
	}
	if after := throttle.RetryAfter(e); after != "" {
		p.headers.Set("Retry-After", after)
	} else if k.retryAfter > 0 {
		p.headers.Set("Retry-After", strconv.Itoa(int(k.retryAfter.Seconds())))
	}
	if e.Code == models.CodeUnauthenticated {
		p.headers.Set("WWW-Authenticate", `Bearer realm="upstream"`)
	}
	return p
}

// malformed is the 400 for what cannot even be parsed; the code stays VALIDATION.
func malformed(format string, args ...any) *problem {
	p := newProblem(models.NewError(models.CodeValidation, format, args...))
	p.Status = http.StatusBadRequest
	return p
}

// problem turns any error into the body its client reads. What is our fault is
// logged here, with its cause, and nowhere else.
func (a *api) problem(ctx context.Context, err error) *problem {
	var p *problem
	if !errors.As(err, &p) {
		e := models.AsError(err)
		a.logInternal(ctx, e)
		if e.Code == models.CodeInternal && errors.Is(err, context.DeadlineExceeded) {
			e = models.NewError(codeTimeout, "The request took longer than it may.")
		}
		p = newProblem(e)
	}
	p.Instance, p.RequestID = callFrom(ctx).path, auth.RequestID(ctx)
	return p
}

func (a *api) logInternal(ctx context.Context, e *models.Error) {
	if e.Code != models.CodeInternal {
		return
	}
	level := a.log.ErrorContext
	if errors.Is(e, context.Canceled) {
		level = a.log.InfoContext // the client went away
	}
	level(ctx, "request failed", "request_id", auth.RequestID(ctx), "path", callFrom(ctx).path, "error", e.Error())
}

// writeProblem answers with an error outside an operation: the router, and
// what runs before it.
func (a *api) writeProblem(w http.ResponseWriter, r *http.Request, err error) {
	p := a.problem(r.Context(), err)
	header := w.Header()
	maps.Copy(header, p.headers)
	header.Set("Content-Type", problemType)
	header.Set("Cache-Control", "no-store")
	header.Del("Content-Length")
	w.WriteHeader(p.Status)
	if err := json.NewEncoder(w).Encode(p); err != nil {
		a.log.InfoContext(r.Context(), "error answer not sent", "request_id", p.RequestID, "error", err)
	}
}

// PageError answers, in problem form, a request for one of the pages beside
// the API that no page serves: with status 404, with 405 when the Allow header
// is set, or with 500.
func PageError(opts Options) func(http.ResponseWriter, *http.Request, int) {
	a := &api{opts: opts.withDefaults()}
	a.log = a.opts.Logger
	return func(w http.ResponseWriter, r *http.Request, status int) {
		err := models.NotFound("page")
		switch status {
		case http.StatusNotFound:
		case http.StatusMethodNotAllowed:
			err = models.NewError(codeMethodNotAllowed, "This path allows %s.", w.Header().Get("Allow"))
		default:
			err = models.Internal(fmt.Errorf("the page %s could not be served", r.URL.Path))
		}
		auth.Identify(a.withCall(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			a.writeProblem(w, r, err)
		}))).ServeHTTP(w, r)
	}
}
