package store

import (
	"context"
	"slices"
	"time"

	"github.com/uptrace/bun"

	"upstream/models"
	"upstream/models/alerting"
)

// PreviewAlertRule says on which events of the last successful runs a rule would
// have fired, and of which of its alerts nobody would have been told. It stores
// nothing, and decides by the code that runs decide by. It answers VALIDATION
// for bad input.
func (s *Store) PreviewAlertRule(ctx context.Context, v models.Viewer, in models.AlertRulePreview) (*models.AlertRulePreviewResult, error) {
	if err := admit(v, models.PermissionManageAlerts, in); err != nil {
		return nil, err
	}
	return read(ctx, s, v, models.PermissionManageAlerts, func(tx *tenantTx) (*models.AlertRulePreviewResult, error) {
		result := &models.AlertRulePreviewResult{Runs: []*models.ReportRun{}, Matches: []models.AlertRuleMatch{}}
		err := tx.selectFrom(&result.Runs).Where("rr.status = ?", models.RunSuccess).
			OrderExpr("rr.finished_at DESC, rr.id DESC").Limit(int64(in.Size())).Scan(ctx)
		if err != nil || len(result.Runs) == 0 {
			return result, err
		}
		events, err := tx.eventsOf(ctx, result.Runs)
		if err != nil {
			return nil, err
		}
		result.EventCount = len(events)
		rule := in.Rule.Rule()
		rule.Enabled = true
		return result, tx.rehearse(ctx, result, alerting.Evaluate([]models.AlertRule{rule}, events))
	})
}

// eventsOf are the drift events of runs, those of the last run first.
func (tx *tenantTx) eventsOf(ctx context.Context, runs []*models.ReportRun) ([]models.DriftEvent, error) {
	ids := make([]models.ReportRunID, len(runs))
	order := make(map[models.ReportRunID]int, len(runs))
	for i, run := range runs {
		ids[i], order[run.ID] = run.ID, i
	}
	var events []models.DriftEvent
	err := withoutEvidence(tx.selectFrom(&events)).Where("de.report_run_id IN (?)", bun.List(ids)).
		OrderExpr("de.severity DESC, de.id").Scan(ctx)
	slices.SortStableFunc(events, func(a, b models.DriftEvent) int { return order[b.ReportRunID] - order[a.ReportRunID] })
	return events, err
}

// rehearse plays through what would have become of the matches, in the order in
// which they would have been alerts: each as if it had been due when its run
// ended.
func (tx *tenantTx) rehearse(ctx context.Context, result *models.AlertRulePreviewResult, matches []alerting.Match) error {
	customer, err := tx.ownCustomer(ctx)
	if err != nil {
		return err
	}
	settings, ended := customer.AlertSettings(), map[models.ReportRunID]time.Time{}
	for _, run := range result.Runs {
		ended[run.ID] = *run.FinishedAt
	}
	alerts := make([]*models.AlertEvent, len(matches))
	for i, match := range matches {
		alerts[i] = match.Alert(models.AlertEventID{}.From(tx.newUUID()), ended[match.Event.ReportRunID])
	}
	first := *result.Runs[len(result.Runs)-1].FinishedAt
	past, err := tx.pastOf(ctx, first.Add(-alerting.Horizon(settings)), alerts)
	if err != nil {
		return err
	}
	for i, match := range matches {
		alert := alerts[i]
		why := alerting.Suppression(settings, alert.TriggeredAt, alert, asOf(alert.TriggeredAt, past))
		if why == nil {
			alert.Status, alert.NotificationSentAt = models.AlertSent, &alert.TriggeredAt
			past = append(past, alerting.Past{Alert: alert})
		} else {
			result.SuppressedCount++
		}
		result.Matches = append(result.Matches, models.AlertRuleMatch{Event: match.Event, Value: match.Value, Suppression: why})
	}
	slices.Reverse(result.Matches)
	result.MatchCount = len(result.Matches)
	result.Matches = result.Matches[:min(result.MatchCount, models.MaxPreviewMatches)]
	return nil
}

// asOf is the past as it was at an instant.
func asOf(at time.Time, past []alerting.Past) []alerting.Past {
	var known []alerting.Past
	for _, p := range past {
		if sent := p.Alert.NotificationSentAt; sent != nil && sent.After(at) {
			p.Alert = new(*p.Alert)
			p.Alert.Status = models.AlertPending
		}
		if p.NoiseAt != nil && p.NoiseAt.After(at) {
			p.NoiseAt = nil
		}
		known = append(known, p)
	}
	return known
}
