package migrations_test

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5/stdlib"

	"upstream/internal/testdb"
	"upstream/migrations"
)

// The serving role sees the same schema as its owner, and every change of it.
func TestCompare(t *testing.T) {
	t.Parallel()
	db := testdb.New(t)
	app, owner := stdlib.OpenDBFromPool(db.App), stdlib.OpenDBFromPool(db.Owner)
	defer func() { _, _ = app.Close(), owner.Close() }()
	compare := func() []migrations.Difference {
		t.Helper()
		byApp, err := migrations.Compare(t.Context(), app)
		if err != nil {
			t.Fatal(err)
		}
		byOwner, err := migrations.Compare(t.Context(), owner)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(byOwner, byApp); diff != "" {
			t.Errorf("the owner (-) and the serving role (+) see:\n%s", diff)
		}
		return byApp
	}
	if found := compare(); len(found) > 0 {
		t.Fatalf("a new database differs: %v", found)
	}
	for _, s := range []string{
		`ALTER TABLE claims ADD COLUMN remark text`,
		`ALTER TABLE uploads DROP CONSTRAINT uploads_status_check`,
		`CREATE VIEW everything AS SELECT 1`, // of no table
		`CREATE TABLE notes (id int)`,
		`REVOKE DELETE ON sessions FROM upstream_app`,
	} {
		if _, err := db.Owner.Exec(t.Context(), s); err != nil {
			t.Fatalf("%v: %s", err, s)
		}
	}
	var got []string
	for _, d := range compare() {
		got = append(got, string(d.Kind)+" "+d.Statement[:min(len(d.Statement), 50)])
	}
	want := []string{
		"missing ALTER TABLE uploads ADD CONSTRAINT uploads_status_",
		"missing GRANT DELETE, INSERT, SELECT, UPDATE ON sessions T",
		"altered CREATE TABLE claims (",
		"besides ALTER TABLE notes DISABLE ROW LEVEL SECURITY;",
		"besides CREATE TABLE notes (",
		"besides GRANT INSERT, SELECT, UPDATE ON sessions TO upstre",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if _, err := db.Owner.Exec(t.Context(), `DELETE FROM bun_migrations WHERE name = '0001'`); err != nil {
		t.Fatal(err)
	}
	if _, err := migrations.Compare(t.Context(), app); !errors.Is(err, migrations.ErrNotComparable) {
		t.Errorf("with a migration pending: %v", err)
	}
}
