package store

import (
	"context"

	"upstream/models"
)

func auditEventSpec() listSpec[models.AuditEvent] {
	type event = models.AuditEvent
	return listSpec[event]{
		noun: "audit_event", key: []string{"customer_id", "id"}, alias: "au", search: []string{"action", "actor", "entity_type"},
		order: []term{{column: "occurred_at", desc: true}, {column: "id", desc: true}},
		columns: map[string]column[event]{
			"id":          {cast: "uuid", value: func(e *event) any { return e.ID }},
			"occurred_at": {cast: "timestamptz", value: func(e *event) any { return e.OccurredAt }},
			"seq":         {cast: "bigint", value: func(e *event) any { return e.Seq }},
		},
	}
}

// AuditEvents lists the audit log of the customer.
func (s *Store) AuditEvents(ctx context.Context, v models.Viewer, f models.AuditEventFilter, l models.List[models.AuditEventOrderField]) (*models.Rows[*models.AuditEvent], error) {
	return read(ctx, s, v, models.PermissionViewAudit, func(tx *tenantTx) (*models.Rows[*models.AuditEvent], error) {
		return list(ctx, tx, auditEventSpec(), "", everything, f, l)
	})
}

// AuditEvent is one line of the customer's log; NOT_FOUND when it has none of
// this id.
func (s *Store) AuditEvent(ctx context.Context, v models.Viewer, id models.AuditEventID) (*models.AuditEvent, error) {
	return read(ctx, s, v, models.PermissionViewAudit, func(tx *tenantTx) (*models.AuditEvent, error) {
		return rowOf[models.AuditEvent](ctx, tx, everything, id, "audit event")
	})
}

// AuditEventsByID are those of the lines that the customer's log has.
func (s *Store) AuditEventsByID(ctx context.Context, v models.Viewer, ids []models.AuditEventID) (map[models.AuditEventID]*models.AuditEvent, error) {
	return read(ctx, s, v, models.PermissionViewAudit, func(tx *tenantTx) (map[models.AuditEventID]*models.AuditEvent, error) {
		return rowsOf(ctx, tx, everything, ids, func(e *models.AuditEvent) models.AuditEventID { return e.ID })
	})
}
