package drift

import (
	"maps"
	"math"
	"slices"
)

// RankSum is the result of a Mann-Whitney test.
type RankSum struct {
	// U is the number of (baseline, current) pairs in which the current value
	// is larger, ties counting half.
	U float64
	// Effect is U over the number of pairs, 0..1: the probability that a claim
	// of the current window has the larger value.
	Effect float64
	// P is the two-sided p-value, 0..1.
	P float64
}

// MannWhitneyU is the rank-sum test of current against baseline, two-sided, by
// the normal approximation with tie and continuity corrections, from two
// histograms in O(distinct values). All values tied, or an empty sample, give
// p = 1.
//
// Source: Mann and Whitney, Annals of Mathematical Statistics 18 (1947); tie
// correction as in Lehmann, Nonparametrics (1975), §1.4.
func MannWhitneyU(base, cur Histogram) RankSum {
	nb, nc := float64(base.N()), float64(cur.N())
	if nb == 0 || nc == 0 {
		return RankSum{Effect: 0.5, P: 1}
	}
	var u, below, ties float64
	for _, v := range unionValues(base, cur) {
		b, c := float64(base[v]), float64(cur[v])
		u += c * (below + b/2)
		below += b
		t := b + c
		ties += t * (t - 1) * (t + 1)
	}
	n := nb + nc
	result := RankSum{U: u, Effect: u / (nb * nc), P: 1}
	// One product for the whole correction: nothing cancels but the ties
	// themselves, which are exactly zero when all values are tied.
	spread := n*(n-1)*(n+1) - ties
	if spread > 0 {
		sd := math.Sqrt(nb * nc * spread / (12 * n * (n - 1)))
		result.P = twoSided(max(0, math.Abs(u-nb*nc/2)-0.5) / sd)
	}
	return result
}

// unionValues are the values either histogram counts, ascending.
func unionValues(a, b Histogram) []int {
	values := slices.AppendSeq(slices.Collect(maps.Keys(a)), maps.Keys(b))
	slices.Sort(values)
	return slices.Compact(values)
}
