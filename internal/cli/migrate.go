package cli

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"text/tabwriter"

	_ "github.com/jackc/pgx/v5/stdlib" // the driver behind sql.Open

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
	return a.migrating(ctx, func(url string) error {
		names, err := migrations.Up(ctx, url)
		if err != nil {
			return connectProblem(ctx, url, err)
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
	return a.migrating(ctx, func(url string) error {
		names, err := migrations.Down(ctx, url, steps)
		if err != nil {
			return connectProblem(ctx, url, err)
		}
		return a.printMigrations("undone", names, "No migration is applied.")
	})
}

// Run lists all migrations.
func (migrateStatus) Run(ctx context.Context, a *app) error {
	return a.migrating(ctx, func(url string) error {
		db, err := sql.Open("pgx", url)
		if err != nil {
			return err
		}
		defer func() { _ = db.Close() }()
		steps, err := migrations.Status(ctx, db)
		if err != nil {
			return connectProblem(ctx, url, err)
		}
		return a.print(steps, func(w *tabwriter.Writer) {
			_, _ = fmt.Fprintln(w, "MIGRATION\tAPPLIED")
			for _, s := range steps {
				applied := "pending"
				if !s.AppliedAt.IsZero() {
					applied = s.AppliedAt.UTC().Format("2006-01-02 15:04:05Z")
				}
				_, _ = fmt.Fprintf(w, "%s\t%s\n", s.Name, applied)
			}
		})
	})
}

func (a *app) migrating(ctx context.Context, fn func(ownerURL string) error) (err error) {
	d, err := a.findDatabase(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, d.stop()) }()
	return fn(d.ownerURL)
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
