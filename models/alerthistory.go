package models

import (
	"io"
	"time"

	"github.com/uptrace/bun"
)

// AlertAction is something that happens to an alert. The rules of which may happen when are
// in models/alerting.
type AlertAction string

// The actions: of people, of judgments, and of Upstream itself.
const (
	ActionAcknowledge   AlertAction = "acknowledge"
	ActionResolve       AlertAction = "resolve"
	ActionReopen        AlertAction = "reopen"
	ActionSnooze        AlertAction = "snooze"
	ActionUnsnooze      AlertAction = "unsnooze"
	ActionAssign        AlertAction = "assign" // to nobody, too
	ActionRetry         AlertAction = "retry"  // try again to send what failed
	ActionJudgeNoise    AlertAction = "judge_noise"
	ActionJudgeReal     AlertAction = "judge_real"
	ActionJudgeFollowUp AlertAction = "judge_follow_up"
	ActionSend          AlertAction = "send" // a channel took the message
	ActionSuppress      AlertAction = "suppress"
	ActionFail          AlertAction = "fail"         // no channel took the message
	ActionAutoResolve   AlertAction = "auto_resolve" // the signal is gone
)

// Values lists the actions.
func (AlertAction) Values() []string {
	return []string{
		string(ActionAcknowledge),
		string(ActionResolve),
		string(ActionReopen),
		string(ActionSnooze),
		string(ActionUnsnooze),
		string(ActionAssign),
		string(ActionRetry),
		string(ActionJudgeNoise),
		string(ActionJudgeReal),
		string(ActionJudgeFollowUp),
		string(ActionSend),
		string(ActionSuppress),
		string(ActionFail),
		string(ActionAutoResolve),
	}
}

// MarshalGQL writes the GraphQL enum value.
func (a AlertAction) MarshalGQL(w io.Writer) { marshalEnum(w, a) }

// UnmarshalGQL reads the GraphQL enum value.
func (a *AlertAction) UnmarshalGQL(v any) error { return unmarshalEnum(a, v) }

// AlertHistoryEntry is one line of an alert's history: who did what to it. It
// never changes.
type AlertHistoryEntry struct {
	bun.BaseModel `bun:"table:alert_history,alias:ah"`

	CustomerID   CustomerID   `bun:"customer_id,pk,type:uuid"`
	AlertEventID AlertEventID `bun:"alert_event_id,pk,type:uuid"`
	// Number counts the alert's lines from 1, without gaps.
	Number     int         `bun:"number,pk"`
	At         time.Time   `bun:"at"`
	Action     AlertAction `bun:"action"`
	FromStatus AlertStatus `bun:"from_status"`
	ToStatus   AlertStatus `bun:"to_status"`
	// UserID is who did it; nil for Upstream itself, API keys and commands.
	UserID *UserID `bun:"user_id,type:uuid"`
	// AssigneeID is who the alert was assigned to, by the action assign.
	AssigneeID *UserID `bun:"assignee_id,type:uuid"`
	// SnoozedUntil belongs to the action snooze.
	SnoozedUntil *time.Time `bun:"snoozed_until"`
	// SuppressionReason belongs to the action suppress.
	SuppressionReason *SuppressionReason `bun:"suppression_reason"`
}

// AlertHistoryFilter narrows an alert's history.
type AlertHistoryFilter struct {
	Action *AlertAction `query:"action" column:"action" op:"eq" doc:"Only lines about this action."`
	User   *UserID      `query:"user" column:"user_id" op:"eq" doc:"Only what this user did."`
}

// AlertHistoryOrderField is a column an alert's history can be ordered by.
type AlertHistoryOrderField string

// The orderings of an alert's history.
const (
	AlertHistoryOrderNumber AlertHistoryOrderField = "number"
)

// Values lists the columns.
func (AlertHistoryOrderField) Values() []string {
	return []string{
		string(AlertHistoryOrderNumber),
	}
}

// MarshalGQL writes the GraphQL enum value.
func (f AlertHistoryOrderField) MarshalGQL(w io.Writer) { marshalEnum(w, f) }

// UnmarshalGQL reads the GraphQL enum value.
func (f *AlertHistoryOrderField) UnmarshalGQL(v any) error { return unmarshalEnum(f, v) }

// AlertHistoryOrder is one term of an ordering of an alert's history.
type AlertHistoryOrder = Order[AlertHistoryOrderField]
