package throttle

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"upstream/models"
)

// The headers of answers: those of draft-ietf-httpapi-ratelimit-headers, whose
// values are structured fields (RFC 9651), and that of RFC 9110.
const (
	HeaderPolicy     = "RateLimit-Policy"
	HeaderLimit      = "RateLimit"
	HeaderRetryAfter = "Retry-After"
)

// Verdict is whether a request may go on, and what its caller has left. The
// zero Verdict admits, and says nothing.
type Verdict struct {
	states []state
	// wait is positive exactly when the request is refused.
	wait time.Duration
	// exhausted is the budget that makes it wait that long.
	exhausted state
}

// state is what is left of one budget.
type state struct {
	class     Class
	rate      Rate
	remaining int
	// reset is how long what remains has to last; next is how long one has to
	// wait for a unit.
	reset, next time.Duration
}

func verdictOn(budgets []budget, c counts) Verdict {
	v := Verdict{states: make([]state, len(budgets))}
	for i, b := range budgets {
		v.states[i] = state{
			class: b.class, rate: b.rate, remaining: b.rate.remaining(c.each[i]),
			reset: b.rate.reset(c.each[i]), next: b.rate.wait(c.each[i], 1),
		}
		if c.admitted {
			continue
		}
		if wait := b.rate.wait(c.each[i], b.cost); wait > v.wait {
			v.wait, v.exhausted = wait, v.states[i]
			v.states[i].reset = wait
		}
	}
	return v
}

// Refused reports whether the request must be answered with Err.
func (v Verdict) Refused() bool { return v.wait > 0 }

// Err is RATE_LIMITED with the time to wait for a request that is refused; nil
// for one that is admitted.
func (v Verdict) Err() error {
	if !v.Refused() {
		return nil
	}
	seconds := wholeSeconds(v.wait)
	err := models.NewError(models.CodeRateLimited, "Too many requests: %s is limited to %s. Try again in %d s.",
		v.exhausted.class, v.exhausted.rate, seconds)
	err.RetryAfter = time.Duration(seconds) * time.Second
	return err
}

// SetHeaders describes the budgets to the client.
func (v Verdict) SetHeaders(h http.Header) {
	if len(v.states) == 0 {
		return
	}
	policies, limits := make([]string, len(v.states)), make([]string, len(v.states))
	for i, s := range v.states {
		policies[i] = fmt.Sprintf("%q;q=%d;w=%d", s.class, s.rate.Limit, wholeSeconds(s.rate.Window))
		limits[i] = fmt.Sprintf("%q;r=%d;t=%d", s.class, s.remaining, wholeSeconds(s.reset))
	}
	h.Set(HeaderPolicy, strings.Join(policies, ", "))
	h.Set(HeaderLimit, strings.Join(limits, ", "))
}

// RetryAfter is the value of the header for an error; empty when the error says
// nothing about when to try again.
func RetryAfter(err *models.Error) string {
	if err.RetryAfter <= 0 {
		return ""
	}
	return strconv.Itoa(wholeSeconds(err.RetryAfter))
}

// wholeSeconds rounds up: who comes back then is not early.
func wholeSeconds(d time.Duration) int { return int((d + time.Second - 1) / time.Second) }
