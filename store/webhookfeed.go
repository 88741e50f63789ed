package store

import (
	"context"

	"github.com/uptrace/bun"

	"upstream/models"
)

func webhookEventSpec() listSpec[models.WebhookEvent] {
	type event = models.WebhookEvent
	return listSpec[event]{
		noun: "webhook_event", key: []string{"customer_id", "id"}, alias: "wv", order: []term{{column: "sequence"}},
		columns: map[string]column[event]{
			"sequence": {cast: "bigint", value: func(e *event) any { return e.Sequence }},
		},
	}
}

// numbered are the events that have their place in the feed.
func numbered(q *bun.SelectQuery) *bun.SelectQuery { return q.Where("wv.sequence IS NOT NULL") }

// WebhookEvents is the feed of what happened in the last 90 days, oldest first.
// Its sequences have no gaps, and none appears before another that is lower.
func (s *Store) WebhookEvents(ctx context.Context, v models.Viewer, f models.WebhookEventFilter, l models.List[models.WebhookEventOrderField]) (*models.Rows[*models.WebhookEvent], error) {
	return read(ctx, s, v, models.PermissionViewWebhooks, func(tx *tenantTx) (*models.Rows[*models.WebhookEvent], error) {
		return list(ctx, tx, webhookEventSpec(), "", numbered, f, l)
	})
}

// WebhookEvent is one event of the customer; NOT_FOUND when it has none of this
// id.
func (s *Store) WebhookEvent(ctx context.Context, v models.Viewer, id models.WebhookEventID) (*models.WebhookEvent, error) {
	return read(ctx, s, v, models.PermissionViewWebhooks, func(tx *tenantTx) (*models.WebhookEvent, error) {
		return rowOf[models.WebhookEvent](ctx, tx, numbered, id, "webhook event")
	})
}

// WebhookEventsByID are those of the events that the customer has.
func (s *Store) WebhookEventsByID(ctx context.Context, v models.Viewer, ids []models.WebhookEventID) (map[models.WebhookEventID]*models.WebhookEvent, error) {
	return read(ctx, s, v, models.PermissionViewWebhooks, func(tx *tenantTx) (map[models.WebhookEventID]*models.WebhookEvent, error) {
		return rowsOf(ctx, tx, numbered, ids, func(e *models.WebhookEvent) models.WebhookEventID { return e.ID })
	})
}
