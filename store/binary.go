package store

import (
	"database/sql"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"math/big"
	"net/netip"
	"reflect"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"
	"github.com/shopspring/decimal"
	"github.com/uptrace/bun/schema"

	"upstream/models"
)

// reader reads a value that is not NULL, in PostgreSQL's binary form, into a
// field.
type reader func(field reflect.Value, value []byte) error

// errBinary is a value of another length than its type has.
var errBinary = errors.New("the server sent a value that is not of its type")

// readerOf reads values of a PostgreSQL type into fields of a type; nil when
// there is none for the two.
func readerOf(t reflect.Type, oid uint32) reader {
	if t.Kind() == reflect.Pointer {
		return pointed(t.Elem(), readerOf(t.Elem(), oid))
	}
	switch oid {
	case pgtype.UUIDOID:
		return uuidReader(t)
	case pgtype.TextOID, pgtype.VarcharOID, pgtype.BPCharOID:
		return textReader(t)
	case pgtype.Int2OID, pgtype.Int4OID, pgtype.Int8OID:
		return intReader(t)
	case pgtype.Float8OID, pgtype.Float4OID:
		return floatReader(t)
	case pgtype.BoolOID:
		return boolReader(t)
	case pgtype.DateOID:
		return exactly(t, readDate)
	case pgtype.TimestamptzOID:
		return exactly(t, readInstant)
	case pgtype.NumericOID:
		return exactly(t, readDecimal)
	case pgtype.JSONOID, pgtype.JSONBOID, pgtype.ByteaOID:
		return bytesReader(t, oid)
	case pgtype.TextArrayOID, pgtype.VarcharArrayOID:
		return textsReader(t)
	case pgtype.CIDRArrayOID:
		return networksReader(t)
	default:
		return nil
	}
}

// valueReader reads by way of database/sql's values, as the query builder does;
// nil for a type that the driver does not know.
func valueReader(types *pgtype.Map, field *schema.Field, oid uint32) reader {
	known, ok := types.TypeForOID(oid)
	if !ok {
		return nil
	}
	if _, array := known.Codec.(*pgtype.ArrayCodec); array {
		return nil // its values are those of the binary form
	}
	return func(place reflect.Value, value []byte) error {
		v, err := known.Codec.DecodeDatabaseSQLValue(types, oid, pgx.BinaryFormatCode, value)
		if err != nil {
			return err
		}
		return field.ScanWithCheck(place, v)
	}
}

// pointed reads into what a pointer that is nil so far will point to.
func pointed(t reflect.Type, read reader) reader {
	if read == nil {
		return nil
	}
	return func(field reflect.Value, value []byte) error {
		p := reflect.New(t)
		field.Set(p)
		return read(p.Elem(), value)
	}
}

// exactly is a reader for one type.
func exactly[T any](t reflect.Type, read func([]byte) (T, error)) reader {
	if t != reflect.TypeFor[T]() {
		return nil
	}
	return func(field reflect.Value, value []byte) error {
		v, err := read(value)
		*field.Addr().Interface().(*T) = v //nolint:forcetypeassert // t is T
		return err
	}
}

func uuidReader(t reflect.Type) reader {
	if !reflect.PointerTo(t).Implements(reflect.TypeFor[sql.Scanner]()) || !t.Implements(reflect.TypeFor[fmt.Stringer]()) {
		return nil
	}
	return func(field reflect.Value, value []byte) error {
		if len(value) != 16 {
			return errBinary
		}
		return field.Addr().Interface().(sql.Scanner).Scan(value) //nolint:forcetypeassert // it implements it
	}
}

// scansItself reports whether a type has words of its own for the database.
func scansItself(t reflect.Type) bool {
	return reflect.PointerTo(t).Implements(reflect.TypeFor[sql.Scanner]())
}

func textReader(t reflect.Type) reader {
	if t.Kind() != reflect.String || scansItself(t) {
		return nil
	}
	return func(field reflect.Value, value []byte) error {
		field.SetString(string(value))
		return nil
	}
}

func intReader(t reflect.Type) reader {
	if !reflect.Zero(t).CanInt() || scansItself(t) {
		return nil
	}
	return func(field reflect.Value, value []byte) error {
		n, err := readInt(value)
		if err == nil && field.OverflowInt(n) {
			err = fmt.Errorf("%d does not fit", n)
		}
		field.SetInt(n)
		return err
	}
}

func readInt(value []byte) (int64, error) {
	switch len(value) {
	case 2:
		return int64(int2(value)), nil
	case 4:
		return int64(int4(value)), nil
	case 8:
		return int8of(value), nil
	default:
		return 0, errBinary
	}
}

func int2(b []byte) int16   { return int16(binary.BigEndian.Uint16(b)) } //nolint:gosec // two's complement
func int4(b []byte) int32   { return int32(binary.BigEndian.Uint32(b)) } //nolint:gosec // two's complement
func int8of(b []byte) int64 { return int64(binary.BigEndian.Uint64(b)) } //nolint:gosec // two's complement

func floatReader(t reflect.Type) reader {
	if t.Kind() != reflect.Float64 || scansItself(t) {
		return nil
	}
	return func(field reflect.Value, value []byte) error {
		switch len(value) {
		case 4:
			field.SetFloat(float64(math.Float32frombits(binary.BigEndian.Uint32(value))))
		case 8:
			field.SetFloat(math.Float64frombits(binary.BigEndian.Uint64(value)))
		default:
			return errBinary
		}
		return nil
	}
}

func boolReader(t reflect.Type) reader {
	if t.Kind() != reflect.Bool || scansItself(t) {
		return nil
	}
	return func(field reflect.Value, value []byte) error {
		if len(value) != 1 {
			return errBinary
		}
		field.SetBool(value[0] != 0)
		return nil
	}
}

// epoch2000 is the day that PostgreSQL counts days and microseconds from.
func epoch2000() models.Date { return models.Date{}.AddDays(10957) }

func readDate(value []byte) (models.Date, error) {
	if len(value) != 4 {
		return models.Date{}, errBinary
	}
	days := int4(value)
	if days == math.MaxInt32 || days == math.MinInt32 {
		return models.Date{}, errors.New("is infinite")
	}
	return epoch2000().AddDays(int(days)), nil
}

func readInstant(value []byte) (time.Time, error) {
	if len(value) != 8 {
		return time.Time{}, errBinary
	}
	micros := int8of(value)
	if micros == math.MaxInt64 || micros == math.MinInt64 {
		return time.Time{}, errors.New("is infinite")
	}
	const perSecond = 1_000_000
	// In the zone that the driver gives instants, so that rows can be compared.
	return time.Unix(epoch2000().Time().Unix()+micros/perSecond, micros%perSecond*1000), nil
}

// readDecimal gives a number the digits that PostgreSQL shows it with.
func readDecimal(value []byte) (decimal.Decimal, error) {
	const header, negative, special = 8, 0x4000, 0xC000
	if len(value) < header {
		return decimal.Decimal{}, errBinary
	}
	groups, weight := int(int2(value)), int(int2(value[2:]))
	sign, scale := binary.BigEndian.Uint16(value[4:]), int(binary.BigEndian.Uint16(value[6:]))
	if sign&special == special {
		return decimal.Decimal{}, errors.New("is no number")
	}
	if len(value) != header+2*groups {
		return decimal.Decimal{}, errBinary
	}
	// Groups of four digits, the first of which counts 10000^weight.
	const short = 4
	if groups > short || scale > 9 || weight > short {
		return longDecimal(value)
	}
	n, exponent := int64(0), 0
	for i := range groups {
		n = n*10_000 + int64(int2(value[header+2*i:]))
	}
	if groups > 0 {
		exponent = 4 * (weight - groups + 1)
	}
	for ; exponent > -scale && n < math.MaxInt64/10; exponent-- {
		n *= 10
	}
	for ; exponent < -scale && n%10 == 0; exponent++ {
		n /= 10
	}
	if exponent != -scale {
		return longDecimal(value)
	}
	if sign == negative {
		n = -n
	}
	return decimal.New(n, int32(exponent)), nil //nolint:gosec // within -9..0
}

// longDecimal reads numbers beyond 16 digits.
func longDecimal(value []byte) (decimal.Decimal, error) {
	var n pgtype.Numeric
	types := pgtype.NewMap()
	if err := types.Scan(pgtype.NumericOID, pgx.BinaryFormatCode, value, &n); err != nil {
		return decimal.Decimal{}, err
	}
	d, scale := decimal.NewFromBigInt(n.Int, n.Exp), int32(binary.BigEndian.Uint16(value[6:]))
	if short := scale + n.Exp; short > 0 { // zeros at its end that are shown
		return decimal.NewFromBigInt(new(big.Int).Mul(n.Int, new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(short)), nil)), -scale), nil
	}
	return d, nil
}

func bytesReader(t reflect.Type, oid uint32) reader {
	if t.Kind() != reflect.Slice || t.Elem().Kind() != reflect.Uint8 || scansItself(t) {
		return nil
	}
	return func(field reflect.Value, value []byte) error {
		if oid == pgtype.JSONBOID {
			if len(value) == 0 || value[0] != 1 {
				return errBinary
			}
			value = value[1:] // the version of the form
		}
		field.SetBytes(append([]byte{}, value...))
		return nil
	}
}

// networksReader reads arrays of networks as their texts.
func networksReader(t reflect.Type) reader {
	if t != reflect.TypeFor[[]string]() {
		return nil
	}
	return func(field reflect.Value, value []byte) error {
		var networks []netip.Prefix
		if err := pgtype.NewMap().Scan(pgtype.CIDRArrayOID, pgx.BinaryFormatCode, value, &networks); err != nil {
			return err
		}
		texts := make([]string, len(networks))
		for i, network := range networks {
			texts[i] = network.String()
		}
		field.Set(reflect.ValueOf(texts))
		return nil
	}
}

// textsReader reads arrays of one dimension.
func textsReader(t reflect.Type) reader {
	if t.Kind() != reflect.Slice || t.Elem().Kind() != reflect.String || scansItself(t) || scansItself(t.Elem()) {
		return nil
	}
	return func(field reflect.Value, value []byte) error {
		const header, dimension = 12, 8
		if len(value) < header {
			return errBinary
		}
		if dimensions := int4(value); dimensions == 0 {
			field.Set(reflect.MakeSlice(t, 0, 0))
			return nil
		} else if dimensions != 1 || len(value) < header+dimension {
			return errBinary
		}
		length := int(int4(value[header:]))
		if value = value[header+dimension:]; length < 0 || length > len(value)/4 {
			return errBinary
		}
		texts := reflect.MakeSlice(t, length, length)
		for i := range length {
			if len(value) < 4 {
				return errBinary
			}
			size := int(int4(value))
			if value = value[4:]; size < 0 || size > len(value) {
				return errors.New("holds a NULL")
			}
			texts.Index(i).SetString(string(value[:size]))
			value = value[size:]
		}
		field.Set(texts)
		return nil
	}
}
