package obs

import (
	"bytes"
	"encoding"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/url"
	"reflect"
	"unicode/utf8"
)

// cleanAny is any value as it may be written. What has a form of its own for
// people keeps it, as text; anything else is taken apart as JSON would be.
func cleanAny(v any) (clean slog.Value) {
	defer func() {
		if p := recover(); p != nil { // a method of the value itself, for example on nil
			clean = slog.StringValue(fmt.Sprintf("[unprintable %T]", v))
		}
	}()
	switch v := v.(type) {
	case nil:
		return slog.AnyValue(nil)
	case error:
		return cleanText(v.Error())
	case []byte:
		return cleanBytes(v)
	case json.RawMessage:
		return cleanJSON(v)
	case *url.URL:
		return cleanText(v.Redacted())
	case *slog.Source:
		return slog.AnyValue(v)
	case encoding.TextMarshaler:
		text, err := v.MarshalText()
		if err == nil {
			return cleanBytes(text)
		}
	case json.Marshaler:
		return marshalled(v)
	case fmt.Stringer:
		return cleanText(v.String())
	}
	return cleanKind(v)
}

// cleanKind goes by what a value is made of.
func cleanKind(v any) slog.Value {
	switch r := reflect.ValueOf(v); r.Kind() {
	case reflect.String:
		return cleanText(r.String())
	case reflect.Bool, reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64, reflect.Uint, reflect.Uint8,
		reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Uintptr, reflect.Float32, reflect.Float64, reflect.Complex64,
		reflect.Complex128:
		return slog.AnyValue(v)
	default:
		return marshalled(v)
	}
}

func cleanText(text string) slog.Value { return slog.StringValue(Redact(text)) }

// cleanBytes shows text, and of anything else only the length.
func cleanBytes(b []byte) slog.Value {
	if !utf8.Valid(b) {
		return slog.StringValue(fmt.Sprintf("[%d bytes]", len(b)))
	}
	return cleanText(string(b))
}

// marshalled takes a value apart by way of JSON, which leaves out what is not
// exported.
func marshalled(v any) slog.Value {
	text, err := json.Marshal(v)
	if err != nil {
		return slog.StringValue(fmt.Sprintf("[unprintable %T]", v))
	}
	return cleanJSON(text)
}

func cleanJSON(text []byte) slog.Value {
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	var tree any
	if err := decoder.Decode(&tree); err != nil {
		return cleanBytes(text)
	}
	return slog.AnyValue(cleanTree(tree))
}

// cleanTree redacts a JSON value in place.
func cleanTree(v any) any {
	switch v := v.(type) {
	case string:
		return Redact(v)
	case []any:
		for i := range v {
			v[i] = cleanTree(v[i])
		}
	case map[string]any:
		for key, item := range v {
			if kind := hiddenBy(key); kind != "" {
				v[key] = placeholder(kind)
				continue
			}
			v[key] = cleanTree(item)
		}
	}
	return v
}
