package drift

import (
	"math"

	"upstream/models"
)

// minFisherCell is the expected cell count below which the normal
// approximation of a 2x2 table is not trusted.
const minFisherCell = 5

// candidate is one test in the making, with what its evidence will need.
type candidate struct {
	segment *Segment
	signal  signal
	test    models.DriftTest
	// change is what triggers, severity and direction look at: the difference,
	// or the rate effect where the signal is about that alone.
	change  float64
	effects *Effects
	// effect is the rank-sum effect, df the degrees of freedom of Welch's t.
	effect, df *float64
}

// newCandidate measures a signal in both windows of a segment.
func newCandidate(segment *Segment, s signal) *candidate {
	c := &candidate{segment: segment, signal: s}
	c.test = models.DriftTest{
		Payer: segment.Payer, CPTGroup: segment.CPTGroup, DriftType: s.kind, Method: models.TestThreshold,
	}
	t, b, cur := &c.test, &segment.Baseline, &segment.Current
	switch {
	case s.rate != nil:
		pb, pc := s.rate(b.Counts), s.rate(cur.Counts)
		t.BaselineSampleSize, t.CurrentSampleSize = pb.N, pc.N
		t.BaselineValue, t.CurrentValue, t.DeltaValue = pb.Rate(), pc.Rate(), RateChange(pb, pc)
	case s.location != nil:
		hb, hc := s.location(b), s.location(cur)
		t.BaselineSampleSize, t.CurrentSampleSize = hb.N(), hc.N()
		t.BaselineValue, t.CurrentValue = hb.Median(), hc.Median()
		t.DeltaValue = t.CurrentValue - t.BaselineValue
	default:
		sb, sc := s.mean(b).Sample(), s.mean(cur).Sample()
		t.BaselineSampleSize, t.CurrentSampleSize = sb.N, sc.N
		t.BaselineValue, t.CurrentValue = sb.Mean, sc.Mean
		t.DeltaValue = t.CurrentValue - t.BaselineValue
	}
	return c
}

// decide makes the test and sets the practical gate.
func (c *candidate) decide(p models.DetectParams) {
	c.change = c.test.DeltaValue
	if c.signal.split != nil {
		effects := Kitagawa(c.signal.split(c.segment))
		c.effects = &effects
		if c.signal.mean != nil {
			c.change = effects.Rate
		}
	}
	c.test.Practical = c.signal.trigger.Reached(c.change, c.test.BaselineValue)
	if p.Method != models.MethodStatistical {
		return
	}
	switch {
	case c.signal.rate != nil:
		c.testRate(p)
	case c.signal.location != nil:
		c.testLocation()
	default:
		c.testMean(p)
	}
}

func (c *candidate) testRate(p models.DetectParams) {
	t, s := &c.test, c.signal
	base, cur := s.rate(c.segment.Baseline.Counts), s.rate(c.segment.Current.Counts)
	phi := Overdispersion(c.buckets(p.BaselineDays))
	t.Dispersion = new(phi)
	if SmallestExpected(base, cur) < minFisherCell {
		t.Method = models.TestFisherExact
		t.PValue = new(FisherExact(base, cur))
		t.MinDetectableDelta = optional(MinDetectableFisher(base, cur.N, p.Alpha, s.adverse))
	} else {
		t.Method = models.TestTwoProportionZ
		z, pValue := TwoProportionZ(base, cur, phi)
		t.Statistic, t.PValue = new(z), new(pValue)
		t.MinDetectableDelta = optional(MinDetectableRate(base, cur.N, phi, p.Alpha, s.adverse))
	}
	c.setInterval(Newcombe(base, cur, confidenceLevel))
}

// buckets are the whole weeks of the baseline as proportions of the signal.
func (c *candidate) buckets(baselineDays int) []Proportion {
	weeks := c.segment.Baseline.fullWeeks(baselineDays)
	buckets := make([]Proportion, len(weeks))
	for i, counts := range weeks {
		buckets[i] = c.signal.rate(counts)
	}
	return buckets
}

func (c *candidate) testLocation() {
	r := MannWhitneyU(c.signal.location(&c.segment.Baseline), c.signal.location(&c.segment.Current))
	c.test.Method = models.TestMannWhitneyU
	c.test.Statistic, c.test.PValue = new(r.U), new(r.P)
	c.effect = new(r.Effect)
}

func (c *candidate) testMean(p models.DetectParams) {
	base, cur := c.signal.mean(&c.segment.Baseline).Sample(), c.signal.mean(&c.segment.Current).Sample()
	c.test.Method = models.TestWelchT
	r, ok := WelchT(base, cur, confidenceLevel)
	c.test.PValue = new(r.P)
	if !ok {
		return
	}
	// Neither JSON nor the reader has a use for an infinite t.
	if !math.IsInf(r.T, 0) {
		c.test.Statistic = new(r.T)
	}
	if r.DF > 0 {
		c.df = new(r.DF)
	}
	c.test.MinDetectableDelta = optional(MinDetectableMean(base, cur, p.Alpha))
	c.setInterval(r.CI)
}

func (c *candidate) setInterval(i Interval) {
	c.test.CILow, c.test.CIHigh = new(i.Low), new(i.High)
}

// passes reports whether every gate after volume is open. The threshold method
// has only the practical one.
func (c *candidate) passes(method models.Method) bool {
	return c.test.Practical && (method == models.MethodThreshold || c.test.Significant)
}

// degrading reports whether the change hurts the clinic.
func (c *candidate) degrading() bool { return c.change*float64(c.signal.adverse) > 0 }

func optional(v float64, ok bool) *float64 {
	if !ok {
		return nil
	}
	return &v
}
