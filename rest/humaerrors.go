package rest

import (
	"context"
	"net/http"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"upstream/models"
)

// translateHumaErrors is a huma.Transformer: it replaces the library's own
// error bodies with ours on their way out. The library's other hook,
// huma.NewError, is a package variable, which two handlers in one process
// (tests, for example) would have to share.
func (a *api) translateHumaErrors(ctx huma.Context, _ string, v any) (any, error) {
	e, ok := v.(*huma.ErrorModel)
	if !ok {
		return v, nil
	}
	p := a.problem(ctx.Context(), a.fromHuma(ctx.Context(), e))
	p.Status = e.Status // already chosen for the response line
	for name, values := range p.headers {
		ctx.SetHeader(name, values[0])
	}
	return p, nil
}

// fromHuma reads an error that the library found before our handler ran.
// It repeats no value the client sent: bodies hold passwords.
func (a *api) fromHuma(ctx context.Context, e *huma.ErrorModel) error {
	switch e.Status {
	case http.StatusBadRequest:
		return malformed("The body cannot be read as JSON: %s.", strings.TrimSuffix(bodyFault(e), "."))
	case http.StatusRequestTimeout:
		return models.NewError(codeRequestTimeout, "The body did not arrive in time.")
	case http.StatusRequestEntityTooLarge:
		return models.NewError(models.CodePayloadTooLarge, "The body is larger than this operation accepts.")
	case http.StatusUnsupportedMediaType:
		return models.NewError(codeUnsupportedMediaType, "Send the body as application/json.")
	case http.StatusUnprocessableEntity:
		return models.Invalid(alsoBroken(ctx, a.opts.Now(), fieldErrors(e.Errors))...)
	default:
		return models.Internal(e)
	}
}

// bodyFault is the parser's complaint, or the library's when there is none.
func bodyFault(e *huma.ErrorModel) string {
	if len(e.Errors) > 0 {
		return e.Errors[0].Message
	}
	return e.Detail
}

func fieldErrors(details []*huma.ErrorDetail) []models.FieldError {
	fields := make([]models.FieldError, 0, len(details))
	for _, d := range details {
		fields = append(fields, fieldErrorOf(d))
	}
	return fields
}

// fieldErrorOf rewords one complaint into the voice of the rest of the API:
// the path as the client wrote it, a stable code, "must ..." sentences.
func fieldErrorOf(d *huma.ErrorDetail) models.FieldError {
	path := d.Location
	for _, place := range []string{"body.", "path.", "query.", "header."} {
		path = strings.TrimPrefix(path, place)
	}
	if name, ok := between(d.Message, "expected required property ", " to be present"); ok {
		return models.FieldError{Path: join(path, name), Code: "required", Message: "must be given"}
	}
	if d.Message == "unexpected property" {
		return models.FieldError{Path: path, Code: "unknown", Message: "is not a field of this operation"}
	}
	message := strings.TrimPrefix(d.Message, "invalid value: ")
	if rest, ok := strings.CutPrefix(message, "expected "); ok {
		message = "must be " + humaRule(rest)
	}
	return models.FieldError{Path: path, Code: "invalid", Message: message}
}

// humaRule turns what follows "expected" into what follows "must be".
func humaRule(rule string) string {
	for _, r := range []struct{ from, to string }{
		{"value to be one of ", "one of "},
		{"string to be RFC 3339 date-time", "an instant written as RFC 3339 has it"},
		{"string to be RFC 3339 date", "a date written YYYY-MM-DD"},
		{"string to be RFC 5322 email", "an e-mail address"},
		{"string to match pattern ", "text that matches "},
		{"number to be a multiple of ", "a multiple of "},
		{"number ", ""},
		{"length ", "text of a length "},
	} {
		if tail, ok := strings.CutPrefix(rule, r.from); ok {
			return r.to + strings.ReplaceAll(tail, `"`, "")
		}
	}
	switch rule {
	case "boolean":
		return "true or false"
	case "integer":
		return "a whole number"
	case "array", "object":
		return "an " + rule
	default:
		return "a " + rule
	}
}

func between(text, prefix, suffix string) (string, bool) {
	tail, ok := strings.CutPrefix(text, prefix)
	if !ok {
		return "", false
	}
	return strings.CutSuffix(tail, suffix)
}

// join appends a property to the path of the object it is missing from; the
// body itself has no name.
func join(path, name string) string {
	if path == "" || path == "body" {
		return name
	}
	return path + "." + name
}
