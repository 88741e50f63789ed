package models

import (
	"errors"
	"fmt"
	"io"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/uptrace/bun"
)

// APIKey is what the store keeps of a partner's key: never its text, which is
// shown once. What it opens never changes; a rotation makes another key.
type APIKey struct {
	bun.BaseModel `bun:"table:api_keys,alias:ak"`

	CustomerID CustomerID `bun:"customer_id,pk,type:uuid"`
	ID         APIKeyID   `bun:"id,pk,type:uuid"`
	Name       string     `bun:"name"`
	// Prefix is the beginning of the key's text, by which people know it again.
	Prefix  string  `bun:"prefix"`
	KeyHash []byte  `bun:"key_hash"`
	Scopes  []Scope `bun:"scopes,array"`
	// AllowedCIDRs are the networks the key may be used from; none means any.
	AllowedCIDRs []string `bun:"allowed_cidrs,array"`
	// ExpiresAt is the first instant at which the key no longer works; nil for
	// a key that works until it is revoked.
	ExpiresAt *time.Time `bun:"expires_at"`
	// LastUsedAt and LastUsedAddr are noted once a minute.
	LastUsedAt   *time.Time `bun:"last_used_at"`
	LastUsedAddr *string    `bun:"last_used_addr"`
	// LastRefusedAt is when a use from a foreign address was last audited.
	LastRefusedAt *time.Time `bun:"last_refused_at"`
	// Replaces is the key that this one was made from by a rotation, ReplacedAt
	// when a rotation made another one from this.
	Replaces   *APIKeyID  `bun:"replaces,type:uuid"`
	ReplacedAt *time.Time `bun:"replaced_at"`
	RevokedAt  *time.Time `bun:"revoked_at"`
	// CreatedBy is nil for a key that a command made. The key outlives the
	// membership of who made it.
	CreatedBy *UserID   `bun:"created_by,type:uuid"`
	Version   int64     `bun:"version"`
	CreatedAt time.Time `bun:"created_at"`
	UpdatedAt time.Time `bun:"updated_at"`
}

// GlobalID is the key's TypeID.
func (k *APIKey) GlobalID() string { return k.ID.String() }

// LiveAt reports whether the key works at an instant.
func (k *APIKey) LiveAt(t time.Time) bool {
	return k.RevokedAt == nil && (k.ExpiresAt == nil || t.Before(*k.ExpiresAt))
}

// Admits reports whether the key may be used from a network address. An IPv4
// address written as IPv6 counts as IPv4; text that is no address is admitted
// by a key without networks only.
func (k *APIKey) Admits(addr string) bool {
	if len(k.AllowedCIDRs) == 0 {
		return true
	}
	from, err := netip.ParseAddr(addr)
	if err != nil {
		return false
	}
	from = from.Unmap().WithZone("")
	return slices.ContainsFunc(k.AllowedCIDRs, func(text string) bool {
		network, err := netip.ParsePrefix(text)
		return err == nil && network.Contains(from)
	})
}

// IssuedAPIKey is a key that was just made, with its text, which cannot be had
// again.
type IssuedAPIKey struct {
	APIKey *APIKey
	Text   APIKeyText
}

// Bounds of API keys.
const (
	MaxAPIKeyName  = 100
	MaxAPIKeyCIDRs = 50
	// MaxAPIKeyLife is how far ahead a key may expire.
	MaxAPIKeyLife = 5 * 365 * 24 * time.Hour
	// DefaultOverlapHours is how long a replaced key goes on working.
	DefaultOverlapHours = 24
	MaxOverlapHours     = 7 * 24
)

// NewAPIKey is the input that creates an API key.
type NewAPIKey struct {
	Name   string
	Scopes []Scope
	// AllowedCIDRs are networks (192.0.2.0/24, 2001:db8::/32) or single
	// addresses that the key may be used from; none means any.
	AllowedCIDRs []string
	ExpiresAt    *time.Time
}

// Validate lists what is wrong with the input at an instant.
func (in NewAPIKey) Validate(now time.Time) error {
	var fields []FieldError
	if name := strings.TrimSpace(in.Name); name == "" || utf8.RuneCountInString(name) > MaxAPIKeyName || !printable(name) {
		fields = append(fields, FieldError{"name", "invalid", "must have 1 to 100 printable characters, not all blank"})
	}
	fields = append(fields, checkScopes(in.Scopes)...)
	fields = append(fields, checkNetworks(in.AllowedCIDRs)...)
	return Invalid(append(fields, checkExpiry(in.ExpiresAt, now)...)...)
}

func printable(text string) bool {
	return utf8.ValidString(text) && !strings.ContainsFunc(text, func(r rune) bool { return !unicode.IsPrint(r) })
}

func checkScopes(scopes []Scope) (fields []FieldError) {
	if len(scopes) == 0 {
		return []FieldError{{"scopes", "required", "must name at least one scope"}}
	}
	for i, scope := range scopes {
		path := "scopes." + strconv.Itoa(i)
		switch {
		case !ValidEnum(scope):
			fields = append(fields, FieldError{path, "invalid", "must be one of " + strings.Join(scope.Values(), ", ")})
		case slices.Contains(scopes[:i], scope):
			fields = append(fields, FieldError{path, "repeated", "repeats " + string(scope)})
		}
	}
	return fields
}

func checkNetworks(texts []string) (fields []FieldError) {
	if len(texts) > MaxAPIKeyCIDRs {
		return []FieldError{{"allowed_cidrs", "too_many", fmt.Sprintf("must name at most %d networks", MaxAPIKeyCIDRs)}}
	}
	var seen []string
	for i, text := range texts {
		path := "allowed_cidrs." + strconv.Itoa(i)
		network, err := CanonicalCIDR(text)
		switch {
		case err != nil:
			fields = append(fields, FieldError{path, "invalid", err.Error()})
		case slices.Contains(seen, network):
			fields = append(fields, FieldError{path, "repeated", "repeats " + network})
		}
		seen = append(seen, network)
	}
	return fields
}

func checkExpiry(at *time.Time, now time.Time) []FieldError {
	switch {
	case at == nil:
		return nil
	case !at.After(now):
		return []FieldError{{"expires_at", "invalid", "must be in the future"}}
	case at.After(now.Add(MaxAPIKeyLife)):
		return []FieldError{{"expires_at", "invalid", "must be within five years"}}
	}
	return nil
}

// CanonicalCIDR writes a network, or a single address as the network of it
// alone, in the one form that is stored. Its error completes "<field> ...".
func CanonicalCIDR(text string) (string, error) {
	network, err := netip.ParsePrefix(text)
	if err != nil {
		addr, addrErr := netip.ParseAddr(text)
		if addrErr != nil || addr.Zone() != "" {
			return "", errors.New("must be a network such as 192.0.2.0/24 or 2001:db8::/32, or an address")
		}
		addr = addr.Unmap()
		network = netip.PrefixFrom(addr, addr.BitLen())
	}
	if network.Addr().Is4In6() {
		return "", errors.New("must be written as IPv4: addresses like ::ffff:192.0.2.1 are compared as 192.0.2.1")
	}
	if network.Masked() != network {
		return "", fmt.Errorf("has bits set beyond its length: the network is %s", network.Masked())
	}
	return network.String(), nil
}

// APIKeyRotation says how a key is replaced; nil fields take their defaults.
type APIKeyRotation struct {
	// OverlapHours is how long the replaced key goes on working, 0 to 168; 24
	// unless given. It never works longer than it would have.
	OverlapHours *int
	// ExpiresAt is that of the new key; unless given it lives as long as the
	// replaced one was made to.
	ExpiresAt *time.Time
	// AllowedCIDRs replace the networks of the old key, unless nil.
	AllowedCIDRs *[]string
}

// Validate lists what is wrong with the input at an instant.
func (in APIKeyRotation) Validate(now time.Time) error {
	var fields []FieldError
	if h := in.OverlapHours; h != nil && (*h < 0 || *h > MaxOverlapHours) {
		fields = append(fields, FieldError{"overlap_hours", "invalid", fmt.Sprintf("must be from 0 to %d", MaxOverlapHours)})
	}
	if in.AllowedCIDRs != nil {
		fields = append(fields, checkNetworks(*in.AllowedCIDRs)...)
	}
	return Invalid(append(fields, checkExpiry(in.ExpiresAt, now)...)...)
}

// Overlap is how long the replaced key goes on working.
func (in APIKeyRotation) Overlap() time.Duration {
	hours := DefaultOverlapHours
	if in.OverlapHours != nil {
		hours = *in.OverlapHours
	}
	return time.Duration(hours) * time.Hour
}

// APIKeyFilter narrows a list of API keys.
type APIKeyFilter struct {
	Name          *string    `query:"name" column:"name" op:"icontains" doc:"Only keys whose name contains this text, ignoring case."`
	Scope         *Scope     `query:"scope" column:"scopes" op:"has" doc:"Only keys with this scope."`
	Revoked       *bool      `query:"revoked" column:"revoked_at" op:"present" doc:"Only keys that were, or were not, revoked."`
	Replaced      *bool      `query:"replaced" column:"replaced_at" op:"present" doc:"Only keys that were, or were not, replaced by a rotation."`
	Used          *bool      `query:"used" column:"last_used_at" op:"present" doc:"Only keys that were, or were never, used."`
	CreatedAfter  *time.Time `query:"created_after" column:"created_at" op:"gte" doc:"Only keys made at this instant or later."`
	CreatedBefore *time.Time `query:"created_before" column:"created_at" op:"lte" doc:"Only keys made at this instant or earlier."`
	ExpiresAfter  *time.Time `query:"expires_after" column:"expires_at" op:"gte" doc:"Only keys that expire at this instant or later; not those that never do."`
	ExpiresBefore *time.Time `query:"expires_before" column:"expires_at" op:"lte" doc:"Only keys that expire at this instant or earlier."`
}

// APIKeyOrderField is a column API keys can be ordered by.
type APIKeyOrderField string

// The orderings of API keys.
const (
	APIKeyOrderCreatedAt  APIKeyOrderField = "created_at"
	APIKeyOrderName       APIKeyOrderField = "name"
	APIKeyOrderExpiresAt  APIKeyOrderField = "expires_at"
	APIKeyOrderLastUsedAt APIKeyOrderField = "last_used_at"
)

// Values lists the columns.
func (APIKeyOrderField) Values() []string {
	return []string{
		string(APIKeyOrderCreatedAt), string(APIKeyOrderName), string(APIKeyOrderExpiresAt), string(APIKeyOrderLastUsedAt),
	}
}

// MarshalGQL writes the GraphQL enum value.
func (f APIKeyOrderField) MarshalGQL(w io.Writer) { marshalEnum(w, f) }

// UnmarshalGQL reads the GraphQL enum value.
func (f *APIKeyOrderField) UnmarshalGQL(v any) error { return unmarshalEnum(f, v) }

// APIKeyOrder is one term of an ordering of API keys.
type APIKeyOrder = Order[APIKeyOrderField]
