//go:build linux || darwin || freebsd

package postgres

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"runtime"

	embeddedpostgres "github.com/fergusstrange/embedded-postgres"
)

// fetchedMajor is the major version fetched for a new data directory.
const fetchedMajor = 17

// fetchable is the release fetched for each major version.
func fetchable() map[int]embeddedpostgres.PostgresVersion {
	return map[int]embeddedpostgres.PostgresVersion{
		15: embeddedpostgres.V15,
		16: embeddedpostgres.V16,
		17: embeddedpostgres.V17,
		18: embeddedpostgres.V18,
	}
}

func fetchedName(version string) string {
	return fmt.Sprintf("postgresql-%s-%s-%s", version, runtime.GOOS, runtime.GOARCH)
}

// fetchedPattern matches the bin directories of what was fetched before.
func fetchedPattern(cacheDir string) string {
	return filepath.Join(cacheDir, fetchedName("*"), "bin")
}

// fetchBinaries downloads PostgreSQL into the cache directory. Processes that
// ask at the same time wait for the first and use what it fetched.
func fetchBinaries(ctx context.Context, f *finder, o Options) (binaries, error) {
	version, ok := fetchable()[orDefault(f.want, fetchedMajor)]
	if !ok {
		return binaries{}, fmt.Errorf("PostgreSQL %d is not among the versions that can be fetched", f.want)
	}
	if o.CacheDir == "" {
		return binaries{}, errors.New("there is no cache directory to keep it in, because HOME is not set")
	}
	if err := os.MkdirAll(o.CacheDir, 0o755); err != nil {
		return binaries{}, fmt.Errorf("create the cache directory: %w", err)
	}
	if closed := f.acct.closedTo(o.CacheDir); closed != "" {
		return binaries{}, fmt.Errorf("%s, who runs the database, may not enter %s", f.acct.name, closed)
	}
	lock, err := waitForLock(ctx, filepath.Join(o.CacheDir, lockName))
	if err != nil {
		return binaries{}, fmt.Errorf("lock the cache directory: %w", err)
	}
	defer unlock(lock)
	final := filepath.Join(o.CacheDir, fetchedName(string(version)))
	if _, err := os.Stat(final); errors.Is(err, fs.ErrNotExist) {
		if err := download(ctx, version, final, o); err != nil {
			return binaries{}, err
		}
	}
	bin, err := f.probe(ctx, filepath.Join(final, "bin"))
	if err != nil {
		return binaries{}, fmt.Errorf("the PostgreSQL fetched into %s does not run: %w", final, err)
	}
	return bin, nil
}

func waitForLock(ctx context.Context, path string) (*os.File, error) {
	var lock *os.File
	err := poll(ctx, nil, func() (bool, error) {
		held, err := lockFile(path)
		if errors.As(err, &heldLockError{}) {
			return false, nil
		}
		lock = held
		return err == nil, err
	})
	return lock, err
}

// download fetches and unpacks one version and moves it to its place whole.
func download(ctx context.Context, version embeddedpostgres.PostgresVersion, final string, o Options) error {
	work, err := os.MkdirTemp(filepath.Dir(final), "fetch-*")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(work) }() // what matters has been moved out
	_, _ = fmt.Fprintf(o.Progress, "PostgreSQL is not on this machine: fetching %s once from %s\n",
		version, hostOf(o.RepositoryURL))
	unpacked := filepath.Join(work, "unpacked")
	if err := unpack(ctx, version, work, unpacked, o); err != nil {
		return err
	}
	if err := openToAll(unpacked); err != nil {
		return err
	}
	if err := os.Rename(unpacked, final); err != nil {
		return err
	}
	_, _ = fmt.Fprintf(o.Progress, "PostgreSQL %s is ready in %s\n", version, final)
	return nil
}

// unpack lets the library fetch, verify and unpack an archive. It offers that
// only as the first step of starting a server, and its server would run neither
// under our account nor with our settings; so it is given a data directory that
// cannot exist, and its start ends there. Whether the archive was unpacked is
// therefore read from the disk and not from its error.
func unpack(ctx context.Context, version embeddedpostgres.PostgresVersion, work, into string, o Options) error {
	blocker := filepath.Join(work, "no-directory")
	if err := os.WriteFile(blocker, nil, 0o600); err != nil {
		return err
	}
	port, err := freePort(ctx)
	if err != nil {
		return err
	}
	link, err := startRelay(ctx, o.RepositoryURL, o.Progress)
	if err != nil {
		return err
	}
	startErr := embeddedpostgres.NewDatabase(embeddedpostgres.DefaultConfig().
		Version(version).
		Port(uint32(port)). //nolint:gosec // a port
		BinaryRepositoryURL(link.url).
		CachePath(filepath.Join(work, "archive")).
		RuntimePath(filepath.Join(work, "runtime")).
		BinariesPath(into).
		DataPath(filepath.Join(blocker, "data")).
		Logger(nil)).Start()
	linkErr := link.close(ctx)
	for _, name := range []string{"postgres", "initdb"} {
		if _, err := os.Stat(filepath.Join(into, "bin", name)); err != nil {
			return cmp.Or(linkErr, fmt.Errorf("the archive could not be used: %w", errors.Join(startErr, err)))
		}
	}
	return nil
}

// openToAll makes unpacked files readable whatever our umask is: the server may
// run under another account.
func openToAll(root string) error {
	return filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.Type()&fs.ModeSymlink != 0 {
			return err
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		mode := info.Mode().Perm() | 0o444
		if mode&0o100 != 0 {
			mode |= 0o111
		}
		return os.Chmod(path, mode)
	})
}

func hostOf(raw string) string {
	if parsed, err := url.Parse(raw); err == nil && parsed.Host != "" {
		return parsed.Host
	}
	return "the configured repository"
}
