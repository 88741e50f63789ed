package auth

import (
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/hex"
	"fmt"

	"github.com/golang-jwt/jwt/v5"
)

// minSecretBytes is the size of an HS256 key below which RFC 7518 §3.2 forbids it.
const minSecretBytes = 32

// Key is a secret that signs or verifies tokens, and the name that a token's
// "kid" header calls it by.
type Key struct {
	ID     string
	Secret []byte
}

// DeriveKey makes the signing key of a master secret. The derivation (HKDF,
// RFC 5869) keeps one secret from being used for two purposes, and names the
// key by its own digest, so that the same secret gives the same "kid" anywhere.
func DeriveKey(master []byte) (Key, error) {
	secret, err := hkdf.Key(sha256.New, master, nil, "upstream token signing v1", minSecretBytes)
	if err != nil {
		return Key{}, fmt.Errorf("derive the token signing key: %w", err)
	}
	digest := sha256.Sum256(secret)
	return Key{ID: hex.EncodeToString(digest[:6]), Secret: secret}, nil
}

// Keyring signs with one key and verifies with several, so that a new key can
// take over while tokens of the old one are still out.
type Keyring struct {
	signing Key
	byID    map[string][]byte
}

// NewKeyring builds a keyring. Keys need distinct, non-empty names and secrets
// of at least 32 bytes.
func NewKeyring(signing Key, retired ...Key) (*Keyring, error) {
	ring := &Keyring{signing: signing, byID: make(map[string][]byte, 1+len(retired))}
	for _, key := range append([]Key{signing}, retired...) {
		if key.ID == "" || len(key.Secret) < minSecretBytes {
			return nil, fmt.Errorf("token signing key %q: needs a name and a secret of at least %d bytes", key.ID, minSecretBytes)
		}
		if _, taken := ring.byID[key.ID]; taken {
			return nil, fmt.Errorf("token signing key %q is given twice", key.ID)
		}
		ring.byID[key.ID] = key.Secret
	}
	return ring, nil
}

// DeriveKeyring builds the keyring of a master secret and its predecessors.
func DeriveKeyring(master []byte, retired ...[]byte) (*Keyring, error) {
	signing, err := DeriveKey(master)
	if err != nil {
		return nil, err
	}
	former := make([]Key, 0, len(retired))
	for _, secret := range retired {
		key, err := DeriveKey(secret)
		if err != nil {
			return nil, err
		}
		former = append(former, key)
	}
	return NewKeyring(signing, former...)
}

// sign is the compact form of a token with these claims.
func (k *Keyring) sign(claims jwt.Claims) (string, error) {
	token := jwt.NewWithClaims(jwt.SigningMethodHS256, claims)
	token.Header["kid"] = k.signing.ID
	return token.SignedString(k.signing.Secret)
}

// find is the jwt.Keyfunc of the ring.
func (k *Keyring) find(token *jwt.Token) (any, error) {
	id, _ := token.Header["kid"].(string)
	secret, ok := k.byID[id]
	if !ok {
		return nil, jwt.ErrTokenUnverifiable
	}
	return secret, nil
}
