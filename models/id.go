package models

import (
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/google/uuid"
	"go.jetify.com/typeid/base32"
)

// Kind names a type of row and supplies the prefix its identifiers are shown
// with. Its implementations are empty types used as type arguments of ID.
type Kind interface {
	// Prefix is the TypeID prefix without the underscore, for example "clm".
	Prefix() string
}

// ID is the identifier of one kind of row: a UUIDv7 in the database, a TypeID
// ("clm_01jd...") in both APIs. The type parameter keeps a claim's identifier
// from being passed where an upload's is meant.
type ID[K Kind] struct{ value uuid.UUID }

// The identifiers of every noun, and the kinds behind them.
type (
	customerKind   struct{}
	userKind       struct{}
	membershipKind struct{}
	uploadKind     struct{}
	claimKind      struct{}
	payerMapKind   struct{}
	cptMapKind     struct{}
	reportRunKind  struct{}
	driftEventKind struct{}
	auditKind      struct{}
	sessionKind    struct{}
	apiKeyKind     struct{}
	invitationKind struct{}
	resetKind      struct{}
	alertRuleKind  struct{}
	channelKind    struct{}
	alertKind      struct{}
	judgmentKind   struct{}
	endpointKind   struct{}
	deliveryKind   struct{}
	hookEventKind  struct{}
	replayKind     struct{}

	CustomerID        = ID[customerKind]
	UserID            = ID[userKind]
	MembershipID      = ID[membershipKind]
	UploadID          = ID[uploadKind]
	ClaimID           = ID[claimKind]
	PayerMappingID    = ID[payerMapKind]
	CPTGroupMappingID = ID[cptMapKind]
	ReportRunID       = ID[reportRunKind]
	DriftEventID      = ID[driftEventKind]
	AuditEventID      = ID[auditKind]
	SessionID         = ID[sessionKind]
	APIKeyID          = ID[apiKeyKind]
	InvitationID      = ID[invitationKind]
	PasswordResetID   = ID[resetKind]

	AlertRuleID           = ID[alertRuleKind]
	NotificationChannelID = ID[channelKind]
	AlertEventID          = ID[alertKind]
	OperatorJudgmentID    = ID[judgmentKind]
	WebhookEndpointID     = ID[endpointKind]
	WebhookDeliveryID     = ID[deliveryKind]
	WebhookEventID        = ID[hookEventKind]
	WebhookReplayID       = ID[replayKind]
)

func (customerKind) Prefix() string   { return "cust" }
func (userKind) Prefix() string       { return "user" }
func (membershipKind) Prefix() string { return "memb" }
func (uploadKind) Prefix() string     { return "upl" }
func (claimKind) Prefix() string      { return "clm" }
func (payerMapKind) Prefix() string   { return "pmap" }
func (cptMapKind) Prefix() string     { return "cmap" }
func (reportRunKind) Prefix() string  { return "run" }
func (driftEventKind) Prefix() string { return "drift" }
func (auditKind) Prefix() string      { return "aud" }
func (sessionKind) Prefix() string    { return "sess" }
func (apiKeyKind) Prefix() string     { return "key" }
func (invitationKind) Prefix() string { return "inv" }
func (resetKind) Prefix() string      { return "rst" }
func (alertRuleKind) Prefix() string  { return "rule" }
func (channelKind) Prefix() string    { return "chan" }
func (alertKind) Prefix() string      { return "alert" }
func (judgmentKind) Prefix() string   { return "judg" }
func (endpointKind) Prefix() string   { return "hook" }
func (deliveryKind) Prefix() string   { return "dlv" }
func (hookEventKind) Prefix() string  { return "evt" }
func (replayKind) Prefix() string     { return "job" }

// From wraps a UUID: models.ClaimID{}.From(u).
func (ID[K]) From(u uuid.UUID) ID[K] { return ID[K]{value: u} }

// ParseID reads a TypeID of kind K. Text that is no TypeID, or one of another
// kind, is an error that says which prefix was expected.
func ParseID[K Kind](text string) (ID[K], error) {
	var kind K
	prefix, suffix, found := strings.Cut(text, "_")
	if !found || prefix != kind.Prefix() {
		return ID[K]{}, fmt.Errorf("must be an identifier that starts with %q", kind.Prefix()+"_")
	}
	raw, err := base32.Decode(suffix)
	if err != nil || suffix[0] > '7' { // 26 digits hold 130 bits: a larger first one would be cut off
		return ID[K]{}, fmt.Errorf("is not a valid identifier: after %q come 26 base32 characters", prefix+"_")
	}
	return ID[K]{value: uuid.UUID(raw)}, nil
}

// UUID is the stored form.
func (id ID[K]) UUID() uuid.UUID { return id.value }

// IsZero reports whether the identifier was never set.
func (id ID[K]) IsZero() bool { return id.value == uuid.Nil }

// String is the TypeID shown by both APIs.
func (id ID[K]) String() string {
	var kind K
	return kind.Prefix() + "_" + base32.Encode(id.value)
}

// MarshalText writes the TypeID.
func (id ID[K]) MarshalText() ([]byte, error) { return []byte(id.String()), nil }

// UnmarshalText reads a TypeID and refuses another kind's prefix.
func (id *ID[K]) UnmarshalText(text []byte) error {
	parsed, err := ParseID[K](string(text))
	if err != nil {
		return err
	}
	*id = parsed
	return nil
}

// MarshalGQL writes the TypeID as a GraphQL ID.
func (id ID[K]) MarshalGQL(w io.Writer) { _, _ = io.WriteString(w, strconv.Quote(id.String())) }

// UnmarshalGQL reads a GraphQL ID of this kind.
func (id *ID[K]) UnmarshalGQL(v any) error {
	text, ok := v.(string)
	if !ok {
		return errors.New("must be an identifier")
	}
	return id.UnmarshalText([]byte(text))
}

// Scan reads the stored UUID.
func (id *ID[K]) Scan(src any) error { return id.value.Scan(src) }

// Value writes the UUID for the database.
func (id ID[K]) Value() (driver.Value, error) { return id.value.String(), nil }

// IDPrefix is the part of a TypeID before the underscore, which says what kind
// of row it names; empty when the text is no TypeID.
func IDPrefix(text string) string {
	prefix, _, found := strings.Cut(text, "_")
	if !found {
		return ""
	}
	return prefix
}
