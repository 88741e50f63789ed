package cli

import (
	"context"
	"fmt"
	"strings"
	"text/tabwriter"
	"time"

	"upstream/models"
	"upstream/store"
)

type customerSchedule struct {
	Slug     string  `arg:"" help:"Slug of the customer."`
	Weekly   *string `enum:"on,off" help:"on or off: a run each week (on for new customers)." placeholder:"ON|OFF"`
	Weekday  *string `help:"The day of the weekly run, such as monday." placeholder:"DAY"`
	Monthly  *string `enum:"on,off" help:"on or off: a run on the first day of each month (off for new customers)." placeholder:"ON|OFF"`
	Time     *string `help:"When on that day, HH:MM in the customer's time zone." placeholder:"HH:MM"`
	TimeZone *string `help:"The customer's time zone, such as America/New_York." placeholder:"ZONE"`
}

// scheduleResult is a customer's schedule as the command line prints it.
type scheduleResult struct {
	Customer string `json:"customer"`
	models.Schedule
	NextWeekly  *time.Time `json:"next_weekly_run_at"`
	NextMonthly *time.Time `json:"next_monthly_run_at"`
}

// Run changes what flags name and prints the schedule.
func (c customerSchedule) Run(ctx context.Context, a *app) error {
	return a.openStore(ctx, commandConns, false, func(st *store.Store, _ *database) error {
		customer, err := customerBySlug(ctx, st, c.Slug)
		if err != nil {
			return err
		}
		in := models.Update[models.CustomerID, models.CustomerPatch]{ID: customer.ID, Patch: c.patch()}
		if customer, err = st.UpdateCustomer(ctx, models.SystemViewer(customer.ID), in); err != nil {
			return err
		}
		result := scheduleResult{
			Customer: customer.Slug, Schedule: customer.Schedule(), NextWeekly: customer.NextWeeklyRunAt, NextMonthly: customer.NextMonthlyRunAt,
		}
		return a.print(result, func(w *tabwriter.Writer) { printSchedule(w, result) })
	})
}

func (c customerSchedule) patch() models.CustomerPatch {
	in := models.CustomerPatch{
		WeeklyRunEnabled: models.Perhaps(isOn(c.Weekly)), MonthlyRunEnabled: models.Perhaps(isOn(c.Monthly)),
		RunLocalTime: models.Perhaps(c.Time), TimeZone: models.Perhaps(c.TimeZone),
	}
	if c.Weekday != nil {
		in.WeeklyRunWeekday = models.To(models.Weekday(strings.ToLower(*c.Weekday)))
	}
	return in
}

// isOn reads a flag of which nil means that it was not given.
func isOn(flag *string) *bool {
	if flag == nil {
		return nil
	}
	return new(*flag == "on")
}

func printSchedule(w *tabwriter.Writer, s scheduleResult) {
	row := func(name string, enabled bool, when string, next *time.Time) {
		if !enabled {
			_, _ = fmt.Fprintf(w, "%s\toff\n", name)
			return
		}
		upcoming := "is planned within a minute"
		if next != nil {
			upcoming = "next " + next.UTC().Format(time.RFC3339)
		}
		_, _ = fmt.Fprintf(w, "%s\t%s at %s, %s\t%s\n", name, when, s.LocalTime, s.TimeZone, upcoming)
	}
	row("weekly run", s.WeeklyEnabled, string(s.Weekday), s.NextWeekly)
	row("monthly run", s.MonthlyEnabled, "first of the month", s.NextMonthly)
}
