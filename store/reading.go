package store

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"strconv"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgtype"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"

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
	own.tx, own.conn = conn, conn
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
	conn := c.Conn.Conn()
	if conn.IsClosed() {
		return nil, driver.ErrBadConn
	}
	batch := &pgx.Batch{}
	batch.Queue(nameCustomer, c.customer)
	batch.Queue(query)
	answers := conn.SendBatch(ctx, batch)
	rows, err := firstRow(answers)
	if err != nil {
		_ = answers.Close()
		if pgconn.SafeToRetry(err) {
			return nil, driver.ErrBadConn
		}
		return nil, err
	}
	rows.decode = decodersFor(conn.TypeMap(), rows.rows.FieldDescriptions())
	return rows, nil
}

// firstRow skips the answer to the setting and fetches the first row of the
// query: only then is known whether it failed and what its columns are.
func firstRow(answers pgx.BatchResults) (*tenantRows, error) {
	if _, err := answers.Exec(); err != nil {
		return nil, err
	}
	rows, err := answers.Query()
	if err != nil {
		return nil, err
	}
	more := rows.Next()
	if err := rows.Err(); err != nil {
		return nil, err
	}
	return &tenantRows{answers: answers, rows: rows, fetched: true, more: more}, nil
}

// tenantRows are the rows of a query that travelled with its customer.
type tenantRows struct {
	answers pgx.BatchResults
	rows    pgx.Rows
	decode  []decoder
	// fetched says that more tells of the row that is asked for next.
	fetched, more bool
}

// Columns implements driver.Rows.
func (r *tenantRows) Columns() []string {
	fields := r.rows.FieldDescriptions()
	names := make([]string, len(fields))
	for i := range fields {
		names[i] = fields[i].Name
	}
	return names
}

// Close implements driver.Rows.
func (r *tenantRows) Close() error {
	r.rows.Close()
	return errors.Join(r.rows.Err(), r.answers.Close())
}

// Next implements driver.Rows.
func (r *tenantRows) Next(dest []driver.Value) error {
	if !r.fetched {
		r.more = r.rows.Next()
	}
	r.fetched = false
	if !r.more {
		if err := r.rows.Err(); err != nil {
			return err
		}
		return io.EOF
	}
	for i, text := range r.rows.RawValues() {
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
