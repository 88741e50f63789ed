package graph

import (
	"bytes"
	"math"
	"reflect"
	"strconv"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"

	"upstream/graph/wire"
	"upstream/models"
)

// plainWriter appends a value; false where the generated code has to say what is
// wrong with it.
type plainWriter func(b *bytes.Buffer, v reflect.Value) bool

// plainWriterOf writes values of a Go type as a type of the schema, as gqlgen.yml
// binds the two; nil for what is not bound so.
func plainWriterOf(t *ast.Type, of reflect.Type) plainWriter {
	if of.Kind() == reflect.Pointer {
		return nullable(t, plainWriterOf(t, of.Elem()))
	}
	if t.Elem != nil {
		return plainTexts(t, of)
	}
	switch bound := [2]string{t.NamedType, of.String()}; bound {
	case [2]string{"ID", "string"}, [2]string{"String", "string"}:
		return func(b *bytes.Buffer, v reflect.Value) bool { return writeText(b, v.String()) }
	case [2]string{"Int", "int"}, [2]string{"BigInt", "int64"}:
		return func(b *bytes.Buffer, v reflect.Value) bool { return writeInt(b, v.Int()) }
	case [2]string{"Int", "int64"}:
		return func(b *bytes.Buffer, v reflect.Value) bool { return writeInt(b, min(v.Int(), math.MaxInt32)) }
	case [2]string{"Float", "float64"}:
		return func(b *bytes.Buffer, v reflect.Value) bool { return writeFloat(b, v.Float()) }
	case [2]string{"Boolean", "bool"}:
		return func(b *bytes.Buffer, v reflect.Value) bool {
			b.Write(strconv.AppendBool(b.AvailableBuffer(), v.Bool()))
			return true
		}
	case [2]string{"DateTime", "time.Time"}:
		return appended(wire.AppendDateTime)
	case [2]string{"Decimal", "decimal.Decimal"}:
		return appended(wire.AppendDecimal)
	}
	if of == reflect.TypeFor[models.Date]() {
		return appended(func(b []byte, d models.Date) []byte { return append(d.Append(append(b, '"')), '"') })
	}
	if of.Kind() == reflect.Slice || !of.Implements(reflect.TypeFor[graphql.Marshaler]()) {
		return nil
	}
	return marshaled
}

// nullable writes what a pointer points to.
func nullable(t *ast.Type, write plainWriter) plainWriter {
	if write == nil {
		return nil
	}
	return func(b *bytes.Buffer, v reflect.Value) bool {
		if !v.IsNil() {
			return write(b, v.Elem())
		}
		if !t.NonNull {
			b.WriteString("null")
		}
		return !t.NonNull
	}
}

// appended writes values of V.
func appended[V any](write func([]byte, V) []byte) plainWriter {
	return func(b *bytes.Buffer, v reflect.Value) bool {
		value, ok := in[V](v)
		if ok {
			b.Write(write(b.AvailableBuffer(), value))
		}
		return ok
	}
}

// in is the value itself. That of a field is reached by its address, which
// takes no copy of it.
func in[V any](v reflect.Value) (V, bool) {
	if v.CanAddr() {
		if at, ok := v.Addr().Interface().(*V); ok {
			return *at, true
		}
	}
	value, ok := v.Interface().(V)
	return value, ok
}

// marshaled writes what knows itself how it is written.
func marshaled(b *bytes.Buffer, v reflect.Value) bool {
	if v.CanAddr() {
		v = v.Addr()
	}
	value, ok := v.Interface().(graphql.Marshaler)
	if ok {
		value.MarshalGQL(b)
	}
	return ok
}

// plainTexts writes lists of texts.
func plainTexts(t *ast.Type, of reflect.Type) plainWriter {
	if t.Elem.NamedType != "String" || of != reflect.TypeFor[[]string]() {
		return nil
	}
	return func(b *bytes.Buffer, v reflect.Value) bool {
		if v.IsNil() {
			return false
		}
		b.WriteByte('[')
		for i := range v.Len() {
			if i > 0 {
				b.WriteByte(',')
			}
			writeText(b, v.Index(i).String())
		}
		b.WriteByte(']')
		return true
	}
}

func writeInt(b *bytes.Buffer, n int64) bool {
	b.Write(strconv.AppendInt(b.AvailableBuffer(), n, 10))
	return true
}

func writeFloat(b *bytes.Buffer, f float64) bool {
	if math.IsInf(f, 0) || math.IsNaN(f) {
		return false
	}
	b.Write(strconv.AppendFloat(b.AvailableBuffer(), f, 'g', -1, 64))
	return true
}

// writeText writes a text that holds nothing to escape, as most do, at once.
func writeText(b *bytes.Buffer, text string) bool {
	for i := range len(text) {
		if c := text[i]; c < ' ' || c == '"' || c == '\\' {
			graphql.MarshalString(text).MarshalGQL(b)
			return true
		}
	}
	b.WriteByte('"')
	b.WriteString(text)
	b.WriteByte('"')
	return true
}
