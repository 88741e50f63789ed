package throttle_test

import (
	"context"
	"log/slog"
	"strings"
	"testing"
	"time"

	"upstream/internal/throttle"
)

func reportRates(limit int) throttle.Rates {
	return throttle.Rates{throttle.ReportGeneration: {Limit: limit, Window: time.Hour}}
}

func report() throttle.Draw { return throttle.Draw{Class: throttle.ReportGeneration, Cost: 1} }

func TestReplicasCountTogether(t *testing.T) {
	t.Parallel()
	c, who, url := newClock(), userCaller(), startRedis(t).url()
	var replicas []*throttle.Throttle
	for range 2 {
		replicas = append(replicas, newThrottle(t, throttle.Options{Rates: reportRates(4), RedisURL: url, Now: c.now}))
	}
	for i := range 4 {
		if !admitted(t, replicas[i%2], who, report()) {
			t.Fatalf("draw %d is refused", i)
		}
	}
	for i, replica := range replicas {
		if admitted(t, replica, who, report()) {
			t.Errorf("replica %d admits a fifth", i)
		}
	}
}

func TestReplicaWhoseClockIsBehind(t *testing.T) {
	t.Parallel()
	ahead, behind, who, url := newClock(), newClock(), userCaller(), startRedis(t).url()
	behind.advance(-time.Second) // in the window before
	first := newThrottle(t, throttle.Options{Rates: reportRates(2), RedisURL: url, Now: ahead.now})
	second := newThrottle(t, throttle.Options{Rates: reportRates(2), RedisURL: url, Now: behind.now})
	if !admitted(t, first, who, report()) || !admitted(t, second, who, report()) {
		t.Fatal("one of the two is refused")
	}
	if admitted(t, first, who, report()) || admitted(t, second, who, report()) {
		t.Error("a third is admitted")
	}
}

func TestLostRedis(t *testing.T) {
	t.Parallel()
	server, c, who, log := startRedis(t), newClock(), userCaller(), &logBuffer{}
	one := newThrottle(t, throttle.Options{Rates: reportRates(3), RedisURL: server.url(), Now: c.now, Logger: slog.New(slog.NewTextHandler(log, nil))})
	other := newThrottle(t, throttle.Options{Rates: reportRates(3), RedisURL: server.url(), Now: c.now})
	if !admitted(t, one, who, report()) || log.String() != "" {
		t.Fatalf("refused, or said %q", log)
	}

	server.kill()
	for i := range 3 { // of its own three
		if !admitted(t, one, who, report()) {
			t.Fatalf("draw %d without Redis is refused", i)
		}
		c.advance(2 * time.Second) // it looks each time whether Redis is back
	}
	if admitted(t, one, who, report()) {
		t.Error("a fourth is admitted without Redis")
	}
	if got := strings.Count(log.String(), "redis is lost"); got != 1 {
		t.Errorf("the log says so %d times:\n%s", got, log)
	}

	server.start()
	if admitted(t, one, who, report()) {
		t.Error("Redis is asked again at once")
	}
	c.advance(time.Second)
	// It starts empty, and counts for both again.
	for i, th := range []*throttle.Throttle{one, other, one} {
		if !admitted(t, th, who, report()) {
			t.Fatalf("draw %d with the new Redis is refused", i)
		}
	}
	if admitted(t, one, who, report()) || admitted(t, other, who, report()) {
		t.Error("replicas do not count together again")
	}
	if got := strings.Count(log.String(), "redis is back"); got != 1 {
		t.Errorf("the log says so %d times:\n%s", got, log)
	}
}

func TestRedisThatIsNotThereYet(t *testing.T) {
	t.Parallel()
	server, c, who := startRedis(t), newClock(), userCaller()
	server.kill()
	th := newThrottle(t, throttle.Options{Rates: reportRates(1), RedisURL: server.url(), Now: c.now})
	if !admitted(t, th, who, report()) || admitted(t, th, who, report()) {
		t.Error("the process does not limit by itself")
	}
}

// A client that hangs up is no failure of Redis.
func TestCancelledRequestCounts(t *testing.T) {
	t.Parallel()
	server, c, who, log := startRedis(t), newClock(), userCaller(), &logBuffer{}
	opts := throttle.Options{Rates: reportRates(1), RedisURL: server.url(), Now: c.now, Logger: slog.New(slog.NewTextHandler(log, nil))}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if newThrottle(t, opts).Take(ctx, who, report()).Refused() {
		t.Error("refused")
	}
	if admitted(t, newThrottle(t, opts), who, report()) || log.String() != "" {
		t.Errorf("the cancelled request was not counted in Redis: %q", log)
	}
}

func TestBadRedisURL(t *testing.T) {
	t.Parallel()
	for _, url := range []string{"redis://:hunter2@host:port/0", "http://:hunter2@host", "hunter2", "redis://:hunter2@h/0?nonsense=hunter2"} {
		_, err := throttle.New(throttle.Options{RedisURL: url})
		if err == nil || strings.Contains(err.Error(), "hunter2") || !strings.Contains(err.Error(), "REDIS_URL") {
			t.Errorf("%s: %v", url, err)
		}
	}
}
