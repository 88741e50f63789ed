package store_test

import (
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	"upstream/internal/testdb"
	"upstream/store"
)

func strs(t *testing.T, db *testdb.DB, query string) []string {
	t.Helper()
	rows, err := db.Owner.Query(context.Background(), query)
	if err != nil {
		t.Fatal(err)
	}
	all, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		t.Fatal(err)
	}
	return all
}

const tenantTables = `
SELECT c.relname::text FROM pg_class c
JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'customer_id' AND NOT a.attisdropped
WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p')`

func TestCatalogue_EveryConstraintIsMapped(t *testing.T) {
	t.Parallel()
	db := testdb.New(t)
	inSchema := strs(t, db, `
		SELECT k.conname::text FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid
		WHERE c.relnamespace = 'public'::regnamespace AND c.relname NOT LIKE 'bun\_%'
		UNION
		SELECT x.relname::text FROM pg_index i
		JOIN pg_class x ON x.oid = i.indexrelid JOIN pg_class c ON c.oid = i.indrelid
		WHERE i.indisunique AND c.relnamespace = 'public'::regnamespace AND c.relname NOT LIKE 'bun\_%'
		ORDER BY 1`)
	mapped := store.MappedConstraints()
	slices.Sort(mapped)
	slices.Sort(inSchema)
	if diff := cmp.Diff(inSchema, mapped); diff != "" {
		t.Errorf("constraints of the schema (-) and of constraints.go (+) differ:\n%s", diff)
	}
}

func TestCatalogue_ConstraintsAreNamedAfterTheirTable(t *testing.T) {
	t.Parallel()
	db := testdb.New(t)
	odd := strs(t, db, `
		SELECT k.conname::text FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid
		WHERE c.relnamespace = 'public'::regnamespace AND c.relname NOT LIKE 'bun\_%'
		  AND (NOT starts_with(k.conname, c.relname || '_') OR k.conname !~ '_(pkey|key|fkey|check)$')`)
	if len(odd) > 0 {
		t.Errorf("constraints not named <table>_<columns>_<kind>: %v", odd)
	}
}

func TestCatalogue_EveryTenantTableForcesRowLevelSecurity(t *testing.T) {
	t.Parallel()
	db := testdb.New(t)
	if tables := strs(t, db, tenantTables); len(tables) < 9 {
		t.Fatalf("only %d tenant tables found: %v", len(tables), tables)
	}
	open := strs(t, db, tenantTables+` AND NOT (c.relrowsecurity AND c.relforcerowsecurity
		AND EXISTS (SELECT FROM pg_policy p WHERE p.polrelid = c.oid AND p.polqual IS NOT NULL AND p.polwithcheck IS NOT NULL))`)
	if len(open) > 0 {
		t.Errorf("tables without forced row-level security: %v", open)
	}
}

func TestCatalogue_UniqueIndexesStartWithTheCustomer(t *testing.T) {
	t.Parallel()
	db := testdb.New(t)
	bad := strs(t, db, `
		SELECT x.relname::text FROM pg_index i
		JOIN pg_class c ON c.oid = i.indrelid JOIN pg_class x ON x.oid = i.indexrelid
		JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'customer_id'
		WHERE i.indisunique AND c.relnamespace = 'public'::regnamespace AND i.indkey[0] <> a.attnum`)
	// The audit log also holds rows of the platform, which have no customer.
	if diff := cmp.Diff([]string{"audit_events_pkey"}, bad); diff != "" {
		t.Errorf("unique indexes of tenant tables that do not start with customer_id:\n%s", diff)
	}
}

func TestCatalogue_ForeignKeysBetweenTenantTablesCarryTheCustomer(t *testing.T) {
	t.Parallel()
	db := testdb.New(t)
	bad := strs(t, db, `
		WITH tenant AS (`+strings.ReplaceAll(tenantTables, "c.relname::text", "c.oid")+`)
		SELECT k.conname::text FROM pg_constraint k
		JOIN pg_attribute a ON a.attrelid = k.conrelid AND a.attname = 'customer_id'
		WHERE k.contype = 'f' AND k.conrelid IN (SELECT oid FROM tenant) AND k.confrelid IN (SELECT oid FROM tenant)
		  AND k.conkey[1] <> a.attnum`)
	if len(bad) > 0 {
		t.Errorf("foreign keys between tenant tables without customer_id: %v", bad)
	}
}

func TestCatalogue_EveryForeignKeyHasAnIndex(t *testing.T) {
	t.Parallel()
	db := testdb.New(t)
	bare := strs(t, db, `
		SELECT k.conname::text FROM pg_constraint k
		WHERE k.contype = 'f' AND k.connamespace = 'public'::regnamespace
		  AND NOT EXISTS (SELECT FROM pg_index i WHERE i.indrelid = k.conrelid
			AND (i.indkey::int2[])[0:cardinality(k.conkey)-1] @> k.conkey)
		ORDER BY 1`)
	// Users are never deleted, and rows are not looked up by author, save by the
	// assignee of alerts, which has an index that begins with the customer.
	want := []string{
		"alert_events_acknowledged_by_fkey", "alert_events_assignee_id_fkey", "alert_events_resolved_by_fkey", "alert_history_assignee_id_fkey",
		"alert_history_user_id_fkey", "alert_rules_created_by_fkey",
		"api_keys_created_by_fkey", "audit_events_user_id_fkey", "invitations_accepted_by_fkey", "invitations_invited_by_fkey",
		"notification_channels_created_by_fkey", "operator_judgments_operator_id_fkey", "report_runs_created_by_fkey", "uploads_uploaded_by_fkey",
		"webhook_endpoints_created_by_fkey", "webhook_replays_created_by_fkey",
	}
	if diff := cmp.Diff(want, bare); diff != "" {
		t.Errorf("foreign keys without an index on their columns:\n%s", diff)
	}
}
