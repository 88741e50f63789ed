package store

import (
	"encoding"
	"encoding/json"
	"fmt"
	"reflect"
	"strconv"
)

// A result that is kept has to come back as it was, or a replay would answer
// something else than the first time. encoding/json would not do: it leaves out
// fields by their tags, and lets types write themselves in other words, as
// secrets do that redact themselves. Here every exported field is written, by
// its Go name, and texts are written as they are. A type that cannot be read
// back is refused when it is written.

// freeze writes a value down so that thaw reads the same one.
func freeze(v any) ([]byte, error) {
	tree, err := freezeValue(reflect.ValueOf(v))
	if err != nil {
		return nil, err
	}
	return json.Marshal(tree)
}

// thaw reads what freeze wrote into what dst points to. Fields that the type
// did not have then keep their zero value, those it no longer has are skipped.
func thaw(text []byte, dst any) error {
	return thawValue(text, reflect.ValueOf(dst).Elem())
}

// writesItself reports whether a value has no parts that can be read and set
// one by one, such as an instant, an identifier or a day.
func writesItself(t reflect.Type) bool {
	if t.Kind() != reflect.Struct {
		return false
	}
	for f := range t.Fields() {
		if !f.IsExported() {
			return true
		}
	}
	return false
}

// ownForm is how a value writes itself and is read back: in binary form when it
// has one, which is exact where text may be rounded; nil when it has neither.
// What is read replaces the value, which has to be addressable then.
func ownForm(v reflect.Value) (write func() ([]byte, error), read func([]byte) error) {
	place := reflect.New(v.Type())
	place.Elem().Set(v)
	if v.CanAddr() {
		place = v.Addr()
	}
	binaryWriter, writesBinary := place.Interface().(encoding.BinaryMarshaler)
	binaryReader, readsBinary := place.Interface().(encoding.BinaryUnmarshaler)
	if writesBinary && readsBinary {
		return binaryWriter.MarshalBinary, binaryReader.UnmarshalBinary
	}
	textWriter, writesText := place.Interface().(encoding.TextMarshaler)
	textReader, readsText := place.Interface().(encoding.TextUnmarshaler)
	if writesText && readsText {
		return textWriter.MarshalText, textReader.UnmarshalText
	}
	return nil, nil
}

func isBytes(t reflect.Type) bool {
	return (t.Kind() == reflect.Slice || t.Kind() == reflect.Array) && t.Elem().Kind() == reflect.Uint8
}

func freezeValue(v reflect.Value) (any, error) {
	switch v.Kind() {
	case reflect.Bool:
		return v.Bool(), nil
	case reflect.String:
		return []byte(v.String()), nil // whatever the bytes are, JSON keeps them in this form
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return v.Int(), nil
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return v.Uint(), nil
	case reflect.Float32, reflect.Float64:
		return v.Float(), nil
	case reflect.Pointer:
		if v.IsNil() {
			return nil, nil
		}
		return freezeValue(v.Elem())
	case reflect.Slice, reflect.Array:
		return freezeList(v)
	case reflect.Map:
		return freezeMap(v)
	case reflect.Struct:
		return freezeStruct(v)
	default:
		return nil, fmt.Errorf("store: a result holds a %s, which cannot be kept", v.Type())
	}
}

func freezeList(v reflect.Value) (any, error) {
	switch {
	case v.Kind() == reflect.Slice && v.IsNil():
		return nil, nil
	case isBytes(v.Type()):
		bytes := make([]byte, v.Len())
		reflect.Copy(reflect.ValueOf(bytes), v)
		return bytes, nil
	}
	list := make([]any, v.Len())
	for i := range list {
		item, err := freezeValue(v.Index(i))
		if err != nil {
			return nil, err
		}
		list[i] = item
	}
	return list, nil
}

func freezeMap(v reflect.Value) (any, error) {
	if v.Type().Key().Kind() != reflect.String {
		return nil, fmt.Errorf("store: a result holds a %s, which cannot be kept", v.Type())
	}
	if v.IsNil() {
		return nil, nil
	}
	tree := make(map[string]any, v.Len())
	for entry := v.MapRange(); entry.Next(); {
		item, err := freezeValue(entry.Value())
		if err != nil {
			return nil, err
		}
		tree[entry.Key().String()] = item
	}
	return tree, nil
}

func freezeStruct(v reflect.Value) (any, error) {
	if writesItself(v.Type()) {
		write, _ := ownForm(v)
		if write == nil {
			return nil, fmt.Errorf("store: a result holds a %s, which cannot be kept", v.Type())
		}
		return write()
	}
	tree := make(map[string]any, v.NumField())
	for f, value := range v.Fields() {
		item, err := freezeValue(value)
		if err != nil {
			return nil, err
		}
		tree[f.Name] = item
	}
	return tree, nil
}

func thawValue(text json.RawMessage, v reflect.Value) error {
	if string(text) == "null" {
		v.SetZero()
		return nil
	}
	switch v.Kind() {
	case reflect.String:
		var bytes []byte
		err := json.Unmarshal(text, &bytes)
		v.SetString(string(bytes))
		return err
	case reflect.Bool:
		v.SetBool(string(text) == "true")
		return nil
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		n, err := strconv.ParseInt(string(text), 10, v.Type().Bits())
		v.SetInt(n)
		return err
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		n, err := strconv.ParseUint(string(text), 10, v.Type().Bits())
		v.SetUint(n)
		return err
	case reflect.Float32, reflect.Float64:
		n, err := strconv.ParseFloat(string(text), v.Type().Bits())
		v.SetFloat(n)
		return err
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		return thawValue(text, v.Elem())
	case reflect.Slice, reflect.Array:
		return thawList(text, v)
	case reflect.Map:
		return thawMap(text, v)
	case reflect.Struct:
		return thawStruct(text, v)
	default:
		return fmt.Errorf("store: a %s cannot be read back", v.Type())
	}
}

func thawList(text json.RawMessage, v reflect.Value) error {
	if isBytes(v.Type()) {
		var bytes []byte
		if err := json.Unmarshal(text, &bytes); err != nil {
			return err
		}
		if v.Kind() == reflect.Slice {
			v.Set(reflect.MakeSlice(v.Type(), len(bytes), len(bytes)))
		}
		reflect.Copy(v, reflect.ValueOf(bytes))
		return nil
	}
	var items []json.RawMessage
	if err := json.Unmarshal(text, &items); err != nil {
		return err
	}
	if v.Kind() == reflect.Slice {
		v.Set(reflect.MakeSlice(v.Type(), len(items), len(items)))
	}
	for i := range min(len(items), v.Len()) {
		if err := thawValue(items[i], v.Index(i)); err != nil {
			return err
		}
	}
	return nil
}

func thawMap(text json.RawMessage, v reflect.Value) error {
	var items map[string]json.RawMessage
	if err := json.Unmarshal(text, &items); err != nil {
		return err
	}
	v.Set(reflect.MakeMapWithSize(v.Type(), len(items)))
	for name, item := range items {
		value := reflect.New(v.Type().Elem()).Elem()
		if err := thawValue(item, value); err != nil {
			return err
		}
		v.SetMapIndex(reflect.ValueOf(name).Convert(v.Type().Key()), value)
	}
	return nil
}

func thawStruct(text json.RawMessage, v reflect.Value) error {
	if writesItself(v.Type()) {
		_, read := ownForm(v)
		if read == nil {
			return fmt.Errorf("store: a %s cannot be read back", v.Type())
		}
		var bytes []byte
		if err := json.Unmarshal(text, &bytes); err != nil {
			return err
		}
		return read(bytes)
	}
	var items map[string]json.RawMessage
	if err := json.Unmarshal(text, &items); err != nil {
		return err
	}
	for f, value := range v.Fields() {
		if item, ok := items[f.Name]; ok {
			if err := thawValue(item, value); err != nil {
				return err
			}
		}
	}
	return nil
}
