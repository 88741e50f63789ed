package main

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	"upstream/bench/document"
	"upstream/bench/meter"
	"upstream/internal/testdb"
)

func TestMain(m *testing.M) { testdb.Main(m) }

// TestRun measures one case of each API as a user would, at the smallest size.
func TestRun(t *testing.T) {
	t.Parallel()
	if runtime.GOOS != "linux" {
		t.Skip("only Linux tells the processor time of others")
	}
	if testing.Short() {
		t.Skip("builds the program")
	}
	document := filepath.Join(t.TempDir(), "performance.md")
	if err := os.WriteFile(document, []byte("# Title\n\n"+section().Begin+"old\n"+section().End+"\n\nMore.\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	profiles := t.TempDir()
	var out bytes.Buffer
	err := run(t.Context(), []string{
		"-claims", "2000", "-rounds", "1", "-for", "1s", "-cases", "^(REST: dashboard|GraphQL: 50 drift events)$",
		"-out", document, "-profiles", profiles,
	}, &out, io.Discard)
	if errors.Is(err, meter.ErrNoPgbench) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"REST: dashboard", "GraphQL: 50 drift events"} {
		if strings.Count(out.String(), "| "+name+" | ") != 1 {
			t.Errorf("%s is measured once, not:\n%s", name, &out)
		}
	}
	text, err := os.ReadFile(document)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff("# Title\n\n"+section().Begin+out.String()+section().End+"\n\nMore.\n", string(text)); diff != "" {
		t.Error(diff)
	}
	kept, err := filepath.Glob(filepath.Join(profiles, "*.pprof"))
	if err != nil || len(kept) != 2 {
		t.Errorf("%v %v", kept, err)
	}
}

func TestRun_RefusesWhatCannotBeMeasured(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{{"-claims", "10"}, {"-rounds", "0"}, {"-for", "1ms"}, {"-cases", "("}, {"-unknown"}} {
		if err := run(t.Context(), args, io.Discard, io.Discard); err == nil {
			t.Errorf("%v was accepted", args)
		}
	}
}

func TestRecorder_SeesWhatIsRunHoweverItIsSent(t *testing.T) {
	t.Parallel()
	r, err := record(testdb.New(t).AppURL)
	if err != nil {
		t.Fatal(err)
	}
	conn, err := pgx.Connect(t.Context(), r.url())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := conn.Prepare(t.Context(), "kept", `SELECT 'prepared'`); err != nil {
		t.Fatal(err)
	}
	ran, err := r.of(func() error {
		for _, text := range []string{`BEGIN`, `SELECT 'simple'`, `COMMIT`, `SELECT set_config('app.customer_id', '', true)`} {
			if _, err := conn.Exec(t.Context(), text, pgx.QueryExecModeSimpleProtocol); err != nil {
				return err
			}
		}
		for _, text := range []string{"kept", "kept", `SELECT 'unnamed'`} {
			if _, err := conn.Exec(t.Context(), text, pgx.QueryExecModeExec); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{`SELECT 'simple'`, `SELECT 'prepared'`, `SELECT 'prepared'`, `SELECT 'unnamed'`}, ran); diff != "" {
		t.Error(diff)
	}
	if err := r.close(); err != nil {
		t.Error(err)
	}
	if err := conn.Ping(t.Context()); err == nil {
		t.Error("a connection outlived its recorder")
	}
}

func TestReport(t *testing.T) {
	t.Parallel()
	us := func(program, database int) meter.Used {
		return meter.Used{Program: time.Duration(program) * time.Microsecond, Database: time.Duration(database) * time.Microsecond}
	}
	bare := meter.Ran{Client: 50 * time.Microsecond, Backend: 100 * time.Microsecond}
	all := []figures{
		{name: "near", now: []meter.Used{us(300, 100), us(200, 100), us(900, 100)}, bare: slices.Repeat([]meter.Ran{bare}, 3)},
		{name: "far", first: "near", now: []meter.Used{us(400, 100)}, bare: []meter.Ran{bare}},
	}
	want := `2000 claims, PostgreSQL 15; medians of 3 rounds of 1s, in µs of processor time:

| case | bare SQL | pgbench | server | database | ratio | over SQL |
| --- | --- | --- | --- | --- | --- | --- |
| near | 100 | 50 | 300 | 100 | 2.7 | 4.0 |
| far | 100 | 50 | 400 | 100 | 3.3 | 5.0 |

far: 1.25 of the first page.
`
	p := plan{claims: 2000, rounds: 3, lasting: time.Second}
	if diff := cmp.Diff(want, report(p, "PostgreSQL 15", all)); diff != "" {
		t.Error(diff)
	}
	for i := range all {
		all[i].earlier = []meter.Used{us(500, 300)}
	}
	if got := report(p, "PostgreSQL 15", all); !strings.Contains(got, "| near | 500 + 300 | 300 + 100 | -50 % |") {
		t.Errorf("no comparison in:\n%s", got)
	}
}

func TestWriteInto_NeedsAPlace(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "empty.md")
	if err := os.WriteFile(path, []byte("# Nothing\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := section().ReplaceIn(path, "figures"); !errors.Is(err, document.ErrNoBlock) {
		t.Errorf("%v", err)
	}
}
