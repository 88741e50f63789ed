package store

import (
	"context"
	"time"

	"upstream/models"
)

// Lockout of an account for one network address. The address is part of the
// key, so that failing on purpose locks out nobody but oneself; and a lock is
// not prolonged by attempts during it.
const (
	// MaxSignInFailures is how many failures lock.
	MaxSignInFailures = 5
	// SignInFailureWindow is how long a failure counts after the one before it.
	SignInFailureWindow = 15 * time.Minute
	// SignInLock is how long a lock lasts.
	SignInLock = 15 * time.Minute
)

// RecordSignInFailure counts a wrong password for key and audits it, and the
// lock when this failure brings it. The viewer is who it was for: without an
// identifier when there is no such account, which costs the same.
func (s *Store) RecordSignInFailure(ctx context.Context, v models.Viewer, key models.SignInKey) error {
	_, err := system(ctx, s, func(tx *systemTx) (struct{}, error) {
		failures, err := tx.countFailure(ctx, key)
		if err != nil {
			return struct{}{}, err
		}
		metadata := map[string]any{"failures": failures}
		if failures > MaxSignInFailures {
			metadata["locked"] = true
		}
		if err := tx.auditSession(ctx, v, auditSignInFailed, metadata); err != nil || failures != MaxSignInFailures {
			return struct{}{}, err
		}
		return struct{}{}, tx.auditSession(ctx, v, auditSignInLocked, map[string]any{"until": tx.now.Add(SignInLock)})
	})
	return err
}

// SignInLocked reports whether sign-ins for key are refused at the moment.
func (s *Store) SignInLocked(ctx context.Context, key models.SignInKey) (bool, error) {
	return system(ctx, s, func(tx *systemTx) (bool, error) { return tx.locked(ctx, key) })
}

// countFailure is one statement, so that failures at the same time count each.
// A count starts anew when the last failure is long ago or a lock is over.
func (tx *systemTx) countFailure(ctx context.Context, key models.SignInKey) (failures int, err error) {
	err = tx.tx.NewRaw(`
		INSERT INTO sign_in_failures AS f (key_hash, failures, first_at, last_at) VALUES (?0, 1, ?1::timestamptz, ?1::timestamptz)
		ON CONFLICT (key_hash) DO UPDATE SET
			(failures, first_at, last_at, locked_until) = (
				SELECT n, CASE n WHEN 1 THEN ?1::timestamptz ELSE f.first_at END, ?1::timestamptz,
					CASE WHEN n = ?3 THEN ?4::timestamptz WHEN n > ?3 THEN f.locked_until END
				FROM (SELECT CASE WHEN coalesce(f.locked_until <= ?1, f.last_at <= ?2) THEN 1 ELSE f.failures + 1 END) AS next (n))
		RETURNING failures`,
		key[:], tx.now, tx.now.Add(-SignInFailureWindow), MaxSignInFailures, tx.now.Add(SignInLock)).Scan(ctx, &failures)
	return failures, err
}

// locked reports whether key is locked, and holds its row: a success that ends
// while the fifth failure is being counted waits for it and sees the lock.
func (tx *systemTx) locked(ctx context.Context, key models.SignInKey) (bool, error) {
	var locked []bool
	err := tx.tx.NewRaw(`SELECT coalesce(locked_until > ?, false) FROM sign_in_failures WHERE key_hash = ? FOR UPDATE`,
		tx.now, key[:]).Scan(ctx, &locked)
	return len(locked) == 1 && locked[0], err
}

func (tx *systemTx) forgetFailures(ctx context.Context, key models.SignInKey) error {
	_, err := tx.tx.ExecContext(ctx, `DELETE FROM sign_in_failures WHERE key_hash = ?`, key[:])
	return err
}

// purgeBatch is how many rows one statement of a purge deletes at most.
const purgeBatch = 5000

// PurgeSessions deletes what nobody can use any more: sessions, refresh tokens
// and links to a new password that have expired, and failures that no longer count. It answers with
// the number of rows deleted, those that go with their session not counted.
func (s *Store) PurgeSessions(ctx context.Context) (int64, error) {
	var total int64
	for _, expired := range []struct {
		statement string
		age       time.Duration
	}{
		{`DELETE FROM sessions WHERE id IN (SELECT id FROM sessions WHERE expires_at <= ? ORDER BY expires_at LIMIT ? FOR UPDATE SKIP LOCKED)`, 0},
		{`DELETE FROM refresh_tokens WHERE id IN (SELECT id FROM refresh_tokens WHERE expires_at <= ? ORDER BY expires_at LIMIT ? FOR UPDATE SKIP LOCKED)`, 0},
		{`DELETE FROM password_resets WHERE id IN (SELECT id FROM password_resets WHERE expires_at <= ? ORDER BY expires_at LIMIT ? FOR UPDATE SKIP LOCKED)`, 0},
		{
			`DELETE FROM sign_in_failures WHERE key_hash IN (SELECT key_hash FROM sign_in_failures WHERE last_at <= ? ORDER BY last_at LIMIT ? FOR UPDATE SKIP LOCKED)`,
			SignInFailureWindow + SignInLock,
		},
	} {
		deleted, err := s.purge(ctx, expired.statement, expired.age)
		total += deleted
		if err != nil {
			return total, err
		}
	}
	return total, nil
}

// purge repeats a statement, each time in a transaction of its own, until it
// finds no full batch.
func (s *Store) purge(ctx context.Context, statement string, age time.Duration) (int64, error) {
	for total := int64(0); ; {
		deleted, err := system(ctx, s, func(tx *systemTx) (int64, error) {
			result, err := tx.tx.ExecContext(ctx, statement, tx.now.Add(-age), purgeBatch)
			if err != nil {
				return 0, err
			}
			return result.RowsAffected()
		})
		total += deleted
		if err != nil || deleted < purgeBatch {
			return total, err
		}
	}
}
