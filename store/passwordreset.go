package store

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/uptrace/bun"

	"upstream/models"
)

// PasswordResetTTL is how long a link to choose a new password is good.
const PasswordResetTTL = 24 * time.Hour

// What the compliance log calls the steps of a reset.
const (
	auditResetRequested auditAction = "password_reset_requested"
	auditResetCompleted auditAction = "password_reset_completed"
)

// resetTokens is the column of the secrets that are yet to be mailed.
func resetTokens() sealedColumn {
	return sealedColumn{table: "password_resets", column: "token_sealed"}
}

type passwordResetRow struct {
	bun.BaseModel `bun:"table:password_resets,alias:pr"`

	ID          models.PasswordResetID `bun:"id,pk,type:uuid"`
	UserID      *models.UserID         `bun:"user_id,type:uuid"`
	TokenHash   []byte                 `bun:"token_hash,type:bytea"`
	TokenSealed []byte                 `bun:"token_sealed,type:bytea"`
	CreatedAt   time.Time              `bun:"created_at"`
	ExpiresAt   time.Time              `bun:"expires_at"`
}

// RequestPasswordReset stores a link for the user, in place of an older one, and
// leaves a job that mails it. For nobody it does all the same: the statements,
// the job and the line in the log. The viewer is who the address belongs to, or
// anonymous with the address.
func (s *Store) RequestPasswordReset(ctx context.Context, v models.Viewer, in models.NewPasswordReset) error {
	_, err := system(ctx, s, func(tx *systemTx) (struct{}, error) {
		id := models.PasswordResetID{}.From(tx.newUUID())
		sealed, err := s.sealer.Seal(in.Token, resetTokens().as(id.UUID(), models.CustomerID{}))
		if err != nil {
			return struct{}{}, err
		}
		row := &passwordResetRow{
			ID: id, TokenHash: in.Hash[:], TokenSealed: sealed, CreatedAt: tx.now, ExpiresAt: tx.now.Add(PasswordResetTTL),
		}
		if !in.UserID.IsZero() {
			row.UserID = &in.UserID
		}
		// The older link's job finds its row gone.
		_, err = tx.tx.NewInsert().Model(row).On("CONFLICT (user_id) DO UPDATE").
			Set("id = excluded.id, token_hash = excluded.token_hash, token_sealed = excluded.token_sealed").
			Set("created_at = excluded.created_at, expires_at = excluded.expires_at").Exec(ctx)
		if err != nil {
			return struct{}{}, err
		}
		if err := tx.enqueue(ctx, v, models.PasswordResetMailJob{ResetID: id}); err != nil {
			return struct{}{}, err
		}
		return struct{}{}, tx.auditSession(ctx, v, auditResetRequested, nil)
	})
	return err
}

// PasswordResetLetter is what the mail with the link says. It answers NOT_FOUND
// when there is nothing to mail any more: the link was used, replaced or has
// expired, the mail has gone out, or there never was anybody to get it.
func (s *Store) PasswordResetLetter(ctx context.Context, id models.PasswordResetID) (*models.Letter, error) {
	letter, err := system(ctx, s, func(tx *systemTx) (*models.Letter, error) {
		var row struct {
			Email, FirstName string
			TokenSealed      []byte
			ExpiresAt        time.Time
		}
		err := tx.tx.NewRaw(`SELECT us.email, us.first_name, pr.token_sealed, pr.expires_at
			FROM password_resets AS pr JOIN users AS us ON us.id = pr.user_id
			WHERE pr.id = ? AND pr.token_sealed IS NOT NULL AND pr.expires_at > ? AND us.is_active`, id, tx.now).Scan(ctx, &row)
		if errors.Is(err, sql.ErrNoRows) {
			_, err := tx.tx.ExecContext(ctx, `DELETE FROM password_resets WHERE id = ? AND user_id IS NULL`, id)
			return nil, err
		}
		if err != nil {
			return nil, err
		}
		token, err := s.sealer.Open(row.TokenSealed, resetTokens().as(id.UUID(), models.CustomerID{}))
		if err != nil {
			return nil, err
		}
		return &models.Letter{Email: row.Email, FirstName: row.FirstName, Token: token, ExpiresAt: row.ExpiresAt}, nil
	})
	if err == nil && letter == nil {
		return nil, models.NotFound("password reset")
	}
	return letter, err
}

// PasswordResetMailed forgets the secret of a link that is on its way.
func (s *Store) PasswordResetMailed(ctx context.Context, id models.PasswordResetID) error {
	_, err := system(ctx, s, func(tx *systemTx) (struct{}, error) {
		_, err := tx.tx.ExecContext(ctx, `UPDATE password_resets SET token_sealed = NULL WHERE id = ?`, id)
		return struct{}{}, err
	})
	return err
}

// PasswordResetAccount is whose password a link changes; NOT_FOUND unless the
// link is good.
func (s *Store) PasswordResetAccount(ctx context.Context, token models.SecretHash) (*models.Account, error) {
	return s.account(ctx, `us.is_active AND us.id = (SELECT pr.user_id FROM password_resets AS pr
		WHERE pr.token_hash = ? AND pr.expires_at > ?)`, token[:], s.clock())
}

// CompletePasswordReset uses up a link: it sets the password, ends all sessions
// of the user, forgets the failed sign-ins named, and leaves a job that tells
// the user. Of several calls with one link exactly one succeeds; NOT_FOUND for
// the others, and for a link that is not good. The viewer is the user.
func (s *Store) CompletePasswordReset(ctx context.Context, v models.Viewer, in models.PasswordResetDone) error {
	_, err := system(ctx, s, func(tx *systemTx) (struct{}, error) {
		var user models.UserID
		err := tx.tx.NewRaw(`DELETE FROM password_resets WHERE token_hash = ? AND expires_at > ? AND user_id = ? RETURNING user_id`,
			in.Token[:], tx.now, v.UserID).Scan(ctx, &user)
		if err != nil {
			return struct{}{}, orNotFound(err, "password reset")
		}
		result, err := tx.tx.ExecContext(ctx, `UPDATE users SET password_hash = ?, version = version + 1, updated_at = ?
			WHERE id = ? AND is_active`, in.NewHash, tx.now, user)
		if err != nil {
			return struct{}{}, err
		}
		if n, err := result.RowsAffected(); err != nil || n == 0 {
			return struct{}{}, errors.Join(err, models.NotFound("password reset"))
		}
		if err := tx.endSessions(ctx, user); err != nil {
			return struct{}{}, err
		}
		if err := tx.forgetFailures(ctx, in.SignIn); err != nil {
			return struct{}{}, err
		}
		if err := tx.tellPasswordChanged(ctx, v, user); err != nil {
			return struct{}{}, err
		}
		return struct{}{}, tx.auditSession(ctx, v, auditResetCompleted, nil)
	})
	return err
}

// tellPasswordChanged leaves a job that tells the user: who did not do it must
// hear of it.
func (tx *systemTx) tellPasswordChanged(ctx context.Context, v models.Viewer, user models.UserID) error {
	return tx.enqueue(ctx, v, models.PasswordChangedMailJob{UserID: user, At: tx.now})
}
