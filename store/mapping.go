package store

import (
	"context"
	"strings"

	"upstream/models"
)

// CreatePayerMapping stores how a raw payer name is to be read from now on. It
// answers VALIDATION for bad input and CONFLICT when the raw name is mapped
// already.
func (s *Store) CreatePayerMapping(ctx context.Context, v models.Viewer, in models.NewPayerMapping) (*models.PayerMapping, error) {
	if err := v.Authorize(models.PermissionManageMappings); err != nil {
		return nil, err
	}
	if err := in.Validate(); err != nil {
		return nil, err
	}
	return write(ctx, s, v, models.PermissionManageMappings, func(tx *tenantTx) (*models.PayerMapping, error) {
		mapping := &models.PayerMapping{
			CustomerID: tx.customer, ID: models.PayerMappingID{}.From(tx.newUUID()),
			RawName: strings.TrimSpace(in.RawName), NormalizedName: strings.TrimSpace(in.NormalizedName),
			Version: 1, CreatedAt: tx.now, UpdatedAt: tx.now,
		}
		if err := tx.insert(ctx, mapping); err != nil {
			return nil, err
		}
		return mapping, tx.auditChange(ctx, auditPayerMappingCreated, "payer_mapping", mapping.ID.String(), diff(nil, mapping))
	})
}
