package bench

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"upstream/internal/factory"
	"upstream/models"
)

// BenchmarkRollups asks for the payer summary over 90 days and for the
// dashboard by REST, through the whole handler, of customers with 300,000 and
// with UPSTREAM_BENCH_CLAIMS claims of 60 payers, decided over 416 days. Beside
// it the database counts the claims themselves, by one statement for the
// summary and two for the dashboard. "times-cheaper" is the processor time of
// the second over that of the first, of this process and of PostgreSQL's
// backends together.
func BenchmarkRollups(b *testing.B) {
	for _, claims := range []int{300_000, size(b, claimsVariable, defaultClaims)} {
		b.Run(fmt.Sprintf("claims=%d", claims), func(b *testing.B) {
			world := factory.New(b)
			tenant := world.Tenant("bench")
			conn := owner(b, world)
			seedClaims(b, conn, population{claims: claims, payers: 60, groups: 15}, tenant)
			run := tenant.RunRow()
			tenant.Insert(run)
			for i := range 30 {
				tenant.Insert(tenant.EventRow(run.ID, fmt.Sprintf("Payer %03d", i)))
			}
			for _, table := range []string{"claim_days", "claim_payer_days", "claim_months", "drift_events"} {
				if _, err := conn.Exec(context.Background(), `VACUUM ANALYZE `+table); err != nil {
					b.Fatal(err)
				}
			}
			b.Run("summary", func(b *testing.B) {
				compareCounts(b, world, tenant, conn, "/api/v1/claims/payer_summary/", plainSummary())
			})
			b.Run("dashboard", func(b *testing.B) { compareCounts(b, world, tenant, conn, "/api/v1/dashboard/", plainDashboard()...) })
			b.Run("stats", func(b *testing.B) {
				compareCounts(b, world, tenant, conn, "/api/v1/claims/stats/?group_by=payer,month", plainStats)
			})
		})
	}
}

func plainSummary() string {
	today := factory.Today()
	return fmt.Sprintf(`SELECT payer, count(*), count(*) FILTER (WHERE outcome = 'PAID'), count(*) FILTER (WHERE outcome = 'DENIED'),
		count(*) FILTER (WHERE outcome = 'OTHER'), round(avg(allowed_amount), 2)
		FROM claims WHERE customer_id = $1 AND submitted_date BETWEEN '%s' AND '%s'
		GROUP BY payer ORDER BY 2 DESC, 1 LIMIT 50`, today.AddDays(-89), today)
}

func plainDashboard() []string {
	return []string{
		`SELECT count(*) FROM claims WHERE customer_id = $1`,
		fmt.Sprintf(`SELECT date_trunc('month', decided_date::timestamp), count(*), count(*) FILTER (WHERE outcome = 'DENIED')
			FROM claims WHERE customer_id = $1 AND decided_date >= '%s' GROUP BY 1 ORDER BY 1`, factory.Today().AddDays(-models.DashboardTrendDays)),
	}
}

const plainStats = `SELECT payer, date_trunc('month', decided_date::timestamp), count(*), count(*) FILTER (WHERE outcome = 'PAID'),
	count(*) FILTER (WHERE outcome = 'DENIED'), count(*) FILTER (WHERE outcome = 'OTHER'), sum(billed_amount), sum(allowed_amount), sum(paid_amount)
	FROM claims WHERE customer_id = $1 GROUP BY 1, 2 ORDER BY 1, 2 LIMIT 50`

// compareCounts measures both in turns, so that what else the machine does
// falls on both alike.
func compareCounts(b *testing.B, world *factory.World, tenant *factory.Tenant, conn *pgx.Conn, address string, plain ...string) {
	b.Helper()
	const asked = 100
	ctx := context.Background()
	customer := tenant.Customer.ID.UUID().String()
	settings := `SELECT set_config('app.customer_id', $1, false), set_config('max_parallel_workers_per_gather', '0', false)`
	if _, err := conn.Exec(ctx, settings, customer); err != nil {
		b.Fatal(err)
	}
	s := newService(b, world)
	bearer := string(tenant.APIKey(models.ScopeClaimsRead, models.ScopeDriftRead).Text)
	get := func() {
		r := httptest.NewRequest(http.MethodGet, address, nil)
		r.Header.Set("Authorization", "Bearer "+bearer)
		w := httptest.NewRecorder()
		if s.handler.ServeHTTP(w, r); w.Code != http.StatusOK {
			b.Fatalf("%d %s", w.Code, w.Body)
		}
	}
	count := func() {
		for _, statement := range plain {
			if _, err := conn.Exec(ctx, statement, customer); err != nil {
				b.Fatal(err)
			}
		}
	}
	get() // connections, statements and caches as they are later
	count()
	var answering, counting time.Duration
	for b.Loop() {
		answering += cpuOf(b, s.cpu, func() {
			for range asked {
				get()
			}
		})
		counting += cpuOf(b, s.cpu, func() {
			for range 3 {
				count()
			}
		})
	}
	one, other := answering.Seconds()/float64(b.N*asked), counting.Seconds()/float64(b.N*3)
	b.ReportMetric(one*1e3, "answer-CPU-ms")
	b.ReportMetric(other*1e3, "plain-CPU-ms")
	b.ReportMetric(other/one, "times-cheaper")
}
