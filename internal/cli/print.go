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

// uploadResult is an upload as the command line prints it.
type uploadResult struct {
	ID       models.UploadID     `json:"id"`
	Filename string              `json:"filename"`
	Status   models.UploadStatus `json:"status"`
	Rows     *int64              `json:"row_count"`
	Accepted int64               `json:"accepted_row_count"`
	Rejected int64               `json:"rejected_row_count"`
	Warnings int64               `json:"warning_row_count"`
	DateMin  *models.Date        `json:"date_min"`
	DateMax  *models.Date        `json:"date_max"`
	Error    *string             `json:"error_message"`
}

func newUploadResult(u *models.Upload) uploadResult {
	return uploadResult{
		ID: u.ID, Filename: u.Filename, Status: u.Status, Rows: u.RowCount, Accepted: u.AcceptedRowCount,
		Rejected: u.RejectedRowCount, Warnings: u.WarningRowCount, DateMin: u.DateMin, DateMax: u.DateMax,
		Error: u.ErrorMessage,
	}
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
	_, _ = fmt.Fprintf(w, "%s: baseline %s to %s, current %s to %s (ends excluded), %d tests, %d findings\n\n",
		run.Customer, run.Baseline[0], run.Baseline[1], run.Current[0], run.Current[1], run.Tests, len(run.Events))
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

// formatValue writes a value in the unit of its drift type.
func formatValue(t models.DriftType, v float64) string {
	switch t {
	case models.DriftDecisionTime, models.DriftProcessingDelay:
		return strconv.FormatFloat(v, 'f', -1, 64) + " d"
	case models.DriftPaymentAmount:
		return "$" + strconv.FormatFloat(v, 'f', 2, 64)
	default:
		return strconv.FormatFloat(100*v, 'f', 1, 64) + " %"
	}
}

func formatQ(q *float64) string {
	switch {
	case q == nil:
		return "–"
	case *q < 0.0001:
		return "<0.0001"
	default:
		return strconv.FormatFloat(*q, 'f', 4, 64)
	}
}

func formatImpact(amount *string) string {
	if amount == nil {
		return "–"
	}
	whole, cents, _ := strings.Cut(*amount, ".")
	for i := len(whole) - 3; i > 0; i -= 3 {
		whole = whole[:i] + "," + whole[i:]
	}
	return "$" + whole + "." + cents
}
