package drift

import (
	"math"

	"github.com/shopspring/decimal"
	"gonum.org/v1/gonum/stat/distuv"
)

// meanDigits after the decimal point keep a mean exact to the last bit of a
// float64 for amounts from a cent upwards.
const meanDigits = 20

// Moments are the exact sums a mean and a variance follow from: N values, USD.
type Moments struct {
	N               int
	Sum, SumSquares decimal.Decimal
}

func (m *Moments) add(other Moments) {
	m.N += other.N
	m.Sum = m.Sum.Add(other.Sum)
	m.SumSquares = m.SumSquares.Add(other.SumSquares)
}

// Sample turns the sums into mean and variance. The subtraction that floating
// point would spoil is done in decimals, so equal amounts have a variance of
// exactly zero.
func (m Moments) Sample() Sample {
	s := Sample{N: m.N}
	if m.N == 0 {
		return s
	}
	n := decimal.NewFromInt(int64(m.N))
	s.Mean = m.Sum.DivRound(n, meanDigits).InexactFloat64()
	if m.N > 1 {
		spread := n.Mul(m.SumSquares).Sub(m.Sum.Mul(m.Sum)).InexactFloat64()
		s.Variance = max(0, spread) / (float64(m.N) * float64(m.N-1))
	}
	return s
}

// Sample describes N values by their mean and unbiased variance (0 for N < 2).
type Sample struct {
	N              int
	Mean, Variance float64
}

// TTest is the result of a Welch test of current minus baseline.
type TTest struct {
	// T and DF are the statistic and its degrees of freedom. T is infinite for
	// different means without any variance; DF is then 0.
	T, DF float64
	// P is the two-sided p-value, 0..1.
	P float64
	// CI is the interval of the difference of means.
	CI Interval
}

// WelchT is Welch's t test of two means, two-sided, with the interval of the
// difference at the given level (0.95). Without variance in either sample p is
// 1 for equal means and 0 otherwise. ok is false when a sample has fewer than
// two values and the test is not defined.
//
// Source: B. L. Welch, The generalization of Student's problem when several
// different population variances are involved, Biometrika 34 (1947).
func WelchT(base, cur Sample, level float64) (result TTest, ok bool) {
	if base.N < 2 || cur.N < 2 {
		return TTest{P: 1}, false
	}
	delta := cur.Mean - base.Mean
	se, df := welchError(base, cur)
	if se == 0 {
		return degenerateT(delta), true
	}
	dist := distuv.StudentsT{Sigma: 1, Nu: df}
	t := delta / se
	half := dist.Quantile((1+level)/2) * se
	return TTest{
		T: t, DF: df, P: min(1, 2*dist.Survival(math.Abs(t))),
		CI: Interval{delta - half, delta + half},
	}, true
}

func degenerateT(delta float64) TTest {
	result := TTest{P: 1, CI: Interval{delta, delta}}
	if delta != 0 {
		result.T, result.P = math.Copysign(math.Inf(1), delta), 0
	}
	return result
}

// welchError is the standard error of the difference of two means and its
// degrees of freedom by the Welch-Satterthwaite equation; 0, 0 without variance.
func welchError(base, cur Sample) (se, df float64) {
	b, c := base.Variance/float64(base.N), cur.Variance/float64(cur.N)
	if b+c == 0 {
		return 0, 0
	}
	// Shares of the variance instead of the variances themselves, whose
	// squares could underflow.
	wb, wc := b/(b+c), c/(b+c)
	return math.Sqrt(b + c), 1 / (wb*wb/float64(base.N-1) + wc*wc/float64(cur.N-1))
}
