package main

import (
	"math"
	"math/rand/v2"

	"gonum.org/v1/gonum/stat/distuv"
)

// The windows of a run in days since the first day of the generated claims: the
// defaults of the engine.
const (
	baselineDays = 90
	currentDays  = 14
	windowDays   = baselineDays + currentDays
	weekDays     = 7
)

// clinic says how its payers behave.
type clinic struct {
	payers, groups int
	// volume is the expected number of claims per payer and group in the
	// baseline window.
	volume int
	// denial is the expected denial rate. Weeks differ: each payer, group and
	// week has a rate of its own, drawn so that weekly counts have phi times
	// the variance of independent claims.
	denial, phi float64
	// daysSD is the standard deviation between weeks of the decision time, in
	// days: whole weeks are late or early together.
	daysSD float64
	// spread is the coefficient of variation of allowed amounts of one code.
	spread float64
}

// shift is the planted truth: what the first payer changes in its first group
// from a day on, and what the clinic changes there itself (mix).
type shift struct {
	from             int
	denial           float64
	decision, paying int
	// allowed multiplies allowed amounts; 0 leaves them.
	allowed float64
	// mix are other shares of the codes; nil leaves them.
	mix []float64
}

// Codes have fixed fees and shares.
const codes = 4

func fees() [codes]float64   { return [codes]float64{80, 120, 200, 350} }
func shares() [codes]float64 { return [codes]float64{0.4, 0.3, 0.2, 0.1} }

// What does not vary between scenarios.
const (
	otherShare    = 0.03
	authShare     = 0.3
	authOfDenials = 0.5
	billedFactor  = 1.6
	longest       = 127
)

// tally is what one day adds to one code of one group.
type tally struct {
	paid, denied, other  int
	authRequired, authNo int
	cents, squares       int64
	valueCents           int64
}

// day is what one group's payer decided in one day.
type day struct {
	codes            [codes]tally
	decision, paying [longest + 1]int
}

// history is every decision, by group (payer by payer) and day.
type history [][]day

// sampler draws the claims of one replicate.
type sampler struct {
	*rand.Rand
	source rand.Source
}

// seeded makes the sampler of one replicate of one scenario.
func seeded(scenario, replicate uint64) *sampler {
	source := rand.NewPCG(scenario, replicate)
	return &sampler{Rand: rand.New(source), source: source} //nolint:gosec // a simulation has to repeat itself
}

// days draws from a lognormal distribution, in whole days.
func (s *sampler) days(median, sigma float64) int {
	return int(math.Round(median * math.Exp(sigma*s.NormFloat64())))
}

// generate draws the decisions of a clinic over so many days.
func (c clinic) generate(s *sampler, days int, planted shift) history {
	h := make(history, c.payers*c.groups)
	for g := range h {
		own := shift{from: days}
		if g == 0 {
			own = planted
		}
		h[g] = c.group(s, days, own)
	}
	return h
}

// weekShares says when within a week decisions come: five working days with a
// large batch on the third.
func weekShares() [weekDays]float64 {
	return [weekDays]float64{1. / 6, 1. / 6, 2. / 6, 1. / 6, 1. / 6, 0, 0}
}

func (c clinic) group(s *sampler, days int, planted shift) []day {
	out := make([]day, days)
	weekly := float64(c.volume) * weekDays / baselineDays
	rate, late := 0.0, 0
	for d := range out {
		// Weeks end with the window, as those of a weekly schedule do.
		weekday := (d + 1) % weekDays
		if d == 0 || weekday == 0 {
			rate, late = c.weekRate(s, weekly), int(math.Round(c.daysSD*s.NormFloat64()))
		}
		expected := weekly * weekShares()[weekday]
		if expected == 0 {
			continue
		}
		for range int(distuv.Poisson{Lambda: expected, Src: s.source}.Rand()) {
			c.claim(s, &out[d], rate, late, planted, d >= planted.from)
		}
	}
	return out
}

// weekRate draws the denial rate of one week. A beta-binomial count of n claims
// has 1 + (n-1) rho times the variance of a binomial one.
func (c clinic) weekRate(s *sampler, weekly float64) float64 {
	if c.phi <= 1 {
		return c.denial
	}
	rho := (c.phi - 1) / (weekly - 1)
	scale := (1 - rho) / rho
	return distuv.Beta{Alpha: c.denial * scale, Beta: (1 - c.denial) * scale, Src: s.source}.Rand()
}

func (c clinic) claim(s *sampler, d *day, rate float64, late int, planted shift, shifted bool) {
	mix, factor, paying := shares(), 1.0, 0
	if shifted {
		rate, late, paying = min(1, rate+planted.denial), late+planted.decision, planted.paying
		if planted.mix != nil {
			copy(mix[:], planted.mix)
		}
		if planted.allowed != 0 {
			factor = planted.allowed
		}
	}
	code := s.pick(mix)
	t := &d.codes[code]
	fee := fees()[code]
	required := s.Float64() < authShare
	if required {
		t.authRequired++
	}
	if s.Float64() < otherShare {
		t.other++
		t.valueCents += int64(fee * billedFactor * 100)
		return
	}
	decided := max(0, min(longest, s.days(14, 0.45)+late))
	d.decision[decided]++
	if s.Float64() < rate {
		t.denied++
		t.valueCents += int64(fee * billedFactor * 100)
		if required && s.Float64() < authOfDenials {
			t.authNo++
		}
		return
	}
	cents := int64(math.Round(max(0, fee*factor*(1+c.spread*s.NormFloat64())) * 100))
	t.paid++
	t.cents += cents
	t.squares += cents * cents
	t.valueCents += cents
	d.paying[max(0, min(longest, decided+s.days(6, 0.35)+paying))]++
}

// pick draws a code by its share.
func (s *sampler) pick(mix [codes]float64) int {
	u := s.Float64()
	for i, share := range mix {
		if u < share {
			return i
		}
		u -= share
	}
	return codes - 1
}
