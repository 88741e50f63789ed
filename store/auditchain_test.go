package store_test

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/jackc/pgx/v5"
	"pgregory.net/rapid"

	"upstream/internal/factory"
	"upstream/internal/postgres"
	"upstream/migrations"
	"upstream/models"
	"upstream/store"
)

// proven verifies a chain that must hold and answers with its end.
func proven(t tester, s *store.Store, customer models.CustomerID) models.AuditAnchor {
	t.Helper()
	report := must(s.VerifyAudit(context.Background(), customer, nil))(t)
	if report.Fault != nil {
		t.Fatalf("line %d: %s", report.Fault.Seq, report.Fault.Reason)
	}
	equal(t, "lines and head", report.Lines, report.Head.Seq)
	return report.Head
}

func TestAuditChain_ConcurrentWriters(t *testing.T) {
	t.Parallel()
	w := factory.New(t)
	cedar, harbor := w.Tenant("cedar"), w.Tenant("harbor")
	upload := must(cedar.IngestText(header + line("C1", "Aetna")))(t)
	claim := must(w.Store.Claims(t.Context(), cedar.System(), models.ClaimFilter{Upload: &upload.ID}, everyRow[models.ClaimOrderField]()))(t).Items[0]
	reader := cedar.User(models.RoleViewer)
	before := proven(t, w.Store, cedar.Customer.ID)
	const writers, rounds = 32, 5
	var wg sync.WaitGroup
	for i := range writers {
		wg.Go(func() {
			for j := range rounds {
				name := fmt.Sprintf("raw %d %d", i, j)
				_, err := w.Store.CreatePayerMapping(t.Context(), cedar.System(), models.NewPayerMapping{RawName: name, NormalizedName: "Aetna"})
				if err != nil {
					t.Errorf("mapping: %v", err)
				}
				if _, err := w.Store.Claim(t.Context(), reader, claim.ID); err != nil {
					t.Errorf("claim: %v", err)
				}
				// Two chains in one transaction, of which others take one or the other.
				tenant := []*factory.Tenant{cedar, harbor}[i%2]
				if _, err := w.Store.CreateUser(t.Context(), tenant.Customer.ID, newUser(fmt.Sprintf("u%d.%d@x.test", i, j))); err != nil {
					t.Errorf("user: %v", err)
				}
				if err := store.AuditSignIn(t.Context(), w.Store, reader); err != nil {
					t.Errorf("sign-in: %v", err)
				}
			}
		})
	}
	wg.Wait()
	after := proven(t, w.Store, cedar.Customer.ID)
	equal(t, "lines of cedar", before.Seq+writers*rounds*3+writers*rounds/2, after.Seq)
	equal(t, "lines of harbor", int64(writers*rounds/2), proven(t, w.Store, harbor.Customer.ID).Seq)
	// Two customers, the reader and the others.
	equal(t, "lines of the platform", int64(3+writers*rounds), proven(t, w.Store, models.CustomerID{}).Seq)
	equal(t, "heads kept", 1, factory.Query[int](cedar, `SELECT count(*) FROM audit_heads`))
}

// Detections are serializable and long; looking at a claim and uploading append
// to the same chain all the while. Neither may fail, nor be tried twice, because
// of the log. The pool is so small that a second connection taken from it
// would never come.
func TestAuditChain_DetectionsBesideAuditedWork(t *testing.T) {
	t.Parallel()
	w := factory.New(t)
	var log buffer
	w.Store = w.StoreWith(w.Pool(postgres.PoolOptions{MaxConns: 3}), store.Options{Logger: log.logger()})
	cedar := w.Tenant("cedar")
	cedar.Drifting()
	claim := must(w.Store.Claims(t.Context(), cedar.System(), models.ClaimFilter{}, models.List[models.ClaimOrderField]{Page: models.Page{Limit: 1}}))(t).Items[0]
	const detections = 6
	var done atomic.Bool
	var viewed, uploaded atomic.Int32
	var others, runs sync.WaitGroup
	for i := range 4 {
		others.Go(func() {
			for n := 0; !done.Load(); n++ {
				if _, err := w.Store.Claim(t.Context(), cedar.System(), claim.ID); err != nil {
					t.Errorf("view: %v", err)
				}
				viewed.Add(1)
				if n%5 != 0 {
					continue
				}
				if _, err := cedar.IngestText(header + line(fmt.Sprintf("N%d-%d", i, n), "Aetna")); err != nil {
					t.Errorf("upload: %v", err)
				}
				uploaded.Add(1)
			}
		})
	}
	for range detections {
		runs.Go(func() {
			if _, err := w.Store.DetectDrift(t.Context(), cedar.System(), models.DetectInput{}); err != nil {
				t.Errorf("detection: %v", err)
			}
		})
	}
	runs.Wait()
	done.Store(true)
	others.Wait()
	proven(t, w.Store, cedar.Customer.ID)
	equal(t, "runs, views and uploads in the log", []int{detections, int(viewed.Load()), int(uploaded.Load()) + 1}, []int{
		audited(cedar, "report_run_completed"), audited(cedar, "claim_viewed"), audited(cedar, "upload_created"),
	})
	if strings.Contains(log.String(), "trying again") {
		t.Errorf("serialization failures:\n%s", log.String())
	}
}

// A serializable transaction appends after a line that its snapshot lacks.
func TestAuditChain_HeadNewerThanTheSnapshot(t *testing.T) {
	t.Parallel()
	cedar := factory.New(t).Tenant("cedar")
	ctx, s, v := t.Context(), cedar.Store, cedar.System()
	note := func(store.ExclusiveTx) error { return nil }
	err := store.Serializable(ctx, s, v, func(tx store.ExclusiveTx) error {
		if _, err := tx.Count(ctx, `SELECT count(*) FROM audit_heads`); err != nil {
			return err
		}
		for range 3 {
			if err := store.Audited(ctx, s, v, nil, note); err != nil {
				return err
			}
		}
		if n, err := tx.Count(ctx, `SELECT count(*) FROM audit_heads`); n != 0 || err != nil {
			t.Errorf("the snapshot sees %d heads, %v", n, err)
		}
		return tx.Audit(ctx)
	})
	if err != nil {
		t.Fatal(err)
	}
	equal(t, "lines", int64(4), proven(t, s, cedar.Customer.ID).Seq)
	// What the serializable one could not remove, the next writer does.
	if err := store.Audited(ctx, s, v, nil, note); err != nil {
		t.Fatal(err)
	}
	equal(t, "lines", int64(5), proven(t, s, cedar.Customer.ID).Seq)
	equal(t, "heads", 1, factory.Query[int](cedar, `SELECT count(*) FROM audit_heads`))
}

// Who holds the customer's row and then appends, and who appends and by its
// foreign key needs that row, must not wait for each other.
func TestAuditChain_BesideChangesOfTheCustomer(t *testing.T) {
	t.Parallel()
	cedar := factory.New(t).Tenant("cedar")
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			for j := range 20 {
				err := store.Audited(t.Context(), cedar.Store, cedar.System(), nil, func(tx store.ExclusiveTx) error {
					if i%2 == 0 {
						return nil
					}
					return tx.Exec(t.Context(), `UPDATE customers SET name = ?`, fmt.Sprintf("Clinic %d %d", i, j))
				})
				if err != nil {
					t.Errorf("%v", err)
				}
			}
		})
	}
	wg.Wait()
	equal(t, "lines", int64(160), proven(t, cedar.Store, cedar.Customer.ID).Seq)
}

func TestAuditChain_RollbackLeavesNoLine(t *testing.T) {
	t.Parallel()
	cedar := factory.New(t).Tenant("cedar")
	err := store.Audited(t.Context(), cedar.Store, cedar.System(), nil, func(store.ExclusiveTx) error {
		return models.NotFound("anything")
	})
	wantCode(t, err, models.CodeNotFound)
	equal(t, "lines", int64(0), proven(t, cedar.Store, cedar.Customer.ID).Seq)
}

// Whatever a line says, it must hash the same after PostgreSQL has stored it:
// jsonb reorders members and rewrites numbers, timestamptz drops nanoseconds.
func TestAuditChain_AnyContentVerifies(t *testing.T) {
	t.Parallel()
	cedar := factory.New(t).Tenant("cedar")
	text := rapid.StringOfN(rapid.RuneFrom([]rune("aZ\"\\/\b\f\n\r\t\u0001\u001f\u007f<&é\u2028日😀")), 0, 8, -1)
	scalar := rapid.OneOf(
		rapid.Map(text, func(s string) any { return s }),
		rapid.Map(rapid.Float64Range(-1e30, 1e30), func(f float64) any { return f }),
		rapid.Map(rapid.Float64Range(-1e-9, 1e-9), func(f float64) any { return f }),
		rapid.Map(rapid.Int64(), func(n int64) any { return n }),
		rapid.SampledFrom([]any{nil, true, false, 0.1, 1e21, math.Copysign(0, -1), json.Number("1.500"), json.Number("-0"), json.Number("1E-7")}),
	)
	value := rapid.OneOf(scalar,
		rapid.Map(rapid.SliceOfN(scalar, 0, 3), func(l []any) any { return l }),
		rapid.Map(rapid.MapOfN(text, scalar, 0, 3), func(m map[string]any) any { return m }))
	lines := int64(0)
	rapid.Check(t, func(rt *rapid.T) {
		metadata := rapid.MapOfN(text, value, 0, 4).Draw(rt, "metadata")
		v := cedar.System()
		v.Email, v.RequestID, v.RemoteAddr = text.Draw(rt, "actor"), text.Draw(rt, "request"), text.Draw(rt, "address")
		if err := store.Audited(t.Context(), cedar.Store, v, metadata, func(store.ExclusiveTx) error { return nil }); err != nil {
			rt.Fatal(err)
		}
		lines++
		equal(rt, "lines", lines, proven(rt, cedar.Store, cedar.Customer.ID).Seq)
	})
}

// tamper changes the log as its owner can once the triggers are off.
func tamper(t testing.TB, tenant *factory.Tenant, statements ...string) {
	t.Helper()
	ctx := context.Background()
	err := pgx.BeginFunc(ctx, tenant.DB.Owner, func(tx pgx.Tx) error {
		if err := within(tx, tenant.Customer.ID); err != nil {
			return err
		}
		for _, s := range append(append([]string{`ALTER TABLE audit_events DISABLE TRIGGER USER`}, statements...),
			`ALTER TABLE audit_events ENABLE TRIGGER USER`) {
			if _, err := tx.Exec(ctx, s); err != nil {
				return fmt.Errorf("%s: %w", s, err)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestVerifyAudit_FindsEveryTampering(t *testing.T) {
	t.Parallel()
	const copied = `INSERT INTO audit_events SELECT (jsonb_populate_record(x, jsonb_build_object('id', gen_random_uuid(), 'seq', 13))).*
		FROM audit_events x WHERE seq = 12`
	for name, tt := range map[string]struct {
		statements []string
		seq        int64
		reason     string
	}{
		"an action":             {[]string{`UPDATE audit_events SET action = 'nothing' WHERE seq = 5`}, 5, "content is not what was hashed"},
		"an actor":              {[]string{`UPDATE audit_events SET actor = 'somebody' WHERE seq = 5`}, 5, "content is not"},
		"a user":                {[]string{`UPDATE audit_events SET user_id = NULL WHERE seq = 5`}, 5, "content is not"},
		"a time, by 1 µs":       {[]string{`UPDATE audit_events SET occurred_at = occurred_at + interval '1 microsecond' WHERE seq = 5`}, 5, "content is not"},
		"an address":            {[]string{`UPDATE audit_events SET remote_addr = '192.0.2.1' WHERE seq = 5`}, 5, "content is not"},
		"a detail":              {[]string{`UPDATE audit_events SET metadata = '{"n": 40}' WHERE seq = 5`}, 5, "content is not"},
		"a detail set to null":  {[]string{`UPDATE audit_events SET after = '{}' WHERE seq = 5`}, 5, "content is not"},
		"a hash":                {[]string{`UPDATE audit_events SET hash = sha256('x') WHERE seq = 5`}, 5, "content is not"},
		"a link":                {[]string{`UPDATE audit_events SET prev_hash = sha256('x') WHERE seq = 5`}, 5, "link does not lead"},
		"a line and its hash":   {[]string{`UPDATE audit_events SET action = 'x', hash = sha256('x') WHERE seq = 5`}, 5, "content is not"},
		"a line removed":        {[]string{`DELETE FROM audit_events WHERE seq = 5`}, 5, "line 5 is missing"},
		"lines removed":         {[]string{`DELETE FROM audit_events WHERE seq BETWEEN 5 AND 7`}, 5, "lines 5 to 7 are missing"},
		"removed and closed up": {[]string{`DELETE FROM audit_events WHERE seq = 5`, `UPDATE audit_events SET seq = 5 WHERE seq = 6`}, 5, "link does not lead"},
		"the first removed":     {[]string{`DELETE FROM audit_events WHERE seq = 1`}, 1, "line 1 is missing"},
		"the last removed":      {[]string{`DELETE FROM audit_events WHERE seq = 12`}, 12, "missing at the end: the head is line 12"},
		"the end removed":       {[]string{`DELETE FROM audit_events WHERE seq > 3`}, 4, "missing at the end"},
		"all removed":           {[]string{`DELETE FROM audit_events`}, 1, "missing at the end"},
		"the end and the head":  {[]string{`DELETE FROM audit_events WHERE seq > 3`, `DELETE FROM audit_heads`}, 1, "past the head"},
		"two changed places": {[]string{
			`UPDATE audit_events SET seq = 99 WHERE seq = 5`, `UPDATE audit_events SET seq = 5 WHERE seq = 6`,
			`UPDATE audit_events SET seq = 6 WHERE seq = 99`,
		}, 5, "link does not lead"},
		"a line added":     {[]string{copied}, 13, "link does not lead"},
		"the head's hash":  {[]string{`UPDATE audit_heads SET hash = sha256('x')`}, 12, "the head names another hash"},
		"the head's place": {[]string{`UPDATE audit_heads SET seq = 40`}, 13, "missing at the end: the head is line 40"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cedar := chained(t, 12)
			tamper(t, cedar, tt.statements...)
			report := must(cedar.Store.VerifyAudit(t.Context(), cedar.Customer.ID, nil))(t)
			if report.Fault == nil || report.Fault.Seq != tt.seq || !strings.Contains(report.Fault.Reason, tt.reason) {
				t.Errorf("fault = %+v", report.Fault)
			}
			equal(t, "no end is claimed", models.AuditAnchor{}, report.Head)
			if platform := must(cedar.Store.VerifyAudit(t.Context(), models.CustomerID{}, nil))(t); platform.Fault != nil {
				t.Errorf("the platform's chain: %+v", platform.Fault)
			}
		})
	}
}

// chained is a customer whose chain has n lines by a user.
func chained(t *testing.T, n int) *factory.Tenant {
	t.Helper()
	cedar := factory.New(t).Tenant("cedar")
	v := cedar.User(models.RoleOwner) // one line: member_added
	for i := range n - 1 {
		if err := store.Audited(t.Context(), cedar.Store, v, map[string]any{"n": i}, func(store.ExclusiveTx) error { return nil }); err != nil {
			t.Fatal(err)
		}
	}
	equal(t, "lines", int64(n), proven(t, cedar.Store, cedar.Customer.ID).Seq)
	return cedar
}

// Who owns the tables can cut lines and head alike, and only what was noted
// elsewhere shows it.
func TestVerifyAudit_Anchor(t *testing.T) {
	t.Parallel()
	cedar := chained(t, 12)
	id := cedar.Customer.ID
	anchor := proven(t, cedar.Store, id)
	if err := store.Audited(t.Context(), cedar.Store, cedar.System(), nil, func(store.ExclusiveTx) error { return nil }); err != nil {
		t.Fatal(err)
	}
	if report := must(cedar.Store.VerifyAudit(t.Context(), id, &anchor))(t); report.Fault != nil {
		t.Errorf("a chain that grew: %+v", report.Fault)
	}
	other := models.AuditAnchor{Seq: 12, Hash: make([]byte, 32)}
	report := must(cedar.Store.VerifyAudit(t.Context(), id, &other))(t)
	if report.Fault == nil || report.Fault.Seq != 12 || !strings.Contains(report.Fault.Reason, "rewritten") {
		t.Errorf("a chain rewritten: %+v", report.Fault)
	}
	tamper(t, cedar, `DELETE FROM audit_events WHERE seq > 3`, `DELETE FROM audit_heads`,
		`INSERT INTO audit_heads (customer_id, seq, hash) SELECT customer_id, seq, hash FROM audit_events WHERE seq = 3`)
	proven(t, cedar.Store, id)
	report = must(cedar.Store.VerifyAudit(t.Context(), id, &anchor))(t)
	if report.Fault == nil || report.Fault.Seq != 4 || !strings.Contains(report.Fault.Reason, "the anchor is line 12") {
		t.Errorf("a chain cut with its head: %+v", report.Fault)
	}
}

// A gap stays: the next line is numbered after the head, not after what is left.
func TestVerifyAudit_AfterMoreWasWritten(t *testing.T) {
	t.Parallel()
	cedar := chained(t, 5)
	tamper(t, cedar, `DELETE FROM audit_events WHERE seq > 3`)
	if err := store.Audited(t.Context(), cedar.Store, cedar.System(), nil, func(store.ExclusiveTx) error { return nil }); err != nil {
		t.Fatal(err)
	}
	report := must(cedar.Store.VerifyAudit(t.Context(), cedar.Customer.ID, nil))(t)
	if report.Fault == nil || report.Fault.Seq != 4 || !strings.Contains(report.Fault.Reason, "lines 4 to 5 are missing") {
		t.Errorf("fault = %+v", report.Fault)
	}
}

// More lines than one batch of the verification, and than one INSERT holds.
func TestVerifyAudit_LongChain(t *testing.T) {
	t.Parallel()
	cedar := factory.New(t).Tenant("cedar")
	for range 3 {
		err := store.Audited(t.Context(), cedar.Store, cedar.System(), nil, func(tx store.ExclusiveTx) error {
			for range 700 {
				if err := tx.Audit(t.Context()); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	equal(t, "lines", int64(2103), proven(t, cedar.Store, cedar.Customer.ID).Seq)
	tamper(t, cedar, `UPDATE audit_events SET entity_type = 'x' WHERE seq = 2001`)
	equal(t, "first fault", int64(2001), must(cedar.Store.VerifyAudit(t.Context(), cedar.Customer.ID, nil))(t).Fault.Seq)
}

// Lines from before there was a chain are chained by the migration, in SQL.
func TestMigration_ChainsOlderLines(t *testing.T) {
	t.Parallel()
	w := factory.New(t)
	cedar, harbor := w.Tenant("cedar"), w.Tenant("harbor")
	user := cedar.User(models.RoleOwner)
	before := proven(t, w.Store, models.CustomerID{}).Seq
	for undone := []string(nil); !slices.Contains(undone, "0005_audit_chain"); {
		undone = must(migrations.Down(t.Context(), w.DB.OwnerURL, 1))(t)
		if len(undone) == 0 {
			t.Fatal("there is no migration 0005_audit_chain")
		}
	}
	for i, metadata := range []string{`{}`, `{"b": 1.50, "aé\"\\\n\u0001": [1e3, null, true, {"z": -0.0, "y": "\u2028<é"}], "B": 0.0000001}`, `{"n": 12345678901234567890.10}`} {
		for _, tenant := range []*factory.Tenant{cedar, harbor} {
			err := asOwner(t, tenant, `INSERT INTO audit_events (id, customer_id, occurred_at, action, entity_type, user_id, actor, metadata)
				VALUES (gen_random_uuid(), $1, timestamptz '2026-01-01 00:00:00.123456+00' - $2 * interval '1 hour', 'old', 'test', $3, 'x', $4::text::jsonb)`,
				tenant.Customer.ID.UUID().String(), i, user.UserID.UUID().String(), metadata)
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	must(migrations.Up(t.Context(), w.DB.OwnerURL))(t)
	w.DB.App.Reset() // prepared statements know the old columns
	equal(t, "lines of cedar", int64(4), proven(t, w.Store, cedar.Customer.ID).Seq)
	equal(t, "lines of harbor", int64(3), proven(t, w.Store, harbor.Customer.ID).Seq)
	equal(t, "lines of the platform", before, proven(t, w.Store, models.CustomerID{}).Seq)
	// The log goes on from there, and is closed to changes again.
	if err := store.Audited(t.Context(), w.Store, cedar.System(), nil, func(store.ExclusiveTx) error { return nil }); err != nil {
		t.Fatal(err)
	}
	equal(t, "lines of cedar", int64(5), proven(t, w.Store, cedar.Customer.ID).Seq)
	if err := asOwner(t, cedar, `DELETE FROM audit_events`); !isRefused(err) {
		t.Errorf("delete: %v", err)
	}
	equal(t, "by time", int64(3), factory.Query[int64](harbor, `SELECT seq FROM audit_events ORDER BY occurred_at DESC LIMIT 1`))
}
