package store

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/google/uuid"
	"github.com/uptrace/bun"

	"upstream/models"
)

// What the compliance log calls the events of sessions.
const (
	auditSignInFailed    auditAction = "login_failed"
	auditSignInLocked    auditAction = "login_locked"
	auditSignedOut       auditAction = "logged_out"
	auditTokenReused     auditAction = "refresh_token_reused"
	auditPasswordChanged auditAction = "password_changed"
)

// endReason says why a session ended before its time.
type endReason string

const (
	endedByLogout         endReason = "logout"
	endedByReuse          endReason = "token_reused"
	endedByPasswordChange endReason = "password_changed"
)

type sessionRow struct {
	bun.BaseModel `bun:"table:sessions,alias:se"`

	ID         models.SessionID   `bun:"id,pk,type:uuid"`
	UserID     models.UserID      `bun:"user_id,type:uuid"`
	CustomerID *models.CustomerID `bun:"for_customer_id,type:uuid"`
	CreatedAt  time.Time          `bun:"created_at"`
	ExpiresAt  time.Time          `bun:"expires_at"`
}

type refreshTokenRow struct {
	bun.BaseModel `bun:"table:refresh_tokens,alias:rt"`

	ID        uuid.UUID        `bun:"id,pk,type:uuid"`
	SessionID models.SessionID `bun:"session_id,type:uuid"`
	TokenHash []byte           `bun:"token_hash,type:bytea"`
	IssuedAt  time.Time        `bun:"issued_at"`
	ExpiresAt time.Time        `bun:"expires_at"`
}

// sessionAccountRow is a row of the function session_account: the user beside
// one membership, if there is any.
type sessionAccountRow struct {
	Email        string
	IsActive     bool
	IsSuperuser  bool
	TokenVersion int
	MembershipID *uuid.UUID
	CustomerID   *uuid.UUID
	Role         *models.Role
	RoleVersion  *int
}

// SessionAccount is what authentication needs to know about the user of a
// session that has not ended, read anew each time: identifier, address, rank,
// token versions and memberships, and nothing else of them. It answers
// NOT_FOUND when there is no such session.
//
// It precedes every request that is signed in, so it is one statement where
// other use cases are transactions.
func (s *Store) SessionAccount(ctx context.Context, user models.UserID, session models.SessionID) (*models.Account, error) {
	rows, err := call[sessionAccountRow](ctx, s, `SELECT email, is_active, is_superuser, token_version,
		membership_id, customer_id, role, role_version FROM session_account($1, $2)`, user.UUID().String(), session.UUID().String())
	if err != nil {
		return nil, err
	}
	if len(rows) == 0 {
		return nil, models.NotFound("account")
	}
	account := &models.Account{User: models.User{
		ID: user, Email: rows[0].Email, IsActive: rows[0].IsActive, IsSuperuser: rows[0].IsSuperuser,
		TokenVersion: rows[0].TokenVersion,
	}}
	for _, row := range rows {
		if row.MembershipID != nil {
			account.Memberships = append(account.Memberships, models.Membership{
				ID: models.MembershipID{}.From(*row.MembershipID), CustomerID: models.CustomerID{}.From(*row.CustomerID),
				UserID: user, Role: *row.Role, TokenVersion: *row.RoleVersion,
			})
		}
	}
	return account, nil
}

// StartSession records a successful sign-in: it forgets the failures of key,
// notes the time, and stores the session. It answers false, and starts nothing,
// when key is locked or the account has changed since the password was
// compared; the caller answers as to a wrong password.
func (s *Store) StartSession(ctx context.Context, v models.Viewer, key models.SignInKey, in models.NewSession) (bool, error) {
	return system(ctx, s, func(tx *systemTx) (bool, error) {
		locked, err := tx.locked(ctx, key)
		if err != nil {
			return false, err
		}
		if locked {
			return false, tx.auditSession(ctx, v, auditSignInFailed, map[string]any{"locked": true})
		}
		result, err := tx.tx.NewUpdate().Model((*models.User)(nil)).Set("last_login_at = ?", tx.now).
			Where("id = ?", in.UserID).Where("token_version = ?", in.TokenVersion).Where("is_active").Exec(ctx)
		if err != nil {
			return false, err
		}
		if n, err := result.RowsAffected(); err != nil || n == 0 {
			return false, err
		}
		if err := tx.forgetFailures(ctx, key); err != nil {
			return false, err
		}
		if err := tx.insertSession(ctx, in); err != nil {
			return false, err
		}
		return true, tx.auditSession(ctx, v, auditSignedIn, nil)
	})
}

func (tx *systemTx) insertSession(ctx context.Context, in models.NewSession) error {
	row := &sessionRow{ID: in.ID, UserID: in.UserID, CreatedAt: tx.now, ExpiresAt: in.Refresh.ExpiresAt}
	if !in.CustomerID.IsZero() {
		row.CustomerID = &in.CustomerID
	}
	if _, err := tx.tx.NewInsert().Model(row).Exec(ctx); err != nil {
		return err
	}
	return tx.insertRefreshToken(ctx, in.ID, in.Refresh)
}

func (tx *systemTx) insertRefreshToken(ctx context.Context, session models.SessionID, in models.NewRefreshToken) error {
	_, err := tx.tx.NewInsert().Model(&refreshTokenRow{
		ID: tx.newUUID(), SessionID: session, TokenHash: in.Hash[:], IssuedAt: tx.now, ExpiresAt: in.ExpiresAt,
	}).Exec(ctx)
	return err
}

// RotateRefreshToken uses up a refresh token of a session and stores the next
// one. Of several calls with one token exactly one succeeds. A token that was
// used before is in two hands, and nobody can tell which is the thief's: the
// whole session ends, and that is audited. Every refusal is UNAUTHENTICATED.
func (s *Store) RotateRefreshToken(
	ctx context.Context, v models.Viewer, session models.SessionID, used models.SecretHash, next models.NewRefreshToken,
) error {
	refused := models.NewError(models.CodeUnauthenticated, "The refresh token is no longer valid. Sign in again.")
	ok, err := system(ctx, s, func(tx *systemTx) (bool, error) {
		// Whoever changes the family holds its session's row, so that an end
		// and a rotation at the same time cannot miss each other.
		alive, err := tx.lockSession(ctx, session)
		if err != nil || !alive {
			return false, err
		}
		result, err := tx.tx.ExecContext(ctx, `UPDATE refresh_tokens SET used_at = ?0
			WHERE session_id = ?1 AND token_hash = ?2 AND used_at IS NULL AND expires_at > ?0`, tx.now, session, used[:])
		if err != nil {
			return false, err
		}
		if n, err := result.RowsAffected(); err != nil || n == 0 {
			return false, errors.Join(err, tx.endIfReused(ctx, v, session, used))
		}
		_, err = tx.tx.ExecContext(ctx, `UPDATE sessions SET expires_at = ? WHERE id = ?`, next.ExpiresAt, session)
		if err != nil {
			return false, err
		}
		return true, tx.insertRefreshToken(ctx, session, next)
	})
	if err == nil && !ok {
		return refused
	}
	return err
}

// lockSession holds a session's row, and reports whether the session goes on.
func (tx *systemTx) lockSession(ctx context.Context, id models.SessionID) (bool, error) {
	var alive bool
	err := tx.tx.NewRaw(`SELECT ended_at IS NULL FROM sessions WHERE id = ? FOR UPDATE`, id).Scan(ctx, &alive)
	if errors.Is(err, sql.ErrNoRows) {
		return false, nil
	}
	return alive, err
}

// endIfReused ends a session one of whose used-up tokens came again.
func (tx *systemTx) endIfReused(ctx context.Context, v models.Viewer, session models.SessionID, token models.SecretHash) error {
	var reused bool
	err := tx.tx.NewRaw(`SELECT EXISTS (SELECT FROM refresh_tokens WHERE session_id = ? AND token_hash = ? AND used_at IS NOT NULL)`,
		session, token[:]).Scan(ctx, &reused)
	if err != nil || !reused {
		return err
	}
	if err := tx.endSession(ctx, session, endedByReuse); err != nil {
		return err
	}
	return tx.auditSession(ctx, v, auditTokenReused, map[string]any{"session": session.String()})
}

func (tx *systemTx) endSession(ctx context.Context, id models.SessionID, why endReason) error {
	_, err := tx.tx.ExecContext(ctx, `UPDATE sessions SET ended_at = ?, end_reason = ? WHERE id = ? AND ended_at IS NULL`, tx.now, why, id)
	return err
}

// endSessions ends every session of a user whose password has changed.
func (tx *systemTx) endSessions(ctx context.Context, user models.UserID) error {
	_, err := tx.tx.ExecContext(ctx, `UPDATE sessions SET ended_at = ?, end_reason = ? WHERE user_id = ? AND ended_at IS NULL`,
		tx.now, endedByPasswordChange, user)
	return err
}

// RefreshTokenGood reports whether a refresh token could be used now.
func (s *Store) RefreshTokenGood(ctx context.Context, session models.SessionID, token models.SecretHash) (bool, error) {
	return system(ctx, s, func(tx *systemTx) (good bool, err error) {
		err = tx.tx.NewRaw(`SELECT EXISTS (SELECT FROM refresh_tokens AS rt JOIN sessions AS se ON se.id = rt.session_id
			WHERE rt.session_id = ?0 AND rt.token_hash = ?1 AND rt.used_at IS NULL AND rt.expires_at > ?2 AND se.ended_at IS NULL)`,
			session, token[:], tx.now).Scan(ctx, &good)
		return good, err
	})
}

// EndSession signs out: no token of the session is good from then on. Ending a
// session that has ended or is unknown changes nothing.
func (s *Store) EndSession(ctx context.Context, v models.Viewer, id models.SessionID) error {
	_, err := system(ctx, s, func(tx *systemTx) (struct{}, error) {
		alive, err := tx.lockSession(ctx, id)
		if err != nil || !alive {
			return struct{}{}, err
		}
		if err := tx.endSession(ctx, id, endedByLogout); err != nil {
			return struct{}{}, err
		}
		return struct{}{}, tx.auditSession(ctx, v, auditSignedOut, map[string]any{"session": id.String()})
	})
	return err
}

// ChangePassword replaces the hash that the old password was compared with,
// ends every session of the user, starts a new one for who asked, and leaves a
// job that tells the user. It answers with the user's new token version; 0, having changed nothing, when
// key is locked: the caller answers as to a wrong password. A password that
// was changed meanwhile is STALE.
func (s *Store) ChangePassword(
	ctx context.Context, v models.Viewer, key models.SignInKey, in models.PasswordChange, next models.NewSession,
) (int, error) {
	return system(ctx, s, func(tx *systemTx) (int, error) {
		locked, err := tx.locked(ctx, key)
		if err != nil {
			return 0, err
		}
		if locked {
			return 0, tx.auditSession(ctx, v, auditSignInFailed, map[string]any{"locked": true, "during": "password_change"})
		}
		var version int
		err = tx.tx.NewRaw(`UPDATE users SET password_hash = ?, version = version + 1, updated_at = ?
			WHERE id = ? AND password_hash = ? AND is_active RETURNING token_version`,
			in.NewHash, tx.now, in.UserID, in.OldHash).Scan(ctx, &version)
		if errors.Is(err, sql.ErrNoRows) {
			return 0, models.NewError(models.CodeStale, "The password was changed meanwhile. Sign in again.")
		}
		if err != nil {
			return 0, err
		}
		if err := tx.endSessions(ctx, in.UserID); err != nil {
			return 0, err
		}
		if err := tx.forgetFailures(ctx, key); err != nil {
			return 0, err
		}
		if err := tx.insertSession(ctx, next); err != nil {
			return 0, err
		}
		if err := tx.tellPasswordChanged(ctx, v, in.UserID); err != nil {
			return 0, err
		}
		return version, tx.auditSession(ctx, v, auditPasswordChanged, nil)
	})
}

// auditSession notes a line about who signs in: the customer's when there is
// one, so that its owners can read it, else the platform's.
func (tx *systemTx) auditSession(ctx context.Context, v models.Viewer, action auditAction, metadata map[string]any) error {
	entity := ""
	if !v.UserID.IsZero() {
		entity = v.UserID.String()
	}
	return tx.auditIn(ctx, v.CustomerID, v, action, "user", entity, change{metadata: metadata})
}
