package models

// Optional is a field of a patch: absent (leave as it is), null (clear it) or
// a value (set it).
type Optional[T any] struct {
	value *T
	set   bool
}

// Some is an Optional that sets v.
func Some[T any](v T) Optional[T] { return Optional[T]{value: &v, set: true} }

// Null is an Optional that clears the field.
func Null[T any]() Optional[T] { return Optional[T]{set: true} }

// IsSet reports whether the client sent the field at all.
func (o Optional[T]) IsSet() bool { return o.set }

// Value is nil when the field is absent or null.
func (o Optional[T]) Value() *T { return o.value }
