package graph_test

import (
	"fmt"
	"testing"

	"upstream/models"
)

func TestAuditEvents(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.ingest(w.analyst, "a.csv", claimsFile("c", 2, 0))
	owner := w.user(w.cedar, "owner@cedar.test", models.RoleOwner)
	claim := at(t, w.data(w.viewer, `{ claims(first: 1) { nodes { id } } }`), "claims", "nodes", 0, "id").(string)
	w.data(w.viewer, `query($id: ID!) { node(id: $id) { id } }`, map[string]any{"id": claim})

	const query = `query($f: AuditEventFilter, $s: String) { auditEvents(filter: $f, search: $s, orderBy: [{field: SEQ}]) { totalCount nodes {
		id seq occurredAt action entityType entityId actorType actorId actor requestId remoteAddr before after metadata prevHash hash } } }`
	got := w.data(owner, query, map[string]any{"f": map[string]any{"action": "claim_viewed", "user": w.viewer.UserID.String(), "actorType": "USER"}})
	node := at(t, got, "auditEvents", "nodes", 0).(map[string]any)
	id := node["id"].(string)
	for _, name := range []string{"prevHash", "hash"} {
		if text, _ := node[name].(string); len(text) != 64 {
			t.Errorf("%s is %v", name, node[name])
		}
		delete(node, name)
	}
	// Two people joined, then the upload and the owner.
	equal(t, got, fmt.Sprintf(`{"auditEvents": {"totalCount": 1, "nodes": [{"id": %q, "seq": 5, "occurredAt": "2026-05-01T12:00:00.123456Z",
		"action": "claim_viewed", "entityType": "claim", "entityId": %q, "actorType": "USER", "actorId": %q, "actor": "viewer@cedar.test",
		"requestId": "req-1", "remoteAddr": null, "before": null, "after": null, "metadata": {}}]}}`, id, claim, w.viewer.UserID))

	for name, tt := range map[string]struct {
		variables map[string]any
		want      int
	}{
		"all":     {nil, 5},
		"entity":  {map[string]any{"f": map[string]any{"entityType": "upload"}}, 1},
		"by time": {map[string]any{"f": map[string]any{"occurredAfter": "2026-05-01T12:00:01Z"}}, 0},
		"search":  {map[string]any{"s": "member system"}, 3},
	} {
		if n := at(t, w.data(owner, query, tt.variables), "auditEvents", "totalCount"); n != float64(tt.want) {
			t.Errorf("%s: %v", name, n)
		}
	}

	const byID = `query($id: ID!) { node(id: $id) { ... on AuditEvent { action } } }`
	variables := map[string]any{"id": id}
	equal(t, w.data(owner, byID, variables), `{"node": {"action": "claim_viewed"}}`)
	rival := w.user(w.harbor, "owner@harbor.test", models.RoleOwner)
	equal(t, w.data(rival, byID, variables), `{"node": null}`)
	equal(t, at(t, w.data(rival, query), "auditEvents", "totalCount"), `2`) // its own two members
	for _, v := range []models.Viewer{w.analyst, w.viewer} {
		for _, r := range []response{w.ask(v, query), w.ask(v, byID, variables)} {
			if r.code() != "FORBIDDEN" {
				t.Errorf("%s: %s", v.Role, r.Body)
			}
		}
	}
	if r := w.ask(models.Viewer{}, query); r.code() != "UNAUTHENTICATED" {
		t.Errorf("anonymous: %s", r.Body)
	}
	if r := w.ask(owner, query, map[string]any{"f": map[string]any{"user": claim}}); r.code() != "VALIDATION" || r.field() != "filter.user" {
		t.Errorf("wrong prefix: %s", r.Body)
	}
}

// The fields of one operation are resolved side by side; one line is enough.
func TestSuperuserAccessIsAuditedOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	root := models.Viewer{UserID: w.viewer.UserID, Email: "root@upstream.test", Superuser: true, CustomerID: w.cedar}
	w.data(root, `{ a: uploads { totalCount } b: claims { totalCount } c: driftEvents { totalCount } customer { id } viewer { customer { id } } }`)
	owner := w.user(w.cedar, "owner@cedar.test", models.RoleOwner)
	got := w.data(owner, `{ auditEvents(filter: {action: "superuser_access"}) { totalCount nodes { actor actorType entityId } } }`)
	equal(t, got, fmt.Sprintf(`{"auditEvents": {"totalCount": 1, "nodes": [{"actor": "root@upstream.test", "actorType": "SUPERUSER", "entityId": %q}]}}`, w.cedar))
}
