package store

import (
	"context"
	"math"
	"reflect"
	"slices"
	"strings"

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
	// tally, when set, is where it is kept how many rows the list has.
	tally  *tally
	after  position
	before position
	// parentColumn is the column by which rows are told apart by parent, if they
	// are by one of theirs.
	parentColumn string
	// ending is how many rows the last page has, when that is the one.
	ending int
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
	if spec.tally != nil && len(searched(l.Search)) == 0 {
		p.tally = spec.tally(filter)
	}
	if tx, ofTenant := source.(*tenantTx); ofTenant && spec.narrow != nil {
		filter, narrowed, err := spec.narrow(ctx, tx, filter)
		if err != nil {
			return nil, err
		}
		p.filter, p.scope = filter, func(q *bun.SelectQuery) *bun.SelectQuery { return narrowed(scope(q)) }
	}
	return p, p.narrowSearch(ctx)
}

// narrowSearch replaces a search by conditions that an index serves, where there
// is a way.
func (p *listPlan[T]) narrowSearch(ctx context.Context) error {
	tx, ofTenant := p.source.(*tenantTx)
	words := searched(p.search)
	if !ofTenant || p.spec.narrowSearch == nil || len(words) == 0 || len(words) > maxNarrowed || strings.ContainsRune(p.search, 0) {
		return nil
	}
	narrowed, err := p.spec.narrowSearch(ctx, tx, words)
	if err != nil {
		return err
	}
	scope := p.scope
	p.search, p.scope = "", func(q *bun.SelectQuery) *bun.SelectQuery { return narrowed(scope(q)) }
	return nil
}

// list answers one page of a list in at most three statements: the rows, the
// neighbours and the total, each only when asked for and not known already.
func list[T any, F models.OrderField](ctx context.Context, source rowSource, spec listSpec[T], scopeKey string, scope scopeFunc, filter any, l models.List[F]) (*models.Rows[*T], error) {
	p, err := newPlan(ctx, source, spec, scopeKey, scope, filter, l)
	if err != nil {
		return nil, err
	}
	rows := &models.Rows[*T]{Items: []*T{}, Cursors: []string{}, Number: p.page.Number}
	if p.page.Last {
		if err := p.turnToLast(ctx, rows); err != nil {
			return nil, err
		}
	}
	if !p.page.SkipRows {
		if err := p.read(ctx, rows); err != nil {
			return nil, err
		}
	}
	if err := p.neighbours(ctx, rows); err != nil {
		return nil, err
	}
	return rows, p.count(ctx, rows)
}

// turnToLast finds out which page the last one is. It is then read from the
// end, so that nothing has to be skipped.
func (p *listPlan[T]) turnToLast(ctx context.Context, rows *models.Rows[*T]) error {
	total, err := p.total(ctx)
	if err != nil {
		return err
	}
	size := max(p.page.Limit, 1)
	p.page.Number = int(max(1, (total+int64(size)-1)/int64(size)))
	p.ending = int(total) - (p.page.Number-1)*size
	rows.Number, rows.Total = p.page.Number, &total
	return nil
}

// read fetches the rows of the page.
func (p *listPlan[T]) read(ctx context.Context, rows *models.Rows[*T]) error {
	var items []*T
	if err := fill(ctx, p.source, p.rowsQuery(&items), &items); err != nil {
		return err
	}
	if len(items) == 0 && p.page.Number > 1 && !p.page.Last {
		return noPage(p.page.Number)
	}
	return p.fill(rows, items)
}

// count finds the total. The last page of all tells it without counting.
func (p *listPlan[T]) count(ctx context.Context, rows *models.Rows[*T]) error {
	if !p.page.WantTotal {
		rows.Total = nil
		return nil
	}
	fromStart := p.after == nil && p.before == nil && !p.page.Backward && !p.page.SkipRows
	switch {
	case rows.Total != nil:
		return nil
	case fromStart && !rows.HasNext:
		rows.Total = new(int64(max(p.page.Number, 1)-1)*int64(p.page.Limit) + int64(len(rows.Items)))
		return nil
	}
	total, err := p.total(ctx)
	rows.Total = &total
	return err
}

func noPage(number int) error {
	return models.NewError(models.CodeNotFound, "There is no page %d.", number)
}

// matching selects every row of the list, unordered.
func (p *listPlan[T]) matching(model any) *bun.SelectQuery { return p.passing(model, p.filter) }

// passing selects every row of the list by another filter than its own.
func (p *listPlan[T]) passing(model, filter any) *bun.SelectQuery {
	q := p.scope(p.source.selectFrom(model))
	q = applyFilter(q, p.spec.alias, filter)
	return applySearch(q, p.spec.alias, p.spec.search, p.search)
}

// direction is the order rows are fetched in: the list's own, or its reverse
// when the last rows of a range are wanted.
func (p *listPlan[T]) direction() []term {
	if p.page.Backward || p.page.Last {
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

// rowsQuery fetches the page. The rows that a page number skips are skipped as
// keys: where an index in the list's order holds what the conditions need, no
// row of them is read, and a page far down costs a walk along that index, or of
// one day in it (jump.go).
func (p *listPlan[T]) rowsQuery(model any) *bun.SelectQuery {
	if !p.byKeys() {
		return p.shown(p.pageQuery(model))
	}
	q := p.shown(p.ordered(p.source.selectFrom(model)))
	found := p.pageQuery((*T)(nil)).Column(p.spec.key...)
	keys := condition{sql: "?", args: []any{found}}
	if p.jumps() {
		q, keys = p.jump(q, found)
	}
	same, args := make([]string, len(p.spec.key)), keys.args
	for i, name := range p.spec.key {
		same[i] = "? = ?"
		args = append(args, bun.Ident(p.spec.alias+"."+name), bun.Ident("page_keys."+name))
	}
	return q.Join("JOIN ("+keys.sql+") AS page_keys ON "+strings.Join(same, " AND "), args...)
}

// byKeys says whether it pays to find the keys of the page before its rows.
func (p *listPlan[T]) byKeys() bool {
	if len(p.spec.key) == 0 || p.page.Last {
		return false
	}
	if p.page.Number > 1 {
		return true
	}
	v := reflect.ValueOf(p.filter)
	for i := range v.NumField() {
		if !v.Field(i).IsNil() && slices.Contains(p.spec.covered, v.Type().Field(i).Tag.Get("column")) {
			return true
		}
	}
	return false
}

// pageQuery fetches one row more than the page holds, which tells whether
// there is a next one. After the last page there is none.
func (p *listPlan[T]) pageQuery(model any) *bun.SelectQuery {
	q := p.ordered(p.inRange(p.matching(model)))
	switch {
	case p.page.Last:
		return q.Limit(int64(p.ending)).Where("? > 0", p.ending) // a limit of 0 would be none
	case p.page.Number > 1 && !p.jumps():
		q = q.Offset(p.skipped())
	}
	return q.Limit(int64(p.page.Limit) + 1)
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
	more := !p.page.Last && len(items) > p.page.Limit
	if more {
		items = items[:p.page.Limit]
	}
	switch {
	case p.page.Backward:
		slices.Reverse(items)
		rows.HasPrevious = more
	case p.page.Last:
		slices.Reverse(items)
		rows.HasPrevious = p.page.Number > 1
	default:
		rows.HasNext = more
		rows.HasPrevious = p.page.Number > 1
	}
	rows.Items, rows.Cursors = append(rows.Items, items...), make([]string, len(items))
	for i, item := range items {
		if p.page.EndCursors && i > 0 && i < len(items)-1 {
			continue
		}
		var err error
		if rows.Cursors[i], err = p.codec.encode(positionOf(p.spec, p.terms, item)); err != nil {
			return err
		}
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
