package jobs

import (
	"context"
	"fmt"
	"log/slog"

	"github.com/riverqueue/river"

	"upstream/models"
	"upstream/store"
)

// round is a job that recurs: chores, one after another. A failure is not tried
// again: the next round comes.
type round[A river.JobArgs] struct {
	river.WorkerDefaults[A]

	log    *slog.Logger
	chores []chore
}

// chore is one thing that a round sees to.
type chore struct {
	// purpose is what it is for, as an error and the log say it.
	purpose string
	// do answers how many it did something to, which the log tells at level when
	// there were any.
	do    func(context.Context) (int64, error)
	level slog.Level
}

// Work implements river.Worker.
func (r *round[A]) Work(ctx context.Context, _ *river.Job[A]) error {
	for _, c := range r.chores {
		n, err := c.do(ctx)
		if n > 0 {
			r.log.LogAttrs(ctx, c.level, "a recurring job found work", slog.String("chore", c.purpose), slog.Int64("count", n))
		}
		if err != nil {
			return fmt.Errorf("%s: %w", c.purpose, err)
		}
	}
	return nil
}

// counted is a chore that counts in int.
func counted(do func(context.Context) (int, error)) func(context.Context) (int64, error) {
	return func(ctx context.Context) (int64, error) {
		n, err := do(ctx)
		return int64(n), err
	}
}

// housekeeping deletes what has expired.
func housekeeping(s *store.Store, log *slog.Logger) *round[models.HousekeepingJob] {
	return &round[models.HousekeepingJob]{log: log, chores: []chore{
		{"delete expired sessions", s.PurgeSessions, slog.LevelInfo},
		{"forget secrets of expired invitations", s.PurgeInvitations, slog.LevelInfo},
		{"delete expired idempotency keys", s.PurgeIdempotencyKeys, slog.LevelInfo},
		{"delete what was delivered long ago", s.PurgeWebhooks, slog.LevelInfo},
	}}
}

// scheduling queues the runs that are due.
func scheduling(s *store.Store, log *slog.Logger) *round[models.ScheduleRunsJob] {
	return &round[models.ScheduleRunsJob]{log: log, chores: []chore{
		{"queue the runs that are due", counted(s.QueueDueRuns), slog.LevelInfo},
	}}
}

// watching fails the runs that nobody computes any more.
func watching(s *store.Store, log *slog.Logger) *round[models.FailAbandonedRunsJob] {
	return &round[models.FailAbandonedRunsJob]{log: log, chores: []chore{
		{"fail the abandoned runs", counted(s.FailAbandonedRuns), slog.LevelWarn},
	}}
}

// resuming sees to uploads that nobody reads any more.
func resuming(s *store.Store, log *slog.Logger) *round[models.ResumeUploadsJob] {
	return &round[models.ResumeUploadsJob]{log: log, chores: []chore{
		{"take up the uploads left behind", counted(s.ResumeUploads), slog.LevelWarn},
	}}
}

// resumingAlerts sees to alerts that nobody tells people of.
func resumingAlerts(s *store.Store, log *slog.Logger) *round[models.ResumeAlertsJob] {
	return &round[models.ResumeAlertsJob]{log: log, chores: []chore{
		{"take up the alerts that nobody tells people of", counted(s.ResumeAlerts), slog.LevelInfo},
	}}
}
