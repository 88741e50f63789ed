package alerting

import (
	"math"

	"upstream/models"
)

// Urgency is how soon somebody should look at an alert.
type Urgency = models.AlertUrgency

// The urgencies.
const (
	UrgencyHigh   = models.UrgencyHigh
	UrgencyMedium = models.UrgencyMedium
	UrgencyLow    = models.UrgencyLow
)

// What stands in for numbers that are missing.
const (
	assumedSeverity = 0.5
	assumedDelta    = 0.0
)

// UrgencyOf rates a change by its severity, 0..1, and for types that are rates
// by its size, too: a change of 0.1 is ten points of a rate, but days and dollars
// are nothing of the kind. nil stands for a number that is missing; where both
// are, the urgency is medium.
func UrgencyOf(kind models.DriftType, severity, delta *float64) Urgency {
	if severity == nil && delta == nil {
		return UrgencyMedium
	}
	s, d := orElse(severity, assumedSeverity), rateChange(kind, orElse(delta, assumedDelta))
	switch {
	case reaches(s, 0.7) || reaches(d, 0.10):
		return UrgencyHigh
	case reaches(s, 0.4) || reaches(d, 0.05):
		return UrgencyMedium
	default:
		return UrgencyLow
	}
}

// LikelyNoise reports whether a change is so small that there may be nothing
// behind it. The arguments are those of [UrgencyOf].
func LikelyNoise(kind models.DriftType, severity, delta *float64) bool {
	s, d := orElse(severity, assumedSeverity), rateChange(kind, orElse(delta, assumedDelta))
	return !reaches(s, 0.3) && !reaches(d, 0.05)
}

// rateChange is the size of a change of a rate, and 0 for other types.
func rateChange(kind models.DriftType, delta float64) float64 {
	if unitOf(kind) != fraction {
		return 0
	}
	return math.Abs(delta)
}

func reaches(value, limit float64) bool { return value >= limit-epsilon }

func orElse(given *float64, otherwise float64) float64 {
	if given == nil {
		return otherwise
	}
	return *given
}

// Interpret puts what a rule saw into words; badge is what operators made of
// earlier alerts like it. A nil payload is an alert without figures.
func Interpret(p *models.AlertPayload, badge models.MemoryBadge) models.AlertInterpretation {
	if p == nil {
		return models.AlertInterpretation{
			Urgency: UrgencyMedium, Label: UrgencyMedium.Label(),
			PlainLanguage:     "No figures were kept with this alert.",
			HistoricalContext: history(0, badge),
			ActionSteps:       steps(UrgencyMedium, "", models.TrendDegrading),
		}
	}
	urgency := UrgencyOf(p.DriftType, &p.Severity, &p.DeltaValue)
	return models.AlertInterpretation{
		Urgency: urgency, Label: urgency.Label(),
		PlainLanguage:     Explain(p) + meaning(p),
		HistoricalContext: history(p.ConsecutivePeriods, badge),
		ActionSteps:       steps(urgency, p.DriftType, p.TrendDirection),
		LikelyNoise:       LikelyNoise(p.DriftType, &p.Severity, &p.DeltaValue),
	}
}

// MaxEvidenceRows is how many findings the evidence of an alert shows.
const MaxEvidenceRows = 20

// Evidence is what a message shows beside an alert: its figures, and the other
// findings about the same payer.
type Evidence struct {
	Payload *models.AlertPayload
	// Explanation is one sentence.
	Explanation string
	// DateRange is the current window, from its first to its last day.
	DateRange string
	// Rows are at most MaxEvidenceRows.
	Rows []models.DriftEvent
}

// EvidenceOf gathers the evidence of an alert. related are events of its run,
// most important first; those of other payers are left out.
func EvidenceOf(p *models.AlertPayload, related []models.DriftEvent) Evidence {
	evidence := Evidence{
		Payload: p, Explanation: Explain(p),
		DateRange: p.CurrentStart.String() + " to " + p.CurrentEnd.AddDays(-1).String(),
	}
	for i := range related {
		if related[i].Payer == p.Payer && len(evidence.Rows) < MaxEvidenceRows {
			evidence.Rows = append(evidence.Rows, related[i])
		}
	}
	return evidence
}
