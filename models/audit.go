package models

import (
	"encoding/hex"
	"encoding/json"
	"io"
	"time"

	"github.com/uptrace/bun"
)

// ActorType is what kind of actor an audit event was caused by.
type ActorType string

// The actor types.
const (
	ActorUser      ActorType = "user"
	ActorKey       ActorType = "key"
	ActorSuperuser ActorType = "superuser"
	ActorSystem    ActorType = "system"
	ActorJob       ActorType = "job"
	ActorAnonymous ActorType = "anonymous"
)

// Values lists the actor types.
func (ActorType) Values() []string {
	return []string{
		string(ActorUser), string(ActorKey), string(ActorSuperuser),
		string(ActorSystem), string(ActorJob), string(ActorAnonymous),
	}
}

// MarshalGQL writes the GraphQL enum value.
func (t ActorType) MarshalGQL(w io.Writer) { marshalEnum(w, t) }

// UnmarshalGQL reads the GraphQL enum value.
func (t *ActorType) UnmarshalGQL(v any) error { return unmarshalEnum(t, v) }

// AuditEvent is one line of the append-only log of who did what. The lines of
// a customer form a chain: Hash covers the line and, through PrevHash, every
// line before it. Lines without a customer are the platform's own chain.
type AuditEvent struct {
	bun.BaseModel `bun:"table:audit_events,alias:au"`

	ID         AuditEventID `bun:"id,pk,type:uuid"`
	CustomerID *CustomerID  `bun:"customer_id,type:uuid"`
	// Seq numbers the lines of a chain from 1 without gaps, in the order in
	// which their transactions committed.
	Seq int64 `bun:"seq"`
	// OccurredAt is when the use case began.
	OccurredAt time.Time `bun:"occurred_at"`
	Action     string    `bun:"action"`
	EntityType string    `bun:"entity_type"`
	// EntityID is the identifier as the APIs show it; nil for actions on no
	// single row.
	EntityID  *string   `bun:"entity_id"`
	ActorType ActorType `bun:"actor_type"`
	// ActorID is the identifier of the user or key; nil for the program itself.
	ActorID *string `bun:"actor_id"`
	// Actor is the e-mail address or the name of the actor at that time.
	Actor  string  `bun:"actor"`
	UserID *UserID `bun:"user_id,type:uuid"`
	// RequestID and RemoteAddr are those of the request, if there was one.
	RequestID  *string `bun:"request_id"`
	RemoteAddr *string `bun:"remote_addr"`
	// Before and After are the fields that changed, by column, without secrets;
	// nil where nothing was there before or is left after.
	Before json.RawMessage `bun:"before,type:jsonb,nullzero"`
	After  json.RawMessage `bun:"after,type:jsonb,nullzero"`
	// Metadata is what else is worth knowing; always an object.
	Metadata json.RawMessage `bun:"metadata,type:jsonb"`
	// PrevHash is the Hash of the line before, 32 zero bytes for the first one.
	PrevHash []byte `bun:"prev_hash"`
	Hash     []byte `bun:"hash"`
}

// AuditEventFilter narrows a list of audit events.
type AuditEventFilter struct {
	Action         *string    `query:"action" column:"action" op:"eq" doc:"Only events of this action, such as upload_created."`
	EntityType     *string    `query:"entity_type" column:"entity_type" op:"eq" doc:"Only events about this kind of row, such as claim."`
	EntityID       *string    `query:"entity_id" column:"entity_id" op:"eq" doc:"Only events about the row with this identifier."`
	ActorType      *ActorType `query:"actor_type" column:"actor_type" op:"eq" doc:"Only events caused by this kind of actor."`
	User           *UserID    `query:"user" column:"user_id" op:"eq" doc:"Only events caused by this user."`
	OccurredAfter  *time.Time `query:"occurred_after" column:"occurred_at" op:"gte" doc:"Only events of this instant or later."`
	OccurredBefore *time.Time `query:"occurred_before" column:"occurred_at" op:"lte" doc:"Only events of this instant or earlier."`
}

// AuditEventOrderField is a column audit events can be ordered by.
type AuditEventOrderField string

// The orderings of audit events.
const (
	AuditEventOrderOccurredAt AuditEventOrderField = "occurred_at"
	AuditEventOrderSeq        AuditEventOrderField = "seq"
)

// Values lists the columns.
func (AuditEventOrderField) Values() []string {
	return []string{string(AuditEventOrderOccurredAt), string(AuditEventOrderSeq)}
}

// MarshalGQL writes the GraphQL enum value.
func (f AuditEventOrderField) MarshalGQL(w io.Writer) { marshalEnum(w, f) }

// UnmarshalGQL reads the GraphQL enum value.
func (f *AuditEventOrderField) UnmarshalGQL(v any) error { return unmarshalEnum(f, v) }

// AuditEventOrder is one term of an ordering of audit events.
type AuditEventOrder = Order[AuditEventOrderField]

// PrevHashHex is PrevHash in hexadecimal.
func (e *AuditEvent) PrevHashHex() string { return hex.EncodeToString(e.PrevHash) }

// HashHex is Hash in hexadecimal.
func (e *AuditEvent) HashHex() string { return hex.EncodeToString(e.Hash) }

// GlobalID is the event's TypeID.
func (e *AuditEvent) GlobalID() string { return e.ID.String() }
