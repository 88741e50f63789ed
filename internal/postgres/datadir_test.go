//go:build linux || darwin || freebsd

package postgres

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestLockFile(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "lock")
	first, err := lockFile(path)
	if err != nil {
		t.Fatal(err)
	}
	_, err = lockFile(path)
	held := heldLockError{}
	if !errors.As(err, &held) || held.pid != os.Getpid() {
		t.Errorf("a second lock: %v", err)
	}
	unlock(first)
	second, err := lockFile(path)
	if err != nil {
		t.Fatalf("after unlocking: %v", err)
	}
	unlock(second)
	if _, err := lockFile(filepath.Join(path, "below-a-file")); err == nil {
		t.Error("an impossible path was locked")
	}
	link := path + "-link"
	if err := os.Symlink(path, link); err != nil {
		t.Fatal(err)
	}
	if _, err := lockFile(link); err == nil {
		t.Error("a link was followed: root could be led to write elsewhere")
	}
}

// A process that is just being started shares our open files until it runs its
// program; such a one must not keep a lock that we gave up.
func TestUnlockReachesInheritedFiles(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "lock")
	lock, err := lockFile(path)
	if err != nil {
		t.Fatal(err)
	}
	child := exec.CommandContext(t.Context(), "sleep", "600")
	child.ExtraFiles = []*os.File{lock}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		_ = child.Process.Kill()
		_ = child.Wait()
	}()
	unlock(lock)
	again, err := lockFile(path)
	if err != nil {
		t.Fatalf("the lock is held by the child: %v", err)
	}
	unlock(again)
}

func TestDataDirIsLockedWhileItHasUsers(t *testing.T) {
	t.Parallel()
	root := openDir(t)
	d, err := openDataDir(root, account{})
	if err != nil {
		t.Fatal(err)
	}
	d.retain()
	d.release()
	if _, err := openDataDir(root, account{}); !errors.Is(err, ErrDataDirInUse) || !strings.Contains(err.Error(), root) {
		t.Errorf("with one user left: %v", err)
	}
	d.release()
	again, err := openDataDir(root, account{})
	if err != nil {
		t.Fatalf("with no user left: %v", err)
	}
	again.release()
}

func TestPasswordsAreMadeOnce(t *testing.T) {
	t.Parallel()
	d := &dataDir{root: t.TempDir()}
	first, err := d.ensurePasswords()
	if err != nil {
		t.Fatal(err)
	}
	second, err := d.ensurePasswords()
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(first, second); diff != "" {
		t.Error(diff)
	}
	seen := map[string]bool{first.Admin: true, first.Owner: true, first.App: true}
	for password := range seen {
		// 192 bits in base64, and nothing that a URL or SQL would have to quote.
		if len(password) != 32 || strings.ContainsAny(password, "'\"%@:/?#&= ") {
			t.Errorf("password %q", password)
		}
	}
	if len(seen) != 3 {
		t.Errorf("%d different passwords", len(seen))
	}
	writeFile(t, d.path(passwordsName), "{", 0o600)
	if _, err := d.ensurePasswords(); err == nil || !strings.Contains(err.Error(), "read the database passwords") {
		t.Errorf("a garbled file gave %v", err)
	}
}

func TestWriteJSONReplacesTheFileWhole(t *testing.T) {
	t.Parallel()
	d := &dataDir{root: t.TempDir()}
	victim := filepath.Join(t.TempDir(), "victim")
	writeFile(t, victim, "untouched", 0o644)
	if err := os.Symlink(victim, d.path("file.json")); err != nil {
		t.Fatal(err)
	}
	if err := d.writeJSON("file.json", map[string]int{"a": 1}); err != nil {
		t.Fatal(err)
	}
	if content, err := os.ReadFile(victim); err != nil || string(content) != "untouched" {
		t.Errorf("the link was followed: %q, %v", content, err)
	}
	info, err := os.Lstat(d.path("file.json"))
	if err != nil || info.Mode() != 0o600 {
		t.Errorf("got %v, %v", info, err)
	}
	var got map[string]int
	if err := readJSON(d.path("file.json"), &got); err != nil || got["a"] != 1 {
		t.Errorf("got %v, %v", got, err)
	}
	if err := d.writeJSON("file.json", make(chan int)); err == nil {
		t.Error("a channel was written")
	}
	entries, err := os.ReadDir(d.root)
	if err != nil || len(entries) != 1 {
		t.Errorf("left behind: %v, %v", entries, err)
	}
	if err := (&dataDir{root: filepath.Join(d.root, "missing")}).writeJSON("f", 1); err == nil {
		t.Error("a file was written into a missing directory")
	}
}

func TestMakeDir(t *testing.T) {
	t.Parallel()
	base := t.TempDir()
	for _, mode := range []os.FileMode{0o700, 0o711} {
		path := filepath.Join(base, mode.String(), "data")
		if err := makeDir(path, mode); err != nil {
			t.Fatal(err)
		}
		if info, err := os.Stat(path); err != nil || info.Mode().Perm() != mode {
			t.Errorf("got %v, %v", info.Mode(), err)
		}
		// What the operator chose for an existing directory stays.
		if err := os.Chmod(path, 0o750); err != nil {
			t.Fatal(err)
		}
		if err := makeDir(path, mode); err != nil {
			t.Fatal(err)
		}
		if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o750 {
			t.Errorf("an existing directory got %v, %v", info.Mode(), err)
		}
	}
}

func TestLastLines(t *testing.T) {
	t.Parallel()
	cases := []struct {
		text string
		n    int
		want string
	}{
		{"a\nb\nc\n", 2, "  b\n  c"},
		{"a\nb\nc", 3, "  a\n  b\n  c"},
		{"a", 5, "  a"},
		{"", 5, "  "},
	}
	for _, c := range cases {
		if got := lastLines(c.text, c.n); got != c.want {
			t.Errorf("%q: %q", c.text, got)
		}
	}
}
