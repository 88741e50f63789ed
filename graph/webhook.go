package graph

import (
	"context"

	"upstream/models"
	"upstream/store"
)

// endpointBehind answers whose deliveries a row is about.
func endpointBehind[P any](ctx context.Context, st *store.Store, row *P, id func(*P) models.WebhookEndpointID) (*models.WebhookEndpoint, error) {
	return related(ctx, row, "endpoint", id,
		func(v models.Viewer, ids []models.WebhookEndpointID) (map[models.WebhookEndpointID]*models.WebhookEndpoint, error) {
			return st.WebhookEndpointsByID(ctx, v, ids)
		})
}
