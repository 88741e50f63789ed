package graph_test

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"upstream/graph"
)

// updateDocs makes TestLimitsAreDocumented write the table instead of comparing it.
var updateDocs = flag.Bool("update", false, "write the table of limits into the documentation")

// limitsTable is the table of the defaults as Markdown: a row per limit, a
// column per audience, those with the same numbers side by side in one.
func limitsTable() string {
	var columns [][]graph.Audience
	for _, a := range graph.Audiences() {
		same := false
		for i, c := range columns {
			if graph.DefaultLimits(c[0]) == graph.DefaultLimits(a) {
				columns[i], same = append(c, a), true
			}
		}
		if !same {
			columns = append(columns, []graph.Audience{a})
		}
	}
	var b strings.Builder
	b.WriteString("| limit |")
	for _, c := range columns {
		fmt.Fprintf(&b, " `%s` |", strings.Join(strings.Fields(strings.Trim(fmt.Sprint(c), "[]")), "`, `"))
	}
	b.WriteString("\n|---|" + strings.Repeat("---|", len(columns)) + "\n")
	for _, name := range graph.LimitNames() {
		fmt.Fprintf(&b, "| `%s` |", name)
		for _, c := range columns {
			fmt.Fprintf(&b, " %s |", graph.DefaultLimits(c[0]).Text(name))
		}
		b.WriteString("\n")
	}
	return b.String()
}

// The documented limits are those that hold.
// `go test ./graph -run TestLimitsAreDocumented -update` writes them.
func TestLimitsAreDocumented(t *testing.T) {
	t.Parallel()
	const path, begin, end = "../docs/graphql.md", "<!-- limits -->\n", "<!-- /limits -->"
	body, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, found := strings.Cut(string(body), begin)
	table, after, closed := strings.Cut(rest, end)
	if !found || !closed {
		t.Fatalf("%s has no place for the table", path)
	}
	switch {
	case table == limitsTable():
	case *updateDocs:
		if err := os.WriteFile(path, []byte(before+begin+limitsTable()+end+after), 0o600); err != nil {
			t.Fatal(err)
		}
	default:
		t.Errorf("%s says\n%s\nbut the limits are\n%s", path, table, limitsTable())
	}
}
