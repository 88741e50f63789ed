package drift

import (
	"cmp"
	"slices"
)

// BenjaminiHochberg turns the p-values of a family of tests into q-values in
// the same order: the smallest false discovery rate at which each would be
// called a discovery, 0..1. Equal p-values get equal q-values.
//
// Source: Benjamini and Hochberg, Controlling the false discovery rate,
// Journal of the Royal Statistical Society B 57 (1995); step-up form.
func BenjaminiHochberg(p []float64) []float64 {
	order := make([]int, len(p))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(i, j int) int { return cmp.Compare(p[i], p[j]) })
	q := make([]float64, len(p))
	smallest := 1.0
	for rank := len(p); rank > 0; rank-- {
		i := order[rank-1]
		// The ratio first: m/rank is exactly 1 for the last test, so its q
		// cannot fall below its p by rounding.
		smallest = min(smallest, p[i]*(float64(len(p))/float64(rank)))
		q[i] = smallest
	}
	return q
}
