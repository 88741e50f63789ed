package cli

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/pprof"
	"time"

	"upstream/internal/config"
	"upstream/store"
)

type serveCommand struct {
	config.Serve
}

// Run serves both APIs until the context ends, then drains.
func (c serveCommand) Run(ctx context.Context, a *app) error {
	listeners, err := c.listen()
	if err != nil {
		return err
	}
	defer listeners.close()
	return a.openStore(ctx, c.MaxConns, c.Migrate, func(st *store.Store, d *database) error {
		return a.serve(ctx, c.Serve, listeners, st, d, func(string) {})
	})
}

// listeners are bound before anything is started, so that a busy port is
// found out at once.
type listeners struct {
	public net.Listener
	admin  net.Listener
}

func (c serveCommand) listen() (listeners, error) {
	var l listeners
	var err error
	if l.public, err = net.Listen("tcp", c.Addr); err != nil {
		return l, fmt.Errorf("cannot listen on %s: %w", c.Addr, err)
	}
	if c.AdminAddr == "" {
		return l, nil
	}
	if l.admin, err = net.Listen("tcp", c.AdminAddr); err != nil {
		l.close()
		return l, fmt.Errorf("cannot listen on the admin address %s (choose another with --admin-addr, or none): %w", c.AdminAddr, err)
	}
	return l, nil
}

func (l listeners) close() {
	for _, listener := range []net.Listener{l.public, l.admin} {
		if listener != nil {
			_ = listener.Close() // a second close is harmless
		}
	}
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

// serve runs both listeners until ctx ends or one fails, calls ready with the
// address once requests are answered, and drains.
func (a *app) serve(ctx context.Context, c config.Serve, l listeners, st *store.Store, d *database, ready func(url string)) error {
	secret, err := c.Secret(d.embedded(), d.dataDir)
	if err != nil {
		return err
	}
	handler, err := a.edges.Handler(Deps{Store: st, Config: c, Secret: secret, Logger: a.log})
	if err != nil {
		return err
	}
	stopHousekeeping := a.startHousekeeping(ctx, st, housekeepingInterval)
	defer stopHousekeeping()
	public := newServer(handler, a.log)
	failed := make(chan error, 2)
	servers := []*http.Server{public}
	go func() { failed <- public.Serve(l.public) }()
	if l.admin != nil {
		admin := newServer(adminHandler(), a.log)
		servers = append(servers, admin)
		go func() { failed <- admin.Serve(l.admin) }()
	}
	url := "http://" + l.public.Addr().String()
	ready(url)
	_, _ = fmt.Fprintln(a.Out, "ready", url)
	select {
	case <-ctx.Done():
		a.log.Info("draining", "timeout", c.DrainTimeout)
		err = nil
	case err = <-failed:
	case <-d.gone():
		err = fmt.Errorf("the embedded database ended: %w", d.instance.Err())
	}
	return errors.Join(err, drain(c.DrainTimeout, servers))
}

func newServer(handler http.Handler, log *slog.Logger) *http.Server {
	return &http.Server{
		Handler: handler, ReadHeaderTimeout: readHeaderTimeout, ReadTimeout: readTimeout,
		WriteTimeout: writeTimeout, IdleTimeout: idleTimeout, MaxHeaderBytes: maxHeaderBytes,
		ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelWarn),
	}
}

// drain lets running requests finish and takes no new ones.
func drain(timeout time.Duration, servers []*http.Server) error {
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	var err error
	for _, server := range servers {
		if e := server.Shutdown(ctx); e != nil {
			err = errors.Join(err, fmt.Errorf("requests were still running after %s: %w", timeout, e), server.Close())
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
