package store

import (
	"context"
	"database/sql"

	"github.com/google/uuid"
	"github.com/uptrace/bun"

	"upstream/models"
)

// sealedRows is the transaction that a rotation works in. One that is bound to
// a customer sees that customer's rows, and every statement names it besides.
type sealedRows interface {
	NewRaw(query string, args ...any) *bun.RawQuery
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
}

type sealedRow struct {
	ID     uuid.UUID `bun:"id,type:uuid"`
	Sealed []byte    `bun:"sealed,type:bytea"`
}

// mine is the condition that rows are the owner's.
func (c sealedColumn) mine(owner models.CustomerID) any {
	if !c.tenant {
		return bun.SafeQuery("true")
	}
	return bun.SafeQuery("customer_id = ?", owner)
}

func readSealed(ctx context.Context, tx sealedRows, c sealedColumn, owner models.CustomerID, after uuid.UUID) (rows []sealedRow, err error) {
	err = tx.NewRaw(`SELECT id, ?0 AS sealed FROM ?1 WHERE ?2 AND ?0 IS NOT NULL AND id > ?3 ORDER BY id LIMIT ?4 FOR UPDATE`,
		bun.Ident(c.column), bun.Ident(c.table), c.mine(owner), after, rotateBatch).Scan(ctx, &rows)
	return rows, err
}

func writeSealed(ctx context.Context, tx sealedRows, c sealedColumn, owner models.CustomerID, row uuid.UUID, sealed []byte) error {
	_, err := tx.ExecContext(ctx, `UPDATE ?0 SET ?1 = ?2 WHERE ?3 AND id = ?4`,
		bun.Ident(c.table), bun.Ident(c.column), sealed, c.mine(owner), row)
	return err
}
