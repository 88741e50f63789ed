package rest_test

import (
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"upstream/models"
)

func TestAuditEvents(t *testing.T) {
	t.Parallel()
	f, analyst, _ := populated(t)
	owner := f.as(t, f.cedar, models.RoleOwner)
	claim, _ := f.list(t, analyst, "/api/v1/claims/?page_size=1").Results[0]["id"].(string)
	out := f.do(t, request{path: "/api/v1/claims/" + claim + "/", token: analyst, header: http.Header{"X-Request-Id": {"look-1"}}})
	wantStatus(t, out, http.StatusOK)

	viewed := f.list(t, owner, "/api/v1/audit-events/?action=claim_viewed&entity_type=claim&entity_id="+claim)
	if len(viewed.Results) != 1 {
		t.Fatalf("%d lines", len(viewed.Results))
	}
	event := viewed.Results[0]
	id, _ := event["id"].(string)
	user, _ := event["user"].(string)
	self := f.server.URL + "/api/v1/audit-events/" + id + "/"
	for name, pattern := range map[string]string{
		"id": `^aud_`, "user": `^user_`, "occurred_at": `^2026-06-15T12:00:00Z$`, "remote_addr": `^127\.0\.0\.1$`,
		"hash": `^[0-9a-f]{64}$`, "prev_hash": `^[0-9a-f]{64}$`, "seq": `^[1-9][0-9]*$`, "actor": `^analyst\d+@cedar.test$`,
	} {
		if !regexp.MustCompile(pattern).MatchString(fmt.Sprint(event[name])) {
			t.Errorf("%s is %v", name, event[name])
		}
		delete(event, name)
	}
	want := map[string]any{
		"customer": f.cedar.Customer.ID.String(), "action": "claim_viewed", "entity_type": "claim", "entity_id": claim,
		"actor_type": "user", "actor_id": user, "request_id": "look-1", "before": nil, "after": nil, "metadata": map[string]any{},
		"_links": map[string]any{"self": map[string]any{"href": self}, "collection": map[string]any{"href": f.server.URL + "/api/v1/audit-events/"}},
	}
	if diff := cmp.Diff(want, event); diff != "" {
		t.Errorf("line (-want +got):\n%s", diff)
	}
	detail := f.get(t, owner, "/api/v1/audit-events/"+id+"/")
	wantStatus(t, detail, http.StatusOK)
	again := f.do(t, request{path: "/api/v1/audit-events/" + id + "/", token: owner, header: http.Header{"If-None-Match": {detail.header.Get("ETag")}}})
	wantStatus(t, again, http.StatusNotModified)

	for query, most := range map[string]int{"actor_type=system": 100, "user=" + user: 100, "search=run_completed": 1, "occurred_after=2027-01-01": 0, "occurred_before=2020-01-01": 0} {
		if n := len(f.list(t, owner, "/api/v1/audit-events/?"+query).Results); n > most || (n == 0) != (most == 0) {
			t.Errorf("%s: %d lines", query, n)
		}
	}
	wantProblem(t, f.get(t, owner, "/api/v1/audit-events/?actor_type=nobody&user=17&acton=x&ordering=actor"),
		http.StatusUnprocessableEntity, models.CodeValidation, "acton:unknown", "actor_type:invalid", "user:invalid", "ordering:unknown")
	whole := f.list(t, owner, "/api/v1/audit-events/?ordering=seq&page_size=1000")
	for i, e := range whole.Results {
		if e["seq"] != float64(i+1) || i > 0 && e["prev_hash"] != whole.Results[i-1]["hash"] {
			t.Errorf("line %d is number %v", i+1, e["seq"])
		}
	}
	for _, mode := range []string{"&page=1", "&cursor="} {
		checkPaging(t, f, owner, "/api/v1/audit-events/?ordering=seq&page_size=3"+mode, 3, whole.Results)
	}
}

func TestAuditEvents_WhoMayRead(t *testing.T) {
	t.Parallel()
	f := setup(t)
	owner, root := f.as(t, f.cedar, models.RoleOwner), f.root(t)
	id, _ := f.list(t, owner, "/api/v1/audit-events/").Results[0]["id"].(string)
	for who, c := range map[string]struct {
		token      string
		header     http.Header
		list, show int
	}{
		"owner":     {owner, nil, 200, 200},
		"admin":     {f.as(t, f.cedar, models.RoleAdmin), nil, 200, 200},
		"analyst":   {f.as(t, f.cedar, models.RoleAnalyst), nil, 403, 403},
		"viewer":    {f.as(t, f.cedar, models.RoleViewer), nil, 403, 403},
		"stranger":  {f.as(t, f.harbor, models.RoleOwner), nil, 200, 404},
		"anonymous": {"", nil, 401, 401},
		"superuser": {root, http.Header{"X-Customer-Id": {f.cedar.Customer.ID.String()}}, 200, 200},
		"no header": {root, nil, 422, 422},
	} {
		list := f.do(t, request{path: "/api/v1/audit-events/", token: c.token, header: c.header})
		show := f.do(t, request{path: "/api/v1/audit-events/" + id + "/", token: c.token, header: c.header})
		if list.status != c.list || show.status != c.show {
			t.Errorf("%s: list %d, want %d; one %d, want %d", who, list.status, c.list, show.status, c.show)
		}
		if who == "stranger" && strings.Contains(string(list.body), f.cedar.Customer.ID.String()) {
			t.Errorf("the log of another customer: %s", list.body)
		}
	}
	for _, method := range []string{http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete} {
		out := f.do(t, request{method: method, path: "/api/v1/audit-events/" + id + "/", token: owner, undocumented: true})
		wantStatus(t, out, http.StatusMethodNotAllowed)
	}
	none := "/api/v1/audit-events/aud_01jz8k6v3pe9ktyh5wmcqa2x7d/"
	wantProblem(t, f.get(t, owner, none), http.StatusNotFound, models.CodeNotFound)
}

// One request of a superuser leaves one line in the customer's log, however
// many statements it takes; a request id that was used before hides nothing.
func TestSuperuserAccessIsAudited(t *testing.T) {
	t.Parallel()
	f := setup(t)
	f.cedar.Drifting()
	owner, root := f.as(t, f.cedar, models.RoleOwner), f.root(t)
	header := http.Header{"X-Customer-Id": {f.cedar.Customer.ID.String()}, "X-Request-Id": {"same"}}
	for range 2 {
		wantStatus(t, f.do(t, request{path: "/api/v1/claims/", token: root, header: header}), http.StatusOK)
	}
	wantStatus(t, f.do(t, request{method: http.MethodPost, path: "/api/v1/drift/detect/", token: root, header: header}), http.StatusCreated)
	lines := f.list(t, owner, "/api/v1/audit-events/?action=superuser_access&ordering=seq").Results
	if len(lines) != 3 {
		t.Fatalf("%d lines", len(lines))
	}
	for i, permission := range []string{"view_claims", "view_claims", "run_detection"} {
		got := []any{lines[i]["actor"], lines[i]["actor_type"], lines[i]["request_id"], lines[i]["metadata"]}
		want := []any{"root@upstream.test", "superuser", "same", map[string]any{"permission": permission}}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("line %d (-want +got):\n%s", i, diff)
		}
	}
}
