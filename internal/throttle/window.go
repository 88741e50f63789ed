package throttle

import "time"

// The sliding window is kept as two counts: of the running fixed window and of
// the one before it, which is taken to have been spread evenly. What is used at
// an instant is the first plus the share of the second that the sliding window
// still covers. Two numbers per caller and class are enough for that, whatever
// the limit; a list of instants would need as many as the limit.

// count is what a caller has drawn, and how far the running window has come.
type count struct {
	current, previous int
	elapsed           time.Duration
}

// used is how much of the limit is taken, rounded up. Milliseconds keep it
// the same number here and in the script that Redis runs.
func (r Rate) used(c count) int {
	window := r.Window.Milliseconds()
	left := window - c.elapsed.Milliseconds()
	return c.current + int((int64(c.previous)*left+window-1)/window)
}

// remaining is what is left of the limit; never negative.
func (r Rate) remaining(c count) int { return max(0, r.Limit-r.used(c)) }

// wait is how long until cost fits, if nothing else is drawn meanwhile; 0 when
// it does now. Cost is at most the limit.
func (r Rate) wait(c count, cost int) time.Duration {
	if r.used(c)+cost <= r.Limit {
		return 0
	}
	if room := r.Limit - cost - c.current; room >= 0 {
		return r.shrunk(c.previous, room) - c.elapsed
	}
	// The running window alone is too much: it has to become the previous one.
	return r.Window - c.elapsed + r.shrunk(c.current, r.Limit-cost)
}

// shrunk is how far into a window it takes until no more than room is left of
// the previous one's count.
func (r Rate) shrunk(previous, room int) time.Duration {
	if previous <= room {
		return 0
	}
	window := r.Window.Milliseconds()
	return time.Duration(window-int64(room)*window/int64(previous)) * time.Millisecond
}

// reset is how long what remains has to last at most: until the running window
// ends and its count begins to fade.
func (r Rate) reset(c count) time.Duration { return r.Window - c.elapsed }

// windowNumber counts the fixed windows since 1970, and tells how far the
// running one has come.
func (r Rate) windowNumber(now time.Time) (number int64, elapsed time.Duration) {
	window := r.Window.Milliseconds()
	at := now.UnixMilli()
	return at / window, time.Duration(at%window) * time.Millisecond
}
