package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"time"
)

// thresholdsFailed is what k6 ends with when a threshold was crossed.
const thresholdsFailed = 99

// load is one run of k6.
type load struct {
	// profile is one of k6/main.js.
	profile  string
	duration time.Duration
	users    int
	// report is the HTML file that is saved; empty for none.
	report string
}

// ran is how a run of k6 went.
type ran struct {
	summary *summary
	// crossed says that a threshold was.
	crossed bool
	used    usage
}

// arrival is within how much time people begin at most: twenty who sign in at
// the same instant are no working day.
const arrival = 20 * time.Second

// k6run has k6 make the requests, and measures who took what meanwhile.
func (on *site) k6run(ctx context.Context, l load) (*ran, error) {
	path := filepath.Join(on.scratch, "summary.json")
	cmd := exec.CommandContext(ctx, on.k6, "run", "--no-usage-report", "--quiet", filepath.Join("bench", "load", "k6", "main.js")) //nolint:gosec // who calls chooses the program
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = 20 * time.Second
	cmd.Env = append(os.Environ(),
		"URL="+on.url, "SEED="+on.seedFile(), "TOKENS="+on.tokens, "SUMMARY="+path, "PROFILE="+l.profile,
		"DURATION="+l.duration.String(), "RATE="+strconv.Itoa(on.rate), "USERS="+strconv.Itoa(l.users),
		"ARRIVAL="+strconv.FormatFloat(min(arrival, l.duration/4).Seconds(), 'f', 1, 64))
	if l.report != "" {
		cmd.Env = append(cmd.Env, "K6_WEB_DASHBOARD=true", "K6_WEB_DASHBOARD_PORT="+strconv.Itoa(on.dashboard),
			"K6_WEB_DASHBOARD_PERIOD=1s", "K6_WEB_DASHBOARD_EXPORT="+l.report)
	}
	cmd.Stdout, cmd.Stderr = on.log, on.log
	before, err := on.measure(ctx)
	if err != nil {
		return nil, err
	}
	r := &ran{}
	err = cmd.Run()
	if exit := (&exec.ExitError{}); errors.As(err, &exit) && exit.ExitCode() == thresholdsFailed {
		r.crossed, err = true, nil
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", on.k6, err)
	}
	after, err := on.measure(ctx)
	if err != nil {
		return nil, err
	}
	r.used = after.since(before)
	r.used.k6 = cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
	r.summary, err = readSummary(path)
	return r, err
}

func readSummary(path string) (*summary, error) {
	text, err := os.ReadFile(path) //nolint:gosec // in our own folder
	if err != nil {
		return nil, err
	}
	s := &summary{}
	if err := json.Unmarshal(text, s); err != nil {
		return nil, fmt.Errorf("k6's summary: %w", err)
	}
	return s, nil
}
