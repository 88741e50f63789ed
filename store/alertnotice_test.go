package store_test

import (
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"upstream/internal/factory"
	"upstream/models"
	"upstream/store"
)

func TestNotice_EachChannelOnce(t *testing.T) {
	t.Parallel()
	a := newAlarm(t)
	a.mails(t, "Billing", "a@cedar.test", "b@cedar.test")
	a.channel(t, "Chat", models.ChannelSlack, models.ChannelConfig{WebhookURL: "https://hooks.slack.test/services/x"})
	off := a.mails(t, "Nobody", "off@cedar.test")
	must(a.s.UpdateNotificationChannel(t.Context(), a.v, models.Update[models.NotificationChannelID, models.NotificationChannelPatch]{
		ID: off.ID, Patch: models.NotificationChannelPatch{Enabled: models.To(false)},
	}))(t)
	alert := a.alert(t, "Aetna")
	equal(t, "jobs", 1, a.jobsOf(t, alert))

	tried := a.tell(t, alert, func(to string) string {
		if to == "a@cedar.test" {
			return ""
		}
		return "refused it"
	})
	equal(t, "first tries", []string{"a@cedar.test", "b@cedar.test", "https://hooks.slack.test/services/x"}, tried)
	sent := a.again(t, alert)
	equal(t, "status", models.AlertSent, sent.Status)
	equal(t, "before the pause is over", 0, len(a.tell(t, alert, arrives)))
	_, wait := a.begin(t, alert)
	if wait < store.NoticeRetries()[0] || wait > store.NoticeRetries()[0]*11/10 {
		t.Errorf("waits %s", wait)
	}

	a.clock.pass(time.Minute)
	equal(t, "second tries", []string{"b@cedar.test", "https://hooks.slack.test/services/x"}, a.tell(t, alert, arrives))
	a.clock.pass(24 * time.Hour)
	equal(t, "third tries", 0, len(a.tell(t, alert, arrives)))
	for _, n := range a.notifications(t, alert) {
		equal(t, n.ChannelName, []any{models.NotificationSent, 2, true}, []any{n.Status, n.Attempts, n.ErrorMessage == nil})
	}
	equal(t, "history", []models.AlertAction{models.ActionSend}, a.history(t, alert))
	equal(t, "audited", 1, a.audited(t, alert, "alert_event_sent"))
	equal(t, "when it was sent", sent.NotificationSentAt, a.again(t, alert).NotificationSentAt)
}

func TestNotice_SeveralTriesBeforeItFails(t *testing.T) {
	t.Parallel()
	a := newAlarm(t)
	a.mails(t, "Billing", "a@cedar.test")
	alert := a.alert(t, "Aetna")
	for range store.NoticeRetries() {
		equal(t, "tries", 1, len(a.tell(t, alert, fails)))
		equal(t, "status", models.AlertPending, a.again(t, alert).Status)
		a.clock.pass(3 * time.Hour)
	}
	equal(t, "last tries", 1, len(a.tell(t, alert, fails)))
	equal(t, "tries after the last one", 0, len(a.tell(t, alert, fails)))
	failed := a.again(t, alert)
	equal(t, "status", models.AlertFailed, failed.Status)
	equal(t, "why", "refused the message", *failed.ErrorMessage)
	equal(t, "audited", 1, a.audited(t, alert, "alert_event_failed"))

	must(a.s.RetryAlert(t.Context(), a.v, models.AlertChange{ID: alert.ID}))(t)
	equal(t, "jobs", 2, a.jobsOf(t, alert))
	equal(t, "tries after a retry", []string{"a@cedar.test"}, a.tell(t, alert, arrives))
	equal(t, "history", []models.AlertAction{models.ActionFail, models.ActionRetry, models.ActionSend}, a.history(t, alert))
	_, err := a.s.RetryAlert(t.Context(), a.v, models.AlertChange{ID: alert.ID})
	wantCode(t, err, models.CodeConflict)
}

// When no channel takes an alert, the customer's own address hears of it, and
// the installation's when there is none.
func TestNotice_FallBack(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		own, installation string
		want              []string
		status            models.AlertStatus
	}{
		"own":          {"office@cedar.test", "ops@upstream.test", []string{"office@cedar.test"}, models.AlertSent},
		"installation": {"", "ops@upstream.test", []string{"ops@upstream.test"}, models.AlertSent},
		"nobody":       {"", "", nil, models.AlertFailed},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := newAlarm(t)
			if tt.own != "" {
				patch := models.CustomerPatch{ToEmail: models.To(tt.own)}
				must(a.s.UpdateCustomer(t.Context(), a.v, models.Update[models.CustomerID, models.CustomerPatch]{ID: a.Customer.ID, Patch: patch}))(t)
			}
			alert := a.alert(t, "Aetna")
			notice, _, err := a.s.BeginNotice(t.Context(), a.System(), alert.ID, tt.installation)
			if err != nil {
				t.Fatal(err)
			}
			if tt.want == nil {
				if notice != nil {
					t.Errorf("it is sent to %v", notice.Targets)
				}
			} else {
				equal(t, "recipients", tt.want, notice.Targets[0].Recipients)
				if err := a.s.NoticeTaken(t.Context(), a.System(), notice, 1, tt.want[0]); err != nil {
					t.Fatal(err)
				}
			}
			equal(t, "status", tt.status, a.again(t, alert).Status)
		})
	}
}

// The last resort is tried when every channel has failed, too.
func TestNotice_FallsBackWhenEveryChannelFails(t *testing.T) {
	t.Parallel()
	a := newAlarm(t)
	a.mails(t, "Billing", "gone@cedar.test")
	patch := models.CustomerPatch{ToEmail: models.To("office@cedar.test"), CCEmail: models.To("boss@cedar.test")}
	must(a.s.UpdateCustomer(t.Context(), a.v, models.Update[models.CustomerID, models.CustomerPatch]{ID: a.Customer.ID, Patch: patch}))(t)
	alert := a.alert(t, "Aetna")
	var tried []string
	for range len(store.NoticeRetries()) + 2 {
		tried = append(tried, a.tell(t, alert, func(to string) string {
			if to == "gone@cedar.test" {
				return "refused it"
			}
			return ""
		})...)
		a.clock.pass(3 * time.Hour)
	}
	equal(t, "tries of the channel", 1+len(store.NoticeRetries()), slices.Index(tried, "office@cedar.test"))
	equal(t, "the last ones", []string{"office@cedar.test", "boss@cedar.test"}, tried[len(tried)-2:])
	equal(t, "status", models.AlertSent, a.again(t, alert).Status)
	names := []string{}
	for _, n := range a.notifications(t, alert) {
		names = append(names, n.ChannelName+" "+string(n.Status))
	}
	equal(t, "notifications", []string{"Billing failed", models.FallbackChannelName + " sent"}, names)
}

func TestNotice_CooldownAndNoise(t *testing.T) {
	t.Parallel()
	a := newAlarm(t)
	a.mails(t, "Billing", "a@cedar.test")
	first, other := a.alert(t, "Aetna"), a.alert(t, "Cigna")
	equal(t, "first", 1, len(a.tell(t, first, arrives)))
	equal(t, "another payer", 1, len(a.tell(t, other, arrives)))

	a.clock.pass(3 * time.Hour)
	second := a.alert(t, "Aetna")
	equal(t, "within the cooldown", 0, len(a.tell(t, second, arrives)))
	second = a.again(t, second)
	equal(t, "status", models.AlertSent, second.Status)
	equal(t, "reason", models.SuppressedCooldown, *second.SuppressionReason)
	equal(t, "audited", 1, a.audited(t, second, "alert_event_suppressed"))

	// Four hours after the first, one hour after the suppressed one.
	a.clock.pass(time.Hour + time.Minute)
	third := a.alert(t, "Aetna")
	equal(t, "after the cooldown", 1, len(a.tell(t, third, arrives)))

	for _, alert := range []*models.AlertEvent{first, third} {
		must(a.s.GiveFeedback(t.Context(), a.v, models.AlertFeedback{AlertEventID: alert.ID, Verdict: models.VerdictNoise}))(t)
	}
	a.clock.pass(29 * 24 * time.Hour)
	noisy := a.alert(t, "Aetna")
	equal(t, "noise", 0, len(a.tell(t, noisy, arrives)))
	equal(t, "reason", models.SuppressedNoise, *a.again(t, noisy).SuppressionReason)
	a.clock.pass(2 * 24 * time.Hour)
	equal(t, "when the noise is forgotten", 1, len(a.tell(t, a.alert(t, "Aetna"), arrives)))
}

// Two alerts about one signal whose jobs run at the same time: one of them is
// sent, the other one is suppressed, whatever the order.
func TestNotice_TwoOfOneSignalAtOnce(t *testing.T) {
	t.Parallel()
	a := newAlarm(t, models.NewAlertRule{Name: "One", ThresholdValue: new(0.0)}, models.NewAlertRule{Name: "Two", ThresholdValue: new(0.1)})
	a.mails(t, "Billing", "a@cedar.test")
	for round := range 5 {
		run := a.run(t, round, []*models.DriftEvent{a.event("Aetna")})
		alerts := a.alerts(t, models.AlertEventFilter{ReportRun: &run.ID})
		equal(t, "alerts", 2, len(alerts))
		var begun [2]*store.AlertNotice
		var group sync.WaitGroup
		var errs [2]error
		for i, alert := range alerts {
			group.Go(func() { begun[i], _, errs[i] = a.s.BeginNotice(t.Context(), a.System(), alert.ID, "") })
		}
		group.Wait()
		if err := errors.Join(errs[:]...); err != nil {
			t.Fatal(err)
		}
		if (begun[0] == nil) == (begun[1] == nil) {
			t.Fatalf("both or none of the alerts are sent: %v", begun)
		}
		winner := slices.IndexFunc(begun[:], func(n *store.AlertNotice) bool { return n != nil })
		// The second asks again while the first is being sent, and once it is.
		notice, wait := a.begin(t, alerts[1-winner])
		if notice != nil || wait <= 0 {
			t.Errorf("while the first is sent: %v, %s", notice, wait)
		}
		if err := a.s.NoticeTaken(t.Context(), a.System(), begun[winner], 1, "a@cedar.test"); err != nil {
			t.Fatal(err)
		}
		if err := a.s.NoticeTried(t.Context(), a.System(), begun[winner], 1, ""); err != nil {
			t.Fatal(err)
		}
		if err := a.s.EndNotice(t.Context(), a.System(), begun[winner]); err != nil {
			t.Fatal(err)
		}
		equal(t, "tries of the second", 0, len(a.tell(t, alerts[1-winner], arrives)))
		equal(t, "reason", models.SuppressedCooldown, *a.again(t, alerts[1-winner]).SuppressionReason)
		a.clock.pass(5 * time.Hour)
	}
}

// A process that ends between sending and saying so leaves the alert to another
// job, which repeats at most what could not be said.
func TestNotice_AfterACrash(t *testing.T) {
	t.Parallel()
	a := newAlarm(t)
	a.mails(t, "Billing", "a@cedar.test", "b@cedar.test")
	alert := a.alert(t, "Aetna")
	asOwnerDB(t, a.Tenant, `DELETE FROM river.river_job`)
	notice, _ := a.begin(t, alert)
	if err := a.s.NoticeTaken(t.Context(), a.System(), notice, 1, "a@cedar.test"); err != nil {
		t.Fatal(err)
	}
	// Here the process ends: b has the message, and nobody knows.
	equal(t, "resumed while the job may be alive", 0, must(a.s.ResumeAlerts(t.Context()))(t))
	held, wait := a.begin(t, alert)
	if held != nil || wait <= 0 || wait > store.NoticeLease {
		t.Errorf("two jobs have it: %v, %s", held, wait)
	}
	a.clock.pass(store.NoticeLease)
	equal(t, "resumed", 1, must(a.s.ResumeAlerts(t.Context()))(t))
	equal(t, "resumed again", 0, must(a.s.ResumeAlerts(t.Context()))(t))
	equal(t, "jobs", 1, a.jobsOf(t, alert))
	equal(t, "tries", []string{"b@cedar.test"}, a.tell(t, alert, arrives))
	equal(t, "resumed when all is done", 0, must(a.s.ResumeAlerts(t.Context()))(t))
}

func asOwnerDB(t *testing.T, tenant *factory.Tenant, sql string) {
	t.Helper()
	if _, err := tenant.DB.Owner.Exec(t.Context(), sql); err != nil {
		t.Fatal(err)
	}
}

func TestNotice_WaitsForTheEndOfASnooze(t *testing.T) {
	t.Parallel()
	a := newAlarm(t)
	a.mails(t, "Billing", "a@cedar.test")
	alert := a.alert(t, "Aetna")
	snooze := models.AlertSnooze{AlertChange: models.AlertChange{ID: alert.ID}, Until: a.clock.Now().Add(time.Hour)}
	must(a.s.SnoozeAlert(t.Context(), a.v, snooze))(t)
	equal(t, "while it is put off", 0, len(a.tell(t, alert, arrives)))
	asOwnerDB(t, a.Tenant, `DELETE FROM river.river_job`)
	equal(t, "resumed while it is put off", 0, must(a.s.ResumeAlerts(t.Context()))(t))
	a.clock.pass(time.Hour)
	equal(t, "resumed", 1, must(a.s.ResumeAlerts(t.Context()))(t))
	equal(t, "after", 1, len(a.tell(t, alert, arrives)))

	other := a.alert(t, "Cigna")
	snooze = models.AlertSnooze{AlertChange: models.AlertChange{ID: other.ID}, Until: a.clock.Now().Add(time.Hour)}
	must(a.s.SnoozeAlert(t.Context(), a.v, snooze))(t)
	must(a.s.UnsnoozeAlert(t.Context(), a.v, models.AlertChange{ID: other.ID}))(t)
	equal(t, "jobs of one that was woken", 2, a.jobsOf(t, other))
	equal(t, "one that was woken", 1, len(a.tell(t, other, arrives)))

	for _, until := range []time.Time{a.clock.Now(), a.clock.Now().Add(91 * 24 * time.Hour)} {
		snooze.Until = until
		_, err := a.s.SnoozeAlert(t.Context(), a.v, snooze)
		equal(t, "fields", []string{"until:invalid"}, fieldPaths(wantCode(t, err, models.CodeValidation)))
	}
}

// Somebody who deals with an alert before it is sent spares the others the
// message.
func TestNotice_SomebodyWasFaster(t *testing.T) {
	t.Parallel()
	a := newAlarm(t)
	a.mails(t, "Billing", "a@cedar.test")
	alert := a.alert(t, "Aetna")
	equal(t, "a first try", 1, len(a.tell(t, alert, fails)))
	must(a.s.AcknowledgeAlert(t.Context(), a.v, models.AlertChange{ID: alert.ID}))(t)
	a.clock.pass(time.Hour)
	equal(t, "tries afterwards", 0, len(a.tell(t, alert, arrives)))
	equal(t, "notification", models.NotificationSkipped, a.notifications(t, alert)[0].Status)
	// One that is open again without anybody having been told is sent.
	must(a.s.ReopenAlert(t.Context(), a.v, models.AlertChange{ID: alert.ID}))(t)
	equal(t, "tries when it is open again", 1, len(a.tell(t, alert, arrives)))
	// And one that was sent never is again.
	must(a.s.ResolveAlert(t.Context(), a.v, models.AlertChange{ID: alert.ID}))(t)
	must(a.s.ReopenAlert(t.Context(), a.v, models.AlertChange{ID: alert.ID}))(t)
	a.clock.pass(24 * time.Hour)
	equal(t, "tries of one that was sent", 0, len(a.tell(t, alert, arrives)))
}

// Channels of webhooks have taken an alert by then: partners were told when it
// was made. Where there is no partner, somebody else hears of it.
func TestNotice_WebhookChannels(t *testing.T) {
	t.Parallel()
	a := newAlarm(t)
	a.channel(t, "Partner", models.ChannelWebhook, models.ChannelConfig{})
	patch := models.CustomerPatch{ToEmail: models.To("office@cedar.test")}
	must(a.s.UpdateCustomer(t.Context(), a.v, models.Update[models.CustomerID, models.CustomerPatch]{ID: a.Customer.ID, Patch: patch}))(t)
	endpointOf(a.Tenant, models.EventDriftDetected)
	alert := a.alert(t, "Aetna")
	equal(t, "tries without a partner", []string{"office@cedar.test"}, a.tell(t, alert, arrives))
	equal(t, "the channel", models.NotificationFailed, a.notifications(t, alert)[0].Status)
	equal(t, "why", "no webhook endpoint receives alerts", *a.notifications(t, alert)[0].ErrorMessage)

	must(a.s.TellEvents(t.Context(), a.System()))(t) // to nobody
	hook := endpointOf(a.Tenant, models.EventAlertTriggered, models.EventAlertResolved)
	told := a.alert(t, "Cigna")
	equal(t, "tries with a partner", 0, len(a.tell(t, told, arrives)))
	equal(t, "status", models.AlertSent, a.again(t, told).Status)
	equal(t, "the channel", models.NotificationSent, a.notifications(t, told)[0].Status)

	must(a.s.ResolveAlert(t.Context(), a.v, models.AlertChange{ID: told.ID}))(t)
	must(a.s.TellEvents(t.Context(), a.System()))(t)
	var types []models.WebhookEventType
	deliveries := must(a.s.WebhookDeliveries(t.Context(), a.v, models.WebhookDeliveryFilter{}, everyRow[models.WebhookDeliveryOrderField]()))(t).Items
	for _, delivery := range deliveries {
		equal(t, "endpoint", hook.ID.String(), delivery.EndpointID.String())
		if !strings.Contains(string(delivery.Body), told.ID.String()) {
			t.Errorf("it is about something else: %s", delivery.Body)
		}
		types = append(types, delivery.EventType)
	}
	slices.Sort(types)
	equal(t, "deliveries", []models.WebhookEventType{models.EventAlertResolved, models.EventAlertTriggered}, types)
}

// Where an alert goes is decided when it is sent, by the channels as they are.
func TestNotice_RoutingAsItIs(t *testing.T) {
	t.Parallel()
	a := newAlarm(t)
	first := a.mails(t, "First", "first@cedar.test")
	a.mails(t, "Second", "second@cedar.test")
	rule := must(a.s.AlertRules(t.Context(), a.v, models.AlertRuleFilter{}, everyRow[models.AlertRuleOrderField]()))(t).Items[0]
	in := models.Update[models.AlertRuleID, models.AlertRulePatch]{ID: rule.ID}
	in.Patch.RoutingChannels = models.To([]models.NotificationChannelID{first.ID})
	must(a.s.UpdateAlertRule(t.Context(), a.v, in))(t)
	alert := a.alert(t, "Aetna")
	equal(t, "tries", []string{"first@cedar.test"}, a.tell(t, alert, fails))

	in.Patch.RoutingChannels = models.To([]models.NotificationChannelID{})
	must(a.s.UpdateAlertRule(t.Context(), a.v, in))(t)
	must(a.s.UpdateNotificationChannel(t.Context(), a.v, models.Update[models.NotificationChannelID, models.NotificationChannelPatch]{
		ID: first.ID, Patch: models.NotificationChannelPatch{Enabled: models.To(false)},
	}))(t)
	a.clock.pass(time.Hour)
	equal(t, "tries afterwards", []string{"second@cedar.test"}, a.tell(t, alert, arrives))
	equal(t, "the first", models.NotificationSkipped, a.notifications(t, alert)[0].Status)
}
