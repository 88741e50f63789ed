package store

import (
	"context"
	"encoding/json"
	"time"

	"github.com/google/uuid"
	"github.com/uptrace/bun"

	"upstream/models"
)

// Who delivers.
//
// A lane is the right to deliver to one endpoint: one process has it at a time,
// so that what an endpoint gets at once is bounded however many processes there
// are, and its deliveries are nobody's while the lane is. The job that a new
// delivery brings opens the lane, takes a few deliveries, sends them, says what
// came of them and takes the next (TurnLane), and closes it when nothing is due
// or others have waited long enough; closing leaves a job for the next instant at
// which something is due. All of it happens under the lock of the endpoint's
// row, as does the making of deliveries: none is made without a job on its way
// or somebody who looks again before leaving.
//
// Deliveries change when it is known what came of them, and not before: should a
// process die with some of them sent, they are as they were, and are sent again
// with the same webhook-id. Its lane goes to the next one that comes, as soon as
// its lifeline is gone, or when laneLease is over.

const (
	// laneLease is how long a lane stays with who says nothing.
	laneLease = 30 * time.Second
	// maxLanes is how many endpoints of one customer are delivered to at a time, so
	// that the workers are not all busy with those of one.
	maxLanes = 8
	// maxAfterFailure is how many deliveries are taken in one go while the last
	// attempt failed.
	maxAfterFailure = 4
	// laneBusyWait is when to ask again whether there is room.
	laneBusyWait = 500 * time.Millisecond
	// jobGrace is how much too early a job may come by the clock of another
	// machine and still be known as the one that was expected.
	jobGrace = 2 * time.Second
	// deadNoticeEvery is how often people are told of deliveries that are given up.
	deadNoticeEvery = 24 * time.Hour
)

// Lane is the right to deliver to an endpoint. It is used by one goroutine.
type Lane struct {
	id    models.WebhookEndpointID
	until time.Time
	leave func()
}

// OpenLane takes the lane of an endpoint; nil when there is nothing to do for
// this job: somebody else has it, the endpoint is switched off or gone, or
// another job comes later. Who has it must close it.
func (s *Store) OpenLane(ctx context.Context, v models.Viewer, id models.WebhookEndpointID) (*Lane, error) {
	leave, err := s.life.hold(ctx)
	if err != nil {
		return nil, err
	}
	lane, err := bound(ctx, s, v, readCommitted, func(tx *tenantTx) (*Lane, error) { return tx.openLane(ctx, s, id) })
	if lane == nil {
		leave()
		return nil, err
	}
	lane.leave = leave
	return lane, nil
}

func (tx *tenantTx) openLane(ctx context.Context, s *Store, id models.WebhookEndpointID) (*Lane, error) {
	e, err := tx.findEndpoint(ctx, id)
	if err != nil || e == nil {
		return nil, err
	}
	if e.LaneJobAt != nil && !e.LaneJobAt.After(tx.now.Add(jobGrace)) {
		e.LaneJobAt = nil // it is this one, or one that came before
	}
	free := e.Delivers()
	if free && e.LaneUntil != nil && e.LaneUntil.After(tx.now) {
		if free, err = tx.gone(ctx, *e.LaneWorker); err != nil {
			return nil, err
		}
	}
	if free {
		if free, err = tx.hasRoom(ctx, e); err != nil {
			return nil, err
		}
	}
	if free {
		e.LaneWorker, e.LaneUntil = &s.life.id, new(tx.now.Add(laneLease))
	}
	if err := tx.storeLane(ctx, e); err != nil || !free {
		return nil, err
	}
	return &Lane{id: id, until: *e.LaneUntil}, nil
}

// hasRoom reports whether the customer may have one more lane; if not, the job
// comes again.
func (tx *tenantTx) hasRoom(ctx context.Context, e *models.WebhookEndpoint) (bool, error) {
	n, err := tx.selectFrom((*models.WebhookEndpoint)(nil)).Where("we.lane_until > ? AND we.id <> ?", tx.now, e.ID).Count(ctx)
	if err != nil || n < maxLanes {
		return err == nil, err
	}
	e.LaneWorker, e.LaneUntil = nil, nil
	return false, tx.wakeLane(ctx, e, tx.now.Add(laneBusyWait))
}

// storeLane writes what delivering changes of an endpoint whose row is locked.
// Its version is about what people change.
func (tx *tenantTx) storeLane(ctx context.Context, e *models.WebhookEndpoint) error {
	_, err := tx.updateOf(e).Column("circuit", "consecutive_failures", "failing_since", "circuit_openings", "circuit_retry_at",
		"disabled_at", "disabled_reason", "lane_worker", "lane_until", "lane_job_at", "dead_told_at").Where("we.id = ?", e.ID).Exec(ctx)
	return err
}

// LaneReport is what the one who has a lane says and asks for.
type LaneReport struct {
	// Results are what came of deliveries that were taken before.
	Results []models.AttemptResult
	// Want is how many to take, none of those in Busy, which are under way.
	Want int
	Busy []models.WebhookDeliveryID
}

// TurnLane records what came of deliveries and takes the next ones. What it
// takes may be sent once it has returned: whether the circuit lets them pass is
// stored by then.
func (s *Store) TurnLane(ctx context.Context, v models.Viewer, lane *Lane, said LaneReport) (*models.LaneTurn, error) {
	var until time.Time
	turn, err := bound(ctx, s, v, readCommitted, func(tx *tenantTx) (*models.LaneTurn, error) {
		e, lost, err := tx.reportLane(ctx, s, lane, said.Results)
		if err != nil || lost {
			return &models.LaneTurn{Lost: true}, err
		}
		turn, err := tx.takeDue(ctx, s, e, said)
		if err != nil {
			return nil, err
		}
		turn.Hold = !e.Delivers() || e.Circuit != models.CircuitClosed
		until = tx.now.Add(laneLease)
		e.LaneUntil = &until
		return turn, tx.storeLane(ctx, e)
	})
	if err != nil {
		return nil, err
	}
	s.tellAttempted(said.Results)
	if !turn.Lost {
		lane.until = until
	}
	return turn, nil
}

// CloseLane records the last results and gives the lane up. When something is
// due, now or later, a job comes then. It goes on after ctx has ended.
func (s *Store) CloseLane(ctx context.Context, v models.Viewer, lane *Lane, results []models.AttemptResult) error {
	defer lane.leave()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), failureTimeout)
	defer cancel()
	_, err := bound(ctx, s, v, readCommitted, func(tx *tenantTx) (struct{}, error) {
		e, lost, err := tx.reportLane(ctx, s, lane, results)
		if err != nil || lost {
			return struct{}{}, err
		}
		e.LaneWorker, e.LaneUntil = nil, nil
		var next *time.Time
		if e.Delivers() {
			if next, err = tx.nextDue(ctx, e); err != nil {
				return struct{}{}, err
			}
		}
		if next != nil {
			if next.Before(tx.now) {
				next = &tx.now
			}
			if err := tx.wakeLane(ctx, e, *next); err != nil {
				return struct{}{}, err
			}
		}
		return struct{}{}, tx.storeLane(ctx, e)
	})
	if err == nil {
		s.tellAttempted(results)
	}
	return err
}

// reportLane locks the endpoint of a lane and records results. lost is whether
// there is nothing left to do but that: the lane is somebody else's by now.
func (tx *tenantTx) reportLane(ctx context.Context, s *Store, lane *Lane, results []models.AttemptResult) (e *models.WebhookEndpoint, lost bool, err error) {
	if e, err = tx.findEndpoint(ctx, lane.id); err != nil || e == nil {
		return nil, true, err // its deliveries are gone with it
	}
	if err := tx.recordAttempts(ctx, s, e, results); err != nil {
		return nil, false, err
	}
	if e.LaneUntil != nil && e.LaneUntil.Equal(lane.until) && *e.LaneWorker == s.life.id {
		return e, false, nil
	}
	return e, true, tx.storeLane(ctx, e)
}

// takeDue are the deliveries that are due, the longest waiting first, as far as
// the circuit lets them pass.
func (tx *tenantTx) takeDue(ctx context.Context, s *Store, e *models.WebhookEndpoint, said LaneReport) (*models.LaneTurn, error) {
	turn := &models.LaneTurn{URL: e.URL}
	if said.Want <= 0 || !e.Delivers() {
		return turn, nil
	}
	due, err := tx.due(ctx, e, said)
	if err != nil || len(due) == 0 {
		return turn, err
	}
	health, ok := s.webhooks.Admit(e.EndpointHealth, tx.now)
	if !ok {
		return turn, nil
	}
	e.EndpointHealth = health
	switch {
	case health.Circuit == models.CircuitHalfOpen:
		due = due[:1] // the probe
	case health.ConsecutiveFailures > 0: // see first whether it goes on
		due = due[:min(len(due), maxAfterFailure)]
	}
	for _, d := range due {
		turn.Deliveries = append(turn.Deliveries, models.Outgoing{ID: d.ID, Body: d.Body})
	}
	turn.Secrets, err = s.signingSecrets(e, tx.now)
	return turn, err
}

func (tx *tenantTx) due(ctx context.Context, e *models.WebhookEndpoint, said LaneReport) (due []models.WebhookDelivery, err error) {
	q := tx.selectFrom(&due).Column("customer_id", "id", "body").
		Where("wd.endpoint_id = ? AND wd.status IN ('pending', 'retrying') AND wd.next_attempt_at <= ?", e.ID, tx.now).
		OrderExpr("wd.next_attempt_at, wd.sequence").Limit(int64(said.Want))
	if len(said.Busy) > 0 {
		q = q.Where("wd.id NOT IN (?)", bun.List(said.Busy))
	}
	err = q.Scan(ctx)
	return due, err
}

// nextDue is when the next delivery to an endpoint is due; nil when none waits.
func (tx *tenantTx) nextDue(ctx context.Context, e *models.WebhookEndpoint) (next *time.Time, err error) {
	err = tx.query(`SELECT min(next_attempt_at) FROM webhook_deliveries
		WHERE customer_id = ?0 AND endpoint_id = ?1 AND status IN ('pending', 'retrying')`, e.ID).Scan(ctx, &next)
	return next, err
}

// signingSecrets are what bodies to the endpoint are signed with, the newest
// first.
func (s *Store) signingSecrets(e *models.WebhookEndpoint, now time.Time) ([]models.Secret, error) {
	secret, err := s.sealer.Open(e.SecretSealed, endpointSecrets().as(e.ID.UUID(), e.CustomerID))
	if err != nil {
		return nil, err
	}
	secrets := []models.Secret{models.Secret(secret)}
	if e.PreviousSecretExpiresAt != nil && now.Before(*e.PreviousSecretExpiresAt) {
		previous, err := s.sealer.Open(e.PreviousSecretSealed, previousSecrets().as(e.ID.UUID(), e.CustomerID))
		if err != nil {
			return nil, err
		}
		secrets = append(secrets, models.Secret(previous))
	}
	return secrets, nil
}

// attemptedRow is what an attempt changes of a delivery.
type attemptedRow struct {
	ID            uuid.UUID             `json:"id"`
	Status        models.DeliveryStatus `json:"status"`
	Attempts      int                   `json:"attempts"`
	AttemptsTotal int                   `json:"attempts_total"`
	LastAttemptAt time.Time             `json:"last_attempt_at"`
	NextAttemptAt *time.Time            `json:"next_attempt_at"`
	LastError     *string               `json:"last_error"`
	ResponseCode  *int                  `json:"response_code"`
	ResponseBody  *string               `json:"response_body"`
}

// storeAttempted changes deliveries, all of them in one statement.
const storeAttempted = `UPDATE webhook_deliveries AS wd SET status = r.status, attempts = r.attempts, attempts_total = r.attempts_total,
	last_attempt_at = r.last_attempt_at, next_attempt_at = r.next_attempt_at, last_error = r.last_error,
	response_code = r.response_code, response_body = r.response_body, version = wd.version + 1, updated_at = ?2
	FROM json_to_recordset(?1::json) AS r (id uuid, status text, attempts integer, attempts_total integer, last_attempt_at timestamptz,
		next_attempt_at timestamptz, last_error text, response_code integer, response_body text)
	WHERE wd.customer_id = ?0 AND wd.id = r.id`

// recordAttempts stores what came of deliveries to an endpoint whose row is
// locked, and how that leaves the endpoint.
func (tx *tenantTx) recordAttempts(ctx context.Context, s *Store, e *models.WebhookEndpoint, results []models.AttemptResult) error {
	if len(results) == 0 {
		return nil
	}
	known, err := tx.attempted(ctx, results)
	if err != nil {
		return err
	}
	log := &attemptLog{store: s, tx: tx, endpoint: e, wasDisabled: e.DisabledAt != nil}
	for i := range results {
		if d := known[results[i].ID]; d != nil {
			log.add(d, &results[i])
		}
	}
	if len(log.rows) == 0 {
		return nil
	}
	text, err := json.Marshal(log.rows)
	if err != nil {
		return err
	}
	if _, err := tx.query(storeAttempted, string(text), tx.now).Exec(ctx); err != nil {
		return err
	}
	if err := tx.insert(ctx, &log.attempts); err != nil {
		return err
	}
	return log.tell(ctx)
}

// attempted are the deliveries that results are about. Rows of deliveries change
// under the lock of their endpoint only.
func (tx *tenantTx) attempted(ctx context.Context, results []models.AttemptResult) (map[models.WebhookDeliveryID]*models.WebhookDelivery, error) {
	ids := make([]models.WebhookDeliveryID, len(results))
	for i := range results {
		ids[i] = results[i].ID
	}
	slim := func(q *bun.SelectQuery) *bun.SelectQuery {
		return q.Column("customer_id", "id", "event_type", "sequence", "status", "attempts", "max_attempts", "attempts_total", "next_attempt_at")
	}
	return rowsOf(ctx, tx, slim, ids, func(d *models.WebhookDelivery) models.WebhookDeliveryID { return d.ID })
}
