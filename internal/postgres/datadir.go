//go:build linux || darwin || freebsd

package postgres

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
)

// What a data directory holds.
const (
	clusterDir    = "pgdata"
	socketDir     = "run"
	lockName      = "lock"
	passwordsName = "passwords.json"
	serverName    = "server.json"
	logName       = "postgres.log"
	oldLogName    = "postgres.log.1"
	initPattern   = "init-*"
)

// dataDir is a data directory that this process holds the lock of, as long as
// it has users: the start in progress, and the server that runs on it.
type dataDir struct {
	root  string
	acct  account
	lock  *os.File
	users atomic.Int32
}

// passwords are the random passwords of a cluster, made before it is.
type passwords struct {
	Admin string `json:"admin"`
	Owner string `json:"owner"`
	App   string `json:"app"`
}

// openDataDir creates the directory when missing, checks that the server's
// account can reach it, and locks it. The lock goes with the process, however
// it ends.
func openDataDir(root string, acct account) (*dataDir, error) {
	if err := makeDir(root, acct.dirMode()); err != nil {
		return nil, fmt.Errorf("create the data directory: %w", err)
	}
	if closed := acct.closedTo(root); closed != "" {
		return nil, fmt.Errorf("%s runs the database, because PostgreSQL refuses to run as root, but may not enter %s: "+
			"choose another data directory, such as /var/lib/upstream", acct.name, closed)
	}
	d := &dataDir{root: root, acct: acct}
	lock, err := lockFile(d.path(lockName))
	if err != nil {
		return nil, inUse(root, err)
	}
	d.lock = lock
	d.retain()
	d.keepOwner(d.path(lockName))
	return d, nil
}

// makeDir creates a directory with exactly this mode, whatever the umask is. An
// existing one keeps its own.
func makeDir(path string, mode os.FileMode) error {
	if _, err := os.Stat(path); err == nil {
		return os.MkdirAll(path, mode) // which complains when it is a file
	}
	if err := os.MkdirAll(path, mode); err != nil {
		return err
	}
	return os.Chmod(path, mode)
}

// dirMode lets the server's account pass through a directory of root's without
// reading it.
func (a account) dirMode() os.FileMode {
	if a.drop {
		return 0o711
	}
	return 0o700
}

func (d *dataDir) path(name string) string { return filepath.Join(d.root, name) }

func (d *dataDir) retain() { d.users.Add(1) }

// release gives the lock up when nobody uses the directory any more.
func (d *dataDir) release() {
	if d.users.Add(-1) == 0 {
		unlock(d.lock)
	}
}

// keepOwner gives a file that root wrote to the owner of the data directory,
// so that the owner can use the directory again without root.
func (d *dataDir) keepOwner(path string) {
	if uid, gid, ok := ownerOf(d.root); ok && d.acct.drop && uid != 0 {
		_ = os.Lchown(path, int(uid), int(gid)) // best effort: root itself can read it either way
	}
}

// heldLockError is the error of a lock another process holds.
type heldLockError struct{ pid int }

func (heldLockError) Error() string { return "locked" }

func inUse(root string, err error) error {
	held := heldLockError{}
	if !errors.As(err, &held) {
		return fmt.Errorf("lock the data directory: %w", err)
	}
	return fmt.Errorf("%w%s: %s; stop that process or choose another directory", ErrDataDirInUse, processName(held.pid), root)
}

func processName(pid int) string {
	if pid <= 0 {
		return ""
	}
	return fmt.Sprintf(" (process %d)", pid)
}

// lockFile takes an exclusive lock and leaves our process id in the file for
// whoever finds it locked.
func lockFile(path string) (*os.File, error) {
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|syscall.O_NOFOLLOW, 0o600)
	if err != nil {
		return nil, err
	}
	if err := flock(file); err != nil {
		content, _ := os.ReadFile(path)
		_ = file.Close()
		if errors.Is(err, syscall.EWOULDBLOCK) {
			pid, _ := strconv.Atoi(strings.TrimSpace(string(content)))
			return nil, heldLockError{pid: pid}
		}
		return nil, err
	}
	if err := file.Truncate(0); err == nil {
		_, _ = file.WriteAt([]byte(strconv.Itoa(os.Getpid())+"\n"), 0) // only a hint for people
	}
	return file, nil
}

func flock(file *os.File) error {
	for {
		err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if !errors.Is(err, syscall.EINTR) {
			return err
		}
	}
}

// unlock gives a lock up at once. Closing alone would not: a process that some
// other goroutine is just starting has the file open too until it runs.
func unlock(file *os.File) {
	_ = syscall.Flock(int(file.Fd()), syscall.LOCK_UN)
	_ = file.Close() // nothing was written that could be lost
}

// ensurePasswords reads the passwords, or makes them for a new cluster.
func (d *dataDir) ensurePasswords() (passwords, error) {
	var out passwords
	err := readJSON(d.path(passwordsName), &out)
	if err == nil {
		return out, nil
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return out, fmt.Errorf("read the database passwords: %w", err)
	}
	if d.hasCluster() {
		return out, fmt.Errorf("%s is missing, and without it nobody can sign in to the database beside it; "+
			"restore the file, or move %s away to start anew", d.path(passwordsName), d.root)
	}
	out = passwords{Admin: randomPassword(), Owner: randomPassword(), App: randomPassword()}
	if err := d.writeJSON(passwordsName, out); err != nil {
		return out, fmt.Errorf("keep the database passwords: %w", err)
	}
	return out, nil
}

// randomPassword has 192 random bits in characters that need no quoting.
func randomPassword() string {
	buf := make([]byte, 24)
	_, _ = rand.Read(buf) // never fails: crypto/rand ends the program instead
	return base64.RawURLEncoding.EncodeToString(buf)
}

func (d *dataDir) hasCluster() bool {
	_, err := os.Stat(d.path(clusterDir))
	return err == nil
}

// clusterMajor is the major version that initialised the cluster, 0 when there
// is none yet.
func (d *dataDir) clusterMajor() (int, error) {
	if !d.hasCluster() {
		return 0, nil
	}
	content, err := os.ReadFile(filepath.Join(d.path(clusterDir), "PG_VERSION"))
	if errors.Is(err, fs.ErrNotExist) {
		return 0, fmt.Errorf("%s is no PostgreSQL data directory: it has no PG_VERSION", d.path(clusterDir))
	}
	if err != nil {
		return 0, fmt.Errorf("read the version of the data directory: %w", err)
	}
	major, err := majorOf(strings.TrimSpace(string(content)))
	if err != nil {
		return 0, fmt.Errorf("read the version of the data directory: %w", err)
	}
	if major < MinMajor {
		return 0, fmt.Errorf("%s was initialised by PostgreSQL %d, and PostgreSQL %d or later is needed: "+
			"upgrade it with pg_upgrade, or move it away to start anew", d.path(clusterDir), major, MinMajor)
	}
	return major, nil
}

func readJSON(path string, into any) error {
	content, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	return json.Unmarshal(content, into)
}

// writeJSON replaces a file of the directory whole, readable by its owner only.
func (d *dataDir) writeJSON(name string, value any) error {
	content, err := json.MarshalIndent(value, "", "  ")
	if err != nil {
		return err
	}
	tmp, err := os.CreateTemp(d.root, name+".tmp-*") // CreateTemp makes it 0600
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(tmp.Name()) }() // gone already once renamed
	_, err = tmp.Write(append(content, '\n'))
	if err := errors.Join(err, tmp.Sync(), tmp.Close()); err != nil {
		return err
	}
	d.keepOwner(tmp.Name())
	return os.Rename(tmp.Name(), d.path(name))
}
