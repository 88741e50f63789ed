package cli

import (
	"strings"
	"testing"
	"time"

	"upstream/models"
)

func TestAPIKeys(t *testing.T) {
	t.Parallel()
	c := newClinic(t)
	created := decode[keyResult](t, c.run(t, "", "apikey", "create", "Nightly upload", "--customer=lakeside",
		"--scopes=claims:read,claims:write", "--allow=192.0.2.7,2001:db8::/32", "--expires-in=2160h", "--json").want(t, exitOK))
	if !models.APIKeyText(created.Key).Valid() || models.APIKeyText(created.Key).Prefix() != created.Prefix || len(created.Scopes) != 2 {
		t.Errorf("printed %+v", created)
	}
	if got := strings.Join(created.AllowedCIDRs, " "); got != "192.0.2.7/32 2001:db8::/32" {
		t.Errorf("networks are %s", got)
	}
	if left := time.Until(*created.ExpiresAt); left < 2159*time.Hour || left > 2160*time.Hour {
		t.Errorf("it works for %v", left)
	}
	from := models.Viewer{RemoteAddr: "192.0.2.7"}
	if key, err := c.Store.UseAPIKey(t.Context(), from, models.APIKeyText(created.Key).Hash()); err != nil || key.ID.String() != created.ID {
		t.Fatalf("%+v, %v", key, err)
	}
	rotated := decode[keyResult](t, c.run(t, "", "apikey", "rotate", created.ID, "--customer=lakeside", "--overlap-hours=0", "--json").want(t, exitOK))
	if _, err := c.Store.UseAPIKey(t.Context(), from, models.APIKeyText(rotated.Key).Hash()); err != nil {
		t.Error(err)
	}
	c.run(t, "", "apikey", "rotate", created.ID, "--customer=lakeside").want(t, exitConflict, "rotated already")
	c.run(t, "", "apikey", "revoke", rotated.ID, "--customer=lakeside").want(t, exitOK, "Nightly upload  revoked ")
	if _, err := c.Store.UseAPIKey(t.Context(), from, models.APIKeyText(rotated.Key).Hash()); models.CodeOf(err) != models.CodeUnauthenticated {
		t.Errorf("a revoked key: %v", err)
	}
	keys := decode[[]keyResult](t, c.run(t, "", "apikey", "list", "--customer=lakeside", "--json").want(t, exitOK))
	if len(keys) != 2 || keys[0].RevokedAt == nil || keys[0].Key != "" || keys[1].LastUsedAt == nil {
		t.Errorf("listed %+v", keys)
	}
	c.run(t, "", "apikey", "list", "--customer=lakeside").want(t, exitOK, created.Prefix+"…", "claims:read,claims:write")
	c.run(t, "", "apikey", "create", "For people", "--customer=lakeside", "--scopes=drift:read").
		want(t, exitOK, "up_live_", "Keep it now: it is not shown again.")
}

func TestAPIKeys_Refusals(t *testing.T) {
	t.Parallel()
	c := newClinic(t)
	c.run(t, "", "apikey", "create", "K", "--customer=lakeside", "--scopes=claims:rite").want(t, exitUsage, "scopes.0 must be one of claims:read")
	c.run(t, "", "apikey", "create", "K", "--customer=lakeside").want(t, exitUsage, "--scopes")
	c.run(t, "", "apikey", "create", "K", "--customer=nowhere", "--scopes=claims:read").want(t, exitNotFound, "nowhere")
	c.run(t, "", "apikey", "revoke", "K", "--customer=lakeside").want(t, exitUsage, "id must be an identifier")
	c.run(t, "", "apikey", "revoke", models.APIKeyID{}.String(), "--customer=lakeside").want(t, exitNotFound, "no such API key")
}
