package store

import (
	"context"
	"encoding/json"
	"fmt"

	"upstream/models"
	"upstream/models/drift"
)

// DriftEvidence computes the evidence of an event anew from the claims as they
// are now, and says what differs from the evidence kept with it and why;
// NOT_FOUND when the customer has no such event.
func (s *Store) DriftEvidence(ctx context.Context, v models.Viewer, id models.DriftEventID) (*models.DriftEvidence, error) {
	return readWithSettings(ctx, s, v, models.PermissionViewReports, func(tx *tenantTx) (*models.DriftEvidence, error) {
		event, err := rowOf[models.DriftEvent](ctx, tx, everything, id, "drift event")
		if err != nil {
			return nil, err
		}
		return tx.reproduce(ctx, event)
	})
}

func (tx *tenantTx) reproduce(ctx context.Context, event *models.DriftEvent) (*models.DriftEvidence, error) {
	var stored drift.Evidence
	if err := json.Unmarshal(event.Evidence, &stored); err != nil {
		return nil, fmt.Errorf("store: evidence of %s: %w", event.ID, err)
	}
	run, err := rowOf[models.ReportRun](ctx, tx, everything, event.ReportRunID, "report run")
	if err != nil {
		return nil, err
	}
	params := run.Params(event.DriftType)
	var family []models.DriftTest
	if err := tx.selectFrom(&family).Column("payer", "cpt_group", "drift_type", "p_value").
		Where("dt.report_run_id = ?", run.ID).Scan(ctx); err != nil {
		return nil, err
	}
	of := segment{payer: event.Payer}
	if event.CPTGroup != models.CPTGroupAll {
		of.group = event.CPTGroup
	}
	input, err := gatherClaims(ctx, tx, params, of)
	if err != nil {
		return nil, err
	}
	out := &models.DriftEvidence{EventID: event.ID, Stored: event.Evidence, ComputedAt: tx.now}
	if err := compareEvidence(out, input, event, family); err != nil {
		return nil, err
	}
	out.Reasons, err = tx.evidenceReasons(ctx, event, stored, params, out)
	return out, err
}

// compareEvidence fills in what was recomputed and what differs.
func compareEvidence(out *models.DriftEvidence, in drift.Input, event *models.DriftEvent, family []models.DriftTest) error {
	evidence, tested, err := drift.Recompute(in, event, family)
	if err != nil || !tested {
		return err // without a test nothing is reproduced
	}
	if out.Recomputed, err = json.Marshal(evidence); err != nil {
		return err
	}
	out.Differences, err = drift.Differences(out.Stored, out.Recomputed)
	out.Reproduced = len(out.Differences) == 0
	return err
}

// claimsSince counts the claims of a payer's windows that came with uploads
// newer than the run had seen. Identifiers of uploads are ordered by time. Where
// there is no such upload, which is asked first, no claim is read.
const claimsSince = `SELECT count(*), count(DISTINCT upload_id) FROM claims
	WHERE customer_id = ?0 AND payer = ?1 AND %[1]s >= ?2 AND %[1]s < ?3 AND (?4 OR cpt_group = ?5) AND upload_id > ?6
		AND (SELECT EXISTS (SELECT FROM uploads WHERE customer_id = ?0 AND id > ?6))`

// evidenceReasons says why the numbers may be others than they were.
func (tx *tenantTx) evidenceReasons(
	ctx context.Context, event *models.DriftEvent, stored drift.Evidence, p models.DetectParams, out *models.DriftEvidence,
) ([]models.EvidenceReason, error) {
	var reasons []models.EvidenceReason
	because := func(code models.EvidenceReasonCode, format string, args ...any) {
		reasons = append(reasons, models.EvidenceReason{Code: code, Message: fmt.Sprintf(format, args...)})
	}
	if stored.EngineVersion != drift.EngineVersion {
		because(models.EvidenceEngineChanged, "Version %d of the engine found the event; this is version %d.",
			stored.EngineVersion, drift.EngineVersion)
	}
	var claims, uploads int
	if stored.DataWatermark != nil {
		err := tx.query(fmt.Sprintf(claimsSince, windowColumn(p.WindowBy)), event.Payer, p.BaselineStart(), p.AsOf,
			event.CPTGroup == models.CPTGroupAll, event.CPTGroup, stored.DataWatermark).Scan(ctx, &claims, &uploads)
		if err != nil {
			return nil, err
		}
	}
	switch {
	case claims > 0:
		because(models.EvidenceClaimsAdded, "Claims of these windows came with later uploads: %d in %d.", claims, uploads)
	case !out.Reproduced && stored.EngineVersion == drift.EngineVersion:
		because(models.EvidenceClaimsChanged,
			"The claims of these windows are not those that the run saw, and no later upload accounts for it.")
	}
	return reasons, nil
}
