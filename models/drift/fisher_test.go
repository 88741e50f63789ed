package drift

import (
	"math"
	"math/big"
	"testing"

	"pgregory.net/rapid"
)

// bruteFisher is Fisher's exact test by listing every table in whole numbers.
func bruteFisher(base, cur Proportion) float64 {
	m := base.X + cur.X
	weight := func(k int) *big.Int {
		a := new(big.Int).Binomial(int64(cur.N), int64(k))
		return a.Mul(a, new(big.Int).Binomial(int64(base.N), int64(m-k)))
	}
	observed, total, unlikely := weight(cur.X), new(big.Int), new(big.Int)
	scale := big.NewInt(10_000_000)
	limit := new(big.Int).Mul(observed, big.NewInt(10_000_001))
	for k := max(0, m-base.N); k <= min(m, cur.N); k++ {
		w := weight(k)
		total.Add(total, w)
		if new(big.Int).Mul(w, scale).Cmp(limit) <= 0 {
			unlikely.Add(unlikely, w)
		}
	}
	p, _ := new(big.Rat).SetFrac(unlikely, total).Float64()
	return p
}

func TestFisherExactAgreesWithBruteForce(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		base, cur := drawProportion(t, "base", 120), drawProportion(t, "cur", 120)
		got, want := FisherExact(base, cur), bruteFisher(base, cur)
		if math.Abs(got-want) > 1e-11*want {
			t.Fatalf("%v %v: p = %.15g, want %.15g", base, cur, got, want)
		}
	})
}

func TestFisherExactFarTails(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		base, cur Proportion
		want      float64 // whole-number arithmetic
	}{
		{Proportion{0, 1000}, Proportion{40, 1000}, 1.22188713172171481e-12},
		{Proportion{2, 5000}, Proportion{60, 400}, 3.30015658734109936e-67},
		{Proportion{5, 100000}, Proportion{9, 300}, 3.35513840626231485e-20},
		{Proportion{500, 1000}, Proportion{0, 1000}, 9.57063058743217434e-188},
		{Proportion{3, 2000000}, Proportion{4, 1000}, 2.16747089550608078e-12},
	} {
		relatively(t, "p", FisherExact(tc.base, tc.cur), tc.want, 1e-11)
		relatively(t, "p of the mirrored table", FisherExact(tc.cur, tc.base), tc.want, 1e-11)
		flip := func(p Proportion) Proportion { return Proportion{p.N - p.X, p.N} }
		relatively(t, "p of the complement", FisherExact(flip(tc.base), flip(tc.cur)), tc.want, 1e-11)
	}
}

func TestFisherExactEdges(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name      string
		base, cur Proportion
		want      float64
	}{
		{"no claims", Proportion{}, Proportion{}, 1},
		{"empty baseline", Proportion{}, Proportion{3, 10}, 1},
		{"none denied", Proportion{0, 30}, Proportion{0, 40}, 1},
		{"all denied", Proportion{30, 30}, Proportion{40, 40}, 1},
		{"same rate", Proportion{1, 30}, Proportion{1, 30}, 1},
		{"two modes of equal weight", Proportion{1, 5}, Proportion{2, 5}, 1},
		{"everything turned", Proportion{0, 2}, Proportion{2, 2}, 1.0 / 3},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			relatively(t, "p", FisherExact(tc.base, tc.cur), tc.want, 1e-12)
		})
	}
}

func TestFisherExactLargeSamples(t *testing.T) {
	t.Parallel()
	// Ten million claims with a rare outcome: Poisson's distribution is the
	// limit, given ten in all half of them on each side.
	base, cur := Proportion{0, 10_000_000}, Proportion{10, 10_000_000}
	relatively(t, "p", FisherExact(base, cur), 2*math.Pow(0.5, 10), 1e-5)
	// A small window against a very large baseline.
	base, cur = Proportion{1_000_000, 10_000_000}, Proportion{12, 30}
	want := 0.0
	for k := range 31 {
		if w := binomialPMF(30, k, 0.1); w <= binomialPMF(30, 12, 0.1)*(1+tieTolerance) {
			want += w
		}
	}
	relatively(t, "p", FisherExact(base, cur), want, 1e-3)
}

func binomialPMF(n, k int, p float64) float64 {
	c, _ := new(big.Float).SetInt(new(big.Int).Binomial(int64(n), int64(k))).Float64()
	return c * math.Pow(p, float64(k)) * math.Pow(1-p, float64(n-k))
}

func drawProportion(t *rapid.T, label string, most int) Proportion {
	n := rapid.IntRange(1, most).Draw(t, label+" n")
	return Proportion{X: rapid.IntRange(0, n).Draw(t, label+" x"), N: n}
}
