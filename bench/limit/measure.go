package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"time"

	"upstream/bench/meter"
	"upstream/bench/seed"
	"upstream/models"
)

// plan is what is to be measured, and how.
type plan struct {
	claims, rounds int
	lasting        time.Duration
	only           *regexp.Regexp
	// before is another build of the program, and profiles a folder; both may be
	// empty.
	before, profiles string
}

// figures are those of one case, by round.
type figures struct {
	name, first  string
	now, earlier []meter.Used
	bare         []meter.Ran
}

// site is a database with its programs.
type site struct {
	plan

	db       *seed.Database
	facts    *seed.Facts
	password string
	log      io.Writer
	// now is the program, earlier the one before, if any.
	now, earlier *served
}

// open starts what is measured, in a folder for what it leaves behind.
func (s *site) open(ctx context.Context, path, dir string) (err error) {
	if s.now, err = start(ctx, path, s.db.AppURL, dir); err != nil || s.before == "" {
		return err
	}
	s.earlier, err = start(ctx, s.before, s.db.AppURL, dir)
	return err
}

func (s *site) close() error { return errors.Join(s.now.stop(), s.earlier.stop()) }

// statements are those of each case, as a program behind a recorder runs them
// when it has met them before.
func (s *site) statements(ctx context.Context, path, dir string, all []requestCase) (_ [][]string, err error) {
	recorder, err := record(s.db.AppURL)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, recorder.close()) }()
	p, err := start(ctx, path, recorder.url(), dir)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, p.stop()) }()
	out := make([][]string, len(all))
	for i, c := range all {
		r, err := s.request(ctx, p, c)
		if err != nil {
			return nil, err
		}
		for range 3 { // new, then prepared, then as ever after
			if out[i], err = recorder.of(func() error { return once(ctx, r) }); err != nil {
				return nil, err
			}
		}
		if len(out[i]) == 0 {
			return nil, fmt.Errorf("%s: no statement was run", c.name)
		}
	}
	return out, nil
}

func once(ctx context.Context, r request) error {
	_, err := r.once(ctx)
	return err
}

// request is a case asked of a program by somebody who may only look.
func (s *site) request(ctx context.Context, p *served, c requestCase) (request, error) {
	bearer, err := signIn(ctx, p.URL, s.facts.Users[models.RoleViewer], s.password)
	if err != nil {
		return request{}, err
	}
	return c.request(p.URL, bearer)
}

// run measures the cases one after another.
func (s *site) run(ctx context.Context, all []requestCase, statements [][]string) ([]figures, error) {
	bench, err := meter.NewPgbench(ctx, s.db.Owner, s.db.AppURL, s.facts.ID.UUID().String())
	if err != nil {
		return nil, err
	}
	out := make([]figures, len(all))
	for i, c := range all {
		_, _ = fmt.Fprintln(s.log, c.name)
		if out[i], err = s.measure(ctx, bench, c, statements[i]); err != nil {
			return nil, fmt.Errorf("%s: %w", c.name, err)
		}
		if err := s.keepProfile(ctx, c); err != nil {
			return nil, fmt.Errorf("%s: %w", c.name, err)
		}
	}
	return out, nil
}

// measure takes turns: the program, the one before, and pgbench.
func (s *site) measure(ctx context.Context, bench *meter.Pgbench, c requestCase, statements []string) (figures, error) {
	f := figures{name: c.name, first: c.first}
	for range s.rounds {
		now, err := s.round(ctx, s.now, c)
		if err != nil {
			return f, err
		}
		f.now = append(f.now, now)
		if s.earlier != nil {
			earlier, err := s.round(ctx, s.earlier, c)
			if err != nil {
				return f, err
			}
			f.earlier = append(f.earlier, earlier)
		}
		bare, err := bench.Run(ctx, statements, s.lasting)
		if err != nil {
			return f, err
		}
		f.bare = append(f.bare, bare)
	}
	return f, nil
}

// warm is how often a request is made before it is measured, so that
// connections and caches are as they are later.
const warm = 20

// round is what one request took, of those of one round.
func (s *site) round(ctx context.Context, p *served, c requestCase) (meter.Used, error) {
	r, err := s.request(ctx, p, c)
	if err != nil {
		return meter.Used{}, err
	}
	for range warm {
		if err := once(ctx, r); err != nil {
			return meter.Used{}, err
		}
	}
	n := 0
	used, err := meter.NewOf(s.db.Owner, p.PID()).Of(ctx, func() (err error) {
		n, err = r.repeat(ctx, s.lasting)
		return err
	})
	if err != nil {
		return meter.Used{}, err
	}
	return used.Per(n), nil
}

// keepProfile repeats a case once more, under the program's profiler.
func (s *site) keepProfile(ctx context.Context, c requestCase) error {
	if s.profiles == "" {
		return nil
	}
	r, err := s.request(ctx, s.now, c)
	if err != nil {
		return err
	}
	lasting := s.lasting * time.Duration(s.rounds)
	repeated := make(chan error, 1)
	go func() {
		_, err := r.repeat(ctx, lasting)
		repeated <- err
	}()
	content, err := s.now.profile(ctx, lasting)
	if err := errors.Join(err, <-repeated); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(s.profiles, c.slug()+".pprof"), content, 0o644) //nolint:gosec // it holds nothing but names of functions
}
