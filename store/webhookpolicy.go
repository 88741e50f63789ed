package store

import (
	"errors"
	"time"

	"upstream/models"
)

// WebhookPolicy are the rules by which webhooks are delivered. It is safe for
// concurrent use and asks nobody.
type WebhookPolicy interface {
	// URLChecker says which URLs endpoints may have.
	models.URLChecker
	// NewSecret draws a secret to sign with.
	NewSecret() models.Secret
	// MaxAttempts is how often a delivery is tried, >= 1.
	MaxAttempts() int
	// Next is how long to wait after so many failed attempts, 1 being the first,
	// given what the endpoint asked for; false when there is no next one.
	Next(failed int, retryAfter time.Duration) (time.Duration, bool)
	// Admit says whether deliveries may be tried, and the health afterwards, which
	// is stored before they are.
	Admit(health models.EndpointHealth, now time.Time) (after models.EndpointHealth, ok bool)
	// Record is the health after an attempt.
	Record(health models.EndpointHealth, outcome models.AttemptOutcome, now time.Time) models.EndpointHealth
}

// errNoPolicy is what is wrong with every URL on a store that was opened without
// a policy.
var errNoPolicy = errors.New("cannot be checked: this program was started without the rules of webhooks")

// noPolicy stands in for the missing one: nothing is sent, and what is to be
// sent waits for a process that has the rules.
type noPolicy struct{}

func (noPolicy) CheckURL(string) error { return errNoPolicy }

func (noPolicy) NewSecret() models.Secret { return "" }

func (noPolicy) MaxAttempts() int { return models.MaxDeliveryAttempts }

func (noPolicy) Next(int, time.Duration) (time.Duration, bool) { return 0, false }

func (noPolicy) Admit(h models.EndpointHealth, _ time.Time) (models.EndpointHealth, bool) {
	return h, false
}

func (noPolicy) Record(h models.EndpointHealth, _ models.AttemptOutcome, _ time.Time) models.EndpointHealth {
	return h
}
