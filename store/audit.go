package store

import (
	"context"
	"encoding/json"
	"time"

	"github.com/google/uuid"

	"upstream/models"
)

// auditAction names what happened, as the compliance log spells it.
type auditAction string

const (
	auditCustomerCreated    auditAction = "customer_created"
	auditUserCreated        auditAction = "user_created"
	auditMemberAdded        auditAction = "member_added"
	auditPasswordSet        auditAction = "password_set"
	auditSignedIn           auditAction = "login_succeeded"
	auditSuperuserAccess    auditAction = "superuser_access"
	auditUploadCreated      auditAction = "upload_created"
	auditUploadFailed       auditAction = "upload_failed"
	auditPHIDetected        auditAction = "phi_detection_in_upload"
	auditClaimViewed        auditAction = "claim_viewed"
	auditReportRunQueued    auditAction = "report_run_queued"
	auditReportRunStarted   auditAction = "report_run_started"
	auditReportRunCompleted auditAction = "report_run_completed"
	auditReportRunFailed    auditAction = "report_run_failed"
	auditSettingsUpdated    auditAction = "settings_updated"
	auditDriftEventCreated  auditAction = "drift_event_created"
	auditAPIKeyCreated      auditAction = "api_key_created"
	auditAPIKeyRotated      auditAction = "api_key_rotated" //nolint:gosec // the name of an event, no credential
	auditAPIKeyRevoked      auditAction = "api_key_revoked"
	auditAPIKeyRefused      auditAction = "api_key_refused"
	auditMemberInvited      auditAction = "member_invited"
	auditInvitationResent   auditAction = "invitation_resent"
	auditInvitationRevoked  auditAction = "invitation_revoked"
)

// trail gathers the audit lines of one transaction. They are appended to their
// chains when the use case has done all else: see auditchain.go.
type trail struct{ lines []*models.AuditEvent }

// change is what an audit line says about the row: its changed fields before
// and after, and what else is worth knowing. It must hold no secret and nothing
// that identifies a patient. diff makes one of two states of a row.
type change struct {
	before, after, metadata map[string]any
}

// audit notes a line of the transaction's customer.
func (tx *tenantTx) audit(ctx context.Context, action auditAction, entityType, entityID string, metadata map[string]any) error {
	return tx.auditChange(ctx, action, entityType, entityID, change{metadata: metadata})
}

// auditChange is audit for an action that changed fields.
func (tx *tenantTx) auditChange(_ context.Context, action auditAction, entityType, entityID string, c change) error {
	customer := tx.customer
	line, err := newAuditEvent(tx.newUUID(), tx.now, action, entityType, entityID, c)
	if err != nil {
		return err
	}
	line.CustomerID = &customer
	by(line, tx.viewer)
	tx.lines = append(tx.lines, line)
	return nil
}

// auditIn notes a line of the customer, or of the platform when it is zero.
func (tx *systemTx) auditIn(_ context.Context, customer models.CustomerID, v models.Viewer, action auditAction, entityType, entityID string, c change) error {
	line, err := newAuditEvent(tx.newUUID(), tx.now, action, entityType, entityID, c)
	if err != nil {
		return err
	}
	if !customer.IsZero() {
		line.CustomerID = &customer
	}
	by(line, v)
	tx.lines = append(tx.lines, line)
	return nil
}

func newAuditEvent(id uuid.UUID, at time.Time, action auditAction, entityType, entityID string, c change) (*models.AuditEvent, error) {
	line := &models.AuditEvent{
		ID: models.AuditEventID{}.From(id), OccurredAt: at, Action: string(action),
		EntityType: entityType, EntityID: nonEmpty(entityID), Metadata: json.RawMessage(`{}`),
	}
	for _, part := range []struct {
		fields map[string]any
		column *json.RawMessage
	}{{c.before, &line.Before}, {c.after, &line.After}, {c.metadata, &line.Metadata}} {
		if part.fields == nil {
			continue
		}
		body, err := json.Marshal(part.fields)
		if err != nil {
			return nil, err
		}
		*part.column = body
	}
	return line, nil
}

// by names who did it.
func by(line *models.AuditEvent, v models.Viewer) {
	line.Actor = v.Email
	line.RequestID = nonEmpty(clip(v.RequestID))
	line.RemoteAddr = nonEmpty(clip(v.RemoteAddr))
	switch {
	case !v.UserID.IsZero():
		id := v.UserID
		line.UserID, line.ActorID, line.ActorType = &id, nonEmpty(id.String()), models.ActorUser
		if v.Superuser {
			line.ActorType = models.ActorSuperuser
		}
	case !v.KeyID.IsZero():
		line.ActorID, line.ActorType = nonEmpty(v.KeyID.String()), models.ActorKey
	case v.Job != "":
		line.ActorType = models.ActorJob
	case v.System, line.RequestID == nil && line.RemoteAddr == nil:
		line.ActorType = models.ActorSystem
	default:
		line.ActorType = models.ActorAnonymous
	}
	if line.Actor == "" {
		line.Actor = string(line.ActorType)
	}
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
