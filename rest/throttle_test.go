package rest_test

import (
	"encoding/json"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"upstream/internal/factory"
	"upstream/internal/throttle"
	"upstream/models"
	"upstream/rest"
)

// throttledSetup is setup with these rates, on a clock that stands still unless
// moved.
func throttledSetup(t *testing.T, rates throttle.Rates) *fixture {
	t.Helper()
	var f *fixture
	th, err := throttle.New(throttle.Options{Rates: rates, Logger: slog.New(slog.DiscardHandler), Now: func() time.Time {
		if f == nil {
			return factory.Now()
		}
		return f.now()
	}})
	if err != nil {
		t.Fatal(err)
	}
	f = setupWith(t, rest.Options{Throttle: th})
	return f
}

func wantLimited(t *testing.T, out answer, class throttle.Class) {
	t.Helper()
	wantProblem(t, out, http.StatusTooManyRequests, models.CodeRateLimited)
	after, err := strconv.Atoi(out.header.Get("Retry-After"))
	if err != nil || after < 1 || after > 7200 {
		t.Errorf("Retry-After is %q", out.header.Get("Retry-After"))
	}
	if limit := out.header.Get("RateLimit"); !strings.Contains(limit, `"`+string(class)+`";r=0;t=`+strconv.Itoa(after)) {
		t.Errorf("RateLimit is %s, want %s to wait %d", limit, class, after)
	}
	if !strings.HasPrefix(out.header.Get("RateLimit-Policy"), `"`) {
		t.Errorf("RateLimit-Policy is %q", out.header.Get("RateLimit-Policy"))
	}
}

func TestThrottle_ReadsShareABudget(t *testing.T) {
	t.Parallel()
	f := throttledSetup(t, throttle.Rates{throttle.ReadOnly: {Limit: 3, Window: time.Hour}})
	token := f.as(t, f.cedar, models.RoleViewer)
	for i, path := range []string{"/api/v1/claims/", "/api/v1/uploads/", "/api/v1/claims/?nonsense=1"} {
		out := f.get(t, token, path)
		if want := `"read_only";r=` + strconv.Itoa(2-i) + `;t=`; !strings.HasPrefix(out.header.Get("RateLimit"), want) ||
			out.header.Get("RateLimit-Policy") != `"read_only";q=3;w=3600` {
			t.Errorf("%s: %v", path, out.header)
		}
	}
	wantLimited(t, f.get(t, token, "/api/v1/reports/"), throttle.ReadOnly)
	wantStatus(t, f.get(t, f.as(t, f.cedar, models.RoleViewer), "/api/v1/claims/"), http.StatusOK)
	f.advance(2 * time.Hour)
	wantProblem(t, f.get(t, token, "/api/v1/claims/"), http.StatusUnauthorized, models.CodeUnauthenticated) // expired
}

func TestThrottle_RefusalsOfTheRoleCount(t *testing.T) {
	t.Parallel()
	f := throttledSetup(t, throttle.Rates{
		throttle.ReportGeneration: {Limit: 1, Window: time.Hour}, throttle.BulkOperation: {Limit: 1, Window: time.Hour},
		throttle.WriteOperation: {Limit: 1, Window: time.Hour},
	})
	f.cedar.Drifting()
	viewer, analyst := f.as(t, f.cedar, models.RoleViewer), f.as(t, f.cedar, models.RoleAnalyst)
	wantProblem(t, f.postAs(t, viewer, "drift/detect/", nil), http.StatusForbidden, models.CodeForbidden)
	wantLimited(t, f.postAs(t, viewer, "drift/detect/", nil), throttle.ReportGeneration)
	wantProblem(t, f.upload(t, viewer, "a.csv", nil), http.StatusForbidden, models.CodeForbidden)
	wantLimited(t, f.upload(t, viewer, "a.csv", nil), throttle.BulkOperation)
	wantStatus(t, f.postAs(t, analyst, "drift/detect/", nil), http.StatusCreated)
	wantLimited(t, f.postAs(t, analyst, "drift/detect/", nil), throttle.ReportGeneration)
	change := map[string]any{"old_password": "wrong", "new_password": newPassword}
	wantStatus(t, f.postAs(t, viewer, "auth/password/", change), http.StatusUnprocessableEntity)
	wantLimited(t, f.postAs(t, viewer, "auth/password/", change), throttle.WriteOperation)
}

func TestThrottle_Anonymous(t *testing.T) {
	t.Parallel()
	f := throttledSetup(t, throttle.Rates{throttle.Anonymous: {Limit: 2, Window: time.Hour}})
	for range 2 {
		wantProblem(t, f.get(t, "", "/api/v1/claims/"), http.StatusUnauthorized, models.CodeUnauthenticated)
	}
	wantLimited(t, f.get(t, "", "/api/v1/uploads/"), throttle.Anonymous)
	wantStatus(t, f.get(t, f.as(t, f.cedar, models.RoleViewer), "/api/v1/claims/"), http.StatusOK)
	for range 5 {
		for _, path := range []string{"/healthz", "/readyz", "/api/v1/health/", "/api/openapi.json"} {
			out := f.get(t, "", path)
			wantStatus(t, out, http.StatusOK)
			if out.header.Get("RateLimit") != "" {
				t.Errorf("%s is throttled: %v", path, out.header)
			}
		}
	}
}

func TestThrottle_SignInsThatFail(t *testing.T) {
	t.Parallel()
	f := throttledSetup(t, throttle.Rates{
		throttle.SignIn: {Limit: 3, Window: 15 * time.Minute}, throttle.Authentication: {Limit: 20, Window: time.Hour},
		throttle.TokenRefresh: {Limit: 2, Window: 15 * time.Minute},
	})
	email := f.cedar.UserWithHash(models.RoleViewer, passwordHash).Email
	right := map[string]any{"email": email, "password": password}
	for range 10 {
		wantStatus(t, f.post(t, "auth/token/", right), http.StatusOK)
	}
	for range 3 {
		wantStatus(t, f.post(t, "auth/token/", map[string]any{"email": "nobody@cedar.test", "password": "x"}), http.StatusUnauthorized)
	}
	wantLimited(t, f.post(t, "auth/token/", right), throttle.SignIn)
	for range 2 { // another budget
		wantStatus(t, f.post(t, "auth/token/verify/", map[string]any{"token": "x"}), http.StatusUnauthorized)
	}
	wantLimited(t, f.post(t, "auth/token/refresh/", map[string]any{"refresh": "x"}), throttle.TokenRefresh)
	f.advance(30 * time.Minute)
	for range 7 { // what is left of all sign-ins
		wantStatus(t, f.post(t, "auth/token/", right), http.StatusOK)
	}
	wantLimited(t, f.post(t, "auth/token/", right), throttle.Authentication)
}

// Every operation but health checks names its classes and documents 429 with
// the headers, and success with those that say what is left.
func TestThrottle_IsDocumented(t *testing.T) {
	t.Parallel()
	text, err := rest.OpenAPI("3.1")
	if err != nil {
		t.Fatal(err)
	}
	var doc struct {
		Paths map[string]map[string]struct {
			Throttle  []throttle.Class `json:"x-throttle"`
			Responses map[string]struct {
				Headers map[string]any `json:"headers"`
			} `json:"responses"`
		} `json:"paths"`
	}
	if err := json.Unmarshal(text, &doc); err != nil {
		t.Fatal(err)
	}
	got, rates := map[string]string{}, throttle.DefaultRates()
	for path, methods := range doc.Paths {
		for method, op := range methods {
			limited, documented := op.Responses["429"]
			if exempt := strings.HasSuffix(strings.Trim(path, "/"), "health") || strings.HasSuffix(path, "z"); exempt != (len(op.Throttle) == 0) || exempt == documented {
				t.Errorf("%s %s draws on %v, 429 is %v", method, path, op.Throttle, documented)
				continue
			}
			for _, class := range op.Throttle {
				got[method+" "+path] += string(class) + " "
				if _, known := rates[class]; !known {
					t.Errorf("%s %s draws on %s, which has no rate", method, path, class)
				}
			}
			if documented && (limited.Headers["Retry-After"] == nil || limited.Headers["RateLimit"] == nil) {
				t.Errorf("429 of %s %s has %v", method, path, limited.Headers)
			}
			for status, response := range op.Responses {
				if documented && (response.Headers["RateLimit"] == nil || response.Headers["RateLimit-Policy"] == nil) {
					t.Errorf("%s of %s %s has %v", status, method, path, response.Headers)
				}
			}
		}
	}
	for operation, want := range map[string]string{
		"get /api/v1/claims/": "read_only ", "post /api/v1/uploads/": "bulk_operation ", "get /api/v1/uploads/": "read_only ",
		"post /api/v1/drift/detect/": "report_generation ", "post /api/v1/auth/token/": "sign_in authentication ",
		"post /api/v1/auth/token/refresh/": "token_refresh ", "post /api/v1/auth/password/": "write_operation ",
	} {
		if got[operation] != want {
			t.Errorf("%s draws on %q, want %q", operation, got[operation], want)
		}
	}
}
