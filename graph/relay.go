package graph

import (
	"context"
	"unicode/utf8"

	"github.com/99designs/gqlgen/graphql"

	"upstream/graph/wire"
	"upstream/models"
)

// The fields of every connection, and of everything.
const (
	fieldCursor     = "cursor"
	fieldEdges      = "edges"
	fieldNode       = "node"
	fieldNodes      = "nodes"
	fieldPageInfo   = "pageInfo"
	fieldTotalCount = "totalCount"
	fieldTypename   = "__typename"
)

// window is the part of a list that a connection field was asked for.
type window struct {
	first  *int
	after  *string
	last   *int
	before *string
}

// asked is who wants a connection and which page of it.
func asked[F models.OrderField](ctx context.Context, search *string, orderBy []models.Order[F], w window) (models.Viewer, models.List[F], error) {
	v, err := signedIn(ctx)
	if err != nil {
		return v, models.List[F]{}, err
	}
	l, err := listOf(ctx, search, orderBy, w)
	return v, l, err
}

// connection answers a connection field: it decodes what was asked for, has
// read fetch it, and arranges the rows.
func connection[T any, F models.OrderField](
	ctx context.Context, search *string, orderBy []models.Order[F], w window,
	read func(models.Viewer, models.List[F]) (*models.Rows[*T], error),
) (*wire.Connection[*T], error) {
	v, l, err := asked(ctx, search, orderBy, w)
	if err != nil {
		return nil, err
	}
	rows, err := read(v, l)
	if err != nil {
		return nil, err
	}
	adopt(ctx, rows.Items)
	return wire.NewConnection(rows), nil
}

// listOf decodes the arguments and the selection of a connection field into
// what the store needs to know, so that it reads nothing nobody asked for.
func listOf[F models.OrderField](ctx context.Context, search *string, orderBy []models.Order[F], w window) (models.List[F], error) {
	fields := w.problems()
	if utf8.RuneCountInString(deref(search)) > models.MaxSearchLength {
		fields = append(fields, models.FieldError{Path: "search", Code: "too_long", Message: "must have at most 200 characters"})
	}
	if len(orderBy) > models.MaxOrderTerms {
		fields = append(fields, models.FieldError{Path: "orderBy", Code: "too_many", Message: "must have at most 5 terms"})
	}
	if err := models.Invalid(fields...); err != nil {
		return models.List[F]{}, err
	}
	return models.List[F]{Search: deref(search), OrderBy: orderBy, Page: w.page(selectionOf(ctx))}, nil
}

// problems lists what is wrong with the window, all of it at once.
func (w window) problems() []models.FieldError {
	var fields []models.FieldError
	for _, size := range []struct {
		path  string
		value *int
	}{{"first", w.first}, {"last", w.last}} {
		if size.value != nil && (*size.value < 0 || *size.value > models.MaxConnectionSize) {
			fields = append(fields, models.FieldError{Path: size.path, Code: "out_of_range", Message: "must be between 0 and 100"})
		}
	}
	if w.first != nil && w.last != nil {
		fields = append(fields, models.FieldError{Path: "last", Code: "conflicting", Message: "must not be combined with first"})
	}
	return fields
}

// page is the window as the store reads it.
func (w window) page(s selection) models.Page {
	p := models.Page{
		Limit: models.DefaultConnectionSize, After: deref(w.after), Before: deref(w.before), Backward: w.last != nil,
		WantTotal: s.total, SkipRows: !s.rows, Columns: s.columns, EndCursors: !s.cursors,
	}
	switch {
	case w.first != nil:
		p.Limit = *w.first
	case w.last != nil:
		p.Limit = *w.last
	}
	// One neighbour is known from the row read beyond the page; the other, and
	// rows beyond the far cursor, cost a statement.
	p.WantNeighbours = s.previous && (!p.Backward || p.After != "") || s.next && (p.Backward || p.Before != "")
	return p
}

// selection is what an operation reads of a connection.
type selection struct {
	rows, total, next, previous bool
	// cursors says that those of single rows are wanted, beside the page's ends.
	cursors bool
	// columns are those that the rows are shown with; nil for all.
	columns []string
}

// selectionOf inspects the fields under the connection being resolved, through
// fragments and with @skip and @include applied.
func selectionOf(ctx context.Context) selection {
	var s selection
	var rows []graphql.CollectedField
	op := graphql.GetOperationContext(ctx)
	for _, f := range graphql.CollectFieldsCtx(ctx, nil) {
		switch f.Name {
		case fieldNodes:
			s.rows = true
			rows = append(rows, f)
		case fieldEdges:
			s.rows = true
			for _, below := range graphql.CollectFields(op, f.Selections, nil) {
				if below.Name == fieldNode {
					rows = append(rows, below)
				}
				s.cursors = s.cursors || below.Name == fieldCursor
			}
		case fieldTotalCount:
			s.total = true
		case fieldPageInfo:
			s.rows = true
			for _, info := range graphql.CollectFields(op, f.Selections, nil) {
				s.next = s.next || info.Name == "hasNextPage"
				s.previous = s.previous || info.Name == "hasPreviousPage"
			}
		}
	}
	s.columns = columnsOf(op, graphql.GetFieldContext(ctx).Field.Definition.Type.Name(), rows)
	return s
}

// deref is the value behind p, or the zero value.
func deref[T any](p *T) T {
	if p == nil {
		var zero T
		return zero
	}
	return *p
}
