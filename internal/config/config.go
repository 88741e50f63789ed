// Package config holds the typed settings of the program. Every one is a flag
// and an environment variable; the command line wins. It imports nothing of ours.
package config

import (
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// Common are the settings every command knows.
type Common struct {
	DatabaseURL  string `name:"database-url" env:"DATABASE_URL" help:"PostgreSQL to use, 15 or later. Unset: an embedded one in the data directory." placeholder:"URL"`
	MigrationURL string `name:"migration-url" env:"UPSTREAM_MIGRATION_URL" help:"Login that may change the schema, when DATABASE_URL's may not." placeholder:"URL"`
	DataDir      string `name:"data-dir" env:"UPSTREAM_DATA_DIR" help:"Where the embedded database and generated secrets live." type:"path" placeholder:"DIR"`
	PGBin        string `name:"pg-bin" env:"UPSTREAM_PG_BIN" help:"Folder with the binaries of the embedded PostgreSQL." type:"path" placeholder:"DIR"`
	LogFormat    string `name:"log-format" env:"LOG_FORMAT" enum:"text,json" default:"text" help:"Format of the log on standard error: text or json."`
	LogLevel     string `name:"log-level" env:"LOG_LEVEL" enum:"debug,info,warn,error" default:"info" help:"Least severe level that is logged: debug, info, warn or error."`
	JSON         bool   `name:"json" env:"UPSTREAM_JSON" help:"Print results and errors as JSON."`
}

// Serve are the settings of a serving process.
type Serve struct {
	Addr           string        `name:"addr" env:"UPSTREAM_ADDR" default:"127.0.0.1:8080" help:"Address the APIs listen on."`
	AdminAddr      string        `name:"admin-addr" env:"UPSTREAM_ADMIN_ADDR" default:"127.0.0.1:8081" help:"Address of the admin listener (profiles); empty switches it off."`
	PublicURL      string        `name:"public-url" env:"UPSTREAM_PUBLIC_URL" help:"Address clients use, for links in answers. Unset: taken from each request." placeholder:"URL"`
	SecretKey      string        `name:"secret-key" env:"UPSTREAM_SECRET_KEY" help:"Key that signs tokens, 32 characters or more. Required with DATABASE_URL, else generated into the data directory." placeholder:"KEY"`
	RetiredKeys    []string      `name:"retired-secret-keys" env:"UPSTREAM_RETIRED_SECRET_KEYS" help:"Former values of the secret key, separated by commas: tokens signed with them stay good until they expire." placeholder:"KEY,..."`
	Migrate        bool          `name:"migrate" env:"UPSTREAM_MIGRATE" help:"Apply pending migrations at start (always so with the embedded database)."`
	MaxUploadBytes int64         `name:"max-upload-bytes" env:"UPSTREAM_MAX_UPLOAD_BYTES" default:"1073741824" help:"Largest claims file accepted."`
	MaxConns       int32         `name:"max-conns" env:"UPSTREAM_MAX_CONNS" default:"20" help:"Database connections at most."`
	Introspection  bool          `name:"introspection" env:"UPSTREAM_INTROSPECTION" default:"true" negatable:"" help:"Let signed-in users read the GraphQL schema."`
	DrainTimeout   time.Duration `name:"drain-timeout" env:"UPSTREAM_DRAIN_TIMEOUT" default:"30s" help:"How long running requests may take after SIGTERM."`
}

// minSecret is the least length of a signing secret, in bytes.
const minSecret = 32

// ErrNoSecret says that a secret must be configured.
var ErrNoSecret = errors.New("UPSTREAM_SECRET_KEY is required with DATABASE_URL: set it to 32 random characters or more, the same on every server")

// Secret is the signing key: the configured one, or with the embedded database
// one that is generated once into dataDir.
func (s Serve) Secret(embedded bool, dataDir string) ([]byte, error) {
	if s.SecretKey != "" {
		if len(s.SecretKey) < minSecret {
			return nil, fmt.Errorf("UPSTREAM_SECRET_KEY must have at least %d characters", minSecret)
		}
		return []byte(s.SecretKey), nil
	}
	if !embedded {
		return nil, ErrNoSecret
	}
	text, err := KeepSecret(filepath.Join(dataDir, "secret.key"))
	return []byte(text), err
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

// KeepSecret reads a secret from a file, which it fills with a random one at
// first. Only the owner may read the file.
func KeepSecret(path string) (string, error) {
	body, err := os.ReadFile(path) //nolint:gosec // the path is the operator's own data directory
	if err == nil {
		return strings.TrimSpace(string(body)), nil
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return "", err
	}
	secret := RandomText(32)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil { //nolint:gosec // the database's own account must pass through
		return "", err
	}
	return secret, os.WriteFile(path, []byte(secret+"\n"), 0o600)
}

// RandomText is n random bytes as URL-safe text.
func RandomText(n int) string {
	b := make([]byte, n)
	_, _ = rand.Read(b) // never fails
	return base64.RawURLEncoding.EncodeToString(b)
}

// Logger writes to standard error in the configured format.
func (c Common) Logger() *slog.Logger {
	var level slog.Level
	_ = level.UnmarshalText([]byte(c.LogLevel)) // the flag allows known levels only
	options := &slog.HandlerOptions{Level: level}
	if c.LogFormat == "json" {
		return slog.New(slog.NewJSONHandler(os.Stderr, options))
	}
	return slog.New(slog.NewTextHandler(os.Stderr, options))
}
