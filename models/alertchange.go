package models

import (
	"time"

	"github.com/shopspring/decimal"
)

// AlertChange names an alert that is to be acknowledged, resolved and the like.
type AlertChange struct {
	ID AlertEventID
	// ExpectedVersion is the version that the change was decided on: the answer is
	// STALE when the alert has another one by now. Nil when that does not matter.
	ExpectedVersion *int64
}

// AlertSnooze puts an alert off.
type AlertSnooze struct {
	AlertChange

	// Until is in the future, at most 90 days ahead.
	Until time.Time
}

// MaxSnooze is how far ahead an alert may be put off.
const MaxSnooze = 90 * 24 * time.Hour

// Validate lists what is wrong with the input.
func (in AlertSnooze) Validate(now time.Time) error {
	if !in.Until.After(now) || in.Until.After(now.Add(MaxSnooze)) {
		return InvalidField("until", "invalid", "must be in the future, at most 90 days ahead")
	}
	return nil
}

// AlertAssignment gives an alert to somebody.
type AlertAssignment struct {
	AlertChange

	// Assignee is a member of the customer; nil takes the assignment back.
	Assignee *UserID
}

// FeedbackResult is what became of a judgment.
type FeedbackResult struct {
	Judgment *OperatorJudgment
	// Created is set when it was the operator's first about the alert.
	Created bool
	// Alert is the alert as it is afterwards.
	Alert *AlertEvent
}

// AlertMemory is what operators made of other alerts about the same signal,
// within the customer's memory.
type AlertMemory struct {
	// Badge sums it up: none, noise, confirmed or pending.
	Badge MemoryBadge
	// Noise, Confirmed and FollowUp count alerts by verdict.
	Noise, Confirmed, FollowUp int
	// Latest is the last judgment among them; nil when there is none.
	Latest *OperatorJudgment
}

// RecoveryStats is the money that came of alerts, in USD.
type RecoveryStats struct {
	// ThisMonth counts from the first day of the month, Last30Days the last 30
	// days with today, where the customer is.
	ThisMonth, Last30Days Recovered
	// AllTime counts what has no day, too.
	AllTime Recovered
	// Recent are the last five judgments that name a day.
	Recent []*OperatorJudgment
}

// Recovered is an amount and of how many judgments it is the sum.
type Recovered struct {
	Total decimal.Decimal
	Count int
}
