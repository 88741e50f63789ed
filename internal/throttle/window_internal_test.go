package throttle

import (
	"testing"
	"time"

	"pgregory.net/rapid"
)

// drawnCount is any count of a rate that can have come about.
func drawnCount(t *rapid.T) (Rate, count) {
	rate := Rate{
		Limit:  rapid.IntRange(1, 50).Draw(t, "limit"),
		Window: time.Duration(rapid.IntRange(1, 100).Draw(t, "seconds")) * time.Second,
	}
	return rate, count{
		current:  rapid.IntRange(0, rate.Limit).Draw(t, "current"),
		previous: rapid.IntRange(0, rate.Limit).Draw(t, "previous"),
		elapsed:  time.Duration(rapid.Int64Range(0, rate.Window.Milliseconds()-1).Draw(t, "elapsed")) * time.Millisecond,
	}
}

// later is a count after a while in which nothing was drawn.
func later(r Rate, c count, d time.Duration) count {
	c.elapsed += d
	for c.elapsed >= r.Window {
		c = count{previous: c.current, elapsed: c.elapsed - r.Window}
	}
	return c
}

func TestWaitIsExact(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		rate, c := drawnCount(t)
		cost := rapid.IntRange(1, rate.Limit).Draw(t, "cost")
		fits := func(c count) bool { return rate.used(c)+cost <= rate.Limit }
		wait := rate.wait(c, cost)
		if (wait == 0) != fits(c) || wait < 0 {
			t.Fatalf("wait is %s, fits is %v", wait, fits(c))
		}
		if !fits(later(rate, c, wait)) {
			t.Fatalf("it does not fit after %s", wait)
		}
		if wait > 0 && fits(later(rate, c, wait-time.Millisecond)) {
			t.Fatalf("it fits before %s", wait)
		}
	})
}

func TestUsedFadesAndNothingIsNegative(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		rate, c := drawnCount(t)
		after := later(rate, c, time.Duration(rapid.Int64Range(0, 200_000).Draw(t, "ms"))*time.Millisecond)
		if rate.used(after) > rate.used(c) {
			t.Fatalf("used grows from %d to %d by waiting", rate.used(c), rate.used(after))
		}
		if rate.remaining(c) < 0 || rate.used(c) < c.current || rate.reset(c) <= 0 {
			t.Fatalf("remaining %d, used %d, reset %s", rate.remaining(c), rate.used(c), rate.reset(c))
		}
		if gone := later(rate, c, 2*rate.Window); rate.used(gone) != 0 {
			t.Fatalf("%d is still used after two windows", rate.used(gone))
		}
	})
}
