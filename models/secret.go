package models

import (
	"fmt"
	"io"
)

// Secret is text that a client sends in confidence: a password or a token. It
// reads as itself from JSON and converts to string where it is needed; every
// way of printing it, logs and JSON included, shows that it is there and no
// more.
type Secret string

// redactedSecret stands for every secret, the empty one included: that it is
// empty is nobody's business either.
const redactedSecret = "[REDACTED]"

// String implements fmt.Stringer.
func (Secret) String() string { return redactedSecret }

// GoString implements fmt.GoStringer.
func (Secret) GoString() string { return redactedSecret }

// Format implements fmt.Formatter, for every verb.
func (Secret) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, redactedSecret) }

// MarshalText implements encoding.TextMarshaler.
func (Secret) MarshalText() ([]byte, error) { return []byte(redactedSecret), nil }

// MarshalJSON implements json.Marshaler.
func (Secret) MarshalJSON() ([]byte, error) { return []byte(`"` + redactedSecret + `"`), nil }
