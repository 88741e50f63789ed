package graph

import (
	"bytes"
	"io"
	"reflect"
	"slices"
	"strings"

	"github.com/99designs/gqlgen/graphql"
	"github.com/shopspring/decimal"
	"github.com/vektah/gqlparser/v2/ast"

	"upstream/graph/wire"
	"upstream/models"
)

// The rows of a page are most of what an answer holds, and mostly plain: their
// fields are those of a struct, and nothing can fail. The generated code gives
// each of them a context, a resolver and each row a goroutine, which takes
// longer than everything else. So the rows of the nouns below are written here
// when nothing but plain fields is selected; the same, byte for byte. At the
// first thing that is not plain, such as a null where none may be, the generated
// code has them all.

// plainRows writes the rows of connections.
type plainRows struct {
	claims plainNoun[models.Claim]
	events plainNoun[models.DriftEvent]
	runs   plainNoun[models.ReportRun]
	tests  plainNoun[models.DriftTest]
}

func newPlainRows(schema *ast.Schema) *plainRows {
	return &plainRows{
		claims: newPlainNoun[models.Claim](schema, "Claim"),
		events: newPlainNoun[models.DriftEvent](schema, "DriftEvent"),
		// Who started it is shown by address.
		runs:  newPlainNoun[models.ReportRun](schema, "ReportRun", "createdBy"),
		tests: newPlainNoun[models.DriftTest](schema, "DriftTest"),
	}
}

// write is the value of a connection's field as it stands in the answer, and how
// many fields below it were resolved; nil when it is not plain.
func (p *plainRows) write(op *graphql.OperationContext, field graphql.CollectedField, value any) (graphql.Marshaler, int) {
	switch rows := value.(type) {
	case []*models.Claim:
		return p.claims.nodes(op, field, rows)
	case []*models.DriftEvent:
		return p.events.nodes(op, field, rows)
	case []*models.ReportRun:
		return p.runs.nodes(op, field, rows)
	case []*models.DriftTest:
		return p.tests.nodes(op, field, rows)
	case []wire.ClaimEdge:
		return p.claims.edges(op, field, rows)
	case []wire.DriftEventEdge:
		return p.events.edges(op, field, rows)
	case []wire.ReportRunEdge:
		return p.runs.edges(op, field, rows)
	case []wire.DriftTestEdge:
		return p.tests.edges(op, field, rows)
	}
	return nil, 0
}

// written is JSON that is ready.
type written []byte

// MarshalGQL implements graphql.Marshaler.
func (w written) MarshalGQL(to io.Writer) { _, _ = to.Write(w) }

// plainNoun knows the plain fields of rows of T.
type plainNoun[T any] struct {
	name   string
	fields map[string]plainField[T]
	// satisfies are the types that a fragment about such rows may name.
	satisfies, edge []string
}

// plainField appends the value of a field of a row; false when it is not plain.
type plainField[T any] func(b *bytes.Buffer, row *T) bool

// newPlainNoun finds the fields as gqlgen does: by the name of a field or method
// of the row. Those in except are answered by resolvers.
func newPlainNoun[T any](schema *ast.Schema, name string, except ...string) plainNoun[T] {
	def := schema.Types[name]
	n := plainNoun[T]{
		name: name, fields: map[string]plainField[T]{},
		satisfies: append([]string{name}, def.Interfaces...), edge: []string{name + "Edge"},
	}
	for _, f := range def.Fields {
		resolved := len(f.Arguments) > 0 || schema.Types[f.Type.Name()].IsCompositeType()
		for _, other := range except {
			resolved = resolved || f.Name == other
		}
		if resolved {
			continue
		}
		if write := plainFieldOf[T](f); write != nil {
			n.fields[f.Name] = write
		}
	}
	return n
}

func plainFieldOf[T any](f *ast.FieldDefinition) plainField[T] {
	goName := f.Name
	if f.Name == "id" {
		goName = "GlobalID"
	}
	row := reflect.TypeFor[*T]()
	for m := range row.Methods() {
		if strings.EqualFold(m.Name, goName) {
			return plainMethod[T](f.Type, m.Func.Interface())
		}
	}
	for field := range row.Elem().Fields() {
		if !strings.EqualFold(field.Name, goName) {
			continue
		}
		at, write := field.Index[0], plainWriterOf(f.Type, field.Type)
		if write == nil {
			return nil
		}
		return func(b *bytes.Buffer, row *T) bool { return write(b, reflect.ValueOf(row).Elem().Field(at)) }
	}
	return nil
}

// plainMethod is a field that a method without arguments computes.
func plainMethod[T any](t *ast.Type, method any) plainField[T] {
	switch method := method.(type) {
	case func(*T) string:
		return computed(t, method)
	case func(*T) int:
		return computed(t, method)
	case func(*T) *int:
		return computed(t, method)
	case func(*T) *float64:
		return computed(t, method)
	case func(*T) *decimal.Decimal:
		return computed(t, method)
	case func(*T) models.SeverityLabel:
		return computed(t, method)
	default:
		return nil
	}
}

func computed[T, V any](t *ast.Type, method func(*T) V) plainField[T] {
	write := plainWriterOf(t, reflect.TypeFor[V]())
	if write == nil {
		return nil
	}
	return func(b *bytes.Buffer, row *T) bool { return write(b, reflect.ValueOf(method(row))) }
}

// selected are the fields that a selection asks of such rows, the first of each
// name in the answer; false when one of them is not plain.
func (n *plainNoun[T]) selected(op *graphql.OperationContext, set ast.SelectionSet) ([]selectedField[T], bool) {
	var fields []selectedField[T]
	for _, f := range graphql.CollectFields(op, set, n.satisfies) {
		if f.Deferrable != nil || slices.ContainsFunc(fields, func(other selectedField[T]) bool { return other.alias == f.Alias }) {
			return nil, false
		}
		write := n.fields[f.Name]
		if f.Name == fieldTypename {
			write = func(b *bytes.Buffer, _ *T) bool { return writeText(b, n.name) }
		}
		if write == nil {
			return nil, false
		}
		fields = append(fields, selectedField[T]{alias: f.Alias, key: `"` + f.Alias + `":`, write: write, free: f.Name == fieldTypename})
	}
	return fields, len(fields) > 0
}

// selectedField is a field and its name in the answer. Those that are free
// count for no cost.
type selectedField[T any] struct {
	alias string
	// key is the alias as it stands before the value: a name of GraphQL holds
	// nothing to escape.
	key   string
	write plainField[T]
	free  bool
}

// priced is how many fields of one row count.
func priced[T any](fields []selectedField[T]) int {
	n := 0
	for _, f := range fields {
		if !f.free {
			n++
		}
	}
	return n
}

// object appends a row.
func object[T any](b *bytes.Buffer, fields []selectedField[T], row *T) bool {
	if row == nil {
		return false
	}
	b.WriteByte('{')
	for i, f := range fields {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(f.key)
		if !f.write(b, row) {
			return false
		}
	}
	b.WriteByte('}')
	return true
}

// nodes writes the rows themselves.
func (n *plainNoun[T]) nodes(op *graphql.OperationContext, field graphql.CollectedField, rows []*T) (graphql.Marshaler, int) {
	fields, plain := n.selected(op, field.Selections)
	if !plain {
		return nil, 0
	}
	return listed(rows, priced(fields), func(b *bytes.Buffer, row *T) bool { return object(b, fields, row) })
}

// edges writes the rows with their cursors.
func (n *plainNoun[T]) edges(op *graphql.OperationContext, field graphql.CollectedField, rows []wire.Edge[*T]) (graphql.Marshaler, int) {
	var fields []selectedField[T]
	collected := graphql.CollectFields(op, field.Selections, n.edge)
	for i, f := range collected {
		repeated := slices.ContainsFunc(collected[:i], func(other graphql.CollectedField) bool { return other.Alias == f.Alias || other.Name == f.Name })
		plain := f.Name == fieldCursor
		if f.Name == fieldNode {
			fields, plain = n.selected(op, f.Selections)
		}
		if !plain || repeated || f.Deferrable != nil {
			return nil, 0
		}
	}
	return listed(rows, len(collected)+priced(fields), func(b *bytes.Buffer, edge wire.Edge[*T]) bool {
		for i, f := range collected {
			b.WriteByte("{,"[min(i, 1)])
			writeText(b, f.Alias)
			b.WriteByte(':')
			if f.Name != fieldNode {
				writeText(b, edge.Cursor)
			} else if !object(b, fields, edge.Node) {
				return false
			}
		}
		b.WriteByte('}')
		return true
	})
}

// listed writes a list, and says how many fields of its items that were.
func listed[R any](rows []R, each int, write func(*bytes.Buffer, R) bool) (graphql.Marshaler, int) {
	const usual = 256
	b := bytes.NewBuffer(make([]byte, 0, usual*(len(rows)+1)))
	b.WriteByte('[')
	for i, row := range rows {
		if i > 0 {
			b.WriteByte(',')
		}
		if !write(b, row) {
			return nil, 0
		}
	}
	b.WriteByte(']')
	return written(b.Bytes()), len(rows) * each
}
