package rest

import (
	"context"
	"net/http"
	"time"

	"upstream/internal/auth"
	"upstream/models"
)

// alertInterpretation is the representation of models.AlertInterpretation.
type alertInterpretation struct {
	Alert             models.AlertEventID `json:"alert"`
	UrgencyLevel      models.AlertUrgency `json:"urgency_level" doc:"How soon somebody should look at it." example:"high"`
	UrgencyLabel      string              `json:"urgency_label" doc:"The urgency as people read it." example:"Investigate today"`
	PlainLanguage     string              `json:"plain_language" doc:"What happened and what it means, in a sentence or two." example:"Aetna denied 25.0% of claims, up 15.0 points from 10.0% before. This hurts the clinic."`
	HistoricalContext string              `json:"historical_context" doc:"Whether it was seen before, and what became of that." example:"It was found 2 runs in a row. Operators confirmed a similar alert."`
	ActionSteps       []string            `json:"action_steps" doc:"What to do, in order." example:"[\"Open the evidence today and read the claims behind it.\"]"`
	IsLikelyNoise     bool                `json:"is_likely_noise" doc:"Whether the change is so small that there may be nothing behind it." example:"false"`
	Links             alertPartLinks      `json:"_links"`
}

// alertMemory is the representation of models.AlertMemory.
type alertMemory struct {
	Alert     models.AlertEventID `json:"alert"`
	Badge     models.MemoryBadge  `json:"badge" doc:"The sum of it: two or more alerts judged noise, else one or more judged real, else one or more that need another look."`
	Noise     int                 `json:"noise" minimum:"0" doc:"How many of those alerts were judged noise." example:"0"`
	Confirmed int                 `json:"confirmed" minimum:"0" doc:"How many were judged real." example:"1"`
	FollowUp  int                 `json:"follow_up" minimum:"0" doc:"How many need another look." example:"0"`
	Latest    *operatorJudgment   `json:"latest" doc:"The last judgment among them; null when there is none."`
	Links     alertPartLinks      `json:"_links"`
}

// alertPartLinks are those of what is part of an alert.
type alertPartLinks struct {
	Self  link `json:"self"`
	Alert link `json:"alert"`
}

func linksOfPart(l links, id models.AlertEventID, part string) alertPartLinks {
	return alertPartLinks{Self: l.to(alerts, id.String(), part), Alert: l.to(alerts, id.String())}
}

// alertHistoryEntry is the representation of models.AlertHistoryEntry.
type alertHistoryEntry struct {
	Number            int                       `json:"number" minimum:"1" doc:"Counts the alert's lines from 1, without gaps." example:"2"`
	At                time.Time                 `json:"at"`
	Action            models.AlertAction        `json:"action"`
	FromStatus        models.AlertStatus        `json:"from_status"`
	ToStatus          models.AlertStatus        `json:"to_status"`
	User              *models.UserID            `json:"user" doc:"Who did it; null for Upstream itself, API keys and commands."`
	Assignee          *models.UserID            `json:"assignee" doc:"Who it was assigned to, by assign; null for nobody."`
	SnoozedUntil      *time.Time                `json:"snoozed_until" doc:"Until when it was put off, by snooze."`
	SuppressionReason *models.SuppressionReason `json:"suppression_reason" doc:"Why nobody was told, by suppress."`
	Links             alertLineLinks            `json:"_links"`
}

// alertLineLinks are those of a row that has no address of its own.
type alertLineLinks struct {
	Collection link  `json:"collection"`
	Alert      link  `json:"alert"`
	Channel    *link `json:"channel,omitempty"`
}

func showAlertHistory(l links, e *models.AlertHistoryEntry) alertHistoryEntry {
	id := e.AlertEventID.String()
	return alertHistoryEntry{
		Number: e.Number, At: e.At.UTC(), Action: e.Action, FromStatus: e.FromStatus, ToStatus: e.ToStatus, User: e.UserID,
		Assignee: e.AssigneeID, SnoozedUntil: utc(e.SnoozedUntil), SuppressionReason: e.SuppressionReason,
		Links: alertLineLinks{Collection: l.to(alerts, id, "history"), Alert: l.to(alerts, id)},
	}
}

// alertNotification is the representation of models.AlertNotification.
type alertNotification struct {
	Number        int                           `json:"number" minimum:"1" doc:"Counts the alert's channels from 1, without gaps." example:"1"`
	Channel       *models.NotificationChannelID `json:"channel" doc:"The channel, which may be gone by now; null for the address that is told when no channel can be."`
	ChannelName   string                        `json:"channel_name" doc:"What the channel was called." example:"Denials team"`
	ChannelType   models.ChannelType            `json:"channel_type"`
	Status        models.NotificationStatus     `json:"status" doc:"How it took the alert."`
	Attempts      int                           `json:"attempts" minimum:"0" doc:"How often it was tried." example:"1"`
	NextAttemptAt *time.Time                    `json:"next_attempt_at" doc:"When it is tried again; null when at once, or never."`
	SentAt        *time.Time                    `json:"sent_at" doc:"When it took the alert; null unless it did."`
	ErrorMessage  *string                       `json:"error_message" doc:"Why the last attempt failed, wholly or in part." example:"The mail server refused the message."`
	CreatedAt     time.Time                     `json:"created_at"`
	UpdatedAt     time.Time                     `json:"updated_at"`
	Links         alertLineLinks                `json:"_links"`
}

func showNotification(l links, n *models.AlertNotification) alertNotification {
	id := n.AlertEventID.String()
	out := alertNotification{
		Number: n.Number, Channel: n.ChannelID, ChannelName: n.ChannelName, ChannelType: n.ChannelType, Status: n.Status, Attempts: n.Attempts,
		NextAttemptAt: utc(n.NextAttemptAt), SentAt: utc(n.SentAt), ErrorMessage: n.ErrorMessage, CreatedAt: n.CreatedAt.UTC(), UpdatedAt: n.UpdatedAt.UTC(),
		Links: alertLineLinks{Collection: l.to(alerts, id, "notifications"), Alert: l.to(alerts, id)},
	}
	if n.ChannelID != nil {
		out.Links.Channel = new(l.to(notificationChannels, n.ChannelID.String()))
	}
	return out
}

func (a *api) registerAlertDetails() {
	history := alertOperation(http.MethodGet, "listAlertHistory", "List the history of an alert", "Who did what to the alert, in order.", alerts, "{id}", "history")
	history.unsearchable = true
	registerList(a, history,
		func(ctx context.Context, v models.Viewer, in *byID[models.AlertEventID], f models.AlertHistoryFilter, l models.List[models.AlertHistoryOrderField]) (*models.Rows[*models.AlertHistoryEntry], error) {
			return a.store.AlertHistory(ctx, v, in.ID, f, l)
		}, showAlertHistory)
	notifications := alertOperation(http.MethodGet, "listAlertNotifications", "List the notifications of an alert",
		"How each channel took the alert. A channel that took it does not get it again.", alerts, "{id}", "notifications")
	notifications.unsearchable = true
	registerList(a, notifications,
		func(ctx context.Context, v models.Viewer, in *byID[models.AlertEventID], _ struct{}, l models.List[models.AlertNotificationOrderField]) (*models.Rows[*models.AlertNotification], error) {
			return a.store.AlertNotifications(ctx, v, in.ID, l)
		}, showNotification)
	registerAlertPart(a, alertOperation(http.MethodGet, "getAlertInterpretation", "Show an alert in words",
		"What the alert means, how urgent it is and what to do.", alerts, "{id}", "interpretation"), a.store.AlertInterpretations, showInterpretation)
	registerAlertPart(a, alertOperation(http.MethodGet, "getAlertMemory", "Show what is remembered of alerts like one",
		"What operators made of other alerts about the same payer and drift type, within the customer's memory.", alerts, "{id}", "memory"),
		a.store.AlertMemory, showMemory)
}

// registerAlertPart adds an operation that shows a part of one alert, which the
// store answers for several.
func registerAlertPart[M, R any](a *api, op operation,
	fetch func(context.Context, models.Viewer, []models.AlertEventID) (map[models.AlertEventID]M, error), show func(links, models.AlertEventID, M) R,
) {
	op.codes = append(op.codes, models.CodeNotFound)
	register(a, op, func(ctx context.Context, in *byID[models.AlertEventID]) (*struct{ Body R }, error) {
		found, err := fetch(ctx, auth.ViewerFrom(ctx), []models.AlertEventID{in.ID})
		if err != nil {
			return nil, err
		}
		part, ok := found[in.ID]
		if !ok {
			return nil, models.NewError(models.CodeNotFound, "There is no such alert.")
		}
		return &struct{ Body R }{show(linksFor(ctx), in.ID, part)}, nil
	})
}

func showInterpretation(l links, id models.AlertEventID, in *models.AlertInterpretation) alertInterpretation {
	return alertInterpretation{
		Alert: id, UrgencyLevel: in.Urgency, UrgencyLabel: in.Label, PlainLanguage: in.PlainLanguage,
		HistoricalContext: in.HistoricalContext, ActionSteps: in.ActionSteps, IsLikelyNoise: in.LikelyNoise,
		Links: linksOfPart(l, id, "interpretation"),
	}
}

func showMemory(l links, id models.AlertEventID, m models.AlertMemory) alertMemory {
	out := alertMemory{
		Alert: id, Badge: m.Badge, Noise: m.Noise, Confirmed: m.Confirmed, FollowUp: m.FollowUp, Links: linksOfPart(l, id, "memory"),
	}
	if m.Latest != nil {
		out.Latest = new(showJudgment(l, m.Latest))
	}
	return out
}
