package seed

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"upstream/models"
)

// perStatement is how many claims one statement makes: enough that its cost does
// not show, few enough that the triggers' memory stays small.
const perStatement = 250_000

// rejectedEvery is how many files come to one with rows that were rejected, and
// rejectedRows how many those are.
const (
	rejectedEvery = 8
	rejectedRows  = 3
)

// files are the uploads that claims came in: as many as there are weeks.
type files struct {
	claims, count int
	ids           []string
}

// from is the position of the first claim of a file.
func (f files) from(file int) int { return (file*f.claims + f.count - 1) / f.count }

// writer stores the claims of one customer in one transaction.
type writer struct {
	tx       pgx.Tx
	o        Options
	customer models.CustomerID
	book     book
	files    files
}

// write stores uploads and claims, all or none.
func (o Options) write(ctx context.Context, t Target, customer models.CustomerID, b book, ids *ids) error {
	f := files{claims: o.Claims, count: min(max(o.Days/7, 1), o.Claims)}
	for range f.count {
		f.ids = append(f.ids, ids.next().String())
	}
	return pgx.BeginFunc(ctx, t.Owner, func(tx pgx.Tx) error {
		_, err := tx.Exec(ctx, `SELECT set_config('app.customer_id', $1, true), set_config('statement_timeout', '0', true),
			set_config('synchronous_commit', 'off', true), setseed($2)`, customer.UUID().String(), ids.random.Float64())
		if err != nil {
			return err
		}
		w := writer{tx: tx, o: o, customer: customer, book: b, files: f}
		if err := w.uploads(ctx); err != nil {
			return fmt.Errorf("uploads: %w", err)
		}
		for from := 0; from < o.Claims; from += perStatement {
			if err := w.claims(ctx, from, min(from+perStatement, o.Claims)); err != nil {
				return fmt.Errorf("claims from %d on: %w", from, err)
			}
		}
		return nil
	})
}

// first is the first day that claims were decided on.
func (o Options) first() models.Date { return o.Today.AddDays(-o.Days) }

// day is the day that a claim is decided on: they are stored in that order.
func (o Options) day(position int) models.Date {
	return o.first().AddDays(position * o.Days / o.Claims)
}

func (w writer) uploads(ctx context.Context) error {
	batch := &pgx.Batch{}
	for i, id := range w.files.ids {
		from, until := w.files.from(i), w.files.from(i+1)
		last := w.o.day(until - 1)
		rejected := 0
		if i%rejectedEvery == rejectedEvery-1 {
			rejected = rejectedRows
		}
		batch.Queue(insertUpload, w.customer.UUID(), id, fmt.Sprintf("claims-%s.csv", last), w.o.day(from).String(), last.String(),
			until-from, rejected)
		if rejected > 0 {
			batch.Queue(insertRejections, w.customer.UUID(), id, until-from, rejected)
		}
	}
	return w.tx.SendBatch(ctx, batch).Close()
}

const insertUpload = `
INSERT INTO uploads (customer_id, id, filename, status, uploaded_at, processing_started_at, processing_completed_at,
    date_min, date_max, row_count, accepted_row_count, rejected_row_count, missing_fields, rows_read,
    file_size_bytes, bytes_read, file_hash, upload_source, created_at, updated_at)
SELECT $1::uuid, $2::uuid, $3::text, CASE WHEN $7::bigint > 0 THEN 'partial' ELSE 'success' END, at, at, at + interval '2 s',
    $4::text::date, $5::text::date, $6::bigint + $7::bigint, $6::bigint, $7::bigint, $7::bigint, $6::bigint + $7::bigint,
    110 * $6::bigint, 110 * $6::bigint, encode(sha256(convert_to($2::text, 'UTF8')), 'hex'), 'batch', at, at
FROM (SELECT ($5::text::date + 1)::timestamp AT TIME ZONE 'UTC' AS at) a`

const insertRejections = `
INSERT INTO upload_rejections (customer_id, upload_id, row_number, column_name, code, message)
SELECT $1::uuid, $2::uuid, $3::bigint + i, 'payer', 'required', 'is required' FROM generate_series(1, $4::int) i`

func (w writer) claims(ctx context.Context, from, until int) error {
	b := w.book
	_, err := w.tx.Exec(ctx, insertClaims, w.customer.UUID(), from, until-1, w.o.Claims, w.o.Days, w.o.first().String(),
		w.files.ids, b.payers, b.payerUntil, b.denial, b.denialNow, b.wait, b.waitNow, b.fee, b.feeNow,
		b.codes, b.groups, b.codeUntil, b.price, shiftDays, fmt.Sprintf("%s %d ", w.o.Slug, w.o.Seed))
	return err
}

// shiftDays is since how many days the shifts hold: the current window of a run.
const shiftDays = models.DefaultCurrentDays

// insertClaims makes the claims $2 to $3 of $4 of customer $1, decided over $5
// days from $6 on. Identifiers are UUIDs of version 7 whose time is that of the
// decision, as if each file had come the day after. OFFSET 0 keeps what was
// drawn from being drawn again for each mention.
const insertClaims = `
INSERT INTO claims (customer_id, id, upload_id, source_row_number, claim_number, submitted_date, decided_date, payment_date,
    payer, cpt, cpt_group, outcome, billed_amount, allowed_amount, paid_amount, denial_reason_code,
    authorization_required, authorization_obtained, authorization_number, data_quality_score, submitted_via,
    source_data_hash, processed_at)
SELECT $1::uuid,
    (lpad(to_hex((extract(epoch FROM $6::text::date + 1) * 1000)::bigint + i * ($5::bigint * 86400000) / $4::bigint), 12, '0')
        || '7' || substr(hex, 1, 3) || '8' || substr(hex, 4, 15))::uuid,
    ($7::uuid[])[file + 1], i - (file * $4::bigint + cardinality($7::uuid[]) - 1) / cardinality($7::uuid[]) + 1,
    'C' || lpad(i::text, 10, '0'), day - wait, day, CASE WHEN outcome = 'PAID' THEN day + pay END,
    ($8::text[])[payer], ($16::text[])[code], ($17::text[])[code], outcome, billed,
    CASE WHEN outcome = 'PAID' THEN round(billed * fee, 2) END, CASE WHEN outcome = 'PAID' THEN round(billed * fee * 0.9, 2) END,
    CASE WHEN outcome <> 'DENIED' THEN NULL WHEN auth AND NOT obtained THEN 'CO-197'
        ELSE (ARRAY['CO-16', 'CO-16', 'CO-45', 'CO-50', 'CO-97', 'CO-29', 'CO-18'])[why] END,
    auth, auth AND obtained, CASE WHEN auth AND obtained THEN 'A' || substr(hex, 1, 10) END, 1, 'batch_import', hash,
    (day + 1)::timestamp AT TIME ZONE 'UTC'
FROM (
    SELECT p.*, encode(p.hash, 'hex') AS hex,
        least(2 + floor(-ln(1 - p.r_wait) * (CASE WHEN p.now THEN $13::float8[] ELSE $12::float8[] END)[p.payer])::int, 120) AS wait,
        CASE WHEN p.r_fate < (CASE WHEN p.now THEN $11::float8[] ELSE $10::float8[] END)[p.payer] THEN 'DENIED'
            WHEN p.r_fate > 0.97 THEN 'OTHER' ELSE 'PAID' END AS outcome,
        round((($19::float8[])[p.code] * (0.6 + 0.8 * p.r_price))::numeric, 2) AS billed,
        (CASE WHEN p.now THEN $15::float8[] ELSE $14::float8[] END)[p.payer]::numeric AS fee
    FROM (
        SELECT i, i * cardinality($7::uuid[]) / $4::bigint AS file,
            $6::text::date + (i * $5::bigint / $4::bigint)::int AS day,
            i * $5::bigint / $4::bigint >= $5::bigint - $20::bigint AS now,
            width_bucket(random(), $9::float8[]) AS payer, width_bucket(random(), $18::float8[]) AS code,
            random() AS r_wait, random() AS r_fate, random() AS r_price, random() < 0.15 AS auth, random() < 0.93 AS obtained,
            1 + floor(7 * random())::int AS why, 2 + floor(12 * random())::int AS pay,
            sha256(convert_to($21::text || i, 'UTF8')) AS hash
        FROM generate_series($2::bigint, $3::bigint) i
        OFFSET 0
    ) p
    OFFSET 0
) drawn`
