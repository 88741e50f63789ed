package seed

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"path/filepath"
	"time"

	"golang.org/x/sync/errgroup"

	"upstream/internal/auth"
	"upstream/models"
)

// Plan is how many customers there are to be, and of which sizes.
type Plan struct {
	// Customers is how many, Claims how many claims they have together, and
	// Largest how many of those are of the first.
	Customers, Claims, Largest int
	// Password is that of all users; empty keeps the one there is, or makes one.
	Password string
	Seed     uint64
	// Today is the day customers are seen on: that of the clock by default.
	Today models.Date
	// AtOnce is how many customers are stored at a time; 0 means 2.
	AtOnce int
}

// DefaultPlan is what the load suite is run on.
func DefaultPlan() Plan {
	return Plan{Customers: 20, Claims: 5_000_000, Largest: 2_000_000, Seed: 1}
}

// minClaims is the least a customer has: with fewer there is nothing to find.
const minClaims = 1000

// sizes are those of the customers. What the largest leaves falls off evenly,
// down to a third of the second.
func (p Plan) sizes() ([]int, error) {
	if p.Customers < 1 {
		return nil, errors.New("there must be at least one customer")
	}
	if p.Customers == 1 {
		return []int{p.Claims}, p.check(p.Claims, p.Claims)
	}
	others, left := p.Customers-1, p.Claims-p.Largest
	all, total, given := []int{p.Largest}, 0.0, 0
	weight := func(i int) float64 { return 3 - 2*float64(i)/float64(others) }
	for i := range others {
		total += weight(i)
	}
	for i := range others {
		all = append(all, int(float64(left)*weight(i)/total))
		given += all[i+1]
	}
	all[1] += left - given
	return all, p.check(p.Largest, all[len(all)-1])
}

func (p Plan) check(largest, smallest int) error {
	if smallest < minClaims || largest < smallest {
		return fmt.Errorf("%d claims, %d of them of the largest, are too few for %d customers: each needs %d",
			p.Claims, p.Largest, p.Customers, minClaims)
	}
	return nil
}

// Fill makes sure of all customers of the plan and keeps in dir what a client
// has to know of them, in a file only the owner may read. When there is one that
// says that this was done, no more is.
func Fill(ctx context.Context, t Target, p Plan, dir string, log *slog.Logger) (*World, error) {
	sizes, err := p.sizes()
	if err != nil {
		return nil, err
	}
	w, err := Read(dir)
	if err == nil {
		return w, w.matches(ctx, t, p, dir)
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	w = &World{Password: p.Password, Seed: p.Seed}
	if w.Password == "" {
		w.Password = rand.Text()
	}
	if w.Customers, err = p.customers(ctx, t, sizes, w.Password, log); err != nil {
		return nil, err
	}
	if err := Settle(ctx, t); err != nil {
		return nil, err
	}
	return w, w.Keep(dir)
}

func (p Plan) customers(ctx context.Context, t Target, sizes []int, password string, log *slog.Logger) ([]*Facts, error) {
	hash, err := auth.HashPassword(password)
	if err != nil {
		return nil, err
	}
	all := make([]*Facts, len(sizes))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(orDefault(p.AtOnce, 2))
	for i, claims := range sizes {
		group.Go(func() error {
			began := time.Now()
			facts, err := Customer(ctx, t, Options{
				Slug: fmt.Sprintf("load-%02d", i+1), Claims: claims, Today: p.Today, Seed: p.Seed, PasswordHash: hash,
			})
			if err != nil {
				return err
			}
			all[i] = facts
			log.InfoContext(ctx, "customer seeded", "slug", facts.Slug, "claims", facts.Claims, "events", len(facts.EventIDs),
				"took", time.Since(began).Round(time.Millisecond))
			return nil
		})
	}
	return all, group.Wait()
}

// matches is why the World is not that of a plan, or not of this database.
func (w *World) matches(ctx context.Context, t Target, p Plan, dir string) error {
	if len(w.Customers) != p.Customers || w.Claims() != int64(p.Claims) || w.Seed != p.Seed || (p.Password != "" && p.Password != w.Password) {
		return fmt.Errorf("%s is of %d customers with %d claims, seed %d: choose another folder, or remove it with its database",
			filepath.Join(dir, FactsFile), len(w.Customers), w.Claims(), w.Seed)
	}
	for _, facts := range w.Customers {
		customer, err := t.Store.CustomerBySlug(ctx, facts.Slug)
		if err != nil {
			return fmt.Errorf("%s names %s: %w", filepath.Join(dir, FactsFile), facts.Slug, err)
		}
		if customer.ID != facts.ID {
			return fmt.Errorf("%s is of another database", filepath.Join(dir, FactsFile))
		}
	}
	return nil
}
