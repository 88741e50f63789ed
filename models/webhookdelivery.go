package models

import (
	"encoding/json"
	"io"
	"time"

	"github.com/uptrace/bun"
)

// DeliveryStatus is where a webhook delivery stands.
type DeliveryStatus string

// The states.
const (
	DeliveryPending  DeliveryStatus = "pending"  // not tried yet
	DeliveryRetrying DeliveryStatus = "retrying" // failed, and is tried again
	DeliverySuccess  DeliveryStatus = "success"  // the endpoint answered 2xx
	DeliveryDead     DeliveryStatus = "dead"     // given up: only a redelivery tries again
)

// Values lists the states.
func (DeliveryStatus) Values() []string {
	return []string{
		string(DeliveryPending),
		string(DeliveryRetrying),
		string(DeliverySuccess),
		string(DeliveryDead),
	}
}

// MarshalGQL writes the GraphQL enum value.
func (s DeliveryStatus) MarshalGQL(w io.Writer) { marshalEnum(w, s) }

// UnmarshalGQL reads the GraphQL enum value.
func (s *DeliveryStatus) UnmarshalGQL(v any) error { return unmarshalEnum(s, v) }

// Done reports whether the delivery is not tried again by itself.
func (s DeliveryStatus) Done() bool { return s == DeliverySuccess || s == DeliveryDead }

// WebhookDelivery is one event on its way to one endpoint. Its identifier is the
// webhook-id of every attempt, redeliveries included, by which a receiver knows
// what it has had. It is unique on the endpoint and EventKey.
type WebhookDelivery struct {
	bun.BaseModel `bun:"table:webhook_deliveries,alias:wd"`

	CustomerID CustomerID        `bun:"customer_id,pk,type:uuid"`
	ID         WebhookDeliveryID `bun:"id,pk,type:uuid"`
	EndpointID WebhookEndpointID `bun:"endpoint_id,type:uuid"`
	EventType  WebhookEventType  `bun:"event_type"`
	// EventKey names what happened, the same for every endpoint that hears of it.
	EventKey string `bun:"event_key"`
	// Sequence counts the deliveries of the endpoint from 1, without gaps.
	Sequence int64 `bun:"sequence"`
	// Body is sent byte for byte, and so not stored as jsonb.
	Body   json.RawMessage `bun:"body,type:json"`
	Status DeliveryStatus  `bun:"status"`
	// Attempts counts the attempts made since the delivery was made or last asked
	// for again, at most MaxAttempts.
	Attempts    int `bun:"attempts"`
	MaxAttempts int `bun:"max_attempts"`
	// AttemptsTotal counts all attempts, over redeliveries, too.
	AttemptsTotal int        `bun:"attempts_total"`
	LastAttemptAt *time.Time `bun:"last_attempt_at"`
	// NextAttemptAt is nil once the delivery is done.
	NextAttemptAt *time.Time `bun:"next_attempt_at"`
	// LastError, ResponseCode and ResponseBody are those of the last attempt.
	LastError    *string   `bun:"last_error"`
	ResponseCode *int      `bun:"response_code"`
	ResponseBody *string   `bun:"response_body"`
	Version      int64     `bun:"version"`
	CreatedAt    time.Time `bun:"created_at"`
	UpdatedAt    time.Time `bun:"updated_at"`
}

// GlobalID is the delivery's TypeID.
func (d *WebhookDelivery) GlobalID() string { return d.ID.String() }

// MaxDeliveryAttempts is the first attempt and five more.
const MaxDeliveryAttempts = 6

// AttemptOutcome is what came of one attempt to deliver.
type AttemptOutcome string

// The outcomes.
const (
	AttemptDelivered     AttemptOutcome = "delivered"  // a 2xx status
	AttemptRejected      AttemptOutcome = "rejected"   // another status
	AttemptGone          AttemptOutcome = "gone"       // 410: the endpoint wants nothing more
	AttemptRedirected    AttemptOutcome = "redirected" // 3xx: redirects are not followed
	AttemptTimedOut      AttemptOutcome = "timed_out"
	AttemptUnresolved    AttemptOutcome = "unresolved"  // the name has no address
	AttemptUnreachable   AttemptOutcome = "unreachable" // no connection, or it broke
	AttemptTLSFailed     AttemptOutcome = "tls_failed"
	AttemptBlocked       AttemptOutcome = "blocked"        // the target may not be sent to
	AttemptInvalidAnswer AttemptOutcome = "invalid_answer" // no HTTP, or too much of it
)

// Values lists the outcomes.
func (AttemptOutcome) Values() []string {
	return []string{
		string(AttemptDelivered),
		string(AttemptRejected),
		string(AttemptGone),
		string(AttemptRedirected),
		string(AttemptTimedOut),
		string(AttemptUnresolved),
		string(AttemptUnreachable),
		string(AttemptTLSFailed),
		string(AttemptBlocked),
		string(AttemptInvalidAnswer),
	}
}

// MarshalGQL writes the GraphQL enum value.
func (o AttemptOutcome) MarshalGQL(w io.Writer) { marshalEnum(w, o) }

// UnmarshalGQL reads the GraphQL enum value.
func (o *AttemptOutcome) UnmarshalGQL(v any) error { return unmarshalEnum(o, v) }

// DeliveryAttempt is one attempt to deliver, whatever came of it.
type DeliveryAttempt struct {
	bun.BaseModel `bun:"table:webhook_attempts,alias:wa"`

	CustomerID CustomerID        `bun:"customer_id,pk,type:uuid"`
	DeliveryID WebhookDeliveryID `bun:"delivery_id,pk,type:uuid"`
	// Number counts the attempts of the delivery from 1, over redeliveries, too.
	Number     int               `bun:"number,pk"`
	EndpointID WebhookEndpointID `bun:"endpoint_id,type:uuid"`
	StartedAt  time.Time         `bun:"started_at"`
	// DurationMS is how long it took, in milliseconds.
	DurationMS int64          `bun:"duration_ms"`
	Outcome    AttemptOutcome `bun:"outcome"`
	// ResponseCode is nil when no answer came; Error when it was 2xx.
	ResponseCode *int    `bun:"response_code"`
	Error        *string `bun:"error"`
	// ResponseBody is the beginning of the answer, at most 1,000 characters.
	ResponseBody *string `bun:"response_body"`
}

// Redelivery asks that a delivery be sent again, or at once.
type Redelivery struct {
	ID WebhookDeliveryID
	// ExpectedVersion is the version it was decided on; nil when that does not
	// matter.
	ExpectedVersion *int64
}

// WebhookDeliveryFilter narrows a list of deliveries.
type WebhookDeliveryFilter struct {
	Endpoint      *WebhookEndpointID `query:"endpoint" column:"endpoint_id" op:"eq" doc:"Only deliveries to this endpoint."`
	Status        *DeliveryStatus    `query:"status" column:"status" op:"eq" doc:"Only deliveries in this state."`
	EventType     *WebhookEventType  `query:"event_type" column:"event_type" op:"eq" doc:"Only events of this type."`
	CreatedAfter  *time.Time         `query:"created_after" column:"created_at" op:"gte" doc:"Only deliveries made at this instant or later."`
	CreatedBefore *time.Time         `query:"created_before" column:"created_at" op:"lte" doc:"Only deliveries made at this instant or earlier."`
}

// WebhookDeliveryOrderField is a column deliveries can be ordered by.
type WebhookDeliveryOrderField string

// The orderings of deliveries.
const (
	WebhookDeliveryOrderCreatedAt     WebhookDeliveryOrderField = "created_at"
	WebhookDeliveryOrderSequence      WebhookDeliveryOrderField = "sequence"
	WebhookDeliveryOrderNextAttemptAt WebhookDeliveryOrderField = "next_attempt_at"
)

// Values lists the columns.
func (WebhookDeliveryOrderField) Values() []string {
	return []string{
		string(WebhookDeliveryOrderCreatedAt),
		string(WebhookDeliveryOrderSequence),
		string(WebhookDeliveryOrderNextAttemptAt),
	}
}

// MarshalGQL writes the GraphQL enum value.
func (f WebhookDeliveryOrderField) MarshalGQL(w io.Writer) { marshalEnum(w, f) }

// UnmarshalGQL reads the GraphQL enum value.
func (f *WebhookDeliveryOrderField) UnmarshalGQL(v any) error { return unmarshalEnum(f, v) }

// WebhookDeliveryOrder is one term of an ordering of deliveries.
type WebhookDeliveryOrder = Order[WebhookDeliveryOrderField]

// DeliveryAttemptFilter narrows a list of attempts.
type DeliveryAttemptFilter struct {
	Outcome       *AttemptOutcome `query:"outcome" column:"outcome" op:"eq" doc:"Only attempts of which this came."`
	ResponseCode  *int            `query:"response_code" column:"response_code" op:"eq" doc:"Only attempts answered with this status."`
	StartedAfter  *time.Time      `query:"started_after" column:"started_at" op:"gte" doc:"Only attempts made at this instant or later."`
	StartedBefore *time.Time      `query:"started_before" column:"started_at" op:"lte" doc:"Only attempts made at this instant or earlier."`
}

// DeliveryAttemptOrderField is a column attempts can be ordered by.
type DeliveryAttemptOrderField string

// The orderings of attempts.
const (
	DeliveryAttemptOrderStartedAt DeliveryAttemptOrderField = "started_at"
	DeliveryAttemptOrderNumber    DeliveryAttemptOrderField = "number"
)

// Values lists the columns.
func (DeliveryAttemptOrderField) Values() []string {
	return []string{
		string(DeliveryAttemptOrderStartedAt),
		string(DeliveryAttemptOrderNumber),
	}
}

// MarshalGQL writes the GraphQL enum value.
func (f DeliveryAttemptOrderField) MarshalGQL(w io.Writer) { marshalEnum(w, f) }

// UnmarshalGQL reads the GraphQL enum value.
func (f *DeliveryAttemptOrderField) UnmarshalGQL(v any) error { return unmarshalEnum(f, v) }

// DeliveryAttemptOrder is one term of an ordering of attempts.
type DeliveryAttemptOrder = Order[DeliveryAttemptOrderField]
