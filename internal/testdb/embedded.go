//go:build linux || darwin || freebsd

package testdb

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"upstream/internal/postgres"
)

// maxConnections is enough for many tests with two pools each.
const maxConnections = 300

// format changes when a cached cluster of an older form must not be used.
const format = "1"

// What the base directory holds, beside the lock: one cached cluster for each
// version of PostgreSQL, and for each test process its copy with a lock file of
// the same name.
const (
	baseLock    = "lock"
	buildPrefix = "build-"
	runPrefix   = "run-"
	lockSuffix  = ".lock"
)

// memoryDir is a file system in memory on Linux, and memoryNeeded the space it
// must have free, in bytes: creating a database there takes a quarter of the
// time. A container's usual 64 MB would not do.
const (
	memoryDir    = "/dev/shm"
	memoryNeeded = 4 << 30
)

// defaultBase is in TMPDIR when that is set, else in memory, else in /tmp. It is
// outside of home directories, which the server's account could not enter when
// root runs the tests.
func defaultBase() string {
	parent := os.TempDir()
	if os.Getenv("TMPDIR") == "" && freeSpace(memoryDir) >= memoryNeeded {
		parent = memoryDir
	}
	return filepath.Join(parent, "upstream-testdb-"+strconv.Itoa(os.Getuid()))
}

// freeSpace is what an ordinary user may still write to a file system, in
// bytes; 0 when there is none at path.
func freeSpace(path string) uint64 {
	var stat syscall.Statfs_t
	if err := syscall.Statfs(path, &stat); err != nil {
		return 0
	}
	return uint64(stat.Bavail) * uint64(stat.Bsize) //nolint:gosec,unconvert // the types differ between systems
}

// startEmbedded starts a server for this process below base. shutdown stops it
// and removes what it kept.
func startEmbedded(ctx context.Context, base, binDir string) (found access, shutdown func() error, err error) {
	run, opts, err := prepareRun(ctx, base, binDir)
	if err != nil {
		return access{}, nil, err
	}
	instance, err := postgres.Start(ctx, opts)
	if err != nil {
		return access{}, nil, errors.Join(err, run.remove())
	}
	//nolint:contextcheck // the server ends after every context of the tests
	shutdown = func() error { return errors.Join(instance.Stop(context.Background()), run.remove()) }
	found, err = accessOf(instance)
	if err != nil {
		return access{}, nil, errors.Join(err, shutdown())
	}
	return found, shutdown, nil
}

func accessOf(instance *postgres.Instance) (access, error) {
	admin, err := url.Parse(instance.AdminURL())
	if err != nil {
		return access{}, err
	}
	owner, err := passwordIn(instance.OwnerURL())
	if err != nil {
		return access{}, err
	}
	app, err := passwordIn(instance.AppURL())
	return access{admin: admin, ownerPassword: owner, appPassword: app}, err
}

func passwordIn(raw string) (string, error) {
	parsed, err := url.Parse(raw)
	if err != nil {
		return "", err
	}
	password, _ := parsed.User.Password()
	return password, nil
}

// runDir is the data directory of this process's server. Its lock tells other
// processes that somebody uses it.
type runDir struct {
	path string
	lock *os.File
}

// remove deletes the directory and then its lock file, which stays behind for a
// later sweep when something could not be deleted.
func (r runDir) remove() error {
	err := os.RemoveAll(r.path)
	if err == nil {
		err = os.Remove(r.path + lockSuffix)
	}
	unlock(r.lock)
	return err
}

// prepareRun copies the cached cluster for this process, one process at a time.
func prepareRun(ctx context.Context, base, binDir string) (runDir, postgres.Options, error) {
	if err := makeBase(base); err != nil {
		return runDir{}, postgres.Options{}, err
	}
	lock, err := lockFile(filepath.Join(base, baseLock), syscall.LOCK_EX)
	if err != nil {
		return runDir{}, postgres.Options{}, err
	}
	defer unlock(lock)
	if err := sweep(base); err != nil {
		return runDir{}, postgres.Options{}, err
	}
	opts := postgres.Options{
		DataDir: filepath.Join(base, buildPrefix+"new"), BinDir: binDir, Progress: os.Stderr,
		MaxConnections: maxConnections, Fast: true,
	}
	cached, opts, err := ensureCluster(ctx, base, opts)
	if err != nil {
		return runDir{}, postgres.Options{}, err
	}
	run, err := newRun(base, cached)
	opts.DataDir = run.path
	return run, opts, err
}

// makeBase creates the base directory, and refuses one that somebody else could
// have prepared for us: its name in the shared temporary directory is known.
func makeBase(base string) error {
	mode := os.FileMode(0o700)
	if os.Geteuid() == 0 {
		mode = 0o711 // the server's account passes through
	}
	if err := os.Mkdir(base, mode); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	info, err := os.Lstat(base)
	if err != nil {
		return err
	}
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok || !info.IsDir() || int64(stat.Uid) != int64(os.Getuid()) || info.Mode().Perm()&0o022 != 0 {
		return fmt.Errorf("%s is not a directory that only we can write; remove it", base)
	}
	return os.Chmod(base, mode) // whatever our umask made of it
}

// ensureCluster gives the cached cluster of the PostgreSQL found, which it makes
// when there is none, and options that stay with that PostgreSQL.
func ensureCluster(ctx context.Context, base string, opts postgres.Options) (string, postgres.Options, error) {
	binDir, version, err := postgres.Locate(ctx, opts)
	if err != nil {
		return "", opts, err
	}
	opts.BinDir = binDir
	cached := filepath.Join(base, "cluster-"+version+"-"+format)
	if _, err := os.Stat(cached); !errors.Is(err, fs.ErrNotExist) {
		return cached, opts, err
	}
	instance, err := postgres.Start(ctx, opts)
	if err != nil {
		return "", opts, err
	}
	if err := instance.Stop(ctx); err != nil {
		return "", opts, err
	}
	return cached, opts, os.Rename(opts.DataDir, cached)
}

func newRun(base, cached string) (runDir, error) {
	lock, err := os.CreateTemp(base, runPrefix+"*"+lockSuffix)
	if err != nil {
		return runDir{}, err
	}
	run := runDir{path: strings.TrimSuffix(lock.Name(), lockSuffix), lock: lock}
	if err := flock(lock, syscall.LOCK_EX); err != nil {
		return runDir{}, errors.Join(err, run.remove())
	}
	if err := copyTree(cached, run.path); err != nil {
		return runDir{}, errors.Join(err, run.remove())
	}
	return run, nil
}

// sweep removes what killed processes left behind. The caller holds the lock of
// the base directory, so every run without its lock held is one of those.
func sweep(base string) error {
	builds, err := filepath.Glob(filepath.Join(base, buildPrefix+"*"))
	for _, build := range builds {
		err = errors.Join(err, os.RemoveAll(build))
	}
	locks, globErr := filepath.Glob(filepath.Join(base, runPrefix+"*"+lockSuffix))
	err = errors.Join(err, globErr)
	for _, path := range locks {
		lock, lockErr := lockFile(path, syscall.LOCK_EX|syscall.LOCK_NB)
		if errors.Is(lockErr, syscall.EWOULDBLOCK) {
			continue
		}
		if lockErr == nil {
			// The server of a process that was killed just now may still be
			// writing; a later sweep succeeds then.
			_ = runDir{path: strings.TrimSuffix(path, lockSuffix), lock: lock}.remove()
		}
		err = errors.Join(err, lockErr)
	}
	return err
}

func lockFile(path string, how int) (*os.File, error) {
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|syscall.O_NOFOLLOW, 0o600)
	if err != nil {
		return nil, err
	}
	if err := flock(file, how); err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return file, nil
}

func flock(file *os.File, how int) error {
	for {
		err := syscall.Flock(int(file.Fd()), how)
		if !errors.Is(err, syscall.EINTR) {
			return err
		}
	}
}

// unlock gives a lock up at once. Closing alone would not: a process that some
// other goroutine is just starting has the file open too until it runs.
func unlock(file *os.File) {
	_ = flock(file, syscall.LOCK_UN)
	_ = file.Close() // it is empty
}
