package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"upstream/bench/seed"
)

// site is a seeded database with a server on it.
type site struct {
	settings

	log   io.Writer
	world *seed.World
	// scratch is a folder that is gone at the end; what is in it only its owner
	// may read.
	scratch string
	tokens  string
	// db is nil when the server is somebody else's.
	db *seed.Database
	// server and postmaster are processes; 0 when they cannot be measured.
	server, postmaster int
}

// withSite gives fn a site, and afterwards ends what was started for it.
func (s settings) withSite(ctx context.Context, log io.Writer, fn func(*site) error) (err error) {
	on := &site{settings: s, log: log}
	if on.scratch, err = os.MkdirTemp("", "upstream-load-*"); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(on.scratch)) }()
	if s.url != "" {
		if on.world, err = seed.Read(s.from.DataDir); err != nil {
			return fmt.Errorf("what %s holds is not known: %w", s.url, err)
		}
		return on.signedIn(ctx, fn)
	}
	if err := os.MkdirAll(s.from.DataDir, 0o755); err != nil { //nolint:gosec // the database's own account must pass through
		return err
	}
	logger := slog.New(slog.NewTextHandler(log, nil))
	if on.db, err = seed.Open(ctx, s.from, logger); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, on.db.Close()) }()
	began := time.Now()
	if on.world, err = seed.Fill(ctx, on.db.Target, s.plan, s.from.DataDir, logger); err != nil {
		return err
	}
	_, _ = fmt.Fprintf(log, "%d customers with %d claims (%s)\n", len(on.world.Customers), on.world.Claims(), time.Since(began).Round(time.Second))
	if on.postmaster, err = postmaster(ctx, on.db.Owner); err != nil {
		_, _ = fmt.Fprintln(log, "the processor time of PostgreSQL cannot be told:", err)
	}
	server, err := on.startServer(ctx)
	if err != nil {
		return err
	}
	defer func() {
		_, ended := server.End()
		err = errors.Join(err, ended)
	}()
	on.server, on.url, on.adminURL = server.PID(), server.URL, server.adminURL
	return on.signedIn(ctx, fn)
}

// report is the path of a file in the folder of reports.
func (on *site) report(name string) string { return filepath.Join(on.reports, name) }
