package models

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"

	"github.com/shopspring/decimal"
)

// auditFormat names the canonical form below. A change of it needs another name
// and a verifier that knows both.
const auditFormat = "upstream.audit.v1"

// AuditGenesis is the PrevHash of the first line of a chain: 32 zero bytes.
func AuditGenesis() []byte { return make([]byte, sha256.Size) }

// Digest is the Hash the line must have when prev is the Hash of the line
// before it: SHA-256 over prev and the line's canonical form, UTF-8 text of one
// JSON array that holds the name of the form and then, in this order, customer,
// number, identifier, instant in microseconds since 1970, action, type and
// identifier of the entity, type, identifier and name of the actor, user,
// request, address, before, after and metadata. See docs/audit.md.
//
// The error is about JSON that cannot be read.
func (e *AuditEvent) Digest(prev []byte) ([]byte, error) {
	form := []any{
		auditFormat, text(e.CustomerID), json.Number(strconv.FormatInt(e.Seq, 10)), e.ID.UUID().String(),
		json.Number(strconv.FormatInt(e.OccurredAt.UnixMicro(), 10)), e.Action, e.EntityType, optional(e.EntityID),
		string(e.ActorType), optional(e.ActorID), e.Actor, text(e.UserID), optional(e.RequestID), optional(e.RemoteAddr),
	}
	for _, raw := range []json.RawMessage{e.Before, e.After, e.Metadata} {
		value, err := parseJSON(raw)
		if err != nil {
			return nil, fmt.Errorf("audit event %s: %w", e.ID, err)
		}
		form = append(form, value)
	}
	body, err := appendCanonical(bytes.Clone(prev), form)
	if err != nil {
		return nil, fmt.Errorf("audit event %s: %w", e.ID, err)
	}
	sum := sha256.Sum256(body)
	return sum[:], nil
}

func text[K Kind](id *ID[K]) any {
	if id == nil {
		return nil
	}
	return id.UUID().String()
}

func optional(s *string) any {
	if s == nil {
		return nil
	}
	return *s
}

// parseJSON reads one value and keeps the digits of its numbers.
func parseJSON(raw json.RawMessage) (any, error) {
	if len(raw) == 0 {
		return nil, nil
	}
	var value any
	decoder := json.NewDecoder(bytes.NewReader(raw))
	decoder.UseNumber()
	if err := decoder.Decode(&value); err != nil {
		return nil, err
	}
	return value, nil
}

// appendCanonical writes a value the one way it can be written: no white space,
// members sorted by the bytes of their names, numbers as plain decimals without
// trailing zeros, and in strings only what must be escaped. What PostgreSQL
// does to a jsonb value (order of members, white space, exponents) is undone by
// it, so that writer and verifier agree.
func appendCanonical(b []byte, value any) ([]byte, error) {
	switch value := value.(type) {
	case nil:
		return append(b, "null"...), nil
	case bool:
		return strconv.AppendBool(b, value), nil
	case string:
		return appendString(b, value), nil
	case json.Number:
		d, err := decimal.NewFromString(value.String())
		return append(b, d.String()...), err
	case []any:
		return appendList(b, '[', value, ']', appendCanonical)
	case map[string]any:
		names := slices.SortedFunc(maps.Keys(value), cmp.Compare[string])
		return appendList(b, '{', names, '}', func(b []byte, name string) ([]byte, error) {
			return appendCanonical(append(appendString(b, name), ':'), value[name])
		})
	default:
		return nil, fmt.Errorf("no canonical form of %T", value)
	}
}

func appendList[T any](b []byte, opening byte, items []T, closing byte, add func([]byte, T) ([]byte, error)) ([]byte, error) {
	b = append(b, opening)
	for i, item := range items {
		if i > 0 {
			b = append(b, ',')
		}
		var err error
		if b, err = add(b, item); err != nil {
			return nil, err
		}
	}
	return append(b, closing), nil
}

// appendString escapes quotes, backslashes and control characters.
func appendString(b []byte, s string) []byte {
	short := map[rune]byte{'"': '"', '\\': '\\', '\b': 'b', '\f': 'f', '\n': 'n', '\r': 'r', '\t': 't'}
	b = append(b, '"')
	for _, r := range s {
		letter, escaped := short[r]
		switch {
		case escaped:
			b = append(b, '\\', letter)
		case r < ' ':
			b = fmt.Appendf(b, `\u%04x`, r)
		default:
			b = append(b, string(r)...)
		}
	}
	return append(b, '"')
}

// AuditAnchor is the end of a chain at some time: the number and the hash of
// its newest line. Kept where the database's owner cannot reach it, it proves
// later that nothing up to that line was removed or rewritten.
type AuditAnchor struct {
	Seq  int64
	Hash []byte
}

// AuditFault is the first link of a chain that does not hold.
type AuditFault struct {
	// Seq is the number of the line at fault, or of the first one missing.
	Seq int64
	// Event is the line at fault; nil when it is missing.
	Event *AuditEventID
	// Reason completes "At line <seq>: ...".
	Reason string
}

// AuditReport is what the verification of one chain came to.
type AuditReport struct {
	// Lines is how many lines hold, from the first one on.
	Lines int64
	// Head is the end of the chain; zero when it is empty or broken.
	Head AuditAnchor
	// Fault is nil when the whole chain holds.
	Fault *AuditFault
}
