package jobs

import (
	"context"
	"fmt"
	"log/slog"

	"github.com/riverqueue/river"

	"upstream/models"
	"upstream/store"
)

// housekeeping deletes what has expired. A failure is not tried again: the next
// round comes.
type housekeeping struct {
	river.WorkerDefaults[models.HousekeepingJob]

	store *store.Store
	log   *slog.Logger
}

// Work implements river.Worker.
func (h *housekeeping) Work(ctx context.Context, _ *river.Job[models.HousekeepingJob]) error {
	deleted, err := h.store.PurgeSessions(ctx)
	if deleted > 0 {
		h.log.InfoContext(ctx, "expired sessions deleted", "rows", deleted)
	}
	if err != nil {
		return fmt.Errorf("delete expired sessions: %w", err)
	}
	forgotten, err := h.store.PurgeInvitations(ctx)
	if forgotten > 0 {
		h.log.InfoContext(ctx, "secrets of expired invitations forgotten", "rows", forgotten)
	}
	if err != nil {
		return fmt.Errorf("forget secrets of expired invitations: %w", err)
	}
	expired, err := h.store.PurgeIdempotencyKeys(ctx)
	if expired > 0 {
		h.log.InfoContext(ctx, "expired idempotency keys deleted", "rows", expired)
	}
	if err != nil {
		return fmt.Errorf("delete expired idempotency keys: %w", err)
	}
	return nil
}
