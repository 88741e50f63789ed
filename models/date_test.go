package models_test

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"upstream/models"
)

func TestDate_AgreesWithTime(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		instant := time.Unix(rapid.Int64Range(-62135596800, 253402300799).Draw(t, "unix"), 0).UTC()
		d := models.DateOf(instant)
		midnight := time.Date(instant.Year(), instant.Month(), instant.Day(), 0, 0, 0, 0, time.UTC)
		if !d.Time().Equal(midnight) || d.String() != instant.Format("2006-01-02") {
			t.Fatalf("%v is %v, want %v", instant, d, midnight)
		}
		back, err := models.ParseDate(d.String())
		if err != nil || back != d {
			t.Fatalf("%v reads back as %v, %v", d, back, err)
		}
		n := rapid.IntRange(-20000, 20000).Draw(t, "days")
		if moved := d.AddDays(n); moved.Sub(d) != n || moved.Before(d) != (n < 0) || moved.After(d) != (n > 0) {
			t.Fatalf("%v moved by %d is %v", d, n, moved)
		}
	})
}

func TestDate_Bindings(t *testing.T) {
	t.Parallel()
	want := models.NewDate(2026, time.February, 28)
	for _, src := range []any{"2026-02-28", []byte("2026-02-28"), time.Date(2026, 2, 28, 23, 59, 0, 0, time.UTC)} {
		var d models.Date
		if err := d.Scan(src); err != nil || d != want {
			t.Errorf("Scan(%v) = %v, %v", src, d, err)
		}
	}
	var d models.Date
	if err := d.UnmarshalGQL("2026-02-28"); err != nil || d != want {
		t.Errorf("UnmarshalGQL = %v, %v", d, err)
	}
	if v, err := want.Value(); err != nil || v != "2026-02-28" {
		t.Errorf("Value = %v, %v", v, err)
	}
}

func TestDate_RefusesOtherText(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"", "2026-02-29", "2026-13-01", "26-01-01", "2026/01/01", "2026-01-01T00:00:00Z", "0000-01-01", "tomorrow"} {
		if d, err := models.ParseDate(text); err == nil {
			t.Errorf("%q was read as %v", text, d)
		}
	}
	var d models.Date
	if d.Scan(7) == nil || d.UnmarshalGQL(7) == nil {
		t.Error("a number was read as a date")
	}
}
