package alerting

import (
	"slices"
	"time"

	"upstream/models"
)

// Rule says when an action may happen and what it makes of an alert's status.
type Rule struct {
	Action models.AlertAction
	// From are the states it may happen in.
	From []models.AlertStatus
	// To is the state afterwards. Empty means that the state stays, but that an
	// open alert shows anew how telling people went.
	To models.AlertStatus
	// Opens is set where the state afterwards is models.AlertEvent.OpenStatus.
	Opens bool
	// Verb completes "... cannot be <verb>".
	Verb string
}

// Lifecycle is the table of what may happen to an alert.
func Lifecycle() []Rule {
	open := []models.AlertStatus{models.AlertPending, models.AlertSent, models.AlertFailed}
	unresolved := append(slices.Clone(open), models.AlertAcknowledged)
	every := append(slices.Clone(unresolved), models.AlertResolved)
	pending, failed := models.AlertPending, models.AlertFailed
	return []Rule{
		// Twice is as good as once: two people may press the button.
		{models.ActionAcknowledge, unresolved, models.AlertAcknowledged, false, "acknowledged"},
		{models.ActionResolve, every, models.AlertResolved, false, "resolved"},
		{models.ActionReopen, every, "", true, "reopened"},
		{models.ActionSnooze, unresolved, "", false, "snoozed"},
		{models.ActionUnsnooze, every, "", false, "woken"},
		{models.ActionAssign, unresolved, "", false, "assigned"},
		{models.ActionRetry, []models.AlertStatus{pending, failed}, pending, false, "sent again"},

		{models.ActionJudgeNoise, every, models.AlertResolved, false, "judged"},
		{models.ActionJudgeReal, every, models.AlertAcknowledged, false, "judged"},
		{models.ActionJudgeFollowUp, every, "", true, "judged"},

		// A message on its way arrives although somebody was faster.
		{models.ActionSend, every, "", false, "sent"},
		{models.ActionSuppress, every, "", false, "suppressed"},
		{models.ActionFail, every, "", false, "failed"},
		{models.ActionAutoResolve, every, models.AlertResolved, false, "resolved"},
	}
}

// ActionOf is the action of a verdict.
func ActionOf(v models.Verdict) models.AlertAction {
	switch v {
	case models.VerdictNoise:
		return models.ActionJudgeNoise
	case models.VerdictReal:
		return models.ActionJudgeReal
	default:
		return models.ActionJudgeFollowUp
	}
}

// MaxSnooze is how far ahead an alert may be put off.
const MaxSnooze = models.MaxSnooze

// Event is something that happens to an alert.
type Event struct {
	Action models.AlertAction
	At     time.Time
	// By is who did it; nil for Upstream itself, API keys and commands.
	By *models.UserID
	// Until belongs to snooze: after At, at most MaxSnooze later.
	Until time.Time
	// Assignee belongs to assign; nil takes the assignment back.
	Assignee *models.UserID
	// Reason belongs to suppress.
	Reason models.SuppressionReason
	// Failure belongs to fail: a short sentence without addresses.
	Failure string
}

// Apply lets the event happen to an alert and gives the alert as it is
// afterwards and the line of its history. The line is nil when the event changed
// nothing, such as a second acknowledgement. It answers CONFLICT for what may not
// happen in the alert's state, VALIDATION for a snooze that ends too soon or too
// late or an action that is none.
func (e Event) Apply(to models.AlertEvent) (models.AlertEvent, *models.AlertHistoryEntry, error) {
	rules := Lifecycle()
	i := slices.IndexFunc(rules, func(r Rule) bool { return r.Action == e.Action })
	if i < 0 {
		return to, nil, models.InvalidField("action", "invalid", "must be an action on alerts")
	}
	rule := rules[i]
	if !slices.Contains(rule.From, to.Status) {
		return to, nil, models.NewError(models.CodeConflict, "An alert that is %s cannot be %s.", to.Status, rule.Verb)
	}
	if err := e.checkSnooze(); err != nil {
		return to, nil, err
	}
	after := to
	e.effect(&after)
	after.Status = rule.status(&after)
	e.stamp(to.Status, &after)
	if unchanged(&to, &after) && !e.judges() {
		return to, nil, nil
	}
	after.HistoryLength++
	after.UpdatedAt = e.At
	return after, e.line(&to, &after), nil
}

func (e Event) checkSnooze() error {
	if e.Action != models.ActionSnooze {
		return nil
	}
	return models.AlertSnooze{Until: e.Until}.Validate(e.At)
}

func (r Rule) status(a *models.AlertEvent) models.AlertStatus {
	switch {
	case r.Opens, r.To == "" && a.Status.Open():
		return a.OpenStatus()
	case r.To == "":
		return a.Status
	default:
		return r.To
	}
}

// effect changes what the action is about, the status and its stamps excepted.
func (e Event) effect(a *models.AlertEvent) {
	switch e.Action {
	case models.ActionSnooze:
		a.SnoozedUntil = new(e.Until)
	case models.ActionUnsnooze:
		a.SnoozedUntil = nil
	case models.ActionAssign:
		a.AssigneeID = e.Assignee
	case models.ActionRetry:
		a.ErrorMessage = nil
	case models.ActionJudgeNoise, models.ActionJudgeReal:
		a.NeedsFollowUp = false
	case models.ActionJudgeFollowUp:
		a.NeedsFollowUp = true
	case models.ActionSend, models.ActionSuppress, models.ActionFail:
		e.settle(a)
	default: // the others change the status alone
	}
}

// settle records how telling people went. What is settled stays: a message
// that somebody got cannot fail or be suppressed any more.
func (e Event) settle(a *models.AlertEvent) {
	if a.NotificationSentAt != nil {
		return
	}
	switch e.Action {
	case models.ActionSend:
		a.NotificationSentAt, a.ErrorMessage = new(e.At), nil
	case models.ActionSuppress:
		a.NotificationSentAt, a.ErrorMessage = new(e.At), new(models.SuppressedMessage)
		a.SuppressionReason = new(e.Reason)
	default:
		a.ErrorMessage = new(e.Failure)
	}
}

// stamp notes who changed the status and when. Whoever deals with an alert ends
// its snooze.
func (e Event) stamp(before models.AlertStatus, a *models.AlertEvent) {
	if a.Status == before {
		return
	}
	switch {
	case a.Status == models.AlertAcknowledged:
		a.AcknowledgedAt, a.AcknowledgedBy, a.SnoozedUntil = new(e.At), e.By, nil
		a.ResolvedAt, a.ResolvedBy, a.Resolution = nil, nil, nil
	case a.Status == models.AlertResolved:
		a.ResolvedAt, a.ResolvedBy, a.SnoozedUntil = new(e.At), e.By, nil
		a.Resolution = new(e.resolution())
	case !before.Open():
		a.AcknowledgedAt, a.AcknowledgedBy = nil, nil
		a.ResolvedAt, a.ResolvedBy, a.Resolution = nil, nil, nil
	}
}

func (e Event) resolution() models.AlertResolution {
	switch e.Action {
	case models.ActionJudgeNoise:
		return models.ResolvedAsNoise
	case models.ActionAutoResolve:
		return models.ResolvedAutomatically
	default:
		return models.ResolvedByOperator
	}
}

// judges is set for verdicts, which the history tells even when they change
// nothing of the alert.
func (e Event) judges() bool {
	return e.Action == models.ActionJudgeNoise || e.Action == models.ActionJudgeReal || e.Action == models.ActionJudgeFollowUp
}

func unchanged(a, b *models.AlertEvent) bool {
	return a.Status == b.Status && a.NeedsFollowUp == b.NeedsFollowUp && same(a.AssigneeID, b.AssigneeID) &&
		sameInstant(a.SnoozedUntil, b.SnoozedUntil) && same(a.ErrorMessage, b.ErrorMessage) &&
		sameInstant(a.NotificationSentAt, b.NotificationSentAt)
}

func same[T comparable](a, b *T) bool { return a == b || a != nil && b != nil && *a == *b }

func sameInstant(a, b *time.Time) bool { return a == b || a != nil && b != nil && a.Equal(*b) }

func (e Event) line(before, after *models.AlertEvent) *models.AlertHistoryEntry {
	line := &models.AlertHistoryEntry{
		CustomerID: after.CustomerID, AlertEventID: after.ID, Number: after.HistoryLength, At: e.At, Action: e.Action,
		FromStatus: before.Status, ToStatus: after.Status, UserID: e.By,
	}
	switch e.Action {
	case models.ActionAssign:
		line.AssigneeID = e.Assignee
	case models.ActionSnooze:
		line.SnoozedUntil = new(e.Until)
	case models.ActionSuppress:
		line.SuppressionReason = after.SuppressionReason
	default: // the others say all there is to say
	}
	return line
}
