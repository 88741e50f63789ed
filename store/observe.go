package store

import (
	"context"
	"strings"
	"time"

	"upstream/models"
)

// Observer hears, in numbers, of work once it is committed or has failed.
type Observer interface {
	// Detected tells of a detection run; outcome is "success", "failed" or
	// "interrupted".
	Detected(method, outcome string, took time.Duration)
	// Ingested tells of a claims file or batch; outcome is the upload's status.
	Ingested(outcome string, accepted, rejected, warnings int64)
	// Attempted tells of an attempt to deliver a webhook; outcome is a
	// models.AttemptOutcome.
	Attempted(outcome string, took time.Duration)
	// Alerted tells of what happened to an alert: "created", "sent", "failed" or
	// "suppressed".
	Alerted(outcome string)
	// Traceparent names the span that a context belongs to, as W3C Trace Context
	// writes it; "" without one.
	Traceparent(ctx context.Context) string
}

// unobserved is the observer of a store that has none.
type unobserved struct{}

// Detected implements Observer.
func (unobserved) Detected(string, string, time.Duration) {}

// Ingested implements Observer.
func (unobserved) Ingested(string, int64, int64, int64) {}

// Attempted implements Observer.
func (unobserved) Attempted(string, time.Duration) {}

// Alerted implements Observer.
func (unobserved) Alerted(string) {}

// Traceparent implements Observer.
func (unobserved) Traceparent(context.Context) string { return "" }

func (s *Store) tellDetected(run *models.ReportRun, err error, began time.Time) {
	outcome := "success"
	switch {
	case err != nil && wasInterrupted(run, err):
		outcome = "interrupted"
	case err != nil:
		outcome = "failed"
	}
	s.observer.Detected(string(run.Method), outcome, time.Since(began))
}

// tellIngested tells of an upload that was read by this request, and not by an
// earlier one that it repeats.
func (s *Store) tellIngested(v models.Viewer, upload *models.Upload) {
	if upload != nil && !v.Once.Replayed() {
		s.observer.Ingested(string(upload.Status), upload.AcceptedRowCount, upload.RejectedRowCount, upload.WarningRowCount)
	}
}

// tellAttempted tells of attempts that are recorded.
func (s *Store) tellAttempted(results []models.AttemptResult) {
	for i := range results {
		s.observer.Attempted(string(results[i].Outcome), results[i].Duration)
	}
}

// tellAlerts tells of what happened to alerts, by the lines of the audit log that
// a transaction has committed.
func (s *Store) tellAlerts(lines []*models.AuditEvent) {
	for _, line := range lines {
		switch auditAction(line.Action) {
		case auditAlertCreated, auditAlertSent, auditAlertFailed, auditAlertSuppressed:
			s.observer.Alerted(strings.TrimPrefix(line.Action, "alert_event_"))
		default: // the others are about something else, or what people did
		}
	}
}

// QueueDepth is how much of a queue of background jobs is in one state.
type QueueDepth struct {
	Queue, State string
	Jobs         int64
	// Oldest is how long the oldest of them has been due; 0 where none is.
	Oldest time.Duration
}

// queueDepths leaves out what is done: there are many, and nobody waits for them.
const queueDepths = `
SELECT queue, state::text, count(*), greatest(coalesce(extract(epoch FROM max(now() - scheduled_at)), 0), 0)::float8
  FROM river.river_job
 WHERE state IN ('available', 'scheduled', 'retryable', 'running', 'pending')
 GROUP BY queue, state ORDER BY queue, state`

// QueueDepths counts the background jobs that are not done. It reads no row of a
// customer.
func (s *Store) QueueDepths(ctx context.Context) ([]QueueDepth, error) {
	rows, err := s.pool.Query(ctx, queueDepths)
	if err != nil {
		return nil, translate(err)
	}
	defer rows.Close()
	var all []QueueDepth
	for rows.Next() {
		var d QueueDepth
		var seconds float64
		if err := rows.Scan(&d.Queue, &d.State, &d.Jobs, &seconds); err != nil {
			return nil, translate(err)
		}
		d.Oldest = time.Duration(seconds * float64(time.Second))
		all = append(all, d)
	}
	return all, translate(rows.Err())
}
