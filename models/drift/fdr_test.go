package drift

import (
	"math"
	"testing"

	"pgregory.net/rapid"
)

// naiveFDR takes for each test the best rate over all cut-offs at or above it.
func naiveFDR(p []float64) []float64 {
	q := make([]float64, len(p))
	for i := range p {
		q[i] = 1
		for _, cut := range p {
			if cut < p[i] {
				continue
			}
			found := 0
			for _, other := range p {
				if other <= cut {
					found++
				}
			}
			q[i] = min(q[i], cut*float64(len(p))/float64(found))
		}
	}
	return q
}

func drawPValues(t *rapid.T) []float64 {
	exact := rapid.Float64Range(0, 1)
	tied := rapid.SampledFrom([]float64{0, 1e-300, 0.01, 0.05, 0.5, 1})
	return rapid.SliceOfN(rapid.OneOf(exact, tied), 0, 60).Draw(t, "p")
}

func TestBenjaminiHochbergAgreesWithNaive(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		p := drawPValues(t)
		got, want := BenjaminiHochberg(p), naiveFDR(p)
		for i := range p {
			if math.Abs(got[i]-want[i]) > 1e-12*want[i] {
				t.Fatalf("q of %v = %v, want %v", p[i], got[i], want[i])
			}
		}
	})
}

func TestBenjaminiHochbergKeepsOrder(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		p := drawPValues(t)
		q := BenjaminiHochberg(p)
		for i := range p {
			if q[i] < p[i] || q[i] > 1 {
				t.Fatalf("q %v of p %v", q[i], p[i])
			}
			for j := range p {
				if p[i] < p[j] && q[i] > q[j] || p[i] == p[j] && q[i] != q[j] {
					t.Fatalf("p %v, %v but q %v, %v", p[i], p[j], q[i], q[j])
				}
			}
		}
	})
}

func TestBenjaminiHochbergLeavesItsInput(t *testing.T) {
	t.Parallel()
	p := []float64{0.9, 0.01, 0.5}
	q := BenjaminiHochberg(p)
	if p[0] != 0.9 || p[1] != 0.01 || p[2] != 0.5 {
		t.Errorf("input became %v", p)
	}
	if q[1] != 0.03 || q[0] != 0.9 || q[2] != 0.75 {
		t.Errorf("q = %v", q)
	}
	if got := BenjaminiHochberg(nil); len(got) != 0 {
		t.Errorf("of no tests: %v", got)
	}
}
