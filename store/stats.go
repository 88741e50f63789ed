package store

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/uptrace/bun"
)

// Stats counts what one request cost in the database. It also knows what was
// audited once for the whole request, so each request needs one of its own.
type Stats struct {
	statements atomic.Int64
	nanos      atomic.Int64
	access     accesses
}

type statsKey struct{}

// WithStats returns a context whose database work is counted, and the count.
func WithStats(ctx context.Context) (context.Context, *Stats) {
	stats := &Stats{}
	return context.WithValue(ctx, statsKey{}, stats), stats
}

// Statements is how many statements ran so far, transaction control included.
func (s *Stats) Statements() int { return int(s.statements.Load()) }

// Duration is the time spent waiting for the database so far; statements that
// run side by side each count in full.
func (s *Stats) Duration() time.Duration { return time.Duration(s.nanos.Load()) }

func (s *Stats) add(d time.Duration) {
	s.statements.Add(1)
	s.nanos.Add(int64(d))
}

func countStatement(ctx context.Context, since time.Time) {
	if stats, ok := ctx.Value(statsKey{}).(*Stats); ok {
		stats.add(time.Since(since))
	}
}

type statsHook struct{}

// BeforeQuery implements bun.QueryHook.
func (statsHook) BeforeQuery(ctx context.Context, _ *bun.QueryEvent) context.Context { return ctx }

// AfterQuery implements bun.QueryHook.
func (statsHook) AfterQuery(ctx context.Context, event *bun.QueryEvent) {
	countStatement(ctx, event.StartTime)
}
