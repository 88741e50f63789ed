package webhook_test

import (
	"net/http"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"upstream/internal/webhook"
)

func TestSchedule_Default(t *testing.T) {
	t.Parallel()
	s := webhook.DefaultSchedule()
	if err := s.Validate(); err != nil || s.MaxAttempts() != 6 {
		t.Errorf("%d attempts, %v", s.MaxAttempts(), err)
	}
	want := []time.Duration{5 * time.Second, time.Minute, 5 * time.Minute, 30 * time.Minute, 2 * time.Hour}
	for i, d := range want {
		middle, ok := s.Next(i+1, 0, 0.5)
		if !ok || middle != d {
			t.Errorf("after attempt %d: %v, want %v", i+1, middle, d)
		}
		low, _ := s.Next(i+1, 0, 0)
		high, _ := s.Next(i+1, 0, 0.999999)
		if low != d*8/10 || high <= d || high > d*12/10 {
			t.Errorf("after attempt %d: from %v to %v", i+1, low, high)
		}
	}
	for _, n := range []int{-1, 0, 6, 7, 100} {
		if d, ok := s.Next(n, time.Hour, 0.5); ok {
			t.Errorf("after %d attempts there is another, after %v", n, d)
		}
	}
}

func TestSchedule_RetryAfter(t *testing.T) {
	t.Parallel()
	s := webhook.DefaultSchedule()
	for asked, want := range map[time.Duration]time.Duration{
		0: time.Minute, time.Second: time.Minute, 10 * time.Minute: 10 * time.Minute, 6 * time.Hour: 6 * time.Hour, 24 * time.Hour: 6 * time.Hour,
	} {
		if got, ok := s.Next(2, asked, 0.5); !ok || got != want {
			t.Errorf("asked for %v: %v, want %v", asked, got, want)
		}
	}
	if _, ok := s.Next(6, time.Minute, 0.5); ok {
		t.Error("an endpoint that asks for it is tried a seventh time")
	}
}

func TestSchedule_Bounds(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		s := webhook.Schedule{
			Delays: rapid.SliceOfN(rapid.Custom(func(t *rapid.T) time.Duration {
				return time.Duration(rapid.Int64Range(1, int64(7*24*time.Hour)).Draw(t, "delay"))
			}), 0, 20).Draw(t, "delays"),
			Jitter:        rapid.Float64Range(0, 0.5).Draw(t, "jitter"),
			MaxRetryAfter: time.Duration(rapid.Int64Range(0, int64(24*time.Hour)).Draw(t, "bound")),
		}
		if err := s.Validate(); err != nil {
			t.Fatal(err)
		}
		attempt := rapid.IntRange(0, 25).Draw(t, "attempt")
		asked := time.Duration(rapid.Int64Range(0, int64(48*time.Hour)).Draw(t, "asked"))
		wait, ok := s.Next(attempt, asked, rapid.Float64Range(0, 0.9999).Draw(t, "random"))
		if ok != (attempt >= 1 && attempt < s.MaxAttempts()) {
			t.Fatalf("attempt %d of %d: %v", attempt, s.MaxAttempts(), ok)
		}
		if ok && (wait < min(asked, s.MaxRetryAfter) || wait > max(s.MaxRetryAfter, slices.Max(s.Delays)*3/2+1)) {
			t.Fatalf("a wait of %v", wait)
		}
	})
}

func TestSchedule_Validate(t *testing.T) {
	t.Parallel()
	for name, s := range map[string]webhook.Schedule{
		"no delay":       {Delays: []time.Duration{time.Second, 0}},
		"a negative one": {Delays: []time.Duration{-time.Second}},
		"a long one":     {Delays: []time.Duration{8 * 24 * time.Hour}},
		"too many":       {Delays: slices.Repeat([]time.Duration{time.Second}, 21)},
		"too much":       {Jitter: 0.51},
		"too little":     {Jitter: -0.1},
		"no bound":       {MaxRetryAfter: -1},
	} {
		if s.Validate() == nil {
			t.Errorf("%s is accepted", name)
		}
	}
	if err := (webhook.Schedule{}).Validate(); err != nil {
		t.Errorf("one attempt alone: %v", err)
	}
}

func TestRetryAfter(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, time.March, 2, 12, 0, 0, 0, time.UTC)
	for text, want := range map[string]time.Duration{
		"":                               0,
		"0":                              0,
		"120":                            2 * time.Minute,
		" 120 ":                          2 * time.Minute,
		"86401":                          24 * time.Hour,
		"99999999999999999999999":        24 * time.Hour,
		"-5":                             0,
		"1.5":                            0,
		"soon":                           0,
		"Mon, 02 Mar 2026 12:05:00 GMT":  5 * time.Minute,
		"Monday, 02-Mar-26 12:05:00 GMT": 5 * time.Minute,
		"Mon Mar  2 12:05:00 2026":       5 * time.Minute,
		"Mon, 02 Mar 2026 11:00:00 GMT":  0,
		"Mon, 02 Mar 2099 12:00:00 GMT":  24 * time.Hour,
	} {
		if got := webhook.RetryAfter(http.Header{"Retry-After": {text}}, now); got != want {
			t.Errorf("%q: %v, want %v", text, got, want)
		}
	}
	if got := webhook.RetryAfter(http.Header{}, now); got != 0 {
		t.Errorf("no header: %v", got)
	}
}
