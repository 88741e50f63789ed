package models

import "io"

// MemoryBadge sums up what operators made of earlier alerts about a signal.
type MemoryBadge string

// The badges.
const (
	BadgeNone      MemoryBadge = "none"
	BadgeNoise     MemoryBadge = "noise"     // two or more were judged noise
	BadgeConfirmed MemoryBadge = "confirmed" // one or more was judged real
	BadgePending   MemoryBadge = "pending"   // one or more needs another look
)

// Values lists the badges.
func (MemoryBadge) Values() []string {
	return []string{string(BadgeNone), string(BadgeNoise), string(BadgeConfirmed), string(BadgePending)}
}

// MarshalGQL writes the GraphQL enum value.
func (b MemoryBadge) MarshalGQL(w io.Writer) { marshalEnum(w, b) }

// UnmarshalGQL reads the GraphQL enum value.
func (b *MemoryBadge) UnmarshalGQL(v any) error { return unmarshalEnum(b, v) }
