package store

import (
	"context"
	"time"

	"upstream/models"
)

// What the audit log calls the changes of payer mappings.
const (
	auditPayerMappingCreated auditAction = "payer_mapping_created"
	auditPayerMappingUpdated auditAction = "payer_mapping_updated"
	auditPayerMappingDeleted auditAction = "payer_mapping_deleted"
)

func payerMappingSpec() listSpec[models.PayerMapping] {
	type mapping = models.PayerMapping
	return listSpec[mapping]{
		noun: "payer mapping", alias: "pm", search: []string{"raw_name", "normalized_name"},
		order: []term{{column: "raw_name"}, {column: "id"}},
		columns: map[string]column[mapping]{
			"id":              {cast: "uuid", value: func(m *mapping) any { return m.ID }},
			"raw_name":        {cast: "text", value: func(m *mapping) any { return m.RawName }},
			"normalized_name": {cast: "text", value: func(m *mapping) any { return m.NormalizedName }},
			"created_at":      {cast: "timestamptz", value: func(m *mapping) any { return m.CreatedAt }},
		},
	}
}

// PayerMappings lists the customer's payer mappings.
func (s *Store) PayerMappings(ctx context.Context, v models.Viewer, f models.PayerMappingFilter, l models.List[models.PayerMappingOrderField]) (*models.Rows[*models.PayerMapping], error) {
	return read(ctx, s, v, models.PermissionViewMappings, func(tx *tenantTx) (*models.Rows[*models.PayerMapping], error) {
		return list(ctx, tx, payerMappingSpec(), "", everything, f, l)
	})
}

// PayerMapping is one mapping of the customer; NOT_FOUND when it has none of
// this id.
func (s *Store) PayerMapping(ctx context.Context, v models.Viewer, id models.PayerMappingID) (*models.PayerMapping, error) {
	return one[models.PayerMapping](ctx, s, v, models.PermissionViewMappings, id, "payer mapping")
}

// PayerMappingsByID are those of the mappings that the customer has.
func (s *Store) PayerMappingsByID(ctx context.Context, v models.Viewer, ids []models.PayerMappingID) (map[models.PayerMappingID]*models.PayerMapping, error) {
	return byID(ctx, s, v, models.PermissionViewMappings, ids, func(m *models.PayerMapping) models.PayerMappingID { return m.ID })
}

// CreatePayerMapping stores how a raw payer name is to be read from now on. It
// answers VALIDATION for bad input, and CONFLICT when the raw name is mapped
// already, whatever its case.
func (s *Store) CreatePayerMapping(ctx context.Context, v models.Viewer, in models.NewPayerMapping) (*models.PayerMapping, error) {
	if err := admit(v, models.PermissionManageMappings, in); err != nil {
		return nil, err
	}
	return write(ctx, s, v, models.PermissionManageMappings, func(tx *tenantTx) (*models.PayerMapping, error) {
		row := &models.PayerMapping{
			CustomerID: tx.customer, ID: models.PayerMappingID{}.From(tx.newUUID()), Version: 1, CreatedAt: tx.now, UpdatedAt: tx.now,
		}
		return tx.payerMapping(auditPayerMappingCreated, row.ID, nil, in.Patch()).create(ctx, tx, row)
	})
}

// UpdatePayerMapping changes a mapping. Claims that are stored keep their name.
// It answers VALIDATION for bad input, NOT_FOUND, STALE, and CONFLICT when the
// raw name is mapped already.
func (s *Store) UpdatePayerMapping(ctx context.Context, v models.Viewer, in models.Update[models.PayerMappingID, models.PayerMappingPatch]) (*models.PayerMapping, error) {
	if err := admit(v, models.PermissionManageMappings, in.Patch); err != nil {
		return nil, err
	}
	return write(ctx, s, v, models.PermissionManageMappings, func(tx *tenantTx) (*models.PayerMapping, error) {
		_, after, err := amend(ctx, tx, tx, tx.payerMapping(auditPayerMappingUpdated, in.ID, in.ExpectedVersion, in.Patch))
		return after, err
	})
}

// DeletePayerMapping forgets a mapping: the raw name is kept as it is from now
// on. It answers NOT_FOUND and STALE.
func (s *Store) DeletePayerMapping(ctx context.Context, v models.Viewer, in models.Deletion[models.PayerMappingID]) error {
	_, err := write(ctx, s, v, models.PermissionManageMappings, func(tx *tenantTx) (struct{}, error) {
		return struct{}{}, tx.payerMapping(auditPayerMappingDeleted, in.ID, in.ExpectedVersion, models.PayerMappingPatch{}).erase(ctx, tx)
	})
	return err
}

func (tx *tenantTx) payerMapping(action auditAction, id models.PayerMappingID, expected *int64, patch models.PayerMappingPatch) amendment[models.PayerMapping] {
	return amendment[models.PayerMapping]{
		noun: "payer mapping", entity: "payer_mapping", id: id, expected: expected, action: action,
		apply: func(m *models.PayerMapping) error { patch.Apply(m); return nil },
		stamp: func(m *models.PayerMapping) (*int64, *time.Time) { return &m.Version, &m.UpdatedAt },
		taken: func(ctx context.Context, m *models.PayerMapping) (string, error) {
			existing := new(models.PayerMapping)
			err := tx.selectFrom(existing).Column("id").Where("lower(pm.raw_name) = lower(?)", m.RawName).Scan(ctx)
			return existing.ID.String(), err
		},
	}
}

// admit answers who may not, and then what is wrong with the input, before a
// transaction is begun for it.
func admit(v models.Viewer, p models.Permission, in interface{ Validate() error }) error {
	if err := v.Authorize(p); err != nil {
		return err
	}
	return in.Validate()
}
