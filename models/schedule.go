package models

import (
	"fmt"
	"io"
	"time"
	_ "time/tzdata" // servers without a time zone database know the zones too
)

// Weekday is a day of the week by its English name.
type Weekday string

// The days, Monday first as ISO 8601 counts them.
const (
	Monday    Weekday = "monday"
	Tuesday   Weekday = "tuesday"
	Wednesday Weekday = "wednesday"
	Thursday  Weekday = "thursday"
	Friday    Weekday = "friday"
	Saturday  Weekday = "saturday"
	Sunday    Weekday = "sunday"
)

// Values lists the days.
func (Weekday) Values() []string {
	return []string{
		string(Monday), string(Tuesday), string(Wednesday), string(Thursday), string(Friday), string(Saturday), string(Sunday),
	}
}

// MarshalGQL writes the GraphQL enum value.
func (d Weekday) MarshalGQL(w io.Writer) { marshalEnum(w, d) }

// UnmarshalGQL reads the GraphQL enum value.
func (d *Weekday) UnmarshalGQL(v any) error { return unmarshalEnum(d, v) }

// ISO is the number of the day, 1 for Monday to 7 for Sunday; 0 for no day.
func (d Weekday) ISO() int {
	for i, name := range d.Values() {
		if name == string(d) {
			return i + 1
		}
	}
	return 0
}

// Weekday is the day of the week.
func (d Date) Weekday() Weekday {
	const sundayLast = 6
	return Weekday(Weekday("").Values()[(int(d.Time().Weekday())+sundayLast)%(sundayLast+1)])
}

// LocalTimeLayout is how times of day are written.
const LocalTimeLayout = "15:04"

// Schedule says when a customer's runs are made by themselves. Days and times
// are those of the time zone.
type Schedule struct {
	WeeklyEnabled bool    `json:"weekly_enabled"`
	Weekday       Weekday `json:"weekday"`
	// MonthlyEnabled runs are made on the first day of each month.
	MonthlyEnabled bool `json:"monthly_enabled"`
	// LocalTime is HH:MM.
	LocalTime string `json:"local_time"`
	// TimeZone is a name of the IANA database.
	TimeZone string `json:"time_zone"`
}

// Schedule is when the customer's runs are made by themselves.
func (c *Customer) Schedule() Schedule {
	return Schedule{
		WeeklyEnabled: c.WeeklyRunEnabled, Weekday: Weekday(Weekday("").Values()[c.WeeklyRunWeekday-1]),
		MonthlyEnabled: c.MonthlyRunEnabled, LocalTime: c.RunLocalTime, TimeZone: c.TimeZone,
	}
}

// Today is the day at an instant where the customer is.
func (c *Customer) Today(now time.Time) Date {
	zone, err := time.LoadLocation(c.TimeZone)
	if err != nil {
		zone = time.UTC // a zone that this machine does not know
	}
	year, month, day := now.In(zone).Date()
	return NewDate(year, month, day)
}

// RunWeekday is the day of the weekly run.
func (c *Customer) RunWeekday() Weekday { return c.Schedule().Weekday }

// SetSchedule changes when the customer's runs are made, from now on.
func (c *Customer) SetSchedule(s Schedule, now time.Time) error {
	c.WeeklyRunEnabled, c.WeeklyRunWeekday = s.WeeklyEnabled, s.Weekday.ISO()
	c.MonthlyRunEnabled, c.RunLocalTime, c.TimeZone = s.MonthlyEnabled, s.LocalTime, s.TimeZone
	c.NextWeeklyRunAt, c.NextMonthlyRunAt = nil, nil
	for runType, at := range map[RunType]**time.Time{RunWeekly: &c.NextWeeklyRunAt, RunMonthly: &c.NextMonthlyRunAt} {
		if !s.Has(runType) {
			continue
		}
		next, err := s.Next(runType, now)
		if err != nil {
			return err
		}
		*at = &next.At
	}
	return nil
}

// Has reports whether runs of a type are made by themselves.
func (s Schedule) Has(t RunType) bool {
	return t == RunWeekly && s.WeeklyEnabled || t == RunMonthly && s.MonthlyEnabled
}

// Occurrence is one time that a schedule names.
type Occurrence struct {
	At time.Time
	// Day is the day in the customer's time zone, the as-of of the run.
	Day Date
}

// Next is the first time after an instant that a run of the type is due.
func (s Schedule) Next(t RunType, after time.Time) (Occurrence, error) {
	all, err := s.around(t, after)
	if err != nil {
		return Occurrence{}, err
	}
	for _, o := range all {
		if o.At.After(after) {
			return o, nil
		}
	}
	return Occurrence{}, fmt.Errorf("models: the schedule %+v has no end", s)
}

// Last is the last time until an instant, that one included, that a run of the
// type was due.
func (s Schedule) Last(t RunType, until time.Time) (Occurrence, error) {
	all, err := s.around(t, until)
	var last Occurrence
	for _, o := range all {
		if !o.At.After(until) {
			last = o
		}
	}
	return last, err
}

// around are the times of the schedule near an instant: at least one before and
// one after it.
func (s Schedule) around(t RunType, at time.Time) ([]Occurrence, error) {
	zone, err := time.LoadLocation(s.TimeZone)
	if err != nil {
		return nil, fmt.Errorf("models: time zone of a schedule: %w", err)
	}
	clock, err := time.Parse(LocalTimeLayout, s.LocalTime)
	if err != nil {
		return nil, fmt.Errorf("models: time of a schedule: %w", err)
	}
	const days = 40 // more than a month, whatever a zone skips
	today := DateOf(at.In(zone))
	var all []Occurrence
	for day := today.AddDays(-days); !day.After(today.AddDays(days)); day = day.AddDays(1) {
		if t == RunWeekly && day.Weekday() == s.Weekday || t == RunMonthly && day == day.FirstOfMonth() {
			all = append(all, Occurrence{At: instant(zone, day, clock), Day: day})
		}
	}
	return all, nil
}

// instant is when clocks in the zone show the time of the day: the first of two
// such instants when clocks are put back, and the moment of the change when
// they skip the time.
func instant(zone *time.Location, day Date, clock time.Time) time.Time {
	const aDay = 24 * time.Hour
	wall := day.Time().Add(time.Duration(clock.Hour())*time.Hour + time.Duration(clock.Minute())*time.Minute)
	offset := func(at time.Time) time.Duration {
		_, seconds := at.In(zone).Zone()
		return time.Duration(seconds) * time.Second
	}
	before, after := wall.Add(-offset(wall.Add(-aDay))), wall.Add(-offset(wall.Add(aDay)))
	shows := func(at time.Time) bool { return at.Add(offset(at)).Equal(wall) }
	switch {
	case shows(before):
		return before
	case shows(after):
		return after
	default:
		skipped, _ := before.In(zone).ZoneBounds()
		return skipped.UTC()
	}
}
