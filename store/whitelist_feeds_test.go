package store_test

import (
	"context"
	"testing"

	"github.com/google/uuid"

	"upstream/internal/factory"
	"upstream/models"
)

// multiplied is a customer with thousands of alerts, judgments, deliveries with
// their attempts, events of the feed and audit lines, which differ in every
// column that lists filter or order by, beside another with as many.
func multiplied(w *factory.World) *factory.Tenant {
	w.Helper()
	// again makes rows like one of a table, with other values by $1, a number.
	again := func(tenant *factory.Tenant, table, values, from string) {
		err := asOwner(w, tenant, `INSERT INTO `+table+` SELECT (fresh).* FROM `+table+` one, `+from+`,
			jsonb_populate_record(one, jsonb_build_object(`+values+`)) fresh
			WHERE one.ctid = (SELECT min(ctid) FROM `+table+` WHERE customer_id = $1::uuid)`, tenant.Customer.ID.UUID().String())
		if err != nil {
			w.Fatal(table, err)
		}
	}
	const series = `generate_series(1001, 5000) i`
	seed := func(tenant *factory.Tenant) {
		inhabit(w, tenant)
		again(tenant, "alert_events", `'id', gen_random_uuid(), 'signal_key', 's' || i, 'triggered_at', now() - i * interval '1 hour',
			'payer', 'Payer ' || i % 40, 'drift_type', (ARRAY['DENIAL_RATE', 'DECISION_TIME', 'PAYMENT_AMOUNT', 'AUTH_FAILURE_RATE'])[1 + i % 4],
			'status', 'sent', 'notification_sent_at', now(), 'needs_follow_up', i % 50 = 0, 'acknowledged_at', CASE WHEN i % 3 = 0 THEN now() END,
			'suppression_reason', CASE WHEN i % 40 = 0 THEN (ARRAY['cooldown', 'noise_pattern'])[1 + i / 40 % 2] END,
			'error_message', CASE WHEN i % 40 = 0 THEN 'suppressed' END`, series)
		again(tenant, "operator_judgments", `'id', gen_random_uuid(), 'alert_event_id', i.id, 'judged_at', i.triggered_at,
			'verdict', (ARRAY['noise', 'real'])[1 + i.n % 2], 'recovered_amount', i.n, 'recovered_date', '2026-06-01'::date - i.n % 900`,
			`(SELECT id, triggered_at, (row_number() OVER (ORDER BY triggered_at))::int AS n FROM alert_events WHERE customer_id = $1::uuid AND signal_key LIKE 's%') i`)
		again(tenant, "webhook_deliveries", `'id', gen_random_uuid(), 'sequence', i, 'event_key', 'webhook.test:' || i, 'created_at', now() - i * interval '1 minute',
			'event_type', (ARRAY['webhook.test', 'alert.resolved', 'upload.processed', 'drift.detected'])[1 + i % 4]`, series)
		again(tenant, "webhook_attempts", `'number', i`, series)
		again(tenant, "webhook_events", `'id', gen_random_uuid(), 'sequence', i, 'event_key', 'webhook.test:again-' || i, 'created_at', now() - i * interval '1 minute',
			'revision', 1`, series)
		again(tenant, "audit_events", `'id', gen_random_uuid(), 'seq', i, 'occurred_at', now() - i * interval '1 minute', 'entity_id', 'clm_' || i % 2000,
			'entity_type', (ARRAY['claim', 'upload', 'session'])[1 + i % 3], 'action', (ARRAY['claim_viewed', 'upload_created', 'signed_in'])[1 + i % 3]`, series)
	}
	cedar := w.Tenant("cedar")
	seed(cedar)
	seed(w.Tenant("harbor"))
	if _, err := w.DB.Owner.Exec(w.Context(), `ANALYZE alert_events, operator_judgments, webhook_deliveries, webhook_attempts, webhook_events, audit_events`); err != nil {
		w.Fatal(err)
	}
	return cedar
}

// The same as for claims, of the lists that grow by what happens.
func TestExplain_EveryColumnOfWhatAccumulates(t *testing.T) {
	t.Parallel()
	w := factory.New(t)
	cedar := multiplied(w)
	r := traced(w)
	plans := planner{cedar: cedar, tracer: r}
	v, s := cedar.User(models.RoleOwner), w.Store
	explainList(t, plans, "alert_events", asked(v, s.AlertEvents))
	explainList(t, plans, "operator_judgments", asked(v, s.OperatorJudgments))
	explainList(t, plans, "webhook_deliveries", asked(v, s.WebhookDeliveries))
	var delivery models.WebhookDeliveryID
	attempted := factory.Query[[]byte](cedar, `SELECT uuid_send(delivery_id) FROM webhook_attempts ORDER BY number DESC LIMIT 1`)
	delivery = delivery.From(uuid.UUID(attempted))
	explainList(t, plans, "webhook_attempts", func(ctx context.Context, f models.DeliveryAttemptFilter, l models.List[models.DeliveryAttemptOrderField]) error {
		_, err := s.DeliveryAttempts(ctx, v, delivery, f, l)
		return err
	})
	explainList(t, plans, "webhook_events", asked(v, s.WebhookEvents))
	explainList(t, plans, "audit_events", asked(v, s.AuditEvents))
}
