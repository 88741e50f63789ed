package models

import (
	"io"
	"time"

	"github.com/uptrace/bun"
)

// Member is a membership together with who its user is. What signs the user in
// is no part of it.
type Member struct {
	bun.BaseModel `bun:"table:memberships,alias:mb"`

	ID         MembershipID `bun:"id,pk,type:uuid"`
	CustomerID CustomerID   `bun:"customer_id,type:uuid"`
	UserID     UserID       `bun:"user_id,type:uuid"`
	Role       Role         `bun:"role"`
	Email      string       `bun:"email"`
	FirstName  string       `bun:"first_name"`
	LastName   string       `bun:"last_name"`
	// IsActive is false for a user who can no longer sign in.
	IsActive bool `bun:"is_active"`
	// Version counts the changes of the membership and of its user; from 1.
	Version   int64     `bun:"version"`
	CreatedAt time.Time `bun:"created_at"`
	UpdatedAt time.Time `bun:"updated_at"`
}

// GlobalID is the membership's TypeID.
func (m *Member) GlobalID() string { return m.ID.String() }

// UserGlobalID is the user's TypeID.
func (m *Member) UserGlobalID() string { return m.UserID.String() }

// MemberFilter narrows a list of members.
type MemberFilter struct {
	Role     *Role `query:"role" column:"role" op:"eq" doc:"Only members with this role."`
	IsActive *bool `query:"is_active" column:"is_active" op:"eq" doc:"Only members whose account can sign in, or only those whose account cannot."`
}

// MemberOrderField is a column members can be ordered by.
type MemberOrderField string

// The orderings of members.
const (
	MemberOrderEmail     MemberOrderField = "email"
	MemberOrderLastName  MemberOrderField = "last_name"
	MemberOrderRole      MemberOrderField = "role"
	MemberOrderCreatedAt MemberOrderField = "created_at"
)

// Values lists the columns.
func (MemberOrderField) Values() []string {
	return []string{
		string(MemberOrderEmail), string(MemberOrderLastName), string(MemberOrderRole), string(MemberOrderCreatedAt),
	}
}

// MarshalGQL writes the GraphQL enum value.
func (f MemberOrderField) MarshalGQL(w io.Writer) { marshalEnum(w, f) }

// UnmarshalGQL reads the GraphQL enum value.
func (f *MemberOrderField) UnmarshalGQL(v any) error { return unmarshalEnum(f, v) }

// MemberOrder is one term of an ordering of members.
type MemberOrder = Order[MemberOrderField]

// RoleChange gives a member another role.
type RoleChange struct {
	ID   MembershipID
	Role Role
	// ExpectedVersion is the Version of the Member that the change was decided
	// on; nil when that does not matter.
	ExpectedVersion *int64
}

// Validate lists what is wrong with the input.
func (in RoleChange) Validate() error {
	if !ValidEnum(in.Role) {
		return InvalidField("role", "invalid", "must be one of owner, admin, analyst, viewer")
	}
	return nil
}

// Removal takes a member out of the customer.
type Removal struct {
	ID MembershipID
	// ExpectedVersion is the Version of the Member that is to go; nil when that
	// does not matter.
	ExpectedVersion *int64
}
