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

const detectRows = 300_000

// BenchmarkDetect runs a detection whose windows hold 300,000 claims and, as
// the reference, the plain aggregate that yields the same counts: outcomes by
// week and code, and decision times. "times-the-SQL" is the first over the second.
func BenchmarkDetect(b *testing.B) {
	world := factory.New(b)
	tenant := world.Tenant("bench")
	upload, err := tenant.Store.Ingest(context.Background(), tenant.System(),
		models.NewUpload{Filename: "claims.csv", Source: models.UploadSourceBatch}, harborFile(b, detectRows, 100))
	if err != nil || upload.AcceptedRowCount != detectRows {
		b.Fatalf("%+v: %v", upload, err)
	}
	conn, err := pgx.Connect(context.Background(), world.DB.OwnerURL)
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = conn.Close(context.Background()) }()
	if _, err := conn.Exec(context.Background(), `VACUUM ANALYZE claims`); err != nil {
		b.Fatal(err)
	}
	var ours, plain time.Duration
	b.ResetTimer()
	for range b.N {
		start := time.Now()
		run, err := tenant.Store.DetectDrift(context.Background(), tenant.System(), models.DetectInput{})
		ours += time.Since(start)
		if err != nil || run.TestCount == 0 {
			b.Fatalf("%+v: %v", run, err)
		}
		b.StopTimer()
		plain += plainAggregate(b, conn, tenant)
		b.StartTimer()
	}
	b.ReportMetric(ours.Seconds()*1e3/float64(b.N), "detect-ms")
	b.ReportMetric(plain.Seconds()*1e3/float64(b.N), "SQL-ms")
	b.ReportMetric(ours.Seconds()/plain.Seconds(), "times-the-SQL")
}

// plainAggregate is the best single statement we know for the counts a run
// needs, without tests, storage or transaction.
func plainAggregate(b *testing.B, conn *pgx.Conn, t *factory.Tenant) time.Duration {
	b.Helper()
	ctx := context.Background()
	if _, err := conn.Exec(ctx, `SELECT set_config('app.customer_id', '`+t.Customer.ID.UUID().String()+`', false), set_config('work_mem', '64MB', false)`); err != nil {
		b.Fatal(err)
	}
	today := factory.Today()
	start := time.Now()
	rows, err := conn.Query(ctx, fmt.Sprintf(`
		SELECT decided_date >= '%[2]s' AS is_current, decided_date - submitted_date AS days,
		    ((CASE WHEN decided_date >= '%[2]s' THEN date '%[3]s' ELSE date '%[2]s' END) - decided_date - 1) / 7 AS week,
		    payer, cpt_group, cpt,
		    count(*) FILTER (WHERE outcome = 'PAID'), count(*) FILTER (WHERE outcome = 'DENIED'),
		    count(*) FILTER (WHERE outcome = 'OTHER'),
		    count(coalesce(allowed_amount, billed_amount)) FILTER (WHERE decided_date >= '%[2]s'),
		    sum(coalesce(allowed_amount, billed_amount)) FILTER (WHERE decided_date >= '%[2]s')
		FROM claims
		WHERE customer_id = '%[4]s' AND decided_date >= '%[1]s' AND decided_date < '%[3]s'
		GROUP BY GROUPING SETS ((1, 3, 4, 5, 6), (1, 4, 5, 2))`,
		today.AddDays(-104), today.AddDays(-14), today, t.Customer.ID.UUID()), pgx.QueryExecModeExec)
	if err != nil {
		b.Fatal(err)
	}
	for rows.Next() {
	}
	if rows.Err() != nil {
		b.Fatal(rows.Err())
	}
	return time.Since(start)
}
