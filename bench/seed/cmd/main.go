// Command cmd seeds a database for the load suite, or says that it is seeded:
//
//	go run ./bench/seed/cmd -customers 4 -claims 60000 -largest 30000 -data-dir DIR
//
// Without DATABASE_URL it is an embedded one in a folder of its own.
package main

import (
	"cmp"
	"context"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"upstream/bench/seed"
)

func main() {
	ctx, cancel := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer cancel()
	if err := run(ctx, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "seed:", err)
		os.Exit(1) //nolint:gocritic // nothing is left to cancel
	}
}

func run(ctx context.Context, args []string) (err error) {
	flags := flag.NewFlagSet("seed", flag.ExitOnError)
	plan, from := seed.DefaultPlan(), seed.Source{Progress: os.Stderr}
	flags.IntVar(&plan.Customers, "customers", plan.Customers, "how many customers")
	flags.IntVar(&plan.Claims, "claims", plan.Claims, "how many claims they have together")
	flags.IntVar(&plan.Largest, "largest", plan.Largest, "how many of the claims are of the first customer")
	flags.Uint64Var(&plan.Seed, "seed", plan.Seed, "which claims, of all there could be")
	flags.StringVar(&plan.Password, "password", os.Getenv("UPSTREAM_LOAD_PASSWORD"), "`PASSWORD` of all users (UPSTREAM_LOAD_PASSWORD); random when empty")
	flags.StringVar(&from.URL, "database-url", os.Getenv("DATABASE_URL"), "PostgreSQL `URL` to fill (DATABASE_URL); an embedded one when empty")
	flags.StringVar(&from.MigrationURL, "migration-url", os.Getenv("UPSTREAM_MIGRATION_URL"), "login that may change the schema (UPSTREAM_MIGRATION_URL)")
	flags.StringVar(&from.DataDir, "data-dir", "", "`DIR` of the embedded database and of "+seed.FactsFile+", which names what was made")
	if err := flags.Parse(args); err != nil {
		return err
	}
	own, err := seed.DefaultDataDir()
	if from.DataDir = cmp.Or(from.DataDir, own); from.DataDir == "" {
		return err
	}
	if err := os.MkdirAll(from.DataDir, 0o755); err != nil { //nolint:gosec // the database's own account must pass through
		return err
	}
	log := slog.New(slog.NewTextHandler(os.Stderr, nil))
	began := time.Now()
	db, err := seed.Open(ctx, from, log)
	if err != nil {
		return err
	}
	defer func() {
		if closeErr := db.Close(); err == nil {
			err = closeErr
		}
	}()
	world, err := seed.Fill(ctx, db.Target, plan, from.DataDir, log)
	if err != nil {
		return err
	}
	fmt.Printf("%d customers with %d claims, seeded in %s; %s has what clients need\n", len(world.Customers), world.Claims(),
		time.Since(began).Round(time.Second), filepath.Join(from.DataDir, seed.FactsFile))
	return nil
}
