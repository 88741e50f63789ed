package rest

import (
	"context"
	"fmt"
	"maps"
	"math"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"upstream/internal/auth"
	"upstream/models"
)

// maxReported bounds how many unknown parameters one answer lists.
const maxReported = 20

// listReader reads everything a list operation takes from the query.
type listReader[F any, O models.OrderField] struct {
	filter filterReader[F]
	orders []string
	known  []string
}

func newListReader[F any, O models.OrderField](op operation) listReader[F, O] {
	var order O
	r := listReader[F, O]{filter: newFilterReader[F](op.fixed), orders: order.Values()}
	r.known = append(r.filter.names(), "ordering", "page", "page_size", "cursor", "count")
	if !op.unsearchable {
		r.known = append(r.known, "search")
	}
	return r
}

// read gives the filter and the page, or one error that lists every unknown,
// repeated or bad parameter.
func (r listReader[F, O]) read(q url.Values) (F, models.List[O], error) {
	var fields []models.FieldError
	bad := func(path, code, message string) {
		fields = append(fields, models.FieldError{Path: path, Code: code, Message: message})
	}
	refuseUnknown(q, r.known, "list", bad)
	filter := r.filter.read(q, bad)
	list := models.List[O]{OrderBy: r.readOrdering(q, bad), Page: readPage(q, bad)}
	if text, ok := single(q, "search", bad); ok {
		if err := storable(text); err != nil {
			bad("search", "invalid", err.Error())
		}
		if utf8.RuneCountInString(text) > models.MaxSearchLength {
			bad("search", "too_long", fmt.Sprintf("must have at most %d characters", models.MaxSearchLength))
		}
		list.Search = text
	}
	return filter, list, models.Invalid(fields...)
}

// refuseUnknown reports the parameters that what is asked, a list or another
// operation, does not know.
func refuseUnknown(q url.Values, known []string, asked string, bad func(path, code, message string)) {
	reported := 0
	for _, name := range sortedKeys(q) {
		if slices.Contains(known, name) || reported == maxReported {
			continue
		}
		reported++
		bad(name, "unknown", "is not a parameter of this "+asked+didYouMean(name, known))
	}
}

// readOrdering reads "-created_at,payer".
func (r listReader[F, O]) readOrdering(q url.Values, bad func(path, code, message string)) []models.Order[O] {
	text, ok := single(q, "ordering", bad)
	if !ok {
		return nil
	}
	var order []models.Order[O]
	var seen []string
	for term := range strings.SplitSeq(text, ",") {
		name, descending := strings.CutPrefix(strings.TrimSpace(term), "-")
		switch {
		case !slices.Contains(r.orders, name):
			bad("ordering", "unknown", "can be by "+strings.Join(r.orders, ", ")+didYouMean(name, r.orders))
			return nil
		case slices.Contains(seen, name):
			bad("ordering", "repeated", "must name "+name+" once")
			return nil
		}
		seen = append(seen, name)
		direction := models.Ascending
		if descending {
			direction = models.Descending
		}
		order = append(order, models.Order[O]{Field: O(name), Direction: direction})
	}
	if len(order) > models.MaxOrderTerms {
		bad("ordering", "too_many", fmt.Sprintf("must name at most %d columns", models.MaxOrderTerms))
		return nil
	}
	return order
}

// The first letter of a cursor says which way it leads.
const (
	cursorForward  = "n"
	cursorBackward = "p"
)

// The words that parameters of paging take beside numbers.
const (
	lastPage   = "last"
	countExact = "exact"
	countNone  = "none"
)

// readPage reads either a page number or a cursor.
func readPage(q url.Values, bad func(path, code, message string)) models.Page {
	page := models.Page{Limit: readInt(q, "page_size", models.DefaultPageSize, models.MaxPageSize, bad), EndCursors: true}
	cursor, keyset := single(q, "cursor", bad)
	page.WantTotal = readCount(q, !keyset, bad)
	if !keyset {
		if page.Last = q.Get("page") == lastPage && len(q["page"]) == 1; !page.Last {
			page.Number = readPageNumber(q, bad)
		}
		return page
	}
	if q.Has("page") {
		bad("page", "invalid", "must be left out when a cursor is given")
	}
	position := strings.TrimPrefix(strings.TrimPrefix(cursor, cursorForward), cursorBackward)
	switch {
	case cursor == "":
	case position == "" || len(position) == len(cursor):
		bad("cursor", "invalid_cursor", "is not a cursor; use one that an earlier page gave out")
	case strings.HasPrefix(cursor, cursorForward):
		page.After = cursor[len(cursorForward):]
	default:
		page.Before, page.Backward = cursor[len(cursorBackward):], true
	}
	return page
}

// readCount reads whether the whole list is to be counted.
func readCount(q url.Values, fallback bool, bad func(path, code, message string)) bool {
	text, ok := single(q, "count", bad)
	switch {
	case !ok:
		return fallback
	case text == countExact, text == countNone:
		return text == countExact
	}
	bad("count", "invalid", "must be "+countExact+" or "+countNone+didYouMean(text, []string{countExact, countNone}))
	return fallback
}

func readPageNumber(q url.Values, bad func(path, code, message string)) int {
	return readInt(q, "page", 1, math.MaxInt32, func(path, code, message string) {
		if code == "invalid" {
			message += ", or " + lastPage
		}
		bad(path, code, message)
	})
}

// readInt reads a whole number from 1 to most.
func readInt(q url.Values, name string, fallback, most int, bad func(path, code, message string)) int {
	text, ok := single(q, name, bad)
	if !ok {
		return fallback
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 || n > most {
		bad(name, "invalid", "must be a whole number from 1 to "+strconv.Itoa(most))
		return fallback
	}
	return n
}

// page is the envelope of every list.
type page[R any] struct {
	Count    *int64  `json:"count" doc:"How many rows the whole list has; null when it was not asked for: with count=none, and by cursor unless count=exact." example:"120"`
	Next     *string `json:"next" format:"uri" doc:"The following page; null on the last one." example:"https://upstream.example.org/api/v1/claims/?page=3"`
	Previous *string `json:"previous" format:"uri" doc:"The page before; null on the first one." example:"https://upstream.example.org/api/v1/claims/?page=1"`
	Results  []R     `json:"results" maxItems:"1000" doc:"The rows of this page."`
}

// pager knows the address of a list and which of its pages this is.
type pager struct {
	// address is the list without its query.
	address string
	query   url.Values
	page    models.Page
}

// neighbours are the addresses of the pages beside this one. When paging by
// cursor, the page that gave the cursor out is known to be there.
func (p pager) neighbours(cursors []string, hasNext, hasPrevious bool) (next, previous *string) {
	if p.page.Number > 0 {
		return p.when(hasNext, "page", strconv.Itoa(p.page.Number+1)),
			p.when(p.page.Number > 1, "page", strconv.Itoa(p.page.Number-1))
	}
	if len(cursors) == 0 {
		return nil, nil
	}
	return p.when(hasNext || p.page.Backward, "cursor", cursorForward+cursors[len(cursors)-1]),
		p.when(hasPrevious || p.page.After != "", "cursor", cursorBackward+cursors[0])
}

// when is the address with one parameter changed, or nil.
func (p pager) when(there bool, name, value string) *string {
	if !there {
		return nil
	}
	address := p.with(name, value)
	return &address
}

func (p pager) with(name, value string) string {
	q := make(url.Values, len(p.query)+1)
	maps.Copy(q, p.query)
	q.Set(name, value)
	return p.address + "?" + q.Encode()
}

// header is the Link header (RFC 8288) that says the same as the envelope.
func (p pager) header(next, previous *string, total *int64) string {
	var parts []string
	add := func(rel string, address *string) {
		if address != nil {
			parts = append(parts, "<"+*address+`>; rel="`+rel+`"`)
		}
	}
	add("next", next)
	add("prev", previous)
	if p.page.Number == 0 {
		add("first", p.when(true, "cursor", ""))
		return strings.Join(parts, ", ")
	}
	add("first", p.when(true, "page", "1"))
	if total != nil {
		size := int64(p.page.Limit)
		last := max(1, (*total+size-1)/size)
		add("last", p.when(true, "page", strconv.FormatInt(last, 10)))
	}
	return strings.Join(parts, ", ")
}

// listOutput is the answer of a list operation.
type listOutput[R any] struct {
	Link string `header:"Link" doc:"The pages beside this one (RFC 8288)."`
	// ETag is filled in once the body is written.
	ETag string `header:"ETag" doc:"Weak entity tag of the rows and their links."`
	Body page[R]
}

// envelope wraps one page of rows.
func envelope[M, R any](ctx context.Context, p pager, rows *models.Rows[M], show func(links, M) R) *listOutput[R] {
	l := linksFor(ctx)
	out := &listOutput[R]{Body: page[R]{Count: rows.Total, Results: make([]R, 0, len(rows.Items))}}
	for _, item := range rows.Items {
		out.Body.Results = append(out.Body.Results, show(l, item))
	}
	p.page.Number = rows.Number // which the last page knows only now
	out.Body.Next, out.Body.Previous = p.neighbours(rows.Cursors, rows.HasNext, rows.HasPrevious)
	out.Link = p.header(out.Body.Next, out.Body.Previous, rows.Total)
	return out
}

// registerList adds a list operation: I holds its path parameters, F its
// filter, O its orderings; fetch is the one store call and show the
// representation of a row.
func registerList[I, F, M, R any, O models.OrderField](a *api, op operation,
	fetch func(context.Context, models.Viewer, *I, F, models.List[O]) (*models.Rows[M], error), show func(links, M) R,
) {
	reader := newListReader[F, O](op)
	op.list, op.notModified = true, true
	op.params = append(reader.filter.params(a.schemas()), listParams(reader.orders, op.unsearchable)...)
	op.params = append(op.params, ifNoneMatch())
	op.codes = append(op.codes, models.CodeNotFound)
	register(a, op, func(ctx context.Context, in *I) (*listOutput[R], error) {
		c := callFrom(ctx)
		q, err := c.parsedQuery()
		if err != nil {
			return nil, err
		}
		filter, list, err := reader.read(q)
		if err != nil {
			return nil, err
		}
		rows, err := fetch(ctx, auth.ViewerFrom(ctx), in, filter, list)
		if err != nil {
			return nil, cursorFault(err)
		}
		return envelope(ctx, pager{address: c.base + c.canonical, query: q, page: list.Page}, rows, show), nil
	})
}

// cursorFault names the parameter as REST has it: the store knows the two
// directions as two arguments.
func cursorFault(err error) error {
	e := models.AsError(err)
	if e.Code != models.CodeValidation {
		return err
	}
	renamed := *e
	renamed.Fields = slices.Clone(e.Fields)
	for i, f := range renamed.Fields {
		if f.Path == "after" || f.Path == "before" {
			renamed.Fields[i].Path = "cursor"
		}
	}
	return &renamed
}
