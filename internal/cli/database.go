package cli

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	_ "github.com/jackc/pgx/v5/stdlib" // the driver behind sql.Open

	"upstream/internal/config"
	"upstream/internal/obs"
	"upstream/internal/postgres"
	"upstream/migrations"
	"upstream/models/claimfile"
	"upstream/store"
)

// stopTimeout bounds the shutdown of an embedded server, whose last act is a
// checkpoint.
const stopTimeout = 30 * time.Second

// commandConns is how many connections a one-off command may open.
const commandConns = 4

// database is the configured or embedded PostgreSQL of one command.
type database struct {
	// ownerURL logs in as someone who may change the schema.
	ownerURL string
	appURL   string
	// appRole is taken on after login; empty when the login is the role itself.
	appRole string
	// instance is our own server, run or joined; nil for a configured one.
	instance *postgres.Instance
}

// embedded reports whether the database is our own.
func (d *database) embedded() bool { return d.instance != nil }

// stop ends an embedded server that this process started.
func (d *database) stop() error {
	if d.instance == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), stopTimeout)
	defer cancel()
	return d.instance.Stop(ctx)
}

// withDatabase gives fn the configured database, or the embedded one, which is
// started or joined for as long as fn runs.
func (a *app) withDatabase(ctx context.Context, fn func(*database) error) (err error) {
	d, err := a.findDatabase(ctx)
	if err != nil {
		return err
	}
	defer func() {
		// A server that ended by itself has been reported, with the same words.
		if stopErr := d.stop(); !errors.Is(err, errDatabaseEnded) {
			err = errors.Join(err, stopErr)
		}
	}()
	return fn(d)
}

func (a *app) findDatabase(ctx context.Context) (*database, error) {
	if a.DatabaseURL != "" {
		d := &database{ownerURL: a.MigrationURL, appURL: a.DatabaseURL, appRole: migrations.AppRole}
		if d.ownerURL == "" {
			d.ownerURL = a.DatabaseURL
		}
		return d, nil
	}
	dataDir, err := a.dataDir()
	if err != nil {
		return nil, err
	}
	instance, err := postgres.StartOrJoin(ctx, postgres.Options{
		DataDir: filepath.Join(dataDir, "postgres"), BinDir: a.PGBin, Progress: a.Err,
	})
	if err != nil {
		return nil, err
	}
	return &database{ownerURL: instance.OwnerURL(), appURL: instance.AppURL(), instance: instance}, nil
}

// dataDir is where this program keeps its state. It is not created, and not
// looked for unless it is needed: a container may have no home.
func (a *app) dataDir() (string, error) {
	if a.DataDir != "" {
		return filepath.Abs(a.DataDir)
	}
	return postgres.DefaultDataDir()
}

// proveServer answers why a server cannot be used at all. It comes before
// anything is written: a server that is too old might take the first migrations
// and fail at a later one.
func proveServer(ctx context.Context, url string) error {
	pool, err := postgres.OpenPool(ctx, url, postgres.PoolOptions{MaxConns: 1})
	if err == nil {
		pool.Close()
	}
	return err
}

// migrate brings the schema up to date.
func (a *app) migrate(ctx context.Context, d *database) ([]string, error) {
	if err := proveServer(ctx, d.ownerURL); err != nil {
		return nil, err
	}
	applied, err := migrations.Migrator{URL: d.ownerURL, Logger: a.log}.Up(ctx)
	if len(applied) > 0 {
		a.log.InfoContext(ctx, "migrations applied", "names", strings.Join(applied, ", "))
	}
	return applied, err
}

// connect opens a pool in the role that row-level security binds, and refuses
// any other, and a database in which it is not in force.
func (d *database) connect(ctx context.Context, log *slog.Logger, maxConns int32, tracer pgx.QueryTracer) (*pgxpool.Pool, error) {
	pool, err := postgres.OpenPool(ctx, d.appURL, postgres.PoolOptions{MaxConns: maxConns, Role: d.appRole, Tracer: tracer})
	if errors.Is(err, postgres.ErrRole) {
		return nil, d.withoutRole(ctx, err)
	}
	if err != nil {
		return nil, err
	}
	role, err := postgres.CheckRuntimeRole(ctx, pool)
	if err != nil {
		pool.Close()
		return nil, err
	}
	if len(role.LoginPowers) > 0 {
		log.WarnContext(ctx, "the database login has powers that the role it serves with has not; give the program a login without them",
			"role", role.Name, "powers_of", strings.Join(role.LoginPowers, ", "))
	}
	return pool, nil
}

// withoutRole says why the login cannot take on its role: migrations create the
// role and grant it, so the server is unfit, or they have not run, or else the
// grant is missing.
func (d *database) withoutRole(ctx context.Context, roleErr error) error {
	if err := proveServer(ctx, d.appURL); err != nil {
		return err
	}
	db, err := sql.Open("pgx", d.appURL)
	if err != nil {
		return err
	}
	defer func() { _ = db.Close() }()
	if pending, err := migrations.Pending(ctx, db); err == nil && len(pending) > 0 {
		return behind(pending)
	}
	return roleErr
}

func behind(pending []string) error {
	return fmt.Errorf("%w (pending: %s)", errBehind, strings.Join(pending, ", "))
}

// opening is how a command wants its store.
type opening struct {
	// maxConns is the size of the pool.
	maxConns int32
	// migrate brings a configured database's schema up to date; an embedded
	// one's always is.
	migrate bool
	// keys seal secrets; nil for a command that meets none.
	keys *config.Keys
	// webhooks are the rules of deliveries; nil for a command that neither makes
	// nor sends any.
	webhooks *config.Webhooks
	// telemetry hears of what the store does; may be nil.
	telemetry *obs.Telemetry
}

//nolint:ireturn // as pgx takes it
func (o opening) tracer() pgx.QueryTracer {
	if o.telemetry == nil {
		return nil
	}
	return o.telemetry.QueryTracer()
}

// openStore is open for a command that meets no secrets.
//
//nolint:unparam // a command says how many connections it may open
func (a *app) openStore(ctx context.Context, maxConns int32, migrate bool, fn func(*store.Store, *database) error) error {
	return a.open(ctx, opening{maxConns: maxConns, migrate: migrate}, fn)
}

// openDelivering is open for a command that makes deliveries and leaves it to
// others to send them.
func (a *app) openDelivering(ctx context.Context, maxConns int32, retries config.Retries, fn func(*store.Store, *database) error) error {
	if err := retries.Validate(); err != nil {
		return err
	}
	return a.open(ctx, opening{maxConns: maxConns, webhooks: &config.Webhooks{Retries: retries}}, fn)
}

// open gives fn a store on the database. The schema is brought up to date
// first when the database is embedded or that was asked for, and must be so else.
func (a *app) open(ctx context.Context, o opening, fn func(*store.Store, *database) error) error {
	return a.withDatabase(ctx, func(d *database) (err error) {
		if o.migrate || d.embedded() {
			if _, err := a.migrate(ctx, d); err != nil {
				return err
			}
		}
		pool, err := d.connect(ctx, a.log, o.maxConns, o.tracer())
		if err != nil {
			return err
		}
		defer pool.Close()
		groups, err := claimfile.DefaultGroups()
		if err != nil {
			return err
		}
		options := store.Options{Logger: a.log, Groups: groups}
		if o.telemetry != nil {
			options.Observer = o.telemetry
		}
		if o.keys != nil {
			sealer, err := a.sealer(*o.keys)
			if err != nil {
				return err
			}
			options.Sealer = sealer
		}
		if o.webhooks != nil {
			if options.Webhooks, err = webhookPolicy(*o.webhooks); err != nil {
				return err
			}
		}
		st := store.New(pool, options)
		defer func() { err = errors.Join(err, st.Close()) }()
		pending, err := st.PendingMigrations(ctx)
		if err != nil {
			return err
		}
		if len(pending) > 0 {
			return behind(pending)
		}
		if o.telemetry != nil {
			watch(o.telemetry, pool, st)
		}
		return fn(st, d)
	})
}
