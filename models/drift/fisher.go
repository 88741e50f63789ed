package drift

import "math"

const (
	// tieTolerance is how much more likely than the observed table another may
	// be and still count as no more likely: its probability is the same number
	// reached by another order of operations.
	tieTolerance = 1e-7
	// negligible ends the sum of a tail, relative to what it has reached.
	negligible = 1e-18
)

// FisherExact is the two-sided p-value, 0..1, of Fisher's exact test on two
// proportions: the probability, given both margins, of all tables no more
// likely than the observed one.
//
// Weights follow from one another by the ratio of neighbouring hypergeometric
// probabilities, starting at the mode. Differences of log-gammas would lose
// seven digits at ten million claims, as much as the tie tolerance; the ratios
// lose none, and sums are kept relative to the observed table so that a tiny
// p-value does not cancel to zero. The cost is proportional to the distance of
// the observed table from the mode plus a few standard deviations.
//
// Source: R. A. Fisher, Statistical Methods for Research Workers (1925); the
// two-sided rule is that of Freeman and Halton, Biometrika 38 (1951).
func FisherExact(base, cur Proportion) float64 {
	h := hypergeometric{base: base.N, cur: cur.N, x: base.X + cur.X}
	mode := h.mode()
	total := 1 + h.tail(mode, +1) + h.tail(mode, -1)
	observed := h.logWeight(mode, cur.X)
	limit := observed + math.Log1p(tieTolerance)
	if limit >= 0 {
		return 1
	}
	p := h.unlikely(mode, +1, observed, limit) + h.unlikely(mode, -1, observed, limit)
	return min(1, math.Exp(observed-math.Log(total)+math.Log(p)))
}

// hypergeometric is the distribution of the number of claims with a property
// in the current sample, given that x of all claims have it.
type hypergeometric struct{ base, cur, x int }

func (h hypergeometric) low() int  { return max(0, h.x-h.base) }
func (h hypergeometric) high() int { return min(h.x, h.cur) }

func (h hypergeometric) mode() int {
	mode := int(float64(h.x+1) * float64(h.cur+1) / float64(h.base+h.cur+2))
	return max(h.low(), min(h.high(), mode))
}

// ratio is P(k+step) / P(k) for a step of one up or down; 0 outside the support.
func (h hypergeometric) ratio(k, step int) float64 {
	if step < 0 {
		if k <= h.low() {
			return 0
		}
		return float64(k) * float64(h.base-h.x+k) / (float64(h.cur-k+1) * float64(h.x-k+1))
	}
	if k >= h.high() {
		return 0
	}
	return float64(h.cur-k) * float64(h.x-k) / (float64(k+1) * float64(h.base-h.x+k+1))
}

// tail sums the weights beyond k in one direction relative to the weight of k.
func (h hypergeometric) tail(k, step int) float64 {
	sum, weight := 0.0, 1.0
	for {
		weight *= h.ratio(k, step)
		sum += weight
		k += step
		if weight <= negligible*(1+sum) {
			return sum
		}
	}
}

// logWeight is log(P(k) / P(mode)) for a k within the support.
func (h hypergeometric) logWeight(mode, k int) float64 {
	step := 1
	if k < mode {
		step = -1
	}
	sum := 0.0
	for at := mode; at != k; at += step {
		sum += math.Log(h.ratio(at, step))
	}
	return sum
}

// unlikely sums, over one side of the mode, the tables whose log weight is at
// most limit, relative to the observed weight.
func (h hypergeometric) unlikely(mode, step int, observed, limit float64) float64 {
	weight := 0.0
	for k := mode; ; k += step {
		ratio := h.ratio(k, step)
		if ratio == 0 {
			return 0
		}
		weight += math.Log(ratio)
		if weight <= limit {
			return math.Exp(weight-observed) * (1 + h.tail(k+step, step))
		}
	}
}
