package rest

import (
	"context"
	"net/http"
	"time"

	"upstream/internal/auth"
	"upstream/models"
)

// alertEvent is the representation of models.AlertEvent.
type alertEvent struct {
	ID                    models.AlertEventID       `json:"id"`
	Customer              models.CustomerID         `json:"customer"`
	AlertRule             models.AlertRuleID        `json:"alert_rule" doc:"The rule that fired."`
	DriftEvent            models.DriftEventID       `json:"drift_event" doc:"The drift event it fired on."`
	ReportRun             models.ReportRunID        `json:"report_run" doc:"The run that found the event."`
	SignalKey             string                    `json:"signal_key" doc:"That of the drift event."`
	Payer                 string                    `json:"payer" example:"Aetna"`
	DriftType             models.DriftType          `json:"drift_type"`
	TriggeredAt           time.Time                 `json:"triggered_at" doc:"When the rule fired."`
	Status                models.AlertStatus        `json:"status" doc:"pending, sent and failed are open, and say how telling people went."`
	Payload               alertPayload              `json:"payload" doc:"What the rule saw when it fired, kept as it was."`
	NotificationSentAt    *time.Time                `json:"notification_sent_at" doc:"When a channel took the message, or it was suppressed; null while neither happened."`
	ErrorMessage          *string                   `json:"error_message" doc:"Why sending failed; suppressed when nobody was told on purpose."`
	SuppressionReason     *models.SuppressionReason `json:"suppression_reason" doc:"Why nobody was told of it; null when somebody was, or will be."`
	NeedsFollowUp         bool                      `json:"needs_follow_up" doc:"Whether the last judgment asks for another look."`
	Assignee              *models.UserID            `json:"assignee" doc:"Who it is assigned to; null for nobody."`
	SnoozedUntil          *time.Time                `json:"snoozed_until" doc:"The first instant at which it is no longer put off; null when it is not."`
	AcknowledgedAt        *time.Time                `json:"acknowledged_at" doc:"Null unless it is acknowledged."`
	AcknowledgedBy        *models.UserID            `json:"acknowledged_by" doc:"Null for API keys and commands, too."`
	ResolvedAt            *time.Time                `json:"resolved_at" doc:"Null unless it is resolved."`
	ResolvedBy            *models.UserID            `json:"resolved_by" doc:"Null when Upstream did, and for API keys and commands, too."`
	Resolution            *models.AlertResolution   `json:"resolution" doc:"How it came to be resolved; null unless it is."`
	OperatorJudgments     []operatorJudgment        `json:"operator_judgments" doc:"What operators made of it, the newest first."`
	HasJudgment           bool                      `json:"has_judgment" doc:"Whether anybody has judged it." example:"true"`
	LatestJudgmentVerdict *models.Verdict           `json:"latest_judgment_verdict" doc:"The newest verdict; null when nobody has judged it."`
	CreatedAt             time.Time                 `json:"created_at"`
	UpdatedAt             time.Time                 `json:"updated_at"`
	Links                 alertEventLinks           `json:"_links"`
}

type alertEventLinks struct {
	Self           link `json:"self"`
	Collection     link `json:"collection"`
	AlertRule      link `json:"alert_rule"`
	DriftEvent     link `json:"drift_event"`
	Report         link `json:"report"`
	Interpretation link `json:"interpretation"`
	Memory         link `json:"memory"`
	History        link `json:"history"`
	Notifications  link `json:"notifications"`
	Judgments      link `json:"judgments"`
}

// alertPayload is the representation of models.AlertPayload.
type alertPayload struct {
	SignalType             models.DriftType      `json:"signal_type" doc:"The same as drift_type: an older name."`
	EntityLabel            string                `json:"entity_label" doc:"The same as payer: an older name." example:"Aetna"`
	Payer                  string                `json:"payer" example:"Aetna"`
	CPTGroup               string                `json:"cpt_group" doc:"ALL for the payer as a whole." example:"ALL"`
	DriftType              models.DriftType      `json:"drift_type"`
	TrendDirection         models.TrendDirection `json:"trend_direction"`
	BaselineValue          float64               `json:"baseline_value" doc:"A fraction, days or USD, by drift type." example:"0.1"`
	CurrentValue           float64               `json:"current_value" doc:"In the unit of baseline_value." example:"0.25"`
	DeltaValue             float64               `json:"delta_value" doc:"Current minus baseline." example:"0.15"`
	Severity               float64               `json:"severity" minimum:"0" maximum:"1" example:"0.75"`
	Confidence             float64               `json:"confidence" minimum:"0" maximum:"1" example:"0.92"`
	BaselineSampleSize     int                   `json:"baseline_sample_size" minimum:"0" example:"400"`
	CurrentSampleSize      int                   `json:"current_sample_size" minimum:"0" example:"120"`
	BaselineStart          models.Date           `json:"baseline_start"`
	BaselineEnd            models.Date           `json:"baseline_end" doc:"The first day after the baseline window."`
	CurrentStart           models.Date           `json:"current_start"`
	CurrentEnd             models.Date           `json:"current_end" doc:"The first day after the current window."`
	EstimatedRevenueImpact *string               `json:"estimated_revenue_impact" pattern:"^-?\\d+\\.\\d{2}$" doc:"USD over the current window, for adverse changes." example:"18250.00"`
	ConsecutivePeriods     int                   `json:"consecutive_periods" minimum:"0" doc:"In how many runs in a row it was found." example:"2"`
	RuleName               string                `json:"rule_name" example:"Denials rise"`
	RuleSeverity           models.AlertSeverity  `json:"rule_severity"`
	RuleMetric             models.AlertMetric    `json:"rule_metric"`
	RuleThresholdType      models.ThresholdType  `json:"rule_threshold_type"`
	RuleThreshold          float64               `json:"rule_threshold" example:"0.7"`
	RuleValue              float64               `json:"rule_value" doc:"The value of the metric that met the threshold." example:"0.75"`
}

const alerts = "alerts"

func showAlert(l links, a *models.AlertEvent) alertEvent {
	id := a.ID.String()
	out := alertEvent{
		ID: a.ID, Customer: a.CustomerID, AlertRule: a.AlertRuleID, DriftEvent: a.DriftEventID, ReportRun: a.ReportRunID,
		SignalKey: a.SignalKey, Payer: a.Payer, DriftType: a.DriftType, TriggeredAt: a.TriggeredAt.UTC(), Status: a.Status,
		Payload: showPayload(&a.Payload), NotificationSentAt: utc(a.NotificationSentAt), ErrorMessage: a.ErrorMessage,
		SuppressionReason: a.SuppressionReason, NeedsFollowUp: a.NeedsFollowUp, Assignee: a.AssigneeID, SnoozedUntil: utc(a.SnoozedUntil),
		AcknowledgedAt: utc(a.AcknowledgedAt), AcknowledgedBy: a.AcknowledgedBy, ResolvedAt: utc(a.ResolvedAt), ResolvedBy: a.ResolvedBy,
		Resolution: a.Resolution, OperatorJudgments: make([]operatorJudgment, len(a.Judgments)), HasJudgment: a.HasJudgment(),
		LatestJudgmentVerdict: a.LatestVerdict, CreatedAt: a.CreatedAt.UTC(), UpdatedAt: a.UpdatedAt.UTC(),
		Links: alertEventLinks{
			Self: l.to(alerts, id), Collection: l.to(alerts), AlertRule: l.to(alertRules, a.AlertRuleID.String()),
			DriftEvent: l.to("drift-events", a.DriftEventID.String()), Report: l.to("reports", a.ReportRunID.String()),
			Interpretation: l.to(alerts, id, "interpretation"), Memory: l.to(alerts, id, "memory"), History: l.to(alerts, id, "history"),
			Notifications: l.to(alerts, id, "notifications"), Judgments: l.to(alerts, id, "judgments"),
		},
	}
	for i, j := range a.Judgments {
		out.OperatorJudgments[i] = showJudgment(l, j)
	}
	return out
}

func showPayload(p *models.AlertPayload) alertPayload {
	return alertPayload{
		SignalType: p.SignalType, EntityLabel: p.EntityLabel, Payer: p.Payer, CPTGroup: p.CPTGroup, DriftType: p.DriftType,
		TrendDirection: p.TrendDirection, BaselineValue: p.BaselineValue, CurrentValue: p.CurrentValue, DeltaValue: p.DeltaValue,
		Severity: p.Severity, Confidence: p.Confidence, BaselineSampleSize: p.BaselineSampleSize, CurrentSampleSize: p.CurrentSampleSize,
		BaselineStart: p.BaselineStart, BaselineEnd: p.BaselineEnd, CurrentStart: p.CurrentStart, CurrentEnd: p.CurrentEnd,
		EstimatedRevenueImpact: usd(p.RevenueImpact), ConsecutivePeriods: p.ConsecutivePeriods, RuleName: p.RuleName,
		RuleSeverity: p.RuleSeverity, RuleMetric: p.RuleMetric, RuleThresholdType: p.RuleThresholdType, RuleThreshold: p.RuleThreshold,
		RuleValue: p.RuleValue,
	}
}

func versionOfAlert(a *models.AlertEvent) int64 { return a.Version }

func (a *api) registerAlerts() {
	registerList(a, alertOperation(http.MethodGet, "listAlerts", "List alerts",
		"The customer's alerts, the last ones first unless ordered otherwise. Search looks at payer and drift type.", alerts),
		func(ctx context.Context, v models.Viewer, _ *noInput, f models.AlertEventFilter, l models.List[models.AlertEventOrderField]) (*models.Rows[*models.AlertEvent], error) {
			return a.store.AlertEvents(ctx, v, f, l)
		}, showAlert)
	registerDetail(a, alertOperation(http.MethodGet, "getAlert", "Show an alert",
		"One firing of a rule on one signal, and what operators made of it.", alerts, "{id}"), a.store.AlertEvent, showAlert, versionOfAlert)
	a.registerAlertDetails()
	a.registerAlertChanges()
	a.registerJudgments()
}

// handlingOperation changes one alert.
func handlingOperation(id, summary, description, action string) operation {
	return operation{
		id: id, method: http.MethodPost, path: resourcePath(alerts, "{id}", action), tag: tagAlerts, summary: summary, description: description,
		permission: models.PermissionHandleAlerts, codes: []models.Code{models.CodeNotFound, models.CodeStale, models.CodeConflict},
	}
}

// registerAlertAction adds an operation that changes one alert and says all
// about it by its path.
func registerAlertAction(a *api, op operation, change func(context.Context, models.Viewer, models.AlertChange) (*models.AlertEvent, error)) {
	register(a, op, func(ctx context.Context, in *changeByID[models.AlertEventID]) (*changedOutput[alertEvent], error) {
		expected, err := ifMatch(in.IfMatch)
		if err != nil {
			return nil, err
		}
		row, err := change(ctx, auth.ViewerFrom(ctx), models.AlertChange{ID: in.ID, ExpectedVersion: expected})
		return showChangedAlert(ctx, row, err)
	})
}

func showChangedAlert(ctx context.Context, row *models.AlertEvent, err error) (*changedOutput[alertEvent], error) {
	if err != nil {
		return nil, err
	}
	return &changedOutput[alertEvent]{ETag: etag(row.Version), Body: showAlert(linksFor(ctx), row)}, nil
}

func (a *api) registerAlertChanges() {
	registerAlertAction(a, handlingOperation("acknowledgeAlert", "Acknowledge an alert",
		"Says that somebody looks into it. To say it twice is no error; an alert that is resolved is a conflict.", "acknowledge"), a.store.AcknowledgeAlert)
	registerAlertAction(a, handlingOperation("resolveAlert", "Resolve an alert", "Says that the alert is done.", "resolve"), a.store.ResolveAlert)
	registerAlertAction(a, handlingOperation("reopenAlert", "Reopen an alert",
		"Opens the alert again. Nobody is told a second time.", "reopen"), a.store.ReopenAlert)
	registerAlertAction(a, handlingOperation("unsnoozeAlert", "Wake an alert", "Ends the putting off of the alert.", "unsnooze"), a.store.UnsnoozeAlert)
	registerAlertAction(a, handlingOperation("retryAlert", "Send an alert again",
		"Tries again to send an alert that failed. Channels that took it are not sent it again; an alert that was sent or suppressed is a conflict.", "retry"), a.store.RetryAlert)
	a.registerSnooze()
	a.registerAssign()
}

// alertSnooze is the body that puts an alert off.
type alertSnooze struct {
	Until time.Time `json:"until" doc:"The first instant at which it is no longer put off: in the future, at most 90 days ahead."`
}

type snoozeInput struct {
	ID      models.AlertEventID `path:"id" doc:"The identifier of the row."`
	IfMatch string              `header:"If-Match" doc:"The entity tag of the version that the change was decided on; when the row has changed since, the answer is 412. Any version without it."`
	Body    alertSnooze
}

func (a *api) registerSnooze() {
	op := handlingOperation("snoozeAlert", "Put an alert off",
		"Takes the alert out of the way until an instant; nobody is told of it meanwhile.", "snooze")
	op.hasBody = true
	op.rules = rulesOf(func(b alertSnooze, now time.Time) error { return models.AlertSnooze{Until: b.Until}.Validate(now) })
	register(a, op, func(ctx context.Context, in *snoozeInput) (*changedOutput[alertEvent], error) {
		expected, err := ifMatch(in.IfMatch)
		if err != nil {
			return nil, err
		}
		row, err := a.store.SnoozeAlert(ctx, auth.ViewerFrom(ctx), models.AlertSnooze{
			AlertChange: models.AlertChange{ID: in.ID, ExpectedVersion: expected}, Until: in.Body.Until,
		})
		return showChangedAlert(ctx, row, err)
	})
}

// alertAssignment is the body that assigns an alert.
type alertAssignment struct {
	Assignee *models.UserID `json:"assignee" doc:"The user who is to look into it, who must be a member; null for nobody."`
}

type assignInput struct {
	ID      models.AlertEventID `path:"id" doc:"The identifier of the row."`
	IfMatch string              `header:"If-Match" doc:"The entity tag of the version that the change was decided on; when the row has changed since, the answer is 412. Any version without it."`
	Body    alertAssignment
}

func (a *api) registerAssign() {
	op := handlingOperation("assignAlert", "Assign an alert", "Says who is to look into it, or takes that back.", "assign")
	op.hasBody = true
	register(a, op, func(ctx context.Context, in *assignInput) (*changedOutput[alertEvent], error) {
		expected, err := ifMatch(in.IfMatch)
		if err != nil {
			return nil, err
		}
		row, err := a.store.AssignAlert(ctx, auth.ViewerFrom(ctx), models.AlertAssignment{
			AlertChange: models.AlertChange{ID: in.ID, ExpectedVersion: expected}, Assignee: in.Body.Assignee,
		})
		return showChangedAlert(ctx, row, err)
	})
}
