package store

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"errors"
	"strings"
	"time"

	"upstream/models"
)

// What precedes knowing the customer: mailing a link, whose inviter may belong
// to no customer, and using it up, which may make an account.

// InvitationLetter is what the mail with the link says. It answers NOT_FOUND
// when there is nothing to mail any more: the mail has gone out, or the
// invitation is over.
func (s *Store) InvitationLetter(ctx context.Context, job models.InvitationMailJob) (*models.InvitationLetter, error) {
	return system(ctx, s, func(tx *systemTx) (*models.InvitationLetter, error) {
		var row struct {
			Email, Customer, FirstName, LastName, Inviter string
			Role                                          models.Role
			TokenSealed                                   []byte
			ExpiresAt                                     time.Time
		}
		err := tx.tx.NewRaw(`SELECT iv.email, iv.role, iv.token_sealed, iv.expires_at, cu.name AS customer, coalesce(us.email, '') AS inviter,
				coalesce(us.first_name, '') AS first_name, coalesce(us.last_name, '') AS last_name
			FROM invitations AS iv JOIN customers AS cu ON cu.id = iv.customer_id LEFT JOIN users AS us ON us.id = iv.invited_by
			WHERE iv.customer_id = ? AND iv.id = ? AND iv.token_sealed IS NOT NULL AND `+good,
			job.CustomerID, job.InvitationID, tx.now).Scan(ctx, &row)
		if err != nil {
			return nil, orNotFound(err, "invitation")
		}
		token, err := s.sealer.Open(row.TokenSealed, invitationTokens().as(job.InvitationID.UUID(), job.CustomerID))
		if err != nil {
			return nil, err
		}
		letter := &models.InvitationLetter{
			Letter:   models.Letter{Email: row.Email, Token: token, ExpiresAt: row.ExpiresAt},
			Customer: row.Customer, Inviter: row.Inviter, Role: row.Role,
		}
		if name := strings.TrimSpace(row.FirstName + " " + row.LastName); name != "" {
			letter.Inviter = name
		}
		return letter, nil
	})
}

// good is the condition that a link can be used at an instant, its one value.
const good = `iv.accepted_at IS NULL AND iv.revoked_at IS NULL AND iv.replaced_at IS NULL AND iv.expires_at > ?`

// InvitationMailed notes that the link with this secret is on its way, and
// forgets the secret. It leaves a newer link alone, which has its own mail.
func (s *Store) InvitationMailed(ctx context.Context, job models.InvitationMailJob, token []byte) error {
	hash := sha256.Sum256(token)
	_, err := system(ctx, s, func(tx *systemTx) (struct{}, error) {
		_, err := tx.tx.ExecContext(ctx, `UPDATE invitations SET token_sealed = NULL, mailed_at = ?0, version = version + 1, updated_at = ?0
			WHERE customer_id = ?1 AND id = ?2 AND token_hash = ?3 AND token_sealed IS NOT NULL`, tx.now, job.CustomerID, job.InvitationID, hash[:])
		return struct{}{}, err
	})
	return err
}

// PurgeInvitations forgets the secrets of links that expired before they were
// mailed, and answers with their number. Invitations stay: the audit log names
// them.
func (s *Store) PurgeInvitations(ctx context.Context) (int64, error) {
	return s.purge(ctx, `UPDATE invitations AS iv SET token_sealed = NULL FROM
		(SELECT customer_id, id FROM invitations WHERE token_sealed IS NOT NULL AND expires_at <= ? ORDER BY expires_at LIMIT ? FOR NO KEY UPDATE SKIP LOCKED) AS old
		WHERE iv.customer_id = old.customer_id AND iv.id = old.id`, 0)
}

// InvitationOffer is whom a link is for; NOT_FOUND unless it is good, and could
// be used by who has the address: not by a superuser, somebody deactivated or
// who is a member already.
func (s *Store) InvitationOffer(ctx context.Context, token models.SecretHash) (*models.InvitationOffer, error) {
	return system(ctx, s, func(tx *systemTx) (*models.InvitationOffer, error) {
		offer := new(models.InvitationOffer)
		err := tx.tx.NewRaw(`SELECT iv.email, us.id IS NOT NULL AS registered
			FROM invitations AS iv LEFT JOIN users AS us ON lower(us.email) = lower(iv.email)
			WHERE iv.token_hash = ? AND `+good+` AND us.is_active IS NOT FALSE AND us.is_superuser IS NOT TRUE
				AND NOT EXISTS (SELECT FROM memberships AS me WHERE me.customer_id = iv.customer_id AND me.user_id = us.id)`,
			token[:], tx.now).Scan(ctx, offer)
		return offer, orNotFound(err, "invitation")
	})
}

// AcceptInvitation uses up a link: it makes the account of the address, unless
// there is one, and the membership. Of several calls with one link exactly one
// succeeds; NOT_FOUND for the others, and for a link that InvitationOffer does
// not know. VALIDATION about "password" when one is missing for a new account,
// or given for one that there is; the link stays good then.
func (s *Store) AcceptInvitation(ctx context.Context, v models.Viewer, in models.Acceptance) (*models.Joined, error) {
	if err := in.Validate(); err != nil {
		return nil, err
	}
	return system(ctx, s, func(tx *systemTx) (*models.Joined, error) {
		row, err := tx.takeInvitation(ctx, in.Token)
		if err != nil {
			return nil, err
		}
		user, registered, err := tx.invitee(ctx, v, row.Email, in)
		if err != nil {
			return nil, err
		}
		v.UserID, v.Email, v.CustomerID = user.ID, user.Email, row.CustomerID
		if err := tx.join(ctx, v, row); err != nil {
			return nil, err
		}
		return &models.Joined{Customer: row.Customer, Email: user.Email, Role: row.Role, Registered: registered}, nil
	})
}

// takenInvitation is an invitation that is being accepted.
type takenInvitation struct {
	ID         models.InvitationID
	CustomerID models.CustomerID
	Customer   string
	Email      string
	Role       models.Role
}

// takeInvitation finds the invitation of a link that is good, and keeps others
// from using it: who waited finds it used.
func (tx *systemTx) takeInvitation(ctx context.Context, token models.SecretHash) (*takenInvitation, error) {
	row := new(takenInvitation)
	err := tx.tx.NewRaw(`SELECT iv.id, iv.customer_id, cu.name AS customer, iv.email, iv.role
		FROM invitations AS iv JOIN customers AS cu ON cu.id = iv.customer_id
		WHERE iv.token_hash = ? AND `+good+` FOR NO KEY UPDATE OF iv`, token[:], tx.now).Scan(ctx, row)
	return row, orNotFound(err, "invitation")
}

// invitee is the account of an invited address. It holds the account that there
// is, so that nobody deactivates or raises it meanwhile.
func (tx *systemTx) invitee(ctx context.Context, v models.Viewer, email string, in models.Acceptance) (user *models.User, registered bool, err error) {
	user = new(models.User)
	err = tx.tx.NewSelect().Model(user).Where("lower(us.email) = lower(?)", email).For("SHARE").Scan(ctx)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		user, err = tx.register(ctx, v, email, in)
		return user, false, err
	case err != nil:
		return nil, false, err
	case !user.IsActive || user.IsSuperuser:
		return nil, true, models.NotFound("invitation")
	case in.PasswordHash != "":
		return nil, true, registeredAlready()
	}
	return user, true, nil
}

func registeredAlready() error {
	return models.InvalidField("password", "not_allowed", "must be left out: the address has an account already, which keeps its password")
}

// register makes the account of an invited address.
func (tx *systemTx) register(ctx context.Context, v models.Viewer, email string, in models.Acceptance) (*models.User, error) {
	if in.PasswordHash == "" {
		return nil, models.InvalidField("password", "required", "must be given: the address has no account yet")
	}
	user := &models.User{
		ID: models.UserID{}.From(tx.newUUID()), Email: email, FirstName: in.FirstName, LastName: in.LastName, PasswordHash: in.PasswordHash,
		IsActive: true, TokenVersion: 1, Version: 1, CreatedAt: tx.now, UpdatedAt: tx.now,
	}
	result, err := tx.tx.NewInsert().Model(user).On("CONFLICT DO NOTHING").Exec(ctx)
	if err != nil {
		return nil, err
	}
	if n, err := result.RowsAffected(); err != nil || n == 0 { // somebody was faster, by another invitation
		return nil, errors.Join(err, registeredAlready())
	}
	v.UserID, v.Email = user.ID, user.Email
	return user, tx.auditIn(ctx, models.CustomerID{}, v, auditUserCreated, "user", user.ID.String(), diff(nil, user))
}

// join makes the viewer a member of the customer that invited, and notes that
// the invitation was accepted.
func (tx *systemTx) join(ctx context.Context, v models.Viewer, row *takenInvitation) error {
	membership := &models.Membership{
		ID: models.MembershipID{}.From(tx.newUUID()), CustomerID: row.CustomerID, UserID: v.UserID,
		Role: row.Role, TokenVersion: 1, Version: 1, CreatedAt: tx.now, UpdatedAt: tx.now,
	}
	result, err := tx.tx.NewInsert().Model(membership).On("CONFLICT (customer_id, user_id) DO NOTHING").Exec(ctx)
	if err != nil {
		return err
	}
	if n, err := result.RowsAffected(); err != nil || n == 0 { // a member already, whose role no link changes
		return errors.Join(err, models.NotFound("invitation"))
	}
	_, err = tx.tx.ExecContext(ctx, `UPDATE invitations SET accepted_at = ?0, accepted_by = ?1, token_sealed = NULL, version = version + 1, updated_at = ?0
		WHERE customer_id = ?2 AND id = ?3`, tx.now, v.UserID, row.CustomerID, row.ID)
	if err != nil {
		return err
	}
	added := diff(nil, membership)
	added.metadata = map[string]any{"invitation": row.ID.String()}
	return tx.auditIn(ctx, row.CustomerID, v, auditMemberAdded, "membership", membership.ID.String(), added)
}
