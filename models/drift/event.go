package drift

import (
	"math"
	"strings"

	"github.com/shopspring/decimal"

	"upstream/models"
)

// event turns a candidate that passed the gates into the event it is.
func (c *candidate) event(in Input, streaks map[streakKey]int, family int) (*models.DriftEvent, error) {
	t, p := &c.test, in.Params
	e := &models.DriftEvent{
		Payer: t.Payer, CPTGroup: t.CPTGroup, DriftType: t.DriftType,
		BaselineValue: t.BaselineValue, CurrentValue: t.CurrentValue, DeltaValue: t.DeltaValue,
		Severity:      c.signal.severity(c.change, t.BaselineValue),
		Confidence:    c.confidence(p),
		BaselineStart: p.BaselineStart(), BaselineEnd: p.CurrentStart(),
		CurrentStart: p.CurrentStart(), CurrentEnd: p.AsOf,
		BaselineSampleSize: t.BaselineSampleSize, CurrentSampleSize: t.CurrentSampleSize,
		TestMethod: t.Method, StatisticalSignificance: t.PValue, QValue: t.QValue,
		EffectCILow: t.CILow, EffectCIHigh: t.CIHigh,
		EstimatedRevenueImpact: c.impact(),
		TrendDirection:         models.TrendImproving,
	}
	if c.degrading() {
		e.TrendDirection = models.TrendDegrading
	}
	if c.effects != nil {
		e.RateEffect, e.MixEffect = new(c.effects.Rate), new(c.effects.Mix)
	}
	e.ConsecutivePeriods = 1 + streaks[streakKeyOf(e)]
	e.SignalKey = SignalKey(e)
	var err error
	e.Evidence, err = c.evidence(in, family).marshal()
	return e, err
}

// confidence is how strongly the data speak for a change, 0..1.
func (c *candidate) confidence(p models.DetectParams) float64 {
	if c.test.QValue != nil {
		return 1 - *c.test.QValue
	}
	claims := c.test.BaselineSampleSize + c.test.CurrentSampleSize
	return min(float64(claims)/float64(4*p.MinVolume), 1)
}

// impact is the revenue an adverse change cost over the current window, USD in
// cents: claims decided differently times the mean value of a current claim,
// or the payer's cut of the mean payment times the payments. It is nil for
// improvements, for the time signals and when no claim carries an amount.
func (c *candidate) impact() *decimal.Decimal {
	if !c.degrading() || c.signal.location != nil {
		return nil
	}
	if c.signal.mean != nil {
		cost := math.Abs(c.change) * float64(c.test.CurrentSampleSize)
		return new(decimal.NewFromFloat(cost).Round(2))
	}
	value := c.segment.Current.Value
	if value.N == 0 {
		return nil
	}
	// |delta| n_c sum / N with delta = x_c/n_c - x_b/n_b, over one denominator,
	// so that cents are rounded once.
	b, cur := c.signal.rate(c.segment.Baseline.Counts), c.signal.rate(c.segment.Current.Counts)
	decimals := func(x, y int) decimal.Decimal {
		return decimal.NewFromInt(int64(x)).Mul(decimal.NewFromInt(int64(y)))
	}
	cross := decimals(cur.X, b.N).Sub(decimals(b.X, cur.N)).Abs()
	return new(cross.Mul(value.Sum).DivRound(decimals(b.N, value.N), 2))
}

// streakKey identifies the same finding from one run to the next.
type streakKey struct {
	payer, group string
	kind         models.DriftType
	direction    models.TrendDirection
}

func streakKeyOf(e *models.DriftEvent) streakKey {
	return streakKey{e.Payer, e.CPTGroup, e.DriftType, e.TrendDirection}
}

func streaksOf(previous []models.DriftEvent) map[streakKey]int {
	streaks := make(map[streakKey]int, len(previous))
	for i := range previous {
		streaks[streakKeyOf(&previous[i])] = previous[i].ConsecutivePeriods
	}
	return streaks
}

// SignalKey names what an event says independent of the run that said it:
// payer, CPT group, type, direction and current window, joined by "|". A "|"
// or "\" within a name is preceded by "\", so different signals never share a
// key.
func SignalKey(e *models.DriftEvent) string {
	escape := strings.NewReplacer(`\`, `\\`, `|`, `\|`)
	return strings.Join([]string{
		escape.Replace(e.Payer), escape.Replace(e.CPTGroup), string(e.DriftType),
		string(e.TrendDirection), e.CurrentStart.String() + "/" + e.CurrentEnd.String(),
	}, "|")
}
