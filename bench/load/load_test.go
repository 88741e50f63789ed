package main

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"upstream/bench/seed"
	"upstream/internal/testdb"
)

func processorsHere() int { return runtime.NumCPU() }

// scripts are those of k6, by their names.
func scripts(t *testing.T) map[string]string {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join("k6", "*.js"))
	if err != nil || len(paths) == 0 {
		t.Fatal("no scripts", err)
	}
	all := map[string]string{}
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		all[filepath.Base(path)] = string(text)
	}
	return all
}

// TestScriptsNeedNoNetwork looks for modules that k6 would fetch.
func TestScriptsNeedNoNetwork(t *testing.T) {
	t.Parallel()
	for name, text := range scripts(t) {
		for line := range strings.Lines(text) {
			_, from, imported := strings.Cut(line, " from '")
			if imported && !strings.HasPrefix(from, "./") && !strings.HasPrefix(from, "k6") {
				t.Errorf("%s: %s", name, line)
			}
		}
	}
}

func TestParse(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s, err := parse([]string{"-profile", "rate", "-rate", "7", "-data-dir", dir, "-reports", filepath.Join(dir, "reports")}, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	if s.duration != 2*time.Minute || s.rate != 7 || s.plan.Claims != 5_000_000 || s.dashboard != 5665 {
		t.Errorf("%+v", s)
	}
	there := seed.World{Seed: 9, Customers: []*seed.Facts{{Claims: 70}, {Claims: 30}}}
	if err := there.Keep(dir); err != nil {
		t.Fatal(err)
	}
	if s, err = parse([]string{"-data-dir", dir, "-reports", dir}, io.Discard); err != nil || s.plan != there.Plan() {
		t.Errorf("%v: what is there was not taken: %+v", err, s.plan)
	}
	if s, err = parse([]string{"-data-dir", dir, "-reports", dir, "-claims", "2000000"}, io.Discard); err != nil || s.plan.Claims != 2_000_000 {
		t.Errorf("%v: what was asked for was not taken: %+v", err, s.plan)
	}
	for _, args := range [][]string{
		{"-profile", "slow"}, {"-duration", "1ms"}, {"-step", "0s"}, {"-rate", "0"}, {"-users", "0"}, {"-none"}, {"-rate", "x"},
	} {
		if _, err := parse(append(args, "-reports", dir, "-data-dir", dir), io.Discard); err == nil {
			t.Errorf("%q was taken", args)
		}
	}
}

func TestReplaceBlock(t *testing.T) {
	t.Parallel()
	const document = "a\n<!-- begin: knee -->\nold\n<!-- end: knee -->\nb\n<!-- begin: rate -->\n<!-- end: rate -->\n"
	got, err := blockOf("knee").Replace(document, bodyOf("new\n\n"))
	if want := strings.Replace(document, "old", "new", 1); err != nil || got != want {
		t.Errorf("%v, %q, want %q", err, got, want)
	}
	if got, err = blockOf("knee").Replace(got, bodyOf("new")); err != nil || got != strings.Replace(document, "old", "new", 1) {
		t.Errorf("a second time: %v, %q", err, got)
	}
	for _, block := range []string{"mixed", "kne"} {
		if _, err := blockOf(block).Replace(document, bodyOf("")); err == nil {
			t.Errorf("a place for %s was found", block)
		}
	}
}

// TestDocumentHasPlaces keeps -out docs/load.md working.
func TestDocumentHasPlaces(t *testing.T) {
	t.Parallel()
	document, err := os.ReadFile(filepath.Join("..", "..", "docs", "load.md"))
	if err != nil {
		t.Fatal(err)
	}
	for _, block := range []string{profileMixed, profileRate, profileKnee} {
		if _, err := blockOf(block).Replace(string(document), bodyOf("")); err != nil {
			t.Error(err)
		}
	}
}

func TestPoolOf(t *testing.T) {
	t.Parallel()
	const metrics = `# HELP upstream_pool_acquired_total How often.
# TYPE upstream_pool_acquired_total counter
upstream_pool_acquired_total 1332
upstream_pool_connections{state="idle"} 3
upstream_pool_wait_seconds_total 1.5e-02
upstream_pool_waited_total 12
`
	got, err := poolOf(strings.NewReader(metrics))
	if want := (pool{known: true, acquired: 1332, waited: 12, wait: 15 * time.Millisecond}); err != nil || got != want {
		t.Errorf("%v, %+v, want %+v", err, got, want)
	}
	for _, bad := range []string{"", strings.Replace(metrics, "1332", "many", 1), strings.Replace(metrics, "upstream_pool_waited", "other", 1)} {
		if _, err := poolOf(strings.NewReader(bad)); err == nil {
			t.Errorf("taken: %s", bad)
		}
	}
}

func TestLatencyOf(t *testing.T) {
	t.Parallel()
	var took []time.Duration
	for i := 100; i >= 1; i-- {
		took = append(took, time.Duration(i)*time.Millisecond)
	}
	if got, want := latencyOf(took), (latency{count: 100, p50: 51, p95: 96, p99: 100, max: 100}); got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
	if got := latencyOf(nil); got != (latency{}) {
		t.Errorf("of none: %+v", got)
	}
}

func TestCalibrate(t *testing.T) {
	t.Parallel()
	db := testdb.New(t)
	failed := errors.New("failed")
	got, err := calibrate(context.Background(), db.Owner, func() error {
		// Until the statement has certainly been run.
		_, err := db.Owner.Exec(context.Background(), `SELECT pg_sleep(0.3)`)
		return errors.Join(err, failed)
	})
	if !errors.Is(err, failed) {
		t.Errorf("the failure of the work was lost: %v", err)
	}
	if got.count < 1 || got.p50 <= 0 || got.p95 < got.p50 {
		t.Errorf("%+v", got)
	}
}

// TestProcessorTimes has the database and this process calculate.
func TestProcessorTimes(t *testing.T) {
	t.Parallel()
	if runtime.GOOS != "linux" {
		t.Skip("processor times of others are told on Linux only")
	}
	db := testdb.New(t)
	ctx := context.Background()
	pid, err := postmaster(ctx, db.Owner)
	if err != nil {
		t.Fatal(err)
	}
	times := func() (self, server, machine time.Duration) {
		t.Helper()
		var failures [3]error
		self, failures[0] = timeOf(os.Getpid())
		server, failures[1] = timeOfServer(pid)
		machine, failures[2] = timeOfMachine()
		if err := errors.Join(failures[:]...); err != nil {
			t.Fatal(err)
		}
		return self, server, machine
	}
	self, server, machine := times()
	if _, err := db.Owner.Exec(ctx, `SELECT count(*) FROM generate_series(1, 3000000) i WHERE sqrt(i) > 7`); err != nil {
		t.Fatal(err)
	}
	selfNow, serverNow, machineNow := times()
	if serverNow-server <= 0 || machineNow-machine < serverNow-server || selfNow < self {
		t.Errorf("server %v, this process %v, machine %v", serverNow-server, selfNow-self, machineNow-machine)
	}
	const none = 1 << 30 // above every limit of process numbers
	if _, err := timeOf(none); err == nil {
		t.Error("a process that is none has a time")
	}
}
