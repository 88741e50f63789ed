package auth

import (
	"context"

	"upstream/models"
)

// Acceptance is what somebody sends who was invited.
type Acceptance struct {
	// Token is the secret of the mailed link.
	Token string
	// Password is that of the account to make; nil for who has an account.
	Password *string
	// FirstName and LastName are those of the account to make; may be empty.
	FirstName, LastName string
}

// AcceptInvitation uses up the link of an invitation: its address becomes a
// member of the customer that invited. An address without an account gets one,
// with the password given; one that has an account joins with it as it is, and
// signs in as always.
//
// A link that is unknown, was used, revoked or replaced, has expired, or is for
// an account that may not use it (deactivated, a superuser's, a member's) is
// VALIDATION about "token", always with the same sentence. A password that is
// missing, must not be given or breaks a rule is VALIDATION about "password",
// and the link stays good.
func (s *Service) AcceptInvitation(ctx context.Context, in Acceptance) (*models.Joined, error) {
	accepted := models.Acceptance{Token: hashSecret(in.Token), FirstName: in.FirstName, LastName: in.LastName}
	offer, err := s.store.InvitationOffer(ctx, accepted.Token)
	if err != nil {
		return nil, unlessInvited(err)
	}
	if err := accepted.Validate(); err != nil {
		return nil, err
	}
	switch {
	case in.Password == nil: // what a new account lacks, the store says
	case offer.Registered:
		accepted.PasswordHash = unwanted
	default:
		if err := CheckPassword(*in.Password, offer.Email, in.FirstName, in.LastName); err != nil {
			return nil, err
		}
		if accepted.PasswordHash, err = HashPassword(*in.Password); err != nil {
			return nil, err
		}
	}
	joined, err := s.store.AcceptInvitation(ctx, anonymous(ctx), accepted)
	return joined, unlessInvited(err)
}

// unwanted stands for a password that an account has no use for: it is neither
// judged nor hashed, and the store refuses it.
const unwanted = "unwanted"

// unlessInvited makes one answer of all the reasons why a link is no good.
func unlessInvited(err error) error {
	if err != nil && models.CodeOf(err) == models.CodeNotFound {
		return models.InvalidField("token", "invalid",
			"is unknown, was used, revoked or replaced, or has expired: ask whoever invited you for another one")
	}
	return err
}
