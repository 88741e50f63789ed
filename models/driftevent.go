package models

import (
	"encoding/json"
	"io"
	"math"
	"time"

	"github.com/shopspring/decimal"
	"github.com/uptrace/bun"
)

// DriftType is the aspect of a payer's behaviour that a test looks at.
type DriftType string

// The drift types.
const (
	DriftDenialRate      DriftType = "DENIAL_RATE"
	DriftApprovalRate    DriftType = "APPROVAL_RATE"
	DriftAuthFailureRate DriftType = "AUTH_FAILURE_RATE"
	DriftDecisionTime    DriftType = "DECISION_TIME"
	DriftProcessingDelay DriftType = "PROCESSING_DELAY"
	DriftPaymentAmount   DriftType = "PAYMENT_AMOUNT"
)

// Values lists the drift types.
func (DriftType) Values() []string {
	return []string{
		string(DriftDenialRate), string(DriftApprovalRate), string(DriftAuthFailureRate),
		string(DriftDecisionTime), string(DriftProcessingDelay), string(DriftPaymentAmount),
	}
}

// MarshalGQL writes the GraphQL enum value.
func (t DriftType) MarshalGQL(w io.Writer) { marshalEnum(w, t) }

// UnmarshalGQL reads the GraphQL enum value.
func (t *DriftType) UnmarshalGQL(v any) error { return unmarshalEnum(t, v) }

// TestMethod is the statistical test behind a p-value.
type TestMethod string

// The tests. THRESHOLD means no test was made: the fixed rule decided.
const (
	TestTwoProportionZ TestMethod = "TWO_PROPORTION_Z"
	TestFisherExact    TestMethod = "FISHER_EXACT"
	TestMannWhitneyU   TestMethod = "MANN_WHITNEY_U"
	TestWelchT         TestMethod = "WELCH_T"
	TestThreshold      TestMethod = "THRESHOLD"
)

// Values lists the tests.
func (TestMethod) Values() []string {
	return []string{
		string(TestTwoProportionZ), string(TestFisherExact), string(TestMannWhitneyU),
		string(TestWelchT), string(TestThreshold),
	}
}

// MarshalGQL writes the GraphQL enum value.
func (m TestMethod) MarshalGQL(w io.Writer) { marshalEnum(w, m) }

// UnmarshalGQL reads the GraphQL enum value.
func (m *TestMethod) UnmarshalGQL(v any) error { return unmarshalEnum(m, v) }

// TrendDirection says whether a change hurts the clinic or helps it.
type TrendDirection string

// The directions.
const (
	TrendDegrading TrendDirection = "degrading"
	TrendImproving TrendDirection = "improving"
)

// Values lists the directions.
func (TrendDirection) Values() []string {
	return []string{string(TrendDegrading), string(TrendImproving)}
}

// MarshalGQL writes the GraphQL enum value.
func (d TrendDirection) MarshalGQL(w io.Writer) { marshalEnum(w, d) }

// UnmarshalGQL reads the GraphQL enum value.
func (d *TrendDirection) UnmarshalGQL(v any) error { return unmarshalEnum(d, v) }

// SeverityLabel is a severity score put into words.
type SeverityLabel string

// The severity labels and the score, 0..1, each starts at.
const (
	SeverityCritical SeverityLabel = "CRITICAL" // 0.8
	SeverityHigh     SeverityLabel = "HIGH"     // 0.6
	SeverityMedium   SeverityLabel = "MEDIUM"   // 0.4
	SeverityLow      SeverityLabel = "LOW"      // 0
)

// Values lists the labels.
func (SeverityLabel) Values() []string {
	return []string{string(SeverityCritical), string(SeverityHigh), string(SeverityMedium), string(SeverityLow)}
}

// MarshalGQL writes the GraphQL enum value.
func (l SeverityLabel) MarshalGQL(w io.Writer) { marshalEnum(w, l) }

// UnmarshalGQL reads the GraphQL enum value.
func (l *SeverityLabel) UnmarshalGQL(v any) error { return unmarshalEnum(l, v) }

// LabelOf is the label of a severity score, 0..1.
func LabelOf(severity float64) SeverityLabel {
	switch {
	case severity >= 0.8:
		return SeverityCritical
	case severity >= 0.6:
		return SeverityHigh
	case severity >= 0.4:
		return SeverityMedium
	default:
		return SeverityLow
	}
}

// DriftTest is one test a run made, whether or not it became an event: the
// record of what was looked at and not only of what was found. It is
// identified by its run, payer, CPT group and drift type.
type DriftTest struct {
	bun.BaseModel `bun:"table:drift_tests,alias:dt"`

	CustomerID  CustomerID  `bun:"customer_id,pk,type:uuid"`
	ReportRunID ReportRunID `bun:"report_run_id,pk,type:uuid"`
	Payer       string      `bun:"payer,pk"`
	// CPTGroup is ALL for the payer as a whole.
	CPTGroup           string     `bun:"cpt_group,pk"`
	DriftType          DriftType  `bun:"drift_type,pk"`
	Method             TestMethod `bun:"method"`
	BaselineSampleSize int        `bun:"baseline_sample_size"`
	CurrentSampleSize  int        `bun:"current_sample_size"`
	BaselineValue      float64    `bun:"baseline_value"`
	CurrentValue       float64    `bun:"current_value"`
	DeltaValue         float64    `bun:"delta_value"`
	// Statistic is z, U or t as Method says; null for Fisher's test and for thresholds.
	Statistic *float64 `bun:"statistic"`
	// Dispersion is the overdispersion factor phi of the baseline, >= 1, for rates.
	Dispersion *float64 `bun:"dispersion"`
	// PValue and QValue are 0..1; null for the threshold method.
	PValue *float64 `bun:"p_value"`
	QValue *float64 `bun:"q_value"`
	// CILow and CIHigh bound the 95 % interval of DeltaValue where the test has one.
	CILow  *float64 `bun:"ci_low"`
	CIHigh *float64 `bun:"ci_high"`
	// MinDetectableDelta is the smallest absolute change this test would have
	// found with 80 % power, in the unit of the value.
	MinDetectableDelta *float64 `bun:"min_detectable_delta"`
	// Practical and Significant are the gates after volume.
	Practical    bool          `bun:"practical"`
	Significant  bool          `bun:"significant"`
	DriftEventID *DriftEventID `bun:"drift_event_id,type:uuid"`
}

// DriftTestFilter narrows a run's tests.
type DriftTestFilter struct {
	Payer       *string    `query:"payer" column:"payer" op:"icontains" doc:"Only tests of payers whose name contains this text, ignoring case."`
	CptGroup    *string    `query:"cpt_group" column:"cpt_group" op:"eq" doc:"Only tests of exactly this CPT group."`
	DriftType   *DriftType `query:"drift_type" column:"drift_type" op:"eq" doc:"Only tests of this drift type."`
	Practical   *bool      `query:"practical" column:"practical" op:"eq" doc:"Only tests whose change is, or is not, large enough to matter."`
	Significant *bool      `query:"significant" column:"significant" op:"eq" doc:"Only tests that are, or are not, statistically significant."`
}

// DriftTestOrderField is a column tests can be ordered by.
type DriftTestOrderField string

// The orderings of tests.
const (
	DriftTestOrderPayer  DriftTestOrderField = "payer"
	DriftTestOrderPValue DriftTestOrderField = "p_value"
	DriftTestOrderQValue DriftTestOrderField = "q_value"
)

// Values lists the columns.
func (DriftTestOrderField) Values() []string {
	return []string{string(DriftTestOrderPayer), string(DriftTestOrderPValue), string(DriftTestOrderQValue)}
}

// MarshalGQL writes the GraphQL enum value.
func (f DriftTestOrderField) MarshalGQL(w io.Writer) { marshalEnum(w, f) }

// UnmarshalGQL reads the GraphQL enum value.
func (f *DriftTestOrderField) UnmarshalGQL(v any) error { return unmarshalEnum(f, v) }

// DriftEvent is one detected change of a payer's behaviour between the
// baseline and the current window of its run.
type DriftEvent struct {
	bun.BaseModel `bun:"table:drift_events,alias:de"`

	CustomerID  CustomerID   `bun:"customer_id,pk,type:uuid"`
	ID          DriftEventID `bun:"id,pk,type:uuid"`
	ReportRunID ReportRunID  `bun:"report_run_id,type:uuid"`
	Payer       string       `bun:"payer"`
	CPTGroup    string       `bun:"cpt_group"`
	DriftType   DriftType    `bun:"drift_type"`
	// The values and their difference are a fraction, days or USD by type.
	BaselineValue float64 `bun:"baseline_value"`
	CurrentValue  float64 `bun:"current_value"`
	DeltaValue    float64 `bun:"delta_value"`
	// Severity (size of the change) and Confidence (strength of the data) are 0..1.
	Severity           float64    `bun:"severity"`
	Confidence         float64    `bun:"confidence"`
	BaselineStart      Date       `bun:"baseline_start,type:date"`
	BaselineEnd        Date       `bun:"baseline_end,type:date"`
	CurrentStart       Date       `bun:"current_start,type:date"`
	CurrentEnd         Date       `bun:"current_end,type:date"`
	BaselineSampleSize int        `bun:"baseline_sample_size"`
	CurrentSampleSize  int        `bun:"current_sample_size"`
	TestMethod         TestMethod `bun:"test_method"`
	// StatisticalSignificance is the p-value, 0..1; null for the threshold method.
	StatisticalSignificance *float64 `bun:"statistical_significance"`
	QValue                  *float64 `bun:"q_value"`
	EffectCILow             *float64 `bun:"effect_ci_low"`
	EffectCIHigh            *float64 `bun:"effect_ci_high"`
	// RateEffect and MixEffect split DeltaValue into what the payer changed and
	// what the case mix changed; null where the split is not defined.
	RateEffect *float64 `bun:"rate_effect"`
	MixEffect  *float64 `bun:"mix_effect"`
	// EstimatedRevenueImpact is USD over the current window, >= 0, for adverse changes.
	EstimatedRevenueImpact *decimal.Decimal `bun:"estimated_revenue_impact,type:numeric"`
	TrendDirection         TrendDirection   `bun:"trend_direction"`
	ConsecutivePeriods     int              `bun:"consecutive_periods"`
	SignalKey              string           `bun:"signal_key"`
	Evidence               json.RawMessage  `bun:"evidence,type:jsonb"`
	Version                int64            `bun:"version"`
	CreatedAt              time.Time        `bun:"created_at"`
}

// SeverityLabel is Severity in words.
func (e *DriftEvent) SeverityLabel() SeverityLabel { return LabelOf(e.Severity) }

// DeltaPercent is the change relative to the baseline in percent, rounded to
// two decimals; nil when the baseline is zero.
func (e *DriftEvent) DeltaPercent() *float64 {
	if e.BaselineValue == 0 {
		return nil
	}
	percent := math.Round(e.DeltaValue/e.BaselineValue*1e4) / 1e2
	return &percent
}

// DriftEventFilter narrows a list of drift events.
type DriftEventFilter struct {
	Payer          *string         `query:"payer" column:"payer" op:"icontains" doc:"Only events of payers whose name contains this text, ignoring case."`
	CptGroup       *string         `query:"cpt_group" column:"cpt_group" op:"eq" doc:"Only events of exactly this CPT group."`
	DriftType      *DriftType      `query:"drift_type" column:"drift_type" op:"eq" doc:"Only events of this drift type."`
	TrendDirection *TrendDirection `query:"trend_direction" column:"trend_direction" op:"eq" doc:"Only changes in this direction."`
	SeverityLabel  *SeverityLabel  `query:"severity_label" column:"severity" op:"severity_label" doc:"Only events whose severity falls into this band."`
	MinSeverity    *float64        `query:"min_severity" column:"severity" op:"gte" doc:"Only events at least this severe, 0..1."`
	MaxSeverity    *float64        `query:"max_severity" column:"severity" op:"lte" doc:"Only events at most this severe, 0..1."`
	MinConfidence  *float64        `query:"min_confidence" column:"confidence" op:"gte" doc:"Only events at least this certain, 0..1."`
	CreatedAfter   *time.Time      `query:"created_after" column:"created_at" op:"gte" doc:"Only events found at this instant or later."`
	CreatedBefore  *time.Time      `query:"created_before" column:"created_at" op:"lte" doc:"Only events found at this instant or earlier."`
	ReportRun      *ReportRunID    `query:"report_run" column:"report_run_id" op:"eq" doc:"Only events of this run."`
}

// DriftEventOrderField is a column drift events can be ordered by.
type DriftEventOrderField string

// The orderings of drift events.
const (
	DriftEventOrderCreatedAt DriftEventOrderField = "created_at"
	DriftEventOrderSeverity  DriftEventOrderField = "severity"
	DriftEventOrderPayer     DriftEventOrderField = "payer"
)

// Values lists the columns.
func (DriftEventOrderField) Values() []string {
	return []string{string(DriftEventOrderCreatedAt), string(DriftEventOrderSeverity), string(DriftEventOrderPayer)}
}

// MarshalGQL writes the GraphQL enum value.
func (f DriftEventOrderField) MarshalGQL(w io.Writer) { marshalEnum(w, f) }

// UnmarshalGQL reads the GraphQL enum value.
func (f *DriftEventOrderField) UnmarshalGQL(v any) error { return unmarshalEnum(f, v) }
