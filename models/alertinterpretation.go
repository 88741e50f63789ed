package models

import "io"

// AlertUrgency is how soon somebody should look at an alert.
type AlertUrgency string

// The urgencies.
const (
	UrgencyHigh   AlertUrgency = "high"
	UrgencyMedium AlertUrgency = "medium"
	UrgencyLow    AlertUrgency = "low"
)

// Values lists the urgencies.
func (AlertUrgency) Values() []string {
	return []string{string(UrgencyHigh), string(UrgencyMedium), string(UrgencyLow)}
}

// MarshalGQL writes the GraphQL enum value.
func (u AlertUrgency) MarshalGQL(w io.Writer) { marshalEnum(w, u) }

// UnmarshalGQL reads the GraphQL enum value.
func (u *AlertUrgency) UnmarshalGQL(v any) error { return unmarshalEnum(u, v) }

// Label is the urgency as people read it.
func (u AlertUrgency) Label() string {
	switch u {
	case UrgencyHigh:
		return "Investigate today"
	case UrgencyMedium:
		return "Review this week"
	default:
		return "Monitor"
	}
}

// AlertInterpretation is an alert in words, for people who act on it.
type AlertInterpretation struct {
	Urgency AlertUrgency
	// Label is the urgency as people read it.
	Label string
	// PlainLanguage says in a sentence or two what happened and what it means.
	PlainLanguage string
	// HistoricalContext says whether it was seen before and what became of that.
	HistoricalContext string
	// ActionSteps are what to do, in order: five when the urgency is high, else four.
	ActionSteps []string
	LikelyNoise bool
}
