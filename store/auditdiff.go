package store

import (
	"reflect"
	"strings"
	"time"
)

// redacted stands in audit lines for a secret that changed.
const redacted = "[REDACTED]"

// diff is what changed between two states of a row, by column: a nil before is
// a row that was created, a nil after one that was removed. Both must be
// pointers to the same struct that bun knows, or nil. Columns that every change
// touches, and those that did not change, are left out; secrets, and texts that
// may name a patient, show only that they changed.
func diff[T any](before, after *T) change {
	var c change
	if before != nil {
		c.before = map[string]any{}
	}
	if after != nil {
		c.after = map[string]any{}
	}
	for field := range reflect.TypeFor[T]().Fields() {
		column, _, _ := strings.Cut(field.Tag.Get("bun"), ",")
		if field.Anonymous || column == "" || column == "-" || isBookkeeping(column) {
			continue
		}
		was, is := columnOf(before, field), columnOf(after, field)
		if before != nil && after != nil && unchanged(was, is) {
			continue
		}
		if isSecret(column) || mayNamePatient(column) {
			was, is = redacted, redacted
		}
		if before != nil {
			c.before[column] = was
		}
		if after != nil {
			c.after[column] = is
		}
	}
	return c
}

// unchanged compares two values of one column. An instant is the same in every
// time zone.
func unchanged(was, is any) bool {
	first, ok := was.(*time.Time)
	second, too := is.(*time.Time)
	if ok && too && first != nil && second != nil {
		return first.Equal(*second)
	}
	return reflect.DeepEqual(was, is)
}

func columnOf[T any](row *T, field reflect.StructField) any {
	if row == nil {
		return nil
	}
	return reflect.ValueOf(row).Elem().FieldByIndex(field.Index).Interface()
}

// isBookkeeping reports whether the line says this elsewhere: the row's own
// identifier and tenant, and when and how often it changed.
func isBookkeeping(column string) bool {
	switch column {
	case "id", "customer_id", "version", "token_version", "created_at", "updated_at":
		return true
	default:
		return false
	}
}

// isSecret goes by the name, so that a column added later is safe by default.
// file_hash and its like are fingerprints of files, not of credentials.
func isSecret(column string) bool {
	if column == "file_hash" || column == "source_data_hash" {
		return false
	}
	for _, word := range []string{"password", "secret", "token", "hash", "private", "ciphertext", "credential", "sealed"} {
		if strings.Contains(column, word) {
			return true
		}
	}
	return false
}

// mayNamePatient is about texts that clients write as they like.
func mayNamePatient(column string) bool { return column == "filename" || column == "error_message" }
