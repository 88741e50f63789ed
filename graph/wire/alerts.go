package wire

import (
	"time"

	"github.com/99designs/gqlgen/graphql"

	"upstream/models"
)

// CreateAlertRuleInput is what a client says about a new alert rule.
type CreateAlertRuleInput struct {
	models.NewAlertRule
	ClientMutationID *string
}

// UpdateAlertRuleInput is what a client says about an alert rule.
type UpdateAlertRuleInput struct {
	ID              string
	ExpectedVersion *int64
	Name            Changeable[string]
	Description     Changeable[string]
	Scope           Changeable[models.AlertScope]
	Metric          Changeable[models.AlertMetric]
	ThresholdType   Changeable[models.ThresholdType]
	ThresholdValue  Changeable[float64]
	Enabled         Changeable[bool]
	Severity        Changeable[models.AlertSeverity]
	// RoutingChannels are identifiers as text.
	RoutingChannels  graphql.Omittable[[]models.NotificationChannelID]
	RoutingPriority  Changeable[int]
	RoutingTags      graphql.Omittable[[]string]
	ClientMutationID *string
}

// Patch is what the input changes.
func (in UpdateAlertRuleInput) Patch() models.AlertRulePatch {
	return models.AlertRulePatch{
		Name: change(in.Name), Description: change(in.Description), Scope: change(in.Scope), Metric: change(in.Metric),
		ThresholdType: change(in.ThresholdType), ThresholdValue: change(in.ThresholdValue), Enabled: change(in.Enabled),
		Severity: change(in.Severity), RoutingChannels: changeOfList(in.RoutingChannels), RoutingPriority: change(in.RoutingPriority),
		RoutingTags: changeOfList(in.RoutingTags),
	}
}

// changeOfList is change for a list, of which null is no list.
func changeOfList[T any](field graphql.Omittable[[]T]) models.Change[[]T] {
	list, set := field.ValueOK()
	if list == nil {
		return models.Change[[]T]{Set: set}
	}
	return models.To(list)
}

// AlertRulePayload is what came of creating or changing an alert rule.
type AlertRulePayload struct {
	AlertRule        *models.AlertRule
	UserErrors       []UserError
	ClientMutationID *string
}

// DeleteAlertRulePayload is what came of deleting an alert rule.
type DeleteAlertRulePayload struct {
	DeletedAlertRuleID *string
	UserErrors         []UserError
	ClientMutationID   *string
}

// PreviewAlertRuleInput is a rule that is to be tried.
type PreviewAlertRuleInput struct {
	models.NewAlertRule
	Runs *int
}

// ChannelConfig is where a channel leads, without what lets one post there.
type ChannelConfig struct {
	Recipients []string
	WebhookURL *string
}

// NewChannelConfig shows a configuration.
func NewChannelConfig(c models.ChannelConfig) *ChannelConfig {
	masked := c.Masked()
	shown := &ChannelConfig{Recipients: masked.Recipients}
	if shown.Recipients == nil {
		shown.Recipients = []string{}
	}
	if masked.WebhookURL != "" {
		shown.WebhookURL = &masked.WebhookURL
	}
	return shown
}

// CreateNotificationChannelInput is what a client says about a new channel.
type CreateNotificationChannelInput struct {
	models.NewNotificationChannel
	ClientMutationID *string
}

// UpdateNotificationChannelInput is what a client says about a channel.
type UpdateNotificationChannelInput struct {
	ID               string
	ExpectedVersion  *int64
	Name             Changeable[string]
	Config           Changeable[models.ChannelConfig]
	Enabled          Changeable[bool]
	ClientMutationID *string
}

// Patch is what the input changes.
func (in UpdateNotificationChannelInput) Patch() models.NotificationChannelPatch {
	return models.NotificationChannelPatch{Name: change(in.Name), Config: change(in.Config), Enabled: change(in.Enabled)}
}

// TestNotificationChannelInput names the channel that is to be tried.
type TestNotificationChannelInput struct {
	ID               string
	ClientMutationID *string
}

// NotificationChannelPayload is what came of creating, changing or trying a
// channel.
type NotificationChannelPayload struct {
	NotificationChannel *models.NotificationChannel
	UserErrors          []UserError
	ClientMutationID    *string
}

// DeleteNotificationChannelPayload is what came of deleting a channel.
type DeleteNotificationChannelPayload struct {
	DeletedNotificationChannelID *string
	UserErrors                   []UserError
	ClientMutationID             *string
}

// SnoozeAlertInput is what a client says about an alert that is to be put off.
type SnoozeAlertInput struct {
	RowInput
	Until time.Time
}

// AssignAlertInput is what a client says about who is to look into an alert.
type AssignAlertInput struct {
	RowInput
	Assignee *models.UserID
}

// AlertEventPayload is what came of an action on an alert.
type AlertEventPayload struct {
	AlertEvent       *models.AlertEvent
	UserErrors       []UserError
	ClientMutationID *string
}

// SubmitAlertFeedbackInput is what an operator makes of an alert.
type SubmitAlertFeedbackInput struct {
	ID string
	models.AlertFeedback
	ClientMutationID *string
}

// SubmitAlertFeedbackPayload is what came of it.
type SubmitAlertFeedbackPayload struct {
	OperatorJudgment *models.OperatorJudgment
	AlertEvent       *models.AlertEvent
	Created          *bool
	UserErrors       []UserError
	ClientMutationID *string
}

// NewSubmitAlertFeedbackPayload shows a judgment, or why there is none.
func NewSubmitAlertFeedbackPayload(given *models.FeedbackResult, problems []UserError, echo *string) *SubmitAlertFeedbackPayload {
	p := &SubmitAlertFeedbackPayload{UserErrors: problems, ClientMutationID: echo}
	if given != nil {
		p.OperatorJudgment, p.AlertEvent, p.Created = given.Judgment, given.Alert, &given.Created
	}
	return p
}

// NewChannelTestPayload shows the channel that is tried, or why none is.
func NewChannelTestPayload(queued *models.ChannelTest, problems []UserError, echo *string) *NotificationChannelPayload {
	p := &NotificationChannelPayload{UserErrors: problems, ClientMutationID: echo}
	if queued != nil {
		p.NotificationChannel = queued.Channel
	}
	return p
}
