package webhook

import (
	"math/rand/v2"
	"time"

	"upstream/models"
)

// Policy puts the rules together that the store asks for: where may be sent to,
// when to try again and whether to try at all.
type Policy struct {
	*Guard

	Schedule Schedule
	Breaker  Breaker
}

// NewPolicy has the default schedule and breaker.
func NewPolicy(g *Guard) Policy {
	return Policy{Guard: g, Schedule: DefaultSchedule(), Breaker: DefaultBreaker()}
}

// NewSecret is [NewSecret].
func (Policy) NewSecret() models.Secret { return NewSecret() }

// MaxAttempts is [Schedule.MaxAttempts].
func (p Policy) MaxAttempts() int { return p.Schedule.MaxAttempts() }

// Next is [Schedule.Next] with jitter.
func (p Policy) Next(failed int, retryAfter time.Duration) (time.Duration, bool) {
	return p.Schedule.Next(failed, retryAfter, rand.Float64()) //nolint:gosec // spreading retries needs no secrecy
}

// Admit is [Breaker.Admit].
func (p Policy) Admit(h models.EndpointHealth, now time.Time) (after models.EndpointHealth, ok bool) {
	after, admission := p.Breaker.Admit(h, now)
	return after, admission.OK
}

// Record is [Breaker.Record].
func (p Policy) Record(h models.EndpointHealth, outcome models.AttemptOutcome, now time.Time) models.EndpointHealth {
	return p.Breaker.Record(h, outcome, now)
}
