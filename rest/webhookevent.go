package rest

import (
	"context"
	"net/http"
	"time"

	"upstream/models"
)

// webhookEvent is the representation of models.WebhookEvent.
type webhookEvent struct {
	ID        models.WebhookEventID   `json:"id"`
	Customer  models.CustomerID       `json:"customer"`
	Sequence  int64                   `json:"sequence" minimum:"1" doc:"Counts the customer's events from 1, without gaps." example:"1042"`
	Type      models.WebhookEventType `json:"type" doc:"What happened."`
	EventKey  string                  `json:"event_key" maxLength:"200" doc:"Names what happened, the same in every delivery of it." example:"drift.detected:drift_01jz8k6v3pe9ktyh5wmcqa2x7d"`
	CreatedAt time.Time               `json:"created_at" doc:"When it happened."`
	Subject   string                  `json:"subject" doc:"The identifier of the object that it happened to." example:"drift_01jz8k6v3pe9ktyh5wmcqa2x7d"`
	Revision  int64                   `json:"revision" minimum:"1" doc:"The version of the object when it happened: of two events about one object, the one with the larger revision is the later." example:"1"`
	Data      jsonBody                `json:"data" doc:"The object, by identifier, and its numbers: the data of webhook bodies."`
	Links     webhookEventLinks       `json:"_links"`
}

type webhookEventLinks struct {
	Self       link `json:"self"`
	Collection link `json:"collection"`
}

func showWebhookEvent(l links, e *models.WebhookEvent) webhookEvent {
	return webhookEvent{
		ID: e.ID, Customer: e.CustomerID, Sequence: e.Sequence, Type: e.EventType, CreatedAt: e.CreatedAt.UTC(), EventKey: e.EventKey,
		Subject: e.Subject, Revision: e.Revision, Data: jsonBody(e.Data),
		Links: webhookEventLinks{Self: l.to("events", e.ID.String()), Collection: l.to("events")},
	}
}

func (a *api) registerWebhookEvents() {
	registerList(a, webhookOperation(http.MethodGet, "listEvents", "List events",
		"Everything that happened in the last 90 days, in that order, for programs that read events instead of receiving them: ask "+
			"for what comes `after` the last sequence that you have.", "events").withoutSearch(),
		func(ctx context.Context, v models.Viewer, _ *noInput, f models.WebhookEventFilter, l models.List[models.WebhookEventOrderField]) (*models.Rows[*models.WebhookEvent], error) {
			return a.store.WebhookEvents(ctx, v, f, l)
		}, showWebhookEvent)
	// What happened never changes.
	registerDetail(a, webhookOperation(http.MethodGet, "getEvent", "Show an event", "One thing that happened.", "events", "{id}"),
		a.store.WebhookEvent, showWebhookEvent, func(*models.WebhookEvent) int64 { return 1 })
}
