package models

import "time"

// NewPasswordReset is a link to choose a new password, about to be stored.
type NewPasswordReset struct {
	// UserID is zero when no active account has the address that was given: what
	// is stored then leads nowhere, and costs the same.
	UserID UserID
	// Token is the secret of the link, Hash its SHA-256.
	Token []byte
	Hash  SecretHash
}

// PasswordResetDone is a new password chosen by a link.
type PasswordResetDone struct {
	// Token is the hash of the link's secret.
	Token   SecretHash
	NewHash string
	// SignIn are the failed sign-ins that are forgotten: those of whoever proved
	// to be the owner, from where that was.
	SignIn SignInKey
}

// Letter is what a job needs to write to a user.
type Letter struct {
	Email     string
	FirstName string
	// Token is the secret of the link in the letter, and ExpiresAt the instant
	// from which it is no good; both empty in a letter without such a link.
	Token     []byte
	ExpiresAt time.Time
}
