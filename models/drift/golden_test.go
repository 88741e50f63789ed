package drift

import (
	"math"
	"testing"

	"github.com/shopspring/decimal"
)

// near fails unless got agrees with want to the given number of decimals.
func near(t *testing.T, what string, got, want float64, decimals int) {
	t.Helper()
	if !(math.Abs(got-want) <= 0.5000001*math.Pow10(-decimals)) {
		t.Errorf("%s = %.*f, want %.*f", what, decimals+2, got, decimals, want)
	}
}

// relatively fails unless got agrees with want to a relative tolerance.
func relatively(t *testing.T, what string, got, want, tolerance float64) {
	t.Helper()
	if !(math.Abs(got-want) <= tolerance*math.Abs(want)) {
		t.Errorf("%s = %.15g, want %.15g", what, got, want)
	}
}

func TestGoldenRates(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name         string
		base, cur    Proportion
		expected     float64
		z, p, fisher float64
		low, high    float64
	}{
		{"10/100 20/80", Proportion{10, 100}, Proportion{20, 80}, math.NaN(), 2.683282, 0.00729036, 0.00889049, 0.039347, 0.264006},
		{"10/100 10/40", Proportion{10, 100}, Proportion{10, 40}, math.NaN(), 2.291288, 0.02194677, math.NaN(), 0.018767, 0.308398},
		{"0/50 6/45", Proportion{0, 50}, Proportion{6, 45}, 2.842, math.NaN(), math.NaN(), 0.00937175, 0.032846, 0.261773},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			if !math.IsNaN(tc.expected) {
				near(t, "smallest expected", SmallestExpected(tc.base, tc.cur), tc.expected, 3)
			} else if e := SmallestExpected(tc.base, tc.cur); e < minFisherCell {
				t.Errorf("smallest expected = %v: would be tested by Fisher", e)
			}
			if z, p := TwoProportionZ(tc.base, tc.cur, 1); !math.IsNaN(tc.z) {
				near(t, "z", z, tc.z, 6)
				near(t, "p", p, tc.p, 8)
			}
			if !math.IsNaN(tc.fisher) {
				near(t, "Fisher p", FisherExact(tc.base, tc.cur), tc.fisher, 8)
			}
			ci := Newcombe(tc.base, tc.cur, 0.95)
			near(t, "low", ci.Low, tc.low, 6)
			near(t, "high", ci.High, tc.high, 6)
		})
	}
}

func TestGoldenOverdispersion(t *testing.T) {
	t.Parallel()
	weeks := []Proportion{{3, 30}, {6, 28}, {2, 35}, {9, 31}, {4, 29}, {3, 33}, {8, 27}, {5, 32}}
	var base Proportion
	for _, w := range weeks {
		base.X += w.X
		base.N += w.N
	}
	cur := Proportion{14, 40}
	phi := Overdispersion(weeks)
	near(t, "phi", phi, 1.838776, 6)
	plain, _ := TwoProportionZ(base, cur, 1)
	near(t, "plain z", plain, 2.794201, 6)
	z, p := TwoProportionZ(base, cur, phi)
	near(t, "z", z, 2.060598, 6)
	near(t, "p", p, 0.03934143, 8)
}

func TestGoldenLocation(t *testing.T) {
	t.Parallel()
	base := histogramOf(12, 14, 14, 15, 15, 15, 16, 17, 18, 20, 21, 22, 14, 13, 15)
	cur := histogramOf(18, 19, 21, 22, 22, 24, 25, 17, 20, 30, 16)
	r := MannWhitneyU(base, cur)
	near(t, "U", r.U, 143.5, 6)
	near(t, "p", r.P, 0.00161954, 8)
	near(t, "effect", r.Effect, 0.869697, 6)
	near(t, "baseline median", base.Median(), 15, 6)
	near(t, "current median", cur.Median(), 21, 6)
}

func TestGoldenMean(t *testing.T) {
	t.Parallel()
	base := momentsOf("100", "120", "95.5", "130", "88", "140", "110", "105", "99", "125", "118", "107")
	cur := momentsOf("90", "85", "100", "70", "95", "88.5", "92", "101", "79", "84")
	r, ok := WelchT(base.Sample(), cur.Sample(), 0.95)
	if !ok {
		t.Fatal("not defined")
	}
	near(t, "t", r.T, -4.287655, 6)
	near(t, "df", r.DF, 18.583162, 6)
	near(t, "p", r.P, 0.00041544, 8)
	near(t, "low", r.CI.Low, -34.256956, 6)
	near(t, "high", r.CI.High, -11.759711, 6)
}

func TestGoldenFalseDiscoveryRate(t *testing.T) {
	t.Parallel()
	q := BenjaminiHochberg([]float64{.001, .008, .039, .041, .042, .06, .074, .205, .212, .216})
	for i, want := range []float64{.01, .04, .084, .084, .084, .1, .105714, .216, .216, .216} {
		near(t, "q", q[i], want, 6)
	}
}

func histogramOf(values ...int) Histogram {
	h := make(Histogram)
	for _, v := range values {
		h[v]++
	}
	return h
}

func momentsOf(amounts ...string) Moments {
	var m Moments
	for _, text := range amounts {
		v := decimal.RequireFromString(text)
		m.add(Moments{N: 1, Sum: v, SumSquares: v.Mul(v)})
	}
	return m
}
