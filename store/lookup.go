package store

import (
	"context"

	"github.com/uptrace/bun"

	"upstream/models"
)

// one reads a single row of the customer; NOT_FOUND names the noun.
func one[T any](ctx context.Context, s *Store, v models.Viewer, p models.Permission, id identifier, noun string) (*T, error) {
	return read(ctx, s, v, p, func(tx *tenantTx) (*T, error) {
		return rowOf[T](ctx, tx, id, noun)
	})
}

func rowOf[T any](ctx context.Context, tx *tenantTx, id identifier, noun string) (*T, error) {
	row := new(T)
	err := tx.selectFrom(row).Where("?TableAlias.id = ?", id.UUID()).Scan(ctx)
	return row, orNotFound(err, noun)
}

// byID reads those of the rows that the customer has, keyed by identifier.
func byID[T any, P parentID](ctx context.Context, s *Store, v models.Viewer, p models.Permission, ids []P, idOf func(*T) P) (map[P]*T, error) {
	return read(ctx, s, v, p, func(tx *tenantTx) (map[P]*T, error) {
		return rowsOf(ctx, tx, ids, idOf)
	})
}

func rowsOf[T any, P parentID](ctx context.Context, tx *tenantTx, ids []P, idOf func(*T) P) (map[P]*T, error) {
	found := make(map[P]*T, len(ids))
	if len(ids) == 0 {
		return found, nil
	}
	var rows []*T
	if err := tx.selectFrom(&rows).Where("?TableAlias.id IN (?)", bun.List(ids)).Scan(ctx); err != nil {
		return nil, err
	}
	for _, row := range rows {
		found[idOf(row)] = row
	}
	return found, nil
}
