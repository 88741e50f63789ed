package apitest

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"testing"

	"upstream/internal/factory"
	"upstream/models"
)

// write is a case that changes rows: REST is asked on one server and GraphQL
// on another, to which the same happened before, and then both databases must
// hold the same, row by row.
type write struct {
	Case

	// changes are the tables in which rows must differ from before; none when
	// the case must leave everything as it was.
	changes []string
}

// twins are two servers to which the same happened.
type twins struct{ rest, graphql *Server }

func newTwins(t testing.TB, seed func(*Server)) twins {
	t.Helper()
	w := twins{rest: NewServer(t), graphql: NewServer(t)}
	seed(w.rest)
	seed(w.graphql)
	return w
}

// ask puts a case to each twin by its API.
func (w twins) ask(t tester, c Case) (rest, graphql Answer) {
	t.Helper()
	rest = restAnswer(t, c.GraphQL.Type, w.rest.rest(t, c.As, c.REST))
	graphql = graphqlAnswer(t, c.GraphQL, w.graphql.graphql(t, c.As, c.GraphQL))
	for _, row := range slices.Concat(rest.Rows, graphql.Rows) {
		delete(row, "prefix") // of a key, which is random
	}
	return rest, graphql
}

// states is what both databases hold of both clinics; it fails unless the two
// hold the same.
func (w twins) states(t tester, when string) map[string][]string {
	t.Helper()
	held := map[string][]string{}
	for _, pair := range [][2]*factory.Tenant{{w.rest.Cedar, w.graphql.Cedar}, {w.rest.Harbor, w.graphql.Harbor}} {
		first, second := state(t, pair[0]), state(t, pair[1])
		same(t, "the databases "+when+" REST and "+when+" GraphQL", first, second)
		for table, rows := range first {
			held[table] = append(held[table], rows...)
		}
	}
	return held
}

// changed are the tables that hold something else than before.
func changed(before, after map[string][]string) []string {
	var tables []string
	for _, table := range slices.Sorted(maps.Keys(after)) {
		if !slices.Equal(before[table], after[table]) {
			tables = append(tables, table)
		}
	}
	return tables
}

// run asks, and compares the answers and the rows.
func (c write) run(t *testing.T, w twins) {
	t.Helper()
	if c.As.User != "" {
		w.rest.token(t, c.As.User) // signing in writes rows too
		w.graphql.token(t, c.As.User)
	}
	before := w.states(t, "before")
	rest, graphql := w.ask(t, c.Case)
	c.check(t, rest, graphql)
	same(t, c.Name+": the tables that change", c.changes, changed(before, w.states(t, "after")))
}

// ingestShift gives both clinics claims in which one payer drifted.
func ingestShift(s *Server) {
	s.Cedar.Ingest(shift(factory.Today())...)
	s.Harbor.Ingest(shift(factory.Today().AddDays(-20))...)
}

// detections are runs that succeed.
func detections() []write {
	found := []string{"audit_events", "audit_heads", "drift_events", "drift_tests", "report_runs", "webhook_events", "webhook_streams"}
	nothing := []string{"audit_events", "audit_heads", "report_runs", "webhook_events", "webhook_streams"}
	one := func(changes []string, name string, parameters map[string]any) write {
		return write{Case: detection(name, parameters), changes: changes}
	}
	as := func(w write, asker Asker) write {
		w.Name, w.As = w.Name+" by "+asker.String(), asker
		return w
	}
	return []write{
		one(found, "nothing but defaults", nil),
		one(found, "every parameter", map[string]any{
			"as_of": "2026-06-14", "run_type": "custom", "method": "statistical", "window_by": "decided",
			"current_days": 20, "baseline_days": 60, "min_volume": 10, "alpha": 0.1,
		}),
		one(found, "the threshold method", map[string]any{"method": "threshold", "window_by": "decided"}),
		one(found, "the threshold method by its own window", map[string]any{"method": "threshold", "current_days": 50, "baseline_days": 60}),
		one(found, "by the day of submission", map[string]any{"window_by": "submitted", "current_days": 50, "baseline_days": 60}),
		one(nothing, "a monthly run, before the change", map[string]any{"run_type": "monthly"}),
		one(found, "some signals", map[string]any{"signals": []string{"PAYMENT_AMOUNT", "DENIAL_RATE"}}),
		one(found, "windows of any length", map[string]any{"current_days": 14, "baseline_days": 1095}),
		one([]string{"audit_events", "audit_heads", "drift_tests", "report_runs", "webhook_events", "webhook_streams"}, "too strict to find anything", map[string]any{"alpha": 1e-300}),
		one(nothing, "windows without data", map[string]any{"as_of": "2020-01-01"}),
		one(nothing, "more volume than there is", map[string]any{"min_volume": 1000000}),
		one(nothing, "the earliest day", map[string]any{"as_of": "1990-01-01"}),
		one(found, "today", map[string]any{"as_of": factory.Today().String()}),
		as(one(found, "nothing but defaults", nil), Asker{User: "cedar.owner"}),
		as(one(found, "nothing but defaults", nil), Asker{User: "root", Customer: "{cedar}"}),
		as(one([]string{"audit_events", "audit_heads", "drift_events", "drift_tests", "report_runs", "webhook_events", "webhook_streams"}, "nothing but defaults", map[string]any{"as_of": "2026-05-26"}), Asker{User: "harbor.admin"}),
	}
}

// TestDetections runs a few detections one after another on each pair of
// twins: what a run finds depends on those before it, in both alike.
func TestDetections(t *testing.T) {
	t.Parallel()
	for some := range slices.Chunk(detections(), 4) {
		t.Run("from "+some[0].Name, func(t *testing.T) {
			t.Parallel()
			w := newTwins(t, ingestShift)
			for _, c := range some {
				t.Run(c.Name, func(t *testing.T) {
					c.run(t, w)
					w.crossRead(t, c.As)
				})
			}
		})
	}
}

// crossRead reads by GraphQL what REST wrote, and by REST what GraphQL wrote.
func (w twins) crossRead(t *testing.T, as Asker) {
	t.Helper()
	runs := Case{Name: "runs", As: as, REST: Call{Path: "reports/"}, GraphQL: rootConnection("reportRuns", selection)}
	_, byGraphQL := w.rest.ask(t, runs)
	byREST, _ := w.graphql.ask(t, runs)
	same(t, "runs made by the other API", byREST, byGraphQL)
	if len(byREST.Rows) == 0 {
		t.Fatal("no run to read")
	}
	id := fmt.Sprint(byREST.Rows[0]["id"])
	for _, b := range []branch{{"tests/", "tests"}, {"drift-events/", "driftEvents"}} {
		op := nestedConnection("ReportRun", b.field, selection)
		op.Variables = map[string]any{"id": id, "first": 100}
		c := Case{Name: b.field, As: as, REST: Call{Path: "reports/" + id + "/" + b.path}, GraphQL: op}
		_, byGraphQL := w.rest.ask(t, c)
		byREST, _ := w.graphql.ask(t, c)
		same(t, b.field+" made by the other API", byREST, byGraphQL)
	}
}

// TestSuccessiveDetections runs one detection after another, by turns, on both
// twins: later runs build on what earlier ones found.
func TestSuccessiveDetections(t *testing.T) {
	t.Parallel()
	w := newTwins(t, ingestShift)
	for _, day := range []string{"2026-06-13", "2026-06-14", "2026-06-15"} {
		c := write{Case: detection(day, map[string]any{"as_of": day}), changes: []string{"audit_events", "audit_heads", "drift_events", "drift_tests", "report_runs", "webhook_events", "webhook_streams"}}
		c.run(t, w)
		w.rest, w.graphql = w.graphql, w.rest
	}
}

// refusals are runs that both APIs refuse.
func refusals() []write {
	refused := func(name string, parameters map[string]any, fields ...string) write {
		c := detection(name, parameters)
		c.Want, c.Fields = models.CodeValidation, fields
		return write{Case: c}
	}
	// undecodable are values that GraphQL refuses while it validates.
	undecodable := func(w write) write {
		w.WordsOnly = true
		return w
	}
	cases := []write{
		refused("as of tomorrow", map[string]any{"as_of": factory.Today().AddDays(1).String()}, "as_of invalid"),
		refused("as of the far future", map[string]any{"as_of": "9999-12-31"}, "as_of invalid"),
		refused("as of before there were claims", map[string]any{"as_of": "1989-12-31"}, "as_of invalid"),
		refused("everything out of bounds but the day", map[string]any{"current_days": 0, "baseline_days": -1, "min_volume": 0, "alpha": 0},
			"alpha invalid", "baseline_days invalid", "current_days invalid", "min_volume invalid"),
		undecodable(refused("a day that is none", map[string]any{"as_of": "2026-02-30"}, "as_of invalid")),
		undecodable(refused("a day in words", map[string]any{"as_of": "tomorrow"}, "as_of invalid")),
		undecodable(refused("a day as a number", map[string]any{"as_of": 20260501}, "as_of invalid")),
		undecodable(refused("a method that is none", map[string]any{"method": "dice"}, "method invalid")),
		undecodable(refused("a type that is none", map[string]any{"run_type": "daily"}, "run_type invalid")),
		undecodable(refused("a window by what is no date", map[string]any{"window_by": "paid"}, "window_by invalid")),
		undecodable(refused("an unknown parameter", map[string]any{"current_dayz": 14}, "current_dayz unknown")),
		undecodable(refused("half a day", map[string]any{"current_days": 14.5}, "current_days invalid")),
		undecodable(refused("a number in words", map[string]any{"min_volume": "many"}, "min_volume invalid")),
		undecodable(refused("a truth value for a number", map[string]any{"alpha": true}, "alpha invalid")),
		undecodable(refused("a list", map[string]any{"alpha": []any{0.05}}, "alpha invalid")),
		undecodable(refused("more days than an integer holds", map[string]any{"current_days": math.MaxInt32 + 1}, "current_days invalid")),
	}
	for name, values := range map[string][]any{
		"current_days": {0, -1, 1096}, "baseline_days": {0, -14, 1096}, "min_volume": {0, -1, 1000001}, "alpha": {0, -0.05, 0.51, 1, 1e300},
	} {
		for _, v := range values {
			cases = append(cases, refused(fmt.Sprint(name, " ", v), map[string]any{name: v}, name+" invalid"))
		}
	}
	both := refused("a day to come and a window of none", map[string]any{"as_of": "2030-01-01", "current_days": 0}, "as_of invalid", "current_days invalid")
	return append(cases, both)
}

// TestRefusedDetections puts all refusals to one pair of twins, and demands
// that not a row has changed after each.
func TestRefusedDetections(t *testing.T) {
	t.Parallel()
	w := newTwins(t, func(s *Server) {
		for _, p := range people() {
			if p.User != "" {
				s.token(s, p.User)
			}
		}
	})
	for _, c := range refusals() {
		t.Run(c.Name, func(t *testing.T) { c.run(t, w) })
	}
	for _, p := range people() {
		if p.detecting == "" {
			continue
		}
		c := write{Case: detection(p.String(), nil)}
		c.As, c.Want, c.Fields = p.Asker, p.detecting, p.fields
		t.Run(strings.ReplaceAll(c.Name, "/", ""), func(t *testing.T) { c.run(t, w) })
	}
}
