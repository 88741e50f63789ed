package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"upstream/bench/seed"
	"upstream/models"
)

// server is the program, built and run as a user does.
type server struct {
	cmd           *exec.Cmd
	url, adminURL string
}

const (
	startTimeout = time.Minute
	stopTimeout  = 45 * time.Second
)

// startServer builds the program and starts it on the database. Its log is
// among the reports.
func (on *site) startServer(ctx context.Context) (*server, error) {
	program, err := on.build(ctx)
	if err != nil {
		return nil, err
	}
	admin, err := freeAddress(ctx)
	if err != nil {
		return nil, err
	}
	log, err := os.Create(on.report("server.log"))
	if err != nil {
		return nil, err
	}
	defer func() { _ = log.Close() }()                                             // the program has it open itself
	s := &server{cmd: exec.Command(program, "serve"), adminURL: "http://" + admin} //nolint:gosec,noctx // ended by stop, which lets it drain
	s.cmd.Env = append(os.Environ(),
		// Clients share one machine and few accounts: budgets per caller would be
		// measured, and not the program.
		"UPSTREAM_THROTTLE=off",
		"UPSTREAM_ADDR=127.0.0.1:0", "UPSTREAM_ADMIN_ADDR="+admin, "UPSTREAM_DATA_DIR="+on.from.DataDir, "DATABASE_URL="+on.from.URL,
		"LOG_FORMAT=json")
	if on.from.URL != "" && os.Getenv("UPSTREAM_SECRET_KEY") == "" {
		s.cmd.Env = append(s.cmd.Env, "UPSTREAM_SECRET_KEY="+rand.Text()+rand.Text())
	}
	s.cmd.Stderr = log
	out, err := s.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := s.cmd.Start(); err != nil {
		return nil, err
	}
	if s.url, err = ready(out); err != nil {
		return nil, errors.Join(fmt.Errorf("%w; see %s", err, log.Name()), s.stop())
	}
	return s, nil
}

// build makes the program as `make build` does, unless one is given.
func (on *site) build(ctx context.Context) (string, error) {
	if on.program != "" {
		return on.program, nil
	}
	program := filepath.Join(on.scratch, "upstream")
	build := exec.CommandContext(ctx, "go", "build", "-o", program, ".") //nolint:gosec // a folder of our own
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build the program, from the folder of the repository: %w\n%s", err, out)
	}
	return program, nil
}

func freeAddress(ctx context.Context) (string, error) {
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return listener.Addr().String(), listener.Close()
}

// ready waits for the line that says where the program is.
func ready(out io.Reader) (string, error) {
	lines := make(chan string, 1)
	go func() { // ends with the program's output
		defer close(lines)
		scanner := bufio.NewScanner(out)
		for scanner.Scan() {
			if url, ok := strings.CutPrefix(scanner.Text(), "ready "); ok {
				lines <- url
			}
		}
	}()
	timer := time.NewTimer(startTimeout)
	defer timer.Stop()
	select {
	case url, ok := <-lines:
		if !ok {
			return "", errors.New("the server ended before it was ready")
		}
		return url, nil
	case <-timer.C:
		return "", fmt.Errorf("the server was not ready within %s", startTimeout)
	}
}

// stop has the program drain.
func (s *server) stop() error {
	_ = s.cmd.Process.Signal(syscall.SIGTERM) // an error means that it has ended, which Wait tells
	timer := time.AfterFunc(stopTimeout, func() { _ = s.cmd.Process.Kill() })
	defer timer.Stop()
	if err := s.cmd.Wait(); err != nil {
		return fmt.Errorf("the server did not end well: %w", err)
	}
	return nil
}

// signedIn signs an analyst of each customer in, for those of the clients who
// have been at it for a while, and keeps the tokens in a file.
func (on *site) signedIn(ctx context.Context, fn func(*site) error) error {
	tokens := map[string]string{}
	for _, customer := range on.world.Customers {
		token, err := signIn(ctx, on.url, customer, on.world.Password)
		if err != nil {
			return err
		}
		tokens[customer.Slug] = token
	}
	text, err := json.Marshal(tokens)
	if err != nil {
		return err
	}
	on.tokens = filepath.Join(on.scratch, "tokens.json")
	if err := os.WriteFile(on.tokens, text, 0o600); err != nil {
		return err
	}
	return fn(on)
}

func signIn(ctx context.Context, url string, customer *seed.Facts, password string) (string, error) {
	body, err := json.Marshal(map[string]string{"email": customer.Users[models.RoleAnalyst], "password": password})
	if err != nil {
		return "", err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, url+"/api/v1/auth/token/", bytes.NewReader(body))
	if err != nil {
		return "", err
	}
	request.Header.Set("Content-Type", "application/json")
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return "", err
	}
	defer func() { _ = answer.Body.Close() }()
	var tokens struct {
		Access string `json:"access"`
	}
	if err := json.NewDecoder(answer.Body).Decode(&tokens); err != nil || answer.StatusCode != http.StatusOK {
		return "", fmt.Errorf("sign in to %s at %s: %s %w", customer.Slug, url, answer.Status, err)
	}
	return tokens.Access, nil
}
