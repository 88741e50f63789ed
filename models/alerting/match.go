package alerting

import (
	"cmp"
	"math"
	"slices"
	"time"

	"upstream/models"
)

// epsilon is the slack of every comparison with a threshold: 0.15 - 0.10 is a
// change of 5 points although floating point says slightly less.
const epsilon = 1e-9

// Match is a rule that fired on an event.
type Match struct {
	Rule  *models.AlertRule
	Event *models.DriftEvent
	// Value is the value of the rule's metric that met its threshold.
	Value float64
}

// Evaluate finds what the enabled rules fire on, in the order of evaluation:
// rules by priority, highest first, then by identifier; events as they come. A
// rule fires once per signal key. The order of the arguments is left alone.
func Evaluate(rules []models.AlertRule, events []models.DriftEvent) []Match {
	var matches []Match
	for _, rule := range inOrder(rules) {
		if !rule.Enabled {
			continue
		}
		fired := map[string]bool{}
		for i := range events {
			event := &events[i]
			value, ok := Fires(rule, event)
			if !ok || fired[event.SignalKey] {
				continue
			}
			fired[event.SignalKey] = true
			matches = append(matches, Match{Rule: rule, Event: event, Value: value})
		}
	}
	return matches
}

func inOrder(rules []models.AlertRule) []*models.AlertRule {
	ordered := make([]*models.AlertRule, len(rules))
	for i := range rules {
		ordered[i] = &rules[i]
	}
	slices.SortStableFunc(ordered, func(a, b *models.AlertRule) int {
		if byPriority := cmp.Compare(b.RoutingPriority, a.RoutingPriority); byPriority != 0 {
			return byPriority
		}
		x, y := a.ID.UUID(), b.ID.UUID()
		return slices.Compare(x[:], y[:])
	})
	return ordered
}

// Fires reports whether the rule, enabled or not, matches the event, and the
// value of its metric.
func Fires(rule *models.AlertRule, event *models.DriftEvent) (value float64, ok bool) {
	if !inScope(rule.Scope, event) {
		return 0, false
	}
	value, ok = valueOf(rule.Metric, event)
	return value, ok && meets(rule.ThresholdType, value, rule.ThresholdValue)
}

func inScope(s models.AlertScope, e *models.DriftEvent) bool {
	return allows(s.Payer, e.Payer) && allows(s.CPTGroup, e.CPTGroup) &&
		allows(s.DriftType, e.DriftType) && allows(s.TrendDirection, e.TrendDirection) &&
		(s.MinRevenueImpact == nil ||
			e.EstimatedRevenueImpact != nil && e.EstimatedRevenueImpact.GreaterThanOrEqual(*s.MinRevenueImpact))
}

func allows[T comparable](wanted *T, value T) bool { return wanted == nil || *wanted == value }

// valueOf is the metric of an event. A delta that the event's type does not have
// is no value: it is not replaced by another number.
func valueOf(metric models.AlertMetric, e *models.DriftEvent) (float64, bool) {
	if only := metric.DriftType(); only != "" {
		return e.DeltaValue, e.DriftType == only
	}
	return e.Severity, metric == models.MetricSeverity
}

// meets compares signed values; those within epsilon are equal.
func meets(how models.ThresholdType, value, threshold float64) bool {
	difference := value - threshold
	switch how {
	case models.ThresholdGT:
		return difference > epsilon
	case models.ThresholdGTE:
		return difference >= -epsilon
	case models.ThresholdLT:
		return difference < -epsilon
	case models.ThresholdLTE:
		return difference <= epsilon
	case models.ThresholdEQ:
		return math.Abs(difference) <= epsilon
	default:
		return false
	}
}

// Alert is the alert that the match makes, pending, with what the rule saw.
func (m Match) Alert(id models.AlertEventID, now time.Time) *models.AlertEvent {
	e := m.Event
	return &models.AlertEvent{
		CustomerID: e.CustomerID, ID: id, AlertRuleID: m.Rule.ID, DriftEventID: e.ID, ReportRunID: e.ReportRunID,
		SignalKey: e.SignalKey, Payer: e.Payer, DriftType: e.DriftType,
		Status: models.AlertPending, TriggeredAt: now, Payload: m.payload(),
		Version: 1, CreatedAt: now, UpdatedAt: now,
	}
}

func (m Match) payload() models.AlertPayload {
	e, r := m.Event, m.Rule
	return models.AlertPayload{
		SignalType: e.DriftType, EntityLabel: e.Payer,
		Payer: e.Payer, CPTGroup: e.CPTGroup, DriftType: e.DriftType, TrendDirection: e.TrendDirection,
		BaselineValue: e.BaselineValue, CurrentValue: e.CurrentValue, DeltaValue: e.DeltaValue,
		Severity: e.Severity, Confidence: e.Confidence,
		BaselineSampleSize: e.BaselineSampleSize, CurrentSampleSize: e.CurrentSampleSize,
		BaselineStart: e.BaselineStart, BaselineEnd: e.BaselineEnd, CurrentStart: e.CurrentStart, CurrentEnd: e.CurrentEnd,
		RevenueImpact: e.EstimatedRevenueImpact, ConsecutivePeriods: e.ConsecutivePeriods,
		RuleName: r.Name, RuleSeverity: r.Severity, RuleMetric: r.Metric,
		RuleThresholdType: r.ThresholdType, RuleThreshold: r.ThresholdValue, RuleValue: m.Value,
	}
}
