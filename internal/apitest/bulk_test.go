package apitest

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
)

// TestBatches stores claims without a file by REST, and reads them by GraphQL.
func TestBatches(t *testing.T) {
	t.Parallel()
	s := NewServer(t)
	row := func(number string) map[string]any {
		return map[string]any{
			"claim_number": number, "payer": "Aetna", "cpt": "99213", "submitted_date": "2026-05-01", "decided_date": "2026-05-15",
			"outcome": "PAID", "billed_amount": 120.5,
		}
	}
	bad := row("B-3")
	bad["payer"] = ""
	as := Asker{User: "cedar.analyst"}
	refused := s.rest(t, as, Call{Method: "POST", Path: "claims/batch/", Body: []any{row("B-1"), bad}})
	if refused.status != http.StatusUnprocessableEntity || !strings.Contains(string(refused.body), `"[1].payer"`) {
		t.Errorf("%d %s", refused.status, refused.body)
	}
	done := s.rest(t, as, Call{Method: "POST", Path: "claims/batch/", Query: url.Values{"mode": {"partial"}}, Body: []any{row("B-1"), bad, row("B-2")}})
	if done.status != http.StatusCreated {
		t.Fatalf("%d %s", done.status, done.body)
	}
	op := Operation{Document: `{ claims(filter: {upload: "` + typeID.FindString(string(done.body)) + `"}) { nodes { id } } }`, At: "claims"}
	ids := typeID.FindAllString(string(s.graphql(t, as, op).body), -1)
	if len(ids) != 2 {
		t.Errorf("claims %v", ids)
	}
	for _, id := range ids {
		if !strings.Contains(string(done.body), `"claim":"`+id+`"`) {
			t.Errorf("the claim %s is not in %s", id, done.body)
		}
	}
}

// TestExports compares what is written down with the list that GraphQL shows.
func TestExports(t *testing.T) {
	t.Parallel()
	s := NewServer(t)
	s.populate()
	for field, path := range map[string]string{"claims": "claims/export/", "driftEvents": "drift-events/export/"} {
		op := Operation{Document: "{ " + field + "(first: 100) { totalCount nodes { id } } }", At: field}
		listed := s.graphql(t, Asker{User: "cedar.viewer"}, op)
		exported := s.rest(t, Asker{User: "cedar.viewer"}, Call{Path: path, Query: url.Values{"format": {"ndjson"}}})
		if exported.status != http.StatusOK {
			t.Fatalf("%d %s", exported.status, exported.body)
		}
		at := -1
		for _, id := range typeID.FindAllString(string(listed.body), -1) {
			next := strings.Index(string(exported.body), `{"id":"`+id+`"`)
			if next <= at {
				t.Errorf("%s of %s stands at %d, after one at %d", id, path, next, at)
			}
			at = next
		}
	}
}
