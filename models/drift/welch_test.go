package drift

import (
	"math"
	"testing"

	"github.com/shopspring/decimal"
	"gonum.org/v1/gonum/stat/distuv"
	"pgregory.net/rapid"
)

func TestMomentsSampleIsExact(t *testing.T) {
	t.Parallel()
	// In floating point n*sum of squares - sum squared would leave a remainder.
	equal := momentsOf("133.33", "133.33", "133.33", "133.33", "133.33", "133.33", "133.33")
	if s := equal.Sample(); s.Variance != 0 || s.Mean != 133.33 {
		t.Errorf("seven equal amounts: %+v", s)
	}
	// A spread of cents on top of millions.
	cents := momentsOf("9000000.01", "9000000.02", "9000000.03")
	if s := cents.Sample(); math.Abs(s.Variance-0.0001) > 1e-18 {
		t.Errorf("variance = %v, want 0.0001", s.Variance)
	}
	if s := (Moments{}).Sample(); s != (Sample{}) {
		t.Errorf("no amounts: %+v", s)
	}
	if s := momentsOf("12.50").Sample(); s != (Sample{N: 1, Mean: 12.5}) {
		t.Errorf("one amount: %+v", s)
	}
}

func TestMomentsAgreeWithTwoPasses(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		cents := rapid.SliceOfN(rapid.Int64Range(0, 500_000_000), 2, 50).Draw(t, "cents")
		var m Moments
		mean := 0.0
		for _, c := range cents {
			v := decimal.New(c, -2)
			m.add(Moments{N: 1, Sum: v, SumSquares: v.Mul(v)})
			mean += float64(c) / 100 / float64(len(cents))
		}
		variance := 0.0
		for _, c := range cents {
			d := float64(c)/100 - mean
			variance += d * d / float64(len(cents)-1)
		}
		s := m.Sample()
		if math.Abs(s.Mean-mean) > 1e-9*(1+mean) || math.Abs(s.Variance-variance) > 1e-6*(1+variance) {
			t.Fatalf("%+v, want mean %v variance %v", s, mean, variance)
		}
	})
}

func TestWelchTFarTails(t *testing.T) {
	t.Parallel()
	// Two-sided t tails, from the finite series for even degrees of freedom in
	// 400 digits. Equal variances and sizes make 2n-2 degrees of freedom.
	for _, tc := range []struct {
		t    float64
		df   int
		want float64
	}{
		{40, 20, 1.45746965543107639e-20},
		{12, 200, 2.42213600524663127e-25},
		{30, 10000, 2.04432704742557062e-189},
		{5, 2000, 6.23289783554603847e-07},
	} {
		n := tc.df/2 + 1
		base := Sample{N: n, Mean: 100, Variance: float64(n) / 2}
		cur := base
		cur.Mean -= tc.t
		r, ok := WelchT(base, cur, 0.95)
		if !ok {
			t.Fatal("not defined")
		}
		relatively(t, "t", r.T, -tc.t, 1e-12)
		relatively(t, "df", r.DF, float64(tc.df), 1e-12)
		relatively(t, "p", r.P, tc.want, 1e-9)
	}
}

func TestWelchTEdges(t *testing.T) {
	t.Parallel()
	flat := func(n int, mean float64) Sample { return Sample{N: n, Mean: mean} }
	for _, tc := range []struct {
		name      string
		base, cur Sample
		ok        bool
		t, p      float64
	}{
		{"no amounts", Sample{}, Sample{}, false, 0, 1},
		{"one amount", Sample{N: 40, Mean: 10, Variance: 4}, flat(1, 12), false, 0, 1},
		{"no variance, equal", flat(40, 10), flat(30, 10), true, 0, 1},
		{"no variance, more", flat(40, 10), flat(30, 11), true, math.Inf(1), 0},
		{"no variance, less", flat(40, 10), flat(30, 9), true, math.Inf(-1), 0},
		{"equal means", Sample{N: 40, Mean: 10, Variance: 4}, Sample{N: 30, Mean: 10, Variance: 9}, true, 0, 1},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			r, ok := WelchT(tc.base, tc.cur, 0.95)
			if ok != tc.ok || r.T != tc.t || r.P != tc.p {
				t.Errorf("%+v, %v", r, ok)
			}
			if delta := tc.cur.Mean - tc.base.Mean; ok && (r.CI.Low > delta || r.CI.High < delta) {
				t.Errorf("interval %v misses %v", r.CI, delta)
			}
		})
	}
	// Variance in one window only: the degrees of freedom are that window's.
	r, _ := WelchT(flat(40, 10), Sample{N: 31, Mean: 12, Variance: 9}, 0.95)
	relatively(t, "df", r.DF, 30, 1e-12)
}

func TestWelchTLargeSamplesApproachNormal(t *testing.T) {
	t.Parallel()
	base := Sample{N: 5_000_000, Mean: 100, Variance: 400}
	cur := Sample{N: 5_000_000, Mean: 100.05, Variance: 400}
	r, _ := WelchT(base, cur, 0.95)
	relatively(t, "p", r.P, 2*distuv.UnitNormal.CDF(-r.T), 1e-4)
	half := (r.CI.High - r.CI.Low) / 2
	relatively(t, "half width", half, 1.959963984540054*math.Sqrt(800.0/5_000_000), 1e-5)
}
