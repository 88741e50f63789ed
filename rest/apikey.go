package rest

import (
	"context"
	"net/http"
	"time"

	"upstream/internal/auth"
	"upstream/models"
)

// apiKey is the representation of models.APIKey.
type apiKey struct {
	ID           models.APIKeyID   `json:"id"`
	Customer     models.CustomerID `json:"customer"`
	Name         string            `json:"name" doc:"What people call it." example:"Nightly upload"`
	Prefix       string            `json:"prefix" doc:"How the key begins, by which people know it again." example:"up_live_4Bf9sT"`
	Scopes       []models.Scope    `json:"scopes" doc:"What the key may do."`
	AllowedCIDRs []string          `json:"allowed_cidrs" doc:"The networks it may be used from; empty for any." example:"[\"192.0.2.0/24\"]"`
	ExpiresAt    *time.Time        `json:"expires_at" doc:"The first instant at which it no longer works; null for never."`
	LastUsedAt   *time.Time        `json:"last_used_at" doc:"Noted once a minute; null before the first use."`
	LastUsedAddr *string           `json:"last_used_addr" doc:"The network address it was last used from." example:"192.0.2.17"`
	Replaces     *models.APIKeyID  `json:"replaces" doc:"The key that it took the place of by a rotation."`
	ReplacedAt   *time.Time        `json:"replaced_at" doc:"When a rotation replaced it; it works until expires_at."`
	RevokedAt    *time.Time        `json:"revoked_at" doc:"When it was revoked; it does not work since."`
	CreatedBy    *models.UserID    `json:"created_by" doc:"Who made it; null for commands."`
	CreatedAt    time.Time         `json:"created_at"`
	UpdatedAt    time.Time         `json:"updated_at"`
	Links        apiKeyLinks       `json:"_links"`
}

type apiKeyLinks struct {
	Self       link `json:"self"`
	Collection link `json:"collection"`
}

// APIKey is apiKey under an exported name, which the library that writes JSON
// schemas needs to look into an embedded struct.
type APIKey = apiKey

// issuedAPIKey is a new key with its text.
type issuedAPIKey struct {
	APIKey

	Key string `json:"key" readOnly:"true" doc:"The key itself, to be sent as Authorization: Bearer. It is shown this once and kept nowhere." example:"up_live_4Bf9sTqLx2ZmW8vNcR1yHdKe7uJa5GoPbQ0iXfYtDn00Gnh3Lk"`
}

// newAPIKey is the body that creates a key.
type newAPIKey struct {
	Name         string         `json:"name" doc:"What people call it; no two keys in use have the same." example:"Nightly upload"`
	Scopes       []models.Scope `json:"scopes" doc:"What the key may do, at least one."`
	AllowedCIDRs []string       `json:"allowed_cidrs,omitempty" doc:"Networks or addresses it may be used from, at most 50; any unless given." example:"[\"192.0.2.0/24\"]"`
	ExpiresAt    *time.Time     `json:"expires_at,omitempty" doc:"The first instant at which it no longer works, within five years; never unless given."`
}

// apiKeyRotation is the body that rotates a key.
type apiKeyRotation struct {
	OverlapHours *int       `json:"overlap_hours,omitempty" minimum:"0" maximum:"168" doc:"How long the replaced key goes on working; 24 unless given." example:"24"`
	ExpiresAt    *time.Time `json:"expires_at,omitempty" doc:"That of the new key; unless given it lives as long as the replaced one was made to."`
	AllowedCIDRs *[]string  `json:"allowed_cidrs,omitempty" doc:"Networks of the new key; those of the replaced one unless given." example:"[\"192.0.2.0/24\"]"`
}

type (
	newAPIKeyInput struct{ Body newAPIKey }
	rotateInput    struct {
		ID      models.APIKeyID `path:"id" doc:"The identifier of the row."`
		IfMatch string          `header:"If-Match" doc:"The entity tag of the version that the change was decided on; when the row has changed since, the answer is 412."`
		Body    *apiKeyRotation
	}
)

func showAPIKey(l links, k *models.APIKey) apiKey {
	return apiKey{
		ID: k.ID, Customer: k.CustomerID, Name: k.Name, Prefix: k.Prefix, Scopes: k.Scopes, AllowedCIDRs: k.AllowedCIDRs,
		ExpiresAt: utc(k.ExpiresAt), LastUsedAt: utc(k.LastUsedAt), LastUsedAddr: k.LastUsedAddr, Replaces: k.Replaces,
		ReplacedAt: utc(k.ReplacedAt), RevokedAt: utc(k.RevokedAt), CreatedBy: k.CreatedBy,
		CreatedAt: k.CreatedAt.UTC(), UpdatedAt: k.UpdatedAt.UTC(),
		Links: apiKeyLinks{Self: l.to("api-keys", k.ID.String()), Collection: l.to("api-keys")},
	}
}

// showIssued is the one answer with a key in it. Like every answer to a POST it
// must not be stored.
func showIssued(ctx context.Context, issued *models.IssuedAPIKey, err error) (*createdOutput[issuedAPIKey], error) {
	if err != nil {
		return nil, err
	}
	body := issuedAPIKey{APIKey: showAPIKey(linksFor(ctx), issued.APIKey), Key: string(issued.Text)}
	return &createdOutput[issuedAPIKey]{Location: body.Links.Self.Href, ETag: etag(issued.APIKey.Version), Body: body}, nil
}

func keyOperation(method, id, summary, description string, path ...string) operation {
	return operation{
		id: id, method: method, path: resourcePath(append([]string{"api-keys"}, path...)...), tag: tagKeys,
		summary: summary, description: description, permission: models.PermissionManageAPIKeys,
	}
}

func (a *api) registerAPIKeys() {
	registerList(a, keyOperation(http.MethodGet, "listAPIKeys", "List API keys",
		"The customer's keys, those that no longer work included, the newest first unless ordered otherwise. Search looks at name and prefix."),
		func(ctx context.Context, v models.Viewer, _ *noInput, f models.APIKeyFilter, l models.List[models.APIKeyOrderField]) (*models.Rows[*models.APIKey], error) {
			return a.store.APIKeys(ctx, v, f, l)
		}, showAPIKey)
	registerDetail(a, keyOperation(http.MethodGet, "getAPIKey", "Show an API key",
		"One key, without its text, which nobody can be shown again.", "{id}"),
		a.store.APIKey, showAPIKey, func(k *models.APIKey) int64 { return k.Version })
	a.registerAPIKeyChanges()
}

func (a *api) registerAPIKeyChanges() {
	create := keyOperation(http.MethodPost, "createAPIKey", "Create an API key",
		"Makes a key for a program of a partner. The answer is the only one that ever shows it.")
	create.status, create.hasBody, create.codes = http.StatusCreated, true, []models.Code{models.CodeConflict}
	create.rules = rulesOf(func(b newAPIKey, now time.Time) error { return models.NewAPIKey(b).Validate(now) })
	register(a, create, func(ctx context.Context, in *newAPIKeyInput) (*createdOutput[issuedAPIKey], error) {
		issued, err := a.store.CreateAPIKey(ctx, auth.ViewerFrom(ctx), models.NewAPIKey(in.Body))
		return showIssued(ctx, issued, err)
	})
	rotate := keyOperation(http.MethodPost, "rotateAPIKey", "Rotate an API key",
		"Makes a key of the same name and scopes that takes the place of this one, which goes on working for the overlap. The body "+
			"may be left out. A key can be rotated once, and while it works.", "{id}", "rotate")
	rotate.status, rotate.hasBody = http.StatusCreated, true
	rotate.rules = rulesOf(func(b apiKeyRotation, now time.Time) error { return models.APIKeyRotation(b).Validate(now) })
	rotate.codes = []models.Code{models.CodeConflict, models.CodeNotFound, models.CodeStale}
	register(a, rotate, func(ctx context.Context, in *rotateInput) (*createdOutput[issuedAPIKey], error) {
		var input models.APIKeyRotation
		if in.Body != nil {
			input = models.APIKeyRotation(*in.Body)
		}
		expected, err := ifMatch(in.IfMatch)
		if err != nil {
			return nil, err
		}
		issued, err := a.store.RotateAPIKey(ctx, auth.ViewerFrom(ctx), in.ID, input, expected)
		return showIssued(ctx, issued, err)
	})
	revoke := keyOperation(http.MethodDelete, "revokeAPIKey", "Revoke an API key",
		"Ends the key at once: the next request with it is refused. To revoke it again is no error. The key stays listed.", "{id}")
	revoke.status, revoke.codes = http.StatusNoContent, []models.Code{models.CodeNotFound, models.CodeStale}
	register(a, revoke, func(ctx context.Context, in *changeByID[models.APIKeyID]) (*noOutput, error) {
		expected, err := ifMatch(in.IfMatch)
		if err != nil {
			return nil, err
		}
		_, err = a.store.RevokeAPIKey(ctx, auth.ViewerFrom(ctx), in.ID, expected)
		return nil, err
	})
}
