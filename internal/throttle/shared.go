package throttle

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
)

// shared counts in Redis, together with every other process that uses it.
//
// One script looks at all budgets of a request and draws on them, in one round
// trip and as one step: replicas that ask at the same time cannot both be given
// the last unit. (github.com/go-chi/httprate-redis reads and counts in two
// commands, and looks for a lost Redis in a goroutine that nothing ends.)
type shared struct {
	client *redis.Client
	script *redis.Script
	log    *slog.Logger

	mu   sync.Mutex
	lost bool
	// retryAt is when a lost Redis is asked again.
	retryAt time.Time
}

//go:embed take.lua
var takeScript string

const (
	// redisTimeout is how long a request waits for Redis at most.
	redisTimeout = 250 * time.Millisecond
	// redisRetry is how often a lost Redis is asked whether it is back; one
	// request at a time does it.
	redisRetry = time.Second
)

func newShared(url string, log *slog.Logger) (*shared, error) {
	opts, err := redis.ParseURL(url)
	if err != nil {
		// The cause may repeat the URL, and with it the password.
		return nil, errors.New("REDIS_URL must look like redis://user:password@host:port/0, rediss://... for TLS, or unix:///path")
	}
	opts.DialTimeout, opts.ReadTimeout, opts.WriteTimeout, opts.PoolTimeout = redisTimeout, redisTimeout, redisTimeout, redisTimeout
	opts.MaxRetries = -1 // limits of this process take over at once
	opts.DisableIdentity = true
	return &shared{client: redis.NewClient(opts), script: redis.NewScript(takeScript), log: log}, nil
}

// take is that of local; false when Redis is lost.
func (s *shared) take(ctx context.Context, now time.Time, id string, budgets []budget) (counts, bool) {
	if !s.worthAsking(now) {
		return counts{}, false
	}
	keys, args := make([]string, len(budgets)), make([]any, 0, 1+3*len(budgets))
	args = append(args, now.UnixMilli())
	for i, b := range budgets {
		// What is in braces decides where a cluster keeps a key: the budgets of
		// one caller lie together. The rate is part of the name, so that a new
		// one does not read the counts of another window.
		keys[i] = fmt.Sprintf("upstream:throttle:{%s}:%s:%s", id, b.class, b.rate.span())
		args = append(args, b.rate.Window.Milliseconds(), b.rate.Limit, b.cost)
	}
	// A client that goes away must not look like a Redis that is lost.
	ctx = context.WithoutCancel(ctx)
	reply, err := s.script.Run(ctx, s.client, keys, args...).Int64Slice()
	if err == nil && len(reply) != 1+3*len(budgets) {
		err = fmt.Errorf("the script answered %d numbers", len(reply))
	}
	s.note(ctx, now, err)
	if err != nil {
		return counts{}, false
	}
	return readCounts(reply, now, budgets), true
}

func readCounts(reply []int64, now time.Time, budgets []budget) counts {
	c := counts{admitted: reply[0] == 1, each: make([]count, len(budgets))}
	for i, b := range budgets {
		number, elapsed := b.rate.windowNumber(now)
		if reply[1+3*i] > number { // by another replica's clock
			elapsed = 0
		}
		c.each[i] = count{current: int(reply[2+3*i]), previous: int(reply[3+3*i]), elapsed: elapsed}
	}
	return c
}

// worthAsking reports whether to ask Redis; while it is lost, every redisRetry
// one caller is told to.
func (s *shared) worthAsking(now time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.lost && now.Before(s.retryAt) {
		return false
	}
	s.retryAt = now.Add(redisRetry)
	return true
}

// note remembers how asking went, and logs a change.
func (s *shared) note(ctx context.Context, now time.Time, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	lost := err != nil
	if lost {
		s.retryAt = now.Add(redisRetry)
	}
	if lost == s.lost {
		return
	}
	s.lost = lost
	if lost {
		s.log.WarnContext(ctx, "redis is lost: each process limits requests by itself", "error", err)
		return
	}
	s.log.InfoContext(ctx, "redis is back: requests are limited together again")
}
