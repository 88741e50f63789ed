package rest

import (
	"context"
	"net/http"
	"time"

	"upstream/models"
)

// auditEvent is the representation of models.AuditEvent.
type auditEvent struct {
	ID         models.AuditEventID `json:"id"`
	Customer   *models.CustomerID  `json:"customer"`
	Seq        int64               `json:"seq" minimum:"1" doc:"The number of the line in the customer's chain, without gaps." example:"42"`
	OccurredAt time.Time           `json:"occurred_at" doc:"When the action began."`
	Action     string              `json:"action" doc:"What happened." example:"upload_created"`
	EntityType string              `json:"entity_type" doc:"The kind of row it happened to." example:"upload"`
	EntityID   *string             `json:"entity_id" doc:"The identifier of that row; null when there is no single one." example:"upl_01jz8k6v3pe9ktyh5wmcqa2x7d"`
	ActorType  models.ActorType    `json:"actor_type"`
	ActorID    *string             `json:"actor_id" doc:"The identifier of the user or key; null for the program itself." example:"user_01jz8k6v3pe9ktyh5wmcqa2x7d"`
	Actor      string              `json:"actor" doc:"The e-mail address or name of the actor at that time." example:"ada@cedar.example.org"`
	User       *models.UserID      `json:"user" doc:"The user, when the actor was one."`
	RequestID  *string             `json:"request_id" doc:"The X-Request-Id of the request." example:"0d8f2a52-9a35-4ef6-b0a3-ef2b4f2c9d0e"`
	RemoteAddr *string             `json:"remote_addr" doc:"The network address the request came from." example:"192.0.2.17"`
	Before     jsonObject          `json:"before" doc:"The changed fields as they were; null when there was nothing before. Secrets are left out."`
	After      jsonObject          `json:"after" doc:"The changed fields as they are since; null when nothing is left. Secrets are left out."`
	Metadata   jsonObject          `json:"metadata" doc:"What else is worth knowing."`
	PrevHash   string              `json:"prev_hash" pattern:"^[0-9a-f]{64}$" doc:"The hash of the line before; zeros for the first one." example:"0000000000000000000000000000000000000000000000000000000000000000"`
	Hash       string              `json:"hash" pattern:"^[0-9a-f]{64}$" doc:"SHA-256 over prev_hash and this line." example:"9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"`
	Links      auditEventLinks     `json:"_links"`
}

type auditEventLinks struct {
	Self       link `json:"self"`
	Collection link `json:"collection"`
}

func showAuditEvent(l links, e *models.AuditEvent) auditEvent {
	return auditEvent{
		ID: e.ID, Customer: e.CustomerID, Seq: e.Seq, OccurredAt: e.OccurredAt.UTC(), Action: e.Action,
		EntityType: e.EntityType, EntityID: e.EntityID, ActorType: e.ActorType, ActorID: e.ActorID, Actor: e.Actor,
		User: e.UserID, RequestID: e.RequestID, RemoteAddr: e.RemoteAddr, Before: jsonObject(e.Before),
		After: jsonObject(e.After), Metadata: jsonObject(e.Metadata),
		PrevHash: e.PrevHashHex(), Hash: e.HashHex(),
		Links: auditEventLinks{Self: l.to("audit-events", e.ID.String()), Collection: l.to("audit-events")},
	}
}

func (a *api) registerAuditEvents() {
	registerList(a, operation{
		id: "listAuditEvents", method: http.MethodGet, path: resourcePath("audit-events"), tag: tagAudit,
		summary: "List audit events", description: "Who did what in the customer's data, the last events first unless ordered " +
			"otherwise. Nobody can change or remove one. Search looks at action, actor and entity type.",
		permission: models.PermissionViewAudit,
	}, func(ctx context.Context, v models.Viewer, _ *noInput, f models.AuditEventFilter, l models.List[models.AuditEventOrderField]) (*models.Rows[*models.AuditEvent], error) {
		return a.store.AuditEvents(ctx, v, f, l)
	}, showAuditEvent)
	registerDetail(a, operation{
		id: "getAuditEvent", method: http.MethodGet, path: resourcePath("audit-events", "{id}"), tag: tagAudit,
		summary: "Show an audit event", description: "One line of the audit log, with its link to the line before it.",
		permission: models.PermissionViewAudit,
	}, a.store.AuditEvent, showAuditEvent,
		// A line never changes.
		func(e *models.AuditEvent) int64 { return e.Seq })
}
