package await

import (
	"context"
	"testing"
	"time"
)

// Patience is how long [Until] waits: far longer than anything takes on a busy
// machine, since only a test that fails waits that long.
const Patience = time.Minute

// between is the time between two questions.
const between = 5 * time.Millisecond

// Until returns once ok says so, and fails the test when that has not come
// within [Patience] or before the test's context ended; then, as after
// tb.FailNow, its goroutine ends. what completes the sentence "waited a minute
// for …".
func Until(tb testing.TB, what string, ok func() bool) {
	tb.Helper()
	Within(tb, Patience, what, ok)
}

// Within is [Until] for what takes long by itself.
func Within(tb testing.TB, patience time.Duration, what string, ok func() bool) {
	tb.Helper()
	ctx, cancel := context.WithTimeout(tb.Context(), patience)
	defer cancel()
	again := time.NewTicker(between)
	defer again.Stop()
	for !ok() {
		select {
		case <-again.C:
		case <-ctx.Done():
			tb.Fatalf("waited %s for %s: %v", patience, what, ctx.Err())
			return
		}
	}
}

// endOfBubbles is a time that no bubble reaches, whose clocks begin with the
// year 2000, and that every clock of ours has passed.
var endOfBubbles = time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC)

// Pass lets time go by in a bubble of testing/synctest. Outside of one it would
// be a sleep, and panics.
func Pass(d time.Duration) {
	if time.Now().After(endOfBubbles) {
		panic("await.Pass outside of a bubble of testing/synctest")
	}
	time.Sleep(d) //nolint:forbidigo // it takes no time here
}
