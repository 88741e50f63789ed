package store

import (
	"context"
	"encoding/json"
	"time"

	"github.com/google/uuid"
	"github.com/uptrace/bun"

	"upstream/models"
)

// auditAction names what happened, as the compliance log spells it.
type auditAction string

const (
	auditCustomerCreated     auditAction = "customer_created"
	auditUserCreated         auditAction = "user_created"
	auditPasswordSet         auditAction = "password_set"
	auditSignedIn            auditAction = "login_succeeded"
	auditUploadCreated       auditAction = "upload_created"
	auditUploadFailed        auditAction = "upload_failed"
	auditPHIDetected         auditAction = "phi_detection_in_upload"
	auditReportRunStarted    auditAction = "report_run_started"
	auditReportRunCompleted  auditAction = "report_run_completed"
	auditReportRunFailed     auditAction = "report_run_failed"
	auditDriftEventCreated   auditAction = "drift_event_created"
	auditPayerMappingCreated auditAction = "payer_mapping_created"
)

// auditEvent is one line of the append-only log of who did what.
type auditEvent struct {
	bun.BaseModel `bun:"table:audit_events,alias:au"`

	ID         models.AuditEventID `bun:"id,pk,type:uuid"`
	CustomerID *models.CustomerID  `bun:"customer_id,type:uuid"`
	OccurredAt time.Time           `bun:"occurred_at"`
	Action     auditAction         `bun:"action"`
	EntityType string              `bun:"entity_type"`
	EntityID   *string             `bun:"entity_id"`
	UserID     *models.UserID      `bun:"user_id,type:uuid"`
	Actor      string              `bun:"actor"`
	RequestID  *string             `bun:"request_id"`
	RemoteAddr *string             `bun:"remote_addr"`
	Metadata   json.RawMessage     `bun:"metadata,type:jsonb"`
}

// audit writes a line in the transaction it describes. metadata must hold no
// secret and nothing that identifies a patient.
func (tx *tenantTx) audit(ctx context.Context, action auditAction, entityType, entityID string, metadata map[string]any) error {
	customer := tx.customer
	line, err := newAuditEvent(tx.newUUID(), tx.now, action, entityType, entityID, metadata)
	if err != nil {
		return err
	}
	line.CustomerID = &customer
	line.by(tx.viewer)
	return tx.insert(ctx, line)
}

// audit writes a line about the platform, or about the customer it names.
func (tx *systemTx) audit(ctx context.Context, v models.Viewer, action auditAction, entityType, entityID string) error {
	line, err := newAuditEvent(tx.newUUID(), tx.now, action, entityType, entityID, nil)
	if err != nil {
		return err
	}
	line.by(v)
	_, err = tx.tx.NewInsert().Model(line).Exec(ctx)
	return err
}

func newAuditEvent(id uuid.UUID, at time.Time, action auditAction, entityType, entityID string, metadata map[string]any) (*auditEvent, error) {
	if metadata == nil {
		metadata = map[string]any{}
	}
	body, err := json.Marshal(metadata)
	if err != nil {
		return nil, err
	}
	return &auditEvent{
		ID: models.AuditEventID{}.From(id), OccurredAt: at, Action: action,
		EntityType: entityType, EntityID: nonEmpty(entityID), Metadata: body,
	}, nil
}

// by names who did it.
func (e *auditEvent) by(v models.Viewer) {
	if !v.UserID.IsZero() {
		id := v.UserID
		e.UserID = &id
	}
	e.Actor = v.Email
	if e.Actor == "" {
		e.Actor = "system"
	}
	e.RequestID = nonEmpty(clip(v.RequestID))
	e.RemoteAddr = nonEmpty(clip(v.RemoteAddr))
}

// maxTrace is how many characters of what a client says about itself are kept:
// no such text may be the reason that a use case fails.
const maxTrace = 64

func clip(text string) string {
	if runes := []rune(text); len(runes) > maxTrace {
		return string(runes[:maxTrace])
	}
	return text
}

func nonEmpty(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}
