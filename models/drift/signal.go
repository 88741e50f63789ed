package drift

import (
	"math"
	"slices"

	"upstream/models"
)

// confidenceLevel is the level of every interval.
const confidenceLevel = 0.95

// epsilon is the slack of every comparison with a threshold: a change that is
// exactly at the threshold must not be missed for a rounding error.
const epsilon = 1e-9

// Trigger is how large a change must be to matter: absolute in the unit of the
// value, or relative to a baseline above zero. Zero means no such trigger.
type Trigger struct {
	Absolute float64 `json:"absolute,omitempty"`
	Relative float64 `json:"relative,omitempty"`
}

// Reached reports whether a change away from base is large enough.
func (t Trigger) Reached(change, base float64) bool {
	size := math.Abs(change)
	if t.Absolute > 0 && size >= t.Absolute-epsilon {
		return true
	}
	return t.Relative > 0 && base > 0 && size/base >= t.Relative-epsilon
}

// signal is one aspect of a payer's behaviour: its population and value in a
// window, which change of it matters, and which hurts.
type signal struct {
	kind    models.DriftType
	adverse Direction
	trigger Trigger
	// fixedRule is set for the signals the threshold method knows.
	fixedRule bool
	// Exactly one of these three is set and says which family of tests applies.
	rate     func(Counts) Proportion
	location func(*Aggregate) Histogram
	mean     func(*Aggregate) Moments
	// split gives the components whose rates and mix make up the value.
	split func(*Segment) []Component
	// severity scores a change by its size, 0..1.
	severity func(change, base float64) float64
}

// allSignals are the signals in the order of their names, which is the order
// of the output.
func allSignals() []signal {
	return []signal{
		{
			kind: models.DriftApprovalRate, adverse: Fall, trigger: Trigger{Absolute: 0.05},
			rate:     func(c Counts) Proportion { return Proportion{c.Paid, c.Claims()} },
			severity: severityPer(0.05),
		},
		{
			kind: models.DriftAuthFailureRate, adverse: Rise, trigger: Trigger{Absolute: 0.10},
			rate:     func(c Counts) Proportion { return Proportion{c.AuthDenied, c.AuthRequired} },
			severity: severityPer(0.10),
		},
		{
			kind: models.DriftDecisionTime, adverse: Rise, trigger: Trigger{Absolute: 3, Relative: 0.5},
			fixedRule: true,
			location:  func(a *Aggregate) Histogram { return a.DecisionDays },
			severity:  func(change, _ float64) float64 { return min(math.Abs(change)/10, 1) },
		},
		{
			kind: models.DriftDenialRate, adverse: Rise, trigger: Trigger{Absolute: 0.05, Relative: 0.5},
			fixedRule: true,
			rate:      func(c Counts) Proportion { return Proportion{c.Denied, c.Paid + c.Denied} },
			split:     denialComponents,
			severity:  func(change, _ float64) float64 { return min(2*math.Abs(change), 1) },
		},
		{
			kind: models.DriftPaymentAmount, adverse: Fall, trigger: Trigger{Relative: 0.05},
			mean:  func(a *Aggregate) Moments { return a.Allowed },
			split: allowedComponents,
			severity: func(change, base float64) float64 {
				if base <= 0 {
					return 0
				}
				return severityPer(0.05)(change/base, base)
			},
		},
		{
			kind: models.DriftProcessingDelay, adverse: Rise, trigger: Trigger{Absolute: 7},
			location: func(a *Aggregate) Histogram { return a.PaymentDays },
			severity: severityPer(7),
		},
	}
}

// severityPer scores a change against the threshold t that makes it matter:
// half at the threshold, rising to one at three times the threshold.
func severityPer(t float64) func(change, base float64) float64 {
	return func(change, _ float64) float64 {
		d := math.Abs(change)
		if d <= t {
			return 0.5 * d / t
		}
		return min(0.5+0.25*min((d-t)/t, 2), 1)
	}
}

// chosenSignals are the signals a run tests: those asked for that its method knows.
func chosenSignals(method models.Method, wanted []models.DriftType) []signal {
	return slices.DeleteFunc(allSignals(), func(s signal) bool {
		return !slices.Contains(wanted, s.kind) || method == models.MethodThreshold && !s.fixedRule
	})
}
