package cli

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"text/tabwriter"

	"upstream/internal/config"
	"upstream/models"
	"upstream/store"
)

type detectCommand struct {
	Customer     string   `xor:"whom" required:"" help:"Slug of the customer." placeholder:"SLUG"`
	All          bool     `xor:"whom" required:"" help:"Every customer that has claims, and a summary."`
	Parallel     int      `default:"1" help:"With --all, how many customers at a time." placeholder:"N"`
	AsOf         string   `help:"Exclusive end of the current window, YYYY-MM-DD; defaults to today (UTC)." placeholder:"DATE"`
	Method       string   `help:"statistical (default) or threshold."`
	WindowBy     string   `help:"decided or submitted: the date that places a claim in a window."`
	RunType      string   `help:"weekly, monthly or custom."`
	CurrentDays  *int     `help:"Days of the current window." placeholder:"N"`
	BaselineDays *int     `help:"Days of the baseline window before it." placeholder:"N"`
	MinVolume    *int     `help:"Claims a group needs in both windows to be tested." placeholder:"N"`
	Alpha        *float64 `help:"False discovery rate." placeholder:"Q"`
	Signals      []string `help:"Drift types to look at, separated by commas; all of them unless given." placeholder:"TYPE,..."`

	Retries config.Retries `embed:""`
}

// Run makes one detection run and prints what it found.
func (c detectCommand) Run(ctx context.Context, a *app) error {
	in, err := c.input()
	if err != nil {
		return err
	}
	const most = 64
	if c.Parallel < 1 || c.Parallel > most {
		return models.InvalidField("--parallel", "invalid", "must be between 1 and %d", most)
	}
	return a.openDelivering(ctx, commandConns+int32(c.Parallel), c.Retries, func(st *store.Store, _ *database) error {
		if c.All {
			return c.everybody(ctx, a, st, in)
		}
		customer, err := customerBySlug(ctx, st, c.Customer)
		if err != nil {
			return err
		}
		viewer := models.SystemViewer(customer.ID)
		run, err := st.DetectDrift(ctx, viewer, in)
		if err != nil {
			return err
		}
		result, err := findings(ctx, st, viewer, customer.Name, run)
		if err != nil {
			return err
		}
		return a.print(result, func(w *tabwriter.Writer) { printFindings(w, result) })
	})
}

// input reads the flags; every one that is wrong is named.
func (c detectCommand) input() (models.DetectInput, error) {
	in := models.DetectInput{
		CurrentDays: c.CurrentDays, BaselineDays: c.BaselineDays, MinVolume: c.MinVolume, Alpha: c.Alpha,
	}
	var fields []models.FieldError
	check := func(flag string, err error) {
		if err != nil {
			fields = append(fields, models.FieldError{Path: flag, Code: "invalid", Message: err.Error()})
		}
	}
	if c.AsOf != "" {
		asOf, err := models.ParseDate(c.AsOf)
		check("--as-of", err)
		in.AsOf = &asOf
	}
	check("--method", setEnum(&in.Method, c.Method))
	check("--window-by", setEnum(&in.WindowBy, c.WindowBy))
	check("--run-type", setEnum(&in.RunType, c.RunType))
	for _, word := range c.Signals {
		signal, err := models.ParseEnum[models.DriftType](word)
		check("--signals", err)
		in.Signals = append(in.Signals, signal)
	}
	return in, models.Invalid(fields...)
}

// setEnum leaves the field nil when the flag was not given.
func setEnum[E models.Enum](field **E, flag string) error {
	if flag == "" {
		return nil
	}
	value, err := models.ParseEnum[E](flag)
	*field = &value
	return err
}

// findings reads back what a run stored: its events, worst first, or what it
// could have seen when there is none.
func findings(ctx context.Context, st *store.Store, v models.Viewer, customer string, run *models.ReportRun) (runResult, error) {
	result := runResult{
		ID: run.ID, Customer: customer, Status: run.Status, Method: run.Method, AsOf: run.AsOf,
		Baseline: [2]models.Date{run.BaselineStart, run.BaselineEnd},
		Current:  [2]models.Date{run.CurrentStart, run.CurrentEnd}, Tests: run.TestCount, Events: []eventResult{},
	}
	events, err := st.DriftEvents(ctx, v, models.DriftEventFilter{ReportRun: &run.ID}, models.List[models.DriftEventOrderField]{
		OrderBy: []models.DriftEventOrder{{Field: models.DriftEventOrderSeverity, Direction: models.Descending}},
		Page:    models.Page{Limit: models.MaxPageSize},
	})
	if err != nil {
		return result, err
	}
	for _, e := range events.Items {
		result.Events = append(result.Events, newEventResult(e))
	}
	if len(result.Events) == 0 {
		result.Message, err = silence(ctx, st, v, run)
	}
	return result, err
}

// silence explains a run without events: what it looked at, and the smallest
// change that would not have escaped it.
func silence(ctx context.Context, st *store.Store, v models.Viewer, run *models.ReportRun) (string, error) {
	if run.TestCount == 0 {
		var summary struct {
			Message string `json:"message"`
		}
		if err := json.Unmarshal(run.SummaryJSON, &summary); err != nil {
			return "", err
		}
		return summary.Message, nil
	}
	tests, err := st.DriftTests(ctx, v, run.ID, models.DriftTestFilter{}, models.List[models.DriftTestOrderField]{
		Page: models.Page{Limit: models.MaxPageSize},
	})
	if err != nil {
		return "", err
	}
	lines := []string{fmt.Sprintf("Nothing is significant: none of the %d tests found more than chance explains.", run.TestCount)}
	if run.Method == models.MethodThreshold {
		lines[0] = fmt.Sprintf("None of the %d comparisons reached its threshold.", run.TestCount)
	}
	for _, t := range mostSensitive(tests.Items) {
		lines = append(lines, fmt.Sprintf("The smallest change it could have seen (80 %% power): %s of %s/%s by %s from %s.",
			t.DriftType, t.Payer, t.CPTGroup, formatChange(t.DriftType, *t.MinDetectableDelta), formatValue(t.DriftType, t.BaselineValue)))
	}
	return strings.Join(lines, "\n"), nil
}

// mostSensitive is the test of each drift type that needed the least change.
func mostSensitive(tests []*models.DriftTest) []*models.DriftTest {
	best := map[models.DriftType]*models.DriftTest{}
	for _, t := range tests {
		known := best[t.DriftType]
		if t.MinDetectableDelta != nil && (known == nil || *t.MinDetectableDelta < *known.MinDetectableDelta) {
			best[t.DriftType] = t
		}
	}
	list := make([]*models.DriftTest, 0, len(best))
	for _, t := range best {
		list = append(list, t)
	}
	slices.SortFunc(list, func(a, b *models.DriftTest) int { return cmp.Compare(a.DriftType, b.DriftType) })
	return list
}
