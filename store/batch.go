package store

import (
	"context"
	"maps"
	"slices"

	"github.com/google/uuid"
	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/pgdialect"

	"upstream/models"
)

// parentID is the identifier of the rows that own nested lists.
type parentID interface {
	comparable
	identifier
}

// parentOf says how rows of T belong to a parent.
type parentOf[T any, P parentID] struct {
	column string
	id     func(*T) P
}

// listOf answers the same page of the lists of several parents, each its own,
// in a number of statements that does not depend on how many parents there are.
func listOf[T any, P parentID, F models.OrderField](ctx context.Context, tx *tenantTx, spec listSpec[T], parent parentOf[T, P], ids []P, filter any, l models.List[F]) (map[P]*models.Rows[*T], error) {
	lists := make(map[P]*models.Rows[*T], len(ids))
	for _, id := range ids {
		lists[id] = &models.Rows[*T]{Items: []*T{}, Cursors: []string{}, Number: l.Page.Number}
	}
	if len(ids) == 0 {
		return lists, nil
	}
	ids = slices.Collect(maps.Keys(lists)) // each once, or its rows would come twice
	ofParent := func(q *bun.SelectQuery) *bun.SelectQuery {
		return q.Where("? = parent.id", bun.Ident(spec.alias+"."+parent.column))
	}
	p, err := newPlan(ctx, tx, spec, "."+parent.column, ofParent, filter, l)
	if err != nil {
		return nil, err
	}
	if !p.page.SkipRows {
		if err := fillEach(ctx, tx, p, parent, ids, lists); err != nil {
			return nil, err
		}
	}
	if err := neighboursOfEach(ctx, tx, p, ids, lists); err != nil {
		return nil, err
	}
	if p.page.WantTotal {
		return lists, countEach(ctx, tx, p, ids, lists)
	}
	return lists, nil
}

// parentTable is the FROM item that every parent is one row of.
const parentTable = "unnest(?::uuid[]) AS parent(id)"

func uuidArray[P parentID](ids []P) any {
	texts := make([]string, len(ids))
	for i, id := range ids {
		texts[i] = id.UUID().String()
	}
	return pgdialect.Array(texts)
}

func selectParents[P parentID](tx *tenantTx, ids []P) *bun.SelectQuery {
	return tx.tx.NewSelect().TableExpr(parentTable, uuidArray(ids))
}

// fillEach fetches the page of every parent by one LATERAL join.
func fillEach[T any, P parentID](ctx context.Context, tx *tenantTx, p *listPlan[T], parent parentOf[T, P], ids []P, lists map[P]*models.Rows[*T]) error {
	var items []*T
	err := tx.tx.NewSelect().Model(&items).
		ModelTableExpr(parentTable, uuidArray(ids)).
		ColumnExpr("page.*").
		Join("CROSS JOIN LATERAL (?) AS page", p.pageQuery((*T)(nil))).
		Scan(ctx)
	if err != nil {
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
func neighboursOfEach[T any, P parentID](ctx context.Context, tx *tenantTx, p *listPlan[T], ids []P, lists map[P]*models.Rows[*T]) error {
	if !p.page.WantNeighbours {
		return nil
	}
	preceding, following := p.outside()
	for side, c := range []*condition{preceding, following} {
		if c == nil {
			continue
		}
		var with []uuid.UUID
		exists := c.apply(p.matching((*T)(nil)).ColumnExpr("1"))
		if err := selectParents(tx, ids).ColumnExpr("parent.id").Where("EXISTS (?)", exists).Scan(ctx, &with); err != nil {
			return err
		}
		for id, rows := range lists {
			switch {
			case !slices.Contains(with, id.UUID()):
			case side == 0:
				rows.HasPrevious = true
			default:
				rows.HasNext = true
			}
		}
	}
	return nil
}

func countEach[T any, P parentID](ctx context.Context, tx *tenantTx, p *listPlan[T], ids []P, lists map[P]*models.Rows[*T]) error {
	for _, rows := range lists {
		rows.Total = new(int64)
	}
	var counts []struct {
		ID    P
		Total int64
	}
	of := p.matching((*T)(nil)).ColumnExpr("count(*)")
	err := selectParents(tx, ids).ColumnExpr("parent.id, (?) AS total", of).Scan(ctx, &counts)
	if err != nil {
		return err
	}
	for _, c := range counts {
		*lists[c.ID].Total = c.Total
	}
	return nil
}
