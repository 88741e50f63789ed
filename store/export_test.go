package store

import (
	"context"
	"maps"
	"slices"

	"upstream/models"
)

// MappedConstraints are the names constraints.go knows.
func MappedConstraints() []string {
	return append(slices.Collect(maps.Keys(constraints())), invariants()...)
}

// Translate is translate.
func Translate(err error) error { return translate(err) }

// Exclusive runs fn as a detection would.
func Exclusive(ctx context.Context, s *Store, v models.Viewer, fn func(ExclusiveTx) error) error {
	_, err := exclusive(ctx, s, v, models.PermissionRunDetection, "test", func(tx *tenantTx) (struct{}, error) {
		return struct{}{}, fn(ExclusiveTx{tx})
	})
	return err
}

// ExclusiveTx is the transaction Exclusive hands out.
type ExclusiveTx struct{ tx *tenantTx }

// Exec runs one statement.
func (t ExclusiveTx) Exec(ctx context.Context, query string, args ...any) error {
	_, err := t.tx.tx.ExecContext(ctx, query, args...)
	return err
}

// Count runs a query for one number.
func (t ExclusiveTx) Count(ctx context.Context, query string, args ...any) (n int, err error) {
	err = t.tx.tx.QueryRowContext(ctx, query, args...).Scan(&n)
	return n, err
}

// Serializable runs fn once in a SERIALIZABLE transaction, without the lock.
func Serializable(ctx context.Context, s *Store, v models.Viewer, fn func(ExclusiveTx) error) error {
	_, err := inTenant(ctx, s, v, models.PermissionRunDetection, serializable, func(tx *tenantTx) (struct{}, error) {
		return struct{}{}, fn(ExclusiveTx{tx})
	})
	return err
}
