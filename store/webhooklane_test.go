package store_test

import (
	"testing"
	"time"

	"upstream/internal/factory"
	"upstream/models"
	"upstream/store"
)

// lanes is a store whose clock a test turns, and an endpoint.
type lanes struct {
	*factory.Tenant
	store *store.Store
	now   time.Time
	id    models.WebhookEndpointID
}

func newLanes(t *testing.T) *lanes {
	t.Helper()
	w := factory.New(t)
	l := &lanes{Tenant: w.Tenant("cedar"), now: factory.Now()}
	l.store = w.StoreWith(w.DB.App, store.Options{Now: func() time.Time { return l.now }})
	l.id = endpointOf(l.Tenant).ID
	return l
}

func (l *lanes) queue(t *testing.T, n int) []*models.WebhookDelivery {
	t.Helper()
	var all []*models.WebhookDelivery
	for range n {
		all = append(all, must(l.store.TestWebhookEndpoint(t.Context(), l.System(), l.id))(t))
	}
	return all
}

// take opens the lane and takes what is due; close says what came of it.
func (l *lanes) take(t *testing.T, want int) (taken []models.Outgoing, finish func(models.AttemptResult)) {
	t.Helper()
	lane := must(l.store.OpenLane(t.Context(), l.System(), l.id))(t)
	if lane == nil {
		t.Fatal("somebody else has the lane")
	}
	turn := must(l.store.TurnLane(t.Context(), l.System(), lane, store.LaneReport{Want: want}))(t)
	return turn.Deliveries, func(result models.AttemptResult) {
		var results []models.AttemptResult
		for _, d := range turn.Deliveries {
			result.ID, result.StartedAt = d.ID, l.now
			results = append(results, result)
		}
		if err := l.store.CloseLane(t.Context(), l.System(), lane, results); err != nil {
			t.Fatal(err)
		}
	}
}

func (l *lanes) endpoint(t *testing.T) *models.WebhookEndpoint {
	t.Helper()
	return must(l.store.WebhookEndpoint(t.Context(), l.System(), l.id))(t)
}

func (l *lanes) delivery(t *testing.T, id models.WebhookDeliveryID) *models.WebhookDelivery {
	t.Helper()
	return must(l.store.WebhookDelivery(t.Context(), l.System(), id))(t)
}

func failed() models.AttemptResult {
	return models.AttemptResult{Outcome: models.AttemptRejected, StatusCode: 503, Error: "answered with status 503"}
}

// A delivery comes back when the schedule says so, or later when the endpoint
// asks for it; and a job comes with it.
func TestLane_Retries(t *testing.T) {
	t.Parallel()
	l := newLanes(t)
	d := l.queue(t, 1)[0]
	for attempt, wait := range []time.Duration{5 * time.Second, time.Minute, 5 * time.Minute, 30 * time.Minute, 2 * time.Hour} {
		taken, finish := l.take(t, 10)
		equal(t, "taken", 1, len(taken))
		finish(failed())
		got := l.delivery(t, d.ID)
		if got.NextAttemptAt == nil {
			t.Fatalf("attempt %d: %+v", attempt+1, got)
		}
		share := float64(got.NextAttemptAt.Sub(l.now)) / float64(wait)
		if got.Status != models.DeliveryRetrying || got.Attempts != attempt+1 || share < 0.8 || share > 1.2 {
			t.Errorf("attempt %d: %s, again after %s, want %s", attempt+1, got.Status, got.NextAttemptAt.Sub(l.now), wait)
		}
		if e := l.endpoint(t); e.LaneJobAt == nil || e.LaneJobAt.Before(*got.NextAttemptAt) {
			t.Errorf("attempt %d: a job comes at %v", attempt+1, e.LaneJobAt)
		}
		if taken, finish := l.take(t, 10); len(taken) > 0 {
			t.Errorf("attempt %d: taken before its time", attempt+1)
		} else {
			finish(failed())
		}
		l.now = got.NextAttemptAt.Add(time.Hour) // past any pause of the circuit
	}
	_, finish := l.take(t, 10)
	finish(failed())
	equal(t, "in the end", models.DeliveryDead, l.delivery(t, d.ID).Status)
	e := l.endpoint(t)
	if e.DeadToldAt == nil || e.LaneJobAt != nil {
		t.Errorf("in the end: %+v", e)
	}
	attempts := must(l.store.DeliveryAttempts(t.Context(), l.System(), d.ID, models.DeliveryAttemptFilter{}, everyRow[models.DeliveryAttemptOrderField]()))(t)
	for i, a := range attempts.Items {
		if a.Number != i+1 || a.Outcome != models.AttemptRejected || *a.ResponseCode != 503 {
			t.Errorf("attempt %d is logged as %+v", i+1, a)
		}
	}
	equal(t, "attempts", 6, len(attempts.Items))
}

func TestLane_RetryAfter(t *testing.T) {
	t.Parallel()
	l := newLanes(t)
	d := l.queue(t, 1)[0]
	_, finish := l.take(t, 1)
	result := failed()
	result.RetryAfter = time.Hour
	finish(result)
	equal(t, "again at", l.now.Add(time.Hour), l.delivery(t, d.ID).NextAttemptAt.UTC())
}

// Of a half-open circuit one delivery passes, and what became of it decides.
func TestLane_Circuit(t *testing.T) {
	t.Parallel()
	l := newLanes(t)
	l.queue(t, 5)
	_, finish := l.take(t, 5)
	finish(failed())
	e := l.endpoint(t)
	equal(t, "after five failures", []any{models.CircuitOpen, 5}, []any{e.Circuit, e.ConsecutiveFailures})
	l.queue(t, 10)
	taken, finish := l.take(t, 64)
	equal(t, "taken while it is open", 0, len(taken))
	finish(failed())
	l.now = l.now.Add(time.Minute)
	taken, finish = l.take(t, 64)
	equal(t, "the probe", 1, len(taken))
	finish(models.AttemptResult{Outcome: models.AttemptDelivered, StatusCode: 200})
	e = l.endpoint(t)
	equal(t, "after a success", []any{models.CircuitClosed, 0}, []any{e.Circuit, e.ConsecutiveFailures})
	taken, finish = l.take(t, 64)
	equal(t, "taken then", 14, len(taken))
	finish(models.AttemptResult{Outcome: models.AttemptDelivered, StatusCode: 200})
	equal(t, "checkpoint", int64(15), l.endpoint(t).DeliveredThrough)
}

// Failing for five days disables an endpoint; its owner and the customer's are
// told, and nobody else.
func TestLane_DisabledAfterDays(t *testing.T) {
	t.Parallel()
	l := newLanes(t)
	l.User(models.RoleOwner)
	l.User(models.RoleAdmin)
	l.queue(t, 1)
	exec(l.World, l.Tenant, `UPDATE webhook_endpoints SET failing_since = $1, consecutive_failures = 30`, l.now.AddDate(0, 0, -5))
	_, finish := l.take(t, 1)
	finish(failed())
	e := l.endpoint(t)
	if e.DisabledAt == nil || *e.DisabledReason != models.DisabledFailing {
		t.Fatalf("after five days: %+v", e)
	}
	equal(t, "mails", 1, factory.Query[int](l.Tenant, `SELECT count(*) FROM river.river_job WHERE kind = 'webhook_notice_mail'`))
	equal(t, "audit", 1, factory.Query[int](l.Tenant, `SELECT count(*) FROM audit_events WHERE action = 'webhook_endpoint_disabled'`))
	// Nothing more is made for it, and what waits stays.
	must(l.store.CreateWebhookEndpoint(t.Context(), l.System(), models.NewWebhookEndpoint{Name: "Other", URL: "http://127.0.0.1:1/"}))(t)
	l.Ingest(factory.Batch{Payer: "P", CPT: "99213", Outcome: models.OutcomePaid, Count: 1, FirstDay: factory.Today().AddDays(-3)})
	equal(t, "made for it", int64(1), l.endpoint(t).LastSequence)
	after := must(l.store.UpdateWebhookEndpoint(t.Context(), l.System(), models.Update[models.WebhookEndpointID, models.WebhookEndpointPatch]{
		ID: l.id, Patch: models.WebhookEndpointPatch{Active: models.To(true)},
	}))(t)
	if after.DisabledAt != nil || after.Circuit != models.CircuitClosed || after.LaneJobAt == nil || after.Version != 2 {
		t.Errorf("switched on again: %+v", after)
	}
}

// A customer has so many lanes at a time, and a job comes back for the others.
func TestLane_Room(t *testing.T) {
	t.Parallel()
	l := newLanes(t)
	ctx, v := t.Context(), l.System()
	var open []*store.Lane
	for range 8 {
		id := endpointOf(l.Tenant).ID
		open = append(open, must(l.store.OpenLane(ctx, v, id))(t))
	}
	l.queue(t, 1)
	if lane := must(l.store.OpenLane(ctx, v, l.id))(t); lane != nil {
		t.Error("a ninth lane was opened")
	}
	equal(t, "the job comes back", l.now.Add(500*time.Millisecond), l.endpoint(t).LaneJobAt.UTC())
	for _, lane := range open {
		if err := l.store.CloseLane(ctx, v, lane, nil); err != nil {
			t.Error(err)
		}
	}
	_, finish := l.take(t, 1)
	finish(models.AttemptResult{Outcome: models.AttemptDelivered, StatusCode: 200})
}

// An endpoint may go while its deliveries are under way.
func TestLane_Deleted(t *testing.T) {
	t.Parallel()
	l := newLanes(t)
	l.queue(t, 1)
	ctx, v := t.Context(), l.System()
	lane := must(l.store.OpenLane(ctx, v, l.id))(t)
	turn := must(l.store.TurnLane(ctx, v, lane, store.LaneReport{Want: 1}))(t)
	if err := l.store.DeleteWebhookEndpoint(ctx, v, models.Deletion[models.WebhookEndpointID]{ID: l.id}); err != nil {
		t.Fatal(err)
	}
	results := []models.AttemptResult{{ID: turn.Deliveries[0].ID, Outcome: models.AttemptDelivered, StartedAt: l.now}}
	if turn := must(l.store.TurnLane(ctx, v, lane, store.LaneReport{Results: results}))(t); !turn.Lost {
		t.Error("the lane of a deleted endpoint is not lost")
	}
	if err := l.store.CloseLane(ctx, v, lane, nil); err != nil {
		t.Error(err)
	}
	if lane := must(l.store.OpenLane(ctx, v, l.id))(t); lane != nil {
		t.Error("the lane of a deleted endpoint was opened")
	}
}

func TestCreateWebhookEndpoint_Limit(t *testing.T) {
	t.Parallel()
	l := newLanes(t)
	for range models.MaxWebhookEndpoints - 1 {
		endpointOf(l.Tenant)
	}
	_, err := l.store.CreateWebhookEndpoint(t.Context(), l.System(), models.NewWebhookEndpoint{Name: "One more", URL: "http://127.0.0.1:1/"})
	wantCode(t, err, models.CodeConflict)
}

// A program without the rules of webhooks sends nothing and makes no endpoint.
func TestWebhooks_WithoutPolicy(t *testing.T) {
	t.Parallel()
	w := factory.New(t)
	cedar := w.Tenant("cedar")
	s := store.New(w.DB.App, store.Options{Now: factory.Now, Sealer: factory.Sealer(t)})
	t.Cleanup(func() { _ = s.Close() })
	_, err := s.CreateWebhookEndpoint(t.Context(), cedar.System(), models.NewWebhookEndpoint{Name: "A", URL: "https://hooks.example.com/"})
	equal(t, "fields", []string{"url:invalid"}, fieldPaths(wantCode(t, err, models.CodeValidation)))
	id := endpointOf(cedar).ID
	must(s.TestWebhookEndpoint(t.Context(), cedar.System(), id))(t)
	lane := must(s.OpenLane(t.Context(), cedar.System(), id))(t)
	turn := must(s.TurnLane(t.Context(), cedar.System(), lane, store.LaneReport{Want: 1}))(t)
	equal(t, "taken", 0, len(turn.Deliveries))
	if err := s.CloseLane(t.Context(), cedar.System(), lane, nil); err != nil {
		t.Error(err)
	}
}
