package graph

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"

	"github.com/99designs/gqlgen/graphql"
	"github.com/99designs/gqlgen/graphql/errcode"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"upstream/graph/wire"
	"upstream/models"
)

// treatment is how the GraphQL edge answers an error code.
type treatment struct {
	// expected failures of a mutation travel in the payload's userErrors,
	// because a client handles them next to the form they are about.
	expected bool
	// status is the HTTP status when the failure stops a request before any
	// field was resolved.
	status int
}

// treatmentOf is the one table from codes to answers; false for an unlisted code.
func treatmentOf(code models.Code) (treatment, bool) {
	switch code {
	case models.CodeValidation:
		return treatment{expected: true, status: http.StatusBadRequest}, true
	case models.CodeNotFound:
		return treatment{expected: true, status: http.StatusNotFound}, true
	case models.CodeConflict, models.CodeInUse, models.CodeSerializationConflict:
		return treatment{expected: true, status: http.StatusConflict}, true
	case models.CodeStale:
		return treatment{expected: true, status: http.StatusPreconditionFailed}, true
	case models.CodeUnauthenticated:
		return treatment{status: http.StatusUnauthorized}, true
	case models.CodeForbidden:
		return treatment{status: http.StatusForbidden}, true
	case models.CodeRateLimited:
		return treatment{status: http.StatusTooManyRequests}, true
	case models.CodeTooComplex:
		return treatment{status: http.StatusBadRequest}, true
	case codePersistedQueryNotFound:
		return treatment{status: http.StatusNotFound}, true
	case codeNotTrusted:
		return treatment{status: http.StatusForbidden}, true
	case models.CodePayloadTooLarge:
		return treatment{status: http.StatusRequestEntityTooLarge}, true
	case models.CodeInternal:
		return treatment{status: http.StatusInternalServerError}, true
	default:
		return treatment{status: http.StatusInternalServerError}, false
	}
}

// userErrors turns an expected failure into the payload's list. Any other
// failure comes back as the error it is.
func userErrors(err error) ([]wire.UserError, error) {
	if err == nil {
		return []wire.UserError{}, nil
	}
	e := models.AsError(err)
	if t, _ := treatmentOf(e.Code); !t.expected {
		return nil, err
	}
	var existing *string
	if e.ExistingID != "" {
		existing = &e.ExistingID
	}
	if len(e.Fields) == 0 {
		return []wire.UserError{{Code: e.Code, Message: e.Message, ExistingID: existing}}, nil
	}
	list := make([]wire.UserError, 0, len(e.Fields))
	for _, f := range e.Fields {
		list = append(list, wire.UserError{
			Code: e.Code, Message: fieldSentence(f), Reason: &f.Code, ExistingID: existing,
			Path: strings.Split(argumentPath(f.Path), "."),
		})
	}
	return list, nil
}

// fieldSentence is the whole sentence of a field error.
func fieldSentence(f models.FieldError) string { return argumentPath(f.Path) + " " + f.Message }

// argumentPath writes a path of models, whose segments are in snake_case, the
// way the schema spells them. Header names, which have no underscore, stay.
func argumentPath(path string) string {
	words := strings.Split(path, "_")
	for i, w := range words[1:] {
		if w != "" {
			words[i+1] = strings.ToUpper(w[:1]) + w[1:]
		}
	}
	return strings.Join(words, "")
}

// aroundField counts what a field costs, and marks every failure of a resolver
// that carries no code as INTERNAL, so that what reaches present without one can
// only come from the operation.
func aroundField(ctx context.Context, next graphql.Resolver) (any, error) {
	res, err := next(ctx)
	fc := graphql.GetFieldContext(ctx)
	requestFrom(ctx).spent.charge(fc, res)
	if err != nil && fc.IsResolver {
		return res, models.AsError(err)
	}
	return res, err
}

// presenter turns every error into what the client reads. It answers nil for
// errors beyond the first few, which leaves them out.
type presenter struct {
	log *slog.Logger
	// failed hears the code of every error.
	failed func(context.Context, string)
}

func (p presenter) present(ctx context.Context, err error) *gqlerror.Error {
	r := requestFrom(ctx)
	if r.presented.Add(1) > int64(r.limits.Errors) {
		return nil
	}
	given := &gqlerror.Error{}
	errors.As(err, &given)
	e, path := p.classify(ctx, given, err)
	if e.Code == models.CodeInternal {
		e = p.internal(ctx, r, e)
	}
	p.failed(ctx, string(e.Code))
	return &gqlerror.Error{
		Err: e, Message: sentence(e), Path: path, Locations: given.Locations,
		Extensions: extensions(e, r.id),
	}
}

// classify finds the code of an error and the field of the answer it is about.
func (p presenter) classify(ctx context.Context, given *gqlerror.Error, err error) (*models.Error, ast.Path) {
	var e *models.Error
	if errors.As(err, &e) {
		return e, given.Path
	}
	switch given.Extensions["code"] {
	case errcode.ParseFailed, errcode.ValidationFailed:
		return models.NewError(models.CodeValidation, "%s", shortened(given.Message)), given.Path
	}
	if given.Err == nil {
		// The executor's own complaint: a field that must not be null is.
		return models.Internal(err), given.Path
	}
	return invalidArgument(ctx, given)
}

// invalidArgument splits the path of a decoding error, which runs from the
// field of the answer on into its arguments.
func invalidArgument(ctx context.Context, given *gqlerror.Error) (*models.Error, ast.Path) {
	field := ast.Path(nil)
	if fc := graphql.GetFieldContext(ctx); fc != nil {
		field = fc.Path()
	}
	argument := given.Path
	if len(argument) >= len(field) {
		argument = argument[len(field):]
	}
	e := &models.Error{Code: models.CodeValidation, Message: "The input is not valid.", Fields: []models.FieldError{{
		Path: dotted(argument), Code: "invalid", Message: shortened(given.Message),
	}}}
	return e, field
}

// maxMessage is how many characters of a parser's or validator's message are
// shown: they repeat what the client sent, which may be long.
const maxMessage = 300

func shortened(message string) string {
	for i := range message {
		if i >= maxMessage {
			return message[:i] + "…"
		}
	}
	return message
}

func dotted(path ast.Path) string {
	parts := make([]string, len(path))
	for i, element := range path {
		parts[i] = fmt.Sprint(element)
	}
	return strings.Join(parts, ".")
}

// internal logs an internal failure once and hides it behind the fixed
// sentence. One that the time limit caused says so instead.
func (p presenter) internal(ctx context.Context, r *request, e *models.Error) *models.Error {
	if r.timeout > 0 && errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return r.refused("The operation took longer than %s, which is all that is allowed", r.timeout)
	}
	if _, again := r.logged.LoadOrStore(cause(e), true); !again && !errors.Is(ctx.Err(), context.Canceled) {
		p.log.ErrorContext(ctx, "graphql: internal failure", "request_id", r.id, "error", e.Error(), "path", graphql.GetPath(ctx).String())
	}
	return models.Internal(nil)
}

// cause is the same for failures of which one line in the log is enough. The
// stacks of one panic differ at each row in the numbers of goroutines.
func cause(e *models.Error) string {
	var p *panicError
	if errors.As(e, &p) {
		return fmt.Sprint("panic: ", p.value)
	}
	return e.Error()
}

// sentence is the message of a top-level error: it names the fields, since
// many clients show nothing else.
func sentence(e *models.Error) string {
	if len(e.Fields) == 0 {
		return e.Message
	}
	parts := make([]string, len(e.Fields))
	for i, f := range e.Fields {
		parts[i] = fieldSentence(f)
	}
	return e.Message + " " + strings.Join(parts, "; ") + "."
}

// field is one broken rule in extensions.fields.
type field struct {
	Path    string `json:"path"`
	Code    string `json:"code"`
	Message string `json:"message"`
}

func extensions(e *models.Error, requestID string) map[string]any {
	ext := map[string]any{"code": e.Code}
	if requestID != "" {
		ext["request_id"] = requestID
	}
	if e.RetryAfter > 0 {
		ext["retryAfter"] = int(e.RetryAfter.Seconds())
	}
	if e.ExistingID != "" {
		ext["existing_id"] = e.ExistingID
	}
	if len(e.Fields) > 0 {
		fields := make([]field, len(e.Fields))
		for i, f := range e.Fields {
			fields[i] = field{Path: argumentPath(f.Path), Code: f.Code, Message: f.Message}
		}
		ext["fields"] = fields
	}
	return ext
}
