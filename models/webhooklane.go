package models

import (
	"time"
)

// WebhookNotice is what people are told about an endpoint.
type WebhookNotice string

// The notices.
const (
	NoticeDead     WebhookNotice = "dead"     // deliveries are given up
	NoticeDisabled WebhookNotice = "disabled" // the endpoint was switched off
)

// Outgoing is a delivery that is about to be sent.
type Outgoing struct {
	ID   WebhookDeliveryID
	Body []byte
}

// AttemptResult is what came of one attempt to deliver.
type AttemptResult struct {
	ID        WebhookDeliveryID
	Outcome   AttemptOutcome
	StartedAt time.Time
	Duration  time.Duration
	// StatusCode is 0 when no answer came, Error "" when it was taken.
	StatusCode int
	Error      string
	// Body is the beginning of the answer.
	Body string
	// RetryAfter is how long the endpoint asked to be left alone.
	RetryAfter time.Duration
}

// LaneTurn is what the one who delivers to an endpoint does next.
type LaneTurn struct {
	// URL and Secrets are those of the moment, the newest secret first.
	URL     string
	Secrets []Secret
	// Deliveries are to be sent; none when nothing is due, or may be tried.
	Deliveries []Outgoing
	// Hold is set when what was taken before and not sent yet is not to be sent
	// now: the circuit is not closed.
	Hold bool
	// Lost is set when the lane is somebody else's by now, or the endpoint gone.
	Lost bool
}

// WebhookLetter is what a mail about an endpoint says.
type WebhookLetter struct {
	Email, FirstName string
	Customer         string
	Endpoint         *WebhookEndpoint
	// Dead is how many deliveries to the endpoint are given up, Waiting how many
	// wait.
	Dead, Waiting int64
	At            time.Time
}
