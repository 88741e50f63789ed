//go:build linux || darwin || freebsd

package testdb

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	"upstream/internal/postgres"
)

// tiny is a schema of one table, with the number of times it was made.
func tiny(calls *atomic.Int32) migrator {
	return migrator{
		hash: func() string { return "tiny" },
		up: func(ctx context.Context, ownerURL string) error {
			calls.Add(1)
			conn, err := pgx.Connect(ctx, ownerURL)
			if err != nil {
				return err
			}
			_, err = conn.Exec(ctx, "CREATE TABLE things (v text); GRANT SELECT, INSERT ON things TO upstream_app")
			return errors.Join(err, conn.Close(ctx))
		},
	}
}

//nolint:tparallel // the parallel databases are in a group of their own
func TestNewIsMigratedAndPrivate(t *testing.T) {
	t.Parallel()
	names := make(chan string, 4)
	t.Run("databases", func(t *testing.T) {
		for range cap(names) {
			t.Run("one", func(t *testing.T) {
				t.Parallel()
				db := New(t)
				names <- db.Name
				checkRoles(t, db)
				// Visible to this test alone: the next one makes the same table.
				if _, err := db.Owner.Exec(t.Context(), "CREATE TABLE only_here (v int)"); err != nil {
					t.Error(err)
				}
			})
		}
	})
	close(names)
	seen := map[string]bool{}
	for name := range names {
		seen[name] = true
		if exists(t, process, name) {
			t.Errorf("%s was not dropped", name)
		}
	}
	if len(seen) != cap(names) {
		t.Errorf("got %v", seen)
	}
}

func checkRoles(t *testing.T, db *DB) {
	t.Helper()
	var user, owner string
	var tables int
	query := `SELECT current_user::text, pg_get_userbyid(datdba),
		(SELECT count(*) FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' AND relname = 'claims')
		FROM pg_database WHERE datname = current_database()`
	if err := db.App.QueryRow(t.Context(), query).Scan(&user, &owner, &tables); err != nil {
		t.Fatal(err)
	}
	if user != postgres.AppRole || owner != postgres.OwnerRole || tables != 1 {
		t.Errorf("user %s, owner %s, %d tables", user, owner, tables)
	}
	if _, err := postgres.CheckRuntimeRole(t.Context(), db.App); err != nil {
		t.Error(err)
	}
	if err := db.Owner.QueryRow(t.Context(), "SELECT current_user::text").Scan(&user); err != nil || user != postgres.OwnerRole {
		t.Errorf("owner pool: %s, %v", user, err)
	}
	for link, pool := range map[string]int32{db.AppURL: db.App.Config().MaxConns, db.OwnerURL: db.Owner.Config().MaxConns} {
		if parsed, err := url.Parse(link); err != nil || parsed.Path != "/"+db.Name || pool != maxConns {
			t.Errorf("%s, %v, pool of %d", parsed, err, pool)
		}
	}
}

func exists(t *testing.T, on *server, database string) bool {
	t.Helper()
	found, err := on.access()
	if err != nil {
		t.Fatal(err)
	}
	conn, err := pgx.Connect(t.Context(), found.admin.String())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close(context.Background()) }()
	var out bool
	if err := conn.QueryRow(t.Context(), "SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1)", database).Scan(&out); err != nil {
		t.Fatal(err)
	}
	return out
}

//nolint:tparallel // one database after the other, from one template
func TestNewMigratesOnce(t *testing.T) {
	t.Parallel()
	on := ownServer(t)
	var calls atomic.Int32
	for range 5 {
		t.Run("one", func(t *testing.T) {
			db := newOn(t, on, tiny(&calls))
			if _, err := db.App.Exec(t.Context(), "INSERT INTO things VALUES ('x')"); err != nil {
				t.Error(err)
			}
			var rows int
			if err := db.App.QueryRow(t.Context(), "SELECT count(*) FROM things").Scan(&rows); err != nil || rows != 1 {
				t.Errorf("%d rows, %v", rows, err)
			}
		})
	}
	if got := calls.Load(); got != 1 {
		t.Errorf("migrated %d times", got)
	}
}

// recorder is a test that may fail.
type recorder struct {
	testing.TB

	mu     sync.Mutex
	failed []string
}

func (r *recorder) Fatalf(format string, args ...any) {
	r.mu.Lock()
	r.failed = append(r.failed, fmt.Sprintf(format, args...))
	r.mu.Unlock()
	r.FailNow()
}

func (*recorder) FailNow() { panic(errRecorded) }

var errRecorded = errors.New("the recorded test failed")

// failureOf is what a use of the package fails a test with.
func failureOf(t *testing.T, use func(testing.TB)) string {
	t.Helper()
	r := &recorder{TB: t}
	func() {
		defer func() {
			if got := recover(); got != nil && got != any(errRecorded) {
				panic(got)
			}
		}()
		use(r)
	}()
	return strings.Join(r.failed, "\n")
}

func TestNewFailsTheTest(t *testing.T) {
	t.Parallel()
	broken := migrator{
		hash: func() string { return "broken" },
		up:   func(context.Context, string) error { return errors.New("no such column") },
	}
	cases := map[string]struct {
		on   *server
		want string
	}{
		"migration":   {process, "no such column"},
		"no URL":      {newServer("localhost:5432"), URLVariable + " should look like postgres://"},
		"unreachable": {newServer("postgres://u:p@127.0.0.1:1/x?sslmode=disable"), URLVariable + ": PostgreSQL at 127.0.0.1:1 cannot be reached"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := failureOf(t, func(tb testing.TB) { tb.Helper(); newOn(tb, c.on, broken) })
			if !strings.Contains(got, c.want) {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

func TestAccess(t *testing.T) {
	t.Parallel()
	cases := map[string]struct{ admin, config, url string }{
		"host": {
			"postgres://ad%40min:p%2Fw@db.test:6000/main?sslmode=disable",
			"postgres://ad%40min:p%2Fw@db.test:6000/main?sslmode=disable",
			"postgres://upstream_app:x%20y@db.test:6000/d?sslmode=disable",
		},
		"socket, no database": {
			"postgres://postgres:pw@?host=%2Frun%2Fpg",
			"postgres://postgres:pw@:5432/postgres?host=%2Frun%2Fpg",
			"postgres://upstream_app:x%20y@/d?host=%2Frun%2Fpg",
		},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			admin, err := url.Parse(c.admin)
			if err != nil {
				t.Fatal(err)
			}
			a := access{admin: admin}
			if diff := cmp.Diff(c.config, a.config().URL()); diff != "" {
				t.Error(diff)
			}
			if diff := cmp.Diff(c.url, a.url(postgres.AppRole, "x y", "d")); diff != "" {
				t.Error(diff)
			}
			if _, err := pgx.ParseConfig(a.config().URL()); err != nil {
				t.Error(err)
			}
		})
	}
}

type runnerFunc func() int

func (f runnerFunc) Run() int { return f() }

//nolint:paralleltest // it looks for leaked goroutines, which other tests would look like
func TestRun(t *testing.T) {
	stopped := 0
	good := func() *server { return &server{shutdown: func() error { stopped++; return nil }} }
	bad := &server{shutdown: func() error { return errors.New("stuck") }}
	blocked := make(chan struct{})
	leak := func() int {
		go func() { <-blocked }()
		return 0
	}
	var stderr bytes.Buffer
	cases := []struct {
		name string
		run  runnerFunc
		on   *server
		code int
		says string
	}{
		{"passing", func() int { return 0 }, &server{}, 0, ""},
		{"failing", func() int { return 1 }, good(), 1, ""},
		{"panicked", func() int { return 2 }, good(), 2, ""},
		{"leaking", leak, good(), 1, "found unexpected goroutines"},
		{"stuck", func() int { return 0 }, bad, 1, "stuck"},
	}
	ignore := leaksOfThisProcess()
	for _, c := range cases {
		stderr.Reset()
		code := run(c.run, c.on, &stderr, ignore...)
		if code != c.code || !strings.Contains(stderr.String(), c.says) {
			t.Errorf("%s: %d, %s", c.name, code, stderr.String())
		}
	}
	close(blocked)
	if stopped != 3 {
		t.Errorf("stopped %d servers", stopped)
	}
	late := good()
	_ = late.stop()
	if _, err := late.access(); !errors.Is(err, errStopped) {
		t.Errorf("access after the stop: %v", err)
	}
}
