package migrations_test

import (
	"context"
	"database/sql"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	"upstream/internal/testdb"
	"upstream/migrations"
)

var update = flag.Bool("update", false, "rewrite schema.sql")

// database is a test's database and a plain connection to it.
type database struct {
	*testdb.DB
	sql *sql.DB
}

func migrated(t *testing.T) *database {
	t.Helper()
	db := testdb.New(t)
	return &database{DB: db, sql: open(t, db.OwnerURL)}
}

// empty is a database that no migration has ever touched.
func empty(t *testing.T) *database {
	t.Helper()
	db := migrated(t)
	if _, err := migrations.Down(t.Context(), db.OwnerURL, 1000); err != nil {
		t.Fatal(err)
	}
	db.exec(t, `DROP TABLE bun_migrations`)
	return db
}

func open(t *testing.T, url string) *sql.DB {
	t.Helper()
	db, err := sql.Open("pgx", url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return db
}

func (db *database) exec(t *testing.T, statement string) {
	t.Helper()
	if _, err := db.sql.ExecContext(t.Context(), statement); err != nil {
		t.Fatal(err)
	}
}

func (db *database) dump(t *testing.T) string {
	t.Helper()
	text, err := migrations.Dump(t.Context(), db.sql)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func (db *database) up(t *testing.T) []string {
	t.Helper()
	applied, err := migrations.Up(t.Context(), db.OwnerURL)
	if err != nil {
		t.Fatal(err)
	}
	return applied
}

func (db *database) down(t *testing.T, steps int) []string {
	t.Helper()
	undone, err := migrations.Down(t.Context(), db.OwnerURL, steps)
	if err != nil {
		t.Fatal(err)
	}
	return undone
}

func (db *database) pending(t *testing.T) []string {
	t.Helper()
	pending, err := migrations.Pending(t.Context(), db.sql)
	if err != nil {
		t.Fatal(err)
	}
	return pending
}

// all are the names of the migrations, oldest first, as the files have them.
func all(t *testing.T) []string {
	t.Helper()
	entries, err := os.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		if name, ok := strings.CutSuffix(e.Name(), ".up.sql"); ok {
			names = append(names, strings.TrimSuffix(name, ".tx"))
		}
	}
	if len(names) < 3 {
		t.Fatalf("only %d migrations found: %v", len(names), names)
	}
	return names
}

func TestSchemaDump(t *testing.T) {
	t.Parallel()
	got := migrated(t).dump(t)
	if *update {
		if err := os.WriteFile("schema.sql", []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile("schema.sql")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("schema.sql (-) is not what the migrations produce (+); run `go test ./migrations -run TestSchemaDump -update`:\n%s", diff)
	}
}

func TestDump_SeesEveryKindOfObject(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]string{
		"column":     `ALTER TABLE uploads ADD COLUMN extra text`,
		"default":    `ALTER TABLE uploads ALTER COLUMN filename SET DEFAULT 'x'`,
		"nullable":   `ALTER TABLE uploads ALTER COLUMN filename DROP NOT NULL`,
		"type":       `ALTER TABLE uploads ALTER COLUMN filename TYPE varchar(256)`,
		"constraint": `ALTER TABLE uploads DROP CONSTRAINT uploads_filename_check`,
		"index":      `DROP INDEX uploads_customer_id_uploaded_at_id_idx`,
		"unforced":   `ALTER TABLE uploads NO FORCE ROW LEVEL SECURITY`,
		"policy":     `DROP POLICY uploads_tenant ON uploads`,
		"grant":      `REVOKE DELETE ON uploads FROM upstream_app`,
		"trigger":    `DROP TRIGGER audit_events_append_only ON audit_events`,
		"function":   `CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1'`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db := migrated(t)
			before := db.dump(t)
			db.exec(t, change)
			if db.dump(t) == before {
				t.Errorf("the dump does not show: %s", change)
			}
		})
	}
}

func TestUpDownUp_LeavesTheSameSchema(t *testing.T) {
	t.Parallel()
	db := empty(t)
	bare := db.dump(t)
	if strings.Contains(bare, "CREATE") {
		t.Fatalf("migrating down left objects behind:\n%s", bare)
	}
	names := all(t)
	if diff := cmp.Diff(names, db.up(t)); diff != "" {
		t.Errorf("applied (+):\n%s", diff)
	}
	full := db.dump(t)

	// Down in single steps, newest first, and each step changes something.
	previous := full
	for i := len(names) - 1; i >= 0; i-- {
		if diff := cmp.Diff([]string{names[i]}, db.down(t, 1)); diff != "" {
			t.Errorf("undone (+):\n%s", diff)
		}
		if now := db.dump(t); now == previous {
			t.Errorf("undoing %s changed nothing", names[i])
		} else {
			previous = now
		}
		if diff := cmp.Diff(names[i:], db.pending(t)); diff != "" {
			t.Errorf("pending (+) after undoing %s:\n%s", names[i], diff)
		}
	}
	if diff := cmp.Diff(bare, previous); diff != "" {
		t.Errorf("down leaves (+):\n%s", diff)
	}
	if undone := db.down(t, 1); len(undone) != 0 {
		t.Errorf("down on an empty database undid %v", undone)
	}

	db.up(t)
	if diff := cmp.Diff(full, db.dump(t)); diff != "" {
		t.Errorf("up after down differs (+):\n%s", diff)
	}
	newestFirst := slices.Clone(names)
	slices.Reverse(newestFirst)
	if diff := cmp.Diff(newestFirst, db.down(t, 1000)); diff != "" {
		t.Errorf("undone at once (+):\n%s", diff)
	}
}

func TestUp_FromTheMiddle(t *testing.T) {
	t.Parallel()
	db := migrated(t)
	full, names := db.dump(t), all(t)
	db.down(t, 2)
	if diff := cmp.Diff(names[len(names)-2:], db.up(t)); diff != "" {
		t.Errorf("applied (+):\n%s", diff)
	}
	if diff := cmp.Diff(full, db.dump(t)); diff != "" {
		t.Errorf("the schema differs (+):\n%s", diff)
	}
}

// The claims there are when roll-ups come are counted, of each customer, and the
// session's own customer stays what it was.
func TestUp_CountsTheClaimsThereAre(t *testing.T) {
	t.Parallel()
	db := migrated(t)
	names := all(t)
	db.down(t, len(names)-slices.Index(names, "0016_rollups"))
	db.exec(t, `DO $$
		DECLARE customer uuid; upload uuid;
		BEGIN
			PERFORM set_config('app.system', 'on', true);
			FOR i IN 1..2 LOOP
				customer := gen_random_uuid(); upload := gen_random_uuid();
				INSERT INTO customers (id, slug, name) VALUES (customer, 'clinic-' || i, 'Clinic ' || i);
				PERFORM set_config('app.customer_id', customer::text, true);
				INSERT INTO uploads (customer_id, id, filename) VALUES (customer, upload, 'a.csv');
				INSERT INTO claims (customer_id, id, upload_id, payer, cpt, submitted_date, decided_date, outcome, allowed_amount)
				SELECT customer, gen_random_uuid(), upload, 'Payer ' || j % 3, '99213', '2026-01-01'::date + j, '2026-02-10'::date + j,
					(ARRAY['PAID','DENIED','OTHER'])[1 + j % 3], CASE WHEN j % 3 = 0 THEN 10.5 END
				FROM generate_series(1, 10 * i) j;
			END LOOP;
		END $$`)
	db.up(t)
	for slug, want := range map[string]string{"clinic-1": "10 4 10 31.50 10", "clinic-2": "20 7 20 63.00 20"} {
		var got string
		err := pgx.BeginFunc(t.Context(), db.Owner, func(tx pgx.Tx) error {
			if _, err := tx.Exec(t.Context(), `SELECT set_config('app.system', 'on', true)`); err != nil {
				return err
			}
			_, err := tx.Exec(t.Context(), `SELECT set_config('app.customer_id', (SELECT id::text FROM customers WHERE slug = $1), true)`, slug)
			if err != nil {
				return err
			}
			return tx.QueryRow(t.Context(), `SELECT concat_ws(' ', (SELECT sum(claims) FROM claim_days), (SELECT sum(denied) FROM claim_days),
				(SELECT sum(paid + denied + other) FROM claim_payer_days), (SELECT sum(allowed_amount) FROM claim_payer_days),
				(SELECT sum(claims) FROM claim_months))`).Scan(&got)
		})
		if err != nil || got != want {
			t.Errorf("%s: %q, want %q: %v", slug, got, want, err)
		}
	}
}

func TestUp_IsIdempotent(t *testing.T) {
	t.Parallel()
	db := migrated(t)
	before := db.dump(t)
	if applied := db.up(t); len(applied) != 0 {
		t.Errorf("a second up applied %v", applied)
	}
	if diff := cmp.Diff(before, db.dump(t)); diff != "" {
		t.Errorf("a second up changed the schema (+):\n%s", diff)
	}
}

func TestUp_ManyProcessesAtOnce(t *testing.T) {
	t.Parallel()
	db := empty(t)
	var mu sync.Mutex
	var applied []string
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			names, err := migrations.Up(t.Context(), db.OwnerURL)
			if err != nil {
				t.Error(err)
			}
			mu.Lock()
			defer mu.Unlock()
			applied = append(applied, names...)
		})
	}
	wg.Wait()
	// Whoever came first applied them in order, and nobody a second time.
	if diff := cmp.Diff(all(t), applied); diff != "" {
		t.Errorf("applied (+):\n%s", diff)
	}
}

// A migration that fails is undone as a whole; those before it stay, and the
// next up goes on there.
func TestUp_FailureLeavesWholeSteps(t *testing.T) {
	t.Parallel()
	db := empty(t)
	names := all(t)
	db.exec(t, `CREATE TABLE claims (in_the_way int)`)
	applied, err := migrations.Up(t.Context(), db.OwnerURL)
	if err == nil || !strings.Contains(err.Error(), names[1]) {
		t.Fatalf("error = %v, want one that names %s", err, names[1])
	}
	if diff := cmp.Diff(names[:1], applied); diff != "" {
		t.Errorf("applied (+):\n%s", diff)
	}
	if diff := cmp.Diff(names[1:], db.pending(t)); diff != "" {
		t.Errorf("pending (+):\n%s", diff)
	}
	if strings.Contains(db.dump(t), "CREATE TABLE uploads") {
		t.Error("half of the failed migration stayed")
	}
	db.exec(t, `DROP TABLE claims`)
	if diff := cmp.Diff(names[1:], db.up(t)); diff != "" {
		t.Errorf("applied after repair (+):\n%s", diff)
	}
}

func TestUp_Refusals(t *testing.T) {
	t.Parallel()
	db := testdb.New(t)
	for name, tt := range map[string]struct{ url, want string }{
		"no URL":              {"postgres://%zz", "cannot be read"},
		"a login without the": {db.AppURL, "grant it that role"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := migrations.Up(t.Context(), tt.url)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error = %v, want %q", err, tt.want)
			}
		})
	}
}

func TestStatus(t *testing.T) {
	t.Parallel()
	db := empty(t)
	names := all(t)
	applied := func(want int) {
		t.Helper()
		steps, err := migrations.Status(t.Context(), db.sql)
		if err != nil {
			t.Fatal(err)
		}
		var listed []string
		for i, s := range steps {
			listed = append(listed, s.Name)
			if s.AppliedAt.IsZero() != (i >= want) {
				t.Errorf("with %d applied, %s was applied at %v", want, s.Name, s.AppliedAt)
			}
		}
		if diff := cmp.Diff(names, listed); diff != "" {
			t.Errorf("listed (+):\n%s", diff)
		}
	}
	applied(0)
	if diff := cmp.Diff(names, db.pending(t)); diff != "" {
		t.Errorf("pending (+) on an empty database:\n%s", diff)
	}
	db.up(t)
	applied(len(names))
	if pending := db.pending(t); len(pending) != 0 {
		t.Errorf("pending when all are applied: %v", pending)
	}
	db.down(t, 1)
	applied(len(names) - 1)
}

func TestStatus_TheApplicationMayAsk(t *testing.T) {
	t.Parallel()
	pending, err := migrations.Pending(t.Context(), open(t, testdb.New(t).AppURL))
	if err != nil || len(pending) != 0 {
		t.Errorf("Pending = %v, %v", pending, err)
	}
}

func TestStatus_TellsAFailureFromAnEmptyDatabase(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if pending, err := migrations.Pending(ctx, migrated(t).sql); err == nil {
		t.Errorf("Pending on a dead context = %v", pending)
	}
}

func TestFiles_EveryUpHasADown(t *testing.T) {
	t.Parallel()
	// Numbers may be left out, but none comes twice.
	before := ""
	for _, name := range all(t) {
		number, _, _ := strings.Cut(name, "_")
		if len(number) != 4 || strings.Trim(number, "0123456789") != "" || number <= before {
			t.Errorf("%s does not have a number of four digits after %q", name, before)
		}
		before = number
		downs, err := filepath.Glob(name + "*.down.sql")
		if err != nil || len(downs) != 1 {
			t.Fatalf("%s has the downs %v: %v", name, downs, err)
		}
		if down, err := os.ReadFile(downs[0]); err != nil || strings.TrimSpace(string(down)) == "" {
			t.Errorf("%s has no down: %v", name, err)
		}
	}
	entries, err := os.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		name := e.Name()
		if !strings.HasSuffix(name, ".sql") || name == "schema.sql" || strings.Contains(name, ".tx.up.") || strings.Contains(name, ".tx.down.") {
			continue
		}
		if text, err := os.ReadFile(name); err != nil || !strings.Contains(string(text), "CONCURRENTLY") {
			t.Errorf("%s does not run in a transaction, and could: %v", name, err)
		}
	}
}

func TestHash_IsThatOfTheFiles(t *testing.T) {
	t.Parallel()
	if h := migrations.Hash(); len(h) != 64 || h != migrations.Hash() {
		t.Errorf("Hash() = %q", h)
	}
}
