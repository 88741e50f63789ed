package main

import (
	"log/slog"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"

	"upstream/internal/cli"
	"upstream/internal/config"
	"upstream/rest"
)

// description is the REST API as it describes itself.
func description(t *testing.T) *openapi3.T {
	t.Helper()
	text, err := rest.OpenAPI("3.1")
	if err != nil {
		t.Fatal(err)
	}
	doc, err := openapi3.NewLoader().LoadFromData(text)
	if err != nil {
		t.Fatal(err)
	}
	return doc
}

var pathParameter = regexp.MustCompile(`\{[^}]+\}`)

// route is a method of a path that names some row, or none.
type route struct{ method, path string }

// routes are all there are, some more than once: those of REST from its
// description, GraphQL, the pages and whatever they load, and what leads nowhere,
// each by every method.
func routes(t *testing.T, handler http.Handler) []route {
	t.Helper()
	paths := []string{
		"/", "/playground", "/playground/", "/api/docs", "/api/redoc", "/api/openapi.json", "/api/openapi.yaml", "/api/openapi-3.0.json",
		"/api/schema", "/api/schema/", "/favicon.ico", "/favicon.svg", "/licenses.txt", "/graphql", "/graphql?query=%7B__typename%7D",
		"/graphql?query=%7B", "/nowhere", "/api/v1/nowhere/", "/assets/nowhere.js", "/assets/", "//", "/api/v1//claims/", "/api/v1/claims",
		"/api/v1/claims/?page=x", "/debug/pprof/", "/%2e%2e/", "/api/v1/claims/?%zz", "/.well-known/security.txt",
	}
	paths = slices.AppendSeq(paths, maps.Keys(description(t).Paths.Map()))
	asset := regexp.MustCompile(`/assets/[\w.-]+`)
	for _, page := range []string{"/", "/playground", "/api/docs", "/api/redoc"} {
		paths = append(paths, asset.FindAllString(ask(t, handler, http.MethodGet, page, "").Body.String(), -1)...)
	}
	var all []route
	for _, path := range paths {
		path = pathParameter.ReplaceAllString(path, "clm_01jz8k6v3pe9ktyh5wmcqa2x7d")
		for _, method := range []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "BREW"} {
			all = append(all, route{method, path})
		}
	}
	return all
}

// Whatever is asked, and however it goes wrong, the answer carries the headers
// that protect whoever reads it in a browser.
func TestHeaders_OfEveryAnswer(t *testing.T) {
	t.Parallel()
	handler, _ := handlerOn(t)
	token := tokenOf(t, handler, "owner@lakeside.test")
	all := routes(t, handler)
	if len(all) < 300 {
		t.Fatalf("only %d routes", len(all))
	}
	statuses := map[int]bool{}
	for _, r := range all {
		for _, credentials := range []string{"", "Bearer " + token, "Bearer nonsense"} {
			headers := []string{"Origin", dashboard}
			if credentials != "" {
				headers = append(headers, "Authorization", credentials)
			}
			w := ask(t, handler, r.method, r.path, "", headers...)
			statuses[w.Code] = true
			checkSafe(t, r, w.Code, w.Header())
			if got := w.Header().Values("Access-Control-Allow-Origin"); slices.Contains([]string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}, r.method) &&
				!slices.Equal(got, []string{dashboard}) {
				t.Errorf("%v: %d may be read by %q", r, w.Code, got)
			}
		}
	}
	for _, status := range []int{200, 204, 304, 400, 401, 404, 405, 415, 422} {
		if status != 304 && !statuses[status] {
			t.Errorf("no answer was a %d", status)
		}
	}
}

// checkSafe demands the headers that all answers share, once each.
func checkSafe(t *testing.T, r route, status int, h http.Header) {
	t.Helper()
	for name, want := range map[string]string{
		"X-Content-Type-Options": "nosniff", "X-Frame-Options": "DENY", "Referrer-Policy": "no-referrer",
		"Strict-Transport-Security": "max-age=31536000; includeSubDomains", "Cross-Origin-Opener-Policy": "same-origin",
		"Cross-Origin-Resource-Policy": "same-origin",
	} {
		if got := h.Values(name); len(got) != 1 || got[0] != want {
			t.Errorf("%v: %d has %s %q", r, status, name, got)
		}
	}
	policy := h.Values("Content-Security-Policy")
	if len(policy) != 1 || !strings.HasPrefix(policy[0], "default-src 'none'; ") || !strings.Contains(policy[0], "frame-ancestors 'none'") ||
		strings.Contains(policy[0], "unsafe") || strings.Contains(policy[0], "*") {
		t.Errorf("%v: %d has the policy %q", r, status, policy)
	}
	if len(h.Values("Permissions-Policy")) != 1 || len(h.Values("X-Request-Id")) != 1 || !slices.Contains(h.Values("Vary"), "Origin") {
		t.Errorf("%v: %d: %v", r, status, h)
	}
	cache := h.Get("Cache-Control")
	if r.method != http.MethodOptions && cache == "" || status >= 400 && !strings.Contains(cache, "no-store") {
		t.Errorf("%v: %d may be cached: %q", r, status, cache)
	}
}

func tokenOf(t *testing.T, handler http.Handler, email string) string {
	t.Helper()
	w := ask(t, handler, http.MethodPost, "/api/v1/auth/token/", `{"email":"`+email+`","password":"`+password+`"}`)
	token := decode[map[string]string](t, w.Body)["access"]
	if token == "" {
		t.Fatalf("%s cannot sign in", email)
	}
	return token
}

func TestCORS_EveryRouteAnswersPreflights(t *testing.T) {
	t.Parallel()
	handler, _ := handlerOn(t)
	for _, r := range routes(t, handler) {
		if r.method != http.MethodOptions {
			continue
		}
		for _, origin := range []string{dashboard, "https://evil.example", "null", "https://app.example.evil.example"} {
			w := ask(t, handler, http.MethodOptions, r.path, "", "Origin", origin, "Access-Control-Request-Method", "POST",
				"Access-Control-Request-Headers", "authorization,content-type,x-customer-id")
			want := map[bool]string{true: dashboard}[origin == dashboard]
			if got := w.Header().Get("Access-Control-Allow-Origin"); w.Code != http.StatusOK || got != want || w.Body.Len() > 0 {
				t.Errorf("%s from %s: %d, %q", r.path, origin, w.Code, got)
			}
			checkSafe(t, r, w.Code, w.Header())
		}
	}
}

func TestCORS_AStrangerIsServedAndNotReflected(t *testing.T) {
	t.Parallel()
	handler, _ := handlerOn(t)
	for _, r := range routes(t, handler) {
		w := ask(t, handler, r.method, r.path, "", "Origin", "https://evil.example")
		for name, values := range w.Header() {
			if strings.HasPrefix(name, "Access-Control-") || strings.Contains(strings.Join(values, " "), "evil.example") {
				t.Errorf("%v: %s %q", r, name, values)
			}
		}
	}
}

// A handler that breaks still answers safely: here there is no database at all.
func TestHeaders_OfFailures(t *testing.T) {
	t.Parallel()
	handler, err := newHandler(cli.Deps{
		Secret: []byte(strings.Repeat("s", 32)), Logger: slog.New(slog.DiscardHandler),
		Config: config.Serve{MaxUploadBytes: 1, PublicURL: "https://upstream.example"},
	})
	if err != nil {
		t.Fatal(err)
	}
	w := ask(t, handler, http.MethodGet, "/readyz", "")
	if w.Code != http.StatusInternalServerError {
		t.Errorf("answers %d", w.Code)
	}
	checkSafe(t, route{http.MethodGet, "/readyz"}, w.Code, w.Header())
}

func TestNewHandler_RefusesWhatIsNoOrigin(t *testing.T) {
	t.Parallel()
	_, err := newHandler(cli.Deps{
		Secret: []byte(strings.Repeat("s", 32)), Logger: slog.New(slog.DiscardHandler), Config: config.Serve{CORSOrigins: []string{"*"}},
	})
	if err == nil || !strings.Contains(err.Error(), "--cors-origins") {
		t.Errorf("error is %v", err)
	}
}
