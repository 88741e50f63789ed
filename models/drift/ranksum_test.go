package drift

import (
	"math"
	"testing"

	"pgregory.net/rapid"
)

// bruteRankSum counts pairs and takes the variance from mid-ranks.
func bruteRankSum(base, cur []int) (u, p float64) {
	for _, c := range cur {
		for _, b := range base {
			switch {
			case c > b:
				u++
			case c == b:
				u += 0.5
			}
		}
	}
	all := append(append([]int{}, base...), cur...)
	nb, nc, n := float64(len(base)), float64(len(cur)), float64(len(all))
	// The variance of the rank sum is n_b n_c / n times the unbiased variance
	// of the mid-ranks.
	squares := 0.0
	for _, v := range all {
		rank := 0.5
		for _, w := range all {
			switch {
			case w < v:
				rank++
			case w == v:
				rank += 0.5
			}
		}
		squares += (rank - (n+1)/2) * (rank - (n+1)/2)
	}
	if squares < 1e-9 {
		return u, 1
	}
	sd := math.Sqrt(nb * nc / n * squares / (n - 1))
	z := max(0, math.Abs(u-nb*nc/2)-0.5) / sd
	return u, math.Erfc(z / math.Sqrt2)
}

func TestMannWhitneyUAgreesWithBruteForce(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		values := rapid.SliceOfN(rapid.IntRange(-2, rapid.SampledFrom([]int{-2, 1, 40}).Draw(t, "top")), 1, 60)
		base, cur := values.Draw(t, "base"), values.Draw(t, "cur")
		r := MannWhitneyU(histogramOf(base...), histogramOf(cur...))
		u, p := bruteRankSum(base, cur)
		if r.U != u || math.Abs(r.P-p) > 1e-10 {
			t.Fatalf("U %v p %v, want U %v p %v", r.U, r.P, u, p)
		}
		if want := u / float64(len(base)*len(cur)); math.Abs(r.Effect-want) > 1e-15 {
			t.Fatalf("effect %v, want %v", r.Effect, want)
		}
	})
}

func TestMannWhitneyUMirrors(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		values := rapid.SliceOfN(rapid.IntRange(0, 30), 1, 80)
		a, b := histogramOf(values.Draw(t, "a")...), histogramOf(values.Draw(t, "b")...)
		there, back := MannWhitneyU(a, b), MannWhitneyU(b, a)
		if there.P != back.P || there.U+back.U != float64(a.N()*b.N()) {
			t.Fatalf("%+v and %+v are no mirror images", there, back)
		}
	})
}

func TestMannWhitneyUEdges(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name      string
		base, cur Histogram
		effect, p float64
	}{
		{"no claims", nil, nil, 0.5, 1},
		{"empty current window", Histogram{3: 40}, Histogram{}, 0.5, 1},
		{"all tied", Histogram{14: 300}, Histogram{14: 40}, 0.5, 1},
		{"symmetric", Histogram{1: 10, 3: 10}, Histogram{2: 20}, 0.5, 1},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			r := MannWhitneyU(tc.base, tc.cur)
			if r.Effect != tc.effect || r.P != tc.p {
				t.Errorf("effect %v p %v, want %v and %v", r.Effect, r.P, tc.effect, tc.p)
			}
		})
	}
}

func TestMannWhitneyULargeSamples(t *testing.T) {
	t.Parallel()
	// All but one of ten million claims are tied, so U misses its mean by
	// n_b/2 - 1/2 against a deviation of about n_b/2 per claim: z just below 1.
	r := MannWhitneyU(Histogram{10: 10_000_000}, Histogram{10: 9_999_999, 11: 1})
	nb, n := 1e7, 2e7
	sd := math.Sqrt(nb * nb / n * (n / 4))
	relatively(t, "p", r.P, math.Erfc((nb/2-0.5)/sd/math.Sqrt2), 1e-6)
	// A complete separation is far out, but not at zero.
	r = MannWhitneyU(Histogram{10: 200, 11: 200}, Histogram{12: 100, 13: 100})
	if r.Effect != 1 || r.P <= 0 || r.P > 1e-60 {
		t.Errorf("effect %v p %v, want 1 and a tiny p above 0", r.Effect, r.P)
	}
}

func TestMedian(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		h    Histogram
		want float64
	}{
		{nil, 0},
		{histogramOf(7), 7},
		{histogramOf(1, 2), 1.5},
		{histogramOf(3, 1, 2), 2},
		{histogramOf(1, 1, 4, 9), 2.5},
		{histogramOf(-3, -2, 5, 5), 1.5},
		{Histogram{0: 1_000_000, 30: 1_000_000}, 15},
		{Histogram{0: 1_000_000, 30: 1_000_001}, 30},
		{Histogram{4: 2, 5: 0, 6: 2}, 5},
	} {
		if got := tc.h.Median(); got != tc.want {
			t.Errorf("median of %v = %v, want %v", tc.h, got, tc.want)
		}
	}
}
