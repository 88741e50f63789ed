package rest_test

import (
	"net/http"
	"testing"

	"upstream/models"
)

// A merge patch comes as either of two media types, says everything that is
// wrong with it at once, and touches what it names.
func TestMergePatch(t *testing.T) {
	t.Parallel()
	f := setup(t)
	owner := f.as(t, f.cedar, models.RoleOwner)
	patch := func(mediaType, body string) answer {
		return f.do(t, request{
			method: http.MethodPatch, path: "/api/v1/customers/me/", token: owner, body: body, header: http.Header{"Content-Type": {mediaType}},
		})
	}
	const merge = "application/merge-patch+json"
	for mediaType, cc := range map[string]string{"application/json": `"a@cedar.test"`, merge: `"b@cedar.test"`, merge + "; charset=utf-8": "null"} {
		out := patch(mediaType, `{"to_email": "billing@cedar.test", "cc_email": `+cc+`}`)
		wantStatus(t, out, http.StatusOK)
		if got := string(marshal(out.object(t)["cc_email"])); got != cc {
			t.Errorf("%s: cc_email is %s", mediaType, got)
		}
	}
	tag := f.get(t, owner, "/api/v1/customers/me/").header.Get("ETag")
	for _, body := range []string{`{}`, `{"to_email": "billing@cedar.test"}`} {
		if out := patch(merge, body); out.status != http.StatusOK || out.header.Get("ETag") != tag {
			t.Errorf("%s: %d %s, want %s", body, out.status, out.header.Get("ETag"), tag)
		}
	}
	wantProblem(t, patch(merge, `{"slug": "x", "named": "x", "name": null, "attach_pdf": "yes", "to_email": "nobody", "run_local_time": 2}`),
		http.StatusUnprocessableEntity, models.CodeValidation,
		"named:unknown", "slug:read_only", "attach_pdf:invalid", "run_local_time:invalid", "name:required", "to_email:invalid")
	wantProblem(t, patch(merge, `{"name": `), http.StatusBadRequest, models.CodeValidation)
	wantProblem(t, patch(merge, ``), http.StatusBadRequest, models.CodeValidation)
	wantProblem(t, patch("text/plain", `{}`), http.StatusUnsupportedMediaType, "UNSUPPORTED_MEDIA_TYPE")
	for _, body := range []string{`[]`, `"name"`, `null`} {
		if out := patch(merge, body); out.status != http.StatusUnprocessableEntity {
			t.Errorf("%s: %d %s", body, out.status, out.body)
		}
	}
	if now := f.get(t, owner, "/api/v1/customers/me/").header.Get("ETag"); now != tag {
		t.Errorf("refused patches made %s of %s", now, tag)
	}
}

// PUT demands every member that cannot be null.
func TestReplace(t *testing.T) {
	t.Parallel()
	f := setup(t)
	owner := f.as(t, f.cedar, models.RoleOwner)
	created := f.do(t, request{
		method: http.MethodPost, path: "/api/v1/payer-mappings/", token: owner, body: map[string]any{"raw_name": "AETNA INC", "normalized_name": "Aetna"},
	})
	wantStatus(t, created, http.StatusCreated)
	put := func(ifMatch string, body any) answer {
		in := request{method: http.MethodPut, path: created.header.Get("Location"), token: owner, body: body, header: http.Header{}}
		if ifMatch != "" {
			in.header.Set("If-Match", ifMatch)
		}
		return f.do(t, in)
	}
	wantProblem(t, put("", map[string]any{"raw_name": " "}), http.StatusUnprocessableEntity, models.CodeValidation, "raw_name:invalid", "normalized_name:required")
	wantProblem(t, put("", map[string]any{}), http.StatusUnprocessableEntity, models.CodeValidation, "raw_name:required", "normalized_name:required")
	wantProblem(t, put(`"1-9"`, map[string]any{"raw_name": "a", "normalized_name": "b"}), http.StatusPreconditionFailed, models.CodeStale)
	replaced := put(created.header.Get("ETag"), map[string]any{"raw_name": "a", "normalized_name": "b"})
	wantStatus(t, replaced, http.StatusOK)
	if got := replaced.object(t); got["raw_name"] != "a" || got["normalized_name"] != "b" || replaced.header.Get("ETag") != `"1-2"` {
		t.Errorf("replaced: %v %s", got, replaced.header.Get("ETag"))
	}
}
