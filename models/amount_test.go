package models_test

import (
	"testing"

	"github.com/shopspring/decimal"
	"pgregory.net/rapid"

	"upstream/models"
)

func TestAppendAmount_IsTheLibrarysForm(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		d := decimal.New(rapid.Int64().Draw(t, "coefficient"), rapid.Int32Range(-6, 4).Draw(t, "exponent"))
		if got, want := models.FormatAmount(d), d.StringFixed(2); got != want {
			t.Fatalf("%s, not %s", got, want)
		}
	})
	rapid.Check(t, func(t *rapid.T) {
		d := decimal.New(rapid.Int64Range(-1e16, 1e16).Draw(t, "cents"), -2)
		if got, want := string(models.AppendAmount([]byte("$"), d)), "$"+d.StringFixed(2); got != want {
			t.Fatalf("%s, not %s", got, want)
		}
	})
	if got := models.FormatAmount(decimal.Decimal{}); got != "0.00" {
		t.Errorf("nothing is %s", got)
	}
}

func TestDate_IsWrittenAsTheLayoutSays(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		d := models.Date{}.AddDays(rapid.IntRange(-1_000_000, 4_000_000).Draw(t, "days"))
		if got, want := d.String(), d.Time().Format(models.DateLayout); got != want {
			t.Fatalf("%s, not %s", got, want)
		}
	})
}
