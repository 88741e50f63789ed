package auth

import (
	"context"

	"upstream/models"
)

// Refresh exchanges a refresh token for a new pair, provided that the account
// may still act for the token's customer. Each token buys one pair: a second
// use ends the session, because the token is then in two hands. Every refusal
// is UNAUTHENTICATED.
func (s *Service) Refresh(ctx context.Context, token string) (Tokens, error) {
	p, secret, err := s.verifySecret(token, refreshToken)
	if err != nil {
		return Tokens{}, err
	}
	viewer, err := s.viewer(ctx, p)
	if err != nil {
		return Tokens{}, err
	}
	pair, err := s.issue(p)
	if err != nil {
		return Tokens{}, err
	}
	if err := s.store.RotateRefreshToken(ctx, viewer, p.session, secret, pair.refresh); err != nil {
		return Tokens{}, err
	}
	return pair.Tokens, nil
}

// Logout ends the session of a refresh token: neither it nor any access token
// issued with it is good afterwards. To end a session that has ended already
// is no error; a token that does not hold is UNAUTHENTICATED.
func (s *Service) Logout(ctx context.Context, token string) error {
	p, err := s.verify(token, refreshToken)
	if err != nil {
		return err
	}
	viewer, err := s.viewer(ctx, p)
	if err != nil {
		if models.CodeOf(err) != models.CodeUnauthenticated {
			return err
		}
		// The session has ended, or its account may no longer act; end it all
		// the same, in the name of whoever it was.
		viewer = anonymous(ctx)
		viewer.UserID, viewer.Email = p.user, p.user.String()
	}
	return s.store.EndSession(ctx, viewer, p.session)
}

// Verify answers nil when a token, of either kind, would be accepted now, and
// UNAUTHENTICATED otherwise. It uses nothing up.
func (s *Service) Verify(ctx context.Context, token string) error {
	const either tokenType = "given"
	c, err := s.parse(token, either)
	if err != nil {
		return err
	}
	p, err := c.principal()
	if err != nil {
		return invalidToken(either).WithCause(err)
	}
	if _, err := s.viewer(ctx, p); err != nil {
		return err
	}
	switch c.Type {
	case accessToken:
		return nil
	case refreshToken:
		good, err := s.store.RefreshTokenGood(ctx, p.session, hashSecret(c.ID))
		if err == nil && !good {
			return errNoLongerValid()
		}
		return err
	default:
		return invalidToken(either)
	}
}

// ChangePassword replaces the viewer's own password, ends all sessions of the
// account, and starts a new one for the same customer. A wrong old password is
// VALIDATION about "old_password", and counts like a failed sign-in: who holds
// a stolen token may not try passwords at will. A new password that breaks a
// rule is VALIDATION about "new_password", and the old one is then not looked
// at: the answer must not tell whether it was right.
func (s *Service) ChangePassword(ctx context.Context, v models.Viewer, oldPassword, newPassword string) (Tokens, error) {
	if err := v.AuthorizePerson(); err != nil {
		return Tokens{}, err
	}
	attempt, err := s.attempt(ctx, v.Email)
	if err != nil {
		return Tokens{}, err
	}
	user := attempt.account.User
	if err := checkNewPassword(newPassword, oldPassword, user); err != nil {
		return Tokens{}, err
	}
	same, err := s.compare(ctx, attempt, oldPassword)
	if err != nil {
		return Tokens{}, err
	}
	if !same || user.ID != v.UserID {
		return Tokens{}, s.refuse(ctx, attempt, errWrongOldPassword())
	}
	return s.replacePassword(ctx, v, attempt, newPassword)
}

// replacePassword is what ChangePassword does once it may.
func (s *Service) replacePassword(ctx context.Context, v models.Viewer, a attempt, password string) (Tokens, error) {
	hash, err := HashPassword(password)
	if err != nil {
		return Tokens{}, err
	}
	if v.Superuser {
		v.CustomerID = models.CustomerID{} // the header of one request is no part of a session
	}
	p := principalOf(a.account, v.CustomerID, newSessionID())
	p.version++ // the new password raises it
	pair, err := s.issue(p)
	if err != nil {
		return Tokens{}, err
	}
	change := models.PasswordChange{UserID: v.UserID, OldHash: a.account.User.PasswordHash, NewHash: hash}
	version, err := s.store.ChangePassword(ctx, v, a.key, change, p.newSession(pair.refresh))
	switch {
	case err != nil:
		return Tokens{}, err
	case version == 0:
		return Tokens{}, errWrongOldPassword()
	case version == p.version:
		return pair.Tokens, nil
	}
	// Something else raised it too between reading and writing.
	return Tokens{}, errNoLongerValid()
}

func errWrongOldPassword() *models.Error {
	return models.AsError(models.InvalidField("old_password", "wrong", "is not the password of this account"))
}

func checkNewPassword(password, old string, user models.User) error {
	if password == old {
		return models.InvalidField("new_password", "unchanged", "must differ from the old password")
	}
	if err := CheckPassword(password, user.Email, user.FirstName, user.LastName); err != nil {
		return aboutNewPassword(err)
	}
	return nil
}

// aboutNewPassword is an error about a password as an error about the new one.
func aboutNewPassword(err error) error {
	e := models.AsError(err)
	for i := range e.Fields {
		e.Fields[i].Path = "new_password"
	}
	return e
}
