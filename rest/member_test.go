package rest_test

import (
	"net/http"
	"strings"
	"testing"

	"upstream/models"
)

// A member is changed by who names the version it has.
func TestMembers_Conditional(t *testing.T) {
	t.Parallel()
	f := setup(t)
	owner := f.as(t, f.cedar, models.RoleOwner)
	f.cedar.User(models.RoleViewer)
	viewer := f.list(t, owner, "/api/v1/members/?role=viewer").Results[0]
	id, _ := viewer["id"].(string)
	path := "/api/v1/members/" + id + "/"
	patch := func(ifMatch, role string) answer {
		r := request{method: http.MethodPatch, path: path, token: owner, body: map[string]any{"role": role}, header: http.Header{}}
		if ifMatch != "" {
			r.header.Set("If-Match", ifMatch)
		}
		return f.do(t, r)
	}
	detail := f.get(t, owner, path)
	tag := detail.header.Get("ETag")
	wantStatus(t, f.do(t, request{path: path, token: owner, header: http.Header{"If-None-Match": {tag}}}), http.StatusNotModified)
	wantProblem(t, patch("", "analyst"), http.StatusUnprocessableEntity, models.CodeValidation, "If-Match:required")
	wantProblem(t, patch(tag+", "+tag, "analyst"), http.StatusUnprocessableEntity, models.CodeValidation, "If-Match:invalid")
	for _, other := range []string{`"1-99"`, `"2-1"`, "W/" + tag, "1-1", `"1-01"`, `"1-x"`, strings.Trim(tag, `"`)} {
		wantProblem(t, patch(other, "analyst"), http.StatusPreconditionFailed, models.CodeStale)
	}
	changed := patch(tag, "analyst")
	wantStatus(t, changed, http.StatusOK)
	if now := changed.header.Get("ETag"); now == tag || now != f.get(t, owner, path).header.Get("ETag") || changed.object(t)["role"] != "analyst" {
		t.Errorf("changed: %s %v", now, changed.object(t))
	}
	wantProblem(t, patch(tag, "viewer"), http.StatusPreconditionFailed, models.CodeStale)
	wantStatus(t, patch("*", "viewer"), http.StatusOK)

	remove := func(ifMatch string) answer {
		r := request{method: http.MethodDelete, path: path, token: owner, header: http.Header{}}
		if ifMatch != "" {
			r.header.Set("If-Match", ifMatch)
		}
		return f.do(t, r)
	}
	wantProblem(t, remove(tag), http.StatusPreconditionFailed, models.CodeStale)
	wantStatus(t, remove(f.get(t, owner, path).header.Get("ETag")), http.StatusNoContent)
	wantProblem(t, remove(""), http.StatusNotFound, models.CodeNotFound)
}

// No answer about members holds what signs them in.
func TestMembers_ShowNoSecret(t *testing.T) {
	t.Parallel()
	f := setup(t)
	owner := f.as(t, f.cedar, models.RoleOwner)
	body := string(f.get(t, owner, "/api/v1/members/").body)
	if !strings.Contains(body, "@cedar.test") || strings.Contains(body, "argon2") || strings.Contains(body, "password") {
		t.Errorf("members: %s", body)
	}
}
