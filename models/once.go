package models

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"sync"
	"time"
)

// IdempotencyHeader is the header by which a client names a request, so that it
// may send it again without fear of a second effect.
const IdempotencyHeader = "Idempotency-Key"

// Bounds of idempotency keys.
const (
	// MaxIdempotencyKey is how many characters a key may have.
	MaxIdempotencyKey = 255
	// IdempotencyTTL is how long the first answer to a key is kept.
	IdempotencyTTL = 24 * time.Hour
	// IdempotencyRetryAfter is when it makes sense to ask again after a request
	// that is still under way.
	IdempotencyRetryAfter = time.Second
)

// ParseIdempotencyKey reads the values of the header: empty without any, a
// VALIDATION error about the header unless there is one of 1 to 255 visible
// ASCII characters.
func ParseIdempotencyKey(values []string) (string, error) {
	switch {
	case len(values) == 0:
		return "", nil
	case len(values) > 1:
		return "", InvalidField(IdempotencyHeader, "repeated", "must be given once")
	}
	key := values[0]
	valid := key != "" && len(key) <= MaxIdempotencyKey
	for i := range len(key) {
		valid = valid && key[i] > ' ' && key[i] < 0x7f
	}
	if !valid {
		return "", InvalidField(IdempotencyHeader, "invalid", "must be 1 to %d visible ASCII characters", MaxIdempotencyKey)
	}
	return key, nil
}

// Once asks that a request have its effect once, however often it is sent: a
// viewer carries it into the use case. The first transaction of the use case
// that writes takes it, so that no other acts on the same key. It is safe for
// concurrent use.
type Once struct {
	key, operation string

	mu sync.Mutex
	// request is the SHA-256 of what was asked; streamed says that a part of it
	// is yet to be added.
	request  [sha256.Size]byte
	streamed bool
	taken    bool
	replayed bool
	refused  error
}

// NewOnce is one effect of a request that says what, in these parts, of an
// operation: whatever the same key means one thing for, such as a method and a
// path.
func NewOnce(key, operation string, request ...[]byte) *Once {
	return &Once{key: key, operation: operation, request: digest(request...)}
}

// Streamed says that the use case reads a part of the request itself, and has to
// add what it read: nothing takes the key before that.
func (o *Once) Streamed() *Once {
	o.streamed = true
	return o
}

// AddContent completes a streamed request by what the use case found it to
// hold. Without a key it does nothing.
func (o *Once) AddContent(content ...[]byte) {
	if o == nil {
		return
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	sum := digest(content...)
	o.request, o.streamed = digest(o.request[:], sum[:]), false
}

// Take is the key for the first that asks, and nil for all others and without a
// key. It fails while a part of the request is missing.
func (o *Once) Take() (*Once, error) {
	if o == nil {
		return nil, nil
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.taken {
		return nil, nil
	}
	if o.streamed {
		return nil, errors.New("models: the content of the request was not added to its idempotency key")
	}
	o.taken = true
	return o, nil
}

// Scope tells the key apart from every other of the customer's: by who sent it
// and for which operation.
func (o *Once) Scope(v Viewer) [sha256.Size]byte {
	who, key := v.UserID.UUID(), v.KeyID.UUID()
	return digest(who[:], key[:], []byte(o.operation), []byte(o.key))
}

// Request is the fingerprint of what was asked.
func (o *Once) Request() [sha256.Size]byte {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.request
}

// Replay notes that the answer is the one of the first time.
func (o *Once) Replay() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.replayed = true
}

// Refuse notes that, and why, nothing was done because of the key. It answers
// with the reason.
func (o *Once) Refuse(why error) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.refused = why
	return why
}

// Replayed reports whether the answer is the one of the first time.
func (o *Once) Replayed() bool {
	if o == nil {
		return false
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.replayed
}

// Refused is why nothing was done because of the key; nil when that did not
// happen.
func (o *Once) Refused() error {
	if o == nil {
		return nil
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.refused
}

// InFlight is the error for a request that is still under way under its key.
func InFlight() *Error {
	return &Error{
		Code: CodeConflict, Message: "A request with this " + IdempotencyHeader + " is still under way: send it again later.",
		RetryAfter: IdempotencyRetryAfter,
		Fields:     []FieldError{{IdempotencyHeader, "in_flight", "belongs to a request that is still under way"}},
	}
}

// KeyReused is the error for a key that came with another request before.
func KeyReused() error {
	return InvalidField(IdempotencyHeader, "reused", "belongs to another request: every request has a key of its own")
}

// digest hashes parts so that where one ends and the next begins counts.
func digest(parts ...[]byte) [sha256.Size]byte {
	sum := sha256.New()
	var length [8]byte
	for _, part := range parts {
		binary.BigEndian.PutUint64(length[:], uint64(len(part)))
		_, _ = sum.Write(length[:]) // a hash never fails
		_, _ = sum.Write(part)
	}
	return [sha256.Size]byte(sum.Sum(nil))
}
