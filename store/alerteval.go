package store

import (
	"context"
	"slices"

	"upstream/models"
	"upstream/models/alerting"
)

// evaluateAlerts makes the alerts that the customer's rules fire for the events
// of a run, and resolves those whose signals the run has lost. It belongs into
// the transaction of the run. How many statements it takes does not depend on
// how many rules, events or alerts there are, but for rows inserted by the
// hundreds.
func (tx *tenantTx) evaluateAlerts(ctx context.Context, run *models.ReportRun, events []models.DriftEvent) error {
	var rules []models.AlertRule
	if err := tx.selectFrom(&rules).Where("ar.enabled").Scan(ctx); err != nil {
		return err
	}
	if err := tx.trigger(ctx, alerting.Evaluate(rules, events)); err != nil {
		return err
	}
	return tx.resolveLost(ctx, run)
}

// alertKey is the unique index by which a rule fires once for a signal.
const alertKey = "customer_id, alert_rule_id, signal_key"

// trigger makes an alert of each match unless there is one for its rule and
// signal, with all that follows from it.
func (tx *tenantTx) trigger(ctx context.Context, matches []alerting.Match) error {
	for some := range slices.Chunk(matches, insertChunk) {
		if err := tx.triggerSome(ctx, some); err != nil {
			return err
		}
	}
	return nil
}

func (tx *tenantTx) triggerSome(ctx context.Context, matches []alerting.Match) error {
	alerts := make([]*models.AlertEvent, len(matches))
	of := make(map[models.AlertEventID]alerting.Match, len(matches))
	for i, match := range matches {
		alerts[i] = match.Alert(models.AlertEventID{}.From(tx.newUUID()), tx.now)
		of[alerts[i].ID] = match
	}
	made, err := tx.insertFresh(ctx, &alerts, alertKey)
	if err != nil {
		return err
	}
	isNew := make(map[models.AlertEventID]bool, len(made))
	for _, id := range made {
		isNew[models.AlertEventID{}.From(id)] = true
	}
	var jobs []models.JobArgs
	var happened []models.Happening
	for _, alert := range alerts {
		if !isNew[alert.ID] {
			continue
		}
		match := of[alert.ID]
		err := tx.audit(ctx, auditAlertCreated, "alert_event", alert.ID.String(), map[string]any{
			"alert_rule": alert.AlertRuleID, "rule_name": match.Rule.Name, "drift_event": alert.DriftEventID,
			"payer": alert.Payer, "severity": match.Event.Severity,
		})
		if err != nil {
			return err
		}
		jobs = append(jobs, models.AlertJob{CustomerID: tx.customer, AlertEventID: alert.ID})
		happened = append(happened, models.Happening{
			Data: models.AlertTriggeredOf(alert), Subject: alert.ID.String(), Key: "alert.triggered:" + alert.ID.String(), Revision: alert.Version,
		})
	}
	if len(jobs) == 0 {
		return nil
	}
	if err := tx.emit(ctx, happened...); err != nil {
		return err
	}
	return tx.enqueueAll(ctx, jobs)
}
