package store_test

import (
	"context"
	"fmt"
	"math/rand/v2"
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

// scattered are claims of few payers, groups, reasons and days, over three
// months and a half.
func scattered(cedar *factory.Tenant, upload models.UploadID, random *rand.Rand, n int) []*models.Claim {
	rows := make([]*models.Claim, n)
	for i := range rows {
		rows[i] = cedar.ClaimRow(upload, func(c *models.Claim) {
			c.DecidedDate = models.NewDate(2026, time.January, 20).AddDays(random.IntN(80))
			c.SubmittedDate = c.DecidedDate.AddDays(-random.IntN(9))
			c.Payer = []string{"Aetna", "Cigna", "Médica", `A'b\`}[random.IntN(4)]
			c.CPT, c.CPTGroup = "X", []string{"E&M", "IMAGING"}[random.IntN(2)]
			c.Outcome = models.Outcome(c.Outcome.Values()[random.IntN(3)])
			c.BilledAmount = []*decimal.Decimal{nil, new(decimal.Zero), new(decimal.NewFromInt(50))}[random.IntN(3)]
			c.DenialReasonCode = []*string{nil, new("CO-45"), new("CO-97"), new("")}[random.IntN(4)]
		})
	}
	return rows
}

// maybe draws nothing or one of some values.
func maybe[V any](t *rapid.T, label string, of ...V) *V {
	if rapid.IntRange(0, 2).Draw(t, label+"?") > 0 {
		return nil
	}
	return new(rapid.SampledFrom(of).Draw(t, label))
}

// drawDay is a day near the claims, more often than not the first or the last of
// a month, or one as far from them as there is.
func drawDay(t *rapid.T, label string) *models.Date {
	days := []models.Date{
		models.NewDate(1, 1, 1), models.NewDate(1, 1, 31), models.NewDate(9999, 12, 1), models.NewDate(9999, 12, 15), models.NewDate(9999, 12, 31),
	}
	for month := time.January; month < time.June; month++ {
		first := models.NewDate(2026, month, 1)
		days = append(days, first, first.AddDays(-1), first.AddDays(14), first.AddDays(1))
	}
	return maybe(t, label, days...)
}

// drawFilter is a filter of claims that the roll-ups may or may not answer.
func drawFilter(t *rapid.T) models.ClaimFilter {
	return models.ClaimFilter{
		Payer:            maybe(t, "payer", "a", "AETNA", "nobody", `'b\`, "\x00", "%"),
		Outcome:          maybe(t, "outcome", models.OutcomePaid, models.OutcomeDenied, models.OutcomeOther),
		Cpt:              rapid.SampledFrom([]*string{nil, nil, nil, nil, new("X"), new("Y")}).Draw(t, "cpt"),
		CptGroup:         maybe(t, "group", "E&M", "IMAGING", "OTHER", "\x00"),
		StartDate:        drawDay(t, "start"),
		EndDate:          drawDay(t, "end"),
		DecidedAfter:     drawDay(t, "decided after"),
		DecidedBefore:    drawDay(t, "decided before"),
		SubmittedAfter:   drawDay(t, "submitted after"),
		SubmittedBefore:  drawDay(t, "submitted before"),
		DenialReasonCode: maybe(t, "reason", "CO-45", "CO-16", ""),
		MinAmount:        rapid.SampledFrom([]*decimal.Decimal{nil, nil, nil, nil, nil, nil, nil, nil, nil, new(decimal.Zero), new(decimal.NewFromInt(50)), new(decimal.NewFromInt(51)), new(decimal.NewFromInt(9000))}).Draw(t, "amount"),
	}
}

// What the roll-ups say how many claims pass a filter is how many are listed.
func TestTally_IsTheLengthOfTheList(t *testing.T) {
	t.Parallel()
	w := factory.New(t)
	cedar, other := w.Tenant("cedar"), w.Tenant("harbor")
	for _, tenant := range []*factory.Tenant{cedar, other} {
		upload := tenant.UploadRow()
		rows := scattered(tenant, upload.ID, rand.New(rand.NewPCG(11, 12)), 400)
		tenant.Insert(upload, &rows)
	}
	r := traced(w)
	added, counted := 0, 0
	rapid.Check(t, func(t *rapid.T) {
		f, v := drawFilter(t), cedar.System()
		search := rapid.SampledFrom([]string{"", "", "", " , ", "aet"}).Draw(t, "search")
		list := models.List[models.ClaimOrderField]{Search: search, Page: models.Page{SkipRows: true, WantTotal: true}}
		r.take()
		total := must(w.Store.Claims(context.Background(), v, f, list))(t).Total
		sent := r.take()
		if strings.Contains(sent[len(sent)-1].sql, "sum(") {
			added++
		} else {
			counted++
		}
		list.Page = models.Page{Limit: 1000}
		rows := must(w.Store.Claims(context.Background(), v, f, list))(t)
		equal(t, "total", int64(len(rows.Items)), *total)
		// The same of the claims of each payer.
		period := models.Period{First: models.NewDate(2026, time.February, 3), Last: models.NewDate(2026, time.March, 20)}
		list.Page.WantTotal = true
		each := must(w.Store.ClaimsOfPayers(context.Background(), v, []string{"Aetna", "Cigna", "nobody"}, period, f, list))(t)
		for payer, rows := range each {
			equal(t, "total of "+payer, int64(len(rows.Items)), *rows.Total)
		}
	})
	if added < 3 || counted < 3 {
		t.Errorf("%d totals were added up and %d counted", added, counted)
	}
}

// Which filters are answered without counting claims, and from which table.
func TestTally_AsksTheSmallestTableThatKnows(t *testing.T) {
	t.Parallel()
	w := factory.New(t)
	cedar := w.Tenant("cedar")
	upload := cedar.UploadRow()
	rows := scattered(cedar, upload.ID, rand.New(rand.NewPCG(13, 14)), 50)
	cedar.Insert(upload, &rows)
	r := traced(w)
	day := func(month time.Month, day int) *models.Date { return new(models.NewDate(2026, month, day)) }
	denied, paid := new(models.OutcomeDenied), new(models.OutcomePaid)
	for name, tt := range map[string]struct {
		filter models.ClaimFilter
		// table is the roll-up, none when claims are counted; parts is how many
		// bounds lie within a month.
		table string
		parts int
	}{
		"all":                      {models.ClaimFilter{}, "claim_days", 0},
		"denied":                   {models.ClaimFilter{Outcome: denied}, "claim_days", 0},
		"denied in a period":       {models.ClaimFilter{Outcome: denied, StartDate: day(2, 3), EndDate: day(3, 9)}, "claim_days", 0},
		"a period":                 {models.ClaimFilter{DecidedAfter: day(2, 3)}, "claim_days", 0},
		"paid":                     {models.ClaimFilter{Outcome: paid}, "claim_payer_days", 0},
		"a payer":                  {models.ClaimFilter{Payer: new("aetna")}, "claim_payer_days", 0},
		"submitted by a payer":     {models.ClaimFilter{Payer: new("aetna"), SubmittedAfter: day(2, 3)}, "claim_payer_days", 0},
		"a reason":                 {models.ClaimFilter{DenialReasonCode: new("CO-45")}, "claim_months", 0},
		"no reason":                {models.ClaimFilter{DenialReasonCode: new("")}, "", 0},
		"a group":                  {models.ClaimFilter{CptGroup: new("E&M"), Payer: new("aetna")}, "claim_months", 0},
		"paid in whole months":     {models.ClaimFilter{Outcome: paid, StartDate: day(2, 1), EndDate: day(3, 31)}, "claim_months", 0},
		"paid since a day":         {models.ClaimFilter{Outcome: paid, StartDate: day(2, 3)}, "claim_months", 1},
		"paid in a period":         {models.ClaimFilter{Outcome: paid, StartDate: day(1, 30), EndDate: day(3, 9)}, "claim_months", 2},
		"paid within a month":      {models.ClaimFilter{Outcome: paid, StartDate: day(2, 3), EndDate: day(2, 27)}, "", 0},
		"paid within two months":   {models.ClaimFilter{Outcome: paid, StartDate: day(2, 3), EndDate: day(3, 27)}, "", 0},
		"a group by submission":    {models.ClaimFilter{CptGroup: new("E&M"), SubmittedAfter: day(2, 3)}, "", 0},
		"decided and submitted":    {models.ClaimFilter{DecidedAfter: day(2, 3), SubmittedAfter: day(2, 3)}, "", 0},
		"a code":                   {models.ClaimFilter{Cpt: new("X")}, "", 0},
		"an upload":                {models.ClaimFilter{Upload: &upload.ID}, "", 0},
		"before there were months": {models.ClaimFilter{Outcome: paid, EndDate: new(models.NewDate(1, 1, 9))}, "", 0},
	} {
		r.take()
		page := models.Page{SkipRows: true, WantTotal: true}
		must(w.Store.Claims(t.Context(), cedar.System(), tt.filter, models.List[models.ClaimOrderField]{Page: page}))(t)
		sent := r.take()
		sql := sent[len(sent)-1].sql
		table := ""
		for _, rollup := range []string{"claim_days", "claim_payer_days", "claim_months"} {
			if strings.Contains(sql, "FROM "+rollup+" ") {
				table = rollup
			}
		}
		equal(t, name+": table", tt.table, table)
		plain := tt.parts
		if tt.table == "" {
			plain = 1
		}
		equal(t, name+": counts of claims", plain, strings.Count(sql, "count(*)"))
	}
}

// A page by number is the one that OFFSET finds in the whole list, whether the
// counts of days lead to it or not.
func TestJump_IsThePageByOffset(t *testing.T) {
	t.Parallel()
	w := factory.New(t)
	cedar := w.Tenant("cedar")
	upload := cedar.UploadRow()
	claims := scattered(cedar, upload.ID, rand.New(rand.NewPCG(15, 16)), 300)
	cedar.Insert(upload, &claims)
	r := traced(w)
	jumps := 0
	rapid.Check(t, func(t *rapid.T) {
		f := models.ClaimFilter{
			Outcome: maybe(t, "outcome", models.OutcomeDenied, models.OutcomePaid), StartDate: drawDay(t, "start"), EndDate: drawDay(t, "end"),
			CptGroup: maybe(t, "group", "E&M"),
		}
		list := models.List[models.ClaimOrderField]{OrderBy: drawOrder[models.ClaimOrderField](t)}
		list.Page = models.Page{Limit: 1000}
		all := ids(must(w.Store.Claims(context.Background(), cedar.System(), f, list))(t).Items)
		limit := rapid.IntRange(1, 40).Draw(t, "limit")
		pages := max(1, (len(all)+limit-1)/limit)
		number := rapid.IntRange(2, pages+2).Draw(t, "number")
		list.Page = models.Page{Limit: limit, Number: number}
		r.take()
		rows, err := w.Store.Claims(context.Background(), cedar.System(), f, list)
		if sent := r.take(); strings.Contains(sent[len(sent)-1].sql, `WITH "days"`) {
			jumps++
		}
		if number > pages {
			wantCode(t, err, models.CodeNotFound)
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		equal(t, "page", all[(number-1)*limit:min(number*limit, len(all))], ids(rows.Items))
		equal(t, "next", number < pages, rows.HasNext)
		list.Page = models.Page{Limit: limit, Last: true}
		equal(t, "last", all[(pages-1)*limit:], ids(must(w.Store.Claims(context.Background(), cedar.System(), f, list))(t).Items))
	})
	if jumps < 5 {
		t.Errorf("only %d pages were found by the counts of days", jumps)
	}
}

func ids(claims []*models.Claim) []string {
	all := []string{}
	for _, claim := range claims {
		all = append(all, claim.ID.String())
	}
	return all
}

// answered runs a statement within the customer and answers with the texts of
// its first column.
func answered(tx pgx.Tx, sql string) ([]string, error) {
	rows, err := tx.Query(context.Background(), `SELECT x.id::text FROM (`+sql+`) AS x (id)`)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowTo[string])
}

// While files come in, what is added up is what can be counted, and what is
// skipped by days is what OFFSET skips: at every moment.
func TestTally_AgreesWhileFilesComeIn(t *testing.T) {
	t.Parallel()
	w := factory.New(t)
	cedar := w.Tenant("cedar")
	upload := cedar.UploadRow()
	claims := scattered(cedar, upload.ID, rand.New(rand.NewPCG(17, 18)), 200)
	cedar.Insert(upload, &claims)
	r := traced(w)
	all := models.List[models.ClaimOrderField]{Page: models.Page{SkipRows: true, WantTotal: true}}
	last := func() string {
		sent := r.take()
		return sent[len(sent)-1].sql
	}
	statements := map[string]string{} // by ours, the reference
	for _, f := range []struct {
		filter models.ClaimFilter
		plain  string
	}{
		{models.ClaimFilter{}, "true"},
		{models.ClaimFilter{Outcome: new(models.OutcomeDenied)}, "outcome = 'DENIED'"},
		{models.ClaimFilter{Payer: new("igna")}, "payer = 'Cigna'"},
		{models.ClaimFilter{CptGroup: new("E&M"), StartDate: new(models.NewDate(2026, 1, 25))}, "cpt_group = 'E&M' AND decided_date >= '2026-01-25'"},
	} {
		must(w.Store.Claims(t.Context(), cedar.System(), f.filter, all))(t)
		statements[last()] = `SELECT count(*) FROM claims WHERE ` + f.plain
	}
	page := models.List[models.ClaimOrderField]{Page: models.Page{Limit: 20, Number: 7, Columns: []string{"id"}}}
	must(w.Store.Claims(t.Context(), cedar.System(), models.ClaimFilter{}, page))(t)
	paged := last()

	done := make(chan struct{})
	var group sync.WaitGroup
	for writer := range 2 {
		random := rand.New(rand.NewPCG(19, uint64(writer)))
		group.Go(func() {
			for file := range 12 {
				var text strings.Builder
				text.WriteString(amounts)
				for _, c := range scattered(cedar, upload.ID, random, 15) {
					_, _ = fmt.Fprintf(&text, "W%dF%dN%s,%s,99213,%s,%s,%s,100,,,\n", writer, file, c.ID.UUID(), strings.ReplaceAll(c.Payer, "'", ""), c.SubmittedDate, c.DecidedDate, c.Outcome)
				}
				if _, err := cedar.IngestText(text.String()); err != nil {
					t.Error(err)
				}
			}
		})
	}
	go func() { group.Wait(); close(done) }()
	rounds, totals := 0, map[string]bool{}
	for running := true; running; rounds++ {
		select {
		case <-done:
			running = false
		default:
		}
		err := pgx.BeginTxFunc(t.Context(), cedar.DB.App, pgx.TxOptions{IsoLevel: pgx.RepeatableRead}, func(tx pgx.Tx) error {
			if err := within(tx, cedar.Customer.ID); err != nil {
				return err
			}
			for ours, plain := range statements {
				got, err := answered(tx, ours)
				if err != nil {
					return fmt.Errorf("%w\n%s", err, ours)
				}
				want, err := answered(tx, plain)
				if err != nil {
					return err
				}
				equal(t, plain, want, got)
				if strings.HasSuffix(plain, "true") {
					totals[got[0]] = true
				}
			}
			want, err := answered(tx, `SELECT id FROM claims ORDER BY decided_date DESC, id DESC LIMIT 21 OFFSET 120`)
			if err != nil {
				return err
			}
			rows, err := tx.Query(t.Context(), paged)
			if err != nil {
				return err
			}
			found, err := pgx.CollectRows(rows, pgx.RowToMap)
			if err != nil {
				return err
			}
			got := []string{}
			for _, row := range found {
				got = append(got, models.ClaimID{}.From(row["id"].([16]byte)).UUID().String())
			}
			equal(t, "page 7", want, got)
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if len(totals) < 2 || slices.Contains([]int{0, 1}, rounds) {
		t.Errorf("%d rounds saw %d totals", rounds, len(totals))
	}
	equal(t, "claims in the end", int64(200+2*12*15), *must(w.Store.Claims(t.Context(), cedar.System(), models.ClaimFilter{}, all))(t).Total)
}
