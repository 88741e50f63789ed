//go:build linux || darwin || freebsd

package postgres

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// installedBinaries are the machine's own.
func installedBinaries(t *testing.T) binaries {
	t.Helper()
	cacheDir, err := DefaultCacheDir()
	if err != nil {
		cacheDir = ""
	}
	acct, err := chooseAccount(t.TempDir(), "")
	if err != nil {
		t.Fatal(err)
	}
	f := &finder{acct: acct, places: machinePlaces(), cacheDir: cacheDir}
	bin, ok := f.find(t.Context())
	if !ok {
		t.Fatalf("no PostgreSQL on this machine: %v", f.rejected)
	}
	return bin
}

// fakeBinaries is a bin directory whose postgres only knows its version.
func fakeBinaries(t *testing.T, parent, version string) string {
	t.Helper()
	dir := filepath.Join(parent, "postgresql-"+version, "bin")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	writeProgram(t, filepath.Join(dir, "postgres"), "#!/bin/sh\necho 'postgres (PostgreSQL) "+version+" (Fake)'\n")
	writeProgram(t, filepath.Join(dir, "initdb"), "#!/bin/sh\nexit 1\n")
	return dir
}

// pathOf stands in for PATH.
func pathOf(programs map[string]string) func(string) (string, error) {
	return func(name string) (string, error) {
		if found, ok := programs[name]; ok {
			return found, nil
		}
		return "", exec.ErrNotFound
	}
}

func TestFinderOrder(t *testing.T) {
	t.Parallel()
	dir := openDir(t)
	onPath := fakeBinaries(t, dir, "16.1")
	configured := fakeBinaries(t, dir, "17.2")
	older := fakeBinaries(t, filepath.Join(dir, "glob"), "9.6")
	newer := fakeBinaries(t, filepath.Join(dir, "glob"), "18.0")
	cached := fakeBinaries(t, dir, "15.0")
	cache := filepath.Join(dir, "cache")
	fetched := filepath.Join(cache, fetchedName("15.0.0"))
	if err := os.MkdirAll(cache, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(filepath.Dir(cached), fetched); err != nil {
		t.Fatal(err)
	}
	link := filepath.Join(dir, "postgres-link")
	if err := os.Symlink(filepath.Join(onPath, "postgres"), link); err != nil {
		t.Fatal(err)
	}
	config := filepath.Join(dir, "pg_config")
	writeProgram(t, config, "#!/bin/sh\necho "+configured+"\n")
	globs := []string{filepath.Join(dir, "glob", "*", "bin")}

	cases := map[string]struct {
		programs map[string]string
		globs    []string
		want     int
		found    string
		rejected int
	}{
		"PATH first":           {programs: map[string]string{"postgres": link, "pg_config": config}, globs: globs, found: onPath},
		"pg_config next":       {programs: map[string]string{"pg_config": config}, globs: globs, found: configured},
		"newest of the globs":  {globs: globs, found: newer},
		"fetched before, last": {found: filepath.Join(fetched, "bin")},
		"the cluster's major": {
			programs: map[string]string{"postgres": link, "pg_config": config}, want: 18, globs: globs, found: newer, rejected: 2,
		},
		"none of that major": {programs: map[string]string{"postgres": link}, want: 19, globs: globs, rejected: 4},
		"broken pg_config":   {programs: map[string]string{"pg_config": filepath.Join(older, "initdb")}, globs: globs, found: newer},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			acct, err := chooseAccount(dir, "")
			if err != nil {
				t.Fatal(err)
			}
			f := &finder{acct: acct, want: c.want, cacheDir: cache, places: &searchPlaces{path: pathOf(c.programs), globs: c.globs}}
			bin, ok := f.find(t.Context())
			if ok != (c.found != "") || bin.dir != c.found {
				t.Errorf("found %q, want %q", bin.dir, c.found)
			}
			if len(f.rejected) != c.rejected {
				t.Errorf("rejected %q", f.rejected)
			}
		})
	}
}

func TestFinderSaysWhyAPlaceIsPassedOver(t *testing.T) {
	t.Parallel()
	dir := openDir(t)
	acct, err := chooseAccount(dir, "")
	if err != nil {
		t.Fatal(err)
	}
	noInitdb := fakeBinaries(t, dir, "17.0")
	if err := os.Remove(filepath.Join(noInitdb, "initdb")); err != nil {
		t.Fatal(err)
	}
	garbled := fakeBinaries(t, dir, "sixteen")
	failing := fakeBinaries(t, dir, "16.0")
	writeProgram(t, filepath.Join(failing, "postgres"), "#!/bin/sh\nexit 9\n")
	cases := map[string]struct{ dir, want string }{
		"too old":   {fakeBinaries(t, dir, "14.9"), "PostgreSQL 14.9 is too old, 15 or later is needed"},
		"no initdb": {noInitdb, "there is no initdb"},
		"empty":     {openDir(t), "there is no postgres"},
		"garbled":   {garbled, "sixteen"},
		"failing":   {failing, "exit status 9"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := &finder{acct: acct, places: machinePlaces()}
			_, err := f.explicit(t.Context(), c.dir)
			if !errors.Is(err, ErrNoBinaries) || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), c.dir) {
				t.Errorf("got %v, want %q", err, c.want)
			}
		})
	}
}

func TestVersions(t *testing.T) {
	t.Parallel()
	cases := []struct {
		text, short string
		major       int
	}{
		{"postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)", "15.18", 15},
		{"postgres (PostgreSQL) 17beta1", "17beta1", 17},
		{"16.3", "16.3", 16},
		{"9.6.24", "9.6.24", 9},
		{"18", "18", 18},
		{"14.2 (Homebrew)", "14.2", 14},
	}
	for _, c := range cases {
		major, err := majorOf(c.text)
		if err != nil || major != c.major || shortVersion(c.text) != c.short {
			t.Errorf("%q: %d, %q, %v", c.text, major, shortVersion(c.text), err)
		}
	}
	for _, text := range []string{"", "PostgreSQL", "v"} {
		if major, err := majorOf(text); err == nil {
			t.Errorf("%q: %d", text, major)
		}
	}
}

func TestNewestFirst(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for _, name := range []string{"9.6", "15", "10", "postgresql@17"} {
		if err := os.MkdirAll(filepath.Join(dir, name, "bin"), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	found := newestFirst(filepath.Join(dir, "*", "bin"))
	got := make([]string, 0, len(found))
	for _, path := range found {
		got = append(got, filepath.Base(filepath.Dir(path)))
	}
	if strings.Join(got, " ") != "postgresql@17 15 10 9.6" {
		t.Errorf("got %v", got)
	}
}
