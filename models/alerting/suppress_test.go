package alerting_test

import (
	"testing"
	"time"

	"github.com/google/uuid"
	"pgregory.net/rapid"

	"upstream/models"
	"upstream/models/alerting"
)

// about is an alert about Aetna's denials, pending unless changed.
func about(id byte, change ...func(*models.AlertEvent)) *models.AlertEvent {
	a := &models.AlertEvent{
		ID: alertID(id), CustomerID: clinic, Payer: "Aetna", DriftType: models.DriftDenialRate, Status: models.AlertPending,
	}
	for _, f := range change {
		f(a)
	}
	return a
}

func sent(ago time.Duration) func(*models.AlertEvent) {
	return func(a *models.AlertEvent) {
		a.Status, a.NotificationSentAt = models.AlertSent, new(noon.Add(-ago))
	}
}

func suppressed(a *models.AlertEvent) { a.SuppressionReason = new(models.SuppressedCooldown) }

func ago(d time.Duration) *time.Time { return new(noon.Add(-d)) }

const day = 24 * time.Hour

func reason(r *models.SuppressionReason) models.SuppressionReason {
	if r == nil {
		return ""
	}
	return *r
}

func TestSuppression(t *testing.T) {
	t.Parallel()
	const cooldown, noise = models.SuppressedCooldown, models.SuppressedNoise
	otherPayer := func(a *models.AlertEvent) { a.Payer = "Cigna" }
	otherType := func(a *models.AlertEvent) { a.DriftType = models.DriftApprovalRate }
	otherCustomer := func(a *models.AlertEvent) { a.CustomerID = models.CustomerID{}.From(uuid.UUID{1}) }
	otherGroup := func(a *models.AlertEvent) { a.Payload.CPTGroup = "IMAGING" }
	status := func(s models.AlertStatus) func(*models.AlertEvent) {
		return func(a *models.AlertEvent) { a.Status = s }
	}
	judged := func(id byte, d time.Duration, change ...func(*models.AlertEvent)) alerting.Past {
		return alerting.Past{Alert: about(id, change...), NoiseAt: ago(d)}
	}
	past := func(id byte, change ...func(*models.AlertEvent)) alerting.Past {
		return alerting.Past{Alert: about(id, change...)}
	}
	for name, tt := range map[string]struct {
		past []alerting.Past
		want models.SuppressionReason
	}{
		"nothing before":              {nil, ""},
		"a message an hour ago":       {[]alerting.Past{past(2, sent(time.Hour))}, cooldown},
		"of another CPT group":        {[]alerting.Past{past(2, sent(time.Hour), otherGroup)}, cooldown},
		"exactly four hours ago":      {[]alerting.Past{past(2, sent(4*time.Hour))}, cooldown},
		"longer ago":                  {[]alerting.Past{past(2, sent(4*time.Hour+time.Second))}, ""},
		"by a clock ahead of ours":    {[]alerting.Past{past(2, sent(-time.Second))}, cooldown},
		"the alert itself":            {[]alerting.Past{past(1, sent(time.Hour))}, ""},
		"about another payer":         {[]alerting.Past{past(2, sent(time.Hour), otherPayer)}, ""},
		"about another type":          {[]alerting.Past{past(2, sent(time.Hour), otherType)}, ""},
		"of another customer":         {[]alerting.Past{past(2, sent(time.Hour), otherCustomer)}, ""},
		"suppressed itself":           {[]alerting.Past{past(2, sent(time.Hour), suppressed)}, ""},
		"acknowledged since":          {[]alerting.Past{past(2, sent(time.Hour), status(models.AlertAcknowledged))}, ""},
		"never sent":                  {[]alerting.Past{past(2), past(3, status(models.AlertFailed))}, ""},
		"one noise verdict":           {[]alerting.Past{judged(2, time.Hour)}, ""},
		"two noise verdicts":          {[]alerting.Past{judged(2, time.Hour), judged(3, 29*day)}, noise},
		"two on the same alert":       {[]alerting.Past{judged(2, time.Hour), judged(2, 2*time.Hour)}, ""},
		"the second too long ago":     {[]alerting.Past{judged(2, time.Hour), judged(3, 30*day+time.Second)}, ""},
		"the second at the very edge": {[]alerting.Past{judged(2, time.Hour), judged(3, 30*day)}, noise},
		"the second elsewhere":        {[]alerting.Past{judged(2, time.Hour), judged(3, time.Hour, otherPayer)}, ""},
		"noise on itself and another": {[]alerting.Past{judged(1, time.Hour), judged(3, time.Hour)}, ""},
		"noise on what was resolved":  {[]alerting.Past{judged(2, 0, status(models.AlertResolved)), judged(3, 0, status(models.AlertResolved))}, noise},
		"real verdicts": {[]alerting.Past{
			{Alert: about(2, status(models.AlertAcknowledged)), RealAt: ago(0)}, {Alert: about(3), RealAt: ago(0)},
		}, ""},
		"both, the cooldown first": {[]alerting.Past{judged(2, 0), judged(3, 0), past(4, sent(0))}, cooldown},
	} {
		got := reason(alerting.Suppression(models.DefaultAlertSettings(), noon, about(1), tt.past))
		if got != tt.want {
			t.Errorf("%s: %q, want %q", name, got, tt.want)
		}
	}
}

func TestSuppression_Settings(t *testing.T) {
	t.Parallel()
	past := []alerting.Past{
		{Alert: about(2, sent(time.Minute)), NoiseAt: ago(5 * day)}, {Alert: about(3), NoiseAt: ago(9 * day)}, {Alert: about(4), NoiseAt: ago(9 * day)},
	}
	for name, tt := range map[string]struct {
		change func(*models.AlertSettings)
		want   models.SuppressionReason
	}{
		"defaults":             {func(*models.AlertSettings) {}, models.SuppressedCooldown},
		"no cooldown":          {func(s *models.AlertSettings) { s.CooldownMinutes = 0 }, models.SuppressedNoise},
		"neither":              {func(s *models.AlertSettings) { s.CooldownMinutes, s.NoiseThreshold = 0, 0 }, ""},
		"a shorter memory":     {func(s *models.AlertSettings) { s.CooldownMinutes, s.NoiseWindowDays = 0, 7 }, ""},
		"a threshold of one":   {func(s *models.AlertSettings) { s.CooldownMinutes, s.NoiseWindowDays, s.NoiseThreshold = 0, 7, 1 }, models.SuppressedNoise},
		"a threshold of four":  {func(s *models.AlertSettings) { s.CooldownMinutes, s.NoiseThreshold = 0, 4 }, ""},
		"a cooldown too short": {func(s *models.AlertSettings) { s.CooldownMinutes, s.NoiseThreshold = 1, 0 }, models.SuppressedCooldown},
	} {
		settings := models.DefaultAlertSettings()
		tt.change(&settings)
		if got := reason(alerting.Suppression(settings, noon, about(1), past)); got != tt.want {
			t.Errorf("%s: %q, want %q", name, got, tt.want)
		}
	}
}

// However many alerts arrive during a cooldown, it ends when it would have: what
// is suppressed does not count as sent.
func TestSuppression_DoesNotProlongItself(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		settings := models.DefaultAlertSettings()
		var past []alerting.Past
		now, lastSent := noon, time.Time{}
		for i, gap := range rapid.SliceOfN(rapid.IntRange(1, 180), 1, 30).Draw(t, "gaps in minutes") {
			now = now.Add(time.Duration(gap) * time.Minute)
			alert := about(byte(i + 1))
			why := alerting.Suppression(settings, now, alert, past)
			if due := lastSent.IsZero() || now.Sub(lastSent) > 4*time.Hour; due == (why != nil) {
				t.Fatalf("alert %d, %s after the last message: suppressed %q", i, now.Sub(lastSent), reason(why))
			}
			event := alerting.Event{Action: models.ActionSend, At: now}
			if why != nil {
				event = alerting.Event{Action: models.ActionSuppress, At: now, Reason: *why}
			} else {
				lastSent = now
			}
			after, _, err := event.Apply(*alert)
			if err != nil {
				t.Fatal(err)
			}
			past = append(past, alerting.Past{Alert: &after})
		}
	})
}

func TestHorizon(t *testing.T) {
	t.Parallel()
	if got := alerting.Horizon(models.DefaultAlertSettings()); got != 30*day {
		t.Errorf("%v", got)
	}
	if got := alerting.Horizon(models.AlertSettings{CooldownMinutes: 3 * 24 * 60, NoiseWindowDays: 1}); got != 3*day {
		t.Errorf("%v", got)
	}
}

func TestMemory(t *testing.T) {
	t.Parallel()
	noise := func(id byte, d time.Duration) alerting.Past {
		return alerting.Past{Alert: about(id), NoiseAt: ago(d)}
	}
	confirmed := alerting.Past{Alert: about(5), RealAt: ago(day)}
	pending := alerting.Past{Alert: about(6), FollowUpAt: ago(day)}
	elsewhere := alerting.Past{Alert: about(7, func(a *models.AlertEvent) { a.Payer = "Cigna" }), RealAt: ago(day)}
	for name, tt := range map[string]struct {
		past []alerting.Past
		want models.MemoryBadge
	}{
		"nothing":               {nil, models.BadgeNone},
		"elsewhere":             {[]alerting.Past{elsewhere}, models.BadgeNone},
		"itself":                {[]alerting.Past{{Alert: about(1), RealAt: ago(day)}}, models.BadgeNone},
		"one noise":             {[]alerting.Past{noise(2, day)}, models.BadgeNone},
		"two noise":             {[]alerting.Past{noise(2, day), noise(3, 60*day), confirmed}, models.BadgeNoise},
		"the second forgotten":  {[]alerting.Past{noise(2, day), noise(3, 61*day)}, models.BadgeNone},
		"confirmed":             {[]alerting.Past{noise(2, day), pending, confirmed}, models.BadgeConfirmed},
		"still to be looked at": {[]alerting.Past{noise(2, day), pending}, models.BadgePending},
	} {
		if got := alerting.Memory(models.DefaultAlertSettings(), noon, about(1), tt.past); got != tt.want {
			t.Errorf("%s: %s, want %s", name, got, tt.want)
		}
	}
}

func TestGone(t *testing.T) {
	t.Parallel()
	const s, m, u = alerting.Seen, alerting.Missed, alerting.Untested
	for name, tt := range map[string]struct {
		runs  int
		later []alerting.Sighting
		want  bool
	}{
		"no later run":              {2, nil, false},
		"one run":                   {2, []alerting.Sighting{m}, false},
		"two runs":                  {2, []alerting.Sighting{m, m}, true},
		"seen between":              {2, []alerting.Sighting{m, s, m}, false},
		"seen before":               {2, []alerting.Sighting{m, m, s}, true},
		"seen last":                 {2, []alerting.Sighting{s, m, m}, false},
		"nobody looked":             {2, []alerting.Sighting{u, u, u}, false},
		"nobody looked in between":  {2, []alerting.Sighting{m, u, u, m}, true},
		"one is enough":             {1, []alerting.Sighting{m}, true},
		"never":                     {0, []alerting.Sighting{m, m, m, m}, false},
		"never, without a run":      {0, nil, false},
		"a run that looked, unseen": {1, []alerting.Sighting{u, s, m}, false},
	} {
		if got := alerting.Gone(models.AlertSettings{AutoResolveRuns: tt.runs}, tt.later); got != tt.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}
