package models

import (
	"io"
	"time"

	"github.com/shopspring/decimal"
	"github.com/uptrace/bun"
)

// AlertStatus is where an alert stands.
type AlertStatus string

// The states. The first three are open, and say how telling people went.
const (
	AlertPending      AlertStatus = "pending"      // nobody was told yet
	AlertSent         AlertStatus = "sent"         // a channel took the message, or it was suppressed
	AlertFailed       AlertStatus = "failed"       // no channel took the message
	AlertAcknowledged AlertStatus = "acknowledged" // somebody looks into it
	AlertResolved     AlertStatus = "resolved"
)

// Values lists the states.
func (AlertStatus) Values() []string {
	return []string{
		string(AlertPending),
		string(AlertSent),
		string(AlertFailed),
		string(AlertAcknowledged),
		string(AlertResolved),
	}
}

// MarshalGQL writes the GraphQL enum value.
func (s AlertStatus) MarshalGQL(w io.Writer) { marshalEnum(w, s) }

// UnmarshalGQL reads the GraphQL enum value.
func (s *AlertStatus) UnmarshalGQL(v any) error { return unmarshalEnum(s, v) }

// Open reports whether nobody has acknowledged or resolved the alert.
func (s AlertStatus) Open() bool { return s == AlertPending || s == AlertSent || s == AlertFailed }

// SuppressionReason is why nobody was told of an alert.
type SuppressionReason string

// The reasons.
const (
	SuppressedCooldown SuppressionReason = "cooldown"      // the same signal was told of a short while ago
	SuppressedNoise    SuppressionReason = "noise_pattern" // operators called the same signal noise
)

// Values lists the reasons.
func (SuppressionReason) Values() []string {
	return []string{
		string(SuppressedCooldown),
		string(SuppressedNoise),
	}
}

// MarshalGQL writes the GraphQL enum value.
func (r SuppressionReason) MarshalGQL(w io.Writer) { marshalEnum(w, r) }

// UnmarshalGQL reads the GraphQL enum value.
func (r *SuppressionReason) UnmarshalGQL(v any) error { return unmarshalEnum(r, v) }

// AlertResolution is how an alert came to be resolved.
type AlertResolution string

// The resolutions.
const (
	ResolvedByOperator    AlertResolution = "operator"    // somebody resolved it
	ResolvedAsNoise       AlertResolution = "noise"       // somebody judged it to be noise
	ResolvedAutomatically AlertResolution = "signal_gone" // later runs no longer found the signal
)

// Values lists the resolutions.
func (AlertResolution) Values() []string {
	return []string{
		string(ResolvedByOperator),
		string(ResolvedAsNoise),
		string(ResolvedAutomatically),
	}
}

// MarshalGQL writes the GraphQL enum value.
func (r AlertResolution) MarshalGQL(w io.Writer) { marshalEnum(w, r) }

// UnmarshalGQL reads the GraphQL enum value.
func (r *AlertResolution) UnmarshalGQL(v any) error { return unmarshalEnum(r, v) }

// SuppressedMessage is the ErrorMessage of an alert that nobody was told of.
const SuppressedMessage = "suppressed"

// AlertEvent is one firing of a rule, for one signal. It is unique on its rule
// and SignalKey, so that no second run over the same window alerts again.
type AlertEvent struct {
	bun.BaseModel `bun:"table:alert_events,alias:ae"`

	CustomerID   CustomerID   `bun:"customer_id,pk,type:uuid"`
	ID           AlertEventID `bun:"id,pk,type:uuid"`
	AlertRuleID  AlertRuleID  `bun:"alert_rule_id,type:uuid"`
	DriftEventID DriftEventID `bun:"drift_event_id,type:uuid"`
	ReportRunID  ReportRunID  `bun:"report_run_id,type:uuid"`
	// SignalKey is that of the drift event.
	SignalKey string `bun:"signal_key"`
	// Payer and DriftType are, with the customer, what suppression goes by.
	Payer     string      `bun:"payer"`
	DriftType DriftType   `bun:"drift_type"`
	Status    AlertStatus `bun:"status"`
	// TriggeredAt is when the rule fired, Payload what it saw.
	TriggeredAt time.Time    `bun:"triggered_at"`
	Payload     AlertPayload `bun:"payload,type:jsonb"`
	// NotificationSentAt is when sending was settled: a channel took the message,
	// or it was suppressed. It is never set twice.
	NotificationSentAt *time.Time `bun:"notification_sent_at"`
	// ErrorMessage is why sending failed, or SuppressedMessage.
	ErrorMessage      *string            `bun:"error_message"`
	SuppressionReason *SuppressionReason `bun:"suppression_reason"`
	// NeedsFollowUp is set while the last judgment asks for another look.
	NeedsFollowUp bool `bun:"needs_follow_up"`
	// LatestVerdict is that of the last judgment; nil before the first one.
	LatestVerdict *Verdict `bun:"latest_verdict"`
	AssigneeID    *UserID  `bun:"assignee_id,type:uuid"`
	// SnoozedUntil is the first instant at which the alert is no longer put off.
	SnoozedUntil   *time.Time       `bun:"snoozed_until"`
	AcknowledgedAt *time.Time       `bun:"acknowledged_at"`
	AcknowledgedBy *UserID          `bun:"acknowledged_by,type:uuid"`
	ResolvedAt     *time.Time       `bun:"resolved_at"`
	ResolvedBy     *UserID          `bun:"resolved_by,type:uuid"`
	Resolution     *AlertResolution `bun:"resolution"`
	// HistoryLength is how many lines the alert's history has.
	HistoryLength int `bun:"history_length"`
	// NotifyingUntil is until when one job has the alert to itself to tell people
	// of it; nil when none has.
	NotifyingUntil *time.Time `bun:"notifying_until"`
	Version        int64      `bun:"version"`
	CreatedAt      time.Time  `bun:"created_at"`
	UpdatedAt      time.Time  `bun:"updated_at"`

	// Judgments are read where single alerts and their lists are, the latest first.
	Judgments []*OperatorJudgment `bun:"-"`
}

// HasJudgment reports whether anybody has judged the alert.
func (a *AlertEvent) HasJudgment() bool { return a.LatestVerdict != nil }

// GlobalID is the alert's TypeID.
func (a *AlertEvent) GlobalID() string { return a.ID.String() }

// OpenStatus is the state of the alert as long as nobody acknowledges or
// resolves it: how telling people went.
func (a *AlertEvent) OpenStatus() AlertStatus {
	switch {
	case a.NotificationSentAt != nil:
		return AlertSent
	case a.ErrorMessage != nil:
		return AlertFailed
	default:
		return AlertPending
	}
}

// SnoozedAt reports whether the alert is put off at an instant.
func (a *AlertEvent) SnoozedAt(t time.Time) bool {
	return a.SnoozedUntil != nil && t.Before(*a.SnoozedUntil)
}

// DueAt reports whether people are to be told of the alert at an instant. One
// that was sent or suppressed never is again, whatever became of it since.
func (a *AlertEvent) DueAt(t time.Time) bool {
	return a.Status == AlertPending && a.NotificationSentAt == nil && !a.SnoozedAt(t)
}

// AlertPayload is what a rule saw when it fired. It is kept as it was: neither a
// change of the rule nor one of the event changes it.
type AlertPayload struct {
	// SignalType equals DriftType and EntityLabel equals Payer: older names that
	// partners read.
	SignalType         DriftType        `json:"signal_type"`
	EntityLabel        string           `json:"entity_label"`
	Payer              string           `json:"payer"`
	CPTGroup           string           `json:"cpt_group"`
	DriftType          DriftType        `json:"drift_type"`
	TrendDirection     TrendDirection   `json:"trend_direction"`
	BaselineValue      float64          `json:"baseline_value"`
	CurrentValue       float64          `json:"current_value"`
	DeltaValue         float64          `json:"delta_value"`
	Severity           float64          `json:"severity"`
	Confidence         float64          `json:"confidence"`
	BaselineSampleSize int              `json:"baseline_sample_size"`
	CurrentSampleSize  int              `json:"current_sample_size"`
	BaselineStart      Date             `json:"baseline_start"`
	BaselineEnd        Date             `json:"baseline_end"`
	CurrentStart       Date             `json:"current_start"`
	CurrentEnd         Date             `json:"current_end"`
	RevenueImpact      *decimal.Decimal `json:"estimated_revenue_impact"`
	ConsecutivePeriods int              `json:"consecutive_periods"`
	RuleName           string           `json:"rule_name"`
	RuleSeverity       AlertSeverity    `json:"rule_severity"`
	RuleMetric         AlertMetric      `json:"rule_metric"`
	RuleThresholdType  ThresholdType    `json:"rule_threshold_type"`
	RuleThreshold      float64          `json:"rule_threshold"`
	// RuleValue is the value of RuleMetric that met the threshold.
	RuleValue float64 `json:"rule_value"`
}

// AlertEventFilter narrows a list of alerts.
type AlertEventFilter struct {
	Status          *AlertStatus       `query:"status" column:"status" op:"eq" doc:"Only alerts in this state."`
	Acknowledged    *bool              `query:"acknowledged" column:"acknowledged_at" op:"present" doc:"Only alerts that somebody has, or nobody has, acknowledged since they were last opened."`
	Resolved        *bool              `query:"resolved" column:"resolved_at" op:"present" doc:"Only alerts that are, or are not, resolved."`
	AlertRule       *AlertRuleID       `query:"alert_rule" column:"alert_rule_id" op:"eq" doc:"Only alerts of this rule."`
	DriftEvent      *DriftEventID      `query:"drift_event" column:"drift_event_id" op:"eq" doc:"Only alerts about this drift event."`
	ReportRun       *ReportRunID       `query:"report_run" column:"report_run_id" op:"eq" doc:"Only alerts about events of this run."`
	Payer           *string            `query:"payer" column:"payer" op:"icontains" doc:"Only alerts about payers whose name contains this text, ignoring case."`
	DriftType       *DriftType         `query:"drift_type" column:"drift_type" op:"eq" doc:"Only alerts about this drift type."`
	Assignee        *UserID            `query:"assignee" column:"assignee_id" op:"eq" doc:"Only alerts assigned to this user."`
	Assigned        *bool              `query:"assigned" column:"assignee_id" op:"present" doc:"Only alerts that are, or are not, assigned to somebody."`
	Suppressed      *bool              `query:"suppressed" column:"suppression_reason" op:"present" doc:"Only alerts that nobody, or somebody, was told of."`
	Suppression     *SuppressionReason `query:"suppression_reason" column:"suppression_reason" op:"eq" doc:"Only alerts that nobody was told of for this reason."`
	NeedsFollowUp   *bool              `query:"needs_follow_up" column:"needs_follow_up" op:"eq" doc:"Only alerts whose last judgment asks, or does not ask, for another look."`
	TriggeredAfter  *time.Time         `query:"triggered_after" column:"triggered_at" op:"gte" doc:"Only alerts triggered at this instant or later."`
	TriggeredBefore *time.Time         `query:"triggered_before" column:"triggered_at" op:"lte" doc:"Only alerts triggered at this instant or earlier."`
}

// AlertEventOrderField is a column alerts can be ordered by.
type AlertEventOrderField string

// The orderings of alerts.
const (
	AlertEventOrderTriggeredAt AlertEventOrderField = "triggered_at"
	AlertEventOrderStatus      AlertEventOrderField = "status"
	AlertEventOrderPayer       AlertEventOrderField = "payer"
)

// Values lists the columns.
func (AlertEventOrderField) Values() []string {
	return []string{
		string(AlertEventOrderTriggeredAt),
		string(AlertEventOrderStatus),
		string(AlertEventOrderPayer),
	}
}

// MarshalGQL writes the GraphQL enum value.
func (f AlertEventOrderField) MarshalGQL(w io.Writer) { marshalEnum(w, f) }

// UnmarshalGQL reads the GraphQL enum value.
func (f *AlertEventOrderField) UnmarshalGQL(v any) error { return unmarshalEnum(f, v) }

// AlertEventOrder is one term of an ordering of alerts.
type AlertEventOrder = Order[AlertEventOrderField]
