package webhook

import (
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Schedule says when a delivery that failed is tried again.
type Schedule struct {
	// Delays are the waits after the first, second, ... failed attempt. When they
	// are used up the delivery is dead.
	Delays []time.Duration
	// Jitter is by which share a delay is lengthened or shortened at most, 0..0.5:
	// what failed together does not come again together.
	Jitter float64
	// MaxRetryAfter bounds how long an endpoint may ask us to wait.
	MaxRetryAfter time.Duration
}

// DefaultSchedule tries five times more: after 5 seconds, 1, 5 and 30 minutes
// and 2 hours, give or take a fifth.
func DefaultSchedule() Schedule {
	return Schedule{
		Delays: []time.Duration{5 * time.Second, time.Minute, 5 * time.Minute, 30 * time.Minute, 2 * time.Hour},
		Jitter: 0.2, MaxRetryAfter: 6 * time.Hour,
	}
}

// Validate says what is wrong with a schedule that was configured.
func (s Schedule) Validate() error {
	if len(s.Delays) > 20 {
		return errors.New("has more than 20 delays")
	}
	for _, d := range s.Delays {
		if d <= 0 || d > 7*24*time.Hour {
			return fmt.Errorf("has a delay of %s: each must be more than 0 and at most 7 days", d)
		}
	}
	if s.Jitter < 0 || s.Jitter > 0.5 {
		return errors.New("has a jitter outside 0 to 0.5")
	}
	if s.MaxRetryAfter < 0 {
		return errors.New("has a negative bound of Retry-After")
	}
	return nil
}

// MaxAttempts is how often a delivery is tried at most.
func (s Schedule) MaxAttempts() int { return len(s.Delays) + 1 }

// Next is how long to wait after so many failed attempts, 1 being the first;
// false when there is no next attempt. What the endpoint asked for by Retry-After
// lengthens the wait, within the bound; 0 is nothing asked for. random is from
// [0, 1).
func (s Schedule) Next(attempts int, retryAfter time.Duration, random float64) (time.Duration, bool) {
	if attempts < 1 || attempts > len(s.Delays) {
		return 0, false
	}
	wait := float64(s.Delays[attempts-1]) * (1 + s.Jitter*(2*random-1))
	return max(time.Duration(wait), min(retryAfter, s.MaxRetryAfter)), true
}

// maxRetryAfter bounds what is understood at all.
const maxRetryAfter = 24 * time.Hour

// RetryAfter reads the header Retry-After, seconds or a date, as a wait from now
// on: 0 when it is absent, unreadable or past, and a day at most.
func RetryAfter(header http.Header, now time.Time) time.Duration {
	text := strings.TrimSpace(header.Get("Retry-After"))
	if text == "" {
		return 0
	}
	if strings.Trim(text, "0123456789") == "" {
		seconds, err := strconv.ParseInt(text, 10, 64)
		if err != nil || seconds > int64(maxRetryAfter/time.Second) {
			return maxRetryAfter
		}
		return time.Duration(seconds) * time.Second
	}
	at, err := http.ParseTime(text)
	if err != nil {
		return 0
	}
	return min(max(at.Sub(now), 0), maxRetryAfter)
}
