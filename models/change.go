package models

import (
	"encoding/json"
	"fmt"
	"strings"
	"unicode/utf8"
)

// Change is what a patch says about one field: nothing, which is the zero
// Change; that it is to be cleared, when Set without a Value; or what it is to
// become. REST fills it from a member of a JSON merge patch (RFC 7396), GraphQL
// from an input field that may be left out.
type Change[T any] struct {
	Set   bool
	Value *T
}

// To changes a field to a value.
func To[T any](value T) Change[T] { return Change[T]{Set: true, Value: &value} }

// Cleared leaves a field without a value.
func Cleared[T any]() Change[T] { return Change[T]{Set: true} }

// Perhaps changes a field to a value, and says nothing about it when that is nil.
func Perhaps[T any](value *T) Change[T] { return Change[T]{Set: value != nil, Value: value} }

// UnmarshalJSON reads a member of a patch that is there: null clears.
func (c *Change[T]) UnmarshalJSON(data []byte) error {
	*c = Change[T]{Set: true}
	return json.Unmarshal(data, &c.Value)
}

// apply makes the change on a field that always has a value.
func (c Change[T]) apply(field *T) {
	if c.Set && c.Value != nil {
		*field = *c.Value
	}
}

// applyNullable makes the change on a field that may have none.
func (c Change[T]) applyNullable(field **T) {
	if c.Set {
		*field = c.Value
	}
}

// Update is a patch of one row.
type Update[I, P any] struct {
	ID I
	// ExpectedVersion is the version that the patch was decided on: the answer is
	// STALE when the row has another one by now. Nil when that does not matter.
	ExpectedVersion *int64
	Patch           P
}

// Deletion is one row that is to go.
type Deletion[I any] struct {
	ID I
	// ExpectedVersion is as that of Update.
	ExpectedVersion *int64
}

// rule answers what is wrong with a value, as the end of the sentence "<field>
// ..."; empty when nothing is.
type rule[T any] func(T) string

// checked lists what is wrong with the change of a field that always has a
// value.
func checked[T any](path string, c Change[T], is rule[T]) []FieldError {
	if c.Set && c.Value == nil {
		return []FieldError{{path, "required", "must have a value"}}
	}
	return checkedNullable(path, c, is)
}

// checkedNullable lists what is wrong with the change of a field that may have
// no value.
func checkedNullable[T any](path string, c Change[T], is rule[T]) []FieldError {
	if c.Value != nil {
		if fault := is(*c.Value); fault != "" {
			return []FieldError{{path, "invalid", fault}}
		}
	}
	return nil
}

// anything is the rule of fields of which every value will do.
func anything[T any](T) string { return "" }

// textUpTo is the rule of texts that have to say something.
func textUpTo(most int) rule[string] {
	return func(text string) string {
		if strings.TrimSpace(text) == "" || utf8.RuneCountInString(text) > most || strings.ContainsRune(text, 0) {
			return fmt.Sprintf("must have 1 to %d characters, not all blank and none of them NUL", most)
		}
		return ""
	}
}

// address is the rule of e-mail addresses.
func address(text string) string {
	if !isAddress(text) {
		return "must be an e-mail address of at most 254 characters"
	}
	return ""
}

// within is the rule of whole numbers.
func within(low, high int) rule[int] {
	return func(value int) string {
		if value < low || value > high {
			return fmt.Sprintf("must be from %d to %d", low, high)
		}
		return ""
	}
}

// memberOf is the rule of enums.
func memberOf[E Enum](value E) string {
	if !ValidEnum(value) {
		return "must be one of " + strings.Join(value.Values(), ", ")
	}
	return ""
}
