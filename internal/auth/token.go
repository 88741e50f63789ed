package auth

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
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

// claims are the contents of a token: who (sub), for which customer, in which
// session, and until when. What the account may do is not in it: that is read
// anew with every request.
type claims struct {
	jwt.RegisteredClaims
	Type    tokenType        `json:"token_type"`
	Session models.SessionID `json:"sid"`
	// Version is the user's token version at the time of issue.
	Version int `json:"ver"`
	// Customer is absent for superusers, who name one with each request; with
	// it go the membership and its own token version.
	Customer          *models.CustomerID   `json:"customer,omitempty"`
	Membership        *models.MembershipID `json:"membership,omitempty"`
	MembershipVersion int                  `json:"membership_ver,omitempty"`
}

// principal is the verified content of a token.
type principal struct {
	user    models.UserID
	session models.SessionID
	// version and membershipVersion are those the token was issued under.
	version           int
	customer          models.CustomerID
	membership        models.MembershipID
	membershipVersion int
}

// principalOf is what the tokens of an account say that acts for a customer in
// a session; the customer is zero for a superuser.
func principalOf(account *models.Account, customer models.CustomerID, session models.SessionID) principal {
	p := principal{user: account.User.ID, session: session, version: account.User.TokenVersion, customer: customer}
	if m, member := membership(account, customer); member {
		p.membership, p.membershipVersion = m.ID, m.TokenVersion
	}
	return p
}

// issued is a pair of tokens, and what the store must know of the second.
type issued struct {
	Tokens
	refresh models.NewRefreshToken
}

// issue signs an access and a refresh token for p.
func (s *Service) issue(p principal) (issued, error) {
	now := s.opts.Now().UTC()
	secret := newTokenSecret()
	access, err := s.sign(p, accessToken, uuid.NewString(), now, s.opts.AccessTTL)
	if err != nil {
		return issued{}, err
	}
	refresh, err := s.sign(p, refreshToken, secret, now, s.opts.RefreshTTL)
	if err != nil {
		return issued{}, err
	}
	return issued{
		Tokens:  Tokens{Access: access, Refresh: refresh},
		refresh: models.NewRefreshToken{Hash: hashSecret(secret), ExpiresAt: now.Add(s.opts.RefreshTTL)},
	}, nil
}

// newTokenSecret is the identifier (jti) of a refresh token: 256 random bits.
func newTokenSecret() string {
	var b [32]byte
	_, _ = rand.Read(b[:]) // never fails
	return base64.RawURLEncoding.EncodeToString(b[:])
}

// hashSecret is how the store knows a refresh token: who reads the database
// cannot make one, not even with the signing key.
func hashSecret(jti string) models.SecretHash { return sha256.Sum256([]byte(jti)) }

func (s *Service) sign(p principal, kind tokenType, jti string, now time.Time, ttl time.Duration) (string, error) {
	c := claims{Type: kind, Session: p.session, Version: p.version, RegisteredClaims: jwt.RegisteredClaims{
		ID: jti, Subject: p.user.String(),
		Issuer: s.opts.Issuer, Audience: jwt.ClaimStrings{s.opts.Audience},
		IssuedAt: jwt.NewNumericDate(now), ExpiresAt: jwt.NewNumericDate(now.Add(ttl)),
	}}
	if !p.customer.IsZero() {
		c.Customer, c.Membership, c.MembershipVersion = &p.customer, &p.membership, p.membershipVersion
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
	p, _, err := s.verifySecret(token, want)
	return p, err
}

// verifySecret is verify for those who also need the hash of the token's secret.
func (s *Service) verifySecret(token string, want tokenType) (principal, models.SecretHash, error) {
	c, err := s.parse(token, want)
	if err != nil {
		return principal{}, models.SecretHash{}, err
	}
	if c.Type != want {
		return principal{}, models.SecretHash{}, models.NewError(models.CodeUnauthenticated, "This is not the %s token.", want)
	}
	p, err := c.principal()
	if err != nil {
		return principal{}, models.SecretHash{}, invalidToken(want).WithCause(err)
	}
	return p, hashSecret(c.ID), nil
}

// parse checks everything about a token but its kind, which named only words
// the refusal.
func (s *Service) parse(token string, named tokenType) (claims, error) {
	hash := sha256.Sum256([]byte(token))
	c, known := s.verified.get(hash)
	var err error
	if known {
		err = s.validator.Validate(&c)
	} else {
		_, err = s.parser.ParseWithClaims(token, &c, s.opts.Keys.find)
	}
	switch {
	case errors.Is(err, jwt.ErrTokenExpired):
		return c, models.NewError(models.CodeUnauthenticated, "The %s token has expired.", named).WithCause(err)
	case err != nil:
		return c, invalidToken(named).WithCause(err)
	case !known:
		s.verified.put(hash, c)
	}
	return c, nil
}

func (c claims) principal() (principal, error) {
	p := principal{session: c.Session, version: c.Version, membershipVersion: c.MembershipVersion}
	if err := p.user.UnmarshalText([]byte(c.Subject)); err != nil {
		return principal{}, err
	}
	if c.Customer != nil {
		p.customer = *c.Customer
	}
	if c.Membership != nil {
		p.membership = *c.Membership
	}
	return p, nil
}

func invalidToken(kind tokenType) *models.Error {
	return models.NewError(models.CodeUnauthenticated, "The %s token is not valid.", kind)
}
