package store

import (
	"context"
	"math/rand/v2"
	"time"

	"upstream/models"
)

// Retrying of serialization failures. PostgreSQL watches whole index pages, and
// while tables are small those are shared: customers that detect at the same
// time get into each other's way for nothing. So the pauses are long beside a
// small customer's detection.
const (
	maxAttempts  = 5
	retryBase    = 100 * time.Millisecond
	retryCeiling = time.Second
	// crowdedAttempts are made beside those of other customers. When they have
	// all met conflicts, the following ones are made alone.
	crowdedAttempts = 2
	// crowdLock is held in common by who works beside others, and by one who
	// works alone.
	crowdLock = "upstream.exclusive"
)

// exclusive runs fn in a SERIALIZABLE transaction while holding the named lock
// of the viewer's customer, so that one such use case runs at a time per
// customer. Serialization failures and deadlocks retry the whole of fn up to
// five times; then the error is SERIALIZATION_CONFLICT.
//
// The transaction only tries the lock: waiting for it inside would pin a
// snapshot older than the work waited for. The wait happens in a transaction
// of its own that holds nothing else. Within this process a gate comes first,
// so that each customer has at most one connection waiting.
func exclusive[T any](ctx context.Context, s *Store, v models.Viewer, p models.Permission, lock string, fn func(*tenantTx) (T, error)) (T, error) {
	var zero T
	leave, err := s.gates.enter(ctx, lockName(lock, v))
	if err != nil {
		return zero, err
	}
	defer leave()
	for attempt := 1; ; {
		result, busy, err := attemptExclusive(ctx, s, v, p, lock, attempt > crowdedAttempts, fn)
		switch {
		case err == nil && busy == (lockWait{}):
			return result, nil
		case err == nil:
			if err := s.awaitLock(ctx, v, p, busy); err != nil {
				return zero, err
			}
		case models.CodeOf(err) != models.CodeSerializationConflict || attempt == maxAttempts:
			return zero, err
		default:
			s.log.InfoContext(ctx, "serialization conflict, trying again", "lock", lock, "attempt", attempt)
			if err := pause(ctx, backoff(attempt)); err != nil {
				return zero, err
			}
			attempt++
		}
	}
}

// lockWait is a statement that waits for the lock of a name.
type lockWait struct{ query, name string }

// attemptExclusive is one attempt of exclusive. busy is how to wait for
// the lock that somebody else had; then nothing was done.
//
// An attempt that is made alone waits, on a connection beside the pool, until
// nobody else is inside, and keeps others out: customers that only share index
// pages then cannot be in its way.
func attemptExclusive[T any](
	ctx context.Context, s *Store, v models.Viewer, p models.Permission, lock string, alone bool, fn func(*tenantTx) (T, error),
) (result T, busy lockWait, err error) {
	if alone {
		leave, err := s.clearTheCrowd(ctx)
		if err != nil {
			return result, busy, err
		}
		defer leave()
	}
	result, err = inTenant(ctx, s, v, p, serializable, func(tx *tenantTx) (T, error) {
		var mine, beside bool
		err := tx.tx.NewRaw(`SELECT pg_try_advisory_xact_lock(hashtextextended(?, 0)),
			?::boolean OR pg_try_advisory_xact_lock_shared(hashtextextended(?, 0))`, lockName(lock, v), alone, crowdLock).Scan(ctx, &mine, &beside)
		switch {
		case err != nil:
			return result, err
		case !mine:
			busy = lockWait{`SELECT pg_advisory_xact_lock(hashtextextended(?, 0))`, lockName(lock, v)}
			return result, nil
		case !beside:
			busy = lockWait{`SELECT pg_advisory_xact_lock_shared(hashtextextended(?, 0))`, crowdLock}
			return result, nil
		}
		return fn(tx)
	})
	return result, busy, err
}

// clearTheCrowd waits until nobody is inside an exclusive use case of any
// customer, and keeps them all out until leave is called.
func (s *Store) clearTheCrowd(ctx context.Context) (leave func(), err error) {
	conn, err := s.connect(ctx)
	if err != nil {
		return nil, err
	}
	leave = func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), failureTimeout)
		defer cancel()
		_ = conn.Close(ctx) // the lock goes either way
	}
	for _, statement := range []string{
		`BEGIN ISOLATION LEVEL READ COMMITTED READ ONLY`,
		`SELECT set_config('statement_timeout', '0', true), set_config('idle_in_transaction_session_timeout', '0', true)`,
		`SELECT pg_advisory_xact_lock(hashtextextended('` + crowdLock + `', 0))`,
	} {
		if _, err := conn.Exec(ctx, statement); err != nil {
			leave()
			return nil, err
		}
	}
	return leave, nil
}

func lockName(lock string, v models.Viewer) string { return lock + ":" + v.CustomerID.UUID().String() }

// awaitLock returns once the lock was free for a moment; the statement is the
// one that waits for it. Only ctx bounds the wait: work that holds the lock may
// take longer than a statement is allowed.
func (s *Store) awaitLock(ctx context.Context, v models.Viewer, p models.Permission, statement lockWait) error {
	_, err := inTenant(ctx, s, v, p, readCommitted, func(tx *tenantTx) (struct{}, error) {
		if _, err := tx.tx.ExecContext(ctx, `SELECT set_config('statement_timeout', '0', true)`); err != nil {
			return struct{}{}, err
		}
		_, err := tx.tx.ExecContext(ctx, statement.query, statement.name)
		return struct{}{}, err
	})
	return err
}

// backoff is exponential with full jitter.
func backoff(attempt int) time.Duration {
	ceiling := min(retryBase<<(attempt-1), retryCeiling)
	return rand.N(ceiling) + time.Millisecond //nolint:gosec // spreading retries needs no secrecy
}

func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
