package drift

import (
	"fmt"
	"math"
	"strconv"
	"testing"

	"pgregory.net/rapid"
)

func TestKitagawa(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name       string
		components []Component
		rate, mix  float64
	}{
		{"nothing", nil, 0, 0},
		{"one window empty", []Component{{"99213", 10, 0, 5, 0}}, 0, 0},
		{"only rates moved", []Component{{"a", 50, 50, 5, 10}, {"b", 50, 50, 20, 25}}, 0.10, 0},
		{"only the mix moved", []Component{{"a", 80, 20, 8, 2}, {"b", 20, 80, 10, 40}}, 0, 0.24},
		{"a new code is mix", []Component{{"a", 100, 50, 10, 5}, {"b", 0, 50, 0, 25}}, 0, 0.20},
		{"a code that left is mix", []Component{{"a", 50, 100, 5, 10}, {"b", 50, 0, 25, 0}}, 0, -0.20},
		// Shares .6/.4 to .5/.5, means .1/.2 to .2/.2: rate .1*.55, mix -.1*.15 + .1*.2.
		{"both moved", []Component{{"a", 60, 50, 6, 10}, {"b", 40, 50, 8, 10}}, 0.055, 0.005},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			e := Kitagawa(tc.components)
			if math.Abs(e.Rate-tc.rate) > 1e-12 || math.Abs(e.Mix-tc.mix) > 1e-12 {
				t.Errorf("%+v, want rate %v mix %v", e, tc.rate, tc.mix)
			}
		})
	}
}

func TestKitagawaAddsUp(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		var components []Component
		var base, cur Proportion
		for i := range rapid.IntRange(1, 12).Draw(t, "codes") {
			b := drawShare(t, fmt.Sprintf("base %d", i))
			c := drawShare(t, fmt.Sprintf("cur %d", i))
			components = append(components, Component{strconv.Itoa(i), b.N, c.N, float64(b.X), float64(c.X)})
			base.X, base.N, cur.X, cur.N = base.X+b.X, base.N+b.N, cur.X+c.X, cur.N+c.N
		}
		if base.N == 0 || cur.N == 0 {
			return
		}
		e := Kitagawa(components)
		if delta := RateChange(base, cur); math.Abs(e.Rate+e.Mix-delta) > 1e-12 {
			t.Fatalf("rate %v + mix %v is not %v", e.Rate, e.Mix, delta)
		}
		if shuffled := Kitagawa(rapid.Permutation(components).Draw(t, "order")); shuffled != e {
			t.Fatalf("order changed %v to %v", e, shuffled)
		}
	})
}

// drawShare allows codes that one window does not have.
func drawShare(t *rapid.T, label string) Proportion {
	n := rapid.IntRange(0, 200).Draw(t, label+" n")
	return Proportion{X: rapid.IntRange(0, n).Draw(t, label+" x"), N: n}
}
