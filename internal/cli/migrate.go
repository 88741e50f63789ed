package cli

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"text/tabwriter"

	"upstream/migrations"
)

type migrateCommand struct {
	Up     migrateUp     `cmd:"" help:"Apply every pending migration."`
	Down   migrateDown   `cmd:"" help:"Undo the newest migrations."`
	Status migrateStatus `cmd:"" help:"List the migrations and when each was applied."`
}

type migrateUp struct{}

type migrateDown struct {
	Steps int    `default:"1" help:"How many to undo."`
	To    string `xor:"how" help:"Undo every one that is newer than this one, by its number." placeholder:"NNNN"`
	All   bool   `xor:"how" help:"Undo every one. All data is lost."`
}

// Help is what --help adds.
func (migrateUp) Help() string {
	return "Servers of this version and the one before may run meanwhile. A migration that cannot have a lock at once lets " +
		"others through and tries again for some minutes. It may be run by several at once, and again after it was broken off."
}

// Help is what --help adds.
func (migrateDown) Help() string {
	return "What a migration added is lost with all that is in it. To go back to the version before, replace the servers " +
		"first, then run this version's `migrate down --to` with the number of the last migration of that one. " +
		"Migrations that this program does not know are undone by the version that made them."
}

type migrateStatus struct{}

// Run applies what is pending.
func (migrateUp) Run(ctx context.Context, a *app) error {
	return a.withDatabase(ctx, func(d *database) error {
		names, err := a.migrate(ctx, d)
		if err != nil {
			return err
		}
		return a.printMigrations("applied", names, "The schema is up to date.")
	})
}

// Run undoes the newest migrations.
func (c migrateDown) Run(ctx context.Context, a *app) error {
	if c.Steps < 1 {
		return usageError{errors.New("--steps must be 1 or more")}
	}
	return a.withDatabase(ctx, func(d *database) error {
		if err := proveServer(ctx, d.ownerURL); err != nil {
			return err
		}
		names, err := c.undo(ctx, migrations.Migrator{URL: d.ownerURL, Logger: a.log})
		if errors.Is(err, migrations.ErrNoMigration) {
			return usageError{fmt.Errorf("--to: %w", err)}
		}
		if err != nil && len(names) > 0 {
			a.log.WarnContext(ctx, "migrations undone before the failure", "names", strings.Join(names, ", "))
		}
		if err != nil {
			return err
		}
		return a.printMigrations("undone", names, "There is nothing to undo.")
	})
}

func (c migrateDown) undo(ctx context.Context, m migrations.Migrator) ([]string, error) {
	number, _, _ := strings.Cut(c.To, "_") // a name begins with its number
	switch {
	case c.All:
		return m.DownTo(ctx, "0000")
	case c.To != "":
		return m.DownTo(ctx, number)
	}
	return m.Down(ctx, c.Steps)
}

// Run lists all migrations.
func (migrateStatus) Run(ctx context.Context, a *app) error {
	return a.withDatabase(ctx, func(d *database) error {
		if err := proveServer(ctx, d.ownerURL); err != nil {
			return err
		}
		db, err := sql.Open("pgx", d.ownerURL)
		if err != nil {
			return err
		}
		defer func() { _ = db.Close() }()
		steps, err := migrations.Status(ctx, db)
		if err != nil {
			return err
		}
		return a.print(steps, func(w *tabwriter.Writer) { printSteps(w, steps) })
	})
}

func printSteps(w *tabwriter.Writer, steps []migrations.Step) {
	_, _ = fmt.Fprintln(w, "MIGRATION\tAPPLIED")
	for _, s := range steps {
		applied := "pending"
		if !s.AppliedAt.IsZero() {
			applied = s.AppliedAt.UTC().Format("2006-01-02 15:04:05Z")
		}
		if s.Newer {
			applied += " by a newer version"
		}
		_, _ = fmt.Fprintf(w, "%s\t%s\n", s.Name, applied)
	}
}

func (a *app) printMigrations(verb string, names []string, none string) error {
	if names == nil {
		names = []string{}
	}
	return a.print(map[string][]string{verb: names}, func(w *tabwriter.Writer) {
		for _, name := range names {
			_, _ = fmt.Fprintf(w, "%s\t%s\n", verb, name)
		}
		if len(names) == 0 {
			_, _ = fmt.Fprintln(w, none)
		}
	})
}
