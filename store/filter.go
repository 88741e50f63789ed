package store

import (
	"fmt"
	"math"
	"reflect"
	"strings"
	"unicode"

	"github.com/uptrace/bun"

	"upstream/models"
)

// applyFilter adds one condition for every field of the filter struct that is
// set. The struct's tags name the column and the comparison, so a filter added
// to models works here without another line.
func applyFilter(q *bun.SelectQuery, alias string, filter any) *bun.SelectQuery {
	v := reflect.ValueOf(filter)
	for i := range v.NumField() {
		field, tag := v.Field(i), v.Type().Field(i).Tag
		if field.IsNil() {
			continue
		}
		column := bun.Ident(alias + "." + tag.Get("column"))
		q = compare(q, column, tag.Get("op"), field.Elem().Interface())
	}
	return q
}

// checkFilter answers VALIDATION for a bound that is no number: nothing can be
// compared with it.
func checkFilter(filter any) error {
	v := reflect.ValueOf(filter)
	for i := range v.NumField() {
		number, ok := v.Field(i).Interface().(*float64)
		if ok && number != nil && (math.IsNaN(*number) || math.IsInf(*number, 0)) {
			return models.InvalidField(v.Type().Field(i).Tag.Get("query"), "invalid", "must be a finite number")
		}
	}
	return nil
}

func compare(q *bun.SelectQuery, column bun.Ident, op string, value any) *bun.SelectQuery {
	if text, ok := value.(string); ok && strings.ContainsRune(text, 0) {
		return q.Where("FALSE") // no stored text holds a NUL, and none can be sent
	}
	switch op {
	case "eq":
		return q.Where("? = ?", column, value)
	case "gt":
		return q.Where("? > ?", column, value)
	case "gte":
		return q.Where("? >= ?", column, value)
	case "lte":
		return q.Where("? <= ?", column, value)
	case "has":
		return q.Where("? = ANY (?)", value, column)
	case "present":
		if value.(bool) { //nolint:forcetypeassert // the tag is on such fields only
			return q.Where("? IS NOT NULL", column)
		}
		return q.Where("? IS NULL", column)
	case "icontains":
		return q.Where("? ILIKE ?", column, containing(fmt.Sprint(value)))
	case "severity_label":
		low, high := severityBand(value.(models.SeverityLabel)) //nolint:forcetypeassert // the tag is on that field only
		return q.Where("? >= ? AND ? < ?", column, low, column, high)
	default:
		panic("store: unknown comparison " + op) // a tag of ours, covered by a test over all filters
	}
}

// severityBand is the half-open range of scores a label covers.
func severityBand(label models.SeverityLabel) (low, high float64) {
	switch label {
	case models.SeverityCritical:
		return 0.8, 2
	case models.SeverityHigh:
		return 0.6, 0.8
	case models.SeverityMedium:
		return 0.4, 0.6
	default:
		return 0, 0.4
	}
}

// containing is the LIKE pattern for text anywhere, taken literally.
func containing(text string) string {
	return "%" + strings.NewReplacer(`\`, `\\`, `%`, `\%`, `_`, `\_`).Replace(text) + "%"
}

// applySearch keeps rows in which every word of search is contained in at
// least one of the columns.
func applySearch(q *bun.SelectQuery, alias string, columns []string, search string) *bun.SelectQuery {
	for _, word := range searched(search) {
		if strings.ContainsRune(word, 0) {
			return q.Where("FALSE")
		}
		pattern := containing(word)
		q = q.WhereGroup(" AND ", func(q *bun.SelectQuery) *bun.SelectQuery {
			for _, column := range columns {
				q = q.WhereOr("?::text ILIKE ?", bun.Ident(alias+"."+column), pattern)
			}
			return q
		})
	}
	return q
}

// searched are the words of a search.
func searched(search string) []string {
	return strings.FieldsFunc(search, func(r rune) bool { return r == ',' || unicode.IsSpace(r) })
}
