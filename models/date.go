package models

import (
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"time"
)

// DateLayout is how dates are written everywhere: ISO 8601 calendar dates.
const DateLayout = "2006-01-02"

// Date is a calendar day without time or zone, years 1 to 9999.
type Date struct{ days int32 }

// NewDate builds the day of the proleptic Gregorian calendar.
func NewDate(year int, month time.Month, day int) Date {
	return DateOf(time.Date(year, month, day, 0, 0, 0, 0, time.UTC))
}

// DateOf is the UTC day an instant falls on.
func DateOf(t time.Time) Date {
	sec := t.UTC().Unix()
	days := sec / 86400
	if sec%86400 < 0 {
		days--
	}
	return Date{days: int32(days)} //nolint:gosec // years 1..9999 fit easily
}

var errDate = errors.New("must be a date written YYYY-MM-DD")

// ParseDate reads YYYY-MM-DD.
func ParseDate(text string) (Date, error) {
	t, err := time.Parse(DateLayout, text)
	if err != nil || t.Year() < 1 {
		return Date{}, errDate
	}
	return DateOf(t), nil
}

// Time is midnight UTC of the day.
func (d Date) Time() time.Time { return time.Unix(int64(d.days)*86400, 0).UTC() }

// AddDays moves by whole days.
func (d Date) AddDays(n int) Date { return Date{days: d.days + int32(n)} } //nolint:gosec // bounded by validation

// FirstOfMonth is the first day of d's month.
func (d Date) FirstOfMonth() Date { return d.AddDays(1 - d.Time().Day()) }

// Sub is the number of days from other to d.
func (d Date) Sub(other Date) int { return int(d.days - other.days) }

// Before reports whether d is earlier than other.
func (d Date) Before(other Date) bool { return d.days < other.days }

// After reports whether d is later than other.
func (d Date) After(other Date) bool { return d.days > other.days }

// dateLength is how long a date is as text.
const dateLength = len(DateLayout)

// String writes YYYY-MM-DD.
func (d Date) String() string {
	var room [dateLength]byte
	return string(d.Append(room[:0]))
}

// Append appends YYYY-MM-DD. Lists hold hundreds of dates, and the layouts of
// package time take several times as long.
func (d Date) Append(b []byte) []byte {
	year, month, day := d.Time().Date()
	if year < 0 || year > 9999 {
		return d.Time().AppendFormat(b, DateLayout)
	}
	b = appendTwo(appendTwo(b, year/100), year%100)
	return appendTwo(append(appendTwo(append(b, '-'), int(month)), '-'), day)
}

// appendTwo appends a number below 100 in two digits.
func appendTwo(b []byte, n int) []byte { return append(b, byte('0'+n/10), byte('0'+n%10)) }

// MarshalText writes YYYY-MM-DD.
func (d Date) MarshalText() ([]byte, error) { return d.Append(make([]byte, 0, dateLength)), nil }

// UnmarshalText reads YYYY-MM-DD.
func (d *Date) UnmarshalText(text []byte) error {
	parsed, err := ParseDate(string(text))
	if err != nil {
		return err
	}
	*d = parsed
	return nil
}

// MarshalGQL writes the GraphQL scalar Date.
func (d Date) MarshalGQL(w io.Writer) {
	_, _ = w.Write(append(d.Append(append(make([]byte, 0, dateLength+2), '"')), '"'))
}

// UnmarshalGQL reads the GraphQL scalar Date.
func (d *Date) UnmarshalGQL(v any) error {
	text, ok := v.(string)
	if !ok {
		return errDate
	}
	return d.UnmarshalText([]byte(text))
}

// Scan reads a database date.
func (d *Date) Scan(src any) error {
	switch v := src.(type) {
	case time.Time:
		*d = DateOf(v)
		return nil
	case string:
		return d.UnmarshalText([]byte(v))
	case []byte:
		return d.UnmarshalText(v)
	default:
		return fmt.Errorf("models: cannot read %T as a date", src)
	}
}

// Value writes the date for the database.
func (d Date) Value() (driver.Value, error) { return d.String(), nil }
