package auth

import (
	"context"
	"crypto/rand"
	"encoding/base64"

	"upstream/models"
)

// resetTokenBytes is the size of the secret in a link to a new password.
const resetTokenBytes = 32

// RequestPasswordReset mails a link to choose a new password to the account
// with this address, in place of an older link. It answers alike, after the
// same work, whether or not there is an active one: all that differs is left to
// a background job.
func (s *Service) RequestPasswordReset(ctx context.Context, email string) error {
	attempt, err := s.attempt(ctx, email)
	if err != nil {
		return err
	}
	var secret [resetTokenBytes]byte
	_, _ = rand.Read(secret[:]) // never fails
	token := base64.RawURLEncoding.EncodeToString(secret[:])
	in := models.NewPasswordReset{Token: []byte(token), Hash: hashSecret(token)}
	if user := attempt.account.User; user.IsActive {
		in.UserID = user.ID
	}
	return s.store.RequestPasswordReset(ctx, attempt.viewer(ctx), in)
}

// ConfirmPasswordReset uses up a link: it sets the password of the account that
// the link was mailed to and ends all its sessions. A link that is unknown, was
// used or replaced, or has expired is VALIDATION about "token", always with the
// same sentence. A password that breaks a rule is VALIDATION about
// "new_password", and the link stays good.
func (s *Service) ConfirmPasswordReset(ctx context.Context, token, newPassword string) error {
	hash := hashSecret(token)
	account, err := s.store.PasswordResetAccount(ctx, hash)
	if err != nil {
		return unlessFound(err)
	}
	if err := CheckPassword(newPassword, account.User.Email, account.User.FirstName, account.User.LastName); err != nil {
		return aboutNewPassword(err)
	}
	passwordHash, err := HashPassword(newPassword)
	if err != nil {
		return err
	}
	a := attempt{account: account, email: account.User.Email}
	a.key = signInKey(a.email, requestFrom(ctx).remoteAddr)
	return unlessFound(s.store.CompletePasswordReset(ctx, a.viewer(ctx), models.PasswordResetDone{
		Token: hash, NewHash: passwordHash, SignIn: a.key,
	}))
}

// unlessFound makes one answer of all the reasons why a link is no good.
func unlessFound(err error) error {
	if err != nil && models.CodeOf(err) == models.CodeNotFound {
		return models.InvalidField("token", "invalid", "is unknown, was used or replaced, or has expired: ask for a new link")
	}
	return err
}
