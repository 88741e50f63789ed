package graph_test

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"upstream/internal/factory"
	"upstream/models"
)

// list is a connection under test.
type list struct {
	name string
	// path leads to the connection in the answer.
	path []any
	// query has %s for the arguments.
	query string
	// key selects what identifies a row.
	key    string
	orders []string
	rows   int
}

func lists(run, upload, event any) []list {
	ofRun := fmt.Sprintf(`{ node(id: %q) { ... on ReportRun { %%s } } }`, run)
	ofUpload := fmt.Sprintf(`{ node(id: %q) { ... on Upload { %%s } } }`, upload)
	ofEvent := fmt.Sprintf(`{ node(id: %q) { ... on DriftEvent { %%s } } }`, event)
	claims := []string{"DECIDED_DATE", "SUBMITTED_DATE", "PAYER", "OUTCOME"}
	events := []string{"CREATED_AT", "SEVERITY", "PAYER"}
	return []list{
		{"claims", []any{"claims"}, `{ %s }`, "id", claims, 35},
		{"uploads", []any{"uploads"}, `{ %s }`, "id", []string{"UPLOADED_AT", "STATUS", "ROW_COUNT"}, 7},
		{"reportRuns", []any{"reportRuns"}, `{ %s }`, "id", []string{"STARTED_AT", "STATUS", "RUN_TYPE"}, 5},
		{"driftEvents", []any{"driftEvents"}, `{ %s }`, "id", events, 35},
		{"activeDriftEvents", []any{"activeDriftEvents"}, `{ %s }`, "id", events, 7},
		{"claims", []any{"node", "claims"}, ofUpload, "id", claims, 5},
		{"rejections", []any{"node", "rejections"}, ofUpload, "key: rowNumber", []string{"ROW_NUMBER"}, 6},
		{"driftEvents", []any{"node", "driftEvents"}, ofRun, "id", events, 7},
		{"claims", []any{"node", "claims"}, ofEvent, "id", claims, 12},
		{"apiKeys", []any{"apiKeys"}, `{ %s }`, "id", []string{"CREATED_AT", "NAME", "EXPIRES_AT", "LAST_USED_AT"}, 6},
		{"tests", []any{"node", "tests"}, ofRun, "key: payer", []string{"PAYER", "P_VALUE", "Q_VALUE"}, 9},
	}
}

// page is one decoded page.
type page struct {
	keys, cursors []string
	next, prev    bool
	start, end    string
	total         int
}

func (w *world) page(l list, args string) page {
	w.t.Helper()
	field := fmt.Sprintf(`%s(%s) { totalCount edges { cursor node { %s } } nodes { %s } pageInfo { hasNextPage hasPreviousPage startCursor endCursor } }`,
		l.name, args, l.key, l.key)
	c := at(w.t, any(w.data(w.viewer, fmt.Sprintf(l.query, field))), l.path...).(map[string]any)
	key, _, _ := strings.Cut(l.key, ":")
	p := page{total: int(c["totalCount"].(float64))}
	for i, e := range c["edges"].([]any) {
		p.keys = append(p.keys, fmt.Sprint(at(w.t, e, "node", key)))
		p.cursors = append(p.cursors, at(w.t, e, "cursor").(string))
		if got := fmt.Sprint(at(w.t, c["nodes"], i, key)); got != p.keys[i] {
			w.t.Errorf("nodes and edges differ: %s, %s", got, p.keys[i])
		}
	}
	info := c["pageInfo"].(map[string]any)
	p.next, p.prev = info["hasNextPage"].(bool), info["hasPreviousPage"].(bool)
	p.start, _ = info["startCursor"].(string)
	p.end, _ = info["endCursor"].(string)
	return p
}

// walk pages through a whole list in one direction and checks at every page
// that the neighbours are reported truly.
func (w *world) walk(l list, order string, size int, backward bool) []string {
	w.t.Helper()
	var all []string
	cursor := ""
	for i := 0; ; i++ {
		args := fmt.Sprintf("%s first: %d", order, size)
		if backward {
			args = fmt.Sprintf("%s last: %d", order, size)
		}
		if cursor != "" {
			args += map[bool]string{false: " after: ", true: " before: "}[backward] + strconv.Quote(cursor)
		}
		p := w.page(l, args)
		ahead, behind := p.next, p.prev
		if backward {
			ahead, behind = p.prev, p.next
			all = append(slices.Clone(p.keys), all...)
		} else {
			all = append(all, p.keys...)
		}
		if behind != (i > 0) || ahead != (len(all) < l.rows) || p.total != l.rows {
			w.t.Errorf("%s %s page %d: ahead %v behind %v total %d after %d of %d rows", l.name, args, i, ahead, behind, p.total, len(all), l.rows)
		}
		if !ahead || len(p.keys) == 0 {
			return all
		}
		cursor = p.end
		if backward {
			cursor = p.start
		}
	}
}

func pagingWorld(t *testing.T) (*world, []list) {
	t.Helper()
	w := newWorld(t)
	w.uploads(w.cedar, 7, 5, 6)
	w.runs(w.cedar, 5, 7, 9)
	w.uploads(w.harbor, 2, 2, 2)
	w.runs(w.harbor, 2, 2, 2)
	// Keys with few values of what they are ordered by, and nulls among them.
	for i := range 6 {
		key := models.NewAPIKey{Name: fmt.Sprint("key ", i), Scopes: []models.Scope{models.ScopeClaimsRead}}
		if i%3 > 0 {
			key.ExpiresAt = new(now.AddDate(0, 0, i%3))
		}
		if _, err := w.store.CreateAPIKey(t.Context(), models.SystemViewer(w.cedar), key); err != nil {
			t.Fatal(err)
		}
	}
	w.sql(w.cedar, `UPDATE api_keys SET last_used_at = created_at WHERE name IN ('key 1', 'key 4')`)
	// An event with twelve claims behind it, ties among them and others beside.
	w.sql(w.cedar, `UPDATE claims SET payer = 'Payer 001', cpt_group = 'EM', decided_date = date '2026-04-10' + n::int % 3,
		submitted_date = date '2026-04-01' + n::int % 2, outcome = (ARRAY['PAID', 'DENIED'])[1 + n % 2]
		FROM (SELECT id, row_number() OVER (ORDER BY id) AS n FROM claims) numbered WHERE numbered.id = claims.id AND n <= 12`)
	w.viewer = w.user(w.cedar, "admin@paging.test", models.RoleAdmin) // who reads every list
	got := w.data(w.viewer, `{ reportRuns(first: 1) { nodes { id } } uploads(last: 1) { nodes { id } } driftEvents(first: 1, filter: {payer: "001"}) { nodes { id } } }`)
	return w, lists(at(t, got, "reportRuns", "nodes", 0, "id"), at(t, got, "uploads", "nodes", 0, "id"), at(t, got, "driftEvents", "nodes", 0, "id"))
}

// TestPagingIsStable walks lists while rows come and go: whatever is there from
// the first page to the last is seen exactly once, in order.
func TestPagingIsStable(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	rapid.Check(t, func(rt *rapid.T) {
		customer := w.customer(factory.Slug())
		w := w.in(t)
		w.viewer = models.Viewer{UserID: w.viewer.UserID, CustomerID: customer, Role: models.RoleViewer, Email: "v@v.test"}
		w.uploads(customer, rapid.IntRange(2, 12).Draw(rt, "rows"), 0, 0)
		order := fmt.Sprintf("orderBy: [{field: %s, direction: %s}]", rapid.SampledFrom([]string{"UPLOADED_AT", "STATUS", "ROW_COUNT"}).Draw(rt, "field"),
			rapid.SampledFrom([]string{"ASC", "DESC"}).Draw(rt, "direction"))
		l := list{"uploads", []any{"uploads"}, `{ %s }`, "id", nil, 0}
		backward, size := rapid.Bool().Draw(rt, "backward"), rapid.IntRange(1, 4).Draw(rt, "size")
		survivors := w.page(l, order+" first: 100").keys
		var seen []string
		for cursor := ""; ; {
			args := fmt.Sprintf("%s %s: %d", order, map[bool]string{false: "first", true: "last"}[backward], size)
			if cursor != "" {
				args += map[bool]string{false: " after: ", true: " before: "}[backward] + strconv.Quote(cursor)
			}
			p := w.page(l, args)
			ahead, end := p.next, p.end
			if backward {
				seen, ahead, end = append(slices.Clone(p.keys), seen...), p.prev, p.start
			} else {
				seen = append(seen, p.keys...)
			}
			if !ahead || len(p.keys) == 0 {
				break
			}
			cursor = end
			if rapid.Bool().Draw(rt, "insert") {
				w.uploads(customer, rapid.IntRange(1, 3).Draw(rt, "more"), 0, 0)
			}
			if gone := rapid.SampledFrom(append(slices.Clone(survivors), "")).Draw(rt, "gone"); gone != "" {
				var id models.UploadID
				if err := id.UnmarshalText([]byte(gone)); err != nil {
					rt.Fatal(err)
				}
				w.sql(customer, "DELETE FROM uploads WHERE id = $1", id.UUID())
				survivors = slices.DeleteFunc(survivors, func(key string) bool { return key == gone })
			}
		}
		counted := map[string]int{}
		for _, key := range seen {
			if counted[key]++; counted[key] > 1 {
				rt.Fatalf("%s is seen twice", key)
			}
		}
		kept := slices.DeleteFunc(slices.Clone(seen), func(key string) bool { return !slices.Contains(survivors, key) })
		if !slices.Equal(kept, survivors) {
			rt.Fatalf("%s\nwant %v\nseen %v", order, survivors, kept)
		}
	})
}

// TestPaging walks every connection in every order to its end and back.
func TestPaging(t *testing.T) {
	t.Parallel()
	w, all := pagingWorld(t)
	for _, l := range all {
		for _, field := range append(l.orders, "") {
			for _, direction := range []string{"ASC", "DESC"} {
				order := ""
				if field != "" {
					order = fmt.Sprintf("orderBy: {field: %s, direction: %s}", field, direction)
				}
				t.Run(fmt.Sprint(l.path, " ", order), func(t *testing.T) {
					t.Parallel()
					w := w.in(t)
					whole := w.page(l, order+" first: 100").keys
					if len(whole) != l.rows {
						t.Fatalf("%d rows, want %d", len(whole), l.rows)
					}
					forth, back := w.walk(l, order, 3, false), w.walk(l, order, 4, true)
					if !slices.Equal(forth, whole) || !slices.Equal(back, whole) {
						t.Errorf("whole %v\nforth %v\nback  %v", whole, forth, back)
					}
				})
			}
		}
	}
}

// TestPagingProperty cuts windows at random cursors and compares them with
// slices of the whole list.
func TestPagingProperty(t *testing.T) {
	t.Parallel()
	w, all := pagingWorld(t)
	rapid.Check(t, func(rt *rapid.T) {
		l := rapid.SampledFrom(all).Draw(rt, "list")
		order := fmt.Sprintf("orderBy: [{field: %s, direction: %s}, {field: %s}]", rapid.SampledFrom(l.orders).Draw(rt, "field"),
			rapid.SampledFrom([]string{"ASC", "DESC"}).Draw(rt, "direction"), rapid.SampledFrom(l.orders).Draw(rt, "second"))
		whole := w.page(l, order+" first: 100")
		lo, hi := 0, len(whole.keys)
		args := order
		if rapid.Bool().Draw(rt, "after?") {
			i := rapid.IntRange(0, len(whole.keys)-1).Draw(rt, "after")
			lo, args = i+1, args+" after: "+strconv.Quote(whole.cursors[i])
		}
		if rapid.Bool().Draw(rt, "before?") {
			i := rapid.IntRange(0, len(whole.keys)-1).Draw(rt, "before")
			hi, args = i, args+" before: "+strconv.Quote(whole.cursors[i])
		}
		size := rapid.IntRange(0, 12).Draw(rt, "size")
		hi = max(lo, hi)
		want := whole.keys[lo:hi]
		if rapid.Bool().Draw(rt, "backward") {
			args += fmt.Sprintf(" last: %d", size)
			want = want[max(0, len(want)-size):]
		} else {
			args += fmt.Sprintf(" first: %d", size)
			want = want[:min(size, len(want))]
		}
		got := w.page(l, args)
		if !slices.Equal(got.keys, want) {
			rt.Fatalf("%s(%s)\nwant %v\ngot  %v", l.name, args, want, got.keys)
		}
		if len(want) > 0 {
			first := slices.Index(whole.keys, want[0])
			if got.prev != (first > 0) || got.next != (first+len(want) < len(whole.keys)) {
				rt.Fatalf("%s(%s): previous %v next %v at %d+%d of %d", l.name, args, got.prev, got.next, first, len(want), len(whole.keys))
			}
		}
	})
}

func TestWindowIsChecked(t *testing.T) {
	t.Parallel()
	w, all := pagingWorld(t)
	foreign := strconv.Quote(w.page(all[0], "orderBy: {field: PAYER} first: 1").end)
	for args, fields := range map[string][]string{
		"first: -1": {"first"}, "first: 101": {"first"}, "last: -1": {"last"}, "last: 101": {"last"},
		"first: 1, last: 1": {"last"}, "first: -1, last: 101": {"first", "last", "last"},
		`after: "nonsense"`: {"after"}, `last: 1, before: "nonsense"`: {"before"}, "after: " + foreign: {"after"},
		"search: " + strconv.Quote(strings.Repeat("a", 201)): {"search"},
	} {
		r := w.ask(w.viewer, "{ claims("+args+") { nodes { id } } }")
		var got []string
		for _, f := range r.Errors[0].Extensions.Fields {
			got = append(got, f.Path)
		}
		if r.code() != "VALIDATION" || !slices.Equal(got, fields) || fmt.Sprint(r.Errors[0].Path) != "[claims]" || len(r.Errors[0].Locations) != 1 {
			t.Errorf("%s: %s", args, r.Body)
		}
	}
	equal(t, w.data(w.viewer, `{ claims(first: 0) { nodes { id } edges { cursor } } }`), `{"claims": {"nodes": [], "edges": []}}`)
	if n := len(at(t, w.data(w.viewer, `{ claims { nodes { id } } }`), "claims", "nodes").([]any)); n != 20 {
		t.Errorf("default page has %d rows", n)
	}
}

// TestOnlyTheSelectedIsRead compares the number of statements of selections.
func TestOnlyTheSelectedIsRead(t *testing.T) {
	t.Parallel()
	w, all := pagingWorld(t)
	cursor := strconv.Quote(w.page(all[0], "first: 3").end)
	statements := func(query string) int {
		t.Helper()
		return w.ask(w.viewer, query).Extensions.Cost.SQLStatements
	}
	rows := statements(`{ claims { nodes { id } } }`)
	for query, extra := range map[string]int{
		`{ claims { edges { cursor } } }`:        0,
		`{ claims { totalCount } }`:              0,
		`{ claims { __typename } }`:              -1,
		`{ claims { totalCount nodes { id } } }`: 1,
		`{ claims { ...c } } fragment c on ClaimConnection { totalCount nodes { id } }`:    1,
		`{ claims { totalCount @skip(if: true) nodes { id } } }`:                           0,
		`{ claims { pageInfo { hasNextPage hasPreviousPage } } }`:                          0,
		`{ claims(after: ` + cursor + `) { pageInfo { hasNextPage } } }`:                   0,
		`{ claims(after: ` + cursor + `) { pageInfo { hasPreviousPage } } }`:               1,
		`{ claims(last: 2, before: ` + cursor + `) { pageInfo { hasPreviousPage } } }`:     0,
		`{ claims(last: 2, before: ` + cursor + `) { pageInfo { ... { hasNextPage } } } }`: 1,
	} {
		if got := statements(query); got != rows+extra {
			t.Errorf("%s: %d statements, want %d", query, got, rows+extra)
		}
	}
}

func TestPagingIsStableUnderInserts(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.uploads(w.cedar, 4, 0, 0)
	l := list{"uploads", []any{"uploads"}, `{ %s }`, "id", nil, 4}
	before := w.page(l, "first: 100").keys
	first := w.page(l, "first: 2")
	w.ingest(w.analyst, "newer.csv", claimsFile("c", 1, 0))
	w.sql(w.cedar, "DELETE FROM uploads WHERE id = (SELECT id FROM uploads WHERE filename LIKE 'file %' ORDER BY uploaded_at DESC, id DESC LIMIT 1)")
	second := w.page(l, "first: 2 after: "+strconv.Quote(first.end))
	if !slices.Equal(second.keys, before[2:]) || !second.prev || second.next {
		t.Errorf("second page %v, want %v", second, before[2:])
	}
}
