package store

import (
	"context"
	"time"

	"upstream/models"
)

// What the audit log calls the changes of CPT group mappings.
const (
	auditCPTGroupMappingCreated auditAction = "cpt_group_mapping_created"
	auditCPTGroupMappingUpdated auditAction = "cpt_group_mapping_updated"
	auditCPTGroupMappingDeleted auditAction = "cpt_group_mapping_deleted"
)

func cptGroupMappingSpec() listSpec[models.CPTGroupMapping] {
	type mapping = models.CPTGroupMapping
	return listSpec[mapping]{
		noun: "CPT group mapping", alias: "cm", search: []string{"cpt_code", "cpt_group"},
		order: []term{{column: "cpt_code"}, {column: "id"}},
		columns: map[string]column[mapping]{
			"id":         {cast: "uuid", value: func(m *mapping) any { return m.ID }},
			"cpt_code":   {cast: "text", value: func(m *mapping) any { return m.CPTCode }},
			"cpt_group":  {cast: "text", value: func(m *mapping) any { return m.CPTGroup }},
			"created_at": {cast: "timestamptz", value: func(m *mapping) any { return m.CreatedAt }},
		},
	}
}

// CPTGroupMappings lists the customer's CPT group mappings.
func (s *Store) CPTGroupMappings(ctx context.Context, v models.Viewer, f models.CPTGroupMappingFilter, l models.List[models.CPTGroupMappingOrderField]) (*models.Rows[*models.CPTGroupMapping], error) {
	return read(ctx, s, v, models.PermissionViewMappings, func(tx *tenantTx) (*models.Rows[*models.CPTGroupMapping], error) {
		return list(ctx, tx, cptGroupMappingSpec(), "", everything, f, l)
	})
}

// CPTGroupMapping is one mapping of the customer; NOT_FOUND when it has none of
// this id.
func (s *Store) CPTGroupMapping(ctx context.Context, v models.Viewer, id models.CPTGroupMappingID) (*models.CPTGroupMapping, error) {
	return one[models.CPTGroupMapping](ctx, s, v, models.PermissionViewMappings, id, "CPT group mapping")
}

// CPTGroupMappingsByID are those of the mappings that the customer has.
func (s *Store) CPTGroupMappingsByID(ctx context.Context, v models.Viewer, ids []models.CPTGroupMappingID) (map[models.CPTGroupMappingID]*models.CPTGroupMapping, error) {
	return byID(ctx, s, v, models.PermissionViewMappings, ids, func(m *models.CPTGroupMapping) models.CPTGroupMappingID { return m.ID })
}

// CreateCPTGroupMapping stores which group a procedure code belongs to from now
// on. It answers VALIDATION for bad input, and CONFLICT when the code is mapped
// already.
func (s *Store) CreateCPTGroupMapping(ctx context.Context, v models.Viewer, in models.NewCPTGroupMapping) (*models.CPTGroupMapping, error) {
	if err := admit(v, models.PermissionManageMappings, in); err != nil {
		return nil, err
	}
	return write(ctx, s, v, models.PermissionManageMappings, func(tx *tenantTx) (*models.CPTGroupMapping, error) {
		row := &models.CPTGroupMapping{
			CustomerID: tx.customer, ID: models.CPTGroupMappingID{}.From(tx.newUUID()), Version: 1, CreatedAt: tx.now, UpdatedAt: tx.now,
		}
		return tx.cptGroupMapping(auditCPTGroupMappingCreated, row.ID, nil, in.Patch()).create(ctx, tx, row)
	})
}

// UpdateCPTGroupMapping changes a mapping. Claims that are stored keep their
// group. It answers VALIDATION for bad input, NOT_FOUND, STALE, and CONFLICT
// when the code is mapped already.
func (s *Store) UpdateCPTGroupMapping(ctx context.Context, v models.Viewer, in models.Update[models.CPTGroupMappingID, models.CPTGroupMappingPatch]) (*models.CPTGroupMapping, error) {
	if err := admit(v, models.PermissionManageMappings, in.Patch); err != nil {
		return nil, err
	}
	return write(ctx, s, v, models.PermissionManageMappings, func(tx *tenantTx) (*models.CPTGroupMapping, error) {
		_, after, err := amend(ctx, tx, tx, tx.cptGroupMapping(auditCPTGroupMappingUpdated, in.ID, in.ExpectedVersion, in.Patch))
		return after, err
	})
}

// DeleteCPTGroupMapping forgets a mapping: the code belongs to its RBCS
// category from now on. It answers NOT_FOUND and STALE.
func (s *Store) DeleteCPTGroupMapping(ctx context.Context, v models.Viewer, in models.Deletion[models.CPTGroupMappingID]) error {
	_, err := write(ctx, s, v, models.PermissionManageMappings, func(tx *tenantTx) (struct{}, error) {
		none := models.CPTGroupMappingPatch{}
		return struct{}{}, tx.cptGroupMapping(auditCPTGroupMappingDeleted, in.ID, in.ExpectedVersion, none).erase(ctx, tx)
	})
	return err
}

func (tx *tenantTx) cptGroupMapping(action auditAction, id models.CPTGroupMappingID, expected *int64, patch models.CPTGroupMappingPatch) amendment[models.CPTGroupMapping] {
	return amendment[models.CPTGroupMapping]{
		noun: "CPT group mapping", entity: "cpt_group_mapping", id: id, expected: expected, action: action,
		apply: func(m *models.CPTGroupMapping) error { patch.Apply(m); return nil },
		stamp: func(m *models.CPTGroupMapping) (*int64, *time.Time) { return &m.Version, &m.UpdatedAt },
		taken: func(ctx context.Context, m *models.CPTGroupMapping) (string, error) {
			existing := new(models.CPTGroupMapping)
			err := tx.selectFrom(existing).Column("id").Where("cm.cpt_code = ?", m.CPTCode).Scan(ctx)
			return existing.ID.String(), err
		},
	}
}
