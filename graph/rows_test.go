package graph_test

import (
	"fmt"
	"maps"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"upstream/models"
)

// TestPlainRows_AreWhatGeneratedCodeWrites asks for all fields of a noun that
// resolve to a value, and again with one beside them that needs a resolver, which
// has the generated code write the rows.
func TestPlainRows_AreWhatGeneratedCodeWrites(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.ingest(w.analyst, "shift.csv", shiftedFile())
	for range 2 {
		if _, err := w.store.DetectDrift(t.Context(), w.analyst, models.DetectInput{}); err != nil {
			t.Fatal(err)
		}
	}
	w.sql(w.cedar, `UPDATE claims SET paid_amount = 7, allowed_amount = 9.125, payment_date = decided_date + 3, denial_reason_text = E'a "text"\n<\\&> é',
		denial_reason_code = 'CO-1', modifier_codes = '{25,"a \"b\""}', procedure_count = 3, billed_amount = 1100, claim_number = id::text,
		data_quality_score = 1e-7, source_row_number = 4, line_number = 2 WHERE line_number = 1 AND id::text < '8'`)
	for noun, c := range map[string]struct{ list, resolved string }{
		"Claim":      {"claims", "upload { id }"},
		"DriftEvent": {"driftEvents", "reportRun { id }"},
		"ReportRun":  {"reportRuns", "driftEvents(first: 1) { nodes { id } }"},
	} {
		fields := plainFieldsOf(t, noun)
		for _, form := range []string{"nodes { %s }", "edges { at: cursor node { %s } }", "nodes { ... on " + noun + " { %s } }"} {
			query := func(fields string) map[string]any {
				return w.data(w.viewer, fmt.Sprintf("{ %s(first: 20) { %s } }", c.list, fmt.Sprintf(form, fields)))
			}
			plain, generated := rowsOf(query(fields)), query(fields+" "+c.resolved)
			whole := rowsOfNoun(generated[c.list])
			if len(plain) < 2 || len(plain) != len(whole) {
				t.Fatalf("%s: %d and %d rows", noun, len(plain), len(whole))
			}
			for i := range whole {
				row := maps.Clone(whole[i])
				name, _, _ := strings.Cut(c.resolved, " ")
				name, _, _ = strings.Cut(name, "(")
				delete(row, name)
				if diff := cmp.Diff(row, plain[i]); diff != "" {
					t.Fatalf("%s, %s: generated (-), plain (+):\n%s", noun, form, diff)
				}
			}
		}
	}
}

// plainFieldsOf are the fields of a noun that hold values, and its name.
func plainFieldsOf(t *testing.T, noun string) string {
	t.Helper()
	fields := []string{"__typename", "again: id"}
	for _, f := range loaded(t).Types[noun].Fields {
		if strings.HasPrefix(f.Name, "__") || len(f.Arguments) > 0 || loaded(t).Types[f.Type.Name()].IsCompositeType() {
			continue
		}
		fields = append(fields, f.Name)
	}
	return strings.Join(fields, " ")
}

// rowsOfNoun are the rows of one connection, whatever hangs below them.
func rowsOfNoun(connection any) []map[string]any {
	var rows []map[string]any
	list, _ := connection.(map[string]any)
	nodes, _ := list["nodes"].([]any)
	edges, _ := list["edges"].([]any)
	for _, edge := range edges {
		nodes = append(nodes, edge.(map[string]any)["node"])
	}
	for _, node := range nodes {
		rows = append(rows, node.(map[string]any))
	}
	return rows
}

// What rows cost is counted alike.
func TestPlainRows_CostTheSame(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.ingest(w.analyst, "shift.csv", shiftedFile())
	actual := func(selection string) int {
		return w.ask(w.viewer, "{ claims(first: 7) { "+selection+" } }").Extensions.Cost.Actual
	}
	for plain, resolved := range map[string]struct {
		selection string
		more      int
	}{
		"nodes { id payer __typename }":         {"nodes { id payer __typename upload { __typename } }", 7},
		"edges { cursor node { id outcome } }":  {"edges { cursor node { id outcome upload { __typename } } }", 7},
		"edges { node { id } } nodes { payer }": {"edges { node { id upload { __typename } } } nodes { payer upload { __typename } }", 14},
	} {
		if one, other := actual(plain), actual(resolved.selection); one == 0 || one+resolved.more != other {
			t.Errorf("%s: %v and %v", plain, one, other)
		}
	}
}
