package demo

import (
	"math"
	"math/bits"
	"math/rand/v2"
)

// source draws random numbers. Only the raw output of PCG is used, with our own
// reductions, so that a change of the standard library's helpers changes no file.
type source struct{ pcg *rand.PCG }

// newSource starts one of several independent streams of a seed.
func newSource(seed, stream uint64) source { return source{rand.NewPCG(seed, stream)} }

// below draws from 0 to n-1.
func (s source) below(n int) int {
	hi, _ := bits.Mul64(s.pcg.Uint64(), uint64(n)) //nolint:gosec // n is a small positive constant
	return int(hi)                                 //nolint:gosec // below n
}

// uniform draws strictly between 0 and 1.
func (s source) uniform() float64 { return (float64(s.pcg.Uint64()>>12) + .5) / (1 << 52) }

// normal draws from the standard normal distribution.
func (s source) normal() float64 { return normalQuantile(s.uniform()) }

// hit is true with the given probability.
func (s source) hit(p chance) bool { return s.chance() < p }

// chance draws from the whole range.
func (s source) chance() chance { return chance(s.pcg.Uint64() >> 32) } //nolint:gosec // 32 bits are left

// pick draws an index by cumulative weights.
func (s source) pick(cumulative []chance) int {
	u := s.chance()
	for i, limit := range cumulative {
		if u < limit {
			return i
		}
	}
	return len(cumulative) - 1
}

// chance is a probability in units of 2^-32: coarse enough that the last bit of
// a floating-point result, which may differ between processors, does not decide
// what a row says.
type chance uint32

// chanceOf converts a probability; values beyond 0..1 are clipped.
func chanceOf(p float64) chance {
	return chance(math.Round(min(max(p, 0), 1) * math.MaxUint32))
}

// cumulative turns weights into the table that pick reads.
func cumulative(weights []float64) []chance {
	var total, sum float64
	for _, w := range weights {
		total += w
	}
	table := make([]chance, len(weights))
	for i, w := range weights {
		sum += w
		table[i] = chanceOf(sum / total)
	}
	return table
}

// gamma draws from the gamma distribution with scale 1 (Marsaglia and Tsang,
// "A simple method for generating gamma variables", 2000).
func (s source) gamma(shape float64) float64 {
	if shape < 1 {
		return s.gamma(shape+1) * math.Pow(s.uniform(), 1/shape)
	}
	d := shape - 1.0/3
	c := 1 / math.Sqrt(9*d)
	for {
		x := s.normal()
		v := math.Pow(1+c*x, 3)
		if v > 0 && math.Log(s.uniform()) < x*x/2+d-d*v+d*math.Log(v) {
			return d * v
		}
	}
}

// beta draws a probability with the given mean and intra-class correlation rho,
// both within 0..1: counts of n drawn with it vary 1+(n-1)rho times as much as
// binomial ones. Without correlation it is the mean.
func (s source) beta(mean, rho float64) float64 {
	if rho <= 0 || mean <= 0 || mean >= 1 {
		return mean
	}
	size := 1/rho - 1
	a, b := s.gamma(mean*size), s.gamma((1-mean)*size)
	return a / (a + b)
}

// normalQuantile is the inverse of the standard normal distribution function.
func normalQuantile(p float64) float64 { return math.Sqrt2 * math.Erfinv(2*p-1) }

// quantileSteps is the resolution of tabulated distributions.
const quantileSteps = 4096

// logNormalTable holds equally likely values of a log-normal distribution,
// rounded, from smallest to largest; drawing one of them at random draws from
// the distribution.
func logNormalTable(median, sigma, lowest, highest float64) []int64 {
	table := make([]int64, quantileSteps)
	for i := range table {
		z := normalQuantile((float64(i) + .5) / quantileSteps)
		value := median * math.Exp(sigma*z)
		table[i] = int64(math.Round(min(max(value, lowest), highest)))
	}
	return table
}

// tableMedian is the median of a sorted table of even length.
func tableMedian(table []int64) float64 {
	i := len(table) / 2
	return float64(table[i-1]+table[i]) / 2
}
