package main

import (
	"strings"
	"testing"
	"time"
)

// steps are attempts with 1, 2, 4, ... users; pairs of requests per second and
// the 99th percentile.
func steps(pairs ...float64) []attempt {
	var all []attempt
	for i := 0; i < len(pairs); i += 2 {
		all = append(all, attempt{users: 1 << (i / 2), perSecond: pairs[i], latency: latency{count: 1000, p50: pairs[i+1] / 3, p99: pairs[i+1]}})
	}
	return all
}

func TestBend(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		all  []attempt
		want int
	}{
		"one attempt does not bend":      {steps(100, 5), -1},
		"twice as much each time":        {steps(100, 5, 195, 5, 380, 6), -1},
		"eleven in a hundred are a gain": {steps(100, 5, 111, 9), -1},
		"nine are none":                  {steps(100, 5, 190, 5, 207, 11), 1},
		"less than before":               {steps(100, 5, 90, 5), 0},
		"the slowest take much longer":   {steps(100, 5, 150, 21), 0},
		"the first bend counts":          {steps(100, 5, 101, 10, 150, 12, 151, 20), 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := bend(c.all); got != c.want {
				t.Errorf("bends at %d, want %d", got, c.want)
			}
		})
	}
}

func TestKneeSentence(t *testing.T) {
	t.Parallel()
	machine := func(busy float64) usage {
		elapsed := 10 * time.Second
		whole := time.Duration(busy * float64(elapsed) * float64(processorsHere()))
		return usage{known: true, elapsed: elapsed, server: whole * 4 / 10, postgres: whole * 3 / 10, k6: whole * 2 / 10, machine: whole}
	}
	waiting := machine(0.4)
	waiting.pool = pool{known: true, acquired: 1000, waited: 900, wait: 60 * time.Second}
	for name, c := range map[string]struct {
		used usage
		want []string
	}{
		"processors": {machine(0.95), []string{"The processors are short: 95 % busy", "the server took 40 %, PostgreSQL 30 %, k6 itself 20 % and other programs 10 %"}},
		"pool":       {waiting, []string{"The pool's connections are short", "90 %", "UPSTREAM_MAX_CONNS"}},
		"neither":    {machine(0.4), []string{"Neither processors (40 % busy) nor connections"}},
		"unknown":    {usage{}, []string{"cannot be told here"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			all := steps(100, 50, 190, 60, 200, 200)
			all[2].used = c.used
			got := kneeSentence(all)
			for _, want := range append(c.want, "It bends at 2 users and 190 requests/s (p99 60 ms)", "with 4 there are +5 % requests, and p99 is 200 ms") {
				if !strings.Contains(got, want) {
					t.Errorf("%q lacks %q", got, want)
				}
			}
		})
	}
	if got := kneeSentence(steps(100, 5, 200, 5)); got != "It does not bend up to 2 users." {
		t.Error(got)
	}
}

func TestKneeTable(t *testing.T) {
	t.Parallel()
	all := steps(100, 30)
	all[0].latency.p95 = 21.5
	all[0].errors = 0.01
	all[0].used = usage{
		known: true, elapsed: time.Second, server: 300 * time.Millisecond, postgres: time.Second, k6: 200 * time.Millisecond,
		pool: pool{known: true, acquired: 200, waited: 3, wait: 12 * time.Millisecond},
	}
	all = append(all, attempt{users: 2, used: usage{k6: time.Second}})
	table := kneeTable(all)
	for _, want := range []string{
		"| 1 | 100 | 10 ms | 22 ms | 30 ms | 1.00 % | 0.3 s | 1.0 s | 0.2 s | ", " | 1.5 % of 200 times, 12ms in all |\n",
		"| 2 | 0 | 0.0 ms | 0.0 ms | 0.0 ms | 0.00 % | not available here | not available here | 1.0 s | not available here | not available here |\n",
	} {
		if !strings.Contains(table, want) {
			t.Errorf("no %q in\n%s", want, table)
		}
	}
	for line := range strings.Lines(table) {
		if strings.Count(line, "|") != 12 {
			t.Errorf("not eleven columns: %s", line)
		}
	}
}
