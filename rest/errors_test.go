package rest_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"upstream/internal/factory"
	"upstream/models"
	"upstream/rest"
)

func TestUnknownPaths(t *testing.T) {
	t.Parallel()
	f := setup(t)
	token := f.as(t, f.cedar, models.RoleOwner)
	for _, path := range []string{
		"/", "/api", "/api/", "/api/v1", "/api/v1/", "/api/v2/claims/", "/api/v1/claim/", "/api/v1/claims//", "/api/v1/claims/x/y/", "/favicon.ico", "/api/docs/x",
	} {
		for _, method := range []string{http.MethodGet, http.MethodPost, http.MethodDelete, http.MethodOptions} {
			out := f.do(t, request{method: method, path: path, token: token})
			wantProblem(t, out, http.StatusNotFound, models.CodeNotFound)
		}
	}
	// A bad token changes nothing about what is there.
	wantProblem(t, f.get(t, "nonsense", "/api/v1/claim/"), http.StatusNotFound, models.CodeNotFound)
}

func TestWrongMethods(t *testing.T) {
	t.Parallel()
	f := setup(t)
	for path, allow := range map[string]string{
		"/api/v1/claims/":      "GET, HEAD, OPTIONS",
		"/api/v1/claims":       "GET, HEAD, OPTIONS",
		"/api/v1/uploads/":     "GET, HEAD, POST, OPTIONS",
		"/api/v1/auth/token/":  "POST, OPTIONS",
		"/api/v1/drift/detect": "POST, OPTIONS",
		"/healthz":             "GET, HEAD, OPTIONS",
		"/api/openapi.json":    "GET, HEAD, OPTIONS",
	} {
		for _, method := range []string{http.MethodPut, http.MethodDelete, http.MethodPatch, "BREW"} {
			out := f.do(t, request{method: method, path: path})
			wantProblem(t, out, http.StatusMethodNotAllowed, "METHOD_NOT_ALLOWED")
			if got := out.header.Get("Allow"); got != allow {
				t.Errorf("%s %s: Allow %q, want %q", method, path, got, allow)
			}
		}
		out := f.do(t, request{method: http.MethodOptions, path: path})
		if out.status != http.StatusNoContent || out.header.Get("Allow") != allow {
			t.Errorf("OPTIONS %s: %d, Allow %q", path, out.status, out.header.Get("Allow"))
		}
	}
}

func TestAccept(t *testing.T) {
	t.Parallel()
	f := setup(t)
	token := f.as(t, f.cedar, models.RoleOwner)
	for accept, want := range map[string]int{
		"": 200, "*/*": 200, "application/json": 200, "application/*": 200, "application/problem+json": 200,
		"text/html,application/xhtml+xml,*/*;q=0.8": 200, "Application/JSON; charset=utf-8": 200, "text/html, application/json;q=0.1": 200,
		"text/html": 406, "application/xml": 406, "application/json;q=0": 406, "*/*;q=0.0": 406, "a;x,": 406, ";;;,,": 406,
	} {
		for _, path := range []string{"/api/v1/claims/", "/healthz"} {
			out := f.do(t, request{path: path, token: token, header: http.Header{"Accept": {accept}}})
			if out.status != want {
				t.Errorf("%s, Accept %q: %d, want %d", path, accept, out.status, want)
			}
		}
	}
	// Refused before anything is done.
	out := f.do(t, request{method: http.MethodPost, path: "/api/v1/drift/detect/", token: token, header: http.Header{"Accept": {"text/csv"}}})
	wantProblem(t, out, http.StatusNotAcceptable, "NOT_ACCEPTABLE")
	if runs := f.list(t, token, "/api/v1/reports/"); *runs.Count != 0 {
		t.Error("a run was made for a client that cannot read it")
	}
}

func TestBodies(t *testing.T) {
	t.Parallel()
	f := setupWith(t, rest.Options{MaxBodyBytes: 1000})
	f.cedar.Drifting()
	token := f.as(t, f.cedar, models.RoleOwner)
	detect := func(media, body string) answer {
		header := http.Header{}
		if media != "" {
			header.Set("Content-Type", media)
		}
		return f.do(t, request{method: http.MethodPost, path: "/api/v1/drift/detect/", token: token, header: header, body: strings.NewReader(body), undocumented: true})
	}
	for name, c := range map[string]struct {
		media, body string
		status      int
		code        models.Code
	}{
		"half an object":   {"application/json", `{"alpha": 0.1`, 400, models.CodeValidation},
		"no JSON":          {"application/json", `alpha=0.1`, 400, models.CodeValidation},
		"two values":       {"application/json", `{} {}`, 400, models.CodeValidation},
		"not UTF-8":        {"application/json", "{\"method\": \"\xff\"}", 400, models.CodeValidation},
		"a form":           {"application/x-www-form-urlencoded", "alpha=0.1", 415, "UNSUPPORTED_MEDIA_TYPE"},
		"plain text":       {"text/plain", "{}", 415, "UNSUPPORTED_MEDIA_TYPE"},
		"too large":        {"application/json", `{"x": "` + strings.Repeat("x", 1000) + `"}`, 413, models.CodePayloadTooLarge},
		"just a string":    {"application/json", `"x"`, 422, models.CodeValidation},
		"with a charset":   {"application/json; charset=utf-8", `{}`, 201, ""},
		"no media type":    {"", `{}`, 201, ""},
		"nothing":          {"", ``, 201, ""},
		"empty JSON":       {"application/json", ``, 201, ""},
		"as long as it is": {"application/json", `{}` + strings.Repeat(" ", 998), 201, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			out := detect(c.media, c.body)
			if out.status != c.status {
				t.Fatalf("%d, want %d: %s", out.status, c.status, out.body)
			}
			if got := out.object(t)["code"]; c.code != "" && got != string(c.code) {
				t.Errorf("%v, want %s", got, c.code)
			}
		})
	}
	t.Run("strangers send little", func(t *testing.T) {
		t.Parallel()
		big := `{"email": "` + strings.Repeat("x", 70<<10) + `", "password": "x"}`
		wantProblem(t, f.post(t, "auth/token/", big), http.StatusRequestEntityTooLarge, models.CodePayloadTooLarge)
		wantProblem(t, f.post(t, "auth/token/", nil), http.StatusBadRequest, models.CodeValidation)
	})
}

// Every route must fail in the same shape when the database is gone, and tell
// nothing about it.
func TestInternalFailures(t *testing.T) {
	t.Parallel()
	f := setup(t)
	token := f.as(t, f.cedar, models.RoleOwner)
	f.DB.App.Close()
	out := f.do(t, request{path: "/api/v1/claims/", token: token, header: http.Header{"X-Request-Id": {"trace-500"}}})
	p := wantProblem(t, out, http.StatusInternalServerError, models.CodeInternal)
	if p.Detail != models.InternalMessage || strings.Contains(string(out.body), "pool") {
		t.Errorf("%s", out.body)
	}
	if log := f.log.String(); !strings.Contains(log, "trace-500") || !strings.Contains(log, "closed pool") {
		t.Errorf("the log does not say why: %s", log)
	}
	wantProblem(t, f.post(t, "auth/token/", map[string]any{"email": "a@b.test", "password": "x"}), http.StatusInternalServerError, models.CodeInternal)
}

func TestPanicsAreAnswered(t *testing.T) {
	t.Parallel()
	f := &fixture{World: nil, log: &logBuffer{}}
	handler, err := rest.New(nil, nil, rest.Options{Logger: textLogger(f.log)})
	if err != nil {
		t.Fatal(err)
	}
	f.server = httptest.NewServer(handler)
	t.Cleanup(f.server.Close)
	out := f.do(t, request{path: "/readyz"}) // no store to ask
	wantProblem(t, out, http.StatusInternalServerError, models.CodeInternal)
	if log := f.log.String(); !strings.Contains(log, "panic") || !strings.Contains(log, "health.go") {
		t.Errorf("the log lacks the stack: %s", log)
	}
}

func TestCommonHeaders(t *testing.T) {
	t.Parallel()
	f := setup(t)
	f.cedar.Ingest(factory.Batch{Payer: "Aetna", CPT: "99213", Outcome: models.OutcomePaid, Count: 2, FirstDay: factory.Today().AddDays(-9), Wait: 2, Billed: 90})
	token := f.as(t, f.cedar, models.RoleOwner)
	out := f.do(t, request{path: "/api/v1/claims/", token: token, header: http.Header{"X-Request-Id": {"Trace_7.a-b"}}})
	if got := out.header.Get("X-Request-Id"); got != "Trace_7.a-b" {
		t.Errorf("X-Request-Id %q", got)
	}
	if got := out.header.Get("Server-Timing"); !strings.Contains(got, "statements") || strings.Contains(got, `"0 statements"`) {
		t.Errorf("Server-Timing %q", got)
	}
	if got := out.header.Get("Cache-Control"); !strings.HasPrefix(got, "private") {
		t.Errorf("Cache-Control %q", got)
	}
	if made := f.get(t, token, "/api/v1/claims/").header.Get("X-Request-Id"); len(made) != 36 {
		t.Errorf("made %q", made)
	}
}

func TestPageError(t *testing.T) {
	t.Parallel()
	render := rest.PageError(rest.Options{})
	for status, code := range map[int]string{
		http.StatusNotFound: "NOT_FOUND", http.StatusMethodNotAllowed: "METHOD_NOT_ALLOWED",
		http.StatusInternalServerError: "INTERNAL",
	} {
		w := httptest.NewRecorder()
		w.Header().Set("Allow", "GET, HEAD")
		render(w, httptest.NewRequest(http.MethodPost, "/playground", nil), status)
		var body struct {
			Code, Instance string
			RequestID      string `json:"request_id"`
			Status         int
		}
		if err := json.Unmarshal(w.Body.Bytes(), &body); err != nil {
			t.Fatal(err)
		}
		if w.Code != status || body.Status != status || body.Code != code || body.Instance != "/playground" || body.RequestID == "" {
			t.Errorf("status %d: got %d %+v", status, w.Code, body)
		}
	}
}
