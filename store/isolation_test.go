package store_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"upstream/internal/factory"
	"upstream/internal/testdb"
	"upstream/models"
)

// Isolation without the program: everything here speaks SQL as the role that
// the program serves with, as somebody would who found a way to inject it.

// guardedTables are those that row-level security watches, or would have to.
const guardedTables = `
SELECT c.relname::text FROM pg_class c
WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p')
  AND (c.relrowsecurity OR c.relforcerowsecurity
       OR EXISTS (SELECT FROM pg_policy p WHERE p.polrelid = c.oid)
       OR EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attname = 'customer_id' AND NOT a.attisdropped))
ORDER BY 1`

// openToSystem are the tables that are read before anybody's customer is
// known: system transactions see all their rows. Whoever adds one says why.
var openToSystem = map[string]string{
	"customers":        "which customers there are; created by the operator",
	"users":            "sign-in finds an account by its address",
	"memberships":      "sign-in asks whom an account may act for",
	"sessions":         "authentication asks whether one has ended",
	"refresh_tokens":   "found by the hash of what the caller holds",
	"sign_in_failures": "counted before anybody is known",
	"invitations":      "found by the hash of what the caller holds",
	"api_keys":         "found by the hash of what the caller holds, who is noted; a test of their own says what cannot be written",
	"password_resets":  "found by the hash of what the caller holds",
	"idempotency_keys": "expired ones are deleted for all customers at once; a test of their own says what else is seen",
}

// table is one of guardedTables, with a row of Cedar and one of Harbor as JSON.
type table struct {
	name string
	// owner is the column that names the customer; empty when none does.
	owner        string
	mine, theirs map[string]any
}

// settings are what a transaction says of itself.
type settings struct {
	customer models.CustomerID
	system   bool
}

// apply is applyAs for a customer, or for nobody.
func apply(t *testing.T, w *factory.World, customer *models.CustomerID, fn func(context.Context, pgx.Tx) error) error {
	t.Helper()
	var as settings
	if customer != nil {
		as.customer = *customer
	}
	return applyAs(t, w.DB, as, fn)
}

// applyAs runs fn in a transaction of the application's role that is rolled back.
func applyAs(t *testing.T, db *testdb.DB, as settings, fn func(context.Context, pgx.Tx) error) error {
	t.Helper()
	ctx := t.Context()
	tx, err := db.App.Begin(ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = tx.Rollback(ctx) }()
	if !as.customer.IsZero() {
		if err := within(tx, as.customer); err != nil {
			t.Fatal(err)
		}
	}
	if as.system {
		if _, err := tx.Exec(ctx, `SELECT set_config('app.system', 'on', true)`); err != nil {
			t.Fatal(err)
		}
	}
	return fn(ctx, tx)
}

// isRefused reports whether row-level security or a missing right stopped a
// statement.
func isRefused(err error) bool { return hasState(err, "42501") }

func hasState(err error, state string) bool {
	var pgErr *pgconn.PgError
	return errors.As(err, &pgErr) && pgErr.Code == state
}

// sampleRow is a row of the table that names the customer, or any where none
// names one: read by the owner of the tables, to whom row-level security
// applies as well.
func sampleRow(w *factory.World, name, owner string, customer models.CustomerID) map[string]any {
	w.Helper()
	ctx := context.Background()
	var row map[string]any
	err := pgx.BeginFunc(ctx, w.DB.Owner, func(tx pgx.Tx) error {
		if err := within(tx, customer); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, `SELECT set_config('app.system', 'on', true)`); err != nil {
			return err
		}
		where := "true"
		if owner != "" {
			where = owner + " = '" + customer.UUID().String() + "'"
		}
		var text string
		if err := tx.QueryRow(ctx, `SELECT to_jsonb(x)::text FROM `+name+` x WHERE `+where+` LIMIT 1`).Scan(&text); err != nil {
			return fmt.Errorf("%w: inhabited has to put a row into %s, or this proves nothing about it", err, name)
		}
		return json.Unmarshal([]byte(text), &row)
	})
	if err != nil {
		w.Fatal(err)
	}
	return row
}

// rowOf is a row of the customer's in a table as JSON, with a new identifier.
func rowOf(t *testing.T, tenant *factory.Tenant, name string) string {
	t.Helper()
	text, err := json.Marshal(with(sampleRow(tenant.World, name, "customer_id", tenant.Customer.ID), nil))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// insertSQL stores a JSON row, generated columns left out.
const insertSQL = `DO $$ DECLARE columns text; BEGIN
	SELECT string_agg(quote_ident(attname), ', ') INTO columns FROM pg_attribute
	WHERE attrelid = '%[1]s'::regclass AND attnum > 0 AND NOT attisdropped AND attgenerated = '';
	EXECUTE format('INSERT INTO %[1]s (%%s) SELECT %%s FROM jsonb_populate_record(NULL::%[1]s, current_setting(''test.row'')::jsonb)',
		columns, columns);
END $$`

func insertRow(ctx context.Context, tx pgx.Tx, name string, row map[string]any) error {
	text, err := json.Marshal(row)
	if err != nil {
		return err
	}
	return insertCopy(ctx, tx, name, string(text))
}

func insertCopy(ctx context.Context, tx pgx.Tx, name, row string) error {
	if _, err := tx.Exec(ctx, `SELECT set_config('test.row', $1, true)`, row); err != nil {
		return err
	}
	_, err := tx.Exec(ctx, fmt.Sprintf(insertSQL, name))
	return err
}

// with is the row with some columns changed, and an identifier of its own.
func with(row map[string]any, changes map[string]any) map[string]any {
	out := maps.Clone(row)
	if out["id"] != nil {
		out["id"] = uuid.Must(uuid.NewV7()).String()
	}
	maps.Copy(out, changes)
	return out
}

func count(ctx context.Context, tx pgx.Tx, from string) (n int, err error) {
	err = tx.QueryRow(ctx, `SELECT count(*) FROM `+from).Scan(&n)
	return n, err
}

// wantRows demands how many rows of a table are seen.
func wantRows(t *testing.T, db *testdb.DB, as settings, from string, want int) {
	t.Helper()
	err := applyAs(t, db, as, func(ctx context.Context, tx pgx.Tx) error {
		n, err := count(ctx, tx, from)
		if n != want {
			t.Errorf("%d rows of %s are seen, want %d", n, from, want)
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}

// wantUntouched demands of a statement that it is refused or touches no row.
func wantUntouched(t *testing.T, db *testdb.DB, as settings, statement string) {
	t.Helper()
	err := applyAs(t, db, as, func(ctx context.Context, tx pgx.Tx) error {
		tag, err := tx.Exec(ctx, statement)
		if tag.RowsAffected() != 0 {
			t.Errorf("%s touches %d rows", statement, tag.RowsAffected())
		}
		return err
	})
	if err != nil && !isRefused(err) {
		t.Errorf("%s: %v", statement, err)
	}
}

// wantRefused demands that a row cannot be stored.
func wantRefused(t *testing.T, db *testdb.DB, as settings, name string, row map[string]any) {
	t.Helper()
	err := applyAs(t, db, as, func(ctx context.Context, tx pgx.Tx) error { return insertRow(ctx, tx, name, row) })
	if !isRefused(err) {
		t.Errorf("insert into %s: %v", name, err)
	}
}

// copied is what COPY gives out.
func copied(t *testing.T, db *testdb.DB, as settings, name string) string {
	t.Helper()
	var out bytes.Buffer
	err := applyAs(t, db, as, func(ctx context.Context, tx pgx.Tx) error {
		_, err := tx.Conn().PgConn().CopyTo(ctx, &out, `COPY `+name+` TO STDOUT`)
		return err
	})
	if err != nil {
		t.Errorf("COPY %s: %v", name, err)
	}
	return out.String()
}

// wantNoCopyIn demands that COPY cannot bring rows in: PostgreSQL refuses it for
// every table on which row-level security is in force.
func wantNoCopyIn(t *testing.T, db *testdb.DB, as settings, name string) {
	t.Helper()
	err := applyAs(t, db, as, func(ctx context.Context, tx pgx.Tx) error {
		_, err := tx.Conn().PgConn().CopyFrom(ctx, strings.NewReader(""), `COPY `+name+` FROM STDIN`)
		return err
	})
	if !isRefused(err) && !hasState(err, "0A000") {
		t.Errorf("COPY into %s: %v", name, err)
	}
}

// neighbours are two inhabited customers and every guarded table.
func neighbours(t *testing.T) (cedar, harbor *factory.Tenant, tables []table) {
	t.Helper()
	w := factory.New(t)
	cedar, _ = inhabited(w, "cedar")
	harbor, _ = inhabited(w, "harbor")
	owned := strs(t, w.DB, tenantTables)
	for _, name := range strs(t, w.DB, guardedTables) {
		tab := table{name: name}
		switch {
		case name == "customers":
			tab.owner = "id"
		case slices.Contains(owned, name):
			tab.owner = "customer_id"
		}
		tab.mine = sampleRow(w, name, tab.owner, cedar.Customer.ID)
		tab.theirs = sampleRow(w, name, tab.owner, harbor.Customer.ID)
		tables = append(tables, tab)
	}
	if len(tables) < 14 {
		t.Fatalf("only %d guarded tables were found", len(tables))
	}
	return cedar, harbor, tables
}

func TestIsolation_BelowTheProgram(t *testing.T) {
	t.Parallel()
	cedar, harbor, tables := neighbours(t)
	nobody, mine := settings{}, settings{customer: cedar.Customer.ID}
	for _, tab := range tables {
		t.Run(tab.name, func(t *testing.T) {
			t.Parallel()
			t.Run("nobody's", func(t *testing.T) { tab.isClosed(t, cedar.DB, nobody) })
			t.Run("a customer that is none", func(t *testing.T) {
				tab.isClosed(t, cedar.DB, settings{customer: models.CustomerID{}.From(uuid.Must(uuid.NewV7()))})
			})
			t.Run("the system's", func(t *testing.T) { tab.checkSystem(t, cedar.DB) })
			switch {
			case tab.owner != "":
				t.Run("a customer's", func(t *testing.T) { tab.checkTenant(t, cedar, harbor) })
			case tab.name == "users":
				t.Run("a customer's", func(t *testing.T) { tab.checkUsers(t, cedar) })
			default:
				t.Run("a customer's", func(t *testing.T) { tab.isClosed(t, cedar.DB, mine) })
			}
		})
	}
}

// isClosed demands that nothing is seen and nothing can be written.
func (tab table) isClosed(t *testing.T, db *testdb.DB, as settings) {
	t.Helper()
	wantRows(t, db, as, tab.name, 0)
	if text := copied(t, db, as, tab.name); text != "" {
		t.Errorf("COPY gives out %q", text)
	}
	for _, row := range []map[string]any{tab.mine, tab.theirs} {
		wantRefused(t, db, as, tab.name, with(row, nil))
	}
	for _, statement := range tab.writes("true") {
		wantUntouched(t, db, as, statement)
	}
	wantNoCopyIn(t, db, as, tab.name)
}

// writes are the ways to change rows that a condition holds for.
func (tab table) writes(where string) []string {
	column := tab.owner
	for name := range tab.mine {
		if column == "" || name == "version" {
			column = name
		}
	}
	return []string{
		fmt.Sprintf(`UPDATE %s SET %s = %[2]s WHERE %s`, tab.name, column, where),
		fmt.Sprintf(`DELETE FROM %s WHERE %s`, tab.name, where),
		fmt.Sprintf(`SELECT FROM %s WHERE %s FOR UPDATE`, tab.name, where),
		fmt.Sprintf(`MERGE INTO %s x USING (SELECT 1) one ON %s WHEN MATCHED THEN DELETE`, tab.name, where),
	}
}

// checkSystem demands that work without a customer sees what openToSystem says
// and no row that names a customer elsewhere.
func (tab table) checkSystem(t *testing.T, db *testdb.DB) {
	t.Helper()
	system := settings{system: true}
	if openToSystem[tab.name] != "" {
		return
	}
	wantRows(t, db, system, tab.name+" WHERE customer_id IS NOT NULL", 0)
	wantRefused(t, db, system, tab.name, with(tab.mine, nil))
	for _, statement := range tab.writes("customer_id IS NOT NULL") {
		wantUntouched(t, db, system, statement)
	}
	wantNoCopyIn(t, db, system, tab.name)
}

// checkTenant demands that Cedar sees its own rows and those alone, and that
// Harbor's cannot be made, taken, given away or destroyed.
func (tab table) checkTenant(t *testing.T, cedar, harbor *factory.Tenant) {
	t.Helper()
	db, as := cedar.DB, settings{customer: cedar.Customer.ID}
	own, foreign := cedar.Customer.ID.UUID().String(), harbor.Customer.ID.UUID().String()
	wantRows(t, db, as, tab.name+" WHERE "+tab.owner+" IS DISTINCT FROM '"+own+"'", 0)
	if text := copied(t, db, as, tab.name); !strings.Contains(text, own) || strings.Contains(text, foreign) {
		t.Errorf("COPY gives out %q", text)
	}
	if tab.name == "customers" {
		wantRefused(t, db, as, tab.name, with(tab.mine, map[string]any{"slug": "new", "name": "New"}))
	} else {
		wantRefused(t, db, as, tab.name, with(tab.mine, map[string]any{"customer_id": foreign}))
	}
	wantRefused(t, db, as, tab.name, with(tab.theirs, nil))
	if tab.owner == "customer_id" { // not even its own, by nobody
		err := apply(t, cedar.World, nil, func(ctx context.Context, tx pgx.Tx) error {
			return insertCopy(ctx, tx, tab.name, rowOf(t, cedar, tab.name))
		})
		if !isRefused(err) {
			t.Errorf("insert without a customer: %v", err)
		}
	}
	for _, statement := range tab.writes(tab.owner + " = '" + foreign + "'") {
		wantUntouched(t, db, as, statement)
	}
	give := fmt.Sprintf(`UPDATE %s SET %s = '%s'`, tab.name, tab.owner, foreign)
	err := applyAs(t, db, as, func(ctx context.Context, tx pgx.Tx) error {
		_, err := tx.Exec(ctx, give)
		return err
	})
	if !isRefused(err) {
		t.Errorf("%s: %v", give, err)
	}
	wantNoCopyIn(t, db, as, tab.name)
}

// checkUsers demands that a customer sees its members and changes nobody.
func (tab table) checkUsers(t *testing.T, cedar *factory.Tenant) {
	t.Helper()
	as := settings{customer: cedar.Customer.ID}
	strangers := "users u WHERE NOT EXISTS (SELECT FROM memberships m WHERE m.user_id = u.id)"
	wantRows(t, cedar.DB, as, strangers, 0)
	wantRows(t, cedar.DB, as, "users", 1)
	wantRefused(t, cedar.DB, as, tab.name, with(tab.mine, map[string]any{"email": "new@cedar.test"}))
	for _, statement := range []string{`UPDATE users SET is_superuser = true`, `DELETE FROM users`} {
		err := apply(t, cedar.World, &cedar.Customer.ID, func(ctx context.Context, tx pgx.Tx) error {
			_, err := tx.Exec(ctx, statement)
			return err
		})
		if !isRefused(err) {
			t.Errorf("%s: %v", statement, err)
		}
	}
}

// What would lift row-level security, or get round it, takes rights that the
// role has not.
func TestIsolation_TheRoleCannotFreeItself(t *testing.T) {
	t.Parallel()
	cedar, harbor, tables := neighbours(t)
	statements := []string{
		`SET ROLE upstream_owner`, `SET ROLE postgres`, `SET SESSION AUTHORIZATION upstream_owner`,
		`GRANT upstream_owner TO upstream_app`, `ALTER ROLE upstream_app BYPASSRLS`, `ALTER ROLE upstream_app SUPERUSER`,
		`CREATE ROLE more BYPASSRLS`, `SET session_replication_role = replica`,
		`CREATE TABLE public.copy AS SELECT 1`, `CREATE SCHEMA more`, `ALTER SCHEMA public OWNER TO upstream_app`,
		`CREATE FUNCTION public.f() RETURNS int LANGUAGE sql AS 'SELECT 1'`,
		`CREATE FUNCTION pg_temp.f(uuid) RETURNS bool LANGUAGE sql LEAKPROOF AS 'SELECT true'`,
		`CREATE EVENT TRIGGER more ON ddl_command_start EXECUTE FUNCTION raise_token_version()`,
		`CREATE EXTENSION dblink`, `COPY (SELECT 1) TO PROGRAM 'true'`, `SELECT pg_read_file('/etc/hostname')`,
		`SELECT rolpassword FROM pg_authid`, `SELECT * FROM pg_statistic`,
	}
	for _, tab := range tables {
		for _, form := range []string{
			`ALTER TABLE %s DISABLE ROW LEVEL SECURITY`, `ALTER TABLE %s NO FORCE ROW LEVEL SECURITY`,
			`ALTER TABLE %s OWNER TO upstream_app`, `ALTER TABLE %s DISABLE TRIGGER ALL`, `DROP TABLE %s CASCADE`, `TRUNCATE %s CASCADE`,
			`CREATE POLICY more ON %s USING (true)`, `CREATE RULE more AS ON INSERT TO %s DO INSTEAD NOTHING`,
			`CREATE TRIGGER more BEFORE UPDATE ON %s FOR EACH ROW EXECUTE FUNCTION raise_token_version()`,
			`CREATE INDEX ON %s ((1))`, `ANALYZE %s`,
		} {
			statements = append(statements, fmt.Sprintf(form, tab.name))
		}
	}
	for _, p := range strs(t, cedar.DB, `SELECT polname || ' ON ' || polrelid::regclass FROM pg_policy`) {
		statements = append(statements, `DROP POLICY `+p, `ALTER POLICY `+p+` USING (true)`)
	}
	for _, statement := range statements {
		err := apply(t, cedar.World, &cedar.Customer.ID, func(ctx context.Context, tx pgx.Tx) error {
			_, err := tx.Exec(ctx, statement)
			return err
		})
		if strings.HasPrefix(statement, "ANALYZE") && err == nil {
			continue // it skips, with a warning, what it may not analyse
		}
		if !isRefused(err) {
			t.Errorf("%s: %v", statement, err)
		}
	}
	wantNoLeaks(t, cedar, harbor, tables)
}

// wantNoLeaks demands that no row of another customer is met in the ways
// around a policy: switching it off, a function that looks at every row before
// the policy does, and the planner's statistics.
func wantNoLeaks(t *testing.T, cedar, harbor *factory.Tenant, tables []table) {
	t.Helper()
	as := settings{customer: cedar.Customer.ID}
	const peek = `CREATE FUNCTION pg_temp.peek(who uuid) RETURNS bool LANGUAGE plpgsql COST 0.0000001 AS $$
		BEGIN IF who = '%s' THEN RAISE EXCEPTION 'seen'; END IF; RETURN true; END $$`
	for _, tab := range tables {
		err := apply(t, cedar.World, &cedar.Customer.ID, func(ctx context.Context, tx pgx.Tx) error {
			_, err := tx.Exec(ctx, `SET LOCAL row_security = off; SELECT FROM `+tab.name)
			return err
		})
		if !isRefused(err) {
			t.Errorf("%s with row_security = off: %v", tab.name, err)
		}
		if tab.owner == "" {
			continue
		}
		err = apply(t, cedar.World, &cedar.Customer.ID, func(ctx context.Context, tx pgx.Tx) error {
			if _, err := tx.Exec(ctx, fmt.Sprintf(peek, harbor.Customer.ID.UUID())); err != nil {
				return err
			}
			_, err := count(ctx, tx, tab.name+" WHERE pg_temp.peek("+tab.owner+")")
			return err
		})
		if err != nil {
			t.Errorf("a function that peeks at %s: %v", tab.name, err)
		}
	}
	if _, err := cedar.DB.Owner.Exec(t.Context(), `ANALYZE`); err != nil {
		t.Fatal(err)
	}
	wantRows(t, cedar.DB, as, `pg_stats WHERE schemaname = 'public' AND tablename = ANY('{`+tableNames(tables)+`}')`, 0)
}

func tableNames(tables []table) string {
	names := make([]string, len(tables))
	for i, tab := range tables {
		names[i] = tab.name
	}
	return strings.Join(names, ",")
}

// Nothing in the schema acts with more rights than who calls it.
func TestCatalogue_NothingBypassesRowLevelSecurity(t *testing.T) {
	t.Parallel()
	db := testdb.New(t)
	for what, query := range map[string]string{
		"functions that run with their owner's rights": `SELECT p.oid::regprocedure::text FROM pg_proc p
			WHERE p.pronamespace = 'public'::regnamespace AND p.prosecdef`,
		"functions that say they leak nothing, and so run before a policy": `SELECT p.oid::regprocedure::text FROM pg_proc p
			WHERE p.pronamespace = 'public'::regnamespace AND p.proleakproof`,
		"views that read with their owner's rights": `SELECT c.oid::regclass::text FROM pg_class c
			WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('v', 'm', 'f')
			  AND NOT coalesce(c.reloptions @> '{security_invoker=true}', false)`,
		"rules that rewrite statements": `SELECT r.rulename || ' on ' || r.ev_class::regclass FROM pg_rewrite r
			JOIN pg_class c ON c.oid = r.ev_class WHERE c.relnamespace = 'public'::regnamespace AND c.relkind NOT IN ('v', 'm')`,
		"sequences, which count for all customers together": `SELECT d.objid::regclass::text FROM pg_depend d
			JOIN pg_class s ON s.oid = d.objid AND s.relkind = 'S'
			JOIN pg_attribute a ON a.attrelid = d.refobjid AND a.attname = 'customer_id'
			WHERE d.classid = 'pg_class'::regclass AND d.deptype IN ('a', 'i')`,
		"tables open to every role": `SELECT c.relname::text FROM pg_class c, aclexplode(c.relacl) a
			WHERE c.relnamespace = 'public'::regnamespace AND a.grantee = 0`,
		"grants beyond reading and writing rows": `SELECT c.relname || ' ' || a.privilege_type FROM pg_class c, aclexplode(c.relacl) a
			WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') AND a.grantee = 'upstream_app'::regrole
			  AND (a.is_grantable OR a.privilege_type NOT IN ('SELECT', 'INSERT', 'UPDATE', 'DELETE'))`,
		"policies that ask for no setting of the transaction": `SELECT polname || ' on ' || polrelid::regclass FROM pg_policy
			WHERE NOT polpermissive OR polroles <> '{0}'
			   OR coalesce(pg_get_expr(polqual, polrelid), '') NOT LIKE '%current_setting(''app.%'
			   OR polcmd NOT IN ('r', 'd') AND coalesce(pg_get_expr(polwithcheck, polrelid), '') NOT LIKE '%current_setting(''app.%'`,
		"roles that the application's is a member of": `SELECT r.rolname::text FROM pg_roles r
			WHERE r.rolname <> 'upstream_app' AND pg_has_role('upstream_app', r.oid, 'MEMBER')`,
	} {
		if found := strs(t, db, query); len(found) > 0 {
			t.Errorf("%s: %v", what, found)
		}
	}
	// The job queue is no customer's: its arguments hold identifiers alone.
	for _, name := range strs(t, db, `SELECT relname::text FROM pg_class c WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p')
		AND relname NOT LIKE 'bun\_%' AND relname NOT LIKE 'river\_%'
		AND NOT (relrowsecurity AND relforcerowsecurity AND EXISTS (SELECT FROM pg_policy WHERE polrelid = c.oid))`) {
		t.Errorf("%s has no forced policy", name)
	}
}
