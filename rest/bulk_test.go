package rest_test

import (
	"bufio"
	"bytes"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"

	"upstream/internal/factory"
	"upstream/models"
	"upstream/rest"
)

const goodRow = `{"claim_number":"B-1","payer":"Aetna","cpt":"99213","submitted_date":"2026-05-01","decided_date":"2026-05-15","outcome":"PAID","billed_amount":120.5,"modifier_codes":["25"]}`

func (f *fixture) batch(t *testing.T, token, query, mediaType, body string) answer {
	t.Helper()
	return f.do(t, request{
		method: http.MethodPost, path: "/api/v1/claims/batch/" + query, token: token, body: io.Reader(strings.NewReader(body)),
		header: http.Header{"Content-Type": {mediaType}}, undocumented: true,
	})
}

func TestBatch(t *testing.T) {
	t.Parallel()
	f := setup(t)
	token := f.as(t, f.cedar, models.RoleAnalyst)
	bad := strings.Replace(strings.Replace(goodRow, "B-1", "B-2", 1), "2026-05-01", "yesterday", 1)
	wantProblem(t, f.batch(t, token, "", "application/json", "["+goodRow+","+bad+"]"), 422, models.CodeValidation, "[1].submitted_date:invalid_date")
	equalCount(t, f, token, 0)
	out := f.batch(t, token, "?mode=partial", "application/x-ndjson", goodRow+"\n\n"+bad+"\r\nnot json\n")
	wantStatus(t, out, http.StatusCreated)
	var body struct {
		Upload  map[string]any
		Results []struct {
			Index   int
			Claim   *string
			Problem *struct{ Errors []struct{ Path, Code string } }
		}
	}
	out.decode(t, &body)
	if len(body.Results) != 3 || body.Results[0].Claim == nil || body.Results[0].Problem != nil ||
		body.Results[1].Problem.Errors[0].Path != "[1].submitted_date" || body.Results[2].Problem.Errors[0].Path != "[2]" ||
		body.Upload["status"] != "partial" || out.header.Get("Location") == "" {
		t.Errorf("%s", out.body)
	}
	equalCount(t, f, token, 1)
	wantStatus(t, f.get(t, token, "/api/v1/claims/"+*body.Results[0].Claim+"/"), http.StatusOK)
	p := wantProblem(t, f.batch(t, token, "?mode=partial", "application/x-ndjson", goodRow+"\n\n"+bad+"\r\nnot json\n"), 409, models.CodeConflict, "file:taken")
	if p.ExistingID != body.Upload["id"] {
		t.Errorf("existing %s", p.ExistingID)
	}
}

func equalCount(t *testing.T, f *fixture, token string, want int64) {
	t.Helper()
	if l := f.list(t, token, "/api/v1/claims/"); *l.Count != want {
		t.Errorf("%d claims, want %d", *l.Count, want)
	}
}

func TestBatchesRefused(t *testing.T) {
	t.Parallel()
	f := setup(t)
	token := f.as(t, f.cedar, models.RoleAnalyst)
	for name, tt := range map[string]struct {
		query, mediaType, body string
		status                 int
		code                   models.Code
		fields                 []string
	}{
		"no JSON":      {"", "application/json", "[" + goodRow, 400, models.CodeValidation, nil},
		"no UTF-8":     {"", "application/json", "[\"\xff\"]", 400, models.CodeValidation, nil},
		"no list":      {"", "application/json", goodRow, 422, models.CodeValidation, []string{"claims:invalid"}},
		"no row":       {"", "application/json", "[]", 422, models.CodeValidation, []string{"claims:required"}},
		"too many":     {"", "application/x-ndjson", strings.Repeat("{}\n", 10_001), 422, models.CodeValidation, []string{"claims:too_many"}},
		"too long":     {"", "application/json", strings.Repeat(" ", 10<<20+1), 413, models.CodePayloadTooLarge, nil},
		"other type":   {"", "text/csv", "x", 415, "UNSUPPORTED_MEDIA_TYPE", nil},
		"other mode":   {"?mode=half", "application/json", "[]", 422, models.CodeValidation, []string{"mode:invalid"}},
		"other things": {"?made=partial", "application/json", "[]", 422, models.CodeValidation, []string{"made:unknown"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			wantProblem(t, f.batch(t, token, tt.query, tt.mediaType, tt.body), tt.status, tt.code, tt.fields...)
		})
	}
	wantProblem(t, f.batch(t, f.as(t, f.cedar, models.RoleViewer), "", "application/json", "[]"), 403, models.CodeForbidden)
}

// Large files, and any that may wait, are read in the background.
func TestUploads_InTheBackground(t *testing.T) {
	t.Parallel()
	f := setupWith(t, rest.Options{AsyncUploadBytes: 3000})
	token := f.as(t, f.cedar, models.RoleAnalyst)
	wantStatus(t, f.upload(t, token, "small.csv", goodCSV(f, 2)), http.StatusCreated)
	large := f.upload(t, token, "large.csv", goodCSV(f, 200))
	wantStatus(t, large, http.StatusAccepted)
	header, body := form("file", "small.csv", goodCSV(f, 3))
	header.Set("Prefer", "wait=5, Respond-Async")
	preferred := f.do(t, request{method: http.MethodPost, path: "/api/v1/uploads/", token: token, header: header, body: body})
	wantStatus(t, preferred, http.StatusAccepted)
	if preferred.header.Get("Preference-Applied") != "respond-async" || large.header.Get("Preference-Applied") != "" {
		t.Errorf("headers %v", preferred.header)
	}
	got := large.object(t)
	path := "/api/v1/uploads/" + got["id"].(string) + "/"
	if got["status"] != "processing" || got["percent"] != 0.0 || !strings.HasSuffix(large.header.Get("Location"), path) {
		t.Errorf("%s", large.body)
	}
	var id models.UploadID
	if err := id.UnmarshalText([]byte(got["id"].(string))); err != nil {
		t.Fatal(err)
	}
	if err := f.Store.PerformUpload(t.Context(), f.cedar.System(), id); err != nil {
		t.Fatal(err)
	}
	done := f.get(t, token, path).object(t)
	if done["status"] != "success" || done["percent"] != 100.0 || done["rows_read"] != 200.0 || done["bytes_read"] != done["file_size_bytes"] {
		t.Errorf("%v", done)
	}
	cancel := func(path string) answer {
		return f.do(t, request{method: http.MethodPost, path: path + "cancel/", token: token})
	}
	wantProblem(t, cancel(path), http.StatusConflict, models.CodeConflict)
	cancelled := cancel("/api/v1/uploads/" + preferred.object(t)["id"].(string) + "/")
	wantStatus(t, cancelled, http.StatusOK)
	if o := cancelled.object(t); o["status"] != "failed" || o["error_code"] != "CANCELLED" {
		t.Errorf("%v", o)
	}
}

func TestExports(t *testing.T) {
	t.Parallel()
	f := setup(t)
	u := f.cedar.UploadRow()
	odd := []string{"=1+1", "+1", "-1", "@a", "\ttab", "\rcr", `say "hi", you`, "two\nlines", "Ünïcode", "plain"}
	f.cedar.Insert(u)
	for i, payer := range odd {
		f.cedar.Insert(f.cedar.ClaimRow(u.ID, func(c *models.Claim) { c.Payer, c.DecidedDate = payer, factory.Today().AddDays(-i) }))
	}
	f.harbor.Ingest(factory.Batch{Payer: "Harbor", CPT: "99213", Outcome: models.OutcomePaid, Count: 3, FirstDay: factory.Today().AddDays(-9), Wait: 2, Billed: 90})
	token := f.as(t, f.cedar, models.RoleViewer)
	out := f.get(t, token, "/api/v1/claims/export/")
	wantStatus(t, out, http.StatusOK)
	if !strings.HasPrefix(out.header.Get("Content-Type"), "text/csv; charset=utf-8") ||
		!strings.HasPrefix(out.header.Get("Content-Disposition"), `attachment; filename="claims-`) || !strings.Contains(string(out.body), "\"say \"\"hi\"\", you\"") {
		t.Errorf("%v\n%s", out.header, out.body)
	}
	rows, err := csv.NewReader(bytes.NewReader(out.body)).ReadAll()
	if err != nil || len(rows) != len(odd)+1 || rows[0][4] != "payer" {
		t.Fatalf("%v %q", err, rows)
	}
	for i, payer := range odd {
		want := payer
		if i < 6 {
			want = "'" + payer
		}
		if got := rows[i+1][4]; got != want {
			t.Errorf("payer %q is written as %q", payer, got)
		}
	}
	lines := f.do(t, request{path: "/api/v1/claims/export/?ordering=payer&payer=l", token: token, header: http.Header{"Accept": {"application/x-ndjson"}}})
	wantStatus(t, lines, http.StatusOK)
	var payers []string
	for scanner := bufio.NewScanner(bytes.NewReader(lines.body)); scanner.Scan(); {
		var row map[string]any
		if err := json.Unmarshal(scanner.Bytes(), &row); err != nil {
			t.Fatal(err)
		}
		payers = append(payers, fmt.Sprint(row["payer"]))
	}
	if !slices.Equal(payers, []string{"plain", "two\nlines"}) {
		t.Errorf("payers %q", payers)
	}
	if n := factory.Query[int](f.cedar, `SELECT count(*) FROM audit_events WHERE action = 'report_exported'`); n != 2 {
		t.Errorf("%d audit lines", n)
	}
	head := f.do(t, request{method: http.MethodHead, path: "/api/v1/claims/export/", token: token})
	if head.status != http.StatusOK || len(head.body) > 0 || factory.Query[int](f.cedar, `SELECT count(*) FROM audit_events WHERE action = 'report_exported'`) != 2 {
		t.Errorf("HEAD %d %s", head.status, head.body)
	}
	empty := f.get(t, token, "/api/v1/drift-events/export/?format=csv")
	want := "payer,cpt_group,drift_type,baseline_value,current_value,delta_value,severity,confidence,baseline_start,baseline_end,current_start,current_end\r\n"
	if string(empty.body) != want {
		t.Errorf("%q", empty.body)
	}
}

func TestExportsRefused(t *testing.T) {
	t.Parallel()
	f := setup(t)
	token := f.as(t, f.cedar, models.RoleViewer)
	for query, fields := range map[string][]string{
		"?format=xlsx": {"format:invalid"}, "?page=2": {"page:unknown"}, "?cursor=": {"cursor:unknown"}, "?payr=x": {"payr:unknown"}, "?outcome=x": {"outcome:invalid"},
	} {
		wantProblem(t, f.get(t, token, "/api/v1/claims/export/"+query), 422, models.CodeValidation, fields...)
	}
	for _, accept := range []string{"application/json", "text/csv;q=0", "image/png"} {
		out := f.do(t, request{path: "/api/v1/claims/export/", token: token, header: http.Header{"Accept": {accept}}})
		wantProblem(t, out, http.StatusNotAcceptable, "NOT_ACCEPTABLE")
	}
	wantProblem(t, f.get(t, "", "/api/v1/claims/export/"), 401, models.CodeUnauthenticated)
}
