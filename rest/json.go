package rest

import (
	"encoding/json"
	"errors"
	"io"
	"unicode/utf8"
)

// marshalJSON writes JSON without escaping what only matters inside HTML.
func marshalJSON(w io.Writer, v any) error {
	if done, err := writeBody(w, v); done {
		return err
	}
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	return encoder.Encode(v)
}

// unmarshalJSON refuses what the standard library repairs silently: text that
// is not UTF-8 would be stored as something the client never sent.
func unmarshalJSON(data []byte, v any) error {
	if !utf8.Valid(data) {
		return errors.New("it is not UTF-8")
	}
	return json.Unmarshal(data, v)
}
