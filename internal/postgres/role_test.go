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
		"CREATE ROLE climber LOGIN PASSWORD 'x' IN ROLE one_table, bypasser",
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
			note: []string{"bypasser", "many_tables", "one_table"},
		},
		"bypass":     {url: database("bypasser", "x"), want: []string{`"bypasser" has BYPASSRLS`}},
		"owner":      {url: database("one_table", "x"), want: []string{`"one_table" owns table a of schema public`}},
		"everything": {url: database("many_tables", "x"), want: []string{"has BYPASSRLS, owns tables b, c, d and 2 more of schema public"}},
		"member":     {url: database("climber", "x"), note: []string{"bypasser", "one_table"}},
		"after SET":  {url: inDB, role: "plain", note: []string{"bypasser", "many_tables", "one_table", "postgres"}},
		"SET to a worse": {
			url: inDB, role: "bypasser", want: []string{`"bypasser" has BYPASSRLS`},
			note: []string{"many_tables", "one_table", "postgres"},
		},
	}
	t.Run("cases", func(t *testing.T) {
		for name, c := range cases {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				pool := openPool(t, c.url, PoolOptions{Role: c.role})
				err := CheckRuntimeRole(t.Context(), pool)
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
				if diff := cmp.Diff(append([]string{}, c.note...), role.CanBecome); diff != "" {
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
	if err := CheckRuntimeRole(t.Context(), pool); err == nil || errors.Is(err, ErrUnsafeRole) {
		t.Errorf("got %v", err)
	}
}
