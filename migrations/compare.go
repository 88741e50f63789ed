package migrations

import (
	"context"
	"database/sql"
	"errors"
	"maps"
	"slices"
	"strings"
)

// ErrNotComparable says that a database has other migrations than this program.
var ErrNotComparable = errors.New("the database has other migrations than this program")

// DifferenceKind is how a database differs from what the migrations make.
type DifferenceKind string

// The kinds.
const (
	Missing DifferenceKind = "missing"
	Altered DifferenceKind = "altered"
	Besides DifferenceKind = "besides" // made by somebody else
)

// Difference is a statement of schema.sql, by its first line, that does not hold
// of a database.
type Difference struct {
	Kind      DifferenceKind
	Statement string
}

// Compare lists how a database differs from schema.sql: what is missing, then
// what is altered, then what is there besides. It is [ErrNotComparable] when
// migrations are pending or unknown.
func Compare(ctx context.Context, db *sql.DB) ([]Difference, error) {
	pending, err := Pending(ctx, db)
	if err != nil {
		return nil, err
	}
	unknown, err := Unknown(ctx, db)
	if err != nil {
		return nil, err
	}
	if len(pending)+len(unknown) > 0 {
		return nil, ErrNotComparable
	}
	expected, err := files.ReadFile("schema.sql")
	if err != nil {
		return nil, err
	}
	actual, err := Dump(ctx, db)
	if err != nil {
		return nil, err
	}
	return differences(statements(string(expected)), statements(actual)), nil
}

func differences(expected, actual map[string]string) []Difference {
	var missing, altered, besides []Difference
	for _, statement := range slices.Sorted(maps.Keys(expected)) {
		switch rest, ok := actual[statement]; {
		case !ok:
			missing = append(missing, Difference{Missing, statement})
		case rest != expected[statement]:
			altered = append(altered, Difference{Altered, statement})
		}
	}
	for _, statement := range slices.Sorted(maps.Keys(actual)) {
		if _, ok := expected[statement]; !ok {
			besides = append(besides, Difference{Besides, statement})
		}
	}
	return slices.Concat(missing, altered, besides)
}

// statements splits a dump at the lines that begin a statement: what follows
// each, by the line.
func statements(dump string) map[string]string {
	all, first := map[string]string{}, ""
	for line := range strings.Lines(dump) {
		line = strings.TrimRight(line, "\n")
		switch {
		case startsStatement(line):
			first = line
			all[first] = ""
		case strings.HasPrefix(line, "-- "), line == "": // a heading
		case first != "":
			all[first] += line + "\n"
		}
	}
	return all
}

func startsStatement(line string) bool {
	for _, word := range []string{"CREATE ", "ALTER ", "GRANT ", "-- made by "} {
		if strings.HasPrefix(line, word) {
			return true
		}
	}
	return false
}

// Unknown names the migrations that a database has and this program has not:
// those of a newer version.
func Unknown(ctx context.Context, db *sql.DB) ([]string, error) {
	applied, err := appliedAt(ctx, db)
	if err != nil {
		return nil, err
	}
	all, err := discover(files)
	if err != nil {
		return nil, err
	}
	for _, m := range all {
		delete(applied, m.Name)
	}
	return slices.Sorted(maps.Keys(applied)), nil
}
