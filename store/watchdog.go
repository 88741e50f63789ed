package store

import (
	"context"
	"time"

	"github.com/uptrace/bun"

	"upstream/models"
)

// runOverdue is when a run is given up although its process lives, or none is
// known: a connection that hangs must not keep a run alive for ever.
const runOverdue = 12 * time.Hour

// abandonedCode is the error code of runs that the watchdog fails.
const abandonedCode = "ABANDONED"

// FailAbandonedRuns fails the runs of all customers that nobody computes any
// more, and answers how many. A running run is abandoned once the process that
// computes it is gone, which its lifeline tells with certainty, or after twelve
// hours; a queued one when no job for it is left. Should a process that was
// taken for dead come to the end of its run after all, its transaction finds
// the run failed and rolls back.
func (s *Store) FailAbandonedRuns(ctx context.Context) (failed int, err error) {
	return sweep(ctx, s.unfinishedRuns, counting(s.failAbandoned))
}

// unfinishedRuns are the next ones after the given in the order of their keys.
func (s *Store) unfinishedRuns(ctx context.Context, after models.ReportRun) ([]models.ReportRun, error) {
	return system(ctx, s, func(tx *systemTx) (runs []models.ReportRun, err error) {
		err = tx.tx.NewSelect().Model(&runs).Column("customer_id", "id").
			Where("rr.status IN (?, ?)", models.RunQueued, models.RunRunning).
			Where("(rr.customer_id, rr.id) > (?, ?)", after.CustomerID, after.ID).
			OrderExpr("rr.customer_id, rr.id").Limit(watchBatch).Scan(ctx)
		return runs, err
	})
}

func (s *Store) failAbandoned(ctx context.Context, seen models.ReportRun) (failed bool, err error) {
	v := models.JobViewer(seen.CustomerID, models.FailAbandonedRunsJob{}.Kind(), "")
	return write(ctx, s, v, models.PermissionRunDetection, func(tx *tenantTx) (bool, error) {
		var runs []*models.ReportRun
		err := tx.selectFrom(&runs).Where("rr.id = ?", seen.ID).Scan(ctx)
		if err != nil || len(runs) == 0 || !runs[0].Unfinished() {
			return false, err
		}
		run := runs[0]
		message, err := tx.whyAbandoned(ctx, run)
		if err != nil || message == "" {
			return false, err
		}
		return tx.abandon(ctx, run, message)
	})
}

// abandon fails a run unless it moved on since it was read.
func (tx *tenantTx) abandon(ctx context.Context, run *models.ReportRun, message string) (bool, error) {
	was := run.Status
	run.Status, run.ErrorCode, run.ErrorMessage = models.RunFailed, new(abandonedCode), &message
	run.FinishedAt, run.UpdatedAt = &tx.now, tx.now
	read := run.Version
	err := tx.endRun(ctx, run, auditReportRunFailed, was, func(q *bun.UpdateQuery) *bun.UpdateQuery {
		return q.Where("rr.status = ? AND rr.version = ?", was, read)
	})
	if models.CodeOf(err) == models.CodeConflict {
		return false, nil
	}
	return err == nil, err
}

// whyAbandoned says why nobody will finish the run; empty when somebody may.
func (tx *tenantTx) whyAbandoned(ctx context.Context, run *models.ReportRun) (string, error) {
	if run.Status == models.RunQueued {
		if alive, err := tx.hasJob(ctx, run); err != nil || alive {
			return "", err
		}
		return "The run waited in the queue, but the job that was to compute it is gone.", nil
	}
	if gone, err := tx.abandonedBy(ctx, run); err != nil || gone {
		return "The process that computed the run ended before the run did.", err
	}
	if tx.now.Sub(run.StartedAt) > runOverdue {
		return "The run did not end within twelve hours.", nil
	}
	return "", nil
}

// abandonedBy reports whether the process that computes a run is gone.
func (tx *tenantTx) abandonedBy(ctx context.Context, run *models.ReportRun) (bool, error) {
	if run.Worker == nil {
		return false, nil // begun by a version that did not say
	}
	return tx.gone(ctx, *run.Worker)
}

// liveJob finds a job of a run that is still to be done, or under way.
const liveJob = `SELECT EXISTS (SELECT FROM river.river_job WHERE kind = ?1
	AND state IN ('available', 'pending', 'retryable', 'running', 'scheduled')
	AND args @> jsonb_build_object('customer_id', ?2, 'run_id', ?3) AND ?0 IS NOT NULL)`

func (tx *tenantTx) hasJob(ctx context.Context, run *models.ReportRun) (alive bool, err error) {
	err = tx.query(liveJob, models.DetectJob{}.Kind(), run.CustomerID.String(), run.ID.String()).Scan(ctx, &alive)
	return alive, err
}
