package cli

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/pprof"
	"sync"
	"time"

	"upstream/internal/config"
	"upstream/internal/throttle"
	"upstream/store"
)

type serveCommand struct {
	config.Serve
}

// Help is what --help adds.
func (serveCommand) Help() string {
	return "Prints one line, `ready http://HOST:PORT`, when requests are answered. SIGTERM and SIGINT let running " +
		"requests finish; a second one ends the program at once. With the embedded database it joins the server that " +
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
	throttle  *throttle.Throttle
}

// openServer gives fn a server that is about to listen. What can be found wrong
// without the database is found first.
func (a *app) openServer(ctx context.Context, c config.Serve, migrate bool, fn func(*server) error) error {
	if err := c.RequireSecret(a.DatabaseURL == ""); err != nil {
		return err
	}
	limits, err := a.newThrottle(c)
	if err != nil {
		return err
	}
	defer func() { _ = limits.Close() }()
	l, err := listen(ctx, c)
	if err != nil {
		return err
	}
	defer l.close()
	return a.openStore(ctx, c.MaxConns, migrate, func(st *store.Store, d *database) error {
		return fn(&server{app: a, config: c, listeners: l, store: st, database: d, throttle: limits})
	})
}

// newThrottle is nil when throttling is switched off.
func (a *app) newThrottle(c config.Serve) (*throttle.Throttle, error) {
	rates, err := throttle.ParseRates(c.ThrottleRates)
	if err != nil {
		return nil, usageError{fmt.Errorf("--throttle-rates: %w", err)}
	}
	t, err := throttle.New(throttle.Options{Rates: rates, RedisURL: c.RedisURL, Logger: a.log})
	if err != nil {
		return nil, usageError{err}
	}
	if c.Throttle == "off" {
		return nil, t.Close()
	}
	return t, nil
}

// Limits of a connection, against clients that are slow on purpose. Bodies may
// take longer than headers: a claims file is large.
const (
	readHeaderTimeout = 10 * time.Second
	readTimeout       = 15 * time.Minute
	writeTimeout      = 20 * time.Minute
	idleTimeout       = 2 * time.Minute
	maxHeaderBytes    = 64 << 10
)

// run serves until ctx ends or something fails, calls ready with the address
// once requests are answered, and drains.
func (s *server) run(ctx context.Context, ready func(url string)) error {
	handler, err := s.handler()
	if err != nil {
		return err
	}
	// Requests outlive ctx, and end at last when draining is over.
	requests, cancelRequests := context.WithCancel(context.WithoutCancel(ctx))
	failed := make(chan error, 3)
	var group sync.WaitGroup
	defer group.Wait()
	defer cancelRequests()
	defer s.startHousekeeping(requests, s.store, housekeepingInterval)()
	public := newServer(requests, handler, s.log)
	servers := []*http.Server{public}
	group.Go(func() { failed <- public.Serve(s.listeners.public) })
	if s.listeners.admin != nil {
		admin := newServer(requests, adminHandler(), s.log)
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
		s.log.InfoContext(ctx, "draining", "timeout", s.config.DrainTimeout)
	case err = <-failed:
	}
	return errors.Join(err, drain(s.config.DrainTimeout, servers))
}

func (s *server) handler() (http.Handler, error) {
	secret, err := s.secret()
	if err != nil {
		return nil, err
	}
	return s.edges.Handler(Deps{Store: s.store, Config: s.config, Secret: secret, Logger: s.log, Throttle: s.throttle})
}

func (s *server) secret() ([]byte, error) {
	if !s.database.embedded() {
		return s.config.Secret(false, "")
	}
	dir, err := s.dataDir()
	if err != nil {
		return nil, err
	}
	return s.config.Secret(true, dir)
}

func newServer(requests context.Context, handler http.Handler, log *slog.Logger) *http.Server {
	return &http.Server{
		Handler: handler, ReadHeaderTimeout: readHeaderTimeout, ReadTimeout: readTimeout,
		WriteTimeout: writeTimeout, IdleTimeout: idleTimeout, MaxHeaderBytes: maxHeaderBytes,
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

// adminHandler serves the profiles of the process.
func adminHandler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("/debug/pprof/", pprof.Index)
	mux.HandleFunc("/debug/pprof/cmdline", pprof.Cmdline)
	mux.HandleFunc("/debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("/debug/pprof/symbol", pprof.Symbol)
	mux.HandleFunc("/debug/pprof/trace", pprof.Trace)
	return mux
}
