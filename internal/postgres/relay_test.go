//go:build linux || darwin || freebsd

package postgres

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// relayTo starts a relay to a repository.
func relayTo(t *testing.T, handler http.HandlerFunc, progress io.Writer) *relay {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	link, err := startRelay(t.Context(), server.URL+"/", progress)
	if err != nil {
		t.Fatal(err)
	}
	return link
}

func fetchFrom(t *testing.T, link *relay, file string) (status int, body string, err error) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, link.url+file, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, "", err
	}
	content, err := io.ReadAll(res.Body)
	return res.StatusCode, string(content), errors.Join(err, res.Body.Close())
}

func TestRelayPassesFilesOn(t *testing.T) {
	t.Parallel()
	var progress bytes.Buffer
	link := relayTo(t, func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, ".sha256") {
			http.NotFound(w, r)
			return
		}
		_, _ = io.WriteString(w, "content of "+r.URL.Path)
	}, &progress)
	status, body, err := fetchFrom(t, link, "/a/b.jar")
	if err != nil || status != http.StatusOK || body != "content of /a/b.jar" {
		t.Errorf("got %d, %q, %v", status, body, err)
	}
	// A repository without checksums is no failure.
	if status, _, err := fetchFrom(t, link, "/a/b.jar.sha256"); err != nil || status != http.StatusNotFound {
		t.Errorf("got %d, %v", status, err)
	}
	if err := link.close(t.Context()); err != nil {
		t.Error(err)
	}
	if !strings.Contains(progress.String(), "100 % of 0.0 MB") {
		t.Errorf("progress %q", progress.String())
	}
	if _, _, err := fetchFrom(t, link, "/a/b.jar"); err == nil {
		t.Error("a closed relay answers")
	}
}

func TestRelayKeepsTheFirstReason(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		handler http.HandlerFunc
		want    string
	}{
		"refused": {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusForbidden) }, "answered 403 Forbidden for b.jar"},
		"broken off": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "1000")
			_, _ = io.WriteString(w, "too short")
		}, "broke off: unexpected EOF"},
		"no HTTP": {func(w http.ResponseWriter, _ *http.Request) {
			if conn, _, err := http.NewResponseController(w).Hijack(); err == nil {
				_, _ = io.WriteString(conn, "hello\n\n")
				_ = conn.Close()
			}
		}, "malformed HTTP"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			link := relayTo(t, c.handler, io.Discard)
			for range 2 {
				_, _, _ = fetchFrom(t, link, "/a/b.jar") // the reason is what close gives
			}
			if err := link.close(t.Context()); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want %q", err, c.want)
			}
		})
	}
}

func TestRelayOfAnEndedContext(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancelCause(t.Context())
	link, err := startRelay(ctx, "http://127.0.0.1:1", io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	cancel(errors.New("interrupted"))
	if status, _, err := fetchFrom(t, link, "/a/b.jar"); err != nil || status != http.StatusBadGateway {
		t.Errorf("got %d, %v", status, err)
	}
	if err := link.close(t.Context()); err == nil || err.Error() != "the download was given up: interrupted" {
		t.Errorf("got %v", err)
	}
}

func TestHostOf(t *testing.T) {
	t.Parallel()
	for raw, want := range map[string]string{
		"https://repo1.maven.org/maven2":    "repo1.maven.org",
		"https://user:secret@mirror.test/m": "mirror.test",
		"not a url":                         "the configured repository",
		"":                                  "the configured repository",
	} {
		if got := hostOf(raw); got != want {
			t.Errorf("%q: %q", raw, got)
		}
	}
}
