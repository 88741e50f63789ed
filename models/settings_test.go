package models_test

import (
	"slices"
	"strings"
	"testing"

	"upstream/models"
)

func TestCustomerPatch_Validate(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		in   models.CustomerPatch
		want []string
	}{
		"nothing": {},
		"everything": {in: models.CustomerPatch{
			Name: models.To("Cedar"), ToEmail: models.To("billing@cedar.test"), CCEmail: models.Cleared[string](), AttachPDF: models.To(false),
			TimeZone: models.To("America/Denver"), WeeklyRunEnabled: models.To(true), WeeklyRunWeekday: models.To(models.Friday),
			MonthlyRunEnabled: models.To(true), RunLocalTime: models.To("23:59"),
		}},
		"nobody to mail to": {in: models.CustomerPatch{ToEmail: models.Cleared[string](), CCEmail: models.Cleared[string]()}},
		"what cannot be null": {
			models.CustomerPatch{
				Name: models.Cleared[string](), AttachPDF: models.Cleared[bool](), TimeZone: models.Cleared[string](),
				WeeklyRunEnabled: models.Cleared[bool](), WeeklyRunWeekday: models.Cleared[models.Weekday](),
				MonthlyRunEnabled: models.Cleared[bool](), RunLocalTime: models.Cleared[string](),
			},
			[]string{
				"name required", "attach_pdf required", "time_zone required", "weekly_run_enabled required",
				"weekly_run_weekday required", "monthly_run_enabled required", "run_local_time required",
			},
		},
		"all wrong": {
			models.CustomerPatch{
				Name: models.To(" "), ToEmail: models.To("nobody"), CCEmail: models.To(strings.Repeat("a", 250) + "@b.test"),
				TimeZone: models.To("Mars/Olympus"), WeeklyRunWeekday: models.To(models.Weekday("Monday")), RunLocalTime: models.To("2:00"),
			},
			[]string{
				"name invalid", "to_email invalid", "cc_email invalid", "time_zone invalid", "weekly_run_weekday invalid", "run_local_time invalid",
			},
		},
		"a long name":      {models.CustomerPatch{Name: models.To(strings.Repeat("é", 256))}, []string{"name invalid"}},
		"a name that fits": {in: models.CustomerPatch{Name: models.To(strings.Repeat("é", 255))}},
		"24 o'clock":       {models.CustomerPatch{RunLocalTime: models.To("24:00")}, []string{"run_local_time invalid"}},
		"the server's":     {models.CustomerPatch{TimeZone: models.To("Local")}, []string{"time_zone invalid"}},
		"an empty zone":    {models.CustomerPatch{TimeZone: models.To("")}, []string{"time_zone invalid"}},
		"a way to a file":  {models.CustomerPatch{TimeZone: models.To("../../etc/passwd")}, []string{"time_zone invalid"}},
	} {
		if got := faults(tt.in.Validate()); !slices.Equal(tt.want, got) {
			t.Errorf("%s: %q, want %q", name, got, tt.want)
		}
	}
}

// faults are the fields of a VALIDATION error with their codes.
func faults(err error) []string {
	var all []string
	if err != nil {
		for _, f := range models.AsError(err).Fields {
			all = append(all, f.Path+" "+f.Code)
		}
	}
	return all
}
