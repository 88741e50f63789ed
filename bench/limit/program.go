package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"time"

	"upstream/bench/program"
)

// served is a program that serves.
type served struct {
	*program.Server

	// admin is where its other listener is.
	admin string
	log   *os.File
}

// start has a built program serve a database.
func start(ctx context.Context, path, databaseURL, dir string) (_ *served, err error) {
	log, err := os.CreateTemp(dir, "log-*.json")
	if err != nil {
		return nil, err
	}
	p := &served{log: log}
	p.Server, err = program.Serve(ctx, path, append(os.Environ(),
		"DATABASE_URL="+databaseURL, "UPSTREAM_SECRET_KEY=0123456789abcdef0123456789abcdef", "UPSTREAM_WORKERS=false",
		"UPSTREAM_ADDR=127.0.0.1:0", "UPSTREAM_ADMIN_ADDR=127.0.0.1:0", "LOG_FORMAT=json", "UPSTREAM_THROTTLE=on",
		"UPSTREAM_THROTTLE_RATES=read_only=1000000/s,user=1000000/s",
	), log)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("the program did not start: %w: %s", err, p.said()), log.Close())
	}
	if p.admin, err = p.adminURL(); err != nil {
		return nil, errors.Join(err, p.stop())
	}
	return p, nil
}

func (p *served) said() []byte {
	text, err := os.ReadFile(p.log.Name())
	if err != nil {
		return []byte(err.Error())
	}
	return text
}

// adminURL is what the program logged of its other listener.
func (p *served) adminURL() (string, error) {
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
func (p *served) profile(ctx context.Context, lasting time.Duration) ([]byte, error) {
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
func (p *served) stop() error {
	if p == nil {
		return nil
	}
	http.DefaultClient.CloseIdleConnections()
	_, err := p.End()
	return errors.Join(err, p.log.Close())
}
