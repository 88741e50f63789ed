package store_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/shopspring/decimal"

	"upstream/internal/factory"
	"upstream/models"
)

// sample is a value for a field of a filter, by its type.
func sample(t *testing.T, of reflect.Type) reflect.Value {
	t.Helper()
	value := reflect.New(of)
	switch v := value.Interface().(type) {
	case *string:
		*v = "x"
	case *bool:
		*v = true
	case *float64:
		*v = 0.5
	case *time.Time:
		*v = factory.Now()
	case *models.Date:
		*v = factory.Today()
	case *models.Month:
		*v = models.MonthOf(factory.Today())
	case *models.ClaimGrouping:
		*v = models.ClaimGrouping{models.ByMonth, models.ByOutcome}
	case *decimal.Decimal:
		*v = decimal.New(1050, -2)
	case *models.UploadID, *models.ReportRunID:
	default:
		values := value.MethodByName("Values")
		if !values.IsValid() {
			t.Fatalf("no sample of %s", of)
		}
		value.Elem().SetString(values.Call(nil)[0].Index(0).String())
	}
	return value
}

// Every field of every filter names a column there is and a comparison there
// is, alone and all together.
func TestFilter_EveryFieldRuns(t *testing.T) {
	t.Parallel()
	w := factory.New(t)
	cedar := w.Tenant("cedar")
	run := cedar.RunRow()
	cedar.Insert(run)
	ctx, v, s := t.Context(), cedar.System(), w.Store
	for name, tt := range map[string]struct {
		filter any
		list   func(any) error
	}{
		"uploads": {models.UploadFilter{}, func(f any) error {
			_, err := s.Uploads(ctx, v, f.(models.UploadFilter), everyRow[models.UploadOrderField]())
			return err
		}},
		"claims": {models.ClaimFilter{}, func(f any) error {
			_, err := s.Claims(ctx, v, f.(models.ClaimFilter), everyRow[models.ClaimOrderField]())
			return err
		}},
		"invitations": {models.InvitationFilter{}, func(f any) error {
			_, err := s.Invitations(ctx, v, f.(models.InvitationFilter), everyRow[models.InvitationOrderField]())
			return err
		}},
		"keys": {models.APIKeyFilter{}, func(f any) error {
			_, err := s.APIKeys(ctx, v, f.(models.APIKeyFilter), everyRow[models.APIKeyOrderField]())
			return err
		}},
		"summaries": {models.PayerSummaryFilter{}, func(f any) error {
			_, err := s.PayerSummaries(ctx, v, f.(models.PayerSummaryFilter), everyRow[models.PayerSummaryOrderField]())
			return err
		}},
		"statistics": {models.ClaimStatsFilter{}, func(f any) error {
			_, err := s.ClaimStats(ctx, v, f.(models.ClaimStatsFilter), everyRow[models.ClaimStatsOrderField]())
			return err
		}},
		"payer mappings": {models.PayerMappingFilter{}, func(f any) error {
			_, err := s.PayerMappings(ctx, v, f.(models.PayerMappingFilter), everyRow[models.PayerMappingOrderField]())
			return err
		}},
		"CPT group mappings": {models.CPTGroupMappingFilter{}, func(f any) error {
			_, err := s.CPTGroupMappings(ctx, v, f.(models.CPTGroupMappingFilter), everyRow[models.CPTGroupMappingOrderField]())
			return err
		}},
		"runs": {models.ReportRunFilter{}, func(f any) error {
			_, err := s.ReportRuns(ctx, v, f.(models.ReportRunFilter), everyRow[models.ReportRunOrderField]())
			return err
		}},
		"events": {models.DriftEventFilter{}, func(f any) error {
			_, err := s.DriftEvents(ctx, v, f.(models.DriftEventFilter), everyRow[models.DriftEventOrderField]())
			return err
		}},
		"tests": {models.DriftTestFilter{}, func(f any) error {
			_, err := s.DriftTests(ctx, v, run.ID, f.(models.DriftTestFilter), everyRow[models.DriftTestOrderField]())
			return err
		}},
	} {
		t.Run(name, func(t *testing.T) {
			of := reflect.TypeOf(tt.filter)
			all := reflect.New(of).Elem()
			for i := range of.NumField() {
				field := of.Field(i)
				for _, tag := range []string{"query", "column", "op", "doc"} {
					if field.Tag.Get(tag) == "" {
						t.Errorf("%s has no tag %s", field.Name, tag)
					}
				}
				alone := reflect.New(of).Elem()
				alone.Field(i).Set(sample(t, field.Type.Elem()))
				all.Field(i).Set(alone.Field(i))
				if err := tt.list(alone.Interface()); err != nil {
					t.Errorf("%s alone: %v", field.Name, err)
				}
			}
			if err := tt.list(all.Interface()); err != nil {
				t.Errorf("all together: %v", err)
			}
		})
	}
}

// manyClaims are claims over which filters differ.
func manyClaims(tenant *factory.Tenant) (uploads []models.UploadID, rows []*models.Claim) {
	random := rand.New(rand.NewPCG(9, 10))
	pick := func(of ...string) string { return of[random.IntN(len(of))] }
	a, b := tenant.UploadRow(), tenant.UploadRow()
	for i := range 120 {
		upload := []models.UploadID{a.ID, b.ID}[i%2]
		rows = append(rows, tenant.ClaimRow(upload, func(c *models.Claim) {
			c.Payer = pick("Aetna", "AETNA Gold", "100%", "1000", "a_b", "axb", `back\slash`, `backslash`, "Zürich", "O'Neil")
			c.CPT = pick("99213", "80053")
			c.CPTGroup = pick("E&M", "TEST")
			c.Outcome = models.Outcome(c.Outcome.Values()[random.IntN(3)])
			c.DecidedDate = factory.Today().AddDays(-random.IntN(6))
			c.SubmittedDate = c.DecidedDate.AddDays(-random.IntN(6))
			if random.IntN(4) > 0 {
				c.BilledAmount = new(decimal.New(int64(random.IntN(5))*5025, -2))
			}
			if random.IntN(2) > 0 {
				c.DenialReasonCode = new(pick("CO-197", "CO-16"))
			}
		}))
	}
	tenant.Insert(a, b, &rows)
	return []models.UploadID{a.ID, b.ID}, rows
}

func contains(text, part string) bool {
	return strings.Contains(strings.ToLower(text), strings.ToLower(part))
}

func TestFilter_ClaimsAgreeWithALoop(t *testing.T) {
	t.Parallel()
	w := factory.New(t)
	cedar := w.Tenant("cedar")
	ids, rows := manyClaims(cedar)
	day := factory.Today().AddDays(-3)
	amount := decimal.RequireFromString("100.5")
	for name, tt := range map[string]struct {
		filter models.ClaimFilter
		search string
		keep   func(*models.Claim) bool
	}{
		"none":            {keep: func(*models.Claim) bool { return true }},
		"payer":           {filter: models.ClaimFilter{Payer: new("aetna")}, keep: func(c *models.Claim) bool { return contains(c.Payer, "aetna") }},
		"percent sign":    {filter: models.ClaimFilter{Payer: new("100%")}, keep: func(c *models.Claim) bool { return c.Payer == "100%" }},
		"underscore":      {filter: models.ClaimFilter{Payer: new("a_b")}, keep: func(c *models.Claim) bool { return c.Payer == "a_b" }},
		"backslash":       {filter: models.ClaimFilter{Payer: new(`k\s`)}, keep: func(c *models.Claim) bool { return c.Payer == `back\slash` }},
		"apostrophe":      {filter: models.ClaimFilter{Payer: new(`o'n`)}, keep: func(c *models.Claim) bool { return c.Payer == "O'Neil" }},
		"question mark":   {filter: models.ClaimFilter{Payer: new("?")}, keep: func(*models.Claim) bool { return false }},
		"NUL":             {filter: models.ClaimFilter{Payer: new("\x00")}, keep: func(*models.Claim) bool { return false }},
		"NUL in equality": {filter: models.ClaimFilter{Cpt: new("99213\x00")}, keep: func(*models.Claim) bool { return false }},
		"outcome":         {filter: models.ClaimFilter{Outcome: new(models.OutcomeDenied)}, keep: func(c *models.Claim) bool { return c.Outcome == models.OutcomeDenied }},
		"cpt":             {filter: models.ClaimFilter{Cpt: new("99213")}, keep: func(c *models.Claim) bool { return c.CPT == "99213" }},
		"part of a cpt":   {filter: models.ClaimFilter{Cpt: new("9921")}, keep: func(*models.Claim) bool { return false }},
		"cpt group":       {filter: models.ClaimFilter{CptGroup: new("TEST")}, keep: func(c *models.Claim) bool { return c.CPTGroup == "TEST" }},
		"upload":          {filter: models.ClaimFilter{Upload: &ids[1]}, keep: func(c *models.Claim) bool { return c.UploadID == ids[1] }},
		"start":           {filter: models.ClaimFilter{StartDate: &day}, keep: func(c *models.Claim) bool { return !c.DecidedDate.Before(day) }},
		"end":             {filter: models.ClaimFilter{EndDate: &day}, keep: func(c *models.Claim) bool { return !c.DecidedDate.After(day) }},
		"submitted":       {filter: models.ClaimFilter{SubmittedAfter: &day, SubmittedBefore: &day}, keep: func(c *models.Claim) bool { return c.SubmittedDate == day }},
		"decided":         {filter: models.ClaimFilter{DecidedAfter: &day, DecidedBefore: &day}, keep: func(c *models.Claim) bool { return c.DecidedDate == day }},
		"amount from":     {filter: models.ClaimFilter{MinAmount: &amount}, keep: func(c *models.Claim) bool { return c.BilledAmount != nil && c.BilledAmount.GreaterThanOrEqual(amount) }},
		"amount to":       {filter: models.ClaimFilter{MaxAmount: &amount}, keep: func(c *models.Claim) bool { return c.BilledAmount != nil && c.BilledAmount.LessThanOrEqual(amount) }},
		"reason code":     {filter: models.ClaimFilter{DenialReasonCode: new("CO-197")}, keep: func(c *models.Claim) bool { return c.DenialReasonCode != nil && *c.DenialReasonCode == "CO-197" }},
		"search":          {search: "AETNA", keep: func(c *models.Claim) bool { return contains(c.Payer, "aetna") }},
		"every word": {search: "aetna, co-16\u00a0992", keep: func(c *models.Claim) bool {
			return contains(c.Payer, "aetna") && c.DenialReasonCode != nil && *c.DenialReasonCode == "CO-16" && c.CPT == "99213"
		}},
		"search percent sign": {search: "%", keep: func(c *models.Claim) bool { return c.Payer == "100%" }},
		"search NUL":          {search: "aet\x00na", keep: func(*models.Claim) bool { return false }},
		"search blank":        {search: " ,\t\n ", keep: func(*models.Claim) bool { return true }},
		"together": {
			filter: models.ClaimFilter{Payer: new("a"), Outcome: new(models.OutcomePaid), EndDate: &day}, search: "99213",
			keep: func(c *models.Claim) bool {
				return contains(c.Payer, "a") && c.Outcome == models.OutcomePaid && !c.DecidedDate.After(day) && c.CPT == "99213"
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			list := everyRow[models.ClaimOrderField]()
			list.Search, list.Page.WantTotal = tt.search, true
			got := must(w.Store.Claims(t.Context(), cedar.System(), tt.filter, list))(t)
			want := map[models.ClaimID]bool{}
			for _, c := range rows {
				if tt.keep(c) {
					want[c.ID] = true
				}
			}
			for _, c := range got.Items {
				if !want[c.ID] {
					t.Errorf("%+v does not belong here", c)
				}
			}
			equal(t, "rows and total", []int{len(want), len(want)}, []int{len(got.Items), int(*got.Total)})
			if strings.Contains(name, "NUL") || name == "question mark" || name == "part of a cpt" {
				return
			}
			if len(want) == 0 {
				t.Error("the case tries nothing")
			}
		})
	}
}

func TestFilter_OddValuesAreNoFailures(t *testing.T) {
	t.Parallel()
	cedar := factory.New(t).Tenant("cedar")
	year0 := time.Date(0, 1, 1, 0, 0, 0, 0, time.UTC)
	_, err := cedar.Store.Uploads(t.Context(), cedar.System(), models.UploadFilter{UploadedAfter: &year0}, everyRow[models.UploadOrderField]())
	if err != nil {
		wantCode(t, err, models.CodeValidation)
	}
	year10000 := time.Date(9999, 12, 31, 23, 0, 0, 0, time.FixedZone("", -14*3600))
	_, err = cedar.Store.Uploads(t.Context(), cedar.System(), models.UploadFilter{UploadedBefore: &year10000}, everyRow[models.UploadOrderField]())
	if err != nil {
		wantCode(t, err, models.CodeValidation)
	}
}

func TestFilter_Events(t *testing.T) {
	t.Parallel()
	w := factory.New(t)
	cedar := w.Tenant("cedar")
	run, other := cedar.RunRow(), cedar.RunRow()
	cedar.Insert(run, other)
	severities := []float64{0, 0.3999999999, 0.4, 0.5999999999, 0.6, 0.7999999999, 0.8, 1}
	var rows []*models.DriftEvent
	for i, severity := range severities {
		of := []*models.ReportRun{run, other}[i%2]
		rows = append(rows, cedar.EventRow(of.ID, fmt.Sprintf("Payer %d", i), func(e *models.DriftEvent) {
			e.Severity, e.Confidence = severity, 1-severity
			e.CreatedAt = e.CreatedAt.Add(time.Duration(i) * time.Hour)
			e.TrendDirection = models.TrendDirection(e.TrendDirection.Values()[i%2])
			e.DriftType = models.DriftType(e.DriftType.Values()[i%6])
			e.CPTGroup = []string{"E&M", "ALL"}[i/4]
		}))
	}
	cedar.Insert(&rows)
	at := rows[3].CreatedAt
	cases := map[string]struct {
		filter models.DriftEventFilter
		keep   func(e *models.DriftEvent) bool
	}{
		"at least":   {models.DriftEventFilter{MinSeverity: new(0.4)}, func(e *models.DriftEvent) bool { return e.Severity >= 0.4 }},
		"at most":    {models.DriftEventFilter{MaxSeverity: new(0.4)}, func(e *models.DriftEvent) bool { return e.Severity <= 0.4 }},
		"certain":    {models.DriftEventFilter{MinConfidence: new(0.6)}, func(e *models.DriftEvent) bool { return e.Confidence >= 0.6 }},
		"after":      {models.DriftEventFilter{CreatedAfter: &at}, func(e *models.DriftEvent) bool { return !e.CreatedAt.Before(at) }},
		"before":     {models.DriftEventFilter{CreatedBefore: &at}, func(e *models.DriftEvent) bool { return !e.CreatedAt.After(at) }},
		"run":        {models.DriftEventFilter{ReportRun: &run.ID}, func(e *models.DriftEvent) bool { return e.ReportRunID == run.ID }},
		"type":       {models.DriftEventFilter{DriftType: new(models.DriftDecisionTime)}, func(e *models.DriftEvent) bool { return e.DriftType == models.DriftDecisionTime }},
		"direction":  {models.DriftEventFilter{TrendDirection: new(models.TrendImproving)}, func(e *models.DriftEvent) bool { return e.TrendDirection == models.TrendImproving }},
		"group":      {models.DriftEventFilter{CptGroup: new("ALL")}, func(e *models.DriftEvent) bool { return e.CPTGroup == "ALL" }},
		"payer":      {models.DriftEventFilter{Payer: new("PAYER 7")}, func(e *models.DriftEvent) bool { return e.Payer == "Payer 7" }},
		"everything": {models.DriftEventFilter{}, func(*models.DriftEvent) bool { return true }},
	}
	for _, label := range models.SeverityLabel("").Values() {
		label := models.SeverityLabel(label)
		cases["label "+string(label)] = struct {
			filter models.DriftEventFilter
			keep   func(e *models.DriftEvent) bool
		}{models.DriftEventFilter{SeverityLabel: &label}, func(e *models.DriftEvent) bool { return e.SeverityLabel() == label }}
	}
	for name, tt := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := must(w.Store.DriftEvents(t.Context(), cedar.System(), tt.filter, everyRow[models.DriftEventOrderField]()))(t)
			want := slices.DeleteFunc(slices.Clone(rows), func(e *models.DriftEvent) bool { return !tt.keep(e) })
			slices.Reverse(want) // newest first
			payers := func(rows []*models.DriftEvent) (all []string) {
				for _, e := range rows {
					all = append(all, e.Payer)
				}
				return all
			}
			equal(t, "payers", payers(want), payers(got.Items))
			if len(want) == 0 {
				t.Error("the case tries nothing")
			}
		})
	}
}

func TestFilter_UploadsRunsAndTests(t *testing.T) {
	t.Parallel()
	w := factory.New(t)
	cedar := w.Tenant("cedar")
	early := cedar.UploadRow(func(u *models.Upload) {
		u.UploadedAt, u.Status, u.UploadSource = u.UploadedAt.Add(-time.Hour), models.UploadPartial, models.UploadSourceBatch
		u.Filename = "January_100%.csv"
	})
	run := cedar.RunRow()
	monthly := cedar.RunRow(func(r *models.ReportRun) { r.RunType, r.Method = models.RunMonthly, models.MethodThreshold })
	cedar.Insert(early, cedar.UploadRow(), run, monthly,
		cedar.TestRow(run.ID, "A", func(d *models.DriftTest) { d.Practical = true }),
		cedar.TestRow(run.ID, "B", func(d *models.DriftTest) { d.Significant = true }))
	ctx, v, at := context.Background(), cedar.System(), factory.Now().Add(-time.Minute)
	for name, f := range map[string]models.UploadFilter{
		"status": {Status: new(models.UploadPartial)}, "source": {Source: new(models.UploadSourceBatch)}, "before": {UploadedBefore: &at},
	} {
		got := must(w.Store.Uploads(ctx, v, f, everyRow[models.UploadOrderField]()))(t).Items
		if len(got) != 1 || got[0].ID != early.ID {
			t.Errorf("%s: %v", name, got)
		}
	}
	for search, want := range map[string]int{"january": 1, "_100%": 1, "success": 1, ".csv": 2, "january success": 0} {
		l := everyRow[models.UploadOrderField]()
		l.Search = search
		equal(t, search, want, len(must(w.Store.Uploads(ctx, v, models.UploadFilter{}, l))(t).Items))
	}
	for name, f := range map[string]models.ReportRunFilter{
		"type": {RunType: new(models.RunMonthly)}, "method": {Method: new(models.MethodThreshold)},
	} {
		got := must(w.Store.ReportRuns(ctx, v, f, everyRow[models.ReportRunOrderField]()))(t).Items
		if len(got) != 1 || got[0].ID != monthly.ID {
			t.Errorf("%s: %v", name, got)
		}
	}
	for payer, f := range map[string]models.DriftTestFilter{
		"A": {Practical: new(true)}, "B": {Practical: new(false), Significant: new(true)},
	} {
		got := must(w.Store.DriftTests(ctx, v, run.ID, f, everyRow[models.DriftTestOrderField]()))(t).Items
		if len(got) != 1 || got[0].Payer != payer {
			t.Errorf("%s: %v", payer, got)
		}
	}
}
