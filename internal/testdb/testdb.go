package testdb

import (
	"context"
	"database/sql"
	"errors"
	"net/url"
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5/pgxpool"
	_ "github.com/jackc/pgx/v5/stdlib" // the driver "pgx" that pgtestdb opens
	"github.com/peterldowns/pgtestdb"

	"upstream/internal/postgres"
	"upstream/migrations"
)

// URLVariable names the environment variable that holds the URL of a test
// server.
const URLVariable = "UPSTREAM_TEST_DATABASE_URL"

// maxConns is the size of each pool: many tests run at once on one server.
const maxConns = 8

// DB is one test's database.
type DB struct {
	// App is a pool of role upstream_app, which row-level security binds.
	App *pgxpool.Pool
	// Owner is a pool of role upstream_owner, which owns the tables.
	Owner *pgxpool.Pool
	// AppURL and OwnerURL are what the pools were opened with.
	AppURL, OwnerURL string
	// Name is the database's name.
	Name string
}

// process is the server of this test process. It has to outlive each test and
// be shared by all of them, which only a package variable can.
var process = newServer(os.Getenv(URLVariable))

// New gives the test a migrated database that is dropped at its end. Connections
// the test opened must be closed by then; the pools of the answer are closed for
// it. Opening them costs nothing until they are used.
func New(tb testing.TB) *DB {
	tb.Helper()
	return newOn(tb, process, migrator{up: migrateUp, hash: migrations.Hash})
}

func migrateUp(ctx context.Context, ownerURL string) error {
	_, err := migrations.Up(ctx, ownerURL)
	return err
}

func newOn(tb testing.TB, on *server, m pgtestdb.Migrator) *DB {
	tb.Helper()
	access, err := on.access()
	if err != nil {
		tb.Fatalf("a database for tests: %v", err)
	}
	config := pgtestdb.Custom(tb, access.config(), m)
	if config == nil {
		tb.FailNow() // Custom has said why
		return nil
	}
	db := &DB{
		AppURL:   access.url(postgres.AppRole, access.appPassword, config.Database),
		OwnerURL: access.url(postgres.OwnerRole, access.ownerPassword, config.Database),
		Name:     config.Database,
	}
	db.App = open(tb, db.AppURL)
	db.Owner = open(tb, db.OwnerURL)
	return db
}

func open(tb testing.TB, url string) *pgxpool.Pool {
	tb.Helper()
	opts := postgres.PoolOptions{ApplicationName: "upstream-test", MaxConns: maxConns, Lazy: true}
	pool, err := postgres.OpenPool(context.Background(), url, opts)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(pool.Close)
	return pool
}

// migrator makes the template.
type migrator struct {
	up   func(ctx context.Context, ownerURL string) error
	hash func() string
}

// Hash implements pgtestdb.Migrator.
func (m migrator) Hash() (string, error) { return m.hash(), nil }

// Migrate implements pgtestdb.Migrator.
func (m migrator) Migrate(ctx context.Context, _ *sql.DB, config pgtestdb.Config) error {
	return m.up(ctx, config.URL())
}

// access is how to reach a server as each role.
type access struct {
	admin                      *url.URL
	ownerPassword, appPassword string
}

// url is the admin's URL for another role and database.
func (a access) url(role, password, database string) string {
	out := *a.admin
	out.User = url.UserPassword(role, password)
	out.Path = "/" + database
	return out.String()
}

// config is the same for pgtestdb, which puts the parts together without
// escaping them.
func (a access) config() pgtestdb.Config {
	password, _ := a.admin.User.Password()
	config := pgtestdb.Config{
		DriverName: "pgx",
		Host:       a.admin.Hostname(),
		Port:       a.admin.Port(),
		User:       url.User(a.admin.User.Username()).String(),
		Password:   strings.TrimPrefix(url.UserPassword("", password).String(), ":"),
		Database:   url.PathEscape(a.database()),
		Options:    a.admin.RawQuery,
		TestRole: &pgtestdb.Role{
			Username: postgres.OwnerRole, Password: a.ownerPassword, Capabilities: "NOSUPERUSER",
		},
	}
	if config.Port == "" {
		config.Port = "5432"
	}
	return config
}

func (a access) database() string {
	if len(a.admin.Path) > 1 {
		return a.admin.Path[1:]
	}
	return "postgres"
}

var errStopped = errors.New("the server was stopped")

// server is a database server that starts, or is prepared, at first use.
type server struct {
	external string

	once     sync.Once
	found    access
	err      error
	shutdown func() error
}

// newServer is the server at a URL, or an embedded one when it is empty.
func newServer(external string) *server {
	return &server{external: external, shutdown: func() error { return nil }}
}

func (s *server) access() (access, error) {
	s.once.Do(func() {
		if s.external != "" {
			s.found, s.err = prepareExternal(context.Background(), s.external)
			return
		}
		s.found, s.shutdown, s.err = startEmbedded(context.Background(), defaultBase(), os.Getenv("UPSTREAM_PG_BIN"))
	})
	return s.found, s.err
}

// stop ends an embedded server and removes its data. No test may run any more.
func (s *server) stop() error {
	s.once.Do(func() { s.err = errStopped }) // or wait for a start in progress
	if s.shutdown == nil {
		return nil
	}
	return s.shutdown()
}
