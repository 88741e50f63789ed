package store_test

import (
	"context"
	"database/sql"
	"errors"
	"testing"

	"upstream/internal/factory"
	"upstream/models"
	"upstream/store"
)

// Two transactions each count the runs of a customer and add one, believing to
// be the first. Under REPEATABLE READ both are right by their snapshots, and
// both commit; under the level of detections one is refused.
func TestWriteSkew(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name      string
		level     sql.IsolationLevel
		committed int
	}{
		{"as REPEATABLE READ would have it", sql.LevelRepeatableRead, 2},
		{"as detections run", store.DetectionLevel(), 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			cedar := factory.New(t).Tenant("cedar")
			errs := skew(t.Context(), cedar, tt.level)
			committed := 0
			for _, err := range errs {
				switch {
				case err == nil:
					committed++
				case models.CodeOf(err) != models.CodeSerializationConflict:
					t.Error(err)
				}
			}
			equal(t, "committed", tt.committed, committed)
			equal(t, "firsts", tt.committed, len(runsOf(t, cedar)))
		})
	}
}

// skew runs one of the two inside the other, so that each has read before
// either writes.
func skew(ctx context.Context, cedar *factory.Tenant, level sql.IsolationLevel) [2]error {
	first := func(tx store.ExclusiveTx) error {
		n, err := tx.Count(ctx, `SELECT count(*) FROM report_runs WHERE customer_id = ?`, cedar.Customer.ID)
		if err == nil && n > 0 {
			err = errors.New("not the first")
		}
		return err
	}
	row := func(tx store.ExclusiveTx) error {
		return tx.Exec(ctx, `INSERT INTO report_runs (customer_id, id, method, window_by, as_of, baseline_start, baseline_end,
			current_start, current_end, min_volume, alpha)
			VALUES (?, gen_random_uuid(), 'statistical', 'decided', '2026-06-15', '2026-03-01', '2026-06-01', '2026-06-01', '2026-06-15', 30, 0.05)`,
			cedar.Customer.ID)
	}
	var inner error
	outer := store.InTransaction(ctx, cedar.Store, cedar.System(), level, func(tx store.ExclusiveTx) error {
		if err := first(tx); err != nil {
			return err
		}
		inner = store.InTransaction(ctx, cedar.Store, cedar.System(), level, func(tx store.ExclusiveTx) error {
			return errors.Join(first(tx), row(tx))
		})
		return row(tx)
	})
	return [2]error{inner, outer}
}
