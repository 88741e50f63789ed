package models

import (
	"crypto/rand"
	"crypto/sha256"
	"hash/crc32"
	"math/big"
	"strings"
)

// APIKeyText is a whole API key, as a partner keeps and sends it: up_live_, 256
// random bits as 43 base62 digits, and the CRC-32 (IEEE) of all before it as 6
// more. The prefix lets scanners of leaked secrets know one, and the checksum
// lets them and us refuse a mistyped one without asking the database.
type APIKeyText string

// APIKeyPrefix begins every API key.
const APIKeyPrefix = "up_live_"

const (
	base62Digits   = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
	apiKeyBytes    = 32
	secretDigits   = 43 // 62^43 > 2^256
	checksumDigits = 6  // 62^6 > 2^32
	// shownDigits of the random ones are shown in lists: enough to tell keys
	// apart, and leaves 220 bits.
	shownDigits = 6
)

// NewAPIKeyText makes a key out of the system's randomness.
func NewAPIKeyText() APIKeyText {
	var secret [apiKeyBytes]byte
	_, _ = rand.Read(secret[:]) // never fails
	return APIKeyTextOf(secret)
}

// APIKeyTextOf writes a secret as a key.
func APIKeyTextOf(secret [apiKeyBytes]byte) APIKeyText {
	body := APIKeyPrefix + base62(new(big.Int).SetBytes(secret[:]), secretDigits)
	return APIKeyText(body + keyChecksum(body))
}

// Valid reports whether this has the form of a key and its checksum holds.
func (k APIKeyText) Valid() bool {
	text := string(k)
	if len(text) != len(APIKeyPrefix)+secretDigits+checksumDigits || !strings.HasPrefix(text, APIKeyPrefix) {
		return false
	}
	body, sum := text[:len(text)-checksumDigits], text[len(text)-checksumDigits:]
	return sum == keyChecksum(body)
}

// Hash is how the store knows the key: who reads the database cannot make one.
func (k APIKeyText) Hash() SecretHash { return sha256.Sum256([]byte(k)) }

// Prefix is how much of the key lists show.
func (k APIKeyText) Prefix() string {
	return string(k[:min(len(k), len(APIKeyPrefix)+shownDigits)])
}

// String keeps the key out of logs and messages, which show how it begins; who
// means the key itself converts it to a string.
func (k APIKeyText) String() string { return k.Prefix() + "…" }

// MarshalText is String, for logs written as JSON.
func (k APIKeyText) MarshalText() ([]byte, error) { return []byte(k.String()), nil }

func keyChecksum(body string) string {
	return base62(new(big.Int).SetUint64(uint64(crc32.ChecksumIEEE([]byte(body)))), checksumDigits)
}

// base62 writes n with this many digits, the first ones zeros if need be.
func base62(n *big.Int, digits int) string {
	text := make([]byte, digits)
	base, digit := big.NewInt(int64(len(base62Digits))), new(big.Int)
	for i := digits - 1; i >= 0; i-- {
		n.DivMod(n, base, digit)
		text[i] = base62Digits[digit.Int64()]
	}
	return string(text)
}
