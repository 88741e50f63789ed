package cli

import (
	"strings"
	"testing"
	"text/tabwriter"

	"pgregory.net/rapid"

	"upstream/models"
)

func TestFormatValue(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		kind          models.DriftType
		value         float64
		level, change string
	}{
		{models.DriftDenialRate, 0.0764, "7.6 %", "7.6 points"},
		{models.DriftApprovalRate, 1, "100.0 %", "100.0 points"},
		{models.DriftAuthFailureRate, 0, "0.0 %", "0.0 points"},
		{models.DriftDecisionTime, 14, "14 d", "14 d"},
		{models.DriftProcessingDelay, 21.5, "21.5 d", "21.5 d"},
		{models.DriftDecisionTime, 2.34567, "2.3 d", "2.3 d"},
		{models.DriftPaymentAmount, 1234.5, "$1,234.50", "$1,234.50"},
	} {
		if got := formatValue(tt.kind, tt.value); got != tt.level {
			t.Errorf("%s %v reads %q, want %q", tt.kind, tt.value, got, tt.level)
		}
		if got := formatChange(tt.kind, tt.value); got != tt.change {
			t.Errorf("a change of %s by %v reads %q, want %q", tt.kind, tt.value, got, tt.change)
		}
	}
}

func TestFormatDollars(t *testing.T) {
	t.Parallel()
	for amount, want := range map[string]string{
		"0.00": "$0.00", "999.99": "$999.99", "1000.00": "$1,000.00", "1234567.80": "$1,234,567.80", "-123.45": "-$123.45", "-1234.00": "-$1,234.00",
	} {
		if got := formatDollars(amount); got != want {
			t.Errorf("%s reads %s, want %s", amount, got, want)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		amount := rapid.StringMatching(`-?[1-9][0-9]{0,14}\.[0-9]{2}`).Draw(t, "amount")
		got := formatDollars(amount)
		if plain := strings.NewReplacer("$", "", ",", "").Replace(got); plain != amount {
			t.Fatalf("%s became %s", amount, got)
		}
		for i, group := range strings.Split(strings.TrimLeft(strings.Split(got, ".")[0], "-$"), ",") {
			if len(group) > 3 || (i > 0 && len(group) != 3) || group == "" {
				t.Fatalf("%s became %s", amount, got)
			}
		}
	})
}

func TestFormatQAndImpact(t *testing.T) {
	t.Parallel()
	for want, q := range map[string]*float64{"–": nil, "<0.0001": new(0.00001), "0.0420": new(0.042)} {
		if got := formatQ(q); got != want {
			t.Errorf("q reads %s, want %s", got, want)
		}
	}
	if got := formatImpact(nil); got != "–" {
		t.Errorf("no impact reads %s", got)
	}
}

func TestPrintFindings(t *testing.T) {
	t.Parallel()
	day := models.NewDate(2026, 5, 1)
	result := runResult{
		Customer: "Cedar", Baseline: [2]models.Date{day.AddDays(-104), day.AddDays(-14)}, Current: [2]models.Date{day.AddDays(-14), day},
		Tests: 12, Events: []eventResult{{
			Payer: "Aetna", CPTGroup: "E&M", DriftType: models.DriftDenialRate, Trend: models.TrendDegrading,
			Baseline: .076, Current: .2, QValue: new(.01), SeverityLabel: models.SeverityHigh, RevenueImpact: new("1234.50"),
		}},
	}
	var out strings.Builder
	w := tabwriter.NewWriter(&out, 0, 4, 2, ' ', 0)
	printFindings(w, result)
	_ = w.Flush()
	want := "Cedar: baseline 2026-01-17 to 2026-04-17, current 2026-04-17 to 2026-05-01 (ends excluded), 12 tests, 1 finding\n\n" +
		"SEVERITY  PAYER  CPT GROUP  TYPE         BASELINE → CURRENT  TREND      Q       REVENUE IMPACT\n" +
		"HIGH      Aetna  E&M        DENIAL_RATE  7.6 % → 20.0 %      degrading  0.0100  $1,234.50\n"
	if out.String() != want {
		t.Errorf("got\n%s\nwant\n%s", out.String(), want)
	}
}
