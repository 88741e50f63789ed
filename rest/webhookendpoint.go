package rest

import (
	"context"
	"net/http"
	"time"

	"upstream/internal/auth"
	"upstream/models"
)

const webhookEndpoints = "webhook-endpoints"

// webhookEndpoint is the representation of models.WebhookEndpoint.
type webhookEndpoint struct {
	ID                      models.WebhookEndpointID  `json:"id"`
	Customer                models.CustomerID         `json:"customer"`
	Name                    string                    `json:"name" maxLength:"100" doc:"What people call it." example:"Warehouse"`
	URL                     string                    `json:"url" format:"uri" maxLength:"2048" doc:"Where events are sent by POST." example:"https://partner.example.org/upstream"`
	Active                  bool                      `json:"active" doc:"Whether the customer has it switched on." example:"true"`
	EventTypes              []models.WebhookEventType `json:"event_types" doc:"The event types it receives; empty for all of them."`
	PreviousSecretExpiresAt *time.Time                `json:"previous_secret_expires_at" doc:"Until when the secret of before the last rotation signs beside the new one; null when it does not."`
	LastSequence            int64                     `json:"last_sequence" minimum:"0" doc:"The sequence of the last delivery made for it; 0 before any." example:"1042"`
	DeliveredThrough        int64                     `json:"delivered_through" minimum:"0" doc:"The highest sequence up to which every delivery has arrived: what is above it is on its way or dead." example:"1042"`
	Circuit                 models.CircuitState       `json:"circuit" doc:"Whether deliveries are tried: open while too many failed in a row, half_open while one is tried."`
	ConsecutiveFailures     int                       `json:"consecutive_failures" minimum:"0" doc:"Failed attempts since the last one that succeeded." example:"0"`
	FailingSince            *time.Time                `json:"failing_since" doc:"When the first of them was made; null when there are none."`
	RetryAt                 *time.Time                `json:"retry_at" doc:"When an open circuit lets a delivery pass, or when that of a half-open one is given up; null while it is closed."`
	DisabledAt              *time.Time                `json:"disabled_at" doc:"When it was switched off because it answered 410 or kept failing; active: true switches it on again."`
	DisabledReason          *models.DisabledReason    `json:"disabled_reason" doc:"Why it was switched off."`
	CreatedBy               *models.UserID            `json:"created_by" doc:"Who made it; null for commands and keys."`
	CreatedAt               time.Time                 `json:"created_at"`
	UpdatedAt               time.Time                 `json:"updated_at"`
	Links                   webhookEndpointLinks      `json:"_links"`
}

type webhookEndpointLinks struct {
	Self       link `json:"self"`
	Collection link `json:"collection"`
	Deliveries link `json:"deliveries"`
}

// WebhookEndpoint is webhookEndpoint under an exported name, which the library
// that writes JSON schemas needs to look into an embedded struct.
type WebhookEndpoint = webhookEndpoint

// issuedWebhookEndpoint is an endpoint with the secret that it was just given.
type issuedWebhookEndpoint struct {
	WebhookEndpoint

	Secret string `json:"secret" readOnly:"true" doc:"What bodies are signed with. It is shown this once." example:"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwMfKQ9r8GKYo="`
}

// newWebhookEndpoint is the body that creates an endpoint.
type newWebhookEndpoint struct {
	Name       string                    `json:"name" doc:"What people call it, 1 to 100 characters." example:"Warehouse"`
	URL        string                    `json:"url" doc:"Where events are sent: https, port 443, a public address, no user name and no fragment, at most 2,048 characters." example:"https://partner.example.org/upstream"`
	EventTypes []models.WebhookEventType `json:"event_types,omitempty" doc:"The event types it is to receive; all of them unless given." example:"[\"drift.detected\",\"report.completed\"]"`
	Active     *bool                     `json:"active,omitempty" doc:"Whether it is switched on; true unless given." example:"true"`
}

// webhookSecretRotation is the body that rotates a secret.
type webhookSecretRotation struct {
	OverlapHours *int `json:"overlap_hours,omitempty" minimum:"0" maximum:"168" doc:"How long the former secret goes on signing beside the new one; 24 unless given." example:"24"`
}

type (
	newWebhookEndpointInput struct{ Body newWebhookEndpoint }
	rotateSecretInput       struct {
		ID      models.WebhookEndpointID `path:"id" doc:"The identifier of the row."`
		IfMatch string                   `header:"If-Match" doc:"The entity tag of the version that the change was decided on; when the row has changed since, the answer is 412."`
		Body    *webhookSecretRotation
	}
)

// anyTarget leaves it to the store to say whether a URL may be sent to, which
// depends on the operator's settings.
type anyTarget struct{}

// CheckURL implements models.URLChecker.
func (anyTarget) CheckURL(string) error { return nil }

func showWebhookEndpoint(l links, e *models.WebhookEndpoint) webhookEndpoint {
	id := e.ID.String()
	return webhookEndpoint{
		ID: e.ID, Customer: e.CustomerID, Name: e.Name, URL: e.URL, Active: e.Active, EventTypes: e.EventTypes,
		PreviousSecretExpiresAt: utc(e.PreviousSecretExpiresAt), LastSequence: e.LastSequence, DeliveredThrough: e.DeliveredThrough,
		Circuit: e.Circuit, ConsecutiveFailures: e.ConsecutiveFailures, FailingSince: utc(e.FailingSince), RetryAt: utc(e.RetryAt),
		DisabledAt: utc(e.DisabledAt), DisabledReason: e.DisabledReason, CreatedBy: e.CreatedBy,
		CreatedAt: e.CreatedAt.UTC(), UpdatedAt: e.UpdatedAt.UTC(),
		Links: webhookEndpointLinks{
			Self: l.to(webhookEndpoints, id), Collection: l.to(webhookEndpoints), Deliveries: l.to(webhookEndpoints, id, "deliveries"),
		},
	}
}

// endpointTag names what is shown of an endpoint: deliveries move its figures,
// and a change of it that was decided on before is none the worse for that.
func endpointTag(e *models.WebhookEndpoint) string {
	return etagWith(e.Version, struct {
		Last, Through int64
		Health        models.EndpointHealth
	}{e.LastSequence, e.DeliveredThrough, e.EndpointHealth})
}

// showIssuedEndpoint answers with a secret. Like every answer to a POST it must
// not be stored.
func showIssuedEndpoint(ctx context.Context, issued *models.IssuedWebhookEndpoint) issuedWebhookEndpoint {
	return issuedWebhookEndpoint{WebhookEndpoint: showWebhookEndpoint(linksFor(ctx), issued.Endpoint), Secret: string(issued.Secret)}
}

// webhookOperation reads or writes about webhooks, by the method.
func webhookOperation(method, id, summary, description string, path ...string) operation {
	op := operation{
		id: id, method: method, path: resourcePath(path...), tag: tagWebhooks, summary: summary, description: description,
		permission: models.PermissionManageWebhooks,
	}
	if method == http.MethodGet {
		op.permission = models.PermissionViewWebhooks
	}
	return op
}

func (a *api) registerWebhookEndpoints() {
	version := func(e *models.WebhookEndpoint) int64 { return e.Version }
	registerList(a, webhookOperation(http.MethodGet, "listWebhookEndpoints", "List webhook endpoints",
		"Where the customer's events are delivered to, by name unless ordered otherwise. Search looks at name and URL.", webhookEndpoints),
		func(ctx context.Context, v models.Viewer, _ *noInput, f models.WebhookEndpointFilter, l models.List[models.WebhookEndpointOrderField]) (*models.Rows[*models.WebhookEndpoint], error) {
			return a.store.WebhookEndpoints(ctx, v, f, l)
		}, showWebhookEndpoint)
	registerTagged(a, webhookOperation(http.MethodGet, "getWebhookEndpoint", "Show a webhook endpoint",
		"One endpoint, without its secret: how deliveries to it have been going, and how far they are.", webhookEndpoints, "{id}"),
		a.store.WebhookEndpoint, showWebhookEndpoint, endpointTag)
	update := webhookOperation(http.MethodPatch, "updateWebhookEndpoint", "Change a webhook endpoint",
		"Changes an endpoint. Deliveries that wait go to the URL that it has when they are tried; `active: true` also switches one on "+
			"again that was switched off for failing.", webhookEndpoints, "{id}").conflicting()
	registerPatch(a, update, a.store.UpdateWebhookEndpoint, showWebhookEndpoint, version)
	registerDelete(a, webhookOperation(http.MethodDelete, "deleteWebhookEndpoint", "Delete a webhook endpoint",
		"Deletes an endpoint, its deliveries and their attempts. What waits is not sent.", webhookEndpoints, "{id}"), a.store.DeleteWebhookEndpoint)
	a.registerWebhookSecrets()
	a.registerWebhookTest()
}

// registerWebhookSecrets adds the two operations whose answers hold a secret.
func (a *api) registerWebhookSecrets() {
	create := webhookOperation(http.MethodPost, "createWebhookEndpoint", "Create a webhook endpoint",
		"Makes an endpoint that events are delivered to from now on. The answer is the only one that shows its secret.", webhookEndpoints).conflicting()
	create.status, create.hasBody = http.StatusCreated, true
	create.rules = rulesOf(func(b newWebhookEndpoint, _ time.Time) error {
		return models.NewWebhookEndpoint(b).Validate(anyTarget{})
	})
	register(a, create, func(ctx context.Context, in *newWebhookEndpointInput) (*createdOutput[issuedWebhookEndpoint], error) {
		issued, err := a.store.CreateWebhookEndpoint(ctx, auth.ViewerFrom(ctx), models.NewWebhookEndpoint(in.Body))
		if err != nil {
			return nil, err
		}
		body := showIssuedEndpoint(ctx, issued)
		return &createdOutput[issuedWebhookEndpoint]{Location: body.Links.Self.Href, ETag: etag(issued.Endpoint.Version), Body: body}, nil
	})
	rotate := webhookOperation(http.MethodPost, "rotateWebhookSecret", "Rotate the secret of a webhook endpoint",
		"Gives an endpoint another secret. For the overlap every body is signed with both. The body may be left out. The answer is the "+
			"only one that shows the new secret.", webhookEndpoints, "{id}", "rotate-secret")
	rotate.hasBody, rotate.codes = true, []models.Code{models.CodeNotFound, models.CodeStale}
	rotate.rules = rulesOf(func(b webhookSecretRotation, _ time.Time) error {
		return models.WebhookSecretRotation{OverlapHours: b.OverlapHours}.Validate()
	})
	register(a, rotate, a.rotateWebhookSecret)
}

func (a *api) rotateWebhookSecret(ctx context.Context, in *rotateSecretInput) (*changedOutput[issuedWebhookEndpoint], error) {
	expected, err := ifMatch(in.IfMatch)
	if err != nil {
		return nil, err
	}
	rotation := models.WebhookSecretRotation{ID: in.ID, ExpectedVersion: expected}
	if in.Body != nil {
		rotation.OverlapHours = in.Body.OverlapHours
	}
	issued, err := a.store.RotateWebhookSecret(ctx, auth.ViewerFrom(ctx), rotation)
	if err != nil {
		return nil, err
	}
	return &changedOutput[issuedWebhookEndpoint]{ETag: etag(issued.Endpoint.Version), Body: showIssuedEndpoint(ctx, issued)}, nil
}

func (a *api) registerWebhookTest() {
	test := webhookOperation(http.MethodPost, "testWebhookEndpoint", "Test a webhook endpoint",
		"Sends a `webhook.test` event to one endpoint, whatever its event types are. The answer is the delivery, which is about to be "+
			"tried; its `Location` tells what came of it. One that is switched off is a conflict (409).", webhookEndpoints, "{id}", "test")
	test.status, test.codes = http.StatusAccepted, []models.Code{models.CodeNotFound, models.CodeConflict}
	register(a, test, func(ctx context.Context, in *byID[models.WebhookEndpointID]) (*createdOutput[webhookDelivery], error) {
		d, err := a.store.TestWebhookEndpoint(ctx, auth.ViewerFrom(ctx), in.ID)
		if err != nil {
			return nil, err
		}
		body := showWebhookDelivery(linksFor(ctx), d)
		return &createdOutput[webhookDelivery]{Location: body.Links.Self.Href, ETag: etag(d.Version), Body: body}, nil
	})
}
