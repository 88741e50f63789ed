package store

import (
	"cmp"
	"context"
	"fmt"
	"reflect"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgtype"
	"github.com/uptrace/bun"
	"github.com/uptrace/bun/schema"
)

// Rows are read in PostgreSQL's binary form, straight into the fields of their
// struct. By way of the query builder and database/sql every value would pass
// through text, a driver's value and two conversions by reflection, which takes
// several times as long.

// fill runs a query for the rows of a list.
func fill[T any](ctx context.Context, source rowSource, q *bun.SelectQuery, rows *[]*T) error {
	tx, ok := source.(*tenantTx)
	if !ok || !tx.looks {
		return q.Scan(ctx)
	}
	text, err := textOf(q)
	if err != nil {
		return err
	}
	filled := false
	err = tx.conn.Raw(func(driverConn any) error {
		c, ok := driverConn.(*tenantConn)
		if !ok {
			return fmt.Errorf("store: unexpected driver connection %T", driverConn)
		}
		defer countStatement(ctx, time.Now())
		answer, err := c.ask(ctx, text, binaryFormat())
		if err != nil {
			return err
		}
		f := answer.filling(reflect.TypeFor[T](), byName(tableOf[T](q), answer.conn.TypeMap()))
		if filled = f != nil; filled {
			*rows, err = collect[T](answer, f)
		}
		closed := answer.close(err)
		return cmp.Or(err, closed)
	})
	if err == nil && !filled {
		return q.Scan(ctx) // which knows every type there is
	}
	return err
}

// binaryFormat asks for all columns in their binary form.
func binaryFormat() []int16 { return []int16{pgx.BinaryFormatCode} }

// collect reads every row of an answer.
func collect[T any](a *answer, f *filling) ([]*T, error) {
	var rows []*T
	for a.next() {
		row := new(T)
		if err := f.fill(reflect.ValueOf(row).Elem(), a.rows.Values()); err != nil {
			return nil, err
		}
		rows = append(rows, row)
	}
	_, err := a.rows.Close()
	return rows, err
}

// filling is how the columns of an answer fill the fields of a struct.
type filling struct {
	of      reflect.Type
	columns []target
}

// target is the field that a column fills.
type target struct {
	name  string
	index []int
	read  reader
}

// fieldOf finds the field for a column, and how it is read; nil when that is not
// known.
type fieldOf func(at int, column pgconn.FieldDescription) ([]int, reader)

// byName goes by the columns of a table, and leaves to the query builder what it
// alone can read.
func byName(table *schema.Table, types *pgtype.Map) fieldOf {
	return func(_ int, column pgconn.FieldDescription) ([]int, reader) {
		field, ok := table.FieldMap[column.Name]
		if !ok {
			return nil, nil
		}
		if read := readerOf(field.StructField.Type, column.DataTypeOID); read != nil {
			return field.Index, read
		}
		return field.Index, valueReader(types, field, column.DataTypeOID)
	}
}

// byPlace takes the fields of a struct in their order.
func byPlace(t reflect.Type) fieldOf {
	return func(at int, column pgconn.FieldDescription) ([]int, reader) {
		if at >= t.NumField() {
			return nil, nil
		}
		return []int{at}, readerOf(t.Field(at).Type, column.DataTypeOID)
	}
}

// filling is how this answer fills structs of a type; nil when that is not
// known. It is found once for a statement that is kept.
func (a *answer) filling(t reflect.Type, find fieldOf) *filling {
	if a.kept != nil && a.kept.fills != nil && a.kept.fills.of == t {
		return a.kept.fills
	}
	f := newFilling(t, a.rows.FieldDescriptions(), find)
	if a.kept != nil {
		a.kept.fills = f
	}
	return f
}

func newFilling(t reflect.Type, columns []pgconn.FieldDescription, find fieldOf) *filling {
	f := &filling{of: t, columns: make([]target, len(columns))}
	for i, column := range columns {
		index, read := find(i, column)
		if read == nil {
			return nil
		}
		f.columns[i] = target{name: column.Name, index: index, read: read}
	}
	return f
}

// fill reads one row into a new struct, whose fields are as NULL leaves them.
func (f *filling) fill(row reflect.Value, values [][]byte) error {
	for i, value := range values {
		if value == nil {
			continue
		}
		c := &f.columns[i]
		field := row.Field(c.index[0])
		for _, at := range c.index[1:] {
			field = field.Field(at)
		}
		if err := c.read(field, value); err != nil {
			return fmt.Errorf("store: column %s: %w", c.name, err)
		}
	}
	return nil
}
