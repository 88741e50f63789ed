package store_test

import (
	"context"
	"testing"
	"time"

	"upstream/internal/factory"
	"upstream/models"
)

// endpointOf makes an endpoint at a URL that nothing is sent to.
func endpointOf(t *factory.Tenant, types ...models.WebhookEventType) *models.WebhookEndpoint {
	t.Helper()
	issued, err := t.Store.CreateWebhookEndpoint(context.Background(), t.System(), models.NewWebhookEndpoint{
		Name: "Partner", URL: "http://127.0.0.1:1/hooks", EventTypes: types,
	})
	if err != nil {
		t.Fatal(err)
	}
	return issued.Endpoint
}

func TestWebhookEndpoint_Life(t *testing.T) {
	t.Parallel()
	w := factory.New(t)
	cedar := w.Tenant("cedar")
	ctx, s, v := t.Context(), w.Store, cedar.User(models.RoleAdmin)

	issued := must(s.CreateWebhookEndpoint(ctx, v, models.NewWebhookEndpoint{Name: "Warehouse", URL: "http://127.0.0.1:1/hooks"}))(t)
	if len(string(issued.Secret)) < 40 || string(issued.Secret[:6]) != "whsec_" {
		t.Error("no secret was issued")
	}
	id := issued.Endpoint.ID
	got := must(s.WebhookEndpoint(ctx, v, id))(t)
	equal(t, "name and state", []any{"Warehouse", true, models.CircuitClosed, int64(1)}, []any{got.Name, got.Active, got.Circuit, got.Version})
	if got.CreatedBy == nil || *got.CreatedBy != v.UserID {
		t.Error("the endpoint does not name who made it")
	}

	delivery := must(s.TestWebhookEndpoint(ctx, v, id))(t)
	equal(t, "the test delivery", []any{int64(1), models.DeliveryPending, models.EventWebhookTest, 6},
		[]any{delivery.Sequence, delivery.Status, delivery.EventType, delivery.MaxAttempts})
	got = must(s.WebhookEndpoint(ctx, v, id))(t)
	equal(t, "checkpoint", []int64{1, 0}, []int64{got.LastSequence, got.DeliveredThrough})

	after := must(s.UpdateWebhookEndpoint(ctx, v, models.Update[models.WebhookEndpointID, models.WebhookEndpointPatch]{
		ID: id, ExpectedVersion: new(int64(1)), Patch: models.WebhookEndpointPatch{Active: models.To(false), Name: models.To("Lake")},
	}))(t)
	equal(t, "after the change", []any{"Lake", false, int64(2), int64(1)}, []any{after.Name, after.Active, after.Version, after.LastSequence})
	_, err := s.TestWebhookEndpoint(ctx, v, id)
	wantCode(t, err, models.CodeConflict)
	_, err = s.RotateWebhookSecret(ctx, v, models.WebhookSecretRotation{ID: id, ExpectedVersion: new(int64(1))})
	wantCode(t, err, models.CodeStale)

	rotated := must(s.RotateWebhookSecret(ctx, v, models.WebhookSecretRotation{ID: id}))(t)
	if rotated.Secret == issued.Secret || rotated.Endpoint.PreviousSecretExpiresAt == nil ||
		!rotated.Endpoint.PreviousSecretExpiresAt.Equal(factory.Now().Add(24*time.Hour)) {
		t.Errorf("the secret was not rotated: %v", rotated.Endpoint)
	}
	listed := must(s.WebhookEndpoints(ctx, v, models.WebhookEndpointFilter{Active: new(false)}, everyRow[models.WebhookEndpointOrderField]()))(t)
	equal(t, "listed", 1, len(listed.Items))
	events := must(s.WebhookEvents(ctx, v, models.WebhookEventFilter{After: new(int64(0))}, everyRow[models.WebhookEventOrderField]()))(t)
	equal(t, "events", 1, len(events.Items))
	equal(t, "events after the last", 0,
		len(must(s.WebhookEvents(ctx, v, models.WebhookEventFilter{After: new(int64(1))}, everyRow[models.WebhookEventOrderField]()))(t).Items))

	_, err = s.CreateWebhookEndpoint(ctx, v, models.NewWebhookEndpoint{Name: "Inside", URL: "https://10.0.0.1/"})
	equal(t, "fields", []string{"url:invalid"}, fieldPaths(wantCode(t, err, models.CodeValidation)))
	err = s.DeleteWebhookEndpoint(ctx, v, models.Deletion[models.WebhookEndpointID]{ID: id, ExpectedVersion: new(int64(3))})
	if err != nil {
		t.Fatal(err)
	}
	_, err = s.WebhookDelivery(ctx, v, delivery.ID)
	wantCode(t, err, models.CodeNotFound)
}

func TestRedeliverAndReplay(t *testing.T) {
	t.Parallel()
	w := factory.New(t)
	cedar := w.Tenant("cedar")
	ctx, s, v := t.Context(), w.Store, cedar.System()
	id := endpointOf(cedar).ID
	for range 3 {
		must(s.TestWebhookEndpoint(ctx, v, id))(t)
	}
	exec(w, cedar, `UPDATE webhook_deliveries SET status = 'dead', next_attempt_at = NULL, attempts = 6, attempts_total = 6 WHERE sequence > 1`)
	in := models.NewWebhookReplay{EndpointID: id, Since: factory.Now().Add(-time.Hour)}
	equal(t, "count", int64(2), must(s.CountReplay(ctx, v, in))(t))
	in.ExpectedCount = new(int64(1))
	_, err := s.ReplayWebhooks(ctx, v, in)
	wantCode(t, err, models.CodeStale)
	in.ExpectedCount = new(int64(2))
	replay := must(s.ReplayWebhooks(ctx, v, in))(t)
	_, err = s.ReplayWebhooks(ctx, v, in)
	wantCode(t, err, models.CodeConflict)
	if err := s.PerformReplay(ctx, v, replay.ID); err != nil {
		t.Fatal(err)
	}
	done := must(s.WebhookReplay(ctx, v, replay.ID))(t)
	equal(t, "the replay", []any{models.ReplayDone, int64(2), int64(2)}, []any{done.State, done.Total, done.Queued})
	pending := models.DeliveryPending
	rows := must(s.WebhookDeliveries(ctx, v, models.WebhookDeliveryFilter{Status: &pending}, everyRow[models.WebhookDeliveryOrderField]()))(t)
	equal(t, "pending", 3, len(rows.Items))
	_, err = s.RedeliverWebhook(ctx, v, models.Redelivery{ID: rows.Items[0].ID, ExpectedVersion: new(int64(99))})
	wantCode(t, err, models.CodeStale)
	again := must(s.RedeliverWebhook(ctx, v, models.Redelivery{ID: rows.Items[0].ID}))(t)
	equal(t, "status", models.DeliveryPending, again.Status)
}

// exec changes rows of the customer as nobody but a test may.
func exec(w *factory.World, t *factory.Tenant, sql string, args ...any) {
	w.Helper()
	if err := asOwner(w, t, sql, args...); err != nil {
		w.Fatal(err)
	}
}
