//go:build linux || darwin || freebsd

package cli

import (
	"bytes"
	"context"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/jackc/pgx/v5"

	"upstream/internal/postgres"
	"upstream/internal/testdb"
)

// keepSecret remembers the secret a server got.
func keepSecret(secret *[]byte) func(Deps) (http.Handler, error) {
	return func(d Deps) (http.Handler, error) {
		*secret = d.Secret
		return answering("here")(d)
	}
}

// One story: servers and commands come and go on one data directory.
func TestEmbedded(t *testing.T) {
	t.Parallel()
	dir := "--data-dir=" + openDir(t)
	var first, second, third []byte
	running := serve(t, keepSecret(&first), "serve", dir)
	running.url(t)
	if len(first) < 32 {
		t.Errorf("the secret has %d bytes", len(first))
	}
	// Commands join it.
	run(t, "", dir, "customer", "create", "lakeside", "--name=Lakeside").want(t, exitOK)
	run(t, "", dir, "migrate", "status").want(t, exitOK).wantRow(t, "0001_identity", "20")
	// So does another server, which ends with the one it joined.
	joined := serve(t, keepSecret(&second), "serve", dir)
	url := joined.url(t)
	if !bytes.Equal(first, second) {
		t.Error("the two servers sign with different secrets")
	}
	if status, body := get(t, url); status != http.StatusOK || body != "here" {
		t.Errorf("the joined server answers %d %q", status, body)
	}
	running.signal()
	running.end().want(t, exitOK)
	joined.end().want(t, exitDatabase, "the embedded database has ended: the process that ran it has stopped, and this one had joined it; start again")
	// What was stored is still there, and the secret too.
	run(t, "", dir, "customer", "create", "lakeside", "--name=Lakeside").want(t, exitConflict)
	again := serve(t, keepSecret(&third), "serve", dir)
	again.url(t)
	if !bytes.Equal(first, third) {
		t.Error("the next start has another secret")
	}
	killServer(t, strings.TrimPrefix(dir, "--data-dir="))
	r := again.end().want(t, exitDatabase, "the embedded database has ended: PostgreSQL ended by itself")
	if n := strings.Count(r.err, "PostgreSQL ended by itself"); n != 1 {
		t.Errorf("said %d times", n)
	}
}

func killServer(t *testing.T, dir string) {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(dir, "postgres", "pgdata", "postmaster.pid"))
	if err != nil {
		t.Fatal(err)
	}
	line, _, _ := strings.Cut(string(content), "\n")
	pid, err := strconv.Atoi(line)
	if err != nil {
		t.Fatal(err)
	}
	if err := syscall.Kill(pid, syscall.SIGQUIT); err != nil {
		t.Fatal(err)
	}
}

func TestEmbedded_Interrupted(t *testing.T) {
	t.Parallel()
	dir := openDir(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for _, args := range [][]string{{"serve", "--addr=127.0.0.1:0", "--admin-addr="}, {"detect", "--customer=x"}} {
		runWith(ctx, strings.NewReader(""), append(args, "--data-dir="+dir)...).want(t, exitInterrupted, "interrupted before the work was done")
	}
}

func TestEmbedded_NoBinaries(t *testing.T) {
	t.Parallel()
	r := run(t, "", "detect", "--customer=x", "--json", "--data-dir="+openDir(t), "--pg-bin="+t.TempDir()).want(t, exitDatabase)
	if f := failure(t, r); f.Code != "DATABASE" {
		t.Errorf("%+v", f)
	}
}

func TestAwaitOwner_OutlivesALostConnection(t *testing.T) {
	t.Parallel()
	db := testdb.New(t)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- awaitOwner(ctx, db.AppURL+"&application_name=watch") }()
	conn, err := pgx.Connect(t.Context(), db.AppURL)
	if err != nil {
		t.Fatal(err)
	}
	// The watch is cut off twice, and twice it comes back.
	for range 2 {
		for cut := false; !cut; {
			err := conn.QueryRow(t.Context(), `SELECT coalesce(bool_or(pg_terminate_backend(pid)), false) FROM pg_stat_activity
				WHERE application_name = 'watch' AND datname = current_database()`).Scan(&cut)
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := conn.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	cancel()
	if err := <-done; err != nil {
		t.Errorf("the watch ended with %v", err)
	}
}

func TestAwaitOwner_WaitsForACrowdedServer(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	url, _ := oldServer(t) // answers, and then hangs up: the watch connects again and again
	done := make(chan error, 1)
	go func() { done <- awaitOwner(ctx, url) }()
	cancel()
	if err := <-done; err != nil {
		t.Errorf("the watch ended with %v", err)
	}
	if err := awaitOwner(t.Context(), "postgres:///z?host=/nowhere"); err == nil || !strings.Contains(err.Error(), "start again") {
		t.Errorf("a server that is gone: %v", err)
	}
}

func TestFindDatabase_Configured(t *testing.T) {
	t.Parallel()
	a, _ := appOn(t)
	a.DatabaseURL = "postgres://app@host/db"
	d, err := a.findDatabase(t.Context())
	if err != nil || d.embedded() || d.appURL != a.DatabaseURL || d.ownerURL != a.DatabaseURL || d.appRole != postgres.AppRole || d.stop() != nil {
		t.Errorf("database is %+v, %v", d, err)
	}
	a.MigrationURL = "postgres://owner@host/db"
	if d, err := a.findDatabase(t.Context()); err != nil || d.appURL != a.DatabaseURL || d.ownerURL != a.MigrationURL {
		t.Errorf("database is %+v, %v", d, err)
	}
}
