package cli

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/pprof"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"upstream/internal/config"
	"upstream/internal/guard"
	"upstream/internal/jobs"
	"upstream/internal/obs"
	"upstream/internal/throttle"
	"upstream/store"
)

type serveCommand struct {
	config.Serve
}

// Help is what --help adds.
func (serveCommand) Help() string {
	return "Prints one line, `ready http://HOST:PORT`, when requests are answered. SIGTERM and SIGINT let running " +
		"requests finish; a second one ends the program at once. With --drain-delay requests are taken for a while yet, so " +
		"that a load balancer notices first that /readyz answers 503. With the embedded database it joins the server that " +
		"another command runs on the data directory, and ends when that one does."
}

// Run serves both APIs until the context ends, then drains.
func (c serveCommand) Run(ctx context.Context, a *app) error {
	return a.openServer(ctx, c.Serve, c.Migrate, func(s *server) error {
		return s.run(ctx, func(string) {})
	})
}

// server is what a serving command works with.
type server struct {
	*app
	config    config.Serve
	listeners listeners
	store     *store.Store
	database  *database
	// workers is nil when this process works on no jobs.
	workers   *jobs.Workers
	throttle  *throttle.Throttle
	telemetry *obs.Telemetry
	// leaving says that the server is about to end.
	leaving atomic.Bool
}

// openServer gives fn a server that is about to listen. What can be found wrong
// without the database is found first.
func (a *app) openServer(ctx context.Context, c config.Serve, migrate bool, fn func(*server) error) error {
	if err := c.RequireSecret(a.DatabaseURL == ""); err != nil {
		return err
	}
	defer ReserveHeap(os.LookupEnv)()
	return a.withTelemetry(ctx, c.Observe, func(telemetry *obs.Telemetry) error {
		limits, err := a.newThrottle(c, func(class throttle.Class) { telemetry.Throttled(string(class)) })
		if err != nil {
			return err
		}
		defer func() { _ = limits.Close() }()
		l, err := listen(ctx, c)
		if err != nil {
			return err
		}
		defer l.close()
		keys := c.Keys()
		opening := opening{maxConns: c.MaxConns, migrate: migrate, keys: &keys, telemetry: telemetry, webhooks: &c.Webhooks}
		return a.open(ctx, opening, func(st *store.Store, d *database) error {
			return fn(&server{app: a, config: c, listeners: l, store: st, database: d, throttle: limits, telemetry: telemetry})
		})
	})
}

// newThrottle is nil when throttling is switched off; refused hears of every
// refusal.
func (a *app) newThrottle(c config.Serve, refused func(throttle.Class)) (*throttle.Throttle, error) {
	rates, err := throttle.ParseRates(c.ThrottleRates)
	if err != nil {
		return nil, usageError{fmt.Errorf("--throttle-rates: %w", err)}
	}
	t, err := throttle.New(throttle.Options{Rates: rates, RedisURL: c.RedisURL, Logger: a.log, Refused: refused})
	if err != nil {
		return nil, usageError{err}
	}
	if c.Throttle == "off" {
		return nil, t.Close()
	}
	return t, nil
}

// patience is how long a connection may take, against clients that are slow on
// purpose.
type patience struct {
	// header is for the request line and the headers, read for the whole request,
	// write for everything from the headers to the end of the answer. Bodies may
	// take longer than headers: a claims file is large. The edges demand small
	// bodies sooner.
	header, read, write time.Duration
	// idle is for the time between two requests.
	idle time.Duration
}

func defaultPatience() patience {
	return patience{header: 10 * time.Second, read: 15 * time.Minute, write: 20 * time.Minute, idle: 2 * time.Minute}
}

const maxHeaderBytes = 64 << 10

// run serves until ctx ends or something fails, calls ready with the address
// once requests are answered, and drains.
func (s *server) run(ctx context.Context, ready func(url string)) error {
	if err := s.prepareWorkers(ctx); err != nil {
		return err
	}
	handler, err := s.handler()
	if err != nil {
		return err
	}
	stopWorkers, err := s.startWorkers(ctx)
	if err != nil {
		return err
	}
	// Requests outlive ctx, and end at last when draining is over.
	requests, cancelRequests := context.WithCancel(context.WithoutCancel(ctx))
	failed := make(chan error, 3)
	var group sync.WaitGroup
	defer group.Wait()
	defer cancelRequests()
	public := newServer(requests, s.parting(handler), s.log, defaultPatience())
	servers := []*http.Server{public}
	group.Go(func() { failed <- public.Serve(s.listeners.public) })
	if s.listeners.admin != nil {
		admin := newServer(requests, adminHandler(s.telemetry), s.log, defaultPatience())
		servers = append(servers, admin)
		group.Go(func() { failed <- admin.Serve(s.listeners.admin) })
		s.log.InfoContext(ctx, "admin listener", "addr", s.listeners.admin.Addr().String())
	}
	if s.database.embedded() {
		group.Go(func() { failed <- s.database.awaitEnd(requests) })
	}
	url := s.listeners.url()
	_, _ = fmt.Fprintln(s.Out, "ready", url)
	ready(url)
	select {
	case <-ctx.Done():
	case err = <-failed:
	}
	return errors.Join(err, s.leave(ctx, servers, failed, stopWorkers))
}

// leave ends what runs: jobs and requests at once, each of which may take all of
// the time.
func (s *server) leave(ctx context.Context, servers []*http.Server, failed <-chan error, stopWorkers func() error) (err error) {
	s.leaving.Store(true)
	jobsDone := make(chan error, 1)
	go func() { jobsDone <- stopWorkers() }()
	timeout := s.config.DrainTimeout
	if ctx.Err() != nil {
		s.log.InfoContext(ctx, "draining", "timeout", timeout, "delay", s.config.DrainDelay)
		err = linger(s.config.DrainDelay, failed)
		timeout -= s.config.DrainDelay
	}
	return errors.Join(err, drain(timeout, servers), <-jobsDone)
}

// linger leaves the listener open for a while: whoever spreads requests over
// several servers has yet to notice that this one is not ready any more.
func linger(delay time.Duration, failed <-chan error) error {
	if delay == 0 {
		return nil
	}
	timer := time.NewTimer(delay)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case err := <-failed:
		return err
	}
}

var errLeaving = errors.New("the server is about to end")

// serving is a condition of readiness: it fails as soon as the server is to end.
func (s *server) serving(context.Context) error {
	if s.leaving.Load() {
		return errLeaving
	}
	return nil
}

// parting asks clients of a server that is about to end to use another
// connection next time. Those they have stay open: to close an idle one now would
// meet a request that is on its way.
func (s *server) parting(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if s.leaving.Load() {
			w.Header().Set("Connection", "close")
		}
		next.ServeHTTP(w, r)
	})
}

// prepareWorkers makes the workers, unless other processes do the work.
func (s *server) prepareWorkers(ctx context.Context) (err error) {
	if !s.config.Workers {
		return nil
	}
	public := s.config.PublicURL
	if public == "" {
		public = s.listeners.url()
	}
	s.workers, err = s.newWorkers(ctx, s.store, s.config.Mail, s.config.Webhooks, jobs.Options{
		PublicURL: public, DrainTimeout: jobsTimeout(s.config.DrainTimeout), Observe: observeJob(s.telemetry),
	})
	return err
}

// startWorkers begins the work, if there is any to do here, and answers with
// what ends it.
func (s *server) startWorkers(ctx context.Context) (stop func() error, err error) {
	if s.workers == nil {
		return func() error { return nil }, nil
	}
	return s.workers.Stop, s.workers.Start(ctx)
}

func (s *server) handler() (http.Handler, error) {
	secret, err := s.secret(s.config.Keys())
	if err != nil {
		return nil, err
	}
	deps := Deps{Store: s.store, Config: s.config, Secret: secret, Logger: s.log, Throttle: s.throttle, Telemetry: s.telemetry, Serving: s.serving}
	if s.workers != nil {
		deps.Workers = s.workers.Check
	}
	return s.edges.Handler(deps)
}

func newServer(requests context.Context, handler http.Handler, log *slog.Logger, p patience) *http.Server {
	return &http.Server{
		Handler: handler, ReadHeaderTimeout: p.header, ReadTimeout: p.read,
		WriteTimeout: p.write, IdleTimeout: p.idle, MaxHeaderBytes: maxHeaderBytes,
		ErrorLog:    slog.NewLogLogger(log.Handler(), slog.LevelWarn),
		BaseContext: func(net.Listener) context.Context { return requests },
	}
}

// drain lets running requests finish and takes no new ones.
func drain(timeout time.Duration, servers []*http.Server) error {
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	var err error
	for _, server := range servers {
		if server.Shutdown(ctx) != nil {
			err = errors.Join(err, fmt.Errorf("requests were still running after %s and were cut off", timeout), server.Close())
		}
	}
	return err
}

// adminHandler serves the metrics and profiles of the process, with the headers
// of all answers: a browser of the operator is no less worth attacking.
func adminHandler(t *obs.Telemetry) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("/metrics", t.Handler())
	mux.HandleFunc("/debug/pprof/", pprof.Index)
	mux.HandleFunc("/debug/pprof/cmdline", pprof.Cmdline)
	mux.HandleFunc("/debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("/debug/pprof/symbol", pprof.Symbol)
	mux.HandleFunc("/debug/pprof/trace", pprof.Trace)
	return guard.Headers(false)(mux)
}
