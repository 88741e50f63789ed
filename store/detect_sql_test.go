package store_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/shopspring/decimal"

	"upstream/internal/factory"
	"upstream/models"
	"upstream/models/drift"
	"upstream/store"
)

// The database's aggregate and the plain loop below agree on random claims.
func TestDetect_AggregateAgreesWithALoop(t *testing.T) {
	t.Parallel()
	w := factory.New(t)
	cedar := w.Tenant("cedar")
	w.Tenant("harbor").Drifting() // must not be counted
	random := rand.New(rand.NewPCG(7, 11))
	upload := cedar.UploadRow()
	var rows []*models.Claim
	for range 1500 {
		rows = append(rows, cedar.ClaimRow(upload.ID, func(c *models.Claim) {
			c.Payer = []string{"A", "B"}[random.IntN(2)]
			c.CPT = []string{"99213", "80053", "70450"}[random.IntN(3)]
			c.CPTGroup = []string{"E&M", "TEST"}[random.IntN(2)]
			c.Outcome = models.Outcome(models.Outcome("").Values()[random.IntN(3)])
			c.DecidedDate = factory.Today().AddDays(5 - random.IntN(130))
			c.SubmittedDate = c.DecidedDate.AddDays(-random.IntN(40))
			if random.IntN(3) > 0 {
				c.BilledAmount = new(decimal.New(random.Int64N(100_000), -2))
			}
			if random.IntN(3) > 0 {
				c.AllowedAmount = new(decimal.New(random.Int64N(100_000), -2))
			}
			if random.IntN(3) > 0 {
				c.PaymentDate = new(c.SubmittedDate.AddDays(random.IntN(60)))
			}
			c.AuthorizationRequired = random.IntN(2) == 0
			if random.IntN(2) == 0 {
				c.DenialReasonCode = new("CO-197")
			}
		}))
	}
	cedar.Insert(upload, &rows)
	for _, by := range []models.WindowBy{models.WindowByDecided, models.WindowBySubmitted} {
		for _, windows := range [][2]int{{90, 14}, {10, 1}, {1, 10}} {
			params := must(models.DetectInput{WindowBy: &by, BaselineDays: &windows[0], CurrentDays: &windows[1]}.Resolve(factory.Today()))(t)
			got := must(store.Gather(t.Context(), w.Store, cedar.System(), params))(t)
			naive := drift.NewAccumulator(params)
			for _, c := range rows {
				addClaim(t, naive, params, c)
			}
			if diff := cmp.Diff(naive.Segments(), got.Segments, comparers...); diff != "" {
				t.Errorf("%s, %v days: the loop (-) and SQL (+):\n%s", by, windows, diff)
			}
			equal(t, "watermark", &upload.ID, got.Watermark)
		}
	}
}

func addClaim(t *testing.T, a *drift.Accumulator, p models.DetectParams, c *models.Claim) {
	t.Helper()
	day := c.DecidedDate
	if p.WindowBy == models.WindowBySubmitted {
		day = c.SubmittedDate
	}
	if day.Before(p.BaselineStart()) || !day.Before(p.AsOf) {
		return
	}
	window, end := drift.Baseline, p.CurrentStart()
	if !day.Before(p.CurrentStart()) {
		window, end = drift.Current, p.AsOf
	}
	cell := drift.Cell{Window: window, Week: (end.Sub(day) - 1) / 7, Payer: c.Payer, CPTGroup: c.CPTGroup, CPT: c.CPT}
	if c.AuthorizationRequired {
		cell.AuthRequired = 1
		if c.Outcome == models.OutcomeDenied && c.DenialReasonCode != nil {
			cell.AuthDenied = 1
		}
	}
	switch c.Outcome {
	case models.OutcomePaid:
		cell.Paid = 1
		if c.AllowedAmount != nil {
			cell.Allowed = drift.Moments{N: 1, Sum: *c.AllowedAmount, SumSquares: c.AllowedAmount.Mul(*c.AllowedAmount)}
		}
	case models.OutcomeDenied:
		cell.Denied = 1
	default:
		cell.Other = 1
	}
	if value := c.AllowedAmount; window == drift.Current {
		if value == nil {
			value = c.BilledAmount
		}
		if value != nil {
			cell.Value = drift.Amount{N: 1, Sum: *value}
		}
	}
	if err := a.Add(cell); err != nil {
		t.Fatal(err)
	}
	days := func(m drift.Measure, days int) {
		row := drift.DaysRow{Window: window, Measure: m, Payer: c.Payer, CPTGroup: c.CPTGroup, Days: days, Count: 1}
		if err := a.AddDays(row); err != nil {
			t.Fatal(err)
		}
	}
	if c.Outcome != models.OutcomeOther {
		days(drift.DecisionDays, c.DaysToDecision())
	}
	if c.Outcome == models.OutcomePaid && c.PaymentDate != nil {
		days(drift.PaymentDays, c.PaymentDate.Sub(c.SubmittedDate))
	}
}

// The column the database computes and the rule in Go are the same rule.
func TestAuthorizationDenied_IsTheRuleInGo(t *testing.T) {
	t.Parallel()
	cedar := factory.New(t).Tenant("cedar")
	upload := cedar.UploadRow()
	cedar.Insert(upload)
	codes := []string{
		"", "15", "015", "0015", "CO-15", "CO15", "CO 15", "co-197", "PR197", "OA-198", "PI 210", "243", "284", "296", "302",
		"CO-1", "150", "115", "CO-1970", "C-197", "COX-197", "197 ", " 197", "197,16", "CO--197", "CO- 197", "16", "CO-16", "303",
		"AUTH", "NOAUTH01", "auth-x", "N517 AUTHORIZATION", "A UTH", "197\n", "x\n197", "CO\n197", "ÄUTH", "００15", "ſ197", "ÇO-197",
	}
	texts := []string{"", "Authorization missing", "no AUTHORIZATION number", "pre-authorization", "authorisation", "auth", "author ization"}
	type pair struct{ code, text string }
	want := map[string]pair{}
	var rows []*models.Claim
	for _, outcome := range []models.Outcome{models.OutcomeDenied, models.OutcomePaid, models.OutcomeOther} {
		for _, code := range codes {
			for _, text := range texts {
				c := cedar.ClaimRow(upload.ID, func(c *models.Claim) {
					c.Outcome = outcome
					if code != "" {
						c.DenialReasonCode = &code
					}
					if text != "" {
						c.DenialReasonText = &text
					}
				})
				rows = append(rows, c)
				if outcome == models.OutcomeDenied && drift.IsAuthDenial(code, text) {
					want[c.ID.UUID().String()] = pair{code, text}
				}
			}
		}
	}
	cedar.Insert(&rows)
	flagged := factory.Query[string](cedar, `SELECT string_agg(id::text, ' ') FROM claims WHERE authorization_denied`)
	got := map[string]bool{}
	for id := range strings.FieldsSeq(flagged) {
		got[id] = true
	}
	for _, c := range rows {
		id := c.ID.UUID().String()
		if _, denied := want[id]; denied != got[id] {
			t.Errorf("outcome %s, code %v, text %v: the database says %t", c.Outcome, show(c.DenialReasonCode), show(c.DenialReasonText), got[id])
		}
	}
	if len(want) < 50 {
		t.Errorf("only %d of the claims count", len(want))
	}
}

func show(s *string) string {
	if s == nil {
		return "-"
	}
	return fmt.Sprintf("%q", *s)
}
