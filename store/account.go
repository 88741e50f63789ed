package store

import (
	"cmp"
	"context"
	"strings"

	"github.com/uptrace/bun"

	"upstream/models"
)

// AccountByEmail is what sign-in knows about the user with this address,
// ignoring case. It answers NOT_FOUND when there is none.
func (s *Store) AccountByEmail(ctx context.Context, email string) (*models.Account, error) {
	// Both sides are lowered by the database, as its unique index does.
	return s.account(ctx, "lower(us.email) = lower(?)", strings.TrimSpace(email))
}

// AccountByID is what authentication knows about a user; NOT_FOUND when there
// is none.
func (s *Store) AccountByID(ctx context.Context, id models.UserID) (*models.Account, error) {
	return s.account(ctx, "us.id = ?", id)
}

// accountRow is a user beside one of its memberships, if it has any.
type accountRow struct {
	bun.BaseModel `bun:"table:users,alias:us"`

	models.User
	MembershipID *models.MembershipID `bun:"membership_id,type:uuid"`
	CustomerID   *models.CustomerID   `bun:"customer_id,type:uuid"`
	Role         *models.Role         `bun:"role"`
	RoleVersion  *int                 `bun:"role_version"`
}

func (s *Store) account(ctx context.Context, condition string, values ...any) (*models.Account, error) {
	return system(ctx, s, func(tx *systemTx) (*models.Account, error) {
		var rows []accountRow
		err := tx.tx.NewSelect().Model(&rows).
			ColumnExpr("us.id, us.email, us.first_name, us.last_name, us.password_hash, us.is_active, us.is_superuser").
			ColumnExpr("us.last_login_at, us.token_version, us.version, us.created_at, us.updated_at").
			ColumnExpr("me.id AS membership_id, me.customer_id, me.role, me.token_version AS role_version").
			Join("LEFT JOIN memberships AS me ON me.user_id = us.id").
			Where(condition, values...).
			OrderExpr("me.created_at, me.id").
			Scan(ctx)
		if err != nil {
			return nil, err
		}
		if len(rows) == 0 {
			return nil, models.NotFound("account")
		}
		account := &models.Account{User: rows[0].User}
		for _, row := range rows {
			if row.MembershipID != nil {
				account.Memberships = append(account.Memberships, models.Membership{
					ID: *row.MembershipID, CustomerID: *row.CustomerID, UserID: row.ID, Role: *row.Role,
					TokenVersion: *row.RoleVersion,
				})
			}
		}
		return account, nil
	})
}

// CreateUser stores a user and the membership that ties it to a customer; a
// superuser belongs to none. It answers VALIDATION for bad input and CONFLICT
// when the address has an account already.
func (s *Store) CreateUser(ctx context.Context, customer models.CustomerID, in models.NewUser) (*models.User, error) {
	if err := in.Validate(); err != nil {
		return nil, err
	}
	if in.Superuser != customer.IsZero() {
		return nil, models.InvalidField("customer", "invalid", "must name a customer, except for a superuser, who has none")
	}
	return system(ctx, s, func(tx *systemTx) (*models.User, error) {
		user := &models.User{
			ID: models.UserID{}.From(tx.newUUID()), Email: in.Email, PasswordHash: in.PasswordHash,
			IsActive: true, IsSuperuser: in.Superuser, TokenVersion: 1, Version: 1, CreatedAt: tx.now, UpdatedAt: tx.now,
		}
		if _, err := tx.tx.NewInsert().Model(user).Exec(ctx); err != nil {
			return nil, err
		}
		err := tx.auditIn(ctx, models.CustomerID{}, models.Viewer{}, auditUserCreated, "user", user.ID.String(), diff(nil, user))
		if err != nil {
			return nil, err
		}
		if in.Superuser {
			return user, nil
		}
		membership := &models.Membership{
			ID: models.MembershipID{}.From(tx.newUUID()), CustomerID: customer, UserID: user.ID,
			Role: in.Role, TokenVersion: 1, Version: 1, CreatedAt: tx.now, UpdatedAt: tx.now,
		}
		if _, err := tx.tx.NewInsert().Model(membership).Exec(ctx); err != nil {
			return nil, err
		}
		return user, tx.auditIn(ctx, customer, models.Viewer{}, auditMemberAdded, "membership", membership.ID.String(), diff(nil, membership))
	})
}

// SetPassword replaces a user's password hash for the operator, and ends all
// sessions of the user. It answers NOT_FOUND when there is no such user.
func (s *Store) SetPassword(ctx context.Context, id models.UserID, hash string) error {
	_, err := system(ctx, s, func(tx *systemTx) (struct{}, error) {
		result, err := tx.tx.NewUpdate().Model((*models.User)(nil)).
			Set("password_hash = ?", hash).Set("version = version + 1").Set("updated_at = ?", tx.now).
			Where("id = ?", id).Exec(ctx)
		if err != nil {
			return struct{}{}, err
		}
		if n, err := result.RowsAffected(); err != nil || n == 0 {
			return struct{}{}, cmp.Or(err, error(models.NotFound("account")))
		}
		if err := tx.endSessions(ctx, id); err != nil {
			return struct{}{}, err
		}
		hidden := map[string]any{"password_hash": redacted}
		return struct{}{}, tx.auditIn(ctx, models.CustomerID{}, models.Viewer{}, auditPasswordSet, "user", id.String(),
			change{before: hidden, after: hidden})
	})
	return err
}
