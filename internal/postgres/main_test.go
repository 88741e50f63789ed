//go:build linux || darwin || freebsd

package postgres

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/jackc/pgx/v5"
	"go.uber.org/goleak"
)

// helperEnv makes the test binary run a server on the directory it names
// instead of the tests, until it is killed.
const helperEnv = "UPSTREAM_POSTGRES_HELPER"

func TestMain(m *testing.M) {
	if dir := os.Getenv(helperEnv); dir != "" {
		os.Exit(runHelper(dir))
	}
	code := m.Run()
	if err := shared.stop(); err != nil {
		_, _ = fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	if err := goleak.Find(); err != nil && code == 0 {
		_, _ = fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

// runHelper prints "ready" or the error, and waits to be killed.
func runHelper(dir string) int {
	instance, err := Start(context.Background(), Options{DataDir: dir})
	if err != nil {
		_, _ = fmt.Fprintln(os.Stdout, strings.ReplaceAll(err.Error(), "\n", " "))
		return 1
	}
	_, _ = fmt.Fprintln(os.Stdout, "ready")
	<-instance.Done()
	return 0
}

// startHelper runs a server in a process of its own and waits until it is ready.
func startHelper(t *testing.T, dir string) *exec.Cmd {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), helperEnv+"="+dir)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	line, err := bufio.NewReader(out).ReadString('\n')
	if strings.TrimSpace(line) != "ready" {
		t.Fatalf("the helper said %q (%v)", line, err)
	}
	return cmd
}

// shared is one fast server for the tests that only need some server.
var shared sharedServer

type sharedServer struct {
	once     sync.Once
	dir      string
	instance *Instance
	err      error
}

func (s *sharedServer) start() {
	s.dir, s.err = makeOpenDir()
	if s.err == nil {
		s.instance, s.err = Start(context.Background(), Options{DataDir: s.dir, Fast: true})
	}
}

func (s *sharedServer) stop() error {
	if s.instance == nil {
		return nil
	}
	err := s.instance.Stop(context.Background())
	if removeErr := os.RemoveAll(s.dir); err == nil {
		err = removeErr
	}
	return err
}

func sharedInstance(t *testing.T) *Instance {
	t.Helper()
	shared.once.Do(shared.start)
	if shared.err != nil {
		t.Fatal(shared.err)
	}
	return shared.instance
}

// openDir is a temporary directory that every account may enter, with a path
// short enough for a socket.
func openDir(t *testing.T) string {
	t.Helper()
	dir, err := makeOpenDir()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	return dir
}

func makeOpenDir() (string, error) {
	dir, err := os.MkdirTemp("", "upstream-pg-")
	if err != nil {
		return "", err
	}
	return dir, os.Chmod(dir, 0o755)
}

// start starts a server that the test stops at its end.
func start(t *testing.T, o Options) *Instance {
	t.Helper()
	instance, err := Start(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := instance.Stop(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return instance
}

func mustStop(t *testing.T, instance *Instance) {
	t.Helper()
	if err := instance.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// exec runs statements on a connection of their own.
func run(t *testing.T, url string, statements ...string) {
	t.Helper()
	conn := connect(t, url)
	for _, statement := range statements {
		if _, err := conn.Exec(t.Context(), statement); err != nil {
			t.Fatalf("%s: %v", statement, err)
		}
	}
}

// ask reads one text value.
func ask(t *testing.T, url, query string) string {
	t.Helper()
	var answer string
	if err := connect(t, url).QueryRow(t.Context(), query).Scan(&answer); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	return answer
}

func connect(t *testing.T, url string) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close(context.Background()) })
	return conn
}

func alive(pid int) bool { return syscall.Kill(pid, 0) == nil }
