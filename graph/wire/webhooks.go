package wire

import (
	"time"

	"github.com/99designs/gqlgen/graphql"

	"upstream/models"
)

// CreateWebhookEndpointInput is what a client says about a new endpoint.
type CreateWebhookEndpointInput struct {
	models.NewWebhookEndpoint
	ClientMutationID *string
}

// UpdateWebhookEndpointInput is what a client says about an endpoint.
type UpdateWebhookEndpointInput struct {
	ID               string
	ExpectedVersion  *int64
	Name             Changeable[string]
	URL              Changeable[string]
	EventTypes       graphql.Omittable[[]models.WebhookEventType]
	Active           Changeable[bool]
	ClientMutationID *string
}

// Patch is what the input changes.
func (in UpdateWebhookEndpointInput) Patch() models.WebhookEndpointPatch {
	return models.WebhookEndpointPatch{
		Name: change(in.Name), URL: change(in.URL), EventTypes: changeList(in.EventTypes), Active: change(in.Active),
	}
}

// RotateWebhookSecretInput is what a client says about another secret.
type RotateWebhookSecretInput struct {
	ID               string
	OverlapHours     *int
	ExpectedVersion  *int64
	ClientMutationID *string
}

// WebhookEndpointPayload is what came of a change of an endpoint.
type WebhookEndpointPayload struct {
	WebhookEndpoint  *models.WebhookEndpoint
	UserErrors       []UserError
	ClientMutationID *string
}

// WebhookSecretPayload is what came of a new endpoint or of a rotation.
type WebhookSecretPayload struct {
	WebhookEndpoint  *models.WebhookEndpoint
	Secret           *string
	UserErrors       []UserError
	ClientMutationID *string
}

// NewWebhookSecretPayload shows the secret that was just made, or why there is
// none.
func NewWebhookSecretPayload(issued *models.IssuedWebhookEndpoint, problems []UserError, echo *string) *WebhookSecretPayload {
	p := &WebhookSecretPayload{UserErrors: problems, ClientMutationID: echo}
	if issued != nil {
		p.WebhookEndpoint, p.Secret = issued.Endpoint, new(string(issued.Secret))
	}
	return p
}

// DeleteWebhookEndpointPayload is what came of deleting an endpoint.
type DeleteWebhookEndpointPayload struct {
	DeletedWebhookEndpointID *string
	UserErrors               []UserError
	ClientMutationID         *string
}

// WebhookDeliveryPayload is what came of a test or a redelivery.
type WebhookDeliveryPayload struct {
	WebhookDelivery  *models.WebhookDelivery
	UserErrors       []UserError
	ClientMutationID *string
}

// Replayed says which deliveries of an endpoint are sent again.
type Replayed struct {
	Since     time.Time
	Until     *time.Time
	Status    *models.DeliveryStatus
	EventType *models.WebhookEventType
}

// Of is the store's form of it for one endpoint.
func (in Replayed) Of(endpoint models.WebhookEndpointID) models.NewWebhookReplay {
	return models.NewWebhookReplay{EndpointID: endpoint, Since: in.Since, Until: in.Until, Status: in.Status, EventType: in.EventType}
}

// WebhookReplayCountInput says which deliveries would be sent again.
type WebhookReplayCountInput struct {
	Replayed
	EndpointID models.WebhookEndpointID
}

// WebhookReplayCount is how many there are.
type WebhookReplayCount struct{ Count int64 }

// ReplayWebhooksInput says which deliveries are to be sent again.
type ReplayWebhooksInput struct {
	Replayed
	EndpointID       string
	ExpectedCount    *int64
	ClientMutationID *string
}

// ReplayWebhooksPayload is what came of it.
type ReplayWebhooksPayload struct {
	WebhookReplay    *models.WebhookReplay
	UserErrors       []UserError
	ClientMutationID *string
}
