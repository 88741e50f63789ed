package apitest

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"

	"upstream/models"
)

// invalidCases ask lists for what they cannot answer. Each is an error in both
// APIs, about the same argument, and never the whole list.
func invalidCases() []Case {
	var cases []Case
	for _, l := range lists() {
		add := func(c Case, name string, fields ...string) {
			c.Name, c.Want, c.Fields = l.name+" "+name, models.CodeValidation, fields
			cases = append(cases, c)
		}
		for _, p := range l.badProbes() {
			// Values of enums and the scalars of GraphQL itself are refused by the
			// validation of the operation.
			c := l.ask(question{probes: []probe{p}})
			c.WordsOnly, c.Differs = true, differs(p)
			add(c, fmt.Sprintf("with %s=%v", p.name, p.text), p.name+" invalid")
		}
		if l.takes("filter") {
			c := l.ask(question{probes: []probe{{name: "no_such_field", text: "x"}}})
			c.WordsOnly = true
			add(c, "by an unknown filter", "no_such_field unknown")
		}
		c := l.ask(question{order: []string{"no_such_column"}})
		c.WordsOnly = true
		add(c, "in an unknown order", "ordering unknown")
		for _, size := range []int{-1, 1001} {
			c := l.ask(question{})
			c.REST = c.REST.with("page_size", strconv.Itoa(size))
			c.GraphQL.Variables["first"] = size
			c.Differs = "GraphQL calls a page size out_of_range that REST calls invalid"
			add(c, fmt.Sprintf("%d rows at a time", size), "page_size invalid")
		}
		cases = append(cases, l.badCursors()...)
	}
	return cases
}

// differs says which bad values GraphQL takes differently.
func differs(p probe) string {
	switch p.text {
	case "1.234", "12345678901":
		return "the scalar Decimal takes any exact number, a query parameter only what an amount can be"
	}
	return ""
}

// badProbes are values that the fields of the list's filter refuse.
func (l list) badProbes() []probe {
	bad := map[string][]string{
		"Date":    {"", "tomorrow", "2026-02-30", "2026-2-3", "20260203", "2026-05-01T00:00:00Z", "0000-01-01", "10000-01-01", " 2026-05-01"},
		"Month":   {"", "May", "2026-13", "2026-5", "202605", "2026-05-01", "0000-01"},
		"Decimal": {"", "a lot", "1,5", "1e999999999", "0x10", "NaN", "Infinity", "1.234", "12345678901"},
		"ID":      {"", "17", "cust" + nowhere, "upl_", "upl_z1jz8k6v3pe9ktyh5wmcqa2x7d"},
		"Float":   {"", "much", "NaN", "Infinity", "1e999"},
		"Int":     {"", "much", "1.5", "1e3"},
		"BigInt":  {"", "much", "1.5", "1e3"},
		"Boolean": {"", "maybe", "TRUE or not"},
		"DateTime": {
			"", "yesterday", "2026-05-01T25:00:00Z", "2026-05-01T00:00:00", "2026-13-01T00:00:00Z", "1714521600",
		},
	}
	var probes []probe
	for _, field := range l.filterFields() {
		f := definition(l.filterType()).Fields.ForName(camel(field))
		texts := bad[f.Type.Name()]
		if shapeOf(f) == enum {
			texts = []string{"", "NO_SUCH_VALUE", "PAID,DENIED", "null"}
		}
		for _, text := range texts {
			probes = append(probes, probe{name: field, text: text})
		}
	}
	return probes
}

// filterType is the input type of the list's filter; empty when it has none.
func (l list) filterType() string {
	if !l.takes("filter") {
		return ""
	}
	return definition(l.parent).Fields.ForName(l.field).Arguments.ForName("filter").Type.Name()
}

// filterFields are the fields of the list's filter, in the words of REST,
// without what the list fixes.
func (l list) filterFields() []string {
	if !l.takes("filter") {
		return nil
	}
	var names []string
	for _, f := range definition(l.filterType()).Fields {
		if name := snake(f.Name); !slices.Contains(l.fixes(), name) {
			names = append(names, name)
		}
	}
	return names
}

// fixes are the filter fields that the list's own path, parent or arguments set.
func (l list) fixes() []string {
	fixed := slices.Sorted(maps.Keys(l.fixed))
	if l.parent == "Query" {
		return fixed
	}
	return append(fixed, map[string]string{"Upload": "upload", "ReportRun": "report_run", "WebhookEndpoint": "endpoint", "AlertEvent": "alert"}[l.parent])
}

// badCursors are texts that are no cursor of the list. REST puts a letter
// before a cursor, which says the way it leads.
func (l list) badCursors() []Case {
	var cases []Case
	add := func(name, cursor, code string) {
		c := l.ask(question{})
		c.Name, c.Want, c.Fields = l.name+" after "+name, models.CodeValidation, []string{"cursor " + code}
		c.REST = c.REST.with("cursor", "n"+cursor)
		c.GraphQL.Variables["after"] = cursor
		cases = append(cases, c)
	}
	add("nonsense", "onsense", "invalid_cursor")
	add("a short text", "AAAA", "invalid_cursor")
	add("a cursor of no list", "AAAAAAAAAAAAWyIyMDI2LTA1LTAxIl0", "foreign_cursor")
	return cases
}

// oddCases ask for what one API or the other might take too lightly.
func oddCases() []Case {
	claims := listNamed("claims")
	ask := func(name string, want models.Code, q question, fields ...string) Case {
		c := claims.ask(q)
		c.Name, c.Want, c.Fields = name, want, fields
		return c
	}
	text := func(value string) question { return question{probes: []probe{{name: "payer", text: value}}} }
	twice := ask("ordered twice by one column", models.CodeValidation, question{order: []string{"payer", "-payer"}}, "ordering repeated")
	twice.Differs = "GraphQL takes the first of two terms about one column and drops the other"
	zero := ask("searched for a zero byte", models.CodeValidation, question{search: "a\x00b"}, "search invalid")
	zero.Differs = "GraphQL answers that nothing matches"
	zeroFilter := ask("filtered by a zero byte", models.CodeValidation, text("a\x00b"), "payer invalid")
	zeroFilter.Differs = zero.Differs
	cases := []Case{
		twice, zero, zeroFilter,
		ask("searched for a long text", models.CodeValidation, question{search: strings.Repeat("word ", 50)}, "search too_long"),
		ask("searched for as long a text as may be", "", question{search: strings.Repeat("word ", 40)}),
		ask("searched for one letter more", models.CodeValidation, question{search: strings.Repeat("word ", 40) + "x"}, "search too_long"),
		ask("filtered by a long text", "", text(strings.Repeat("p", 5000))),
		ask("filtered by a text with quotes", "", text(`'"\%_;--`)),
		ask("searched for nothing", "", question{search: " , "}),
		ask("from a day after the last", "", question{probes: []probe{
			{name: "start_date", text: "2026-06-01"}, {name: "end_date", text: "2026-05-01"},
		}}),
	}
	events := listNamed("drift events")
	fraction := events.ask(question{probes: []probe{{name: "created_after", text: "2026-06-01T00:00:00.0000015Z"}}})
	fraction.Name = "from between two microseconds"
	day := events.ask(question{probes: []probe{{name: "created_after", text: "2026-06-01"}}})
	day.Name, day.Differs = "from a day where an instant is asked for", "REST takes a day for its first instant, as partners of the older API send it"
	cases = append(cases, fraction, day)
	for i := range cases {
		cases[i].REST, cases[i].GraphQL.Variables["first"] = cases[i].REST.with("page_size", "20"), 20
	}
	for _, l := range lists() {
		if !l.takes("search") {
			cases = append(cases, l.searchedInVain())
		}
	}
	return cases
}

// searchedInVain searches a list that has nothing to search.
func (l list) searchedInVain() Case {
	c := l.ask(question{search: "nothing like it"})
	c.Name = l.name + " searched, which has nothing to search"
	c.GraphQL.Document = strings.Replace(c.GraphQL.Document, l.field+"(", l.field+"(search: $search, ", 1)
	c.GraphQL.Document = strings.Replace(c.GraphQL.Document, "query(", "query($search: String, ", 1)
	c.Want, c.Fields, c.WordsOnly = models.CodeValidation, []string{"search unknown"}, true
	return c
}

// testInvalid runs them, and carries the cursors of one list to others.
func (s *Server) testInvalid(t *testing.T) {
	t.Parallel()
	s.runAll(t, append(invalidCases(), oddCases()...))
	t.Run("cursors of other lists", func(t *testing.T) {
		t.Parallel()
		s.carryCursors(t)
	})
}

// carryCursors offers a cursor that the list of all events gave out to the same
// list in another order, filtered, searched, asked for by a rival, and to the
// other lists: both APIs refuse it, in the same words.
func (s *Server) carryCursors(t tester) {
	t.Helper()
	home := listNamed("drift events")
	ask := home.ask(question{})
	page := s.restPage(t, ask, ask.REST.with("cursor", "").with("page_size", "2"))
	_, cursor, _ := strings.Cut(page.next, "cursor=n")
	cursor, _, _ = strings.Cut(cursor, "&")
	if cursor == "" {
		t.Fatalf("no cursor in %q", page.next)
	}
	var cases []Case
	carry := func(name string, c Case) {
		c.Name, c.Want, c.Fields = name, models.CodeValidation, []string{"cursor foreign_cursor"}
		c.REST = c.REST.with("cursor", "n"+cursor)
		c.GraphQL.Variables = maps.Clone(c.GraphQL.Variables)
		c.GraphQL.Variables["after"] = cursor
		cases = append(cases, c)
	}
	carry("another order", home.ask(question{order: []string{"severity"}}))
	carry("filtered", home.ask(question{probes: home.filters[:1]}))
	carry("searched", home.ask(question{search: "aetna"}))
	rival := home.ask(question{})
	rival.As = Asker{User: "harbor.viewer"}
	carry("a rival", rival)
	for _, l := range lists() {
		if l.name != home.name {
			carry(l.name, l.ask(question{}))
		}
	}
	for _, c := range cases {
		s.run(t, c)
	}
}
