//go:build linux || darwin || freebsd

package testdb

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"
	"go.uber.org/goleak"

	"upstream/internal/await"
	"upstream/internal/postgres"
)

// helperEnv makes the test binary start a server below the directory it names
// and wait for a line; then it panics, as a failing test can.
const helperEnv = "UPSTREAM_TESTDB_HELPER"

func TestMain(m *testing.M) {
	if base := os.Getenv(helperEnv); base != "" {
		runHelper(base)
	}
	// pgtestdb leaves its connection open when a migration fails, which one test
	// here makes happen.
	Main(m, goleak.IgnoreTopFunction("database/sql.(*DB).connectionOpener"))
}

func runHelper(base string) {
	found, _, err := startEmbedded(context.Background(), base, "")
	if err != nil {
		_, _ = fmt.Fprintln(os.Stdout, err)
		os.Exit(1)
	}
	_, _ = fmt.Fprintln(os.Stdout, found.admin)
	_, _ = bufio.NewReader(os.Stdin).ReadString('\n')
	panic("a test went wrong")
}

// leaksOfThisProcess are the goroutines that the tests' own server keeps.
func leaksOfThisProcess() []goleak.Option { return []goleak.Option{goleak.IgnoreCurrent()} }

func openDir(t *testing.T) string {
	t.Helper()
	// t.TempDir would be closed to the account of root's server.
	dir, err := os.MkdirTemp("", "upstream-testdb-test-") //nolint:usetesting // see above
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	return dir
}

// ownServer is an embedded server of this test alone, on the shared cache.
func ownServer(t *testing.T) *server {
	t.Helper()
	on := newServer("")
	t.Cleanup(func() {
		if err := on.stop(); err != nil {
			t.Error(err)
		}
	})
	return on
}

func startInstance(t *testing.T) *postgres.Instance {
	t.Helper()
	instance, err := postgres.Start(t.Context(), postgres.Options{DataDir: filepath.Join(openDir(t), "data"), Fast: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := instance.Stop(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return instance
}

func TestEmbeddedServersShareACachedCluster(t *testing.T) {
	t.Parallel()
	base := filepath.Join(openDir(t), "base")
	_, stopFirst, err := startEmbedded(t.Context(), base, "")
	if err != nil {
		t.Fatal(err)
	}
	clusters := glob(t, base, "cluster-*")
	if len(clusters) != 1 || len(glob(t, base, "run-*")) != 2 {
		t.Fatalf("got %v", glob(t, base, "*"))
	}
	before, err := os.Stat(clusters[0])
	if err != nil {
		t.Fatal(err)
	}
	found, stopSecond, err := startEmbedded(t.Context(), base, "")
	if err != nil {
		t.Fatal(err)
	}
	if err := stopFirst(); err != nil {
		t.Error(err)
	}
	conn, err := pgx.Connect(t.Context(), found.admin.String())
	if err != nil {
		t.Fatal(err) // the second lives on
	}
	var limit string
	if err := conn.QueryRow(t.Context(), "SHOW max_connections").Scan(&limit); err != nil || limit != strconv.Itoa(maxConnections) {
		t.Errorf("max_connections %s, %v", limit, err)
	}
	_ = conn.Close(t.Context())
	if err := stopSecond(); err != nil {
		t.Error(err)
	}
	after, err := os.Stat(clusters[0])
	if err != nil || !os.SameFile(before, after) {
		t.Errorf("the cached cluster was made again: %v", err)
	}
	if left := glob(t, base, "run-*"); len(left) != 0 {
		t.Errorf("left behind: %v", left)
	}
}

func glob(t *testing.T, dir, pattern string) []string {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(dir, pattern))
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// However a test process ends, its server ends too, and the next process
// removes what it left.
func TestServerEndsWithItsProcess(t *testing.T) {
	t.Parallel()
	ends := map[string]func(*exec.Cmd, io.Writer) error{
		"killed":   func(cmd *exec.Cmd, _ io.Writer) error { return cmd.Process.Kill() },
		"panicked": func(_ *exec.Cmd, stdin io.Writer) error { _, err := io.WriteString(stdin, "\n"); return err },
	}
	base := filepath.Join(openDir(t), "base")
	for name, end := range ends { // one after the other, on one base
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), helperEnv+"="+base)
		stdin, err := cmd.StdinPipe()
		if err != nil {
			t.Fatal(err)
		}
		stdout, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		url, err := bufio.NewReader(stdout).ReadString('\n')
		if err != nil {
			t.Fatal(err)
		}
		url = strings.TrimSpace(url)
		if !answers(t, url) {
			t.Fatalf("%s: no server at %q", name, url)
		}
		if err := end(cmd, stdin); err != nil {
			t.Fatal(err)
		}
		_ = cmd.Wait()
		runs := glob(t, base, "run-*[0-9]")
		if len(runs) != 1 {
			t.Fatalf("%s: %v", name, runs)
		}
		await.Until(t, "the end of the server", func() bool {
			_, err := os.Stat(filepath.Join(runs[0], "pgdata", "postmaster.pid"))
			return os.IsNotExist(err)
		})
		if err := sweep(base); err != nil {
			t.Fatal(err)
		}
		if left := glob(t, base, "run-*"); len(left) != 0 {
			t.Errorf("%s: %v is left", name, left)
		}
	}
}

func answers(t *testing.T, url string) bool {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		return false
	}
	return conn.Close(t.Context()) == nil
}

func TestSweepKeepsWhatIsInUse(t *testing.T) {
	t.Parallel()
	base := t.TempDir()
	for _, dir := range []string{"run-dead", "run-live", "build-new", "cluster-15.0-1"} {
		if err := os.MkdirAll(filepath.Join(base, dir, "pgdata"), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	live, err := lockFile(filepath.Join(base, "run-live.lock"), syscall.LOCK_EX)
	if err != nil {
		t.Fatal(err)
	}
	defer unlock(live)
	if err := os.WriteFile(filepath.Join(base, "run-dead.lock"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := sweep(base); err != nil {
		t.Fatal(err)
	}
	want := []string{"cluster-15.0-1", "run-live", "run-live.lock"}
	left := glob(t, base, "*")
	got := make([]string, 0, len(left))
	for _, path := range left {
		got = append(got, filepath.Base(path))
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestMakeBaseRefusesWhatOthersPrepared(t *testing.T) {
	t.Parallel()
	cases := map[string]func(path string) error{
		"a link": func(path string) error { return os.Symlink(os.TempDir(), path) },
		"a file": func(path string) error { return os.WriteFile(path, nil, 0o600) },
		"open to all": func(path string) error {
			if err := os.Mkdir(path, 0o700); err != nil {
				return err
			}
			return os.Chmod(path, 0o777)
		},
	}
	for name, prepare := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "base")
			if err := prepare(path); err != nil {
				t.Fatal(err)
			}
			if err := makeBase(path); err == nil || !strings.Contains(err.Error(), "remove it") {
				t.Errorf("got %v", err)
			}
			if _, _, err := startEmbedded(t.Context(), path, ""); err == nil {
				t.Error("a server was started there")
			}
		})
	}
	fresh := filepath.Join(t.TempDir(), "base")
	for range 2 {
		if err := makeBase(fresh); err != nil {
			t.Error(err)
		}
	}
}

func TestStartEmbeddedCleansUpAfterAFailure(t *testing.T) {
	t.Parallel()
	base := filepath.Join(openDir(t), "base")
	if _, _, err := startEmbedded(t.Context(), base, filepath.Join(base, "no-postgres")); err == nil {
		t.Error("there is no PostgreSQL there")
	}
	// A cached cluster that does not start.
	_, version, err := postgres.Locate(t.Context(), postgres.Options{DataDir: base})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Join(base, "cluster-"+version+"-"+format, "pgdata"), 0o755); err != nil {
		t.Fatal(err)
	}
	if _, _, err := startEmbedded(t.Context(), base, ""); err == nil {
		t.Error("an empty cluster was started")
	}
	if left := glob(t, base, "run-*"); len(left) != 0 {
		t.Errorf("left behind: %v", left)
	}
}

func TestDefaultBase(t *testing.T) {
	elsewhere := t.TempDir()
	t.Setenv("TMPDIR", elsewhere)
	if got := defaultBase(); filepath.Dir(got) != elsewhere {
		t.Errorf("with TMPDIR: %s", got)
	}
	t.Setenv("TMPDIR", "")
	want := "/tmp"
	if freeSpace(memoryDir) >= memoryNeeded {
		want = memoryDir
	}
	if got := defaultBase(); filepath.Dir(got) != want {
		t.Errorf("without TMPDIR: %s", got)
	}
	if got := freeSpace(filepath.Join(elsewhere, "missing")); got != 0 {
		t.Errorf("free space nowhere: %d", got)
	}
	if got := freeSpace(elsewhere); got == 0 {
		t.Error("no free space for tests")
	}
}

func TestCopyTree(t *testing.T) {
	t.Parallel()
	from, to := t.TempDir(), filepath.Join(t.TempDir(), "copy")
	if err := os.MkdirAll(filepath.Join(from, "a", "b"), 0o750); err != nil {
		t.Fatal(err)
	}
	files := map[string]os.FileMode{"a/b/data": 0o600, "script": 0o755}
	for name, mode := range files {
		path := filepath.Join(from, name)
		if err := os.WriteFile(path, []byte(name), mode); err != nil {
			t.Fatal(err)
		}
		if os.Geteuid() == 0 {
			if err := os.Chown(path, 4711, 4712); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := syscall.Mkfifo(filepath.Join(from, "socket"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := copyTree(from, to); err != nil {
		t.Fatal(err)
	}
	for name, mode := range files {
		checkCopy(t, filepath.Join(to, name), name, mode)
	}
	if _, err := os.Lstat(filepath.Join(to, "socket")); !os.IsNotExist(err) {
		t.Errorf("the socket: %v", err)
	}
	if err := copyTree(from, to); err == nil {
		t.Error("an existing directory was overwritten")
	}
}

func checkCopy(t *testing.T, path, content string, mode os.FileMode) {
	t.Helper()
	got, err := os.ReadFile(path)
	if err != nil || string(got) != content {
		t.Errorf("%s: %q, %v", path, got, err)
	}
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if info.Mode().Perm() != mode {
		t.Errorf("%s: %v", path, info.Mode())
	}
	if stat, ok := info.Sys().(*syscall.Stat_t); os.Geteuid() == 0 && (!ok || stat.Uid != 4711 || stat.Gid != 4712) {
		t.Errorf("%s belongs to %d", path, stat.Uid)
	}
}

// Root's tests run the server under another account; this one runs the same
// tests again as an ordinary user, with a cache of its own.
func TestAsOrdinaryUser(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Log("these tests already run as an ordinary user")
		return
	}
	t.Parallel()
	const nobody = 65534
	dir := openDir(t)
	program := filepath.Join(dir, "tests") // the original is in a directory of root's
	// Not by our own hand: a process that another test is starting would have
	// the copy open for writing, and the system would not run it.
	if out, err := exec.CommandContext(t.Context(), "cp", os.Args[0], program).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	temp := filepath.Join(dir, "tmp")
	if err := os.Mkdir(temp, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Chown(temp, nobody, nobody); err != nil {
		t.Fatal(err)
	}
	tests := []string{"TestNewIsMigratedAndPrivate", "TestServerEndsWithItsProcess", "TestStartEmbeddedCleansUpAfterAFailure"}
	cmd := exec.CommandContext(t.Context(), program, "-test.v", "-test.run=^("+strings.Join(tests, "|")+")$")
	cmd.Dir = dir
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "TMPDIR=" + temp}
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for _, test := range tests {
		if !strings.Contains(string(out), "--- PASS: "+test+" ") {
			t.Errorf("%s did not pass:\n%s", test, out)
		}
	}
}
