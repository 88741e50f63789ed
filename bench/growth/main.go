package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"upstream/bench/program"
	"upstream/bench/seed"
)

func main() {
	ctx, cancel := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer cancel()
	if err := run(ctx, os.Args[1:]); err != nil {
		_, _ = fmt.Fprintln(os.Stderr, "growth:", err)
		os.Exit(1) //nolint:gocritic // nothing is left to cancel
	}
}

// settings are what the measurement is told.
type settings struct {
	// claims are the sizes, the smallest first.
	claims []int
	// rows is how long the file is that is ingested at each size.
	rows int
	// round is how long each request is repeated.
	round time.Duration
	// out is the document, none when empty; dir is where the databases go.
	out, dir string
}

func parse(args []string) (s settings, err error) {
	flags := flag.NewFlagSet("growth", flag.ContinueOnError)
	claims := flags.String("claims", "100000,1000000,10000000", "`SIZES` of the customer, two or more")
	flags.IntVar(&s.rows, "rows", 100_000, "rows of the file that is ingested at each size")
	flags.DurationVar(&s.round, "round", 2*time.Second, "how long each request is repeated")
	flags.StringVar(&s.out, "out", "", "`FILE` whose table is replaced, with its plot in the folder images beside it; the table is printed when empty")
	flags.StringVar(&s.dir, "dir", os.TempDir(), "`DIR` for databases, which are removed again: 1 GB for each million claims")
	if err := flags.Parse(args); err != nil {
		return s, err
	}
	for text := range strings.SplitSeq(*claims, ",") {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1000 {
			return s, fmt.Errorf("%q is not a number of claims, 1,000 or more", text)
		}
		s.claims = append(s.claims, n)
	}
	slices.Sort(s.claims)
	if s.claims = slices.Compact(s.claims); len(s.claims) < 2 || s.rows < 1 {
		return s, errors.New("growth takes two sizes or more, and a file of one row or more")
	}
	return s, nil
}

func run(ctx context.Context, args []string) (err error) {
	s, err := parse(args)
	if err != nil {
		return err
	}
	if s.out != "" { // before the time is spent
		if _, err := block().OfFile(s.out); err != nil {
			return err
		}
	}
	dir, err := os.MkdirTemp(s.dir, "upstream-growth-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	if err := os.Chmod(dir, 0o755); err != nil { //nolint:gosec // the database's own account must pass through
		return err
	}
	binary, err := program.Build(ctx, dir)
	if err != nil {
		return err
	}
	r := report{sizes: s.claims, rows: s.rows}
	for _, claims := range s.claims {
		if err := r.add(ctx, s, claims, filepath.Join(dir, strconv.Itoa(claims)), binary); err != nil {
			return fmt.Errorf("%d claims: %w", claims, err)
		}
	}
	return r.write(s.out)
}

// add measures one size and removes its database.
func (r *report) add(ctx context.Context, s settings, claims int, dir, binary string) (err error) {
	site, err := open(ctx, claims, dir, binary)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, site.close(), os.RemoveAll(dir)) }()
	site.round = s.round
	for _, c := range site.cases() {
		f, err := site.measure(ctx, c)
		if err != nil {
			return fmt.Errorf("%s: %w", c.name, err)
		}
		r.note(c, f)
	}
	detection, err := site.detect(ctx)
	if err != nil {
		return err
	}
	r.note(detectionLine(), detection)
	ingestion, err := site.ingest(ctx, s.rows)
	if err != nil {
		return err
	}
	r.note(ingestionLine(), ingestion)
	_, _ = fmt.Fprintf(os.Stderr, "%d claims measured\n", claims)
	return nil
}

// seedOf chooses among all customers of a size.
const seedOf = 7

// days is over how many days the decisions of every size spread: what grows is
// how many there are on a day.
const days = 1000

func options(claims int) seed.Options {
	return seed.Options{Slug: "growth", Claims: claims, Days: days, Seed: seedOf}
}
