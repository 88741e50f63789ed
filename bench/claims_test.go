package bench

import (
	"context"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"upstream/internal/factory"
	"upstream/models"
)

// The sizes come from the environment, so that the defaults stay small enough
// for a machine that does other things:
//
//	UPSTREAM_BENCH_CLAIMS=10000000 UPSTREAM_BENCH_CUSTOMERS=1000 make bench
const (
	claimsVariable    = "UPSTREAM_BENCH_CLAIMS"
	customersVariable = "UPSTREAM_BENCH_CUSTOMERS"
)

// size is a number from the environment.
func size(b *testing.B, variable string, otherwise int) int {
	b.Helper()
	text := os.Getenv(variable)
	if text == "" {
		return otherwise
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 {
		b.Fatalf("%s is %q, not a number above 0", variable, text)
	}
	return n
}

// population is a customer's claims: how many, and over how many payers and
// groups of ten codes. A quarter of them is in the windows of a run with the
// default parameters: they were decided over four times 104 days up to today,
// in the order they are stored in, as files of claims arrive.
type population struct{ claims, payers, groups int }

// windowsShare is the share of a population in the windows.
const windowsShare = 4

// seedClaims writes populations without the program, which would take hours.
// Payers and codes are unequally busy; about 13 % of the claims are denied and
// 5 % neither paid nor denied; decisions take 2 to 90 days, half of them less
// than 9, and payments up to two weeks more. Indexes are built afterwards.
func seedClaims(b *testing.B, conn *pgx.Conn, p population, tenants ...*factory.Tenant) {
	b.Helper()
	ctx := context.Background()
	exec := func(query string, args ...any) {
		b.Helper()
		if _, err := conn.Exec(ctx, query, args...); err != nil {
			b.Fatalf("%v\n%s", err, query)
		}
	}
	rebuild := dropIndexes(b, conn)
	exec(`SELECT setseed(0.5)`)
	for _, t := range tenants {
		upload := t.UploadRow(func(u *models.Upload) { u.Filename = "seed.csv" })
		t.Insert(upload)
		exec(`SELECT set_config('app.customer_id', $1, false)`, t.Customer.ID.UUID().String())
		exec(seed, pgx.QueryExecModeExec, t.Customer.ID.UUID().String(), upload.ID.UUID().String(),
			p.claims, p.payers, p.groups, factory.Today().String(), windowsShare*104)
	}
	exec(`SET maintenance_work_mem = '512MB'`)
	for _, statement := range rebuild {
		exec(statement)
	}
	exec(`VACUUM ANALYZE claims`)
}

// seed writes the claims of customer $1: $3 of them over $4 payers and $5
// groups, decided in the $7 days before $6.
const seed = `
INSERT INTO claims (customer_id, id, upload_id, submitted_date, decided_date, payment_date, payer, cpt, cpt_group,
    outcome, billed_amount, allowed_amount, authorization_required, denial_reason_code)
SELECT $1::uuid, lpad(to_hex(i), 32, '0')::uuid, $2::uuid, day - wait, day, CASE WHEN outcome = 'PAID' THEN day + pay END,
    'Payer of region ' || payer, (10000 + 100 * grp + code)::text, 'Group ' || grp, outcome, amount,
    CASE WHEN outcome = 'PAID' AND missing > 0.03 THEN round(amount * 0.6, 2) END, auth < 0.15,
    CASE WHEN outcome = 'DENIED' THEN (ARRAY['CO-45', 'CO-197', '16', '50'])[1 + floor(4 * random())::int] END
FROM (
    SELECT i, $6::date - $7::int + (i * $7::bigint / $3::bigint)::int AS day,
        least(2 + floor(-9 * ln(1 - random()))::int, 90) AS wait, 2 + floor(12 * random())::int AS pay,
        1 + floor($4::int * random() * random())::int AS payer, 1 + floor($5::int * random())::int AS grp,
        floor(10 * random() * random())::int AS code, random() AS missing, random() AS auth,
        CASE WHEN fate < 0.13 THEN 'DENIED' WHEN fate < 0.18 THEN 'OTHER' ELSE 'PAID' END AS outcome,
        round((50 + 450 * random())::numeric, 2) AS amount
    FROM (SELECT i, random() AS fate FROM generate_series(0, $3::bigint - 1) i OFFSET 0) fated
    OFFSET 0
) drawn`

// dropIndexes drops what makes writing claims slow and answers the statements
// that bring the indexes back. The foreign key stays away: no detection asks
// for it, and checking it takes minutes.
func dropIndexes(b *testing.B, conn *pgx.Conn) []string {
	b.Helper()
	ctx := context.Background()
	if _, err := conn.Exec(ctx, `ALTER TABLE claims DROP CONSTRAINT IF EXISTS claims_customer_id_upload_id_fkey`); err != nil {
		b.Fatal(err)
	}
	rows, err := conn.Query(ctx, `SELECT 'DROP INDEX ' || indexrelid::regclass, pg_get_indexdef(indexrelid)
		FROM pg_index WHERE indrelid = 'claims'::regclass AND NOT indisprimary`)
	if err != nil {
		b.Fatal(err)
	}
	var drops, creates []string
	var drop, create string
	_, err = pgx.ForEachRow(rows, []any{&drop, &create}, func() error {
		drops, creates = append(drops, drop), append(creates, create)
		return nil
	})
	if err != nil {
		b.Fatal(err)
	}
	if _, err := conn.Exec(ctx, strings.Join(drops, ";")); err != nil {
		b.Fatal(err)
	}
	return creates
}

// milliseconds is the median.
func milliseconds(all []time.Duration) float64 {
	sorted := slices.Sorted(slices.Values(all))
	return sorted[len(sorted)/2].Seconds() * 1e3
}
