package rest_test

import (
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"upstream/internal/factory"
	"upstream/models"
)

func TestClaimRepresentation(t *testing.T) {
	t.Parallel()
	f := setup(t)
	token := f.as(t, f.cedar, models.RoleAnalyst)
	out := f.upload(t, token, "full.csv", []byte("claim_number,payer,cpt,submitted_date,decided_date,outcome,billed_amount,allowed_amount,paid_amount,"+
		"denial_reason_code,payment_date,authorization_required,authorization_obtained,authorization_number,modifier_codes,diagnosis_codes,procedure_count\n"+
		"A-1,Aetna,99213,2026-05-01,2026-05-15,PAID,\"$1,210.5\",150,145,,2026-05-22,true,true,PA-7,25;59,J06.9,2\n"))
	wantStatus(t, out, http.StatusCreated)
	upload := out.object(t)["id"]
	got := f.list(t, token, "/api/v1/claims/").Results[0]
	id := fmt.Sprint(got["id"])
	base := f.server.URL + "/api/v1"
	want := map[string]any{
		"id": id, "customer": f.cedar.Customer.ID.String(), "upload": upload, "claim_number": "A-1", "line_number": 1.0,
		"payer": "Aetna", "cpt": "99213", "cpt_group": got["cpt_group"], "submitted_date": "2026-05-01", "decided_date": "2026-05-15",
		"days_to_decision": 14.0, "outcome": "PAID", "billed_amount": "1210.50", "allowed_amount": "150.00", "paid_amount": "145.00",
		"payment_variance": "-5.00", "denial_reason_code": nil, "denial_reason_text": nil, "payment_date": "2026-05-22",
		"days_to_payment": 21.0, "authorization_required": true, "authorization_obtained": true, "authorization_number": "PA-7",
		"modifier_codes": []any{"25", "59"}, "diagnosis_codes": []any{"J06.9"}, "procedure_count": 2.0,
		"data_quality_score": got["data_quality_score"], "submitted_via": "csv_upload", "source_row_number": 2.0,
		"processed_at": "2026-06-15T12:00:00Z",
		"_links": map[string]any{
			"self":       map[string]any{"href": base + "/claims/" + id + "/"},
			"collection": map[string]any{"href": base + "/claims/"},
			"upload":     map[string]any{"href": fmt.Sprintf("%s/uploads/%s/", base, upload)},
		},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("claim in the list (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(want, f.get(t, token, "/api/v1/claims/"+id+"/").object(t)); diff != "" {
		t.Errorf("claim by itself (-want +got):\n%s", diff)
	}
}

// Every link of every representation must lead somewhere.
func TestLinksLead(t *testing.T) {
	t.Parallel()
	f, token, report := populated(t)
	seen := map[string]bool{}
	var follow func(node any)
	follow = func(node any) {
		walk(node, func(object map[string]any) {
			href, ok := object["href"].(string)
			if !ok || seen[linkShape(href)] {
				return
			}
			seen[linkShape(href)] = true
			out := f.get(t, token, strings.TrimPrefix(href, f.server.URL))
			wantStatus(t, out, http.StatusOK)
			follow(out.object(t))
		})
	}
	follow(report)
	follow(f.get(t, token, "/api/v1/customers/me/").object(t))
	follow(f.list(t, token, "/api/v1/claims/").Results[0])
	for _, want := range []string{
		"/claims/", "/claims/ID/", "/claims/?upload=ID", "/uploads/", "/uploads/ID/", "/uploads/ID/rejections/", "/customers/", "/customers/ID/",
		"/reports/", "/reports/ID/", "/reports/ID/tests/", "/reports/ID/drift-events/", "/drift-events/", "/drift-events/ID/",
	} {
		if !seen[f.server.URL+"/api/v1"+want] {
			t.Errorf("no link to %s in %v", want, seen)
		}
	}
}

// linkShape is an address with its identifiers blanked.
func linkShape(href string) string {
	return regexp.MustCompile(`[a-z]+_[0-9a-z]{26}`).ReplaceAllString(href, "ID")
}

func TestDetailsAreTheRowsOfTheirLists(t *testing.T) {
	t.Parallel()
	f, token, report := populated(t)
	for _, path := range []string{"claims", "uploads", "drift-events", "reports"} {
		row := f.list(t, token, "/api/v1/"+path+"/").Results[0]
		detail := f.get(t, token, fmt.Sprintf("/api/v1/%s/%s/", path, row["id"])).object(t)
		if path == "reports" {
			if diff := cmp.Diff(report, detail); diff != "" {
				t.Errorf("the run when it was made and later (-then +now):\n%s", diff)
			}
			delete(detail, "drift_events")
		}
		if diff := cmp.Diff(row, detail); diff != "" {
			t.Errorf("%s in the list and by itself (-list +detail):\n%s", path, diff)
		}
	}
}

func TestCustomer(t *testing.T) {
	t.Parallel()
	f := setup(t)
	got := f.get(t, f.as(t, f.cedar, models.RoleViewer), "/api/v1/customers/me/").object(t)
	if got["id"] != f.cedar.Customer.ID.String() || got["slug"] != "cedar" || got["name"] != "Clinic cedar" {
		t.Errorf("%v", got)
	}
}

func TestReportEmbedsItsFirstEvents(t *testing.T) {
	t.Parallel()
	f, token, report := populated(t)
	embedded, _ := report["drift_events"].(map[string]any)
	results, _ := embedded["results"].([]any)
	own := f.list(t, token, fmt.Sprintf("/api/v1/reports/%s/drift-events/", report["id"]))
	if float64(len(results)) != report["drift_event_count"] || embedded["count"] != report["drift_event_count"] || len(own.Results) != len(results) {
		t.Fatalf("%d embedded, %v counted, %d of its own", len(results), embedded["count"], len(own.Results))
	}
	if diff := cmp.Diff(own.Results[0], results[0]); diff != "" {
		t.Errorf("(-own list +embedded):\n%s", diff)
	}
	wantProblem(t, f.get(t, token, fmt.Sprintf("/api/v1/reports/%s/drift-events/?report_run=%s", report["id"], report["id"])),
		http.StatusUnprocessableEntity, models.CodeValidation, "report_run:unknown")
}

func TestActiveEventsAreThoseOfTheNewestSuccess(t *testing.T) {
	t.Parallel()
	f, token, report := populated(t)
	for _, e := range f.list(t, token, "/api/v1/drift-events/active/").Results {
		if e["report_run"] != report["id"] {
			t.Errorf("event of %v", e["report_run"])
		}
	}
	f.advance(1)
	// As of a year ago there is nothing to find: the newest run is empty.
	empty := f.do(t, request{method: http.MethodPost, path: "/api/v1/drift/detect/", token: token, body: map[string]any{"as_of": "2024-01-01"}})
	wantStatus(t, empty, http.StatusCreated)
	if got := f.list(t, token, "/api/v1/drift-events/active/"); len(got.Results) != 0 {
		t.Errorf("%d events after an empty run", len(got.Results))
	}
	if got := f.list(t, token, "/api/v1/drift-events/"); len(got.Results) == 0 {
		t.Error("the older run's events are gone")
	}
}

func TestRejections(t *testing.T) {
	t.Parallel()
	f, token, _ := populated(t)
	upload := f.list(t, token, "/api/v1/uploads/?status=partial").Results[0]
	if upload["row_count"] != 7.0 || upload["accepted_row_count"] != 4.0 || upload["rejected_row_count"] != 3.0 ||
		upload["missing_fields"] != 1.0 || upload["invalid_dates"] != 1.0 || upload["invalid_values"] != 1.0 {
		t.Errorf("counts of %v", upload)
	}
	rows := f.list(t, token, fmt.Sprintf("/api/v1/uploads/%s/rejections/", upload["id"]))
	type row struct{ Number, Column, Code any }
	var got []row
	for _, r := range rows.Results {
		got = append(got, row{r["row_number"], r["column"], r["code"]})
	}
	want := []row{{6.0, "submitted_date", "invalid_date"}, {7.0, "payer", "required"}, {8.0, "billed_amount", "invalid_value"}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestIdentifiers(t *testing.T) {
	t.Parallel()
	f, token, report := populated(t)
	run := fmt.Sprint(report["id"])
	for _, c := range []struct{ path, prefix string }{
		{"/api/v1/claims/%s/", "clm"},
		{"/api/v1/uploads/%s/", "upl"},
		{"/api/v1/uploads/%s/rejections/", "upl"},
		{"/api/v1/reports/%s/", "run"},
		{"/api/v1/reports/%s/tests/", "run"},
		{"/api/v1/reports/%s/drift-events/", "run"},
		{"/api/v1/drift-events/%s/", "drift"},
	} {
		unknown := fmt.Sprintf(c.path, c.prefix+"_01jz8k6v3pe9ktyh5wmcqa2x7d")
		wantProblem(t, f.get(t, token, unknown), http.StatusNotFound, models.CodeNotFound)
		for _, wrong := range []string{"17", "user_01jz8k6v3pe9ktyh5wmcqa2x7d", c.prefix + "_", c.prefix + "_01JZ8K6V3PE9KTYH5WMCQA2X7D", "%00"} {
			wantProblem(t, f.get(t, token, fmt.Sprintf(c.path, wrong)), http.StatusUnprocessableEntity, models.CodeValidation, "id:invalid")
		}
	}
	wantStatus(t, f.get(t, token, "/api/v1/reports/"+run), http.StatusOK) // without the slash
}

func TestConditionalReads(t *testing.T) {
	t.Parallel()
	f, token, report := populated(t)
	var paths []string
	for _, path := range []string{"claims", "uploads", "drift-events"} {
		paths = append(paths, fmt.Sprintf("/api/v1/%s/%s/", path, f.list(t, token, "/api/v1/"+path+"/").Results[0]["id"]))
	}
	paths = append(paths, "/api/v1/customers/me/", fmt.Sprintf("/api/v1/reports/%s/", report["id"]))
	for _, path := range paths {
		first := f.get(t, token, path)
		tag := first.header.Get("Etag")
		if !strings.HasPrefix(tag, `"`) || first.status != http.StatusOK {
			t.Errorf("%s: %d, entity tag %s", path, first.status, tag)
		}
		for header, want := range map[string]int{
			tag: 304, "W/" + tag: 304, `"x", ` + tag: 304, "*": 304, `"x"`: 200, "": 200, strings.Trim(tag, `"`): 200,
		} {
			out := f.do(t, request{path: path, token: token, header: http.Header{"If-None-Match": {header}}})
			if out.status != want || (want == 304) != (len(out.body) == 0) || !sameTag(out.header.Get("Etag"), tag, header) {
				t.Errorf("%s, If-None-Match %s: %d, %d bytes", path, header, out.status, len(out.body))
			}
			if !strings.HasPrefix(out.header.Get("Cache-Control"), "private") {
				t.Errorf("%s: Cache-Control %q", path, out.header.Get("Cache-Control"))
			}
		}
	}
}

// sameTag compares entity tags. Who asks by an asterisk has no tag, and is told
// that of the answer before it would be compressed.
func sameTag(got, want, asked string) bool {
	if asked == "*" {
		want = strings.Replace(want, "-gzip", "", 1)
	}
	return got == want
}

func TestHeadAndSlashlessPaths(t *testing.T) {
	t.Parallel()
	f, token, report := populated(t)
	for _, path := range []string{
		"/api/v1/claims/", "/api/v1/customers/me/", "/api/v1/uploads/", "/api/v1/reports/", "/api/v1/drift-events/active/",
		fmt.Sprintf("/api/v1/reports/%s/tests/", report["id"]), fmt.Sprintf("/api/v1/reports/%s/", report["id"]),
	} {
		whole := f.get(t, token, path)
		wantStatus(t, whole, http.StatusOK)
		bare := f.get(t, token, strings.TrimSuffix(path, "/"))
		if bare.status != http.StatusOK || string(bare.body) != string(whole.body) {
			t.Errorf("%s differs without its slash: %d %s", path, bare.status, bare.body)
		}
		// The client asks for compression by itself, but not of a HEAD.
		gzip := http.Header{"Accept-Encoding": {"gzip"}}
		head := f.do(t, request{method: http.MethodHead, path: path, token: token, header: gzip})
		if head.status != http.StatusOK || len(head.body) != 0 || head.header.Get("Content-Type") != "application/json" {
			t.Errorf("HEAD %s: %d, %d bytes, %v", path, head.status, len(head.body), head.header)
		}
		if head.header.Get("Etag") != whole.header.Get("Etag") || head.header.Get("Link") != whole.header.Get("Link") {
			t.Errorf("HEAD %s: %v, GET: %v", path, head.header, whole.header)
		}
	}
	if out := f.do(t, request{method: http.MethodHead, path: "/api/v1/nothing/", token: token}); out.status != http.StatusNotFound {
		t.Errorf("HEAD of nothing: %d", out.status)
	}
	if out := f.do(t, request{method: http.MethodHead, path: "/api/v1/drift/detect/", token: token}); out.status != http.StatusMethodNotAllowed {
		t.Errorf("HEAD of a POST: %d", out.status)
	}
}

func TestDetect(t *testing.T) {
	t.Parallel()
	f := setup(t)
	f.cedar.Drifting()
	token := f.as(t, f.cedar, models.RoleAnalyst)
	post := func(body any) answer {
		return f.do(t, request{method: http.MethodPost, path: "/api/v1/drift/detect/", token: token, body: body, undocumented: true})
	}
	t.Run("parameters reach the run", func(t *testing.T) {
		out := post(map[string]any{
			"as_of": "2026-06-10", "method": "threshold", "window_by": "decided", "current_days": 20, "baseline_days": 60,
			"min_volume": 10, "alpha": 0.1, "run_type": "custom",
		})
		wantStatus(t, out, http.StatusCreated)
		got := out.object(t)
		for name, want := range map[string]any{
			"as_of": "2026-06-10", "method": "threshold", "window_by": "decided", "current_start": "2026-05-21", "current_end": "2026-06-10",
			"baseline_start": "2026-03-22", "min_volume": 10.0, "alpha": 0.1, "run_type": "custom", "status": "success",
		} {
			if got[name] != want {
				t.Errorf("%s: %v, want %v", name, got[name], want)
			}
		}
		if location := out.header.Get("Location"); location != fmt.Sprintf("%s/api/v1/reports/%s/", f.server.URL, got["id"]) {
			t.Errorf("Location %s", location)
		}
	})
	t.Run("null means default", func(t *testing.T) {
		out := post(map[string]any{"as_of": nil, "method": nil, "current_days": nil})
		wantStatus(t, out, http.StatusCreated)
		if got := out.object(t); got["as_of"] != factory.Today().String() || got["run_type"] != "weekly" {
			t.Errorf("%v", got)
		}
	})
	t.Run("every broken rule at once", func(t *testing.T) {
		wantProblem(t, sorted(post(map[string]any{
			"as_of": "soon", "method": "magic", "current_days": 0, "baseline_days": "ninety", "alpha": 0.6, "min_volume": 1.5, "window": 3,
		})), http.StatusUnprocessableEntity, models.CodeValidation,
			"alpha:invalid", "as_of:invalid", "baseline_days:invalid", "current_days:invalid", "method:invalid", "min_volume:invalid", "window:unknown")
	})
	t.Run("rules of the store", func(t *testing.T) {
		wantProblem(t, post(map[string]any{"as_of": "2026-06-16"}), http.StatusUnprocessableEntity, models.CodeValidation, "as_of:invalid")
		wantProblem(t, post(map[string]any{"as_of": "1989-12-31"}), http.StatusUnprocessableEntity, models.CodeValidation, "as_of:invalid")
	})
}

// sorted puts the field errors of a problem into the order of their paths:
// bodies are JSON objects, which have none.
func sorted(out answer) answer {
	return reorder(out, func(a, b map[string]any) int { return strings.Compare(fmt.Sprint(a["path"]), fmt.Sprint(b["path"])) })
}

func reorder(out answer, compare func(a, b map[string]any) int) answer {
	var p map[string]any
	if err := unmarshal(out.body, &p); err != nil {
		return out
	}
	errors, _ := p["errors"].([]any)
	slices.SortFunc(errors, func(a, b any) int {
		x, _ := a.(map[string]any)
		y, _ := b.(map[string]any)
		return compare(x, y)
	})
	out.body = marshal(p)
	return out
}

// Who decided on a version that is no more is told so, whatever the change.
func TestStaleChanges(t *testing.T) {
	t.Parallel()
	f := setup(t)
	owner := f.as(t, f.cedar, models.RoleOwner)
	create := func(path string, body any) string {
		out := f.do(t, request{method: http.MethodPost, path: "/api/v1/" + path, token: owner, body: body})
		wantStatus(t, out, http.StatusCreated)
		return fmt.Sprintf("/api/v1/%s%s/", path, out.object(t)["id"])
	}
	key := create("api-keys/", map[string]any{"name": "k", "scopes": []string{"claims:read"}})
	invitation := create("invitations/", map[string]any{"email": "grace@guests.test", "role": "viewer"})
	delivery := "/api/v1/webhook-deliveries/" + f.cedarTest(t, owner) + "/"
	for _, c := range []struct {
		path, method, suffix string
		status               int
	}{
		{delivery, http.MethodPost, "redeliver/", http.StatusAccepted},
		{key, http.MethodPost, "rotate/", http.StatusCreated},
		{key, http.MethodDelete, "", http.StatusNoContent},
		{invitation, http.MethodPost, "resend/", http.StatusOK},
		{invitation, http.MethodDelete, "", http.StatusNoContent},
	} {
		change := func(tag string) answer {
			return f.do(t, request{method: c.method, path: c.path + c.suffix, token: owner, header: http.Header{"If-Match": {tag}}})
		}
		current := f.get(t, owner, c.path).header.Get("ETag")
		for _, stale := range []string{`"1-77"`, `"nonsense"`, "W/" + current} {
			wantProblem(t, change(stale), http.StatusPreconditionFailed, models.CodeStale)
		}
		wantProblem(t, change(current+`, "1-1"`), http.StatusUnprocessableEntity, models.CodeValidation, "If-Match:invalid")
		if again := f.get(t, owner, c.path).header.Get("ETag"); again != current {
			t.Errorf("%s %s: a refused change left %s, it was %s", c.method, c.path, again, current)
		}
		wantStatus(t, change(current), c.status)
		wantProblem(t, change(current), http.StatusPreconditionFailed, models.CodeStale)
	}
}
