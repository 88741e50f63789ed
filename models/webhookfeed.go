package models

import (
	"encoding/json"
	"io"
	"time"

	"github.com/uptrace/bun"
)

// WebhookEvent is something that happened, as partners hear of it: a row of the
// outbox that deliveries are made from. Partners without a public URL read the
// rows themselves.
type WebhookEvent struct {
	bun.BaseModel `bun:"table:webhook_events,alias:wv"`

	CustomerID CustomerID     `bun:"customer_id,pk,type:uuid"`
	ID         WebhookEventID `bun:"id,pk,type:uuid"`
	// Sequence counts the customer's events from 1, without gaps and in the order
	// in which they became visible. An event is shown once it has one.
	Sequence  int64            `bun:"sequence,nullzero"`
	EventType WebhookEventType `bun:"event_type"`
	// EventKey names what happened, as in WebhookDelivery.
	EventKey string `bun:"event_key"`
	// Subject is the identifier of the object it is about.
	Subject  string `bun:"subject"`
	Revision int64  `bun:"revision"`
	// Data is the member of that name of the bodies that tell of it.
	Data json.RawMessage `bun:"data,type:json"`
	// EndpointID is the one endpoint that heard of it; nil for all that want to.
	EndpointID *WebhookEndpointID `bun:"endpoint_id,type:uuid"`
	// CreatedAt is when it happened.
	CreatedAt time.Time `bun:"created_at"`
}

// GlobalID is the event's TypeID.
func (e *WebhookEvent) GlobalID() string { return e.ID.String() }

// RawWebhookData is the data of an event as it was stored.
type RawWebhookData struct {
	Type WebhookEventType
	JSON json.RawMessage
}

// EventType implements [WebhookData].
func (d RawWebhookData) EventType() WebhookEventType { return d.Type }

// MarshalJSON writes what was stored.
func (d RawWebhookData) MarshalJSON() ([]byte, error) { return d.JSON, nil }

// WebhookEventFilter narrows the feed of events.
type WebhookEventFilter struct {
	After         *int64            `query:"after" column:"sequence" op:"gt" doc:"Only events after this sequence: the last one that you have."`
	Type          *WebhookEventType `query:"type" column:"event_type" op:"eq" doc:"Only events of this type."`
	CreatedAfter  *time.Time        `query:"created_after" column:"created_at" op:"gte" doc:"Only events that happened at this instant or later."`
	CreatedBefore *time.Time        `query:"created_before" column:"created_at" op:"lte" doc:"Only events that happened at this instant or earlier."`
}

// WebhookEventOrderField is a column events can be ordered by.
type WebhookEventOrderField string

// WebhookEventOrderSequence is the only order of a feed.
const WebhookEventOrderSequence WebhookEventOrderField = "sequence"

// Values lists the columns.
func (WebhookEventOrderField) Values() []string { return []string{string(WebhookEventOrderSequence)} }

// MarshalGQL writes the GraphQL enum value.
func (f WebhookEventOrderField) MarshalGQL(w io.Writer) { marshalEnum(w, f) }

// UnmarshalGQL reads the GraphQL enum value.
func (f *WebhookEventOrderField) UnmarshalGQL(v any) error { return unmarshalEnum(f, v) }

// WebhookEventOrder is one term of an ordering of events.
type WebhookEventOrder = Order[WebhookEventOrderField]
