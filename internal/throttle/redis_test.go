package throttle_test

import (
	"bufio"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// redisServer is a Redis of one test, on a socket of its own.
type redisServer struct {
	t       *testing.T
	program string
	socket  string
	cmd     *exec.Cmd
}

// requireRedis makes a missing redis-server a failure instead of a skip.
const requireRedis = "UPSTREAM_REQUIRE_REDIS"

func startRedis(t *testing.T) *redisServer {
	t.Helper()
	dir, err := os.MkdirTemp("", "redis") //nolint:usetesting // the name of a socket may have a hundred bytes only
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	r := &redisServer{t: t, program: findRedis(t), socket: filepath.Join(dir, "redis.sock")}
	t.Cleanup(r.kill)
	r.start()
	return r
}

func findRedis(t *testing.T) string {
	t.Helper()
	for _, name := range []string{"redis-server", "/usr/bin/redis-server", "/usr/local/bin/redis-server", "/opt/homebrew/bin/redis-server"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	const missing = "there is no redis-server on this machine"
	if os.Getenv(requireRedis) != "" {
		t.Fatal(missing + ", and " + requireRedis + " is set")
	}
	t.Skip(missing)
	return ""
}

// start returns once requests are answered.
func (r *redisServer) start() {
	r.t.Helper()
	r.cmd = exec.Command(r.program, "--port", "0", "--unixsocket", r.socket, "--save", "", "--appendonly", "no",
		"--dir", filepath.Dir(r.socket), "--daemonize", "no", "--logfile", "")
	out, err := r.cmd.StdoutPipe()
	if err != nil {
		r.t.Fatal(err)
	}
	if err := r.cmd.Start(); err != nil {
		r.t.Fatal(err)
	}
	var said strings.Builder
	for lines := bufio.NewScanner(out); lines.Scan(); {
		said.WriteString(lines.Text() + "\n")
		// By socket, newer versions say it in the second way only.
		if strings.Contains(lines.Text(), "eady to accept connections") || strings.Contains(lines.Text(), "now ready to accept connections at") {
			go func() { _, _ = io.Copy(io.Discard, out) }() // ends with the server
			return
		}
	}
	r.t.Fatalf("redis-server ended:\n%s", said.String())
}

func (r *redisServer) kill() {
	if r.cmd == nil || r.cmd.ProcessState != nil {
		return
	}
	_ = r.cmd.Process.Kill()
	_ = r.cmd.Wait()
}

func (r *redisServer) url() string { return "unix://" + r.socket }
