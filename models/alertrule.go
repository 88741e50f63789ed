package models

import (
	"io"
	"time"

	"github.com/shopspring/decimal"
	"github.com/uptrace/bun"
)

// AlertMetric is the number of a drift event that a rule looks at.
type AlertMetric string

// The metrics. A delta is signed, current minus baseline, and only events of its
// own drift type have it.
const (
	MetricSeverity          AlertMetric = "severity"            // the severity score, 0..1
	MetricDenialRateDelta   AlertMetric = "denial_rate_delta"   // a fraction
	MetricDecisionTimeDelta AlertMetric = "decision_time_delta" // days
)

// Values lists the metrics.
func (AlertMetric) Values() []string {
	return []string{
		string(MetricSeverity),
		string(MetricDenialRateDelta),
		string(MetricDecisionTimeDelta),
	}
}

// MarshalGQL writes the GraphQL enum value.
func (m AlertMetric) MarshalGQL(w io.Writer) { marshalEnum(w, m) }

// UnmarshalGQL reads the GraphQL enum value.
func (m *AlertMetric) UnmarshalGQL(v any) error { return unmarshalEnum(m, v) }

// DriftType is the one type of drift that has the metric; "" when all have it.
func (m AlertMetric) DriftType() DriftType {
	switch m {
	case MetricDenialRateDelta:
		return DriftDenialRate
	case MetricDecisionTimeDelta:
		return DriftDecisionTime
	default:
		return ""
	}
}

// ThresholdType is how a rule compares its metric with its threshold.
type ThresholdType string

// The comparisons. Values within 1e-9 of each other are equal.
const (
	ThresholdGT  ThresholdType = "gt"
	ThresholdGTE ThresholdType = "gte"
	ThresholdLT  ThresholdType = "lt"
	ThresholdLTE ThresholdType = "lte"
	ThresholdEQ  ThresholdType = "eq"
)

// Values lists the comparisons.
func (ThresholdType) Values() []string {
	return []string{
		string(ThresholdGT),
		string(ThresholdGTE),
		string(ThresholdLT),
		string(ThresholdLTE),
		string(ThresholdEQ),
	}
}

// MarshalGQL writes the GraphQL enum value.
func (t ThresholdType) MarshalGQL(w io.Writer) { marshalEnum(w, t) }

// UnmarshalGQL reads the GraphQL enum value.
func (t *ThresholdType) UnmarshalGQL(v any) error { return unmarshalEnum(t, v) }

// AlertSeverity is how urgent a rule's author holds its alerts to be.
type AlertSeverity string

// The severities, least urgent first.
const (
	AlertInfo      AlertSeverity = "info"
	AlertWarning   AlertSeverity = "warning"
	AlertCritical  AlertSeverity = "critical"
	AlertEmergency AlertSeverity = "emergency"
)

// Values lists the severities.
func (AlertSeverity) Values() []string {
	return []string{
		string(AlertInfo),
		string(AlertWarning),
		string(AlertCritical),
		string(AlertEmergency),
	}
}

// MarshalGQL writes the GraphQL enum value.
func (s AlertSeverity) MarshalGQL(w io.Writer) { marshalEnum(w, s) }

// UnmarshalGQL reads the GraphQL enum value.
func (s *AlertSeverity) UnmarshalGQL(v any) error { return unmarshalEnum(s, v) }

// AlertScope narrows a rule to some drift events; a nil field does not narrow.
type AlertScope struct {
	// Payer and CPTGroup must equal the event's exactly.
	Payer          *string         `json:"payer,omitempty"`
	CPTGroup       *string         `json:"cpt_group,omitempty"`
	DriftType      *DriftType      `json:"drift_type,omitempty"`
	TrendDirection *TrendDirection `json:"trend_direction,omitempty"`
	// MinRevenueImpact is USD over the current window, >= 0. An event without an
	// estimate, such as an improvement, does not reach any.
	MinRevenueImpact *decimal.Decimal `json:"min_revenue_impact,omitempty"`
}

// AlertRule is a customer's condition on drift events. Every event that meets
// it makes one alert.
type AlertRule struct {
	bun.BaseModel `bun:"table:alert_rules,alias:ar"`

	CustomerID  CustomerID  `bun:"customer_id,pk,type:uuid"`
	ID          AlertRuleID `bun:"id,pk,type:uuid"`
	Name        string      `bun:"name"`
	Description string      `bun:"description"`
	Scope       AlertScope  `bun:"scope,type:jsonb"`
	Metric      AlertMetric `bun:"metric"`
	// ThresholdValue is in the unit of Metric.
	ThresholdType  ThresholdType `bun:"threshold_type"`
	ThresholdValue float64       `bun:"threshold_value"`
	Enabled        bool          `bun:"enabled"`
	Severity       AlertSeverity `bun:"severity"`
	// RoutingChannels are where its alerts go; none means every enabled channel.
	// They are rows of their own, read with the rule.
	RoutingChannels []NotificationChannelID `bun:"routing_channels,array,scanonly"`
	// RoutingPriority orders evaluation, higher first.
	RoutingPriority int       `bun:"routing_priority"`
	RoutingTags     []string  `bun:"routing_tags,array"`
	CreatedBy       *UserID   `bun:"created_by,type:uuid"`
	Version         int64     `bun:"version"`
	CreatedAt       time.Time `bun:"created_at"`
	UpdatedAt       time.Time `bun:"updated_at"`
}

// GlobalID is the rule's TypeID.
func (r *AlertRule) GlobalID() string { return r.ID.String() }

// NewAlertRule is the input that creates an alert rule; nil fields take the
// defaults of [NewAlertRule.Rule].
type NewAlertRule struct {
	Name            string
	Description     string
	Scope           AlertScope
	Metric          *AlertMetric
	ThresholdType   *ThresholdType
	ThresholdValue  *float64
	Enabled         *bool
	Severity        *AlertSeverity
	RoutingChannels []NotificationChannelID
	RoutingPriority int
	RoutingTags     []string
}

// Rule is the rule that the input describes: unless it says otherwise one that
// is enabled and warns of every event whose severity is at least 0.7.
func (in NewAlertRule) Rule() AlertRule {
	return AlertRule{
		Name: in.Name, Description: in.Description, Scope: in.Scope,
		Metric:         valueOr(in.Metric, MetricSeverity),
		ThresholdType:  valueOr(in.ThresholdType, ThresholdGTE),
		ThresholdValue: valueOr(in.ThresholdValue, 0.7),
		Enabled:        valueOr(in.Enabled, true),
		Severity:       valueOr(in.Severity, AlertWarning),

		RoutingChannels: in.RoutingChannels, RoutingPriority: in.RoutingPriority, RoutingTags: in.RoutingTags,
	}
}

// Validate lists what is wrong with the input.
func (in NewAlertRule) Validate() error {
	rule := in.Rule()
	return rule.Validate()
}

func valueOr[T any](given *T, otherwise T) T {
	if given == nil {
		return otherwise
	}
	return *given
}

// AlertRuleFilter narrows a list of alert rules.
type AlertRuleFilter struct {
	Name     *string        `query:"name" column:"name" op:"icontains" doc:"Only rules whose name contains this text, ignoring case."`
	Enabled  *bool          `query:"enabled" column:"enabled" op:"eq" doc:"Only rules that are, or are not, evaluated."`
	Metric   *AlertMetric   `query:"metric" column:"metric" op:"eq" doc:"Only rules that look at this number."`
	Severity *AlertSeverity `query:"severity" column:"severity" op:"eq" doc:"Only rules whose alerts have this severity."`
	Tag      *string        `query:"tag" column:"routing_tags" op:"has" doc:"Only rules with exactly this routing tag."`
}

// AlertRuleOrderField is a column alert rules can be ordered by.
type AlertRuleOrderField string

// The orderings of alert rules.
const (
	AlertRuleOrderRoutingPriority AlertRuleOrderField = "routing_priority"
	AlertRuleOrderName            AlertRuleOrderField = "name"
	AlertRuleOrderCreatedAt       AlertRuleOrderField = "created_at"
)

// Values lists the columns.
func (AlertRuleOrderField) Values() []string {
	return []string{
		string(AlertRuleOrderRoutingPriority),
		string(AlertRuleOrderName),
		string(AlertRuleOrderCreatedAt),
	}
}

// MarshalGQL writes the GraphQL enum value.
func (f AlertRuleOrderField) MarshalGQL(w io.Writer) { marshalEnum(w, f) }

// UnmarshalGQL reads the GraphQL enum value.
func (f *AlertRuleOrderField) UnmarshalGQL(v any) error { return unmarshalEnum(f, v) }

// AlertRuleOrder is one term of an ordering of alert rules.
type AlertRuleOrder = Order[AlertRuleOrderField]
