package graph_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/vektah/gqlparser/v2"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/validator/rules"

	"upstream/models"
)

// exampleFolder holds the documented operations, which the playground opens.
const exampleFolder = "../docs/graphql"

// example is one of them.
type example struct {
	file, text string
	operation  *ast.OperationDefinition
}

func examples(t *testing.T) []example {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(exampleFolder, "*.graphql"))
	if err != nil || len(files) < 5 {
		t.Fatalf("%d examples, %v", len(files), err)
	}
	var all []example
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		doc, errs := gqlparser.LoadQueryWithRules(loaded(t), string(text), rules.NewDefaultRules())
		if errs != nil {
			t.Fatalf("%s: %v", file, errs)
		}
		all = append(all, example{file: filepath.Base(file), text: string(text), operation: doc.Operations[0]})
	}
	return all
}

// sizable reports whether the example leaves open how many parents it asks for.
func (e example) sizable() bool { return e.operation.VariableDefinitions.ForName("first") != nil }

// asker is who the example says may run it: the viewer unless it says otherwise.
func (e example) asker(w *world) models.Viewer {
	if strings.Contains(e.text, "Needs the role admin") {
		return w.user(w.cedar, "admin@examples.test", models.RoleAdmin)
	}
	return w.viewer
}

// peopled is a world in which every list of the examples has a hundred parents
// with children.
func peopled(t *testing.T) *world {
	t.Helper()
	w := newWorld(t)
	w.uploads(w.cedar, 100, 4, 4)
	w.sql(w.cedar, `UPDATE claims SET outcome = 'DENIED'`)
	w.runs(w.cedar, 99, 6, 6)
	w.runs(w.cedar, 1, 101, 101) // the active one; a page that reaches the end needs no count
	w.sql(w.cedar, `UPDATE report_runs SET finished_at = '2026-04-30' WHERE id = (SELECT report_run_id FROM drift_events GROUP BY 1 ORDER BY count(*) DESC LIMIT 1)`)
	w.alerts(w.cedar, 101)
	// The events' payers are those of the claims, in turn.
	w.sql(w.cedar, `UPDATE claims SET payer = 'Payer ' || lpad((1 + n % 101)::text, 3, '0'), cpt_group = 'EM',
		submitted_date = '2026-04-02', decided_date = '2026-04-03'
		FROM (SELECT id, row_number() OVER (ORDER BY id) n FROM claims) numbered WHERE numbered.id = claims.id`)
	return w
}

// parents is the number of rows of the first list of an answer.
func parents(t *testing.T, data json.RawMessage) int {
	t.Helper()
	var roots map[string]struct{ Nodes, Matches []json.RawMessage }
	if err := json.Unmarshal(data, &roots); err != nil || len(roots) != 1 {
		t.Fatalf("%v: %.300s", err, data)
	}
	for _, root := range roots {
		return len(root.Nodes) + len(root.Matches)
	}
	return 0
}

// TestExamplesRunAFixedNumberOfStatements runs each example over 1, 10 and 100
// parents. Its answer costs no more than it was priced at.
func TestExamplesRunAFixedNumberOfStatements(t *testing.T) {
	t.Parallel()
	w := peopled(t)
	sizes, nested := 0, 0
	for _, e := range examples(t) {
		if e.operation.Operation != ast.Query {
			continue
		}
		t.Run(e.file, func(t *testing.T) {
			w := w.in(t)
			statements, previous, asker := map[int]int{}, 0, e.asker(w)
			for _, size := range []int{1, 10, 100} {
				variables := map[string]any{}
				if e.sizable() {
					variables["first"] = size
				}
				r := w.ask(asker, e.text, variables)
				cost := r.Extensions.Cost
				if len(r.Errors) > 0 || cost == nil {
					t.Fatalf("%.500s", r.Body)
				}
				if found := parents(t, r.Data); found != size && (e.sizable() || found == 0) {
					t.Fatalf("%d parents instead of %d", found, size)
				}
				if cost.Actual > cost.Requested || cost.Actual <= previous && e.sizable() {
					t.Errorf("%d parents cost %+v, fewer %d", size, *cost, previous)
				}
				statements[size], previous = cost.SQLStatements, cost.Actual
			}
			if statements[1] == 0 || statements[1] != statements[10] || statements[1] != statements[100] {
				t.Errorf("statements by parents: %v", statements)
			}
			if strings.Count(e.text, "nodes {") > 1 {
				nested++
			}
			if e.sizable() {
				sizes++
			}
		})
	}
	if sizes < 4 || nested < 3 {
		t.Errorf("%d examples ask for any number of parents, %d have children", sizes, nested)
	}
}

// TestExamplesCountOnlyWhenAsked takes totalCount out of each example that has
// it: every one of them was one statement, except where the page's own says how
// many rows there are.
func TestExamplesCountOnlyWhenAsked(t *testing.T) {
	t.Parallel()
	w := peopled(t)
	tried := 0
	for _, e := range examples(t) {
		counts := strings.Count(e.text, "totalCount\n") - strings.Count(e.text, "payerSummary(")
		if e.operation.Operation != ast.Query || counts == 0 {
			continue
		}
		tried++
		with := w.ask(w.viewer, e.text).Extensions.Cost.SQLStatements
		without := w.ask(w.viewer, strings.ReplaceAll(e.text, "totalCount\n", "\n")).Extensions.Cost.SQLStatements
		if with-without != counts {
			t.Errorf("%s: %d statements with %d counts, %d without", e.file, with, counts, without)
		}
	}
	if tried < 3 {
		t.Errorf("only %d examples count", tried)
	}
}

// TestExampleMutations run as they are.
func TestExampleMutations(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.ingest(w.analyst, "shift.csv", shiftedFile())
	for _, e := range examples(t) {
		if e.operation.Operation != ast.Mutation {
			continue
		}
		for name, payload := range w.data(w.analyst, e.text) {
			if problems := payload.(map[string]any)["userErrors"].([]any); len(problems) > 0 {
				t.Errorf("%s: %s says %v", e.file, name, problems)
			}
		}
		if r := w.ask(w.viewer, e.text); r.code() != string(models.CodeForbidden) {
			t.Errorf("%s as a viewer: %s", e.file, r.Body)
		}
	}
}

// TestClaimsBehindADriftEvent follows a finding to its claims and to the files
// they came with.
func TestClaimsBehindADriftEvent(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.ingest(w.analyst, "shift.csv", shiftedFile())
	if _, err := w.store.DetectDrift(t.Context(), w.analyst, models.DetectInput{}); err != nil {
		t.Fatal(err)
	}
	const query = `{ activeDriftEvents { nodes { payer cptGroup driftType currentSampleSize currentStart currentEnd
		claims(first: 100) { totalCount nodes { payer cptGroup outcome decidedDate upload { filename uploadedBy { id } } } } } } }`
	admin := w.user(w.cedar, "admin@cedar.test", models.RoleAdmin)
	events := at(t, w.data(admin, query), "activeDriftEvents", "nodes").([]any)
	if len(events) == 0 {
		t.Fatal("no drift was found")
	}
	for _, e := range events {
		event := e.(map[string]any)
		if n := at(t, event, "claims", "totalCount"); n != event["currentSampleSize"] {
			t.Errorf("%v claims behind %v", n, event)
		}
		for _, c := range at(t, event, "claims", "nodes").([]any) {
			claim := c.(map[string]any)
			inGroup := claim["cptGroup"] == event["cptGroup"] || event["cptGroup"] == models.CPTGroupAll
			day := claim["decidedDate"].(string)
			if claim["payer"] != event["payer"] || !inGroup || day < event["currentStart"].(string) || day >= event["currentEnd"].(string) ||
				at(t, claim, "upload", "filename") != "shift.csv" || at(t, claim, "upload", "uploadedBy", "id") == nil {
				t.Errorf("%v is behind %v", claim, event)
			}
		}
	}
	if r := w.ask(w.viewer, `{ uploads { nodes { filename uploadedBy { email } } } }`); r.code() != "FORBIDDEN" || !strings.Contains(r.Body, "shift.csv") {
		t.Errorf("a viewer reads members: %s", r.Body)
	}
	if r := w.data(admin, `{ uploads { nodes { uploadedBy { email } } } reportRuns { nodes { createdBy { email } } } apiKeys { nodes { createdBy { email } } } }`); at(t, r, "uploads", "nodes", 0, "uploadedBy", "email") != w.analyst.Email ||
		at(t, r, "reportRuns", "nodes", 0, "createdBy", "email") != w.analyst.Email {
		t.Errorf("who did it: %v", r)
	}
}

// TestExamplesAreDocumented demands a link to every example in the guide.
func TestExamplesAreDocumented(t *testing.T) {
	t.Parallel()
	guide, err := os.ReadFile("../docs/graphql.md")
	if err != nil {
		t.Fatal(err)
	}
	names := make([]string, 0, 8)
	for _, e := range examples(t) {
		if !strings.Contains(string(guide), "(graphql/"+e.file+")") {
			t.Errorf("docs/graphql.md has no link to %s", e.file)
		}
		if slices.Contains(names, e.operation.Name) || e.operation.Name == "" {
			t.Errorf("%s: the name %q is not its own", e.file, e.operation.Name)
		}
		names = append(names, e.operation.Name)
	}
}
