package store

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/uptrace/bun"

	"upstream/models"
	"upstream/models/drift"
)

// detectionLock lets one detection per customer run at a time.
const detectionLock = "upstream.detect"

// failureTimeout bounds the work of recording that a run failed, which goes on
// after the client is gone.
const failureTimeout = 10 * time.Second

// DetectDrift looks for payers that changed and answers with the finished run.
//
// The run row is committed first; then one SERIALIZABLE transaction reads the
// claims, makes the tests and stores them with their events, so that a run is
// whole or leaves nothing. Failure of any kind marks the run failed. The
// errors are VALIDATION for parameters out of bounds, and
// SERIALIZATION_CONFLICT when five attempts met concurrent changes.
func (s *Store) DetectDrift(ctx context.Context, v models.Viewer, in models.DetectInput) (*models.ReportRun, error) {
	if err := v.Authorize(models.PermissionRunDetection); err != nil {
		return nil, err
	}
	params, err := in.Resolve(models.DateOf(s.clock()))
	if err != nil {
		return nil, err
	}
	leave, err := s.life.hold(ctx)
	if err != nil {
		return nil, err
	}
	defer leave()
	run, err := s.startRun(ctx, v, params)
	if err != nil || run.Status == models.RunSuccess { // of an earlier request under the same key
		return run, err
	}
	return s.compute(ctx, v, run)
}

// compute makes the run, which this process has begun, and marks it failed when
// that does not work out.
func (s *Store) compute(ctx context.Context, v models.Viewer, run *models.ReportRun) (finished *models.ReportRun, err error) {
	err = errPanicked
	began := time.Now()
	defer func() {
		s.tellDetected(run, err, began)
		if err != nil && !wasInterrupted(run, err) {
			s.failRun(ctx, v, run, err)
		}
	}()
	finished, err = exclusive(ctx, s, v, models.PermissionRunDetection, detectionLock, func(tx *tenantTx) (*models.ReportRun, error) {
		return s.detect(ctx, tx, *run, run.Params(run.Signals...))
	})
	if err == nil {
		s.tellSoon(ctx, v)
	}
	return finished, err
}

// errPanicked is why a run failed whose computation did not return.
var errPanicked = errors.New("store: the detection panicked")

// startRun commits the run as running, so that even a crash leaves a trace. The
// answer is the finished run instead when the request was made before, under an
// idempotency key, and had its effect.
//
// That effect is the end of the run, in a later transaction, which stores what
// is answered for the key. This one keeps the place: others see by the run that
// the request is under way, and that it no longer is when the run has failed.
func (s *Store) startRun(ctx context.Context, v models.Viewer, p models.DetectParams) (*models.ReportRun, error) {
	once, err := v.Once.Take()
	if err != nil {
		return nil, err
	}
	return inTenant(ctx, s, v, models.PermissionRunDetection, readCommitted, func(tx *tenantTx) (*models.ReportRun, error) {
		if once != nil {
			if done, err := s.doneBefore(ctx, tx, once); done != nil || err != nil {
				return done, err
			}
		}
		run := tx.newRun(models.OriginDetect, p)
		run.Status, run.Worker = models.RunRunning, &s.life.id
		if err := tx.insert(ctx, run); err != nil {
			return nil, err
		}
		if err := mustHaveClaims(ctx, tx); err != nil {
			return nil, err
		}
		if once != nil {
			if err := tx.keepPlace(ctx, once, run.ID); err != nil {
				return nil, err
			}
		}
		return run, tx.auditRun(ctx, auditReportRunStarted, run)
	})
}

func (tx *tenantTx) newRun(origin models.RunOrigin, p models.DetectParams) *models.ReportRun {
	run := models.NewReportRun(models.ReportRunID{}.From(tx.newUUID()), tx.customer, origin, p, tx.now)
	run.CreatedBy = tx.actorID()
	return run
}

// auditRun notes that a run was made.
func (tx *tenantTx) auditRun(ctx context.Context, action auditAction, run *models.ReportRun) error {
	return tx.auditChange(ctx, action, "report_run", run.ID.String(), change{after: map[string]any{
		"status": run.Status, "run_type": run.RunType, "method": run.Method, "as_of": run.AsOf,
	}})
}

// mustHaveClaims refuses a run for a customer of whom nothing is known yet: it
// could only find that nothing changed, which would be believed.
func mustHaveClaims(ctx context.Context, tx *tenantTx) error {
	some, err := tx.selectFrom((*models.Claim)(nil)).Limit(1).Exists(ctx)
	if err == nil && !some {
		return models.InvalidField("customer", "no_claims", "has no claims yet: upload a file of claims first")
	}
	return err
}

// detect is the run itself, in its one transaction.
func (s *Store) detect(ctx context.Context, tx *tenantTx, run models.ReportRun, p models.DetectParams) (*models.ReportRun, error) {
	input, err := gather(ctx, tx, p)
	if err != nil {
		return nil, err
	}
	result, err := drift.Detect(input)
	if err != nil {
		return nil, err
	}
	tests, events := result.Rows(drift.Owner{
		CustomerID: tx.customer, ReportRunID: run.ID, Now: tx.now,
		NewEventID: func() models.DriftEventID { return models.DriftEventID{}.From(tx.newUUID()) },
	})
	if err := insertAll(ctx, tx, events); err != nil {
		return nil, err
	}
	if err := insertAll(ctx, tx, tests); err != nil {
		return nil, err
	}
	if err := tx.auditEvents(ctx, events); err != nil {
		return nil, err
	}
	if err := tx.emitDrift(ctx, events); err != nil {
		return nil, err
	}
	if err := tx.evaluateAlerts(ctx, &run, events); err != nil {
		return nil, err
	}
	run.Status, run.TestCount, run.DriftEventCount = models.RunSuccess, len(tests), len(events)
	if run.SummaryJSON, err = json.Marshal(summarize(p, input, result, events)); err != nil {
		return nil, err
	}
	if err := s.finishRun(ctx, tx, &run, auditReportRunCompleted); err != nil {
		return nil, err
	}
	return &run, s.settle(ctx, tx, &run)
}

// insertChunk keeps the text of one INSERT small.
const insertChunk = 500

func insertAll[T any](ctx context.Context, tx *tenantTx, rows []T) error {
	for chunk := range slices.Chunk(rows, insertChunk) {
		if err := tx.insert(ctx, &chunk); err != nil {
			return err
		}
	}
	return nil
}

// auditEvents notes one line for each new event.
func (tx *tenantTx) auditEvents(ctx context.Context, events []models.DriftEvent) error {
	for i := range events {
		e := &events[i]
		err := tx.audit(ctx, auditDriftEventCreated, "drift_event", e.ID.String(), map[string]any{
			"payer": e.Payer, "cpt_group": e.CPTGroup, "drift_type": e.DriftType, "severity": e.Severity,
			"report_run": e.ReportRunID,
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// lostRun says that a run is not ours any more when it comes to its end: the
// watchdog has taken this process for dead. The transaction must not commit.
func lostRun() error {
	return models.NewError(models.CodeConflict, "The run was given up while it was computed. Ask for another one.")
}

// finishRun ends a run that this process computes.
func (s *Store) finishRun(ctx context.Context, tx *tenantTx, run *models.ReportRun, action auditAction) error {
	finished, worker := s.clock(), run.Worker
	run.FinishedAt, run.UpdatedAt = &finished, finished
	return tx.endRun(ctx, run, action, models.RunRunning, func(q *bun.UpdateQuery) *bun.UpdateQuery {
		return q.Where("rr.status = ? AND rr.worker = ?", models.RunRunning, worker)
	})
}

// endRun stores the end of a run that was in another state and is as where
// demands; the error is CONFLICT when it is not.
func (tx *tenantTx) endRun(
	ctx context.Context, run *models.ReportRun, action auditAction, from models.RunStatus, where func(*bun.UpdateQuery) *bun.UpdateQuery,
) error {
	run.Version++
	run.Worker = nil
	result, err := tx.updateOf(run).
		Column("status", "worker", "test_count", "drift_event_count", "summary_json", "error_code", "error_message",
			"finished_at", "updated_at", "version").
		Where("id = ?", run.ID).Apply(where).Exec(ctx)
	if err != nil {
		return err
	}
	if n, err := result.RowsAffected(); err != nil || n == 0 {
		return cmp.Or(err, lostRun())
	}
	if err := tx.emitRun(ctx, run); err != nil {
		return err
	}
	was := map[string]any{"status": from}
	is := map[string]any{"status": run.Status, "test_count": run.TestCount, "drift_event_count": run.DriftEventCount}
	if run.ErrorCode != nil {
		is["error_code"] = *run.ErrorCode
	}
	return tx.auditChange(ctx, action, "report_run", run.ID.String(), change{before: was, after: is})
}

// failRun records why a run ended without a result. It goes on after ctx was
// cancelled: a client that hangs up must not leave a run that looks alive.
func (s *Store) failRun(ctx context.Context, v models.Viewer, run *models.ReportRun, cause error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), failureTimeout)
	defer cancel()
	_, err := write(ctx, s, v, models.PermissionRunDetection, func(tx *tenantTx) (struct{}, error) {
		code, message := failureOf(cause)
		run.Status, run.ErrorCode, run.ErrorMessage = models.RunFailed, &code, &message
		return struct{}{}, s.finishRun(ctx, tx, run, auditReportRunFailed)
	})
	if err != nil {
		s.log.ErrorContext(ctx, "a failed detection run could not be recorded", "run", run.ID, "error", err)
	}
}

func failureOf(cause error) (code, message string) {
	switch {
	case errors.Is(cause, context.Canceled):
		return "CANCELED", "The run was given up before it finished."
	case errors.Is(cause, context.DeadlineExceeded):
		return "TIMEOUT", "The run did not finish in the time allowed."
	default:
		e := models.AsError(cause)
		return string(e.Code), sentenceOf(e)
	}
}

// previousEvents are the events of the newest successful run of the same type
// with an earlier as-of, which a signal continues or not.
func previousEvents(ctx context.Context, tx *tenantTx, p models.DetectParams) ([]models.DriftEvent, error) {
	previous := tx.selectFrom((*models.ReportRun)(nil)).Column("id").
		Where("rr.status = ? AND rr.run_type = ? AND rr.as_of < ?", models.RunSuccess, p.RunType, p.AsOf).
		OrderExpr("rr.as_of DESC, rr.finished_at DESC").Limit(1)
	var events []models.DriftEvent
	err := tx.selectFrom(&events).
		Column("payer", "cpt_group", "drift_type", "trend_direction", "consecutive_periods").
		Where("de.report_run_id = (?)", previous).Scan(ctx)
	return events, err
}

// watermark is the newest upload whose claims the run can see. Identifiers
// are ordered by time.
func watermark(ctx context.Context, tx *tenantTx) (*models.UploadID, error) {
	var ids []uuid.UUID
	err := tx.selectFrom((*models.Upload)(nil)).Column("id").
		Where("up.status IN (?)", bun.List([]models.UploadStatus{models.UploadSuccess, models.UploadPartial})).
		OrderExpr("up.id DESC").Limit(1).Scan(ctx, &ids)
	if err != nil || len(ids) == 0 {
		return nil, err
	}
	id := models.UploadID{}.From(ids[0])
	return &id, nil
}

// runSummary is the summary_json of a successful run.
type runSummary struct {
	BaselineStart    models.Date   `json:"baseline_start"`
	BaselineEnd      models.Date   `json:"baseline_end"`
	CurrentStart     models.Date   `json:"current_start"`
	CurrentEnd       models.Date   `json:"current_end"`
	GroupsConsidered int           `json:"groups_considered"`
	TestsMade        int           `json:"tests_made"`
	EventsCreated    int           `json:"events_created"`
	Message          string        `json:"message,omitempty"`
	Watermark        string        `json:"watermark,omitempty"`
	EngineVersion    int           `json:"engine_version"`
	Parameters       runParameters `json:"parameters"`
}

type runParameters struct {
	AsOfDate     models.Date        `json:"as_of_date"`
	Method       models.Method      `json:"method"`
	WindowBy     models.WindowBy    `json:"window_by"`
	BaselineDays int                `json:"baseline_days"`
	CurrentDays  int                `json:"current_days"`
	MinVolume    int                `json:"min_volume"`
	Alpha        float64            `json:"alpha"`
	Signals      []models.DriftType `json:"signals"`
}

func summarize(p models.DetectParams, in drift.Input, result drift.Result, events []models.DriftEvent) runSummary {
	summary := runSummary{
		BaselineStart: p.BaselineStart(), BaselineEnd: p.CurrentStart(),
		CurrentStart: p.CurrentStart(), CurrentEnd: p.AsOf,
		GroupsConsidered: result.GroupsConsidered, TestsMade: len(result.Findings), EventsCreated: len(events),
		EngineVersion: drift.EngineVersion,
		Parameters: runParameters{
			AsOfDate: p.AsOf, Method: p.Method, WindowBy: p.WindowBy, BaselineDays: p.BaselineDays,
			CurrentDays: p.CurrentDays, MinVolume: p.MinVolume, Alpha: p.Alpha, Signals: p.Signals,
		},
	}
	if in.Watermark != nil {
		summary.Watermark = in.Watermark.String()
	}
	switch {
	case result.GroupsConsidered == 0:
		summary.Message = "There are no claims in either window."
	case len(result.Findings) == 0:
		summary.Message = "No payer and CPT group has enough claims in both windows to be tested."
	}
	return summary
}
