package store

import (
	"context"
	"strings"

	"github.com/uptrace/bun"
)

// tally says where it is kept how many rows pass a filter: in the counts that
// the database keeps in step with the rows, in the statement that stores them.
// What is added up there is what counting the rows in the same snapshot would
// find.
type tally struct {
	// table is a FROM item that takes the place of the list's own table, under its
	// alias and with those of its columns that conditions name.
	table string
	// weight is the expression of how many rows of the list one of its rows
	// stands for.
	weight string
	// filter is what of the list's filter narrows its rows.
	filter any
	// beside are filters of the list that no two rows pass; the rows of each are
	// counted one by one, beside those of the table.
	beside []any
	// day is the column by which the rows of the table follow each other, one of
	// each value, when the list can be ordered by it; see jump.
	day string
}

// kept selects the rows of the tally.
func (p *listPlan[T]) kept() *bun.SelectQuery {
	q := p.scope(p.source.selectFrom((*T)(nil))).ModelTableExpr(p.tally.table)
	return applyFilter(q, p.spec.alias, p.tally.filter)
}

// totalQuery selects how many rows the list has.
func (p *listPlan[T]) totalQuery() *bun.SelectQuery {
	if p.tally == nil {
		return p.matching((*T)(nil)).ColumnExpr("count(*)")
	}
	sum, args := []string{"coalesce(sum(?), 0)::bigint"}, []any{bun.Safe(p.tally.weight)}
	for _, filter := range p.tally.beside {
		sum = append(sum, "(?)")
		args = append(args, p.passing((*T)(nil), filter).ColumnExpr("count(*)"))
	}
	return p.kept().ColumnExpr(strings.Join(sum, " + ")+" AS total", args...)
}

// total counts the whole list. Without a tally it is bun that does: it leaves out
// the columns that a list computes.
func (p *listPlan[T]) total(ctx context.Context) (n int64, err error) {
	if p.tally == nil {
		return p.matching((*T)(nil)).Count(ctx)
	}
	return n, p.totalQuery().Scan(ctx, &n)
}
