package graph_test

import (
	"strings"
	"testing"
	"time"

	"upstream/graph"
	"upstream/models"
)

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
		if c := r.Extensions.Cost; c == nil || c.Requested != want || (c.Actual > want && !strings.Contains(query, "__type(")) || c.Budget != 50_000 || c.Remaining != 50_000-want {
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
		"Values":     {graph.Limits{Values: 1}, `{ viewer { email } }`, "TOO_COMPLEX"},
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
			w := newWorldWith(t, graph.Options{Limits: forAll(c.limits)})
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
		w := newWorldWith(t, graph.Options{Limits: forAll(graph.Limits{Errors: 3})})
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
