package drift

import (
	"maps"
	"slices"
)

// Histogram counts claims by value, in whole days.
type Histogram map[int]int

// N is the number of claims counted.
func (h Histogram) N() int {
	n := 0
	for _, count := range h {
		n += count
	}
	return n
}

// Median is the middle value, or the mean of the middle two when their number
// is even; 0 for an empty histogram.
func (h Histogram) Median() float64 {
	n := h.N()
	if n == 0 {
		return 0
	}
	values := slices.Sorted(maps.Keys(h))
	lower := h.ranked(values, (n-1)/2)
	upper := h.ranked(values, n/2)
	return float64(lower+upper) / 2
}

// ranked is the value at a 0-based rank among the claims; values are the
// histogram's own in ascending order.
func (h Histogram) ranked(values []int, rank int) int {
	for _, v := range values {
		if rank < h[v] {
			return v
		}
		rank -= h[v]
	}
	return values[len(values)-1]
}

func (h Histogram) plus(value, count int) Histogram {
	if count == 0 {
		return h
	}
	if h == nil {
		h = make(Histogram)
	}
	h[value] += count
	return h
}
