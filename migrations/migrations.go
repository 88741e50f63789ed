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
	"maps"
	"slices"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
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

// Step is one migration and when it was applied; zero when it was not.
type Step struct {
	Name      string    `json:"name"`
	AppliedAt time.Time `json:"applied_at,omitzero"`
	// Newer says that this program does not know it: a newer version applied it. Its
	// name is but its number then.
	Newer bool `json:"newer,omitempty"`
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

// Up applies every pending migration: see [Migrator.Up].
func Up(ctx context.Context, url string) ([]string, error) { return Migrator{URL: url}.Up(ctx) }

// Down undoes the newest applied migrations: see [Migrator.Down].
func Down(ctx context.Context, url string, steps int) ([]string, error) {
	return Migrator{URL: url}.Down(ctx, steps)
}

// Status lists every migration of this program and when it was applied, and
// then those that a newer version has applied.
func Status(ctx context.Context, db *sql.DB) ([]Step, error) {
	all, err := discover(files)
	if err != nil {
		return nil, err
	}
	applied, err := appliedAt(ctx, db)
	if err != nil {
		return nil, err
	}
	steps := make([]Step, 0, len(all))
	for _, m := range all {
		steps = append(steps, Step{Name: m.String(), AppliedAt: applied[m.Name]})
		delete(applied, m.Name)
	}
	for _, number := range slices.Sorted(maps.Keys(applied)) {
		steps = append(steps, Step{Name: number, AppliedAt: applied[number], Newer: true})
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

func discover(from fs.FS) (migrate.MigrationSlice, error) {
	m := migrate.NewMigrations()
	if err := m.Discover(from); err != nil {
		return nil, fmt.Errorf("migrations: %w", err)
	}
	return m.Sorted(), nil
}
