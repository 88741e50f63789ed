package webhook

import (
	"time"

	"upstream/models"
)

// Breaker keeps deliveries from an endpoint that fails, and gives it up when it
// fails for days. The zero value never opens and disables nothing but what is
// gone; see [DefaultBreaker].
type Breaker struct {
	// Failures in a row open the circuit.
	Failures int
	// Pause is how long it stays open the first time; each failed probe doubles
	// it, up to MaxPause.
	Pause, MaxPause time.Duration
	// Probe is when a probe whose outcome nobody recorded is given up as lost.
	Probe time.Duration
	// DisableAfter is how long all attempts must have failed, and DisableFailures
	// how many of them at least, before the endpoint is disabled: two failures a
	// week apart are no outage.
	DisableAfter    time.Duration
	DisableFailures int
}

// DefaultBreaker opens after 5 failures in a row, for 30 seconds up to 30
// minutes, and disables after 5 days and 10 failures.
func DefaultBreaker() Breaker {
	return Breaker{
		Failures: 5, Pause: 30 * time.Second, MaxPause: 30 * time.Minute, Probe: time.Minute,
		DisableAfter: 5 * 24 * time.Hour, DisableFailures: 10,
	}
}

// Admission is the answer to whether a delivery may be tried.
type Admission struct {
	OK bool
	// RetryAt is when to ask again; zero for an endpoint that is disabled.
	RetryAt time.Time
}

// Admit says whether a delivery may be tried now, and the health of the endpoint
// afterwards, which must be stored before it is: that one is let through a
// half-open circuit is seen there by all others.
func (b Breaker) Admit(h models.EndpointHealth, now time.Time) (models.EndpointHealth, Admission) {
	if h.DisabledAt != nil {
		return h, Admission{}
	}
	if h.Circuit != models.CircuitOpen && h.Circuit != models.CircuitHalfOpen {
		return h, Admission{OK: true}
	}
	if h.RetryAt != nil && now.Before(*h.RetryAt) {
		return h, Admission{RetryAt: *h.RetryAt}
	}
	h.Circuit, h.RetryAt = models.CircuitHalfOpen, new(now.Add(b.Probe))
	return h, Admission{OK: true}
}

// Record is the health of the endpoint after an attempt that ended now. A success
// makes everything good except that the endpoint was disabled; that its owner has
// to undo, by [models.Healthy].
func (b Breaker) Record(h models.EndpointHealth, outcome models.AttemptOutcome, now time.Time) models.EndpointHealth {
	if outcome == models.AttemptDelivered {
		healthy := models.Healthy()
		healthy.DisabledAt, healthy.DisabledReason = h.DisabledAt, h.DisabledReason
		return healthy
	}
	h.ConsecutiveFailures++
	if h.FailingSince == nil {
		h.FailingSince = new(now)
	}
	switch {
	case h.Circuit == models.CircuitHalfOpen:
		h = b.open(h, now)
	case h.Circuit == models.CircuitOpen: // begun before it opened: adds nothing
	case b.Failures > 0 && h.ConsecutiveFailures >= b.Failures:
		h = b.open(h, now)
	}
	return b.disable(h, outcome, now)
}

func (b Breaker) open(h models.EndpointHealth, now time.Time) models.EndpointHealth {
	h.Circuit = models.CircuitOpen
	h.Openings++
	h.RetryAt = new(now.Add(b.pause(h.Openings)))
	return h
}

// pause doubles with every opening. Doubling stops at the bound, so that it
// cannot overflow.
func (b Breaker) pause(openings int) time.Duration {
	pause := b.Pause
	for range openings - 1 {
		if pause >= b.MaxPause {
			break
		}
		pause *= 2
	}
	return min(pause, b.MaxPause)
}

func (b Breaker) disable(h models.EndpointHealth, outcome models.AttemptOutcome, now time.Time) models.EndpointHealth {
	switch {
	case h.DisabledAt != nil:
	case outcome == models.AttemptGone:
		h.DisabledAt, h.DisabledReason = new(now), new(models.DisabledGone)
	case b.DisableAfter > 0 && h.ConsecutiveFailures >= b.DisableFailures && now.Sub(*h.FailingSince) >= b.DisableAfter:
		h.DisabledAt, h.DisabledReason = new(now), new(models.DisabledFailing)
	}
	return h
}
