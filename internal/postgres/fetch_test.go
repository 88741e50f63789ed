//go:build linux || darwin || freebsd

package postgres

import (
	"archive/zip"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// emptyMachine has no PostgreSQL anywhere.
func emptyMachine() *searchPlaces { return &searchPlaces{path: pathOf(nil)} }

// repository serves archives as Maven Central does, and counts the requests.
type repository struct {
	jar      []byte
	checksum string
	status   int
	requests atomic.Int32
	// hold, when set, is called after the first half of an archive.
	hold func()
}

func (r *repository) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	switch path.Ext(req.URL.Path) {
	case ".sha256":
		_, _ = io.WriteString(w, r.checksum)
	case ".jar":
		r.requests.Add(1)
		if r.status != 0 {
			w.WriteHeader(r.status)
			return
		}
		w.Header().Set("Content-Length", strconv.Itoa(len(r.jar)))
		half := len(r.jar) / 2
		_, _ = w.Write(r.jar[:half])
		if r.hold != nil {
			_ = http.NewResponseController(w).Flush()
			r.hold()
		}
		_, _ = w.Write(r.jar[half:])
	default:
		w.WriteHeader(http.StatusNotFound)
	}
}

func (r *repository) serve(t *testing.T) string {
	t.Helper()
	server := httptest.NewServer(r)
	t.Cleanup(server.Close)
	return server.URL
}

func newRepository(t *testing.T, jar []byte) *repository {
	t.Helper()
	sum := sha256.Sum256(jar)
	return &repository{jar: jar, checksum: hex.EncodeToString(sum[:])}
}

// archiveOf packs a directory as the published archives are: a zip with one
// compressed tar in it.
func archiveOf(t *testing.T, dir string) []byte {
	t.Helper()
	tar := exec.CommandContext(t.Context(), "tar", "-C", dir, "-cJf", "-", ".")
	tar.Env = append(os.Environ(), "XZ_OPT=-0")
	packed, err := tar.Output()
	if err != nil {
		t.Fatal(err)
	}
	var jar bytes.Buffer
	writer := zip.NewWriter(&jar)
	if _, err := writer.Create("META-INF/MANIFEST.MF"); err != nil {
		t.Fatal(err)
	}
	entry, err := writer.CreateHeader(&zip.FileHeader{Name: "postgres-any.txz", Method: zip.Store})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := entry.Write(packed); err != nil {
		t.Fatal(err)
	}
	if err := writer.Close(); err != nil {
		t.Fatal(err)
	}
	return jar.Bytes()
}

// installedArchive packs the machine's own PostgreSQL.
func installedArchive(t *testing.T) []byte {
	t.Helper()
	bin := installedBinaries(t)
	dir := t.TempDir()
	layout := [][2]string{{bin.path("postgres"), "bin/"}, {bin.path("initdb"), "bin/"}, {bin.path("pg_ctl"), "bin/"}}
	// postgres finds its files relative to itself when it stands where it was
	// built to stand, and otherwise where it was built to look, which on this
	// machine is right as well.
	for _, which := range []string{"--sharedir", "--pkglibdir"} {
		out, err := exec.CommandContext(t.Context(), "pg_config", which).Output()
		if err != nil {
			continue // no pg_config: a PostgreSQL of ours, complete by itself
		}
		from := strings.TrimSpace(string(out))
		to, err := filepath.Rel(filepath.Dir(bin.dir), from)
		if err != nil || strings.HasPrefix(to, "..") {
			to = strings.TrimPrefix(which, "--")
		}
		layout = append(layout, [2]string{from + "/.", to})
	}
	for _, item := range layout {
		to := filepath.Join(dir, item[1])
		if err := os.MkdirAll(to, 0o755); err != nil {
			t.Fatal(err)
		}
		if out, err := exec.Command("cp", "-RL", item[0], to).CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
	}
	for _, bulky := range []string{"bitcode", "pgxs", "llvmjit.so", "llvmjit_types.bc"} {
		matches, err := filepath.Glob(filepath.Join(dir, "*", bulky))
		if err != nil {
			t.Fatal(err)
		}
		for _, match := range matches {
			if err := os.RemoveAll(match); err != nil {
				t.Fatal(err)
			}
		}
	}
	return archiveOf(t, dir)
}

func TestStartFetchesBinariesOnce(t *testing.T) {
	if testing.Short() {
		t.Skip("packs and unpacks a whole PostgreSQL")
	}
	t.Parallel()
	repo := newRepository(t, installedArchive(t))
	url := repo.serve(t)
	dir := openDir(t)
	var progress bytes.Buffer
	o := Options{
		DataDir: filepath.Join(dir, "data"), CacheDir: filepath.Join(dir, "cache"),
		RepositoryURL: url, Progress: &progress, Fast: true, search: emptyMachine(),
	}
	first := start(t, o)
	if got := ask(t, first.AppURL(), "SELECT current_user::text"); got != AppRole {
		t.Error(got)
	}
	if !strings.HasPrefix(first.server.cmd.Path, o.CacheDir) {
		t.Errorf("the server is %s", first.server.cmd.Path)
	}
	mustStop(t, first)

	shown := progress.String()
	for _, want := range []string{"fetching 17.", strings.TrimPrefix(url, "http://"), "10 % of", "100 % of", "is ready in " + o.CacheDir} {
		if !strings.Contains(shown, want) {
			t.Errorf("%q is not in the progress:\n%s", want, shown)
		}
	}
	if lines := strings.Count(shown, "\n"); lines != 12 {
		t.Errorf("%d lines of progress:\n%s", lines, shown)
	}
	entries, err := filepath.Glob(filepath.Join(o.CacheDir, "*"))
	if err != nil || len(entries) != 2 { // the version, and the lock
		t.Errorf("the cache holds %v, %v", entries, err)
	}
	if got := repo.requests.Load(); got != 1 {
		t.Errorf("%d downloads", got)
	}
	mustStop(t, start(t, o))
	if got := repo.requests.Load(); got != 1 {
		t.Errorf("the second start downloaded again: %d", got)
	}
}

// fetchFake fetches an archive of fake programs, which is enough to see how a
// download goes.
func fetchFake(ctx context.Context, t *testing.T, repo *repository, cacheDir string, want int) (binaries, error) {
	t.Helper()
	acct, err := chooseAccount(cacheDir, "")
	if err != nil {
		t.Fatal(err)
	}
	o := Options{DataDir: "unused", CacheDir: cacheDir, RepositoryURL: repo.serve(t)}
	o, err = o.withDefaults()
	if err != nil {
		t.Fatal(err)
	}
	return fetchBinaries(ctx, &finder{acct: acct, want: want, places: emptyMachine(), cacheDir: cacheDir}, o)
}

func fakeArchive(t *testing.T) []byte {
	t.Helper()
	return archiveOf(t, filepath.Dir(fakeBinaries(t, t.TempDir(), "17.5")))
}

func TestFetchPicksTheClustersMajor(t *testing.T) {
	t.Parallel()
	for want, version := range map[int]string{0: "17.5.0", 15: "15.13.0", 16: "16.9.0", 18: "18.3.0"} {
		cacheDir := filepath.Join(openDir(t), "cache")
		bin, err := fetchFake(t.Context(), t, newRepository(t, fakeArchive(t)), cacheDir, want)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(filepath.Join(cacheDir, fetchedName(version), "bin"), bin.dir); diff != "" {
			t.Error(diff)
		}
	}
}

func TestFetchAtTheSameTimeDownloadsOnce(t *testing.T) {
	t.Parallel()
	repo := newRepository(t, fakeArchive(t))
	cacheDir := openDir(t)
	var group sync.WaitGroup
	errs := make([]error, 4)
	for n := range errs {
		group.Go(func() { _, errs[n] = fetchFake(t.Context(), t, repo, cacheDir, 0) })
	}
	group.Wait()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
	if got := repo.requests.Load(); got != 1 {
		t.Errorf("%d downloads", got)
	}
}

func TestFetchFailures(t *testing.T) {
	t.Parallel()
	closed := httptest.NewServer(http.NotFoundHandler())
	closed.Close()
	broken := newRepository(t, fakeArchive(t))
	broken.checksum = strings.Repeat("0", 64)
	truncated := newRepository(t, fakeArchive(t))
	truncated.jar = truncated.jar[:len(truncated.jar)-100]
	truncated.checksum = newRepository(t, truncated.jar).checksum
	empty := newRepository(t, archiveOf(t, t.TempDir()))
	cases := map[string]struct {
		url  string
		want []string
	}{
		"unreachable": {closed.URL, []string{strings.TrimPrefix(closed.URL, "http://") + " cannot be reached: connection refused"}},
		"missing":     {(&repository{status: http.StatusNotFound}).serve(t), []string{"answered 404 Not Found for embedded-postgres-binaries-"}},
		"bad sum":     {broken.serve(t), []string{"checksums do not match"}},
		"truncated":   {truncated.serve(t), []string{"the archive could not be used"}},
		"empty":       {empty.serve(t), []string{"the archive could not be used", "postgres"}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := openDir(t)
			old := fakeBinaries(t, dir, "9.6")
			o := Options{
				DataDir: filepath.Join(dir, "data"), CacheDir: filepath.Join(dir, "cache"), RepositoryURL: c.url,
				search: &searchPlaces{path: pathOf(nil), globs: []string{old}},
			}
			_, err := Start(t.Context(), o)
			if !errors.Is(err, ErrNoBinaries) {
				t.Fatalf("got %v", err)
			}
			// What was passed over explains why there was a download at all.
			for _, want := range append(c.want, "passed over: "+old+": PostgreSQL 9.6 is too old") {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("%q is not in %v", want, err)
				}
			}
			if left, _ := filepath.Glob(filepath.Join(o.CacheDir, "fetch-*")); len(left) != 0 {
				t.Errorf("left behind: %v", left)
			}
			checkUnlocked(t, o.DataDir)
		})
	}
}

func TestFetchEndsWithItsContext(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	released := make(chan struct{})
	repo := newRepository(t, fakeArchive(t))
	repo.hold = func() {
		cancel()
		<-released
	}
	_, err := fetchFake(ctx, t, repo, openDir(t), 0)
	close(released)
	if !errors.Is(err, context.Canceled) || !strings.Contains(err.Error(), "the download was given up") {
		t.Errorf("got %v", err)
	}
}

func TestFetchNeedsACacheDirectory(t *testing.T) {
	t.Parallel()
	f := &finder{places: emptyMachine()}
	if _, err := fetchBinaries(t.Context(), f, Options{}); err == nil || !strings.Contains(err.Error(), "HOME is not set") {
		t.Errorf("got %v", err)
	}
}

func TestProgressOfUnknownSize(t *testing.T) {
	t.Parallel()
	var shown bytes.Buffer
	reader := &progressReader{from: bytes.NewReader(make([]byte, 2*progressStep+1)), to: &shown, total: -1}
	if n, err := io.Copy(io.Discard, struct{ io.Reader }{reader}); err != nil || n != 2*progressStep+1 {
		t.Fatal(n, err)
	}
	if diff := cmp.Diff("  1.0 MB\n  2.1 MB\n", shown.String()); diff != "" {
		t.Error(diff)
	}
}
