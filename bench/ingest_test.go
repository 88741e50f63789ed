package bench

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"upstream/internal/demo"
	"upstream/internal/factory"
	"upstream/models"
)

const ingestRows = 200_000

// harborFile writes n good claims that span days up to the factory's today.
func harborFile(b *testing.B, n, days int) *os.File {
	b.Helper()
	file, err := os.Create(filepath.Join(b.TempDir(), "claims.csv"))
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = file.Close() })
	harbor := demo.Harbor{Seed: demo.HarborSeed, Today: factory.Today(), Claims: n, Days: days}
	if err := harbor.WriteCSV(file); err != nil {
		b.Fatal(err)
	}
	if _, err := file.Seek(0, 0); err != nil {
		b.Fatal(err)
	}
	return file
}

// BenchmarkIngest reads a claims file through the store and, as the reference,
// copies the very rows that were stored into a table with the same indexes.
// "share-of-COPY" is rows per second of the first over the second. The same
// file is read by another customer of whom no roll-ups are kept:
// "rollups-%" is the time that keeping them adds.
func BenchmarkIngest(b *testing.B) {
	var ours, bare, raw time.Duration
	for i := range b.N {
		file := harborFile(b, ingestRows, 240)
		for turn := range 2 { // each goes first as often as the other
			world := factory.New(b)
			tenant := world.Tenant(fmt.Sprintf("bench%d", i))
			if (i+turn)%2 == 1 {
				if _, err := world.DB.Owner.Exec(context.Background(), `ALTER TABLE claims DISABLE TRIGGER claims_roll_up`); err != nil {
					b.Fatal(err)
				}
				bare += ingestion(b, tenant, file)
				continue
			}
			ours += ingestion(b, tenant, file)
			raw += copyAgain(b, tenant)
		}
	}
	rows := float64(b.N) * ingestRows
	b.ReportMetric(rows/ours.Seconds(), "rows/s")
	b.ReportMetric(rows/raw.Seconds(), "COPY-rows/s")
	b.ReportMetric(raw.Seconds()/ours.Seconds(), "share-of-COPY")
	b.ReportMetric(100*(ours.Seconds()/bare.Seconds()-1), "rollups-%")
}

// ingestion times the reading of a file of which every row is good.
func ingestion(b *testing.B, t *factory.Tenant, file *os.File) time.Duration {
	b.Helper()
	if _, err := file.Seek(0, 0); err != nil {
		b.Fatal(err)
	}
	start := time.Now()
	upload, err := t.Store.Ingest(context.Background(), t.System(), models.NewUpload{Filename: "claims.csv", Source: models.UploadSourceBatch}, file)
	taken := time.Since(start)
	if err != nil || upload.AcceptedRowCount != ingestRows {
		b.Fatalf("%+v: %v", upload, err)
	}
	return taken
}

const claimColumns = `customer_id, id, upload_id, source_row_number, submitted_date, decided_date, payment_date,
	line_number, procedure_count, authorization_required, authorization_obtained, claim_number, payer, cpt, cpt_group,
	outcome, billed_amount, allowed_amount, paid_amount, denial_reason_code, denial_reason_text, authorization_number,
	modifier_codes, diagnosis_codes, data_quality_score, submitted_via, source_data_hash, processed_at`

// copyAgain times COPY of the stored rows, in the file's order, into a table
// with the same columns, checks and indexes.
func copyAgain(b *testing.B, t *factory.Tenant) time.Duration {
	b.Helper()
	ctx := context.Background()
	conn, err := pgx.Connect(ctx, t.DB.OwnerURL)
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = conn.Close(ctx) }()
	exec := func(query string) {
		if _, err := conn.Exec(ctx, query); err != nil {
			b.Fatal(err)
		}
	}
	exec(`SELECT set_config('app.customer_id', '` + t.Customer.ID.UUID().String() + `', false)`)
	exec(`CREATE TABLE claims_copy (LIKE claims INCLUDING ALL)`)
	var text bytes.Buffer
	_, err = conn.PgConn().CopyTo(ctx, &text, `COPY (SELECT `+claimColumns+` FROM claims ORDER BY source_row_number) TO STDOUT (FORMAT binary)`)
	if err != nil {
		b.Fatal(err)
	}
	start := time.Now()
	if _, err := conn.PgConn().CopyFrom(ctx, &text, `COPY claims_copy (`+claimColumns+`) FROM STDIN (FORMAT binary)`); err != nil {
		b.Fatal(err)
	}
	return time.Since(start)
}
