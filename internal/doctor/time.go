package doctor

import (
	"context"
	"fmt"
	"time"
)

// How far apart clocks may be: tokens are good for minutes, and a cooldown or a
// schedule is compared with the instants of other processes.
const (
	clockWarning = time.Second
	clockFailure = 30 * time.Second
)

func lookAtClock(ctx context.Context, p *patient) ([]Finding, error) {
	before := p.Now()
	theirs, err := one[time.Time](ctx, p, `SELECT clock_timestamp()`)
	if err != nil {
		return nil, err
	}
	after := p.Now()
	// Between before and after it was theirs; what is outside is the difference.
	apart := max(before.Sub(theirs), theirs.Sub(after), 0)
	detail := fmt.Sprintf("this machine and the database are %s apart", apart.Round(time.Millisecond))
	const advice = "Let NTP keep both clocks."
	switch {
	case apart > clockFailure:
		return []Finding{failed("clock", detail, advice)}, nil
	case apart > clockWarning:
		return []Finding{warning("clock", detail, advice)}, nil
	}
	return []Finding{fine("clock", "this machine and the database agree")}, nil
}

// How long a job that is due may wait.
const (
	waitWarning = time.Minute
	waitFailure = 15 * time.Minute
)

const waitingSQL = `
SELECT count(*)::float8, coalesce(extract(epoch FROM max(now() - scheduled_at)), 0)::float8
  FROM river.river_job WHERE state IN ('available', 'retryable', 'scheduled') AND scheduled_at <= now()`

const leaderSQL = `SELECT EXISTS (SELECT FROM river.river_leader WHERE expires_at > now())`

const pausedSQL = `SELECT name FROM river.river_queue WHERE paused_at IS NOT NULL ORDER BY 1`

const discardedSQL = `
SELECT format('%s (%s)', kind, count(*)) FROM river.river_job WHERE state = 'discarded' GROUP BY kind ORDER BY 1`

func lookAtQueue(ctx context.Context, p *patient) ([]Finding, error) {
	var due, seconds float64
	if err := p.pool.QueryRow(ctx, waitingSQL).Scan(&due, &seconds); err != nil {
		return nil, err
	}
	alive, err := one[bool](ctx, p, leaderSQL)
	if err != nil {
		return nil, err
	}
	found := waiting(int(due), time.Duration(seconds*float64(time.Second)), alive)
	paused, err := column(ctx, p, pausedSQL)
	if err != nil {
		return nil, err
	}
	if len(paused) > 0 {
		found = append(found, warning("queue", "paused: "+list(paused), "Resume it: its jobs wait."))
	}
	discarded, err := column(ctx, p, discardedSQL)
	if err != nil {
		return nil, err
	}
	if len(discarded) > 0 {
		found = append(found, warning("queue", "given up after all tries: "+list(discarded), "The log says why, at the time of each."))
	}
	return found, nil
}

// waiting judges the jobs that are due, of which the oldest has been for so long.
func waiting(due int, longest time.Duration, alive bool) []Finding {
	detail := fmt.Sprintf("%d jobs are due, the oldest for %s", due, longest.Round(time.Second))
	const nobody, advice = "no process works on jobs", "Start `upstream work`, or serve without --no-workers."
	switch {
	case !alive && longest > waitFailure:
		return []Finding{failed("queue", nobody+"; "+detail, advice)}
	case !alive:
		return []Finding{warning("queue", nobody, advice)}
	case longest > waitFailure:
		return []Finding{failed("queue", detail, "Start more workers, and see in the log what they are busy with.")}
	case longest > waitWarning:
		return []Finding{warning("queue", detail, "Start more workers if that lasts.")}
	case due == 0:
		return []Finding{fine("queue", "a process works on jobs, and none is due")}
	}
	return []Finding{fine("queue", "a process works on jobs; %s", detail)}
}
