package store_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/shopspring/decimal"
	"pgregory.net/rapid"

	"upstream/internal/factory"
	"upstream/models"
	"upstream/store"
)

// randomRule draws a rule out of few values, so that it often matches.
func randomRule(t *rapid.T, name string) models.NewAlertRule {
	metric := models.AlertMetric(rapid.SampledFrom(models.AlertMetric("").Values()).Draw(t, "metric"))
	rule := models.NewAlertRule{
		Name: name, Metric: &metric, ThresholdType: new(models.ThresholdType(rapid.SampledFrom(models.ThresholdType("").Values()).Draw(t, "comparison"))),
		ThresholdValue:  new(rapid.SampledFrom([]float64{0, 0.3, 0.6, 1}).Draw(t, "threshold")),
		Enabled:         new(rapid.IntRange(0, 3).Draw(t, "enabled") > 0),
		RoutingPriority: rapid.IntRange(-1, 1).Draw(t, "priority"),
	}
	if rapid.Bool().Draw(t, "by payer") {
		rule.Scope.Payer = new(rapid.SampledFrom([]string{"Aetna", "Cigna"}).Draw(t, "payer"))
	}
	if rapid.Bool().Draw(t, "by group") {
		rule.Scope.CPTGroup = new(rapid.SampledFrom([]string{"E&M", "SURGERY"}).Draw(t, "group"))
	}
	if metric == models.MetricSeverity && rapid.Bool().Draw(t, "by type") {
		rule.Scope.DriftType = new(rapid.SampledFrom([]models.DriftType{models.DriftDenialRate, models.DriftDecisionTime}).Draw(t, "type"))
	}
	if rapid.Bool().Draw(t, "by direction") {
		rule.Scope.TrendDirection = new(rapid.SampledFrom([]models.TrendDirection{models.TrendDegrading, models.TrendImproving}).Draw(t, "direction"))
	}
	if metric == models.MetricDenialRateDelta && rule.Scope.TrendDirection == nil && rapid.Bool().Draw(t, "by impact") {
		rule.Scope.MinRevenueImpact = new(decimal.NewFromInt(500))
	}
	return rule
}

func randomEvent(t *rapid.T, a *alarm) *models.DriftEvent {
	kind := rapid.SampledFrom([]models.DriftType{models.DriftDenialRate, models.DriftDecisionTime, models.DriftPaymentAmount}).Draw(t, "type")
	return a.event(rapid.SampledFrom([]string{"Aetna", "Cigna", "aetna"}).Draw(t, "payer"), func(e *models.DriftEvent) {
		e.CPTGroup = rapid.SampledFrom([]string{"E&M", "SURGERY"}).Draw(t, "group")
		e.DriftType, e.Severity = kind, rapid.SampledFrom([]float64{0, 0.3, 0.6, 1}).Draw(t, "severity")
		e.DeltaValue = rapid.SampledFrom([]float64{-1, -0.3, 0, 0.3, 0.6}).Draw(t, "delta")
		if e.DeltaValue < 0 {
			e.TrendDirection = models.TrendImproving
		} else if rapid.Bool().Draw(t, "estimated") {
			e.EstimatedRevenueImpact = new(decimal.NewFromInt(int64(rapid.SampledFrom([]int{499, 500, 501}).Draw(t, "impact"))))
		}
		e.SignalKey = strings.Join([]string{e.Payer, e.CPTGroup, string(e.DriftType), string(e.TrendDirection)}, "|")
	})
}

// fires is what a rule fires on, said as plainly as can be.
func fires(r *models.AlertRule, e *models.DriftEvent) bool {
	if s := r.Scope; s.Payer != nil && *s.Payer != e.Payer || s.CPTGroup != nil && *s.CPTGroup != e.CPTGroup ||
		s.DriftType != nil && *s.DriftType != e.DriftType || s.TrendDirection != nil && *s.TrendDirection != e.TrendDirection {
		return false
	}
	if least := r.Scope.MinRevenueImpact; least != nil && (e.EstimatedRevenueImpact == nil || e.EstimatedRevenueImpact.LessThan(*least)) {
		return false
	}
	value := e.Severity
	switch {
	case !r.Enabled:
		return false
	case r.Metric == models.MetricSeverity:
	case r.Metric == models.MetricDenialRateDelta && e.DriftType == models.DriftDenialRate,
		r.Metric == models.MetricDecisionTimeDelta && e.DriftType == models.DriftDecisionTime:
		value = e.DeltaValue
	default:
		return false
	}
	switch r.ThresholdType {
	case models.ThresholdGT:
		return value > r.ThresholdValue
	case models.ThresholdGTE:
		return value >= r.ThresholdValue
	case models.ThresholdLT:
		return value < r.ThresholdValue
	case models.ThresholdLTE:
		return value <= r.ThresholdValue
	default:
		return value == r.ThresholdValue
	}
}

// Whatever the rules and events are: there is one alert for each pair of a rule
// and a signal that the rule fires on, a job for each, and a second run over the
// same window adds none.
func TestEvaluate_EqualsTheReference(t *testing.T) {
	t.Parallel()
	w := factory.New(t)
	n := 0
	rapid.Check(t, func(r *rapid.T) {
		n++
		rules := make([]models.NewAlertRule, rapid.IntRange(1, 6).Draw(r, "rules"))
		for i := range rules {
			rules[i] = randomRule(r, fmt.Sprintf("Rule %d", i))
		}
		a := alarmAt(t, w, fmt.Sprintf("clinic-%d", n), rules...)
		events, seen := []*models.DriftEvent{}, map[string]bool{}
		for range rapid.IntRange(0, 8).Draw(r, "events") {
			if e := randomEvent(r, a); !seen[e.Payer+e.CPTGroup+string(e.DriftType)] {
				seen[e.Payer+e.CPTGroup+string(e.DriftType)] = true
				events = append(events, e)
			}
		}
		stored := must(a.s.AlertRules(t.Context(), a.v, models.AlertRuleFilter{}, everyRow[models.AlertRuleOrderField]()))(r).Items
		run := a.run(t, 0, events)
		want := []string{}
		for _, rule := range stored {
			for _, e := range events {
				if fires(rule, e) {
					want = append(want, rule.Name+" "+e.SignalKey)
				}
			}
		}
		got := []string{}
		for _, alert := range a.alerts(t, models.AlertEventFilter{}) {
			got = append(got, alert.Payload.RuleName+" "+alert.SignalKey)
			equal(r, "jobs", 1, a.jobsOf(t, alert))
			equal(r, "audited", 1, a.audited(t, alert, "alert_event_created"))
		}
		slices.Sort(want)
		slices.Sort(got)
		equal(r, "alerts", want, got)

		again := make([]models.DriftEvent, len(events))
		for i, e := range events {
			again[i] = *e
		}
		if err := store.EvaluateAlerts(t.Context(), a.s, a.System(), run, again); err != nil {
			r.Fatal(err)
		}
		equal(r, "alerts after another run over the window", len(want), len(a.alerts(t, models.AlertEventFilter{})))
	})
}

// Runs at once over one window make the alerts of one.
func TestEvaluate_RunsAtOnce(t *testing.T) {
	t.Parallel()
	w := factory.New(t)
	cedar, _, _ := watched(w, "cedar")
	cedar.Drifting()
	var group sync.WaitGroup
	errs := make([]error, 4)
	for i := range errs {
		group.Go(func() { _, errs[i] = w.Store.DetectDrift(t.Context(), cedar.System(), models.DetectInput{}) })
	}
	group.Wait()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
	alerts := must(w.Store.AlertEvents(t.Context(), cedar.System(), models.AlertEventFilter{}, everyRow[models.AlertEventOrderField]()))(t).Items
	equal(t, "alerts", 1, len(alerts))
	equal(t, "jobs", 1, factory.Query[int](cedar, `SELECT count(*) FROM river.river_job WHERE kind = 'notify_alert'`))
}

// A run that comes to nothing leaves no alert and no job.
func TestEvaluate_NothingOfARunThatFails(t *testing.T) {
	t.Parallel()
	w := factory.New(t)
	cedar, _, _ := watched(w, "cedar")
	cedar.Drifting()
	err := asOwner(w, cedar, `CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
		IF NEW.status = 'success' THEN RAISE 'no'; END IF; RETURN NEW; END $$`)
	if err == nil {
		err = asOwner(w, cedar, `CREATE TRIGGER refuse BEFORE UPDATE ON report_runs FOR EACH ROW EXECUTE FUNCTION refuse()`)
	}
	if err != nil {
		t.Fatal(err)
	}
	_, err = w.Store.DetectDrift(t.Context(), cedar.System(), models.DetectInput{})
	wantCode(t, err, models.CodeInternal)
	equal(t, "alerts", 0, factory.Query[int](cedar, `SELECT count(*) FROM alert_events`))
	equal(t, "jobs", 0, factory.Query[int](cedar, `SELECT count(*) FROM river.river_job WHERE kind = 'notify_alert'`))
}

// How many statements an evaluation takes depends neither on the rules nor on
// the events nor on the alerts that it makes and resolves.
func TestEvaluate_NumberOfStatements(t *testing.T) {
	t.Parallel()
	w := factory.New(t)
	tracer := traced(w)
	count := func(rules, payers int) int {
		var made []models.NewAlertRule
		for i := range rules {
			made = append(made, models.NewAlertRule{Name: fmt.Sprintf("Rule %d", i), ThresholdValue: new(0.0)})
		}
		a := alarmAt(t, w, fmt.Sprintf("clinic-%d-%d", rules, payers), made...)
		var names []string
		events := func() (events []*models.DriftEvent) {
			names = nil
			for i := range payers {
				names = append(names, fmt.Sprintf("Payer %d", i))
				events = append(events, a.event(names[i]))
			}
			return events
		}
		a.run(t, 0, events())
		a.run(t, 7, nil, names...)
		run := a.RunRow(func(r *models.ReportRun) {
			r.AsOf = r.AsOf.AddDays(14)
			r.BaselineStart, r.BaselineEnd, r.CurrentStart, r.CurrentEnd = r.AsOf.AddDays(-104), r.AsOf.AddDays(-14), r.AsOf.AddDays(-14), r.AsOf
		})
		a.Insert(run)
		found := []models.DriftEvent{}
		for _, e := range events() {
			e.ReportRunID, e.CPTGroup = run.ID, "SURGERY"
			e.SignalKey += "|later"
			a.Insert(e, a.TestRow(run.ID, e.Payer))
			found = append(found, *e)
		}
		tracer.take()
		if err := store.EvaluateAlerts(t.Context(), w.Store, a.System(), run, found); err != nil {
			t.Fatal(err)
		}
		n := len(tracer.take())
		equal(t, "resolved", rules*payers, len(a.alerts(t, models.AlertEventFilter{Status: new(models.AlertResolved)})))
		equal(t, "alerts", 2*rules*payers, len(a.alerts(t, models.AlertEventFilter{})))
		return n
	}
	count(2, 1) // a connection that is new has more to say
	few, many := count(1, 1), count(7, 9)
	equal(t, "statements", few, many)
	if few < 10 || few > 30 {
		t.Errorf("%d statements", few)
	}
}

func TestAutoResolve(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		later func(*testing.T, *alarm)
		want  models.AlertStatus
	}{
		"missed twice": {func(t *testing.T, a *alarm) {
			a.run(t, 7, nil, "Aetna")
			a.run(t, 14, nil, "Aetna")
		}, models.AlertResolved},
		"missed once": {func(t *testing.T, a *alarm) { a.run(t, 7, nil, "Aetna") }, models.AlertPending},
		"missed twice on one day": {func(t *testing.T, a *alarm) {
			a.run(t, 7, nil, "Aetna")
			a.run(t, 7, nil, "Aetna")
		}, models.AlertPending},
		"missed for its own day": {func(t *testing.T, a *alarm) {
			a.run(t, 0, nil, "Aetna")
			a.run(t, 7, nil, "Aetna")
		}, models.AlertPending},
		"missed for earlier days": {func(t *testing.T, a *alarm) {
			a.run(t, -14, nil, "Aetna")
			a.run(t, -7, nil, "Aetna")
		}, models.AlertPending},
		"not looked for in between": {func(t *testing.T, a *alarm) {
			a.run(t, 7, nil, "Aetna")
			a.run(t, 14, nil, "Cigna")
			a.run(t, 21, nil, "Aetna")
		}, models.AlertResolved},
		"never looked for": {func(t *testing.T, a *alarm) {
			a.run(t, 7, nil)
			a.run(t, 14, nil)
		}, models.AlertPending},
		"seen in between": {func(t *testing.T, a *alarm) {
			a.run(t, 7, nil, "Aetna")
			a.run(t, 14, []*models.DriftEvent{a.event("Aetna")})
			a.run(t, 21, nil, "Aetna")
		}, models.AlertPending},
		"in the other direction": {func(t *testing.T, a *alarm) {
			for _, days := range []int{7, 14} {
				a.run(t, days, []*models.DriftEvent{a.event("Aetna", func(e *models.DriftEvent) { e.TrendDirection = models.TrendImproving })})
			}
		}, models.AlertResolved},
		"by another method": {func(t *testing.T, a *alarm) {
			for _, days := range []int{7, 14} {
				run := a.RunRow(func(r *models.ReportRun) {
					r.Method, r.AsOf = models.MethodThreshold, r.AsOf.AddDays(days)
					r.BaselineStart, r.BaselineEnd, r.CurrentStart, r.CurrentEnd = r.AsOf.AddDays(-104), r.AsOf.AddDays(-14), r.AsOf.AddDays(-14), r.AsOf
				})
				a.Insert(run, a.TestRow(run.ID, "Aetna"))
				if err := store.EvaluateAlerts(t.Context(), a.s, a.System(), run, nil); err != nil {
					t.Fatal(err)
				}
			}
		}, models.AlertPending},
		"never, as the customer wishes": {func(t *testing.T, a *alarm) {
			patch := models.CustomerPatch{AlertAutoResolveRuns: models.To(0)}
			must(a.s.UpdateCustomer(t.Context(), a.v, models.Update[models.CustomerID, models.CustomerPatch]{ID: a.Customer.ID, Patch: patch}))(t)
			a.run(t, 7, nil, "Aetna")
			a.run(t, 14, nil, "Aetna")
		}, models.AlertPending},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := newAlarm(t)
			first := a.run(t, 0, []*models.DriftEvent{a.event("Aetna")})
			alert := a.alerts(t, models.AlertEventFilter{ReportRun: &first.ID})[0]
			tt.later(t, a)
			after := a.again(t, alert)
			equal(t, "status", tt.want, after.Status)
			if tt.want != models.AlertResolved {
				return
			}
			equal(t, "resolution", models.ResolvedAutomatically, *after.Resolution)
			equal(t, "history", []models.AlertAction{models.ActionAutoResolve}, a.history(t, alert))
			equal(t, "audited", 1, a.audited(t, alert, "alert_event_resolved"))
			equal(t, "version", int64(2), after.Version)
		})
	}
}

func TestPreviewAlertRule(t *testing.T) {
	t.Parallel()
	a := newAlarm(t, models.NewAlertRule{Name: "Never", Metric: new(models.MetricDecisionTimeDelta), ThresholdValue: new(90.0)})
	equal(t, "without runs", 0, len(must(a.s.PreviewAlertRule(t.Context(), a.v, models.AlertRulePreview{}))(t).Runs))
	for days := range 7 {
		a.clock.pass(time.Hour)
		a.run(t, days, []*models.DriftEvent{a.event("Aetna"), a.event("Cigna", func(e *models.DriftEvent) { e.Severity = 0.1 })})
	}
	in := models.AlertRulePreview{Rule: models.NewAlertRule{ThresholdValue: new(0.5)}}
	preview := must(a.s.PreviewAlertRule(t.Context(), a.v, in))(t)
	equal(t, "runs and events", []int{5, 10}, []int{len(preview.Runs), preview.EventCount})
	equal(t, "matches and suppressed", []int{5, 4}, []int{len(preview.Matches), preview.SuppressedCount})
	for i, match := range preview.Matches {
		equal(t, "payer and value", []any{"Aetna", 0.6}, []any{match.Event.Payer, match.Value})
		equal(t, "run of the match", preview.Runs[i].ID, match.Event.ReportRunID)
		// Runs are an hour apart: the oldest is told of, and keeps the others quiet.
		equal(t, "suppressed", i < 4, match.Suppression != nil)
	}
	equal(t, "alerts stored", 0, len(a.alerts(t, models.AlertEventFilter{})))
	in.Runs = new(20)
	equal(t, "all runs", 7, len(must(a.s.PreviewAlertRule(t.Context(), a.v, in))(t).Runs))
	in.Runs, in.Rule.ThresholdValue = new(21), new(2.0)
	_, err := a.s.PreviewAlertRule(t.Context(), a.v, in)
	equal(t, "fields", []string{"threshold_value:invalid", "runs:invalid"}, fieldPaths(wantCode(t, err, models.CodeValidation)))
}

// What a preview says is what a run then does.
func TestPreviewAlertRule_AgreesWithRuns(t *testing.T) {
	t.Parallel()
	w := factory.New(t)
	n := 0
	rapid.Check(t, func(r *rapid.T) {
		n++
		rule := randomRule(r, "The rule")
		rule.Enabled = nil
		a := alarmAt(t, w, fmt.Sprintf("clinic-%d", n), rule)
		events, seen := []*models.DriftEvent{}, map[string]bool{}
		for range rapid.IntRange(0, 6).Draw(r, "events") {
			if e := randomEvent(r, a); !seen[e.Payer+e.CPTGroup+string(e.DriftType)] {
				seen[e.Payer+e.CPTGroup+string(e.DriftType)] = true
				events = append(events, e)
			}
		}
		a.run(t, 0, events)
		preview := must(a.s.PreviewAlertRule(t.Context(), a.v, models.AlertRulePreview{Rule: rule}))(r)
		want, got := []string{}, []string{}
		for _, match := range preview.Matches {
			want = append(want, match.Event.ID.String())
		}
		for _, alert := range a.alerts(t, models.AlertEventFilter{}) {
			got = append(got, alert.DriftEventID.String())
		}
		slices.Sort(want)
		slices.Sort(got)
		equal(r, "alerts", want, got)
	})
}
