package graph_test

import (
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"

	"upstream/graph"
	"upstream/models"
)

// doubling is a document whose fragments each spread the next one twice:
// expanded it has 2^n fields.
func doubling(n int, leaf string) string {
	var b strings.Builder
	b.WriteString("{ ...f0 }")
	for i := range n {
		fmt.Fprintf(&b, " fragment f%d on Query { ...f%d ... { ...f%d } }", i, i+1, i+1)
	}
	fmt.Fprintf(&b, " fragment f%d on Query { %s }", n, leaf)
	return b.String()
}

// attacks is the corpus of operations that must end quickly with a coded error.
func attacks() map[string]struct{ query, code string } {
	aliases := func(n int, field string) string {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, "a%d: %s ", i, field)
		}
		return b.String()
	}
	return map[string]struct{ query, code string }{
		"alias flood":             {"{ " + aliases(20_000, "__typename") + "}", "TOO_COMPLEX"},
		"alias flood in tokens":   {"{ " + aliases(2_000, "__typename") + "}", "TOO_COMPLEX"},
		"root field flood":        {"{ " + strings.Repeat("claims { totalCount } ", 21) + "}", "TOO_COMPLEX"},
		"same field flood":        {"{ " + strings.Repeat("__typename ", 9_000) + "}", "TOO_COMPLEX"},
		"nested same field flood": {"{ viewer { " + strings.Repeat("email ", 9_000) + "} }", "TOO_COMPLEX"},
		"same field, admissible":  {"{ viewer { " + strings.Repeat("email ", 998) + "} }", ""},
		"conflicting field flood": {"{ viewer { " + strings.Repeat("role role: email ", 2_000) + "} }", "TOO_COMPLEX"},
		"directive flood":         {"{ __typename " + strings.Repeat("@a ", 20_000) + "}", "TOO_COMPLEX"},
		"unknown directives":      {"{ __typename " + strings.Repeat("@a ", 60) + "}", "TOO_COMPLEX"},
		"unknown field flood":     {"{ viewer { " + strings.Repeat("x ", 998) + "} }", "VALIDATION"},
		"unknown argument flood":  {"{ claims(" + strings.Repeat("x: 1 ", 3_000) + ") { totalCount } }", "VALIDATION"},
		"unknown variable flood":  {"query(" + strings.Repeat("$x: Y ", 2_000) + ") { __typename }", "VALIDATION"},
		"fragment flood":          {"{ __typename }" + strings.Repeat(" fragment f on Query { __typename }", 200), "TOO_COMPLEX"},
		"fragment cycle":          {"{ ...a } fragment a on Query { ...b } fragment b on Query { ...a }", "VALIDATION"},
		"fragment doubling":       {doubling(60, "__typename"), "TOO_COMPLEX"},
		"fragment doubling below": {strings.ReplaceAll(strings.ReplaceAll(doubling(60, "email"), "on Query", "on Viewer"), "{ ...f0 }", "{ viewer { ...f0 } }"), "TOO_COMPLEX"},
		"deep fields":             {strings.Repeat("{ reportRuns { nodes { driftEvents { nodes { reportRun ", 4) + "{ id }" + strings.Repeat("} } } } }", 4), "TOO_COMPLEX"},
		"deep brackets":           {strings.Repeat("{ a ", 4_000) + strings.Repeat("}", 4_000), "TOO_COMPLEX"},
		"deep list":               {"{ nodes(ids: " + strings.Repeat("[", 4_000) + strings.Repeat("]", 4_000) + ") { id } }", "TOO_COMPLEX"},
		"deep object":             {"{ claims(filter: " + strings.Repeat("{payer: ", 3_000) + "1" + strings.Repeat("}", 3_000) + ") { totalCount } }", "TOO_COMPLEX"},
		"page of pages":           {"{ reportRuns(first: 100) { nodes { driftEvents(first: 100) { nodes { id payer severity confidence cptGroup } } } } }", "TOO_COMPLEX"},
		"mutation flood":          {"mutation { " + aliases(15, "detectDrift(input: {}) { userErrors { code } }") + "}", "TOO_COMPLEX"},
		"introspection bomb":      {"{ __schema { types { fields { type { fields { type { fields { name } } } } } } } }", "VALIDATION"},
		"introspection flood":     {"{ " + aliases(15, "__schema { types { ...FullType } }") + "}" + introspectionFragments, "TOO_COMPLEX"},
		"defer":                   {"{ viewer { ... @defer { email } } }", "VALIDATION"},
		"subscription":            {"subscription { x }", "VALIDATION"},
		"endless string":          {`{ node(id: "` + strings.Repeat("a", 500_000), "VALIDATION"},
		"endless comment":         {"{ __typename } #" + strings.Repeat("a", 900_000), ""},
		"huge number":             {"{ claims(first: " + strings.Repeat("9", 400_000) + ") { totalCount } }", "VALIDATION"},
		"empty":                   {"{}", "VALIDATION"},
		"nul":                     {"\x00", "VALIDATION"},
	}
}

func TestAttacksEndQuicklyWithACode(t *testing.T) { //nolint:tparallel // the time of each is measured
	t.Parallel()
	w := newWorld(t)
	for name, attack := range attacks() {
		for who, viewer := range map[string]models.Viewer{"anonymous": {}, "member": w.viewer} {
			t.Run(name+"/"+who, func(t *testing.T) {
				w := w.in(t)
				var before, after runtime.MemStats
				runtime.ReadMemStats(&before)
				start := time.Now()
				r := w.ask(viewer, attack.query)
				took := time.Since(start)
				runtime.ReadMemStats(&after)
				want := attack.code
				if who == "anonymous" && r.code() == "UNAUTHENTICATED" {
					want = "UNAUTHENTICATED" // refused even earlier
				}
				if r.code() != want || len(r.Errors) > 10 || len(r.Body) > 20_000 {
					t.Errorf("%d errors, %d bytes: %.300s", len(r.Errors), len(r.Body), r.Body)
				}
				if took > 5*time.Second {
					t.Errorf("took %s", took)
				}
				t.Logf("%s, %d KiB allocated", took, (after.TotalAlloc-before.TotalAlloc)>>10)
			})
		}
	}
}

func TestHugeVariables(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	many := make([]any, 20_000)
	for i := range many {
		many[i] = "clm_1"
	}
	r := w.ask(w.viewer, `query($ids: [ID!]!) { nodes(ids: $ids) { id } }`, map[string]any{"ids": many})
	if r.code() != "VALIDATION" || r.field() != "ids" {
		t.Errorf("identifiers: %.300s", r.Body)
	}
	orders := make([]any, 10_000)
	for i := range orders {
		orders[i] = map[string]any{"field": "PAYER"}
	}
	r = w.ask(w.viewer, `query($o: [ClaimOrder!]) { claims(orderBy: $o) { nodes { id } } }`, map[string]any{"o": orders})
	if r.code() != "VALIDATION" || r.field() != "orderBy" {
		t.Errorf("orders: %.300s", r.Body)
	}
	r = w.ask(w.viewer, `query($s: String) { claims(search: $s) { totalCount } }`, map[string]any{"s": strings.Repeat("a ", 100_000)})
	if r.code() != "VALIDATION" || r.field() != "search" {
		t.Errorf("search: %.300s", r.Body)
	}
	r = w.ask(w.viewer, `{ __typename }`, map[string]any{"x": strings.Repeat("a", 1<<20)})
	if r.code() != "PAYLOAD_TOO_LARGE" || r.Status != 413 {
		t.Errorf("body: %d %.300s", r.Status, r.Body)
	}
}

// TestCost prices operations by hand.
func TestCost(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for query, want := range map[string]int{
		`{ __typename }`:                                                                            1,
		`{ viewer { email role } }`:                                                                 3,
		`{ claims(first: 10) { nodes { id payer } } }`:                                              1 + 10*3,
		`{ claims { nodes { id payer } } }`:                                                         1 + 20*3,
		`{ claims(last: 5) { edges { cursor node { id } } } }`:                                      1 + 5*4,
		`{ driftEvents(first: 2) { nodes { evidence { reproduced } } } }`:                           1 + 2*(1+2000+1),
		`{ claims(first: 0) { nodes { id } totalCount } }`:                                          1 + 10,
		`{ claims(first: 10) { pageInfo { hasNextPage } } }`:                                        1 + 2,
		`{ claims(first: 10) { ...c } } fragment c on ClaimConnection { nodes { id } totalCount }`:  1 + 10*2 + 10,
		`{ a: viewer { ...v } b: viewer { ...v } } fragment v on Viewer { email }`:                  4,
		`{ reportRuns(first: 10) { nodes { driftEvents(first: 5) { nodes { id } totalCount } } } }`: 1 + 10*(1+1+5*2+10),
		`{ nodes(ids: ["a", "b", "c"]) { id } }`:                                                    1 + 3,
		`query($n: Int = 7) { claims(first: $n) { nodes { id } } }`:                                 1 + 7*2,
		`mutation { detectDrift(input: {currentDays: 0}) { clientMutationId } }`:                    5000 + 2,
		`{ __type(name: "Claim") { fields { name } } }`:                                             1 + (1+6*1)/5,
	} {
		r := w.ask(w.analyst, query)
		if c := r.Extensions.Cost; c == nil || c.Requested != want || c.Budget != 50_000 || c.Remaining != 50_000-want {
			t.Errorf("%s costs %+v, want %d", query, c, want)
		}
	}
	r := w.ask(w.viewer, `{ claims { totalCount } }`)
	if c := r.Extensions.Cost; c.SQLStatements < 1 || c.DBMs <= 0 {
		t.Errorf("database work is not reported: %+v", c)
	}
}

func TestTheOrdinaryPasses(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	r := w.ask(w.viewer, introspectionQuery)
	if len(r.Errors) > 0 || !strings.Contains(r.Body, `"DriftEventConnection"`) || strings.Contains(r.Body, `"defer"`) {
		t.Errorf("introspection: %.500s", r.Body)
	}
	if c := r.Extensions.Cost.Requested; c < 1_000 || c > 10_000 {
		t.Errorf("introspection costs %d", c)
	}
	w.data(w.viewer, `{ reportRuns(first: 100) { edges { cursor node { id status driftEvents(first: 20) { edges { node { id payer severity } } } } } } }`)
}

func TestLimitsAreSettable(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		limits graph.Limits
		query  string
		code   string
	}{
		"Tokens":     {graph.Limits{Tokens: 4}, `{ viewer { email } }`, "TOO_COMPLEX"},
		"Depth":      {graph.Limits{Depth: 1}, `{ viewer { email } }`, "TOO_COMPLEX"},
		"Fields":     {graph.Limits{Fields: 1}, `{ viewer { email } }`, "TOO_COMPLEX"},
		"Aliases":    {graph.Limits{Aliases: 1}, `{ a: __typename b: __typename }`, "TOO_COMPLEX"},
		"Directives": {graph.Limits{Directives: 1}, `{ __typename @skip(if: false) @include(if: true) }`, "TOO_COMPLEX"},
		"Fragments":  {graph.Limits{Fragments: 1}, `{ ...a ...b } fragment a on Query { __typename } fragment b on Query { __typename }`, "TOO_COMPLEX"},
		"RootFields": {graph.Limits{RootFields: 1}, `{ a: __typename b: __typename }`, "TOO_COMPLEX"},
		"Budget":     {graph.Limits{Budget: 1}, `{ viewer { email } }`, "TOO_COMPLEX"},
		"Body":       {graph.Limits{Body: 10}, `{ viewer { email } }`, "PAYLOAD_TOO_LARGE"},
		"Query":      {graph.Limits{Query: time.Nanosecond}, `{ claims { totalCount } }`, "TOO_COMPLEX"},
		"Mutation":   {graph.Limits{Mutation: time.Nanosecond}, `mutation { detectDrift(input: {}) { userErrors { code } } }`, "TOO_COMPLEX"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorldWith(t, graph.Options{Limits: c.limits})
			if r := w.ask(w.analyst, c.query); r.code() != c.code {
				t.Errorf("got %s", r.Body)
			}
			if strings.Contains(w.log.String(), "level=ERROR") {
				t.Errorf("a limit was logged as a failure: %s", w.log)
			}
		})
	}
	t.Run("Errors", func(t *testing.T) {
		t.Parallel()
		w := newWorldWith(t, graph.Options{Limits: graph.Limits{Errors: 3}})
		if r := w.ask(w.viewer, `{ a b c d e }`); len(r.Errors) != 3 {
			t.Errorf("%d errors", len(r.Errors))
		}
		if r := w.ask(w.viewer, `{ a: claims(first: -1) { totalCount } b: claims(first: -1) { totalCount } c: claims(first: -1) { totalCount } d: claims(first: -1) { totalCount } }`); len(r.Errors) != 3 {
			t.Errorf("%d field errors", len(r.Errors))
		}
	})
	t.Run("NoIntrospection", func(t *testing.T) {
		t.Parallel()
		w := newWorldWith(t, graph.Options{NoIntrospection: true})
		for _, query := range []string{`{ __schema { types { name } } }`, `{ ... { ...f } } fragment f on Query { __type(name: "Claim") { name } }`} {
			if r := w.ask(w.viewer, query); r.code() != "FORBIDDEN" {
				t.Errorf("%s: %s", query, r.Body)
			}
		}
		w.data(w.viewer, `{ viewer { __typename } }`)
	})
}

func TestSuggestionsAreForMembers(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, query := range []string{
		`{ claim { totalCount } }`, `{ claims(frist: 1) { totalCount } }`, `{ claims { totalCount { x } } }`, `{ viewer }`,
		`{ claims(filter: {outcome: PAYD}) { totalCount } }`, `query($f: ClaimFiltr) { claims(filter: $f) { totalCount } }`,
		`{ ... on Clam { id } }`, `{ claims(filter: {payr: "x"}) { totalCount } }`,
	} {
		member, anonymous := w.ask(w.viewer, query), w.ask(models.Viewer{}, query)
		if member.code() != "VALIDATION" || anonymous.code() != "VALIDATION" {
			t.Errorf("%s: %s %s", query, member.Body, anonymous.Body)
		}
		if strings.Contains(strings.ToLower(anonymous.Body), "did you mean") {
			t.Errorf("anonymous is told: %s", anonymous.Body)
		}
	}
	if r := w.ask(w.viewer, `{ claim { totalCount } }`); !strings.Contains(r.Body, "Did you mean") {
		t.Errorf("members are not: %s", r.Body)
	}
}

const introspectionQuery = introspectionOperation + introspectionFragments

const introspectionOperation = `query IntrospectionQuery { __schema { queryType { name } mutationType { name } subscriptionType { name }
	types { ...FullType } directives { name description locations args { ...InputValue } } } }`

const introspectionFragments = `
	fragment FullType on __Type { kind name description specifiedByURL fields(includeDeprecated: true) { name description args { ...InputValue }
		type { ...TypeRef } isDeprecated deprecationReason } inputFields { ...InputValue } interfaces { ...TypeRef }
		enumValues(includeDeprecated: true) { name description isDeprecated deprecationReason } possibleTypes { ...TypeRef } }
	fragment InputValue on __InputValue { name description type { ...TypeRef } defaultValue }
	fragment TypeRef on __Type { kind name ofType { kind name ofType { kind name ofType { kind name ofType { kind name ofType { kind name
		ofType { kind name ofType { kind name } } } } } } } }`
