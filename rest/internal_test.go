package rest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/go-cmp/cmp"

	"upstream/models"
)

// Every code either API knows must have a status and a title of its own.
func TestEveryCodeHasAStatus(t *testing.T) {
	t.Parallel()
	want := map[models.Code]int{
		models.CodeValidation: 422, models.CodeUnauthenticated: 401, models.CodeForbidden: 403, models.CodeNotFound: 404,
		models.CodeConflict: 409, models.CodeInUse: 409, models.CodeStale: 412, models.CodeSerializationConflict: 409,
		models.CodeRateLimited: 429, models.CodePayloadTooLarge: 413, models.CodeInternal: 500, models.CodeTooComplex: 422,
	}
	titles := map[string]models.Code{}
	for _, code := range append(models.Codes(), transportCodes()...) {
		k, ok := kindOf(code)
		if !ok || k.status < 400 || k.status > 599 || k.title == "" || exampleDetail(code) == "" {
			t.Errorf("%s: %+v, example %q", code, k, exampleDetail(code))
		}
		if other, taken := titles[k.title]; taken {
			t.Errorf("%s and %s share a title", code, other)
		}
		titles[k.title] = code
		if status, contract := want[code]; contract && status != k.status {
			t.Errorf("%s: %d, want %d", code, k.status, status)
		}
		p := newProblem(models.NewError(code, "x"))
		if retry := p.headers.Get("Retry-After") != ""; retry != (k.retryAfter > 0) {
			t.Errorf("%s: Retry-After %v", code, p.headers)
		}
	}
	if p := newProblem(models.NewError(models.CodeSerializationConflict, "x")); p.headers.Get("Retry-After") == "" {
		t.Error("a serialization conflict does not say when to try again")
	}
	if p := newProblem(models.NewError("NEW_CODE", "secret")); p.Status != http.StatusInternalServerError || strings.Contains(p.Detail, "secret") {
		t.Errorf("a code of no kind: %+v", p)
	}
}

func TestProblemOfAnyError(t *testing.T) {
	t.Parallel()
	a := newAPI(nil, nil, Options{Logger: slog.New(slog.DiscardHandler)})
	for name, c := range map[string]struct {
		err    error
		status int
		code   errorCode
	}{
		"coded":       {models.NotFound("claim"), 404, "NOT_FOUND"},
		"wrapped":     {fmt.Errorf("reading: %w", models.NotFound("claim")), 404, "NOT_FOUND"},
		"uncoded":     {errors.New("disk full"), 500, "INTERNAL"},
		"too slow":    {fmt.Errorf("query: %w", context.DeadlineExceeded), 504, "TIMEOUT"},
		"client gone": {context.Canceled, 500, "INTERNAL"},
		"a problem":   {malformed("no"), 400, "VALIDATION"},
	} {
		p := a.problem(t.Context(), c.err)
		if p.Status != c.status || p.Code != c.code || strings.Contains(p.Detail, "disk") {
			t.Errorf("%s: %+v", name, p)
		}
	}
}

func TestFieldErrorOf(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		location, message string
		want              models.FieldError
	}{
		{"body", "expected required property email to be present", models.FieldError{Path: "email", Code: "required", Message: "must be given"}},
		{"body.items[0]", "expected required property name to be present", models.FieldError{Path: "items[0].name", Code: "required", Message: "must be given"}},
		{"body.x", "unexpected property", models.FieldError{Path: "x", Code: "unknown", Message: "is not a field of this operation"}},
		{"body.alpha", "expected number > 0", models.FieldError{Path: "alpha", Code: "invalid", Message: "must be > 0"}},
		{"body.alpha", "expected number", models.FieldError{Path: "alpha", Code: "invalid", Message: "must be a number"}},
		{"body.days", "expected integer", models.FieldError{Path: "days", Code: "invalid", Message: "must be a whole number"}},
		{"body.flag", "expected boolean", models.FieldError{Path: "flag", Code: "invalid", Message: "must be true or false"}},
		{"body.name", "expected string", models.FieldError{Path: "name", Code: "invalid", Message: "must be a string"}},
		{"body.list", "expected array", models.FieldError{Path: "list", Code: "invalid", Message: "must be an array"}},
		{"body", "expected object", models.FieldError{Path: "body", Code: "invalid", Message: "must be an object"}},
		{"body.method", `expected value to be one of "statistical, threshold"`, models.FieldError{Path: "method", Code: "invalid", Message: "must be one of statistical, threshold"}},
		{"body.as_of", "expected string to be RFC 3339 date", models.FieldError{Path: "as_of", Code: "invalid", Message: "must be a date written YYYY-MM-DD"}},
		{"path.id", `invalid value: must be an identifier that starts with "clm_"`, models.FieldError{Path: "id", Code: "invalid", Message: `must be an identifier that starts with "clm_"`}},
		{"body.name", "expected length <= 5", models.FieldError{Path: "name", Code: "invalid", Message: "must be text of a length <= 5"}},
	} {
		got := fieldErrorOf(&huma.ErrorDetail{Location: c.location, Message: c.message, Value: "secret"})
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s %s (-want +got):\n%s", c.location, c.message, diff)
		}
	}
}

func TestDidYouMean(t *testing.T) {
	t.Parallel()
	known := []string{"payer", "min_severity", "page_size", "created_after"}
	for word, want := range map[string]string{
		"payr": "payer", "PAYER": "payer", "severity_min": "min_severity", "pageSize": "page_size", "page-size": "page_size",
		"created_at_after": "created_after", "colour": "", "": "", "x": "", strings.Repeat("payer", 100): "",
	} {
		got := didYouMean(word, known)
		if want == "" && got != "" || want != "" && got != fmt.Sprintf("; did you mean %q?", want) {
			t.Errorf("%q: %q, want %q", word, got, want)
		}
	}
}

func TestFilterReaderRefusesWhatItCannotRead(t *testing.T) {
	t.Parallel()
	for name, build := range map[string]func(){
		"no pointer": func() {
			newFilterReader[struct {
				A string `query:"a"`
			}](nil)
		},
		"no tag": func() { newFilterReader[struct{ A *string }](nil) },
		"unknown type": func() {
			newFilterReader[struct {
				A *[]byte `query:"a"`
			}](nil)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			defer func() {
				if recover() == nil {
					t.Error("accepted")
				}
			}()
			build()
		})
	}
}

// A nullable reference becomes a choice in 3.1 and a nullable allOf in 3.0.
func TestNullableReferences(t *testing.T) {
	t.Parallel()
	type row struct {
		Outcome  *models.Outcome  `json:"outcome"`
		Upload   *models.UploadID `json:"upload"`
		Optional *models.Outcome  `json:"optional,omitempty"`
		List     []string         `json:"list"`
	}
	r := newSchemas()
	r.Schema(reflect.TypeFor[row](), true, "")
	finishSchemas(r)
	got := r.Map()["Row"].Properties
	if c := got["outcome"].OneOf; len(c) != 2 || c[0].Ref != schemaPrefix+"Outcome" || c[1].Type != nullType {
		t.Errorf("outcome %+v", got["outcome"])
	}
	if !got["upload"].Nullable || got["optional"].Ref == "" || got["list"].Nullable {
		t.Errorf("upload %+v, optional %+v, list %+v", got["upload"], got["optional"], got["list"])
	}
	older := map[string]any{"oneOf": []any{map[string]any{"$ref": "x"}, map[string]any{"type": "null"}}}
	if err := undo31(older); err != nil {
		t.Fatal(err)
	}
	want := map[string]any{"allOf": []any{map[string]any{"$ref": "x"}}, "nullable": true}
	if diff := cmp.Diff(want, older); diff != "" {
		t.Errorf("3.0 (-want +got):\n%s", diff)
	}
}

// The disk is a warning below a fifth, and unhealthy below a tenth.
func TestDiskResult(t *testing.T) {
	t.Parallel()
	for free, want := range map[uint64]checkStatus{
		100: checkHealthy, 20: checkHealthy, 19: checkWarning, 10: checkWarning, 9: checkUnhealthy, 0: checkUnhealthy,
	} {
		got := diskResult(free*1e9, 100*1e9)
		if got.Status != want || *got.PercentFree != float64(free) || *got.FreeGB != float64(free) {
			t.Errorf("%d GB of 100: %s, %v %%, %v GB", free, got.Status, *got.PercentFree, *got.FreeGB)
		}
	}
}

// Every body has rules of its own, or is here with the reason why its schema
// says it all.
func TestEveryBodyHasRules(t *testing.T) {
	t.Parallel()
	schemaSays := map[string]string{
		"createToken": "texts", "refreshToken": "a text", "verifyToken": "a text", "logout": "a text",
		"changePassword": "the rules of a password look at the account", "requestPasswordReset": "a text",
		"confirmPasswordReset": "the rules of a password look at the account", "changeMemberRole": "a member of an enum",
		"assignAlert": "an identifier",
	}
	a := newAPI(nil, nil, Options{})
	for id, ruled := range a.bodies {
		if _, excused := schemaSays[id]; excused == ruled {
			t.Errorf("%s: rules %t, excused %t", id, ruled, excused)
		}
		delete(schemaSays, id)
	}
	if len(schemaSays) > 0 {
		t.Errorf("no such operations: %v", schemaSays)
	}
}

// An operation that is to go says so with every answer and in the documents.
func TestDeprecation(t *testing.T) {
	t.Parallel()
	a := newAPI(nil, nil, Options{Logger: slog.New(slog.DiscardHandler)})
	day := time.Date(2026, time.May, 1, 0, 0, 0, 0, time.UTC)
	register(a, operation{
		id: "old", method: http.MethodGet, path: resourcePath("old"), tag: tagHealth, summary: "Old", description: "Old.", exempt: true,
		deprecated: &deprecation{since: day, sunset: day.AddDate(1, 0, 0), instead: "Call new instead."},
	}, func(context.Context, *noInput) (*verified, error) { return &verified{}, nil })
	server := httptest.NewServer(a.withCall(a.frame(a.routable(a.router))))
	defer server.Close()
	for path, status := range map[string]int{"/api/v1/old/": http.StatusOK, "/api/v1/old/?x=1": http.StatusUnprocessableEntity} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		response, err := server.Client().Do(r)
		if err != nil {
			t.Fatal(err)
		}
		_ = response.Body.Close()
		h := response.Header
		if response.StatusCode != status || h.Get("Deprecation") != "@1777593600" || h.Get("Sunset") != "Sat, 01 May 2027 00:00:00 GMT" {
			t.Errorf("%s: %d %v", path, response.StatusCode, h)
		}
	}
	spec := a.huma.OpenAPI().Paths["/api/v1/old/"].Get
	if !spec.Deprecated || !strings.Contains(spec.Description, "until 2027-05-01. Call new instead.") {
		t.Errorf("documented as %v, %q", spec.Deprecated, spec.Description)
	}
	for status, response := range spec.Responses {
		if response.Headers["Deprecation"] == nil || response.Headers["Sunset"] == nil {
			t.Errorf("%s: headers %v", status, response.Headers)
		}
	}
	for path, item := range a.huma.OpenAPI().Paths {
		if item.Get != nil && item.Get != spec && item.Get.Deprecated {
			t.Errorf("%s is deprecated too", path)
		}
	}
}

func TestParseInt(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]int64{"0": 0, "-7": -7, "9223372036854775807": math.MaxInt64} {
		var got int64
		if err := parseInt(text, reflect.ValueOf(&got).Elem()); err != nil || got != want {
			t.Errorf("%q is read as %d, %v", text, got, err)
		}
	}
	for _, text := range []string{"", "1.0", "1e3", "seven", "9223372036854775808", "0x1"} {
		var got int64
		if err := parseInt(text, reflect.ValueOf(&got).Elem()); err == nil || got != 0 {
			t.Errorf("%q is read as %d", text, got)
		}
	}
}

// A document that cannot be written is our fault, and said once it is asked for.
func TestDocumentThatCannotBeWritten(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	a := newAPI(nil, nil, Options{Logger: slog.New(slog.NewTextHandler(&log, nil))})
	broken := once("the atlas", func() ([]byte, error) { return nil, errors.New("no ink") })
	w := httptest.NewRecorder()
	handler := a.withCall(a.serveDocument("application/json", broken))
	handler.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/api/openapi.json", nil))
	if w.Code != http.StatusInternalServerError || strings.Contains(w.Body.String(), "ink") || !strings.Contains(log.String(), "write the atlas: no ink") {
		t.Errorf("%d %s\n%s", w.Code, w.Body, log.String())
	}
}
