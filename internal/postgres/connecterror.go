package postgres

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
)

// The kinds of [ConnectError].
var (
	ErrBadURL      = errors.New("the database URL cannot be read")
	ErrUnreachable = errors.New("the database server cannot be reached")
	ErrPassword    = errors.New("the database server refused the user or password")
	ErrNoDatabase  = errors.New("the database does not exist")
	ErrRole        = errors.New("the role cannot be taken on")
	ErrTooOld      = errors.New("the database server is too old")
	ErrRefused     = errors.New("the database server refused the connection")
)

// ConnectError says why a pool could not be opened. Its text is one sentence
// for the operator and never holds a password.
type ConnectError struct {
	// Kind is one of the Err values of this package, for errors.Is.
	Kind error
	// Sentence is the text.
	Sentence string

	cause error
}

// Error implements error.
func (e *ConnectError) Error() string { return e.Sentence }

// Unwrap gives the kind and, where there is one, the cause.
func (e *ConnectError) Unwrap() []error {
	if e.cause == nil {
		return []error{e.Kind}
	}
	return []error{e.Kind, e.cause}
}

// roleError marks a failed SET ROLE among the errors of connecting.
type roleError struct {
	role  string
	cause error
}

func (e *roleError) Error() string { return fmt.Sprintf("set role %q: %v", e.role, e.cause) }
func (e *roleError) Unwrap() error { return e.cause }

// badURL describes an unreadable URL. The driver's reason can quote any part of
// it, so the reason repeated here is the one it has against the same URL with
// another user and password. Without one the fault is in those two.
func badURL(raw string) error {
	sentence := "the database URL cannot be read; it should look like postgres://user:password@host:5432/database"
	if masked, ok := maskUserinfo(raw); ok {
		if _, err := pgxpool.ParseConfig(masked); err == nil {
			sentence += ", with special characters in the user and password percent-encoded"
		} else if _, reason, ok := strings.Cut(err.Error(), "`: "); ok {
			sentence += " (" + reason + ")"
		}
	}
	return &ConnectError{Kind: ErrBadURL, Sentence: sentence}
}

// maskUserinfo replaces everything that can be the user and password of a URL.
// It gives up where it cannot tell.
func maskUserinfo(raw string) (string, bool) {
	scheme, rest, ok := strings.Cut(raw, "://")
	at := strings.LastIndex(rest, "@")
	if !ok || at < 0 || strings.Contains(rest, "password=") {
		return "", false
	}
	return scheme + "://user:password" + rest[at:], true
}

// translateConnect turns any failure to connect into a ConnectError.
func translateConnect(cfg *pgx.ConnConfig, err error) error {
	cause := err
	if connect := (*pgconn.ConnectError)(nil); errors.As(err, &connect) {
		// The driver's wrapper carries the whole configuration, password
		// included; only what it wraps travels on.
		cause = connect.Unwrap()
	}
	sentence, kind := describeConnect(cfg, cause)
	return &ConnectError{Kind: kind, Sentence: sentence, cause: cause}
}

func describeConnect(cfg *pgx.ConnConfig, cause error) (sentence string, kind error) {
	at := address(cfg)
	if role := (*roleError)(nil); errors.As(cause, &role) {
		return fmt.Sprintf("user %q cannot become role %q on PostgreSQL at %s: %s",
			cfg.User, role.role, at, serverMessage(role.cause)), ErrRole
	}
	if pg := (*pgconn.PgError)(nil); errors.As(cause, &pg) {
		return describeServer(cfg, pg)
	}
	return fmt.Sprintf("PostgreSQL at %s cannot be reached: %s", at, networkReason(cfg, cause)), ErrUnreachable
}

func describeServer(cfg *pgx.ConnConfig, pg *pgconn.PgError) (sentence string, kind error) {
	at := address(cfg)
	switch pg.Code {
	case "28P01", "28000":
		return fmt.Sprintf("PostgreSQL at %s refused user %q or its password: %s", at, cfg.User, pg.Message), ErrPassword
	case "3D000":
		return fmt.Sprintf("PostgreSQL at %s has no database %q", at, cfg.Database), ErrNoDatabase
	default:
		return fmt.Sprintf("PostgreSQL at %s refused the connection: %s (SQLSTATE %s)", at, pg.Message, pg.Code), ErrRefused
	}
}

func serverMessage(err error) string {
	if pg := (*pgconn.PgError)(nil); errors.As(err, &pg) {
		return pg.Message
	}
	return err.Error()
}

// networkReason is the short reason a server gave no answer at all.
func networkReason(cfg *pgx.ConnConfig, cause error) string {
	dns := (*net.DNSError)(nil)
	timeout := interface{ Timeout() bool }(nil)
	switch {
	case errors.Is(cause, context.Canceled):
		return "the attempt was cancelled"
	case errors.As(cause, &dns):
		return fmt.Sprintf("host name %q is not known", dns.Name)
	case errors.Is(cause, syscall.ECONNREFUSED):
		return "connection refused"
	case errors.Is(cause, syscall.ENOENT):
		return "no such socket"
	case errors.Is(cause, context.DeadlineExceeded), errors.As(cause, &timeout) && timeout.Timeout():
		return fmt.Sprintf("no answer within %s", cfg.ConnectTimeout)
	default:
		return innermost(cause).Error()
	}
}

func innermost(err error) error {
	for {
		next := errors.Unwrap(err)
		if next == nil {
			return err
		}
		err = next
	}
}

// address lists the servers a configuration tries, without credentials.
func address(cfg *pgx.ConnConfig) string {
	all := []string{endpointName(cfg.Host, cfg.Port)}
	for _, f := range cfg.Fallbacks {
		if name := endpointName(f.Host, f.Port); !slices.Contains(all, name) {
			all = append(all, name)
		}
	}
	return strings.Join(all, ", ")
}

func endpointName(host string, port uint16) string {
	if strings.HasPrefix(host, "/") {
		return fmt.Sprintf("socket %s/.s.PGSQL.%d", host, port)
	}
	return net.JoinHostPort(host, strconv.Itoa(int(port)))
}
