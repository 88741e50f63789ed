package cli

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"text/tabwriter"
	"time"

	"upstream/models"
	"upstream/store"
)

// sweepResult is what came of detecting for every customer.
type sweepResult struct {
	Succeeded int           `json:"succeeded"`
	Failed    int           `json:"failed"`
	Skipped   int           `json:"skipped"`
	Customers []sweptResult `json:"customers"`
}

// The outcomes of one customer.
const (
	sweptSuccess = "success"
	sweptFailed  = "failed"
	// sweptSkipped customers have no claims yet.
	sweptSkipped = "skipped"
)

type sweptResult struct {
	Customer string              `json:"customer"`
	Outcome  string              `json:"outcome"`
	RunID    *models.ReportRunID `json:"report_run"`
	Tests    int                 `json:"test_count"`
	Events   int                 `json:"drift_event_count"`
	Seconds  float64             `json:"seconds"`
	Error    *errorDetail        `json:"error"`
}

// everybody detects for all customers, goes on when one fails, and fails in the
// end when any did.
func (c detectCommand) everybody(ctx context.Context, a *app, st *store.Store, in models.DetectInput) error {
	if _, err := in.Resolve(models.DateOf(time.Now())); err != nil {
		return err // the same for everybody
	}
	customers, err := st.EveryCustomer(ctx)
	if err != nil {
		return err
	}
	result := sweepResult{Customers: make([]sweptResult, len(customers))}
	var wg sync.WaitGroup
	turns := make(chan struct{}, c.Parallel)
	for i, customer := range customers {
		turns <- struct{}{}
		wg.Go(func() {
			defer func() { <-turns }()
			result.Customers[i] = sweep(ctx, st, customer, in)
		})
	}
	wg.Wait()
	if err := ctx.Err(); err != nil {
		return err
	}
	result.count()
	if err := a.print(result, func(w *tabwriter.Writer) { printSweep(w, result) }); err != nil {
		return err
	}
	if result.Failed > 0 {
		return fmt.Errorf("the detection failed for %s", count(result.Failed, "customer"))
	}
	return nil
}

func sweep(ctx context.Context, st *store.Store, customer *models.Customer, in models.DetectInput) sweptResult {
	start := time.Now()
	result := sweptResult{Customer: customer.Slug, Outcome: sweptSuccess}
	run, err := st.DetectDrift(ctx, models.SystemViewer(customer.ID), in)
	result.Seconds = time.Since(start).Seconds()
	switch {
	case hasNoClaims(err):
		result.Outcome = sweptSkipped
	case err != nil:
		result.Outcome, result.Error = sweptFailed, new(describe(err))
	default:
		result.RunID, result.Tests, result.Events = &run.ID, run.TestCount, run.DriftEventCount
	}
	return result
}

func hasNoClaims(err error) bool {
	return err != nil && slices.ContainsFunc(models.AsError(err).Fields, func(f models.FieldError) bool { return f.Code == "no_claims" })
}

func (r *sweepResult) count() {
	for _, c := range r.Customers {
		switch c.Outcome {
		case sweptSuccess:
			r.Succeeded++
		case sweptFailed:
			r.Failed++
		default:
			r.Skipped++
		}
	}
}

func printSweep(w *tabwriter.Writer, r sweepResult) {
	_, _ = fmt.Fprintln(w, "CUSTOMER\tOUTCOME\tTESTS\tFINDINGS\tSECONDS\tWHY")
	for _, c := range r.Customers {
		why := ""
		switch {
		case c.Error != nil:
			why = c.Error.Message
		case c.Outcome == sweptSkipped:
			why = "no claims yet"
		}
		_, _ = fmt.Fprintf(w, "%s\t%s\t%d\t%d\t%.1f\t%s\n", c.Customer, c.Outcome, c.Tests, c.Events, c.Seconds, why)
	}
	_, _ = fmt.Fprintf(w, "\n%d succeeded, %d failed, %d without claims\n", r.Succeeded, r.Failed, r.Skipped)
}
