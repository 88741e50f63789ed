package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"
)

// How long a server may take to start, and to end: the contract of SIGTERM is
// 30 s, of which the drain timeout is the greater part.
const (
	startPatience = time.Minute
	endPatience   = 35 * time.Second
)

// version is one version of the program.
type version struct {
	name, path string
	env        []string
}

// environment is what every process of the program gets: ours without settings
// of its, and these.
func environment(settings map[string]string) []string {
	var env []string
	for _, setting := range os.Environ() {
		name, _, _ := strings.Cut(setting, "=")
		foreign := strings.HasPrefix(name, "UPSTREAM_") || strings.HasPrefix(name, "LOG_") || strings.HasPrefix(name, "OTEL_")
		if !foreign && name != "DATABASE_URL" && name != "REDIS_URL" && name != "SMTP_URL" {
			env = append(env, setting)
		}
	}
	for name, value := range settings {
		env = append(env, name+"="+value)
	}
	return env
}

// run runs a command to its end and answers with what it prints.
func (v version) run(ctx context.Context, args ...string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, v.path, args...) //nolint:gosec // the program under test
	cmd.Env = v.env
	var stderr bytes.Buffer
	cmd.Stderr = io.MultiWriter(&stderr, os.Stderr)
	out, err := cmd.Output()
	if err != nil {
		return out, fmt.Errorf("%s %s: %w: %s", v.name, strings.Join(args, " "), err, strings.TrimSpace(stderr.String()))
	}
	return out, nil
}

// ask is run of a command that answers in JSON.
func ask[T any](ctx context.Context, v version, args ...string) (value T, err error) {
	out, err := v.run(ctx, append(args, "--json")...)
	if err != nil {
		return value, err
	}
	return value, json.Unmarshal(out, &value)
}

// server is a serving process.
type server struct {
	version
	cmd *exec.Cmd
	url string
	// ended is closed at its end, for the reason err.
	ended chan struct{}
	err   error
}

// serve starts a server and waits until it says where it is.
func (v version) serve(ctx context.Context) (*server, error) {
	s := &server{version: v, cmd: exec.CommandContext(context.WithoutCancel(ctx), v.path, "serve"), ended: make(chan struct{})} //nolint:gosec // as above
	s.cmd.Env, s.cmd.Stderr = v.env, os.Stderr
	out, err := s.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := s.cmd.Start(); err != nil {
		return nil, err
	}
	said := make(chan string, 1)
	go func() {
		lines := bufio.NewScanner(out)
		for lines.Scan() {
			if url, ok := strings.CutPrefix(lines.Text(), "ready "); ok {
				said <- url
			}
		}
		s.err = s.cmd.Wait()
		close(s.ended)
	}()
	ctx, cancel := context.WithTimeout(ctx, startPatience)
	defer cancel()
	select {
	case s.url = <-said:
		return s, nil
	case <-s.ended:
		return nil, fmt.Errorf("a server of %s ended at its start: %w", v.name, s.err)
	case <-ctx.Done():
		s.kill()
		return nil, fmt.Errorf("a server of %s did not start: %w", v.name, ctx.Err())
	}
}

// end asks a server to end, as whoever replaces it would, and answers how long
// it took.
func (s *server) end(ctx context.Context) (time.Duration, error) {
	begun := time.Now()
	if err := s.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		return 0, err
	}
	ctx, cancel := context.WithTimeout(ctx, endPatience)
	defer cancel()
	select {
	case <-s.ended:
	case <-ctx.Done():
		s.kill()
		return 0, fmt.Errorf("a server of %s ran on %s after SIGTERM", s.name, endPatience)
	}
	if s.err != nil {
		return 0, fmt.Errorf("a server of %s ended badly after SIGTERM: %w", s.name, s.err)
	}
	return time.Since(begun), nil
}

func (s *server) kill() {
	_ = s.cmd.Process.Kill() // it may have ended by itself
	<-s.ended
}
