package apitest

import (
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"upstream/models"
)

// claimFilters draws filters of claims: some of the fields, with values that
// rows have, nearly have or do not have.
func claimFilters(t *rapid.T) []probe {
	part := rapid.SampledFrom([]string{
		"a", "AETNA", "aetna", "Alpine", "50%", "%", "_", "under_", "é", "É", "\\", `"`, "'", "Shift", "ty", " ", "", "?", "--", "zebra",
	})
	day := rapid.Custom(func(t *rapid.T) string {
		return models.NewDate(2026, 2, 20).AddDays(rapid.IntRange(0, 140).Draw(t, "day")).String()
	})
	amount := rapid.SampledFrom([]string{"0", "100.50", "100.5", "125.49", "125.5", "125.51", "150", "175.50", "199.99", "200", "200.00", "9999999999.99", "-1"})
	var probes []probe
	maybe := func(name string, values *rapid.Generator[string], probeOf func(name, column, text string) probe, column string) {
		if rapid.IntRange(0, 4).Draw(t, "with "+name) == 0 {
			probes = append(probes, probeOf(name, column, values.Draw(t, name)))
		}
	}
	maybe("payer", part, holds, "payer")
	maybe("outcome", rapid.SampledFrom(models.Outcome("").Values()), word, "outcome")
	maybe("cpt", rapid.SampledFrom([]string{"99213", "70450", "9921", "j1100", "J1100"}), equals, "cpt")
	maybe("cpt_group", rapid.SampledFrom([]string{"E&M", "IMAGING", "TREATMENT", "OTHER", "e&m"}), equals, "cpt_group")
	maybe("upload", rapid.SampledFrom([]string{"upload", "real.upload", "harbor.upload"}), identifier, "upload_id")
	maybe("start_date", day, atLeast, "decided_date")
	maybe("end_date", day, atMost, "decided_date")
	maybe("submitted_after", day, atLeast, "submitted_date")
	maybe("submitted_before", day, atMost, "submitted_date")
	maybe("decided_after", day, atLeast, "decided_date")
	maybe("decided_before", day, atMost, "decided_date")
	maybe("min_amount", amount, atLeast, "billed_amount")
	maybe("max_amount", amount, atMost, "billed_amount")
	maybe("denial_reason_code", rapid.SampledFrom([]string{"CO-97", "CO-45", "PR-1", "co-97", ""}), equals, "denial_reason_code")
	return probes
}

// claimQuestions draws a filter, an order and a search.
func claimQuestions(t *rapid.T, claims list) question {
	q := question{probes: claimFilters(t)}
	columns := rapid.Permutation(claims.orderings()).Draw(t, "columns")
	for _, column := range columns[:rapid.IntRange(0, min(len(columns), models.MaxOrderTerms)).Draw(t, "terms")] {
		if rapid.Bool().Draw(t, "descending") {
			column = "-" + column
		}
		q.order = append(q.order, column)
	}
	if rapid.IntRange(0, 3).Draw(t, "searching") == 0 {
		words := rapid.SliceOfN(rapid.SampledFrom([]string{"aetna", "992", "co", "-", "shifty", "%", "_", "é", "50%", "13"}), 1, 3).Draw(t, "words")
		q.search = strings.Join(words, rapid.SampledFrom([]string{" ", ",", " , "}).Draw(t, "separator"))
	}
	return q
}

// testRandom asks for claims in ways nobody thought of: both APIs and the
// database agree on the rows, their order and their number, page by page.
func (s *Server) testRandom(t *testing.T) {
	t.Parallel()
	claims := listNamed("claims")
	rapid.Check(t, func(r *rapid.T) {
		q := claimQuestions(r, claims)
		want := s.fromSQL(r, claims, q)
		c := claims.ask(q)
		size := rapid.IntRange(1, 100).Draw(r, "size")
		number := rapid.IntRange(1, max(1, (len(want)+size-1)/size)).Draw(r, "page")
		c.REST = c.REST.with("page_size", strconv.Itoa(size)).with("page", strconv.Itoa(number))
		c.GraphQL.Variables["first"] = size
		first, last := min((number-1)*size, len(want)), min(number*size, len(want))
		if cursor := s.cursorAt(r, claims.askFor(q, keySelection), first, int64(len(want))); cursor != "" {
			c.GraphQL.Variables["after"] = cursor
		}
		a := s.run(r, c)
		if a.Total != int64(len(want)) {
			r.Errorf("%s: total %d, the database has %d", c.Name, a.Total, len(want))
		}
		same(r, c.Name+": the database and both APIs", append([]string{}, want[first:last]...), keys(a.Rows))
	})
}

// cursorAt walks a connection to the row before the given one; there is none
// before the first.
func (s *Server) cursorAt(t tester, c Case, position int, total int64) string {
	t.Helper()
	arguments := map[string]any{}
	for position > 0 {
		arguments["first"] = min(position, models.MaxConnectionSize)
		rows, info := s.graphqlPage(t, c, arguments, total)
		arguments["after"] = *info.EndCursor
		position -= len(rows)
	}
	cursor, _ := arguments["after"].(string)
	return cursor
}

// listQuestions draws a question about any list: some of the fields of its
// filter, an order of some of its columns, and now and then words.
func listQuestions(t *rapid.T, l list) question {
	var q question
	for _, p := range l.filters {
		known := slices.ContainsFunc(q.probes, func(other probe) bool { return other.name == p.name })
		if !known && rapid.IntRange(0, 5).Draw(t, "with "+p.name) == 0 {
			q.probes = append(q.probes, p)
		}
	}
	columns := rapid.Permutation(l.orderings()).Draw(t, "columns")
	for _, column := range columns[:rapid.IntRange(0, min(len(columns), models.MaxOrderTerms)).Draw(t, "terms")] {
		q.order = append(q.order, rapid.SampledFrom([]string{"", "-"}).Draw(t, "direction")+column)
	}
	if len(l.words) > 0 && rapid.IntRange(0, 3).Draw(t, "searching") == 0 {
		q.search = rapid.SampledFrom(l.words).Draw(t, "words")
	}
	return q
}

// askers are who may be let in to a list and who may not.
func askers(l list) []Asker {
	if l.across {
		return []Asker{{User: "root"}} // others see themselves alone
	}
	all := []Asker{{}, {User: "root"}, {User: "root", Customer: "{cedar}"}}
	for _, role := range models.Role("").Values() {
		all = append(all, Asker{User: "cedar." + role})
	}
	return all
}

// testRandomLists asks any list anything, as anybody: REST, GraphQL and the
// database agree on the rows, their values and order, their number, on whether
// a page follows, and both APIs on the code of a refusal.
func (s *Server) testRandomLists(t *testing.T) {
	t.Parallel()
	every := lists()
	rapid.Check(t, func(r *rapid.T) {
		l := every[rapid.IntRange(0, len(every)-1).Draw(r, "list")]
		q := listQuestions(r, l)
		c := l.ask(q)
		c.Name, c.As = l.name+": "+c.Name, rapid.SampledFrom(askers(l)).Draw(r, "asker")
		want := s.fromSQL(r, l, q)
		size := rapid.IntRange(1, 100).Draw(r, "size")
		number := rapid.IntRange(1, max(1, (len(want)+size-1)/size)).Draw(r, "page")
		first, last := min((number-1)*size, len(want)), min(number*size, len(want))
		c.REST = c.REST.with("page_size", strconv.Itoa(size)).with("page", strconv.Itoa(number))
		arguments := map[string]any{"first": size}
		seen := l.askFor(q, keySelection)
		if cursor := s.cursorAt(r, seen, first, int64(len(want))); cursor != "" {
			arguments["after"] = cursor
		}
		maps.Copy(c.GraphQL.Variables, arguments)
		inREST, inGraphQL := s.ask(r, c)
		c.Want = inREST.Code
		c.check(r, inREST, inGraphQL)
		if c.Want != "" {
			if c.As == l.reader() || !slices.Contains([]models.Code{models.CodeUnauthenticated, models.CodeForbidden, models.CodeValidation}, c.Want) {
				r.Errorf("%s as %s: refused with %s", c.Name, c.As, c.Want)
			}
			return
		}
		same(r, c.Name+": the database and both APIs", append([]string{}, want[first:last]...), keys(inREST.Rows))
		if inREST.Total != int64(len(want)) {
			r.Errorf("%s: total %d, the database has %d", c.Name, inREST.Total, len(want))
		}
		_, info := s.graphqlPage(r, seen, arguments, int64(len(want)))
		next := s.restPage(r, c, c.REST).next != ""
		same(r, c.Name+": a page follows, by the database, REST and GraphQL", []bool{last < len(want), last < len(want)}, []bool{next, info.HasNextPage})
		if number*size >= len(want) {
			same(r, c.Name+": the last page, by its number and by name", inREST, restAnswer(r, c.GraphQL.Type, s.rest(r, c.As, c.REST.with("page", "last"))))
		}
	})
}
