package store

import (
	"context"
	"time"

	"upstream/models"
)

// UpdateCustomer changes the viewer's own customer: its name, who gets its
// reports, and when its runs are made by themselves, which is from now on: a
// time that has passed is not made up for. It answers VALIDATION for bad input,
// NOT_FOUND for another customer, STALE, and CONFLICT when another customer has
// the name.
func (s *Store) UpdateCustomer(ctx context.Context, v models.Viewer, in models.Update[models.CustomerID, models.CustomerPatch]) (*models.Customer, error) {
	if err := admit(v, models.PermissionManageConfiguration, in.Patch); err != nil {
		return nil, err
	}
	return write(ctx, s, v, models.PermissionManageConfiguration, func(tx *tenantTx) (*models.Customer, error) {
		if in.ID != tx.customer {
			return nil, models.NotFound("customer")
		}
		before, after, err := amend(ctx, tx, customerRows{tx: tx.tx, own: tx.customer}, amendment[models.Customer]{
			noun: "customer", entity: "customer", id: in.ID, expected: in.ExpectedVersion, action: auditSettingsUpdated,
			apply: func(c *models.Customer) error { return in.Patch.Apply(c, tx.now) },
			stamp: func(c *models.Customer) (*int64, *time.Time) { return &c.Version, &c.UpdatedAt },
		})
		if err != nil || before.Schedule() == after.Schedule() {
			return after, err
		}
		// A trigger clears next times that a change of the schedule left as they
		// were, because it cannot know that they are the right ones.
		return after, tx.storeSchedule(ctx, after, "next_weekly_run_at", "next_monthly_run_at")
	})
}
