package factory

import (
	"encoding/json"
	"fmt"
	"time"

	"upstream/models"
)

// DeliveryRow is a delivery of a test event to the endpoint that waits for its
// first attempt. Its sequence is the caller's to choose.
func (t *Tenant) DeliveryRow(endpoint models.WebhookEndpointID, sequence int64, changes ...func(*models.WebhookDelivery)) *models.WebhookDelivery {
	now := Now()
	return build(&models.WebhookDelivery{
		CustomerID: t.Customer.ID, ID: models.WebhookDeliveryID{}.From(newID()), EndpointID: endpoint, Sequence: sequence,
		EventType: models.EventWebhookTest, EventKey: fmt.Sprintf("webhook.test:%d", t.seq.Add(1)), Body: json.RawMessage(`{"type":"webhook.test"}`),
		Status: models.DeliveryPending, MaxAttempts: models.MaxDeliveryAttempts, NextAttemptAt: &now, Version: 1, CreatedAt: now, UpdatedAt: now,
	}, changes)
}

// AttemptRow is an attempt at the delivery that was answered 204.
func (t *Tenant) AttemptRow(of *models.WebhookDelivery, number int, changes ...func(*models.DeliveryAttempt)) *models.DeliveryAttempt {
	return build(&models.DeliveryAttempt{
		CustomerID: t.Customer.ID, DeliveryID: of.ID, Number: number, EndpointID: of.EndpointID, StartedAt: Now(), DurationMS: 84,
		Outcome: models.AttemptDelivered, ResponseCode: new(204), ResponseBody: new(""),
	}, changes)
}

// ReplayRow is a replay of the last hour of the endpoint's deliveries that is
// done.
func (t *Tenant) ReplayRow(endpoint models.WebhookEndpointID, changes ...func(*models.WebhookReplay)) *models.WebhookReplay {
	now := Now()
	return build(&models.WebhookReplay{
		CustomerID: t.Customer.ID, ID: models.WebhookReplayID{}.From(newID()), EndpointID: endpoint, Since: now.Add(-time.Hour), Until: now,
		State: models.ReplayDone, Total: 2, Queued: 2, FinishedAt: &now, Version: 1, CreatedAt: now, UpdatedAt: now,
	}, changes)
}

// HappeningRow is a test of the endpoint in the customer's events. Its sequence
// is the caller's to choose.
func (t *Tenant) HappeningRow(endpoint models.WebhookEndpointID, sequence int64, changes ...func(*models.WebhookEvent)) *models.WebhookEvent {
	return build(&models.WebhookEvent{
		CustomerID: t.Customer.ID, ID: models.WebhookEventID{}.From(newID()), Sequence: sequence, EventType: models.EventWebhookTest,
		EventKey: fmt.Sprintf("webhook.test:row-%d", t.seq.Add(1)), Subject: endpoint.String(), Revision: 1, EndpointID: &endpoint,
		Data: json.RawMessage(fmt.Sprintf(`{"webhook_endpoint_id":%q}`, endpoint)), CreatedAt: Now(),
	}, changes)
}
