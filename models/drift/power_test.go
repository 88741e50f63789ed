package drift

import (
	"math"
	"math/rand/v2"
	"testing"

	"pgregory.net/rapid"
)

func TestMinDetectableRateHasItsPower(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		base, curN := drawProportion(t, "base", 20_000), rapid.IntRange(1, 20_000).Draw(t, "n")
		phi, alpha := rapid.Float64Range(1, 5).Draw(t, "phi"), rapid.Float64Range(0.001, 0.2).Draw(t, "alpha")
		adverse := rapid.SampledFrom([]Direction{Rise, Fall}).Draw(t, "adverse")
		power := func(delta float64) float64 { return PowerTwoProportionZ(base, curN, phi, alpha, delta) }
		delta, ok := MinDetectableRate(base, curN, phi, alpha, adverse)
		if !ok {
			if up, down := power(1-base.Rate()), power(-base.Rate()); max(up, down) >= targetPower {
				t.Fatalf("nothing found although the power reaches %v and %v", up, down)
			}
			return
		}
		signed := float64(adverse) * delta
		if power(float64(adverse)*roomFor(base.Rate(), adverse)) < targetPower {
			signed = -signed
		}
		if rate := base.Rate() + signed; rate < -1e-9 || rate > 1+1e-9 {
			t.Fatalf("change %v leaves 0..1 from %v", signed, base.Rate())
		}
		// Only a rate of exactly 0 or 1, which cannot vary, makes power jump.
		if got := power(signed); got < targetPower-1e-9 {
			t.Fatalf("power at %v is %v", signed, got)
		}
		if got := power(signed * (1 - 1e-6)); got >= targetPower+1e-4 {
			t.Fatalf("power just below %v is still %v", signed, got)
		}
	})
}

func TestMinDetectableRateByHand(t *testing.T) {
	t.Parallel()
	// Half against half, a thousand each: 2.8016 standard errors, and the
	// error hardly changes over so small a change.
	delta, ok := MinDetectableRate(Proportion{500, 1000}, 1000, 1, 0.05, Rise)
	if want := (1.959964 + 0.841621) * math.Sqrt(0.5/1000); !ok || math.Abs(delta-want) > 0.0003 {
		t.Errorf("delta = %v, want about %v", delta, want)
	}
	wider, _ := MinDetectableRate(Proportion{500, 1000}, 1000, 4, 0.05, Rise)
	if wider < 1.9*delta || wider > 2.1*delta {
		t.Errorf("four times the dispersion gives %v after %v, want about twice", wider, delta)
	}
}

func TestMinDetectableRatePrefersTheAdverseDirection(t *testing.T) {
	t.Parallel()
	base := Proportion{10, 100}
	rise, _ := MinDetectableRate(base, 80, 1, 0.05, Rise)
	fall, _ := MinDetectableRate(base, 80, 1, 0.05, Fall)
	if rise <= fall {
		t.Fatalf("rise %v, fall %v: a rise from a low rate is harder to see", rise, fall)
	}
	relatively(t, "power of the rise", PowerTwoProportionZ(base, 80, 1, 0.05, rise), 0.8, 1e-6)
	// From 100 % there is no rise; the fall is what can be seen.
	delta, ok := MinDetectableRate(Proportion{100, 100}, 80, 1, 0.05, Rise)
	if !ok {
		t.Fatal("nothing to see from 100 %")
	}
	relatively(t, "power of the fall", PowerTwoProportionZ(Proportion{100, 100}, 80, 1, 0.05, -delta), 0.8, 1e-6)
}

func TestMinDetectableUndefined(t *testing.T) {
	t.Parallel()
	for name, ok := range map[string]bool{
		"rate without a baseline":     second(MinDetectableRate(Proportion{}, 40, 1, 0.05, Rise)),
		"rate without current claims": second(MinDetectableRate(Proportion{3, 40}, 0, 1, 0.05, Rise)),
		"rate of two claims":          second(MinDetectableRate(Proportion{1, 2}, 1, 1, 0.05, Rise)),
		"Fisher without a baseline":   second(MinDetectableFisher(Proportion{}, 40, 0.05, Rise)),
		"Fisher of three claims":      second(MinDetectableFisher(Proportion{0, 2}, 1, 0.05, Rise)),
		"mean of one amount":          second(MinDetectableMean(Sample{N: 1, Mean: 3}, Sample{N: 40, Variance: 2}, 0.05)),
		"mean without variance":       second(MinDetectableMean(Sample{N: 40, Mean: 3}, Sample{N: 40, Mean: 4}, 0.05)),
	} {
		if ok {
			t.Errorf("%s: defined", name)
		}
	}
}

func second(_ float64, ok bool) bool { return ok }

func TestPowerFisherExactAgreesWithBruteForce(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		base  Proportion
		curN  int
		delta float64
	}{
		{Proportion{1, 30}, 30, 0.2},
		{Proportion{0, 40}, 31, 0.15},
		{Proportion{30, 30}, 35, -0.2},
		{Proportion{12, 15}, 12, -0.6},
		{Proportion{2, 60}, 20, 0},
		{Proportion{5, 20}, 25, 0.75},
	} {
		pb, pc := tc.base.Rate(), tc.base.Rate()+tc.delta
		want := 0.0
		for x := range tc.base.N + 1 {
			for y := range tc.curN + 1 {
				if bruteFisher(Proportion{x, tc.base.N}, Proportion{y, tc.curN}) <= 0.05 {
					want += binomialPMF(tc.base.N, x, pb) * binomialPMF(tc.curN, y, pc)
				}
			}
		}
		if got := PowerFisherExact(tc.base, tc.curN, 0.05, tc.delta); math.Abs(got-want) > 1e-8 {
			t.Errorf("%+v: power = %v, want %v", tc, got, want)
		}
	}
}

func TestMinDetectableFisherHasItsPower(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		base    Proportion
		curN    int
		adverse Direction
	}{
		{Proportion{0, 50}, 45, Rise},
		{Proportion{2, 300}, 40, Rise},
		{Proportion{290, 300}, 40, Fall},
		{Proportion{1, 10_000_000}, 10_000_000, Rise},
		{Proportion{60, 600}, 31, Rise},
		{Proportion{3, 31}, 20_000, Rise},
		{Proportion{300, 300}, 45, Rise},
	} {
		delta, ok := MinDetectableFisher(tc.base, tc.curN, 0.05, tc.adverse)
		if !ok {
			t.Errorf("%+v: undefined", tc)
			continue
		}
		signed := delta * float64(tc.adverse)
		if roomFor(tc.base.Rate(), tc.adverse) == 0 {
			signed = -signed
		}
		relatively(t, "power", PowerFisherExact(tc.base, tc.curN, 0.05, signed), 0.8, 1e-6)
	}
	// On sparse tables the exact test is the more cautious one.
	exact, _ := MinDetectableFisher(Proportion{2, 40}, 35, 0.05, Rise)
	if approximate, _ := MinDetectableRate(Proportion{2, 40}, 35, 1, 0.05, Rise); exact <= approximate {
		t.Errorf("exact %v, normal approximation %v", exact, approximate)
	}
}

func TestMinDetectableMeanHasItsPower(t *testing.T) {
	t.Parallel()
	base, cur := Sample{N: 12, Mean: 111, Variance: 220}, Sample{N: 10, Mean: 89, Variance: 90}
	delta, ok := MinDetectableMean(base, cur, 0.05)
	if !ok {
		t.Fatal("undefined")
	}
	// Simulated: normal samples that far apart are told apart four times in five.
	random := rand.New(rand.NewPCG(1, 2))
	found, rounds := 0, 20_000
	for range rounds {
		b := normalSample(random, base.N, 0, base.Variance)
		c := normalSample(random, cur.N, delta, cur.Variance)
		if r, _ := WelchT(b, c, 0.95); r.P <= 0.05 {
			found++
		}
	}
	if got := float64(found) / float64(rounds); math.Abs(got-0.8) > 0.015 {
		t.Errorf("simulated power at %v is %v", delta, got)
	}
	// With many amounts it is 2.8016 standard errors.
	large := Sample{N: 4_000_000, Mean: 100, Variance: 2500}
	delta, _ = MinDetectableMean(large, large, 0.05)
	relatively(t, "delta", delta, (1.959963984540054+0.8416212335729143)*math.Sqrt(5000.0/4_000_000), 1e-4)
}

func normalSample(random *rand.Rand, n int, mean, variance float64) Sample {
	values := make([]float64, n)
	s := Sample{N: n}
	for i := range values {
		values[i] = mean + math.Sqrt(variance)*random.NormFloat64()
		s.Mean += values[i] / float64(n)
	}
	for _, v := range values {
		s.Variance += (v - s.Mean) * (v - s.Mean) / float64(n-1)
	}
	return s
}
