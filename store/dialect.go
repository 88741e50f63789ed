package store

import (
	"fmt"
	"reflect"
	"sync"

	"github.com/jackc/pgx/v5/pgtype"
	"github.com/uptrace/bun/dialect/pgdialect"
	"github.com/uptrace/bun/schema"
)

// dialect is bun's PostgreSQL except for how text[] is read: bun's parser turns
// two apostrophes into one and takes an element that starts with a parenthesis
// or bracket for a range, which would make the row that holds it unreadable.
type dialect struct {
	*pgdialect.Dialect

	tables *schema.Tables
	// types are *pgtype.Map, each of which serves one goroutine at a time.
	types sync.Pool
}

func newDialect() *dialect {
	d := &dialect{Dialect: pgdialect.New(), types: sync.Pool{New: func() any { return pgtype.NewMap() }}}
	d.tables = schema.NewTables(d)
	return d
}

// Tables implements schema.Dialect.
func (d *dialect) Tables() *schema.Tables { return d.tables }

// OnTable implements schema.Dialect.
func (d *dialect) OnTable(table *schema.Table) {
	d.Dialect.OnTable(table)
	for _, field := range table.FieldMap {
		typ := field.StructField.Type
		if typ.Kind() == reflect.Slice && typ.Elem().Kind() == reflect.String && field.Tag.HasOption("array") {
			field.Scan = d.scanTexts
		}
	}
}

// scanTexts reads an array as the driver's own library does.
func (d *dialect) scanTexts(dest reflect.Value, src any) error {
	var text []byte
	switch src := src.(type) {
	case nil:
	case []byte:
		text = src
	case string:
		text = []byte(src)
	default:
		return fmt.Errorf("store: cannot read %T as text[]", src)
	}
	types := d.types.Get().(*pgtype.Map) //nolint:forcetypeassert // the pool holds nothing else
	defer d.types.Put(types)
	return types.Scan(pgtype.TextArrayOID, pgtype.TextFormatCode, text, dest.Addr().Interface())
}
