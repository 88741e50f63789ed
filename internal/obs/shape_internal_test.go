package obs

import (
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestShapeOf(t *testing.T) {
	t.Parallel()
	for sql, want := range map[string]string{
		`SELECT 1`: `SELECT ?`,
		`SELECT "c"."payer" FROM claims AS "c" WHERE payer = 'O''Neill'`: `SELECT "c"."payer" FROM claims AS "c" WHERE payer = ?`,
		`x IN (1, 2.5, -3)`:                    `x IN (?, -?)`,
		`x IN ('a', 'b', 'c') AND y = 7`:       `x IN (?) AND y = ?`,
		`SELECT $1, col2 FROM t1`:              `SELECT $1, col2 FROM t1`,
		`SELECT E'it\'s' || 'x'`:               `SELECT ? || ?`,
		`SELECT $$ O'Neill $$, $a$ b $$ c $a$`: `SELECT ?`,
		"SELECT a -- O'Neill\n\t FROM b":       `SELECT a FROM b`,
		`SELECT 'unterminated`:                 `SELECT ?`,
		`SELECT "a 'quoted' ""name""" FROM b`:  `SELECT "a 'quoted' ""name""" FROM b`,
		`decided_date >= '2026-01-01'::date`:   `decided_date >= ?::date`,
		`SELECT 1e5, 0x1F`:                     `SELECT ?`,
		`SELECT 'a\', secret, 'b'`:             `SELECT ?, secret, ?`,
	} {
		if got := shapeOf(sql); got != want {
			t.Errorf("%s\n got %s\nwant %s", sql, got, want)
		}
	}
}

func TestShapeOf_Bounded(t *testing.T) {
	t.Parallel()
	if n := len(shapeOf(strings.Repeat("SELECT a FROM b; ", 500))); n > longestShape || n < longestShape-20 {
		t.Errorf("%d bytes", n)
	}
}

// No part of a value is in the shape, whatever the value.
func TestShapeOf_ShowsNoValue(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		value := rapid.String().Draw(t, "value")
		literal := "'" + strings.ReplaceAll("canary"+value+"canary", "'", "''") + "'"
		if shape := shapeOf("SELECT a FROM b WHERE c = " + literal + " AND d = " + literal); shape != "SELECT a FROM b WHERE c = ? AND d = ?" {
			t.Fatalf("%q", shape)
		}
	})
}
