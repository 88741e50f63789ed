package rest_test

import (
	"bytes"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"upstream/internal/factory"
	"upstream/models"
)

// newEndpoint makes an endpoint as the token's owner may, and answers with its
// path and secret.
func (f *fixture) newEndpoint(t *testing.T, token string) (path, secret string) {
	t.Helper()
	out := f.send(t, http.MethodPost, token, "webhook-endpoints/", map[string]any{"name": "Warehouse", "url": "https://partner.example.org/hook"})
	wantStatus(t, out, http.StatusCreated)
	var created struct{ ID, Secret string }
	out.decode(t, &created)
	if !strings.HasPrefix(created.Secret, "whsec_") || out.header.Get("Cache-Control") != "no-store" {
		t.Fatalf("created with the headers %v: %s", out.header, out.body)
	}
	return "webhook-endpoints/" + created.ID + "/", created.Secret
}

// A secret is in the answers that make it, and in no other.
func TestWebhookEndpoints_SecretsAreShownOnce(t *testing.T) {
	t.Parallel()
	f := setup(t)
	admin := f.as(t, f.cedar, models.RoleAdmin)
	path, secret := f.newEndpoint(t, admin)
	rotated := f.send(t, http.MethodPost, admin, path+"rotate-secret/", nil)
	wantStatus(t, rotated, http.StatusOK)
	second, _ := rotated.object(t)["secret"].(string)
	if second == secret || !strings.HasPrefix(second, "whsec_") || rotated.header.Get("Cache-Control") != "no-store" ||
		rotated.object(t)["previous_secret_expires_at"] != factory.Now().Add(24*time.Hour).Format(time.RFC3339) {
		t.Errorf("rotated: %v %s", rotated.header, rotated.body)
	}
	changed := f.send(t, http.MethodPatch, admin, path, map[string]any{"name": "Lake"})
	for name, out := range map[string]answer{
		"the list": f.get(t, admin, "/api/v1/webhook-endpoints/"), "the detail": f.get(t, admin, "/api/v1/"+path), "the change": changed,
		"the audit log": f.get(t, admin, "/api/v1/audit-events/?page_size=100"),
	} {
		wantStatus(t, out, http.StatusOK)
		for _, text := range []string{secret, second, strings.TrimPrefix(secret, "whsec_"), `"secret"`} {
			if bytes.Contains(out.body, []byte(text)) {
				t.Errorf("%s shows %q: %s", name, text, out.body)
			}
		}
	}
}

// Deliveries move the figures of an endpoint, and its entity tag with them; a
// change that was decided on before is none the worse for that.
func TestWebhookEndpoints_EntityTags(t *testing.T) {
	t.Parallel()
	f := setup(t)
	admin := f.as(t, f.cedar, models.RoleAdmin)
	path, _ := f.newEndpoint(t, admin)
	read := func(tag string) answer {
		return f.do(t, request{path: "/api/v1/" + path, token: admin, header: http.Header{"If-None-Match": {tag}}})
	}
	first := f.get(t, admin, "/api/v1/"+path).header.Get("ETag")
	wantStatus(t, read(first), http.StatusNotModified)
	tested := f.send(t, http.MethodPost, admin, path+"test/", nil)
	wantStatus(t, tested, http.StatusAccepted)
	moved := read(first)
	wantStatus(t, moved, http.StatusOK)
	if moved.object(t)["last_sequence"] != 1.0 || moved.object(t)["delivered_through"] != 0.0 {
		t.Errorf("after a test: %s", moved.body)
	}
	change := func(tag, name string) answer {
		return f.do(t, request{
			method: http.MethodPatch, path: "/api/v1/" + path, token: admin, header: http.Header{"If-Match": {tag}}, body: map[string]any{"name": name},
		})
	}
	wantStatus(t, change(first, "Lake"), http.StatusOK)
	for _, stale := range []string{first, moved.header.Get("ETag"), `"1-1"`, `"1-7.abc"`, `"x.abc"`, `"1-2.abc`} {
		wantProblem(t, change(stale, "Pond"), http.StatusPreconditionFailed, models.CodeStale)
	}
	wantStatus(t, change(read("").header.Get("ETag"), "Sea"), http.StatusOK)
}

// What was, or is to be, sent is told where Location says, byte for byte.
func TestWebhookDeliveries(t *testing.T) {
	t.Parallel()
	f := setup(t)
	admin := f.as(t, f.cedar, models.RoleAdmin)
	path, _ := f.newEndpoint(t, admin)
	queued := f.send(t, http.MethodPost, admin, path+"test/", nil)
	wantStatus(t, queued, http.StatusAccepted)
	place := strings.TrimPrefix(queued.header.Get("Location"), f.server.URL)
	delivery := f.get(t, admin, place)
	var shown struct {
		ID   string
		Body json.RawMessage
	}
	delivery.decode(t, &shown)
	var body struct {
		ID, Type string
		Sequence int
	}
	if err := json.Unmarshal(shown.Body, &body); err != nil || body.ID != shown.ID || body.Type != "webhook.test" || body.Sequence != 1 {
		t.Errorf("%v: %s", err, delivery.body)
	}
	stored := factory.Query[string](f.cedar, `SELECT body::text FROM webhook_deliveries`)
	if string(shown.Body) != stored {
		t.Errorf("shown is %s, stored %s", shown.Body, stored)
	}
	feed := f.list(t, admin, "/api/v1/events/?after=0&type=webhook.test")
	if len(feed.Results) != 1 || feed.Results[0]["subject"] != strings.Split(path, "/")[1] {
		t.Errorf("the feed has %v", feed.Results)
	}
	wantStatus(t, f.send(t, http.MethodPatch, admin, path, map[string]any{"active": false}), http.StatusOK)
	for _, again := range []string{path + "test/", strings.TrimPrefix(place, "/api/v1/") + "redeliver/"} {
		wantProblem(t, f.send(t, http.MethodPost, admin, again, nil), http.StatusConflict, models.CodeConflict)
	}
}

// The count of a replay is asked for in the words of the replay, and every word
// that is wrong is told at once.
func TestWebhookReplays(t *testing.T) {
	t.Parallel()
	f := setup(t)
	admin := f.as(t, f.cedar, models.RoleAdmin)
	path, _ := f.newEndpoint(t, admin)
	count := func(query string) answer { return f.get(t, admin, "/api/v1/"+path+"replay/count/"+query) }
	wantProblem(t, sorted(count("?until=soon&status=pending&until_when=2026-01-01")), http.StatusUnprocessableEntity, models.CodeValidation,
		"since:required", "status:invalid", "until:invalid", "until_when:unknown")
	for query, want := range map[string]float64{
		"?since=2026-06-01": 0, "?since=2026-06-01T00:00:00%2B02:00&status=dead&event_type=webhook.test&until=2026-06-15": 0,
	} {
		out := count(query)
		wantStatus(t, out, http.StatusOK)
		if out.object(t)["count"] != want {
			t.Errorf("%s: %s", query, out.body)
		}
	}
	out := f.send(t, http.MethodPost, admin, path+"replay/", map[string]any{"since": "2026-06-01T00:00:00+02:00", "expected_count": 0})
	wantStatus(t, out, http.StatusAccepted)
	replay := f.get(t, admin, strings.TrimPrefix(out.header.Get("Location"), f.server.URL))
	if replay.object(t)["state"] != "queued" || replay.object(t)["since"] != "2026-05-31T22:00:00Z" || replay.object(t)["total"] != 0.0 {
		t.Errorf("the replay: %s", replay.body)
	}
	wantProblem(t, f.send(t, http.MethodPost, admin, path+"replay/", map[string]any{"since": "2026-06-01T00:00:00Z"}), http.StatusConflict, models.CodeConflict, "endpoint_id:taken")
}

// cedarTest is the delivery of a test.
func (f *fixture) cedarTest(t *testing.T, token string) string {
	t.Helper()
	path, _ := f.newEndpoint(t, token)
	out := f.send(t, http.MethodPost, token, path+"test/", nil)
	wantStatus(t, out, http.StatusAccepted)
	id, _ := out.object(t)["id"].(string)
	return id
}
