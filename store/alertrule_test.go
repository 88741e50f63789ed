package store_test

import (
	"testing"

	"upstream/internal/factory"
	"upstream/models"
)

// watched is a customer with a rule that fires on the event of Drifting, and a
// channel.
func watched(w *factory.World, slug string) (*factory.Tenant, *models.AlertRule, *models.NotificationChannel) {
	w.Helper()
	tenant := w.Tenant(slug)
	rule := must(w.Store.CreateAlertRule(w.Context(), tenant.System(), models.NewAlertRule{
		Name: "Denials", Metric: new(models.MetricDenialRateDelta), ThresholdValue: new(0.05),
	}))(w)
	channel := must(w.Store.CreateNotificationChannel(w.Context(), tenant.System(), models.NewNotificationChannel{
		Name: "Billing", Config: models.ChannelConfig{Recipients: []string{"billing@" + slug + ".test"}},
	}))(w)
	return tenant, rule, channel
}

func TestAlertRules_LiveAndDie(t *testing.T) {
	t.Parallel()
	w := factory.New(t)
	cedar, rule, channel := watched(w, "cedar")
	ctx, v, s := t.Context(), cedar.User(models.RoleAdmin), w.Store

	in := models.Update[models.AlertRuleID, models.AlertRulePatch]{ID: rule.ID, ExpectedVersion: new(int64(1))}
	in.Patch.RoutingChannels = models.To([]models.NotificationChannelID{channel.ID})
	routed := must(s.UpdateAlertRule(ctx, v, in))(t)
	equal(t, "version", int64(2), routed.Version)
	equal(t, "channels", channel.ID.String(), must(s.AlertRule(ctx, v, rule.ID))(t).RoutingChannels[0].String())
	_, err := s.UpdateAlertRule(ctx, v, in)
	wantCode(t, err, models.CodeStale)
	in.ExpectedVersion = nil
	equal(t, "version of no change", int64(2), must(s.UpdateAlertRule(ctx, v, in))(t).Version)

	wantCode(t, s.DeleteNotificationChannel(ctx, v, models.Deletion[models.NotificationChannelID]{ID: channel.ID}), models.CodeInUse)
	_, err = s.CreateAlertRule(ctx, v, models.NewAlertRule{Name: "DENIALS"})
	equal(t, "whose name it is", rule.ID.String(), wantCode(t, err, models.CodeConflict).ExistingID)
	_, err = s.CreateAlertRule(ctx, v, models.NewAlertRule{Name: "Others'", RoutingChannels: []models.NotificationChannelID{{}}})
	wantCode(t, err, models.CodeValidation)
	equal(t, "rules", 1, len(must(s.AlertRules(ctx, v, models.AlertRuleFilter{}, everyRow[models.AlertRuleOrderField]()))(t).Items))

	must(s.DetectDrift(ctx, drifted(cedar).System(), models.DetectInput{}))(t)
	wantCode(t, s.DeleteAlertRule(ctx, v, models.Deletion[models.AlertRuleID]{ID: rule.ID}), models.CodeInUse)
	alerts := must(s.AlertEvents(ctx, v, models.AlertEventFilter{}, everyRow[models.AlertEventOrderField]()))(t).Items
	equal(t, "alerts", 1, len(alerts))
	equal(t, "rule of the alert", rule.ID.String(), alerts[0].AlertRuleID.String())

	in.Patch.RoutingChannels = models.To([]models.NotificationChannelID{})
	must(s.UpdateAlertRule(ctx, v, in))(t)
	if err := s.DeleteNotificationChannel(ctx, v, models.Deletion[models.NotificationChannelID]{ID: channel.ID}); err != nil {
		t.Fatal(err)
	}
	unused := must(s.CreateAlertRule(ctx, v, models.NewAlertRule{Name: "Unused"}))(t)
	if err := s.DeleteAlertRule(ctx, v, models.Deletion[models.AlertRuleID]{ID: unused.ID}); err != nil {
		t.Fatal(err)
	}
}

func drifted(tenant *factory.Tenant) *factory.Tenant {
	tenant.Drifting()
	return tenant
}
