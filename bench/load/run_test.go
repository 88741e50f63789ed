package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"

	"upstream/bench/seed"
	"upstream/models"
)

// stage is a server that signs in and tells of its pool, a seeded folder, and a
// program in the place of k6.
type stage struct {
	dir      string
	k6       string
	server   *httptest.Server
	signedIn atomic.Int64
}

// newStage has k6 end with this code.
func newStage(t *testing.T, code int) *stage {
	t.Helper()
	if runtime.GOOS == "windows" {
		t.Skip("the program in the place of k6 is a script of the shell")
	}
	s := &stage{dir: t.TempDir()}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /api/v1/auth/token/", func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		if !strings.Contains(string(body), `"analyst@load-01.test"`) || !strings.Contains(string(body), `"secret"`) {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		s.signedIn.Add(1)
		_, _ = fmt.Fprint(w, `{"access": "token of load-01", "refresh": "r"}`)
	})
	mux.HandleFunc("GET /metrics", func(w http.ResponseWriter, _ *http.Request) {
		_, _ = fmt.Fprint(w, "upstream_pool_acquired_total 5\nupstream_pool_waited_total 0\nupstream_pool_wait_seconds_total 0\n")
	})
	s.server = httptest.NewServer(mux)
	t.Cleanup(s.server.Close)
	world := &seed.World{Password: "secret", Seed: 1, Customers: []*seed.Facts{
		{Slug: "load-01", Claims: 1234, Users: map[models.Role]string{models.RoleAnalyst: "analyst@load-01.test"}},
	}}
	if err := world.Keep(s.dir); err != nil {
		t.Fatal(err)
	}
	summary, err := filepath.Abs(filepath.Join("testdata", "summary.json"))
	if err != nil {
		t.Fatal(err)
	}
	s.k6 = filepath.Join(s.dir, "k6")
	script := fmt.Sprintf("#!/bin/sh\ngrep -q 'token of load-01' \"$TOKENS\" && test -r \"$SEED\" && cp '%s' \"$SUMMARY\" || exit 7\nexit %d\n", summary, code)
	if err := os.WriteFile(s.k6, []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	return s
}

func (s *stage) run(args ...string) (string, error) {
	var out bytes.Buffer
	err := run(context.Background(), append([]string{
		"-url", s.server.URL, "-admin-url", s.server.URL, "-k6", s.k6, "-data-dir", s.dir, "-reports", filepath.Join(s.dir, "reports"), "-dashboard", "-1",
	}, args...), &out, io.Discard)
	return out.String(), err
}

func TestRun(t *testing.T) {
	t.Parallel()
	s := newStage(t, 0)
	document := filepath.Join(s.dir, "load.md")
	if err := write(document, "<!-- begin: mixed -->\n<!-- end: mixed -->\n"); err != nil {
		t.Fatal(err)
	}
	out, err := s.run("-out", document)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"1 customers, 1234 claims; 113.5 requests/s for 5m0s", "0.050 % errors, 2 wrong answers",
		"| list | 1053 | 10 ms | 76 ms | 120 ms | 171 ms |", "| all | 2849 | ", "not available here",
	} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in\n%s", want, out)
		}
	}
	for path, begin := range map[string]string{document: "<!-- begin: mixed -->\n" + out[:40], filepath.Join(s.dir, "reports", "mixed.md"): out} {
		if text, err := os.ReadFile(path); err != nil || !strings.HasPrefix(string(text), begin) {
			t.Errorf("%s: %v\n%s", path, err, text)
		}
	}
	if s.signedIn.Load() != 1 {
		t.Errorf("%d sign-ins", s.signedIn.Load())
	}
}

func TestRun_Knee(t *testing.T) {
	t.Parallel()
	out, err := newStage(t, 0).run("-profile", "knee", "-users", "64")
	if err != nil {
		t.Fatal(err)
	}
	// Each number of users comes to the same: it bends at once, and is tried once more.
	for _, want := range []string{"| 1 | 114 | ", "| 2 | 114 | ", "| 4 | 114 | ", "It bends at 1 users and 114 requests/s"} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in\n%s", want, out)
		}
	}
	if strings.Contains(out, "| 8 |") {
		t.Errorf("it went on:\n%s", out)
	}
}

func TestRun_Fails(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		code int
		args []string
		want string
	}{
		"a threshold was crossed":  {thresholdsFailed, nil, "http_req_duration{kind:list}: p(95)<50"},
		"k6 failed":                {107, nil, "exit status 107"},
		"k6 failed at the knee":    {107, []string{"-profile", "knee"}, "exit status 107"},
		"there is no k6":           {0, []string{"-k6", "/nowhere/k6"}, "/nowhere/k6"},
		"the document has no room": {0, []string{"-out", "main.go"}, "has no place for mixed"},
		"there is no database":     {0, []string{"-profile", "ci"}, "leave -url out"},
		"nobody is signed in":      {0, []string{"-url", "http://127.0.0.1:1"}, "127.0.0.1:1"},
		"nothing is seeded":        {0, []string{"-data-dir", "testdata"}, "is not known"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if _, err := newStage(t, c.code).run(c.args...); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%v, want %q", err, c.want)
			}
		})
	}
}
