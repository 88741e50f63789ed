package apitest

import (
	"bytes"
	"fmt"
	"mime/multipart"
	"net/http"
	"strings"
	"testing"

	"upstream/models"
)

// post uploads a claims file, which is REST's alone to do.
func (s *Server) post(t tester, as Asker, name, text string) reply {
	t.Helper()
	return s.postWith(t, as, name, text, nil)
}

// postWith is post with further headers.
func (s *Server) postWith(t tester, as Asker, name, text string, header map[string]string) reply {
	t.Helper()
	var form bytes.Buffer
	w := multipart.NewWriter(&form)
	part := must(w.CreateFormFile("file", name))(t)
	_ = must(part.Write([]byte(text)))(t)
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	r := must(http.NewRequestWithContext(t.Context(), http.MethodPost, s.http.URL+"/api/v1/uploads/", &form))(t)
	r.Header.Set("Content-Type", w.FormDataContentType())
	for name, value := range header {
		r.Header.Set(name, value)
	}
	s.authorize(t, r, as)
	return s.send(t, r)
}

// uploaded are files and what becomes of them.
var uploaded = []struct {
	name, text string
	want       models.Code
	status     string
	rejected   int
}{
	{name: "whole.csv", text: claimsHeader + "A-1,Aetna,99213,2026-05-01,2026-05-15,PAID,150.00\nA-2,Aetna,99213,2026-05-01,2026-05-16,DENIED,75.5\n", status: "SUCCESS"},
	{
		name: "in part.csv", text: claimsHeader + "B-1,Aetna,99213,2026-05-01,2026-05-15,PAID,150.00\nB-2,,99213,2026-05-01,2026-05-15,PAID,1\n" +
			"B-3,Cigna,99213,2026-05-20,2026-05-15,PAID,1\nB-4,Cigna,99213,2026-05-01,2026-05-15,PAID,-1\n", status: "PARTIAL", rejected: 3,
	},
	{name: "nothing right.csv", text: claimsHeader + "C-1,,99213,2026-05-01,2026-05-15,PAID,1\n", want: models.CodeValidation, status: "FAILED", rejected: 1},
	{name: "no payer.csv", text: "cpt,submitted_date,decided_date,outcome\n99213,2026-05-01,2026-05-15,PAID\n", want: models.CodeValidation, status: "FAILED"},
	{name: "no csv.csv", text: "\x00\x01\x02", want: models.CodeValidation, status: "FAILED"},
}

const claimsHeader = "claim_number,payer,cpt,submitted_date,decided_date,outcome,billed_amount\n"

// TestUploads sends files by REST, and reads what became of them by GraphQL.
func TestUploads(t *testing.T) {
	t.Parallel()
	for _, file := range uploaded {
		t.Run(file.name, func(t *testing.T) {
			t.Parallel()
			s, analyst := NewServer(t), Asker{User: "cedar.analyst"}
			sent := s.post(t, analyst, file.name, file.text)
			id := s.wantUpload(t, sent, file.want)
			op := node("Upload", id)
			shown := s.run(t, Case{Name: "the upload", As: analyst, REST: Call{Path: "uploads/" + id + "/"}, GraphQL: op})
			if file.want == "" {
				same(t, "the upload when it was sent and later", restAnswer(t, "Upload", sent), shown)
			}
			if row := shown.Rows[0]; row["status"] != file.status || row["filename"] != file.name || row["rejected_row_count"] != float64(file.rejected) {
				t.Errorf("the upload is %v", row)
			}
			s.checkBelow(t, analyst, id, file.rejected)
			s.checkAgain(t, analyst, file.text, id)
		})
	}
}

// wantUpload is the upload that the answer names: the one that was made, or
// the one that records why the file was refused.
func (s *Server) wantUpload(t tester, sent reply, want models.Code) string {
	t.Helper()
	var body struct {
		Code     models.Code
		ID       string
		UploadID string `json:"upload_id"`
	}
	sent.decode(t, &body)
	if body.Code != want {
		t.Fatalf("the file is answered with %d %s", sent.status, sent.body)
	}
	if want == "" {
		return body.ID
	}
	return body.UploadID
}

// checkBelow reads the claims and rejections of an upload.
func (s *Server) checkBelow(t tester, as Asker, id string, rejected int) {
	t.Helper()
	for _, l := range lists() {
		if l.parent != "Upload" {
			continue
		}
		c := l.ask(question{})
		c.As = as
		c.GraphQL.Variables["id"], c.GraphQL.Variables["first"] = id, 50
		c.REST.Path = strings.Replace(c.REST.Path, "{upload}", id, 1)
		if l.fixed != nil {
			c.REST = c.REST.with("upload", id)
		}
		if a := s.run(t, c); l.name == "rejections" && a.Total != int64(rejected) {
			t.Errorf("%d rejections, want %d", a.Total, rejected)
		}
	}
}

// checkAgain sends the same bytes once more: REST names the upload that has
// them, which is the one GraphQL shows. A file that failed may be sent again.
func (s *Server) checkAgain(t tester, as Asker, text, id string) {
	t.Helper()
	again := restAnswer(t, "Upload", s.post(t, as, "again.csv", text))
	uploads := graphqlAnswer(t, rootConnection("uploads", keySelection), s.graphql(t, as, rootConnection("uploads", keySelection)))
	switch again.Code {
	case models.CodeConflict:
		same(t, "the upload in the way and those GraphQL shows", []string{again.Existing}, keys(uploads.Rows))
		same(t, "the upload in the way", id, again.Existing)
	case models.CodeValidation:
		if uploads.Total < 1 {
			t.Errorf("GraphQL shows no upload")
		}
	default:
		t.Errorf("the same file again is answered with %q", again.Code)
	}
}

// TestUploadsBeforeDetection lets REST bring the claims in which GraphQL then
// finds drift, and the other way round: what a run finds does not depend on
// the way it was asked for.
func TestUploadsBeforeDetection(t *testing.T) {
	t.Parallel()
	w := newTwins(t, func(s *Server) {
		file := string(s.CSV(shift(models.NewDate(2026, 6, 15))...))
		r := s.post(s, Asker{User: "cedar.analyst"}, "claims.csv", file)
		if r.status != http.StatusCreated {
			s.Fatalf("%d %s", r.status, r.body)
		}
	})
	found := []string{"audit_events", "audit_heads", "drift_events", "drift_tests", "report_runs", "webhook_events", "webhook_streams"}
	write{Case: detection("after an upload", nil), changes: found}.run(t, w)
	w.crossRead(t, Asker{User: "cedar.viewer"})
}

// TestForbiddenUploads: who may not upload leaves nothing behind, which
// GraphQL confirms.
func TestForbiddenUploads(t *testing.T) {
	t.Parallel()
	s := NewServer(t)
	for _, p := range people() {
		if p.detecting == "" {
			continue // detecting and uploading need the same rank
		}
		a := restAnswer(t, "Upload", s.post(t, p.Asker, "claims.csv", uploaded[0].text))
		same(t, fmt.Sprint("upload by ", p), Answer{Code: p.detecting, Fields: p.fields, Total: -1}, a)
	}
	op := rootConnection("uploads", keySelection)
	for _, owner := range []string{"cedar.owner", "harbor.owner"} {
		if a := graphqlAnswer(t, op, s.graphql(t, Asker{User: owner}, op)); a.Total != 0 || a.Code != "" {
			t.Errorf("%s sees %d uploads, %s", owner, a.Total, a.Code)
		}
	}
}
