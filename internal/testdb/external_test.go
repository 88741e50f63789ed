//go:build linux || darwin || freebsd

package testdb

import (
	"context"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/jackc/pgx/v5"

	"upstream/internal/postgres"
)

// Several test processes prepare one external server, which has roles of the
// same names with passwords of its own at first.
//
//nolint:tparallel // the processes take turns
func TestExternalServer(t *testing.T) {
	t.Parallel()
	instance := startInstance(t)
	admin := func(statement string) {
		t.Helper()
		conn, err := pgx.Connect(t.Context(), instance.AdminURL())
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = conn.Close(context.Background()) }()
		if _, err := conn.Exec(t.Context(), statement); err != nil {
			t.Fatalf("%s: %v", statement, err)
		}
	}

	_, err := newServer(instance.AdminURL()).access()
	if err == nil || !strings.Contains(err.Error(), "ALTER ROLE upstream_owner LOGIN PASSWORD 'upstream-test'") {
		t.Fatalf("roles with other passwords: %v", err)
	}
	if got := passwordAfter(t, instance.OwnerURL()); got != nil {
		t.Errorf("the role was changed: %v", got)
	}

	admin("DROP DATABASE upstream")
	admin("DROP ROLE upstream_owner")
	admin("DROP ROLE upstream_app")
	var group sync.WaitGroup
	servers := make([]*server, 3)
	for n := range servers {
		servers[n] = newServer(instance.AdminURL())
		group.Go(func() {
			if _, err := servers[n].access(); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	if t.Failed() {
		return
	}
	var calls atomic.Int32
	for _, on := range servers {
		t.Run("use", func(t *testing.T) {
			db := newOn(t, on, external{tiny(&calls)})
			if _, err := postgres.CheckRuntimeRole(t.Context(), db.App); err != nil {
				t.Error(err)
			}
		})
		if err := on.stop(); err != nil {
			t.Error(err)
		}
	}
	if got := calls.Load(); got != 1 {
		t.Errorf("migrated %d times", got)
	}
	if err := instance.Err(); err != nil {
		t.Errorf("stopping must leave an external server alone: %v", err)
	}
}

// external keeps the template of this test apart from those of other servers.
type external struct{ migrator }

func (external) Hash() (string, error) { return "external", nil }

// passwordAfter is nil when a URL still lets us in.
func passwordAfter(t *testing.T, url string) error {
	t.Helper()
	pool, err := postgres.OpenPool(t.Context(), strings.Replace(url, "/upstream?", "/postgres?", 1), postgres.PoolOptions{})
	if err == nil {
		pool.Close()
	}
	return err
}
