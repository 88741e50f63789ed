package drift

import (
	"math"
	"testing"

	"pgregory.net/rapid"
)

func TestTwoProportionZFarTails(t *testing.T) {
	t.Parallel()
	// Two-sided normal tails, from a continued fraction in 60 digits.
	for _, tc := range []struct{ z, want float64 }{
		{5, 5.73303143758387824e-07},
		{9, 2.25717681190768108e-19},
		{20, 5.50724823721246747e-89},
		{37, 1.14511424450491542e-299},
	} {
		relatively(t, "p", twoSided(tc.z), tc.want, 1e-11)
		relatively(t, "p of the mirror image", twoSided(-tc.z), tc.want, 1e-11)
	}
	if z, p := TwoProportionZ(Proportion{100_000, 1_000_000}, Proportion{11_000, 100_000}, 1); p <= 0 || p > 1e-22 || z < 9 {
		t.Errorf("z = %v, p = %v, want about 10 and a p-value of its size", z, p)
	}
}

func TestTwoProportionZEdges(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name      string
		base, cur Proportion
	}{
		{"no claims", Proportion{}, Proportion{}},
		{"empty baseline", Proportion{}, Proportion{5, 40}},
		{"empty current window", Proportion{5, 40}, Proportion{}},
		{"none denied", Proportion{0, 90}, Proportion{0, 40}},
		{"all denied", Proportion{90, 90}, Proportion{40, 40}},
		{"same rate", Proportion{10, 100}, Proportion{4, 40}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			if z, p := TwoProportionZ(tc.base, tc.cur, 1.5); z != 0 || p != 1 {
				t.Errorf("z %v p %v, want 0 and 1", z, p)
			}
		})
	}
}

func TestRateChangeIsRoundedOnce(t *testing.T) {
	t.Parallel()
	if got := RateChange(Proportion{10, 100}, Proportion{15, 100}); got != 0.05 {
		t.Errorf("0.15 - 0.10 = %v", got)
	}
	if got := RateChange(Proportion{6, 20}, Proportion{7, 20}); got != 0.05 {
		t.Errorf("7/20 - 6/20 = %v", got)
	}
	if got := RateChange(Proportion{}, Proportion{7, 20}); got != 0.35 {
		t.Errorf("7/20 against nothing = %v", got)
	}
}

func TestRatesMirror(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		a, b := drawProportion(t, "a", 5000), drawProportion(t, "b", 5000)
		phi := rapid.Float64Range(1, 4).Draw(t, "phi")
		z1, p1 := TwoProportionZ(a, b, phi)
		z2, p2 := TwoProportionZ(b, a, phi)
		if math.Abs(z1+z2) > 1e-12 || math.Abs(p1-p2) > 1e-12 || p1 < 0 || p1 > 1 {
			t.Fatalf("z %v, %v p %v, %v", z1, z2, p1, p2)
		}
		there, back := Newcombe(a, b, 0.95), Newcombe(b, a, 0.95)
		if math.Abs(there.Low+back.High) > 1e-12 || math.Abs(there.High+back.Low) > 1e-12 {
			t.Fatalf("intervals %v and %v are no mirror images", there, back)
		}
		delta := RateChange(a, b)
		if there.Low > delta || delta > there.High || there.Low < -1 || there.High > 1 {
			t.Fatalf("interval %v does not fit %v", there, delta)
		}
	})
}

func TestNewcombeEdges(t *testing.T) {
	t.Parallel()
	if got := Newcombe(Proportion{}, Proportion{3, 10}, 0.95); got != (Interval{-1, 1}) {
		t.Errorf("without a baseline: %v", got)
	}
	// At the corners the score interval of each rate ends at the rate itself.
	got := Newcombe(Proportion{0, 50}, Proportion{40, 40}, 0.95)
	if got.High != 1 || got.Low <= 0.8 || got.Low >= 1 {
		t.Errorf("from none to all denied: %v", got)
	}
}

func TestOverdispersionEdges(t *testing.T) {
	t.Parallel()
	week := func(x, n, times int) []Proportion {
		var w []Proportion
		for range times {
			w = append(w, Proportion{x, n})
		}
		return w
	}
	wild := append(week(0, 40, 3), week(20, 40, 3)...)
	for _, tc := range []struct {
		name  string
		weeks []Proportion
		want  float64
	}{
		{"no weeks", nil, 1},
		{"five weeks", wild[:5], 1},
		{"none denied", week(0, 30, 12), 1},
		{"all denied", week(30, 30, 12), 1},
		{"equal weeks would give less than one", week(5, 30, 12), 1},
		// chi-square 6 * 100 / (40 * 0.25 * 0.75) over five degrees of freedom.
		{"two regimes", wild, 6 * 100 / (40 * 0.25 * 0.75) / 5},
		{"small weeks do not count", append(week(4, 4, 20), wild...), 6 * 100 / (40 * 0.25 * 0.75) / 5},
		{"small weeks do not make up the number", append(week(4, 4, 20), wild[:5]...), 1},
		{"weeks of five count", append(week(0, 5, 3), week(5, 5, 3)...), 6 * 2.5 * 2.5 / (5 * 0.25) / 5},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			relatively(t, "phi", Overdispersion(tc.weeks), tc.want, 1e-12)
		})
	}
}

func TestSmallestExpected(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		base, cur Proportion
		want      float64
	}{
		{Proportion{}, Proportion{}, 0},
		{Proportion{10, 100}, Proportion{10, 100}, 10},
		{Proportion{95, 100}, Proportion{45, 50}, 50 * 10.0 / 150},
		{Proportion{100, 100}, Proportion{50, 50}, 0},
	} {
		relatively(t, "smallest expected", SmallestExpected(tc.base, tc.cur), tc.want, 1e-12)
	}
}
