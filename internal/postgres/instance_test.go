//go:build linux || darwin || freebsd

package postgres

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	"upstream/internal/await"
)

//nolint:tparallel // its steps share one server, which ends before the last ones
func TestInstanceLifecycle(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(openDir(t), "my data+100%")
	first := start(t, Options{DataDir: dir, MaxConnections: 17})

	t.Run("settings", func(t *testing.T) {
		for query, want := range map[string]string{
			"SHOW fsync":                   "on",
			"SHOW synchronous_commit":      "on",
			"SHOW full_page_writes":        "on",
			"SHOW data_checksums":          "on",
			"SHOW max_connections":         "17",
			"SHOW listen_addresses":        "",
			"SHOW server_encoding":         "UTF8",
			"SHOW timezone":                "UTC",
			"SHOW log_error_verbosity":     "terse",
			"SHOW unix_socket_directories": filepath.Join(dir, socketDir),
			"SELECT datcollate || datctype FROM pg_database WHERE datname = 'upstream'":                         "CC",
			"SELECT pg_get_userbyid(datdba) FROM pg_database WHERE datname = 'upstream'":                        OwnerRole,
			"SELECT string_agg(DISTINCT auth_method, ',') FROM pg_hba_file_rules":                               "scram-sha-256",
			"SELECT count(*)::text FROM pg_authid WHERE rolcanlogin AND rolpassword NOT LIKE 'SCRAM-SHA-256$%'": "0",
		} {
			if got := ask(t, first.AdminURL(), query); got != want {
				t.Errorf("%s: %q, want %q", query, got, want)
			}
		}
	})
	t.Run("roles", func(t *testing.T) {
		for url, want := range map[string]string{
			first.OwnerURL(): OwnerRole + " upstream f,f,f,f",
			first.AppURL():   AppRole + " upstream f,f,f,f",
			first.AdminURL(): AdminRole + " postgres t,t,t,t",
		} {
			got := ask(t, url, `SELECT concat_ws(' ', rolname, current_database(),
				concat_ws(',', rolsuper, rolbypassrls, rolcreatedb, rolcreaterole)) FROM pg_roles WHERE rolname = current_user`)
			if got != want {
				t.Errorf("%q, want %q", got, want)
			}
		}
	})
	t.Run("no password, no entry", func(t *testing.T) {
		url := first.at.url(AdminRole, "wrong", "postgres")
		if _, err := OpenPool(t.Context(), url, PoolOptions{}); !errors.Is(err, ErrPassword) {
			t.Errorf("a wrong password gave %v", err)
		}
	})
	t.Run("files are private", func(t *testing.T) { checkPrivate(t, dir) })
	t.Run("away from our terminal", func(t *testing.T) {
		pid := first.server.cmd.Process.Pid
		if group, err := syscall.Getpgid(pid); err != nil || group != pid {
			t.Errorf("process group of %d is %d (%v)", pid, group, err)
		}
	})
	t.Run("in use", func(t *testing.T) {
		_, err := Start(t.Context(), Options{DataDir: dir})
		if !errors.Is(err, ErrDataDirInUse) || !strings.Contains(err.Error(), fmt.Sprintf("process %d", os.Getpid())) {
			t.Errorf("a second start gave %v", err)
		}
	})
	t.Run("joined", func(t *testing.T) { checkJoin(t, first, dir) })

	run(t, first.OwnerURL(), "CREATE TABLE kept (v text)", "INSERT INTO kept VALUES ('still here')")
	mustStop(t, first)
	mustStop(t, first) // twice is once
	if err := first.Err(); err != nil {
		t.Errorf("a clean stop left %v", err)
	}
	if _, ok, err := Join(t.Context(), dir); ok || err != nil {
		t.Errorf("join after the stop: %v, %v", ok, err)
	}

	second := start(t, Options{DataDir: dir})
	if got := ask(t, second.OwnerURL(), "SELECT v FROM kept"); got != "still here" {
		t.Errorf("after the second start: %q", got)
	}
	if _, err := os.Stat(filepath.Join(dir, oldLogName)); err != nil {
		t.Errorf("the log was not rotated: %v", err)
	}
}

// checkPrivate demands that no file or socket of the directory can be read by
// others, the cluster's own files included.
func checkPrivate(t *testing.T, dir string) {
	t.Helper()
	for _, name := range []string{passwordsName, serverName, logName, lockName, clusterDir, socketDir} {
		info, err := os.Stat(filepath.Join(dir, name))
		if err != nil {
			t.Error(err)
			continue
		}
		if info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s has mode %v", name, info.Mode())
		}
	}
}

func checkJoin(t *testing.T, running *Instance, dir string) {
	t.Helper()
	joined, ok, err := Join(t.Context(), dir)
	if err != nil || !ok {
		t.Fatalf("join: %v, %v", ok, err)
	}
	want := []string{running.OwnerURL(), running.AppURL(), running.AdminURL(), running.Version()}
	got := []string{joined.OwnerURL(), joined.AppURL(), joined.AdminURL(), joined.Version()}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if !joined.Joined() || running.Joined() {
		t.Error("only the second is joined")
	}
	if err := joined.Stop(t.Context()); err != nil {
		t.Error(err)
	}
	if got := ask(t, running.AppURL(), "SELECT 'up'"); got != "up" || joined.Done() != nil || joined.Err() != nil {
		t.Error("stopping a joined instance must leave the server alone")
	}
}

func TestInstanceStopsWhenParentIsKilled(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(openDir(t), "data")
	helper := startHelper(t, dir)

	joined, ok, err := Join(t.Context(), dir)
	if err != nil || !ok {
		t.Fatalf("join: %v, %v", ok, err)
	}
	run(t, joined.OwnerURL(), "CREATE TABLE kept (v text)", "INSERT INTO kept VALUES ('committed')")
	pid := serverPID(t, dir)
	if err := helper.Process.Signal(syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	await.Until(t, "the end of the server", func() bool { return !runsCluster(pid, filepath.Join(dir, clusterDir)) })

	again := start(t, Options{DataDir: dir})
	if got := ask(t, again.OwnerURL(), "SELECT v FROM kept"); got != "committed" {
		t.Errorf("after the kill: %q", got)
	}
}

// A start that comes while the orphan is still on its way down waits for it.
func TestInstanceStartsRightAfterParentWasKilled(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(openDir(t), "data")
	helper := startHelper(t, dir)
	if err := helper.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = helper.Wait()
	again := start(t, Options{DataDir: dir})
	if got := ask(t, again.AppURL(), "SELECT 'up'"); got != "up" {
		t.Error(got)
	}
}

func TestInstanceReportsKilledServerAndRecovers(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(openDir(t), "data")
	first, err := Start(t.Context(), Options{DataDir: dir})
	if err != nil {
		t.Fatal(err)
	}
	run(t, first.OwnerURL(), "CREATE TABLE kept (v text)", "INSERT INTO kept VALUES ('committed')")
	if err := syscall.Kill(first.server.cmd.Process.Pid, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	<-first.Done()
	if err := first.Err(); err == nil || !strings.Contains(err.Error(), "ended by itself: signal: killed") {
		t.Errorf("a killed server gave %v", err)
	}
	if _, ok, err := Join(t.Context(), dir); ok || err != nil {
		t.Errorf("join a dead server: %v, %v", ok, err)
	}
	// Its children notice a moment later, and until then hold its memory.
	var again *Instance
	await.Until(t, "a recovered server", func() bool {
		again, err = Start(t.Context(), Options{DataDir: dir})
		return err == nil
	})
	defer mustStop(t, again)
	if got := ask(t, again.OwnerURL(), "SELECT v FROM kept"); got != "committed" {
		t.Errorf("after the crash: %q", got)
	}
}

func TestInstanceStopsHardWhenContextEnds(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(openDir(t), "data")
	instance, err := Start(t.Context(), Options{DataDir: dir, Fast: true})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(errors.New("out of patience"))
	// A stopped process takes no notice of the first signal.
	if err := syscall.Kill(instance.server.cmd.Process.Pid, syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	if err := instance.Stop(ctx); err == nil || !strings.Contains(err.Error(), "stopped hard: out of patience") {
		t.Errorf("stop: %v", err)
	}
	select {
	case <-instance.Done():
	default:
		t.Error("the server is not done")
	}
}

// A path too long for a socket is served on a loopback port, with passwords.
func TestInstanceOnLoopbackPort(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(openDir(t), strings.Repeat("long-", 20))
	instance := start(t, Options{DataDir: dir, Fast: true})
	if got := ask(t, instance.AppURL(), "SELECT host(inet_server_addr())"); got != "127.0.0.1" {
		t.Errorf("served at %q", got)
	}
	if got := ask(t, instance.AdminURL(), "SHOW fsync"); got != "off" {
		t.Errorf("fsync of a fast server is %s", got)
	}
	url := instance.at.url(AppRole, "", DatabaseName)
	if conn, err := pgx.Connect(t.Context(), url); err == nil {
		_ = conn.Close(t.Context())
		t.Error("a connection without a password was let in")
	}
}

func TestStartRefusesForeignDataDirectories(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		version *string
		binDir  string
		want    string
	}{
		"too old":        {version: new("14\n"), want: "was initialised by PostgreSQL 14, and PostgreSQL 15 or later is needed"},
		"no cluster":     {want: "is no PostgreSQL data directory"},
		"not a number":   {version: new("x\n"), want: "no version number"},
		"another major":  {version: new("99\n"), want: "which PostgreSQL 99 initialised", binDir: "installed"},
		"unfetched":      {version: new("99\n"), want: "PostgreSQL 99 is not among the versions that can be fetched"},
		"lost passwords": {version: new("installed"), want: passwordsName + " is missing"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := openDir(t)
			installed := installedBinaries(t)
			if err := os.Mkdir(filepath.Join(dir, clusterDir), 0o700); err != nil {
				t.Fatal(err)
			}
			if c.version != nil {
				content := strings.Replace(*c.version, "installed", strconv.Itoa(installed.major), 1)
				writeFile(t, filepath.Join(dir, clusterDir, "PG_VERSION"), content, 0o600)
			}
			o := Options{DataDir: dir, CacheDir: filepath.Join(dir, "cache")}
			if c.binDir != "" {
				o.BinDir = installed.dir
			}
			if _, err := Start(t.Context(), o); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want %q", err, c.want)
			}
		})
	}
}

func TestStartShowsTheLogOfAFailedServer(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(openDir(t), "data")
	mustStop(t, start(t, Options{DataDir: dir, Fast: true}))
	if err := os.Remove(filepath.Join(dir, clusterDir, "global", "pg_control")); err != nil {
		t.Fatal(err)
	}
	_, err := Start(t.Context(), Options{DataDir: dir, Fast: true})
	if err == nil || !strings.Contains(err.Error(), "did not start: exit status") ||
		!strings.Contains(err.Error(), "could not find the database system") {
		t.Errorf("got %v", err)
	}
	checkUnlocked(t, dir)
}

func TestStartShowsWhyInitdbFailed(t *testing.T) {
	t.Parallel()
	dir := openDir(t)
	bin := fakeBinaries(t, dir, "99.1")
	writeProgram(t, filepath.Join(bin, "initdb"), "#!/bin/sh\necho 'No space left on device' >&2\nexit 3\n")
	data := filepath.Join(dir, "data")
	_, err := Start(t.Context(), Options{DataDir: data, BinDir: bin})
	if err == nil || !strings.Contains(err.Error(), "exit status 3") || !strings.Contains(err.Error(), "No space left on device") {
		t.Errorf("got %v", err)
	}
	if left, _ := filepath.Glob(filepath.Join(data, initPattern)); len(left) != 0 {
		t.Errorf("left behind: %v", left)
	}
	checkUnlocked(t, data)
}

func TestStartEndsWithItsContext(t *testing.T) {
	t.Parallel()
	dir := openDir(t)
	bin := fakeBinaries(t, dir, "99.1")
	begun := filepath.Join(dir, "begun")
	writeFile(t, begun, "", 0o666)
	if err := os.Chmod(begun, 0o666); err != nil {
		t.Fatal(err)
	}
	writeProgram(t, filepath.Join(bin, "initdb"), "#!/bin/sh\necho yes > "+begun+"\nexec sleep 600\n")
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var group sync.WaitGroup
	group.Go(func() {
		defer cancel()
		await.Until(t, "initdb", func() bool { info, err := os.Stat(begun); return err == nil && info.Size() > 0 })
	})
	data := filepath.Join(dir, "data")
	_, err := Start(ctx, Options{DataDir: data, BinDir: bin})
	group.Wait()
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	checkUnlocked(t, data)
}

func TestStartRecoversFromAnInterruptedFirstStart(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(openDir(t), "data")
	if err := os.MkdirAll(filepath.Join(dir, "init-123", clusterDir), 0o755); err != nil {
		t.Fatal(err)
	}
	first := start(t, Options{DataDir: dir, Fast: true})
	if left, _ := filepath.Glob(filepath.Join(dir, initPattern)); len(left) != 0 {
		t.Errorf("left behind: %v", left)
	}
	// As if it had been killed between creating the roles and the database.
	run(t, first.AdminURL(), "DROP DATABASE upstream", "DROP ROLE upstream_app")
	mustStop(t, first)
	second := start(t, Options{DataDir: dir, Fast: true})
	if got := ask(t, second.AppURL(), "SELECT current_user::text"); got != AppRole {
		t.Error(got)
	}
}

// After a reboot the process id in a stale postmaster.pid can belong to any
// process of the same account; PostgreSQL alone would refuse to start.
func TestStartIgnoresAReusedProcessID(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(openDir(t), "data")
	first := start(t, Options{DataDir: dir, Fast: true})
	pidPath := filepath.Join(dir, clusterDir, "postmaster.pid")
	content, err := os.ReadFile(pidPath)
	if err != nil {
		t.Fatal(err)
	}
	acct := first.server.dir.acct
	mustStop(t, first)

	bystander := exec.Command("sleep", "600")
	acct.adopt(bystander)
	if err := bystander.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		_ = bystander.Process.Kill()
		_ = bystander.Wait()
	}()
	_, rest, _ := strings.Cut(string(content), "\n")
	writeFile(t, pidPath, fmt.Sprintf("%d\n%s", bystander.Process.Pid, rest), 0o600)
	if err := acct.own(pidPath); err != nil {
		t.Fatal(err)
	}
	second := start(t, Options{DataDir: dir, Fast: true})
	if got := ask(t, second.AppURL(), "SELECT 'up'"); got != "up" {
		t.Error(got)
	}
	if !alive(bystander.Process.Pid) {
		t.Error("the bystander was harmed")
	}
}

// A server somebody started by hand on the cluster is left alone.
func TestStartRefusesAClusterServedByHand(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(openDir(t), "data")
	first := start(t, Options{DataDir: dir, Fast: true})
	acct := first.server.dir.acct
	mustStop(t, first)

	byHand := exec.Command(installedBinaries(t).path("postgres"), serverArgs(filepath.Join(dir, clusterDir),
		endpoint{Host: filepath.Join(dir, socketDir), Port: socketPort}, Options{MaxConnections: 10})...)
	acct.adopt(byHand)
	byHand.Dir = dir
	if err := byHand.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		_ = byHand.Process.Signal(syscall.SIGINT)
		_ = byHand.Wait()
	}()
	await.Until(t, "the server", func() bool { return first.answers(t.Context()) == nil })
	_, err := Start(t.Context(), Options{DataDir: dir})
	if !errors.Is(err, ErrDataDirInUse) || !strings.Contains(err.Error(), strconv.Itoa(byHand.Process.Pid)) {
		t.Errorf("got %v", err)
	}
	if !alive(byHand.Process.Pid) {
		t.Error("the server was stopped")
	}
}

func TestStartOrJoinSharesOneServer(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(openDir(t), "data")
	var group sync.WaitGroup
	instances, errs := make([]*Instance, 3), make([]error, 3)
	for n := range instances {
		group.Go(func() { instances[n], errs[n] = StartOrJoin(t.Context(), Options{DataDir: dir, Fast: true}) })
	}
	group.Wait()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
	starters := 0
	for _, instance := range instances {
		if got := ask(t, instance.AppURL(), "SELECT 'up'"); got != "up" {
			t.Error(got)
		}
		if !instance.Joined() {
			starters++
			defer mustStop(t, instance)
		}
	}
	if starters != 1 {
		t.Errorf("%d servers were started", starters)
	}
}

func TestStartOrJoinGivesUpOnAStuckHolder(t *testing.T) {
	t.Parallel()
	dir := openDir(t)
	lock, err := lockFile(filepath.Join(dir, lockName))
	if err != nil {
		t.Fatal(err)
	}
	defer unlock(lock)
	_, err = StartOrJoin(t.Context(), Options{DataDir: dir, StartTimeout: 10 * pollInterval})
	if !errors.Is(err, ErrDataDirInUse) {
		t.Errorf("got %v", err)
	}
}

func TestStartNeedsADataDirectory(t *testing.T) {
	t.Parallel()
	if _, err := Start(t.Context(), Options{}); err == nil {
		t.Error("no directory was accepted")
	}
	file := filepath.Join(t.TempDir(), "file")
	writeFile(t, file, "", 0o600)
	if _, err := Start(t.Context(), Options{DataDir: file}); err == nil {
		t.Error("a file was accepted")
	}
}

func TestJoinReportsUnreadableFiles(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	writeFile(t, filepath.Join(dir, serverName), "{", 0o600)
	if _, ok, err := Join(t.Context(), dir); ok || err == nil {
		t.Errorf("got %v, %v", ok, err)
	}
	if _, ok, err := Join(t.Context(), filepath.Join(dir, "missing")); ok || err != nil {
		t.Errorf("a missing directory gave %v, %v", ok, err)
	}
}

func serverPID(t *testing.T, dir string) int {
	t.Helper()
	var file serverFile
	if err := readJSON(filepath.Join(dir, serverName), &file); err != nil {
		t.Fatal(err)
	}
	return file.PID
}

func checkUnlocked(t *testing.T, dir string) {
	t.Helper()
	lock, err := lockFile(filepath.Join(dir, lockName))
	if err != nil {
		t.Fatalf("the directory is still locked: %v", err)
	}
	unlock(lock)
	if file, err := readPIDFile(filepath.Join(dir, clusterDir)); !errors.Is(err, fs.ErrNotExist) && alive(file.pid) {
		t.Errorf("process %d still runs", file.pid)
	}
}

func writeFile(t *testing.T, path, content string, mode os.FileMode) {
	t.Helper()
	if err := os.WriteFile(path, []byte(content), mode); err != nil {
		t.Fatal(err)
	}
}

// writeProgram writes a script to be run. The shell does the writing: were the
// file open in this process, a process that another test is starting would have
// it open too, and the system refuses to run what is open for writing.
func writeProgram(t *testing.T, path, content string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "/bin/sh", "-c", `cat > "$1" && chmod 755 "$1"`, "sh", path)
	cmd.Stdin = strings.NewReader(content)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
}
