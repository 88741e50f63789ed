package models_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"upstream/models"
)

func TestMonth(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(r *rapid.T) {
		day := models.NewDate(1, time.January, 1).AddDays(rapid.IntRange(0, 3_652_058).Draw(r, "day"))
		m := models.MonthOf(day)
		if got := m.String() + day.String()[7:]; got != day.String() {
			r.Fatalf("the month of %s is %s", day, m)
		}
		if again, err := models.ParseMonth(m.String()); err != nil || again != m {
			r.Fatalf("%s reads as %v: %v", m, again, err)
		}
		var scanned models.Month
		if err := scanned.Scan(day.Time()); err != nil || scanned != m {
			r.Fatalf("%s scans as %v: %v", day, scanned, err)
		}
		if v, err := m.Value(); err != nil || v != m.First().String() || m.First().Time().Day() != 1 {
			r.Fatalf("%s is stored as %v: %v", m, v, err)
		}
	})
	later, earlier := models.MonthOf(models.NewDate(2026, 3, 1)), models.MonthOf(models.NewDate(2026, 2, 28))
	if !later.After(earlier) || earlier.After(later) || later.After(later) {
		t.Error("months do not follow each other")
	}
	text, err := json.Marshal(map[string]models.Month{"m": later})
	if err != nil || string(text) != `{"m":"2026-03"}` {
		t.Errorf("%s, %v", text, err)
	}
	var b strings.Builder
	if later.MarshalGQL(&b); b.String() != `"2026-03"` {
		t.Error(b.String())
	}
}

func TestMonth_Refusals(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"", "2026", "2026-13", "2026-00", "2026-1", "2026-01-01", "0000-01", "10000-01", " 2026-01", "May 2026"} {
		var m models.Month
		if err := m.UnmarshalText([]byte(text)); err == nil {
			t.Errorf("%q is read as %s", text, m)
		}
	}
	var m models.Month
	if m.UnmarshalGQL(202601) == nil || m.Scan(7) == nil {
		t.Error("a number is read as a month")
	}
}

func TestClaimGrouping(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]int{"": 0, "payer": 1, "payer,month": 2, "Payer , DENIAL_REASON": 2} {
		var g models.ClaimGrouping
		if err := g.UnmarshalText([]byte(text)); err != nil || len(g) != want || g == nil {
			t.Errorf("%q reads as %v: %v", text, g, err)
		}
	}
	for _, text := range []string{",", "payer,", "colour", "payer;month"} {
		var g models.ClaimGrouping
		if err := g.UnmarshalText([]byte(text)); err == nil {
			t.Errorf("%q reads as %v", text, g)
		}
	}
}

func TestDenialPercent(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		denied, total int64
		want          float64
	}{{0, 7, 0}, {7, 7, 100}, {1, 3, 33.33}, {2, 3, 66.67}, {1, 800, 0.13}, {1, 1600, 0.06}, {1, 20001, 0}, {1_000_000_007, 3_000_000_021, 33.33}} {
		s := models.PayerSummary{DeniedCount: tt.denied, TotalClaims: tt.total}
		m := models.MonthlyDenialRate{DeniedClaims: tt.denied, TotalClaims: tt.total}
		if s.DenialPercent() != tt.want || m.DenialPercent() != tt.want {
			t.Errorf("%d of %d are %v and %v %%, want %v", tt.denied, tt.total, s.DenialPercent(), m.DenialPercent(), tt.want)
		}
	}
}
