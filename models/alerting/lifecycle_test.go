package alerting_test

import (
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"upstream/models"
	"upstream/models/alerting"
)

const (
	pending      = models.AlertPending
	wasSent      = models.AlertSent
	failed       = models.AlertFailed
	acknowledged = models.AlertAcknowledged
	resolved     = models.AlertResolved
)

// in is an alert in a state, told of or not as the state says; those that are no
// longer open were sent before.
func in(status models.AlertStatus) models.AlertEvent {
	a := about(1, func(a *models.AlertEvent) { a.Status = status })
	switch status {
	case pending:
	case failed:
		a.ErrorMessage = new("the server refused the message")
	default:
		a.NotificationSentAt = ago(time.Hour)
	}
	switch status {
	case acknowledged:
		a.AcknowledgedAt, a.AcknowledgedBy = ago(time.Minute), userID(4)
	case resolved:
		a.ResolvedAt, a.Resolution = ago(time.Minute), new(models.ResolvedAutomatically)
	default:
	}
	return *a
}

// The whole table: every action in every state. "!" is refused, "=" changes nothing.
func TestEvent_Table(t *testing.T) {
	t.Parallel()
	states := []models.AlertStatus{pending, wasSent, failed, acknowledged, resolved}
	table := map[models.AlertAction][5]string{
		models.ActionAcknowledge:   {"acknowledged", "acknowledged", "acknowledged", "=", "!"},
		models.ActionResolve:       {"resolved", "resolved", "resolved", "resolved", "="},
		models.ActionReopen:        {"=", "=", "=", "sent", "sent"},
		models.ActionSnooze:        {"pending", "sent", "failed", "acknowledged", "!"},
		models.ActionUnsnooze:      {"=", "=", "=", "=", "="},
		models.ActionAssign:        {"pending", "sent", "failed", "acknowledged", "!"},
		models.ActionRetry:         {"=", "!", "pending", "!", "!"},
		models.ActionJudgeNoise:    {"resolved", "resolved", "resolved", "resolved", "resolved"},
		models.ActionJudgeReal:     {"acknowledged", "acknowledged", "acknowledged", "acknowledged", "acknowledged"},
		models.ActionJudgeFollowUp: {"pending", "sent", "failed", "sent", "sent"},
		models.ActionSend:          {"sent", "=", "sent", "=", "="},
		models.ActionSuppress:      {"sent", "=", "sent", "=", "="},
		models.ActionFail:          {"failed", "=", "failed", "=", "="},
		models.ActionAutoResolve:   {"resolved", "resolved", "resolved", "resolved", "="},
	}
	for _, word := range models.AlertAction("").Values() {
		action := models.AlertAction(word)
		row, ok := table[action]
		if !ok {
			t.Errorf("%s is not in the table", action)
		}
		for i, from := range states {
			event := alerting.Event{
				Action: action, At: noon, By: userID(1), Until: noon.Add(time.Hour), Assignee: userID(2),
				Reason: models.SuppressedNoise, Failure: "nobody listens",
			}
			before := in(from)
			after, line, err := event.Apply(before)
			got := string(after.Status)
			switch {
			case err != nil:
				got = "!"
			case line == nil:
				got = "="
			}
			if got != row[i] {
				t.Errorf("%s in state %s: %s, want %s", action, from, got, row[i])
			}
			if (err != nil || line == nil) && !reflect.DeepEqual(before, after) {
				t.Errorf("%s in state %s changed the alert", action, from)
			}
			if err != nil && models.CodeOf(err) != models.CodeConflict {
				t.Errorf("%s in state %s: %v", action, from, err)
			}
			if line != nil && (line.FromStatus != from || line.ToStatus != after.Status || line.Number != 1 || line.Action != action) {
				t.Errorf("%s in state %s: the line %+v", action, from, line)
			}
		}
	}
}

func apply(t *testing.T, a models.AlertEvent, events ...alerting.Event) (models.AlertEvent, []models.AlertHistoryEntry) {
	t.Helper()
	var lines []models.AlertHistoryEntry
	for i, e := range events {
		e.At = noon.Add(time.Duration(i) * time.Minute)
		after, line, err := e.Apply(a)
		if err != nil {
			t.Fatalf("%s: %v", e.Action, err)
		}
		if line != nil {
			lines = append(lines, *line)
		}
		a = after
	}
	return a, lines
}

func TestEvent_Story(t *testing.T) {
	t.Parallel()
	a, lines := apply(
		t, in(pending),
		alerting.Event{Action: models.ActionSend},
		alerting.Event{Action: models.ActionAssign, By: userID(1), Assignee: userID(2)},
		alerting.Event{Action: models.ActionSnooze, By: userID(2), Until: noon.Add(time.Hour)},
		alerting.Event{Action: models.ActionAcknowledge, By: userID(2)},
		alerting.Event{Action: models.ActionAcknowledge, By: userID(3)},
		alerting.Event{Action: models.ActionResolve, By: userID(2)},
		alerting.Event{Action: models.ActionReopen, By: userID(1)},
		alerting.Event{Action: alerting.ActionOf(models.VerdictNoise), By: userID(1)},
	)
	var got []string
	for i, l := range lines {
		if l.Number != i+1 {
			t.Errorf("line %d has number %d", i+1, l.Number)
		}
		got = append(got, string(l.FromStatus)+", "+string(l.Action)+": "+string(l.ToStatus))
	}
	want := []string{
		"pending, send: sent", "sent, assign: sent", "sent, snooze: sent", "sent, acknowledge: acknowledged",
		"acknowledged, resolve: resolved", "resolved, reopen: sent", "sent, judge_noise: resolved",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("history (-want +got):\n%s", diff)
	}
	if a.Status != resolved || *a.Resolution != models.ResolvedAsNoise || *a.ResolvedBy != *userID(1) || a.SnoozedUntil != nil ||
		a.AcknowledgedAt != nil || *a.AssigneeID != *userID(2) || a.HistoryLength != 7 || !a.NotificationSentAt.Equal(noon) {
		t.Errorf("%+v", a)
	}
	if lines[1].AssigneeID == nil || lines[2].SnoozedUntil == nil || *lines[3].UserID != *userID(2) {
		t.Errorf("%+v", lines)
	}
}

func TestEvent_Details(t *testing.T) {
	t.Parallel()
	noisy, lines := apply(t, in(pending), alerting.Event{Action: models.ActionSuppress, Reason: models.SuppressedNoise})
	if *noisy.ErrorMessage != models.SuppressedMessage || *noisy.SuppressionReason != models.SuppressedNoise || *lines[0].SuppressionReason != models.SuppressedNoise {
		t.Errorf("suppressed: %+v", noisy)
	}
	late, _ := apply(t, in(pending), alerting.Event{Action: models.ActionAcknowledge, By: userID(1)}, alerting.Event{Action: models.ActionSend})
	if late.Status != acknowledged || late.NotificationSentAt == nil {
		t.Errorf("a message that arrived late: %+v", late)
	}
	again, _ := apply(t, in(failed), alerting.Event{Action: models.ActionRetry, By: userID(1)})
	if !again.DueAt(noon) || again.ErrorMessage != nil {
		t.Errorf("tried again: %+v", again)
	}
	kept, _ := apply(t, in(wasSent), alerting.Event{Action: models.ActionFail, Failure: "late"})
	if kept.ErrorMessage != nil || kept.Status != wasSent {
		t.Errorf("what was sent failed: %+v", kept)
	}
	mistaken, _ := apply(t, in(wasSent), alerting.Event{Action: models.ActionJudgeNoise, By: userID(1)}, alerting.Event{Action: models.ActionJudgeReal, By: userID(1)})
	if mistaken.Status != acknowledged || mistaken.ResolvedAt != nil || mistaken.Resolution != nil || mistaken.AcknowledgedAt == nil {
		t.Errorf("a verdict corrected: %+v", mistaken)
	}
	nobody, lines := apply(t, in(wasSent), alerting.Event{Action: models.ActionAssign, Assignee: userID(2)}, alerting.Event{Action: models.ActionAssign})
	if nobody.AssigneeID != nil || len(lines) != 2 {
		t.Errorf("assigned to nobody: %+v", nobody)
	}
}

func TestEvent_Snooze(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		until time.Time
		ok    bool
	}{
		"now":            {noon, false},
		"a moment":       {noon.Add(1), true},
		"90 days":        {noon.Add(alerting.MaxSnooze), true},
		"more":           {noon.Add(alerting.MaxSnooze + 1), false},
		"no time at all": {time.Time{}, false},
	} {
		_, _, err := alerting.Event{Action: models.ActionSnooze, At: noon, Until: tt.until}.Apply(in(pending))
		if (err == nil) != tt.ok || err != nil && (models.CodeOf(err) != models.CodeValidation || models.AsError(err).Fields[0].Path != "until") {
			t.Errorf("%s: %v", name, err)
		}
	}
	asleep, _ := apply(t, in(pending), alerting.Event{Action: models.ActionSnooze, Until: noon.Add(time.Hour)})
	if asleep.DueAt(noon) || !asleep.DueAt(noon.Add(time.Hour)) {
		t.Error("a snoozed alert is due, or stays asleep")
	}
	if awake, _ := apply(t, asleep, alerting.Event{Action: models.ActionUnsnooze}); !awake.DueAt(noon) {
		t.Error("a woken alert is not due")
	}
}

func TestEvent_Unknown(t *testing.T) {
	t.Parallel()
	if _, _, err := (alerting.Event{Action: "explode", At: noon}).Apply(in(pending)); models.CodeOf(err) != models.CodeValidation {
		t.Errorf("%v", err)
	}
	_, _, err := alerting.Event{Action: models.ActionAcknowledge, At: noon}.Apply(in(resolved))
	if err == nil || !strings.Contains(err.Error(), "An alert that is resolved cannot be acknowledged.") {
		t.Errorf("%v", err)
	}
}

// Whatever happens to an alert, nobody is told twice: once sending is settled
// the alert is never due again, when it was settled never changes, and a request
// for another look does not bring it back.
func TestEvent_NeverSentTwice(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		a, now, messages := in(pending), noon, 0
		var settled *time.Time
		for _, word := range rapid.SliceOf(rapid.SampledFrom(models.AlertAction("").Values())).Draw(t, "actions") {
			now = now.Add(time.Hour)
			event := alerting.Event{
				Action: models.AlertAction(word), At: now, Until: now.Add(time.Minute), Reason: models.SuppressedCooldown, Failure: "down",
			}
			if event.Action == models.ActionSend {
				if !a.DueAt(now) {
					continue // the sender asks first
				}
				messages++
			}
			after, line, err := event.Apply(a)
			if err != nil && !reflect.DeepEqual(a, after) {
				t.Fatalf("%s was refused and changed the alert", word)
			}
			if line != nil && line.Number != a.HistoryLength+1 {
				t.Fatalf("%s: line %d after %d", word, line.Number, a.HistoryLength)
			}
			a = after
			if settled != nil && (a.DueAt(now.Add(1000*time.Hour)) || !a.NotificationSentAt.Equal(*settled)) {
				t.Fatalf("%s made a settled alert due: %+v", word, a)
			}
			settled = a.NotificationSentAt
			if a.Status.Open() && a.Status != a.OpenStatus() {
				t.Fatalf("after %s the alert is %s and should be %s", word, a.Status, a.OpenStatus())
			}
			if (a.Status == resolved) != (a.ResolvedAt != nil) || (a.ResolvedAt == nil) != (a.Resolution == nil) {
				t.Fatalf("after %s: %+v", word, a)
			}
			if a.Status == resolved && a.SnoozedUntil != nil {
				t.Fatalf("after %s a resolved alert sleeps", word)
			}
		}
		if messages > 1 {
			t.Fatalf("%d messages", messages)
		}
	})
}

func TestLifecycle_HasEveryActionOnce(t *testing.T) {
	t.Parallel()
	var got []string
	for _, r := range alerting.Lifecycle() {
		got = append(got, string(r.Action))
		if len(r.From) == 0 || r.Verb == "" {
			t.Errorf("%s: %+v", r.Action, r)
		}
	}
	want := models.AlertAction("").Values()
	slices.Sort(got)
	slices.Sort(want)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("actions (-models +table):\n%s", diff)
	}
}

func TestActionOf(t *testing.T) {
	t.Parallel()
	for verdict, want := range map[models.Verdict]models.AlertAction{
		models.VerdictNoise: models.ActionJudgeNoise, models.VerdictReal: models.ActionJudgeReal, models.VerdictNeedsFollowUp: models.ActionJudgeFollowUp,
	} {
		if got := alerting.ActionOf(verdict); got != want {
			t.Errorf("%s: %s", verdict, got)
		}
	}
}
