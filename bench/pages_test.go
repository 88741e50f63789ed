package bench

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"upstream/internal/factory"
	"upstream/models"
)

// BenchmarkPages reads pages of 50 of a list of UPSTREAM_BENCH_CLAIMS claims:
// by numbers far apart, by "last", by a cursor as deep as the deepest number,
// and filtered by a code that a tenth of the claims have. "page-ms" is the time
// of the store's whole answer without the total, "offset-ms" that of the same
// rows by a plain OFFSET, and "times-offset" their ratio. The first page also
// tells "count-ms", what the total adds.
func BenchmarkPages(b *testing.B) {
	world := factory.New(b)
	tenant := world.Tenant("bench")
	conn := owner(b, world)
	claims := size(b, claimsVariable, defaultClaims)
	seedClaims(b, conn, population{claims: claims, payers: 60, groups: 15}, tenant)
	const limit = models.DefaultPageSize
	for _, number := range []int{1, 1_000, 20_000} {
		if number*limit > claims {
			continue
		}
		b.Run(fmt.Sprintf("number=%d", number), func(b *testing.B) {
			comparePage(b, conn, tenant, number)
		})
	}
	b.Run("last", func(b *testing.B) {
		timePages(b, tenant, models.ClaimFilter{}, models.Page{Last: true, Limit: limit})
	})
	deepest := min(20_000, claims/limit)
	b.Run("cursor", func(b *testing.B) {
		page := readPage(b, tenant, models.ClaimFilter{}, models.Page{Number: deepest, Limit: limit})
		timePages(b, tenant, models.ClaimFilter{}, models.Page{After: page.Cursors[0], Limit: limit})
	})
	b.Run("filtered", func(b *testing.B) {
		timePages(b, tenant, models.ClaimFilter{Outcome: new(models.OutcomeDenied)}, models.Page{Number: max(1, deepest/10), Limit: limit})
	})
}

// comparePage measures a page by number and the same by a plain OFFSET in turns.
func comparePage(b *testing.B, conn *pgx.Conn, tenant *factory.Tenant, number int) {
	b.Helper()
	page := models.Page{Number: number, Limit: models.DefaultPageSize}
	readPage(b, tenant, models.ClaimFilter{}, page) // reads what the first to come has to read from disk
	plainOffset(b, conn, tenant, page)
	var ours, plain, counted []time.Duration
	for b.Loop() {
		start := time.Now()
		readPage(b, tenant, models.ClaimFilter{}, page)
		ours = append(ours, time.Since(start))
		plain = append(plain, plainOffset(b, conn, tenant, page))
		if number == 1 {
			withTotal := page
			withTotal.WantTotal = true
			start = time.Now()
			readPage(b, tenant, models.ClaimFilter{}, withTotal)
			counted = append(counted, time.Since(start)-ours[len(ours)-1])
		}
	}
	b.ReportMetric(milliseconds(ours), "page-ms")
	b.ReportMetric(milliseconds(plain), "offset-ms")
	b.ReportMetric(milliseconds(ours)/milliseconds(plain), "times-offset")
	if number == 1 {
		b.ReportMetric(milliseconds(counted), "count-ms")
	}
}

func timePages(b *testing.B, tenant *factory.Tenant, f models.ClaimFilter, page models.Page) {
	b.Helper()
	readPage(b, tenant, f, page)
	var all []time.Duration
	for b.Loop() {
		start := time.Now()
		readPage(b, tenant, f, page)
		all = append(all, time.Since(start))
	}
	b.ReportMetric(milliseconds(all), "page-ms")
}

func readPage(b *testing.B, t *factory.Tenant, f models.ClaimFilter, page models.Page) *models.Rows[*models.Claim] {
	b.Helper()
	rows, err := t.Store.Claims(context.Background(), t.System(), f, models.List[models.ClaimOrderField]{Page: page})
	if err != nil || len(rows.Items) == 0 {
		b.Fatalf("%+v: %v", page, err)
	}
	return rows
}

// listedColumns are those that the list shows.
const listedColumns = `customer_id, id, upload_id, claim_number, line_number, payer, cpt, cpt_group, submitted_date, decided_date, outcome,
	billed_amount, allowed_amount, paid_amount, denial_reason_code, denial_reason_text, payment_date, authorization_required,
	authorization_obtained, authorization_number, modifier_codes, diagnosis_codes, procedure_count, data_quality_score,
	submitted_via, source_row_number, processed_at`

// plainOffset times the reference: the page by OFFSET over whole rows, read and
// thrown away.
func plainOffset(b *testing.B, conn *pgx.Conn, t *factory.Tenant, page models.Page) time.Duration {
	b.Helper()
	ctx := context.Background()
	if _, err := conn.Exec(ctx, `SELECT set_config('app.customer_id', $1, false)`, t.Customer.ID.UUID().String()); err != nil {
		b.Fatal(err)
	}
	start := time.Now()
	rows, err := conn.Query(ctx, fmt.Sprintf(`SELECT %s FROM claims WHERE customer_id = '%s' ORDER BY decided_date DESC, id DESC LIMIT %d OFFSET %d`,
		listedColumns, t.Customer.ID.UUID(), page.Limit+1, (page.Number-1)*page.Limit), pgx.QueryExecModeExec)
	if err != nil {
		b.Fatal(err)
	}
	found := 0
	for rows.Next() {
		found++
	}
	if rows.Err() != nil || found == 0 {
		b.Fatal(found, rows.Err())
	}
	return time.Since(start)
}
