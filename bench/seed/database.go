package seed

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"path/filepath"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"upstream/internal/postgres"
	"upstream/migrations"
	"upstream/models/claimfile"
	"upstream/store"
)

// Source says where a database is.
type Source struct {
	// URL is a PostgreSQL server; empty for an embedded one below DataDir.
	URL string
	// MigrationURL logs in as who may change the schema, when URL's may not.
	MigrationURL string
	// DataDir is where the embedded server keeps its data, as the program's
	// setting of that name says.
	DataDir string
	// Progress hears of binaries that have to be fetched; may be nil.
	Progress io.Writer
}

// Database is one that is migrated and can be filled.
type Database struct {
	Target

	// AppURL and OwnerURL are what its pools were opened with.
	AppURL, OwnerURL string

	app      *pgxpool.Pool
	instance *postgres.Instance
}

// DefaultDataDir is a folder beside, not in, what the program keeps its own
// state in, so that nobody's data is touched.
func DefaultDataDir() (string, error) {
	dir, err := postgres.DefaultDataDir()
	return filepath.Clean(dir) + "-load", err
}

// maxConns is how many connections each of the two pools may open.
const maxConns = 8

// Open starts or joins the database, brings its schema up to date and opens
// pools on it. The caller closes it.
func Open(ctx context.Context, from Source, log *slog.Logger) (_ *Database, err error) {
	d := &Database{AppURL: from.URL, OwnerURL: from.MigrationURL}
	defer func() {
		if err != nil {
			err = errors.Join(err, d.Close())
		}
	}()
	role := migrations.AppRole
	if from.URL == "" {
		role = ""
		if d.instance, err = postgres.StartOrJoin(ctx, postgres.Options{
			DataDir: filepath.Join(from.DataDir, "postgres"), Progress: from.Progress,
		}); err != nil {
			return nil, err
		}
		d.AppURL, d.OwnerURL = d.instance.AppURL(), d.instance.OwnerURL()
	}
	if d.OwnerURL == "" {
		d.OwnerURL = d.AppURL
	}
	if _, err := migrations.Up(ctx, d.OwnerURL); err != nil {
		return nil, err
	}
	unhurried := postgres.PoolOptions{MaxConns: maxConns, StatementTimeout: postgres.Disabled}
	if d.Owner, err = postgres.OpenPool(ctx, d.OwnerURL, unhurried); err != nil {
		return nil, err
	}
	unhurried.Role = role
	if d.app, err = postgres.OpenPool(ctx, d.AppURL, unhurried); err != nil {
		return nil, err
	}
	groups, err := claimfile.DefaultGroups()
	if err != nil {
		return nil, err
	}
	d.Store = store.New(d.app, store.Options{Logger: log, Groups: groups})
	return d, nil
}

// stopTimeout bounds the end of an embedded server, whose last act is a
// checkpoint of all that was seeded.
const stopTimeout = 3 * time.Minute

// Close closes the pools, and stops the server if Open started it.
func (d *Database) Close() error {
	var err error
	if d.Store != nil {
		err = d.Store.Close()
	}
	for _, pool := range []*pgxpool.Pool{d.app, d.Owner} {
		if pool != nil {
			pool.Close()
		}
	}
	if d.instance == nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), stopTimeout)
	defer cancel()
	return errors.Join(err, d.instance.Stop(ctx))
}
