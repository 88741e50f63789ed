package drift

import (
	"math"

	"gonum.org/v1/gonum/stat/distuv"
)

// targetPower is the chance of finding the minimum detectable change.
const targetPower = 0.8

// Direction is the sign of a change: +1 a rise, -1 a fall.
type Direction int

// The directions.
const (
	Rise Direction = 1
	Fall Direction = -1
)

// MinDetectableRate is the smallest absolute change of a rate that
// [TwoProportionZ] at two-sided level alpha, on samples of this size, this
// baseline rate and this overdispersion, finds with 80 % power; ok is false
// when no change that fits into 0..1 is found that surely.
//
// It answers for the adverse direction, the change a clinic has to be warned
// of; only when the rate has no room for a detectable change on that side does
// it answer for the other one.
//
// Source: the usual normal approximation, Fleiss, Levin, Paik, Statistical
// Methods for Rates and Proportions, 3rd ed., §4.2, solved by bisection.
func MinDetectableRate(base Proportion, curN int, phi, alpha float64, adverse Direction) (delta float64, ok bool) {
	if base.N == 0 || curN == 0 {
		return 0, false
	}
	for _, dir := range []Direction{adverse, -adverse} {
		power := func(d float64) float64 {
			return PowerTwoProportionZ(base, curN, phi, alpha, float64(dir)*d)
		}
		if room := roomFor(base.Rate(), dir); power(room) >= targetPower {
			return bisect(power, 0, room), true
		}
	}
	return 0, false
}

// PowerTwoProportionZ is the probability, 0..1, that [TwoProportionZ] calls a
// change from the baseline rate by delta significant, in the direction it has,
// at two-sided level alpha. The other tail is left out: it is below 1e-6 at any
// power of interest, and next to rates of 0 and 1 the approximation would count
// tables that cannot occur.
func PowerTwoProportionZ(base Proportion, curN int, phi, alpha, delta float64) float64 {
	pb, nb, nc := base.Rate(), float64(base.N), float64(curN)
	pc := math.Max(0, math.Min(1, pb+delta))
	critical := normalQuantile(1-alpha/2) * math.Sqrt(phi) * pooledError(base.N, curN, (nb*pb+nc*pc)/(nb+nc))
	se := math.Sqrt(phi * (pb*(1-pb)/nb + pc*(1-pc)/nc))
	if se == 0 {
		if math.Abs(delta) >= critical && delta != 0 {
			return 1
		}
		return 0
	}
	return distuv.UnitNormal.CDF((math.Abs(delta) - critical) / se)
}

// roomFor is the largest change of a rate that stays within 0..1.
func roomFor(rate float64, dir Direction) float64 {
	if dir == Rise {
		return 1 - rate
	}
	return rate
}

// MinDetectableMean is the smallest absolute change of a mean that [WelchT] at
// two-sided level alpha, on samples of this size and variance, finds with 80 %
// power, in the unit of the mean; ok is false when the test is not defined or
// has no variance to overcome. It is the same in both directions.
//
// Source: noncentral t, Johnson, Kotz, Balakrishnan, Continuous Univariate
// Distributions 2, ch. 31, with Welch's degrees of freedom, solved by bisection.
func MinDetectableMean(base, cur Sample, alpha float64) (delta float64, ok bool) {
	if base.N < 2 || cur.N < 2 {
		return 0, false
	}
	se, df := welchError(base, cur)
	if se == 0 {
		return 0, false
	}
	critical := distuv.StudentsT{Sigma: 1, Nu: df}.Quantile(1 - alpha/2)
	power := func(shift float64) float64 { return powerT(df, critical, shift) }
	high := 1.0
	for power(high) < targetPower {
		high *= 2
	}
	return se * bisect(power, 0, high), true
}

// powerT is the power of a two-sided t test with this critical value when the
// mean is shift standard errors away from the null.
func powerT(df, critical, shift float64) float64 {
	dist := distuv.NoncentralT{Nu: df, Mu: shift}
	return 1 - dist.CDF(critical) + dist.CDF(-critical)
}

// bisect finds where power, rising between low and high, reaches the target.
// The answer errs upwards: power there is at least the target.
func bisect(power func(float64) float64, low, high float64) float64 {
	const relative, rounds = 1e-9, 200
	for i := 0; i < rounds && high-low > relative*high; i++ {
		mid := low + (high-low)/2
		if power(mid) >= targetPower {
			high = mid
		} else {
			low = mid
		}
	}
	return high
}
