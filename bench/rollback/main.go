package main

import (
	"context"
	"database/sql"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"

	"upstream/bench/program"
	"upstream/internal/postgres"
	"upstream/migrations"
)

// options are how long and how much.
type options struct {
	from, to string
	servers  int
	// steady is how long each part of the story lasts in which nothing changes, pause
	// the time between two rounds of everybody who works with the service.
	steady, pause time.Duration
}

func main() {
	var o options
	flag.StringVar(&o.from, "from", "", "program of the version that serves at first")
	flag.StringVar(&o.to, "to", "", "program of the version that replaces it for a while")
	flag.IntVar(&o.servers, "servers", 2, "how many servers there are")
	flag.DurationVar(&o.steady, "steady", 4*time.Second, "how long each part lasts in which nothing changes")
	flag.DurationVar(&o.pause, "pause", 50*time.Millisecond, "time between two rounds of each client")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, o, os.Stdout)
	stop()
	if err != nil {
		_, _ = fmt.Fprintln(os.Stderr, "rollback:", err)
		os.Exit(1)
	}
}

// run tells the whole story on a database of its own.
func run(ctx context.Context, o options, out io.Writer) (err error) {
	if o.from == "" || o.to == "" || o.servers < 2 {
		return errors.New("name two programs by -from and -to, and have two servers or more")
	}
	dir, err := os.MkdirTemp("", "upstream-rollback-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	if err := os.Chmod(dir, 0o755); err != nil { //nolint:gosec // the server's account passes through
		return err
	}
	database, err := postgres.Start(ctx, postgres.Options{DataDir: filepath.Join(dir, "postgres"), BinDir: os.Getenv("UPSTREAM_PG_BIN"), Progress: out, Fast: true})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, database.Stop(context.WithoutCancel(ctx))) }()
	pool, err := pgxpool.New(ctx, database.OwnerURL())
	if err != nil {
		return err
	}
	defer pool.Close()
	db := stdlib.OpenDBFromPool(pool)
	defer func() { _ = db.Close() }()
	s := &story{
		options: o, out: out, faults: &faults{}, ledger: newLedger(), pool: pool, db: db, appURL: database.AppURL(),
		before: version{"the version before", o.from, nil}, after: version{"the new version", o.to, nil},
	}
	s.before.env = environment(map[string]string{
		"DATABASE_URL": database.AppURL(), "UPSTREAM_MIGRATION_URL": database.OwnerURL(), "UPSTREAM_DATA_DIR": dir,
		"UPSTREAM_SECRET_KEY": strings.Repeat("s", 32), "UPSTREAM_ADDR": "127.0.0.1:0", "UPSTREAM_ADMIN_ADDR": "",
		"UPSTREAM_THROTTLE": "off", "UPSTREAM_MAX_CONNS": "12", "UPSTREAM_DRAIN_DELAY": "1s", "UPSTREAM_DRAIN_TIMEOUT": "30s",
		"UPSTREAM_WEBHOOK_ALLOW": "127.0.0.1/32", "UPSTREAM_USER_PASSWORD": userPassword, "LOG_LEVEL": "warn",
		"UPSTREAM_SLOW_STATEMENT": "1h", // how fast it is, is not the question
	})
	s.after.env = s.before.env
	return errors.Join(s.tell(ctx), s.faults.verdict(out))
}

// story is what happens.
type story struct {
	options

	out    io.Writer
	faults *faults
	ledger *ledger
	pool   *pgxpool.Pool
	db     *sql.DB
	appURL string

	before, after version
	clinic        *clinic
	balancer      *balancer
	receiver      *receiver
	load          *load
	servers       []*program.Server
	backends      []*backend
	begun         time.Time
}

// stepf says what goes on from now.
func (s *story) stepf(format string, args ...any) {
	what := fmt.Sprintf(format, args...)
	s.faults.enter(what)
	_, _ = fmt.Fprintf(s.out, "%6.1f s  %s\n", time.Since(s.begun).Seconds(), what)
}

// tell goes from one version to the other and back, under load, and then looks at
// what has come of it. Its error is what kept it from going on; what was wrong are
// the faults.
func (s *story) tell(ctx context.Context) error {
	s.begun = time.Now()
	s.stepf("the version before makes its schema")
	if _, err := s.before.run(ctx, "migrate", "up"); err != nil {
		return err
	}
	last, schema, err := s.state(ctx)
	if err != nil {
		return err
	}
	defer s.kill()
	closeAll, err := s.open(ctx)
	if err != nil {
		return err
	}
	defer closeAll()
	if err := s.goThere(ctx); err != nil {
		return err
	}
	if err := s.goBack(ctx, last); err != nil {
		return err
	}
	s.load.end()
	s.stepf("nobody asks for more; what is queued is done")
	if err := s.settle(ctx); err != nil {
		return err
	}
	_, now, err := s.state(ctx)
	if err != nil {
		return err
	}
	s.stepf("looking at what has come of %d requests", s.balancer.requests.Load())
	if now != schema {
		s.faults.addf("the schema is not what it was before:\n%s", differing(schema, now))
	}
	return s.check(ctx)
}

// state is the number of the last migration, and the schema.
func (s *story) state(ctx context.Context) (last, schema string, err error) {
	steps, err := ask[[]migrations.Step](ctx, s.before, "migrate", "status")
	if err != nil {
		return "", "", err
	}
	last, _, _ = strings.Cut(steps[len(steps)-1].Name, "_")
	schema, err = migrations.Dump(ctx, s.db)
	return last, schema, err
}

// differing are the lines that only one of two texts has.
func differing(before, after string) string {
	only := func(sign, text, other string) (lines []string) {
		for line := range strings.Lines(text) {
			if !strings.Contains(other, line) {
				lines = append(lines, sign+strings.TrimRight(line, "\n"))
			}
		}
		return lines
	}
	return strings.Join(append(only("- ", before, after), only("+ ", after, before)...), "\n")
}

// open starts the servers, the balancer before them and whoever works with them.
func (s *story) open(ctx context.Context) (closeAll func(), err error) {
	s.stepf("%d servers of the version before serve", s.options.servers)
	s.balancer = newBalancer(s.faults)
	s.receiver = &receiver{faults: s.faults, heard: map[int64]string{}}
	var stops []func()
	closeAll = func() {
		for _, stop := range stops {
			stop()
		}
	}
	listen := func(handler http.Handler) (string, error) {
		listener, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
		if err != nil {
			return "", err
		}
		server := &http.Server{Handler: handler, ReadHeaderTimeout: time.Minute}
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			_ = server.Serve(listener) // until it is closed
		}()
		stops = append(stops, func() {
			_ = server.Close() // nobody is connected any more who matters
			<-ended
		})
		return "http://" + listener.Addr().String(), nil
	}
	url, err := listen(s.balancer)
	if err != nil {
		return closeAll, err
	}
	partner, err := listen(s.receiver)
	if err != nil {
		return closeAll, err
	}
	for range s.options.servers {
		if err := s.start(ctx, s.before); err != nil {
			return closeAll, err
		}
	}
	if err := s.furnish(ctx, url, partner); err != nil {
		return closeAll, err
	}
	s.load = s.clinic.load()
	s.load.start(ctx, s.pause)
	return closeAll, s.load.goOn(ctx, s.steady)
}

// goThere brings the new version in.
func (s *story) goThere(ctx context.Context) error {
	s.stepf("the new version's migrations go up")
	begun := time.Now()
	applied, err := ask[map[string][]string](ctx, s.after, "migrate", "up")
	if err != nil {
		return err
	}
	_, _ = fmt.Fprintf(s.out, "          %d applied in %s: %s\n", len(applied["applied"]), time.Since(begun).Round(time.Millisecond), strings.Join(applied["applied"], ", "))
	s.stepf("the version before serves on the new schema")
	if err := s.load.goOn(ctx, s.steady); err != nil {
		return err
	}
	if err := s.replaceAll(ctx, s.after); err != nil {
		return err
	}
	s.stepf("the new version serves")
	if err := s.load.goOn(ctx, s.steady); err != nil {
		return err
	}
	s.compareRollups(ctx)
	return nil
}

// goBack takes the new version out again.
func (s *story) goBack(ctx context.Context, last string) error {
	if err := s.replaceAll(ctx, s.before); err != nil {
		return err
	}
	s.stepf("the version before serves again, on the new schema")
	if err := s.load.goOn(ctx, s.steady); err != nil {
		return err
	}
	s.stepf("the new version's migrations go down to %s", last)
	begun := time.Now()
	undone, err := ask[map[string][]string](ctx, s.after, "migrate", "down", "--to="+last)
	if err != nil {
		return err
	}
	_, _ = fmt.Fprintf(s.out, "          %d undone in %s\n", len(undone["undone"]), time.Since(begun).Round(time.Millisecond))
	s.stepf("the version before serves as if nothing had been")
	return s.load.goOn(ctx, s.steady)
}

// start adds a server.
func (s *story) start(ctx context.Context, v version) error {
	started, err := v.serve(ctx)
	if err != nil {
		return err
	}
	s.servers = append(s.servers, started)
	backend, err := s.balancer.add(ctx, started.URL)
	if err != nil {
		return fmt.Errorf("a server of %s: %w", v.name, err)
	}
	s.backends = append(s.backends, backend)
	return nil
}

// replaceAll replaces the servers one by one: the oldest ends, and only then its
// successor starts, so that there is one less meanwhile.
func (s *story) replaceAll(ctx context.Context, by version) error {
	for i := range s.options.servers {
		s.stepf("server %d is replaced by one of %s", i+1, by.name)
		oldest, backend := s.servers[0], s.backends[0]
		s.servers, s.backends = s.servers[1:], s.backends[1:]
		backend.asked.Store(true)
		took, err := oldest.End()
		s.faults.check("replacing a server", err)
		s.balancer.remove(backend)
		if err := s.start(ctx, by); err != nil {
			return err
		}
		_, _ = fmt.Fprintf(s.out, "          it ended in %s\n", took.Round(time.Millisecond))
	}
	return nil
}

// kill ends what is left of the servers.
func (s *story) kill() {
	for _, b := range s.backends {
		b.stop()
		b.polled.Wait()
	}
	for _, server := range s.servers {
		server.Kill()
	}
}
