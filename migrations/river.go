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

// riverStepOf is River's part of a migration; nil when it has none.
func riverStepOf(migration string) *riverStep {
	for _, step := range riverSteps() {
		if step.migration == migration {
			return &step
		}
	}
	return nil
}

// up takes River's schema to the step's version. River runs each of its versions
// in a transaction and remembers it, so that a failure or a kill in between leaves
// whole versions, and the next attempt goes on there.
func (s riverStep) up(ctx context.Context, m Migrator) error {
	return m.runRiver(ctx, rivermigrate.DirectionUp, s.to)
}

func (s riverStep) down(ctx context.Context, m Migrator) error {
	target := s.from
	if target == 0 {
		target = -1 // as River spells "all of it"
	}
	return m.runRiver(ctx, rivermigrate.DirectionDown, target)
}

// runRiver takes River's schema to a version. Its migrator wants a pool, so it
// has a connection beside the one that holds our lock.
func (m Migrator) runRiver(ctx context.Context, direction rivermigrate.Direction, target int) error {
	config, err := pgxpool.ParseConfig(m.URL)
	if err != nil {
		return fmt.Errorf("the database URL cannot be read: %w", err)
	}
	config.MaxConns = 1
	m.configure(config.ConnConfig)
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
