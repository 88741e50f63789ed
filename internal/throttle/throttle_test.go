package throttle_test

import (
	"bytes"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"pgregory.net/rapid"

	"upstream/internal/throttle"
	"upstream/models"
)

// clock is a time that tests move. It starts with a fixed window of an hour.
type clock struct{ nanos atomic.Int64 }

func newClock() *clock {
	c := &clock{}
	c.nanos.Store(time.Date(2026, time.May, 1, 9, 0, 0, 0, time.UTC).UnixNano())
	return c
}

func (c *clock) now() time.Time          { return time.Unix(0, c.nanos.Load()).UTC() }
func (c *clock) advance(d time.Duration) { c.nanos.Add(int64(d)) }

// logBuffer is a log that goroutines share.
type logBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *logBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *logBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}

func newThrottle(t testing.TB, opts throttle.Options) *throttle.Throttle {
	t.Helper()
	if opts.Logger == nil {
		opts.Logger = slog.New(slog.DiscardHandler)
	}
	th, err := throttle.New(opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := th.Close(); err != nil {
			t.Error(err)
		}
	})
	return th
}

func userCaller() throttle.Caller {
	return throttle.CallerOf(models.Viewer{UserID: models.UserID{}.From(uuid.New())})
}

// backends are the two places to count in: each gives the URL of its Redis.
func backends() map[string]func(*testing.T) string {
	return map[string]func(*testing.T) string{
		"in process": func(*testing.T) string { return "" },
		"in redis":   func(t *testing.T) string { t.Helper(); return startRedis(t).url() },
	}
}

func admitted(t *testing.T, th *throttle.Throttle, c throttle.Caller, draws ...throttle.Draw) bool {
	t.Helper()
	return !th.Take(t.Context(), c, draws...).Refused()
}

func retryAfter(v throttle.Verdict) time.Duration { return models.AsError(v.Err()).RetryAfter }

func headers(v throttle.Verdict) (policy, limit string) {
	h := http.Header{}
	v.SetHeaders(h)
	return h.Get("RateLimit-Policy"), h.Get("RateLimit")
}

func TestTake(t *testing.T) {
	t.Parallel()
	for name, start := range backends() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			redisURL := start(t)
			c := newClock()
			rates := throttle.Rates{throttle.ReportGeneration: {Limit: 3, Window: time.Hour}}
			th := newThrottle(t, throttle.Options{Rates: rates, RedisURL: redisURL, Now: c.now})
			who := userCaller()
			one := throttle.Draw{Class: throttle.ReportGeneration, Cost: 1}
			c.advance(15 * time.Minute)
			for _, left := range []string{"2", "1", "0"} {
				v := th.Take(t.Context(), who, one)
				policy, limit := headers(v)
				if v.Refused() || v.Err() != nil || policy != `"report_generation";q=3;w=3600` || limit != `"report_generation";r=`+left+`;t=2700` {
					t.Fatalf("%v, %s, %s", v.Err(), policy, limit)
				}
			}
			// In the next window one third of the three must have faded, so the wait
			// is 45 and 20 minutes. Refusals do not count, however many.
			for range 5 {
				v := th.Take(t.Context(), who, one)
				if _, limit := headers(v); !v.Refused() || retryAfter(v) != 65*time.Minute || limit != `"report_generation";r=0;t=3900` {
					t.Fatalf("%v, %s", v.Err(), limit)
				}
			}
			e := models.AsError(th.Take(t.Context(), who, one).Err())
			if e.Code != models.CodeRateLimited || e.Message != "Too many requests: report_generation is limited to 3/h. Try again in 3900 s." {
				t.Errorf("%v", e)
			}
			if !admitted(t, th, userCaller(), one) {
				t.Error("another user is refused")
			}
			c.advance(65*time.Minute - time.Millisecond)
			if admitted(t, th, who, one) {
				t.Error("admitted too early")
			}
			c.advance(time.Millisecond)
			if !admitted(t, th, who, one) || admitted(t, th, who, one) {
				t.Error("exactly one is admitted when one has faded")
			}
			c.advance(2 * time.Hour)
			if _, limit := headers(th.Take(t.Context(), who, one)); !strings.HasPrefix(limit, `"report_generation";r=2;`) {
				t.Errorf("two windows later %s is left", limit)
			}
		})
	}
}

func TestTake_AllOrNothing(t *testing.T) {
	t.Parallel()
	for name, start := range backends() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			redisURL := start(t)
			rates := throttle.Rates{
				throttle.WriteOperation:   {Limit: 10, Window: time.Hour},
				throttle.ReportGeneration: {Limit: 2, Window: time.Minute},
				throttle.Burst:            {Limit: 5, Window: time.Minute},
			}
			c := newClock()
			th := newThrottle(t, throttle.Options{Rates: rates, RedisURL: redisURL, Now: c.now})
			who := userCaller()
			write := throttle.Draw{Class: throttle.WriteOperation, Cost: 4}
			report := throttle.Draw{Class: throttle.ReportGeneration, Cost: 1}
			policy, limit := headers(th.Take(t.Context(), who, write, report, report))
			if policy != `"write_operation";q=10;w=3600, "report_generation";q=2;w=60, "burst";q=5;w=60` ||
				limit != `"write_operation";r=6;t=3600, "report_generation";r=0;t=60, "burst";r=4;t=60` {
				t.Fatalf("%s\n%s", policy, limit)
			}
			v := th.Take(t.Context(), who, write, report)
			if _, limit := headers(v); !v.Refused() || limit != `"write_operation";r=6;t=3600, "report_generation";r=0;t=90, "burst";r=4;t=60` {
				t.Fatalf("%v: %s", v.Err(), limit)
			}
			if got := retryAfter(v); got != 90*time.Second {
				t.Errorf("wait %s", got)
			}
			if !admitted(t, th, who, throttle.Draw{Class: throttle.WriteOperation, Cost: 6}) {
				t.Error("the refused request has drawn on the class that would have admitted it")
			}
			// Who has not signed in is not subject to what comes on top.
			for range 6 {
				if !admitted(t, th, throttle.CallerAt("203.0.113.7"), throttle.Draw{Class: throttle.Anonymous, Cost: 1}) {
					t.Fatal("a class without a rate refuses")
				}
			}
		})
	}
}

func TestTake_DearerThanTheLimit(t *testing.T) {
	t.Parallel()
	for name, start := range backends() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			redisURL := start(t)
			c := newClock()
			rates := throttle.Rates{throttle.ReadOnly: {Limit: 10, Window: time.Minute}}
			th := newThrottle(t, throttle.Options{Rates: rates, RedisURL: redisURL, Now: c.now})
			who := userCaller()
			dear := throttle.Draw{Class: throttle.ReadOnly, Cost: 50}
			if !admitted(t, th, who, throttle.Draw{Class: throttle.ReadOnly, Cost: 1}) || admitted(t, th, who, dear) {
				t.Error("it is admitted although the budget is not whole")
			}
			c.advance(retryAfter(th.Take(t.Context(), who, dear)))
			if !admitted(t, th, who, dear) {
				t.Error("it is not admitted once the budget is whole")
			}
		})
	}
}

func TestGiveBack(t *testing.T) {
	t.Parallel()
	for name, start := range backends() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			redisURL := start(t)
			c := newClock()
			rates := throttle.Rates{throttle.SignIn: {Limit: 2, Window: time.Minute}}
			th := newThrottle(t, throttle.Options{Rates: rates, RedisURL: redisURL, Now: c.now})
			who, one := throttle.CallerAt("203.0.113.7"), throttle.Draw{Class: throttle.SignIn, Cost: 1}
			for range 10 {
				if !admitted(t, th, who, one) {
					t.Fatal("what was given back is still used")
				}
				th.GiveBack(t.Context(), who, one)
			}
			th.GiveBack(t.Context(), who, one, one, one) // more than was taken
			for i := range 3 {
				if got := admitted(t, th, who, one); got != (i < 2) {
					t.Errorf("of two, number %d is admitted: %v", i, got)
				}
			}
			if v := th.Look(t.Context(), who, throttle.SignIn); !v.Refused() || retryAfter(v) != 90*time.Second {
				t.Errorf("a look sees %v", v.Err())
			}
			th.GiveBack(t.Context(), who, one) // also while nothing is left
			if v := th.Look(t.Context(), who, throttle.SignIn); v.Refused() || !admitted(t, th, who, one) {
				t.Errorf("a look sees %v", v.Err())
			}
		})
	}
}

func TestManyAtOnce(t *testing.T) {
	t.Parallel()
	for name, start := range backends() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			redisURL := start(t)
			const limit, goroutines = 100, 8
			c := newClock()
			rates := throttle.Rates{throttle.ReadOnly: {Limit: limit, Window: time.Hour}}
			replicas := []*throttle.Throttle{newThrottle(t, throttle.Options{Rates: rates, RedisURL: redisURL, Now: c.now})}
			if redisURL != "" {
				replicas = append(replicas, newThrottle(t, throttle.Options{Rates: rates, RedisURL: redisURL, Now: c.now}))
			}
			who := userCaller()
			var got atomic.Int64
			var group sync.WaitGroup
			for i := range goroutines {
				group.Go(func() {
					for range limit {
						if admitted(t, replicas[i%len(replicas)], who, throttle.Draw{Class: throttle.ReadOnly, Cost: 1}) {
							got.Add(1)
						}
					}
				})
			}
			group.Wait()
			if got.Load() != limit {
				t.Errorf("%d were admitted, not %d", got.Load(), limit)
			}
		})
	}
}

func TestCallers(t *testing.T) {
	t.Parallel()
	user, key := models.UserID{}.From(uuid.New()), models.APIKeyID{}.From(uuid.New())
	at := func(addr string) models.Viewer { return models.Viewer{RemoteAddr: addr} }
	for name, tt := range map[string]struct {
		a, b models.Viewer
		same bool
	}{
		"a user anywhere":      {models.Viewer{UserID: user, RemoteAddr: "192.0.2.1"}, models.Viewer{UserID: user, RemoteAddr: "192.0.2.2"}, true},
		"two users, one place": {models.Viewer{UserID: user, RemoteAddr: "192.0.2.1"}, models.Viewer{UserID: models.UserID{}.From(uuid.New()), RemoteAddr: "192.0.2.1"}, false},
		"a key and a user":     {models.Viewer{KeyID: key}, models.Viewer{UserID: models.UserID{}.From(key.UUID())}, false},
		"a key anywhere":       {models.Viewer{KeyID: key, RemoteAddr: "192.0.2.1"}, models.Viewer{KeyID: key}, true},
		"one IPv4 address":     {at("192.0.2.1"), at("::ffff:192.0.2.1"), true},
		"two IPv4 addresses":   {at("192.0.2.1"), at("192.0.2.2"), false},
		"one IPv6 network":     {at("2001:db8:1:2::1"), at("2001:db8:1:2:ffff::9"), true},
		"two IPv6 networks":    {at("2001:db8:1:2::1"), at("2001:db8:1:3::1"), false},
	} {
		if same := throttle.CallerOf(tt.a) == throttle.CallerOf(tt.b); same != tt.same {
			t.Errorf("%s: same is %v", name, same)
		}
	}
}

func TestNilLimitsNothing(t *testing.T) {
	t.Parallel()
	var th *throttle.Throttle
	who, one := userCaller(), throttle.Draw{Class: throttle.SignIn, Cost: 1}
	th.GiveBack(t.Context(), who, one)
	rejected := th.Rejections()
	for range 1000 {
		v := th.Take(t.Context(), who, one)
		if policy, limit := headers(v); v.Err() != nil || policy+limit != "" || th.Look(t.Context(), who, throttle.SignIn).Refused() {
			t.Fatal("it limits")
		}
		rejected.Reject(t.Context(), "192.0.2.1")
		if err := rejected.Admit(t.Context(), "192.0.2.1"); err != nil {
			t.Fatal(err)
		}
	}
	if err := th.Close(); err != nil {
		t.Error(err)
	}
}

func TestRejections(t *testing.T) {
	t.Parallel()
	for name, start := range backends() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			redisURL := start(t)
			c := newClock()
			rates := throttle.Rates{throttle.RejectedCredentials: {Limit: 2, Window: time.Minute}}
			here := newThrottle(t, throttle.Options{Rates: rates, RedisURL: redisURL, Now: c.now}).Rejections()
			for range 2 {
				if err := here.Admit(t.Context(), "192.0.2.1"); err != nil {
					t.Fatal(err)
				}
				here.Reject(t.Context(), "192.0.2.1")
			}
			if err := here.Admit(t.Context(), "192.0.2.1"); models.CodeOf(err) != models.CodeRateLimited {
				t.Errorf("a third is admitted: %v", err)
			}
			if err := here.Admit(t.Context(), "192.0.2.2"); err != nil {
				t.Errorf("another address: %v", err)
			}
			if redisURL == "" {
				return
			}
			there := newThrottle(t, throttle.Options{Rates: rates, RedisURL: redisURL, Now: c.now}).Rejections()
			there.Reject(t.Context(), "192.0.2.1") // the one look that another process has for free
			if err := there.Admit(t.Context(), "192.0.2.1"); models.CodeOf(err) != models.CodeRateLimited {
				t.Errorf("another process does not know of it: %v", err)
			}
		})
	}
}

// Both ways of counting answer the same to whatever happens in whatever order.
func TestRedisCountsAsTheProcessDoes(t *testing.T) {
	t.Parallel()
	server := startRedis(t)
	classes := []throttle.Class{throttle.ReadOnly, throttle.WriteOperation, throttle.Burst}
	rapid.Check(t, func(rt *rapid.T) {
		rates := throttle.Rates{}
		for _, class := range classes {
			rates[class] = throttle.Rate{
				Limit:  rapid.IntRange(1, 12).Draw(rt, "limit"),
				Window: time.Duration(rapid.IntRange(1, 7).Draw(rt, "seconds")) * time.Second,
			}
		}
		c, who := newClock(), userCaller()
		alone := newThrottle(t, throttle.Options{Rates: rates, Now: c.now})
		together := newThrottle(t, throttle.Options{Rates: rates, Now: c.now, RedisURL: server.url()})
		for range rapid.IntRange(1, 30).Draw(rt, "steps") {
			c.advance(time.Duration(rapid.IntRange(0, 4000).Draw(rt, "ms")) * time.Millisecond)
			draws := []throttle.Draw{
				{Class: rapid.SampledFrom(classes[:2]).Draw(rt, "class"), Cost: rapid.IntRange(1, 5).Draw(rt, "cost")},
				{Class: rapid.SampledFrom(classes[:2]).Draw(rt, "class"), Cost: 1},
			}
			if rapid.Bool().Draw(rt, "give back") {
				alone.GiveBack(t.Context(), who, draws...)
				together.GiveBack(t.Context(), who, draws...)
			}
			a, b := alone.Take(t.Context(), who, draws...), together.Take(t.Context(), who, draws...)
			_, left := headers(a)
			_, right := headers(b)
			if a.Refused() != b.Refused() || left != right {
				rt.Fatalf("alone %v %s\ntogether %v %s", a.Err(), left, b.Err(), right)
			}
			if diff := cmp.Diff(models.AsError(a.Err()).RetryAfter, models.AsError(b.Err()).RetryAfter); diff != "" {
				rt.Fatal(diff)
			}
		}
	})
}
