package main

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"
)

// attempt is what so many users at once came to.
type attempt struct {
	users     int
	perSecond float64
	latency   latency
	// errors is the share of requests that failed, wrong the number of answers
	// that were not right.
	errors float64
	wrong  int
	used   usage
}

// What bends: twice the users make less than a tenth more requests, or the
// slowest answers take more than four times as long.
const (
	leastGain   = 1.10
	mostSlower  = 4.0
	warmingUp   = 4
	warmingTime = 5 * time.Second
)

// knee doubles the users until it bends, and once more, so that it shows.
func (on *site) knee(ctx context.Context, out io.Writer) error {
	if _, err := on.k6run(ctx, load{profile: "users", duration: warmingTime, users: warmingUp}); err != nil {
		return err
	}
	var all []attempt
	for users := 1; users <= on.maxUsers; users *= 2 {
		r, err := on.k6run(ctx, load{profile: "users", duration: on.duration, users: users})
		if err != nil {
			return err
		}
		all = append(all, attempt{
			users: users, perSecond: r.summary.perSecond(), latency: r.summary.all(),
			errors: r.summary.errorRate(), wrong: r.summary.failedChecks(), used: r.used,
		})
		_, _ = fmt.Fprintf(on.log, "%d users: %.0f requests/s\n", users, r.summary.perSecond())
		if at := bend(all); at >= 0 && at < len(all)-2 {
			break // one attempt beyond has shown that it stays so
		}
	}
	return on.publish(out, "knee", kneeTable(all)+"\n"+kneeSentence(all)+"\n")
}

// bend is the position of the last attempt before more users bring nothing, or
// -1 when it does not bend.
func bend(all []attempt) int {
	for i := 1; i < len(all); i++ {
		if all[i].perSecond < leastGain*all[i-1].perSecond || all[i].latency.p99 > mostSlower*all[i-1].latency.p99 {
			return i - 1
		}
	}
	return -1
}

func kneeTable(all []attempt) string {
	var b strings.Builder
	b.WriteString("| users | requests/s | p50 | p95 | p99 | errors | processor: server | PostgreSQL | k6 | machine busy | waited for a connection |\n")
	b.WriteString("|---|---|---|---|---|---|---|---|---|---|---|\n")
	for _, a := range all {
		_, _ = fmt.Fprintf(&b, "| %d | %.0f | %s | %s | %s | %.2f %% | %s | %s |\n", a.users, a.perSecond,
			milliseconds(a.latency.p50), milliseconds(a.latency.p95), milliseconds(a.latency.p99), 100*a.errors,
			processors(a.used), waited(a.used.pool))
	}
	return b.String()
}

// processors are the columns of processor time.
func processors(u usage) string {
	if !u.known {
		return fmt.Sprintf("%v | %[1]v | %.1f s | %[1]v", errNotHere, u.k6.Seconds())
	}
	return fmt.Sprintf("%.1f s | %.1f s | %.1f s | %.0f %%", u.server.Seconds(), u.postgres.Seconds(), u.k6.Seconds(), 100*u.busy())
}

func waited(p pool) string {
	if !p.known || p.acquired == 0 {
		return errNotHere.Error()
	}
	return fmt.Sprintf("%.1f %% of %.0f times, %s in all", 100*p.waited/p.acquired, p.acquired, p.wait.Round(time.Millisecond))
}

func milliseconds(ms float64) string {
	if ms < 10 {
		return fmt.Sprintf("%.1f ms", ms)
	}
	return fmt.Sprintf("%.0f ms", ms)
}

// The limits of resources, as shares.
const (
	// fullMachine is from when on the processors are what is short.
	fullMachine = 0.85
	// longWait is from when on the connections are: the share of all answering
	// that was spent on waiting for one.
	longWait = 0.25
)

// kneeSentence says where it bends and which resource is short there.
func kneeSentence(all []attempt) string {
	at := bend(all)
	if at < 0 {
		return fmt.Sprintf("It does not bend up to %d users.", all[len(all)-1].users)
	}
	before, beyond := all[at], all[at+1]
	return fmt.Sprintf("It bends at %d users and %.0f requests/s (p99 %s): with %d there are %+.0f %% requests, and p99 is %s. %s",
		before.users, before.perSecond, milliseconds(before.latency.p99), beyond.users, 100*(beyond.perSecond/before.perSecond-1),
		milliseconds(beyond.latency.p99), shortage(beyond))
}

// shortage names the resource that is short.
func shortage(a attempt) string {
	answering := a.latency.p50 / 1e3 * float64(a.latency.count)
	switch u := a.used; {
	case !u.known:
		return "Which resource is short cannot be told here: processor times are not available."
	case u.busy() >= fullMachine:
		ours := u.server + u.postgres + u.k6
		others := max(u.machine-ours, 0)
		return fmt.Sprintf("The processors are short: %.0f %% busy, of which the server took %s, PostgreSQL %s, k6 itself %s and other programs %s.",
			100*u.busy(), part(u.server, ours+others), part(u.postgres, ours+others), part(u.k6, ours+others), part(others, ours+others))
	case u.pool.known && u.pool.wait.Seconds() > longWait*answering:
		return fmt.Sprintf("The pool's connections are short: of all the time of answering, %.0f %% was spent on waiting for one (UPSTREAM_MAX_CONNS).",
			100*u.pool.wait.Seconds()/answering)
	default:
		return fmt.Sprintf("Neither processors (%.0f %% busy) nor connections are short: what is left are the disk, and locks in the database.", 100*u.busy())
	}
}

func part(of, whole time.Duration) string {
	if whole <= 0 {
		return "0 %"
	}
	return fmt.Sprintf("%.0f %%", 100*of.Seconds()/whole.Seconds())
}
