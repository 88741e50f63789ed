package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"regexp"
	"slices"
	"syscall"
	"time"

	"upstream/bench/program"
	"upstream/bench/seed"
	"upstream/internal/auth"
)

// settings are the flags.
type settings struct {
	plan

	database seed.Source
	// program is a build to measure; empty to build one.
	program, cases, out string
}

func main() {
	ctx, cancel := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer cancel()
	if err := run(ctx, os.Args[1:], os.Stdout, os.Stderr); err != nil {
		_, _ = fmt.Fprintln(os.Stderr, "limit:", err)
		os.Exit(1) //nolint:gocritic // nothing is left to cancel
	}
}

func parse(args []string, log io.Writer) (s settings, err error) {
	flags := flag.NewFlagSet("limit", flag.ContinueOnError)
	flags.SetOutput(log)
	flags.IntVar(&s.claims, "claims", 1_000_000, "how many claims there are; 3 of 10 are of the customer that asks")
	flags.IntVar(&s.rounds, "rounds", 3, "how often each case is measured")
	flags.DurationVar(&s.lasting, "for", 2*time.Second, "how long a round lasts, in whole seconds")
	flags.StringVar(&s.cases, "cases", "", "regular `EXPRESSION`: only cases whose name it matches")
	flags.StringVar(&s.out, "out", "", "`FILE` in Markdown whose block of figures is replaced")
	flags.StringVar(&s.program, "program", "", "`FILE`: a build of the program; one is built when empty")
	flags.StringVar(&s.before, "before", "", "`FILE`: another build, measured in turns with the first")
	flags.StringVar(&s.profiles, "profiles", "", "`FOLDER` for a CPU profile of the program for each case")
	flags.StringVar(&s.database.URL, "database-url", os.Getenv("DATABASE_URL"), "PostgreSQL `URL` to fill, on this machine, of a role bound by row-level security (DATABASE_URL); an embedded one when empty")
	flags.StringVar(&s.database.MigrationURL, "migration-url", os.Getenv("UPSTREAM_MIGRATION_URL"), "login that may change the schema (UPSTREAM_MIGRATION_URL)")
	flags.StringVar(&s.database.DataDir, "data-dir", "", "`FOLDER` of the embedded database, kept for the next time; one of its own when empty")
	if err := flags.Parse(args); err != nil {
		return s, err
	}
	if s.claims < 1000 || s.rounds < 1 || s.lasting < time.Second {
		return s, errors.New("-claims must be 1000 or more, -rounds 1, and -for 1s")
	}
	s.only, err = regexp.Compile(s.cases)
	return s, err
}

// run measures, and says what it found to out.
func run(ctx context.Context, args []string, out, log io.Writer) (err error) {
	s, err := parse(args, log)
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "upstream-limit-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	if err := os.Chmod(dir, 0o711); err != nil { //nolint:gosec // the database's own account passes through
		return err
	}
	if s.database.DataDir == "" {
		s.database.DataDir = dir
	}
	if s.program == "" {
		if s.program, err = program.Build(ctx, dir); err != nil {
			return err
		}
	}
	text, err := s.measured(ctx, dir, log)
	if err != nil {
		return err
	}
	if _, err := io.WriteString(out, text); err != nil || s.out == "" {
		return err
	}
	return section().ReplaceIn(s.out, text)
}

// measured is the report.
func (s settings) measured(ctx context.Context, dir string, log io.Writer) (_ string, err error) {
	s.database.Progress = log
	db, err := seed.Open(ctx, s.database, slog.New(slog.DiscardHandler))
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	at := site{plan: s.plan, db: db, log: log, password: "correct horse battery"}
	if at.facts, err = s.fill(ctx, db, at.password); err != nil {
		return "", err
	}
	all, err := cases(ctx, db, at.facts)
	if err != nil {
		return "", err
	}
	all = slices.DeleteFunc(all, func(c requestCase) bool { return !s.only.MatchString(c.name) })
	statements, err := at.statements(ctx, s.program, dir, all)
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, at.close()) }()
	if err := at.open(ctx, s.program, dir); err != nil {
		return "", err
	}
	figures, err := at.run(ctx, all, statements)
	if err != nil {
		return "", err
	}
	var version string
	err = db.Owner.QueryRow(ctx, `SELECT 'PostgreSQL ' || split_part(current_setting('server_version'), ' ', 1)`).Scan(&version)
	return report(s.plan, version, figures), err
}

// fill stores four customers, and answers the one that asks.
func (s settings) fill(ctx context.Context, db *seed.Database, password string) (*seed.Facts, error) {
	hash, err := auth.HashPassword(password)
	if err != nil {
		return nil, err
	}
	asked, err := seed.Customer(ctx, db.Target, seed.Options{Slug: "limit", Claims: s.claims * 3 / 10, PastRuns: 500, PasswordHash: hash})
	if err != nil {
		return nil, err
	}
	for _, slug := range []string{"other-a", "other-b", "other-c"} {
		if _, err := seed.Customer(ctx, db.Target, seed.Options{Slug: slug, Claims: s.claims * 7 / 30, PastRuns: 500}); err != nil {
			return nil, err
		}
	}
	return asked, seed.Settle(ctx, db.Target)
}
