package store

import (
	"cmp"
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"reflect"
	"strconv"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgtype"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/uptrace/bun"
	"github.com/uptrace/bun/schema"

	"upstream/models"
)

// look runs fn outside of a transaction of several round trips: each of its
// statements travels together with the setting that names the customer, which
// is local to the implicit transaction that PostgreSQL makes of the two. So it
// holds for that statement alone, as it would in a transaction begun and
// committed, and no connection ever carries it, be it direct or one that a
// pooler lends by the transaction.
//
// Under READ COMMITTED every statement sees the database as it is when the
// statement begins, so nothing is different for a use case that only reads. fn
// leaves no rows open: giving the connection back waits for them. What it notes
// in the trail is appended in a transaction of its own, before anybody gets the
// answer.
func look[T any](ctx context.Context, s *Store, v models.Viewer, fn func(*tenantTx) (T, error)) (T, error) {
	var zero T
	own := &tenantTx{outbox: s.outbox, viewer: v, customer: v.CustomerID, now: s.clock(), newUUID: s.newUUID}
	result, err := looking(ctx, s, own, fn)
	if err != nil {
		return zero, unlessCanceled(ctx, err)
	}
	if len(own.lines) == 0 {
		return result, nil
	}
	return bound(ctx, s, v, readCommitted, func(tx *tenantTx) (T, error) {
		tx.trail = own.trail
		return result, nil
	})
}

// looking is look up to the trail. The connection is back in the pool when it
// returns: who holds one and waits for another could wait for ever.
func looking[T any](ctx context.Context, s *Store, own *tenantTx, fn func(*tenantTx) (T, error)) (T, error) {
	var zero T
	conn, err := s.db.Conn(ctx)
	if err != nil {
		return zero, err
	}
	defer func() { _ = conn.Close() }()
	err = conn.Raw(func(driverConn any) error {
		c, ok := driverConn.(*tenantConn)
		if !ok {
			return fmt.Errorf("store: unexpected driver connection %T", driverConn)
		}
		c.customer = own.customer.UUID().String()
		return nil
	})
	if err != nil {
		return zero, err
	}
	own.tx, own.conn, own.looks = conn, conn, true
	return fn(own)
}

// tenantConnector makes connections that can name a customer with a statement.
type tenantConnector struct{ driver.Connector }

func openDB(pool *pgxpool.Pool) *sql.DB {
	db := sql.OpenDB(tenantConnector{stdlib.GetPoolConnector(pool)})
	// The pool keeps idle connections; kept here they would be out of its sight,
	// and this type's would be used more than once.
	db.SetMaxIdleConns(0)
	return db
}

// Connect implements driver.Connector.
func (c tenantConnector) Connect(ctx context.Context) (driver.Conn, error) {
	conn, err := c.Connector.Connect(ctx)
	if err != nil {
		return nil, err
	}
	own, ok := conn.(*stdlib.Conn)
	if !ok {
		return nil, fmt.Errorf("store: unexpected driver connection %T", conn)
	}
	return &tenantConn{Conn: own}, nil
}

// tenantConn is a connection on loan from the pool. While it has a customer it
// only queries, and names the customer with every query.
type tenantConn struct {
	*stdlib.Conn

	customer string
}

// errOnlyReads is a mistake of ours: what looks must not write.
var errOnlyReads = errors.New("store: a use case that only reads has no transaction to write or to set anything in")

// ResetSession implements driver.SessionResetter.
func (c *tenantConn) ResetSession(ctx context.Context) error {
	c.customer = ""
	return c.Conn.ResetSession(ctx)
}

// BeginTx implements driver.ConnBeginTx.
func (c *tenantConn) BeginTx(ctx context.Context, opts driver.TxOptions) (driver.Tx, error) {
	if c.customer != "" {
		return nil, errOnlyReads
	}
	return c.Conn.BeginTx(ctx, opts)
}

// ExecContext implements driver.ExecerContext.
func (c *tenantConn) ExecContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
	if c.customer != "" {
		return nil, errOnlyReads
	}
	return c.Conn.ExecContext(ctx, query, args)
}

// nameCustomer is bindCustomer with its argument apart from the text, and has
// PostgreSQL refuse a statement that would write.
const nameCustomer = `SELECT set_config('app.customer_id', $1, true), set_config('transaction_read_only', 'on', true)`

// QueryContext implements driver.QueryerContext.
func (c *tenantConn) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	if c.customer == "" {
		return c.Conn.QueryContext(ctx, query, args)
	}
	if len(args) > 0 {
		return nil, errors.New("store: arguments are written into the text")
	}
	answer, err := c.ask(ctx, query, nil)
	if err != nil {
		if pgconn.SafeToRetry(err) {
			return nil, driver.ErrBadConn
		}
		return nil, err
	}
	return &tenantRows{answer: answer, decode: decodersFor(c.Conn.Conn().TypeMap(), answer.rows.FieldDescriptions())}, nil
}

// textOf is a query with its values written into the text.
func textOf(q *bun.SelectQuery) (string, error) {
	text, err := q.AppendQuery(q.DB().QueryGen(), make([]byte, 0, 2<<10))
	return string(text), err
}

// tableOf is what the query builder knows about a type of rows.
func tableOf[T any](q *bun.SelectQuery) *schema.Table { return q.DB().Table(reflect.TypeFor[T]()) }

// answer are the rows of a query that travelled with its customer.
type answer struct {
	ctx      context.Context //nolint:containedctx // ends with the rows
	conn     *pgx.Conn
	tracer   pgx.BatchTracer
	requests []request
	pipeline *pgconn.Pipeline
	rows     *pgconn.ResultReader
	// kept is the statement, if the session keeps it.
	kept *statement
	// fetched says that more tells of the row that is asked for next.
	fetched, more bool
}

// ask sends a query behind its customer, in one round trip, and fetches the first
// row: only then is known whether it failed.
func (c *tenantConn) ask(ctx context.Context, query string, formats []int16) (*answer, error) {
	naming := request{text: nameCustomer, args: [][]byte{[]byte(c.customer)}, often: true}
	return ask(ctx, c.Conn.Conn(), naming, request{text: query, formats: formats})
}

// ask sends statements in one round trip, of which the last one's rows are the
// answer. It asks again without what was prepared when that is no longer good:
// which is found before a statement begins, and undoes those before it.
func ask(ctx context.Context, conn *pgx.Conn, requests ...request) (*answer, error) {
	if conn.IsClosed() {
		return nil, driver.ErrBadConn
	}
	s, err := sessionOf(ctx, conn)
	if err != nil {
		return nil, err
	}
	a, err := attempt(ctx, conn, s, requests)
	if err != nil && outdated(err) {
		if err := s.renounce(ctx, conn.PgConn(), err); err != nil {
			return nil, err
		}
		return attempt(ctx, conn, s, requests)
	}
	return a, err
}

func attempt(ctx context.Context, conn *pgx.Conn, s *session, requests []request) (*answer, error) {
	a := &answer{ctx: ctx, conn: conn, tracer: s.tracer, requests: requests}
	if a.tracer != nil {
		a.ctx = a.tracer.TraceBatchStart(ctx, a.conn, pgx.TraceBatchStartData{Batch: batchOf(requests)})
	}
	a.pipeline = conn.PgConn().StartPipeline(a.ctx)
	for i := range requests {
		s.send(a.pipeline, &requests[i])
	}
	if err := a.begin(s, requests); err != nil {
		_ = a.close(err) // which says the same
		return nil, err
	}
	a.kept = requests[len(requests)-1].known
	return a, nil
}

// begin reads up to the first row of the last statement.
func (a *answer) begin(s *session, requests []request) error {
	if err := a.pipeline.Sync(); err != nil {
		return err
	}
	for i := range requests {
		if a.rows != nil {
			if _, err := a.rows.Close(); err != nil {
				return err
			}
		}
		var err error
		if a.rows, err = s.rows(a.pipeline, &requests[i]); err != nil {
			return err
		}
	}
	a.fetched, a.more = true, a.rows.NextRow()
	if a.more {
		return nil
	}
	_, err := a.rows.Close()
	return err
}

// next fetches the next row, whose values are good until the one after that.
func (a *answer) next() bool {
	if !a.fetched {
		a.more = a.rows.NextRow()
	}
	a.fetched = false
	return a.more
}

// close reads what is left and gives the connection back. An error that was met
// is what the tracer hears.
func (a *answer) close(met error) error {
	var err error
	if a.rows != nil {
		_, err = a.rows.Close()
	}
	err = errors.Join(err, a.pipeline.Close())
	a.tell(cmp.Or(met, err))
	return err
}

// tell ends what the tracer was told of, once.
func (a *answer) tell(err error) {
	if a.tracer == nil {
		return
	}
	for i := range a.requests {
		told := pgx.TraceBatchQueryData{SQL: a.requests[i].text}
		if i == len(a.requests)-1 {
			told.Err = err
		}
		a.tracer.TraceBatchQuery(a.ctx, a.conn, told)
	}
	a.tracer.TraceBatchEnd(a.ctx, a.conn, pgx.TraceBatchEndData{Err: err})
	a.tracer = nil
}

// tenantRows are the rows of a query as database/sql has them.
type tenantRows struct {
	answer *answer
	decode []decoder
}

// Columns implements driver.Rows.
func (r *tenantRows) Columns() []string {
	fields := r.answer.rows.FieldDescriptions()
	names := make([]string, len(fields))
	for i := range fields {
		names[i] = fields[i].Name
	}
	return names
}

// Close implements driver.Rows.
func (r *tenantRows) Close() error { return r.answer.close(nil) }

// Next implements driver.Rows.
func (r *tenantRows) Next(dest []driver.Value) error {
	if !r.answer.next() {
		if _, err := r.answer.rows.Close(); err != nil {
			return err
		}
		return io.EOF
	}
	for i, text := range r.answer.rows.Values() {
		if text == nil {
			dest[i] = nil
			continue
		}
		var err error
		if dest[i], err = r.decode[i](text); err != nil {
			return fmt.Errorf("store: column %d: %w", i+1, err)
		}
	}
	return nil
}

// decoder reads a value that is not null, from the text form.
type decoder func(text []byte) (driver.Value, error)

func decodersFor(types *pgtype.Map, fields []pgconn.FieldDescription) []decoder {
	all := make([]decoder, len(fields))
	for i := range fields {
		all[i] = decoderOf(types, &fields[i])
	}
	return all
}

// decoderOf gives the values of database/sql that the driver gives, too.
func decoderOf(types *pgtype.Map, field *pgconn.FieldDescription) decoder {
	if field.Format != pgtype.TextFormatCode {
		return func([]byte) (driver.Value, error) {
			return nil, errors.New("the database answers in binary what was asked for as text")
		}
	}
	switch field.DataTypeOID {
	case pgtype.BoolOID:
		return func(text []byte) (driver.Value, error) { return string(text) == "t", nil }
	case pgtype.Int2OID, pgtype.Int4OID, pgtype.Int8OID:
		return func(text []byte) (driver.Value, error) { return strconv.ParseInt(string(text), 10, 64) }
	case pgtype.Float4OID, pgtype.Float8OID:
		return func(text []byte) (driver.Value, error) { return strconv.ParseFloat(string(text), 64) }
	case pgtype.JSONOID, pgtype.JSONBOID, pgtype.XMLOID:
		return func(text []byte) (driver.Value, error) { return append([]byte{}, text...), nil }
	case pgtype.ByteaOID:
		return scanned(types, field, func(v *[]byte) (driver.Value, error) { return *v, nil })
	case pgtype.OIDOID, pgtype.XIDOID, pgtype.CIDOID:
		return scanned(types, field, func(v *pgtype.Uint32) (driver.Value, error) { return v.Value() })
	case pgtype.DateOID:
		return scanned(types, field, func(v *pgtype.Date) (driver.Value, error) { return v.Value() })
	case pgtype.TimestampOID:
		return scanned(types, field, func(v *pgtype.Timestamp) (driver.Value, error) { return v.Value() })
	case pgtype.TimestamptzOID:
		return scanned(types, field, func(v *pgtype.Timestamptz) (driver.Value, error) { return v.Value() })
	default:
		return func(text []byte) (driver.Value, error) { return string(text), nil }
	}
}

// scanned decodes by way of one of the driver's types.
func scanned[T any](types *pgtype.Map, field *pgconn.FieldDescription, value func(*T) (driver.Value, error)) decoder {
	plan := types.PlanScan(field.DataTypeOID, field.Format, new(T))
	return func(text []byte) (driver.Value, error) {
		v := new(T)
		if err := plan.Scan(text, v); err != nil {
			return nil, err
		}
		return value(v)
	}
}
