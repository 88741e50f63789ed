package models_test

import (
	"strings"
	"testing"
	"time"

	"github.com/shopspring/decimal"

	"upstream/models"
)

func TestUpload_Derived(t *testing.T) {
	t.Parallel()
	u := &models.Upload{}
	if u.QualityScore() != nil || u.ProcessingDurationSeconds() != nil {
		t.Error("an unread file has a score or a duration")
	}
	u.RowCount = new(int64(0))
	if got := u.QualityScore(); got == nil || *got != 0 {
		t.Errorf("the score of an empty file is %v", got)
	}
	u.RowCount, u.AcceptedRowCount = new(int64(8)), 6
	if got := u.QualityScore(); got == nil || *got != 0.75 {
		t.Errorf("6 of 8 rows score %v", got)
	}
	start := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	u.ProcessingStartedAt, u.ProcessingCompletedAt = new(start), new(start.Add(1500*time.Millisecond))
	if got := u.ProcessingDurationSeconds(); got == nil || *got != 1.5 {
		t.Errorf("the duration is %v", got)
	}
}

func TestClaim_Derived(t *testing.T) {
	t.Parallel()
	submitted := models.NewDate(2026, time.March, 1)
	c := &models.Claim{SubmittedDate: submitted, DecidedDate: submitted.AddDays(12)}
	if c.DaysToDecision() != 12 || c.DaysToPayment() != nil || c.PaymentVariance() != nil {
		t.Errorf("unpaid: %d, %v, %v", c.DaysToDecision(), c.DaysToPayment(), c.PaymentVariance())
	}
	c.PaymentDate = new(submitted.AddDays(20))
	if got := c.DaysToPayment(); got == nil || *got != 20 {
		t.Errorf("paid after %v days", got)
	}
	amounts := []struct{ paid, allowed, want string }{
		{"80.10", "100", "-19.9"}, {"100", "80", "20"}, {"0", "100", ""}, {"100", "0", ""},
	}
	for _, a := range amounts {
		c.PaidAmount, c.AllowedAmount = new(decimal.RequireFromString(a.paid)), new(decimal.RequireFromString(a.allowed))
		got := ""
		if v := c.PaymentVariance(); v != nil {
			got = v.String()
		}
		if got != a.want {
			t.Errorf("paid %s of %s: variance %q, want %q", a.paid, a.allowed, got, a.want)
		}
	}
}

func TestDriftEvent_DeltaPercent(t *testing.T) {
	t.Parallel()
	e := &models.DriftEvent{DeltaValue: 0.1}
	if e.DeltaPercent() != nil {
		t.Error("a change from zero has a percentage")
	}
	e.BaselineValue = 0.3
	if got := e.DeltaPercent(); got == nil || *got != 33.33 {
		t.Errorf("0.1 of 0.3 is %v percent", got)
	}
}

func TestInputs_Validate(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", 256)
	for name, tt := range map[string]struct {
		err  error
		want string
	}{
		"customer":              {models.NewCustomer{Slug: "a-clinic", Name: "A"}.Validate(), ""},
		"customer without both": {models.NewCustomer{}.Validate(), "slug name"},
		"slug in upper case":    {models.NewCustomer{Slug: "Clinic", Name: "A"}.Validate(), "slug"},
		"slug with a digit":     {models.NewCustomer{Slug: "1clinic", Name: "A"}.Validate(), "slug"},
		"long name":             {models.NewCustomer{Slug: "clinic", Name: long}.Validate(), "name"},
		"name with a NUL":       {models.NewCustomer{Slug: "clinic", Name: "A\x00"}.Validate(), "name"},
		"file with a NUL":       {models.NewUpload{Filename: "a\x00.csv"}.Validate(), "file"},
		"mapping with a NUL":    {models.NewPayerMapping{RawName: "a\x00", NormalizedName: "b"}.Validate(), "raw_name"},
		"user":                  {models.NewUser{Email: "a@b.test", PasswordHash: "h", Role: models.RoleViewer}.Validate(), ""},
		"superuser":             {models.NewUser{Email: "a@b.test", PasswordHash: "h", Superuser: true}.Validate(), ""},
		"user without all":      {models.NewUser{}.Validate(), "email password role"},
		"address with a name":   {models.NewUser{Email: "A <a@b.test>", PasswordHash: "h", Role: models.RoleViewer}.Validate(), "email"},
		"upload":                {models.NewUpload{Filename: "a.csv"}.Validate(), ""},
		"upload without a name": {models.NewUpload{}.Validate(), "file"},
		"upload with a long":    {models.NewUpload{Filename: long}.Validate(), "file"},
		"mapping":               {models.NewPayerMapping{RawName: "a", NormalizedName: "b"}.Validate(), ""},
		"mapping of blanks":     {models.NewPayerMapping{RawName: " ", NormalizedName: long}.Validate(), "raw_name normalized_name"},
	} {
		if got := strings.Join(detectPaths(tt.err), " "); got != tt.want {
			t.Errorf("%s: fields %q are wrong, want %q", name, got, tt.want)
		}
	}
}
