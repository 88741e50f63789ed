package migrations

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"embed"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/pgdialect"
	"github.com/uptrace/bun/migrate"
)

//go:embed *.sql
var files embed.FS

// The two roles of every installation: OwnerRole owns the tables and runs
// migrations, AppRole serves requests and is subject to row-level security.
const (
	OwnerRole = "upstream_owner"
	AppRole   = "upstream_app"
)

// lockKey is the advisory lock that lets only one process migrate at a time.
const lockKey = 0x7570737472656d // "upstrem"

// lockTimeout bounds how long a statement of a migration may queue for a lock,
// and with it how long it makes others queue behind it.
const lockTimeout = "5s"

// Step is one migration and when it was applied; zero when it was not.
type Step struct {
	Name      string    `json:"name"`
	AppliedAt time.Time `json:"applied_at,omitzero"`
}

// Hash identifies the set of migrations in this program.
func Hash() string {
	sum := sha256.New()
	names, err := fs.Glob(files, "*.up.sql")
	if err != nil {
		panic(err) // the pattern is constant
	}
	for _, name := range names {
		body, err := files.ReadFile(name)
		if err != nil {
			panic(err) // the file is embedded
		}
		_, _ = fmt.Fprintf(sum, "%s\n%s\n", name, body)
	}
	_, _ = sum.Write([]byte(riverText()))
	return hex.EncodeToString(sum.Sum(nil))
}

// Up applies every pending migration, oldest first, each in a transaction of
// its own, and returns the names of those it applied. url must log in as the
// owner role, as one of its members, or as a superuser.
func Up(ctx context.Context, url string) ([]string, error) {
	var applied []string
	err := withMigrator(ctx, url, func(db *bun.DB, all migrate.MigrationSlice) error {
		for i := range all {
			group, err := newMigrator(db, all[:i+1]).Migrate(ctx)
			if err != nil {
				return fmt.Errorf("migration %s: %w", all[i], err)
			}
			for _, m := range group.Migrations {
				applied = append(applied, m.String())
			}
		}
		return nil
	})
	return applied, err
}

// Down undoes the newest applied migrations, at most steps of them, and
// returns their names.
func Down(ctx context.Context, url string, steps int) ([]string, error) {
	var undone []string
	err := withMigrator(ctx, url, func(db *bun.DB, all migrate.MigrationSlice) error {
		for range steps {
			group, err := newMigrator(db, all).Rollback(ctx)
			if err != nil {
				return err
			}
			if group.IsZero() {
				return nil
			}
			for _, m := range group.Migrations {
				undone = append(undone, m.String())
			}
		}
		return nil
	})
	return undone, err
}

// Status lists every migration of this program and when it was applied.
func Status(ctx context.Context, db *sql.DB) ([]Step, error) {
	all, err := discover()
	if err != nil {
		return nil, err
	}
	applied, err := appliedAt(ctx, db)
	if err != nil {
		return nil, err
	}
	steps := make([]Step, len(all))
	for i, m := range all {
		steps[i] = Step{Name: m.String(), AppliedAt: applied[m.Name]}
	}
	return steps, nil
}

// appliedAt says when which migrations were applied, by their numbers.
func appliedAt(ctx context.Context, db *sql.DB) (map[string]time.Time, error) {
	applied := map[string]time.Time{}
	rows, err := db.QueryContext(ctx, `SELECT name, migrated_at FROM bun_migrations`)
	var pgErr *pgconn.PgError
	if errors.As(err, &pgErr) && pgErr.Code == "42P01" {
		return applied, nil // no table yet: nothing was ever applied
	}
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var name string
		var at time.Time
		if err := rows.Scan(&name, &at); err != nil {
			return nil, err
		}
		applied[name] = at
	}
	return applied, rows.Err()
}

// Pending names the migrations of this program that the database lacks.
func Pending(ctx context.Context, db *sql.DB) ([]string, error) {
	steps, err := Status(ctx, db)
	if err != nil {
		return nil, err
	}
	var pending []string
	for _, s := range steps {
		if s.AppliedAt.IsZero() {
			pending = append(pending, s.Name)
		}
	}
	return pending, nil
}

func discover() (migrate.MigrationSlice, error) {
	m := migrate.NewMigrations()
	if err := m.Discover(files); err != nil {
		return nil, fmt.Errorf("migrations: %w", err)
	}
	return m.Sorted(), nil
}

// newMigrator knows only the given migrations, so that each becomes a group of
// its own and can be undone alone.
func newMigrator(db *bun.DB, known migrate.MigrationSlice) *migrate.Migrator {
	m := migrate.NewMigrations()
	for _, migration := range known {
		m.Add(migration)
	}
	return migrate.NewMigrator(db, m, migrate.WithMarkAppliedOnSuccess(true))
}

// withMigrator connects, becomes the owner role, takes the migration lock and
// runs fn. Everything happens on one connection, so that the role and the
// session lock hold for all of it.
func withMigrator(ctx context.Context, url string, fn func(*bun.DB, migrate.MigrationSlice) error) error {
	all, err := discover()
	if err != nil {
		return err
	}
	withRiver(all, url)
	config, err := pgx.ParseConfig(url)
	if err != nil {
		return fmt.Errorf("the database URL cannot be read: %w", err)
	}
	config.RuntimeParams["application_name"] = "upstream migrate"
	config.RuntimeParams["lock_timeout"] = lockTimeout
	sqldb := stdlib.OpenDB(*config)
	defer func() { _ = sqldb.Close() }()
	sqldb.SetMaxOpenConns(1)
	// The wait for another migrating process is not a lock held on a table.
	if _, err := sqldb.ExecContext(ctx, `SET lock_timeout = 0`); err != nil {
		return err
	}
	if _, err := sqldb.ExecContext(ctx, `SELECT pg_advisory_lock($1)`, int64(lockKey)); err != nil {
		return fmt.Errorf("waiting for another migration: %w", err)
	}
	if _, err := sqldb.ExecContext(ctx, `SET lock_timeout = '`+lockTimeout+`'`); err != nil {
		return err
	}
	if err := becomeOwner(ctx, sqldb); err != nil {
		return err
	}
	db := bun.NewDB(sqldb, pgdialect.New())
	if err := newMigrator(db, all).Init(ctx); err != nil {
		return fmt.Errorf("preparing the migration table: %w", err)
	}
	if _, err := db.ExecContext(ctx, `GRANT SELECT ON bun_migrations TO `+AppRole); err != nil {
		return err
	}
	return fn(db, all)
}

// becomeOwner makes sure that both roles exist and switches to the owner.
func becomeOwner(ctx context.Context, db *sql.DB) error {
	for _, role := range []string{OwnerRole, AppRole} {
		var exists bool
		if err := db.QueryRowContext(ctx, `SELECT EXISTS (SELECT FROM pg_roles WHERE rolname = $1)`, role).Scan(&exists); err != nil {
			return fmt.Errorf("looking for the role %s: %w", role, err)
		}
		if exists {
			continue
		}
		_, err := db.ExecContext(ctx, `CREATE ROLE `+role+` NOLOGIN NOSUPERUSER NOBYPASSRLS`)
		if err != nil && !isDuplicate(err) {
			return fmt.Errorf("the role %s does not exist and this login may not create it: create it first: %w", role, err)
		}
	}
	var user, database string
	if err := db.QueryRowContext(ctx, `SELECT current_user, current_database()`).Scan(&user, &database); err != nil {
		return err
	}
	if user == OwnerRole {
		return nil
	}
	setup := []string{
		`GRANT ` + OwnerRole + ` TO ` + quoteIdent(user),
		`GRANT ` + AppRole + ` TO ` + quoteIdent(user),
		`GRANT USAGE, CREATE ON SCHEMA public TO ` + OwnerRole,
		`GRANT USAGE ON SCHEMA public TO ` + AppRole,
		`GRANT CREATE ON DATABASE ` + quoteIdent(database) + ` TO ` + OwnerRole, // for the schema of the job queue
		`GRANT CONNECT, TEMPORARY ON DATABASE ` + quoteIdent(database) + ` TO ` + AppRole,
	}
	for _, statement := range setup {
		// A login that may not grant may still have been given all it needs;
		// SET ROLE below tells.
		_, _ = db.ExecContext(ctx, statement)
	}
	if _, err := db.ExecContext(ctx, `SET ROLE `+OwnerRole); err != nil {
		return fmt.Errorf("%s cannot act as %s: grant it that role: %w", user, OwnerRole, err)
	}
	return nil
}

// isDuplicate reports whether another session created the same role first:
// roles belong to the server, and the migration lock to one of its databases.
func isDuplicate(err error) bool {
	var pgErr *pgconn.PgError
	return errors.As(err, &pgErr) && (pgErr.Code == "42710" || pgErr.Code == "23505")
}

func quoteIdent(name string) string { return `"` + strings.ReplaceAll(name, `"`, `""`) + `"` }
