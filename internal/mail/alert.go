package mail

import "time"

// AlertFacts are what the letter about an alert tells.
type AlertFacts struct {
	Customer string
	Rule     string
	// Urgency is high, medium or low; Label says what that asks of the reader.
	Urgency, Label string
	Payer          string
	// DriftType, CPTGroup, Baseline, Current, Delta and Severity are as people
	// read them: "Denial rate", "SURGERY", "10.0%", "25.0%", "+15.0 points", "0.30".
	DriftType, CPTGroup               string
	Baseline, Current, Delta, Severity string
	// Period is the current window, from its first to its last day.
	Period string
	// Meaning says in a sentence or two what happened, History whether it was seen
	// before.
	Meaning, History string
	// LikelyNoise is set when there may be nothing behind it.
	LikelyNoise bool
	// Steps are what to do, in order.
	Steps []string
	// Evidence are the first findings about the payer; More is how many others
	// there are.
	Evidence []EvidenceRow
	More     int
	// Link opens the alert.
	Link      string
	AlertID   string
	RequestID string
	At        time.Time
}

// EvidenceRow is one finding about the payer of an alert, as people read it.
type EvidenceRow struct{ DriftType, CPTGroup, Baseline, Current, Delta, Severity string }

// WriteAlert composes the letter about an alert to an address.
func WriteAlert(to string, facts AlertFacts) (Message, error) { return compose("alert", to, facts) }

// ChannelTestFacts are what the letter tells that tries a channel.
type ChannelTestFacts struct {
	Customer, Channel string
	// Link opens Upstream.
	Link string
	At   time.Time
}

// WriteChannelTest composes the letter to an address that tries a channel.
func WriteChannelTest(to string, facts ChannelTestFacts) (Message, error) {
	return compose("channel_test", to, facts)
}
