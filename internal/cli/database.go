package cli

import (
	"context"
	"errors"
	"path/filepath"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"upstream/internal/postgres"
	"upstream/migrations"
	"upstream/models/claimfile"
	"upstream/store"
)

// stopTimeout bounds the shutdown of an embedded server, whose last act is a
// checkpoint.
const stopTimeout = 30 * time.Second

// database is the configured or embedded PostgreSQL of one command.
type database struct {
	// ownerURL logs in as someone who may change the schema.
	ownerURL string
	appURL   string
	// appRole is taken on after login; empty when the login is the role itself.
	appRole  string
	dataDir  string
	instance *postgres.Instance
}

// embedded reports whether the database is our own.
func (d *database) embedded() bool { return d.instance != nil }

// gone is closed when an embedded server ends by itself; nil otherwise.
func (d *database) gone() <-chan struct{} {
	if d.instance == nil {
		return nil
	}
	return d.instance.Done()
}

// stop ends an embedded server that this process started.
func (d *database) stop() error {
	if d.instance == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), stopTimeout)
	defer cancel()
	return d.instance.Stop(ctx)
}

// findDatabase starts or joins the embedded server unless a URL is configured.
func (a *app) findDatabase(ctx context.Context) (*database, error) {
	dataDir, err := a.dataDir()
	if err != nil {
		return nil, err
	}
	if a.DatabaseURL != "" {
		d := &database{ownerURL: a.MigrationURL, appURL: a.DatabaseURL, appRole: migrations.AppRole, dataDir: dataDir}
		if d.ownerURL == "" {
			d.ownerURL = a.DatabaseURL
		}
		return d, nil
	}
	instance, err := postgres.StartOrJoin(ctx, postgres.Options{
		DataDir: filepath.Join(dataDir, "postgres"), BinDir: a.PGBin, Progress: a.Err,
	})
	if err != nil {
		return nil, err
	}
	return &database{ownerURL: instance.OwnerURL(), appURL: instance.AppURL(), dataDir: dataDir, instance: instance}, nil
}

func (a *app) dataDir() (string, error) {
	if a.DataDir != "" {
		return filepath.Abs(a.DataDir)
	}
	return postgres.DefaultDataDir()
}

// connect opens a pool in the role that row-level security binds, and refuses
// any other, and a schema that is behind.
func (d *database) connect(ctx context.Context, maxConns int32) (*pgxpool.Pool, error) {
	pool, err := postgres.OpenPool(ctx, d.appURL, postgres.PoolOptions{MaxConns: maxConns, Role: d.appRole})
	if err != nil {
		if d.appRole != "" && errors.Is(err, postgres.ErrRole) {
			return nil, errors.Join(errBehind, err)
		}
		return nil, err
	}
	if err := postgres.CheckRuntimeRole(ctx, pool); err != nil {
		pool.Close()
		return nil, err
	}
	return pool, nil
}

// openStore gives fn a store on the database, whose schema is brought up to
// date first when it is embedded or migrate is set.
func (a *app) openStore(ctx context.Context, maxConns int32, migrate bool, fn func(*store.Store, *database) error) (err error) {
	d, err := a.findDatabase(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, d.stop()) }()
	if migrate || d.embedded() {
		applied, err := migrations.Up(ctx, d.ownerURL)
		if err != nil {
			return connectProblem(ctx, d.ownerURL, err)
		}
		if len(applied) > 0 {
			a.log.InfoContext(ctx, "migrations applied", "names", strings.Join(applied, ", "))
		}
	}
	pool, err := d.connect(ctx, maxConns)
	if err != nil {
		return err
	}
	defer pool.Close()
	groups, err := claimfile.DefaultGroups()
	if err != nil {
		return err
	}
	st := store.New(pool, store.Options{Logger: a.log, Groups: groups})
	pending, err := st.PendingMigrations(ctx)
	if err != nil {
		return err
	}
	if len(pending) > 0 {
		return errBehind
	}
	return fn(st, d)
}

// connectProblem gives a failed migration the clear sentence of OpenPool when
// the reason is that the server cannot be reached or used at all.
func connectProblem(ctx context.Context, url string, cause error) error {
	pool, err := postgres.OpenPool(ctx, url, postgres.PoolOptions{MaxConns: 1})
	if err != nil {
		return err
	}
	pool.Close()
	return cause
}

// commandConns is how many connections a one-off command may open.
const commandConns = 4
