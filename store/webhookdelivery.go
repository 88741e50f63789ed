package store

import (
	"context"
	"time"

	"github.com/uptrace/bun"

	"upstream/models"
)

// What the audit log calls what becomes of deliveries.
const (
	auditDeliverySent        auditAction = "webhook_delivery_sent"
	auditDeliveryFailed      auditAction = "webhook_delivery_failed"
	auditDeliveryRedelivered auditAction = "webhook_delivery_redelivered"
)

func webhookDeliverySpec() listSpec[models.WebhookDelivery] {
	type delivery = models.WebhookDelivery
	return listSpec[delivery]{
		noun: "webhook_delivery", key: []string{"customer_id", "id"}, alias: "wd", search: []string{"event_key", "event_type"},
		order: []term{{column: "created_at", desc: true}, {column: "id", desc: true}},
		columns: map[string]column[delivery]{
			"id":         {cast: "uuid", value: func(d *delivery) any { return d.ID }},
			"created_at": {cast: "timestamptz", value: func(d *delivery) any { return d.CreatedAt }},
			"sequence":   {cast: "bigint", value: func(d *delivery) any { return d.Sequence }},
			"next_attempt_at": {cast: "timestamptz", nullable: true, value: func(d *delivery) any {
				if d.NextAttemptAt == nil {
					return nil
				}
				return *d.NextAttemptAt
			}},
		},
	}
}

func deliveryAttemptSpec() listSpec[models.DeliveryAttempt] {
	type attempt = models.DeliveryAttempt
	return listSpec[attempt]{
		noun: "delivery_attempt", alias: "wa", order: []term{{column: "number"}},
		columns: map[string]column[attempt]{
			"number":     {cast: "integer", value: func(a *attempt) any { return a.Number }},
			"started_at": {cast: "timestamptz", value: func(a *attempt) any { return a.StartedAt }},
		},
	}
}

type deliveryRows = models.Rows[*models.WebhookDelivery]

// WebhookDeliveries lists the customer's deliveries to all endpoints. Those that
// are dead are the dead letters.
func (s *Store) WebhookDeliveries(ctx context.Context, v models.Viewer, f models.WebhookDeliveryFilter, l models.List[models.WebhookDeliveryOrderField]) (*deliveryRows, error) {
	return read(ctx, s, v, models.PermissionViewWebhooks, func(tx *tenantTx) (*deliveryRows, error) {
		return list(ctx, tx, webhookDeliverySpec(), "", everything, f, l)
	})
}

// WebhookDeliveriesOfEndpoints lists the deliveries of each of the endpoints.
func (s *Store) WebhookDeliveriesOfEndpoints(ctx context.Context, v models.Viewer, ids []models.WebhookEndpointID, f models.WebhookDeliveryFilter, l models.List[models.WebhookDeliveryOrderField]) (map[models.WebhookEndpointID]*deliveryRows, error) {
	return read(ctx, s, v, models.PermissionViewWebhooks, func(tx *tenantTx) (map[models.WebhookEndpointID]*deliveryRows, error) {
		ofEndpoint := byColumn("wd", "endpoint_id", func(d *models.WebhookDelivery) models.WebhookEndpointID { return d.EndpointID })
		return listOf(ctx, tx, webhookDeliverySpec(), ofEndpoint, ids, f, l)
	})
}

// WebhookDelivery is one delivery of the customer; NOT_FOUND when it has none of
// this id.
func (s *Store) WebhookDelivery(ctx context.Context, v models.Viewer, id models.WebhookDeliveryID) (*models.WebhookDelivery, error) {
	return one[models.WebhookDelivery](ctx, s, v, models.PermissionViewWebhooks, id, "webhook delivery")
}

// WebhookDeliveriesByID are those of the deliveries that the customer has.
func (s *Store) WebhookDeliveriesByID(ctx context.Context, v models.Viewer, ids []models.WebhookDeliveryID) (map[models.WebhookDeliveryID]*models.WebhookDelivery, error) {
	return byID(ctx, s, v, models.PermissionViewWebhooks, ids, func(d *models.WebhookDelivery) models.WebhookDeliveryID { return d.ID })
}

// DeliveryAttempts lists the attempts at a delivery of the last 30 days;
// NOT_FOUND when the customer has no such delivery.
func (s *Store) DeliveryAttempts(ctx context.Context, v models.Viewer, id models.WebhookDeliveryID, f models.DeliveryAttemptFilter, l models.List[models.DeliveryAttemptOrderField]) (*models.Rows[*models.DeliveryAttempt], error) {
	return read(ctx, s, v, models.PermissionViewWebhooks, func(tx *tenantTx) (*models.Rows[*models.DeliveryAttempt], error) {
		if err := tx.mustExist(ctx, (*models.WebhookDelivery)(nil), id, "webhook delivery"); err != nil {
			return nil, err
		}
		ofDelivery := func(q *bun.SelectQuery) *bun.SelectQuery { return q.Where("wa.delivery_id = ?", id) }
		return list(ctx, tx, deliveryAttemptSpec(), id.String(), ofDelivery, f, l)
	})
}

// DeliveryAttemptsOfDeliveries lists the attempts at each of the deliveries.
func (s *Store) DeliveryAttemptsOfDeliveries(ctx context.Context, v models.Viewer, ids []models.WebhookDeliveryID, f models.DeliveryAttemptFilter, l models.List[models.DeliveryAttemptOrderField]) (map[models.WebhookDeliveryID]*models.Rows[*models.DeliveryAttempt], error) {
	return read(ctx, s, v, models.PermissionViewWebhooks, func(tx *tenantTx) (map[models.WebhookDeliveryID]*models.Rows[*models.DeliveryAttempt], error) {
		ofDelivery := byColumn("wa", "delivery_id", func(a *models.DeliveryAttempt) models.WebhookDeliveryID { return a.DeliveryID })
		return listOf(ctx, tx, deliveryAttemptSpec(), ofDelivery, ids, f, l)
	})
}

// RedeliverWebhook sends a delivery again, with all its attempts before it; one
// that waits for its next attempt is tried at once. The webhook-id stays what it
// is. It answers NOT_FOUND, STALE, and CONFLICT for an endpoint that is switched
// off.
func (s *Store) RedeliverWebhook(ctx context.Context, v models.Viewer, in models.Redelivery) (*models.WebhookDelivery, error) {
	return write(ctx, s, v, models.PermissionManageWebhooks, func(tx *tenantTx) (*models.WebhookDelivery, error) {
		delivery, err := rowOf[models.WebhookDelivery](ctx, tx, everything, in.ID, "webhook delivery")
		if err != nil {
			return nil, err
		}
		endpoint, err := tx.lockEndpoint(ctx, delivery.EndpointID)
		if err != nil {
			return nil, err
		}
		if !endpoint.Delivers() {
			return nil, switchedOff()
		}
		if delivery, err = tx.lockDelivery(ctx, in.ID); err != nil {
			return nil, err
		}
		if err := expectVersion("webhook delivery", delivery.Version, in.ExpectedVersion); err != nil {
			return nil, err
		}
		was := delivery.Status
		delivery.Status, delivery.Attempts, delivery.MaxAttempts = models.DeliveryPending, 0, s.webhooks.MaxAttempts()
		delivery.NextAttemptAt = &tx.now
		if err := tx.storeDelivery(ctx, delivery, "status", "attempts", "max_attempts", "next_attempt_at"); err != nil {
			return nil, err
		}
		if err := tx.wakeAndStore(ctx, endpoint, tx.now); err != nil {
			return nil, err
		}
		return delivery, tx.auditChange(ctx, auditDeliveryRedelivered, "webhook_delivery", in.ID.String(), change{
			before: map[string]any{"status": was}, after: map[string]any{"status": delivery.Status},
		})
	})
}

func (tx *tenantTx) lockDelivery(ctx context.Context, id models.WebhookDeliveryID) (*models.WebhookDelivery, error) {
	d := new(models.WebhookDelivery)
	err := tx.selectFrom(d).Where("wd.id = ?", id).For("NO KEY UPDATE").Scan(ctx)
	return d, orNotFound(err, "webhook delivery")
}

// storeDelivery writes columns of a delivery whose row is locked.
func (tx *tenantTx) storeDelivery(ctx context.Context, d *models.WebhookDelivery, columns ...string) error {
	d.Version++
	d.UpdatedAt = tx.now
	_, err := tx.updateOf(d).Column(append(columns, "version", "updated_at")...).Where("wd.id = ?", d.ID).Exec(ctx)
	return err
}

// wakeAndStore is wakeLane for who changes nothing else of the endpoint.
func (tx *tenantTx) wakeAndStore(ctx context.Context, e *models.WebhookEndpoint, at time.Time) error {
	if err := tx.wakeLane(ctx, e, at); err != nil {
		return err
	}
	_, err := tx.updateOf(e).Column("lane_job_at").Where("we.id = ?", e.ID).Exec(ctx)
	return err
}
