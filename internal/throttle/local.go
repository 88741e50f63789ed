package throttle

import (
	"sync"
	"time"

	"github.com/go-chi/httprate"
)

// local counts for this process alone.
type local struct {
	// mu makes looking at several counters and drawing on them one step, and
	// keeps the instants in order: the library's counters forget everything
	// when they are asked about a window that is already over.
	mu       sync.Mutex
	latest   time.Time
	counters map[Class]httprate.LimitCounter
}

func newLocal(rates Rates) *local {
	l := &local{counters: make(map[Class]httprate.LimitCounter, len(rates))}
	for class, rate := range rates {
		l.counters[class] = httprate.NewLocalLimitCounter(rate.Window)
	}
	return l
}

// take draws the budgets unless one of them refuses.
func (l *local) take(now time.Time, id string, budgets []budget) counts {
	l.mu.Lock()
	defer l.mu.Unlock()
	if now.Before(l.latest) {
		now = l.latest
	}
	l.latest = now
	c := counts{admitted: true, each: make([]count, len(budgets))}
	for i, b := range budgets {
		c.each[i] = l.count(now, id, b)
		c.admitted = c.admitted && (b.cost <= 0 || b.rate.used(c.each[i])+b.cost <= b.rate.Limit)
	}
	if !c.admitted {
		return c
	}
	for i, b := range budgets {
		cost := max(b.cost, -c.each[i].current) // a window that is over takes nothing back
		if cost == 0 {
			continue
		}
		// The library's local counters answer no error.
		_ = l.counters[b.class].IncrementBy(id, windowStart(now, b.rate), cost)
		c.each[i].current += cost
	}
	return c
}

func (l *local) count(now time.Time, id string, b budget) count {
	start := windowStart(now, b.rate)
	current, previous, _ := l.counters[b.class].Get(id, start, start.Add(-b.rate.Window))
	_, elapsed := b.rate.windowNumber(now)
	return count{current: current, previous: previous, elapsed: elapsed}
}

func windowStart(now time.Time, r Rate) time.Time {
	number, _ := r.windowNumber(now)
	return time.UnixMilli(number * r.Window.Milliseconds()).UTC()
}
