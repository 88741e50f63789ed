package store_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/shopspring/decimal"
	"pgregory.net/rapid"

	"upstream/internal/factory"
	"upstream/models"
)

// wantRollups demands that the roll-ups of a customer say what its claims say.
func wantRollups(t tester, tenant *factory.Tenant) {
	t.Helper()
	differences := must(tenant.Store.RollupDifferences(context.Background(), tenant.System()))(t)
	for _, d := range differences {
		t.Errorf("%s of %s: stored %v, counted %v", d.Table, d.Key, text(d.Stored), text(d.Counted))
	}
}

func text(p *string) string {
	if p == nil {
		return "nothing"
	}
	return *p
}

const amounts = "claim_number,payer,cpt,submitted_date,decided_date,outcome,billed_amount,allowed_amount,paid_amount,denial_reason_code\n"

// anyFile draws a file of few payers, days and numbers, so that files overlap,
// with rows that are refused among the good ones.
func anyFile(t *rapid.T, label string) string {
	row := rapid.Custom(func(t *rapid.T) string {
		submitted := models.NewDate(2026, time.January, 25).AddDays(rapid.IntRange(0, 10).Draw(t, "submitted"))
		pick := func(name string, of ...string) string { return rapid.SampledFrom(of).Draw(t, name) }
		return strings.Join([]string{
			pick("number", "", "N1", "N2", "N3", "N4", "N5"), pick("payer", "Aetna", "Cigna", "Médica", ""), pick("cpt", "99213", "70450", "X1"),
			submitted.String(), submitted.AddDays(rapid.IntRange(-1, 5).Draw(t, "wait")).String(), pick("outcome", "PAID", "DENIED", "OTHER"),
			pick("billed", "", "0", "100.01"), pick("allowed", "", "0.00", "33.33", "9999999999.99"), pick("paid", "", "20.5"), pick("reason", "", "CO-97", "CO-16"),
		}, ",") + "\n"
	})
	return amounts + strings.Join(rapid.SliceOfN(row, 0, 12).Draw(t, label), "")
}

// breakingOff is a file that cannot be read to its end.
type breakingOff struct{ *strings.Reader }

var errBroken = errors.New("the disk is gone")

func (r breakingOff) Read(p []byte) (int, error) {
	if r.Len() == 0 {
		return 0, errBroken
	}
	return r.Reader.Read(p[:min(len(p), 40)])
}

// Whatever is ingested, refused or breaks off, one after another or at once:
// the roll-ups say what the claims say.
func TestRollups_AgreeWithTheClaims(t *testing.T) {
	t.Parallel()
	w := factory.New(t)
	stored := 0
	rapid.Check(t, func(r *rapid.T) {
		cedar := w.Tenant(factory.Slug())
		ingest := func(file io.ReadSeeker) error {
			_, err := w.Store.Ingest(t.Context(), cedar.System(), models.NewUpload{Filename: "a.csv", Source: models.UploadSourceAPI}, file)
			switch models.CodeOf(err) {
			case models.CodeValidation, models.CodeConflict: // nothing new in it
				return nil
			default:
				return err
			}
		}
		for step := range rapid.IntRange(1, 3).Draw(r, "steps") {
			files := rapid.IntRange(1, 3).Draw(r, "at once")
			failures := make([]error, files)
			var group sync.WaitGroup
			for i := range files {
				text := anyFile(r, fmt.Sprint("file ", step, i))
				group.Go(func() { failures[i] = ingest(strings.NewReader(text)) })
			}
			group.Wait()
			if err := errors.Join(failures...); err != nil {
				r.Fatal(err)
			}
			if rapid.Bool().Draw(r, "one breaks off") {
				if err := ingest(breakingOff{strings.NewReader(anyFile(r, "broken"))}); err == nil {
					r.Fatal("a file that cannot be read was ingested")
				}
			}
			wantRollups(r, cedar)
		}
		stored += len(claims(r, cedar))
	})
	if stored < 50 {
		t.Errorf("only %d claims were stored", stored)
	}
}

// An ingestion that ends after its claims were counted leaves no count.
func TestRollups_ForgetWhatIsRolledBack(t *testing.T) {
	t.Parallel()
	w := factory.New(t)
	r := traced(w)
	cedar := w.Tenant("cedar")
	must(cedar.IngestText(header + line("C1", "Aetna")))(t)
	ctx, cancel := context.WithCancel(t.Context())
	r.on(func(sql string) {
		if strings.Contains(sql, "INSERT INTO upload_rejections") {
			cancel()
		}
	})
	_, err := w.Store.Ingest(ctx, cedar.System(), models.NewUpload{Filename: "a.csv", Source: models.UploadSourceAPI}, strings.NewReader(header+line("C2", "Aetna")))
	if !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	r.on(nil)
	equal(t, "claims counted", int64(1), must(w.Store.Dashboard(t.Context(), cedar.System()))(t).TotalClaims)
	wantRollups(t, cedar)
}

// Two transactions that add to the same counts in opposite order take turns.
func TestRollups_WritersTakeTurns(t *testing.T) {
	t.Parallel()
	w := factory.New(t)
	cedar := w.Tenant("cedar")
	upload := cedar.UploadRow()
	cedar.Insert(upload)
	store := func(tx pgx.Tx, payer string) error {
		_, err := tx.Exec(t.Context(), `INSERT INTO claims (customer_id, id, upload_id, payer, cpt, submitted_date, decided_date, outcome)
			VALUES ($1, gen_random_uuid(), $2, $3, '99213', '2026-05-01', '2026-05-02', 'PAID')`, cedar.Customer.ID.UUID(), upload.ID.UUID(), payer)
		return err
	}
	second := make(chan error, 1)
	err := pgx.BeginFunc(t.Context(), w.DB.App, func(tx pgx.Tx) error {
		if err := errors.Join(within(tx, cedar.Customer.ID), store(tx, "Aetna")); err != nil {
			return err
		}
		go func() {
			second <- pgx.BeginFunc(t.Context(), w.DB.App, func(tx pgx.Tx) error {
				return errors.Join(within(tx, cedar.Customer.ID), store(tx, "Cigna"), store(tx, "Aetna"))
			})
		}()
		for waiting := 0; waiting == 0; {
			if err := tx.QueryRow(t.Context(), `SELECT count(*) FROM pg_locks WHERE NOT granted`).Scan(&waiting); err != nil {
				return err
			}
		}
		return store(tx, "Cigna")
	})
	if err := errors.Join(err, <-second); err != nil {
		t.Fatal(err)
	}
	equal(t, "claims", "4", factory.Query[string](cedar, `SELECT sum(claims)::text FROM claim_days`))
	wantRollups(t, cedar)
}

// The check finds every way in which a roll-up can be wrong.
func TestRollups_CheckFindsDifferences(t *testing.T) {
	t.Parallel()
	w := factory.New(t)
	for name, tt := range map[string]struct{ sql, table, key string }{
		"a day that counts too much":   {`UPDATE claim_days SET claims = claims + 1`, "claim_days", "2026-01-05"},
		"a day that is missing":        {`DELETE FROM claim_days`, "claim_days", "2026-01-05"},
		"a day of no claim":            {`INSERT INTO claim_days SELECT customer_id, '2020-01-01', 1, 0 FROM claim_days`, "claim_days", "2020-01-01"},
		"a payer that is missing":      {`DELETE FROM claim_payer_days`, "claim_payer_days", "2026-01-01 Aetna"},
		"a payer with too much money":  {`UPDATE claim_payer_days SET allowed = 1, allowed_amount = 0.01`, "claim_payer_days", "2026-01-01 Aetna"},
		"a month with too little":      {`UPDATE claim_months SET billed_amount = billed_amount - 0.01`, "claim_months", "2026-01-01 Aetna E&M PAID "},
		"a month with another outcome": {`UPDATE claim_months SET outcome = 'OTHER'`, "claim_months", "2026-01-01 Aetna E&M OTHER "},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cedar := w.Tenant(factory.Slug())
			must(cedar.IngestText(header + line("C1", "Aetna")))(t)
			wantRollups(t, cedar)
			if err := asOwner(t, cedar, tt.sql); err != nil {
				t.Fatal(err)
			}
			found := must(w.Store.RollupDifferences(t.Context(), cedar.System()))(t)
			if !slices.ContainsFunc(found, func(d models.RollupDifference) bool { return d.Table == tt.table && d.Key == tt.key }) {
				t.Errorf("found %+v, want %s of %s", found, tt.table, tt.key)
			}
			if err := asOwner(t, cedar, `SELECT claims_roll_up_anew($1)`, cedar.Customer.ID.UUID()); err != nil {
				t.Fatal(err)
			}
			wantRollups(t, cedar)
		})
	}
}

// Claims that the owner of the tables changes or deletes are counted right.
func TestRollups_FollowTheOwnersHand(t *testing.T) {
	t.Parallel()
	w := factory.New(t)
	cedar, harbor := w.Tenant("cedar"), w.Tenant("harbor")
	for _, tenant := range []*factory.Tenant{cedar, harbor} {
		tenant.Drifting()
	}
	for _, sql := range []string{
		`UPDATE claims SET outcome = 'DENIED', payer = 'Payer C', decided_date = decided_date + 40 WHERE payer = 'Payer A' AND outcome = 'PAID'`,
		`DELETE FROM claims WHERE payer = 'Payer C' OR outcome = 'DENIED'`,
		`DELETE FROM claims`,
	} {
		if err := asOwner(t, cedar, sql); err != nil {
			t.Fatal(err)
		}
		wantRollups(t, cedar)
		wantRollups(t, harbor)
	}
	equal(t, "what is left", int64(0), must(w.Store.Dashboard(t.Context(), cedar.System()))(t).TotalClaims)
	equal(t, "the other's", int64(800), must(w.Store.Dashboard(t.Context(), harbor.System()))(t).TotalClaims)
}

// The program's role cannot take counts away, nor recount.
func TestRollups_AreNotTheProgramsToDelete(t *testing.T) {
	t.Parallel()
	w := factory.New(t)
	cedar := w.Tenant("cedar")
	for _, sql := range []string{`DELETE FROM claim_days`, `DELETE FROM claim_payer_days`, `TRUNCATE claim_months`, `SELECT claims_roll_up_anew('` + cedar.Customer.ID.UUID().String() + `')`} {
		err := pgx.BeginFunc(t.Context(), w.DB.App, func(tx pgx.Tx) error {
			_, err := tx.Exec(t.Context(), sql)
			return errors.Join(within(tx, cedar.Customer.ID), err)
		})
		if err == nil || !strings.Contains(err.Error(), "42501") {
			t.Errorf("%s: %v", sql, err)
		}
	}
}

// counted is what a loop over claims says about a payer.
type counted struct {
	Payer                     string
	Total, Paid, Denied, Rest int64
	Rate                      float64
	Average                   string
}

func countByPayer(rows []*models.Claim, p models.Period) []counted {
	all := map[string]*counted{}
	sums, having := map[string]decimal.Decimal{}, map[string]int64{}
	for _, c := range rows {
		if c.SubmittedDate.Before(p.First) || c.SubmittedDate.After(p.Last) {
			continue
		}
		if all[c.Payer] == nil {
			all[c.Payer] = &counted{Payer: c.Payer, Average: "none"}
		}
		of := all[c.Payer]
		of.Total++
		switch c.Outcome {
		case models.OutcomePaid:
			of.Paid++
		case models.OutcomeDenied:
			of.Denied++
		case models.OutcomeOther:
			of.Rest++
		}
		if c.AllowedAmount != nil {
			sums[c.Payer], having[c.Payer] = sums[c.Payer].Add(*c.AllowedAmount), having[c.Payer]+1
			of.Average = sums[c.Payer].DivRound(decimal.NewFromInt(having[c.Payer]), 2).StringFixed(2)
		}
	}
	var list []counted
	for _, of := range all {
		of.Rate = float64(of.Denied) / float64(of.Total)
		list = append(list, *of)
	}
	slices.SortFunc(list, func(a, b counted) int {
		if a.Total != b.Total {
			return int(b.Total - a.Total)
		}
		return strings.Compare(a.Payer, b.Payer)
	})
	return list
}

func TestPayerSummaries_AgreeWithALoop(t *testing.T) {
	t.Parallel()
	w := factory.New(t)
	cedar := w.Tenant("cedar")
	upload := cedar.UploadRow()
	var rows []*models.Claim
	for i := range 300 {
		rows = append(rows, cedar.ClaimRow(upload.ID, func(c *models.Claim) {
			c.Payer = []string{"Aetna", "Cigna", "Humana", "Oscar"}[i*i%7%4]
			c.Outcome = models.Outcome(c.Outcome.Values()[i%3])
			c.SubmittedDate = factory.Today().AddDays(-i % 120)
			if i%4 > 0 && c.Payer != "Oscar" {
				c.AllowedAmount = new(decimal.New(int64(i)*3337, -2))
			}
		}))
	}
	cedar.Insert(upload, &rows)
	today := factory.Today()
	for name, tt := range map[string]struct {
		filter models.PayerSummaryFilter
		period models.Period
	}{
		"unless said":      {models.PayerSummaryFilter{}, models.Period{First: today.AddDays(-89), Last: today}},
		"from a day":       {models.PayerSummaryFilter{StartDate: new(today.AddDays(-10))}, models.Period{First: today.AddDays(-10), Last: today}},
		"to a day":         {models.PayerSummaryFilter{EndDate: new(today.AddDays(-20))}, models.Period{First: today.AddDays(-109), Last: today.AddDays(-20)}},
		"one day":          {models.PayerSummaryFilter{StartDate: &today, EndDate: &today}, models.Period{First: today, Last: today}},
		"before all":       {models.PayerSummaryFilter{EndDate: new(models.NewDate(1, 1, 1))}, models.Period{First: models.NewDate(1, 1, 1), Last: models.NewDate(1, 1, 1)}},
		"all there can be": {models.PayerSummaryFilter{StartDate: new(models.NewDate(1, 1, 1)), EndDate: new(models.NewDate(9999, 12, 31))}, models.Period{First: models.NewDate(1, 1, 1), Last: models.NewDate(9999, 12, 31)}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if name == "before all" {
				tt.filter.StartDate = tt.filter.EndDate
			}
			list := everyRow[models.PayerSummaryOrderField]()
			list.Page.WantTotal = true
			got := must(w.Store.PayerSummaries(t.Context(), cedar.System(), tt.filter, list))(t)
			var said []counted
			for _, s := range got.Items {
				average := "none"
				if s.AvgAllowedAmount != nil {
					average = s.AvgAllowedAmount.StringFixed(2)
				}
				said = append(said, counted{s.Payer, s.TotalClaims, s.PaidCount, s.DeniedCount, s.OtherCount, s.DenialRate, average})
				equal(t, "percent", math.Round(s.DenialRate*1e4)/1e2, s.DenialPercent())
				equal(t, "period", tt.period, s.Period)
			}
			want := countByPayer(rows, tt.period)
			equal(t, "summaries", want, said)
			equal(t, "total", int64(len(want)), *got.Total)
		})
	}
	reversed := models.PayerSummaryFilter{StartDate: &today, EndDate: new(today.AddDays(-1))}
	_, err := w.Store.PayerSummaries(t.Context(), cedar.System(), reversed, everyRow[models.PayerSummaryOrderField]())
	equal(t, "fields", []string{"start_date:invalid"}, fieldPaths(wantCode(t, err, models.CodeValidation)))
}

// The trend begins at its first day and not a day before; runs that failed or
// are under way do not count, nor do uploads of which nothing is stored.
func TestDashboard(t *testing.T) {
	t.Parallel()
	w := factory.New(t)
	cedar := w.Tenant("cedar")
	empty := must(w.Store.Dashboard(t.Context(), cedar.System()))(t)
	equal(t, "of nobody", &models.Dashboard{DenialRateTrend: []models.MonthlyDenialRate{}, TopDriftPayers: []*models.TopDriftPayer{}}, empty)

	upload := cedar.UploadRow()
	partial, failed := cedar.UploadRow(func(u *models.Upload) { u.Status = models.UploadPartial }), cedar.UploadRow(func(u *models.Upload) { u.Status = models.UploadFailed })
	first := factory.Today().AddDays(-models.DashboardTrendDays)
	decided := func(day models.Date, outcome models.Outcome) *models.Claim {
		return cedar.ClaimRow(upload.ID, func(c *models.Claim) { c.SubmittedDate, c.DecidedDate, c.Outcome = day.AddDays(-5), day, outcome })
	}
	cedar.Insert(upload, partial, failed, decided(first.AddDays(-1), models.OutcomeDenied), decided(first, models.OutcomePaid),
		decided(first.AddDays(1), models.OutcomeDenied), decided(factory.Today(), models.OutcomeOther))
	older := cedar.RunRow(func(r *models.ReportRun) { r.FinishedAt = new(factory.Now().Add(-time.Hour)) })
	quiet := cedar.RunRow()
	later := cedar.RunRow(func(r *models.ReportRun) {
		r.Status, r.ErrorMessage, r.FinishedAt = models.RunFailed, new("failed"), new(factory.Now().Add(time.Hour))
	})
	cedar.Insert(older, cedar.EventRow(older.ID, "Old"), quiet, later, cedar.EventRow(later.ID, "Failed"))
	d := must(w.Store.Dashboard(t.Context(), cedar.System()))(t)
	equal(t, "dashboard", &models.Dashboard{
		TotalClaims: 4, TotalUploads: 2, LastReportRunID: &quiet.ID, LastReportDate: quiet.FinishedAt, TopDriftPayers: []*models.TopDriftPayer{},
		DenialRateTrend: []models.MonthlyDenialRate{
			{Month: models.MonthOf(first), DenialRate: 0.5, TotalClaims: 2, DeniedClaims: 1},
			{Month: models.MonthOf(factory.Today()), TotalClaims: 1},
		},
	}, d)

	for i := range 7 {
		cedar.Insert(cedar.EventRow(quiet.ID, fmt.Sprint("Payer ", i), func(e *models.DriftEvent) { e.Severity = float64(i) / 10 }))
	}
	d = must(w.Store.Dashboard(t.Context(), cedar.System()))(t)
	var gravest []string
	for _, top := range d.TopDriftPayers {
		gravest = append(gravest, fmt.Sprint(top.Payer, " ", top.Severity, " ", top.DeltaValue))
	}
	equal(t, "gravest", []string{"Payer 6 0.6 0.3", "Payer 5 0.5 0.3", "Payer 4 0.4 0.3", "Payer 3 0.3 0.3", "Payer 2 0.2 0.3"}, gravest)
	equal(t, "found", int64(7), d.ActiveDriftEvents)
}

func TestClaimStats_Groups(t *testing.T) {
	t.Parallel()
	w := factory.New(t)
	cedar := w.Tenant("cedar")
	if _, err := cedar.IngestText(amounts +
		"1,Aetna,99213,2026-01-01,2026-01-31,PAID,100.00,80.00,79.50,\n" +
		"2,Aetna,99213,2026-01-01,2026-02-01,DENIED,100.00,,,CO-97\n" +
		"3,Aetna,70450,2026-01-01,2026-02-28,DENIED,,,,\n" +
		"4,Cigna,99213,2026-01-01,2026-02-03,OTHER,50.25,,,\n"); err != nil {
		t.Fatal(err)
	}
	stats := func(t *testing.T, f models.ClaimStatsFilter, by ...models.ClaimDimension) (groups []string) {
		t.Helper()
		f.GroupBy = new(models.ClaimGrouping(by))
		rows := must(w.Store.ClaimStats(t.Context(), cedar.System(), f, everyRow[models.ClaimStatsOrderField]()))(t)
		for _, g := range rows.Items {
			var of []string
			for _, name := range []*string{g.Payer, g.CPTGroup, g.DenialReasonCode, (*string)(g.Outcome)} {
				if name != nil {
					of = append(of, *name)
				}
			}
			if g.Month != nil {
				of = append(of, g.Month.String())
			}
			groups = append(groups, fmt.Sprintf("%s: %d-%d-%d-%d %.2f %s %s %s", strings.Join(of, "/"), g.TotalClaims, g.PaidCount, g.DeniedCount,
				g.OtherCount, g.DenialRate, g.BilledAmount.StringFixed(2), g.AllowedAmount.StringFixed(2), g.PaidAmount.StringFixed(2)))
		}
		return groups
	}
	january, february := must(models.ParseMonth("2026-01"))(t), must(models.ParseMonth("2026-02"))(t)
	for name, tt := range map[string]struct {
		filter models.ClaimStatsFilter
		by     []models.ClaimDimension
		want   []string
	}{
		"all":         {want: []string{": 4-1-2-1 0.50 250.25 80.00 79.50"}},
		"month first": {by: []models.ClaimDimension{models.ByMonth, models.ByPayer}, want: []string{"Aetna/2026-01: 1-1-0-0 0.00 100.00 80.00 79.50", "Aetna/2026-02: 2-0-2-0 1.00 100.00 0.00 0.00", "Cigna/2026-02: 1-0-0-1 0.00 50.25 0.00 0.00"}},
		"reasons":     {by: []models.ClaimDimension{models.ByDenialReason}, filter: models.ClaimStatsFilter{Outcome: new(models.OutcomeDenied)}, want: []string{"CO-97: 1-0-1-0 1.00 100.00 0.00 0.00", ": 1-0-1-0 1.00 0.00 0.00 0.00"}},
		"no reason":   {by: []models.ClaimDimension{models.ByPayer}, filter: models.ClaimStatsFilter{DenialReasonCode: new("")}, want: []string{"Aetna: 2-1-1-0 0.50 100.00 80.00 79.50", "Cigna: 1-0-0-1 0.00 50.25 0.00 0.00"}},
		"months":      {filter: models.ClaimStatsFilter{FromMonth: &february, ToMonth: &february}, want: []string{": 3-0-2-1 0.67 150.25 0.00 0.00"}},
		"until":       {filter: models.ClaimStatsFilter{ToMonth: &january}, want: []string{": 1-1-0-0 0.00 100.00 80.00 79.50"}},
		"of nobody":   {filter: models.ClaimStatsFilter{Payer: new("Humana")}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			equal(t, "groups", tt.want, stats(t, tt.filter, tt.by...))
		})
	}
	twice := models.ClaimStatsFilter{GroupBy: &models.ClaimGrouping{models.ByPayer, models.ByPayer}}
	_, err := w.Store.ClaimStats(t.Context(), cedar.System(), twice, everyRow[models.ClaimStatsOrderField]())
	equal(t, "fields", []string{"group_by:repeated"}, fieldPaths(wantCode(t, err, models.CodeValidation)))
}
