package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// build makes the program.
func build(ctx context.Context, into string) (string, error) {
	path := filepath.Join(into, "upstream")
	//nolint:gosec // our own program
	cmd := exec.CommandContext(ctx, "go", "build", "-o", path, "upstream")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build the program: %w\n%s", err, out)
	}
	return path, nil
}

// program is one that serves.
type program struct {
	cmd *exec.Cmd
	// url and admin are where its listeners are.
	url, admin string
	log        *os.File
}

// startTimeout is how long a program may take until it serves, and to end.
const startTimeout = time.Minute

// start has a built program serve a database.
func start(ctx context.Context, path, databaseURL, dir string) (_ *program, err error) {
	log, err := os.CreateTemp(dir, "log-*.json")
	if err != nil {
		return nil, err
	}
	p := &program{cmd: exec.CommandContext(ctx, path, "serve"), log: log}
	p.cmd.Env = append(os.Environ(),
		"DATABASE_URL="+databaseURL, "UPSTREAM_SECRET_KEY=0123456789abcdef0123456789abcdef", "UPSTREAM_WORKERS=false",
		"UPSTREAM_ADDR=127.0.0.1:0", "UPSTREAM_ADMIN_ADDR=127.0.0.1:0", "LOG_FORMAT=json", "UPSTREAM_THROTTLE=on",
		"UPSTREAM_THROTTLE_RATES=read_only=1000000/s,user=1000000/s",
	)
	p.cmd.Stderr = log
	p.cmd.Cancel = func() error { return p.cmd.Process.Signal(syscall.SIGTERM) }
	p.cmd.WaitDelay = startTimeout
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		return nil, errors.Join(err, log.Close())
	}
	if err := p.cmd.Start(); err != nil {
		return nil, errors.Join(err, log.Close())
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, p.stop())
		}
	}()
	line, _ := bufio.NewReader(out).ReadString('\n')
	url, ready := strings.CutPrefix(strings.TrimSpace(line), "ready ")
	if !ready {
		return p, fmt.Errorf("the program did not start: %s", p.said())
	}
	p.url = url
	p.admin, err = p.adminURL()
	return p, err
}

func (p *program) said() []byte {
	text, err := os.ReadFile(p.log.Name())
	if err != nil {
		return []byte(err.Error())
	}
	return text
}

// adminURL is what the program logged of its other listener.
func (p *program) adminURL() (string, error) {
	for line := range bytes.Lines(p.said()) {
		var event struct {
			Msg  string `json:"msg"`
			Addr string `json:"addr"`
		}
		if json.Unmarshal(line, &event) == nil && event.Msg == "admin listener" {
			return "http://" + event.Addr, nil
		}
	}
	return "", fmt.Errorf("the program did not log its admin listener: %s", p.said())
}

// profile is a CPU profile over so many seconds from now on.
func (p *program) profile(ctx context.Context, lasting time.Duration) ([]byte, error) {
	url := fmt.Sprintf("%s/debug/pprof/profile?seconds=%d", p.admin, max(1, int(lasting.Seconds())))
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		return nil, err
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		return nil, err
	}
	defer func() { _ = answer.Body.Close() }()
	content, err := io.ReadAll(answer.Body)
	if err == nil && answer.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %s", url, answer.Status)
	}
	return content, err
}

// stop has the program drain and end.
func (p *program) stop() error {
	if p == nil {
		return nil
	}
	http.DefaultClient.CloseIdleConnections()
	err := p.cmd.Process.Signal(syscall.SIGTERM)
	if waited := p.cmd.Wait(); err == nil {
		err = waited
	}
	return errors.Join(err, p.log.Close())
}
