package auth

import (
	"context"
	"errors"
	"runtime"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"upstream/store"
)

// Lifetimes of tokens unless Options say otherwise.
const (
	DefaultAccessTTL  = 30 * time.Minute
	DefaultRefreshTTL = 24 * time.Hour
)

// Options are what a Service takes from outside; zero fields but Keys have
// defaults.
type Options struct {
	// Keys sign and verify the tokens; required.
	Keys *Keyring
	// Issuer and Audience are written into tokens and demanded of them; both
	// default to "upstream".
	Issuer   string
	Audience string
	// AccessTTL and RefreshTTL are the lifetimes of the two kinds of token.
	AccessTTL  time.Duration
	RefreshTTL time.Duration
	// Rejected limits bearer tokens that do not hold; nil limits none.
	Rejected RejectedLimit
	// Now is the clock; defaults to the system's.
	Now func() time.Time
}

// RejectedLimit counts the bearer tokens that did not hold, by who sent them:
// a network, or the session a genuine token is of.
type RejectedLimit interface {
	// Admit answers RATE_LIMITED when source has sent too many of late.
	Admit(ctx context.Context, source string) error
	// Reject counts one.
	Reject(ctx context.Context, source string)
}

func (o Options) withDefaults() Options {
	if o.Issuer == "" {
		o.Issuer = "upstream"
	}
	if o.Audience == "" {
		o.Audience = "upstream"
	}
	if o.AccessTTL == 0 {
		o.AccessTTL = DefaultAccessTTL
	}
	if o.RefreshTTL == 0 {
		o.RefreshTTL = DefaultRefreshTTL
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	return o
}

// Service signs people in and tells who a request comes from. It is safe for
// concurrent use.
type Service struct {
	store  *store.Store
	opts   Options
	parser *jwt.Parser
	// validator compares with the clock what parser has verified before.
	validator *jwt.Validator
	verified  verified
	verifier  *verifier
}

// New builds a Service on a store. It fails when Options lack keys.
func New(st *store.Store, opts Options) (*Service, error) {
	if opts.Keys == nil {
		return nil, errors.New("auth: no keys to sign tokens with")
	}
	opts = opts.withDefaults()
	v, err := newVerifier(runtime.GOMAXPROCS(0))
	if err != nil {
		return nil, err
	}
	rules := []jwt.ParserOption{
		jwt.WithValidMethods([]string{jwt.SigningMethodHS256.Alg()}),
		jwt.WithIssuer(opts.Issuer),
		jwt.WithAudience(opts.Audience),
		jwt.WithExpirationRequired(),
		jwt.WithIssuedAt(),
		jwt.WithStrictDecoding(),
		jwt.WithTimeFunc(opts.Now),
	}
	return &Service{
		store: st, opts: opts, verifier: v, parser: jwt.NewParser(rules...), validator: jwt.NewValidator(rules...),
	}, nil
}
