package models

import (
	"io"
	"time"

	"github.com/google/uuid"
	"github.com/uptrace/bun"
)

// ReplayState is where a replay stands.
type ReplayState string

// The states.
const (
	ReplayQueued  ReplayState = "queued"
	ReplayRunning ReplayState = "running"
	ReplayDone    ReplayState = "done"    // all were queued again
	ReplayStopped ReplayState = "stopped" // the endpoint was switched off meanwhile
)

// Values lists the states.
func (ReplayState) Values() []string {
	return []string{string(ReplayQueued), string(ReplayRunning), string(ReplayDone), string(ReplayStopped)}
}

// MarshalGQL writes the GraphQL enum value.
func (s ReplayState) MarshalGQL(w io.Writer) { marshalEnum(w, s) }

// UnmarshalGQL reads the GraphQL enum value.
func (s *ReplayState) UnmarshalGQL(v any) error { return unmarshalEnum(s, v) }

// Unfinished reports whether deliveries are yet to be queued again.
func (s ReplayState) Unfinished() bool { return s == ReplayQueued || s == ReplayRunning }

// WebhookReplay sends deliveries of an endpoint again, each with its webhook-id
// and a new timestamp. A job does it, some at a time.
type WebhookReplay struct {
	bun.BaseModel `bun:"table:webhook_replays,alias:wr"`

	CustomerID CustomerID        `bun:"customer_id,pk,type:uuid"`
	ID         WebhookReplayID   `bun:"id,pk,type:uuid"`
	EndpointID WebhookEndpointID `bun:"endpoint_id,type:uuid"`
	// Since and Until bound, both included, when the deliveries were made.
	Since time.Time `bun:"since"`
	Until time.Time `bun:"until"`
	// Status and EventType are nil when they do not matter.
	Status    *DeliveryStatus   `bun:"status"`
	EventType *WebhookEventType `bun:"event_type"`
	State     ReplayState       `bun:"state"`
	// Total is how many deliveries there were when it was asked for, Queued how
	// many of them were queued again so far. They may differ at the end by those
	// that were queued again by somebody else meanwhile.
	Total  int64 `bun:"total"`
	Queued int64 `bun:"queued"`
	// Position is the last delivery that was queued again.
	Position   *uuid.UUID `bun:"position,type:uuid"`
	CreatedBy  *UserID    `bun:"created_by,type:uuid"`
	FinishedAt *time.Time `bun:"finished_at"`
	Version    int64      `bun:"version"`
	CreatedAt  time.Time  `bun:"created_at"`
	UpdatedAt  time.Time  `bun:"updated_at"`
}

// GlobalID is the replay's TypeID.
func (r *WebhookReplay) GlobalID() string { return r.ID.String() }

// NewWebhookReplay is the input that sends deliveries of an endpoint again:
// those that are done, by when they were made.
type NewWebhookReplay struct {
	EndpointID WebhookEndpointID
	Since      time.Time
	// Until is the present unless given.
	Until *time.Time
	// Status is success or dead; both unless given. Others are on their way.
	Status    *DeliveryStatus
	EventType *WebhookEventType
	// ExpectedCount is how many it was decided on: the answer is STALE when there
	// are more by now. Nil when that does not matter.
	ExpectedCount *int64
}

// Validate lists what is wrong with the input at an instant.
func (in NewWebhookReplay) Validate(now time.Time) error {
	var fields []FieldError
	switch {
	case in.Since.IsZero():
		fields = append(fields, FieldError{"since", "required", "must have a value"})
	case in.Since.After(now):
		fields = append(fields, FieldError{"since", "invalid", "must not be in the future"})
	case in.Until != nil && in.Until.Before(in.Since):
		fields = append(fields, FieldError{"until", "invalid", "must not be before since"})
	}
	if in.Status != nil && !in.Status.Done() {
		fields = append(fields, FieldError{"status", "invalid", "must be one of success, dead: other deliveries are on their way"})
	}
	if in.EventType != nil && !ValidEnum(*in.EventType) {
		fields = append(fields, notOneOf("event_type", *in.EventType))
	}
	if in.ExpectedCount != nil && *in.ExpectedCount < 0 {
		fields = append(fields, FieldError{"expected_count", "invalid", "must be 0 or more"})
	}
	return Invalid(fields...)
}

// WebhookReplayFilter narrows a list of replays.
type WebhookReplayFilter struct {
	Endpoint      *WebhookEndpointID `query:"endpoint" column:"endpoint_id" op:"eq" doc:"Only replays of this endpoint."`
	State         *ReplayState       `query:"state" column:"state" op:"eq" doc:"Only replays in this state."`
	CreatedAfter  *time.Time         `query:"created_after" column:"created_at" op:"gte" doc:"Only replays asked for at this instant or later."`
	CreatedBefore *time.Time         `query:"created_before" column:"created_at" op:"lte" doc:"Only replays asked for at this instant or earlier."`
}

// WebhookReplayOrderField is a column replays can be ordered by.
type WebhookReplayOrderField string

// WebhookReplayOrderCreatedAt is by age.
const WebhookReplayOrderCreatedAt WebhookReplayOrderField = "created_at"

// Values lists the columns.
func (WebhookReplayOrderField) Values() []string {
	return []string{string(WebhookReplayOrderCreatedAt)}
}

// MarshalGQL writes the GraphQL enum value.
func (f WebhookReplayOrderField) MarshalGQL(w io.Writer) { marshalEnum(w, f) }

// UnmarshalGQL reads the GraphQL enum value.
func (f *WebhookReplayOrderField) UnmarshalGQL(v any) error { return unmarshalEnum(f, v) }

// WebhookReplayOrder is one term of an ordering of replays.
type WebhookReplayOrder = Order[WebhookReplayOrderField]
