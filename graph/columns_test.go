package graph_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"upstream/models"
)

// TestSelectedColumnsAreEnough reads each field of a claim by itself, by every
// way to claims and in every order, and compares it with what all fields
// together answer.
func TestSelectedColumnsAreEnough(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.ingest(w.analyst, "shift.csv", shiftedFile())
	if _, err := w.store.DetectDrift(t.Context(), w.analyst, models.DetectInput{}); err != nil {
		t.Fatal(err)
	}
	w.sql(w.cedar, `UPDATE claims SET paid_amount = 7, allowed_amount = 9, payment_date = decided_date + 3, denial_reason_text = 'text',
		denial_reason_code = 'CO-1', authorization_required = true, authorization_obtained = true, authorization_number = 'A-1',
		modifier_codes = '{25}', diagnosis_codes = '{J06.9}', procedure_count = 3, billed_amount = 11, claim_number = id::text,
		data_quality_score = 0.5, source_row_number = 4, line_number = 2`)
	var fields []string
	for _, f := range loaded(t).Types["Claim"].Fields {
		switch {
		case strings.HasPrefix(f.Name, "__"):
		case f.Name == "upload":
			fields = append(fields, "upload { id }")
		default:
			fields = append(fields, f.Name)
		}
	}
	ways := map[string]string{
		"claims":            `{ claims(first: 5, orderBy: {field: %[1]s}) { %[2]s } }`,
		"Upload.claims":     `{ uploads { nodes { claims(first: 5, orderBy: {field: %[1]s}) { %[2]s } } } }`,
		"DriftEvent.claims": `{ driftEvents(first: 2) { nodes { claims(first: 5, orderBy: {field: %[1]s}) { %[2]s } } } }`,
	}
	for way, query := range ways {
		for _, order := range []string{"DECIDED_DATE", "PAYER"} {
			whole := rowsOf(w.data(w.viewer, fmt.Sprintf(query, order, "nodes { "+strings.Join(fields, " ")+" }")))
			if len(whole) < 5 {
				t.Fatalf("%s: %d claims", way, len(whole))
			}
			for _, field := range fields {
				name, _, _ := strings.Cut(field, " ")
				for _, form := range []string{"nodes { %s }", "edges { node { %s } }", "edges { cursor } nodes { ... on Claim { ... on Node { ...f } } }"} {
					text := fmt.Sprintf(query, order, fmt.Sprintf(strings.Replace(form, "...f", "... on Claim { %s }", 1), field))
					for i, row := range rowsOf(w.data(w.viewer, text)) {
						if diff := cmp.Diff(whole[i].(map[string]any)[name], row.(map[string]any)[name]); diff != "" || row.(map[string]any)[name] == nil {
							t.Fatalf("%s\n%s", text, diff)
						}
					}
				}
			}
		}
	}
}

// rowsOf are the rows of the innermost connections of an answer.
func rowsOf(v any) []any {
	var rows []any
	switch v := v.(type) {
	case map[string]any:
		for name, below := range v {
			list, many := below.([]any)
			for _, item := range list {
				object, _ := item.(map[string]any)
				node, edge := object["node"]
				switch deeper := rowsOf(item); {
				case name == "edges" && edge:
					rows = append(rows, node)
				case name == "nodes" && len(deeper) == 0:
					rows = append(rows, item)
				default:
					rows = append(rows, deeper...)
				}
			}
			if !many {
				rows = append(rows, rowsOf(below)...)
			}
		}
	case []any:
		for _, item := range v {
			rows = append(rows, rowsOf(item)...)
		}
	}
	return slices.Clip(rows)
}
