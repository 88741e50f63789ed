package drift

import (
	"math"
	"slices"
	"testing"

	"github.com/shopspring/decimal"

	"upstream/models"
)

// payments adds paid claims of one code with amounts that alternate around the
// mean by a spread, all exact in cents.
func (r *rows) payments(w Window, payer, group, cpt string, n int, mean, spread int64) {
	m := Moments{N: n}
	for i := range n {
		amount := decimal.NewFromInt(mean + spread*int64(1-2*(i%2)))
		m.Sum = m.Sum.Add(amount)
		m.SumSquares = m.SumSquares.Add(amount.Mul(amount))
	}
	c := r.cell(w, 0, payer, group, n, 0)
	c.CPT, c.Allowed, c.Value = cpt, m, Amount{N: n, Sum: m.Sum}
}

func TestPaymentAmount(t *testing.T) {
	t.Parallel()
	signals := []models.DriftType{models.DriftPaymentAmount}
	t.Run("underpaid", func(t *testing.T) {
		t.Parallel()
		var r rows
		r.payments(Baseline, "Acme", "EVAL", "99213", 200, 100, 10)
		r.payments(Current, "Acme", "EVAL", "99213", 50, 90, 10)
		f := only(t, detect(t, testParams(), signals, &r))
		e := f.Event
		if e == nil || e.TestMethod != models.TestWelchT || e.TrendDirection != models.TrendDegrading {
			t.Fatalf("finding = %+v", f)
		}
		near(t, "delta", e.DeltaValue, -10, 12)
		near(t, "rate effect", *e.RateEffect, -10, 12)
		// Ten percent is twice the threshold of five.
		near(t, "severity", e.Severity, 0.75, 12)
		if got := e.EstimatedRevenueImpact.String(); got != "500" {
			t.Errorf("impact = %s", got)
		}
		if *e.EffectCILow >= -10 || *e.EffectCIHigh <= -10 || *e.EffectCIHigh >= 0 || *f.Test.MinDetectableDelta <= 0 {
			t.Errorf("interval %v..%v, detectable %v", *e.EffectCILow, *e.EffectCIHigh, *f.Test.MinDetectableDelta)
		}
	})
	t.Run("only the mix moved", func(t *testing.T) {
		t.Parallel()
		var r rows
		r.payments(Baseline, "Acme", "EVAL", "cheap", 100, 50, 5)
		r.payments(Baseline, "Acme", "EVAL", "dear", 100, 200, 5)
		r.payments(Current, "Acme", "EVAL", "cheap", 80, 50, 5)
		r.payments(Current, "Acme", "EVAL", "dear", 20, 200, 5)
		f := only(t, detect(t, testParams(), signals, &r))
		if !f.Test.Significant || f.Test.Practical || f.Event != nil {
			t.Errorf("finding = %+v", f)
		}
		near(t, "delta", f.Test.DeltaValue, -45, 9)
	})
	t.Run("cut hidden by a better mix", func(t *testing.T) {
		t.Parallel()
		var r rows
		r.payments(Baseline, "Acme", "EVAL", "cheap", 100, 50, 5)
		r.payments(Baseline, "Acme", "EVAL", "dear", 100, 200, 5)
		r.payments(Current, "Acme", "EVAL", "cheap", 20, 45, 5)
		r.payments(Current, "Acme", "EVAL", "dear", 80, 180, 5)
		e := only(t, detect(t, testParams(), signals, &r)).Event
		if e == nil || e.DeltaValue <= 0 || *e.RateEffect >= 0 || e.TrendDirection != models.TrendDegrading {
			t.Fatalf("event = %+v", e)
		}
		near(t, "rate + mix", *e.RateEffect+*e.MixEffect, e.DeltaValue, 9)
		// Rate effect -5*(.5+.2)/2 - 20*(.5+.8)/2 = -14.75 on 100 payments.
		if got := e.EstimatedRevenueImpact.String(); got != "1475" {
			t.Errorf("impact = %s", got)
		}
	})
	t.Run("no variance", func(t *testing.T) {
		t.Parallel()
		var r rows
		r.payments(Baseline, "Acme", "EVAL", "99213", 200, 100, 0)
		r.payments(Current, "Acme", "EVAL", "99213", 50, 90, 0)
		f := only(t, detect(t, testParams(), signals, &r))
		if *f.Test.PValue != 0 || f.Test.Statistic != nil || f.Test.MinDetectableDelta != nil || f.Event == nil || f.Event.Confidence != 1 {
			t.Errorf("finding = %+v", f)
		}
	})
	t.Run("paid nothing before", func(t *testing.T) {
		t.Parallel()
		var r rows
		r.payments(Baseline, "Acme", "EVAL", "99213", 200, 0, 0)
		r.payments(Current, "Acme", "EVAL", "99213", 50, 90, 5)
		if f := only(t, detect(t, testParams(), signals, &r)); f.Test.Practical || f.Event != nil {
			t.Errorf("finding = %+v", f)
		}
	})
	t.Run("a single amount", func(t *testing.T) {
		t.Parallel()
		var r rows
		r.payments(Baseline, "Acme", "EVAL", "99213", 200, 100, 5)
		r.payments(Current, "Acme", "EVAL", "99213", 1, 50, 0)
		p := testParams()
		p.MinVolume = 1
		if f := only(t, detect(t, p, signals, &r)); *f.Test.PValue != 1 || f.Test.CILow != nil || f.Event != nil {
			t.Errorf("finding = %+v", f)
		}
	})
}

func TestApprovalRate(t *testing.T) {
	t.Parallel()
	var r rows
	r.cell(Baseline, 1, "Acme", "EVAL", 180, 10).Other = 10
	c := r.cell(Current, 1, "Acme", "EVAL", 70, 10)
	c.Other, c.Value = 20, Amount{N: 100, Sum: usd("15000")}
	f := only(t, detect(t, testParams(), []models.DriftType{models.DriftApprovalRate}, &r))
	e := f.Event
	if e == nil || e.TrendDirection != models.TrendDegrading || e.CurrentSampleSize != 100 {
		t.Fatalf("finding = %+v", f)
	}
	near(t, "delta", e.DeltaValue, -0.2, 12)
	near(t, "severity", e.Severity, 1, 12)
	// Twenty approvals fewer at 150 each.
	if got := e.EstimatedRevenueImpact.String(); got != "3000" || e.RateEffect != nil {
		t.Errorf("impact = %s, rate effect %v", got, e.RateEffect)
	}
}

func TestAuthFailureRate(t *testing.T) {
	t.Parallel()
	var r rows
	auth := func(w Window, paid, denied, required, failed int) *Cell {
		c := r.cell(w, 0, "Acme", "EVAL", paid, denied)
		c.AuthRequired, c.AuthDenied = required, failed
		return c
	}
	auth(Baseline, 900, 100, 200, 20)
	auth(Current, 250, 50, 60, 15).Value = Amount{N: 300, Sum: usd("30000")}
	signals := []models.DriftType{models.DriftAuthFailureRate}
	f := only(t, detect(t, testParams(), signals, &r))
	if f.Test.BaselineSampleSize != 200 || f.Test.CurrentSampleSize != 60 || f.Event == nil {
		t.Fatalf("finding = %+v", f)
	}
	near(t, "delta", f.Event.DeltaValue, 0.15, 12)
	near(t, "severity", f.Event.Severity, 0.5+0.25*0.5, 12)
	if got := f.Event.EstimatedRevenueImpact.String(); got != "900" {
		t.Errorf("impact = %s", got)
	}
}

func TestProcessingDelay(t *testing.T) {
	t.Parallel()
	var r rows
	for w, days := range map[Window]int{Baseline: 20, Current: 34} {
		for offset := range 3 {
			r.days = append(r.days, DaysRow{
				Window: w, Measure: PaymentDays, Payer: "Acme", CPTGroup: "EVAL", Days: days + offset - 1, Count: 20,
			})
		}
	}
	e := only(t, detect(t, testParams(), []models.DriftType{models.DriftProcessingDelay}, &r)).Event
	if e == nil || e.TestMethod != models.TestMannWhitneyU || e.TrendDirection != models.TrendDegrading {
		t.Fatalf("event = %+v", e)
	}
	near(t, "delta", e.DeltaValue, 14, 12)
	near(t, "severity", e.Severity, 0.75, 12)
}

func TestImpactNeedsAmountsAndHarm(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name      string
		base, cur Proportion
		value     Amount
		want      string
	}{
		{"no claim carries an amount", Proportion{100, 1000}, Proportion{80, 400}, Amount{}, ""},
		{"an improvement costs nothing", Proportion{200, 1000}, Proportion{40, 400}, Amount{N: 400, Sum: usd("40000")}, ""},
		{"some claims carry one", Proportion{100, 1000}, Proportion{80, 400}, Amount{N: 3, Sum: usd("100.00")}, "1333.33"},
		{"half a cent goes up", Proportion{100, 1000}, Proportion{80, 400}, Amount{N: 800, Sum: usd("100.10")}, "5.01"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			var r rows
			r.rate("Acme", "EVAL", tc.base, tc.cur)
			// Claims that only lend their value; OTHER is outside the population.
			c := r.cell(Current, 0, "Acme", "EVAL", 0, 0)
			c.Other, c.Value = 1000, tc.value
			e := only(t, detect(t, testParams(), []models.DriftType{models.DriftDenialRate}, &r)).Event
			if e == nil {
				t.Fatal("no event")
			}
			switch {
			case e.EstimatedRevenueImpact == nil && tc.want != "":
				t.Error("no impact")
			case e.EstimatedRevenueImpact != nil && e.EstimatedRevenueImpact.String() != tc.want:
				t.Errorf("impact = %s, want %q", e.EstimatedRevenueImpact, tc.want)
			}
		})
	}
}

func TestThresholdKnowsTwoSignals(t *testing.T) {
	t.Parallel()
	var r rows
	r.rate("Acme", "EVAL", Proportion{100, 1000}, Proportion{80, 400})
	r.payments(Baseline, "Acme", "EVAL", "99213", 200, 100, 10)
	r.payments(Current, "Acme", "EVAL", "99213", 50, 90, 10)
	r.took(Baseline, "Acme", "EVAL", 10, 100)
	r.took(Current, "Acme", "EVAL", 20, 100)
	var kinds []models.DriftType
	for _, f := range detect(t, thresholdParams(), everySignal(), &r).Findings {
		kinds = append(kinds, f.Test.DriftType)
	}
	if !slices.Equal(kinds, []models.DriftType{models.DriftDecisionTime, models.DriftDenialRate}) {
		t.Errorf("tested %v", kinds)
	}
}

func TestTriggerReached(t *testing.T) {
	t.Parallel()
	both := Trigger{Absolute: 0.05, Relative: 0.5}
	fifteen, ten := 0.15, 0.10
	for _, tc := range []struct {
		trigger      Trigger
		change, base float64
		want         bool
	}{
		{both, fifteen - ten, 0.10, true},
		{both, -0.05, 0.9, true},
		{both, 0.0499, 0.9, false},
		{both, 0.02, 0.04, true},
		{both, -0.02, 0.04, true},
		{both, 0.019, 0.04, false},
		{both, 0.02, 0, false},
		{Trigger{Absolute: 7}, 7, 1, true},
		{Trigger{Absolute: 7}, 6.5, 1, false},
		{Trigger{Relative: 0.05}, -5, 100, true},
		{Trigger{Relative: 0.05}, 4.99, 100, false},
		{Trigger{Relative: 0.05}, 50, 0, false},
		{both, 0, 0.5, false},
	} {
		if got := tc.trigger.Reached(tc.change, tc.base); got != tc.want {
			t.Errorf("%+v reached by %v from %v = %v", tc.trigger, tc.change, tc.base, got)
		}
	}
	if fifteen-ten >= 0.05 {
		t.Error("the float trap is gone: this test no longer tests it")
	}
}

func TestSeverityScores(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		kind         models.DriftType
		change, base float64
		want         float64
	}{
		{models.DriftDenialRate, 0.15, 0.1, 0.3},
		{models.DriftDenialRate, -0.4, 0.6, 0.8},
		{models.DriftDenialRate, 0.7, 0.1, 1},
		{models.DriftDecisionTime, 4, 10, 0.4},
		{models.DriftDecisionTime, -25, 40, 1},
		{models.DriftApprovalRate, -0.05, 0.9, 0.5},
		{models.DriftApprovalRate, 0.10, 0.8, 0.75},
		{models.DriftApprovalRate, 0.9, 0.1, 1},
		{models.DriftAuthFailureRate, 0.05, 0.1, 0.25},
		{models.DriftAuthFailureRate, 0.3, 0.1, 1},
		{models.DriftProcessingDelay, 7, 20, 0.5},
		{models.DriftProcessingDelay, 14, 20, 0.75},
		{models.DriftPaymentAmount, -10, 100, 0.75},
		{models.DriftPaymentAmount, 2.5, 100, 0.25},
		{models.DriftPaymentAmount, 5, 0, 0},
	} {
		i := slices.IndexFunc(allSignals(), func(s signal) bool { return s.kind == tc.kind })
		if got := allSignals()[i].severity(tc.change, tc.base); math.Abs(got-tc.want) > 1e-12 {
			t.Errorf("%s by %v from %v: severity %v, want %v", tc.kind, tc.change, tc.base, got, tc.want)
		}
	}
}

func TestSignalsAreInNameOrderAndComplete(t *testing.T) {
	t.Parallel()
	kinds := everySignal()
	if !slices.IsSorted(kinds) {
		t.Errorf("order %v", kinds)
	}
	for _, known := range models.DriftType("").Values() {
		if !slices.Contains(kinds, models.DriftType(known)) {
			t.Errorf("%s is missing", known)
		}
	}
}
