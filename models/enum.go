package models

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
)

// Enum is a closed set of words. Values are spelled as REST and the database
// spell them; GraphQL shows the same words in upper case.
type Enum interface {
	~string
	// Values lists the members, in the order documentation shows them.
	Values() []string
}

// ParseEnum finds the member of E that text names, ignoring case.
func ParseEnum[E Enum](text string) (E, error) {
	var zero E
	for _, v := range zero.Values() {
		if strings.EqualFold(v, text) {
			return E(v), nil
		}
	}
	return zero, fmt.Errorf("must be one of %s", strings.Join(zero.Values(), ", "))
}

// ValidEnum reports whether e is a member of its set, spelled exactly.
func ValidEnum[E Enum](e E) bool {
	return slices.Contains(e.Values(), string(e))
}

func marshalEnum[E Enum](w io.Writer, e E) {
	_, _ = io.WriteString(w, strconv.Quote(strings.ToUpper(string(e))))
}

func unmarshalEnum[E Enum](dst *E, v any) error {
	text, ok := v.(string)
	if !ok {
		return errors.New("must be an enum value")
	}
	parsed, err := ParseEnum[E](text)
	if err != nil {
		return err
	}
	*dst = parsed
	return nil
}
