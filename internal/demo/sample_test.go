package demo

import (
	"math"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

func moments(n int, draw func() float64) (mean, variance float64) {
	var sum, square float64
	for range n {
		x := draw()
		sum += x
		square += x * x
	}
	mean = sum / float64(n)
	return mean, square/float64(n) - mean*mean
}

func TestSource_Gamma(t *testing.T) {
	t.Parallel()
	for _, shape := range []float64{.3, 1, 2.5, 40} {
		rng := newSource(7, 1)
		mean, variance := moments(200_000, func() float64 { return rng.gamma(shape) })
		if math.Abs(mean/shape-1) > .03 || math.Abs(variance/shape-1) > .06 {
			t.Errorf("shape %v: mean %v, variance %v, want both %v", shape, mean, variance, shape)
		}
	}
}

func TestSource_Beta(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct{ mean, rho float64 }{{.05, .02}, {.2, .01}, {.5, .3}} {
		rng := newSource(7, 2)
		mean, variance := moments(100_000, func() float64 { return rng.beta(tc.mean, tc.rho) })
		want := tc.mean * (1 - tc.mean) * tc.rho
		if math.Abs(mean/tc.mean-1) > .03 || math.Abs(variance/want-1) > .06 {
			t.Errorf("mean %v, variance %v, want %v, %v", mean, variance, tc.mean, want)
		}
	}
	for _, tc := range []struct{ mean, rho float64 }{{.1, 0}, {0, .02}, {1, .02}} {
		if got := newSource(7, 3).beta(tc.mean, tc.rho); got != tc.mean {
			t.Errorf("beta(%v, %v) = %v, want the mean", tc.mean, tc.rho, got)
		}
	}
}

func TestSource_Pick(t *testing.T) {
	t.Parallel()
	rng, table, seen := newSource(7, 4), cumulative([]float64{3, 0, 5, 2}), [4]int{}
	for range 100_000 {
		seen[rng.pick(table)]++
	}
	for i, want := range []float64{.3, 0, .5, .2} {
		if got := float64(seen[i]) / 100_000; math.Abs(got-want) > .01 {
			t.Errorf("index %d drawn with frequency %v, want %v", i, got, want)
		}
	}
}

func TestSource_Bounds(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		rng := newSource(rapid.Uint64().Draw(t, "seed"), rapid.Uint64().Draw(t, "stream"))
		n := rapid.IntRange(1, 1<<40).Draw(t, "n")
		if got := rng.below(n); got < 0 || got >= n {
			t.Fatalf("below(%d) = %d", n, got)
		}
		if u := rng.uniform(); u <= 0 || u >= 1 {
			t.Fatalf("uniform() = %v", u)
		}
		if z := rng.normal(); math.IsInf(z, 0) || math.IsNaN(z) {
			t.Fatalf("normal() = %v", z)
		}
	})
}

func TestChanceOf(t *testing.T) {
	t.Parallel()
	for p, want := range map[float64]chance{-1: 0, 0: 0, .5: 1 << 31, 1: math.MaxUint32, 2: math.MaxUint32} {
		if got := chanceOf(p); got != want {
			t.Errorf("chanceOf(%v) = %d, want %d", p, got, want)
		}
	}
}

func TestLogNormalTable(t *testing.T) {
	t.Parallel()
	table := logNormalTable(16, .4, 1, 60)
	if !slices.IsSorted(table) || table[0] < 1 || table[len(table)-1] > 60 {
		t.Errorf("from %d to %d", table[0], table[len(table)-1])
	}
	if got := tableMedian(table); got != 16 {
		t.Errorf("median %v, want 16", got)
	}
	// The 84.13th percentile is one standard deviation up.
	if got, want := float64(table[3446]), 16*math.Exp(.4); math.Abs(got-want) > 1 {
		t.Errorf("one sigma up is %v, want %v", got, want)
	}
}

func TestPlan_DayCounts(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		h := Harbor{
			Today: testToday, Claims: rapid.IntRange(1, 100_000).Draw(t, "claims"), Days: rapid.IntRange(1, 500).Draw(t, "days"),
		}
		p := &plan{Harbor: h, shiftDay: h.Days - 13}
		sum, even := 0, float64(h.Claims)/float64(h.Days)
		for day, n := range p.dayCounts() {
			if sum += n; n < 0 || float64(n) > 3*even+1 {
				t.Fatalf("%d claims on day %d", n, day)
			}
		}
		if sum != h.Claims {
			t.Fatalf("%d claims, want %d", sum, h.Claims)
		}
	})
}

func TestAppendHelpers(t *testing.T) {
	t.Parallel()
	for cents, want := range map[int64]string{0: "0.00,", 5: "0.05,", 1999: "19.99,", -12_345: "-123.45,", absent: ","} {
		if got := string(appendCents(nil, cents)); got != want {
			t.Errorf("%d cents are %q, want %q", cents, got, want)
		}
	}
	for n, want := range map[int]string{1: "0001", 42: "0042", 9999: "9999", 12_345: "12345"} {
		if got := string(appendPadded(nil, n, 4)); got != want {
			t.Errorf("%d is %q, want %q", n, got, want)
		}
	}
}
