package cli

import (
	"context"
	"time"

	"upstream/store"
)

// housekeepingInterval is how often a serving process deletes what has expired.
const housekeepingInterval = time.Hour

// startHousekeeping deletes expired sessions now and at every interval, until
// ctx ends or the function it answers with is called, which waits for the end.
// Several servers on one database may do so at once: each skips the rows the
// other has in hand.
func (a *app) startHousekeeping(ctx context.Context, st *store.Store, interval time.Duration) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		ticker := time.NewTicker(interval)
		defer ticker.Stop()
		for {
			a.purge(ctx, st)
			select {
			case <-ctx.Done():
				return
			case <-ticker.C:
			}
		}
	}()
	return func() {
		cancel()
		<-done
	}
}

// purge is one round. A failure is logged and the next round tries again.
func (a *app) purge(ctx context.Context, st *store.Store) {
	deleted, err := st.PurgeSessions(ctx)
	switch {
	case err != nil && ctx.Err() == nil:
		a.log.WarnContext(ctx, "expired sessions were not deleted", "error", err)
	case deleted > 0:
		a.log.InfoContext(ctx, "expired sessions deleted", "rows", deleted)
	}
}
