package store_test

import (
	"context"
	"slices"
	"strings"
	"testing"

	"upstream/internal/factory"
	"upstream/models"
	"upstream/store"
)

// literals are values of every type that a column has, and of those whose text
// is easily misread.
func literals() []string {
	return []string{
		"true", "false", "7::int2", "-7::int4", "9223372036854775807::int8", "1.5::float4", "-2.25e300::float8",
		"'NaN'::float8", "'-Infinity'::float8", "12.30::numeric(12,2)", "'x''y\\z'::text", "''::varchar", "'ab'::char(4)",
		"'2026-02-28'::date", "'infinity'::date", "'2026-02-28 13:14:15.123456+02'::timestamptz", "'2026-02-28 13:14:15'::timestamp",
		`'{"a": [1, null]}'::jsonb`, `'{"b":1}'::json`, `'\x00ff10'::bytea`, "''::bytea",
		"'0190a5b2-0000-7000-8000-000000000001'::uuid", `ARRAY['a,b', NULL, '(c', '"']::text[]`, "ARRAY[]::text[]",
		"'10.0.0.0/8'::cidr", "26::oid", "'1 day'::interval", "NULL::text", "NULL::int4", "NULL::timestamptz", "NULL::text[]",
	}
}

// What is read without a transaction is read as within one.
func TestLook_ValuesAreThoseOfATransaction(t *testing.T) {
	t.Parallel()
	w := factory.New(t)
	v := w.Tenant("cedar").System()
	query := "SELECT " + strings.Join(literals(), ", ")
	answers := map[string][]any{}
	for name, run := range map[string]func(context.Context, *store.Store, models.Viewer, func(store.ExclusiveTx) error) error{
		"look": store.Looked, "transaction": store.Serializable,
	} {
		if err := run(t.Context(), w.Store, v, func(tx store.ExclusiveTx) (err error) {
			answers[name], err = tx.Values(t.Context(), query)
			return err
		}); err != nil {
			t.Fatal(err)
		}
	}
	equal(t, "number of values", len(literals()), len(answers["look"]))
	for i, literal := range literals() {
		if literal == "'NaN'::float8" {
			continue // is not equal to itself; its neighbours went the same way
		}
		equal(t, literal, answers["transaction"][i], answers["look"][i])
	}
}

// A read is one statement that carries its customer, and no other.
func TestLook_TakesOneRoundTrip(t *testing.T) {
	t.Parallel()
	w := factory.New(t)
	cedar := w.Tenant("cedar")
	upload := cedar.UploadRow()
	cedar.Insert(upload)
	seen := traced(w)
	ctx, stats := store.WithStats(t.Context())
	must(w.Store.Upload(ctx, cedar.System(), upload.ID))(t)
	equal(t, "statements counted", 1, stats.Statements())
	sent := seen.take()
	if len(sent) != 2 || !strings.Contains(sent[0].sql, "'app.customer_id', $1, true") || !strings.Contains(sent[1].sql, "uploads") {
		t.Fatalf("sent %+v", sent)
	}
	equal(t, "names the customer", []any{cedar.Customer.ID.UUID().String()}, sent[0].args)
}

func TestLook_CannotWrite(t *testing.T) {
	t.Parallel()
	w := factory.New(t)
	cedar := w.Tenant("cedar")
	upload := cedar.UploadRow()
	cedar.Insert(upload)
	for name, attempt := range map[string]func(store.ExclusiveTx) error{
		"exec": func(tx store.ExclusiveTx) error { return tx.Exec(t.Context(), `DELETE FROM uploads`) },
		"returning": func(tx store.ExclusiveTx) error {
			_, err := tx.Values(t.Context(), `DELETE FROM uploads RETURNING id`)
			return err
		},
		"within a query": func(tx store.ExclusiveTx) error {
			_, err := tx.Values(t.Context(), `WITH gone AS (DELETE FROM uploads RETURNING id) SELECT id FROM gone`)
			return err
		},
		"two statements": func(tx store.ExclusiveTx) error {
			_, err := tx.Values(t.Context(), `SELECT 1; DELETE FROM uploads`)
			return err
		},
		"the driver's connection": func(tx store.ExclusiveTx) error { return tx.Driver(t.Context()) },
	} {
		if err := store.Looked(t.Context(), w.Store, cedar.System(), attempt); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	equal(t, "uploads", int64(1), factory.Query[int64](cedar, `SELECT count(*) FROM uploads`))
}

// A line that a read leaves is in the log before the answer is out, and an
// answer whose line cannot be written is not given.
func TestLook_LeavesItsTrail(t *testing.T) {
	t.Parallel()
	w := factory.New(t)
	cedar := w.Tenant("cedar")
	upload := cedar.UploadRow()
	claim := cedar.ClaimRow(upload.ID)
	cedar.Insert(upload, claim)
	must(w.Store.Claim(t.Context(), cedar.System(), claim.ID))(t)
	equal(t, "lines", 1, audited(cedar, "claim_viewed"))

	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	seen := traced(w)
	seen.on(func(sql string) {
		if strings.HasPrefix(strings.ToLower(sql), "begin") {
			cancel()
		}
	})
	if c, err := w.Store.Claim(ctx, cedar.System(), claim.ID); err == nil || c != nil {
		t.Errorf("answered %v, %v without a line", c, err)
	}
	if !slices.ContainsFunc(seen.take(), func(s statement) bool { return strings.Contains(s.sql, `FROM "claims"`) }) {
		t.Error("the claim was not even read")
	}
	equal(t, "lines", 1, audited(cedar, "claim_viewed"))
}
