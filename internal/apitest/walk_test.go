package apitest

import (
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// pages are the keys of a list's rows, page by page.
type pages [][]string

func (p pages) flat() []string { return slices.Concat(p...) }

// mostPages ends a walk that goes round in circles.
const mostPages = 1000

// walk reads a whole list in every way either API has, size rows at a time,
// and demands that all of them agree with the database: the same rows in the
// same order, cut into the same pages, and the same total wherever one is told.
func (s *Server) walk(t tester, l list, q question, size int) {
	t.Helper()
	c := l.askFor(q, keySelection)
	want := cut(s.fromSQL(t, l, q), size)
	total := int64(len(want.flat()))
	ways := map[string]func(tester, Case, int, int64) pages{
		"REST by number": s.byNumber, "REST by cursor": s.byCursor, "GraphQL forward": s.forward,
	}
	for _, name := range slices.Sorted(maps.Keys(ways)) {
		same(t, fmt.Sprintf("%s: the database and %s, %d at a time", c.Name, name, size), want, ways[name](t, c, size, total))
	}
	same(t, fmt.Sprintf("%s: the database and GraphQL backward, %d at a time", c.Name, size), want.flat(), s.backward(t, c, size, total).flat())
}

// cut makes pages; an empty list has one.
func cut(keys []string, size int) pages {
	if len(keys) == 0 {
		return pages{{}}
	}
	return slices.Collect(slices.Chunk(keys, size))
}

// restPage is a page of REST and the addresses beside it.
type restPage struct {
	answer         Answer
	next, previous string
}

func (s *Server) restPage(t tester, c Case, call Call) restPage {
	t.Helper()
	r := s.rest(t, c.As, call)
	page := restPage{answer: restAnswer(t, c.GraphQL.Type, r)}
	if page.answer.Code != "" {
		t.Fatalf("%s: REST answers %d %s", c.Name, r.status, r.body)
	}
	var links struct{ Next, Previous *string }
	r.decode(t, &links)
	if links.Next != nil {
		page.next = *links.Next
	}
	if links.Previous != nil {
		page.previous = *links.Previous
	}
	return page
}

// with is the call with one more parameter.
func (c Call) with(name, value string) Call {
	query := url.Values{}
	maps.Copy(query, c.Query)
	query.Set(name, value)
	c.Query = query
	return c
}

// byNumber follows the links of numbered pages.
func (s *Server) byNumber(t tester, c Case, size int, total int64) pages {
	t.Helper()
	call := c.REST.with("page_size", strconv.Itoa(size)).with("page", "1")
	var read pages
	for range mostPages {
		page := s.restPage(t, c, call)
		if page.answer.Total != total {
			t.Errorf("%s: count %d on page %d, want %d", c.Name, page.answer.Total, len(read)+1, total)
		}
		if (page.previous != "") != (len(read) > 0) {
			t.Errorf("%s: page %d is preceded by %q", c.Name, len(read)+1, page.previous)
		}
		read = append(read, keys(page.answer.Rows))
		if page.next == "" {
			return read
		}
		call = Call{Path: page.next}
	}
	t.Fatalf("%s: REST has no last page", c.Name)
	return nil
}

// byCursor follows the links of cursors to the end, and then all the way back,
// which has to pass the same rows.
func (s *Server) byCursor(t tester, c Case, size int, _ int64) pages {
	t.Helper()
	call := c.REST.with("page_size", strconv.Itoa(size)).with("cursor", "")
	var read, back pages
	for range mostPages {
		page := s.restPage(t, c, call)
		if page.answer.Total != -1 {
			t.Errorf("%s: a page by cursor counts %d", c.Name, page.answer.Total)
		}
		read = append(read, keys(page.answer.Rows))
		if page.next == "" {
			back = pages{keys(page.answer.Rows)}
			call = Call{Path: page.previous}
			break
		}
		call = Call{Path: page.next}
	}
	for range mostPages {
		if call.Path == "" {
			same(t, c.Name+": REST by cursor, to the end and back", read.flat(), back.flat())
			return read
		}
		page := s.restPage(t, c, call)
		back = slices.Insert(back, 0, keys(page.answer.Rows))
		call = Call{Path: page.previous}
	}
	t.Fatalf("%s: REST by cursor has no end", c.Name)
	return nil
}

// pageInfo is where a page of GraphQL stands.
type pageInfo struct {
	HasNextPage, HasPreviousPage bool
	StartCursor, EndCursor       *string
}

// graphqlPage reads one page of a connection.
func (s *Server) graphqlPage(t tester, c Case, arguments map[string]any, total int64) ([]string, pageInfo) {
	t.Helper()
	op := c.GraphQL
	op.Variables = maps.Clone(op.Variables)
	maps.Copy(op.Variables, arguments)
	r := s.graphql(t, c.As, op)
	a := graphqlAnswer(t, op, r)
	if a.Code != "" {
		t.Fatalf("%s: GraphQL answers %s", c.Name, r.body)
	}
	if a.Total != total {
		t.Errorf("%s: totalCount %d, want %d", c.Name, a.Total, total)
	}
	var g struct{ Data map[string]any }
	r.decode(t, &g)
	value := any(g.Data)
	for name := range strings.SplitSeq(op.At, ".") {
		value = memberOf(value, name)
	}
	info := value.(map[string]any)["pageInfo"].(map[string]any)
	edges := value.(map[string]any)["edges"].([]any)
	p := pageInfo{HasNextPage: info["hasNextPage"].(bool), HasPreviousPage: info["hasPreviousPage"].(bool)}
	if len(edges) > 0 {
		first, last := info["startCursor"].(string), info["endCursor"].(string)
		p.StartCursor, p.EndCursor = &first, &last
		if first != edges[0].(map[string]any)["cursor"] || last != edges[len(edges)-1].(map[string]any)["cursor"] {
			t.Errorf("%s: the cursors of the page are not those of its edges", c.Name)
		}
	}
	return keys(a.Rows), p
}

// forward reads a connection from its start.
func (s *Server) forward(t tester, c Case, size int, total int64) pages {
	t.Helper()
	arguments := map[string]any{"first": size}
	var read pages
	for range mostPages {
		rows, info := s.graphqlPage(t, c, arguments, total)
		if info.HasPreviousPage != (len(read) > 0) {
			t.Errorf("%s: hasPreviousPage is %t on page %d", c.Name, info.HasPreviousPage, len(read)+1)
		}
		read = append(read, rows)
		if !info.HasNextPage {
			return read
		}
		arguments["after"] = *info.EndCursor
	}
	t.Fatalf("%s: the connection has no last page", c.Name)
	return nil
}

// backward reads a connection from its end.
func (s *Server) backward(t tester, c Case, size int, total int64) pages {
	t.Helper()
	arguments := map[string]any{"last": size}
	var read pages
	for range mostPages {
		rows, info := s.graphqlPage(t, c, arguments, total)
		if info.HasNextPage != (len(read) > 0) {
			t.Errorf("%s: hasNextPage is %t on page %d from the end", c.Name, info.HasNextPage, len(read)+1)
		}
		read = slices.Insert(read, 0, rows)
		if !info.HasPreviousPage {
			return read
		}
		arguments["before"] = *info.StartCursor
	}
	t.Fatalf("%s: the connection has no first page", c.Name)
	return nil
}

// testWalks reads every list to the end: as it is, in each order, searched,
// and filtered.
func (s *Server) testWalks(t *testing.T) {
	t.Parallel()
	for _, l := range lists() {
		t.Run(l.name, func(t *testing.T) {
			t.Parallel()
			size := max(2, len(s.fromSQL(t, l, question{}))/4)
			questions := append(l.orders(), question{})
			if words := l.searches(); len(words) > 0 {
				questions = append(questions, words[0])
			}
			for _, q := range questions {
				t.Run(q.String(), func(t *testing.T) {
					t.Parallel()
					s.walk(t, l, q, size)
				})
			}
			// A page that ends exactly at the end, one that holds everything,
			// and one row at a time.
			few := l.narrow()
			for _, size := range []int{max(1, len(s.fromSQL(t, l, few))/2), 100, 1} {
				t.Run(fmt.Sprintf("%s, %d at a time", few, size), func(t *testing.T) {
					t.Parallel()
					s.walk(t, l, few, size)
				})
			}
		})
	}
}

// narrow is a question that a few rows answer.
func (l list) narrow() question {
	if len(l.filters) == 0 {
		return question{}
	}
	return question{probes: l.filters[len(l.filters)-1:], order: []string{"-" + l.orderings()[0]}}
}
