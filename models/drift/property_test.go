package drift

import (
	"fmt"
	"math"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/shopspring/decimal"
	"pgregory.net/rapid"

	"upstream/models"
)

// drawRows makes the aggregates of a few small payers: any shape, some groups
// in one window only, some codes new, amounts missing or not.
func drawRows(t *rapid.T) rows {
	var r rows
	for i := range rapid.IntRange(0, 12).Draw(t, "cells") {
		label := func(name string) string { return fmt.Sprintf("%s %d", name, i) }
		w := rapid.SampledFrom([]Window{Baseline, Current}).Draw(t, label("window"))
		weeks := map[Window]int{Baseline: 12, Current: 1}[w]
		payer := rapid.SampledFrom([]string{"Acme", "Beta"}).Draw(t, label("payer"))
		group := rapid.SampledFrom([]string{"EVAL", "IMAGING"}).Draw(t, label("group"))
		c := r.cell(w, rapid.IntRange(0, weeks).Draw(t, label("week")), payer, group,
			rapid.IntRange(0, 80).Draw(t, label("paid")), rapid.IntRange(0, 40).Draw(t, label("denied")))
		c.CPT = rapid.SampledFrom([]string{"1", "2", "3"}).Draw(t, label("cpt"))
		c.Other = rapid.IntRange(0, 10).Draw(t, label("other"))
		c.AuthRequired = rapid.IntRange(0, c.Claims()).Draw(t, label("required"))
		c.AuthDenied = rapid.IntRange(0, min(c.AuthRequired, c.Denied)).Draw(t, label("failed"))
		for range rapid.IntRange(0, min(c.Paid, 40)).Draw(t, label("amounts")) {
			amount := decimal.New(rapid.Int64Range(0, 50_000).Draw(t, label("cents")), -2)
			c.Allowed.add(Moments{N: 1, Sum: amount, SumSquares: amount.Mul(amount)})
			c.Value.add(Amount{N: 1, Sum: amount})
		}
		for _, m := range []Measure{DecisionDays, PaymentDays} {
			r.days = append(r.days, DaysRow{
				Window: w, Measure: m, Payer: payer, CPTGroup: group,
				Days: rapid.IntRange(0, 60).Draw(t, label("days")), Count: rapid.IntRange(0, 60).Draw(t, label("count")),
			})
		}
	}
	return r
}

func propertyParams(t *rapid.T) models.DetectParams {
	p := testParams()
	p.MinVolume = rapid.IntRange(1, 40).Draw(t, "min volume")
	p.Alpha = rapid.SampledFrom([]float64{0.01, 0.05, 0.5}).Draw(t, "alpha")
	p.Method = rapid.SampledFrom([]models.Method{models.MethodStatistical, models.MethodThreshold}).Draw(t, "method")
	return p
}

func detectRows(t *rapid.T, p models.DetectParams, r rows) Result {
	a := NewAccumulator(p)
	for _, c := range r.cells {
		if err := a.Add(c); err != nil {
			t.Fatal(err)
		}
	}
	for _, d := range r.days {
		if err := a.AddDays(d); err != nil {
			t.Fatal(err)
		}
	}
	result, err := Detect(Input{Params: p, Signals: everySignal(), Segments: a.Segments()})
	if err != nil {
		t.Fatal(err)
	}
	return result
}

// byValue compares identifiers and dates, which hide their fields, with ==.
func byValue() cmp.Option {
	return cmpopts.EquateComparable(
		models.CustomerID{}, models.ReportRunID{}, models.DriftEventID{}, models.Date{})
}

func TestOrderOfRowsChangesNothing(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		p, r := propertyParams(t), drawRows(t)
		want := detectRows(t, p, r)
		shuffled := rows{
			cells: rapid.Permutation(r.cells).Draw(t, "cells"),
			days:  rapid.Permutation(r.days).Draw(t, "days"),
		}
		if diff := cmp.Diff(want, detectRows(t, p, shuffled), byValue()); diff != "" {
			t.Fatal(diff)
		}
	})
}

func TestRowsInPartsChangeNothing(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		p, r := propertyParams(t), drawRows(t)
		want := detectRows(t, p, r)
		var parts rows
		for i, c := range r.cells {
			// The money and the paid claims it is about in one part, the rest in another.
			rest := c
			rest.Paid, rest.Allowed, rest.Value = 0, Moments{}, Amount{}
			rest.AuthRequired = min(rest.AuthRequired, rest.Claims())
			first := c
			first.Denied, first.Other, first.AuthDenied = 0, 0, 0
			first.AuthRequired = c.AuthRequired - rest.AuthRequired
			parts.cells = append(parts.cells, first, rest)
			for _, d := range r.days[2*i : 2*i+2] {
				one, other := d, d
				one.Count, other.Count = d.Count/3, d.Count-d.Count/3
				parts.days = append(parts.days, one, other)
			}
		}
		if diff := cmp.Diff(want, detectRows(t, p, parts), byValue()); diff != "" {
			t.Fatal(diff)
		}
	})
}

func TestFindingsAreSound(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		p := propertyParams(t)
		result := detectRows(t, p, drawRows(t))
		for _, f := range result.Findings {
			checkTest(t, p, f.Test)
			passed := f.Test.Practical && (f.Test.Significant || p.Method == models.MethodThreshold)
			if passed != (f.Event != nil) {
				t.Fatalf("gates %+v but event %+v", f.Test, f.Event)
			}
			if f.Event != nil {
				checkEvent(t, f.Event)
			}
		}
		byPayer := func(a, b Finding) int {
			return slices.Compare(
				[]string{a.Test.Payer, a.Test.CPTGroup, string(a.Test.DriftType)},
				[]string{b.Test.Payer, b.Test.CPTGroup, string(b.Test.DriftType)})
		}
		if !slices.IsSortedFunc(result.Findings, byPayer) {
			t.Fatal("not in order")
		}
	})
}

func checkTest(t *rapid.T, p models.DetectParams, test models.DriftTest) {
	if min(test.BaselineSampleSize, test.CurrentSampleSize) < p.MinVolume {
		t.Fatalf("volume of %+v", test)
	}
	if math.Abs(test.DeltaValue-(test.CurrentValue-test.BaselineValue)) > 1e-9 {
		t.Fatalf("delta of %+v", test)
	}
	if p.Method == models.MethodThreshold {
		return
	}
	if *test.PValue < 0 || *test.PValue > 1 || *test.QValue < *test.PValue || *test.QValue > 1 {
		t.Fatalf("p %v q %v", *test.PValue, *test.QValue)
	}
	if test.Dispersion != nil && *test.Dispersion < 1 {
		t.Fatalf("dispersion %v", *test.Dispersion)
	}
	if test.CILow != nil && (*test.CILow > test.DeltaValue+1e-12 || *test.CIHigh < test.DeltaValue-1e-12) {
		t.Fatalf("interval %v..%v of %v", *test.CILow, *test.CIHigh, test.DeltaValue)
	}
	if test.MinDetectableDelta != nil && !(*test.MinDetectableDelta > 0) {
		t.Fatalf("detectable %v", *test.MinDetectableDelta)
	}
}

func checkEvent(t *rapid.T, e *models.DriftEvent) {
	if !(e.Severity > 0 && e.Severity <= 1 && e.Confidence >= 0 && e.Confidence <= 1) {
		t.Fatalf("severity %v confidence %v", e.Severity, e.Confidence)
	}
	if e.RateEffect != nil && math.Abs(*e.RateEffect+*e.MixEffect-e.DeltaValue) > 1e-9 {
		t.Fatalf("rate %v + mix %v is not %v", *e.RateEffect, *e.MixEffect, e.DeltaValue)
	}
	if i := e.EstimatedRevenueImpact; i != nil && (i.IsNegative() || e.TrendDirection != models.TrendDegrading) {
		t.Fatalf("impact %v of a change that is %s", i, e.TrendDirection)
	}
	if len(e.Evidence) == 0 || e.ConsecutivePeriods != 1 {
		t.Fatalf("event = %+v", e)
	}
}

func TestSwappedWindowsMirror(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		p := testParams()
		p.MinVolume, p.CurrentDays = rapid.IntRange(1, 40).Draw(t, "min volume"), p.BaselineDays
		r := drawRows(t)
		swap := map[Window]Window{Baseline: Current, Current: Baseline}
		mirror := rows{cells: slices.Clone(r.cells), days: slices.Clone(r.days)}
		for i := range mirror.cells {
			mirror.cells[i].Window = swap[mirror.cells[i].Window]
		}
		for i := range mirror.days {
			mirror.days[i].Window = swap[mirror.days[i].Window]
		}
		there, back := detectRows(t, p, r).Findings, detectRows(t, p, mirror).Findings
		if len(there) != len(back) {
			t.Fatalf("%d tests and %d", len(there), len(back))
		}
		for i := range there {
			a, b := there[i].Test, back[i].Test
			if math.Abs(a.DeltaValue+b.DeltaValue) > 1e-9 || a.BaselineSampleSize != b.CurrentSampleSize || a.Method != b.Method {
				t.Fatalf("%+v and %+v are no mirror images", a, b)
			}
		}
	})
}

func TestTwoIdenticalGroupsDoubleTheirPayer(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		var r rows
		base, cur := drawProportion(t, "base", 400), drawProportion(t, "cur", 400)
		for _, group := range []string{"A", "B"} {
			r.rate("Acme", group, base, cur)
			r.took(Baseline, "Acme", group, 10, base.N)
			r.took(Current, "Acme", group, 14, cur.N)
		}
		p := testParams()
		p.MinVolume = 1
		for _, f := range detectRows(t, p, r).Findings {
			twin := f.Test
			want := 1
			if twin.CPTGroup == models.CPTGroupAll {
				want = 2
			}
			if twin.DriftType != models.DriftDenialRate && twin.DriftType != models.DriftDecisionTime {
				continue
			}
			if twin.BaselineSampleSize != want*base.N || twin.CurrentSampleSize != want*cur.N {
				t.Fatalf("%s has %d and %d claims", twin.CPTGroup, twin.BaselineSampleSize, twin.CurrentSampleSize)
			}
			if twin.DriftType == models.DriftDenialRate && twin.DeltaValue != RateChange(base, cur) {
				t.Fatalf("%s changed by %v", twin.CPTGroup, twin.DeltaValue)
			}
		}
	})
}

func TestSignalKeysAreDistinct(t *testing.T) {
	t.Parallel()
	name := rapid.StringOf(rapid.SampledFrom([]rune{'a', '|', '\\'}))
	rapid.Check(t, func(t *rapid.T) {
		draw := func(label string) *models.DriftEvent {
			return &models.DriftEvent{Payer: name.Draw(t, label+" payer"), CPTGroup: name.Draw(t, label+" group")}
		}
		a, b := draw("a"), draw("b")
		same := a.Payer == b.Payer && a.CPTGroup == b.CPTGroup
		if same != (SignalKey(a) == SignalKey(b)) {
			t.Fatalf("%q and %q", SignalKey(a), SignalKey(b))
		}
	})
}
