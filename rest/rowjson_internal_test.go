package rest

import (
	"bytes"
	"encoding/json"
	"reflect"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"pgregory.net/rapid"

	"upstream/models"
)

// TestRowJSON fills every field of a row with whatever its type allows, and
// compares what the row writes with what encoding/json makes of it.
func TestRowJSON(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		var p page[claim]
		draw(t, reflect.ValueOf(&p).Elem())
		var want, got bytes.Buffer
		encoder := json.NewEncoder(&want)
		encoder.SetEscapeHTML(false)
		if err := encoder.Encode(p); err != nil {
			t.Fatal(err)
		}
		appended, err := writeBody(&got, p)
		if err != nil || appended == (p.Results == nil) {
			t.Fatalf("%t of %d rows: %v", appended, len(p.Results), err)
		}
		if !appended {
			return
		}
		if diff := cmp.Diff(want.String(), got.String()); diff != "" {
			t.Fatalf("encoding/json (-), row (+):\n%s", diff)
		}
	})
}

func TestWriteBody_LeavesOtherBodies(t *testing.T) {
	t.Parallel()
	for _, body := range []any{page[string]{Results: []string{"a"}}, "text", nil} {
		if appended, err := writeBody(&bytes.Buffer{}, body); appended || err != nil {
			t.Errorf("%v: %t %v", body, appended, err)
		}
	}
}

// draw fills a value.
func draw(t *rapid.T, v reflect.Value) {
	switch at := v.Addr().Interface().(type) {
	case *time.Time:
		*at = time.UnixMicro(rapid.Int64Range(0, 4e15).Draw(t, "instant")).UTC()
		return
	case *models.Date:
		*at = models.Date{}.AddDays(rapid.IntRange(-700_000, 2_900_000).Draw(t, "day"))
		return
	case interface{ Scan(src any) error }:
		if err := at.Scan(uuid.NewString()); err != nil {
			t.Fatalf("%T: %v", at, err)
		}
		return
	}
	switch v.Kind() {
	case reflect.Struct:
		for _, field := range v.Fields() {
			draw(t, field)
		}
	case reflect.Pointer:
		if rapid.Bool().Draw(t, "there") {
			v.Set(reflect.New(v.Type().Elem()))
			draw(t, v.Elem())
		}
	case reflect.Slice:
		if n := rapid.IntRange(-1, 2).Draw(t, "length"); n >= 0 {
			v.Set(reflect.MakeSlice(v.Type(), n, n))
			for i := range n {
				draw(t, v.Index(i))
			}
		}
	case reflect.String:
		v.SetString(rapid.OneOf(rapid.String(), rapid.StringMatching(`[ -~]{0,9}`), rapid.SampledFrom([]string{
			"<&>", "\u2028", "\x7f", "a\xffb", "\"\\", "\n\t\x00",
		})).Draw(t, "text"))
	case reflect.Bool:
		v.SetBool(rapid.Bool().Draw(t, "bool"))
	case reflect.Float64:
		v.SetFloat(rapid.OneOf(rapid.Float64(), rapid.Float64Range(-1, 1), rapid.SampledFrom([]float64{0, 1e-6, 9e-7, 1e21, 0.1})).Draw(t, "number"))
	case reflect.Int, reflect.Int64:
		v.SetInt(rapid.Int64().Draw(t, "whole"))
	default:
		t.Fatalf("%s: nothing to fill it with", v.Type())
	}
}
