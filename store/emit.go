package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"slices"
	"time"

	"github.com/uptrace/bun/dialect/pgdialect"

	"upstream/models"
)

// How events leave.
//
// A use case gathers what happened (emit), and the transaction stores it as its
// last act but the audit log's: a row of the outbox for each event, numbered in
// the order of commits; a delivery for each endpoint that wants to hear of it,
// numbered again; and for each endpoint that nobody delivers to yet, a job. All
// of that is there exactly when the transaction commits.
//
// Numbers without gaps need a lock that is held until the commit: the
// customer's row of webhook_streams, then its endpoints in the order of their
// identifiers. So they are taken last, and the audit log's lock, which comes
// after, is the only other one that a transaction takes while it holds them.
//
// A serializable transaction cannot wait for a row that others write meanwhile:
// its snapshot is older than the wait, and it would fail each time a delivery
// was made during a detection. It only inserts rows of the outbox, without
// numbers, and a job. What numbers them and makes the deliveries is a
// transaction of its own right afterwards, or the job's, should the process not
// live to begin it.

// outbound are the events of a transaction that are yet to be stored.
type outbound struct{ events []*models.WebhookEvent }

// emit records that something happened, in the transaction in which it did.
func (tx *tenantTx) emit(_ context.Context, happened ...models.Happening) error {
	for _, h := range happened {
		data, err := json.Marshal(h.Data)
		if err != nil {
			return err
		}
		tx.events = append(tx.events, &models.WebhookEvent{
			CustomerID: tx.customer, ID: models.WebhookEventID{}.From(tx.newUUID()), EventType: h.Data.EventType(),
			EventKey: h.Key, Subject: h.Subject, Revision: max(h.Revision, 1), Data: data, EndpointID: h.Endpoint, CreatedAt: tx.now,
		})
	}
	return nil
}

// tellEvents stores what a transaction emitted.
func (s *Store) tellEvents(ctx context.Context, tx *tenantTx, opts *sql.TxOptions) error {
	if len(tx.events) == 0 {
		return nil
	}
	events := tx.events
	tx.events = nil
	for chunk := range slices.Chunk(events, insertChunk) {
		if err := tx.insertNew(ctx, &chunk); err != nil {
			return err
		}
	}
	if opts.Isolation == sql.LevelSerializable {
		return tx.enqueue(ctx, models.TellEventsJob{CustomerID: tx.customer})
	}
	_, err := s.fanOut(ctx, tx)
	return err
}

// TellEvents makes the deliveries of events that a transaction has stored
// without, and answers how many events there were.
func (s *Store) TellEvents(ctx context.Context, v models.Viewer) (int, error) {
	return bound(ctx, s, v, readCommitted, func(tx *tenantTx) (int, error) { return s.fanOut(ctx, tx) })
}

// tellSoon is TellEvents for who has just committed events: a failure is the
// job's to make good.
func (s *Store) tellSoon(ctx context.Context, v models.Viewer) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), failureTimeout)
	defer cancel()
	if _, err := s.TellEvents(ctx, v); err != nil {
		s.log.WarnContext(ctx, "events will be told by a job", "error", err)
	}
}

// lockStream keeps others from numbering events of the customer, and answers
// with the last number.
const lockStream = `INSERT INTO webhook_streams AS ws (customer_id) VALUES (?0)
	ON CONFLICT (customer_id) DO UPDATE SET last_sequence = ws.last_sequence RETURNING ws.last_sequence`

// numberEvents numbers events in the order of ?2, which continues from ?1.
const numberEvents = `WITH stream AS (UPDATE webhook_streams SET last_sequence = ?1 + cardinality(?2::uuid[]) WHERE customer_id = ?0)
	UPDATE webhook_events AS wv SET sequence = ?1 + n.ordinal FROM unnest(?2::uuid[]) WITH ORDINALITY AS n(id, ordinal)
	WHERE wv.customer_id = ?0 AND wv.id = n.id`

// fanOut numbers the customer's events that have no number yet and makes their
// deliveries.
func (s *Store) fanOut(ctx context.Context, tx *tenantTx) (told int, err error) {
	var last int64
	if err := tx.query(lockStream).Scan(ctx, &last); err != nil {
		return 0, err
	}
	var events []*models.WebhookEvent
	if err := tx.selectFrom(&events).Where("wv.sequence IS NULL").OrderExpr("wv.id").Scan(ctx); err != nil || len(events) == 0 {
		return 0, err
	}
	ids := make([]string, len(events))
	for i, e := range events {
		ids[i] = e.ID.UUID().String()
	}
	if _, err := tx.query(numberEvents, last, pgdialect.Array(ids)).Exec(ctx); err != nil {
		return 0, err
	}
	var endpoints []*models.WebhookEndpoint
	err = tx.selectFrom(&endpoints).Where("we.active AND we.disabled_at IS NULL").OrderExpr("we.id").For("NO KEY UPDATE").Scan(ctx)
	if err != nil {
		return 0, err
	}
	for _, endpoint := range endpoints {
		if err := s.deliverTo(ctx, tx, endpoint, events); err != nil {
			return 0, err
		}
	}
	return len(events), nil
}

// deliverTo makes the deliveries of events to an endpoint whose row is locked.
func (s *Store) deliverTo(ctx context.Context, tx *tenantTx, endpoint *models.WebhookEndpoint, events []*models.WebhookEvent) error {
	var deliveries []*models.WebhookDelivery
	for _, event := range events {
		if event.EndpointID != nil && *event.EndpointID != endpoint.ID || !endpoint.Receives(event.EventType) {
			continue
		}
		endpoint.LastSequence++
		delivery, err := s.newDelivery(tx, endpoint, event)
		if err != nil {
			return err
		}
		deliveries = append(deliveries, delivery)
	}
	if len(deliveries) == 0 {
		return nil
	}
	if err := insertAll(ctx, tx, deliveries); err != nil {
		return err
	}
	if err := tx.wakeLane(ctx, endpoint, tx.now); err != nil {
		return err
	}
	_, err := tx.updateOf(endpoint).Column("last_sequence", "lane_job_at").Where("we.id = ?", endpoint.ID).Exec(ctx)
	return err
}

func (s *Store) newDelivery(tx *tenantTx, endpoint *models.WebhookEndpoint, event *models.WebhookEvent) (*models.WebhookDelivery, error) {
	id := models.WebhookDeliveryID{}.From(tx.newUUID())
	origin := models.WebhookOrigin{
		Delivery: id, Customer: tx.customer, Sequence: endpoint.LastSequence, Revision: event.Revision, At: event.CreatedAt,
	}
	body, err := models.NewWebhookBody(origin, models.RawWebhookData{Type: event.EventType, JSON: event.Data}).Bytes()
	if err != nil {
		return nil, err
	}
	return &models.WebhookDelivery{
		CustomerID: tx.customer, ID: id, EndpointID: endpoint.ID, EventType: event.EventType, EventKey: event.EventKey,
		Sequence: endpoint.LastSequence, Body: body, Status: models.DeliveryPending, MaxAttempts: s.webhooks.MaxAttempts(),
		NextAttemptAt: &tx.now, Version: 1, CreatedAt: tx.now, UpdatedAt: tx.now,
	}, nil
}

// wakeLane sees to it that somebody comes to deliver at an instant, or when the
// circuit of the endpoint, whose row is locked, allows it. Who delivers already
// looks again before leaving. The caller stores lane_job_at.
func (tx *tenantTx) wakeLane(ctx context.Context, e *models.WebhookEndpoint, at time.Time) error {
	if e.RetryAt != nil && e.RetryAt.After(at) {
		at = *e.RetryAt
	}
	if e.LaneUntil != nil && e.LaneUntil.After(tx.now) || e.LaneJobAt != nil && !e.LaneJobAt.After(at) {
		return nil
	}
	e.LaneJobAt = &at
	return tx.enqueueIn(ctx, at.Sub(tx.now), models.DeliverWebhooksJob{CustomerID: tx.customer, EndpointID: e.ID})
}
