package store

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/pgdialect"

	"upstream/models"
)

// parentID is the identifier of a row.
type parentID interface {
	comparable
	identifier
}

// parentOf says how rows of T belong to a parent. P is its identifier, or the
// text that rows name it by.
type parentOf[T any, P comparable] struct {
	// name tells the lists of one parent from those of another kind of parent.
	name string
	// table is a FROM item named parent with one row for each parent there is,
	// its identifier in the column id; the argument of its one placeholder are
	// the identifiers. of is the condition, in its terms, for a row of T.
	table string
	of    string
	// columns are what is read of the join; the page's own when empty. column is
	// that of the rows which names their parent, if one does.
	columns, column string
	id              func(*T) P
}

// byColumn are parents that a column of the rows refers to.
func byColumn[T any, P comparable](alias, column string, id func(*T) P) parentOf[T, P] {
	var parent P
	cast := "text"
	if _, row := any(parent).(identifier); row {
		cast = "uuid"
	}
	return parentOf[T, P]{
		name: column, column: column, table: "unnest(?::" + cast + "[]) AS parent(id)", of: alias + "." + column + " = parent.id", id: id,
	}
}

// listOf answers the same page of the lists of several parents, each its own,
// in a number of statements that does not depend on how many parents there are.
func listOf[T any, P comparable, F models.OrderField](ctx context.Context, tx *tenantTx, spec listSpec[T], parent parentOf[T, P], ids []P, filter any, l models.List[F]) (map[P]*models.Rows[*T], error) {
	lists := make(map[P]*models.Rows[*T], len(ids))
	for _, id := range ids {
		lists[id] = &models.Rows[*T]{Items: []*T{}, Cursors: []string{}, Number: l.Page.Number}
	}
	if len(ids) == 0 {
		return lists, nil
	}
	ids = slices.Collect(maps.Keys(lists)) // each once, or its rows would come twice
	ofParent := func(q *bun.SelectQuery) *bun.SelectQuery { return q.Where(parent.of) }
	p, err := newPlan(ctx, tx, spec, "."+parent.name, ofParent, filter, l)
	if err != nil {
		return nil, err
	}
	p.parentColumn = parent.column
	if !p.page.SkipRows {
		if err := fillEach(ctx, tx, p, parent, ids, lists); err != nil {
			return nil, err
		}
	}
	parents := func() *bun.SelectQuery { return tx.tx.NewSelect().TableExpr(parent.table, arrayOf(ids)) }
	if err := neighboursOfEach(ctx, p, parents, lists); err != nil {
		return nil, err
	}
	if p.page.WantTotal {
		return lists, countEach(ctx, p, parents, lists)
	}
	return lists, nil
}

// arrayOf is the argument of a parent's table.
func arrayOf[P comparable](ids []P) any {
	texts := make([]string, len(ids))
	for i, id := range ids {
		if row, ok := any(id).(identifier); ok {
			texts[i] = row.UUID().String()
		} else {
			texts[i] = fmt.Sprint(id)
		}
	}
	return pgdialect.Array(texts)
}

// fillEach fetches the page of every parent by one LATERAL join.
func fillEach[T any, P comparable](ctx context.Context, tx *tenantTx, p *listPlan[T], parent parentOf[T, P], ids []P, lists map[P]*models.Rows[*T]) error {
	var items []*T
	q := tx.tx.NewSelect().Model(&items).
		ModelTableExpr(parent.table, arrayOf(ids)).
		ColumnExpr(cmp.Or(parent.columns, "page.*")).
		Join("CROSS JOIN LATERAL (?) AS page", p.shown(p.pageQuery((*T)(nil))))
	if err := fill(ctx, tx, q, &items); err != nil {
		return err
	}
	grouped := make(map[P][]*T, len(ids))
	for _, item := range items {
		grouped[parent.id(item)] = append(grouped[parent.id(item)], item)
	}
	for id, rows := range lists {
		if err := p.fill(rows, grouped[id]); err != nil {
			return err
		}
	}
	return nil
}

// neighboursOfEach is listPlan.neighbours for every parent at once: the
// condition depends on the page's cursors alone, which all parents share.
func neighboursOfEach[T any, P comparable](ctx context.Context, p *listPlan[T], parents func() *bun.SelectQuery, lists map[P]*models.Rows[*T]) error {
	if !p.page.WantNeighbours {
		return nil
	}
	preceding, following := p.outside()
	for side, c := range []*condition{preceding, following} {
		if c == nil {
			continue
		}
		var with []struct{ ID P }
		exists := c.apply(p.matching((*T)(nil)).ColumnExpr("1"))
		if err := parents().ColumnExpr("parent.id").Where("EXISTS (?)", exists).Scan(ctx, &with); err != nil {
			return err
		}
		for _, found := range with {
			if side == 0 {
				lists[found.ID].HasPrevious = true
			} else {
				lists[found.ID].HasNext = true
			}
		}
	}
	return nil
}

func countEach[T any, P comparable](ctx context.Context, p *listPlan[T], parents func() *bun.SelectQuery, lists map[P]*models.Rows[*T]) error {
	for _, rows := range lists {
		rows.Total = new(int64)
	}
	var counts []struct {
		ID    P
		Total int64
	}
	err := parents().ColumnExpr("parent.id, (?) AS total", p.totalQuery()).Scan(ctx, &counts)
	if err != nil {
		return err
	}
	for _, c := range counts {
		*lists[c.ID].Total = c.Total
	}
	return nil
}
