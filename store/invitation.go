package store

import (
	"context"
	"strings"
	"time"

	"github.com/uptrace/bun"

	"upstream/models"
)

// InvitationTTL is how long the link of an invitation is good.
const InvitationTTL = 7 * 24 * time.Hour

// invitationTokens is the column of the secrets that are yet to be mailed.
func invitationTokens() sealedColumn {
	return sealedColumn{table: "invitations", column: "token_sealed", tenant: true}
}

// invitationRows is what an Invitation is read from: its columns but those of
// the link's secret, and what has become of it by an instant.
const invitationRows = `(SELECT i.customer_id, i.id, i.email, i.role, i.invited_by, i.expires_at, i.mailed_at, i.accepted_at, i.accepted_by,
	i.revoked_at, i.replaced_at, i.version, i.created_at, i.updated_at,
	CASE WHEN i.accepted_at IS NOT NULL THEN ? WHEN i.revoked_at IS NOT NULL THEN ? WHEN i.expires_at <= ? THEN ? ELSE ? END AS status
	FROM invitations AS i) AS iv`

func ofInvitations(now time.Time) scopeFunc {
	return func(q *bun.SelectQuery) *bun.SelectQuery {
		return q.ColumnExpr("iv.*").ModelTableExpr(invitationRows,
			models.InvitationAccepted, models.InvitationRevoked, now, models.InvitationExpired, models.InvitationPending)
	}
}

func invitationSpec() listSpec[models.Invitation] {
	type invitation = models.Invitation
	return listSpec[invitation]{
		noun: "invitation", alias: "iv", search: []string{"email"},
		order: []term{{column: "created_at", desc: true}, {column: "id", desc: true}},
		columns: map[string]column[invitation]{
			"id":         {cast: "uuid", value: func(i *invitation) any { return i.ID }},
			"email":      {cast: "text", value: func(i *invitation) any { return i.Email }},
			"created_at": {cast: "timestamptz", value: func(i *invitation) any { return i.CreatedAt }},
			"expires_at": {cast: "timestamptz", value: func(i *invitation) any { return i.ExpiresAt }},
		},
	}
}

// Invitations lists whom the customer has invited, those that are over included.
func (s *Store) Invitations(ctx context.Context, v models.Viewer, f models.InvitationFilter, l models.List[models.InvitationOrderField]) (*models.Rows[*models.Invitation], error) {
	return read(ctx, s, v, models.PermissionManageUsers, func(tx *tenantTx) (*models.Rows[*models.Invitation], error) {
		return list(ctx, tx, invitationSpec(), "", ofInvitations(tx.now), f, l)
	})
}

// Invitation is one of the customer's; NOT_FOUND when it has none of this id.
func (s *Store) Invitation(ctx context.Context, v models.Viewer, id models.InvitationID) (*models.Invitation, error) {
	return read(ctx, s, v, models.PermissionManageUsers, func(tx *tenantTx) (*models.Invitation, error) {
		return rowOf[models.Invitation](ctx, tx, ofInvitations(tx.now), id, "invitation")
	})
}

// InvitationsByID are those of the invitations that the customer has.
func (s *Store) InvitationsByID(ctx context.Context, v models.Viewer, ids []models.InvitationID) (map[models.InvitationID]*models.Invitation, error) {
	return read(ctx, s, v, models.PermissionManageUsers, func(tx *tenantTx) (map[models.InvitationID]*models.Invitation, error) {
		return rowsOf(ctx, tx, ofInvitations(tx.now), ids, func(i *models.Invitation) models.InvitationID { return i.ID })
	})
}

// InviteMember stores an invitation and leaves a job that mails its link.
//
// Refusals, in this order: VALIDATION of address and role; FORBIDDEN for who is
// no owner and invites an owner or admin; CONFLICT about "email" when a member
// or a pending invitation has the address. Whether the address has an account
// elsewhere shows in nothing.
func (s *Store) InviteMember(ctx context.Context, v models.Viewer, in models.NewInvitation) (*models.Invitation, error) {
	if err := v.Authorize(models.PermissionManageUsers); err != nil {
		return nil, err
	}
	if err := in.Validate(); err != nil {
		return nil, err
	}
	in.Email = strings.TrimSpace(in.Email)
	return write(ctx, s, v, models.PermissionManageUsers, func(tx *tenantTx) (*models.Invitation, error) {
		actor, err := tx.lockMembers(ctx)
		if err != nil {
			return nil, err
		}
		if err := mayAssign(actor, in.Role); err != nil {
			return nil, err
		}
		if err := tx.wantStranger(ctx, in.Email); err != nil {
			return nil, err
		}
		if err := tx.replaceInvitation(ctx, in.Email); err != nil {
			return nil, err
		}
		return s.invite(ctx, tx, in)
	})
}

// invite does what InviteMember has found to be allowed.
func (s *Store) invite(ctx context.Context, tx *tenantTx, in models.NewInvitation) (*models.Invitation, error) {
	row := &models.Invitation{
		CustomerID: tx.customer, ID: models.InvitationID{}.From(tx.newUUID()), Email: in.Email, Role: in.Role,
		InvitedBy: tx.actorID(), Version: 1, CreatedAt: tx.now, UpdatedAt: tx.now,
	}
	if err := s.renewLink(row, tx.now); err != nil {
		return nil, err
	}
	if err := tx.insert(ctx, row); err != nil {
		return nil, err
	}
	if err := tx.enqueueInvitation(ctx, row); err != nil {
		return nil, err
	}
	return row, tx.auditChange(ctx, auditMemberInvited, "invitation", row.ID.String(), diff(nil, row))
}

// renewLink gives an invitation a link that is good from now on.
func (s *Store) renewLink(row *models.Invitation, now time.Time) error {
	token, hash := models.NewInvitationToken()
	sealed, err := s.sealer.Seal([]byte(token), invitationTokens().as(row.ID.UUID(), row.CustomerID))
	if err != nil {
		return err
	}
	row.TokenHash, row.TokenSealed, row.MailedAt, row.ExpiresAt = hash[:], sealed, nil, now.Add(InvitationTTL)
	row.Status = row.StatusAt(now)
	return nil
}

func (tx *tenantTx) enqueueInvitation(ctx context.Context, row *models.Invitation) error {
	return tx.enqueue(ctx, models.InvitationMailJob{CustomerID: row.CustomerID, InvitationID: row.ID})
}

// wantStranger refuses an address that a member has.
func (tx *tenantTx) wantStranger(ctx context.Context, email string) error {
	var member []*models.Member
	if err := ofMembers(tx.selectFrom(&member)).Where("lower(mb.email) = lower(?)", email).Scan(ctx); err != nil || len(member) == 0 {
		return err
	}
	return emailTaken(member[0].ID.String(), "is that of a member already")
}

func emailTaken(existing, message string) error {
	return &models.Error{
		Code: models.CodeConflict, Message: "The address " + message + ".", ExistingID: existing,
		Fields: []models.FieldError{{Path: "email", Code: "taken", Message: message}},
	}
}

// replaceInvitation makes room for a new invitation of an address: one that has
// expired gives way, one that is pending does not.
func (tx *tenantTx) replaceInvitation(ctx context.Context, email string) error {
	var open []*models.Invitation
	err := tx.selectFrom(&open).Where("lower(iv.email) = lower(?)", email).Where("iv.accepted_at IS NULL").
		Where("iv.revoked_at IS NULL").Where("iv.replaced_at IS NULL").For("NO KEY UPDATE").Scan(ctx)
	if err != nil || len(open) == 0 {
		return err
	}
	old := open[0]
	if old.StatusAt(tx.now) == models.InvitationPending {
		return emailTaken(old.ID.String(), "has a pending invitation already: send that one again, or revoke it")
	}
	old.ReplacedAt, old.TokenSealed = &tx.now, nil
	return tx.updateInvitation(ctx, old, "replaced_at", "token_sealed")
}

// ResendInvitation gives an invitation that is pending or has expired a new
// link, good for the whole time again, and leaves a job that mails it. The link
// of before is dead.
//
// Refusals, in this order: NOT_FOUND; FORBIDDEN for who is no owner when it
// invites an owner or admin; STALE when it has another version than the expected
// one, where that is given; CONFLICT when it was accepted, revoked or replaced, and when a member has the address by now.
func (s *Store) ResendInvitation(ctx context.Context, v models.Viewer, id models.InvitationID, expected *int64) (*models.Invitation, error) {
	return write(ctx, s, v, models.PermissionManageUsers, func(tx *tenantTx) (*models.Invitation, error) {
		before, err := tx.lockInvitation(ctx, id)
		if err != nil {
			return nil, err
		}
		if err := expectVersion("invitation", before.Version, expected); err != nil {
			return nil, err
		}
		if err := checkOpen(before); err != nil {
			return nil, err
		}
		if err := tx.wantStranger(ctx, before.Email); err != nil {
			return nil, err
		}
		after := *before
		if err := s.renewLink(&after, tx.now); err != nil {
			return nil, err
		}
		if err := tx.updateInvitation(ctx, &after, "token_hash", "token_sealed", "mailed_at", "expires_at"); err != nil {
			return nil, err
		}
		if err := tx.enqueueInvitation(ctx, &after); err != nil {
			return nil, err
		}
		return &after, tx.auditChange(ctx, auditInvitationResent, "invitation", id.String(), diff(before, &after))
	})
}

// checkOpen refuses to send an invitation again that is over for good.
func checkOpen(row *models.Invitation) error {
	switch {
	case row.AcceptedAt != nil:
		return models.NewError(models.CodeConflict, "The invitation was accepted already.")
	case row.RevokedAt != nil:
		return models.NewError(models.CodeConflict, "The invitation was revoked: invite the address anew.")
	case row.ReplacedAt != nil:
		return models.NewError(models.CodeConflict, "The invitation was replaced by a newer one: send that one again.")
	}
	return nil
}

// RevokeInvitation ends an invitation: its link is good no more. One that was
// revoked before stays as it is.
//
// Refusals, in this order: NOT_FOUND; FORBIDDEN for who is no owner when it
// invites an owner or admin; STALE when it has another version than the expected
// one, where that is given; CONFLICT when it was accepted: what is left to do
// then is to remove the member.
func (s *Store) RevokeInvitation(ctx context.Context, v models.Viewer, id models.InvitationID, expected *int64) (*models.Invitation, error) {
	return write(ctx, s, v, models.PermissionManageUsers, func(tx *tenantTx) (*models.Invitation, error) {
		before, err := tx.lockInvitation(ctx, id)
		if err != nil {
			return nil, err
		}
		if err := expectVersion("invitation", before.Version, expected); err != nil || before.RevokedAt != nil {
			return before, err
		}
		if before.AcceptedAt != nil {
			return nil, models.NewError(models.CodeConflict, "The invitation was accepted already: remove the member instead.")
		}
		return tx.revokeInvitation(ctx, before)
	})
}

func (tx *tenantTx) revokeInvitation(ctx context.Context, before *models.Invitation) (*models.Invitation, error) {
	after := *before
	after.RevokedAt, after.TokenSealed = &tx.now, nil
	after.Status = after.StatusAt(tx.now)
	if err := tx.updateInvitation(ctx, &after, "revoked_at", "token_sealed"); err != nil {
		return nil, err
	}
	return &after, tx.auditChange(ctx, auditInvitationRevoked, "invitation", after.ID.String(), diff(before, &after))
}

// revokeInvitationsOf ends the open invitation of an address, so that whoever
// was removed has no link left to come back by.
func (tx *tenantTx) revokeInvitationsOf(ctx context.Context, email string) error {
	var open []*models.Invitation
	err := tx.selectFrom(&open).Where("lower(iv.email) = lower(?)", email).
		Where("iv.accepted_at IS NULL").Where("iv.revoked_at IS NULL").For("NO KEY UPDATE").Scan(ctx)
	if err != nil {
		return err
	}
	for _, row := range open {
		row.Status = row.StatusAt(tx.now)
		if _, err := tx.revokeInvitation(ctx, row); err != nil {
			return err
		}
	}
	return nil
}

// lockInvitation reads an invitation that the viewer may change, and keeps
// others from changing it.
func (tx *tenantTx) lockInvitation(ctx context.Context, id models.InvitationID) (*models.Invitation, error) {
	actor, err := tx.lockMembers(ctx)
	if err != nil {
		return nil, err
	}
	row := new(models.Invitation)
	err = tx.selectFrom(row).Where("iv.id = ?", id).For("NO KEY UPDATE").Scan(ctx)
	if err != nil {
		return nil, orNotFound(err, "invitation")
	}
	if isSenior(row.Role) && !actsAsOwner(actor) {
		return nil, models.NewError(models.CodeForbidden, "Only owners may change an invitation of an owner or admin.")
	}
	row.Status = row.StatusAt(tx.now)
	return row, nil
}

// updateInvitation writes these columns of an invitation, and that it changed.
func (tx *tenantTx) updateInvitation(ctx context.Context, row *models.Invitation, columns ...string) error {
	row.Version++
	row.UpdatedAt = tx.now
	_, err := tx.updateOf(row).Column(append(columns, "version", "updated_at")...).Where("iv.id = ?", row.ID).Exec(ctx)
	return err
}
