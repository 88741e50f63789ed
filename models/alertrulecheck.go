package models

import (
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/shopspring/decimal"
)

// Bounds of alert rules.
const (
	MaxAlertRuleName        = 100
	MaxAlertRuleDescription = 2000
	MaxRoutingChannels      = 50
	MaxRoutingTags          = 20
	MaxRoutingTag           = 50
	// MaxRoutingPriority bounds priorities both ways.
	MaxRoutingPriority = 1000
)

// Validate lists what is wrong with the rule. A rule that could never match is
// wrong, too.
func (r *AlertRule) Validate() error {
	fields := checkTitle("name", r.Name, MaxAlertRuleName)
	fields = append(fields, checkProse("description", r.Description, MaxAlertRuleDescription)...)
	fields = append(fields, r.Scope.problems()...)
	fields = append(fields, r.conditionProblems()...)
	if !ValidEnum(r.Severity) {
		fields = append(fields, notOneOf("severity", r.Severity))
	}
	return Invalid(append(fields, r.routingProblems()...)...)
}

func (r *AlertRule) conditionProblems() (fields []FieldError) {
	if !ValidEnum(r.ThresholdType) {
		fields = append(fields, notOneOf("threshold_type", r.ThresholdType))
	}
	if !ValidEnum(r.Metric) {
		return append(fields, notOneOf("metric", r.Metric))
	}
	low, high := r.Metric.bounds()
	if v := r.ThresholdValue; math.IsNaN(v) || v < low || v > high {
		fields = append(fields, FieldError{
			"threshold_value", "invalid",
			"must be from " + decimal.NewFromFloat(low).String() + " to " + decimal.NewFromFloat(high).String() + " for " + string(r.Metric),
		})
	}
	if only, scope := r.Metric.DriftType(), r.Scope.DriftType; only != "" && scope != nil && *scope != only && ValidEnum(*scope) {
		fields = append(fields, FieldError{"scope.drift_type", "never_matches", "has no " + string(r.Metric) + ": only " + string(only) + " does"})
	}
	return fields
}

// bounds are the values that the metric can take.
func (m AlertMetric) bounds() (low, high float64) {
	switch m {
	case MetricSeverity:
		return 0, 1
	case MetricDenialRateDelta:
		return -1, 1
	default:
		return -MaxWindowDays, MaxWindowDays
	}
}

func (s AlertScope) problems() (fields []FieldError) {
	fields = append(fields, checkExact("scope.payer", s.Payer, 255)...)
	fields = append(fields, checkExact("scope.cpt_group", s.CPTGroup, 50)...)
	if s.DriftType != nil && !ValidEnum(*s.DriftType) {
		fields = append(fields, notOneOf("scope.drift_type", *s.DriftType))
	}
	if s.TrendDirection != nil && !ValidEnum(*s.TrendDirection) {
		fields = append(fields, notOneOf("scope.trend_direction", *s.TrendDirection))
	}
	return append(fields, s.impactProblems()...)
}

func (s AlertScope) impactProblems() []FieldError {
	const path = "scope.min_revenue_impact"
	switch {
	case s.MinRevenueImpact == nil:
		return nil
	case !isMoney(*s.MinRevenueImpact):
		return []FieldError{{path, "invalid", moneyRule}}
	case s.TrendDirection != nil && *s.TrendDirection == TrendImproving:
		return []FieldError{{path, "never_matches", "is reached by no improvement: only adverse changes have an estimate"}}
	case s.DriftType != nil && (*s.DriftType == DriftDecisionTime || *s.DriftType == DriftProcessingDelay):
		return []FieldError{{path, "never_matches", "is reached by no change of times, which have no estimate"}}
	}
	return nil
}

func (r *AlertRule) routingProblems() (fields []FieldError) {
	if r.RoutingPriority < -MaxRoutingPriority || r.RoutingPriority > MaxRoutingPriority {
		fields = append(fields, FieldError{"routing_priority", "invalid", "must be from -1000 to 1000"})
	}
	if len(r.RoutingChannels) > MaxRoutingChannels {
		fields = append(fields, FieldError{"routing_channels", "too_many", "must name at most 50 channels"})
	}
	fields = append(fields, repeated("routing_channels", r.RoutingChannels)...)
	if len(r.RoutingTags) > MaxRoutingTags {
		fields = append(fields, FieldError{"routing_tags", "too_many", "must have at most 20 tags"})
	}
	for i, tag := range r.RoutingTags {
		fields = append(fields, checkTitle("routing_tags."+strconv.Itoa(i), tag, MaxRoutingTag)...)
	}
	return append(fields, repeated("routing_tags", r.RoutingTags)...)
}

func repeated[T comparable](path string, values []T) (fields []FieldError) {
	for i, v := range values {
		if slices.Contains(values[:i], v) {
			fields = append(fields, FieldError{path + "." + strconv.Itoa(i), "repeated", "repeats an earlier one"})
		}
	}
	return fields
}

// checkTitle is for names that people read in one line.
func checkTitle(path, text string, longest int) []FieldError {
	if strings.TrimSpace(text) == "" || utf8.RuneCountInString(text) > longest || !printable(text) {
		return []FieldError{{path, "invalid", "must have 1 to " + strconv.Itoa(longest) + " printable characters, not all blank"}}
	}
	return nil
}

// checkProse is for texts of several lines.
func checkProse(path, text string, longest int) []FieldError {
	lines := strings.NewReplacer("\n", " ", "\r", " ", "\t", " ").Replace(text)
	if utf8.RuneCountInString(text) > longest || !printable(lines) {
		return []FieldError{{path, "invalid", "must have at most " + strconv.Itoa(longest) + " characters, all of them printable"}}
	}
	return nil
}

// checkExact is for a text that must equal a stored one; nil is no text.
func checkExact(path string, text *string, longest int) []FieldError {
	if text == nil {
		return nil
	}
	return checkTitle(path, *text, longest)
}

func notOneOf[E Enum](path string, value E) FieldError {
	return FieldError{path, "invalid", "must be one of " + strings.Join(value.Values(), ", ")}
}

// moneyRule is the rule of isMoney.
const moneyRule = "must be an amount in USD from 0 to 9999999999.99, with at most two decimals"

func isMoney(amount decimal.Decimal) bool {
	// The exponent first: comparing 1e999999999 would write all its digits.
	if exponent := amount.Exponent(); exponent > 10 || exponent < -20 {
		return amount.IsZero()
	}
	return !amount.IsNegative() && amount.LessThan(decimal.New(1, 10)) && amount.Equal(amount.Truncate(2))
}
