package models

import (
	"encoding/json"
	"io"
	"time"
)

// DriftEvidence is what a drift event rests on, beside the same numbers
// computed anew from the claims as they are now.
type DriftEvidence struct {
	EventID DriftEventID
	// Stored is the evidence kept with the event when it was found; Recomputed
	// the same from the claims of today, nil when there are too few of them for
	// the test to be made at all.
	Stored     json.RawMessage
	Recomputed json.RawMessage
	// Reproduced reports whether both agree; if not, Differences says in what,
	// and Reasons why.
	Reproduced  bool
	Differences []EvidenceDifference
	Reasons     []EvidenceReason
	// ComputedAt is when the claims were read.
	ComputedAt time.Time
}

// EvidenceDifference is one value that is not what it was.
type EvidenceDifference struct {
	// Path names the value within the evidence: "current.count".
	Path string
	// Stored and Recomputed are JSON values; nil where one side has none.
	Stored     json.RawMessage
	Recomputed json.RawMessage
}

// EvidenceReason says why recomputed evidence may differ, in a sentence.
type EvidenceReason struct {
	Code    EvidenceReasonCode
	Message string
}

// EvidenceReasonCode is one reason for evidence to differ.
type EvidenceReasonCode string

// The reasons: claims of the windows came with uploads the run had not seen;
// claims of the windows are there, or gone, for which no newer upload accounts;
// another version of the engine computes other numbers.
const (
	EvidenceClaimsAdded   EvidenceReasonCode = "CLAIMS_ADDED"
	EvidenceClaimsChanged EvidenceReasonCode = "CLAIMS_CHANGED"
	EvidenceEngineChanged EvidenceReasonCode = "ENGINE_CHANGED"
)

// Values lists the reasons.
func (EvidenceReasonCode) Values() []string {
	return []string{string(EvidenceClaimsAdded), string(EvidenceClaimsChanged), string(EvidenceEngineChanged)}
}

// MarshalGQL writes the GraphQL enum value.
func (c EvidenceReasonCode) MarshalGQL(w io.Writer) { marshalEnum(w, c) }

// UnmarshalGQL reads the GraphQL enum value.
func (c *EvidenceReasonCode) UnmarshalGQL(v any) error { return unmarshalEnum(c, v) }
