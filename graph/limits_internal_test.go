package graph

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"github.com/google/go-cmp/cmp"
	"github.com/vektah/gqlparser/v2"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/validator/rules"
	"pgregory.net/rapid"

	"upstream/models"
)

// document draws a valid operation over a corner of the schema, with fragments
// that spread each other in places.
type document struct {
	t         *rapid.T
	fragments []string
	defined   map[string][]string
}

// selection draws what is selected below an object of a type.
func (d *document) selection(typ string, depth int) string {
	var b strings.Builder
	b.WriteString("{ id: __typename ")
	for range rapid.IntRange(1, 3).Draw(d.t, "width") {
		b.WriteString(d.field(typ, depth) + " ")
	}
	return b.String() + "}"
}

func (d *document) field(typ string, depth int) string {
	below := map[string][][2]string{
		"Query":                {{"reportRuns", "ReportRunConnection"}, {"driftEvents", "DriftEventConnection"}, {"viewer", "Viewer"}},
		"ReportRunConnection":  {{"nodes", "ReportRun"}, {"pageInfo", "PageInfo"}},
		"DriftEventConnection": {{"nodes", "DriftEvent"}, {"pageInfo", "PageInfo"}},
		"ReportRun":            {{"driftEvents", "DriftEventConnection"}},
		"DriftEvent":           {{"reportRun", "ReportRun"}},
	}[typ]
	kind := rapid.IntRange(0, 3).Draw(d.t, "kind")
	switch {
	case depth == 0 || len(below) == 0 || kind == 0:
		if strings.HasSuffix(typ, "Connection") {
			return "totalCount"
		}
		return "__typename"
	case kind == 1:
		return "... on " + typ + " " + d.selection(typ, depth-1)
	case kind == 2:
		return "..." + d.fragment(typ, depth-1)
	}
	child := rapid.SampledFrom(below).Draw(d.t, "child")
	alias := fmt.Sprintf("a%d: ", rapid.IntRange(0, 1<<40).Draw(d.t, "alias"))
	if strings.HasSuffix(child[1], "Connection") {
		size := rapid.SampledFrom([]string{"", "(first: 3)", "(last: 2)", "(first: $n)", "(first: 0)", "(first: 500)", "(first: -7)"}).Draw(d.t, "size")
		return alias + child[0] + size + " " + d.selection(child[1], depth-1)
	}
	return child[0] + ": " + child[0] + " " + d.selection(child[1], depth-1)
}

// fragment reuses an earlier fragment of the type or defines one.
func (d *document) fragment(typ string, depth int) string {
	if known := d.defined[typ]; len(known) > 0 && rapid.Bool().Draw(d.t, "reuse") {
		return rapid.SampledFrom(known).Draw(d.t, "fragment")
	}
	body := d.selection(typ, depth)
	name := fmt.Sprintf("f%d", len(d.fragments))
	d.fragments = append(d.fragments, "fragment "+name+" on "+typ+" "+body)
	d.defined[typ] = append(d.defined[typ], name)
	return name
}

func drawDocument(t *rapid.T) string {
	d := &document{t: t, defined: map[string][]string{}}
	body := d.selection("Query", 7)
	return "query($n: Int) " + body + " " + strings.Join(d.fragments, " ") + " "
}

// naive prices and measures by expanding everything: slow, and obviously right.
type naive struct{ vars map[string]any }

func (n naive) cost(set ast.SelectionSet, rows int) int {
	total := 0
	n.each(set, func(f *ast.Field) {
		times := 1
		if strings.HasSuffix(f.ObjectDefinition.Name, "Connection") && f.Name == "nodes" {
			times = rows
		}
		if f.Name == "totalCount" {
			total += 10
			return
		}
		total += times * (1 + n.cost(f.SelectionSet, n.rows(f)))
	})
	return total
}

func (n naive) rows(f *ast.Field) int {
	args := f.ArgumentMap(n.vars)
	for _, name := range []string{"first", "last"} {
		if v, ok := args[name].(int64); ok {
			return int(min(max(v, 0), 100))
		}
	}
	return 20
}

func (n naive) depth(set ast.SelectionSet) int {
	deepest := 0
	n.each(set, func(f *ast.Field) { deepest = max(deepest, 1+n.depth(f.SelectionSet)) })
	return deepest
}

// each visits the fields of a selection with fragments expanded.
func (n naive) each(set ast.SelectionSet, visit func(*ast.Field)) {
	for _, sel := range set {
		switch sel := sel.(type) {
		case *ast.Field:
			visit(sel)
		case *ast.InlineFragment:
			n.each(sel.SelectionSet, visit)
		case *ast.FragmentSpread:
			n.each(sel.Definition.SelectionSet, visit)
		}
	}
}

// TestCostAndDepthEqualTheirDefinition compares the linear-time algorithms
// with full expansion.
func TestCostAndDepthEqualTheirDefinition(t *testing.T) {
	t.Parallel()
	schema := loadSchema()
	rapid.Check(t, func(rt *rapid.T) {
		text := drawDocument(rt)
		if !strings.Contains(text, "$n)") || strings.Count(text, "$n") < 2 {
			text = strings.Replace(text, "query($n: Int)", "query", 1)
		}
		doc, err := gqlparser.LoadQueryWithRules(schema, text, rules.NewDefaultRules())
		if err != nil {
			rt.Skip("names may collide: ", err)
		}
		vars := map[string]any{"n": int64(rapid.IntRange(0, 120).Draw(rt, "n"))}
		op := doc.Operations[0]
		n := naive{vars: vars}
		if got, want := operationCost(&graphql.OperationContext{Operation: op, Doc: doc, Variables: vars}), n.cost(op.SelectionSet, 1); got != want {
			rt.Fatalf("cost %d, want %d\n%s", got, want, text)
		}
		s := shape{doc: doc, fragments: map[string]extent{}}
		if got, want := s.measure(op.SelectionSet).depth, n.depth(op.SelectionSet); got != want {
			rt.Fatalf("depth %d, want %d\n%s", got, want, text)
		}
		roots := 0
		n.each(op.SelectionSet, func(*ast.Field) { roots++ })
		if got := (&shape{doc: doc, fragments: map[string]extent{}}).measure(op.SelectionSet).roots; got != roots {
			rt.Fatalf("%d root fields, want %d\n%s", got, roots, text)
		}
	})
}

func TestSumsSaturate(t *testing.T) {
	t.Parallel()
	huge := price{once: ceiling, perRow: ceiling}
	if got := huge.plus(huge); got != huge {
		t.Errorf("sum %+v", got)
	}
	if got := huge.total(100); got != ceiling {
		t.Errorf("total %d", got)
	}
	for _, c := range []struct{ n, cost, want int }{{0, ceiling, 0}, {1, 7, 7}, {3, 7, 21}, {2, ceiling, ceiling}, {100, ceiling / 50, ceiling}} {
		if got := times(c.n, c.cost); got != c.want {
			t.Errorf("times(%d, %d) = %d, want %d", c.n, c.cost, got, c.want)
		}
	}
}

func TestWholeNumber(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		in    any
		want  int
		given bool
	}{
		{int64(7), 7, true},
		{7, 7, true},
		{7.0, 7, true},
		{json.Number("7"), 7, true},
		{int64(1 << 60), models.MaxConnectionSize, true},
		{int64(-1 << 60), -1, true},
		{json.Number("x"), 0, false},
		{"7", 0, false},
		{nil, 0, false},
	} {
		if got, given := wholeNumber(c.in); given != c.given || given && got != c.want {
			t.Errorf("%v: %d %v", c.in, got, given)
		}
	}
}

func TestOrKeepsWhatIsSet(t *testing.T) {
	t.Parallel()
	d := DefaultLimits(AudienceOwner)
	if got := (Limits{}).or(d); got != d {
		t.Errorf("defaults: %+v", got)
	}
	set := Limits{
		Body: 1, Arrival: 13, Values: 14, Tokens: 2, Depth: 3, Fields: 4, Aliases: 5, Directives: 6, Fragments: 7, RootFields: 8,
		Budget: 9, Errors: 10, Query: 11, Mutation: 12,
	}
	if got := set.or(d); got != set {
		t.Errorf("set: %+v", got)
	}
}

func TestAudienceOf(t *testing.T) {
	t.Parallel()
	user := models.UserID{}.From([16]byte{1})
	for want, v := range map[Audience]models.Viewer{
		AudienceAnonymous: {}, AudienceKey: {KeyID: models.APIKeyID{}.From([16]byte{1})}, AudienceSuperuser: {UserID: user, Superuser: true},
		AudienceOwner: {UserID: user, Role: models.RoleOwner}, AudienceAdmin: {UserID: user, Role: models.RoleAdmin},
		AudienceAnalyst: {UserID: user, Role: models.RoleAnalyst}, AudienceViewer: {UserID: user, Role: models.RoleViewer},
	} {
		if got := audienceOf(v); got != want {
			t.Errorf("%+v is %s, want %s", v, got, want)
		}
	}
	if got := audienceOf(models.Viewer{UserID: user}); got != AudienceViewer {
		t.Errorf("a member of no customer is %s", got)
	}
	for _, role := range models.Role("").Values() {
		if !slices.Contains(Audiences(), Audience(role)) {
			t.Errorf("the role %s has no limits", role)
		}
	}
	// Every limit of everybody is set, and none is larger without a sign-in.
	for _, a := range Audiences() {
		l, stranger := DefaultLimits(a), DefaultLimits(AudienceAnonymous)
		for i := range reflect.TypeFor[Limits]().NumField() {
			own, theirs := reflect.ValueOf(l).Field(i).Int(), reflect.ValueOf(stranger).Field(i).Int()
			if own <= 0 || a != AudienceAnonymous && theirs >= own {
				t.Errorf("%s: field %d is %d, anonymous %d", a, i, own, theirs)
			}
		}
	}
}

func TestParseLimits(t *testing.T) {
	t.Parallel()
	got, err := ParseLimits([]string{"all.depth=12", " key.budget=20000", "key.depth=9", "viewer.query=1m30s", "anonymous.body=100"})
	if err != nil {
		t.Fatal(err)
	}
	want := map[Audience]Limits{}
	for _, a := range Audiences() {
		want[a] = Limits{Depth: 12}
	}
	want[AudienceKey] = Limits{Depth: 9, Budget: 20_000}
	want[AudienceViewer] = Limits{Depth: 12, Query: 90 * time.Second}
	want[AudienceAnonymous] = Limits{Depth: 12, Body: 100}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
	for _, s := range settings() {
		for _, value := range []string{"17", "17s"} {
			if l, err := ParseLimits([]string{"owner." + s.name + "=" + value}); err == nil {
				own := l[AudienceOwner]
				if number := reflect.ValueOf(s.field(&own)).Elem().Int(); number != 17 && number != int64(17*time.Second) {
					t.Errorf("%s=%s sets %d", s.name, value, number)
				}
			} else if strings.HasSuffix(value, "s") == (reflect.TypeOf(s.field(&Limits{})) == reflect.TypeFor[*time.Duration]()) {
				t.Errorf("%s=%s: %v", s.name, value, err)
			}
		}
	}
	if n := reflect.TypeFor[Limits]().NumField(); n != len(settings()) {
		t.Errorf("%d of %d limits can be set", len(settings()), n)
	}
	for text, word := range map[string]string{
		"depth=1": "AUDIENCE.LIMIT=VALUE", "key.depth": "AUDIENCE.LIMIT=VALUE", "": "AUDIENCE.LIMIT=VALUE", "nobody.depth=1": `audience "nobody"`,
		"key.dept=1": `limit "dept"`, "key.depth=0": "above 0", "key.depth=-3": "above 0", "key.depth=x": "above 0", "all.query=15": "duration",
		"all.width=1": `limit "width"`, "key.body=1e9": "above 0",
	} {
		if _, err := ParseLimits([]string{text}); err == nil || !strings.Contains(err.Error(), word) {
			t.Errorf("%q: %v, want %s", text, err, word)
		}
	}
}

// countValues is never less than what the decoder makes of a text.
func TestCountValues(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]int{
		`{}`: 2, `{"a": 1}`: 2, `{"a": [1, 2, {"b": ",[{"}]}`: 6, `"\\\"[,"`: 1, `[[[]]]`: 4, ``: 1,
	} {
		if got := countValues(text); got != want {
			t.Errorf("%s: %d, want %d", text, got, want)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		var value func(depth int) (any, int)
		value = func(depth int) (any, int) {
			switch kind := rapid.IntRange(0, 3).Draw(t, "kind"); {
			case depth == 0 || kind < 2:
				return rapid.StringOf(rapid.SampledFrom([]rune(`ab,[{"\é`))).Draw(t, "text"), 1
			case kind == 2:
				list, n := []any{}, 1
				for range rapid.IntRange(0, 3).Draw(t, "items") {
					item, m := value(depth - 1)
					list, n = append(list, item), n+m
				}
				return list, n
			default:
				item, m := value(depth - 1)
				return map[string]any{"key": item}, m + 1
			}
		}
		v, n := value(4)
		text, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		if got := countValues(string(text)); got < n || got > 2*n {
			t.Fatalf("%s: %d, it has %d", text, got, n)
		}
	})
}

func TestLongDocumentsAreNotCached(t *testing.T) {
	t.Parallel()
	cache := newDocuments()
	short, long := "{ a }", strings.Repeat(" ", longestCachedText+1)
	cache.Add(t.Context(), short, &ast.QueryDocument{})
	cache.Add(t.Context(), long, &ast.QueryDocument{})
	if _, ok := cache.Get(t.Context(), short); !ok {
		t.Error("the short document is missing")
	}
	if _, ok := cache.Get(t.Context(), long); ok {
		t.Error("the long document is kept")
	}
}
