package rest_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"upstream/internal/factory"
	"upstream/models"
	"upstream/store"
)

// An invitation that expires is another answer, though its row has not changed.
func TestInvitations_Conditional(t *testing.T) {
	t.Parallel()
	f := setup(t)
	owner := f.as(t, f.cedar, models.RoleOwner)
	before := f.StoreWith(f.DB.App, store.Options{Now: func() time.Time { return factory.Now().Add(-store.InvitationTTL) }})
	old, err := before.InviteMember(t.Context(), f.cedar.System(), models.NewInvitation{Email: "old@guests.test", Role: models.RoleViewer})
	if err != nil {
		t.Fatal(err)
	}
	path := "/api/v1/invitations/" + old.ID.String() + "/"
	detail := f.get(t, owner, path)
	tag := detail.header.Get("ETag")
	if detail.object(t)["status"] != "expired" || tag == `"1-2"` {
		t.Errorf("%s %v", tag, detail.object(t))
	}
	conditional := func(tag string) answer {
		return f.do(t, request{path: path, token: owner, header: http.Header{"If-None-Match": {tag}}})
	}
	wantStatus(t, conditional(tag), http.StatusNotModified)
	wantStatus(t, conditional(`"1-2"`), http.StatusOK) // what it had while it was pending
	again := f.do(t, request{method: http.MethodPost, path: path + "resend/", token: owner})
	wantStatus(t, again, http.StatusOK)
	if again.object(t)["status"] != "pending" || again.header.Get("ETag") != f.get(t, owner, path).header.Get("ETag") {
		t.Errorf("%s %v", again.header.Get("ETag"), again.object(t))
	}
	wantStatus(t, conditional(tag), http.StatusOK)
}

// No answer about invitations holds the secret of the link, in any form.
func TestInvitations_ShowNoSecret(t *testing.T) {
	t.Parallel()
	f := setup(t)
	owner := f.as(t, f.cedar, models.RoleOwner)
	made := f.do(t, request{
		method: http.MethodPost, path: "/api/v1/invitations/", token: owner, body: map[string]any{"email": "grace@guests.test", "role": "viewer"},
	})
	wantStatus(t, made, http.StatusCreated)
	body := string(made.body) + string(f.get(t, owner, "/api/v1/invitations/").body)
	for _, secret := range []string{"token", "hash", "sealed"} {
		if strings.Contains(body, secret) {
			t.Errorf("an answer holds a %s: %s", secret, body)
		}
	}
}
