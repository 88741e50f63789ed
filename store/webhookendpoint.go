package store

import (
	"context"
	"time"

	"github.com/uptrace/bun"

	"upstream/models"
)

// What the audit log calls what happens to endpoints.
const (
	auditEndpointCreated  auditAction = "webhook_endpoint_created"
	auditEndpointUpdated  auditAction = "webhook_endpoint_updated"
	auditEndpointDeleted  auditAction = "webhook_endpoint_deleted"
	auditEndpointRotated  auditAction = "webhook_secret_rotated" //nolint:gosec // the name of an event, no credential
	auditEndpointDisabled auditAction = "webhook_endpoint_disabled"
	auditEndpointTested   auditAction = "webhook_endpoint_tested"
)

// endpointSecrets and previousSecrets are the columns of what bodies are signed
// with.
func endpointSecrets() sealedColumn {
	return sealedColumn{table: "webhook_endpoints", column: "secret_sealed", tenant: true}
}

func previousSecrets() sealedColumn {
	return sealedColumn{table: "webhook_endpoints", column: "previous_secret_sealed", tenant: true}
}

func webhookEndpointSpec() listSpec[models.WebhookEndpoint] {
	type endpoint = models.WebhookEndpoint
	return listSpec[endpoint]{
		noun: "webhook_endpoint", alias: "we", search: []string{"name", "url"},
		order: []term{{column: "name"}, {column: "id"}},
		columns: map[string]column[endpoint]{
			"id":         {cast: "uuid", value: func(e *endpoint) any { return e.ID }},
			"name":       {cast: "text", value: func(e *endpoint) any { return e.Name }},
			"created_at": {cast: "timestamptz", value: func(e *endpoint) any { return e.CreatedAt }},
		},
	}
}

// deliveredThrough is the checkpoint of an endpoint: one look at an index that
// holds the deliveries it has not taken.
const deliveredThrough = `(SELECT coalesce(min(o.sequence) - 1, we.last_sequence) FROM webhook_deliveries AS o
	WHERE o.customer_id = we.customer_id AND o.endpoint_id = we.id AND o.status <> 'success') AS delivered_through`

func withCheckpoint(q *bun.SelectQuery) *bun.SelectQuery {
	return q.ColumnExpr("we.*").ColumnExpr(deliveredThrough)
}

// WebhookEndpoints lists the customer's endpoints.
func (s *Store) WebhookEndpoints(ctx context.Context, v models.Viewer, f models.WebhookEndpointFilter, l models.List[models.WebhookEndpointOrderField]) (*models.Rows[*models.WebhookEndpoint], error) {
	return read(ctx, s, v, models.PermissionViewWebhooks, func(tx *tenantTx) (*models.Rows[*models.WebhookEndpoint], error) {
		return list(ctx, tx, webhookEndpointSpec(), "", withCheckpoint, f, l)
	})
}

// WebhookEndpoint is one endpoint of the customer; NOT_FOUND when it has none of
// this id.
func (s *Store) WebhookEndpoint(ctx context.Context, v models.Viewer, id models.WebhookEndpointID) (*models.WebhookEndpoint, error) {
	return read(ctx, s, v, models.PermissionViewWebhooks, func(tx *tenantTx) (*models.WebhookEndpoint, error) {
		return tx.shownEndpoint(ctx, id)
	})
}

// WebhookEndpointsByID are those of the endpoints that the customer has.
func (s *Store) WebhookEndpointsByID(ctx context.Context, v models.Viewer, ids []models.WebhookEndpointID) (map[models.WebhookEndpointID]*models.WebhookEndpoint, error) {
	return read(ctx, s, v, models.PermissionViewWebhooks, func(tx *tenantTx) (map[models.WebhookEndpointID]*models.WebhookEndpoint, error) {
		return rowsOf(ctx, tx, withCheckpoint, ids, func(e *models.WebhookEndpoint) models.WebhookEndpointID { return e.ID })
	})
}

func (tx *tenantTx) shownEndpoint(ctx context.Context, id models.WebhookEndpointID) (*models.WebhookEndpoint, error) {
	return rowOf[models.WebhookEndpoint](ctx, tx, withCheckpoint, id, "webhook endpoint")
}

// CreateWebhookEndpoint makes an endpoint and answers with its secret, which is
// kept sealed and shown never again. It answers VALIDATION for bad input, and
// CONFLICT when the customer has as many endpoints as it may.
func (s *Store) CreateWebhookEndpoint(ctx context.Context, v models.Viewer, in models.NewWebhookEndpoint) (*models.IssuedWebhookEndpoint, error) {
	if err := v.Authorize(models.PermissionManageWebhooks); err != nil {
		return nil, err
	}
	if err := in.Validate(s.webhooks); err != nil {
		return nil, err
	}
	return write(ctx, s, v, models.PermissionManageWebhooks, func(tx *tenantTx) (*models.IssuedWebhookEndpoint, error) {
		if err := tx.roomForEndpoint(ctx); err != nil {
			return nil, err
		}
		row := in.Endpoint()
		row.CustomerID, row.ID = tx.customer, models.WebhookEndpointID{}.From(tx.newUUID())
		row.CreatedBy, row.Version, row.CreatedAt, row.UpdatedAt = tx.actorID(), 1, tx.now, tx.now
		if row.EventTypes == nil {
			row.EventTypes = []models.WebhookEventType{}
		}
		secret, err := s.newEndpointSecret(&row)
		if err != nil {
			return nil, err
		}
		if err := tx.insert(ctx, &row); err != nil {
			return nil, err
		}
		return &models.IssuedWebhookEndpoint{Endpoint: &row, Secret: secret},
			tx.auditChange(ctx, auditEndpointCreated, "webhook_endpoint", row.ID.String(), diff(nil, &row))
	})
}

// roomForEndpoint refuses one endpoint too many. Two requests at once may both
// find room for the last.
func (tx *tenantTx) roomForEndpoint(ctx context.Context) error {
	n, err := tx.selectFrom((*models.WebhookEndpoint)(nil)).Count(ctx)
	if err == nil && n >= models.MaxWebhookEndpoints {
		return models.NewError(models.CodeConflict, "There are %d webhook endpoints, which is as many as there may be.", n)
	}
	return err
}

// newEndpointSecret draws a secret and seals it into the endpoint.
func (s *Store) newEndpointSecret(e *models.WebhookEndpoint) (models.Secret, error) {
	secret := s.webhooks.NewSecret()
	sealed, err := s.sealer.Seal([]byte(secret), endpointSecrets().as(e.ID.UUID(), e.CustomerID))
	e.SecretSealed = sealed
	return secret, err
}

// UpdateWebhookEndpoint changes an endpoint. Deliveries that wait go to where it
// is then. Switching it on makes it healthy when it had been disabled. It
// answers VALIDATION for bad input, NOT_FOUND and STALE.
func (s *Store) UpdateWebhookEndpoint(ctx context.Context, v models.Viewer, in models.Update[models.WebhookEndpointID, models.WebhookEndpointPatch]) (*models.WebhookEndpoint, error) {
	if err := admit(v, models.PermissionManageWebhooks, in.Patch); err != nil {
		return nil, err
	}
	return write(ctx, s, v, models.PermissionManageWebhooks, func(tx *tenantTx) (*models.WebhookEndpoint, error) {
		before, err := tx.lockEndpointAt(ctx, in.ID, in.ExpectedVersion)
		if err != nil {
			return nil, err
		}
		after := new(*before)
		in.Patch.Apply(after)
		if after.EventTypes == nil {
			after.EventTypes = []models.WebhookEventType{}
		}
		if err := after.Validate(s.webhooks); err != nil {
			return nil, err
		}
		changed := diff(before, after)
		revived := before.DisabledAt != nil && after.DisabledAt == nil
		if len(changed.after) == 0 && !revived {
			return tx.shownEndpoint(ctx, in.ID)
		}
		if revived {
			changed.before["disabled_at"], changed.after["disabled_at"] = before.DisabledAt, nil
		}
		if !before.Delivers() && after.Delivers() {
			if err := tx.wakeLane(ctx, after, tx.now); err != nil {
				return nil, err
			}
		}
		if err := tx.changeEndpoint(ctx, after, auditEndpointUpdated, changed); err != nil {
			return nil, err
		}
		return tx.shownEndpoint(ctx, in.ID)
	})
}

// changeEndpoint stores what somebody changed of an endpoint whose row is locked.
func (tx *tenantTx) changeEndpoint(ctx context.Context, e *models.WebhookEndpoint, action auditAction, changed change) error {
	e.Version++
	e.UpdatedAt = tx.now
	_, err := tx.updateOf(e).ExcludeColumn("customer_id", "id", "last_sequence", "created_by", "created_at").Where("we.id = ?", e.ID).Exec(ctx)
	if err != nil {
		return err
	}
	return tx.auditChange(ctx, action, "webhook_endpoint", e.ID.String(), changed)
}

// lockEndpoint reads an endpoint and keeps others from changing it. Who locks
// several does so in the order of their identifiers, and locks deliveries later.
func (tx *tenantTx) lockEndpoint(ctx context.Context, id models.WebhookEndpointID) (*models.WebhookEndpoint, error) {
	e := new(models.WebhookEndpoint)
	err := tx.selectFrom(e).Where("we.id = ?", id).For("NO KEY UPDATE").Scan(ctx)
	return e, orNotFound(err, "webhook endpoint")
}

// lockEndpointAt is lockEndpoint that answers STALE for another version.
func (tx *tenantTx) lockEndpointAt(ctx context.Context, id models.WebhookEndpointID, expected *int64) (*models.WebhookEndpoint, error) {
	e, err := tx.lockEndpoint(ctx, id)
	if err != nil {
		return nil, err
	}
	return e, expectVersion("webhook endpoint", e.Version, expected)
}

// DeleteWebhookEndpoint forgets an endpoint and everything that was or was to be
// delivered to it. It answers NOT_FOUND and STALE.
func (s *Store) DeleteWebhookEndpoint(ctx context.Context, v models.Viewer, in models.Deletion[models.WebhookEndpointID]) error {
	_, err := write(ctx, s, v, models.PermissionManageWebhooks, func(tx *tenantTx) (struct{}, error) {
		return struct{}{}, amendment[models.WebhookEndpoint]{
			noun: "webhook endpoint", entity: "webhook_endpoint", id: in.ID, expected: in.ExpectedVersion, action: auditEndpointDeleted,
			stamp: func(e *models.WebhookEndpoint) (*int64, *time.Time) { return &e.Version, &e.UpdatedAt },
		}.erase(ctx, tx)
	})
	return err
}

// RotateWebhookSecret gives an endpoint another secret and answers with it. The
// former one goes on signing beside it for the overlap; one from a rotation
// before that no longer does. It answers VALIDATION, NOT_FOUND and STALE.
func (s *Store) RotateWebhookSecret(ctx context.Context, v models.Viewer, in models.WebhookSecretRotation) (*models.IssuedWebhookEndpoint, error) {
	if err := admit(v, models.PermissionManageWebhooks, in); err != nil {
		return nil, err
	}
	return write(ctx, s, v, models.PermissionManageWebhooks, func(tx *tenantTx) (*models.IssuedWebhookEndpoint, error) {
		before, err := tx.lockEndpointAt(ctx, in.ID, in.ExpectedVersion)
		if err != nil {
			return nil, err
		}
		after := new(*before)
		if err := s.keepPreviousSecret(after, before, tx.now.Add(in.Overlap()), in.Overlap() > 0); err != nil {
			return nil, err
		}
		secret, err := s.newEndpointSecret(after)
		if err != nil {
			return nil, err
		}
		if err := tx.changeEndpoint(ctx, after, auditEndpointRotated, diff(before, after)); err != nil {
			return nil, err
		}
		shown, err := tx.shownEndpoint(ctx, in.ID)
		return &models.IssuedWebhookEndpoint{Endpoint: shown, Secret: secret}, err
	})
}

// keepPreviousSecret seals the secret of an endpoint anew, as its previous one:
// what is sealed opens in its own column only.
func (s *Store) keepPreviousSecret(after, before *models.WebhookEndpoint, until time.Time, keep bool) error {
	after.PreviousSecretSealed, after.PreviousSecretExpiresAt = nil, nil
	if !keep {
		return nil
	}
	secret, err := s.sealer.Open(before.SecretSealed, endpointSecrets().as(before.ID.UUID(), before.CustomerID))
	if err != nil {
		return err
	}
	after.PreviousSecretSealed, err = s.sealer.Seal(secret, previousSecrets().as(before.ID.UUID(), before.CustomerID))
	after.PreviousSecretExpiresAt = &until
	return err
}

// TestWebhookEndpoint queues a test event for one endpoint, whatever types it
// receives, and answers with the delivery. It answers NOT_FOUND, and CONFLICT
// for an endpoint that is switched off.
func (s *Store) TestWebhookEndpoint(ctx context.Context, v models.Viewer, id models.WebhookEndpointID) (*models.WebhookDelivery, error) {
	return write(ctx, s, v, models.PermissionManageWebhooks, func(tx *tenantTx) (*models.WebhookDelivery, error) {
		endpoint, err := tx.shownEndpoint(ctx, id)
		if err != nil {
			return nil, err
		}
		if !endpoint.Delivers() {
			return nil, switchedOff()
		}
		key := string(models.EventWebhookTest) + ":" + tx.newUUID().String()
		err = tx.emit(ctx, models.Happening{
			Data: models.WebhookTestData{WebhookEndpointID: id}, Subject: id.String(), Key: key, Revision: endpoint.Version, Endpoint: &id,
		})
		if err != nil {
			return nil, err
		}
		if err := tx.audit(ctx, auditEndpointTested, "webhook_endpoint", id.String(), nil); err != nil {
			return nil, err
		}
		// At once, because the answer shows it.
		if err := s.tellEvents(ctx, tx, readCommitted); err != nil {
			return nil, err
		}
		delivery := new(models.WebhookDelivery)
		err = tx.selectFrom(delivery).Where("wd.endpoint_id = ? AND wd.event_key = ?", id, key).Scan(ctx)
		if models.CodeOf(orNotFound(err, "")) == models.CodeNotFound && err != nil {
			return nil, switchedOff() // between the look and the lock
		}
		return delivery, err
	})
}

func switchedOff() error {
	return models.NewError(models.CodeConflict, "The webhook endpoint is switched off: switch it on first.")
}
