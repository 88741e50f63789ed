package rest

import (
	"context"
	"net/http"
	"time"

	"upstream/internal/auth"
	"upstream/models"
)

const webhookDeliveries = "webhook-deliveries"

// webhookDelivery is the representation of models.WebhookDelivery.
type webhookDelivery struct {
	ID            models.WebhookDeliveryID `json:"id" doc:"The webhook-id of every attempt, redeliveries included."`
	Customer      models.CustomerID        `json:"customer"`
	Endpoint      models.WebhookEndpointID `json:"endpoint" doc:"Where it goes."`
	EventType     models.WebhookEventType  `json:"event_type" doc:"What happened."`
	EventKey      string                   `json:"event_key" maxLength:"200" doc:"Names what happened, the same for every endpoint that hears of it." example:"drift.detected:drift_01jz8k6v3pe9ktyh5wmcqa2x7d"`
	Sequence      int64                    `json:"sequence" minimum:"1" doc:"Counts the deliveries of the endpoint from 1, without gaps." example:"1042"`
	Body          jsonBody                 `json:"body" doc:"The body that is sent."`
	Status        models.DeliveryStatus    `json:"status" doc:"dead: given up, only a redelivery or a replay tries again."`
	AttemptCount  int                      `json:"attempt_count" minimum:"0" doc:"Attempts since it was made or last asked for again." example:"1"`
	MaxAttempts   int                      `json:"max_attempts" minimum:"1" doc:"How many attempts there are at most." example:"6"`
	LastAttemptAt *time.Time               `json:"last_attempt_at" doc:"When it was last tried; null before the first attempt."`
	NextAttemptAt *time.Time               `json:"next_attempt_at" doc:"When it is tried next; null once it is done."`
	LastError     *string                  `json:"last_error" doc:"Why the last attempt failed; null when it succeeded." example:"HTTP 503"`
	ResponseCode  *int                     `json:"response_code" minimum:"100" maximum:"999" doc:"The status that the last attempt was answered with; null when no answer came." example:"503"`
	ResponseBody  *string                  `json:"response_body" maxLength:"1000" doc:"The beginning of that answer; null for who may not manage webhooks." example:"try again later"`
	CreatedAt     time.Time                `json:"created_at"`
	UpdatedAt     time.Time                `json:"updated_at"`
	Links         webhookDeliveryLinks     `json:"_links"`
}

type webhookDeliveryLinks struct {
	Self       link `json:"self"`
	Collection link `json:"collection"`
	Endpoint   link `json:"endpoint"`
	Attempts   link `json:"attempts"`
}

func showWebhookDelivery(l links, d *models.WebhookDelivery) webhookDelivery {
	id := d.ID.String()
	return webhookDelivery{
		ID: d.ID, Customer: d.CustomerID, Endpoint: d.EndpointID, EventType: d.EventType, EventKey: d.EventKey, Sequence: d.Sequence, Body: jsonBody(d.Body),
		Status: d.Status, AttemptCount: d.Attempts, MaxAttempts: d.MaxAttempts, LastAttemptAt: utc(d.LastAttemptAt),
		NextAttemptAt: utc(d.NextAttemptAt), LastError: d.LastError, ResponseCode: d.ResponseCode, ResponseBody: d.ResponseBody,
		CreatedAt: d.CreatedAt.UTC(), UpdatedAt: d.UpdatedAt.UTC(),
		Links: webhookDeliveryLinks{
			Self: l.to(webhookDeliveries, id), Collection: l.to(webhookDeliveries),
			Endpoint: l.to(webhookEndpoints, d.EndpointID.String()), Attempts: l.to(webhookDeliveries, id, "attempts"),
		},
	}
}

// deliveryAttempt is the representation of models.DeliveryAttempt.
type deliveryAttempt struct {
	Number       int                   `json:"number" minimum:"1" doc:"Counts the attempts of the delivery from 1, over redeliveries, too." example:"1"`
	StartedAt    time.Time             `json:"started_at"`
	DurationMS   int64                 `json:"duration_ms" minimum:"0" doc:"How long it took, in milliseconds." example:"84"`
	Outcome      models.AttemptOutcome `json:"outcome" doc:"What came of it."`
	ResponseCode *int                  `json:"response_code" minimum:"100" maximum:"999" doc:"The status that it was answered with; null when no answer came." example:"204"`
	Error        *string               `json:"error" doc:"Why it failed; null when it succeeded." example:"HTTP 503"`
	ResponseBody *string               `json:"response_body" maxLength:"1000" doc:"The beginning of the answer; null for who may not manage webhooks." example:"try again later"`
	Links        deliveryAttemptLinks  `json:"_links"`
}

type deliveryAttemptLinks struct {
	Collection link `json:"collection"`
	Delivery   link `json:"delivery"`
}

func showDeliveryAttempt(l links, t *models.DeliveryAttempt) deliveryAttempt {
	id := t.DeliveryID.String()
	return deliveryAttempt{
		Number: t.Number, StartedAt: t.StartedAt.UTC(), DurationMS: t.DurationMS, Outcome: t.Outcome,
		ResponseCode: t.ResponseCode, Error: t.Error, ResponseBody: t.ResponseBody,
		Links: deliveryAttemptLinks{Collection: l.to(webhookDeliveries, id, "attempts"), Delivery: l.to(webhookDeliveries, id)},
	}
}

func (a *api) registerWebhookDeliveries() {
	registerList(a, webhookOperation(http.MethodGet, "listWebhookDeliveries", "List webhook deliveries",
		"Deliveries to all endpoints, the last one first unless ordered otherwise. With `status=dead` it is the dead-letter list. "+
			"Search looks at the event's key, which names the object, and its type.", webhookDeliveries),
		func(ctx context.Context, v models.Viewer, _ *noInput, f models.WebhookDeliveryFilter, l models.List[models.WebhookDeliveryOrderField]) (*models.Rows[*models.WebhookDelivery], error) {
			return a.store.WebhookDeliveries(ctx, v, f, l)
		}, showWebhookDelivery)
	ofEndpoint := webhookOperation(http.MethodGet, "listDeliveriesOfWebhookEndpoint", "List the deliveries of a webhook endpoint",
		"What was, or is to be, sent to one endpoint, the last one first unless ordered otherwise. Search looks at the event's key and type.",
		webhookEndpoints, "{id}", "deliveries")
	ofEndpoint.fixed = []string{"endpoint"}
	registerList(a, ofEndpoint, a.deliveriesOfEndpoint, showWebhookDelivery)
	registerDetail(a, webhookOperation(http.MethodGet, "getWebhookDelivery", "Show a webhook delivery",
		"One event on its way to one endpoint: its body, where it stands, and what its last attempt came to.", webhookDeliveries, "{id}"),
		a.store.WebhookDelivery, showWebhookDelivery, func(d *models.WebhookDelivery) int64 { return d.Version })
	registerList(a, webhookOperation(http.MethodGet, "listDeliveryAttempts", "List the attempts of a webhook delivery",
		"Every attempt of the last 30 days, in their order.", webhookDeliveries, "{id}", "attempts").withoutSearch(),
		func(ctx context.Context, v models.Viewer, in *byID[models.WebhookDeliveryID], f models.DeliveryAttemptFilter, l models.List[models.DeliveryAttemptOrderField]) (*models.Rows[*models.DeliveryAttempt], error) {
			return a.store.DeliveryAttempts(ctx, v, in.ID, f, l)
		}, showDeliveryAttempt)
	a.registerRedelivery()
}

// deliveriesOfEndpoint lists what goes to one endpoint. That is looked up first,
// so that one that does not exist is told from one that got nothing.
func (a *api) deliveriesOfEndpoint(ctx context.Context, v models.Viewer, in *byID[models.WebhookEndpointID], f models.WebhookDeliveryFilter, l models.List[models.WebhookDeliveryOrderField]) (*models.Rows[*models.WebhookDelivery], error) {
	endpoint, err := a.store.WebhookEndpoint(ctx, v, in.ID)
	if err != nil {
		return nil, err
	}
	f.Endpoint = &endpoint.ID
	return a.store.WebhookDeliveries(ctx, v, f, l)
}

func (a *api) registerRedelivery() {
	redeliver := webhookOperation(http.MethodPost, "redeliverWebhook", "Deliver a webhook again",
		"Sends a delivery again, with the same `webhook-id` and body, whatever became of it before. One to an endpoint that is switched "+
			"off is a conflict (409).", webhookDeliveries, "{id}", "redeliver")
	redeliver.status = http.StatusAccepted
	redeliver.codes = []models.Code{models.CodeNotFound, models.CodeConflict, models.CodeStale}
	register(a, redeliver, func(ctx context.Context, in *changeByID[models.WebhookDeliveryID]) (*changedOutput[webhookDelivery], error) {
		expected, err := ifMatch(in.IfMatch)
		if err != nil {
			return nil, err
		}
		d, err := a.store.RedeliverWebhook(ctx, auth.ViewerFrom(ctx), models.Redelivery{ID: in.ID, ExpectedVersion: expected})
		if err != nil {
			return nil, err
		}
		return &changedOutput[webhookDelivery]{ETag: etag(d.Version), Body: showWebhookDelivery(linksFor(ctx), d)}, nil
	})
}
