package auth

import (
	"context"

	"github.com/alexedwards/argon2id"

	"upstream/models"
)

// Bounds of a password, in characters and bytes.
const (
	MinPasswordLength = 12
	// MaxPasswordBytes keeps hashing a hostile input cheap.
	MaxPasswordBytes = 1024
)

// hashParams are the argon2id costs of new hashes: the second choice of the
// OWASP Password Storage Cheat Sheet (19 MiB, 2 passes, 1 lane), some 20 ms of
// one core, so that a burst of sign-ins on a two-core server neither starves
// the requests beside it nor exhausts its memory.
func hashParams() *argon2id.Params {
	return &argon2id.Params{Memory: 19 * 1024, Iterations: 2, Parallelism: 1, SaltLength: 16, KeyLength: 32}
}

// HashPassword is the argon2id hash of a password in PHC string format. It
// does not judge the password; see CheckPassword.
func HashPassword(password string) (string, error) {
	hash, err := argon2id.CreateHash(password, hashParams())
	if err != nil {
		return "", models.Internal(err)
	}
	return hash, nil
}

// verifier compares passwords with hashes, a few at a time: each comparison
// takes 19 MiB, and a flood of sign-ins must not take all the memory there is.
type verifier struct {
	slots chan struct{}
	// dummy is compared with when there is no account, so that the answer
	// takes as long as for a wrong password.
	dummy string
	// compare is argon2id's, but for tests that count the work.
	compare func(password, hash string) (bool, error)
}

func newVerifier(parallel int) (*verifier, error) {
	dummy, err := HashPassword("no account has this password")
	if err != nil {
		return nil, err
	}
	return &verifier{slots: make(chan struct{}, parallel), dummy: dummy, compare: argon2id.ComparePasswordAndHash}, nil
}

// matches compares password with hash; an empty hash costs the same and never
// matches. The error is the context's, or INTERNAL for a stored hash that is
// none.
func (v *verifier) matches(ctx context.Context, password, hash string) (bool, error) {
	select {
	case v.slots <- struct{}{}:
		defer func() { <-v.slots }()
	case <-ctx.Done():
		return false, ctx.Err()
	}
	known := hash != ""
	if !known {
		hash = v.dummy
	}
	same, err := v.compare(password, hash)
	if err != nil {
		return false, models.Internal(err)
	}
	return same && known, nil
}
