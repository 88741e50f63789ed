package factory

import (
	"fmt"

	"upstream/models"
)

// AlertRuleRow is an enabled rule that warns of severe events.
func (t *Tenant) AlertRuleRow(changes ...func(*models.AlertRule)) *models.AlertRule {
	rule := models.NewAlertRule{Name: fmt.Sprintf("Rule %d", t.seq.Add(1))}.Rule()
	now := Now()
	rule.CustomerID, rule.ID, rule.RoutingTags = t.Customer.ID, models.AlertRuleID{}.From(newID()), []string{}
	rule.Version, rule.CreatedAt, rule.UpdatedAt = 1, now, now
	return build(&rule, changes)
}

// AlertRow is an alert of the rule about the event that nobody was told of yet.
func (t *Tenant) AlertRow(rule *models.AlertRule, event *models.DriftEvent, changes ...func(*models.AlertEvent)) *models.AlertEvent {
	now := Now()
	return build(&models.AlertEvent{
		CustomerID: t.Customer.ID, ID: models.AlertEventID{}.From(newID()), AlertRuleID: rule.ID, DriftEventID: event.ID,
		ReportRunID: event.ReportRunID, SignalKey: event.SignalKey, Payer: event.Payer, DriftType: event.DriftType,
		Status: models.AlertPending, TriggeredAt: now, Version: 1, CreatedAt: now, UpdatedAt: now,
		Payload: models.AlertPayload{
			SignalType: event.DriftType, EntityLabel: event.Payer, Payer: event.Payer, CPTGroup: event.CPTGroup, DriftType: event.DriftType,
			TrendDirection: event.TrendDirection, BaselineValue: event.BaselineValue, CurrentValue: event.CurrentValue,
			DeltaValue: event.DeltaValue, Severity: event.Severity, Confidence: event.Confidence,
			BaselineSampleSize: event.BaselineSampleSize, CurrentSampleSize: event.CurrentSampleSize,
			BaselineStart: event.BaselineStart, BaselineEnd: event.BaselineEnd, CurrentStart: event.CurrentStart, CurrentEnd: event.CurrentEnd,
			RevenueImpact: event.EstimatedRevenueImpact, ConsecutivePeriods: event.ConsecutivePeriods, RuleName: rule.Name,
			RuleSeverity: rule.Severity, RuleMetric: rule.Metric, RuleThresholdType: rule.ThresholdType,
			RuleThreshold: rule.ThresholdValue, RuleValue: event.Severity,
		},
	}, changes)
}

// NotificationRow says that the channel took the alert.
func (t *Tenant) NotificationRow(alert models.AlertEventID, number int, channel *models.NotificationChannel, changes ...func(*models.AlertNotification)) *models.AlertNotification {
	now := Now()
	return build(&models.AlertNotification{
		CustomerID: t.Customer.ID, AlertEventID: alert, Number: number, ChannelID: &channel.ID,
		ChannelName: channel.Name, ChannelType: channel.ChannelType, Status: models.NotificationSent, Attempts: 1,
		SentAt: &now, Taken: []string{}, CreatedAt: now, UpdatedAt: now,
	}, changes)
}
