package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"upstream/internal/factory"
	"upstream/internal/testdb"
)

// TestMain takes away the settings of whoever runs the tests.
func TestMain(m *testing.M) {
	for _, setting := range os.Environ() {
		name, _, _ := strings.Cut(setting, "=")
		kept := name == testdb.URLVariable || name == "UPSTREAM_PG_BIN"
		if !kept && (name == "DATABASE_URL" || strings.HasPrefix(name, "UPSTREAM_") || strings.HasPrefix(name, "LOG_")) {
			_ = os.Unsetenv(name)
		}
	}
	testdb.Main(m)
}

// result is what a command left behind.
type result struct {
	code     int
	out, err string
}

// run runs a command line to its end; stdin is its input.
func run(t *testing.T, stdin string, args ...string) result {
	t.Helper()
	return runWith(t.Context(), strings.NewReader(stdin), args...)
}

func runWith(ctx context.Context, in io.Reader, args ...string) result {
	var out, errs bytes.Buffer
	code := Main(ctx, args, Streams{In: in, Out: &out, Err: &errs}, Edges{
		Handler: func(Deps) (http.Handler, error) { return http.NotFoundHandler(), nil },
		OpenAPI: func(version string) ([]byte, error) { return []byte(`{"openapi":"` + version + `"}`), nil },
		SDL:     func() string { return "type Query { viewer: String }\n" },
	})
	return result{code, out.String(), errs.String()}
}

// want fails the test unless the command ended with the code and wrote each of
// the texts to one of its streams.
func (r result) want(t *testing.T, code int, texts ...string) result {
	t.Helper()
	if r.code != code {
		t.Errorf("exit code %d, want %d\nstdout: %s\nstderr: %s", r.code, code, r.out, r.err)
	}
	for _, text := range texts {
		if !strings.Contains(r.out+r.err, text) {
			t.Errorf("the output lacks %q\nstdout: %s\nstderr: %s", text, r.out, r.err)
		}
	}
	return r
}

// wantRow demands a row of a table whose first cell is name and whose second
// begins with text.
func (r result) wantRow(t *testing.T, name, text string) {
	t.Helper()
	for line := range strings.Lines(r.out) {
		if cells := strings.Fields(line); len(cells) > 1 && cells[0] == name && strings.HasPrefix(cells[1], text) {
			return
		}
	}
	t.Errorf("no row of %s has %q\nstdout: %s\nstderr: %s", name, text, r.out, r.err)
}

// decode reads standard output, which must be one JSON document.
func decode[T any](t *testing.T, r result) T {
	t.Helper()
	var value T
	decoder := json.NewDecoder(strings.NewReader(r.out))
	if err := decoder.Decode(&value); err != nil {
		t.Fatalf("%v in %q; stderr: %s", err, r.out, r.err)
	}
	if decoder.More() {
		t.Errorf("more than one document in %q", r.out)
	}
	return value
}

// failure reads the error of a --json command: the last line of standard error.
func failure(t *testing.T, r result) errorDetail {
	t.Helper()
	lines := strings.Split(strings.TrimSpace(r.err), "\n")
	var body errorBody
	if err := json.Unmarshal([]byte(lines[len(lines)-1]), &body); err != nil {
		t.Fatalf("%v in %q", err, r.err)
	}
	if body.Error.ExitCode != r.code {
		t.Errorf("the error says exit code %d, the program %d", body.Error.ExitCode, r.code)
	}
	return body.Error
}

// clinic is a database with a customer, and the flags that lead there.
type clinic struct {
	*factory.Tenant
	flags []string
}

func newClinic(t *testing.T) *clinic {
	t.Helper()
	w := factory.New(t)
	return &clinic{Tenant: w.Tenant("lakeside"), flags: flagsOf(w.DB)}
}

// flagsOf makes a command use a test's database.
func flagsOf(db *testdb.DB) []string {
	return []string{"--database-url=" + db.AppURL, "--migration-url=" + db.OwnerURL}
}

func (c *clinic) run(t *testing.T, stdin string, args ...string) result {
	t.Helper()
	return run(t, stdin, append(args, c.flags...)...)
}

// execute changes the database as the owner of the tables.
func execute(t *testing.T, db *testdb.DB, statement string) {
	t.Helper()
	if _, err := db.Owner.Exec(t.Context(), statement); err != nil {
		t.Fatal(err)
	}
}

// openDir is a temporary directory that every account may enter, as that of the
// embedded database must, with a path short enough for a socket.
func openDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "upstream-cli-") //nolint:usetesting // no other account may enter that of the test
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	return dir
}

// writeTemp writes a file for a command to read.
func writeTemp(t *testing.T, name, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// transcript is a stream that can be waited on.
type transcript struct {
	mu      sync.Mutex
	text    strings.Builder
	changed chan struct{}
}

func newTranscript() *transcript { return &transcript{changed: make(chan struct{})} }

// Write implements io.Writer.
func (s *transcript) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	close(s.changed)
	s.changed = make(chan struct{})
	return s.text.Write(p)
}

func (s *transcript) String() string {
	text, _ := s.now()
	return text
}

func (s *transcript) now() (string, <-chan struct{}) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.String(), s.changed
}

// serving is a command that serves.
type serving struct {
	out, err *transcript
	// signal is what SIGTERM is to the program.
	signal context.CancelFunc
	code   int
	done   chan struct{}
}

// serve starts a command whose listener is served by handler. The test's end
// stops it.
func serve(t *testing.T, handler func(Deps) (http.Handler, error), args ...string) *serving {
	t.Helper()
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	s := &serving{out: newTranscript(), err: newTranscript(), signal: cancel, done: make(chan struct{})}
	if handler == nil {
		handler = func(Deps) (http.Handler, error) { return http.NotFoundHandler(), nil }
	}
	go func() {
		defer close(s.done)
		streams := Streams{In: strings.NewReader(""), Out: s.out, Err: s.err}
		s.code = Main(ctx, append([]string{"--addr=127.0.0.1:0", "--admin-addr="}, args...), streams, Edges{Handler: handler})
	}()
	t.Cleanup(func() {
		cancel()
		<-s.done
	})
	return s
}

// await waits until the stream has the text, and fails when the command ends
// before.
func (s *serving) await(t *testing.T, stream *transcript, text string) {
	t.Helper()
	for {
		have, changed := stream.now()
		if strings.Contains(have, text) {
			return
		}
		select {
		case <-changed:
		case <-s.done:
			if have, _ := stream.now(); !strings.Contains(have, text) {
				t.Fatalf("ended with %d before it said %q\nstdout: %s\nstderr: %s", s.code, text, s.out, s.err)
			}
			return
		}
	}
}

// url waits for the ready line.
func (s *serving) url(t *testing.T) string {
	t.Helper()
	s.await(t, s.out, "ready http://")
	_, rest, _ := strings.Cut(s.out.String(), "ready ")
	url, _, _ := strings.Cut(rest, "\n")
	return url
}

// end waits for the end of the command.
func (s *serving) end() result {
	<-s.done
	return result{s.code, s.out.String(), s.err.String()}
}

// get asks for a page and answers with its status and body.
func get(t *testing.T, url string) (int, string) {
	t.Helper()
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	response, err := client.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	_ = response.Body.Close()
	return response.StatusCode, string(body)
}

// occupied is an address that another listener holds.
func occupied(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	return listener.Addr().String()
}

// appOn is a command's app without its command line, for steps that no command
// line reaches alone.
func appOn(t *testing.T) (*app, *transcript) {
	t.Helper()
	out := newTranscript()
	a := &app{Streams: Streams{In: strings.NewReader(""), Out: out, Err: io.Discard}, log: slog.New(slog.DiscardHandler)}
	a.DataDir = t.TempDir()
	return a, out
}
