//go:build linux || darwin || freebsd

package postgres

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgproto3"
	"github.com/jackc/pgx/v5/pgxpool"
	"pgregory.net/rapid"
)

func openPool(t *testing.T, url string, o PoolOptions) *pgxpool.Pool {
	t.Helper()
	pool, err := OpenPool(t.Context(), url, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	return pool
}

// with adds parameters to a URL.
func with(t *testing.T, raw string, params ...string) string {
	t.Helper()
	parsed, err := url.Parse(raw)
	if err != nil {
		t.Fatal(err)
	}
	query := parsed.Query()
	for i := 0; i < len(params); i += 2 {
		query.Set(params[i], params[i+1])
	}
	parsed.RawQuery = query.Encode()
	return parsed.String()
}

func TestOpenPoolSettings(t *testing.T) {
	t.Parallel()
	base := sharedInstance(t).AppURL()
	type settings struct {
		Name, Statement, Idle, Zone, Role, WorkMem string
	}
	cases := map[string]struct {
		url  string
		opts PoolOptions
		want settings
		max  int32
	}{
		"defaults": {
			url:  base,
			opts: PoolOptions{MaxConns: 3},
			want: settings{"upstream", "1min", "30s", "UTC", AppRole, "4MB"}, max: 3,
		},
		"options": {
			url: base,
			opts: PoolOptions{
				ApplicationName: "bench", StatementTimeout: 1500 * time.Millisecond,
				IdleInTransactionTimeout: Disabled, MaxConns: 2, RuntimeParams: map[string]string{"work_mem": "8MB"},
			},
			want: settings{"bench", "1500ms", "0", "UTC", AppRole, "8MB"}, max: 2,
		},
		"the URL wins": {
			url:  with(t, base, "application_name", "ops", "statement_timeout", "7s", "timezone", "America/Chicago", "pool_max_conns", "5"),
			opts: PoolOptions{ApplicationName: "bench"},
			want: settings{"ops", "7s", "30s", "America/Chicago", AppRole, "4MB"}, max: 5,
		},
		"role": {
			url:  sharedInstance(t).AdminURL(),
			opts: PoolOptions{Role: OwnerRole, MaxConns: 1},
			want: settings{"upstream", "1min", "30s", "UTC", OwnerRole, "4MB"}, max: 1,
		},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			pool := openPool(t, c.url, c.opts)
			rows, err := pool.Query(t.Context(), `SELECT current_setting('application_name'), current_setting('statement_timeout'),
				current_setting('idle_in_transaction_session_timeout'), current_setting('timezone'), current_user::text,
				current_setting('work_mem')`)
			if err != nil {
				t.Fatal(err)
			}
			got, err := pgx.CollectExactlyOneRow(rows, pgx.RowToStructByPos[settings])
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Error(diff)
			}
			if got := pool.Config().MaxConns; got != c.max {
				t.Errorf("pool of %d, want %d", got, c.max)
			}
		})
	}
}

// tracer counts statements.
type tracer struct {
	mu sync.Mutex
	n  int
}

func (c *tracer) TraceQueryStart(ctx context.Context, _ *pgx.Conn, _ pgx.TraceQueryStartData) context.Context {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.n++
	return ctx
}

func (*tracer) TraceQueryEnd(context.Context, *pgx.Conn, pgx.TraceQueryEndData) {}

func TestOpenPoolTracesStatements(t *testing.T) {
	t.Parallel()
	counter := &tracer{}
	pool := openPool(t, sharedInstance(t).AppURL(), PoolOptions{Tracer: counter})
	for range 3 {
		if _, err := pool.Exec(t.Context(), "SELECT 1"); err != nil {
			t.Fatal(err)
		}
	}
	if counter.n != 3 {
		t.Errorf("%d statements were seen", counter.n)
	}
}

func TestOpenPoolStatementTimeout(t *testing.T) {
	t.Parallel()
	pool := openPool(t, sharedInstance(t).AppURL(), PoolOptions{StatementTimeout: 20 * time.Millisecond})
	_, err := pool.Exec(t.Context(), "SELECT pg_sleep(60)")
	if err == nil || !strings.Contains(err.Error(), "57014") {
		t.Errorf("got %v", err)
	}
}

func TestOpenPoolErrors(t *testing.T) {
	t.Parallel()
	const secret = "s3cr3t-pa55word"
	server := sharedInstance(t)
	at := server.at
	closed, err := freePort(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	nowhere := filepath.Join(t.TempDir(), "no")
	old := fakeServer(t, "14.9 (Debian 14.9-1)", nil)
	unnamed := fakeServer(t, "who knows", nil)
	full := fakeServer(t, "", &pgproto3.ErrorResponse{Severity: "FATAL", Code: "53300", Message: "sorry, too many clients already"})
	silent := silentServer(t)

	cases := map[string]struct {
		cancel bool
		url    string
		opts   PoolOptions
		kind   error
		want   string
	}{
		"no URL at all": {url: "postgres://u:" + secret + "@host:port/db", kind: ErrBadURL, want: "it should look like postgres://"},
		"unescaped":     {url: "postgres://u:" + secret + "%zz@h/db", kind: ErrBadURL, want: "in the user and password percent-encoded"},
		"bad option":    {url: "postgres://u:" + secret + "@h/db?sslmode=perhaps", kind: ErrBadURL, want: "sslmode is invalid"},
		"unreachable": {
			url: fmt.Sprintf("postgres://u:%s@127.0.0.1:%d/db?sslmode=disable", secret, closed), kind: ErrUnreachable,
			want: fmt.Sprintf("PostgreSQL at 127.0.0.1:%d cannot be reached: connection refused", closed),
		},
		"two servers": {
			url: fmt.Sprintf("postgres://u:%s@127.0.0.1:%d,localhost:%d/db?sslmode=disable", secret, closed, closed), kind: ErrUnreachable,
			want: fmt.Sprintf("PostgreSQL at 127.0.0.1:%d, localhost:%d cannot be reached: connection refused", closed, closed),
		},
		"no socket": {
			url: "postgres://u:" + secret + "@/db?host=" + nowhere, kind: ErrUnreachable,
			want: "PostgreSQL at socket " + nowhere + "/.s.PGSQL.5432 cannot be reached: no such socket",
		},
		"unknown host": {
			url: "postgres://u:" + secret + "@db.invalid/db?sslmode=disable", kind: ErrUnreachable,
			want: `PostgreSQL at db.invalid:5432 cannot be reached`,
		},
		"silent": {
			url: "postgres://u:" + secret + "@" + silent + "/db?sslmode=disable", opts: PoolOptions{ConnectTimeout: 20 * time.Millisecond},
			kind: ErrUnreachable, want: "no answer within 20ms",
		},
		"cancelled": {cancel: true, url: server.AppURL(), kind: context.Canceled, want: "the attempt was cancelled"},
		"password":  {url: at.url(AppRole, secret, DatabaseName), kind: ErrPassword, want: `refused user "upstream_app" or its password`},
		"database": {
			url: at.url(AppRole, server.secrets.App, "nothing"), kind: ErrNoDatabase,
			want: "PostgreSQL at " + address(configOf(t, server.AppURL())) + ` has no database "nothing"`,
		},
		"old": {
			url: "postgres://u:" + secret + "@" + old + "/db?sslmode=disable", kind: ErrTooOld,
			want: "PostgreSQL 15 or later is needed; this server is 14.9 (" + old + ")",
		},
		"unnamed": {
			url: "postgres://u:" + secret + "@" + unnamed + "/db?sslmode=disable", kind: ErrRefused,
			want: "does not say which PostgreSQL it is",
		},
		"full": {
			url: "postgres://u:" + secret + "@" + full + "/db?sslmode=disable", kind: ErrRefused,
			want: "refused the connection: sorry, too many clients already (SQLSTATE 53300)",
		},
		"role missing": {
			url: server.AdminURL(), opts: PoolOptions{Role: `no "such" role`}, kind: ErrRole,
			want: `cannot become role "no \"such\" role"`,
		},
		"role forbidden": {
			url: server.AppURL(), opts: PoolOptions{Role: OwnerRole}, kind: ErrRole,
			want: `user "upstream_app" cannot become role "upstream_owner"`,
		},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			if c.cancel {
				cancel()
			}
			_, err := OpenPool(ctx, c.url, c.opts)
			if !errors.Is(err, c.kind) {
				t.Fatalf("got %v, want kind %v", err, c.kind)
			}
			if !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %q, want %q", err, c.want)
			}
			if text := fmt.Sprintf("%+v", err); strings.Contains(text, secret) || strings.Contains(text, server.secrets.App) {
				t.Errorf("the password shows: %s", text)
			}
			if connect := (*ConnectError)(nil); !errors.As(err, &connect) {
				t.Errorf("%T is no ConnectError", err)
			}
		})
	}
}

// However a URL is mangled, the password in it stays out of the error.
func TestBadURLNeverShowsThePassword(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		password := rapid.StringMatching(`[A-Za-z0-9%#?&=:/@ ]{0,6}XyZ[A-Za-z0-9%#?&=:@ ]{0,6}qQ9`).Draw(t, "password")
		form := rapid.SampledFrom([]string{
			"postgres://u:%s@h:port/db", "postgresql://u:%s@h:99999999/db", "postgres://u:%s@[::1/db", "postgres://%s@h/db?sslmode=x",
			"postgres://u:%s@h/db?a=b=c", "postgres://u:%s@h/db?%%zz", "postgres:u:%s@h", "http://u:%s@h/db", "u:%s@h",
			"postgres://h/db?sslmode=x&password=%s", "postgres://u@h/db?sslmode=x&password=%s", "host=h password=%s port=x",
		}).Draw(t, "form")
		_, err := poolConfig(fmt.Sprintf(form, password), PoolOptions{})
		if err != nil && (strings.Contains(err.Error(), "XyZ") || strings.Contains(err.Error(), "qQ9")) {
			t.Fatalf("the password shows: %v", err)
		}
	})
}

func configOf(t *testing.T, url string) *pgx.ConnConfig {
	t.Helper()
	cfg, err := pgx.ParseConfig(url)
	if err != nil {
		t.Fatal(err)
	}
	return cfg
}

// fakeServer speaks just enough of the protocol to let anybody in with a given
// version, or to refuse everybody.
func fakeServer(t *testing.T, version string, refusal *pgproto3.ErrorResponse) string {
	t.Helper()
	return listen(t, func(conn net.Conn) {
		backend := pgproto3.NewBackend(conn, conn)
		if _, err := backend.ReceiveStartupMessage(); err != nil {
			return
		}
		if refusal != nil {
			backend.Send(refusal)
			_ = backend.Flush()
			return
		}
		backend.Send(&pgproto3.AuthenticationOk{})
		backend.Send(&pgproto3.ParameterStatus{Name: "server_version", Value: version})
		backend.Send(&pgproto3.ReadyForQuery{TxStatus: 'I'})
		_ = backend.Flush()
		_, _ = backend.Receive() // until the client hangs up
	})
}

// silentServer accepts connections and says nothing.
func silentServer(t *testing.T) string {
	t.Helper()
	return listen(t, func(conn net.Conn) {
		buf := make([]byte, 1024)
		for {
			if _, err := conn.Read(buf); err != nil {
				return
			}
		}
	})
}

func listen(t *testing.T, serve func(net.Conn)) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var group sync.WaitGroup
	group.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			group.Go(func() {
				defer func() { _ = conn.Close() }()
				serve(conn)
			})
		}
	})
	t.Cleanup(func() {
		_ = listener.Close()
		group.Wait()
	})
	return listener.Addr().String()
}
