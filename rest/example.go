package rest

import (
	"fmt"
	"net/http"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"upstream/models"
)

// addExamples gives every body of every operation an example made from the
// examples of its fields, so that none can fall behind its schema.
func addExamples(spec *huma.OpenAPI) {
	for path, item := range spec.Paths {
		for _, op := range []*huma.Operation{item.Get, item.Post, item.Put, item.Patch, item.Delete} {
			if op == nil {
				continue
			}
			if op.RequestBody != nil {
				exemplify(spec.Components.Schemas, op.RequestBody.Content)
			}
			place := placeOf(spec.Components.Schemas, path, op)
			for _, response := range op.Responses {
				exemplify(spec.Components.Schemas, response.Content)
				locate(response.Content, place)
			}
		}
	}
}

func exemplify(r huma.Registry, content map[string]*huma.MediaType) {
	for _, mediaType := range []string{jsonType, mergePatchType} {
		if media, ok := content[mediaType]; ok && media.Example == nil {
			media.Example = exampleOf(r, media.Schema)
		}
	}
}

// placeOf is a path an operation may be asked for at.
func placeOf(r huma.Registry, path string, op *huma.Operation) string {
	for _, p := range op.Parameters {
		if p.In == "path" {
			path = strings.ReplaceAll(path, "{"+p.Name+"}", fmt.Sprint(exampleOf(r, p.Schema)))
		}
	}
	return path
}

// locate says in examples of problems where they happened.
func locate(content map[string]*huma.MediaType, place string) {
	media, ok := content[problemType]
	if !ok {
		return
	}
	for _, example := range media.Examples {
		if p, ok := example.Value.(*problem); ok {
			p.Instance = place
		}
	}
}

// exampleOf is a value that a schema admits.
func exampleOf(r huma.Registry, s *huma.Schema) any {
	switch {
	case s.Ref != "":
		return exampleOf(r, r.SchemaFromRef(s.Ref))
	case len(s.Examples) > 0:
		return s.Examples[0]
	case len(s.OneOf) > 0:
		return exampleOf(r, s.OneOf[0])
	case len(s.Enum) > 0:
		return s.Enum[0]
	}
	switch s.Type {
	case huma.TypeObject:
		object := make(map[string]any, len(s.Properties))
		for name, property := range s.Properties {
			object[name] = exampleOf(r, property)
		}
		return object
	case huma.TypeArray:
		return []any{exampleOf(r, s.Items)}
	default:
		return exampleScalar(s)
	}
}

func exampleScalar(s *huma.Schema) any {
	switch {
	case s.Format == "date-time":
		return "2026-05-01T09:30:00Z"
	case s.Nullable:
		return nil
	case s.Type == huma.TypeBoolean:
		return false
	case s.Type == huma.TypeInteger, s.Type == huma.TypeNumber:
		return 1
	default:
		return "text"
	}
}

// documentErrors adds the problem of each code to an operation, grouped by
// status, with an example each.
func (a *api) documentErrors(op *huma.Operation, codes []models.Code) {
	for _, code := range codes {
		for _, p := range problemExamples(code) {
			status := statusKey(p.Status)
			response := op.Responses[status]
			if response == nil {
				response = a.problemResponse(p)
				op.Responses[status] = response
			}
			response.Content[problemType].Examples[string(code)] = &huma.Example{Summary: p.Title, Value: p}
		}
	}
}

func (a *api) problemResponse(p *problem) *huma.Response {
	response := &huma.Response{Description: http.StatusText(p.Status), Content: map[string]*huma.MediaType{
		problemType: {Schema: &huma.Schema{Ref: problemRef}, Examples: map[string]*huma.Example{}},
	}}
	for name := range p.headers {
		if response.Headers == nil {
			response.Headers = map[string]*huma.Header{}
		}
		response.Headers[name] = &huma.Header{Description: headerDocs()[name], Schema: &huma.Schema{Type: huma.TypeString}}
	}
	return response
}

func headerDocs() map[string]string {
	return map[string]string{
		"Retry-After":      "Seconds after which trying again makes sense.",
		"Www-Authenticate": "How to sign in.",
	}
}

// problemExamples are what an operation answers with a code: invalid input is
// 422, or 400 when it cannot even be parsed.
func problemExamples(code models.Code) []*problem {
	sample := models.NewError(code, "%s", exampleDetail(code))
	if code == models.CodeValidation {
		sample.Fields = []models.FieldError{{Path: "page", Code: "invalid", Message: "must be a whole number from 1 to 2147483647"}}
	}
	problems := []*problem{newProblem(sample)}
	if code == models.CodeValidation {
		problems = append(problems, malformed("The query string is malformed: separate parameters with & and percent-encode their values."))
	}
	for _, p := range problems {
		p.RequestID = "0d8f2a52-9a35-4ef6-b0a3-ef2b4f2c9d0e"
	}
	return problems
}

// exampleDetail is a sentence an error of this code may carry.
func exampleDetail(code models.Code) string {
	return map[models.Code]string{
		models.CodeValidation:            "The input is not valid.",
		models.CodeUnauthenticated:       "Sign in first: send a bearer token.",
		models.CodeForbidden:             "The role viewer lacks the permission upload_claims.",
		models.CodeNotFound:              "There is no such row.",
		models.CodeConflict:              "The change conflicts with what is stored: file was uploaded before.",
		models.CodeInUse:                 "The upload still has claims, which keep it from being deleted.",
		models.CodeStale:                 "The row was changed meanwhile.",
		models.CodeSerializationConflict: "Another change to the same data was made at the same time. Try again.",
		models.CodeRateLimited:           "Too many requests: read_only is limited to 2000/h. Try again in 42 s.",
		models.CodeTooComplex:            "The request asks for too much at once.",
		models.CodePayloadTooLarge:       "The body is larger than this operation accepts.",
		models.CodeInternal:              models.InternalMessage,
		codeMethodNotAllowed:             "This path allows GET, HEAD, OPTIONS.",
		codeNotAcceptable:                "Answers are application/json; accept that.",
		codeUnsupportedMediaType:         "Send the body as application/json.",
		codeRequestTimeout:               "The body did not arrive in time.",
		codeTimeout:                      "The request took longer than it may.",
		codeUnavailable:                  "Not ready to serve.",
	}[code]
}
