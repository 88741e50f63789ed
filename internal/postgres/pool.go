package postgres

import (
	"context"
	"fmt"
	"maps"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// MinMajor is the oldest major version of PostgreSQL that is accepted.
const MinMajor = 15

// Defaults of [PoolOptions].
const (
	DefaultApplicationName          = "upstream"
	DefaultConnectTimeout           = 5 * time.Second
	DefaultStatementTimeout         = 60 * time.Second
	DefaultIdleInTransactionTimeout = 30 * time.Second
)

// Disabled switches a timeout of [PoolOptions] off; zero means its default.
const Disabled time.Duration = -1

// PoolOptions tunes [OpenPool]. The zero value is usable. What the operator
// wrote into the URL (application_name, statement_timeout, connect_timeout ...)
// wins over these options, except MaxConns and RuntimeParams.
type PoolOptions struct {
	// ApplicationName is shown in pg_stat_activity; empty means
	// [DefaultApplicationName].
	ApplicationName string
	// MaxConns is the size of the pool; 0 keeps pgx's default (the number of
	// CPUs, at least 4) or the URL's pool_max_conns.
	MaxConns int32
	// ConnectTimeout bounds one connection attempt to one address.
	ConnectTimeout time.Duration
	// StatementTimeout ends a statement that runs longer, on the server.
	StatementTimeout time.Duration
	// IdleInTransactionTimeout ends a session that holds a transaction open
	// without using it, so that a forgotten one cannot hold locks for ever.
	IdleInTransactionTimeout time.Duration
	// Role, when set, is taken on with SET ROLE on every new connection.
	Role string
	// RuntimeParams are further server settings of each connection.
	RuntimeParams map[string]string
	// Lazy opens no connection yet, so that a wrong server shows at first use.
	Lazy bool
	// Tracer sees every statement; it may be nil.
	Tracer pgx.QueryTracer
}

// OpenPool opens a pool and, unless it is lazy, proves it with one connection.
// The error is a
// [*ConnectError] whose text names the server and never a password; its kind is
// one of [ErrBadURL], [ErrUnreachable], [ErrPassword], [ErrNoDatabase],
// [ErrRole], [ErrTooOld] and [ErrRefused].
func OpenPool(ctx context.Context, url string, opts PoolOptions) (*pgxpool.Pool, error) {
	cfg, err := poolConfig(url, opts)
	if err != nil {
		return nil, err
	}
	pool, err := pgxpool.NewWithConfig(ctx, cfg)
	if err != nil {
		return nil, translateConnect(cfg.ConnConfig, err)
	}
	if opts.Lazy {
		return pool, nil
	}
	if err := proveServer(ctx, pool, cfg.ConnConfig); err != nil {
		pool.Close()
		return nil, err
	}
	return pool, nil
}

func poolConfig(url string, opts PoolOptions) (*pgxpool.Config, error) {
	cfg, err := pgxpool.ParseConfig(url)
	if err != nil {
		return nil, badURL(url)
	}
	if opts.MaxConns > 0 {
		cfg.MaxConns = opts.MaxConns
	}
	if cfg.ConnConfig.ConnectTimeout == 0 {
		cfg.ConnConfig.ConnectTimeout = orDefault(opts.ConnectTimeout, DefaultConnectTimeout)
	}
	cfg.ConnConfig.Tracer = opts.Tracer
	// Most statements come with their values written into the text, so that
	// each is planned for its values; preparing such a text would cost a round
	// trip and a place in the cache for a statement never seen again.
	cfg.ConnConfig.DefaultQueryExecMode = pgx.QueryExecModeExec
	setRuntimeParams(cfg.ConnConfig.RuntimeParams, opts)
	if opts.Role != "" {
		cfg.AfterConnect = setRole(opts.Role)
	}
	return cfg, nil
}

func setRuntimeParams(params map[string]string, opts PoolOptions) {
	setMissing(params, "application_name", orDefault(opts.ApplicationName, DefaultApplicationName))
	setMissing(params, "statement_timeout", millis(orDefault(opts.StatementTimeout, DefaultStatementTimeout)))
	setMissing(params, "idle_in_transaction_session_timeout",
		millis(orDefault(opts.IdleInTransactionTimeout, DefaultIdleInTransactionTimeout)))
	// Money and dates are exchanged as text in places: a fixed zone keeps the
	// answers independent of the server's configuration.
	setMissing(params, "timezone", "UTC")
	maps.Copy(params, opts.RuntimeParams)
}

func setRole(role string) func(context.Context, *pgx.Conn) error {
	return func(ctx context.Context, conn *pgx.Conn) error {
		if _, err := conn.Exec(ctx, "SET ROLE "+pgx.Identifier{role}.Sanitize()); err != nil {
			return &roleError{role: role, cause: err}
		}
		return nil
	}
}

func proveServer(ctx context.Context, pool *pgxpool.Pool, cfg *pgx.ConnConfig) error {
	conn, err := pool.Acquire(ctx)
	if err != nil {
		return translateConnect(cfg, err)
	}
	defer conn.Release()
	version := conn.Conn().PgConn().ParameterStatus("server_version")
	major, err := majorOf(version)
	if err != nil {
		return &ConnectError{Kind: ErrRefused, Sentence: fmt.Sprintf(
			"the server at %s does not say which PostgreSQL it is (server_version %q)", address(cfg), version)}
	}
	if major < MinMajor {
		return &ConnectError{Kind: ErrTooOld, Sentence: fmt.Sprintf(
			"PostgreSQL %d or later is needed; this server is %s (%s)", MinMajor, shortVersion(version), address(cfg))}
	}
	return nil
}

func setMissing(params map[string]string, key, value string) {
	if _, ok := params[key]; !ok {
		params[key] = value
	}
}

func orDefault[T comparable](value, fallback T) T {
	var zero T
	if value == zero {
		return fallback
	}
	return value
}

// millis writes a timeout the way PostgreSQL reads it; 0 switches it off.
func millis(d time.Duration) string {
	return strconv.FormatInt(max(d, 0).Milliseconds(), 10)
}
