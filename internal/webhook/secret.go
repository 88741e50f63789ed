package webhook

import (
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"strings"

	"upstream/models"
)

// secretPrefix marks the secrets of the Standard Webhooks specification.
const secretPrefix = "whsec_"

// Bounds of secrets in bytes, those of the specification, and the size of ours.
const (
	minSecretBytes = 24
	maxSecretBytes = 64
	newSecretBytes = 32
)

// Key is a secret in the form that signs. However it is printed, it does not
// show.
type Key struct{ bytes []byte }

// Format implements fmt.Formatter, for every verb.
func (Key) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, "[REDACTED]") }

// NewSecret draws a secret of 256 random bits: "whsec_" and base64.
func NewSecret() models.Secret {
	var secret [newSecretBytes]byte
	_, _ = rand.Read(secret[:]) // never fails
	return models.Secret(secretPrefix + base64.StdEncoding.EncodeToString(secret[:]))
}

var errSecret = errors.New(`must be "whsec_" followed by 24 to 64 bytes in base64`)

// ParseSecret reads a secret. Its error completes "<field> ..." and does not
// repeat the secret.
func ParseSecret(secret models.Secret) (Key, error) {
	text, found := strings.CutPrefix(string(secret), secretPrefix)
	if !found || strings.ContainsAny(text, "\r\n") {
		return Key{}, errSecret
	}
	key, err := base64.StdEncoding.Strict().DecodeString(text)
	if err != nil || len(key) < minSecretBytes || len(key) > maxSecretBytes {
		return Key{}, errSecret
	}
	return Key{bytes: key}, nil
}
