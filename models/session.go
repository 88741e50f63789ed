package models

import "time"

// SecretHash is the SHA-256 of a secret that only its bearer holds.
type SecretHash [32]byte

// SignInKey tells failed sign-ins apart: the SHA-256 of an account's address
// and the network address they came from.
type SignInKey [32]byte

// NewRefreshToken is a refresh token about to be stored.
type NewRefreshToken struct {
	Hash      SecretHash
	ExpiresAt time.Time
}

// NewSession is what a successful sign-in starts: the family of refresh tokens
// that follow one another, and the access tokens issued with them.
type NewSession struct {
	ID SessionID
	// UserID is who signed in, CustomerID whom the session acts for; zero for a
	// superuser.
	UserID     UserID
	CustomerID CustomerID
	// TokenVersion is the user's at the time the password was compared: a
	// password changed since then starts no session.
	TokenVersion int
	Refresh      NewRefreshToken
}

// PasswordChange replaces a password by the user's own wish.
type PasswordChange struct {
	UserID UserID
	// OldHash is the stored hash that the old password was compared with.
	OldHash string
	NewHash string
}
