//go:build linux || darwin || freebsd

package postgres

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"
)

// probeTimeout bounds one `postgres --version`.
const probeTimeout = 10 * time.Second

// binaries is a directory of PostgreSQL's programs.
type binaries struct {
	dir     string
	version string
	major   int
}

func (b binaries) path(name string) string { return filepath.Join(b.dir, name) }

// machinePlaces are the places of an ordinary machine.
func machinePlaces() *searchPlaces {
	return &searchPlaces{
		path: exec.LookPath,
		globs: []string{
			"/usr/lib/postgresql/*/bin", // Debian, Ubuntu
			"/usr/pgsql-*/bin",          // Red Hat, from postgresql.org
			"/usr/libexec/postgresql*",  // Alpine
			"/opt/homebrew/opt/postgresql@*/bin",
			"/usr/local/opt/postgresql@*/bin",
			"/home/linuxbrew/.linuxbrew/opt/postgresql@*/bin",
			"/Applications/Postgres.app/Contents/Versions/*/bin",
		},
	}
}

// finder looks for binaries that acct can run and, when want is not 0, whose
// major version is want.
type finder struct {
	acct     account
	want     int
	places   *searchPlaces
	cacheDir string
	rejected []string
}

// find gives the first usable binaries; ok is false when there are none, and
// then rejected says why each place was passed over.
func (f *finder) find(ctx context.Context) (found binaries, ok bool) {
	seen := map[string]bool{}
	for dir := range f.candidates(ctx) {
		if seen[dir] {
			continue
		}
		seen[dir] = true
		bin, err := f.probe(ctx, dir)
		if err == nil {
			err = f.suits(bin)
		}
		if err == nil {
			return bin, true
		}
		f.rejected = append(f.rejected, fmt.Sprintf("%s: %v", dir, err))
	}
	return binaries{}, false
}

// explicit takes the binaries from one directory or says what is wrong there.
func (f *finder) explicit(ctx context.Context, dir string) (binaries, error) {
	bin, err := f.probe(ctx, dir)
	if err == nil {
		err = f.suits(bin)
	}
	if err != nil {
		return binaries{}, fmt.Errorf("%w in %s (UPSTREAM_PG_BIN): %w", ErrNoBinaries, dir, err)
	}
	return bin, nil
}

func (f *finder) suits(bin binaries) error {
	if bin.major < MinMajor {
		return fmt.Errorf("PostgreSQL %s is too old, %d or later is needed", bin.version, MinMajor)
	}
	if f.want != 0 && bin.major != f.want {
		return fmt.Errorf("PostgreSQL %s cannot use the data directory, which PostgreSQL %d initialised", bin.version, f.want)
	}
	return nil
}

// candidates yields directories in the order they are preferred. It is lazy, so
// that later places cost nothing when an earlier one serves.
func (f *finder) candidates(ctx context.Context) iter.Seq[string] {
	return func(yield func(string) bool) {
		if dir, ok := f.onPath("postgres"); ok && !yield(dir) {
			return
		}
		if dir, ok := f.fromConfig(ctx); ok && !yield(dir) {
			return
		}
		patterns := slices.Clone(f.places.globs)
		if f.cacheDir != "" {
			patterns = append(patterns, fetchedPattern(f.cacheDir))
		}
		for _, pattern := range patterns {
			for _, dir := range newestFirst(pattern) {
				if !yield(dir) {
					return
				}
			}
		}
	}
}

// onPath is the real directory of a program, because the other programs stand
// beside it and not beside a link to it.
func (f *finder) onPath(name string) (string, bool) {
	found, err := f.places.path(name)
	if err != nil {
		return "", false
	}
	program, err := filepath.EvalSymlinks(found)
	return filepath.Dir(program), err == nil
}

func (f *finder) fromConfig(ctx context.Context) (string, bool) {
	program, err := f.places.path("pg_config")
	if err != nil {
		return "", false
	}
	out, err := f.run(ctx, program, "--bindir")
	dir := strings.TrimSpace(out)
	return dir, err == nil && dir != ""
}

// newestFirst expands a pattern and puts the highest version number first.
func newestFirst(pattern string) []string {
	dirs, err := filepath.Glob(pattern)
	if err != nil {
		return nil
	}
	slices.SortStableFunc(dirs, func(a, b string) int { return versionInPath(b) - versionInPath(a) })
	return dirs
}

// versionInPath is the first number of the last path element that has one.
func versionInPath(path string) int {
	elements := strings.Split(path, string(filepath.Separator))
	for _, element := range slices.Backward(elements) {
		start := strings.IndexAny(element, "0123456789")
		if start < 0 {
			continue
		}
		if major, err := majorOf(element[start:]); err == nil {
			return major
		}
	}
	return 0
}

// probe asks the programs in dir for their version, as the account that is to
// run them.
func (f *finder) probe(ctx context.Context, dir string) (binaries, error) {
	for _, name := range []string{"postgres", "initdb"} {
		if _, err := os.Stat(filepath.Join(dir, name)); err != nil {
			if errors.Is(err, fs.ErrNotExist) {
				return binaries{}, fmt.Errorf("there is no %s", name)
			}
			return binaries{}, err
		}
	}
	out, err := f.run(ctx, filepath.Join(dir, "postgres"), "--version")
	if err != nil {
		return binaries{}, err
	}
	version := shortVersion(strings.TrimSpace(out))
	major, err := majorOf(version)
	if err != nil {
		return binaries{}, fmt.Errorf("postgres --version answered %q", strings.TrimSpace(out))
	}
	return binaries{dir: dir, version: version, major: major}, nil
}

func (f *finder) run(ctx context.Context, program string, args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	var out []byte
	err := poll(ctx, nil, func() (bool, error) {
		cmd := exec.CommandContext(ctx, program, args...)
		f.acct.adopt(cmd)
		cmd.Dir = "/"
		var err error
		out, err = cmd.Output()
		if errors.Is(err, syscall.ETXTBSY) {
			// We unpacked it just now, and a process that another goroutine is
			// starting has it open for writing until it runs.
			return false, nil
		}
		return err == nil, err
	})
	if errors.Is(err, fs.ErrPermission) && f.acct.drop {
		return "", fmt.Errorf("%s, who is to run it, may not", f.acct.name)
	}
	return string(out), err
}
