package store

import (
	"context"
	"fmt"

	"github.com/google/uuid"
	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/pgdialect"

	"upstream/models"
)

// What the audit log calls replays.
const (
	auditReplayQueued   auditAction = "webhook_replay_queued"
	auditReplayFinished auditAction = "webhook_replay_finished"
)

// replayBatch is how many deliveries one transaction queues again.
const replayBatch = 500

func webhookReplaySpec() listSpec[models.WebhookReplay] {
	type replay = models.WebhookReplay
	return listSpec[replay]{
		noun: "webhook_replay", alias: "wr", order: []term{{column: "created_at", desc: true}, {column: "id", desc: true}},
		columns: map[string]column[replay]{
			"id":         {cast: "uuid", value: func(r *replay) any { return r.ID }},
			"created_at": {cast: "timestamptz", value: func(r *replay) any { return r.CreatedAt }},
		},
	}
}

// WebhookReplays lists the customer's replays.
func (s *Store) WebhookReplays(ctx context.Context, v models.Viewer, f models.WebhookReplayFilter, l models.List[models.WebhookReplayOrderField]) (*models.Rows[*models.WebhookReplay], error) {
	return read(ctx, s, v, models.PermissionViewWebhooks, func(tx *tenantTx) (*models.Rows[*models.WebhookReplay], error) {
		return list(ctx, tx, webhookReplaySpec(), "", everything, f, l)
	})
}

// WebhookReplay is one replay of the customer; NOT_FOUND when it has none of
// this id.
func (s *Store) WebhookReplay(ctx context.Context, v models.Viewer, id models.WebhookReplayID) (*models.WebhookReplay, error) {
	return one[models.WebhookReplay](ctx, s, v, models.PermissionViewWebhooks, id, "webhook replay")
}

// WebhookReplaysByID are those of the replays that the customer has.
func (s *Store) WebhookReplaysByID(ctx context.Context, v models.Viewer, ids []models.WebhookReplayID) (map[models.WebhookReplayID]*models.WebhookReplay, error) {
	return byID(ctx, s, v, models.PermissionViewWebhooks, ids, func(r *models.WebhookReplay) models.WebhookReplayID { return r.ID })
}

// CountReplay is how many deliveries a replay would send again. It answers
// VALIDATION and NOT_FOUND as ReplayWebhooks does.
func (s *Store) CountReplay(ctx context.Context, v models.Viewer, in models.NewWebhookReplay) (int64, error) {
	return read(ctx, s, v, models.PermissionManageWebhooks, func(tx *tenantTx) (int64, error) {
		if err := in.Validate(tx.now); err != nil {
			return 0, err
		}
		if err := tx.mustExist(ctx, (*models.WebhookEndpoint)(nil), in.EndpointID, "webhook endpoint"); err != nil {
			return 0, err
		}
		return tx.countReplay(ctx, tx.newReplay(in))
	})
}

func (tx *tenantTx) newReplay(in models.NewWebhookReplay) *models.WebhookReplay {
	replay := &models.WebhookReplay{
		CustomerID: tx.customer, ID: models.WebhookReplayID{}.From(tx.newUUID()), EndpointID: in.EndpointID,
		Since: in.Since, Until: tx.now, Status: in.Status, EventType: in.EventType, State: models.ReplayQueued,
		CreatedBy: tx.actorID(), Version: 1, CreatedAt: tx.now, UpdatedAt: tx.now,
	}
	if in.Until != nil {
		replay.Until = *in.Until
	}
	return replay
}

// replayed selects the deliveries that a replay is about.
func (tx *tenantTx) replayed(q *bun.SelectQuery, r *models.WebhookReplay) *bun.SelectQuery {
	q = q.Where("wd.endpoint_id = ? AND wd.created_at BETWEEN ? AND ?", r.EndpointID, r.Since, r.Until)
	if r.Status != nil {
		q = q.Where("wd.status = ?", *r.Status)
	} else {
		q = q.Where("wd.status IN (?, ?)", models.DeliverySuccess, models.DeliveryDead)
	}
	if r.EventType != nil {
		q = q.Where("wd.event_type = ?", *r.EventType)
	}
	return q
}

func (tx *tenantTx) countReplay(ctx context.Context, r *models.WebhookReplay) (int64, error) {
	return tx.replayed(tx.selectFrom((*models.WebhookDelivery)(nil)), r).Count(ctx)
}

// ReplayWebhooks has a job send deliveries of an endpoint again: those that are
// done, by when they were made. It answers VALIDATION for bad input, NOT_FOUND,
// STALE when there are more than was expected, and CONFLICT for an endpoint that
// is switched off or being replayed.
func (s *Store) ReplayWebhooks(ctx context.Context, v models.Viewer, in models.NewWebhookReplay) (*models.WebhookReplay, error) {
	return write(ctx, s, v, models.PermissionManageWebhooks, func(tx *tenantTx) (*models.WebhookReplay, error) {
		if err := in.Validate(tx.now); err != nil {
			return nil, err
		}
		endpoint, err := tx.lockEndpoint(ctx, in.EndpointID)
		if err != nil {
			return nil, err
		}
		if !endpoint.Delivers() {
			return nil, switchedOff()
		}
		replay := tx.newReplay(in)
		if replay.Total, err = tx.countReplay(ctx, replay); err != nil {
			return nil, err
		}
		if in.ExpectedCount != nil && replay.Total > *in.ExpectedCount {
			return nil, models.NewError(models.CodeStale, "There are %d deliveries to send again now, more than expected.", replay.Total)
		}
		if err := tx.insert(ctx, replay); err != nil {
			return nil, err
		}
		if err := tx.enqueue(ctx, models.ReplayWebhooksJob{CustomerID: tx.customer, ReplayID: replay.ID}); err != nil {
			return nil, err
		}
		return replay, tx.auditChange(ctx, auditReplayQueued, "webhook_replay", replay.ID.String(), diff(nil, replay))
	})
}

// PerformReplay queues the deliveries of a replay again, some at a time, until
// there are none or ctx ends; then the error says that the job should come again,
// and the replay goes on where it was.
func (s *Store) PerformReplay(ctx context.Context, v models.Viewer, id models.WebhookReplayID) error {
	for {
		more, err := write(ctx, s, v, models.PermissionManageWebhooks, func(tx *tenantTx) (bool, error) { return tx.replaySome(ctx, s, id) })
		if err != nil {
			return fmt.Errorf("replay webhooks: %w", err)
		}
		if !more {
			return nil
		}
	}
}

// replaySome queues the next deliveries of a replay and reports whether there
// may be more. The endpoint is locked before its deliveries, as everywhere.
func (tx *tenantTx) replaySome(ctx context.Context, s *Store, id models.WebhookReplayID) (more bool, err error) {
	var found []*models.WebhookReplay
	if err := tx.selectFrom(&found).Where("wr.id = ?", id).Scan(ctx); err != nil || len(found) == 0 {
		return false, err
	}
	endpoint, err := tx.lockEndpoint(ctx, found[0].EndpointID)
	if models.CodeOf(err) == models.CodeNotFound && err != nil {
		return false, nil // and the replay with it
	}
	if err != nil {
		return false, err
	}
	replay := new(models.WebhookReplay)
	if err := tx.selectFrom(replay).Where("wr.id = ?", id).For("NO KEY UPDATE").Scan(ctx); err != nil {
		return false, err
	}
	switch {
	case !replay.State.Unfinished():
		return false, nil
	case !endpoint.Delivers():
		return false, tx.endReplay(ctx, replay, models.ReplayStopped)
	}
	ids, err := tx.requeue(ctx, s, replay)
	if err != nil {
		return false, err
	}
	if len(ids) < replayBatch {
		replay.Queued += int64(len(ids))
		if err := tx.endReplay(ctx, replay, models.ReplayDone); err != nil {
			return false, err
		}
		return false, tx.wakeAndStore(ctx, endpoint, tx.now)
	}
	replay.State, replay.Queued, replay.Position = models.ReplayRunning, replay.Queued+int64(len(ids)), &ids[len(ids)-1]
	if err := tx.storeReplay(ctx, replay); err != nil {
		return false, err
	}
	return true, tx.wakeAndStore(ctx, endpoint, tx.now)
}

// requeue makes the next deliveries of a replay wait to be sent.
func (tx *tenantTx) requeue(ctx context.Context, s *Store, r *models.WebhookReplay) ([]uuid.UUID, error) {
	var ids []uuid.UUID
	next := tx.replayed(tx.selectFrom((*models.WebhookDelivery)(nil)).Column("id"), r).OrderExpr("wd.id").Limit(replayBatch)
	if r.Position != nil {
		next = next.Where("wd.id > ?", *r.Position)
	}
	if err := next.Scan(ctx, &ids); err != nil || len(ids) == 0 {
		return nil, err
	}
	texts := make([]string, len(ids))
	for i, id := range ids {
		texts[i] = id.String()
	}
	_, err := tx.updateOf((*models.WebhookDelivery)(nil)).
		Set("status = ?, attempts = 0, max_attempts = ?", models.DeliveryPending, s.webhooks.MaxAttempts()).
		Set("next_attempt_at = ?, updated_at = ?, version = wd.version + 1", tx.now, tx.now).
		Where("wd.id = ANY (?::uuid[])", pgdialect.Array(texts)).Exec(ctx)
	return ids, err
}

func (tx *tenantTx) endReplay(ctx context.Context, r *models.WebhookReplay, state models.ReplayState) error {
	was := r.State
	r.State, r.FinishedAt = state, &tx.now
	if err := tx.storeReplay(ctx, r); err != nil {
		return err
	}
	return tx.auditChange(ctx, auditReplayFinished, "webhook_replay", r.ID.String(), change{
		before: map[string]any{"state": was}, after: map[string]any{"state": state, "queued": r.Queued},
	})
}

func (tx *tenantTx) storeReplay(ctx context.Context, r *models.WebhookReplay) error {
	r.Version++
	r.UpdatedAt = tx.now
	_, err := tx.updateOf(r).Column("state", "queued", "position", "finished_at", "version", "updated_at").Where("wr.id = ?", r.ID).Exec(ctx)
	return err
}
