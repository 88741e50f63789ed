package models

import (
	"slices"
	"strings"
	"time"
)

// CustomerPatch is what a client may change of a customer: its name, who gets
// its reports, when its runs are made by themselves, and by which numbers its
// alerts are suppressed, remembered and resolved.
type CustomerPatch struct {
	Name      Change[string] `json:"name" maxLength:"255" doc:"The name people read; no two customers have the same." example:"Cedar Family Practice"`
	ToEmail   Change[string] `json:"to_email" nullable:"true" maxLength:"254" doc:"Who receives reports and alerts; null for nobody." example:"billing@cedar.test"`
	CCEmail   Change[string] `json:"cc_email" nullable:"true" maxLength:"254" doc:"Who receives a copy; null for nobody." example:"office@cedar.test"`
	AttachPDF Change[bool]   `json:"attach_pdf" doc:"Whether reports come with a PDF." example:"true"`
	TimeZone  Change[string] `json:"time_zone" maxLength:"64" doc:"The IANA name of the customer's time zone." example:"America/Chicago"`

	WeeklyRunEnabled  Change[bool]    `json:"weekly_run_enabled" doc:"Whether a run is made each week." example:"true"`
	WeeklyRunWeekday  Change[Weekday] `json:"weekly_run_weekday" doc:"The day of the weekly run."`
	MonthlyRunEnabled Change[bool]    `json:"monthly_run_enabled" doc:"Whether a run is made on the first day of each month." example:"false"`
	RunLocalTime      Change[string]  `json:"run_local_time" pattern:"^([01][0-9]|2[0-3]):[0-5][0-9]$" doc:"When on their day runs are made, HH:MM in the customer's time zone." example:"02:00"`

	AlertCooldownMinutes Change[int] `json:"alert_cooldown_minutes" minimum:"0" maximum:"10080" doc:"For how many minutes after a message the next alert about the same signal is suppressed; 0 never suppresses." example:"240"`
	AlertNoiseThreshold  Change[int] `json:"alert_noise_threshold" minimum:"0" maximum:"100" doc:"How many alerts judged noise suppress the next about the same signal; 0 never suppresses." example:"2"`
	AlertNoiseWindowDays Change[int] `json:"alert_noise_window_days" minimum:"1" maximum:"365" doc:"How many days a judgment of noise counts." example:"30"`
	AlertMemoryDays      Change[int] `json:"alert_memory_days" minimum:"1" maximum:"365" doc:"How many days judgments are shown beside later alerts about the same signal." example:"60"`
	AlertAutoResolveRuns Change[int] `json:"alert_auto_resolve_runs" minimum:"0" maximum:"52" doc:"How many runs in a row must miss a signal until its alerts are resolved; 0 never resolves them." example:"2"`
}

// Validate lists what is wrong with the patch.
func (in CustomerPatch) Validate() error {
	return Invalid(slices.Concat(
		checked("name", in.Name, textUpTo(maxCustomerName)),
		checkedNullable("to_email", in.ToEmail, address),
		checkedNullable("cc_email", in.CCEmail, address),
		checked("attach_pdf", in.AttachPDF, anything[bool]),
		checked("time_zone", in.TimeZone, zoneName),
		checked("weekly_run_enabled", in.WeeklyRunEnabled, anything[bool]),
		checked("weekly_run_weekday", in.WeeklyRunWeekday, memberOf[Weekday]),
		checked("monthly_run_enabled", in.MonthlyRunEnabled, anything[bool]),
		checked("run_local_time", in.RunLocalTime, timeOfDay),
		checked("alert_cooldown_minutes", in.AlertCooldownMinutes, within(0, maxCooldownMinutes)),
		checked("alert_noise_threshold", in.AlertNoiseThreshold, within(0, maxNoiseThreshold)),
		checked("alert_noise_window_days", in.AlertNoiseWindowDays, within(1, maxAlertDays)),
		checked("alert_memory_days", in.AlertMemoryDays, within(1, maxAlertDays)),
		checked("alert_auto_resolve_runs", in.AlertAutoResolveRuns, within(0, maxAutoResolveRuns)),
	)...)
}

const maxCustomerName = 255

// timeOfDay is the rule of times of day.
func timeOfDay(text string) string {
	if at, err := time.Parse(LocalTimeLayout, text); err != nil || at.Format(LocalTimeLayout) != text {
		return "must be a time of day, HH:MM"
	}
	return ""
}

// zoneName is the rule of time zones. It refuses Local, which is the zone of
// whichever server reads it.
func zoneName(name string) string {
	const longest = 64
	if name != "" && name != "Local" && len(name) <= longest {
		if _, err := time.LoadLocation(name); err == nil {
			return ""
		}
	}
	return "must be a name of the IANA time zone database, such as America/New_York"
}

// Apply makes the changes. Where they concern when runs are made, the next ones
// are planned from now on: a time that has passed is not made up for.
func (in CustomerPatch) Apply(c *Customer, now time.Time) error {
	in.Name.apply(&c.Name)
	c.Name = strings.TrimSpace(c.Name)
	in.ToEmail.applyNullable(&c.ToEmail)
	in.CCEmail.applyNullable(&c.CCEmail)
	in.AttachPDF.apply(&c.AttachPDF)
	in.AlertCooldownMinutes.apply(&c.AlertCooldownMinutes)
	in.AlertNoiseThreshold.apply(&c.AlertNoiseThreshold)
	in.AlertNoiseWindowDays.apply(&c.AlertNoiseWindowDays)
	in.AlertMemoryDays.apply(&c.AlertMemoryDays)
	in.AlertAutoResolveRuns.apply(&c.AlertAutoResolveRuns)
	was := c.Schedule()
	s := was
	in.WeeklyRunEnabled.apply(&s.WeeklyEnabled)
	in.WeeklyRunWeekday.apply(&s.Weekday)
	in.MonthlyRunEnabled.apply(&s.MonthlyEnabled)
	in.RunLocalTime.apply(&s.LocalTime)
	in.TimeZone.apply(&s.TimeZone)
	if s == was {
		return nil
	}
	return c.SetSchedule(s, now)
}
