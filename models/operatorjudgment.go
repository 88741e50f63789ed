package models

import (
	"io"
	"strconv"
	"time"

	"github.com/shopspring/decimal"
	"github.com/uptrace/bun"
)

// Verdict is what an operator makes of an alert.
type Verdict string

// The verdicts.
const (
	VerdictNoise         Verdict = "noise" // nothing is behind it
	VerdictReal          Verdict = "real"
	VerdictNeedsFollowUp Verdict = "needs_followup" // cannot be said yet
)

// Values lists the verdicts.
func (Verdict) Values() []string {
	return []string{
		string(VerdictNoise),
		string(VerdictReal),
		string(VerdictNeedsFollowUp),
	}
}

// MarshalGQL writes the GraphQL enum value.
func (j Verdict) MarshalGQL(w io.Writer) { marshalEnum(w, j) }

// UnmarshalGQL reads the GraphQL enum value.
func (j *Verdict) UnmarshalGQL(v any) error { return unmarshalEnum(j, v) }

// OperatorJudgment is one operator's verdict on one alert, and the money that
// came of it. Who judges again replaces the earlier judgment.
type OperatorJudgment struct {
	bun.BaseModel `bun:"table:operator_judgments,alias:oj"`

	CustomerID   CustomerID         `bun:"customer_id,pk,type:uuid"`
	ID           OperatorJudgmentID `bun:"id,pk,type:uuid"`
	AlertEventID AlertEventID       `bun:"alert_event_id,type:uuid"`
	Verdict      Verdict            `bun:"verdict"`
	// ReasonCodes are words of the operators' own choosing.
	ReasonCodes []string `bun:"reason_codes,array"`
	Notes       string   `bun:"notes"`
	// RecoveredAmount is USD, >= 0; RecoveredDate the day it was recovered.
	RecoveredAmount *decimal.Decimal `bun:"recovered_amount,type:numeric"`
	RecoveredDate   *Date            `bun:"recovered_date,type:date"`
	// OperatorID is nil once the user is gone.
	OperatorID *UserID `bun:"operator_id,type:uuid"`
	// OperatorName is what the operator was called then: the full name, else the
	// address; of an API key or a command its name.
	OperatorName string `bun:"operator_name"`
	Version      int64  `bun:"version"`
	// JudgedAt is when the verdict was given last.
	JudgedAt  time.Time `bun:"judged_at"`
	CreatedAt time.Time `bun:"created_at"`
	UpdatedAt time.Time `bun:"updated_at"`
}

// GlobalID is the judgment's TypeID.
func (j *OperatorJudgment) GlobalID() string { return j.ID.String() }

// Bounds of judgments.
const (
	MaxReasonCodes   = 20
	MaxReasonCode    = 50
	MaxJudgmentNotes = 4000
)

// AlertFeedback is the input that judges an alert. It replaces the operator's
// earlier judgment whole: what it leaves out is empty afterwards.
type AlertFeedback struct {
	AlertEventID    AlertEventID
	Verdict         Verdict
	ReasonCodes     []string
	Notes           string
	RecoveredAmount *decimal.Decimal
	RecoveredDate   *Date
}

// Validate lists what is wrong with the input; today is the current day where
// the customer is.
func (in AlertFeedback) Validate(today Date) error {
	var fields []FieldError
	if !ValidEnum(in.Verdict) {
		fields = append(fields, notOneOf("verdict", in.Verdict))
	}
	if len(in.ReasonCodes) > MaxReasonCodes {
		fields = append(fields, FieldError{"reason_codes", "too_many", "must have at most 20 codes"})
	}
	for i, code := range in.ReasonCodes {
		fields = append(fields, checkTitle("reason_codes."+strconv.Itoa(i), code, MaxReasonCode)...)
	}
	fields = append(fields, repeated("reason_codes", in.ReasonCodes)...)
	fields = append(fields, checkProse("notes", in.Notes, MaxJudgmentNotes)...)
	return Invalid(append(fields, in.recoveryProblems(today)...)...)
}

func (in AlertFeedback) recoveryProblems(today Date) (fields []FieldError) {
	if in.RecoveredAmount != nil && !isMoney(*in.RecoveredAmount) {
		fields = append(fields, FieldError{"recovered_amount", "invalid", moneyRule})
	}
	switch day := in.RecoveredDate; {
	case day == nil:
	case in.RecoveredAmount == nil:
		fields = append(fields, FieldError{"recovered_date", "invalid", "needs a recovered_amount"})
	case day.After(today) || day.Before(NewDate(1990, time.January, 1)):
		fields = append(fields, FieldError{"recovered_date", "invalid", "must be from 1990-01-01 to today, " + today.String()})
	}
	return fields
}

// OperatorJudgmentFilter narrows a list of judgments.
type OperatorJudgmentFilter struct {
	AlertEvent      *AlertEventID `query:"alert" column:"alert_event_id" op:"eq" doc:"Only judgments of this alert."`
	Verdict         *Verdict      `query:"verdict" column:"verdict" op:"eq" doc:"Only this verdict."`
	Operator        *UserID       `query:"operator" column:"operator_id" op:"eq" doc:"Only judgments by this user."`
	Recovered       *bool         `query:"recovered" column:"recovered_amount" op:"present" doc:"Only judgments that name, or do not name, recovered money."`
	RecoveredAfter  *Date         `query:"recovered_after" column:"recovered_date" op:"gte" doc:"Only money recovered on this day or later."`
	RecoveredBefore *Date         `query:"recovered_before" column:"recovered_date" op:"lte" doc:"Only money recovered on this day or earlier."`
}

// OperatorJudgmentOrderField is a column judgments can be ordered by.
type OperatorJudgmentOrderField string

// The orderings of judgments.
const (
	OperatorJudgmentOrderJudgedAt        OperatorJudgmentOrderField = "judged_at"
	OperatorJudgmentOrderRecoveredDate   OperatorJudgmentOrderField = "recovered_date"
	OperatorJudgmentOrderRecoveredAmount OperatorJudgmentOrderField = "recovered_amount"
)

// Values lists the columns.
func (OperatorJudgmentOrderField) Values() []string {
	return []string{
		string(OperatorJudgmentOrderJudgedAt),
		string(OperatorJudgmentOrderRecoveredDate),
		string(OperatorJudgmentOrderRecoveredAmount),
	}
}

// MarshalGQL writes the GraphQL enum value.
func (f OperatorJudgmentOrderField) MarshalGQL(w io.Writer) { marshalEnum(w, f) }

// UnmarshalGQL reads the GraphQL enum value.
func (f *OperatorJudgmentOrderField) UnmarshalGQL(v any) error { return unmarshalEnum(f, v) }

// OperatorJudgmentOrder is one term of an ordering of judgments.
type OperatorJudgmentOrder = Order[OperatorJudgmentOrderField]
