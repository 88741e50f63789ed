package store

import (
	"context"
	"math"
	"slices"

	"github.com/uptrace/bun"

	"upstream/models"
)

// scopeFunc adds the fixed conditions of a list, such as the run whose tests
// it shows.
type scopeFunc func(*bun.SelectQuery) *bun.SelectQuery

func everything(q *bun.SelectQuery) *bun.SelectQuery { return q }

// rowSource is where a list reads its rows.
type rowSource interface {
	// selectFrom starts a query on the model's table, limited to the rows that
	// the list is about.
	selectFrom(model any) *bun.SelectQuery
	// owner tells cursors of one customer from those of another; zero when the
	// rows are everybody's.
	owner() models.CustomerID
}

// listPlan is one list request, ready to be turned into statements.
type listPlan[T any] struct {
	source rowSource
	spec   listSpec[T]
	terms  []term
	codec  cursorCodec
	scope  scopeFunc
	filter any
	search string
	page   models.Page
	after  position
	before position
	// parentColumn is the column by which rows are told apart by parent, if they
	// are by one of theirs.
	parentColumn string
}

// newPlan reads the cursors. scopeKey tells lists of the same noun apart
// ("report_run=run_..."), so that a cursor of one is refused by the other.
func newPlan[T any, F models.OrderField](ctx context.Context, source rowSource, spec listSpec[T], scopeKey string, scope scopeFunc, filter any, l models.List[F]) (*listPlan[T], error) {
	p := &listPlan[T]{
		source: source, spec: spec, terms: orderTerms(spec, l.OrderBy), scope: scope,
		filter: filter, search: l.Search, page: l.Page,
	}
	p.page.Limit = max(p.page.Limit, 0)
	if p.page.Number > 1 && p.page.Number-1 > math.MaxInt64/max(p.page.Limit, 1) {
		return nil, noPage(p.page.Number)
	}
	if err := checkFilter(filter); err != nil {
		return nil, err
	}
	var err error
	if p.codec, err = newCursorCodec(source.owner(), spec.noun+scopeKey, p.terms, filter, l.Search); err != nil {
		return nil, err
	}
	if l.Page.After != "" {
		if p.after, err = p.codec.decode("after", l.Page.After, len(p.terms)); err != nil {
			return nil, err
		}
	}
	if l.Page.Before != "" {
		if p.before, err = p.codec.decode("before", l.Page.Before, len(p.terms)); err != nil {
			return nil, err
		}
	}
	if tx, ofTenant := source.(*tenantTx); ofTenant && spec.narrow != nil {
		filter, narrowed, err := spec.narrow(ctx, tx, filter)
		if err != nil {
			return nil, err
		}
		p.filter, p.scope = filter, func(q *bun.SelectQuery) *bun.SelectQuery { return narrowed(scope(q)) }
	}
	return p, nil
}

// list answers one page of a list in at most three statements: the rows, the
// neighbours and the total, each only when asked for.
func list[T any, F models.OrderField](ctx context.Context, source rowSource, spec listSpec[T], scopeKey string, scope scopeFunc, filter any, l models.List[F]) (*models.Rows[*T], error) {
	p, err := newPlan(ctx, source, spec, scopeKey, scope, filter, l)
	if err != nil {
		return nil, err
	}
	rows := &models.Rows[*T]{Items: []*T{}, Cursors: []string{}}
	if !p.page.SkipRows {
		var items []*T
		if err := p.pageQuery(&items).Scan(ctx); err != nil {
			return nil, err
		}
		if len(items) == 0 && p.page.Number > 1 {
			return nil, noPage(p.page.Number)
		}
		if err := p.fill(rows, items); err != nil {
			return nil, err
		}
	}
	if err := p.neighbours(ctx, rows); err != nil {
		return nil, err
	}
	if p.page.WantTotal {
		total, err := p.matching((*T)(nil)).Count(ctx)
		if err != nil {
			return nil, err
		}
		rows.Total = &total
	}
	return rows, nil
}

func noPage(number int) error {
	return models.NewError(models.CodeNotFound, "There is no page %d.", number)
}

// matching selects every row of the list, unordered.
func (p *listPlan[T]) matching(model any) *bun.SelectQuery {
	q := p.scope(p.source.selectFrom(model))
	q = applyFilter(q, p.spec.alias, p.filter)
	return applySearch(q, p.spec.alias, p.spec.search, p.search)
}

// direction is the order rows are fetched in: the list's own, or its reverse
// when the last rows of a range are wanted.
func (p *listPlan[T]) direction() []term {
	if p.page.Backward {
		return reversed(p.terms)
	}
	return p.terms
}

func (p *listPlan[T]) ordered(q *bun.SelectQuery) *bun.SelectQuery {
	for _, t := range p.direction() {
		direction := "ASC"
		if t.desc {
			direction = "DESC"
		}
		q = q.OrderExpr("? "+direction, bun.Ident(p.spec.alias+"."+t.column))
	}
	return q
}

// pageQuery fetches one row more than the page holds, which tells whether
// there is a next one.
func (p *listPlan[T]) pageQuery(model any) *bun.SelectQuery {
	q := p.shown(p.ordered(p.inRange(p.matching(model)))).Limit(int64(p.page.Limit) + 1)
	if p.page.Number > 1 {
		q = q.Offset(int64(p.page.Number-1) * int64(p.page.Limit))
	}
	return q
}

// shown chooses the columns of a page: those asked for, and what cursors and the
// grouping of nested lists need.
func (p *listPlan[T]) shown(q *bun.SelectQuery) *bun.SelectQuery {
	if p.spec.shown != nil {
		q = p.spec.shown(q)
	}
	if !p.spec.parts || p.page.Columns == nil {
		return q
	}
	columns := slices.Clone(p.page.Columns)
	for _, t := range p.terms {
		columns = append(columns, t.column)
	}
	if p.parentColumn != "" {
		columns = append(columns, p.parentColumn)
	}
	slices.Sort(columns)
	for _, column := range slices.Compact(columns) {
		q = q.ColumnExpr("?", bun.Ident(p.spec.alias+"."+column))
	}
	return q
}

func (p *listPlan[T]) inRange(q *bun.SelectQuery) *bun.SelectQuery {
	if p.after != nil {
		q = beyond(p.spec, p.terms, p.after).apply(q)
	}
	if p.before != nil {
		q = beyond(p.spec, reversed(p.terms), p.before).apply(q)
	}
	return q
}

// fill turns fetched rows into the answer, in the list's own order.
func (p *listPlan[T]) fill(rows *models.Rows[*T], items []*T) error {
	more := len(items) > p.page.Limit
	if more {
		items = items[:p.page.Limit]
	}
	if p.page.Backward {
		slices.Reverse(items)
		rows.HasPrevious = more
	} else {
		rows.HasNext = more
		rows.HasPrevious = p.page.Number > 1
	}
	for _, item := range items {
		cursor, err := p.codec.encode(positionOf(p.spec, p.terms, item))
		if err != nil {
			return err
		}
		rows.Items = append(rows.Items, item)
		rows.Cursors = append(rows.Cursors, cursor)
	}
	return nil
}

// outside are the conditions for rows on the far side of the page's cursors:
// at or before After, at or after Before. A page without such a cursor starts
// at the list's own end, where nothing is.
func (p *listPlan[T]) outside() (preceding, following *condition) {
	if p.after != nil {
		c := upTo(p.spec, p.terms, p.after)
		preceding = &c
	}
	if p.before != nil {
		c := upTo(p.spec, reversed(p.terms), p.before)
		following = &c
	}
	return preceding, following
}

// neighbours completes HasNext and HasPrevious with what the fetched rows
// cannot tell: whether rows lie beyond the cursors the page was cut with.
func (p *listPlan[T]) neighbours(ctx context.Context, rows *models.Rows[*T]) error {
	if !p.page.WantNeighbours {
		return nil
	}
	preceding, following := p.outside()
	for _, side := range []struct {
		condition *condition
		known     *bool
	}{{preceding, &rows.HasPrevious}, {following, &rows.HasNext}} {
		if side.condition == nil || *side.known {
			continue
		}
		exists, err := side.condition.apply(p.matching((*T)(nil))).Exists(ctx)
		if err != nil {
			return err
		}
		*side.known = exists
	}
	return nil
}
