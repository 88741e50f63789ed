package store

import (
	"context"
	"errors"
	"fmt"

	"upstream/models"
)

// TriggerReport queues a run with these parameters for the workers, and answers
// with it; or with the customer's run that is queued or running in the
// background already, whatever its parameters, when there is one.
//
// The error is VALIDATION for parameters out of bounds and for a customer
// without claims; then nothing is stored.
func (s *Store) TriggerReport(ctx context.Context, v models.Viewer, in models.DetectInput) (*models.ReportRun, error) {
	if err := v.Authorize(models.PermissionRunDetection); err != nil {
		return nil, err
	}
	params, err := in.Resolve(models.DateOf(s.clock()))
	if err != nil {
		return nil, err
	}
	return write(ctx, s, v, models.PermissionRunDetection, func(tx *tenantTx) (*models.ReportRun, error) {
		for {
			run, err := tx.queueRun(ctx, models.OriginTrigger, params)
			if run != nil || err != nil {
				return run, err
			}
			// The run in our way ended before we could look at it.
			if run, err = tx.backgroundRun(ctx); run != nil || err != nil {
				return run, err
			}
		}
	})
}

// queueRun queues a run and its job; nil when there is such a run already. The
// unique indexes decide that, so that no two transactions can both find none.
func (tx *tenantTx) queueRun(ctx context.Context, origin models.RunOrigin, p models.DetectParams) (*models.ReportRun, error) {
	run := tx.newRun(origin, p)
	queued, err := tx.insertUnless(ctx, run)
	if err != nil || !queued {
		return nil, err
	}
	if err := mustHaveClaims(ctx, tx); err != nil {
		return nil, err
	}
	if err := tx.auditRun(ctx, auditReportRunQueued, run); err != nil {
		return nil, err
	}
	return run, tx.enqueue(ctx, models.DetectJob{CustomerID: tx.customer, RunID: run.ID})
}

// backgroundRun is the customer's run that is queued or running in the
// background; nil when there is none.
func (tx *tenantTx) backgroundRun(ctx context.Context) (*models.ReportRun, error) {
	var runs []*models.ReportRun
	err := tx.selectFrom(&runs).
		Where("rr.origin <> ? AND rr.status IN (?, ?)", models.OriginDetect, models.RunQueued, models.RunRunning).
		Limit(1).Scan(ctx)
	if err != nil || len(runs) == 0 {
		return nil, err
	}
	return runs[0], nil
}

// PerformRun computes a queued run on behalf of a job, exactly as DetectDrift
// does. How the run ends is in its row; the error says that the job should be
// tried again: the run could not be claimed, or ctx was cancelled and the run
// went back into the queue.
//
// A job may come again after a crash. It finds the run finished, or failed by
// the watchdog, or in the hands of a living process, and does nothing; or it
// takes the run over from a process that is gone, of whose work nothing was
// committed.
func (s *Store) PerformRun(ctx context.Context, v models.Viewer, id models.ReportRunID) error {
	leave, err := s.life.hold(ctx)
	if err != nil {
		return err
	}
	defer leave()
	run, err := s.claimRun(ctx, v, id)
	if err != nil || run == nil {
		return err
	}
	_, err = s.compute(ctx, v, run)
	switch {
	case err == nil:
		return nil
	case wasInterrupted(run, err):
		return errors.Join(err, s.requeueRun(ctx, v, run))
	default:
		s.log.WarnContext(ctx, "a queued detection run failed", "run", run.ID, "error", err)
		return nil
	}
}

// wasInterrupted reports whether a run of the queue was broken off because the
// process ends. It goes back; nobody waits for the answer.
func wasInterrupted(run *models.ReportRun, err error) bool {
	return run.Origin != models.OriginDetect && errors.Is(err, context.Canceled)
}

// claimRun makes a queued run ours and running; nil when there is nothing to do.
func (s *Store) claimRun(ctx context.Context, v models.Viewer, id models.ReportRunID) (*models.ReportRun, error) {
	return write(ctx, s, v, models.PermissionRunDetection, func(tx *tenantTx) (*models.ReportRun, error) {
		var runs []*models.ReportRun
		err := tx.selectFrom(&runs).Where("rr.id = ?", id).For("UPDATE").Scan(ctx)
		if err != nil || len(runs) == 0 || !runs[0].Unfinished() {
			return nil, err
		}
		run := runs[0]
		if run.Status == models.RunRunning {
			if gone, err := tx.abandonedBy(ctx, run); err != nil || !gone {
				return nil, err
			}
		}
		was := run.Status
		run.Status, run.Worker, run.StartedAt = models.RunRunning, &s.life.id, tx.now
		return run, tx.moveRun(ctx, run, auditReportRunStarted, was)
	})
}

// requeueRun puts a run back that this process broke off.
func (s *Store) requeueRun(ctx context.Context, v models.Viewer, run *models.ReportRun) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), failureTimeout)
	defer cancel()
	_, err := write(ctx, s, v, models.PermissionRunDetection, func(tx *tenantTx) (struct{}, error) {
		var mine []*models.ReportRun
		err := tx.selectFrom(&mine).Where("rr.id = ? AND rr.status = ? AND rr.worker = ?", run.ID, models.RunRunning, s.life.id).
			For("UPDATE").Scan(ctx)
		if err != nil || len(mine) == 0 {
			return struct{}{}, err
		}
		mine[0].Status, mine[0].Worker = models.RunQueued, nil
		return struct{}{}, tx.moveRun(ctx, mine[0], auditReportRunQueued, models.RunRunning)
	})
	if err != nil {
		return fmt.Errorf("put the run back into the queue: %w", err)
	}
	return nil
}

// moveRun stores that an unfinished run, whose row is locked, left the state was.
func (tx *tenantTx) moveRun(ctx context.Context, run *models.ReportRun, action auditAction, was models.RunStatus) error {
	run.UpdatedAt = tx.now
	run.Version++
	_, err := tx.updateOf(run).Column("status", "worker", "started_at", "updated_at", "version").Where("id = ?", run.ID).Exec(ctx)
	if err != nil {
		return err
	}
	return tx.auditChange(ctx, action, "report_run", run.ID.String(), change{
		before: map[string]any{"status": was}, after: map[string]any{"status": run.Status},
	})
}
