package drift

import (
	"math"

	"gonum.org/v1/gonum/stat/distuv"
)

// Proportion is X claims with a property out of N; 0 <= X <= N.
type Proportion struct{ X, N int }

// Rate is X / N, 0 when there are no claims.
func (p Proportion) Rate() float64 {
	if p.N == 0 {
		return 0
	}
	return float64(p.X) / float64(p.N)
}

// Interval is a closed range of the change a test is about, in its unit.
type Interval struct{ Low, High float64 }

// RateChange is current minus baseline. It is taken from the counts, with one
// rounding: 0.15 - 0.10 is 0.05 here and not 0.04999999999999999.
func RateChange(base, cur Proportion) float64 {
	if base.N == 0 || cur.N == 0 {
		return cur.Rate() - base.Rate()
	}
	cross := float64(cur.X)*float64(base.N) - float64(base.X)*float64(cur.N)
	return cross / (float64(base.N) * float64(cur.N))
}

// SmallestExpected is the smallest expected cell count of the 2x2 table of two
// proportions under the hypothesis that they are equal; 0 without claims.
func SmallestExpected(base, cur Proportion) float64 {
	n := base.N + cur.N
	if n == 0 {
		return 0
	}
	x := base.X + cur.X
	return float64(min(x, n-x)) * float64(min(base.N, cur.N)) / float64(n)
}

// TwoProportionZ is the pooled two-proportion z test, two-sided, with the
// standard error widened by the square root of the overdispersion phi >= 1:
// the statistic and its p-value, 0..1. Without variation in the pooled sample
// it is 0 and 1.
//
// Source: Fleiss, Levin, Paik, Statistical Methods for Rates and Proportions,
// 3rd ed., §3.1 (without continuity correction); the factor phi as for
// quasi-binomial models, McCullagh and Nelder, Generalized Linear Models,
// 2nd ed., §4.5.
func TwoProportionZ(base, cur Proportion, phi float64) (z, p float64) {
	n, x := base.N+cur.N, base.X+cur.X
	if base.N == 0 || cur.N == 0 || x == 0 || x == n {
		return 0, 1
	}
	z = RateChange(base, cur) / (math.Sqrt(phi) * pooledError(base.N, cur.N, Proportion{x, n}.Rate()))
	return z, twoSided(z)
}

// pooledError is the standard error of a difference of two proportions that
// share one rate.
func pooledError(baseN, curN int, rate float64) float64 {
	return math.Sqrt(rate * (1 - rate) * (1/float64(baseN) + 1/float64(curN)))
}

// twoSided is the probability of a standard normal at least as far from zero
// as z. It takes the lower tail: distuv's Survival subtracts from one and
// would answer 0 beyond eight standard deviations.
func twoSided(z float64) float64 {
	return min(1, 2*distuv.UnitNormal.CDF(-math.Abs(z)))
}

// Newcombe is the hybrid score interval for current minus baseline at the
// given level (0.95), without continuity correction; [-1, 1] when either
// sample is empty.
//
// Source: R. G. Newcombe, Interval estimation for the difference between
// independent proportions, Statistics in Medicine 17 (1998), method 10.
func Newcombe(base, cur Proportion, level float64) Interval {
	if base.N == 0 || cur.N == 0 {
		return Interval{-1, 1}
	}
	b, c, delta := wilson(base, level), wilson(cur, level), RateChange(base, cur)
	pb, pc := base.Rate(), cur.Rate()
	return Interval{
		Low:  max(-1, delta-math.Hypot(pc-c.Low, b.High-pb)),
		High: min(1, delta+math.Hypot(c.High-pc, pb-b.Low)),
	}
}

// wilson is the score interval of one proportion.
//
// Source: E. B. Wilson, Probable inference, the law of succession, and
// statistical inference, JASA 22 (1927).
func wilson(p Proportion, level float64) Interval {
	z := normalQuantile((1 + level) / 2)
	n, rate := float64(p.N), p.Rate()
	scale := 1 + z*z/n
	centre := (rate + z*z/(2*n)) / scale
	half := z / scale * math.Sqrt(rate*(1-rate)/n+z*z/(4*n*n))
	// The bounds never exclude the estimate; rounding at 0 and 1 could.
	return Interval{Low: max(0, min(rate, centre-half)), High: min(1, max(rate, centre+half))}
}

func normalQuantile(p float64) float64 { return distuv.UnitNormal.Quantile(p) }

// The buckets an estimate of overdispersion needs: each large enough for its
// own rate, and enough of them for a variance.
const (
	minBucketSize = 5
	minBuckets    = 6
)

// Overdispersion is phi >= 1, how much more consecutive weeks of the baseline
// differ than chance allows: Pearson's chi-square over its degrees of freedom.
// Buckets with fewer than five claims are dropped; it is 1 when fewer than six
// are left or they all have the same outcome.
//
// Source: McCullagh and Nelder, Generalized Linear Models, 2nd ed., §4.5.
func Overdispersion(buckets []Proportion) float64 {
	var pooled Proportion
	k := 0
	for _, b := range buckets {
		if b.N >= minBucketSize {
			k++
			pooled.X += b.X
			pooled.N += b.N
		}
	}
	if k < minBuckets || pooled.X == 0 || pooled.X == pooled.N {
		return 1
	}
	rate, chi2 := pooled.Rate(), 0.0
	for _, b := range buckets {
		if b.N >= minBucketSize {
			n := float64(b.N)
			residual := float64(b.X) - n*rate
			chi2 += residual * residual / (n * rate * (1 - rate))
		}
	}
	return max(1, chi2/float64(k-1))
}
