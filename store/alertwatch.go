package store

import (
	"context"

	"github.com/google/uuid"

	"upstream/models"
)

// ResumeAlerts sees to the messages about alerts of all customers that nobody
// sends any more, and answers how many there were: each gets a new job. An alert
// without a job is one whose snooze has ended, or that a crash has left behind.
func (s *Store) ResumeAlerts(ctx context.Context) (resumed int, err error) {
	return sweep(ctx, s.customersToTell, s.resumeAlerts)
}

// customersToTell are the next customers after the given one of whose alerts
// people are yet to be told.
func (s *Store) customersToTell(ctx context.Context, after models.CustomerID) ([]models.CustomerID, error) {
	return system(ctx, s, func(tx *systemTx) ([]models.CustomerID, error) {
		var ids []uuid.UUID
		err := tx.tx.NewRaw(`SELECT customer_id FROM alert_events WHERE status = 'pending' AND customer_id > ?0
			UNION SELECT customer_id FROM alert_notifications WHERE status = 'pending' AND customer_id > ?0
			ORDER BY customer_id LIMIT ?1`, after, watchBatch).Scan(ctx, &ids)
		customers := make([]models.CustomerID, len(ids))
		for i, id := range ids {
			customers[i] = models.CustomerID{}.From(id)
		}
		return customers, err
	})
}

// untold finds the alerts that somebody should be telling people of.
const untold = `
SELECT ae.id FROM alert_events AS ae
WHERE ae.customer_id = ?0 AND (ae.snoozed_until IS NULL OR ae.snoozed_until <= ?1)
    AND (ae.notifying_until IS NULL OR ae.notifying_until <= ?1)
    AND ae.id IN (
        SELECT id FROM alert_events WHERE customer_id = ?0 AND status = 'pending'
        UNION SELECT alert_event_id FROM alert_notifications WHERE customer_id = ?0 AND status = 'pending'
    )
ORDER BY ae.triggered_at, ae.id LIMIT ?2`

// liveAlertJobs finds the alerts of the customer that a job is to tell people
// of. One that has been running for longer than it may is of a process that
// ended.
const liveAlertJobs = `
SELECT args->>'alert_event_id' FROM river.river_job
WHERE kind = ?1 AND args @> jsonb_build_object('customer_id', ?2) AND ?0 IS NOT NULL
    AND (state IN ('available', 'pending', 'retryable', 'scheduled') OR state = 'running' AND attempted_at > now() - ?3 * interval '1 second')`

func (s *Store) resumeAlerts(ctx context.Context, customer models.CustomerID) (int, error) {
	v := models.JobViewer(customer, models.ResumeAlertsJob{}.Kind(), "")
	return write(ctx, s, v, models.PermissionHandleAlerts, func(tx *tenantTx) (int, error) {
		var ids []uuid.UUID
		if err := tx.query(untold, tx.now, watchBatch).Scan(ctx, &ids); err != nil || len(ids) == 0 {
			return 0, err
		}
		var live []string
		err := tx.query(liveAlertJobs, models.AlertJob{}.Kind(), customer.String(), noticeLease.Seconds()).Scan(ctx, &live)
		if err != nil {
			return 0, err
		}
		told := make(map[string]bool, len(live))
		for _, id := range live {
			told[id] = true
		}
		var jobs []models.JobArgs
		for _, id := range ids {
			if alert := (models.AlertEventID{}).From(id); !told[alert.String()] {
				jobs = append(jobs, models.AlertJob{CustomerID: customer, AlertEventID: alert})
			}
		}
		if len(jobs) == 0 {
			return 0, nil
		}
		return len(jobs), tx.enqueueAll(ctx, jobs)
	})
}

// ChannelToTest is a channel with its configuration, on behalf of the job that
// tries it; NOT_FOUND when it is gone.
func (s *Store) ChannelToTest(ctx context.Context, job models.ChannelTestJob) (*models.NotificationChannel, *models.Customer, error) {
	v := models.JobViewer(job.CustomerID, job.Kind(), "")
	var customer *models.Customer
	channel, err := read(ctx, s, v, models.PermissionManageAlerts, func(tx *tenantTx) (*models.NotificationChannel, error) {
		var err error
		if customer, err = tx.ownCustomer(ctx); err != nil {
			return nil, err
		}
		channel, err := rowOf[models.NotificationChannel](ctx, tx, everything, job.ChannelID, "notification channel")
		if err != nil {
			return nil, err
		}
		return channel, s.openConfig(channel)
	})
	return channel, customer, err
}

// ChannelTested notes what became of a message that tried a channel; problem is
// empty when it arrived.
func (s *Store) ChannelTested(ctx context.Context, job models.ChannelTestJob, problem string) error {
	v := models.JobViewer(job.CustomerID, job.Kind(), "")
	_, err := write(ctx, s, v, models.PermissionManageAlerts, func(tx *tenantTx) (struct{}, error) {
		_, err := tx.updateOf((*models.NotificationChannel)(nil)).
			Set("tested_at = ?, test_error = ?, version = version + 1, updated_at = ?", tx.now, nonEmpty(problem), tx.now).
			Where("nc.id = ?", job.ChannelID).Exec(ctx)
		return struct{}{}, err
	})
	return err
}
