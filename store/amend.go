package store

import (
	"context"
	"database/sql"
	"errors"
	"maps"
	"slices"
	"time"

	"github.com/uptrace/bun"

	"upstream/models"
)

// amendable are the rows that a use case may change.
type amendable interface {
	selectFrom(model any) *bun.SelectQuery
	updateOf(model any) *bun.UpdateQuery
}

// amendment is a change that a client makes to one row.
type amendment[T any] struct {
	// noun names the row to people, entity in the audit log.
	noun, entity string
	id           interface {
		identifier
		String() string
	}
	// expected is the version that the change was decided on; nil when that does
	// not matter.
	expected *int64
	action   auditAction
	// apply makes the change.
	apply func(*T) error
	// stamp is where the row says which version it is, and since when.
	stamp func(*T) (version *int64, updated *time.Time)
	// taken finds the row that a unique index protects from the change; nil for
	// rows that none does, or of which the client may not know.
	taken func(context.Context, *T) (string, error)
	// beside stores the columns that the row's own table does not have; nil for
	// rows without any.
	beside *beside[T]
}

// beside are columns of a row that other tables hold.
type beside[T any] struct {
	columns []string
	store   func(context.Context, *T) error
}

// maxAmendments is how often a change without an expected version is tried
// again because another one came first: each time, somebody's was made.
const maxAmendments = 20

// amend changes a row and answers what it was and what it is. Only the columns
// that differ are written; when none does, neither the version moves nor is
// anything audited.
//
// The UPDATE decides: its condition names the version that the change was made
// of, and the one that the client expects. When it finds no row, that is gone
// (NOT_FOUND), has another version than the client expects (STALE), or was
// changed a moment ago, which is no reason to refuse a client that expects none.
func amend[T any](ctx context.Context, tx *tenantTx, rows amendable, a amendment[T]) (before, after *T, err error) {
	for range maxAmendments {
		if before, err = a.read(ctx, rows); err != nil {
			return nil, nil, err
		}
		after = new(*before)
		if err := a.apply(after); err != nil {
			return nil, nil, err
		}
		changed := diff(before, after)
		if len(changed.after) == 0 {
			return before, before, a.expect(before)
		}
		done, err := a.write(ctx, tx, rows, before, after, slices.Sorted(maps.Keys(changed.after)))
		if err != nil {
			return nil, nil, err
		}
		if done {
			return before, after, tx.auditChange(ctx, a.action, a.entity, a.id.String(), changed)
		}
	}
	return nil, nil, models.NewError(models.CodeSerializationConflict, "The %s keeps changing. Try again.", a.noun)
}

func (a amendment[T]) read(ctx context.Context, rows amendable) (*T, error) {
	row := new(T)
	err := rows.selectFrom(row).Where("?TableAlias.id = ?", a.id.UUID()).Scan(ctx)
	return row, orNotFound(err, a.noun)
}

// write is the UPDATE. It reports false when a change that came first is in the
// way, and nothing else.
func (a amendment[T]) write(ctx context.Context, tx *tenantTx, rows amendable, before, after *T, columns []string) (bool, error) {
	was, _ := a.stamp(before)
	version, updated := a.stamp(after)
	*version, *updated = *was+1, tx.now
	q := rows.updateOf(after).Column(append(a.own(columns), "version", "updated_at")...).
		Where("?TableAlias.id = ?", a.id.UUID()).Where("?TableAlias.version = ?", *was)
	if a.expected != nil {
		q = q.Where("?TableAlias.version = ?", *a.expected)
	}
	var n int64
	err := a.naming(ctx, tx, after, func() error {
		result, err := q.Exec(ctx)
		if err == nil {
			n, err = result.RowsAffected()
		}
		if err == nil && n > 0 {
			err = a.storeBeside(ctx, after)
		}
		return err
	})
	if err != nil || n > 0 {
		return n > 0, err
	}
	current, err := a.read(ctx, rows)
	if err != nil {
		return false, err
	}
	return false, a.expect(current)
}

// own are those of the columns that the row's own table has.
func (a amendment[T]) own(columns []string) []string {
	if a.beside == nil {
		return columns
	}
	return slices.DeleteFunc(columns, func(c string) bool { return slices.Contains(a.beside.columns, c) })
}

func (a amendment[T]) storeBeside(ctx context.Context, row *T) error {
	if a.beside == nil {
		return nil
	}
	return a.beside.store(ctx, row)
}

// naming runs a write, and adds to a conflict which row it ran into.
func (a amendment[T]) naming(ctx context.Context, tx *tenantTx, row *T, write func() error) error {
	if a.taken == nil {
		return write()
	}
	err := tx.tentatively(ctx, write)
	if err == nil || models.CodeOf(err) != models.CodeConflict {
		return err
	}
	existing, lookup := a.taken(ctx, row)
	if errors.Is(lookup, sql.ErrNoRows) {
		return err // gone again; the conflict was real
	}
	if lookup != nil {
		return lookup
	}
	named := *models.AsError(err)
	named.ExistingID = existing
	return named.WithCause(err)
}

func (a amendment[T]) expect(row *T) error {
	version, _ := a.stamp(row)
	return expectVersion(a.noun, *version, a.expected)
}

// expectVersion answers STALE when a row has another version than the one that
// a change was decided on; nil is any.
func expectVersion(noun string, version int64, expected *int64) error {
	if expected == nil || *expected == version {
		return nil
	}
	return stale(noun, version)
}

func stale(noun string, version int64) error {
	return models.NewError(models.CodeStale, "The %s has changed since: the version is %d now.", noun, version)
}

// create stores a new row of the amendment's kind.
func (a amendment[T]) create(ctx context.Context, tx *tenantTx, row *T) (*T, error) {
	if err := a.apply(row); err != nil {
		return nil, err
	}
	err := a.naming(ctx, tx, row, func() error {
		if err := tx.insert(ctx, row); err != nil {
			return err
		}
		return a.storeBeside(ctx, row)
	})
	if err != nil {
		return nil, err
	}
	return row, tx.auditChange(ctx, a.action, a.entity, a.id.String(), diff(nil, row))
}

// erase deletes a row. The DELETE decides, as the UPDATE of amend does; a
// foreign key that still points at the row answers IN_USE.
func (a amendment[T]) erase(ctx context.Context, tx *tenantTx) error {
	row := new(T)
	q := tx.deleteFrom(row).Where("?TableAlias.id = ?", a.id.UUID()).Returning("*")
	if a.expected != nil {
		q = q.Where("?TableAlias.version = ?", *a.expected)
	}
	result, err := q.Exec(ctx)
	if err != nil {
		return orNotFound(err, a.noun)
	}
	n, err := result.RowsAffected()
	if err != nil {
		return err
	}
	if n == 0 {
		current, err := a.read(ctx, tx)
		if err != nil {
			return err
		}
		version, _ := a.stamp(current)
		return stale(a.noun, *version)
	}
	return tx.auditChange(ctx, a.action, a.entity, a.id.String(), diff(row, nil))
}
