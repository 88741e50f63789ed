package cli

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"upstream/internal/await"
	"upstream/internal/config"
	"upstream/internal/jobs"
	"upstream/internal/testdb"
)

const secretFlag = "--secret-key=0123456789abcdef0123456789abcdef"

// answering serves one text.
func answering(text string) func(Deps) (http.Handler, error) {
	return func(Deps) (http.Handler, error) {
		return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = fmt.Fprint(w, text) }), nil
	}
}

func TestServe_SaysWhereAndEndsWithSuccess(t *testing.T) {
	t.Parallel()
	for name, args := range map[string][]string{
		"by its name":    {"serve", secretFlag},
		"by no name":     {secretFlag},
		"for a machine":  {"serve", secretFlag, "--json"},
		"migrating":      {"serve", secretFlag, "--migrate"},
		"every address":  {"serve", secretFlag, "--addr=:0"},
		"with the admin": {"serve", secretFlag, "--admin-addr=127.0.0.1:0"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := serve(t, answering("hello"), append(args, flagsOf(testdb.New(t))...)...)
			url := s.url(t)
			if status, body := get(t, url+"/x"); status != http.StatusOK || body != "hello" {
				t.Errorf("GET answers %d %q", status, body)
			}
			s.signal()
			r := s.end().want(t, exitOK)
			if r.out != "ready "+url+"\n" {
				t.Errorf("standard output is %q", r.out)
			}
		})
	}
}

func TestServe_HandsItsSettingsToTheHandler(t *testing.T) {
	t.Parallel()
	var got Deps
	s := serve(t, func(d Deps) (http.Handler, error) {
		got = d
		return http.NotFoundHandler(), nil
	}, append(flagsOf(testdb.New(t)), secretFlag, "--public-url=https://upstream.example", "--no-introspection", "--max-upload-bytes=5")...)
	s.url(t)
	if string(got.Secret) != strings.TrimPrefix(secretFlag, "--secret-key=") || got.Store == nil || got.Logger == nil || got.Serving(t.Context()) != nil {
		t.Errorf("secret %q, store %v", got.Secret, got.Store)
	}
	if c := got.Config; c.PublicURL != "https://upstream.example" || c.Introspection || c.MaxUploadBytes != 5 {
		t.Errorf("settings are %+v", c)
	}
}

func TestServe_DrainsRunningRequests(t *testing.T) {
	t.Parallel()
	entered, release := make(chan struct{}), make(chan struct{})
	s := serve(t, func(Deps) (http.Handler, error) {
		return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			close(entered)
			<-release
			_, _ = fmt.Fprint(w, "whole")
		}), nil
	}, append(flagsOf(testdb.New(t)), secretFlag)...)
	url := s.url(t)
	answered := make(chan string, 1)
	go func() {
		_, body := get(t, url)
		answered <- body
	}()
	<-entered
	s.signal()
	s.await(t, s.err, "draining")
	await.Until(t, "a closed door", func() bool {
		conn, err := net.Dial("tcp", strings.TrimPrefix(url, "http://"))
		if err == nil {
			_ = conn.Close()
		}
		return err != nil
	})
	close(release)
	if body := <-answered; body != "whole" {
		t.Errorf("the running request got %q", body)
	}
	s.end().want(t, exitOK)
}

// A server that is to end says so at once and goes on answering for a while,
// each client for the last time on its connection.
func TestServer_LingersBeforeItDrains(t *testing.T) {
	t.Parallel()
	a, _ := appOn(t)
	s := &server{app: a, config: config.Serve{DrainTimeout: 2 * time.Hour, DrainDelay: time.Hour}}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	handler, _ := answering("hello")(Deps{})
	public := newServer(t.Context(), s.parting(handler), a.log, defaultPatience())
	failed := make(chan error, 1)
	served := make(chan error, 1)
	go func() { served <- public.Serve(listener) }()
	url := "http://" + listener.Addr().String()
	ask := func() (closing bool) {
		response, err := http.Get(url)
		if err != nil {
			t.Fatal(err)
		}
		_ = response.Body.Close()
		return response.Close
	}
	if err := s.serving(t.Context()); err != nil || ask() {
		t.Errorf("before the end: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	left := make(chan error, 1)
	stopped := make(chan struct{})
	go func() {
		left <- s.leave(ctx, []*http.Server{public}, failed, func() error {
			close(stopped)
			return nil
		})
	}()
	<-stopped // the jobs end while requests are still taken
	if s.serving(t.Context()) == nil || !ask() || !ask() {
		t.Error("it does not say that it is about to end")
	}
	failed <- errors.New("something worse")
	if err := <-left; err == nil || !strings.Contains(err.Error(), "something worse") {
		t.Errorf("leave: %v", err)
	}
	if err := <-served; !errors.Is(err, http.ErrServerClosed) {
		t.Errorf("the listener ended with %v", err)
	}
	if _, err := net.Dial("tcp", listener.Addr().String()); err == nil {
		t.Error("it still listens")
	}
}

// All is over within the timeout, the time that cancelled jobs take included.
func TestJobsTimeout(t *testing.T) {
	t.Parallel()
	for timeout, want := range map[time.Duration]time.Duration{30 * time.Second: 25 * time.Second, 6 * time.Second: 3 * time.Second} {
		if got := jobsTimeout(timeout); got != want || timeout >= 2*jobs.Grace && got+jobs.Grace > timeout {
			t.Errorf("of %s jobs have %s, want %s", timeout, got, want)
		}
	}
}

func TestServe_CutsRequestsThatNeverEnd(t *testing.T) {
	t.Parallel()
	entered := make(chan struct{})
	s := serve(t, func(Deps) (http.Handler, error) {
		return http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			close(entered)
			<-r.Context().Done()
		}), nil
	}, append(flagsOf(testdb.New(t)), secretFlag, "--drain-timeout=10ms")...)
	conn, err := net.Dial("tcp", strings.TrimPrefix(s.url(t), "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	if _, err := fmt.Fprint(conn, "GET / HTTP/1.1\r\nHost: x\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	<-entered
	s.signal()
	s.end().want(t, exitFailure, "still running after 10ms")
}

func TestServe_TheAdminListenerHasTheProfiles(t *testing.T) {
	t.Parallel()
	s := serve(t, answering("public"), append(flagsOf(testdb.New(t)), secretFlag, "--admin-addr=127.0.0.1:0")...)
	url := s.url(t)
	_, rest, _ := strings.Cut(s.err.String(), `msg="admin listener" addr=`)
	admin, _, _ := strings.Cut(rest, "\n")
	if status, body := get(t, "http://"+admin+"/debug/pprof/"); status != http.StatusOK || !strings.Contains(body, "goroutine") {
		t.Errorf("profiles answer %d", status)
	}
	if _, body := get(t, url+"/debug/pprof/"); body != "public" {
		t.Error("profiles are public")
	}
}

func TestServe_BusyAddress(t *testing.T) {
	t.Parallel()
	addr := occupied(t)
	// The database would be unusable, too: the address is looked at first.
	flags := []string{"--database-url=postgres://x:y@127.0.0.1:1/z", secretFlag, "--admin-addr=", "--addr=" + addr}
	for _, command := range []string{"serve", "demo"} {
		r := run(t, "", append([]string{command, "--json"}, flags...)...)
		r.want(t, exitAddress)
		if f := failure(t, r); f.Code != "ADDRESS" || !strings.Contains(f.Message, "another program uses it; choose another address with --addr") {
			t.Errorf("%s: %+v", command, f)
		}
		if r.out != "" {
			t.Errorf("%s printed %q", command, r.out)
		}
	}
	run(t, "", append(flags[:2:2], "--addr=127.0.0.1:0", "--admin-addr="+addr)...).want(t, exitAddress, "--admin-addr (empty for none)")
	run(t, "", slices.Concat(flags[:3], []string{"--addr=192.0.2.1:0"})...).want(t, exitAddress, "cannot listen on 192.0.2.1:0")
}

func TestServe_Secret(t *testing.T) {
	t.Parallel()
	for _, command := range []string{"serve", "demo"} {
		run(t, "", command, "--database-url=postgres://x:y@127.0.0.1:1/z").
			want(t, exitUsage, "UPSTREAM_SECRET_KEY is required with DATABASE_URL")
		run(t, "", command, "--secret-key=short").want(t, exitUsage, "must have at least 32 characters; it has 5")
	}
}

func TestServe_AHandlerThatCannotBeBuilt(t *testing.T) {
	t.Parallel()
	s := serve(t, func(Deps) (http.Handler, error) { return nil, fmt.Errorf("no pages") }, //nolint:perfsprint // any error
		append(flagsOf(testdb.New(t)), secretFlag)...)
	if r := s.end().want(t, exitFailure, "no pages"); strings.Contains(r.out, "ready") {
		t.Error("it said that it was ready")
	}
}

func TestListeners_URL(t *testing.T) {
	t.Parallel()
	for addr, want := range map[string]string{
		"127.0.0.1:0": "http://127.0.0.1:", "0.0.0.0:0": "http://localhost:", ":0": "http://localhost:",
	} {
		l, err := bind(t.Context(), addr, "--addr")
		if err != nil {
			t.Fatal(err)
		}
		port := l.Addr().(*net.TCPAddr).Port
		if got := (listeners{public: l}).url(); got != fmt.Sprint(want, port) {
			t.Errorf("%s: %s", addr, got)
		}
		listeners{public: l}.close()
	}
}
