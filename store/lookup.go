package store

import (
	"context"

	"github.com/uptrace/bun"

	"upstream/models"
)

// one reads a single row of the customer; NOT_FOUND names the noun.
func one[T any](ctx context.Context, s *Store, v models.Viewer, p models.Permission, id identifier, noun string) (*T, error) {
	return read(ctx, s, v, p, func(tx *tenantTx) (*T, error) {
		return rowOf[T](ctx, tx, everything, id, noun)
	})
}

// rowOf is one for those who have a transaction; scope is that of the noun's
// list.
func rowOf[T any](ctx context.Context, tx *tenantTx, scope scopeFunc, id identifier, noun string) (*T, error) {
	row := new(T)
	err := scope(tx.selectFrom(row)).Where("?TableAlias.id = ?", id.UUID()).Scan(ctx)
	return row, orNotFound(err, noun)
}

// byID reads those of the rows that the customer has, keyed by identifier.
func byID[T any, P parentID](ctx context.Context, s *Store, v models.Viewer, p models.Permission, ids []P, idOf func(*T) P) (map[P]*T, error) {
	return read(ctx, s, v, p, func(tx *tenantTx) (map[P]*T, error) {
		return rowsOf(ctx, tx, everything, ids, idOf)
	})
}

// rowsOf is byID for those who have a source of rows; scope is that of the
// noun's list.
func rowsOf[T any, P parentID](ctx context.Context, source rowSource, scope scopeFunc, ids []P, idOf func(*T) P) (map[P]*T, error) {
	found := make(map[P]*T, len(ids))
	if len(ids) == 0 {
		return found, nil
	}
	var rows []*T
	q := scope(source.selectFrom(&rows)).Where("?TableAlias.id IN (?)", bun.List(ids))
	if err := fill(ctx, source, q, &rows); err != nil {
		return nil, err
	}
	for _, row := range rows {
		found[idOf(row)] = row
	}
	return found, nil
}
