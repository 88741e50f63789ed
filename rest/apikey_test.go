package rest_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"upstream/models"
	"upstream/rest"
)

func (f *fixture) send(t *testing.T, method, token, path string, body any) answer {
	t.Helper()
	return f.do(t, request{method: method, path: "/api/v1/" + path, token: token, body: body})
}

func TestAPIKeys(t *testing.T) {
	t.Parallel()
	f := setup(t)
	admin := f.as(t, f.cedar, models.RoleAdmin)
	out := f.send(t, http.MethodPost, admin, "api-keys/", map[string]any{
		"name": "Nightly", "scopes": []string{"claims:read"}, "allowed_cidrs": []string{"127.0.0.1", "::1"},
	})
	wantStatus(t, out, http.StatusCreated)
	var created struct {
		ID, Key, Prefix string
		Links           struct{ Self struct{ Href string } } `json:"_links"`
	}
	out.decode(t, &created)
	if out.header.Get("Location") != created.Links.Self.Href || out.header.Get("Cache-Control") != "no-store" {
		t.Errorf("headers %v", out.header)
	}
	if !models.APIKeyText(created.Key).Valid() || !strings.HasPrefix(created.Key, created.Prefix) {
		t.Errorf("created %+v", created)
	}

	path := "api-keys/" + created.ID + "/"
	detail := f.get(t, admin, "/api/v1/"+path)
	if _, shown := detail.object(t)["key"]; shown || strings.Contains(string(detail.body), created.Key[14:]) {
		t.Errorf("shown again: %s", detail.body)
	}
	wantStatus(t, f.get(t, created.Key, "/api/v1/claims/"), http.StatusOK)
	used := f.get(t, admin, "/api/v1/"+path)
	if used.header.Get("ETag") == detail.header.Get("ETag") || used.object(t)["last_used_at"] == nil {
		t.Errorf("a use does not show: %s %s", used.header.Get("ETag"), used.body)
	}
	again := f.do(t, request{path: "/api/v1/" + path, token: admin, header: http.Header{"If-None-Match": {used.header.Get("ETag")}}})
	wantStatus(t, again, http.StatusNotModified)

	out = f.send(t, http.MethodPost, admin, path+"rotate/", map[string]any{"overlap_hours": 0})
	wantStatus(t, out, http.StatusCreated)
	next, _ := out.object(t)["key"].(string)
	if out.header.Get("Cache-Control") != "no-store" || out.object(t)["replaces"] != created.ID {
		t.Errorf("rotated to %s", out.body)
	}
	wantProblem(t, f.get(t, created.Key, "/api/v1/claims/"), http.StatusUnauthorized, models.CodeUnauthenticated)
	wantStatus(t, f.get(t, next, "/api/v1/claims/"), http.StatusOK)
	wantProblem(t, f.send(t, http.MethodPost, admin, path+"rotate/", nil), http.StatusConflict, models.CodeConflict)

	nextPath := strings.TrimPrefix(out.header.Get("Location"), f.server.URL+"/api/v1/")
	for range 2 {
		wantStatus(t, f.send(t, http.MethodDelete, admin, nextPath, nil), http.StatusNoContent)
	}
	wantProblem(t, f.get(t, next, "/api/v1/claims/"), http.StatusUnauthorized, models.CodeUnauthenticated)
	list := f.get(t, admin, "/api/v1/api-keys/?revoked=true").object(t)
	if list["count"] != 1.0 {
		t.Errorf("listed %v", list)
	}
}

func TestAPIKeys_Refusals(t *testing.T) {
	t.Parallel()
	f := setup(t)
	admin := f.as(t, f.cedar, models.RoleAdmin)
	post := func(body map[string]any) answer { return f.send(t, http.MethodPost, admin, "api-keys/", body) }
	wantProblem(t, sorted(post(map[string]any{"name": "", "scopes": []string{}, "allowed_cidrs": []string{"here"}, "expires_at": "2020-01-01T00:00:00Z"})),
		http.StatusUnprocessableEntity, models.CodeValidation, "allowed_cidrs.0:invalid", "expires_at:invalid", "name:invalid", "scopes:required")
	wantProblem(t, sorted(post(map[string]any{})), http.StatusUnprocessableEntity, models.CodeValidation, "name:required", "scopes:required")
	wantProblem(t, f.send(t, http.MethodDelete, admin, "api-keys/clm_01jz8k6v3pe9ktyh5wmcqa2x7d/", nil),
		http.StatusUnprocessableEntity, models.CodeValidation, "id:invalid")
	theirs := f.harbor.APIKey(models.ScopeClaimsRead).APIKey.ID.String()
	for _, c := range []struct{ method, path string }{
		{http.MethodGet, "api-keys/" + theirs + "/"},
		{http.MethodPost, "api-keys/" + theirs + "/rotate/"},
		{http.MethodDelete, "api-keys/" + theirs + "/"},
	} {
		wantProblem(t, f.send(t, c.method, admin, c.path, nil), http.StatusNotFound, models.CodeNotFound)
	}
}

// What every operation demands of a key is what the description says of it.
func TestAPIKeys_Scopes(t *testing.T) {
	t.Parallel()
	f := setup(t)
	const nowhere = "_01jz8k6v3pe9ktyh5wmcqa2x7d"
	everything := map[models.Scope]string{}
	for _, scope := range models.Scope("").Values() {
		everything[models.Scope(scope)] = string(f.cedar.APIKey(models.Scope(scope)).Text)
	}
	tried := 0
	for path, methods := range openAPIPaths(t) {
		for method, operation := range methods {
			if operation.Permission == "" {
				continue
			}
			tried++
			scope, open := models.ScopeFor(operation.Permission)
			admits := func(held models.Scope) bool { return open && (scope == "" || scope == held) }
			if operation.Also != "" {
				second, alsoOpen := models.ScopeFor(operation.Also)
				first := admits
				admits = func(held models.Scope) bool { return first(held) && alsoOpen && (second == "" || second == held) }
			}
			if operation.Scope != scope {
				t.Errorf("%s %s documents the scope %q, needs %q", method, path, operation.Scope, scope)
			}
			address := strings.NewReplacer("{id}", "key"+nowhere, "{payer}", "Aetna").Replace(path)
			for held, key := range everything {
				in := request{method: strings.ToUpper(method), path: address, token: key, undocumented: true}
				if in.method == http.MethodPost {
					in.body = map[string]any{"nothing": true}
				}
				admitted := f.do(t, in).status != http.StatusForbidden
				if want := admits(held); admitted != want {
					t.Errorf("%s %s with %s: admitted %v, want %v", method, path, held, admitted, want)
				}
			}
		}
	}
	if tried < 15 {
		t.Errorf("only %d operations were tried", tried)
	}
}

func TestAPIKeys_HaveNoAccount(t *testing.T) {
	t.Parallel()
	f := setup(t)
	key := string(f.cedar.APIKey(models.ScopeClaimsRead).Text)
	out := f.postAs(t, key, "auth/password/", map[string]any{"old_password": password, "new_password": newPassword})
	p := wantProblem(t, out, http.StatusForbidden, models.CodeForbidden)
	if !strings.Contains(p.Detail, "sign in as a person") {
		t.Errorf("%q", p.Detail)
	}
}

// openAPIPaths is what the description says about each operation's access.
func openAPIPaths(t *testing.T) map[string]map[string]struct {
	Permission models.Permission `json:"x-permission"`
	Also       models.Permission `json:"x-also-permission"`
	Scope      models.Scope      `json:"x-scope"`
} {
	t.Helper()
	body, err := rest.OpenAPI("3.1")
	if err != nil {
		t.Fatal(err)
	}
	var document struct {
		Paths map[string]map[string]struct {
			Permission models.Permission `json:"x-permission"`
			Also       models.Permission `json:"x-also-permission"`
			Scope      models.Scope      `json:"x-scope"`
		}
	}
	if err := json.Unmarshal(body, &document); err != nil {
		t.Fatal(err)
	}
	return document.Paths
}
