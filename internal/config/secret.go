package config

import (
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// minSecret is the least length of a secret, in bytes.
const minSecret = 32

// ErrNoSecret says that a secret must be configured.
var ErrNoSecret = errors.New("UPSTREAM_SECRET_KEY is required with DATABASE_URL: " +
	"set it to 32 random characters or more, the same on every server")

func (s Serve) checkSecretKey() error {
	if s.SecretKey != "" && len(s.SecretKey) < minSecret {
		return fmt.Errorf("UPSTREAM_SECRET_KEY must have at least %d characters; it has %d", minSecret, len(s.SecretKey))
	}
	return nil
}

// Secret is the signing key: the configured one, or with the embedded database
// one that is generated once into dataDir. Without either it is ErrNoSecret.
func (s Serve) Secret(embedded bool, dataDir string) ([]byte, error) {
	if err := s.RequireSecret(embedded); err != nil {
		return nil, err
	}
	if s.SecretKey != "" {
		return []byte(s.SecretKey), nil
	}
	text, err := KeepSecret(filepath.Join(dataDir, "secret.key"))
	return []byte(text), err
}

// RequireSecret answers, before anything is opened, the error that Secret would
// for want of a configured key.
func (s Serve) RequireSecret(embedded bool) error {
	if s.SecretKey == "" && !embedded {
		return ErrNoSecret
	}
	return s.checkSecretKey()
}

// RetiredSecrets are the former signing keys, which verify but sign no more.
func (s Serve) RetiredSecrets() ([][]byte, error) {
	var secrets [][]byte
	for _, key := range s.RetiredKeys {
		if key = strings.TrimSpace(key); len(key) < minSecret {
			return nil, fmt.Errorf("each of UPSTREAM_RETIRED_SECRET_KEYS must have at least %d characters", minSecret)
		}
		secrets = append(secrets, []byte(key))
	}
	return secrets, nil
}

// KeepSecret reads a secret from a file, which it makes with a random one of
// 256 bits at first. Only the owner may read the file. Of several processes that
// make it at once, one wins and all answer alike.
func KeepSecret(path string) (string, error) {
	secret, err := readSecret(path)
	if !errors.Is(err, fs.ErrNotExist) {
		return secret, err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil { //nolint:gosec // the database's own account must pass through
		return "", err
	}
	if err := makeSecret(path); err != nil && !errors.Is(err, fs.ErrExist) {
		return "", fmt.Errorf("keep a secret: %w", err)
	}
	return readSecret(path)
}

func readSecret(path string) (string, error) {
	body, err := os.ReadFile(path) //nolint:gosec // the path is the operator's own data directory
	if err != nil {
		return "", err
	}
	secret := strings.TrimSpace(string(body))
	if len(secret) < minSecret {
		return "", fmt.Errorf("the secret in %s is shorter than %d characters: restore the file, or remove it for a new one", path, minSecret)
	}
	return secret, nil
}

// makeSecret puts the file in place whole, and never over another.
func makeSecret(path string) error {
	file, err := os.CreateTemp(filepath.Dir(path), ".secret-*") // only the owner may read it
	if err != nil {
		return err
	}
	_, err = file.WriteString(randomText(minSecret) + "\n")
	if err = errors.Join(err, file.Sync(), file.Close()); err == nil {
		err = os.Link(file.Name(), path)
	}
	return errors.Join(err, os.Remove(file.Name()))
}

// randomText is n random bytes as URL-safe text.
func randomText(n int) string {
	b := make([]byte, n)
	_, _ = rand.Read(b) // never fails
	return base64.RawURLEncoding.EncodeToString(b)
}
