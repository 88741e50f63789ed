//go:build linux || darwin || freebsd

package postgres

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

//nolint:tparallel // the cases are parallel, in a group of their own
func TestCheckRuntimeRole(t *testing.T) {
	t.Parallel()
	server := sharedInstance(t)
	admin := server.AdminURL()
	run(t, admin, "CREATE DATABASE roles")
	database := func(role, password string) string { return server.at.url(role, password, "roles") }
	inDB := database(AdminRole, server.secrets.Admin)
	run(t, inDB,
		"CREATE ROLE plain LOGIN PASSWORD 'x'",
		"CREATE ROLE bypasser LOGIN BYPASSRLS PASSWORD 'x'",
		"CREATE ROLE one_table LOGIN PASSWORD 'x'",
		"CREATE ROLE many_tables LOGIN BYPASSRLS PASSWORD 'x'",
		"CREATE ROLE group_of_owners IN ROLE one_table",
		"CREATE ROLE climber LOGIN PASSWORD 'x' IN ROLE one_table, bypasser",
		"CREATE ROLE heir LOGIN INHERIT PASSWORD 'x' IN ROLE group_of_owners",
		"CREATE ROLE stepchild LOGIN NOINHERIT PASSWORD 'x' IN ROLE group_of_owners",
		"CREATE ROLE servant LOGIN PASSWORD 'x' IN ROLE plain",
		"CREATE ROLE deputy LOGIN PASSWORD 'x' IN ROLE plain, bypasser",
		"CREATE ROLE king SUPERUSER", "CREATE ROLE regent LOGIN PASSWORD 'x' IN ROLE king",
		"CREATE TABLE a (i int)", "ALTER TABLE a OWNER TO one_table",
		"CREATE SCHEMA elsewhere", "CREATE TABLE elsewhere.z (i int)", "ALTER TABLE elsewhere.z OWNER TO plain",
		"CREATE TABLE b (i int)", "CREATE TABLE c (i int)", "CREATE TABLE d (i int)",
		"CREATE TABLE e (i int) PARTITION BY RANGE (i)", "CREATE TABLE f (i int)",
		"ALTER TABLE b OWNER TO many_tables", "ALTER TABLE c OWNER TO many_tables", "ALTER TABLE d OWNER TO many_tables",
		"ALTER TABLE e OWNER TO many_tables", "ALTER TABLE f OWNER TO many_tables",
	)
	cases := map[string]struct {
		url  string
		role string
		want []string
		note []string
	}{
		"plain": {url: database("plain", "x")},
		"superuser": {
			url: inDB, want: []string{`"postgres" is a superuser`, "has BYPASSRLS"},
		},
		"bypass":     {url: database("bypasser", "x"), want: []string{`"bypasser" has BYPASSRLS`}},
		"owner":      {url: database("one_table", "x"), want: []string{`"one_table" owns table a of schema public`}},
		"everything": {url: database("many_tables", "x"), want: []string{"has BYPASSRLS, owns tables b, c, d and 2 more of schema public"}},
		"member":     {url: database("climber", "x"), want: []string{`"climber" is a member of bypasser, one_table`}},
		"heir":       {url: database("heir", "x"), want: []string{`"heir" is a member of one_table`}},
		"stepchild":  {url: database("stepchild", "x"), want: []string{`"stepchild" is a member of one_table`}},
		"regent":     {url: database("regent", "x"), want: []string{`"regent" is a member of king`}},
		"servant":    {url: database("servant", "x")},
		"after SET": {
			url: inDB, role: "plain", note: []string{"bypasser", "king", "many_tables", "one_table", "postgres"},
		},
		"after SET by a servant": {url: database("servant", "x"), role: "plain"},
		"after SET by a deputy":  {url: database("deputy", "x"), role: "plain", note: []string{"bypasser"}},
		"SET to a worse": {
			url: inDB, role: "bypasser", want: []string{`"bypasser" has BYPASSRLS`},
			note: []string{"king", "many_tables", "one_table", "postgres"},
		},
		"SET to a member": {
			url: inDB, role: "climber", want: []string{`"climber" is a member of bypasser, one_table`},
			note: []string{"bypasser", "king", "many_tables", "one_table", "postgres"},
		},
	}
	t.Run("cases", func(t *testing.T) {
		for name, c := range cases {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				pool := openPool(t, c.url, PoolOptions{Role: c.role})
				_, err := CheckRuntimeRole(t.Context(), pool)
				if errors.Is(err, ErrUnsafeRole) != (len(c.want) > 0) {
					t.Errorf("got %v", err)
				}
				for _, want := range c.want {
					if err == nil || !strings.Contains(err.Error(), want) {
						t.Errorf("got %v, want %q", err, want)
					}
				}
				role, err := InspectRuntimeRole(t.Context(), pool)
				if err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(append([]string{}, c.note...), role.LoginPowers); diff != "" {
					t.Error(diff)
				}
			})
		}
	})
}

func TestCheckRuntimeRoleOfAClosedPool(t *testing.T) {
	t.Parallel()
	pool := openPool(t, sharedInstance(t).AppURL(), PoolOptions{})
	pool.Close()
	if _, err := CheckRuntimeRole(t.Context(), pool); err == nil || errors.Is(err, ErrUnsafeRole) {
		t.Errorf("got %v", err)
	}
}

// Each way in which the wall can be lost table by table is noticed, and named.
func TestCheckRuntimeRole_TablesWithoutTheirGuard(t *testing.T) {
	t.Parallel()
	server := sharedInstance(t)
	run(t, server.AdminURL(), "CREATE DATABASE guards", "CREATE ROLE guarded LOGIN PASSWORD 'x'")
	inDB := server.at.url(AdminRole, server.secrets.Admin, "guards")
	const own = "customer_id = (SELECT nullif(current_setting('app.customer_id', true), '')::uuid)"
	run(t, inDB,
		"CREATE TABLE claims (customer_id uuid)", "ALTER TABLE claims ENABLE ROW LEVEL SECURITY", "ALTER TABLE claims FORCE ROW LEVEL SECURITY",
		"CREATE POLICY claims_tenant ON claims USING ("+own+") WITH CHECK ("+own+")",
		"CREATE TABLE users (id uuid)", "ALTER TABLE users ENABLE ROW LEVEL SECURITY", "ALTER TABLE users FORCE ROW LEVEL SECURITY",
		"CREATE POLICY users_system ON users USING (current_setting('app.system', true) = 'on')",
		"CREATE TABLE bookkeeping (id int)", "CREATE SCHEMA elsewhere", "CREATE TABLE elsewhere.claims (customer_id uuid)",
	)
	check := func(want string) {
		t.Helper()
		_, err := CheckRuntimeRole(t.Context(), openPool(t, server.at.url("guarded", "x", "guards"), PoolOptions{}))
		switch {
		case want == "" && err != nil:
			t.Errorf("refused: %v", err)
		case want != "" && (!errors.Is(err, ErrUnsafeRole) || !strings.Contains(err.Error(), "not in force on "+want+" of schema public")):
			t.Errorf("got %v, want %q", err, want)
		}
	}
	check("")
	for _, way := range []struct{ undo, redo, want string }{
		{"ALTER TABLE claims DISABLE ROW LEVEL SECURITY", "ALTER TABLE claims ENABLE ROW LEVEL SECURITY", "table claims"},
		{"ALTER TABLE claims NO FORCE ROW LEVEL SECURITY", "ALTER TABLE claims FORCE ROW LEVEL SECURITY", "table claims"},
		{"ALTER TABLE users DISABLE ROW LEVEL SECURITY", "ALTER TABLE users ENABLE ROW LEVEL SECURITY", "table users"},
		{"ALTER TABLE users NO FORCE ROW LEVEL SECURITY", "ALTER TABLE users FORCE ROW LEVEL SECURITY", "table users"},
		{"CREATE TABLE events (customer_id uuid)", "DROP TABLE events", "table events"},
		{"CREATE POLICY more ON claims USING (true)", "DROP POLICY more ON claims", "table claims"},
		{"CREATE POLICY more ON users FOR INSERT WITH CHECK (true)", "DROP POLICY more ON users", "table users"},
		{"ALTER POLICY claims_tenant ON claims WITH CHECK (true)", "ALTER POLICY claims_tenant ON claims WITH CHECK (" + own + ")", "table claims"},
		{"DROP POLICY users_system ON users", "CREATE POLICY users_system ON users USING (current_setting('app.system', true) = 'on')", "table users"},
		{
			"ALTER TABLE claims DISABLE ROW LEVEL SECURITY; ALTER TABLE users DISABLE ROW LEVEL SECURITY",
			"ALTER TABLE claims ENABLE ROW LEVEL SECURITY; ALTER TABLE users ENABLE ROW LEVEL SECURITY", "tables claims, users",
		},
	} {
		run(t, inDB, way.undo)
		check(way.want)
		run(t, inDB, way.redo)
		check("")
	}
}
