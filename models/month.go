package models

import (
	"database/sql/driver"
	"errors"
	"io"
	"strconv"
	"time"
)

// monthLayout is how months are written everywhere.
const monthLayout = "2006-01"

// Month is a calendar month without zone, years 1 to 9999. The database holds
// its first day.
type Month struct{ first Date }

// MonthOf is the month a day falls into.
func MonthOf(d Date) Month { return Month{first: d.FirstOfMonth()} }

var errMonth = errors.New("must be a month written YYYY-MM")

// ParseMonth reads YYYY-MM.
func ParseMonth(text string) (Month, error) {
	t, err := time.Parse(monthLayout, text)
	if err != nil || t.Year() < 1 {
		return Month{}, errMonth
	}
	return Month{first: DateOf(t)}, nil
}

// First is the first day of the month.
func (m Month) First() Date { return m.first }

// After reports whether m is later than other.
func (m Month) After(other Month) bool { return m.first.After(other.first) }

// String writes YYYY-MM.
func (m Month) String() string { return m.first.Time().Format(monthLayout) }

// MarshalText writes YYYY-MM.
func (m Month) MarshalText() ([]byte, error) { return []byte(m.String()), nil }

// UnmarshalText reads YYYY-MM.
func (m *Month) UnmarshalText(text []byte) error {
	parsed, err := ParseMonth(string(text))
	if err != nil {
		return err
	}
	*m = parsed
	return nil
}

// MarshalGQL writes the GraphQL scalar Month.
func (m Month) MarshalGQL(w io.Writer) { _, _ = io.WriteString(w, strconv.Quote(m.String())) }

// UnmarshalGQL reads the GraphQL scalar Month.
func (m *Month) UnmarshalGQL(v any) error {
	text, ok := v.(string)
	if !ok {
		return errMonth
	}
	return m.UnmarshalText([]byte(text))
}

// Scan reads any day of the month.
func (m *Month) Scan(src any) error {
	var day Date
	if err := day.Scan(src); err != nil {
		return err
	}
	*m = MonthOf(day)
	return nil
}

// Value writes the first day for the database.
func (m Month) Value() (driver.Value, error) { return m.first.Value() }
