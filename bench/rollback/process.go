package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"

	"upstream/bench/program"
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

// run runs a command to its end, shows its log and answers with what it prints.
func (v version) run(ctx context.Context, args ...string) ([]byte, error) {
	return v.command(ctx, os.Stderr, args)
}

// quiet is run without the log.
func (v version) quiet(ctx context.Context, args ...string) ([]byte, error) {
	return v.command(ctx, io.Discard, args)
}

func (v version) command(ctx context.Context, log io.Writer, args []string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, v.path, args...) //nolint:gosec // the program under test
	cmd.Env = v.env
	var stderr bytes.Buffer
	cmd.Stderr = io.MultiWriter(&stderr, log)
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

// serve starts a server of the version and waits until it says where it is.
func (v version) serve(ctx context.Context) (*program.Server, error) {
	s, err := program.Serve(ctx, v.path, v.env, os.Stderr)
	if err != nil {
		return nil, fmt.Errorf("a server of %s: %w", v.name, err)
	}
	return s, nil
}
