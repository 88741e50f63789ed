package cli

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
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
	Steps int  `default:"1" help:"How many to undo."`
	All   bool `help:"Undo every one. All data is lost."`
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
	steps := c.Steps
	if c.All {
		steps = 1 << 20
	}
	if steps < 1 {
		return usageError{errors.New("--steps must be 1 or more")}
	}
	return a.withDatabase(ctx, func(d *database) error {
		if err := proveServer(ctx, d.ownerURL); err != nil {
			return err
		}
		names, err := migrations.Down(ctx, d.ownerURL, steps)
		if err != nil {
			return err
		}
		return a.printMigrations("undone", names, "No migration is applied.")
	})
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
