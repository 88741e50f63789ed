package program

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
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

var (
	errEnded = errors.New("it ended before it was ready")
	errLate  = fmt.Errorf("it was not ready within %s", startPatience)
	errStays = fmt.Errorf("it ran on %s after SIGTERM", endPatience)
)

// Build makes the program as `make build` does, in a folder, and answers with its
// path.
func Build(ctx context.Context, folder string) (string, error) {
	path := filepath.Join(folder, "upstream")
	cmd := exec.CommandContext(ctx, "go", "build", "-o", path, "upstream") //nolint:gosec // our own program
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build the program: %w\n%s", err, out)
	}
	return path, nil
}

// Server is a process that serves. Whoever starts it calls End or Kill.
type Server struct {
	// URL is where it is.
	URL string

	cmd *exec.Cmd
	// ended is closed at its end, for the reason err.
	ended chan struct{}
	err   error
}

// Serve starts a built program with an environment, of which it is all, and waits
// until it says where it is. Its log goes to log. The end of ctx ends the waiting,
// and not a server that is ready.
func Serve(ctx context.Context, path string, env []string, log io.Writer) (*Server, error) {
	s := &Server{cmd: exec.CommandContext(context.WithoutCancel(ctx), path, "serve"), ended: make(chan struct{})}
	s.cmd.Env, s.cmd.Stderr = env, log
	out, err := s.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := s.cmd.Start(); err != nil {
		return nil, err
	}
	said := make(chan string, 1)
	go s.listen(out, said)
	timer := time.NewTimer(startPatience)
	defer timer.Stop()
	select {
	case s.URL = <-said:
		return s, nil
	case <-s.ended:
		return nil, errors.Join(errEnded, s.err)
	case <-timer.C:
		err = errLate
	case <-ctx.Done():
		err = ctx.Err()
	}
	s.Kill()
	return nil, err
}

// listen reads what the server prints, and waits for its end.
func (s *Server) listen(out io.Reader, said chan<- string) {
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		if url, ok := strings.CutPrefix(lines.Text(), "ready "); ok {
			said <- url
		}
	}
	s.err = s.cmd.Wait()
	close(s.ended)
}

// PID is the number of the process.
func (s *Server) PID() int { return s.cmd.Process.Pid }

// End asks the server to drain and to end, as whoever replaces it would, and
// answers how long it took. One that does not in time is killed.
func (s *Server) End() (time.Duration, error) {
	begun := time.Now()
	_ = s.cmd.Process.Signal(syscall.SIGTERM) // an error means that it has ended, which err tells
	timer := time.NewTimer(endPatience)
	defer timer.Stop()
	select {
	case <-s.ended:
	case <-timer.C:
		s.Kill()
		return 0, errStays
	}
	if s.err != nil {
		return 0, fmt.Errorf("it ended badly: %w", s.err)
	}
	return time.Since(begun), nil
}

// Kill ends the server at once.
func (s *Server) Kill() {
	_ = s.cmd.Process.Kill() // it may have ended by itself
	<-s.ended
}
