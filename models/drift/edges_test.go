package drift

import (
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"testing"

	"github.com/shopspring/decimal"
	"pgregory.net/rapid"

	"upstream/models"
)

// edge makes the population of one signal, in a CPT group named after it: n
// claims, hit of which show what the signal is about. A rate counts the hit
// ones (as not paid for APPROVAL_RATE), they take 30 days instead of 10, and
// are paid 50 instead of 100.
type edge struct {
	kind models.DriftType
	// miss and full are the signal's values when no claim and every claim is hit.
	miss, full float64
	fill       func(r *rows, w Window, payer string, n, hit int)
}

func edges() []edge {
	rate := func(kind models.DriftType, miss, full float64, denied func(c *Cell, n, hit int)) edge {
		return edge{kind, miss, full, func(r *rows, w Window, payer string, n, hit int) {
			denied(r.cell(w, 0, payer, string(kind), 0, 0), n, hit)
		}}
	}
	days := func(kind models.DriftType, m Measure) edge {
		return edge{kind, 10, 30, func(r *rows, w Window, payer string, n, hit int) {
			row := DaysRow{Window: w, Measure: m, Payer: payer, CPTGroup: string(kind)}
			quick, slow := row, row
			quick.Days, quick.Count, slow.Days, slow.Count = 10, n-hit, 30, hit
			r.days = append(r.days, quick, slow)
		}}
	}
	return []edge{
		rate(models.DriftApprovalRate, 1, 0, func(c *Cell, n, hit int) { c.Paid, c.Other = n-hit, hit }),
		rate(models.DriftAuthFailureRate, 0, 1, func(c *Cell, n, hit int) {
			c.Other, c.Denied, c.AuthRequired, c.AuthDenied = n-hit, hit, n, hit
		}),
		days(models.DriftDecisionTime, DecisionDays),
		rate(models.DriftDenialRate, 0, 1, func(c *Cell, n, hit int) { c.Paid, c.Denied = n-hit, hit }),
		{models.DriftPaymentAmount, 100, 50, func(r *rows, w Window, payer string, n, hit int) {
			c := r.cell(w, 0, payer, string(models.DriftPaymentAmount), n, 0)
			total := func(unhit, one int64) decimal.Decimal {
				return decimal.NewFromInt(int64(n-hit)*unhit + int64(hit)*one)
			}
			c.Allowed = Moments{N: n, Sum: total(100, 50), SumSquares: total(10000, 2500)}
			c.Value = Amount{N: n, Sum: c.Allowed.Sum}
		}},
		days(models.DriftProcessingDelay, PaymentDays),
	}
}

func TestEdgesCoverEverySignal(t *testing.T) {
	t.Parallel()
	for i, kind := range everySignal() {
		if edges()[i].kind != kind {
			t.Errorf("signal %d is %s, the table has %s", i, kind, edges()[i].kind)
		}
	}
}

func TestEdgesOfEverySignal(t *testing.T) {
	t.Parallel()
	day := testParams()
	day.BaselineDays, day.CurrentDays = 1, 1
	for _, tc := range []struct {
		name            string
		baseN, baseHit  int
		curN, curHit    int
		tested, changed bool
		p               float64 // NaN: not 1
		direction       models.TrendDirection
	}{
		{name: "no claims"},
		{name: "none in the baseline", curN: 100, curHit: 50},
		{name: "none now", baseN: 100, baseHit: 50},
		{name: "one too few in the baseline", baseN: 29, curN: 100, curHit: 100},
		{name: "one too few now", baseN: 100, curN: 29, curHit: 29},
		{name: "none hit: all approved, tied, without variance", baseN: 400, curN: 60, tested: true, p: 1},
		{name: "all hit: all denied, tied, without variance", baseN: 400, baseHit: 400, curN: 60, curHit: 60, tested: true, p: 1},
		{name: "just enough, equal", baseN: 30, baseHit: 15, curN: 30, curHit: 15, tested: true, p: 1},
		{
			name: "from none to all", baseN: 400, curN: 60, curHit: 60,
			tested: true, changed: true, p: math.NaN(), direction: models.TrendDegrading,
		},
		{
			name: "from all to none", baseN: 400, baseHit: 400, curN: 60,
			tested: true, changed: true, p: math.NaN(), direction: models.TrendImproving,
		},
		{
			name: "just enough, from none to all", baseN: 30, curN: 30, curHit: 30,
			tested: true, changed: true, p: math.NaN(), direction: models.TrendDegrading,
		},
	} {
		for _, e := range edges() {
			for length, p := range map[string]models.DetectParams{"usual": testParams(), "one day": day} {
				t.Run(fmt.Sprintf("%s/%s/%s windows", tc.name, e.kind, length), func(t *testing.T) {
					t.Parallel()
					var r rows
					e.fill(&r, Baseline, "Acme", tc.baseN, tc.baseHit)
					e.fill(&r, Current, "Acme", tc.curN, tc.curHit)
					result := detect(t, p, []models.DriftType{e.kind}, &r)
					if !tc.tested {
						if len(result.Findings) != 0 {
							t.Fatalf("tested: %+v", result.Findings)
						}
						return
					}
					f := only(t, result)
					checkEdge(t, f, tc.p)
					if (f.Event != nil) != tc.changed {
						t.Fatalf("event = %+v, test %+v", f.Event, f.Test)
					}
					if !tc.changed {
						return
					}
					if f.Event.TrendDirection != tc.direction || f.Event.Confidence <= 0.999 {
						t.Errorf("event = %+v", f.Event)
					}
					want := map[models.TrendDirection]float64{
						models.TrendDegrading: e.full - e.miss, models.TrendImproving: e.miss - e.full,
					}[tc.direction]
					near(t, "delta", f.Event.DeltaValue, want, 12)
				})
			}
		}
	}
}

// checkEdge looks for numbers that are none, and for the fields that a test
// must and must not have.
func checkEdge(t *testing.T, f Finding, p float64) {
	t.Helper()
	test := f.Test
	if _, err := json.Marshal(test); err != nil {
		t.Errorf("not even JSON: %v", err)
	}
	switch {
	case test.PValue == nil || *test.PValue < 0 || *test.PValue > 1:
		t.Fatalf("p of %+v", test)
	case math.IsNaN(p) && *test.PValue > 1e-6 || !math.IsNaN(p) && *test.PValue != p:
		t.Errorf("p = %v, want %v", *test.PValue, p)
	case *test.QValue != *test.PValue:
		t.Errorf("q = %v of a single test with p = %v", *test.QValue, *test.PValue)
	}
	s := allSignals()[indexOf(test.DriftType)]
	if (test.Dispersion != nil) != (s.rate != nil) || (test.CILow == nil) != (s.location != nil) {
		t.Errorf("dispersion %v, interval from %v", test.Dispersion, test.CILow)
	}
	if s.rate != nil && *test.Dispersion != 1 {
		t.Errorf("dispersion %v of one week", *test.Dispersion)
	}
	if s.location != nil && test.MinDetectableDelta != nil {
		t.Errorf("detectable %v", *test.MinDetectableDelta)
	}
}

func indexOf(kind models.DriftType) int {
	for i, s := range allSignals() {
		if s.kind == kind {
			return i
		}
	}
	return -1
}

// Claims that lack what a signal is about are not in its population.
func TestMissingValuesAreOutsideThePopulation(t *testing.T) {
	t.Parallel()
	var r rows
	r.payments(Baseline, "Acme", "EVAL", "99213", 200, 100, 10)
	r.payments(Current, "Acme", "EVAL", "99213", 50, 90, 10)
	// Paid without an allowed amount, payment date or need of an authorisation.
	r.cell(Baseline, 0, "Acme", "EVAL", 800, 0)
	r.cell(Current, 0, "Acme", "EVAL", 400, 0)
	f := only(t, detect(t, testParams(), []models.DriftType{models.DriftPaymentAmount}, &r))
	if f.Test.BaselineSampleSize != 200 || f.Test.CurrentSampleSize != 50 || f.Event == nil {
		t.Fatalf("finding = %+v", f)
	}
	near(t, "delta", f.Test.DeltaValue, -10, 12)
	if got := f.Event.EstimatedRevenueImpact.String(); got != "500" {
		t.Errorf("impact = %s", got)
	}
	for _, kind := range []models.DriftType{
		models.DriftProcessingDelay, models.DriftDecisionTime, models.DriftAuthFailureRate,
	} {
		if found := detect(t, testParams(), []models.DriftType{kind}, &r).Findings; len(found) != 0 {
			t.Errorf("%s: %+v", kind, found)
		}
	}

	var none rows
	none.cell(Baseline, 0, "Acme", "EVAL", 800, 0)
	none.cell(Current, 0, "Acme", "EVAL", 400, 0)
	if found := detect(t, testParams(), []models.DriftType{models.DriftPaymentAmount}, &none).Findings; len(found) != 0 {
		t.Errorf("without any amount: %+v", found)
	}
}

func TestQValuesFollowPValuesThroughARun(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		p := testParams()
		p.MinVolume = 1
		findings := detectRows(t, p, drawRows(t)).Findings
		for _, a := range findings {
			for _, b := range findings {
				if *a.Test.PValue <= *b.Test.PValue && *a.Test.QValue > *b.Test.QValue {
					t.Fatalf("p %v, %v but q %v, %v", *a.Test.PValue, *b.Test.PValue, *a.Test.QValue, *b.Test.QValue)
				}
			}
		}
	})
}

// Two groups with the same claims make a payer with twice the claims and the
// same values, for every signal.
func TestTwinGroupsOfEverySignal(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		e := rapid.SampledFrom(edges()).Draw(t, "signal")
		base, cur := drawProportion(t, "base", 400), drawProportion(t, "cur", 400)
		var r, twin rows
		e.fill(&r, Baseline, "Acme", base.N, base.X)
		e.fill(&r, Current, "Acme", cur.N, cur.X)
		for _, c := range r.cells {
			c.CPTGroup = "TWIN"
			twin.cells = append(twin.cells, c)
		}
		for _, d := range r.days {
			d.CPTGroup = "TWIN"
			twin.days = append(twin.days, d)
		}
		r.cells, r.days = append(r.cells, twin.cells...), append(r.days, twin.days...)
		p := testParams()
		p.MinVolume = 1
		tests := make(map[string]models.DriftTest)
		for _, f := range detectRows(t, p, r).Findings {
			if f.Test.DriftType == e.kind {
				tests[f.Test.CPTGroup] = f.Test
			}
		}
		all, one := tests[models.CPTGroupAll], tests["TWIN"]
		if len(tests) != 3 || all.BaselineSampleSize != 2*base.N || all.CurrentSampleSize != 2*cur.N {
			t.Fatalf("%d tests, ALL of %d and %d claims", len(tests), all.BaselineSampleSize, all.CurrentSampleSize)
		}
		if all.BaselineValue != one.BaselineValue || all.CurrentValue != one.CurrentValue {
			t.Fatalf("values %v, %v of ALL and %v, %v", all.BaselineValue, all.CurrentValue, one.BaselineValue, one.CurrentValue)
		}
	})
}

func TestKitagawaMirrors(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		var there, back []Component
		for i := range rapid.IntRange(1, 8).Draw(t, "codes") {
			b, c := drawShare(t, fmt.Sprintf("base %d", i)), drawShare(t, fmt.Sprintf("cur %d", i))
			code := strconv.Itoa(i)
			there = append(there, Component{code, b.N, c.N, float64(b.X), float64(c.X)})
			back = append(back, Component{code, c.N, b.N, float64(c.X), float64(b.X)})
		}
		e, m := Kitagawa(there), Kitagawa(back)
		if math.Abs(e.Rate+m.Rate) > 1e-12 || math.Abs(e.Mix+m.Mix) > 1e-12 {
			t.Fatalf("%+v and %+v are no mirror images", e, m)
		}
	})
}
