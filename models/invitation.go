package models

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"io"
	"net/mail"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/uptrace/bun"
)

// Invitation asks whoever reads the mail of an address to become a member. Its
// link is good once and until it expires; sending it again makes another link.
type Invitation struct {
	bun.BaseModel `bun:"table:invitations,alias:iv"`

	CustomerID CustomerID   `bun:"customer_id,pk,type:uuid"`
	ID         InvitationID `bun:"id,pk,type:uuid"`
	Email      string       `bun:"email"`
	Role       Role         `bun:"role"`
	// TokenHash is the SHA-256 of the link's secret; TokenSealed is the secret
	// until it is mailed.
	TokenHash   []byte `bun:"token_hash,type:bytea"`
	TokenSealed []byte `bun:"token_sealed,type:bytea"`
	// InvitedBy is nil for an invitation that a command made.
	InvitedBy *UserID `bun:"invited_by,type:uuid"`
	// ExpiresAt is the first instant at which the link is no good.
	ExpiresAt time.Time `bun:"expires_at"`
	// MailedAt is when the present link was handed to the mail server.
	MailedAt   *time.Time `bun:"mailed_at"`
	AcceptedAt *time.Time `bun:"accepted_at"`
	AcceptedBy *UserID    `bun:"accepted_by,type:uuid"`
	RevokedAt  *time.Time `bun:"revoked_at"`
	// ReplacedAt is when a new invitation took the place of this one, which had
	// expired.
	ReplacedAt *time.Time `bun:"replaced_at"`
	Version    int64      `bun:"version"`
	CreatedAt  time.Time  `bun:"created_at"`
	UpdatedAt  time.Time  `bun:"updated_at"`
	// Status is computed when the row is read.
	Status InvitationStatus `bun:"status,scanonly"`
}

// GlobalID is the invitation's TypeID.
func (i *Invitation) GlobalID() string { return i.ID.String() }

// InvitedByGlobalID is the inviting user's TypeID; nil when a command invited.
func (i *Invitation) InvitedByGlobalID() *string {
	if i.InvitedBy == nil {
		return nil
	}
	return new(i.InvitedBy.String())
}

// StatusAt is what has become of the invitation by an instant.
func (i *Invitation) StatusAt(t time.Time) InvitationStatus {
	switch {
	case i.AcceptedAt != nil:
		return InvitationAccepted
	case i.RevokedAt != nil:
		return InvitationRevoked
	case !t.Before(i.ExpiresAt):
		return InvitationExpired
	default:
		return InvitationPending
	}
}

// InvitationStatus is what has become of an invitation.
type InvitationStatus string

// The states of invitations.
const (
	InvitationPending  InvitationStatus = "pending"
	InvitationAccepted InvitationStatus = "accepted"
	InvitationRevoked  InvitationStatus = "revoked"
	InvitationExpired  InvitationStatus = "expired"
)

// Values lists the states.
func (InvitationStatus) Values() []string {
	return []string{string(InvitationPending), string(InvitationAccepted), string(InvitationRevoked), string(InvitationExpired)}
}

// MarshalGQL writes the GraphQL enum value.
func (s InvitationStatus) MarshalGQL(w io.Writer) { marshalEnum(w, s) }

// UnmarshalGQL reads the GraphQL enum value.
func (s *InvitationStatus) UnmarshalGQL(v any) error { return unmarshalEnum(s, v) }

// InvitationFilter narrows a list of invitations.
type InvitationFilter struct {
	Status *InvitationStatus `query:"status" column:"status" op:"eq" doc:"Only invitations of which this has become."`
	Role   *Role             `query:"role" column:"role" op:"eq" doc:"Only invitations to this role."`
}

// InvitationOrderField is a column invitations can be ordered by.
type InvitationOrderField string

// The orderings of invitations.
const (
	InvitationOrderCreatedAt InvitationOrderField = "created_at"
	InvitationOrderEmail     InvitationOrderField = "email"
	InvitationOrderExpiresAt InvitationOrderField = "expires_at"
)

// Values lists the columns.
func (InvitationOrderField) Values() []string {
	return []string{string(InvitationOrderCreatedAt), string(InvitationOrderEmail), string(InvitationOrderExpiresAt)}
}

// MarshalGQL writes the GraphQL enum value.
func (f InvitationOrderField) MarshalGQL(w io.Writer) { marshalEnum(w, f) }

// UnmarshalGQL reads the GraphQL enum value.
func (f *InvitationOrderField) UnmarshalGQL(v any) error { return unmarshalEnum(f, v) }

// InvitationOrder is one term of an ordering of invitations.
type InvitationOrder = Order[InvitationOrderField]

// NewInvitation is the input that invites somebody.
type NewInvitation struct {
	// Email is where the link goes; spaces around it do not count.
	Email string
	Role  Role
}

// Validate lists what is wrong with the input.
func (in NewInvitation) Validate() error {
	var fields []FieldError
	if !isAddress(strings.TrimSpace(in.Email)) {
		fields = append(fields, FieldError{"email", "invalid", "must be an e-mail address of at most 254 characters"})
	}
	if !ValidEnum(in.Role) {
		fields = append(fields, FieldError{"role", "invalid", "must be one of owner, admin, analyst, viewer"})
	}
	return Invalid(fields...)
}

// isAddress reports whether text is a bare e-mail address that can be stored.
func isAddress(text string) bool {
	addr, err := mail.ParseAddress(text)
	return err == nil && addr.Address == text && len(text) <= 254 && printable(text)
}

// NewInvitationToken draws the secret of a link, 256 random bits.
func NewInvitationToken() (Secret, SecretHash) {
	var secret [32]byte
	_, _ = rand.Read(secret[:]) // never fails
	token := base64.RawURLEncoding.EncodeToString(secret[:])
	return Secret(token), sha256.Sum256([]byte(token))
}

// InvitationLetter is what the job that mails an invitation needs.
type InvitationLetter struct {
	Letter
	// Customer is the name of the one to join, Inviter who invites: a name, or an
	// address where there is none; empty for a command.
	Customer, Inviter string
	Role              Role
}

// InvitationOffer is what somebody holds who has the link of an invitation that
// is good.
type InvitationOffer struct {
	Email string
	// Registered is set when the address has an account: it joins, and its
	// password stays.
	Registered bool
}

// MaxNameLength bounds a first or last name, in characters.
const MaxNameLength = 150

// Acceptance uses an invitation's link up.
type Acceptance struct {
	// Token is the hash of the link's secret.
	Token SecretHash
	// PasswordHash is that of the account to make; empty for an account that
	// there is.
	PasswordHash string
	// FirstName and LastName are those of the account to make.
	FirstName, LastName string
}

// Validate lists what is wrong with the names.
func (in Acceptance) Validate() error {
	var fields []FieldError
	for _, name := range []struct{ path, text string }{{"first_name", in.FirstName}, {"last_name", in.LastName}} {
		if utf8.RuneCountInString(name.text) > MaxNameLength || !printable(name.text) {
			fields = append(fields, FieldError{name.path, "invalid", "must have at most 150 characters, all of them printable"})
		}
	}
	return Invalid(fields...)
}

// Joined is what came of an acceptance.
type Joined struct {
	// Customer is the name of the one that was joined.
	Customer string
	Email    string
	Role     Role
	// Registered is set when the account was there before: it signs in with the
	// password it has.
	Registered bool
}
