package rest_test

import (
	"context"
	"errors"
	"maps"
	"net/http"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"upstream/rest"
)

func TestHealth(t *testing.T) {
	t.Parallel()
	f := setupWith(t, rest.Options{Checks: []rest.Check{{Name: "workers", Func: func(context.Context) error { return nil }}, {Name: "cache", Optional: true}}})
	for _, path := range []string{"/api/v1/health/", "/api/v1/health", "/readyz"} {
		got := f.get(t, "", path)
		wantStatus(t, got, http.StatusOK)
		body := got.object(t)
		checks, _ := body["checks"].(map[string]any)
		want := []string{"database", "migrations", "workers"}
		if path != "/readyz" {
			want = []string{"cache", "database", "disk", "migrations", "workers"}
			if cache, _ := checks["cache"].(map[string]any); cache["status"] != "disabled" {
				t.Errorf("%s: a part the server does without: %s", path, got.body)
			}
		}
		if diff := cmp.Diff(want, slices.Sorted(maps.Keys(checks))); diff != "" {
			t.Errorf("%s: checks (-want +got):\n%s", path, diff)
		}
		if body["status"] == "" || body["version"] != "1.0.0" || body["timestamp"] != "2026-06-15T12:00:00Z" {
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
	out := f.get(t, "", "/readyz")
	wantProblem(t, out, http.StatusServiceUnavailable, "UNAVAILABLE", "workers:unhealthy")
	if out.header.Get("Retry-After") == "" {
		t.Error("no Retry-After")
	}
	// The API does without workers for a while.
	out = f.get(t, "", "/api/v1/health/")
	wantStatus(t, out, http.StatusOK)
	checks, _ := out.object(t)["checks"].(map[string]any)
	if workers, _ := checks["workers"].(map[string]any); out.object(t)["status"] != "degraded" || workers["status"] != "unhealthy" {
		t.Errorf("%s", out.body)
	}
	f.DB.App.Close()
	wantProblem(t, f.get(t, "", "/api/v1/health/"), http.StatusServiceUnavailable, "UNAVAILABLE", "database:unhealthy", "migrations:unhealthy")
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
