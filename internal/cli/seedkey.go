package cli

import (
	"context"

	"upstream/internal/demo"
	"upstream/models"
)

// demoKeyName is that of the key the demo prints.
const demoKeyName = "Demo partner"

// apiKey makes the key of the Harbor clinic that the demo prints. What a key is
// cannot be read again, so each start replaces the key of the one before.
func (s *seeder) apiKey(ctx context.Context) (demoKey, error) {
	customer, err := s.store.CustomerBySlug(ctx, demo.HarborSlug)
	if err != nil {
		return demoKey{}, err
	}
	v := models.SystemViewer(customer.ID)
	inUse, name := false, demoKeyName
	old, err := allKeys(ctx, s.store, v, models.APIKeyFilter{Name: &name, Revoked: &inUse, Replaced: &inUse})
	if err != nil {
		return demoKey{}, err
	}
	for _, key := range old {
		if key.Name != demoKeyName {
			continue
		}
		if _, err := s.store.RevokeAPIKey(ctx, v, key.ID, nil); err != nil {
			return demoKey{}, err
		}
	}
	issued, err := s.store.CreateAPIKey(ctx, v, models.NewAPIKey{Name: demoKeyName, Scopes: []models.Scope{
		models.ScopeClaimsRead, models.ScopeClaimsWrite, models.ScopeDriftRead, models.ScopeDriftRun,
	}})
	if err != nil {
		return demoKey{}, err
	}
	return demoKey{Customer: demo.HarborSlug, Scopes: issued.APIKey.Scopes, Key: string(issued.Text)}, nil
}
