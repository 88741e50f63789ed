package graph_test

import (
	"fmt"
	"strings"
	"testing"
)

// TestStatementsDoNotGrowWithRows runs nested operations over 1, 10 and 50
// parents and demands the same number of statements. The uploads have claims
// and rejections, the runs events and tests, so every level has rows.
func TestStatementsDoNotGrowWithRows(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.uploads(w.cedar, 50, 4, 4)
	w.runs(w.cedar, 50, 4, 4)
	w.sql(w.cedar, `INSERT INTO claims (customer_id, id, upload_id, payer, cpt, submitted_date, decided_date, outcome)
		SELECT $1, gen_random_uuid(), (SELECT id FROM uploads LIMIT 1), 'Payer ' || i, '99213', date '2026-04-01' + j, '2026-04-20', 'DENIED'
		FROM generate_series(1, 50) i, generate_series(1, 3) j`, w.cedar.UUID())
	w.sql(w.cedar, `UPDATE drift_events SET payer = 'Payer ' || n FROM (SELECT id, row_number() OVER (ORDER BY id) n FROM drift_events) numbered
		WHERE numbered.id = drift_events.id`)
	w.alerts(w.cedar, 60)
	operations := map[string]string{
		"AlertEvent, everything": `{ alertEvents(first: %d) { nodes { interpretation { urgencyLevel } memory { badge latest { alertEvent { payer } } }
			alertRule { name alertEvents(first: 2) { nodes { id } } } driftEvent { reportRun { id } } reportRun { asOf } } } }`,
		"AlertEvent, lists": `{ alertEvents(first: %d) { edges { node { history(first: 2) { totalCount nodes { number } } judgments(first: 2) { nodes { alertEvent { id } } }
			notifications(first: 3) { nodes { channel { name config { recipients } } } } } } } }`,
		"DriftEvent.alertEvents":      `{ driftEvents(first: %d, orderBy: [{field: PAYER}]) { nodes { alertEvents(first: 2) { totalCount nodes { status alertRule { name } } } } } }`,
		"OperatorJudgment.alertEvent": `{ operatorJudgments(first: %d) { nodes { alertEvent { driftEvent { id } judgments(first: 1) { nodes { verdict } } } } } }`,
		"PayerSummary.claims":         `{ payerSummary(first: %d) { edges { node { claims(first: 2) { totalCount pageInfo { hasPreviousPage } nodes { upload { id } } } } } } }`,
		"PayerSummary.events":         `{ payerSummary(first: %d) { nodes { driftEvents(first: 2) { totalCount nodes { reportRun { id } } } } } }`,
		"Claim.upload/edges":          `{ claims(first: %d) { edges { node { id upload { filename } } } } }`,
		"Claim.upload/nodes":          `{ claims(first: %d) { nodes { id upload { filename } } } }`,
		"Upload.claims":               `{ uploads(first: %d) { edges { node { claims(first: 2) { totalCount pageInfo { hasPreviousPage } edges { node { id } } } } } } }`,
		"Upload.rejections":           `{ uploads(first: %d) { nodes { rejections(last: 2) { nodes { rowNumber } pageInfo { hasNextPage } } } } }`,
		"ReportRun.driftEvents":       `{ reportRuns(first: %d) { edges { node { driftEvents(first: 3) { nodes { id } } } } } }`,
		"ReportRun.tests":             `{ reportRuns(first: %d) { nodes { tests(first: 3, filter: {significant: true}) { totalCount nodes { payer driftEvent { id } } } } } }`,
		"DriftEvent.reportRun":        `{ driftEvents(first: %d) { nodes { reportRun { status } } } }`,
		"There and back, 5 deep":      `{ reportRuns(first: %d) { nodes { driftEvents(first: 2) { edges { node { reportRun { tests(first: 2) { nodes { driftEvent { reportRun { id } } } } } } } } } } }`,
		"Two filters at once":         `{ reportRuns(first: %d) { nodes { a: driftEvents(first: 1) { nodes { id } } b: driftEvents(first: 1, filter: {minSeverity: 0.5}) { nodes { id } } } } }`,
	}
	for name, query := range operations {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := w.in(t)
			counts := map[int]int{}
			for _, parents := range []int{1, 10, 50} {
				r := w.ask(w.viewer, fmt.Sprintf(query, parents))
				if len(r.Errors) > 0 {
					t.Fatal(r.Body)
				}
				counts[parents] = r.Extensions.Cost.SQLStatements
			}
			if counts[1] == 0 || counts[1] != counts[10] || counts[1] != counts[50] {
				t.Errorf("statements by parents: %v", counts)
			}
		})
	}
	t.Run("nodes", func(t *testing.T) {
		t.Parallel()
		w := w.in(t)
		got := w.data(w.viewer, `{ claims(first: 50) { nodes { id } } }`)
		var ids []any
		for _, n := range at(t, got, "claims", "nodes").([]any) {
			ids = append(ids, at(t, n, "id"))
		}
		const query = `query($ids: [ID!]!) { nodes(ids: $ids) { ... on Claim { upload { id } } } }`
		one := w.ask(w.viewer, query, map[string]any{"ids": ids[:1]}).Extensions.Cost.SQLStatements
		if all := w.ask(w.viewer, query, map[string]any{"ids": ids}).Extensions.Cost.SQLStatements; all != one {
			t.Errorf("%d statements for one, %d for fifty", one, all)
		}
	})
}

// TestNestedListsBelongToTheirParents compares the nested pages of all runs
// with what each run answers on its own.
func TestNestedListsBelongToTheirParents(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.runs(w.cedar, 4, 5, 5)
	w.sql(w.cedar, "DELETE FROM drift_events WHERE report_run_id = (SELECT id FROM report_runs ORDER BY id LIMIT 1)")
	const selection = `driftEvents(first: 2, orderBy: [{field: SEVERITY, direction: DESC}]) { totalCount nodes { id payer reportRun { id } } pageInfo { hasNextPage endCursor } }`
	together := at(t, w.data(w.viewer, "{ reportRuns { nodes { id "+selection+" } } }"), "reportRuns", "nodes").([]any)
	for _, run := range together {
		alone := at(t, w.data(w.viewer, fmt.Sprintf("{ node(id: %q) { ... on ReportRun { id %s } } }", at(t, run, "id"), selection)), "node")
		if a, b := fmt.Sprint(alone), fmt.Sprint(run); a != b {
			t.Errorf("alone    %s\ntogether %s", a, b)
		}
		for _, event := range at(t, run, "driftEvents", "nodes").([]any) {
			if at(t, event, "reportRun", "id") != at(t, run, "id") {
				t.Errorf("event %v under run %v", event, at(t, run, "id"))
			}
		}
	}
	if len(together) != 4 {
		t.Fatalf("%d runs", len(together))
	}
}

// TestNestedFailureIsReportedWhereItHappens breaks the database under a nested
// field and reads one log line, whatever the number of parents.
func TestNestedFailureIsReportedWhereItHappens(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.runs(w.cedar, 5, 1, 1)
	if _, err := w.db.Owner.Exec(t.Context(), "ALTER TABLE drift_tests RENAME TO elsewhere"); err != nil {
		t.Fatal(err)
	}
	r := w.ask(w.viewer, `{ reportRuns { nodes { id tests { totalCount } } } }`)
	if r.code() != "INTERNAL" || r.Errors[0].Extensions.RequestID != "req-1" || strings.Contains(r.Body, "drift_tests") {
		t.Errorf("got %s", r.Body)
	}
	if n := strings.Count(w.log.String(), "level=ERROR"); n != 1 || !strings.Contains(w.log.String(), "request_id=req-1") {
		t.Errorf("%d log lines:\n%s", n, w.log)
	}
}
