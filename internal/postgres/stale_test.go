//go:build linux || darwin || freebsd

package postgres

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

func TestReadPIDFile(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		content string
		want    pidFile
		fails   bool
	}{
		"running": {
			content: "123\n/data\n1700000000\n5432\n/run\n\n  5432001    262144\nready   \n",
			want:    pidFile{pid: 123, started: "1700000000", status: "ready"},
		},
		"starting":   {content: "123\n/data\n1700000000\n5432\n/run\n\n  5432001    262144\nstarting\n", want: pidFile{pid: 123, started: "1700000000", status: "starting"}},
		"just begun": {content: "123\n/data\n1700000000\n", want: pidFile{pid: 123, started: "1700000000"}},
		"one line":   {content: "123", want: pidFile{pid: 123}},
		"empty":      {content: "", fails: true},
		"garbled":    {content: "abc\n", fails: true},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			writeFile(t, filepath.Join(dir, "postmaster.pid"), c.content, 0o600)
			got, err := readPIDFile(dir)
			if got != c.want || (err != nil) != c.fails {
				t.Errorf("got %+v, %v", got, err)
			}
		})
	}
	if _, err := readPIDFile(t.TempDir()); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("without a file: %v", err)
	}
}

// The lines after the process id must survive: one of them names the shared
// memory by which PostgreSQL recognises backends that outlived their server.
func TestDisownPIDFileKeepsTheRest(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := disownPIDFile(dir); err != nil {
		t.Errorf("without a file: %v", err)
	}
	path := filepath.Join(dir, "postmaster.pid")
	const rest = "\n/data\n1700000000\n5432\n/run\n\n  5432001    262144\nready\n"
	writeFile(t, path, "123"+rest, 0o600)
	if err := disownPIDFile(dir); err != nil {
		t.Fatal(err)
	}
	content, err := os.ReadFile(path)
	if want := strconv.Itoa(os.Getpid()) + rest; err != nil || string(content) != want {
		t.Errorf("got %q, %v", content, err)
	}
}

func TestRunsCluster(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(openDir(t), "data")
	instance := start(t, Options{DataDir: dir, Fast: true})
	pid, cluster := instance.server.cmd.Process.Pid, filepath.Join(dir, clusterDir)
	if !runsCluster(pid, cluster) {
		t.Error("the server does not run its own cluster")
	}
	for name, other := range map[string]int{"nobody": 0, "negative": -1, "this test": os.Getpid()} {
		if runsCluster(other, cluster) {
			t.Errorf("%s (%d) runs the cluster", name, other)
		}
	}
	if runsCluster(pid, t.TempDir()) {
		t.Error("the server runs a cluster that is not its own")
	}
	mustStop(t, instance)
	if runsCluster(pid, cluster) {
		t.Error("a stopped server runs the cluster")
	}
}

// When the watchdog is killed together with its parent, nobody stops the server
// but the next start, which knows it by the record of the last holder.
func TestSettleStopsAnOrphanOfOurs(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(openDir(t), "data")
	orphan, err := Start(t.Context(), Options{DataDir: dir, Fast: true})
	if err != nil {
		t.Fatal(err)
	}
	d := &dataDir{root: dir, acct: orphan.server.dir.acct}
	if err := d.settle(t.Context()); err != nil {
		t.Fatal(err)
	}
	<-orphan.Done()
	if err := orphan.Err(); err == nil || !strings.Contains(err.Error(), errStopped.Error()) {
		t.Errorf("the orphan ended with %v", err)
	}
	if err := d.settle(t.Context()); err != nil {
		t.Errorf("with nothing left to settle: %v", err)
	}
}

func TestSettleReportsAGarbledFile(t *testing.T) {
	t.Parallel()
	d := &dataDir{root: t.TempDir()}
	if err := os.Mkdir(d.path(clusterDir), 0o700); err != nil {
		t.Fatal(err)
	}
	writeFile(t, filepath.Join(d.path(clusterDir), "postmaster.pid"), "?\n", 0o600)
	if err := d.settle(t.Context()); err == nil || !strings.Contains(err.Error(), "postmaster.pid begins with") {
		t.Errorf("got %v", err)
	}
}

func TestPoll(t *testing.T) {
	t.Parallel()
	broken := errors.New("broken")
	stopped := make(chan struct{})
	close(stopped)
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	never := func() (bool, error) { return false, nil }
	calls := 0
	third := func() (bool, error) { calls++; return calls == 3, nil }

	if err := poll(t.Context(), nil, third); err != nil || calls != 3 {
		t.Errorf("%d calls, %v", calls, err)
	}
	if err := poll(t.Context(), nil, func() (bool, error) { return false, broken }); !errors.Is(err, broken) {
		t.Errorf("a failed check: %v", err)
	}
	if err := poll(t.Context(), stopped, never); !errors.Is(err, errStopped) {
		t.Errorf("stopped: %v", err)
	}
	if err := poll(ended, nil, never); !errors.Is(err, context.Canceled) {
		t.Errorf("ended: %v", err)
	}
	// What is true already needs neither time nor a living context.
	if err := poll(ended, stopped, func() (bool, error) { return true, nil }); err != nil {
		t.Errorf("true at once: %v", err)
	}
}
