//go:build linux || darwin || freebsd

package postgres

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
)

// nobodyID is the user and group of the account nobody.
const nobodyID = 65534

func isRoot() bool { return os.Geteuid() == 0 }

// Root's tests run the server under another account; this one runs the same
// tests again as an ordinary user.
func TestAsOrdinaryUser(t *testing.T) {
	if !isRoot() {
		t.Log("these tests already run as an ordinary user")
		return
	}
	t.Parallel()
	dir := openDir(t)
	program := filepath.Join(dir, "tests") // the original is in a directory of root's
	// Not by our own hand: see writeProgram.
	if out, err := exec.CommandContext(t.Context(), "cp", os.Args[0], program).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	home := filepath.Join(dir, "home")
	if err := os.Mkdir(home, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Chown(home, nobodyID, nobodyID); err != nil {
		t.Fatal(err)
	}
	tests := []string{
		"TestInstanceLifecycle", "TestInstanceStopsWhenParentIsKilled", "TestInstanceOnLoopbackPort",
		"TestStartIgnoresAReusedProcessID", "TestStartShowsTheLogOfAFailedServer", "TestDefaultDirs", "TestDataDirMustBeWritable",
	}
	cmd := exec.CommandContext(t.Context(), program, "-test.v", "-test.run=^("+strings.Join(tests, "|")+")$")
	cmd.Dir = dir
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + home}
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobodyID, Gid: nobodyID}}
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

func TestDefaultDirs(t *testing.T) {
	t.Parallel()
	data, err := DefaultDataDir()
	if err != nil {
		t.Fatal(err)
	}
	cache, err := DefaultCacheDir()
	if err != nil {
		t.Fatal(err)
	}
	home, _ := os.UserHomeDir()
	for _, dir := range []string{data, cache} {
		if filepath.Base(dir) != "upstream" || !filepath.IsAbs(dir) {
			t.Errorf("got %s", dir)
		}
		if inHome := home != "" && strings.HasPrefix(dir, home+"/"); inHome == isRoot() && os.Getenv("XDG_STATE_HOME") == "" {
			t.Errorf("%s for home %s, root %v", dir, home, isRoot())
		}
	}
}

func TestDataDirMustBeWritable(t *testing.T) {
	t.Parallel()
	dir := openDir(t)
	if isRoot() {
		// For root nothing is closed; what counts is the account of the server.
		closed := filepath.Join(dir, "closed")
		if err := os.Mkdir(closed, 0o700); err != nil {
			t.Fatal(err)
		}
		_, err := Start(t.Context(), Options{DataDir: filepath.Join(closed, "data")})
		if err == nil || !strings.Contains(err.Error(), "may not enter "+closed+": choose another data directory") {
			t.Errorf("got %v", err)
		}
		return
	}
	if err := os.Chmod(dir, 0o500); err != nil {
		t.Fatal(err)
	}
	_, err := Start(t.Context(), Options{DataDir: filepath.Join(dir, "data")})
	if err == nil || !strings.Contains(err.Error(), "create the data directory") {
		t.Errorf("got %v", err)
	}
}

func TestChooseAccount(t *testing.T) {
	t.Parallel()
	dir := openDir(t)
	if !isRoot() {
		if acct, err := chooseAccount(dir, "postgres"); err != nil || acct.drop {
			t.Errorf("an ordinary user became %+v, %v", acct, err)
		}
		return
	}
	owned := filepath.Join(dir, "owned")
	cluster := filepath.Join(owned, clusterDir)
	if err := os.MkdirAll(cluster, 0o755); err != nil {
		t.Fatal(err)
	}
	cases := []struct {
		name    string
		prepare func() error
		dir     string
		runAs   string
		uid     uint32
		fails   bool
	}{
		{name: "by name", dir: dir, runAs: "nobody", uid: nobodyID},
		{name: "root's directories", dir: owned, runAs: "nobody", uid: nobodyID},
		{name: "nobody of that name", dir: dir, runAs: "no-such-account", fails: true},
		{name: "root", dir: dir, runAs: "root", fails: true},
		{name: "owner of the directory", prepare: func() error { return os.Chown(owned, 12345, 12345) }, dir: owned, runAs: "nobody", uid: 12345},
		{name: "owner of the cluster", prepare: func() error { return os.Chown(cluster, 23456, 23456) }, dir: owned, runAs: "nobody", uid: 23456},
	}
	for _, c := range cases { // in this order
		if c.prepare != nil {
			if err := c.prepare(); err != nil {
				t.Fatal(err)
			}
		}
		acct, err := chooseAccount(c.dir, c.runAs)
		if (err != nil) != c.fails || acct.uid != c.uid || acct.drop == c.fails {
			t.Errorf("%s: %+v, %v", c.name, acct, err)
		}
	}
}

// A directory that an ordinary user began can be used by root, and then by the
// user again.
func TestRootLeavesAUsersDirectoryToItsOwner(t *testing.T) {
	if !isRoot() {
		t.Log("only root can give files away")
		return
	}
	t.Parallel()
	dir := filepath.Join(openDir(t), "data")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Chown(dir, nobodyID, nobodyID); err != nil {
		t.Fatal(err)
	}
	instance := start(t, Options{DataDir: dir, Fast: true})
	if got := ask(t, instance.AppURL(), "SELECT 'up'"); got != "up" {
		t.Error(got)
	}
	for _, name := range []string{passwordsName, serverName, logName, lockName, clusterDir, socketDir} {
		if uid, _, ok := ownerOf(filepath.Join(dir, name)); !ok || uid != nobodyID {
			t.Errorf("%s belongs to %d", name, uid)
		}
	}
}

func TestClosedTo(t *testing.T) {
	t.Parallel()
	base := openDir(t)
	uid, gid := uint32(os.Geteuid()), uint32(os.Getegid())
	deep := filepath.Join(base, "a", "b")
	if err := os.MkdirAll(deep, 0o755); err != nil {
		t.Fatal(err)
	}
	cases := map[string]struct {
		mode os.FileMode
		acct account
		open bool
	}{
		"others may":       {0o701, account{uid: 12345, gid: 12345, drop: true}, true},
		"others may not":   {0o770, account{uid: 12345, gid: 12345, drop: true}, false},
		"group may":        {0o710, account{uid: 12345, gid: gid, drop: true}, true},
		"group may not":    {0o705, account{uid: 12345, gid: gid, drop: true}, false},
		"owner may":        {0o700, account{uid: uid, gid: 12345, drop: true}, true},
		"no other account": {0o000, account{}, true},
	}
	for name, c := range cases { // one after the other: they share the directory
		if err := os.Chmod(filepath.Join(base, "a"), c.mode); err != nil {
			t.Fatal(err)
		}
		want := ""
		if !c.open {
			want = filepath.Join(base, "a")
		}
		if got := c.acct.closedTo(deep); got != want && got != filepath.Dir(base) {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	if err := os.Chmod(filepath.Join(base, "a"), 0o700); err != nil {
		t.Fatal(err)
	}
}

func TestServerEnvironHoldsNoSecrets(t *testing.T) {
	t.Setenv("PGDATA", "/elsewhere")
	t.Setenv("UPSTREAM_SECRET_KEY", "hush")
	t.Setenv("LC_ALL", "de_DE.UTF-8")
	env := serverEnviron()
	if !slices.Contains(env, "LC_ALL=C") || !slices.Contains(env, "PATH="+os.Getenv("PATH")) {
		t.Errorf("got %v", env)
	}
	if text := fmt.Sprint(env); strings.Contains(text, "hush") || strings.Contains(text, "PGDATA") || strings.Contains(text, "de_DE") {
		t.Errorf("got %v", env)
	}
}
