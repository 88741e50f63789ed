package rest

import (
	"encoding"
	"errors"
	"fmt"
	"math"
	"net/url"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/danielgtaylor/huma/v2"
	"github.com/shopspring/decimal"

	"upstream/models"
)

// filterField reads one query parameter into one field of a filter struct.
type filterField struct {
	name  string
	doc   string
	index int
	typ   reflect.Type
	parse parser
}

// parser reads the text of a parameter into dst, a settable value of its type.
// Its error completes the sentence "<parameter> ...".
type parser func(text string, dst reflect.Value) error

// filterReader binds query parameters to a filter struct of models, by the
// struct's own tags: a field added there is a parameter here, read, documented
// and suggested, without another line.
type filterReader[F any] struct{ fields []filterField }

// newFilterReader looks at F once and leaves out the parameters that the path
// of the operation fixes. It panics on a field it cannot read, which is a
// mistake of ours that start-up shows.
func newFilterReader[F any](fixed []string) filterReader[F] {
	t := reflect.TypeFor[F]()
	var r filterReader[F]
	for i := range t.NumField() {
		f := t.Field(i)
		name := f.Tag.Get("query")
		if name == "" || f.Type.Kind() != reflect.Pointer {
			panic(fmt.Sprintf("rest: %s.%s must be a pointer with a query tag", t, f.Name))
		}
		if slices.Contains(fixed, name) {
			continue
		}
		r.fields = append(r.fields, filterField{
			name: name, doc: f.Tag.Get("doc"), index: i, typ: f.Type.Elem(), parse: parserOf(f.Type.Elem()),
		})
	}
	return r
}

// names lists the parameters.
func (r filterReader[F]) names() []string {
	names := make([]string, 0, len(r.fields))
	for _, f := range r.fields {
		names = append(names, f.name)
	}
	return names
}

// read fills a filter from the query and reports every bad value.
func (r filterReader[F]) read(q url.Values, bad func(path, code, message string)) F {
	var filter F
	v := reflect.ValueOf(&filter).Elem()
	for _, f := range r.fields {
		text, ok := single(q, f.name, bad)
		if !ok {
			continue
		}
		value := reflect.New(f.typ)
		if err := f.parse(text, value.Elem()); err != nil {
			bad(f.name, "invalid", err.Error())
			continue
		}
		v.Field(f.index).Set(value)
	}
	return filter
}

// params documents the parameters.
func (r filterReader[F]) params(registry huma.Registry) []*huma.Param {
	params := make([]*huma.Param, 0, len(r.fields))
	for _, f := range r.fields {
		param := &huma.Param{Name: f.name, In: "query", Description: f.doc, Schema: filterSchema(registry, f.typ)}
		if param.Schema.Type == huma.TypeArray { // several values are one text with commas
			param.Style, param.Explode, param.AllowEmptyValue = "form", new(false), true
		}
		params = append(params, param)
	}
	return params
}

// single is the only value of a parameter; none is no error, two are.
func single(q url.Values, name string, bad func(path, code, message string)) (string, bool) {
	values := q[name]
	if len(values) > 1 {
		bad(name, "repeated", "must be given once")
		return "", false
	}
	return strings.Join(values, ""), len(values) == 1
}

// parserOf chooses how to read a type.
func parserOf(t reflect.Type) parser {
	switch reflect.New(t).Interface().(type) {
	case *time.Time:
		return parseInstant
	case *decimal.Decimal:
		return parseAmount
	case encoding.TextUnmarshaler: // dates and identifiers
		return parseText
	case interface{ Values() []string }:
		return parseEnum
	}
	switch t.Kind() {
	case reflect.String:
		return parseString
	case reflect.Bool:
		return parseBool
	case reflect.Float64:
		return parseFloat
	case reflect.Int, reflect.Int64:
		return parseInt
	default:
		panic("rest: no query parameter can be read into " + t.String())
	}
}

func parseText(text string, dst reflect.Value) error {
	return dst.Addr().Interface().(encoding.TextUnmarshaler).UnmarshalText([]byte(text)) //nolint:forcetypeassert // parserOf checked
}

// parseString refuses what PostgreSQL cannot store and therefore never holds.
func parseString(text string, dst reflect.Value) error {
	if err := storable(text); err != nil {
		return err
	}
	dst.SetString(text)
	return nil
}

func storable(text string) error {
	if !utf8.ValidString(text) || strings.ContainsRune(text, 0) {
		return errors.New("must be UTF-8 text without zero bytes")
	}
	return nil
}

func parseEnum(text string, dst reflect.Value) error {
	members := dst.Interface().(interface{ Values() []string }).Values() //nolint:forcetypeassert // parserOf checked
	at := slices.IndexFunc(members, func(m string) bool { return strings.EqualFold(m, text) })
	if at < 0 {
		return fmt.Errorf("must be one of %s%s", strings.Join(members, ", "), didYouMean(text, members))
	}
	dst.SetString(members[at])
	return nil
}

func parseBool(text string, dst reflect.Value) error {
	switch strings.ToLower(text) {
	case "true", "1":
		dst.SetBool(true)
	case "false", "0":
		dst.SetBool(false)
	default:
		return errors.New("must be true or false")
	}
	return nil
}

func parseFloat(text string, dst reflect.Value) error {
	f, err := strconv.ParseFloat(text, 64)
	if err != nil || math.IsInf(f, 0) || math.IsNaN(f) {
		return errors.New("must be a finite number")
	}
	dst.SetFloat(f)
	return nil
}

func parseInt(text string, dst reflect.Value) error {
	n, err := strconv.ParseInt(text, 10, dst.Type().Bits())
	if err != nil {
		return errors.New("must be a whole number")
	}
	dst.SetInt(n)
	return nil
}

// parseInstant reads an instant, or a day as its first instant.
func parseInstant(text string, dst reflect.Value) error {
	t, err := time.Parse(time.RFC3339, text)
	if err != nil {
		day, dayErr := models.ParseDate(text)
		if dayErr != nil {
			return errors.New("must be an instant as RFC 3339 writes it (2026-05-01T09:30:00Z) or a date YYYY-MM-DD")
		}
		t = day.Time()
	}
	dst.Set(reflect.ValueOf(t.UTC()))
	return nil
}

// amountPattern is numeric(12,2). It also keeps out exponents: a few bytes of
// "1e999999999" would expand to a gigabyte of digits.
var amountPattern = regexp.MustCompile(`^-?\d{1,10}(\.\d{1,2})?$`)

func parseAmount(text string, dst reflect.Value) error {
	if !amountPattern.MatchString(text) {
		return errors.New("must be an amount in USD of at most ten digits and two decimals")
	}
	return parseText(text, dst)
}
