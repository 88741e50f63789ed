package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"upstream/bench/seed"
)

func main() {
	ctx, cancel := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	cancel()
	if err != nil {
		_, _ = fmt.Fprintln(os.Stderr, "load:", err)
		os.Exit(1)
	}
}

// The profiles.
const (
	profileMixed = "mixed"
	profileRate  = "rate"
	profileKnee  = "knee"
	profileCI    = "ci"
)

// settings are what the flags say.
type settings struct {
	profile string
	// url and adminURL are of a server that runs already; empty to start one.
	url, adminURL string
	from          seed.Source
	plan          seed.Plan
	// k6 and program are what is run; without a program it is built.
	k6, program string
	duration    time.Duration
	rate        int
	// maxUsers and step are of the knee.
	maxUsers int
	step     time.Duration
	// dashboard is the port of k6's page; -1 for none.
	dashboard int
	reports   string
	// out is the document whose block is replaced; empty for none.
	out string
}

func parse(args []string, to io.Writer) (settings, error) {
	s := settings{plan: seed.DefaultPlan(), from: seed.Source{Progress: to}}
	flags := flag.NewFlagSet("load", flag.ContinueOnError)
	flags.SetOutput(to)
	flags.StringVar(&s.profile, "profile", profileMixed, "mixed, rate, knee or ci")
	flags.StringVar(&s.url, "url", "", "`URL` of a server that runs, on what -data-dir says is seeded; one is started when empty")
	flags.StringVar(&s.adminURL, "admin-url", "", "`URL` of its admin listener, for what the pool waits")
	flags.StringVar(&s.from.URL, "database-url", os.Getenv("DATABASE_URL"), "PostgreSQL `URL` (DATABASE_URL); an embedded one when empty")
	flags.StringVar(&s.from.MigrationURL, "migration-url", os.Getenv("UPSTREAM_MIGRATION_URL"), "login that may change the schema (UPSTREAM_MIGRATION_URL)")
	flags.StringVar(&s.from.DataDir, "data-dir", "", "`DIR` of the embedded database and of "+seed.FactsFile)
	flags.IntVar(&s.plan.Customers, "customers", s.plan.Customers, "how many customers are seeded")
	flags.IntVar(&s.plan.Claims, "claims", s.plan.Claims, "how many claims they have together")
	flags.IntVar(&s.plan.Largest, "largest", s.plan.Largest, "how many of the claims are of the first customer")
	flags.StringVar(&s.k6, "k6", "k6", "`PROGRAM` to run: go install go.k6.io/k6@v1.8.1")
	flags.StringVar(&s.program, "program", "", "`PROGRAM` to start as the server; built when empty")
	flags.DurationVar(&s.duration, "duration", 0, "how long requests are made: 5m, or 2m for rate and 20s for ci")
	flags.IntVar(&s.rate, "rate", 100, "requests per second of the profile rate")
	flags.IntVar(&s.maxUsers, "users", 256, "how many users the profile knee tries at most")
	flags.DurationVar(&s.step, "step", 15*time.Second, "how long the profile knee tries each number of users")
	flags.IntVar(&s.dashboard, "dashboard", 5665, "`PORT` of k6's page of the run; -1 for none")
	flags.StringVar(&s.reports, "reports", filepath.Join("bench", "load", "reports"), "`DIR` for reports")
	flags.StringVar(&s.out, "out", "", "`DOCUMENT` whose block for the profile is replaced, such as docs/load.md")
	if err := flags.Parse(args); err != nil {
		return s, err
	}
	sized := false
	flags.Visit(func(f *flag.Flag) {
		sized = sized || f.Name == "customers" || f.Name == "claims" || f.Name == "largest"
	})
	if err := s.complete(); err != nil {
		return s, err
	}
	if there, err := seed.Read(s.from.DataDir); err == nil && !sized {
		s.plan = there.Plan() // what was seeded will do
	}
	s.plan.Password = os.Getenv("UPSTREAM_LOAD_PASSWORD")
	return s, nil
}

// complete fills in what depends on other settings.
func (s *settings) complete() error {
	lasting := map[string]time.Duration{profileMixed: 5 * time.Minute, profileRate: 2 * time.Minute, profileKnee: s.step, profileCI: 20 * time.Second}
	usual, ok := lasting[s.profile]
	if !ok {
		return fmt.Errorf("-profile must be mixed, rate, knee or ci, not %q", s.profile)
	}
	if s.duration == 0 {
		s.duration = usual
	}
	if s.duration < time.Second || s.step < time.Second || s.rate < 1 || s.maxUsers < 1 {
		return errors.New("-duration and -step must be a second or more, -rate and -users 1 or more")
	}
	if s.profile == profileCI {
		s.dashboard = -1
	}
	if s.from.DataDir == "" {
		dir, err := seed.DefaultDataDir()
		if err != nil {
			return err
		}
		s.from.DataDir = dir
	}
	// k6 looks for files from the folder of its scripts.
	var err error
	if s.from.DataDir, err = filepath.Abs(s.from.DataDir); err != nil {
		return err
	}
	if s.reports, err = filepath.Abs(s.reports); err != nil {
		return err
	}
	return os.MkdirAll(s.reports, 0o755) //nolint:gosec // reports are for everybody
}

// run seeds, starts what has to be started, and runs the profile.
func run(ctx context.Context, args []string, out, log io.Writer) error {
	s, err := parse(args, log)
	if errors.Is(err, flag.ErrHelp) {
		return nil
	}
	if err != nil {
		return err
	}
	return s.withSite(ctx, log, func(on *site) error {
		switch s.profile {
		case profileKnee:
			return on.knee(ctx, out)
		case profileCI:
			return on.ci(ctx, out)
		default:
			return on.once(ctx, out)
		}
	})
}
