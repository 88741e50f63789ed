package store

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/uptrace/bun"

	"upstream/models"
)

// How long is kept what was delivered.
const (
	attemptsKept   = 30 * 24 * time.Hour
	deliveriesKept = 90 * 24 * time.Hour
	// webhookPurgeBatch is how many rows one transaction deletes.
	webhookPurgeBatch = 5000
	// deliveryOverdue is when it is looked into why a delivery that is due was not
	// made, replayOverdue when a replay that does not go on gets another job.
	deliveryOverdue = 3 * time.Second
	replayOverdue   = 2 * time.Minute
)

// ResumeWebhooks sees to what nobody delivers although it is due, for all
// customers: after a process was killed, or should a job have been lost. It
// answers how many events, endpoints and replays got somebody to see to them.
func (s *Store) ResumeWebhooks(ctx context.Context) (resumed int, err error) {
	told, tellErr := sweep(ctx, s.untoldCustomers, func(ctx context.Context, id models.CustomerID) (int, error) {
		return s.TellEvents(ctx, models.JobViewer(id, models.ResumeWebhooksJob{}.Kind(), ""))
	})
	woken, wakeErr := sweep(ctx, s.overdueEndpoints, counting(s.resumeEndpoint))
	replays, replayErr := sweep(ctx, s.unfinishedReplays, counting(s.resumeReplay))
	return told + woken + replays, errors.Join(tellErr, wakeErr, replayErr)
}

// untoldCustomers are the next customers after the given with events of which no
// deliveries were made.
func (s *Store) untoldCustomers(ctx context.Context, after models.CustomerID) ([]models.CustomerID, error) {
	return system(ctx, s, func(tx *systemTx) (ids []models.CustomerID, err error) {
		var untold []models.WebhookEvent
		err = tx.tx.NewSelect().Model(&untold).ColumnExpr("DISTINCT wv.customer_id").
			Where("wv.sequence IS NULL AND wv.created_at < ? AND wv.customer_id > ?", tx.now.Add(-deliveryOverdue), after).
			OrderExpr("wv.customer_id").Limit(watchBatch).Scan(ctx)
		for i := range untold {
			ids = append(ids, untold[i].CustomerID)
		}
		return ids, err
	})
}

// overdueEndpoints are the next ones after the given with deliveries that should
// have been tried.
func (s *Store) overdueEndpoints(ctx context.Context, after models.WebhookDelivery) ([]models.WebhookDelivery, error) {
	return system(ctx, s, func(tx *systemTx) (found []models.WebhookDelivery, err error) {
		err = tx.tx.NewSelect().Model(&found).ColumnExpr("DISTINCT wd.customer_id, wd.endpoint_id").
			Where("wd.status IN ('pending', 'retrying') AND wd.next_attempt_at < ?", tx.now.Add(-deliveryOverdue)).
			Where("(wd.customer_id, wd.endpoint_id) > (?, ?)", after.CustomerID, after.EndpointID).
			OrderExpr("wd.customer_id, wd.endpoint_id").Limit(watchBatch).Scan(ctx)
		return found, err
	})
}

// resumeEndpoint leaves a job for an endpoint that nobody delivers to. One whose
// lane is a living process's, or whose circuit is open, is left alone, as is one
// for which a job waits.
func (s *Store) resumeEndpoint(ctx context.Context, seen models.WebhookDelivery) (resumed bool, err error) {
	v := models.JobViewer(seen.CustomerID, models.ResumeWebhooksJob{}.Kind(), "")
	return bound(ctx, s, v, readCommitted, func(tx *tenantTx) (bool, error) {
		e, err := tx.findEndpoint(ctx, seen.EndpointID)
		if err != nil || e == nil || !e.Delivers() {
			return false, err
		}
		if e.LaneUntil != nil && e.LaneUntil.After(tx.now) {
			if gone, err := tx.gone(ctx, *e.LaneWorker); err != nil || !gone {
				return false, err
			}
		}
		if alive, err := tx.hasDeliveryJob(ctx, e); err != nil || alive {
			return false, err
		}
		e.LaneWorker, e.LaneUntil, e.LaneJobAt = nil, nil, nil
		if err := tx.wakeLane(ctx, e, tx.now); err != nil {
			return false, err
		}
		return true, tx.storeLane(ctx, e)
	})
}

// waitingDeliveryJob finds a job of an endpoint that is still to be done. One
// that runs has taken the lane, or is about to see that it need not. One whose
// time has come and that is still not available waits for a leader of the queue,
// of which there may be none.
const waitingDeliveryJob = `SELECT EXISTS (SELECT FROM river.river_job WHERE kind = ?1 AND scheduled_at <= ?3
	AND (state IN ('available', 'pending') OR state IN ('retryable', 'scheduled') AND scheduled_at > now() - interval '5 seconds')
	AND args @> jsonb_build_object('customer_id', ?2, 'endpoint_id', ?4) AND ?0 IS NOT NULL)`

func (tx *tenantTx) hasDeliveryJob(ctx context.Context, e *models.WebhookEndpoint) (alive bool, err error) {
	until := tx.now
	if e.RetryAt != nil && e.RetryAt.After(until) {
		until = *e.RetryAt
	}
	// By the clock of jobs, which is not the store's in a test.
	until = time.Now().Add(until.Sub(tx.now) + jobGrace)
	err = tx.query(waitingDeliveryJob, models.DeliverWebhooksJob{}.Kind(), tx.customer.String(), until, e.ID.String()).Scan(ctx, &alive)
	return alive, err
}

// unfinishedReplays are the next ones after the given that do not go on.
func (s *Store) unfinishedReplays(ctx context.Context, after models.WebhookReplay) ([]models.WebhookReplay, error) {
	return system(ctx, s, func(tx *systemTx) (replays []models.WebhookReplay, err error) {
		err = tx.tx.NewSelect().Model(&replays).Column("customer_id", "id").
			Where("wr.state IN (?, ?) AND wr.updated_at < ?", models.ReplayQueued, models.ReplayRunning, tx.now.Add(-replayOverdue)).
			Where("(wr.customer_id, wr.id) > (?, ?)", after.CustomerID, after.ID).
			OrderExpr("wr.customer_id, wr.id").Limit(watchBatch).Scan(ctx)
		return replays, err
	})
}

// resumeReplay leaves another job for a replay. Should the first come back, both
// queue each delivery once.
func (s *Store) resumeReplay(ctx context.Context, seen models.WebhookReplay) (bool, error) {
	v := models.JobViewer(seen.CustomerID, models.ResumeWebhooksJob{}.Kind(), "")
	return bound(ctx, s, v, readCommitted, func(tx *tenantTx) (bool, error) {
		replay := new(models.WebhookReplay)
		err := tx.selectFrom(replay).Where("wr.id = ?", seen.ID).For("NO KEY UPDATE").Scan(ctx)
		if err != nil || !replay.State.Unfinished() {
			return false, unlessNoRows(err)
		}
		if err := tx.storeReplay(ctx, replay); err != nil { // which says that it was seen to
			return false, err
		}
		return true, tx.enqueue(ctx, models.ReplayWebhooksJob{CustomerID: tx.customer, ReplayID: replay.ID})
	})
}

func unlessNoRows(err error) error {
	if errors.Is(err, sql.ErrNoRows) {
		return nil
	}
	return err
}

// PurgeWebhooks deletes attempts of more than 30 days, and events, replays and
// deliveries that are done of more than 90; it answers how many rows. Deliveries
// that are not done are kept.
func (s *Store) PurgeWebhooks(ctx context.Context) (int64, error) {
	customers, err := s.AllCustomers(ctx)
	if err != nil {
		return 0, err
	}
	var purged int64
	for _, c := range customers {
		n, failed := s.purgeWebhooksOf(ctx, c.ID)
		purged, err = purged+n, errors.Join(err, failed)
	}
	return purged, err
}

func (s *Store) purgeWebhooksOf(ctx context.Context, customer models.CustomerID) (purged int64, err error) {
	now := s.clock()
	for _, old := range []struct {
		model any
		where string
		kept  time.Duration
	}{
		{(*models.DeliveryAttempt)(nil), "wa.started_at < ?", attemptsKept},
		{(*models.WebhookDelivery)(nil), "wd.created_at < ? AND wd.status IN ('success', 'dead')", deliveriesKept},
		{(*models.WebhookEvent)(nil), "wv.created_at < ? AND wv.sequence IS NOT NULL", deliveriesKept},
		{(*models.WebhookReplay)(nil), "wr.created_at < ? AND wr.state IN ('done', 'stopped')", deliveriesKept},
	} {
		before := func(q *bun.SelectQuery) *bun.SelectQuery { return q.Where(old.where, now.Add(-old.kept)) }
		for {
			n, err := s.purgeSome(ctx, customer, old.model, before)
			purged += n
			if err != nil {
				return purged, err
			}
			if n < webhookPurgeBatch {
				break
			}
		}
	}
	return purged, nil
}

// purgeSome deletes the next of the rows.
func (s *Store) purgeSome(ctx context.Context, customer models.CustomerID, model any, old scopeFunc) (int64, error) {
	v := models.JobViewer(customer, models.HousekeepingJob{}.Kind(), "")
	return bound(ctx, s, v, readCommitted, func(tx *tenantTx) (int64, error) {
		some := old(tx.selectFrom(model)).ColumnExpr("?TableAlias.ctid").Limit(webhookPurgeBatch)
		result, err := tx.deleteFrom(model).Where("?TableAlias.ctid IN (?)", some).Exec(ctx)
		if err != nil {
			return 0, err
		}
		return result.RowsAffected()
	})
}
