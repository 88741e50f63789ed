package wire_test

import (
	"encoding/json"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"github.com/google/go-cmp/cmp"
	"github.com/shopspring/decimal"
	"pgregory.net/rapid"

	"upstream/graph/wire"
	"upstream/models"
)

func text(m graphql.Marshaler) string {
	var b strings.Builder
	m.MarshalGQL(&b)
	return b.String()
}

func TestDateTime(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		zone := time.FixedZone("", rapid.IntRange(-12*3600, 12*3600).Draw(t, "zone"))
		given := time.UnixMicro(rapid.Int64Range(-6e16, 2e17).Draw(t, "µs")).In(zone)
		written := text(wire.MarshalDateTime(given))
		read, err := wire.UnmarshalDateTime(strings.Trim(written, `"`))
		if err != nil || !read.Equal(given) || read.Location() != time.UTC || len(written) != len(`"2026-05-01T09:30:00.000000Z"`) {
			t.Fatalf("%v written %s read %v, %v", given, written, read, err)
		}
	})
	if got, err := wire.UnmarshalDateTime("2026-05-01T09:30:00.1234567+02:00"); err != nil || got.Format(time.RFC3339Nano) != "2026-05-01T07:30:00.123456Z" {
		t.Errorf("got %v, %v", got, err)
	}
	for _, bad := range []any{"", "2026-05-01", "2026-05-01T09:30:00", "2026-05-01 09:30:00Z", "now", 1, nil, "0000-01-01T00:00:00Z"} {
		if got, err := wire.UnmarshalDateTime(bad); err == nil {
			t.Errorf("%v read as %v", bad, got)
		}
	}
}

func TestDecimal(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{"150": `"150.00"`, "0.5": `"0.50"`, "-1.25": `"-1.25"`, "1.234": `"1.234"`, "1e3": `"1000.00"`} {
		d, err := wire.UnmarshalDecimal(in)
		if err != nil || text(wire.MarshalDecimal(d)) != want {
			t.Errorf("%s: %s, %v", in, text(wire.MarshalDecimal(d)), err)
		}
	}
	for _, in := range []any{json.Number("101.5"), 101.5, "101.50"} {
		if d, err := wire.UnmarshalDecimal(in); err != nil || !d.Equal(decimal.RequireFromString("101.5")) {
			t.Errorf("%v: %v, %v", in, d, err)
		}
	}
	for _, in := range []any{int64(7), 7, json.Number("7")} {
		if d, err := wire.UnmarshalDecimal(in); err != nil || !d.Equal(decimal.NewFromInt(7)) {
			t.Errorf("%v: %v, %v", in, d, err)
		}
	}
	for _, bad := range []any{"", "x", "1e999999999", "1e-999999999", strings.Repeat("9", 41), true, nil, math.Inf(1), math.NaN()} {
		if d, err := wire.UnmarshalDecimal(bad); err == nil {
			t.Errorf("%v read as a decimal of exponent %d", bad, d.Exponent())
		}
	}
}

func TestJSONAndNumbers(t *testing.T) {
	t.Parallel()
	if got := text(wire.MarshalJSON(json.RawMessage(`{"a": [1]}`))); got != `{"a": [1]}` {
		t.Error(got)
	}
	if got := text(wire.MarshalJSON(nil)); got != "null" {
		t.Error(got)
	}
	if got, err := wire.UnmarshalJSON(map[string]any{"a": 1}); err != nil || string(got) != `{"a":1}` {
		t.Error(string(got), err)
	}
	if _, err := wire.UnmarshalJSON(make(chan int)); err == nil {
		t.Error("a channel was read as JSON")
	}
	if got := text(wire.MarshalBigInt(1 << 40)); got != "1099511627776" {
		t.Error(got)
	}
	if got, err := wire.UnmarshalBigInt(json.Number("1099511627776")); err != nil || got != 1<<40 {
		t.Error(got, err)
	}
	if a, b := text(wire.MarshalCount(5)), text(wire.MarshalCount(1<<40)); a != "5" || b != "2147483647" {
		t.Error(a, b)
	}
	if got, err := wire.UnmarshalCount(json.Number("5")); err != nil || got != 5 {
		t.Error(got, err)
	}
	if _, err := wire.UnmarshalCount(json.Number("1099511627776")); err == nil {
		t.Error("a count beyond 32 bits was read")
	}
}

func TestNewConnection(t *testing.T) {
	t.Parallel()
	empty := wire.NewConnection[*models.Claim](nil)
	if empty.Edges == nil || empty.Nodes == nil || empty.PageInfo != (wire.PageInfo{}) || empty.TotalCount != 0 {
		t.Errorf("empty: %+v", empty)
	}
	total := int64(9)
	got := wire.NewConnection(&models.Rows[string]{Items: []string{"a", "b"}, Cursors: []string{"1", "2"}, HasNext: true, Total: &total})
	start, end := "1", "2"
	want := &wire.Connection[string]{
		Edges: []wire.Edge[string]{{Cursor: "1", Node: "a"}, {Cursor: "2", Node: "b"}}, Nodes: []string{"a", "b"},
		PageInfo: wire.PageInfo{HasNextPage: true, StartCursor: &start, EndCursor: &end}, TotalCount: 9,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}
