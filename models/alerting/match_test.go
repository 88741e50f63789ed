package alerting_test

import (
	"encoding/json"
	"math"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"github.com/shopspring/decimal"
	"pgregory.net/rapid"

	"upstream/models"
	"upstream/models/alerting"
)

func TestFires_Threshold(t *testing.T) {
	t.Parallel()
	const (
		severity = models.MetricSeverity
		denial   = models.MetricDenialRateDelta
		decision = models.MetricDecisionTimeDelta
	)
	// Not constants: those would be computed exactly.
	fifteen, ten, five := 0.15, 0.10, 0.05
	slow := func(e *models.DriftEvent) { e.DriftType, e.DeltaValue = models.DriftDecisionTime, 4 }
	delta := func(v float64) func(*models.DriftEvent) { return func(e *models.DriftEvent) { e.DeltaValue = v } }
	for name, tt := range map[string]struct {
		rule  func(*models.AlertRule)
		event func(*models.DriftEvent)
		want  bool
	}{
		"severity reached":              {when(severity, models.ThresholdGTE, 0.3), delta(0), true},
		"severity not reached":          {when(severity, models.ThresholdGTE, 0.31), delta(9), false},
		"five points exactly, rounded":  {when(denial, models.ThresholdGTE, five), delta(fifteen - ten), true},
		"five points are not more":      {when(denial, models.ThresholdGT, fifteen-ten), delta(five), false},
		"five points are not less":      {when(denial, models.ThresholdLT, five), delta(fifteen - ten), false},
		"five points are at most five":  {when(denial, models.ThresholdLTE, fifteen-ten), delta(five), true},
		"five points equal five":        {when(denial, models.ThresholdEQ, five), delta(fifteen - ten), true},
		"a hair apart is not equal":     {when(denial, models.ThresholdEQ, five), delta(five + 1e-8), false},
		"more is more":                  {when(denial, models.ThresholdGT, five), delta(five + 1e-8), true},
		"less is less":                  {when(denial, models.ThresholdLT, five), delta(five - 1e-8), true},
		"an improvement is no increase": {when(denial, models.ThresholdGTE, 0.05), delta(-0.2), false},
		"an improvement, asked for":     {when(denial, models.ThresholdLTE, -0.05), delta(-0.2), true},
		"a small improvement":           {when(denial, models.ThresholdLTE, -0.05), delta(-0.01), false},
		"days":                          {when(decision, models.ThresholdGTE, 3), slow, true},
		"days are no denials":           {when(denial, models.ThresholdGTE, 0.05), slow, false},
		"denials are no days":           {when(decision, models.ThresholdLTE, 3), delta(0.2), false},
		// Its severity, 0.3, would meet the threshold.
		"another type is no severity": {when(denial, models.ThresholdGTE, 0.2), func(e *models.DriftEvent) { e.DriftType = models.DriftApprovalRate }, false},
		"no number":                   {when(denial, models.ThresholdGT, 0.2), delta(math.NaN()), false},
		"no number below":             {when(denial, models.ThresholdLTE, 0.2), delta(math.NaN()), false},
		"an unknown comparison":       {when(severity, "about", 0.3), delta(0), false},
		"an unknown metric":           {when("weather", models.ThresholdGTE, 0), delta(0), false},
	} {
		r, e := rule(tt.rule), denials(tt.event)
		if _, got := alerting.Fires(&r, &e); got != tt.want {
			t.Errorf("%s: fires %v, want %v", name, got, tt.want)
		}
	}
}

func TestFires_Scope(t *testing.T) {
	t.Parallel()
	usd := func(text string) *decimal.Decimal { return new(decimal.RequireFromString(text)) }
	noImpact := func(e *models.DriftEvent) { e.EstimatedRevenueImpact = nil }
	for name, tt := range map[string]struct {
		scope models.AlertScope
		event func(*models.DriftEvent)
		want  bool
	}{
		"none":                        {models.AlertScope{}, noImpact, true},
		"payer":                       {models.AlertScope{Payer: new("Aetna")}, noImpact, true},
		"payer in another case":       {models.AlertScope{Payer: new("AETNA")}, noImpact, false},
		"part of the payer":           {models.AlertScope{Payer: new("Aet")}, noImpact, false},
		"group":                       {models.AlertScope{CPTGroup: new("SURGERY")}, noImpact, true},
		"another group":               {models.AlertScope{CPTGroup: new("ALL")}, noImpact, false},
		"payer and another group":     {models.AlertScope{Payer: new("Aetna"), CPTGroup: new("IMAGING")}, noImpact, false},
		"type":                        {models.AlertScope{DriftType: new(models.DriftDenialRate)}, noImpact, true},
		"another type":                {models.AlertScope{DriftType: new(models.DriftDecisionTime)}, noImpact, false},
		"direction":                   {models.AlertScope{TrendDirection: new(models.TrendDegrading)}, noImpact, true},
		"another direction":           {models.AlertScope{TrendDirection: new(models.TrendImproving)}, noImpact, false},
		"impact reached":              {models.AlertScope{MinRevenueImpact: usd("750")}, nil, true},
		"impact missed":               {models.AlertScope{MinRevenueImpact: usd("750.01")}, nil, false},
		"impact unknown, however low": {models.AlertScope{MinRevenueImpact: usd("0")}, noImpact, false},
		"all at once": {models.AlertScope{
			Payer: new("Aetna"), CPTGroup: new("SURGERY"), DriftType: new(models.DriftDenialRate),
			TrendDirection: new(models.TrendDegrading), MinRevenueImpact: usd("1"),
		}, nil, true},
		"an empty payer is not no one": {models.AlertScope{Payer: new("")}, nil, false},
	} {
		r, e := rule(when(models.MetricSeverity, models.ThresholdGTE, 0)), denials()
		r.Scope = tt.scope
		if tt.event != nil {
			tt.event(&e)
		}
		if _, got := alerting.Fires(&r, &e); got != tt.want {
			t.Errorf("%s: fires %v, want %v", name, got, tt.want)
		}
	}
}

func TestEvaluate_Order(t *testing.T) {
	t.Parallel()
	named := func(name string, id byte, priority int, enabled bool) models.AlertRule {
		return rule(when(models.MetricSeverity, models.ThresholdGTE, 0), func(r *models.AlertRule) {
			r.Name, r.ID, r.RoutingPriority, r.Enabled = name, models.AlertRuleID{}.From(uuid.UUID{15: id}), priority, enabled
		})
	}
	rules := []models.AlertRule{
		named("second of the low", 5, -1, true), named("first of the low", 2, -1, true),
		named("off", 1, 9, false), named("high", 9, 3, true),
	}
	other := func(e *models.DriftEvent) { e.SignalKey, e.Payer = "other", "Cigna" }
	events := []models.DriftEvent{denials(other), denials(), denials(func(e *models.DriftEvent) { e.ID = models.DriftEventID{} })}
	var got []string
	for _, m := range alerting.Evaluate(rules, events) {
		got = append(got, m.Rule.Name+": "+m.Event.Payer)
	}
	want := []string{
		"high: Cigna", "high: Aetna", "first of the low: Cigna", "first of the low: Aetna", "second of the low: Cigna", "second of the low: Aetna",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("matches (-want +got):\n%s", diff)
	}
	if rules[0].Name != "second of the low" {
		t.Error("the caller's rules were sorted")
	}
}

// The order in which rules come does not matter, and each fires once per signal.
func TestEvaluate_IsASet(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		var rules []models.AlertRule
		for i := range rapid.IntRange(0, 6).Draw(t, "rules") {
			rules = append(rules, rule(
				when(models.MetricSeverity, models.ThresholdGTE, rapid.SampledFrom([]float64{0, 0.3, 0.5}).Draw(t, "threshold")),
				func(r *models.AlertRule) {
					r.ID = models.AlertRuleID{}.From(uuid.UUID{15: byte(i)})
					r.RoutingPriority = rapid.IntRange(-1, 1).Draw(t, "priority")
				}))
		}
		events := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) models.DriftEvent {
			return denials(func(e *models.DriftEvent) { e.SignalKey = rapid.SampledFrom([]string{"a", "b", "c"}).Draw(t, "key") })
		}), 0, 6).Draw(t, "events")
		first := alerting.Evaluate(rules, events)
		seen := map[string]bool{}
		for _, m := range first {
			key := m.Rule.ID.String() + m.Event.SignalKey
			if seen[key] || m.Rule.ThresholdValue > 0.4 {
				t.Fatalf("%s fired twice or in vain", key)
			}
			seen[key] = true
		}
		again := alerting.Evaluate(rapid.Permutation(rules).Draw(t, "shuffled"), events)
		ids := func(ms []alerting.Match) (out []string) {
			for _, m := range ms {
				out = append(out, m.Rule.ID.String()+m.Event.SignalKey)
			}
			return out
		}
		if diff := cmp.Diff(ids(first), ids(again)); diff != "" {
			t.Fatalf("another order of rules, other matches:\n%s", diff)
		}
	})
}

func TestMatch_Alert(t *testing.T) {
	t.Parallel()
	r := rule(when(models.MetricDenialRateDelta, models.ThresholdGTE, 0.05))
	events := []models.DriftEvent{denials()}
	matches := alerting.Evaluate([]models.AlertRule{r}, events)
	if len(matches) != 1 {
		t.Fatalf("%d matches", len(matches))
	}
	a := matches[0].Alert(alertID(7), noon)
	// What changes later does not change what the rule saw.
	matches[0].Rule.Name, events[0].CurrentValue = "Renamed", 0.9
	if a.Status != models.AlertPending || a.SignalKey != events[0].SignalKey || a.AlertRuleID != r.ID ||
		a.DriftEventID != events[0].ID || a.CustomerID != clinic || !a.DueAt(noon) {
		t.Errorf("%+v", a)
	}
	body, err := json.Marshal(a.Payload)
	if err != nil {
		t.Fatal(err)
	}
	var got map[string]any
	if err := json.Unmarshal(body, &got); err != nil {
		t.Fatal(err)
	}
	for key, want := range map[string]any{
		"signal_type": "DENIAL_RATE", "entity_label": "Aetna", "payer": "Aetna", "cpt_group": "SURGERY", "drift_type": "DENIAL_RATE",
		"baseline_value": 0.1, "current_value": 0.25, "delta_value": 0.15, "severity": 0.3, "rule_name": "Denials",
		"rule_threshold": 0.05, "rule_value": 0.15, "estimated_revenue_impact": "750", "current_end": "2026-03-02",
		"rule_metric": "denial_rate_delta", "trend_direction": "degrading",
	} {
		if got[key] != want {
			t.Errorf("%s is %v, want %v", key, got[key], want)
		}
	}
	var back models.AlertPayload
	if err := json.Unmarshal(body, &back); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(a.Payload, back, cmp.Comparer(func(a, b models.Date) bool { return a == b })); diff != "" {
		t.Errorf("the payload does not survive storage:\n%s", diff)
	}
}
