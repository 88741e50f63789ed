//go:build linux || darwin || freebsd

package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"upstream/internal/testdb"
)

// program is the program in a process of its own.
type program struct {
	cmd *exec.Cmd
	// stdout and stderr are lines as they come; everything is kept in the texts.
	stdout, stderr *lines
}

type lines struct {
	scanner *bufio.Scanner
	text    strings.Builder
}

// until reads on to a line that contains text.
func (l *lines) until(t *testing.T, text string) string {
	t.Helper()
	for l.scanner.Scan() {
		line := l.scanner.Text()
		l.text.WriteString(line + "\n")
		if strings.Contains(line, text) {
			return line
		}
	}
	t.Fatalf("ended without a line that contains %q:\n%s", text, l.text.String())
	return ""
}

// rest reads to the end and answers with all there was.
func (l *lines) rest() string {
	for l.scanner.Scan() {
		l.text.WriteString(l.scanner.Text() + "\n")
	}
	return l.text.String()
}

// environment is that of the program: ours without settings, and a data
// directory and free ports instead.
func environment(dir string) []string {
	var env []string
	for _, setting := range os.Environ() {
		name, _, _ := strings.Cut(setting, "=")
		if name == "UPSTREAM_PG_BIN" || (name != "DATABASE_URL" && name != "REDIS_URL" && !strings.HasPrefix(name, "UPSTREAM_") && !strings.HasPrefix(name, "LOG_")) {
			env = append(env, setting)
		}
	}
	return append(env, programVariable+"=1", "UPSTREAM_DATA_DIR="+dir, "UPSTREAM_ADDR=127.0.0.1:0", "UPSTREAM_ADMIN_ADDR=", "UPSTREAM_THROTTLE=off")
}

func start(t *testing.T, dir string, args ...string) *program {
	t.Helper()
	cmd := exec.Command(os.Args[0], args...)
	cmd.Env = environment(dir)
	p := &program{cmd: cmd}
	for _, pipe := range []struct {
		open func() (io.ReadCloser, error)
		to   **lines
	}{{cmd.StdoutPipe, &p.stdout}, {cmd.StderrPipe, &p.stderr}} {
		out, err := pipe.open()
		if err != nil {
			t.Fatal(err)
		}
		scanner := bufio.NewScanner(out)
		scanner.Buffer(nil, 16<<20)
		*pipe.to = &lines{scanner: scanner}
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if cmd.ProcessState == nil {
			_ = cmd.Process.Kill()
			_ = cmd.Wait()
		}
	})
	return p
}

func (p *program) signal(t *testing.T) {
	t.Helper()
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
}

// end waits for the end, which must come with the exit code, and answers with
// all that was written.
func (p *program) end(t *testing.T, code int) (stdout, stderr string) {
	t.Helper()
	stdout, stderr = p.stdout.rest(), p.stderr.rest()
	var exit *exec.ExitError
	if err := p.cmd.Wait(); err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	if got := p.cmd.ProcessState.ExitCode(); got != code {
		t.Fatalf("ended with %d, want %d\nstdout: %s\nstderr: %s", got, code, stdout, stderr)
	}
	return stdout, stderr
}

func (p *program) url(t *testing.T) string {
	t.Helper()
	return strings.TrimPrefix(p.stdout.until(t, "ready http://"), "ready ")
}

// command runs a command to its end and reads the JSON it prints.
func command[T any](t *testing.T, dir string, args ...string) T {
	t.Helper()
	p := start(t, dir, append(args, "--json")...)
	stdout, _ := p.end(t, 0)
	return decode[T](t, strings.NewReader(stdout))
}

// client talks to a program as one user.
type client struct {
	http  *http.Client
	url   string
	token string
}

func newClient(url string) *client {
	transport := &http.Transport{DisableKeepAlives: true, ExpectContinueTimeout: time.Minute}
	return &client{http: &http.Client{Transport: transport}, url: url}
}

func signIn(t *testing.T, url, email, password string) *client {
	t.Helper()
	c := newClient(url)
	body, err := json.Marshal(map[string]string{"email": email, "password": password})
	if err != nil {
		t.Fatal(err)
	}
	answer := c.send(t, http.MethodPost, "/api/v1/auth/token/", bytes.NewReader(body), "application/json")
	c.token = decode[map[string]string](t, strings.NewReader(answer))["access"]
	return c
}

// send answers with the body of a response that must be a success.
func (c *client) send(t *testing.T, method, path string, body io.Reader, contentType string) string {
	t.Helper()
	answer, err := c.try(method, path, body, contentType)
	if err != nil {
		t.Fatal(err)
	}
	return answer
}

func (c *client) try(method, path string, body io.Reader, contentType string) (string, error) {
	request, err := http.NewRequest(method, c.url+path, body)
	if err != nil {
		return "", err
	}
	request.Header.Set("Content-Type", contentType)
	if method == http.MethodPost {
		request.Header.Set("Expect", "100-continue")
	}
	if c.token != "" {
		request.Header.Set("Authorization", "Bearer "+c.token)
	}
	response, err := c.http.Do(request)
	if err != nil {
		return "", err
	}
	defer func() { _ = response.Body.Close() }()
	text, err := io.ReadAll(response.Body)
	if err == nil && response.StatusCode >= http.StatusBadRequest {
		err = fmt.Errorf("%s %s: %s: %s", method, path, response.Status, text)
	}
	return string(text), err
}

func (c *client) count(t *testing.T, path string) int {
	t.Helper()
	return decode[struct {
		Count int `json:"count"`
	}](t, strings.NewReader(c.send(t, http.MethodGet, path, nil, ""))).Count
}

// slowUpload is an upload of which half has been sent.
type slowUpload struct {
	form   *multipart.Writer
	part   io.Writer
	pipe   *io.PipeWriter
	answer chan error
}

// uploadSlowly begins an upload and returns once the server reads it: the client
// sends nothing before the server has asked for more.
func (c *client) uploadSlowly(t *testing.T) *slowUpload {
	t.Helper()
	body, pipe := io.Pipe()
	u := &slowUpload{form: multipart.NewWriter(pipe), pipe: pipe, answer: make(chan error, 1)}
	go func() {
		_, err := c.try(http.MethodPost, "/api/v1/uploads/", body, u.form.FormDataContentType())
		u.answer <- errors.Join(err, body.Close())
	}()
	var err error
	if u.part, err = u.form.CreateFormFile("file", "late.csv"); err != nil {
		t.Fatal(err)
	}
	u.write(t, "payer,cpt,submitted_date,decided_date,outcome,billed_amount\nLatecomer,99213,2026-01-05,2026-01-13,PAID,100\n")
	return u
}

func (u *slowUpload) write(t *testing.T, text string) {
	t.Helper()
	if _, err := io.WriteString(u.part, text); err != nil {
		t.Fatal(err)
	}
}

func (u *slowUpload) finish(t *testing.T) {
	t.Helper()
	u.write(t, "Latecomer,99214,2026-01-05,2026-01-13,PAID,100\n")
	if err := errors.Join(u.form.Close(), u.pipe.Close(), <-u.answer); err != nil {
		t.Error(err)
	}
}

// demoDocument is the line the demo prints for machines.
type demoDocument struct {
	Clinics []struct {
		Slug string `json:"slug"`
		Run  struct {
			ID      string           `json:"id"`
			Tests   int              `json:"test_count"`
			Events  []map[string]any `json:"drift_events"`
			Message string           `json:"message"`
		} `json:"report_run"`
	} `json:"clinics"`
	Users []struct {
		Email string `json:"email"`
	} `json:"users"`
	Password string `json:"password"`
}

// TestProgram is a stranger's first hour: a demo that is interrupted and
// started again, queries, commands and a second server beside it, and ends of
// every kind. It is one story because each start takes the state of the last.
func TestProgram(t *testing.T) {
	t.Parallel()
	dir := openDir(t)

	interrupted := start(t, dir, "demo")
	interrupted.stderr.until(t, "clinic=cedar") // the other clinic is under way
	interrupted.signal(t)
	if out, _ := interrupted.end(t, 130); strings.Contains(out, "ready") {
		t.Errorf("an interrupted demo prints %q", out)
	}
	checkStopped(t, dir)

	demo := start(t, dir, "demo", "--json")
	if !demo.stdout.scanner.Scan() {
		_, stderr := demo.end(t, 0)
		t.Fatalf("nothing printed: %s", stderr)
	}
	document := decode[demoDocument](t, strings.NewReader(demo.stdout.scanner.Text()))
	url := demo.url(t)
	checkDocument(t, dir, document)
	harbor := signIn(t, url, "analyst@harbor.test", document.Password)
	events := len(document.Clinics[1].Run.Events)
	if n := harbor.count(t, "/api/v1/drift-events/active/"); n != events {
		t.Errorf("REST has %d active events, the terminal %d", n, events)
	}
	answer := harbor.send(t, http.MethodPost, "/graphql", strings.NewReader(`{"query":"{ activeDriftEvents { totalCount } }"}`), "application/json")
	if !strings.Contains(answer, fmt.Sprintf(`"totalCount":%d`, events)) {
		t.Errorf("GraphQL answers %s", answer)
	}
	if n := harbor.count(t, "/api/v1/claims/?page_size=1"); n != 120_000 {
		t.Errorf("%d claims", n)
	}

	// Commands and servers of other processes join its database.
	if run := command[map[string]any](t, dir, "detect", "--customer=cedar", "--as-of=2026-05-01"); run["status"] != "success" {
		t.Errorf("detect prints %v", run)
	}
	second := start(t, dir, "serve")
	beside := &client{http: harbor.http, url: second.url(t), token: harbor.token}
	if n := beside.count(t, "/api/v1/drift-events/active/"); n != events {
		t.Errorf("the second server has %d active events, the first %d", n, events)
	}

	// SIGTERM lets an upload finish that is half done.
	upload := harbor.uploadSlowly(t)
	demo.signal(t)
	demo.stderr.until(t, "draining")
	upload.finish(t)
	stdout, stderr := demo.end(t, 0)
	if stdout != "ready "+url+"\n" {
		t.Errorf("after the document the demo prints %q", stdout)
	}
	for _, secret := range []string{document.Password, harbor.token, "page_size"} {
		if strings.Contains(stderr, secret) {
			t.Errorf("%s is in the log", secret)
		}
	}
	if _, stderr := second.end(t, 5); !strings.Contains(stderr, "the embedded database has ended") {
		t.Errorf("the second server says %s", stderr)
	}
	checkStopped(t, dir)

	checkSecondStart(t, dir, document)
}

// checkSecondStart starts the demo again and ends it by two signals, of which
// the second waits for nothing.
func checkSecondStart(t *testing.T, dir string, document demoDocument) {
	t.Helper()
	again := start(t, dir, "demo")
	url := again.url(t)
	if !strings.Contains(again.stdout.text.String(), "Harbor Hospital Group: ") || strings.Contains(again.stderr.text.String(), "claims ingested") {
		t.Errorf("the second start: %s", again.stdout.text.String())
	}
	for _, want := range []string{url + "/playground", url + "/api/docs", "Password of all: " + document.Password, "TOKEN=$(curl"} {
		again.stdout.until(t, want)
	}
	client := signIn(t, url, "owner@harbor.test", document.Password)
	if n := client.count(t, "/api/v1/reports/"); n != 1 {
		t.Errorf("%d runs: the second start made another", n)
	}
	if n := client.count(t, "/api/v1/claims/?payer=Latecomer"); n != 2 {
		t.Errorf("%d claims of the upload that was under way", n)
	}
	upload := client.uploadSlowly(t)
	again.signal(t)
	again.stderr.until(t, "draining")
	again.signal(t)
	again.end(t, -1)
	if status := again.cmd.ProcessState.Sys().(syscall.WaitStatus); !status.Signaled() || status.Signal() != syscall.SIGTERM {
		t.Errorf("ended with %v", again.cmd.ProcessState)
	}
	_ = upload.pipe.Close()
	if err := <-upload.answer; err == nil {
		t.Error("an upload that was cut off was answered")
	}
	// The database was stopped all the same, and the next command finds it whole.
	steps := command[[]map[string]any](t, dir, "migrate", "status")
	if len(steps) == 0 || steps[0]["applied_at"] == nil {
		t.Errorf("migrations are %v", steps)
	}
	checkStopped(t, dir)
}

func checkDocument(t *testing.T, dir string, d demoDocument) {
	t.Helper()
	if len(d.Clinics) != 2 || d.Clinics[0].Slug != "cedar" || d.Clinics[1].Slug != "harbor" || len(d.Users) != 9 || d.Password == "" {
		t.Fatalf("the demo prints %+v", d)
	}
	if run := d.Clinics[0].Run; run.Tests == 0 || len(run.Events) != 0 || !strings.Contains(run.Message, "smallest change it could have seen") {
		t.Errorf("Cedar: %+v", run)
	}
	if run := d.Clinics[1].Run; len(run.Events) == 0 || run.Events[0]["severity_label"] == nil || run.Events[0]["q_value"] == nil {
		t.Errorf("Harbor: %+v", run)
	}
	if _, err := os.Stat(filepath.Join(dir, "demo", "harbor-claims.truth.json")); err != nil {
		t.Error(err)
	}
}

// checkStopped demands that no server outlived the program.
func checkStopped(t *testing.T, dir string) {
	t.Helper()
	if _, err := os.Stat(filepath.Join(dir, "postgres", "pgdata", "postmaster.pid")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the database runs on: %v", err)
	}
}

// TestProgram_Configured serves from a database that is not its own.
func TestProgram_Configured(t *testing.T) {
	t.Parallel()
	db, dir := testdb.New(t), t.TempDir()
	flags := []string{"--database-url=" + db.AppURL, "--migration-url=" + db.OwnerURL, "--secret-key=" + strings.Repeat("s", 32)}
	server := start(t, dir, flags...)
	c := newClient(server.url(t))
	if answer := c.send(t, http.MethodGet, "/readyz", nil, ""); !strings.Contains(answer, "healthy") {
		t.Errorf("readiness is %s", answer)
	}
	server.signal(t)
	server.end(t, 0)
	if entries, err := os.ReadDir(dir); err != nil || len(entries) > 0 {
		t.Errorf("the data directory holds %v, %v", entries, err)
	}
	// The real edges describe themselves.
	for _, version := range []string{"3.0", "3.1"} {
		if document := command[map[string]any](t, dir, "openapi", "--version="+version); !strings.HasPrefix(document["openapi"].(string), version) {
			t.Errorf("OpenAPI is %v", document["openapi"])
		}
	}
	if schema := command[map[string]string](t, dir, "schema"); !strings.Contains(schema["sdl"], "activeDriftEvents") {
		t.Error("the schema lacks activeDriftEvents")
	}
}

// openDir is a temporary directory that every account may enter, as that of the
// embedded database must, with a path short enough for a socket.
func openDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "upstream-e2e-") //nolint:usetesting // no other account may enter that of the test
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
