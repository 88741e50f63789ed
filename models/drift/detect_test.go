package drift

import (
	"database/sql"
	"encoding/json"
	"fmt"
	"math"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"upstream/models"
)

func firstSignals() []models.DriftType {
	return []models.DriftType{models.DriftDenialRate, models.DriftDecisionTime}
}

func everySignal() []models.DriftType {
	var all []models.DriftType
	for _, s := range allSignals() {
		all = append(all, s.kind)
	}
	return all
}

func detect(t testing.TB, p models.DetectParams, signals []models.DriftType, r *rows) Result {
	t.Helper()
	result, err := Detect(Input{Params: p, Signals: signals, Segments: r.segments(t, p)})
	if err != nil {
		t.Fatal(err)
	}
	return result
}

func only(t testing.TB, r Result) Finding {
	t.Helper()
	if len(r.Findings) != 1 {
		t.Fatalf("%d findings, want one: %+v", len(r.Findings), r.Findings)
	}
	return r.Findings[0]
}

// The worked example of the weekly rules: 10/100 against 10/40.
func TestThresholdWorkedExample(t *testing.T) {
	t.Parallel()
	var r rows
	r.rate("Acme", "EVAL", Proportion{10, 100}, Proportion{10, 40})
	f := only(t, detect(t, thresholdParams(), firstSignals(), &r))
	e := f.Event
	if e == nil {
		t.Fatal("no event")
	}
	near(t, "baseline", e.BaselineValue, 0.10, 12)
	near(t, "current", e.CurrentValue, 0.25, 12)
	near(t, "delta", e.DeltaValue, 0.15, 12)
	near(t, "severity", e.Severity, 0.30, 12)
	near(t, "confidence", e.Confidence, 1, 12)
	if e.TestMethod != models.TestThreshold || e.StatisticalSignificance != nil || e.QValue != nil || e.EffectCILow != nil {
		t.Errorf("a fixed rule has no test: %+v", e)
	}
	if f.Test.Statistic != nil || f.Test.PValue != nil || f.Test.Dispersion != nil || f.Test.MinDetectableDelta != nil ||
		!f.Test.Practical || f.Test.Significant {
		t.Errorf("test = %+v", f.Test)
	}
	if e.TrendDirection != models.TrendDegrading || e.SeverityLabel() != models.SeverityLow {
		t.Errorf("direction %s, label %s", e.TrendDirection, e.SeverityLabel())
	}
}

func TestThresholdRules(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name       string
		base, cur  Proportion
		tested     bool
		event      bool
		confidence float64
	}{
		{"exactly five points, 0.15 - 0.10", Proportion{10, 100}, Proportion{15, 100}, true, true, 1},
		{"exactly five points, 7/20 - 6/20", Proportion{60, 200}, Proportion{70, 200}, true, true, 1},
		{"exactly five points down", Proportion{70, 200}, Proportion{60, 200}, true, true, 1},
		{"exactly five points, 0.10 - 0.05", Proportion{5, 100}, Proportion{10, 100}, true, true, 1},
		{"just under five points", Proportion{2000, 10000}, Proportion{2499, 10000}, true, false, 1},
		{"half as many again", Proportion{40, 1000}, Proportion{60, 1000}, true, true, 1},
		{"just under half as many again", Proportion{40, 1000}, Proportion{59, 1000}, true, false, 1},
		{"no baseline to be relative to", Proportion{0, 100}, Proportion{4, 100}, true, false, 1},
		{"volume just enough", Proportion{3, 30}, Proportion{12, 30}, true, true, 0.5},
		{"confidence grows with volume", Proportion{5, 50}, Proportion{16, 40}, true, true, 0.75},
		{"too few in the baseline", Proportion{3, 29}, Proportion{12, 30}, false, false, 0},
		{"too few now", Proportion{3, 300}, Proportion{12, 29}, false, false, 0},
		{"nothing in the baseline", Proportion{}, Proportion{12, 300}, false, false, 0},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			var r rows
			r.rate("Acme", "EVAL", tc.base, tc.cur)
			r.cell(Current, 0, "Acme", "EVAL", 0, 0).Other = 500 // decided neither way: not in the population
			result := detect(t, thresholdParams(), firstSignals(), &r)
			if result.GroupsConsidered != 1 {
				t.Errorf("%d groups considered", result.GroupsConsidered)
			}
			if (len(result.Findings) == 1) != tc.tested {
				t.Fatalf("findings %+v", result.Findings)
			}
			if !tc.tested {
				return
			}
			f := result.Findings[0]
			if (f.Event != nil) != tc.event || f.Test.Practical != tc.event {
				t.Fatalf("event %+v, practical %v", f.Event, f.Test.Practical)
			}
			if tc.event {
				near(t, "confidence", f.Event.Confidence, tc.confidence, 12)
			}
		})
	}
}

func TestDecisionTimeTriggers(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name      string
		base, cur Histogram
		event     bool
		delta     float64
		severity  float64
	}{
		{"three days", Histogram{10: 40}, Histogram{13: 40}, true, 3, 0.3},
		{"two and a half", Histogram{10: 40}, Histogram{12: 20, 13: 20}, false, 2.5, 0},
		{"half as long again", Histogram{2: 40}, Histogram{3: 40}, true, 1, 0.1},
		{"from nothing", Histogram{0: 40}, Histogram{2: 40}, false, 2, 0},
		{"faster", Histogram{30: 40}, Histogram{10: 40}, true, -20, 1},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			var r rows
			for days, n := range tc.base {
				r.took(Baseline, "Acme", "EVAL", days, n)
			}
			for days, n := range tc.cur {
				r.took(Current, "Acme", "EVAL", days, n)
			}
			for _, p := range []models.DetectParams{thresholdParams(), testParams()} {
				f := only(t, detect(t, p, firstSignals(), &r))
				near(t, "delta", f.Test.DeltaValue, tc.delta, 12)
				if (f.Event != nil) != tc.event {
					t.Fatalf("%s: event %+v", p.Method, f.Event)
				}
				if f.Event == nil {
					continue
				}
				near(t, "severity", f.Event.Severity, tc.severity, 12)
				if f.Event.EstimatedRevenueImpact != nil || f.Event.RateEffect != nil || f.Event.EffectCILow != nil {
					t.Errorf("a time has no impact, split or interval: %+v", f.Event)
				}
				wantDirection := models.TrendDegrading
				if tc.delta < 0 {
					wantDirection = models.TrendImproving
				}
				if f.Event.TrendDirection != wantDirection {
					t.Errorf("direction %s", f.Event.TrendDirection)
				}
			}
		})
	}
}

// The same numbers as the golden values, through the whole engine.
func TestDetectStatisticalDenialRate(t *testing.T) {
	t.Parallel()
	var r rows
	for week, w := range []Proportion{{5, 32}, {8, 27}, {3, 33}, {4, 29}, {9, 31}, {2, 35}, {6, 28}, {3, 30}} {
		r.cell(Baseline, week, "Acme", "EVAL", w.N-w.X, w.X)
	}
	c := r.cell(Current, 0, "Acme", "EVAL", 26, 14)
	c.Value = Amount{N: 38, Sum: usd("5700.57")}
	p := testParams()
	p.BaselineDays = 56
	segments := r.segments(t, p)
	f := only(t, mustDetect(t, Input{Params: p, Signals: firstSignals(), Segments: segments}))
	near(t, "phi", *f.Test.Dispersion, 1.838776, 6)
	near(t, "z", *f.Test.Statistic, 2.060598, 6)
	near(t, "p", *f.Test.PValue, 0.03934143, 8)
	if *f.Test.QValue != *f.Test.PValue || !f.Test.Significant || f.Test.Method != models.TestTwoProportionZ {
		t.Errorf("test = %+v", f.Test)
	}
	near(t, "power", PowerTwoProportionZ(Proportion{40, 245}, 40, *f.Test.Dispersion, 0.05, *f.Test.MinDetectableDelta), 0.8, 6)
	e := f.Event
	if e == nil {
		t.Fatal("no event")
	}
	near(t, "confidence", e.Confidence, 1-0.03934143, 8)
	near(t, "severity", e.Severity, 2*(0.35-40.0/245), 12)
	// One code: all of it is the payer's doing.
	near(t, "rate effect", *e.RateEffect, e.DeltaValue, 12)
	near(t, "mix effect", *e.MixEffect, 0, 12)
	// (14*245 - 40*40) / 245 denials more, at 5700.57 / 38 each: 1120.5202...
	if got := e.EstimatedRevenueImpact.String(); got != "1120.52" {
		t.Errorf("impact = %s", got)
	}
	if e.ConsecutivePeriods != 1 || e.SignalKey != "Acme|EVAL|DENIAL_RATE|degrading|2026-04-17/2026-05-01" {
		t.Errorf("periods %d, key %s", e.ConsecutivePeriods, e.SignalKey)
	}
	if e.BaselineStart.String() != "2026-02-20" || e.BaselineEnd != e.CurrentStart || e.CurrentEnd != p.AsOf {
		t.Errorf("windows %s %s %s %s", e.BaselineStart, e.BaselineEnd, e.CurrentStart, e.CurrentEnd)
	}
}

func mustDetect(t testing.TB, in Input) Result {
	t.Helper()
	result, err := Detect(in)
	if err != nil {
		t.Fatal(err)
	}
	return result
}

func TestDetectDropsThePartialWeek(t *testing.T) {
	t.Parallel()
	var r rows
	// Ninety days are twelve weeks and six days; the wild thirteenth bucket
	// must not count towards the dispersion.
	for week := range 12 {
		r.cell(Baseline, week, "Acme", "EVAL", 36, 4)
	}
	r.cell(Baseline, 12, "Acme", "EVAL", 0, 40)
	r.cell(Current, 0, "Acme", "EVAL", 40, 20)
	f := only(t, detect(t, testParams(), firstSignals(), &r))
	if *f.Test.Dispersion != 1 || f.Test.BaselineSampleSize != 520 {
		t.Errorf("dispersion %v over %d claims", *f.Test.Dispersion, f.Test.BaselineSampleSize)
	}
}

func TestDetectUsesFisherForSparseTables(t *testing.T) {
	t.Parallel()
	var r rows
	r.rate("Acme", "EVAL", Proportion{0, 50}, Proportion{6, 45})
	f := only(t, detect(t, testParams(), firstSignals(), &r))
	if f.Test.Method != models.TestFisherExact || f.Test.Statistic != nil {
		t.Fatalf("test = %+v", f.Test)
	}
	near(t, "p", *f.Test.PValue, 0.00937175, 8)
	near(t, "low", *f.Test.CILow, 0.032846, 6)
	near(t, "power", PowerFisherExact(Proportion{0, 50}, 45, 0.05, *f.Test.MinDetectableDelta), 0.8, 6)
	if f.Event == nil || f.Event.DeltaPercent() != nil {
		t.Errorf("event = %+v", f.Event)
	}
}

func TestDetectEdges(t *testing.T) {
	t.Parallel()
	var tied rows
	tied.took(Baseline, "Acme", "EVAL", 14, 400)
	tied.took(Current, "Acme", "EVAL", 14, 60)
	f := only(t, detect(t, testParams(), everySignal(), &tied))
	if *f.Test.PValue != 1 || f.Event != nil {
		t.Errorf("all tied: %+v", f)
	}

	var denied rows
	denied.rate("Acme", "EVAL", Proportion{400, 400}, Proportion{60, 60})
	f = only(t, detect(t, testParams(), []models.DriftType{models.DriftDenialRate}, &denied))
	if *f.Test.PValue != 1 || *f.Test.Dispersion != 1 || f.Test.MinDetectableDelta == nil || f.Event != nil {
		t.Errorf("all denied: %+v", f)
	}

	var other rows
	other.cell(Baseline, 0, "Acme", "EVAL", 0, 0).Other = 100
	other.cell(Current, 0, "Acme", "EVAL", 0, 0).Other = 100
	if r := detect(t, testParams(), firstSignals(), &other); len(r.Findings) != 0 || r.GroupsConsidered != 1 {
		t.Errorf("nothing paid or denied: %+v", r)
	}

	var day rows
	day.cell(Baseline, 0, "Acme", "EVAL", 180, 20)
	day.cell(Current, 0, "Acme", "EVAL", 120, 80)
	p := testParams()
	p.BaselineDays, p.CurrentDays = 1, 1
	f = only(t, detect(t, p, firstSignals(), &day))
	if f.Event == nil || *f.Test.Dispersion != 1 || f.Event.BaselineStart.String() != "2026-04-29" {
		t.Fatalf("one-day windows: %+v", f)
	}
	var e Evidence
	if err := json.Unmarshal(f.Event.Evidence, &e); err != nil {
		t.Fatal(err)
	}
	want := []WeekEvidence{{Start: e.Baseline.Start, End: e.Baseline.End, SampleSize: 200, Count: 20}}
	if diff := cmp.Diff(want, e.Baseline.Weeks, byValue()); diff != "" {
		t.Error(diff)
	}
}

func TestDetectGates(t *testing.T) {
	t.Parallel()
	var r rows
	r.rate("large and small", "A", Proportion{10000, 100000}, Proportion{2200, 20000})
	r.rate("practical only", "A", Proportion{4, 40}, Proportion{7, 40})
	r.rate("real", "A", Proportion{1000, 10000}, Proportion{400, 2000})
	gates := map[string][3]bool{}
	for _, f := range detect(t, testParams(), firstSignals(), &r).Findings {
		gates[f.Test.Payer] = [3]bool{f.Test.Practical, f.Test.Significant, f.Event != nil}
	}
	want := map[string][3]bool{
		"large and small": {false, true, false},
		"practical only":  {true, false, false},
		"real":            {true, true, true},
	}
	if diff := cmp.Diff(want, gates); diff != "" {
		t.Error(diff)
	}
}

func TestDetectCorrectsOverTheWholeRun(t *testing.T) {
	t.Parallel()
	var r rows
	r.rate("Acme", "EVAL", Proportion{10, 100}, Proportion{10, 40})
	alone := only(t, detect(t, testParams(), firstSignals(), &r))
	if alone.Event == nil {
		t.Fatal("p = 0.022 alone is an event")
	}
	for _, payer := range []string{"B", "C", "D", "E"} {
		r.rate(payer, "EVAL", Proportion{100, 1000}, Proportion{10, 100})
	}
	among := detect(t, testParams(), firstSignals(), &r)
	if len(among.Findings) != 5 || among.Findings[0].Event != nil {
		t.Fatalf("one of five at p = 0.022 is no event: %+v", among.Findings[0].Test)
	}
	near(t, "q", *among.Findings[0].Test.QValue, 5*0.02194677, 7)
}

func TestConsecutivePeriods(t *testing.T) {
	t.Parallel()
	var r rows
	r.rate("Acme", "EVAL", Proportion{100, 1000}, Proportion{80, 400})
	previous := func(change func(*models.DriftEvent)) []models.DriftEvent {
		e := models.DriftEvent{
			Payer: "Acme", CPTGroup: "EVAL", DriftType: models.DriftDenialRate,
			TrendDirection: models.TrendDegrading, ConsecutivePeriods: 3,
		}
		change(&e)
		return []models.DriftEvent{e}
	}
	for _, tc := range []struct {
		name     string
		previous []models.DriftEvent
		want     int
	}{
		{"first run", nil, 1},
		{"again", previous(func(*models.DriftEvent) {}), 4},
		{"other payer", previous(func(e *models.DriftEvent) { e.Payer = "acme" }), 1},
		{"other group", previous(func(e *models.DriftEvent) { e.CPTGroup = "ALL" }), 1},
		{"other type", previous(func(e *models.DriftEvent) { e.DriftType = models.DriftApprovalRate }), 1},
		{"other direction", previous(func(e *models.DriftEvent) { e.TrendDirection = models.TrendImproving }), 1},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			f := only(t, mustDetect(t, Input{
				Params: testParams(), Signals: firstSignals(),
				Segments: r.segments(t, testParams()), Previous: tc.previous,
			}))
			if f.Event.ConsecutivePeriods != tc.want {
				t.Errorf("%d periods, want %d", f.Event.ConsecutivePeriods, tc.want)
			}
		})
	}
}

func TestDetectRefusesBadInput(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		path  string
		spoil func(*Input)
	}{
		{"method", func(in *Input) { in.Params.Method = "guess" }},
		{"current_days", func(in *Input) { in.Params.CurrentDays = 0 }},
		{"baseline_days", func(in *Input) { in.Params.BaselineDays = -1 }},
		{"min_volume", func(in *Input) { in.Params.MinVolume = 0 }},
		{"alpha", func(in *Input) { in.Params.Alpha = math.NaN() }},
		{"alpha", func(in *Input) { in.Params.Alpha = 0 }},
		{"alpha", func(in *Input) { in.Params.Alpha = 0.51 }},
		{"signals", func(in *Input) { in.Signals = nil }},
		{"signals", func(in *Input) { in.Signals = []models.DriftType{"WEATHER"} }},
	} {
		in := Input{Params: testParams(), Signals: firstSignals()}
		tc.spoil(&in)
		_, err := Detect(in)
		e := models.AsError(err)
		if e.Code != models.CodeValidation || len(e.Fields) != 1 || e.Fields[0].Path != tc.path {
			t.Errorf("%s: %v", tc.path, err)
		}
	}
	if r, err := Detect(Input{Params: testParams(), Signals: firstSignals()}); err != nil || len(r.Findings) != 0 {
		t.Errorf("a run without claims: %+v, %v", r, err)
	}
}

func TestEventEvidence(t *testing.T) {
	t.Parallel()
	var r rows
	r.rate("Acme", "EVAL", Proportion{100, 1000}, Proportion{80, 400})
	r.took(Baseline, "Acme", "EVAL", 10, 1000)
	r.took(Current, "Acme", "EVAL", 10, 100)
	r.took(Current, "Acme", "EVAL", 19, 300)
	var upload models.UploadID
	identify(t, &upload, 1)
	result := mustDetect(t, Input{
		Params: testParams(), Signals: firstSignals(),
		Segments: r.segments(t, testParams()), Watermark: &upload,
	})
	if len(result.Findings) != 2 {
		t.Fatalf("%d findings", len(result.Findings))
	}
	var decision, denial Evidence
	for i, e := range []*Evidence{&decision, &denial} {
		if err := json.Unmarshal(result.Findings[i].Event.Evidence, e); err != nil {
			t.Fatal(err)
		}
		test := result.Findings[i].Test
		if e.EngineVersion != EngineVersion || e.DataWatermark == nil || *e.DataWatermark != upload ||
			e.Test.FamilySize != 2 || *e.Test.PValue != *test.PValue || *e.Test.QValue != *test.QValue ||
			e.Baseline.SampleSize != 1000 || e.Current.SampleSize != 400 || e.Thresholds.MinVolume != 30 {
			t.Errorf("evidence = %s", result.Findings[i].Event.Evidence)
		}
	}
	if diff := cmp.Diff([]DaysEvidence{{10, 1000, 100}, {19, 0, 300}}, decision.Distribution); diff != "" {
		t.Error(diff)
	}
	near(t, "effect", *decision.Test.Effect, (300+50)/400.0, 12)
	if len(decision.Baseline.Weeks) != 0 || decision.Effects != nil || denial.Effects == nil || len(denial.Distribution) != 0 {
		t.Errorf("decision %+v denial %+v", decision, denial)
	}
	weeks := denial.Baseline.Weeks
	if len(weeks) != 13 || weeks[0].Start.String() != "2026-01-17" || weeks[0].End.String() != "2026-01-23" ||
		weeks[0].SampleSize != 0 || weeks[12].End.String() != "2026-04-17" || len(denial.Current.Weeks) != 2 {
		t.Errorf("weeks = %+v", weeks)
	}
	n, x := 0, 0
	for _, w := range weeks {
		n, x = n+w.SampleSize, x+w.Count
	}
	if n != 1000 || x != 100 || *denial.Baseline.Count != 100 {
		t.Errorf("weeks add up to %d of %d", x, n)
	}
	if denial.Thresholds.Absolute != 0.05 || denial.Thresholds.Relative != 0.5 || *denial.Thresholds.Alpha != 0.05 {
		t.Errorf("thresholds = %+v", denial.Thresholds)
	}
}

// identify sets an identifier of any kind to a made-up UUID.
func identify(t testing.TB, id sql.Scanner, n int) {
	t.Helper()
	if err := id.Scan(fmt.Sprintf("00000000-0000-7000-8000-%012d", n)); err != nil {
		t.Fatal(err)
	}
}

func TestRowsCarryTheOwner(t *testing.T) {
	t.Parallel()
	var r rows
	r.rate("Acme", "EVAL", Proportion{100, 1000}, Proportion{80, 400})
	r.rate("Beta", "EVAL", Proportion{100, 1000}, Proportion{40, 400})
	r.rate("Gamma", "EVAL", Proportion{100, 1000}, Proportion{90, 400})
	next := 0
	owner := Owner{
		Now: time.Date(2026, 5, 1, 2, 0, 0, 0, time.UTC),
		NewEventID: func() (id models.DriftEventID) {
			next++
			identify(t, &id, next)
			return id
		},
	}
	identify(t, &owner.CustomerID, 7)
	identify(t, &owner.ReportRunID, 8)
	tests, events := detect(t, testParams(), firstSignals(), &r).Rows(owner)
	if len(tests) != 3 || len(events) != 2 {
		t.Fatalf("%d tests, %d events", len(tests), len(events))
	}
	if tests[1].DriftEventID != nil || *tests[0].DriftEventID != events[0].ID || *tests[2].DriftEventID != events[1].ID {
		t.Error("tests and events are not linked")
	}
	for _, e := range events {
		if e.CustomerID != owner.CustomerID || e.ReportRunID != owner.ReportRunID || e.CreatedAt != owner.Now || e.Version != 1 {
			t.Errorf("event = %+v", e)
		}
	}
	if tests[1].CustomerID != owner.CustomerID || tests[1].ReportRunID != owner.ReportRunID {
		t.Errorf("test = %+v", tests[1])
	}
}
