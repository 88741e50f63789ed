package cli

import (
	"testing"

	"upstream/internal/factory"
	"upstream/models"
)

func TestDetect_All(t *testing.T) {
	t.Parallel()
	c := newClinic(t)
	c.Drifting()
	broken, empty := c.Tenant.Tenant("broken"), c.Tenant.Tenant("empty")
	broken.Drifting()
	args := []string{"detect", "--all", "--as-of=" + factory.Today().String()}
	c.run(t, "", append(args, "--parallel=3")...).want(t, exitOK, "lakeside", "success", "no claims yet", "2 succeeded, 0 failed, 1 without claims")

	// One customer that fails stops none of the others.
	if _, err := c.DB.Owner.Exec(t.Context(), `
		CREATE FUNCTION sabotage() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'sabotage'; END $$;
		CREATE TRIGGER sabotage BEFORE INSERT ON drift_tests FOR EACH ROW
			WHEN (NEW.customer_id = '`+broken.Customer.ID.UUID().String()+`') EXECUTE FUNCTION sabotage()`); err != nil {
		t.Fatal(err)
	}
	r := c.run(t, "", append(args, "--json")...).want(t, exitFailure)
	got := decode[sweepResult](t, r)
	outcomes := map[string]string{}
	for _, customer := range got.Customers {
		outcomes[customer.Customer] = customer.Outcome
		if (customer.Outcome == sweptFailed) != (customer.Error != nil) || (customer.Outcome == sweptSuccess) != (customer.RunID != nil) {
			t.Errorf("customer %+v", customer)
		}
	}
	if outcomes["broken"] != sweptFailed || outcomes["empty"] != sweptSkipped || outcomes["lakeside"] != sweptSuccess ||
		got.Succeeded != 1 || got.Failed != 1 || got.Skipped != 1 {
		t.Errorf("result %+v", got)
	}
	if n := factory.Query[int](empty, `SELECT count(*) FROM report_runs`); n != 0 {
		t.Errorf("%d runs of the customer without claims", n)
	}
	for _, wrong := range [][]string{
		{"detect"},
		{"detect", "--all", "--customer=lakeside"},
		{"detect", "--all", "--parallel=0"},
		{"detect", "--all", "--alpha=2"},
	} {
		c.run(t, "", wrong...).want(t, exitUsage)
	}
}

func TestCustomerSchedule(t *testing.T) {
	t.Parallel()
	c := newClinic(t)
	shown := func(args ...string) scheduleResult {
		t.Helper()
		return decode[scheduleResult](t, c.run(t, "", append([]string{"customer", "schedule", "lakeside", "--json"}, args...)...).want(t, exitOK))
	}
	if got := shown(); got.Schedule != models.DefaultSchedule() || got.NextWeekly == nil || got.NextMonthly != nil {
		t.Errorf("the schedule of a new customer is %+v", got)
	}
	want := models.Schedule{MonthlyEnabled: true, Weekday: models.Friday, LocalTime: "23:30", TimeZone: "America/Chicago"}
	got := shown("--weekly=off", "--monthly=on", "--weekday=Friday", "--time=23:30", "--time-zone=America/Chicago")
	if got.Schedule != want || got.NextWeekly != nil || got.NextMonthly == nil {
		t.Errorf("changed to %+v", got)
	}
	if got := shown("--weekly=on"); !got.WeeklyEnabled || got.NextWeekly == nil || got.Weekday != models.Friday {
		t.Errorf("switched on: %+v", got)
	}
	c.run(t, "", "customer", "schedule", "lakeside").want(t, exitOK, "weekly run", "friday at 23:30, America/Chicago", "first of the month", "next 20")
	c.run(t, "", "customer", "schedule", "lakeside", "--time=2 o'clock", "--time-zone=Moon").want(t, exitUsage, "run_local_time", "time_zone")
	c.run(t, "", "customer", "schedule", "lakeside", "--weekly=maybe").want(t, exitUsage, "--weekly")
	c.run(t, "", "customer", "schedule", "nobody").want(t, exitNotFound)
}
