package graph

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/99designs/gqlgen/graphql"
	"github.com/google/go-cmp/cmp"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"upstream/graph/wire"
	"upstream/internal/auth"
	"upstream/models"
)

func TestEveryCodeHasATreatment(t *testing.T) {
	t.Parallel()
	expected := map[models.Code]bool{
		models.CodeValidation: true, models.CodeNotFound: true, models.CodeConflict: true,
		models.CodeInUse: true, models.CodeStale: true, models.CodeSerializationConflict: true,
	}
	for _, code := range models.Codes() {
		got, listed := treatmentOf(code)
		if !listed || got.status < 400 || got.expected != expected[code] {
			t.Errorf("%s: %+v, listed %v", code, got, listed)
		}
		list, err := userErrors(models.NewError(code, "x"))
		if expected[code] != (err == nil) || expected[code] != (len(list) == 1 && list[0].Code == code) {
			t.Errorf("%s: user errors %v, error %v", code, list, err)
		}
	}
	if _, listed := treatmentOf("SOMETHING_ELSE"); listed {
		t.Error("an unknown code is listed")
	}
}

func TestUserErrors(t *testing.T) {
	t.Parallel()
	if list, err := userErrors(nil); list == nil || len(list) != 0 || err != nil {
		t.Errorf("success: %v %v", list, err)
	}
	uncoded := errors.New("secret")
	if list, err := userErrors(uncoded); list != nil || !errors.Is(err, uncoded) {
		t.Errorf("uncoded: %v %v", list, err)
	}
	taken, existing := "taken", "upl_1"
	conflict := &models.Error{Code: models.CodeConflict, Message: "Taken.", ExistingID: existing, Fields: []models.FieldError{
		{Path: "raw_name", Code: "taken", Message: "is taken"}, {Path: "a.b_c_d", Code: "taken", Message: "is too"},
	}}
	list, err := userErrors(conflict)
	want := []wire.UserError{
		{Code: models.CodeConflict, Message: "rawName is taken", Path: []string{"rawName"}, Reason: &taken, ExistingID: &existing},
		{Code: models.CodeConflict, Message: "a.bCD is too", Path: []string{"a", "bCD"}, Reason: &taken, ExistingID: &existing},
	}
	if diff := cmp.Diff(want, list); diff != "" || err != nil {
		t.Errorf("%v\n%s", err, diff)
	}
}

func TestArgumentPath(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"as_of": "asOf", "first": "first", "X-Customer-Id": "X-Customer-Id", "filter.cpt_group": "filter.cptGroup", "": "", "_x": "X", "a__b": "aB",
	} {
		if got := argumentPath(in); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}

func testContext(id string) context.Context {
	ctx, r := newRequest(auth.WithViewer(context.Background(), models.Viewer{RequestID: id}), Options{}.withDefaults())
	r.limits.Errors = 100
	return ctx
}

func TestPresenter(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	p := presenter{log: slog.New(slog.NewTextHandler(&log, nil)), failed: func(context.Context, string) {}}
	for _, code := range models.Codes() {
		got := p.present(testContext("r"), models.NewError(code, "A sentence."))
		want := "A sentence."
		if code == models.CodeInternal {
			want = models.InternalMessage
		}
		if got.Extensions["code"] != code || got.Message != want || got.Extensions["request_id"] != "r" {
			t.Errorf("%s: %v %v", code, got.Message, got.Extensions)
		}
	}

	log.Reset()
	ctx := testContext("r7")
	for range 3 {
		got := p.present(ctx, gqlerror.Errorf("must not be null"))
		if got.Message != models.InternalMessage || strings.Contains(got.Message, "null") {
			t.Errorf("got %v", got)
		}
		if got := p.present(ctx, models.Internal(errors.New("secret"))); got.Message != models.InternalMessage {
			t.Errorf("got %v", got)
		}
	}
	if lines := strings.Count(log.String(), "\n"); lines != 2 || !strings.Contains(log.String(), "secret") || !strings.Contains(log.String(), "request_id=r7") {
		t.Errorf("log of two failures:\n%s", &log)
	}

	log.Reset()
	cancelled, cancel := context.WithCancel(testContext("gone"))
	cancel()
	if got := p.present(cancelled, models.Internal(context.Canceled)); got == nil || log.Len() > 0 {
		t.Errorf("a client that hung up was logged: %s", &log)
	}

	existing := &models.Error{Code: models.CodeConflict, Message: "Known.", ExistingID: "upl_9"}
	if got := p.present(testContext(""), existing); got.Extensions["existing_id"] != "upl_9" || got.Extensions["request_id"] != nil {
		t.Errorf("got %v", got.Extensions)
	}
}

// TestPanics lets resolvers dereference a store that is not there, in a root
// field and in a nested one that siblings wait for.
func TestPanics(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	h := NewHandler(nil, Options{Logger: slog.New(slog.NewTextHandler(&log, nil))})
	viewer := models.SystemViewer(models.CustomerID{}.From([16]byte{1}))
	viewer.RequestID = "r1"
	req := httptest.NewRequest(http.MethodPost, "/graphql", strings.NewReader(`{"query": "{ claims { totalCount } }"}`))
	req.Header.Set("Content-Type", "application/json")
	rec := httptest.NewRecorder()
	h.ServeHTTP(rec, req.WithContext(auth.WithViewer(req.Context(), viewer)))
	if body := rec.Body.String(); rec.Code != 200 || !strings.Contains(body, `"code":"INTERNAL"`) || strings.Contains(body, "panic") || strings.Contains(body, "nil pointer") {
		t.Errorf("%d %s", rec.Code, body)
	}
	if strings.Count(log.String(), "level=ERROR") != 1 || !strings.Contains(log.String(), "nil pointer") || !strings.Contains(log.String(), "goroutine") {
		t.Errorf("log:\n%s", &log)
	}
}

func TestLoadOncePanic(t *testing.T) {
	t.Parallel()
	f := &family[int]{members: []*int{new(int), new(int)}}
	calls := 0
	load := func() (string, error) {
		return loadOnce(f, "k", func(members []*int) (string, error) {
			calls++
			if len(members) != 2 {
				t.Errorf("%d members", len(members))
			}
			panic("broken")
		})
	}
	for range 2 {
		if got, err := load(); got != "" || models.CodeOf(err) != models.CodeInternal || !strings.Contains(err.Error(), "broken") {
			t.Errorf("got %q, %v", got, err)
		}
	}
	if calls != 1 {
		t.Errorf("fetched %d times", calls)
	}
}

func TestDistinct(t *testing.T) {
	t.Parallel()
	rows := []*int{new(3), new(0), new(1), new(3), new(1)}
	if diff := cmp.Diff([]int{3, 1}, distinct(rows, func(p *int) int { return *p })); diff != "" {
		t.Error(diff)
	}
}

func TestNegotiate(t *testing.T) {
	t.Parallel()
	for accept, want := range map[string]string{
		"":                                  typeJSON,
		"*/*":                               typeJSON,
		"application/*":                     typeJSON,
		"application/json":                  typeJSON,
		"APPLICATION/JSON":                  typeJSON,
		"application/json; charset=utf-8":   typeJSON,
		"application/graphql-response+json": typeResponse,
		"application/graphql-response+json; charset=utf-8, application/json": typeJSON,
		"application/graphql-response+json, application/json;q=0.9":          typeResponse,
		"application/json;q=0.5, application/graphql-response+json;q=0.4":    typeJSON,
		"application/graphql-response+json, */*":                             typeResponse,
		"application/graphql-response+json, */*;q=0.1":                       typeResponse,
		"application/json;q=0, */*":                                          typeResponse,
		"text/html, application/xhtml+xml, */*;q=0.8":                        typeJSON,
		"text/html":                       "",
		"application/json;q=0":            "",
		"application/xml, text/*;q=0.3":   "",
		"this is no media type, at all, ": "",
	} {
		got, ok := negotiate([]string{accept})
		if got != want || ok != (want != "") {
			t.Errorf("%q: %q, want %q", accept, got, want)
		}
	}
	if got, _ := negotiate([]string{"text/html", "application/graphql-response+json"}); got != typeResponse {
		t.Errorf("two headers: %q", got)
	}
}

func fieldContext(resolver bool) context.Context {
	field := graphql.CollectedField{Field: &ast.Field{Name: "claims"}}
	return graphql.WithFieldContext(testContext("r"), &graphql.FieldContext{Object: "Query", Field: field, IsResolver: resolver})
}

// TestUncodedResolverErrorsAreInternal tells a resolver's uncoded error, which
// is our fault, from a decoding error, which is the client's.
func TestUncodedResolverErrorsAreInternal(t *testing.T) {
	t.Parallel()
	next := func(context.Context) (any, error) { return nil, errors.New("secret") }
	for resolver, want := range map[bool]bool{true: true, false: false} {
		ctx := fieldContext(resolver)
		_, err := aroundField(ctx, next)
		var e *models.Error
		if errors.As(err, &e) != want {
			t.Errorf("resolver %v: %v", resolver, err)
		}
	}
	ctx := fieldContext(true)
	given := models.NotFound("claim")
	if _, err := aroundField(ctx, func(context.Context) (any, error) { return nil, given }); !errors.Is(err, given) {
		t.Errorf("a coded error became %v", err)
	}
}
