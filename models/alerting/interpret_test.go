package alerting_test

import (
	"math"
	"slices"
	"strings"
	"testing"
	"unicode"

	"pgregory.net/rapid"

	"upstream/models"
	"upstream/models/alerting"
)

func TestUrgencyOf(t *testing.T) {
	t.Parallel()
	const (
		rate, time, amount = models.DriftDenialRate, models.DriftDecisionTime, models.DriftPaymentAmount
		high, medium, low  = alerting.UrgencyHigh, alerting.UrgencyMedium, alerting.UrgencyLow
	)
	a, b := 0.25, 0.15
	for name, tt := range map[string]struct {
		kind            models.DriftType
		severity, delta *float64
		want            alerting.Urgency
		noise           bool
	}{
		"severe":                      {rate, new(0.7), new(0.0), high, false},
		"ten points":                  {rate, new(0.1), new(0.10), high, false},
		"ten points, rounded":         {rate, new(0.1), new(a - b), high, false},
		"ten points down":             {rate, new(0.1), new(-0.10), high, false},
		"middling":                    {rate, new(0.4), new(0.0), medium, false},
		"five points":                 {rate, new(0.1), new(0.05), medium, false},
		"little":                      {rate, new(0.3), new(0.04), low, false},
		"next to nothing":             {rate, new(0.29), new(0.04), low, true},
		"four days":                   {time, new(0.35), new(4.0), low, false},
		"two days":                    {time, new(0.2), new(2.0), low, true},
		"twenty days":                 {time, new(1.0), new(20.0), high, false},
		"a hundred dollars":           {amount, new(0.2), new(-100.0), low, true},
		"dear":                        {amount, new(0.5), new(-1.0), medium, false},
		"a delay":                     {models.DriftProcessingDelay, new(0.1), new(9.0), low, true},
		"approvals":                   {models.DriftApprovalRate, new(0.1), new(-0.2), high, false},
		"authorizations":              {models.DriftAuthFailureRate, new(0.1), new(0.06), medium, false},
		"no severity":                 {rate, nil, new(0.0), medium, false},
		"no severity, a large change": {rate, nil, new(0.2), high, false},
		"no delta":                    {rate, new(0.1), nil, low, true},
		"nothing known":               {rate, nil, nil, medium, false},
	} {
		if got := alerting.UrgencyOf(tt.kind, tt.severity, tt.delta); got != tt.want {
			t.Errorf("%s: %s, want %s", name, got, tt.want)
		}
		if got := alerting.LikelyNoise(tt.kind, tt.severity, tt.delta); got != tt.noise {
			t.Errorf("%s: noise %v", name, got)
		}
	}
}

func payload(change ...func(*models.DriftEvent)) *models.AlertPayload {
	r, e := rule(), denials(change...)
	return &(alerting.Match{Rule: &r, Event: &e, Value: e.Severity}.Alert(alertID(1), noon).Payload)
}

func changed(kind models.DriftType, group string, was, is float64) func(*models.DriftEvent) {
	return func(e *models.DriftEvent) {
		e.DriftType, e.CPTGroup, e.BaselineValue, e.CurrentValue, e.DeltaValue = kind, group, was, is, is-was
	}
}

func TestExplain(t *testing.T) {
	t.Parallel()
	for want, change := range map[string]func(*models.DriftEvent){
		"Aetna denied 25.0% of SURGERY claims, up 15.0 points from 10.0% before.":                                         changed(models.DriftDenialRate, "SURGERY", 0.10, 0.25),
		"Aetna denied 5.0% of claims, down 5.0 points from 10.0% before.":                                                 changed(models.DriftDenialRate, "ALL", 0.10, 0.05),
		"Aetna paid 80.0% of claims, down 10.0 points from 90.0% before.":                                                 changed(models.DriftApprovalRate, "ALL", 0.9, 0.8),
		"Aetna denied 30.0% of MRI claims that needed an authorization for want of it, up 20.0 points from 10.0% before.": changed(models.DriftAuthFailureRate, "MRI", 0.1, 0.3),
		"Aetna took 21 days to decide on half of its claims, 6 days longer than 15 days before.":                          changed(models.DriftDecisionTime, "ALL", 15, 21),
		"Aetna took 1 day to decide on half of its claims, 2.5 days less than 3.5 days before.":                           changed(models.DriftDecisionTime, "ALL", 3.5, 1),
		"Aetna took 40 days to pay half of its EM claims, 10 days longer than 30 days before.":                            changed(models.DriftProcessingDelay, "EM", 30, 40),
		"Aetna allowed $90.45 for each of the EM claims it paid, $22.67 less than $113.12 before.":                        changed(models.DriftPaymentAmount, "EM", 113.12, 90.45),
		"Aetna allowed $1000.00 for each of the claims it paid, $0.50 more than $999.50 before.":                          changed(models.DriftPaymentAmount, "ALL", 999.5, 1000),
	} {
		if got := alerting.Explain(payload(change)); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

func TestFormat(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		kind         models.DriftType
		number       float64
		value, delta string
	}{
		{models.DriftDenialRate, 0.15, "15.0%", "+15.0 points"},
		{models.DriftDenialRate, -0.0001, "0.0%", "-0.0 points"},
		{models.DriftDecisionTime, -3, "-3 days", "-3 days"},
		{models.DriftDecisionTime, 1, "1 day", "+1 day"},
		{models.DriftPaymentAmount, -22.666, "-$22.67", "-$22.67"},
		{models.DriftPaymentAmount, math.Inf(1), "unknown", "unknown"},
		{models.DriftDenialRate, math.NaN(), "unknown", "unknown"},
	} {
		if got := alerting.FormatValue(tt.kind, tt.number); got != tt.value {
			t.Errorf("value %v of %s: %q, want %q", tt.number, tt.kind, got, tt.value)
		}
		if got := alerting.FormatDelta(tt.kind, tt.number); got != tt.delta {
			t.Errorf("delta %v of %s: %q, want %q", tt.number, tt.kind, got, tt.delta)
		}
	}
}

func TestInterpret(t *testing.T) {
	t.Parallel()
	got := alerting.Interpret(payload(), models.BadgeConfirmed)
	want := "Aetna denied 25.0% of SURGERY claims, up 15.0 points from 10.0% before. This cost the clinic about $750.00 from 2026-02-16 to 2026-03-01."
	if got.PlainLanguage != want {
		t.Errorf("%q, want %q", got.PlainLanguage, want)
	}
	if got.Urgency != alerting.UrgencyHigh || got.Label != "Investigate today" || got.LikelyNoise ||
		got.HistoricalContext != "This is the first run that found it. Operators confirmed a similar alert." {
		t.Errorf("%+v", got)
	}
	slow := alerting.Interpret(payload(changed(models.DriftDecisionTime, "ALL", 10, 14), func(e *models.DriftEvent) {
		e.Severity, e.EstimatedRevenueImpact, e.ConsecutivePeriods = 0.4, nil, 3
	}), models.BadgeNone)
	if slow.Urgency != alerting.UrgencyMedium || !strings.HasSuffix(slow.PlainLanguage, " This hurts the clinic.") ||
		slow.HistoricalContext != "It was found 3 runs in a row. Nobody has judged a similar alert lately." {
		t.Errorf("%+v", slow)
	}
	unknown := alerting.Interpret(nil, models.BadgePending)
	if unknown.Urgency != alerting.UrgencyMedium || unknown.LikelyNoise || len(unknown.ActionSteps) != 4 || unknown.PlainLanguage == "" ||
		!strings.HasSuffix(unknown.HistoricalContext, "still being followed up.") {
		t.Errorf("%+v", unknown)
	}
}

// Five steps when it is urgent, else four, whatever the type and direction; and
// an improvement is not treated as a loss.
func TestInterpret_Steps(t *testing.T) {
	t.Parallel()
	for _, kind := range append(models.DriftType("").Values(), "A_NEW_TYPE") {
		for _, direction := range []models.TrendDirection{models.TrendDegrading, models.TrendImproving} {
			for severity, want := range map[float64]int{0.9: 5, 0.5: 4, 0.1: 4} {
				got := alerting.Interpret(payload(func(e *models.DriftEvent) {
					e.DriftType, e.TrendDirection, e.Severity, e.DeltaValue = models.DriftType(kind), direction, severity, 0.01
				}), models.BadgeNoise)
				if len(got.ActionSteps) != want {
					t.Errorf("%s, %s, %v: %d steps", kind, direction, severity, len(got.ActionSteps))
				}
				for i, step := range got.ActionSteps {
					if !unicode.IsUpper([]rune(step)[0]) || !strings.HasSuffix(step, ".") || slices.Contains(got.ActionSteps[:i], step) {
						t.Errorf("%s: step %q", kind, step)
					}
					if direction == models.TrendImproving && strings.Contains(step, "appeal") {
						t.Errorf("%s: an improvement is to be appealed", kind)
					}
				}
			}
		}
	}
}

// A larger change is never less urgent, and what is urgent is never noise.
func TestUrgencyOf_Grows(t *testing.T) {
	t.Parallel()
	rank := map[alerting.Urgency]int{alerting.UrgencyLow: 0, alerting.UrgencyMedium: 1, alerting.UrgencyHigh: 2}
	rapid.Check(t, func(t *rapid.T) {
		kind := models.DriftType(rapid.SampledFrom(models.DriftType("").Values()).Draw(t, "type"))
		s, d := rapid.Float64Range(0, 1).Draw(t, "severity"), rapid.Float64Range(-1, 1).Draw(t, "delta")
		more := rapid.Float64Range(s, 1).Draw(t, "more severe")
		a, b := alerting.UrgencyOf(kind, &s, &d), alerting.UrgencyOf(kind, &more, new(2*d))
		if rank[b] < rank[a] {
			t.Fatalf("%v, %v is %s; %v, %v is %s", s, d, a, more, 2*d, b)
		}
		if a != alerting.UrgencyLow && alerting.LikelyNoise(kind, &s, &d) {
			t.Fatalf("%s and noise", a)
		}
	})
}

func TestEvidenceOf(t *testing.T) {
	t.Parallel()
	related := []models.DriftEvent{denials(func(e *models.DriftEvent) { e.Payer = "Cigna" })}
	for range 25 {
		related = append(related, denials())
	}
	got := alerting.EvidenceOf(payload(), related)
	if len(got.Rows) != alerting.MaxEvidenceRows || got.Rows[0].Payer != "Aetna" || got.DateRange != "2026-02-16 to 2026-03-01" ||
		got.Explanation != alerting.Explain(got.Payload) {
		t.Errorf("%d rows, %q, %q", len(got.Rows), got.DateRange, got.Explanation)
	}
}
