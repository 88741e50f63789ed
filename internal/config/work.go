package config

import (
	"errors"
	"time"
)

// Keys are the secret keys of commands that serve nothing.
type Keys struct {
	SecretKey   string   `name:"secret-key" env:"UPSTREAM_SECRET_KEY" help:"Key that seals secrets, 32 characters or more: the servers'. Required with DATABASE_URL." placeholder:"KEY"`
	RetiredKeys []string `name:"retired-secret-keys" env:"UPSTREAM_RETIRED_SECRET_KEYS" help:"Former values of the secret key, separated by commas: what they sealed can still be opened." placeholder:"KEY,..."`
}

// serve are the same keys where the functions that read them are.
func (k Keys) serve() Serve { return Serve{SecretKey: k.SecretKey, RetiredKeys: k.RetiredKeys} }

// Secret is [Serve.Secret] of these keys.
func (k Keys) Secret(embedded bool, dataDir string) ([]byte, error) {
	return k.serve().Secret(embedded, dataDir)
}

// RequireSecret is [Serve.RequireSecret] of these keys.
func (k Keys) RequireSecret(embedded bool) error { return k.serve().RequireSecret(embedded) }

// RetiredSecrets is [Serve.RetiredSecrets] of these keys.
func (k Keys) RetiredSecrets() ([][]byte, error) { return k.serve().RetiredSecrets() }

// Keys are the secret keys of a server.
func (s Serve) Keys() Keys { return Keys{SecretKey: s.SecretKey, RetiredKeys: s.RetiredKeys} }

// Work are the settings of a process that works on jobs and serves nothing. It
// reads those of a server that it shares.
type Work struct {
	Keys `embed:""`
	Mail `embed:""`

	Webhooks Webhooks `embed:""`

	Observe Observe `embed:""`

	PublicURL    string        `name:"public-url" env:"UPSTREAM_PUBLIC_URL" help:"Address clients use: links in mails begin with it. Required." placeholder:"URL"`
	AdminAddr    string        `name:"admin-addr" help:"Address of the admin listener (metrics, profiles); none unless given."`
	MaxConns     int32         `name:"max-conns" env:"UPSTREAM_MAX_CONNS" default:"20" help:"Database connections at most."`
	DrainTimeout time.Duration `name:"drain-timeout" env:"UPSTREAM_DRAIN_TIMEOUT" default:"30s" help:"How long running jobs may take after SIGTERM."`
}

// Validate names every setting that cannot work.
func (w Work) Validate() error {
	var missing error
	if w.PublicURL == "" {
		missing = errors.New("--public-url is required: links in mails begin with it")
	}
	s := w.serve()
	s.PublicURL = w.PublicURL
	return errors.Join(
		missing, s.checkPublicURL(), s.checkSecretKey(), w.Mail.Validate(), w.Webhooks.Validate(), w.Observe.Validate(), w.checkAdminAddr(),
		positive("--max-conns", w.MaxConns), positive("--drain-timeout", w.DrainTimeout),
	)
}

func (w Work) checkAdminAddr() error { return Serve{AdminAddr: w.AdminAddr}.checkAdminAddr() }
