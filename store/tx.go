package store

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"reflect"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/uptrace/bun"

	"upstream/models"
)

// tenantTx is a transaction bound to one customer: the setting that row-level
// security reads names it, and every query helper adds it to the condition.
// It is passed as an argument and never put into a context, because gqlgen
// resolves fields in goroutines and a connection serves one at a time.
type tenantTx struct {
	trail
	outbound

	// tx runs the statements: the transaction or, in a use case that only reads,
	// the connection (see look).
	tx       bun.IDB
	conn     bun.Conn
	outbox   outbox
	viewer   models.Viewer
	customer models.CustomerID
	// looks says that tx is such a connection.
	looks bool
	// now is the one instant of the whole use case.
	now     time.Time
	newUUID func() uuid.UUID
}

// read runs fn, which only queries, for the viewer's customer under READ
// COMMITTED, after checking that the viewer has permission p.
func read[T any](ctx context.Context, s *Store, v models.Viewer, p models.Permission, fn func(*tenantTx) (T, error)) (T, error) {
	if err := mayEnter(ctx, s, v, p); err != nil {
		var zero T
		return zero, err
	}
	return look(ctx, s, v, fn)
}

// readWithSettings is read for an fn that changes settings for what follows.
func readWithSettings[T any](ctx context.Context, s *Store, v models.Viewer, p models.Permission, fn func(*tenantTx) (T, error)) (T, error) {
	return inTenant(ctx, s, v, p, readCommitted, fn)
}

// write is read for use cases that change rows. A request that is to have its
// effect once has it here: what fn answers is kept in the same transaction, and
// fn does not run when something is kept already. Of the transactions of one
// request only the first does so, hence its effect has to be in that one: a use
// case where it is not says itself what is kept, as DetectDrift does.
func write[T any](ctx context.Context, s *Store, v models.Viewer, p models.Permission, fn func(*tenantTx) (T, error)) (T, error) {
	once, err := v.Once.Take()
	if err != nil {
		var zero T
		return zero, err
	}
	return inTenant(ctx, s, v, p, readCommitted, func(tx *tenantTx) (T, error) {
		if once == nil {
			return fn(tx)
		}
		return doOnce(ctx, s, tx, once, fn)
	})
}

func inTenant[T any](ctx context.Context, s *Store, v models.Viewer, p models.Permission, opts *sql.TxOptions, fn func(*tenantTx) (T, error)) (T, error) {
	if err := mayEnter(ctx, s, v, p); err != nil {
		var zero T
		return zero, err
	}
	return bound(ctx, s, v, opts, fn)
}

// mayEnter checks the permission and leaves the trace of a superuser's access.
func mayEnter(ctx context.Context, s *Store, v models.Viewer, p models.Permission) error {
	if err := v.Authorize(p); err != nil {
		return err
	}
	return s.noteAccess(ctx, v, p)
}

// bound runs fn in a transaction of the viewer's customer and then appends the
// audit lines that fn left. Whoever calls it has checked the permission.
func bound[T any](ctx context.Context, s *Store, v models.Viewer, opts *sql.TxOptions, fn func(*tenantTx) (T, error)) (T, error) {
	var result T
	var written []*models.AuditEvent
	err := s.begin(ctx, opts, func(conn bun.Conn, tx bun.Tx) error {
		// Local to the transaction: the only binding that is safe behind a
		// pooler that hands the connection to somebody else after commit.
		if _, err := tx.ExecContext(ctx, bindCustomer, v.CustomerID.UUID().String()); err != nil {
			return err
		}
		own := &tenantTx{tx: tx, conn: conn, outbox: s.outbox, viewer: v, customer: v.CustomerID, now: s.clock(), newUUID: s.newUUID}
		var err error
		if result, err = fn(own); err != nil {
			return err
		}
		if err := s.tellEvents(ctx, own, opts); err != nil {
			return err
		}
		written = own.lines
		return s.appendTrail(ctx, tx, opts, &own.trail, nil)
	})
	if err != nil {
		var zero T
		return zero, err
	}
	s.tellAlerts(written)
	return result, nil
}

// bindCustomer names the customer of the rest of the transaction.
const bindCustomer = `SELECT set_config('app.customer_id', ?, true)`

// systemTx is a transaction without a customer: it sees customers, users,
// memberships and the platform's audit rows, and no business row at all.
type systemTx struct {
	trail

	tx      bun.Tx
	conn    bun.Conn
	outbox  outbox
	now     time.Time
	newUUID func() uuid.UUID
}

// system is the one door for work that precedes knowing the customer: sign-in,
// and the operator creating customers and users.
func system[T any](ctx context.Context, s *Store, fn func(*systemTx) (T, error)) (T, error) {
	return systemAt(ctx, s, readCommitted, fn)
}

// systemAt is system at another isolation level.
func systemAt[T any](ctx context.Context, s *Store, opts *sql.TxOptions, fn func(*systemTx) (T, error)) (T, error) {
	var result T
	err := s.begin(ctx, opts, func(conn bun.Conn, tx bun.Tx) error {
		if _, err := tx.ExecContext(ctx, `SELECT set_config('app.system', 'on', true)`); err != nil {
			return err
		}
		own := &systemTx{tx: tx, conn: conn, outbox: s.outbox, now: s.clock(), newUUID: s.newUUID}
		var err error
		if result, err = fn(own); err != nil {
			return err
		}
		// Rows of a customer are writable to who names that customer. It is the
		// last thing that the transaction does.
		return s.appendTrail(ctx, tx, opts, &own.trail, func(c chain) error {
			named := "" // set in any case: a line about nobody must cost as much
			if c.arg() != nil {
				named = models.CustomerID(c).UUID().String()
			}
			_, err := tx.ExecContext(ctx, bindCustomer, named)
			return err
		})
	})
	if err != nil {
		var zero T
		return zero, err
	}
	return result, nil
}

// call asks a function of the schema that opens the system door for itself,
// and for itself only, in one statement and one round trip. The columns of its
// answer fill the fields of T in their order; args are texts.
func call[T any](ctx context.Context, s *Store, text string, args ...string) ([]*T, error) {
	defer countStatement(ctx, time.Now())
	conn, err := s.pool.Acquire(ctx)
	if err != nil {
		return nil, unlessCanceled(ctx, err)
	}
	defer conn.Release()
	r := request{text: text, formats: binaryFormat(), often: true}
	for _, arg := range args {
		r.args = append(r.args, []byte(arg))
	}
	answer, err := ask(ctx, conn.Conn(), r)
	if err != nil {
		return nil, unlessCanceled(ctx, err)
	}
	f := answer.filling(reflect.TypeFor[T](), byPlace(reflect.TypeFor[T]()))
	if f == nil {
		return nil, errors.Join(fmt.Errorf("store: %s answers other types than those of %T", text, *new(T)), answer.close(nil))
	}
	found, err := collect[T](answer, f)
	closed := answer.close(err)
	if err = cmp.Or(err, closed); err != nil {
		return nil, unlessCanceled(ctx, err)
	}
	return found, nil
}

// begin runs fn in a transaction on a connection of its own and commits.
// Every error of the database, that of COMMIT included, leaves translated: a
// deferred constraint speaks up only there.
func (s *Store) begin(ctx context.Context, opts *sql.TxOptions, fn func(bun.Conn, bun.Tx) error) error {
	conn, err := s.db.Conn(ctx)
	if err != nil {
		return unlessCanceled(ctx, err)
	}
	defer func() { _ = conn.Close() }()
	tx, err := conn.BeginTx(ctx, opts)
	if err != nil {
		return unlessCanceled(ctx, err)
	}
	committed := false
	defer func() {
		if !committed {
			_ = tx.Rollback() // also after a panic in fn
		}
	}()
	if err := fn(conn, tx); err != nil {
		return unlessCanceled(ctx, err)
	}
	if err := tx.Commit(); err != nil {
		return unlessCanceled(ctx, err)
	}
	committed = true
	return nil
}

// unlessCanceled is translate, except that a failure without a meaning of its
// own on a context that has ended is that end: database/sql rolls such a
// transaction back by itself, and what is under way then fails in odd ways.
func unlessCanceled(ctx context.Context, err error) error {
	translated := translate(err)
	ended := ctx.Err()
	if ended == nil || errors.Is(translated, ended) || models.CodeOf(translated) != models.CodeInternal {
		return translated
	}
	return fmt.Errorf("%w: %w", ended, err)
}

// pgx gives fn the driver's connection inside this same transaction, for COPY
// and for streaming results that bun would gather in memory first.
func (tx *tenantTx) pgx(ctx context.Context, fn func(*pgx.Conn) error) error {
	return rawConn(ctx, tx.conn, fn)
}

func rawConn(ctx context.Context, conn bun.Conn, fn func(*pgx.Conn) error) error {
	start := time.Now()
	defer countStatement(ctx, start)
	return conn.Raw(func(driverConn any) error {
		c, ok := driverConn.(*tenantConn)
		if !ok {
			return fmt.Errorf("store: unexpected driver connection %T", driverConn)
		}
		if c.customer != "" {
			return errOnlyReads // fn would not name the customer
		}
		return fn(c.Conn.Conn())
	})
}

// stream runs a SELECT that a query builder has made, and gives its rows to fn
// as they arrive. It takes its time, and ends with ctx.
func (tx *tenantTx) stream(ctx context.Context, s *Store, query string, fn func(scan func(...any) error) error) error {
	if _, err := tx.tx.ExecContext(ctx, `SELECT set_config('statement_timeout', '0', true)`); err != nil {
		return err
	}
	rows, err := tx.tx.QueryContext(ctx, query)
	if err != nil {
		return err
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		if err := fn(func(dst ...any) error { return s.db.ScanRow(ctx, rows, dst...) }); err != nil {
			return err
		}
	}
	return rows.Err()
}

// selectFrom starts a query on the model's table, limited to the customer.
func (tx *tenantTx) selectFrom(model any) *bun.SelectQuery {
	return tx.tx.NewSelect().Model(model).Where("?TableAlias.customer_id = ?", tx.customer)
}

// owner is whose rows selectFrom selects.
func (tx *tenantTx) owner() models.CustomerID { return tx.customer }

// query runs SQL text of ours, in which ?0 is the customer and ?1 the first
// of args.
func (tx *tenantTx) query(text string, args ...any) *bun.RawQuery {
	return tx.tx.NewRaw(text, append([]any{tx.customer}, args...)...)
}

// updateOf starts an update of the model's table, limited to the customer.
func (tx *tenantTx) updateOf(model any) *bun.UpdateQuery {
	return tx.tx.NewUpdate().Model(model).Where("?TableAlias.customer_id = ?", tx.customer)
}

// deleteFrom starts a deletion from the model's table, limited to the customer.
func (tx *tenantTx) deleteFrom(model any) *bun.DeleteQuery {
	return tx.tx.NewDelete().Model(model).Where("?TableAlias.customer_id = ?", tx.customer)
}

// tentatively runs fn in such a way that the transaction goes on when a
// constraint refuses what fn does, and answers with what the client may read
// about it.
func (tx *tenantTx) tentatively(ctx context.Context, fn func() error) error {
	if _, err := tx.tx.ExecContext(ctx, `SAVEPOINT tentative`); err != nil {
		return err
	}
	if refused := translate(fn()); refused != nil {
		if _, err := tx.tx.ExecContext(ctx, `ROLLBACK TO SAVEPOINT tentative`); err != nil {
			return errors.Join(refused, err)
		}
		return refused
	}
	_, err := tx.tx.ExecContext(ctx, `RELEASE SAVEPOINT tentative`)
	return err
}

// insert stores the model or slice of models. Row-level security refuses one
// that names another customer.
func (tx *tenantTx) insert(ctx context.Context, model any) error {
	_, err := tx.tx.NewInsert().Model(model).Exec(ctx)
	return err
}

// insertNew stores the slice of models but for those that rows stand in the way
// of by any unique index.
func (tx *tenantTx) insertNew(ctx context.Context, models any) error {
	_, err := tx.tx.NewInsert().Model(models).On("CONFLICT DO NOTHING").Exec(ctx)
	return err
}

// insertUnless stores the model unless a row stands in its way by any unique
// index, and reports whether it did. A row that somebody is about to commit is
// waited for.
func (tx *tenantTx) insertUnless(ctx context.Context, model any) (bool, error) {
	result, err := tx.tx.NewInsert().Model(model).On("CONFLICT DO NOTHING").Exec(ctx)
	if err != nil {
		return false, err
	}
	n, err := result.RowsAffected()
	return n == 1, err
}

// insertFresh stores those of the rows, a pointer to a slice, that none stands in
// the way of by the unique index on these columns, and answers with their
// identifiers. A row that somebody is about to commit is waited for.
func (tx *tenantTx) insertFresh(ctx context.Context, rows any, index string) (ids []uuid.UUID, err error) {
	err = tx.tx.NewInsert().Model(rows).On("CONFLICT ("+index+") DO NOTHING").Returning("id").Scan(ctx, &ids)
	return ids, err
}

// actorID is the user behind the viewer; nil for the program itself.
func (tx *tenantTx) actorID() *models.UserID {
	if tx.viewer.UserID.IsZero() {
		return nil
	}
	id := tx.viewer.UserID
	return &id
}
