package models_test

import (
	"slices"
	"testing"
	"time"

	"upstream/models"
)

func schedule(zone, clock string, day models.Weekday) models.Schedule {
	return models.Schedule{WeeklyEnabled: true, MonthlyEnabled: true, Weekday: day, LocalTime: clock, TimeZone: zone}
}

func TestSchedule_Next(t *testing.T) {
	t.Parallel()
	const ny = "America/New_York"
	for name, tt := range map[string]struct {
		s     models.Schedule
		kind  models.RunType
		after string
		want  []string
	}{
		"in UTC": {
			schedule("UTC", "02:00", models.Monday), models.RunWeekly, "2026-06-15T02:00:00Z",
			[]string{"2026-06-22T02:00:00Z", "2026-06-29T02:00:00Z"},
		},
		"over the start of summer time": {
			schedule(ny, "02:00", models.Monday), models.RunWeekly, "2026-03-01T00:00:00Z",
			[]string{"2026-03-02T07:00:00Z", "2026-03-09T06:00:00Z", "2026-03-16T06:00:00Z"},
		},
		"over its end": {
			schedule(ny, "02:00", models.Monday), models.RunWeekly, "2026-10-25T00:00:00Z",
			[]string{"2026-10-26T06:00:00Z", "2026-11-02T07:00:00Z"},
		},
		// On 8 March 2026 clocks went from 02:00 to 03:00.
		"at a time that is skipped": {
			schedule(ny, "02:30", models.Sunday), models.RunWeekly, "2026-03-02T00:00:00Z",
			[]string{"2026-03-08T07:00:00Z", "2026-03-15T06:30:00Z"},
		},
		"at the first minute that is skipped": {
			schedule(ny, "02:00", models.Sunday), models.RunWeekly, "2026-03-02T00:00:00Z", []string{"2026-03-08T07:00:00Z"},
		},
		// On 1 November 2026 01:30 comes twice; the first counts.
		"at a time that comes twice": {
			schedule(ny, "01:30", models.Sunday), models.RunWeekly, "2026-10-26T00:00:00Z",
			[]string{"2026-11-01T05:30:00Z", "2026-11-08T06:30:00Z"},
		},
		"where Monday begins on Sunday": {
			schedule("Pacific/Auckland", "02:00", models.Monday), models.RunWeekly, "2026-06-13T00:00:00Z",
			[]string{"2026-06-14T14:00:00Z"},
		},
		"a day that a zone skipped": {
			schedule("Pacific/Apia", "02:00", models.Friday), models.RunWeekly, "2011-12-29T00:00:00Z",
			[]string{"2011-12-30T10:00:00Z", "2012-01-05T12:00:00Z"},
		},
		"each month": {
			schedule(ny, "02:00", models.Monday), models.RunMonthly, "2026-02-01T07:00:00Z",
			[]string{"2026-03-01T07:00:00Z", "2026-04-01T06:00:00Z", "2026-05-01T06:00:00Z"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			at := instantOf(t, tt.after)
			var got []string
			for range tt.want {
				next, err := tt.s.Next(tt.kind, at)
				if err != nil {
					t.Fatal(err)
				}
				got = append(got, next.At.UTC().Format(time.RFC3339))
				if last, err := tt.s.Last(tt.kind, next.At); err != nil || last != next {
					t.Errorf("the last until %v is %v, %v", next, last, err)
				}
				if last, err := tt.s.Last(tt.kind, next.At.Add(-1)); err != nil || !last.At.Before(next.At) {
					t.Errorf("the last before %v is %v, %v", next, last, err)
				}
				at = next.At
			}
			if !slices.Equal(tt.want, got) {
				t.Errorf("want %v, got %v", tt.want, got)
			}
		})
	}
}

func instantOf(t *testing.T, text string) time.Time {
	t.Helper()
	at, err := time.Parse(time.RFC3339, text)
	if err != nil {
		t.Fatal(err)
	}
	return at
}

// A year of any zone has one run each week, six to eight days apart.
func TestSchedule_OnceAWeekEverywhere(t *testing.T) {
	t.Parallel()
	for _, zone := range []string{"America/New_York", "Australia/Lord_Howe", "Africa/Casablanca", "Asia/Kathmandu", "Europe/London", "America/Sao_Paulo"} {
		for _, day := range []models.Weekday{models.Sunday, models.Monday, models.Saturday} {
			s := schedule(zone, "01:30", day)
			at := time.Date(2026, time.January, 1, 0, 0, 0, 0, time.UTC)
			for range 53 {
				next, err := s.Next(models.RunWeekly, at)
				if err != nil {
					t.Fatal(err)
				}
				if next.Day.Weekday() != day || next.At.Sub(at) > 8*24*time.Hour || next.Day.Before(models.DateOf(at)) {
					t.Errorf("%s: after %v comes %v", zone, at, next)
				}
				at = next.At
			}
			if got := at.Year(); got != 2026 && got != 2027 {
				t.Errorf("%s: 53 weeks end in %d", zone, got)
			}
		}
	}
}
