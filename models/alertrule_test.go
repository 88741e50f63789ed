package models_test

import (
	"errors"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"github.com/shopspring/decimal"

	"upstream/models"
)

func usd(text string) *decimal.Decimal { return new(decimal.RequireFromString(text)) }

// problems are the paths and codes of what is wrong.
func problems(err error) string {
	var all []string
	if err != nil {
		for _, f := range models.AsError(err).Fields {
			all = append(all, f.Path+" "+f.Code)
		}
	}
	return strings.Join(all, ", ")
}

func TestNewAlertRule_Defaults(t *testing.T) {
	t.Parallel()
	r := models.NewAlertRule{Name: "Denials"}.Rule()
	if r.Metric != models.MetricSeverity || r.ThresholdType != models.ThresholdGTE || r.ThresholdValue != 0.7 || !r.Enabled || r.Severity != models.AlertWarning {
		t.Errorf("%+v", r)
	}
	r = models.NewAlertRule{Name: "Denials", Enabled: new(false), ThresholdValue: new(0.0)}.Rule()
	if r.Enabled || r.ThresholdValue != 0 {
		t.Errorf("%+v", r)
	}
}

func TestNewAlertRule_Validate(t *testing.T) {
	t.Parallel()
	channel := models.NotificationChannelID{}.From(uuid.UUID{1})
	many := make([]models.NotificationChannelID, 51)
	for i := range many {
		many[i] = models.NotificationChannelID{}.From(uuid.UUID{byte(i)})
	}
	for name, tt := range map[string]struct {
		change func(*models.NewAlertRule)
		want   string
	}{
		"the least":          {func(*models.NewAlertRule) {}, ""},
		"no name":            {func(in *models.NewAlertRule) { in.Name = " " }, "name invalid"},
		"a long name":        {func(in *models.NewAlertRule) { in.Name = strings.Repeat("ü", 101) }, "name invalid"},
		"the longest name":   {func(in *models.NewAlertRule) { in.Name = strings.Repeat("ü", 100) }, ""},
		"a name in lines":    {func(in *models.NewAlertRule) { in.Name = "a\nb" }, "name invalid"},
		"lines of prose":     {func(in *models.NewAlertRule) { in.Description = "a\r\n\tb" }, ""},
		"a NUL":              {func(in *models.NewAlertRule) { in.Description = "a\x00" }, "description invalid"},
		"much prose":         {func(in *models.NewAlertRule) { in.Description = strings.Repeat("x", 2001) }, "description invalid"},
		"severity above one": {func(in *models.NewAlertRule) { in.ThresholdValue = new(1.1) }, "threshold_value invalid"},
		"no number":          {func(in *models.NewAlertRule) { in.ThresholdValue = new(math.NaN()) }, "threshold_value invalid"},
		"infinite":           {func(in *models.NewAlertRule) { in.ThresholdValue = new(math.Inf(-1)) }, "threshold_value invalid"},
		"a fall of denials": {func(in *models.NewAlertRule) {
			in.Metric, in.ThresholdType, in.ThresholdValue = new(models.MetricDenialRateDelta), new(models.ThresholdLTE), new(-0.05)
		}, ""},
		"days": {func(in *models.NewAlertRule) {
			in.Metric, in.ThresholdValue = new(models.MetricDecisionTimeDelta), new(30.0)
		}, ""},
		"far too long": {func(in *models.NewAlertRule) {
			in.Metric, in.ThresholdValue = new(models.MetricDecisionTimeDelta), new(1e6)
		}, "threshold_value invalid"},
		"unknown words": {func(in *models.NewAlertRule) {
			in.Metric, in.ThresholdType, in.Severity = new(models.AlertMetric("x")), new(models.ThresholdType("x")), new(models.AlertSeverity("x"))
		}, "threshold_type invalid, metric invalid, severity invalid"},
		"a scope": {func(in *models.NewAlertRule) {
			in.Scope = models.AlertScope{Payer: new("Aetna"), CPTGroup: new("ALL"), DriftType: new(models.DriftDenialRate), TrendDirection: new(models.TrendDegrading), MinRevenueImpact: usd("1000.50")}
		}, ""},
		"a bad scope": {func(in *models.NewAlertRule) {
			in.Scope = models.AlertScope{Payer: new(""), CPTGroup: new(strings.Repeat("x", 51)), DriftType: new(models.DriftType("x")), TrendDirection: new(models.TrendDirection("x")), MinRevenueImpact: usd("-1")}
		}, "scope.payer invalid, scope.cpt_group invalid, scope.drift_type invalid, scope.trend_direction invalid, scope.min_revenue_impact invalid"},
		"thousandths":      {func(in *models.NewAlertRule) { in.Scope.MinRevenueImpact = usd("1.001") }, "scope.min_revenue_impact invalid"},
		"too much money":   {func(in *models.NewAlertRule) { in.Scope.MinRevenueImpact = usd("10000000000") }, "scope.min_revenue_impact invalid"},
		"digits for years": {func(in *models.NewAlertRule) { in.Scope.MinRevenueImpact = new(decimal.New(1, 999999999)) }, "scope.min_revenue_impact invalid"},
		"next to nothing":  {func(in *models.NewAlertRule) { in.Scope.MinRevenueImpact = new(decimal.New(1, -999999999)) }, "scope.min_revenue_impact invalid"},
		"a metric the type has not": {func(in *models.NewAlertRule) {
			in.Metric, in.Scope.DriftType = new(models.MetricDenialRateDelta), new(models.DriftDecisionTime)
		}, "scope.drift_type never_matches"},
		"money of an improvement": {func(in *models.NewAlertRule) {
			in.Scope.TrendDirection, in.Scope.MinRevenueImpact = new(models.TrendImproving), usd("1")
		}, "scope.min_revenue_impact never_matches"},
		"money of time": {func(in *models.NewAlertRule) {
			in.Scope.DriftType, in.Scope.MinRevenueImpact = new(models.DriftDecisionTime), usd("1")
		}, "scope.min_revenue_impact never_matches"},
		"routing": {func(in *models.NewAlertRule) {
			in.RoutingChannels, in.RoutingPriority, in.RoutingTags = many[:50], -1000, []string{"a", "b"}
		}, ""},
		"a channel twice":   {func(in *models.NewAlertRule) { in.RoutingChannels = []models.NotificationChannelID{channel, channel} }, "routing_channels.1 repeated"},
		"too many channels": {func(in *models.NewAlertRule) { in.RoutingChannels = many }, "routing_channels too_many"},
		"bad tags":          {func(in *models.NewAlertRule) { in.RoutingTags = []string{"a", "", "a"} }, "routing_tags.1 invalid, routing_tags.2 repeated"},
		"too many tags":     {func(in *models.NewAlertRule) { in.RoutingTags = strings.Split("abcdefghijklmnopqrstu", "") }, "routing_tags too_many"},
		"a high priority":   {func(in *models.NewAlertRule) { in.RoutingPriority = 1001 }, "routing_priority invalid"},
		"all at once":       {func(in *models.NewAlertRule) { in.Name, in.RoutingPriority, in.ThresholdValue = "", -1001, new(2.0) }, "name invalid, threshold_value invalid, routing_priority invalid"},
	} {
		in := models.NewAlertRule{Name: "Denials"}
		tt.change(&in)
		if got := problems(in.Validate()); got != tt.want {
			t.Errorf("%s: %q, want %q", name, got, tt.want)
		}
	}
}

// noEvil refuses URLs with the word evil.
type noEvil struct{}

func (noEvil) CheckURL(text string) error {
	if text == "" || strings.Contains(text, "evil") {
		return errors.New("must not be evil")
	}
	return nil
}

func TestNewNotificationChannel_Validate(t *testing.T) {
	t.Parallel()
	slack, hook := new(models.ChannelSlack), new(models.ChannelWebhook)
	mail := func(addresses ...string) models.ChannelConfig { return models.ChannelConfig{Recipients: addresses} }
	crowd := strings.Split(strings.Repeat("x@y.test ", 51), " ")[:51]
	for name, tt := range map[string]struct {
		in   models.NewNotificationChannel
		want string
	}{
		"mail":             {models.NewNotificationChannel{Name: "a", Config: mail("a@b.test", "c@d.test")}, ""},
		"nobody":           {models.NewNotificationChannel{Name: "a"}, "config.recipients required"},
		"a crowd":          {models.NewNotificationChannel{Name: "a", Config: mail(crowd...)}, "config.recipients too_many"},
		"bad addresses":    {models.NewNotificationChannel{Name: "a", Config: mail("a@b.test", "A@B.test", "A <a@b.test>")}, "config.recipients.1 repeated, config.recipients.2 invalid"},
		"mail with a URL":  {models.NewNotificationChannel{Name: "a", Config: models.ChannelConfig{Recipients: []string{"a@b.test"}, WebhookURL: "https://x"}}, "config.webhook_url invalid"},
		"slack":            {models.NewNotificationChannel{Name: "a", ChannelType: slack, Config: models.ChannelConfig{WebhookURL: "https://hooks.slack.com/x"}}, ""},
		"slack to nowhere": {models.NewNotificationChannel{Name: "a", ChannelType: slack}, "config.webhook_url required"},
		"slack to evil":    {models.NewNotificationChannel{Name: "", ChannelType: slack, Config: models.ChannelConfig{Recipients: []string{"a@b.test"}, WebhookURL: "https://evil.test"}}, "name invalid, config.recipients invalid, config.webhook_url invalid"},
		"webhook":          {models.NewNotificationChannel{Name: "a", ChannelType: hook}, ""},
		"webhook with all": {models.NewNotificationChannel{Name: "a", ChannelType: hook, Config: models.ChannelConfig{Recipients: []string{"a@b.test"}, WebhookURL: "https://x"}}, "config.recipients invalid, config.webhook_url invalid"},
		"pigeon":           {models.NewNotificationChannel{ChannelType: new(models.ChannelType("pigeon"))}, "name invalid, channel_type invalid"},
	} {
		if got := problems(tt.in.Validate(noEvil{})); got != tt.want {
			t.Errorf("%s: %q, want %q", name, got, tt.want)
		}
	}
	if c := (models.NewNotificationChannel{Name: "a"}).Channel(); !c.Enabled || c.ChannelType != models.ChannelEmail {
		t.Errorf("defaults: %+v", c)
	}
}

func TestChannelConfig_Masked(t *testing.T) {
	t.Parallel()
	for url, want := range map[string]string{
		"": "", "https://hooks.slack.com/services/T0/B0/secret?token=secret": "https://hooks.slack.com/…", "https://[secret": "https:///…",
	} {
		if got := (models.ChannelConfig{WebhookURL: url}).Masked().WebhookURL; got != want {
			t.Errorf("%q shows %q", url, got)
		}
	}
}

func TestAlertSettings(t *testing.T) {
	t.Parallel()
	d := models.DefaultAlertSettings()
	if err := d.Validate(); err != nil || d.Cooldown() != 4*time.Hour || d.NoiseWindow() != 720*time.Hour || d.Memory() != 1440*time.Hour {
		t.Errorf("%+v, %v", d, err)
	}
	for name, tt := range map[string]struct {
		settings models.AlertSettings
		want     string
	}{
		"the least": {models.AlertSettings{0, 0, 1, 1, 0}, ""},
		"the most":  {models.AlertSettings{10080, 100, 365, 365, 52}, ""},
		"below":     {models.AlertSettings{-1, -1, 0, 0, -1}, "cooldown_minutes invalid, noise_threshold invalid, noise_window_days invalid, memory_days invalid, auto_resolve_runs invalid"},
		"above":     {models.AlertSettings{10081, 101, 366, 366, 53}, "cooldown_minutes invalid, noise_threshold invalid, noise_window_days invalid, memory_days invalid, auto_resolve_runs invalid"},
	} {
		if got := problems(tt.settings.Validate()); got != tt.want {
			t.Errorf("%s: %q", name, got)
		}
	}
}

func TestAlertFeedback_Validate(t *testing.T) {
	t.Parallel()
	today := models.NewDate(2026, time.March, 2)
	for name, tt := range map[string]struct {
		in   models.AlertFeedback
		want string
	}{
		"a verdict":      {models.AlertFeedback{Verdict: models.VerdictNoise}, ""},
		"everything":     {models.AlertFeedback{Verdict: models.VerdictReal, ReasonCodes: []string{"a", "b"}, Notes: "two\nlines", RecoveredAmount: usd("12.50"), RecoveredDate: &today}, ""},
		"zero recovered": {models.AlertFeedback{Verdict: models.VerdictReal, RecoveredAmount: usd("0")}, ""},
		"no verdict":     {models.AlertFeedback{}, "verdict invalid"},
		"the future":     {models.AlertFeedback{Verdict: models.VerdictReal, RecoveredAmount: usd("1"), RecoveredDate: new(today.AddDays(1))}, "recovered_date invalid"},
		"a day alone":    {models.AlertFeedback{Verdict: models.VerdictReal, RecoveredDate: &today}, "recovered_date invalid"},
		"a loss":         {models.AlertFeedback{Verdict: models.VerdictReal, RecoveredAmount: usd("-0.01")}, "recovered_amount invalid"},
		"all wrong": {models.AlertFeedback{
			Verdict: "x", ReasonCodes: append(strings.Split("abcdefghijklmnopqrst", ""), "a"), Notes: strings.Repeat("x", 4001), RecoveredAmount: usd("0.001"), RecoveredDate: new(models.NewDate(1989, 1, 1)),
		}, "verdict invalid, reason_codes too_many, reason_codes.20 repeated, notes invalid, recovered_amount invalid, recovered_date invalid"},
	} {
		if got := problems(tt.in.Validate(today)); got != tt.want {
			t.Errorf("%s: %q, want %q", name, got, tt.want)
		}
	}
}

func TestAlertEvent_State(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, time.March, 2, 12, 0, 0, 0, time.UTC)
	fresh := models.AlertEvent{Status: models.AlertPending}
	refused := models.AlertEvent{Status: models.AlertFailed, ErrorMessage: new("down")}
	sent := models.AlertEvent{Status: models.AlertSent, NotificationSentAt: &now}
	asleep := models.AlertEvent{Status: models.AlertPending, SnoozedUntil: new(now.Add(1))}
	got := []any{
		fresh.OpenStatus(), refused.OpenStatus(), sent.OpenStatus(),
		fresh.DueAt(now), refused.DueAt(now), sent.DueAt(now), asleep.DueAt(now), asleep.DueAt(now.Add(1)),
	}
	want := []any{models.AlertPending, models.AlertFailed, models.AlertSent, true, false, false, false, true}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	for _, word := range models.AlertStatus("").Values() {
		s := models.AlertStatus(word)
		if s.Open() == (s == models.AlertAcknowledged || s == models.AlertResolved) {
			t.Errorf("%s: open %v", s, s.Open())
		}
	}
}
