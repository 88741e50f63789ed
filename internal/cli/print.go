package cli

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"text/tabwriter"

	"upstream/models"
)

// print writes value as JSON, or what people says, aligned in columns.
func (a *app) print(value any, people func(*tabwriter.Writer)) error {
	if a.JSON {
		encoder := json.NewEncoder(a.Out)
		encoder.SetIndent("", "  ")
		return encoder.Encode(value)
	}
	w := tabwriter.NewWriter(a.Out, 0, 4, 2, ' ', 0)
	people(w)
	return w.Flush()
}

// runResult is a detection run and its findings as the command line prints them.
type runResult struct {
	ID       models.ReportRunID `json:"id"`
	Customer string             `json:"customer"`
	Status   models.RunStatus   `json:"status"`
	Method   models.Method      `json:"method"`
	AsOf     models.Date        `json:"as_of"`
	Baseline [2]models.Date     `json:"baseline"`
	Current  [2]models.Date     `json:"current"`
	Tests    int                `json:"test_count"`
	Events   []eventResult      `json:"drift_events"`
	Message  string             `json:"message,omitempty"`
}

type eventResult struct {
	ID            models.DriftEventID   `json:"id"`
	Payer         string                `json:"payer"`
	CPTGroup      string                `json:"cpt_group"`
	DriftType     models.DriftType      `json:"drift_type"`
	Trend         models.TrendDirection `json:"trend_direction"`
	Baseline      float64               `json:"baseline_value"`
	Current       float64               `json:"current_value"`
	Delta         float64               `json:"delta_value"`
	QValue        *float64              `json:"q_value"`
	Severity      float64               `json:"severity"`
	SeverityLabel models.SeverityLabel  `json:"severity_label"`
	RevenueImpact *string               `json:"estimated_revenue_impact"`
}

func newEventResult(e *models.DriftEvent) eventResult {
	result := eventResult{
		ID: e.ID, Payer: e.Payer, CPTGroup: e.CPTGroup, DriftType: e.DriftType, Trend: e.TrendDirection,
		Baseline: e.BaselineValue, Current: e.CurrentValue, Delta: e.DeltaValue, QValue: e.QValue,
		Severity: e.Severity, SeverityLabel: e.SeverityLabel(),
	}
	if e.EstimatedRevenueImpact != nil {
		text := e.EstimatedRevenueImpact.StringFixed(2)
		result.RevenueImpact = &text
	}
	return result
}

// printFindings is the table of a run's events, worst first.
func printFindings(w *tabwriter.Writer, run runResult) {
	_, _ = fmt.Fprintf(w, "%s: baseline %s to %s, current %s to %s (ends excluded), %s, %s\n\n",
		run.Customer, run.Baseline[0], run.Baseline[1], run.Current[0], run.Current[1],
		count(run.Tests, "test"), count(len(run.Events), "finding"))
	if len(run.Events) == 0 {
		_, _ = fmt.Fprintln(w, run.Message)
		return
	}
	_, _ = fmt.Fprintln(w, "SEVERITY\tPAYER\tCPT GROUP\tTYPE\tBASELINE → CURRENT\tTREND\tQ\tREVENUE IMPACT")
	for _, e := range run.Events {
		_, _ = fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s → %s\t%s\t%s\t%s\n",
			e.SeverityLabel, e.Payer, e.CPTGroup, e.DriftType,
			formatValue(e.DriftType, e.Baseline), formatValue(e.DriftType, e.Current),
			e.Trend, formatQ(e.QValue), formatImpact(e.RevenueImpact))
	}
}

// noValue stands where there is nothing to show.
const noValue = "–"

func count(n int, noun string) string {
	if n != 1 {
		noun += "s"
	}
	return strconv.Itoa(n) + " " + noun
}

// formatValue writes a value in the unit of its drift type.
func formatValue(t models.DriftType, v float64) string {
	if isRate(t) {
		return formatPercent(v) + " %"
	}
	return formatAmount(t, v)
}

// formatChange writes the difference of two values. That of two percentages is
// in points: by a percentage it could mean a part of the first.
func formatChange(t models.DriftType, v float64) string {
	if isRate(t) {
		return formatPercent(v) + " points"
	}
	return formatAmount(t, v)
}

func isRate(t models.DriftType) bool {
	return t == models.DriftDenialRate || t == models.DriftApprovalRate || t == models.DriftAuthFailureRate
}

func formatPercent(v float64) string { return strconv.FormatFloat(100*v, 'f', 1, 64) }

func formatAmount(t models.DriftType, v float64) string {
	if t == models.DriftPaymentAmount {
		return formatDollars(strconv.FormatFloat(v, 'f', 2, 64))
	}
	return strings.TrimSuffix(strconv.FormatFloat(v, 'f', 1, 64), ".0") + " d"
}

func formatQ(q *float64) string {
	switch {
	case q == nil:
		return noValue
	case *q < 0.0001:
		return "<0.0001"
	default:
		return strconv.FormatFloat(*q, 'f', 4, 64)
	}
}

func formatImpact(amount *string) string {
	if amount == nil {
		return noValue
	}
	return formatDollars(*amount)
}

// formatDollars groups the digits of a decimal number with two places.
func formatDollars(amount string) string {
	unsigned := strings.TrimPrefix(amount, "-")
	sign := amount[:len(amount)-len(unsigned)]
	whole, cents, _ := strings.Cut(unsigned, ".")
	for i := len(whole) - 3; i > 0; i -= 3 {
		whole = whole[:i] + "," + whole[i:]
	}
	return sign + "$" + whole + "." + cents
}
