package auth

import (
	"errors"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/google/uuid"

	"upstream/models"
)

// tokenType says what a token is for, so that one kind never passes as the other.
type tokenType string

const (
	accessToken  tokenType = "access"
	refreshToken tokenType = "refresh"
)

// Tokens are what a sign-in or a refresh answers.
type Tokens struct {
	// Access authorises requests as "Authorization: Bearer", for 30 minutes.
	Access string
	// Refresh buys the next pair, for one day.
	Refresh string
}

// claims are the contents of a token: who (sub), for which customer, and until
// when. What the account may do is not in it: that is read anew with every
// request.
type claims struct {
	jwt.RegisteredClaims
	Type tokenType `json:"token_type"`
	// Customer is absent for superusers, who name one with each request.
	Customer *models.CustomerID `json:"customer,omitempty"`
}

// principal is the verified content of a token.
type principal struct {
	user     models.UserID
	customer models.CustomerID
}

// issue signs an access and a refresh token for p.
func (s *Service) issue(p principal) (Tokens, error) {
	now := s.opts.Now().UTC()
	access, err := s.sign(p, accessToken, now, s.opts.AccessTTL)
	if err != nil {
		return Tokens{}, err
	}
	refresh, err := s.sign(p, refreshToken, now, s.opts.RefreshTTL)
	if err != nil {
		return Tokens{}, err
	}
	return Tokens{Access: access, Refresh: refresh}, nil
}

func (s *Service) sign(p principal, kind tokenType, now time.Time, ttl time.Duration) (string, error) {
	c := claims{Type: kind, RegisteredClaims: jwt.RegisteredClaims{
		ID: uuid.NewString(), Subject: p.user.String(),
		Issuer: s.opts.Issuer, Audience: jwt.ClaimStrings{s.opts.Audience},
		IssuedAt: jwt.NewNumericDate(now), ExpiresAt: jwt.NewNumericDate(now.Add(ttl)),
	}}
	if !p.customer.IsZero() {
		c.Customer = &p.customer
	}
	token, err := s.opts.Keys.sign(c)
	if err != nil {
		return "", models.Internal(err)
	}
	return token, nil
}

// verify checks signature, issuer, audience, lifetime and kind of a token.
// Every failure is UNAUTHENTICATED; an expired token is told apart, because a
// client reacts to it by refreshing.
func (s *Service) verify(token string, want tokenType) (principal, error) {
	var c claims
	_, err := s.parser.ParseWithClaims(token, &c, s.opts.Keys.find)
	switch {
	case errors.Is(err, jwt.ErrTokenExpired):
		return principal{}, models.NewError(models.CodeUnauthenticated, "The %s token has expired.", want).WithCause(err)
	case err != nil:
		return principal{}, invalidToken(want).WithCause(err)
	case c.Type != want:
		return principal{}, models.NewError(models.CodeUnauthenticated, "This is not the %s token.", want)
	}
	var p principal
	if err := p.user.UnmarshalText([]byte(c.Subject)); err != nil {
		return principal{}, invalidToken(want).WithCause(err)
	}
	if c.Customer != nil {
		p.customer = *c.Customer
	}
	return p, nil
}

func invalidToken(kind tokenType) *models.Error {
	return models.NewError(models.CodeUnauthenticated, "The %s token is not valid.", kind)
}
