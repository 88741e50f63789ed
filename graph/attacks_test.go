package graph_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"runtime"
	"strings"
	"testing"

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

// repeated is n copies of a text in which %d counts them.
func repeated(n int, format string) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, format, i)
	}
	return b.String()
}

// attack is a request that must end with a code, or with none where it turns
// out to be harmless.
type attack struct {
	name, body, code string
}

// query is an attack by a document alone.
func query(name, document, code string) attack {
	return attack{name, string(marshalled(map[string]any{"query": document})), code}
}

// variables is an attack by the variables of a document.
func variables(name, document, values, code string) attack {
	return attack{name, `{"query": ` + string(marshalled(document)) + `, "variables": ` + values + `}`, code}
}

func marshalled(v any) []byte {
	text, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return text
}

// floods have too many of something.
func floods() []attack {
	return []attack{
		query("alias flood", "{ "+repeated(20_000, "a%d: __typename ")+"}", "TOO_COMPLEX"),
		query("alias flood in tokens", "{ "+repeated(2_000, "a%d: __typename ")+"}", "TOO_COMPLEX"),
		query("root field flood", "{ "+repeated(21, "a%d: claims { totalCount } ")+"}", "TOO_COMPLEX"),
		query("same field flood", "{ "+strings.Repeat("__typename ", 9_000)+"}", "TOO_COMPLEX"),
		query("nested same field flood", "{ viewer { "+strings.Repeat("email ", 9_000)+"} }", "TOO_COMPLEX"),
		query("same field, admissible", "{ viewer { "+strings.Repeat("email ", 998)+"} }", ""),
		query("conflicting fields", "{ viewer { "+strings.Repeat("role role: email ", 2_000)+"} }", "TOO_COMPLEX"),
		query("overlapping fields", "{ viewer { "+repeated(33, "... { a: email b: role customer { c: id d: name ... { c: slug e: id %d: name } } } ")+"} }", "VALIDATION"),
		query("overlapping fields, pairwise", overlapping(24), "TOO_COMPLEX"),
		query("overlapping fields, admissible", overlapping(7), "VALIDATION"),
		query("directive flood", "{ __typename "+strings.Repeat("@a ", 20_000)+"}", "TOO_COMPLEX"),
		query("unknown directives", "{ __typename "+strings.Repeat("@a ", 60)+"}", "TOO_COMPLEX"),
		query("repeated directives", "{ __typename "+strings.Repeat("@skip(if: false) ", 45)+"}", "VALIDATION"),
		query("unknown field flood", "{ viewer { "+strings.Repeat("x ", 998)+"} }", "VALIDATION"),
		query("unknown argument flood", "{ claims("+strings.Repeat("x: 1 ", 3_000)+") { totalCount } }", "VALIDATION"),
		query("repeated argument", "{ claims("+strings.Repeat("first: 1 ", 3_000)+") { totalCount } }", "VALIDATION"),
		query("unknown variable flood", "query("+strings.Repeat("$x: Y ", 2_000)+") { __typename }", "VALIDATION"),
		query("repeated variable", "query("+strings.Repeat("$x: Int ", 2_000)+") { claims(first: $x) { totalCount } }", "VALIDATION"),
		query("many variables", "query("+repeated(2_400, "$v%d: Int ")+") { __typename }", "VALIDATION"),
		query("many operations", repeated(2_400, "query q%d { __typename } "), "TOO_COMPLEX"),
		query("operations of one name", strings.Repeat("query q { __typename } ", 900), "VALIDATION"),
		query("unnamed operations", strings.Repeat("{ __typename } ", 900), "VALIDATION"),
		query("fragment flood", "{ __typename }"+strings.Repeat(" fragment f on Query { __typename }", 200), "TOO_COMPLEX"),
		query("mutation flood", "mutation { "+repeated(15, "a%d: detectDrift(input: {}) { userErrors { code } } ")+"}", "TOO_COMPLEX"),
		query("page of pages", "{ reportRuns(first: 100) { nodes { driftEvents(first: 100) { nodes { id payer severity confidence cptGroup } } } } }", "TOO_COMPLEX"),
		query("evidence of a page", "{ driftEvents(first: 100) { nodes { evidence { reproduced } } } }", "TOO_COMPLEX"),
	}
}

// overlapping has n selections of each of n fields under one name, which
// validation has to compare with each other.
func overlapping(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "customer { %s } ", repeated(n, fmt.Sprintf("x%%d: %s ", []string{"id", "name", "slug"}[i%3])))
	}
	return "{ viewer { " + b.String() + "} }"
}

// shapes nest too deep, or go round in circles.
func shapes() []attack {
	return []attack{
		query("fragment cycle", "{ ...a } fragment a on Query { ...b } fragment b on Query { ...a }", "VALIDATION"),
		query("fragment of itself", "{ ...a } fragment a on Query { ...a ...a }", "VALIDATION"),
		query("fragment bomb", doubling(60, "__typename"), "TOO_COMPLEX"),
		query("fragment bomb below", strings.ReplaceAll(strings.ReplaceAll(doubling(60, "email"), "on Query", "on Viewer"), "{ ...f0 }", "{ viewer { ...f0 } }"), "TOO_COMPLEX"),
		query("deep fields", strings.Repeat("{ reportRuns { nodes { driftEvents { nodes { reportRun ", 4)+"{ id }"+strings.Repeat("} } } } }", 4), "TOO_COMPLEX"),
		query("there and back", "{ claims(first: 1) { nodes { "+strings.Repeat("upload { claims(first: 1) { nodes { ", 5)+"id"+strings.Repeat(" } } }", 5)+" } } }", "TOO_COMPLEX"),
		query("deep brackets", strings.Repeat("{ a ", 4_000)+strings.Repeat("}", 4_000), "TOO_COMPLEX"),
		query("deep list", "{ nodes(ids: "+strings.Repeat("[", 4_000)+strings.Repeat("]", 4_000)+") { id } }", "TOO_COMPLEX"),
		query("deep list type", "query($x: "+strings.Repeat("[", 4_000)+"Int"+strings.Repeat("]", 4_000)+") { __typename }", "TOO_COMPLEX"),
		query("deep object", "{ claims(filter: "+strings.Repeat("{payer: ", 3_000)+"1"+strings.Repeat("}", 3_000)+") { totalCount } }", "TOO_COMPLEX"),
		query("introspection bomb", "{ __schema { types { fields { type { fields { type { fields { name } } } } } } } }", "VALIDATION"),
		query("introspection flood", "{ "+repeated(15, "a%d: __schema { types { ...FullType } } ")+"}"+introspectionFragments, "TOO_COMPLEX"),
		query("defer", "{ viewer { ... @defer { email } } }", "VALIDATION"),
		query("subscription", "subscription { x }", "VALIDATION"),
	}
}

// literals are long, or are not what they look like.
func literals() []attack {
	return []attack{
		query("endless string", `{ node(id: "`+strings.Repeat("a", 500_000), "VALIDATION"),
		query("huge string", `{ node(id: "`+strings.Repeat("a", 500_000)+`") { id } }`, "VALIDATION"),
		query("huge block string", `{ node(id: """`+strings.Repeat("\n a", 200_000)+`""") { id } }`, "VALIDATION"),
		query("huge name", "{ "+strings.Repeat("a", 500_000)+" }", "VALIDATION"),
		query("endless comment", "{ __typename } #"+strings.Repeat("a", 900_000), ""),
		query("endless white space", "{ __typename }"+strings.Repeat(" ,\n", 200_000), ""),
		query("huge number", "{ claims(first: "+strings.Repeat("9", 400_000)+") { totalCount } }", "VALIDATION"),
		query("huge fraction", "{ driftEvents(filter: {minSeverity: 0."+strings.Repeat("1", 400_000)+"}) { totalCount } }", ""),
		query("huge exponent", "{ driftEvents(filter: {minSeverity: 1e"+strings.Repeat("9", 1_000)+"}) { totalCount } }", "VALIDATION"),
		query("huge amount", `{ claims(filter: {minAmount: "1e999999999"}) { totalCount } }`, "VALIDATION"),
		query("empty", "{}", "VALIDATION"),
		query("nul", "\x00", "VALIDATION"),
		query("byte order mark", "\ufeff{ __typename }", ""),
		query("bidirectional overrides", "{ __typename \u202e }", "VALIDATION"),
		query("escaped surrogate", `{ node(id: "\ud800") { id } }`, "VALIDATION"),
		query("escaped beyond Unicode", `{ node(id: "\u{110000}") { id } }`, "VALIDATION"),
		query("unknown escape", `{ node(id: "\x41") { id } }`, "VALIDATION"),
		query("name in another script", "{ сlaims { totalCount } }", "VALIDATION"),
		{"not UTF-8", "{\"query\": \"{ node(id: \\\"\xff\xfe\\\") { id } }\"}", "VALIDATION"},
		{"a lone surrogate in JSON", `{"query": "{ node(id: \"\ud800\") { id } }"}`, "VALIDATION"},
		{"a name in escapes", `{"\u0071uery": "{ __typename }"}`, ""},
		{"a member twice", `{"query": "{ viewer { email } }", "query": "{ __typename }"}`, ""},
	}
}

// requests are strange outside of the document.
func requests() []attack {
	const nodes = `query($ids: [ID!]!) { nodes(ids: $ids) { id } }`
	list := func(n int, item string) string {
		return `[` + strings.TrimSuffix(strings.Repeat(item+",", n), ",") + `]`
	}
	return []attack{
		{"batch", `[{"query": "{ __typename }"}, {"query": "{ __typename }"}]`, "VALIDATION"},
		{"batch of thousands", list(20_000, `{"query":"{ __typename }"}`), "VALIDATION"},
		variables("many identifiers", nodes, `{"ids": `+list(101, `"clm_1"`)+`}`, "VALIDATION"),
		variables("thousands of identifiers", nodes, `{"ids": `+list(11_000, `"clm_1"`)+`}`, "TOO_COMPLEX"),
		variables("values to fill the memory", nodes, `{"ids": `+list(400_000, `1`)+`}`, "TOO_COMPLEX"),
		variables("unused values to fill the memory", `{ __typename }`, `{"x": `+list(250_000, `[]`)+`}`, "TOO_COMPLEX"),
		variables("orders", `query($o: [ClaimOrder!]) { claims(orderBy: $o) { nodes { id } } }`, `{"o": `+list(4_000, `{"field": "PAYER"}`)+`}`, "VALIDATION"),
		variables("long search", `query($s: String) { claims(search: $s) { totalCount } }`, `{"s": "`+strings.Repeat("a ", 100_000)+`"}`, "VALIDATION"),
		variables("deep variables", `query($f: ClaimFilter) { claims(filter: $f) { totalCount } }`, `{"f": `+strings.Repeat(`{"payer":`, 9_000)+`1`+strings.Repeat(`}`, 9_000)+`}`, "VALIDATION"),
		variables("deeper variables", `{ __typename }`, `{"x": `+strings.Repeat(`[`, 400_000)+strings.Repeat(`]`, 400_000)+`}`, "TOO_COMPLEX"),
		variables("huge number in variables", `query($n: Int) { claims(first: $n) { totalCount } }`, `{"n": `+strings.Repeat("9", 400_000)+`}`, "VALIDATION"),
		variables("huge exponent in variables", `query($x: Float) { driftEvents(filter: {minSeverity: $x}) { totalCount } }`, `{"x": 1e999999}`, "VALIDATION"),
		{"large body", `{"query": "{ __typename }", "x": "` + strings.Repeat("a", 1<<20) + `"}`, "PAYLOAD_TOO_LARGE"},
		{"persisted nonsense", `{"extensions": {"persistedQuery": {"version": 1, "sha256Hash": "` + strings.Repeat("a", 100_000) + `"}}}`, "VALIDATION"},
	}
}

// allocated bounds the memory that one attack may take, all allocations added
// up: some fifty times the largest body.
const allocated = 64 << 20

// TestAttacks sends the corpus as everybody. Who has not signed in has tighter
// limits, so that an attack may end there with another refusal.
func TestAttacks(t *testing.T) { //nolint:paralleltest // the memory that each takes is measured
	w := newWorld(t)
	kinds := map[string][]attack{"floods": floods(), "shapes": shapes(), "literals": literals(), "requests": requests()}
	for kind, attacks := range kinds {
		for _, a := range attacks {
			for who, viewer := range map[string]models.Viewer{"anonymous": {}, "member": w.viewer} {
				t.Run(kind+"/"+a.name+"/"+who, func(t *testing.T) {
					w := w.in(t)
					var before, after runtime.MemStats
					runtime.ReadMemStats(&before)
					r := w.post(viewer, a.body, http.Header{})
					runtime.ReadMemStats(&after)
					refusedEarlier := who == "anonymous" && (r.code() == "TOO_COMPLEX" || r.code() == "PAYLOAD_TOO_LARGE" || r.code() == "UNAUTHENTICATED")
					if r.code() != a.code && !refusedEarlier {
						t.Errorf("answers %q, want %q: %.300s", r.code(), a.code, r.Body)
					}
					if len(r.Errors) > 10 || len(r.Body) > 20_000 {
						t.Errorf("%d errors, %d bytes", len(r.Errors), len(r.Body))
					}
					if took := after.TotalAlloc - before.TotalAlloc; took > allocated {
						t.Errorf("%d KiB allocated", took>>10)
					}
				})
			}
		}
	}
	if strings.Contains(w.log.String(), "level=ERROR") {
		t.Errorf("an attack is logged as a failure of ours: %.1000s", w.log)
	}
}

// TestAnonymousGetLittle holds a stranger to limits that a member is far from,
// in words that say so.
func TestAnonymousGetLittle(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	const wide = `{ a: __typename b: __typename c: __typename d: __typename e: __typename f: __typename }`
	if r := w.ask(models.Viewer{}, wide); r.code() != "TOO_COMPLEX" || r.Errors[0].Message != "The operation has 6 root fields; at most 5 are allowed before signing in." {
		t.Errorf("anonymous: %s", r.Body)
	}
	w.data(w.viewer, wide)
	// The measures of a document that somebody may send are kept; the limits are
	// those of who sends it next.
	if r := w.ask(models.Viewer{}, wide); r.code() != "TOO_COMPLEX" {
		t.Errorf("anonymous, after a member: %s", r.Body)
	}
}
