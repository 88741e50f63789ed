package store_test

import (
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/shopspring/decimal"

	"upstream/internal/factory"
	"upstream/models"
)

func TestAlerts_Lifecycle(t *testing.T) {
	t.Parallel()
	a := newAlarm(t)
	alert := a.alert(t, "Aetna")
	change := models.AlertChange{ID: alert.ID, ExpectedVersion: new(alert.Version)}
	acknowledged := must(a.s.AcknowledgeAlert(t.Context(), a.v, change))(t)
	equal(t, "status", models.AlertAcknowledged, acknowledged.Status)
	equal(t, "by", a.v.UserID, *acknowledged.AcknowledgedBy)
	_, err := a.s.ResolveAlert(t.Context(), a.v, change)
	wantCode(t, err, models.CodeStale)
	change.ExpectedVersion = nil
	equal(t, "twice is as good as once", acknowledged.Version, must(a.s.AcknowledgeAlert(t.Context(), a.v, change))(t).Version)

	resolved := must(a.s.ResolveAlert(t.Context(), a.v, change))(t)
	equal(t, "resolution", models.ResolvedByOperator, *resolved.Resolution)
	_, err = a.s.AcknowledgeAlert(t.Context(), a.v, change)
	wantCode(t, err, models.CodeConflict)
	equal(t, "reopened", models.AlertPending, must(a.s.ReopenAlert(t.Context(), a.v, change))(t).Status)
	equal(t, "history", []models.AlertAction{models.ActionAcknowledge, models.ActionResolve, models.ActionReopen}, a.history(t, alert))
	for _, action := range []string{"alert_event_acknowledged", "alert_event_resolved", "alert_event_reopened"} {
		equal(t, action, 1, a.audited(t, alert, action))
	}
	_, err = a.s.ResolveAlert(t.Context(), a.User(models.RoleViewer), change)
	wantCode(t, err, models.CodeForbidden)
	must(a.s.ResolveAlert(t.Context(), a.User(models.RoleAnalyst), change))(t)
}

// Of two who decided on the same version one succeeds; without a version both
// do, and the history tells of one.
func TestAlerts_AcknowledgedTwiceAtOnce(t *testing.T) {
	t.Parallel()
	a := newAlarm(t)
	people := []models.Viewer{a.User(models.RoleAnalyst), a.User(models.RoleAnalyst)}
	for _, versioned := range []bool{true, false} {
		alert := a.alert(t, "Aetna")
		change := models.AlertChange{ID: alert.ID}
		if versioned {
			change.ExpectedVersion = new(alert.Version)
		}
		errs := make([]error, len(people))
		var group sync.WaitGroup
		for i, v := range people {
			group.Go(func() { _, errs[i] = a.s.AcknowledgeAlert(t.Context(), v, change) })
		}
		group.Wait()
		refused := slices.DeleteFunc(slices.Clone(errs), func(err error) bool { return err == nil })
		if versioned {
			equal(t, "refused", 1, len(refused))
			wantCode(t, errors.Join(refused...), models.CodeStale)
		} else {
			equal(t, "refused", 0, len(refused))
		}
		equal(t, "history", []models.AlertAction{models.ActionAcknowledge}, a.history(t, alert))
	}
}

func TestAlerts_AssignedToMembersOnly(t *testing.T) {
	t.Parallel()
	a := newAlarm(t)
	alert := a.alert(t, "Aetna")
	colleague := a.User(models.RoleAnalyst)
	stranger := a.World.Tenant("harbor").User(models.RoleAnalyst)
	in := models.AlertAssignment{AlertChange: models.AlertChange{ID: alert.ID}, Assignee: &stranger.UserID}
	_, err := a.s.AssignAlert(t.Context(), a.v, in)
	equal(t, "fields", []string{"assignee:invalid"}, fieldPaths(wantCode(t, err, models.CodeValidation)))
	in.Assignee = &colleague.UserID
	equal(t, "assignee", colleague.UserID, *must(a.s.AssignAlert(t.Context(), a.v, in))(t).AssigneeID)
	equal(t, "mine", 1, len(a.alerts(t, models.AlertEventFilter{Assignee: &colleague.UserID})))
	in.Assignee = nil
	equal(t, "taken back", true, must(a.s.AssignAlert(t.Context(), a.v, in))(t).AssigneeID == nil)
	equal(t, "history", []models.AlertAction{models.ActionAssign, models.ActionAssign}, a.history(t, alert))
}

func TestFeedback_WhatVerdictsDo(t *testing.T) {
	t.Parallel()
	a := newAlarm(t)
	a.mails(t, "Billing", "a@cedar.test")
	alert := a.alert(t, "Aetna")
	equal(t, "tries", 1, len(a.tell(t, alert, arrives)))
	jobs := a.jobsOf(t, alert)
	give := func(v models.Viewer, in models.AlertFeedback) *models.FeedbackResult {
		t.Helper()
		in.AlertEventID = alert.ID
		a.clock.pass(time.Minute)
		return must(a.s.GiveFeedback(t.Context(), v, in))(t)
	}
	real := give(a.v, models.AlertFeedback{
		Verdict: models.VerdictReal, ReasonCodes: []string{"contract"}, Notes: "They changed it.",
		RecoveredAmount: new(decimal.RequireFromString("150.25")), RecoveredDate: new(factory.Today()),
	})
	equal(t, "first", []any{true, models.AlertAcknowledged, 1}, []any{real.Created, real.Alert.Status, len(real.Alert.Judgments)})

	// Sent once, it is not sent again, and what is left out is empty afterwards.
	follow := give(a.v, models.AlertFeedback{Verdict: models.VerdictNeedsFollowUp})
	equal(t, "second", []any{false, models.AlertSent, true}, []any{follow.Created, follow.Alert.Status, follow.Alert.NeedsFollowUp})
	equal(t, "the same judgment", real.Judgment.ID.String(), follow.Judgment.ID.String())
	equal(t, "overwritten", []any{"", 0, true, true, int64(2)}, []any{
		follow.Judgment.Notes, len(follow.Judgment.ReasonCodes), follow.Judgment.RecoveredAmount == nil, follow.Judgment.RecoveredDate == nil, follow.Judgment.Version,
	})
	stored := must(a.s.OperatorJudgment(t.Context(), a.v, follow.Judgment.ID))(t)
	equal(t, "stored", []any{"", models.VerdictNeedsFollowUp, a.v.Email}, []any{stored.Notes, stored.Verdict, stored.OperatorName})
	a.clock.pass(24 * time.Hour)
	equal(t, "tries after needs_followup", 0, len(a.tell(t, alert, arrives)))
	equal(t, "resumed", 0, must(a.s.ResumeAlerts(t.Context()))(t))
	equal(t, "jobs", jobs, a.jobsOf(t, alert))

	// A colleague's judgment is another one, and the latest.
	noise := give(a.User(models.RoleAnalyst), models.AlertFeedback{Verdict: models.VerdictNoise})
	equal(t, "a colleague's", []any{true, models.AlertResolved, models.ResolvedAsNoise, models.VerdictNoise, false}, []any{
		noise.Created, noise.Alert.Status, *noise.Alert.Resolution, *noise.Alert.LatestVerdict, noise.Alert.NeedsFollowUp,
	})
	judgments := a.again(t, alert).Judgments
	equal(t, "judgments, the latest first", []models.Verdict{models.VerdictNoise, models.VerdictNeedsFollowUp},
		[]models.Verdict{judgments[0].Verdict, judgments[1].Verdict})
	equal(t, "audited", 3, a.audited(t, alert, "feedback_submitted"))

	_, err := a.s.GiveFeedback(t.Context(), a.v, models.AlertFeedback{
		AlertEventID: alert.ID, Verdict: models.VerdictReal, RecoveredAmount: new(decimal.NewFromInt(1)), RecoveredDate: new(factory.Today().AddDays(3)),
	})
	equal(t, "fields", []string{"recovered_date:invalid"}, fieldPaths(wantCode(t, err, models.CodeValidation)))
	_, err = a.s.GiveFeedback(t.Context(), a.User(models.RoleViewer), models.AlertFeedback{AlertEventID: alert.ID, Verdict: models.VerdictReal})
	wantCode(t, err, models.CodeForbidden)
}

// One operator who judges twice at the same time has one judgment.
func TestFeedback_AtOnce(t *testing.T) {
	t.Parallel()
	a := newAlarm(t)
	alert := a.alert(t, "Aetna")
	var group sync.WaitGroup
	errs, created := make([]error, 4), make([]bool, 4)
	for i := range errs {
		group.Go(func() {
			result, err := a.s.GiveFeedback(t.Context(), a.v, models.AlertFeedback{AlertEventID: alert.ID, Verdict: models.VerdictReal})
			errs[i], created[i] = err, err == nil && result.Created
		})
	}
	group.Wait()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
	equal(t, "created", 1, len(slices.DeleteFunc(created, func(yes bool) bool { return !yes })))
	equal(t, "judgments", 1, len(a.again(t, alert).Judgments))
}

func TestAlertMemory(t *testing.T) {
	t.Parallel()
	a := newAlarm(t)
	judge := func(payer string, verdicts ...models.Verdict) {
		for _, verdict := range verdicts {
			alert := a.alert(t, payer)
			must(a.s.GiveFeedback(t.Context(), a.v, models.AlertFeedback{AlertEventID: alert.ID, Verdict: verdict}))(t)
			a.clock.pass(time.Minute)
		}
	}
	judge("Noisy", models.VerdictNoise, models.VerdictReal, models.VerdictNoise)
	judge("Confirmed", models.VerdictNoise, models.VerdictReal)
	judge("Pending", models.VerdictNeedsFollowUp)
	var ids []models.AlertEventID
	latest := map[string]*models.AlertEvent{}
	for _, payer := range []string{"Noisy", "Confirmed", "Pending", "New"} {
		latest[payer] = a.alert(t, payer)
		ids = append(ids, latest[payer].ID)
	}
	tracer := traced(a.World)
	must(a.World.Store.AlertMemory(t.Context(), a.v, ids[:1]))(t)
	one := len(tracer.take())
	memory := must(a.World.Store.AlertMemory(t.Context(), a.v, ids))(t)
	equal(t, "statements", one, len(tracer.take()))
	for payer, want := range map[string][]any{
		"Noisy":     {models.BadgeNoise, 2, 1, 0, true},
		"Confirmed": {models.BadgeConfirmed, 1, 1, 0, true},
		"Pending":   {models.BadgePending, 0, 0, 1, true},
		"New":       {models.BadgeNone, 0, 0, 0, false},
	} {
		m := memory[latest[payer].ID]
		equal(t, payer, want, []any{m.Badge, m.Noise, m.Confirmed, m.FollowUp, m.Latest != nil})
	}
	a.clock.pass(61 * 24 * time.Hour)
	equal(t, "forgotten", models.BadgeNone, must(a.s.AlertMemory(t.Context(), a.v, ids))(t)[latest["Noisy"].ID].Badge)
}

func TestRecoveryStats(t *testing.T) {
	t.Parallel()
	a := newAlarm(t)
	patch := models.CustomerPatch{TimeZone: models.To("America/Los_Angeles")}
	must(a.s.UpdateCustomer(t.Context(), a.v, models.Update[models.CustomerID, models.CustomerPatch]{ID: a.Customer.ID, Patch: patch}))(t)
	empty := must(a.s.RecoveryStats(t.Context(), a.v))(t)
	equal(t, "of nothing", []any{0, 0, "0"}, []any{empty.AllTime.Count, len(empty.Recent), empty.AllTime.Total.String()})
	recover := func(amount string, daysAgo *int) {
		in := models.AlertFeedback{AlertEventID: a.alert(t, "Aetna").ID, Verdict: models.VerdictReal, RecoveredAmount: new(decimal.RequireFromString(amount))}
		if daysAgo != nil {
			in.RecoveredDate = new(factory.Today().AddDays(-*daysAgo))
		}
		must(a.s.GiveFeedback(t.Context(), a.v, in))(t)
	}
	// Today is 15 June: the month began 14 days ago.
	for amount, days := range map[string]int{"1.00": 0, "2.00": 14, "4.00": 15, "8.00": 29, "16.00": 30, "32.00": 400} {
		recover(amount, &days)
	}
	recover("64.50", nil)
	must(a.s.GiveFeedback(t.Context(), a.v, models.AlertFeedback{AlertEventID: a.alert(t, "Aetna").ID, Verdict: models.VerdictReal}))(t)
	stats := must(a.s.RecoveryStats(t.Context(), a.v))(t)
	equal(t, "this month", []any{"3", 2}, []any{stats.ThisMonth.Total.String(), stats.ThisMonth.Count})
	equal(t, "last 30 days", []any{"15", 4}, []any{stats.Last30Days.Total.String(), stats.Last30Days.Count})
	equal(t, "all time", []any{"127.5", 7}, []any{stats.AllTime.Total.String(), stats.AllTime.Count})
	recent := []string{}
	for _, j := range stats.Recent {
		recent = append(recent, j.RecoveredAmount.String())
	}
	equal(t, "recent", []string{"1", "2", "4", "8", "16"}, recent)

	// It is still the month before where the customer is.
	a.clock.pass(time.Date(2026, time.July, 1, 3, 0, 0, 0, time.UTC).Sub(factory.Now()))
	equal(t, "at the end of the month", 2, must(a.s.RecoveryStats(t.Context(), a.v))(t).ThisMonth.Count)
	a.clock.pass(5 * time.Hour)
	equal(t, "in the next month", 0, must(a.s.RecoveryStats(t.Context(), a.v))(t).ThisMonth.Count)
}

func TestAlertSettings_AreTheCustomers(t *testing.T) {
	t.Parallel()
	a := newAlarm(t)
	a.mails(t, "Billing", "a@cedar.test")
	equal(t, "of new customers", models.DefaultAlertSettings(), a.Customer.AlertSettings())
	patch := models.CustomerPatch{AlertCooldownMinutes: models.To(10)}
	must(a.s.UpdateCustomer(t.Context(), a.v, models.Update[models.CustomerID, models.CustomerPatch]{ID: a.Customer.ID, Patch: patch}))(t)
	equal(t, "first", 1, len(a.tell(t, a.alert(t, "Aetna"), arrives)))
	a.clock.pass(9 * time.Minute)
	equal(t, "within it", 0, len(a.tell(t, a.alert(t, "Aetna"), arrives)))
	a.clock.pass(2 * time.Minute)
	equal(t, "after it", 1, len(a.tell(t, a.alert(t, "Aetna"), arrives)))
	for path, patch := range map[string]models.CustomerPatch{
		"alert_cooldown_minutes":  {AlertCooldownMinutes: models.To(10081)},
		"alert_noise_threshold":   {AlertNoiseThreshold: models.To(-1)},
		"alert_noise_window_days": {AlertNoiseWindowDays: models.To(0)},
		"alert_memory_days":       {AlertMemoryDays: models.To(366)},
		"alert_auto_resolve_runs": {AlertAutoResolveRuns: models.To(53)},
	} {
		_, err := a.s.UpdateCustomer(t.Context(), a.v, models.Update[models.CustomerID, models.CustomerPatch]{ID: a.Customer.ID, Patch: patch})
		equal(t, "fields", []string{path + ":invalid"}, fieldPaths(wantCode(t, err, models.CodeValidation)))
	}
}

func TestNotificationChannels_KeepTheirSecrets(t *testing.T) {
	t.Parallel()
	a := newAlarm(t)
	const url = "https://hooks.slack.test/services/T0/B0/canary"
	slack := a.channel(t, "Chat", models.ChannelSlack, models.ChannelConfig{WebhookURL: url})
	equal(t, "created", "https://hooks.slack.test/…", slack.Config.WebhookURL)
	equal(t, "read", "https://hooks.slack.test/…", must(a.s.NotificationChannel(t.Context(), a.v, slack.ID))(t).Config.WebhookURL)
	for _, table := range []string{"notification_channels", "audit_events", "river.river_job"} {
		equal(t, "in "+table, 0, factory.Query[int](a.Tenant, `SELECT count(*) FROM `+table+` AS r WHERE r::text LIKE '%canary%'`))
	}
	alert := a.alert(t, "Aetna")
	equal(t, "sent to", []string{url}, a.tell(t, alert, arrives))

	in := models.Update[models.NotificationChannelID, models.NotificationChannelPatch]{ID: slack.ID}
	in.Patch.Name = models.To("Other")
	equal(t, "version", int64(2), must(a.s.UpdateNotificationChannel(t.Context(), a.v, in))(t).Version)
	a.clock.pass(5 * time.Hour)
	equal(t, "still sent to", []string{url}, a.tell(t, a.alert(t, "Aetna"), arrives))
	for _, bad := range []string{"http://hooks.slack.test/x", "https://10.0.0.1/x", "https://user:pw@hooks.slack.test/"} {
		in.Patch.Config = models.To(models.ChannelConfig{WebhookURL: bad})
		_, err := a.s.UpdateNotificationChannel(t.Context(), a.v, in)
		equal(t, bad, []string{"config.webhook_url:invalid"}, fieldPaths(wantCode(t, err, models.CodeValidation)))
	}
	partner := a.channel(t, "Partner", models.ChannelWebhook, models.ChannelConfig{})
	_, err := a.s.TestNotificationChannel(t.Context(), a.v, partner.ID)
	wantCode(t, err, models.CodeConflict)
}
