package store

import (
	"encoding/binary"
	"hash/maphash"
	"math"
	"reflect"
	"strconv"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgtype"
	"github.com/shopspring/decimal"
	"pgregory.net/rapid"
)

// A session keeps the statements that were used last, and few enough.
func TestSession_KeepsTheLastUsed(t *testing.T) {
	t.Parallel()
	s := &session{direct: true}
	s.forget()
	for i := range statementsKept + 5 {
		if given := s.oldest(); (given != nil) != (i >= statementsKept) {
			t.Fatalf("statement %d: gives up %v", i, given)
		}
		s.keep(strconv.Itoa(i), &pgconn.StatementDescription{})
		if s.find("0") == nil {
			t.Fatal("gives up the one that is always used")
		}
	}
	if len(s.kept) != statementsKept || s.recent.Len() != statementsKept || s.find("1") != nil {
		t.Errorf("keeps %d statements, %d in order", len(s.kept), s.recent.Len())
	}
}

func TestSession_RemembersWhatRanOnce(t *testing.T) {
	t.Parallel()
	s := &session{seed: maphash.MakeSeed()}
	s.forget()
	for i := range 3 * statementsSeen {
		text := "SELECT " + strconv.Itoa(i)
		if s.again(text) || !s.again(text) || len(s.seen) > statementsSeen {
			t.Fatalf("text %d, %d remembered", i, len(s.seen))
		}
	}
}

// No name stands for two texts: one that was prepared by somebody else is the
// same statement.
func TestNameOf_IsThatOfTheText(t *testing.T) {
	t.Parallel()
	const longest = 63 // of PostgreSQL's names
	one, other := nameOf("SELECT 1"), nameOf("SELECT 2")
	if one == other || one != nameOf("SELECT 1") || len(one) > longest || !strings.HasPrefix(one, "upstream_") {
		t.Errorf("%q and %q", one, other)
	}
}

func TestOutdated(t *testing.T) {
	t.Parallel()
	for code, want := range map[string]struct{ outdated, changed bool }{
		"26000": {true, false}, "42P05": {true, false}, "0A000": {true, true}, "57014": {}, "23505": {},
	} {
		err := error(&pgconn.PgError{Code: code, Routine: "RevalidateCachedQuery"})
		if outdated(err) != want.outdated || changed(err) != want.changed {
			t.Errorf("%s: %v, %v", code, outdated(err), changed(err))
		}
	}
	if outdated(&pgconn.PgError{Code: "0A000", Routine: "other"}) {
		t.Error("what cannot be done at all is no outdated statement")
	}
}

// Decimals have the value and the digits that PostgreSQL's text form has.
func TestReadDecimal(t *testing.T) {
	t.Parallel()
	types := pgtype.NewMap()
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringMatching(`-?(0|[1-9][0-9]{0,25})(\.[0-9]{1,12})?`).Draw(t, "number")
		want := decimal.RequireFromString(text)
		value := encoded(t, types, text)
		got, err := readDecimal(value)
		if err != nil || got.String() != want.String() || got.Exponent() != want.Exponent() {
			t.Fatalf("%s: read as %s (exponent %d), %v", text, got, got.Exponent(), err)
		}
	})
	for _, bad := range [][]byte{nil, {0, 1}, encoded(t, types, "12.5")[:9], {0, 0, 0, 0, 0xC0, 0, 0, 0}} {
		if d, err := readDecimal(bad); err == nil {
			t.Errorf("%v was read as %s", bad, d)
		}
	}
}

// testFatal is a test, or one of the many that a property is checked by.
type testFatal interface{ Fatal(args ...any) }

// encoded is a number as PostgreSQL sends it: with the scale of its text.
func encoded(t testFatal, types *pgtype.Map, text string) []byte {
	var n pgtype.Numeric
	if err := n.Scan(text); err != nil {
		t.Fatal(err)
	}
	value, err := types.Encode(pgtype.NumericOID, pgx.BinaryFormatCode, n, nil)
	if err != nil {
		t.Fatal(err)
	}
	_, fraction, _ := strings.Cut(text, ".")
	binary.BigEndian.PutUint16(value[6:], uint16(len(fraction)))
	return value
}

// What is not of its type is an error and no other value, whatever its length.
func TestReaders_RefuseWhatIsNotOfTheirType(t *testing.T) {
	t.Parallel()
	type row struct {
		Text   string
		Number int16
		Float  float64
		Bool   bool
		Texts  []string
		JSON   []byte
	}
	place := reflect.ValueOf(&row{}).Elem()
	for name, tt := range map[string]struct {
		oid   uint32
		value []byte
	}{
		"Number": {pgtype.Int4OID, []byte{1, 2, 3}}, "Float": {pgtype.Float8OID, []byte{1}}, "Bool": {pgtype.BoolOID, nil},
		"Texts": {pgtype.TextArrayOID, []byte{0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 25, 0, 0, 0, 9, 0, 0, 0, 1}}, "JSON": {pgtype.JSONBOID, []byte{2, '1'}},
	} {
		field := place.FieldByName(name)
		if err := readerOf(field.Type(), tt.oid)(field, tt.value); err == nil {
			t.Errorf("%s: read %v as %v", name, tt.value, field)
		}
	}
	number := place.FieldByName("Number")
	if err := readerOf(number.Type(), pgtype.Int4OID)(number, []byte{0, 1, 0, 0}); err == nil {
		t.Errorf("65536 was read as %d", number.Int())
	}
	for _, read := range []func([]byte) error{
		func(b []byte) error { _, err := readDate(b); return err }, func(b []byte) error { _, err := readInstant(b); return err },
	} {
		infinite := binary.BigEndian.AppendUint64(nil, math.MaxInt64)
		if read(infinite) == nil || read(binary.BigEndian.AppendUint32(nil, math.MaxInt32)) == nil || read(nil) == nil {
			t.Error("an infinite or empty value was read")
		}
	}
}
