package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"time"

	"upstream/bench/meter"
	"upstream/bench/program"
	"upstream/bench/seed"
	"upstream/models"
)

// site is one seeded customer and the program that serves it.
type site struct {
	db      *seed.Database
	facts   *seed.Facts
	program *program.Server
	round   time.Duration
	// middle is the cursor of the middle of the list of claims, half the claims.
	middle string
	half   int
}

// open seeds a customer below dir and has the program serve it.
func open(ctx context.Context, claims int, dir, binary string) (_ *site, err error) {
	if err := os.MkdirAll(dir, 0o755); err != nil { //nolint:gosec // the database's own account must pass through
		return nil, err
	}
	s := &site{half: claims / 2}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.close())
		}
	}()
	log := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))
	if s.db, err = seed.Open(ctx, seed.Source{DataDir: dir, Progress: os.Stderr}, log); err != nil {
		return nil, err
	}
	began := time.Now()
	if s.facts, err = seed.Customer(ctx, s.db.Target, options(claims)); err != nil {
		return nil, err
	}
	if err := seed.Settle(ctx, s.db.Target); err != nil {
		return nil, err
	}
	_, _ = fmt.Fprintf(os.Stderr, "%d claims seeded in %s\n", claims, time.Since(began).Round(time.Second))
	if s.middle, err = s.cursorAt(ctx, s.half); err != nil {
		return nil, err
	}
	return s, s.serve(ctx, dir, binary)
}

// cursorAt is the cursor of the claim that so many precede.
func (s *site) cursorAt(ctx context.Context, preceding int) (string, error) {
	page := models.Page{Number: 1 + preceding/models.MaxPageSize, Limit: models.MaxPageSize}
	rows, err := s.db.Store.Claims(ctx, models.SystemViewer(s.facts.ID), models.ClaimFilter{}, models.List[models.ClaimOrderField]{Page: page})
	if err != nil {
		return "", err
	}
	return rows.Cursors[0], nil
}

// serve starts the program with nothing but what it takes to find the database,
// and without throttling: all requests come from one caller.
func (s *site) serve(ctx context.Context, dir, binary string) (err error) {
	s.program, err = program.Serve(ctx, binary, append(os.Environ(), "UPSTREAM_DATA_DIR="+dir, "UPSTREAM_ADDR=127.0.0.1:0", "UPSTREAM_ADMIN_ADDR=",
		"UPSTREAM_THROTTLE=off", "DATABASE_URL=", "LOG_LEVEL=warn"), os.Stderr)
	return err
}

// close ends the program, then the database.
func (s *site) close() (err error) {
	if s.program != nil {
		_, err = s.program.End()
	}
	if s.db != nil {
		err = errors.Join(err, s.db.Close())
	}
	return err
}

// figures are what one line of the table says of one size: medians of one
// request, or of the one run there was.
type figures struct {
	elapsed time.Duration
	used    meter.Used
	// peak is the most memory that was held, in bytes; 0 when it was not asked.
	peak int64
}

// most is how often a request is made at most, and least how often at least.
const least, most = 5, 200

// measure makes a request again and again for the time of a round.
func (s *site) measure(ctx context.Context, c line) (figures, error) {
	for range 2 { // the statements are prepared after that
		if err := s.ask(ctx, c); err != nil {
			return figures{}, err
		}
	}
	var elapsed []time.Duration
	used, err := meter.NewOf(s.db.Owner, s.program.PID()).Of(ctx, func() error {
		until := time.Now().Add(s.round)
		for len(elapsed) < least || len(elapsed) < most && time.Now().Before(until) {
			start := time.Now()
			if err := s.ask(ctx, c); err != nil {
				return err
			}
			elapsed = append(elapsed, time.Since(start))
		}
		return nil
	})
	if err != nil {
		return figures{}, err
	}
	return figures{elapsed: meter.Median(elapsed), used: used.Per(len(elapsed))}, nil
}

// ask makes one request and reads its answer.
func (s *site) ask(ctx context.Context, c line) error {
	method, url, body := http.MethodGet, s.program.URL+c.path, io.Reader(http.NoBody)
	if c.query != "" {
		text, err := json.Marshal(map[string]any{"query": c.query})
		if err != nil {
			return err
		}
		method, url, body = http.MethodPost, s.program.URL+"/graphql", bytes.NewReader(text)
	}
	request, err := http.NewRequestWithContext(ctx, method, url, body)
	if err != nil {
		return err
	}
	request.Header.Set("Authorization", "Bearer "+s.facts.APIKey)
	request.Header.Set("Content-Type", "application/json")
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer func() { _ = answer.Body.Close() }()
	text, err := io.ReadAll(answer.Body)
	if err == nil && (answer.StatusCode != http.StatusOK || bytes.HasPrefix(text, []byte(`{"errors"`))) {
		err = fmt.Errorf("%s answers %s: %.300s", url, answer.Status, text)
	}
	return err
}
