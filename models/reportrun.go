package models

import (
	"encoding/json"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/uptrace/bun"
)

// RunType says why a detection run was made and which windows it defaults to.
type RunType string

// The run types.
const (
	RunWeekly  RunType = "weekly"
	RunMonthly RunType = "monthly"
	RunCustom  RunType = "custom"
)

// Values lists the run types.
func (RunType) Values() []string {
	return []string{string(RunWeekly), string(RunMonthly), string(RunCustom)}
}

// MarshalGQL writes the GraphQL enum value.
func (t RunType) MarshalGQL(w io.Writer) { marshalEnum(w, t) }

// UnmarshalGQL reads the GraphQL enum value.
func (t *RunType) UnmarshalGQL(v any) error { return unmarshalEnum(t, v) }

// RunStatus is where a detection run stands.
type RunStatus string

// The run states; a run is never anything else.
const (
	RunQueued  RunStatus = "queued"
	RunRunning RunStatus = "running"
	RunSuccess RunStatus = "success"
	RunFailed  RunStatus = "failed"
)

// Values lists the states.
func (RunStatus) Values() []string {
	return []string{string(RunQueued), string(RunRunning), string(RunSuccess), string(RunFailed)}
}

// MarshalGQL writes the GraphQL enum value.
func (s RunStatus) MarshalGQL(w io.Writer) { marshalEnum(w, s) }

// UnmarshalGQL reads the GraphQL enum value.
func (s *RunStatus) UnmarshalGQL(v any) error { return unmarshalEnum(s, v) }

// RunOrigin says who asked for a run.
type RunOrigin string

// The origins: somebody who waits for the result, somebody who does not, or
// the customer's schedule. At most one run of the latter two is queued or
// running per customer.
const (
	OriginDetect   RunOrigin = "detect"
	OriginTrigger  RunOrigin = "trigger"
	OriginSchedule RunOrigin = "schedule"
)

// Method is how a run decides that a payer drifted.
type Method string

// The methods: statistical tests with a controlled false discovery rate, or
// the fixed thresholds of the older weekly rules.
const (
	MethodStatistical Method = "statistical"
	MethodThreshold   Method = "threshold"
)

// Values lists the methods.
func (Method) Values() []string { return []string{string(MethodStatistical), string(MethodThreshold)} }

// MarshalGQL writes the GraphQL enum value.
func (m Method) MarshalGQL(w io.Writer) { marshalEnum(w, m) }

// UnmarshalGQL reads the GraphQL enum value.
func (m *Method) UnmarshalGQL(v any) error { return unmarshalEnum(m, v) }

// WindowBy is the claim date that places a claim in a window.
type WindowBy string

// The window dates.
const (
	WindowByDecided   WindowBy = "decided"
	WindowBySubmitted WindowBy = "submitted"
)

// Values lists the window dates.
func (WindowBy) Values() []string {
	return []string{string(WindowByDecided), string(WindowBySubmitted)}
}

// MarshalGQL writes the GraphQL enum value.
func (w WindowBy) MarshalGQL(out io.Writer) { marshalEnum(out, w) }

// UnmarshalGQL reads the GraphQL enum value.
func (w *WindowBy) UnmarshalGQL(v any) error { return unmarshalEnum(w, v) }

// Defaults and bounds of detection parameters.
const (
	DefaultCurrentDays  = 14
	DefaultBaselineDays = 90
	DefaultMinVolume    = 30
	DefaultAlpha        = 0.05
	// MaxWindowDays is three years.
	MaxWindowDays = 3 * 365
	MaxMinVolume  = 1_000_000
	MaxAlpha      = 0.5
)

// DetectInput is what a client may say about a detection run; nil fields take
// their defaults.
type DetectInput struct {
	AsOf         *Date     `json:"as_of,omitempty"`
	RunType      *RunType  `json:"run_type,omitempty"`
	Method       *Method   `json:"method,omitempty"`
	WindowBy     *WindowBy `json:"window_by,omitempty"`
	CurrentDays  *int      `json:"current_days,omitempty"`
	BaselineDays *int      `json:"baseline_days,omitempty"`
	MinVolume    *int      `json:"min_volume,omitempty"`
	Alpha        *float64  `json:"alpha,omitempty"`
	// Signals are the drift types to look at; nil means all of them.
	Signals []DriftType `json:"signals,omitempty"`
}

// DetectParams are the parameters of a run with every default filled in.
type DetectParams struct {
	AsOf         Date
	RunType      RunType
	Method       Method
	WindowBy     WindowBy
	CurrentDays  int
	BaselineDays int
	MinVolume    int
	Alpha        float64
	// Signals are at least one, in the order of DriftType.Values.
	Signals []DriftType
}

// Resolve fills in the defaults and checks every bound, listing all broken
// rules at once. today is the current UTC day: the default and the latest
// allowed as-of, whose day itself is not part of the window.
func (in DetectInput) Resolve(today Date) (DetectParams, error) {
	p := DetectParams{
		AsOf: today, RunType: RunWeekly, Method: MethodStatistical, WindowBy: WindowByDecided,
		CurrentDays: DefaultCurrentDays, BaselineDays: DefaultBaselineDays,
		MinVolume: DefaultMinVolume, Alpha: DefaultAlpha,
	}
	var fields []FieldError
	bad := func(path, format string, args ...any) {
		fields = append(fields, FieldError{Path: path, Code: "invalid", Message: fmt.Sprintf(format, args...)})
	}
	if in.Method != nil {
		p.Method = *in.Method
		if !ValidEnum(p.Method) {
			bad("method", "must be one of statistical, threshold")
		}
	}
	if p.Method == MethodThreshold {
		p.WindowBy = WindowBySubmitted
	}
	if in.WindowBy != nil {
		p.WindowBy = *in.WindowBy
		if !ValidEnum(p.WindowBy) {
			bad("window_by", "must be one of decided, submitted")
		}
	}
	p.RunType = in.runType()
	if !ValidEnum(p.RunType) {
		bad("run_type", "must be one of weekly, monthly, custom")
	}
	if p.RunType == RunMonthly {
		p.CurrentDays, p.BaselineDays = 30, 365
		p.AsOf = today.FirstOfMonth()
	}
	if in.AsOf != nil {
		p.AsOf = *in.AsOf
		switch {
		case p.AsOf.After(today):
			bad("as_of", "must not be later than today, %s", today)
		case p.AsOf.Before(NewDate(1990, time.January, 1)):
			bad("as_of", "must not be earlier than 1990-01-01")
		case p.RunType == RunMonthly && p.AsOf != p.AsOf.FirstOfMonth():
			bad("as_of", "must be the first day of a month for a monthly run")
		}
	}
	windowDays := func(path string, given *int, dst *int) {
		if given == nil {
			return
		}
		*dst = *given
		if *dst < 1 || *dst > MaxWindowDays {
			bad(path, "must be between 1 and %d days", MaxWindowDays)
		}
	}
	windowDays("current_days", in.CurrentDays, &p.CurrentDays)
	windowDays("baseline_days", in.BaselineDays, &p.BaselineDays)
	if in.MinVolume != nil {
		p.MinVolume = *in.MinVolume
		if p.MinVolume < 1 || p.MinVolume > MaxMinVolume {
			bad("min_volume", "must be between 1 and %d", MaxMinVolume)
		}
	}
	if in.Alpha != nil {
		p.Alpha = *in.Alpha
		if math.IsNaN(p.Alpha) || p.Alpha <= 0 || p.Alpha > MaxAlpha {
			bad("alpha", "must be greater than 0 and at most 0.5")
		}
	}
	var problem string
	if p.Signals, problem = in.signals(); problem != "" {
		bad("signals", "%s", problem)
	}
	return p, Invalid(fields...)
}

// signals are those asked for, each once, or what is wrong with them.
func (in DetectInput) signals() (chosen []DriftType, problem string) {
	words := DriftType("").Values()
	for _, word := range words {
		if in.Signals == nil || slices.Contains(in.Signals, DriftType(word)) {
			chosen = append(chosen, DriftType(word))
		}
	}
	for _, s := range in.Signals {
		if !ValidEnum(s) {
			return chosen, "must be drift types: " + strings.Join(words, ", ")
		}
	}
	switch {
	case len(chosen) == 0:
		return chosen, "must name at least one drift type"
	case in.Signals != nil && len(chosen) != len(in.Signals):
		return chosen, "must name each drift type once"
	default:
		return chosen, ""
	}
}

// runType is weekly unless windows of another length were asked for.
func (in DetectInput) runType() RunType {
	switch {
	case in.RunType != nil:
		return *in.RunType
	case in.CurrentDays != nil || in.BaselineDays != nil:
		return RunCustom
	default:
		return RunWeekly
	}
}

// CurrentStart is the first day of the current window [CurrentStart, AsOf).
func (p DetectParams) CurrentStart() Date { return p.AsOf.AddDays(-p.CurrentDays) }

// BaselineStart is the first day of the baseline window [BaselineStart, CurrentStart).
func (p DetectParams) BaselineStart() Date { return p.CurrentStart().AddDays(-p.BaselineDays) }

// ReportRun is one drift computation for one customer; it owns its tests and events.
type ReportRun struct {
	bun.BaseModel `bun:"table:report_runs,alias:rr"`

	CustomerID CustomerID  `bun:"customer_id,pk,type:uuid"`
	ID         ReportRunID `bun:"id,pk,type:uuid"`
	RunType    RunType     `bun:"run_type"`
	Status     RunStatus   `bun:"status"`
	Method     Method      `bun:"method"`
	WindowBy   WindowBy    `bun:"window_by"`
	// AsOf is the exclusive end of the current window.
	AsOf          Date    `bun:"as_of,type:date"`
	BaselineStart Date    `bun:"baseline_start,type:date"`
	BaselineEnd   Date    `bun:"baseline_end,type:date"`
	CurrentStart  Date    `bun:"current_start,type:date"`
	CurrentEnd    Date    `bun:"current_end,type:date"`
	MinVolume     int     `bun:"min_volume"`
	Alpha         float64 `bun:"alpha"`
	// Signals are the drift types looked at.
	Signals []DriftType `bun:"signals,array,nullzero"`
	Origin  RunOrigin   `bun:"origin,nullzero"`
	// Worker is the process that computes; nil before any does.
	Worker *uuid.UUID `bun:"worker,type:uuid"`
	// StartedAt is when the run began to compute, or was queued while it waits;
	// FinishedAt when it ended either way.
	StartedAt    time.Time  `bun:"started_at"`
	FinishedAt   *time.Time `bun:"finished_at"`
	ErrorCode    *string    `bun:"error_code"`
	ErrorMessage *string    `bun:"error_message"`
	// TestCount is the size of the family of tests, DriftEventCount how many
	// of them passed every gate.
	TestCount       int             `bun:"test_count"`
	DriftEventCount int             `bun:"drift_event_count"`
	SummaryJSON     json.RawMessage `bun:"summary_json,type:jsonb,nullzero"`
	CreatedBy       *UserID         `bun:"created_by,type:uuid"`
	Version         int64           `bun:"version"`
	CreatedAt       time.Time       `bun:"created_at"`
	UpdatedAt       time.Time       `bun:"updated_at"`
}

// NewReportRun is a run of the customer with these parameters that nobody has
// begun yet, at this instant.
func NewReportRun(id ReportRunID, customer CustomerID, origin RunOrigin, p DetectParams, now time.Time) *ReportRun {
	return &ReportRun{
		ID: id, CustomerID: customer, RunType: p.RunType, Status: RunQueued, Method: p.Method, WindowBy: p.WindowBy,
		AsOf: p.AsOf, BaselineStart: p.BaselineStart(), BaselineEnd: p.CurrentStart(),
		CurrentStart: p.CurrentStart(), CurrentEnd: p.AsOf, MinVolume: p.MinVolume, Alpha: p.Alpha,
		Signals: p.Signals, Origin: origin, StartedAt: now, Version: 1, CreatedAt: now, UpdatedAt: now,
	}
}

// Unfinished reports whether the run waits or computes.
func (r *ReportRun) Unfinished() bool { return r.Status == RunQueued || r.Status == RunRunning }

// Params are the parameters that the run was made with, for the signals named.
func (r *ReportRun) Params(signals ...DriftType) DetectParams {
	return DetectParams{
		AsOf: r.AsOf, RunType: r.RunType, Method: r.Method, WindowBy: r.WindowBy,
		CurrentDays: r.CurrentEnd.Sub(r.CurrentStart), BaselineDays: r.BaselineEnd.Sub(r.BaselineStart),
		MinVolume: r.MinVolume, Alpha: r.Alpha, Signals: signals,
	}
}

// ReportRunFilter narrows a list of runs.
type ReportRunFilter struct {
	Status  *RunStatus `query:"status" column:"status" op:"eq" doc:"Only runs in this state."`
	RunType *RunType   `query:"run_type" column:"run_type" op:"eq" doc:"Only runs of this type."`
	Method  *Method    `query:"method" column:"method" op:"eq" doc:"Only runs made with this method."`
}

// ReportRunOrderField is a column runs can be ordered by.
type ReportRunOrderField string

// The orderings of runs.
const (
	ReportRunOrderStartedAt ReportRunOrderField = "started_at"
	ReportRunOrderStatus    ReportRunOrderField = "status"
	ReportRunOrderRunType   ReportRunOrderField = "run_type"
)

// Values lists the columns.
func (ReportRunOrderField) Values() []string {
	return []string{string(ReportRunOrderStartedAt), string(ReportRunOrderStatus), string(ReportRunOrderRunType)}
}

// MarshalGQL writes the GraphQL enum value.
func (f ReportRunOrderField) MarshalGQL(w io.Writer) { marshalEnum(w, f) }

// UnmarshalGQL reads the GraphQL enum value.
func (f *ReportRunOrderField) UnmarshalGQL(v any) error { return unmarshalEnum(f, v) }
