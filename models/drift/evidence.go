package drift

import (
	"encoding/json"
	"fmt"
	"math"

	"github.com/shopspring/decimal"

	"upstream/models"
)

// Evidence is what an event rests on, stored with it as JSON: enough to redo
// every number from the counts, and to tell a change of the claims from a
// change of the engine when they no longer agree.
type Evidence struct {
	EngineVersion int `json:"engine_version"`
	// DataWatermark is the highest upload the run saw.
	DataWatermark *models.UploadID `json:"data_watermark"`
	Method        models.Method    `json:"method"`
	WindowBy      models.WindowBy  `json:"window_by"`
	Baseline      WindowEvidence   `json:"baseline"`
	Current       WindowEvidence   `json:"current"`
	// Distribution counts claims by days, ascending, for the time signals.
	Distribution []DaysEvidence `json:"distribution,omitempty"`
	Test         TestOutcome    `json:"test"`
	// Effects split the change where the split is defined.
	Effects *Effects `json:"effects,omitempty"`
	// ClaimValue is the basis of the revenue impact of a rate.
	ClaimValue *ValueEvidence `json:"claim_value,omitempty"`
	Thresholds Thresholds     `json:"thresholds"`
}

// WindowEvidence is one window's sample.
type WindowEvidence struct {
	Start models.Date `json:"start"`
	// End is exclusive.
	End        models.Date `json:"end"`
	SampleSize int         `json:"sample_size"`
	Value      float64     `json:"value"`
	// Count is the numerator of a rate.
	Count *int `json:"count,omitempty"`
	// StandardDeviation belongs to a mean, USD.
	StandardDeviation *float64 `json:"standard_deviation,omitempty"`
	// Weeks are the 7-day buckets of a rate, oldest first; the first one of a
	// window is shorter when the window is no multiple of seven days.
	Weeks []WeekEvidence `json:"weeks,omitempty"`
}

// WeekEvidence is one 7-day bucket [Start, End).
type WeekEvidence struct {
	Start      models.Date `json:"start"`
	End        models.Date `json:"end"`
	SampleSize int         `json:"sample_size"`
	Count      int         `json:"count"`
}

// DaysEvidence is how many claims of each window took so many days.
type DaysEvidence struct {
	Days     int `json:"days"`
	Baseline int `json:"baseline"`
	Current  int `json:"current"`
}

// TestOutcome is the test and its place in the family.
type TestOutcome struct {
	Method           models.TestMethod `json:"method"`
	Statistic        *float64          `json:"statistic"`
	DegreesOfFreedom *float64          `json:"degrees_of_freedom,omitempty"`
	Dispersion       *float64          `json:"dispersion,omitempty"`
	// Effect is the probability, 0..1, that a current claim took longer.
	Effect             *float64 `json:"effect,omitempty"`
	PValue             *float64 `json:"p_value"`
	QValue             *float64 `json:"q_value"`
	FamilySize         int      `json:"family_size"`
	CILow              *float64 `json:"ci_low"`
	CIHigh             *float64 `json:"ci_high"`
	MinDetectableDelta *float64 `json:"min_detectable_delta"`
}

// ValueEvidence is the allowed (else billed) amount of the current claims.
type ValueEvidence struct {
	Claims int             `json:"claims"`
	Sum    decimal.Decimal `json:"sum"`
}

// Thresholds are the gates the event passed.
type Thresholds struct {
	MinVolume int `json:"min_volume"`
	// Alpha is the highest q-value; nil for the threshold method.
	Alpha *float64 `json:"alpha"`
	Trigger
}

func (c *candidate) evidence(in Input, family int) Evidence {
	t, p := &c.test, in.Params
	e := Evidence{
		EngineVersion: EngineVersion, DataWatermark: in.Watermark, Method: p.Method, WindowBy: p.WindowBy,
		Baseline: c.window(&c.segment.Baseline, p.BaselineStart(), p.CurrentStart()),
		Current:  c.window(&c.segment.Current, p.CurrentStart(), p.AsOf),
		Test: TestOutcome{
			Method: t.Method, Statistic: t.Statistic, DegreesOfFreedom: c.df, Dispersion: t.Dispersion,
			Effect: c.effect, PValue: t.PValue, QValue: t.QValue, FamilySize: family,
			CILow: t.CILow, CIHigh: t.CIHigh, MinDetectableDelta: t.MinDetectableDelta,
		},
		Effects:      c.effects,
		Distribution: c.distribution(),
		Thresholds:   Thresholds{MinVolume: p.MinVolume, Trigger: c.signal.trigger},
	}
	e.Baseline.Value, e.Current.Value = t.BaselineValue, t.CurrentValue
	e.Baseline.SampleSize, e.Current.SampleSize = t.BaselineSampleSize, t.CurrentSampleSize
	if p.Method == models.MethodStatistical {
		e.Thresholds.Alpha = new(p.Alpha)
	}
	if value := c.segment.Current.Value; c.signal.rate != nil && value.N > 0 {
		e.ClaimValue = &ValueEvidence{Claims: value.N, Sum: value.Sum}
	}
	return e
}

func (c *candidate) window(a *Aggregate, start, end models.Date) WindowEvidence {
	w := WindowEvidence{Start: start, End: end}
	switch {
	case c.signal.rate != nil:
		w.Count = new(c.signal.rate(a.Counts).X)
		w.Weeks = c.weeks(a, start, end)
	case c.signal.mean != nil:
		w.StandardDeviation = new(math.Sqrt(c.signal.mean(a).Sample().Variance))
	}
	return w
}

// weeks cuts a window into 7-day buckets counted back from its end.
func (c *candidate) weeks(a *Aggregate, start, end models.Date) []WeekEvidence {
	n := (end.Sub(start) + daysPerWeek - 1) / daysPerWeek
	weeks := make([]WeekEvidence, n)
	for i := range weeks {
		back := n - 1 - i
		week := &weeks[i]
		week.Start, week.End = end.AddDays(-daysPerWeek*(back+1)), end.AddDays(-daysPerWeek*back)
		if week.Start.Before(start) {
			week.Start = start
		}
		if back < len(a.Weeks) {
			p := c.signal.rate(a.Weeks[back])
			week.SampleSize, week.Count = p.N, p.X
		}
	}
	return weeks
}

func (c *candidate) distribution() []DaysEvidence {
	if c.signal.location == nil {
		return nil
	}
	base, cur := c.signal.location(&c.segment.Baseline), c.signal.location(&c.segment.Current)
	values := unionValues(base, cur)
	rows := make([]DaysEvidence, len(values))
	for i, days := range values {
		rows[i] = DaysEvidence{Days: days, Baseline: base[days], Current: cur[days]}
	}
	return rows
}

func (e Evidence) marshal() (json.RawMessage, error) {
	raw, err := json.Marshal(e)
	if err != nil {
		return nil, fmt.Errorf("drift: evidence: %w", err)
	}
	return raw, nil
}
