package store

import (
	"context"
	"time"

	"github.com/uptrace/bun"

	"upstream/models"
)

// lockCustomer reads the customer's own row, to change it.
func (tx *tenantTx) lockCustomer(ctx context.Context) (*models.Customer, error) {
	customer := new(models.Customer)
	err := tx.tx.NewSelect().Model(customer).Where("cu.id = ?", tx.customer).For("NO KEY UPDATE").Scan(ctx)
	return customer, orNotFound(err, "customer")
}

func (tx *tenantTx) storeSchedule(ctx context.Context, customer *models.Customer, columns ...string) error {
	_, err := tx.tx.NewUpdate().Model(customer).Column(columns...).Where("id = ?", tx.customer).Exec(ctx)
	return err
}

// QueueDueRuns queues the runs that are due by their customers' schedules, and
// answers how many. Of the times that passed while no server ran, the last one
// is made up for. Several servers may do this at once: the row of the customer,
// which knows when the next run is due, is locked, and changes with the run.
func (s *Store) QueueDueRuns(ctx context.Context) (queued int, err error) {
	return sweep(ctx, s.dueCustomers, s.queueDue)
}

// dueCustomers are the next customers after the given of whom a run is due, or
// of whom nobody knows when one is.
func (s *Store) dueCustomers(ctx context.Context, after models.CustomerID) ([]models.CustomerID, error) {
	return system(ctx, s, func(tx *systemTx) (ids []models.CustomerID, err error) {
		var customers []models.Customer
		err = tx.tx.NewSelect().Model(&customers).Column("id").
			Where("cu.id > ?", after).
			WhereGroup(" AND ", func(q *bun.SelectQuery) *bun.SelectQuery {
				return q.
					WhereOr("cu.weekly_run_enabled AND (cu.next_weekly_run_at IS NULL OR cu.next_weekly_run_at <= ?)", tx.now).
					WhereOr("cu.monthly_run_enabled AND (cu.next_monthly_run_at IS NULL OR cu.next_monthly_run_at <= ?)", tx.now)
			}).
			Order("cu.id").Limit(watchBatch).Scan(ctx)
		for i := range customers {
			ids = append(ids, customers[i].ID)
		}
		return ids, err
	})
}

func (s *Store) queueDue(ctx context.Context, id models.CustomerID) (queued int, err error) {
	v := models.JobViewer(id, models.ScheduleRunsJob{}.Kind(), "")
	return write(ctx, s, v, models.PermissionRunDetection, func(tx *tenantTx) (int, error) {
		customer, err := tx.lockCustomer(ctx)
		if err != nil {
			return 0, err
		}
		queued := 0
		for _, kind := range []struct {
			runType models.RunType
			next    **time.Time
		}{{models.RunWeekly, &customer.NextWeeklyRunAt}, {models.RunMonthly, &customer.NextMonthlyRunAt}} {
			run, err := tx.queueScheduled(ctx, customer.Schedule(), kind.runType, kind.next)
			if err != nil {
				return 0, err
			}
			if run {
				queued++
			}
		}
		return queued, tx.storeSchedule(ctx, customer, "next_weekly_run_at", "next_monthly_run_at")
	})
}

// queueScheduled queues the run of a type if it is due, and moves next on to the
// time after it. A run that is in the way in the background leaves next as it
// is: the run is queued when that one has ended.
func (tx *tenantTx) queueScheduled(ctx context.Context, s models.Schedule, t models.RunType, next **time.Time) (bool, error) {
	if !s.Has(t) || *next != nil && (*next).After(tx.now) {
		return false, nil
	}
	queued := false
	if *next != nil {
		var settled bool
		var err error
		if queued, settled, err = tx.queueOccurrence(ctx, s, t); err != nil || !settled {
			return false, err
		}
	}
	following, err := s.Next(t, tx.now)
	if err != nil {
		return false, err
	}
	*next = &following.At
	return queued, nil
}

// queueOccurrence queues the run of the last time that the schedule named. It
// is settled when there is a run of that day, or never will be: a customer
// without claims has nothing to look at yet.
func (tx *tenantTx) queueOccurrence(ctx context.Context, s models.Schedule, t models.RunType) (queued, settled bool, err error) {
	last, err := s.Last(t, tx.now)
	if err != nil {
		return false, false, err
	}
	// The customer's day, which may have begun before the day in UTC has.
	params, err := models.DetectInput{RunType: &t}.Resolve(last.Day)
	if err != nil {
		return false, false, err
	}
	has, err := tx.selectFrom((*models.Claim)(nil)).Limit(1).Exists(ctx)
	if err != nil || !has {
		return false, true, err
	}
	run, err := tx.queueRun(ctx, models.OriginSchedule, params)
	if err != nil || run != nil {
		return run != nil, true, err
	}
	settled, err = tx.selectFrom((*models.ReportRun)(nil)).
		Where("rr.origin = ? AND rr.run_type = ? AND rr.as_of = ?", models.OriginSchedule, t, params.AsOf).Exists(ctx)
	return false, settled, err
}
