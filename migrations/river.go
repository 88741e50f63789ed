package migrations

import (
	"context"
	"fmt"
	"log/slog"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
	"github.com/riverqueue/river/rivermigrate"
	"github.com/uptrace/bun/migrate"
)

// RiverSchema is the schema of the job queue's tables.
const RiverSchema = "river"

// riverStep is the part of one of our migrations that is River's: from one
// version of its schema to another. From version 0 there is nothing yet.
type riverStep struct {
	migration string
	from, to  int
}

// riverSteps are pinned, so that a newer River changes no schema by itself: it
// needs a migration of ours with a step here. A test fails until it has one.
func riverSteps() []riverStep {
	return []riverStep{{migration: "0007", from: 0, to: 8}}
}

// withRiver makes River's steps a part of the migrations they belong to. River
// runs each of its versions in a transaction and remembers it, so a failure in
// between leaves whole versions, and the next attempt goes on there.
func withRiver(all migrate.MigrationSlice, url string) {
	for _, step := range riverSteps() {
		for i := range all {
			if all[i].Name == step.migration {
				step.wrap(&all[i], url)
			}
		}
	}
}

func (s riverStep) wrap(m *migrate.Migration, url string) {
	up, down := m.Up, m.Down
	m.Up = func(ctx context.Context, by *migrate.Migrator, m *migrate.Migration) error {
		if err := up(ctx, by, m); err != nil {
			return err
		}
		return runRiver(ctx, url, rivermigrate.DirectionUp, s.to)
	}
	m.Down = func(ctx context.Context, by *migrate.Migrator, m *migrate.Migration) error {
		target := s.from
		if target == 0 {
			target = -1 // as River spells "all of it"
		}
		if err := runRiver(ctx, url, rivermigrate.DirectionDown, target); err != nil {
			return err
		}
		return down(ctx, by, m)
	}
}

// runRiver takes River's schema to a version. Its migrator wants a pool, so it
// has a connection beside the one that holds our lock.
func runRiver(ctx context.Context, url string, direction rivermigrate.Direction, target int) error {
	config, err := pgxpool.ParseConfig(url)
	if err != nil {
		return fmt.Errorf("the database URL cannot be read: %w", err)
	}
	config.MaxConns = 1
	config.ConnConfig.RuntimeParams["application_name"] = "upstream migrate"
	config.ConnConfig.RuntimeParams["lock_timeout"] = lockTimeout
	config.AfterConnect = func(ctx context.Context, conn *pgx.Conn) error {
		_, err := conn.Exec(ctx, `SET ROLE `+OwnerRole)
		return err
	}
	pool, err := pgxpool.NewWithConfig(ctx, config)
	if err != nil {
		return err
	}
	defer pool.Close()
	migrator, err := rivermigrate.New(riverpgxv5.New(pool), &rivermigrate.Config{
		Schema: RiverSchema, Logger: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		return err
	}
	_, err = migrator.Migrate(ctx, direction, &rivermigrate.MigrateOpts{TargetVersion: target})
	return err
}

// riverText is what River's steps add to the identity of the migrations.
func riverText() string {
	var text strings.Builder
	for _, s := range riverSteps() {
		_, _ = fmt.Fprintf(&text, "%s river %d to %d\n", s.migration, s.from, s.to)
	}
	return text.String()
}
