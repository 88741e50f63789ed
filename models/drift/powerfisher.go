package drift

import (
	"math"
)

// powerTail is where the binomial distributions of a power calculation are cut
// off, relative to their largest term: far below what two digits of power need.
const powerTail = 1e-10

// MinDetectableFisher is [MinDetectableRate] for [FisherExact]: the smallest
// absolute change found with 80 % power when both samples are binomial. The
// test is discrete and cautious on sparse tables, where the normal
// approximation would promise a smaller change than it can find; so the power
// is the exact one.
func MinDetectableFisher(base Proportion, curN int, alpha float64, adverse Direction) (delta float64, ok bool) {
	if base.N == 0 || curN == 0 {
		return 0, false
	}
	f := newFisherPower(base, curN, alpha)
	for _, dir := range []Direction{adverse, -adverse} {
		room := roomFor(base.Rate(), dir)
		power := func(d float64) float64 { return f.at(float64(dir) * d) }
		start := room
		if guess, found := MinDetectableRate(base, curN, 1, alpha, dir); found {
			start = min(guess, room)
		}
		if low, high, found := bracket(power, start, room); found {
			return bisect(power, low, high), true
		}
	}
	return 0, false
}

// PowerFisherExact is the probability, 0..1, that [FisherExact] calls a change
// from the baseline rate by delta significant at level alpha, over all tables
// two binomial samples of this size can give.
func PowerFisherExact(base Proportion, curN int, alpha, delta float64) float64 {
	return newFisherPower(base, curN, alpha).at(delta)
}

// bracket encloses the target power near start without ever looking far from
// it: distant rates of large samples span too many tables to enumerate.
func bracket(power func(float64) float64, start, room float64) (low, high float64, ok bool) {
	const grow = 1.25
	if room <= 0 {
		return 0, 0, false
	}
	high = start
	for power(high) < targetPower {
		if high >= room {
			return 0, 0, false
		}
		low, high = high, min(room, high*grow)
	}
	for low == 0 {
		below := high / grow
		if power(below) < targetPower {
			low = below
		} else {
			high = below
		}
	}
	return low, high, true
}

// fisherPower enumerates tables for one pair of sample sizes and one baseline
// rate; the acceptance region of each margin is worked out once.
type fisherPower struct {
	baseN, curN int
	rate, alpha float64
	base        binomial
	accepted    map[int]acceptance
}

// acceptance is the range of the current count that is not significant, given
// the total; empty when low > high.
type acceptance struct{ low, high int }

func newFisherPower(base Proportion, curN int, alpha float64) *fisherPower {
	return &fisherPower{
		baseN: base.N, curN: curN, rate: base.Rate(), alpha: alpha,
		base: newBinomial(base.N, base.Rate()), accepted: make(map[int]acceptance),
	}
}

func (f *fisherPower) at(delta float64) float64 {
	cur := newBinomial(f.curN, math.Max(0, math.Min(1, f.rate+delta)))
	missed := 0.0
	for total := f.base.first + cur.first; total <= f.base.last()+cur.last(); total++ {
		region := f.acceptance(total)
		low := max(region.low, cur.first, total-f.base.last())
		high := min(region.high, cur.last(), total-f.base.first)
		for x := low; x <= high; x++ {
			missed += f.base.at(total-x) * cur.at(x)
		}
	}
	return max(0, 1-missed)
}

// acceptance takes tables into the rejection region from the least likely
// upwards, equally likely ones together, while their probability stays within
// alpha: exactly the tables with a p-value of at most alpha.
func (f *fisherPower) acceptance(total int) acceptance {
	if known, ok := f.accepted[total]; ok {
		return known
	}
	weights := hypergeometric{base: f.baseN, cur: f.curN, x: total}.probabilities()
	region := acceptance{weights.first, weights.last()}
	for p := 0.0; region.low <= region.high; {
		next := region
		lower, upper := weights.at(region.low), weights.at(region.high)
		least := min(lower, upper) * (1 + tieTolerance)
		if lower <= least {
			p += lower
			next.low++
		}
		if upper <= least && region.high > region.low {
			p += upper
			next.high--
		}
		if p > f.alpha {
			break
		}
		region = next
	}
	f.accepted[total] = region
	return region
}

// pmf holds the probabilities of consecutive counts; others are negligible.
type pmf struct {
	first int
	p     []float64
}

type binomial = pmf

func (m pmf) last() int        { return m.first + len(m.p) - 1 }
func (m pmf) at(k int) float64 { return m.p[k-m.first] }

// newBinomial lists Binomial(n, rate) around its mode.
func newBinomial(n int, rate float64) binomial {
	mode := min(n, int(float64(n+1)*rate))
	odds := rate / (1 - rate)
	return newPMF(mode, powerTail, func(k, step int) float64 {
		switch {
		case rate <= 0 || rate >= 1:
			return 0
		case step > 0:
			return float64(n-k) / float64(k+1) * odds
		default:
			return float64(k) / (float64(n-k+1) * odds)
		}
	})
}

// probabilities lists the hypergeometric distribution around its mode.
func (h hypergeometric) probabilities() pmf {
	return newPMF(h.mode(), negligible, h.ratio)
}

// newPMF walks from the mode both ways by the ratios of neighbouring
// probabilities until they fall below cut times the mode's, and normalises.
func newPMF(mode int, cut float64, ratio func(k, step int) float64) pmf {
	walk := func(step int) []float64 {
		var weights []float64
		for k, w := mode, 1.0; ; k += step {
			w *= ratio(k, step)
			if w < cut || w == 0 {
				return weights
			}
			weights = append(weights, w)
		}
	}
	down, up := walk(-1), walk(+1)
	m := pmf{first: mode - len(down), p: make([]float64, 0, len(down)+1+len(up))}
	for i := len(down) - 1; i >= 0; i-- {
		m.p = append(m.p, down[i])
	}
	m.p = append(append(m.p, 1), up...)
	sum := 0.0
	for _, w := range m.p {
		sum += w
	}
	for i := range m.p {
		m.p[i] /= sum
	}
	return m
}
