package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"runtime"
	"strconv"
	"strings"
	"time"
)

// errNotHere says that this system, or another machine's process, does not tell
// its processor time.
var errNotHere = errors.New("not available here")

// usage is what was taken so far, or between two moments.
type usage struct {
	at time.Time
	// elapsed is between the moments.
	elapsed time.Duration
	// known says that the processor times of server and postgres are.
	known                bool
	server, postgres, k6 time.Duration
	// machine is what all processes took, these included; 0 when it is not known.
	machine time.Duration
	pool    pool
}

// pool is how often a connection was taken, how often that had to wait, and how
// long, by the metrics of the server.
type pool struct {
	known            bool
	acquired, waited float64
	wait             time.Duration
}

func (u usage) since(before usage) usage {
	return usage{
		at: u.at, elapsed: u.at.Sub(before.at), known: u.known && before.known,
		server: u.server - before.server, postgres: u.postgres - before.postgres, machine: u.machine - before.machine,
		pool: pool{
			known: u.pool.known && before.pool.known, acquired: u.pool.acquired - before.pool.acquired,
			waited: u.pool.waited - before.pool.waited, wait: u.pool.wait - before.pool.wait,
		},
	}
}

// busy is the share of the machine's processors that was in use, 0..1.
func (u usage) busy() float64 {
	if u.elapsed <= 0 {
		return 0
	}
	taken := max(u.machine, u.server+u.postgres+u.k6)
	return min(taken.Seconds()/u.elapsed.Seconds()/float64(runtime.NumCPU()), 1)
}

// measure reads the clocks of all that takes part.
func (on *site) measure(ctx context.Context) (usage, error) {
	u := usage{at: time.Now()}
	var err error
	if u.pool, err = readPool(ctx, on.adminURL); err != nil {
		return u, err
	}
	if on.server == 0 || on.postmaster == 0 {
		return u, nil
	}
	if u.server, err = timeOf(on.server); err == nil {
		u.postgres, err = timeOfServer(on.postmaster)
	}
	if err == nil {
		u.machine, err = timeOfMachine()
	}
	if errors.Is(err, errNotHere) {
		return u, nil
	}
	u.known = true
	return u, err
}

// readPool scrapes the metrics; without an address nothing is known.
func readPool(ctx context.Context, adminURL string) (pool, error) {
	if adminURL == "" {
		return pool{}, nil
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, adminURL+"/metrics", nil)
	if err != nil {
		return pool{}, err
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return pool{}, err
	}
	defer func() { _ = answer.Body.Close() }()
	return poolOf(answer.Body)
}

func poolOf(metrics io.Reader) (pool, error) {
	var wait float64
	p, found := pool{known: true}, 0
	scanner := bufio.NewScanner(metrics)
	for scanner.Scan() {
		name, text, _ := strings.Cut(scanner.Text(), " ")
		into := map[string]*float64{
			"upstream_pool_acquired_total": &p.acquired, "upstream_pool_waited_total": &p.waited, "upstream_pool_wait_seconds_total": &wait,
		}[name]
		if into == nil {
			continue
		}
		value, err := strconv.ParseFloat(text, 64)
		if err != nil {
			return pool{}, fmt.Errorf("metric %s: %w", name, err)
		}
		*into = value
		found++
	}
	if found != 3 {
		return pool{}, errors.Join(errors.New("the metrics do not tell of the pool"), scanner.Err())
	}
	p.wait = time.Duration(wait * float64(time.Second))
	return p, nil
}
