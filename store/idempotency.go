package store

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/uptrace/bun"

	"upstream/models"
)

// keptResults is the column of the results of requests that named themselves.
// They are sealed whatever they are: some hold a key that is shown once.
func keptResults() sealedColumn {
	return sealedColumn{table: "idempotency_keys", column: "result_sealed", tenant: true}
}

// keptAnswer is what is known about one idempotency key.
type keptAnswer struct {
	bun.BaseModel `bun:"table:idempotency_keys,alias:ik"`

	CustomerID models.CustomerID `bun:"customer_id,pk,type:uuid"`
	ID         uuid.UUID         `bun:"id,pk,type:uuid"`
	Scope      []byte            `bun:"scope,type:bytea"`
	Request    []byte            `bun:"request,type:bytea"`
	// ReportRunID is the detection whose end is the effect; nil for all others.
	ReportRunID *models.ReportRunID `bun:"report_run_id,type:uuid"`
	// Sealed is the result; nil while there is none.
	Sealed    []byte    `bun:"result_sealed,type:bytea"`
	CreatedAt time.Time `bun:"created_at"`
	ExpiresAt time.Time `bun:"expires_at"`
}

// doOnce runs fn unless its effect is there already, and keeps its result; then
// the answer is what was kept. A failure of fn leaves nothing, so that it may be
// tried again under the same key.
func doOnce[T any](ctx context.Context, s *Store, tx *tenantTx, once *models.Once, fn func(*tenantTx) (T, error)) (T, error) {
	var result T
	kept, err := tx.takeKey(ctx, once)
	if err != nil {
		return result, err
	}
	if kept != nil && kept.Sealed != nil {
		return result, s.replay(kept, once, &result)
	}
	if kept != nil { // only detections keep a place, and their operations are their own
		return result, fmt.Errorf("store: an idempotency key names the run %s, and is taken for something else", kept.ReportRunID)
	}
	if result, err = fn(tx); err != nil {
		return result, err
	}
	return result, s.keep(ctx, tx, once, result)
}

// takeKey makes the transaction the only one that acts on the key until it
// ends, and answers with what is kept under it, nil when nothing is. It never
// waits: while another acts on the key, the error is CONFLICT. It is VALIDATION
// when the key came with another request.
func (tx *tenantTx) takeKey(ctx context.Context, once *models.Once) (*keptAnswer, error) {
	scope, request := once.Scope(tx.viewer), once.Request()
	var mine bool
	err := tx.query(`SELECT pg_try_advisory_xact_lock(hashtextextended('upstream.once:' || ?0::text || ':' || encode(?1, 'hex'), 0))`,
		scope[:]).Scan(ctx, &mine)
	if err != nil {
		return nil, err
	}
	// A statement of its own, which sees what the last holder of the lock has
	// committed. Who has no lock sees it too once it is there.
	var rows []*keptAnswer
	if err := tx.selectFrom(&rows).Where("ik.scope = ?", scope[:]).Scan(ctx); err != nil {
		return nil, err
	}
	live := len(rows) > 0 && rows[0].ExpiresAt.After(tx.now)
	switch {
	case live && [len(request)]byte(rows[0].Request) != request:
		return nil, once.Refuse(models.KeyReused())
	case live && (mine || rows[0].Sealed != nil):
		return rows[0], nil
	case !mine:
		return nil, once.Refuse(models.InFlight())
	case len(rows) > 0:
		return nil, tx.forget(ctx, rows[0])
	}
	return nil, nil
}

// forget frees a key.
func (tx *tenantTx) forget(ctx context.Context, kept *keptAnswer) error {
	_, err := tx.query(`DELETE FROM idempotency_keys WHERE customer_id = ?0 AND id = ?1`, kept.ID).Exec(ctx)
	return err
}

// replay reads a kept result.
func (s *Store) replay(kept *keptAnswer, once *models.Once, dst any) error {
	text, err := s.sealer.Open(kept.Sealed, keptResults().as(kept.ID, kept.CustomerID))
	if err != nil {
		return fmt.Errorf("open a kept result: %w", err)
	}
	if err := thaw(text, dst); err != nil {
		return fmt.Errorf("read a kept result: %w", err)
	}
	once.Replay()
	return nil
}

// newKept is a row for the key of the transaction.
func (tx *tenantTx) newKept(once *models.Once) *keptAnswer {
	scope, request := once.Scope(tx.viewer), once.Request()
	return &keptAnswer{
		CustomerID: tx.customer, ID: tx.newUUID(), Scope: scope[:], Request: request[:],
		CreatedAt: tx.now, ExpiresAt: tx.now.Add(models.IdempotencyTTL),
	}
}

func (s *Store) sealResult(row uuid.UUID, customer models.CustomerID, result any) ([]byte, error) {
	text, err := freeze(result)
	if err != nil {
		return nil, err
	}
	return s.sealer.Seal(text, keptResults().as(row, customer))
}

// keep stores the result of the transaction under its key.
func (s *Store) keep(ctx context.Context, tx *tenantTx, once *models.Once, result any) error {
	kept := tx.newKept(once)
	var err error
	if kept.Sealed, err = s.sealResult(kept.ID, kept.CustomerID, result); err != nil {
		return err
	}
	return tx.insert(ctx, kept)
}

// keepPlace notes that the effect of a request will be that of a run.
func (tx *tenantTx) keepPlace(ctx context.Context, once *models.Once, run models.ReportRunID) error {
	kept := tx.newKept(once)
	kept.ReportRunID = &run
	return tx.insert(ctx, kept)
}

// settle stores the result of a run for which a request kept a place, if one
// did and the place is still there.
func (s *Store) settle(ctx context.Context, tx *tenantTx, run *models.ReportRun) error {
	if tx.viewer.Once == nil {
		return nil
	}
	var places []*keptAnswer
	scope := tx.viewer.Once.Scope(tx.viewer)
	err := tx.selectFrom(&places).Where("ik.scope = ? AND ik.report_run_id = ?", scope[:], run.ID).Scan(ctx)
	if err != nil || len(places) == 0 {
		return err
	}
	place := places[0]
	if place.Sealed, err = s.sealResult(place.ID, place.CustomerID, run); err != nil {
		return err
	}
	_, err = tx.updateOf(place).Column("result_sealed").Where("ik.id = ?", place.ID).Exec(ctx)
	return err
}

// doneBefore answers with the run of an earlier request under the same key when
// it has ended well, and nil when the request has to make one: nothing is kept,
// or the run failed. It is CONFLICT while that run is computed.
func (s *Store) doneBefore(ctx context.Context, tx *tenantTx, once *models.Once) (*models.ReportRun, error) {
	kept, err := tx.takeKey(ctx, once)
	if err != nil || kept == nil {
		return nil, err
	}
	run := new(models.ReportRun)
	if kept.Sealed != nil {
		return run, s.replay(kept, once, run)
	}
	if err := tx.selectFrom(run).Where("rr.id = ?", kept.ReportRunID).Scan(ctx); err != nil {
		return nil, err
	}
	failed, err := tx.hasFailed(ctx, run)
	if err != nil {
		return nil, err
	}
	if !failed { // nor has it ended well: that was stored together with its result
		return nil, once.Refuse(models.InFlight())
	}
	return nil, tx.forget(ctx, kept)
}

// hasFailed reports whether a run will never end well. One whose process is gone
// is failed here, so that it does not end after all, beside the one that takes
// its place.
func (tx *tenantTx) hasFailed(ctx context.Context, run *models.ReportRun) (bool, error) {
	if !run.Unfinished() {
		return run.Status == models.RunFailed, nil
	}
	message, err := tx.whyAbandoned(ctx, run)
	if err != nil || message == "" {
		return false, err
	}
	return tx.abandon(ctx, run, message)
}

// PurgeIdempotencyKeys deletes the keys that have expired, and answers how many.
func (s *Store) PurgeIdempotencyKeys(ctx context.Context) (int64, error) {
	return s.purge(ctx, `DELETE FROM idempotency_keys AS ik USING
		(SELECT customer_id, id FROM idempotency_keys WHERE expires_at <= ? ORDER BY expires_at LIMIT ?) AS old
		WHERE ik.customer_id = old.customer_id AND ik.id = old.id`, 0)
}
