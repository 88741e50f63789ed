package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"upstream/internal/auth"
	"upstream/internal/cli"
	"upstream/internal/config"
	"upstream/internal/factory"
	"upstream/internal/obs"
	"upstream/internal/testdb"
	"upstream/internal/throttle"
	"upstream/models"
	"upstream/store"
)

// programVariable makes the test binary be the program.
const programVariable = "UPSTREAM_TEST_AS_PROGRAM"

func TestMain(m *testing.M) {
	if os.Getenv(programVariable) != "" {
		main()
	}
	testdb.Main(m)
}

const password = "correct horse battery"

// dashboard is an origin whose pages may call the APIs.
const dashboard = "https://app.example"

// handlerOn is the handler of the public listener on a World, with a user
// owner@lakeside.test, and what it logs.
func handlerOn(t *testing.T) (http.Handler, *bytes.Buffer) {
	t.Helper()
	return handlerWith(t, cli.Deps{})
}

// handlerWith is handlerOn with more than the necessary.
func handlerWith(t *testing.T, d cli.Deps) (http.Handler, *bytes.Buffer) {
	t.Helper()
	handler, _, log := serverWith(t, d)
	return handler, log
}

// serverOn is handlerOn with the customer of owner@lakeside.test.
func serverOn(t *testing.T) (http.Handler, *factory.Tenant, *bytes.Buffer) {
	t.Helper()
	return serverWith(t, cli.Deps{})
}

func serverWith(t *testing.T, d cli.Deps) (http.Handler, *factory.Tenant, *bytes.Buffer) {
	t.Helper()
	w := factory.New(t)
	var log bytes.Buffer
	logger := obs.NewLogger(&log, obs.FormatJSON, "debug")
	w.Store = w.StoreWith(w.DB.App, store.Options{Logger: logger})
	hash, err := auth.HashPassword(password)
	if err != nil {
		t.Fatal(err)
	}
	tenant := w.Tenant("lakeside")
	in := models.NewUser{Email: "owner@lakeside.test", PasswordHash: hash, Role: models.RoleOwner}
	if _, err := w.Store.CreateUser(t.Context(), tenant.Customer.ID, in); err != nil {
		t.Fatal(err)
	}
	tenant.Drifting()
	d.Store, d.Secret, d.Logger = w.Store, []byte(strings.Repeat("s", 32)), logger
	d.Config.MaxUploadBytes, d.Config.Introspection, d.Config.PublicURL = 1<<20, true, "https://upstream.example"
	d.Config.CORSOrigins = []string{dashboard}
	handler, err := newHandler(d)
	if err != nil {
		t.Fatal(err)
	}
	return handler, tenant, &log
}

// ask sends a request; headers are pairs.
func ask(t *testing.T, handler http.Handler, method, path, body string, headers ...string) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), method, path, strings.NewReader(body))
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	handler.ServeHTTP(w, r)
	return w
}

// decode reads a JSON answer.
func decode[T any](t *testing.T, body io.Reader) T {
	t.Helper()
	var value T
	if err := json.NewDecoder(body).Decode(&value); err != nil {
		t.Fatal(err)
	}
	return value
}

type problem struct {
	Code      string `json:"code"`
	Status    int    `json:"status"`
	RequestID string `json:"request_id"`
}

func TestNewHandler_EveryErrorIsAProblem(t *testing.T) {
	t.Parallel()
	handler, _ := handlerOn(t)
	for _, tt := range []struct {
		method, path string
		status       int
		code         string
	}{
		{"GET", "/nowhere", 404, "NOT_FOUND"},
		{"GET", "/api/v1/nowhere/", 404, "NOT_FOUND"},
		{"GET", "/assets/nowhere.js", 404, "NOT_FOUND"},
		{"POST", "/playground", 405, "METHOD_NOT_ALLOWED"},
		{"DELETE", "/api/v1/claims/", 405, "METHOD_NOT_ALLOWED"},
		{"POST", "/healthz", 405, "METHOD_NOT_ALLOWED"},
		{"GET", "/api/v1/claims/", 401, "UNAUTHENTICATED"},
	} {
		w := ask(t, handler, tt.method, tt.path, "", auth.RequestIDHeader, "my-request")
		if w.Code != tt.status || w.Header().Get("Content-Type") != "application/problem+json" {
			t.Errorf("%s %s answers %d %s: %s", tt.method, tt.path, w.Code, w.Header().Get("Content-Type"), w.Body)
			continue
		}
		got := decode[problem](t, w.Body)
		if want := (problem{tt.code, tt.status, "my-request"}); got != want {
			t.Errorf("%s %s is %+v, want %+v", tt.method, tt.path, got, want)
		}
		if (tt.status == http.StatusMethodNotAllowed) != (w.Header().Get("Allow") != "") {
			t.Errorf("%s %s allows %q", tt.method, tt.path, w.Header().Get("Allow"))
		}
	}
}

func TestNewHandler_ServesEverythingOnOneListener(t *testing.T) {
	t.Parallel()
	handler, log := handlerOn(t)
	for _, path := range []string{
		"/", "/playground", "/api/docs", "/api/redoc", "/api/openapi.json", "/api/openapi.yaml", "/api/openapi-3.0.json",
		"/api/schema/", "/healthz", "/readyz", "/api/v1/health/",
	} {
		if w := ask(t, handler, http.MethodGet, path, ""); w.Code != http.StatusOK || w.Header().Get(auth.RequestIDHeader) == "" {
			t.Errorf("%s answers %d, request %q", path, w.Code, w.Header().Get(auth.RequestIDHeader))
		}
	}
	w := ask(t, handler, http.MethodPost, "/api/v1/auth/token/", `{"email":"owner@lakeside.test","password":"`+password+`"}`)
	if w.Code != http.StatusOK {
		t.Fatalf("sign-in answers %d: %s", w.Code, w.Body)
	}
	token := decode[map[string]string](t, w.Body)["access"]
	w = ask(t, handler, http.MethodGet, "/api/v1/claims/?search=Payer&page_size=1", "", "Authorization", "Bearer "+token)
	if page := decode[struct {
		Count int     `json:"count"`
		Next  *string `json:"next"`
	}](t, w.Body); page.Count != 800 || page.Next == nil || !strings.HasPrefix(*page.Next, "https://upstream.example/api/v1/claims/?") {
		t.Errorf("claims are %+v", page)
	}
	w = ask(t, handler, http.MethodPost, "/graphql", `{"query":"{ viewer { email } claims(search: \"Payer\") { totalCount } }"}`,
		"Authorization", "Bearer "+token)
	if body := w.Body.String(); !strings.Contains(body, `"totalCount":800`) || !strings.Contains(body, "owner@lakeside.test") {
		t.Errorf("GraphQL answers %s", body)
	}
	if w = ask(t, handler, http.MethodPost, "/graphql", `{"query":"{ viewer { email } }"}`, "Authorization", "Bearer nonsense"); w.Code != http.StatusUnauthorized {
		t.Errorf("GraphQL answers a token that does not hold with %d", w.Code)
	}
	checkLog(t, log.String(), token)
}

// checkLog demands a line for each request and nothing a client said in one.
func checkLog(t *testing.T, log, token string) {
	t.Helper()
	for _, secret := range []string{password, token, "Payer", "search="} {
		if strings.Contains(log, secret) {
			t.Errorf("%s is in the log", secret)
		}
	}
	seen := map[string]bool{}
	decoder := json.NewDecoder(strings.NewReader(log))
	for decoder.More() {
		var line struct {
			Message   string `json:"msg"`
			Level     string `json:"level"`
			Path      string `json:"path"`
			Status    int    `json:"status"`
			RequestID string `json:"request_id"`
		}
		if err := decoder.Decode(&line); err != nil {
			t.Fatal(err)
		}
		if line.Message == "request" && line.RequestID == "" {
			t.Errorf("a request without a name: %+v", line)
		}
		seen[line.Level+" "+line.Path] = true
	}
	for _, want := range []string{"DEBUG /healthz", "INFO /playground", "INFO /api/v1/claims/", "INFO /graphql", "WARN /graphql"} {
		if !seen[want] {
			t.Errorf("no line %q among %v", want, seen)
		}
	}
}

func TestNewHandler_Introspection(t *testing.T) {
	t.Parallel()
	w := factory.New(t)
	for allowed, want := range map[bool]string{true: `"queryType"`, false: `"errors"`} {
		handler, err := newHandler(cli.Deps{
			Store: w.Store, Secret: []byte(strings.Repeat("s", 32)), Logger: obs.NewLogger(io.Discard, obs.FormatText, "error"),
			Config: config.Serve{MaxUploadBytes: 1, Introspection: allowed},
		})
		if err != nil {
			t.Fatal(err)
		}
		token := superuserToken(t, w, handler)
		got := ask(t, handler, http.MethodPost, "/graphql", `{"query":"{ __schema { queryType { name } } }"}`, "Authorization", "Bearer "+token)
		if !strings.Contains(got.Body.String(), want) {
			t.Errorf("introspection %v answers %s", allowed, got.Body)
		}
	}
}

// A server that is about to end is not ready, and answers all the same.
func TestNewHandler_IsNotReadyWhenItIsToEnd(t *testing.T) {
	t.Parallel()
	leaving := false
	handler, _ := handlerWith(t, cli.Deps{Serving: func(context.Context) error {
		if leaving {
			return errors.New("the server is about to end")
		}
		return nil
	}})
	wantStatus(t, ask(t, handler, http.MethodGet, "/readyz", ""), http.StatusOK)
	leaving = true
	answer := ask(t, handler, http.MethodGet, "/readyz", "")
	wantStatus(t, answer, http.StatusServiceUnavailable)
	if !strings.Contains(answer.Body.String(), `"path":"server"`) {
		t.Errorf("%s", answer.Body)
	}
	wantStatus(t, ask(t, handler, http.MethodGet, "/healthz", ""), http.StatusOK)
}

func superuserToken(t *testing.T, w *factory.World, handler http.Handler) string {
	t.Helper()
	hash, err := auth.HashPassword(password)
	if err != nil {
		t.Fatal(err)
	}
	in := models.NewUser{Email: "root@lakeside.test", PasswordHash: hash, Superuser: true}
	if _, err := w.Store.CreateUser(context.Background(), models.CustomerID{}, in); err != nil && models.CodeOf(err) != models.CodeConflict {
		t.Fatal(err)
	}
	answer := ask(t, handler, http.MethodPost, "/api/v1/auth/token/", `{"email":"root@lakeside.test","password":"`+password+`"}`)
	return decode[map[string]string](t, answer.Body)["access"]
}

// Both APIs draw on the budgets of one caller, whom only a known proxy may name.
func TestNewHandler_Throttles(t *testing.T) {
	t.Parallel()
	limits, err := throttle.New(throttle.Options{
		Logger: slog.New(slog.DiscardHandler),
		Rates: throttle.Rates{
			throttle.ReadOnly: {Limit: 2, Window: time.Hour}, throttle.SignIn: {Limit: 1, Window: time.Hour},
			throttle.RejectedCredentials: {Limit: 1, Window: time.Hour},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	handler, _ := handlerWith(t, cli.Deps{Throttle: limits, Config: config.Serve{TrustedProxies: []string{"192.0.2.0/24"}}})
	signIn := func(password, forwarded string) *httptest.ResponseRecorder {
		return ask(t, handler, http.MethodPost, "/api/v1/auth/token/", `{"email":"owner@lakeside.test","password":"`+password+`"}`,
			"X-Forwarded-For", forwarded)
	}
	wantStatus(t, signIn("wrong", "203.0.113.1"), http.StatusUnauthorized)
	wantStatus(t, signIn(password, "198.51.100.1, 203.0.113.1"), http.StatusTooManyRequests) // the first address is made up
	answer := signIn(password, "203.0.113.2")
	wantStatus(t, answer, http.StatusOK)
	bearer := "Bearer " + decode[map[string]string](t, answer.Body)["access"]

	query := `{"query":"{ viewer { email } }"}`
	wantStatus(t, ask(t, handler, http.MethodGet, "/api/v1/claims/", "", "Authorization", bearer), http.StatusOK)
	wantStatus(t, ask(t, handler, http.MethodPost, "/graphql", query, "Authorization", bearer), http.StatusOK)
	for _, answer := range []*httptest.ResponseRecorder{
		ask(t, handler, http.MethodGet, "/api/v1/claims/", "", "Authorization", bearer, "X-Forwarded-For", "203.0.113.3"),
		ask(t, handler, http.MethodPost, "/graphql", query, "Authorization", bearer, "X-Forwarded-For", "203.0.113.4"),
	} {
		wantStatus(t, answer, http.StatusTooManyRequests)
		if answer.Header().Get("Retry-After") == "" || !strings.Contains(answer.Body.String(), "RATE_LIMITED") {
			t.Errorf("%v %s", answer.Header(), answer.Body)
		}
	}
	nonsense := []string{"Authorization", "Bearer nonsense", "X-Forwarded-For", "203.0.113.5"}
	wantStatus(t, ask(t, handler, http.MethodPost, "/graphql", query, nonsense...), http.StatusUnauthorized)
	wantStatus(t, ask(t, handler, http.MethodGet, "/api/v1/claims/", "", nonsense...), http.StatusTooManyRequests)
}

func wantStatus(t *testing.T, answer *httptest.ResponseRecorder, status int) {
	t.Helper()
	if answer.Code != status {
		t.Errorf("answered with %d, want %d: %s", answer.Code, status, answer.Body)
	}
}
