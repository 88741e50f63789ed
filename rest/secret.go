package rest

import (
	"reflect"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"
)

// neverStored keeps the answer to an operation, errors included, out of every
// cache.
func neverStored(ctx huma.Context, next func(huma.Context)) {
	ctx.SetHeader("Cache-Control", "no-store")
	uncompressed(ctx)
	next(ctx)
}

// secretFields are the names of fields whose value opens a door.
func secretFields() []string {
	return []string{"access", "key", "password", "refresh", "secret", "token"}
}

// carriesSecret reports whether a type has, at any depth, a field of text with
// such a name.
func carriesSecret(t reflect.Type) bool { return findsSecret(t, map[reflect.Type]bool{}) }

func findsSecret(t reflect.Type, seen map[reflect.Type]bool) bool {
	switch t.Kind() {
	case reflect.Pointer, reflect.Slice, reflect.Array, reflect.Map:
		return findsSecret(t.Elem(), seen)
	case reflect.Struct:
	default:
		return false
	}
	if seen[t] {
		return false
	}
	seen[t] = true
	for f := range t.Fields() {
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if f.Type.Kind() == reflect.String && slices.Contains(secretFields(), name) || findsSecret(f.Type, seen) {
			return true
		}
	}
	return false
}
