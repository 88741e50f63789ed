package store

import (
	"context"
	"database/sql"
	"errors"

	"github.com/uptrace/bun"

	"upstream/models"
)

// What the compliance log calls the changes of members.
const (
	auditRoleChanged   auditAction = "role_changed"
	auditMemberRemoved auditAction = "member_removed"
)

// memberRows is what a Member is read from. It names its columns, so that no
// column that users get later is shown by itself.
const memberRows = `(SELECT me.id, me.customer_id, me.user_id, me.role, us.email, us.first_name, us.last_name, us.is_active,
	me.version + us.version - 1 AS version, me.created_at, greatest(me.updated_at, us.updated_at) AS updated_at
	FROM memberships AS me JOIN users AS us ON us.id = me.user_id) AS mb`

func ofMembers(q *bun.SelectQuery) *bun.SelectQuery { return q.ModelTableExpr(memberRows) }

func memberSpec() listSpec[models.Member] {
	type member = models.Member
	return listSpec[member]{
		noun: "member", alias: "mb", search: []string{"email", "first_name", "last_name"},
		order: []term{{column: "email"}, {column: "id"}},
		columns: map[string]column[member]{
			"id":         {cast: "uuid", value: func(m *member) any { return m.ID }},
			"email":      {cast: "text", value: func(m *member) any { return m.Email }},
			"last_name":  {cast: "text", value: func(m *member) any { return m.LastName }},
			"role":       {cast: "text", value: func(m *member) any { return string(m.Role) }},
			"created_at": {cast: "timestamptz", value: func(m *member) any { return m.CreatedAt }},
		},
	}
}

// Members lists who belongs to the customer.
func (s *Store) Members(ctx context.Context, v models.Viewer, f models.MemberFilter, l models.List[models.MemberOrderField]) (*models.Rows[*models.Member], error) {
	return read(ctx, s, v, models.PermissionManageUsers, func(tx *tenantTx) (*models.Rows[*models.Member], error) {
		return list(ctx, tx, memberSpec(), "", ofMembers, f, l)
	})
}

// Member is one member of the customer; NOT_FOUND when it has none of this id.
func (s *Store) Member(ctx context.Context, v models.Viewer, id models.MembershipID) (*models.Member, error) {
	return read(ctx, s, v, models.PermissionManageUsers, func(tx *tenantTx) (*models.Member, error) {
		return tx.member(ctx, id)
	})
}

// MembersByID are those of the members that the customer has.
func (s *Store) MembersByID(ctx context.Context, v models.Viewer, ids []models.MembershipID) (map[models.MembershipID]*models.Member, error) {
	return read(ctx, s, v, models.PermissionManageUsers, func(tx *tenantTx) (map[models.MembershipID]*models.Member, error) {
		return rowsOf(ctx, tx, ofMembers, ids, func(m *models.Member) models.MembershipID { return m.ID })
	})
}

// MembersByUserID are those of the users who are members of the customer.
func (s *Store) MembersByUserID(ctx context.Context, v models.Viewer, ids []models.UserID) (map[models.UserID]*models.Member, error) {
	return read(ctx, s, v, models.PermissionManageUsers, func(tx *tenantTx) (map[models.UserID]*models.Member, error) {
		found := make(map[models.UserID]*models.Member, len(ids))
		if len(ids) == 0 {
			return found, nil
		}
		var members []*models.Member
		if err := ofMembers(tx.selectFrom(&members)).Where("mb.user_id IN (?)", bun.List(ids)).Scan(ctx); err != nil {
			return nil, err
		}
		for _, m := range members {
			found[m.UserID] = m
		}
		return found, nil
	})
}

// ChangeMemberRole gives a member another role and ends the member's sessions.
// A role that the member has already changes nothing.
//
// Refusals, in this order: VALIDATION of the role; FORBIDDEN for who is no
// owner and assigns owner or admin; NOT_FOUND; FORBIDDEN for who is no owner
// and touches an owner or admin; STALE; CONFLICT about "role" (last_owner) when
// no active owner would remain.
func (s *Store) ChangeMemberRole(ctx context.Context, v models.Viewer, in models.RoleChange) (*models.Member, error) {
	if err := v.Authorize(models.PermissionManageUsers); err != nil {
		return nil, err
	}
	if err := in.Validate(); err != nil {
		return nil, err
	}
	return write(ctx, s, v, models.PermissionManageUsers, func(tx *tenantTx) (*models.Member, error) {
		actor, err := tx.lockMembers(ctx)
		if err != nil {
			return nil, err
		}
		if err := mayAssign(actor, in.Role); err != nil {
			return nil, err
		}
		member, err := tx.member(ctx, in.ID)
		if err != nil {
			return nil, err
		}
		if err := mayTouch(actor, member); err != nil {
			return nil, err
		}
		if err := expectVersion("member", member.Version, in.ExpectedVersion); err != nil || member.Role == in.Role {
			return member, err
		}
		if err := tx.keepOwner(ctx, member, "role"); err != nil {
			return nil, err
		}
		return tx.setRole(ctx, member, in.Role)
	})
}

// setRole does what ChangeMemberRole has found to be allowed. Triggers end the
// sessions of the former role and invalidate its tokens.
func (tx *tenantTx) setRole(ctx context.Context, member *models.Member, role models.Role) (*models.Member, error) {
	_, err := tx.updateOf((*models.Membership)(nil)).
		Set("role = ?", role).Set("version = version + 1").Set("updated_at = ?", tx.now).
		Where("id = ?", member.ID).Exec(ctx)
	if err != nil {
		return nil, err
	}
	changed := diff(&models.Membership{Role: member.Role}, &models.Membership{Role: role})
	changed.metadata = map[string]any{"user": member.UserID.String()}
	if err := tx.auditChange(ctx, auditRoleChanged, "membership", member.ID.String(), changed); err != nil {
		return nil, err
	}
	return tx.member(ctx, member.ID)
}

// RemoveMember takes a member out of the customer, ends the member's sessions
// and revokes an invitation that is still open; the user's account stays.
//
// Refusals, in this order: NOT_FOUND; CONFLICT about "id" (last_owner) when no
// active owner would remain; FORBIDDEN for who is no owner and touches an owner
// or admin; STALE.
func (s *Store) RemoveMember(ctx context.Context, v models.Viewer, in models.Removal) error {
	_, err := write(ctx, s, v, models.PermissionManageUsers, func(tx *tenantTx) (struct{}, error) {
		var none struct{}
		actor, err := tx.lockMembers(ctx)
		if err != nil {
			return none, err
		}
		member, err := tx.member(ctx, in.ID)
		if err != nil {
			return none, err
		}
		if err := tx.keepOwner(ctx, member, "id"); err != nil {
			return none, err
		}
		if err := mayTouch(actor, member); err != nil {
			return none, err
		}
		if err := expectVersion("member", member.Version, in.ExpectedVersion); err != nil {
			return none, err
		}
		if err := tx.revokeInvitationsOf(ctx, member.Email); err != nil {
			return none, err
		}
		return none, tx.removeMember(ctx, member)
	})
	return err
}

// removeMember does what RemoveMember has found to be allowed. A trigger ends
// the member's sessions.
func (tx *tenantTx) removeMember(ctx context.Context, member *models.Member) error {
	if _, err := tx.query(`DELETE FROM memberships WHERE customer_id = ?0 AND id = ?1`, member.ID).Exec(ctx); err != nil {
		return err
	}
	was := &models.Membership{UserID: member.UserID, Role: member.Role}
	return tx.auditChange(ctx, auditMemberRemoved, "membership", member.ID.String(), diff(was, nil))
}

// lockMembers makes the transaction the only one that changes the customer's
// members until it ends, and answers with the viewer as the members now have
// it: whoever was demoted or removed while waiting may no longer act. The lock
// is an advisory one, because a lock on rows that others refer to would hold
// up their inserts.
func (tx *tenantTx) lockMembers(ctx context.Context) (models.Viewer, error) {
	actor := tx.viewer
	_, err := tx.query(`SELECT pg_advisory_xact_lock(hashtextextended('upstream.members:' || ?0::text, 0))`).Exec(ctx)
	if err != nil || actor.UserID.IsZero() || actor.Superuser {
		return actor, err
	}
	err = tx.query(`SELECT role FROM memberships WHERE customer_id = ?0 AND user_id = ?1`, actor.UserID).Scan(ctx, &actor.Role)
	if errors.Is(err, sql.ErrNoRows) {
		actor.CustomerID, err = models.CustomerID{}, nil
	}
	if err != nil {
		return actor, err
	}
	return actor, actor.Authorize(models.PermissionManageUsers)
}

func (tx *tenantTx) member(ctx context.Context, id models.MembershipID) (*models.Member, error) {
	return rowOf[models.Member](ctx, tx, ofMembers, id, "member")
}

// actsAsOwner reports whether a viewer may do to members what an owner may.
func actsAsOwner(v models.Viewer) bool { return v.System || v.Superuser || v.Role == models.RoleOwner }

// isSenior reports whether only owners may give a role or touch who has it.
func isSenior(role models.Role) bool { return role == models.RoleOwner || role == models.RoleAdmin }

func mayAssign(actor models.Viewer, role models.Role) error {
	if isSenior(role) && !actsAsOwner(actor) {
		return models.NewError(models.CodeForbidden, "Only owners may make somebody owner or admin.")
	}
	return nil
}

func mayTouch(actor models.Viewer, member *models.Member) error {
	if isSenior(member.Role) && !actsAsOwner(actor) {
		return models.NewError(models.CodeForbidden, "Only owners may change or remove an owner or admin.")
	}
	return nil
}

// keepOwner refuses to take the role of owner from the last one who can sign
// in. field is the input that would do it.
func (tx *tenantTx) keepOwner(ctx context.Context, member *models.Member, field string) error {
	if member.Role != models.RoleOwner {
		return nil
	}
	another, err := ofMembers(tx.selectFrom((*models.Member)(nil))).
		Where("mb.role = ?", models.RoleOwner).Where("mb.is_active").Where("mb.id <> ?", member.ID).Exists(ctx)
	if err != nil || another {
		return err
	}
	return &models.Error{
		Code: models.CodeConflict, Message: "A customer always keeps an owner who can sign in.",
		Fields: []models.FieldError{{Path: field, Code: "last_owner", Message: "is about the last owner: make somebody else owner first"}},
	}
}
