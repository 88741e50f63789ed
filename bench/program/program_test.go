package program_test

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"upstream/bench/program"
)

// script makes a program of the shell that is called as ours is.
func script(t *testing.T, text string) string {
	t.Helper()
	if runtime.GOOS == "windows" {
		t.Skip("the programs are scripts of the shell")
	}
	path := filepath.Join(t.TempDir(), "upstream")
	if err := os.WriteFile(path, []byte("#!/bin/sh\n"+text), 0o700); err != nil {
		t.Fatal(err)
	}
	return path
}

const (
	ends  = "trap 'exit 0' TERM\n"
	waits = "while :; do sleep 0.05; done\n"
)

func TestServe(t *testing.T) {
	t.Parallel()
	path := script(t, ends+"echo 'log of '$1 >&2\necho first\necho ready \"$WHERE\"\n"+waits)
	var log bytes.Buffer
	s, err := program.Serve(t.Context(), path, []string{"WHERE=http://127.0.0.1:1", "PATH=" + os.Getenv("PATH")}, &log)
	if err != nil {
		t.Fatal(err)
	}
	if s.URL != "http://127.0.0.1:1" || s.PID() == 0 {
		t.Errorf("%q, %d", s.URL, s.PID())
	}
	if _, err := s.End(); err != nil || log.String() != "log of serve\n" {
		t.Errorf("%v, %q", err, log.String())
	}
	s.Kill() // of one that has ended already
}

func TestServe_NeverReady(t *testing.T) {
	t.Parallel()
	if s, err := program.Serve(t.Context(), script(t, "exit 3\n"), nil, nil); err == nil || !strings.Contains(err.Error(), "exit status 3") {
		t.Errorf("%v, %v", s, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if s, err := program.Serve(ctx, script(t, "echo starting\n"+waits), os.Environ(), nil); !errors.Is(err, context.Canceled) {
		t.Errorf("%v, %v", s, err)
	}
	if s, err := program.Serve(t.Context(), filepath.Join(t.TempDir(), "none"), nil, nil); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("%v, %v", s, err)
	}
}

func TestServer_EndsBadly(t *testing.T) {
	t.Parallel()
	s, err := program.Serve(t.Context(), script(t, "trap 'exit 4' TERM\necho ready x\n"+waits), os.Environ(), nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.End(); err == nil || !strings.Contains(err.Error(), "exit status 4") {
		t.Error(err)
	}
}
