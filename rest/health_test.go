package rest_test

import (
	"context"
	"errors"
	"net/http"
	"testing"

	"upstream/rest"
)

func TestHealth(t *testing.T) {
	t.Parallel()
	f := setupWith(t, rest.Options{Checks: []rest.Check{{Name: "workers", Func: func(context.Context) error { return nil }}}})
	for _, path := range []string{"/api/v1/health/", "/api/v1/health", "/readyz"} {
		got := f.get(t, "", path)
		wantStatus(t, got, http.StatusOK)
		body := got.object(t)
		checks, _ := body["checks"].(map[string]any)
		if body["status"] != "healthy" || body["version"] != "1.0.0" || body["timestamp"] != "2026-06-15T12:00:00Z" || len(checks) != 3 {
			t.Errorf("%s: %s", path, got.body)
		}
	}
	// A stale token is no reason to call the service ill.
	wantStatus(t, f.get(t, "nonsense", "/api/v1/health/"), http.StatusOK)
	if got := f.get(t, "", "/healthz").object(t); got["status"] != "ok" {
		t.Errorf("%v", got)
	}
}

func TestUnhealthy(t *testing.T) {
	t.Parallel()
	failing := []rest.Check{{Name: "workers", Func: func(context.Context) error { return errors.New("secret cause") }}}
	f := setupWith(t, rest.Options{Checks: failing})
	for _, path := range []string{"/api/v1/health/", "/readyz"} {
		out := f.get(t, "", path)
		wantProblem(t, out, http.StatusServiceUnavailable, "UNAVAILABLE", "workers:unhealthy")
		if out.header.Get("Retry-After") == "" {
			t.Errorf("%s: no Retry-After", path)
		}
	}
	f.DB.App.Close()
	wantProblem(t, f.get(t, "", "/readyz"), http.StatusServiceUnavailable, "UNAVAILABLE",
		"database:unhealthy", "migrations:unhealthy", "workers:unhealthy")
	wantStatus(t, f.get(t, "", "/healthz"), http.StatusOK)
}

func TestReadinessNeedsEveryMigration(t *testing.T) {
	t.Parallel()
	f := setup(t)
	if _, err := f.DB.Owner.Exec(t.Context(), `DELETE FROM bun_migrations WHERE id = (SELECT max(id) FROM bun_migrations)`); err != nil {
		t.Fatal(err)
	}
	wantProblem(t, f.get(t, "", "/readyz"), http.StatusServiceUnavailable, "UNAVAILABLE", "migrations:unhealthy")
}
