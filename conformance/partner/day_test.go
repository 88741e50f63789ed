// Package partner spends a partner's day with a client that oapi-codegen makes
// of the OpenAPI document, against a running server.
package partner

import (
	"bytes"
	"context"
	"crypto/rand"
	"fmt"
	"mime/multipart"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"upstream/conformance/partner/client"
)

// dayLength is how long the whole day may take.
const dayLength = 2 * time.Minute

const (
	goodRows = 60
	badRow   = 62 // the header is row 1
)

func TestADay(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(t.Context(), dayLength)
	defer cancel()
	p := partner{T: t, api: newClient(t)}
	file := claims()
	upload := p.upload(ctx, file)
	upload = p.processed(ctx, upload.ID)
	if upload.Status != client.UploadStatusPartial || upload.AcceptedRowCount != goodRows || upload.RejectedRowCount != 1 {
		t.Fatalf("upload: %+v", upload)
	}
	p.rejections(ctx, upload.ID)
	p.claims(ctx, upload.ID)
	p.sameFileAgain(ctx, file, upload.ID)
	p.noClaimsFile(ctx)
	p.badFilter(ctx)
	run := p.detect(ctx)
	p.events(ctx, run)
	p.unchanged(ctx, upload.ID)
}

// partner is a program of a partner with its key.
type partner struct {
	*testing.T
	api *client.ClientWithResponses
}

func newClient(t *testing.T) *client.ClientWithResponses {
	t.Helper()
	address, key := os.Getenv("CONFORMANCE_URL"), os.Getenv("CONFORMANCE_KEY")
	if address == "" || key == "" {
		t.Fatal("CONFORMANCE_URL or CONFORMANCE_KEY is not set: run this through run.mjs")
	}
	api, err := client.NewClientWithResponses(address, client.WithRequestEditorFn(func(_ context.Context, r *http.Request) error {
		r.Header.Set("Authorization", "Bearer "+key)
		return nil
	}))
	if err != nil {
		t.Fatal(err)
	}
	return api
}

// claims is a file that nobody has sent before, with one row that is refused.
func claims() []byte {
	var file bytes.Buffer
	number, day := rand.Text(), time.Now().UTC().AddDate(0, 0, -40)
	_, _ = fmt.Fprintln(&file, "claim_number,payer,cpt,submitted_date,decided_date,outcome,billed_amount,allowed_amount,paid_amount")
	for i := range goodRows {
		_, _ = fmt.Fprintf(&file, "%s-%d,Gopher Mutual,99213,%s,%s,PAID,210.00,150.00,150.00\n", number, i,
			day.Format(time.DateOnly), day.AddDate(0, 0, i%20).Format(time.DateOnly))
	}
	_, _ = fmt.Fprintf(&file, "%s-x,Gopher Mutual,99213,%s,yesterday,PAID,210.00,150.00,150.00\n", number, day.Format(time.DateOnly))
	return file.Bytes()
}

func (p partner) send(ctx context.Context, file []byte) *client.CreateUploadResponse {
	p.Helper()
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	part, err := form.CreateFormFile("file", "gopher.csv")
	if err != nil {
		p.Fatal(err)
	}
	if _, err := part.Write(file); err != nil {
		p.Fatal(err)
	}
	if err := form.Close(); err != nil {
		p.Fatal(err)
	}
	answer, err := p.api.CreateUploadWithBodyWithResponse(ctx, nil, form.FormDataContentType(), &body)
	if err != nil {
		p.Fatal(err)
	}
	return answer
}

func (p partner) upload(ctx context.Context, file []byte) *client.Upload {
	p.Helper()
	answer := p.send(ctx, file)
	if answer.JSON201 == nil {
		p.Fatalf("the upload answers %s: %s", answer.Status(), answer.Body)
	}
	if location := answer.HTTPResponse.Header.Get("Location"); !strings.HasSuffix(location, "/uploads/"+answer.JSON201.ID+"/") {
		p.Errorf("the upload is at %q", location)
	}
	return answer.JSON201
}

// processed asks until the file has been worked on.
func (p partner) processed(ctx context.Context, id string) *client.Upload {
	p.Helper()
	again := time.NewTicker(100 * time.Millisecond)
	defer again.Stop()
	for {
		answer, err := p.api.GetUploadWithResponse(ctx, id, nil)
		if err != nil || answer.JSON200 == nil {
			p.Fatalf("the upload cannot be read: %v", err)
		}
		if answer.JSON200.Status != client.UploadStatusProcessing {
			return answer.JSON200
		}
		select {
		case <-ctx.Done():
			p.Fatal("the upload is still processed")
		case <-again.C:
		}
	}
}

func (p partner) rejections(ctx context.Context, id string) {
	p.Helper()
	answer, err := p.api.ListRejectionsWithResponse(ctx, id, nil)
	if err != nil || answer.JSON200 == nil {
		p.Fatalf("the rejections cannot be read: %v", err)
	}
	rows := answer.JSON200.Results
	if len(rows) != 1 || rows[0].RowNumber != badRow || rows[0].Column != "decided_date" || rows[0].Code != client.InvalidDate {
		p.Errorf("rejections: %+v", rows)
	}
}

// claims reads what the file brought, page by number.
func (p partner) claims(ctx context.Context, id string) {
	p.Helper()
	seen := map[string]bool{}
	for number := 1; ; number++ {
		answer, err := p.api.ListClaimsWithResponse(ctx, &client.ListClaimsParams{
			Upload: &id, Page: new(strconv.Itoa(number)), PageSize: new(int32(17)),
			Ordering: &[]client.ListClaimsParamsOrdering{"-decided_date"},
		})
		if err != nil || answer.JSON200 == nil {
			p.Fatalf("page %d of the claims: %v", number, err)
		}
		if count := answer.JSON200.Count; count == nil || *count != goodRows {
			p.Fatalf("page %d counts %v", number, count)
		}
		for _, claim := range answer.JSON200.Results {
			if seen[claim.ID] || claim.Upload != id || claim.Payer == "" || claim.PaidAmount == nil || *claim.PaidAmount != "150.00" {
				p.Errorf("a claim is there twice or not whole: %+v", claim)
			}
			seen[claim.ID] = true
		}
		if answer.JSON200.Next == nil {
			break
		}
	}
	if len(seen) != goodRows {
		p.Errorf("%d claims came back of %d", len(seen), goodRows)
	}
}

func (p partner) sameFileAgain(ctx context.Context, file []byte, id string) {
	p.Helper()
	problem := p.send(ctx, file).ApplicationProblemJSON409
	if problem == nil || problem.Code != client.CONFLICT || problem.ExistingID == nil || *problem.ExistingID != id {
		p.Errorf("the same file again: %+v", problem)
	}
}

func (p partner) noClaimsFile(ctx context.Context) {
	p.Helper()
	problem := p.send(ctx, []byte("payer,cpt\n"+rand.Text()+",99213\n")).ApplicationProblemJSON422
	if problem == nil || problem.Code != client.VALIDATION || len(problem.Errors) == 0 || problem.UploadID == nil {
		p.Errorf("a file without its columns: %+v", problem)
	}
}

func (p partner) badFilter(ctx context.Context) {
	p.Helper()
	answer, err := p.api.ListClaimsWithResponse(ctx, &client.ListClaimsParams{PageSize: new(int32(0))})
	if err != nil {
		p.Fatal(err)
	}
	problem := answer.ApplicationProblemJSON422
	if problem == nil || problem.Code != client.VALIDATION || len(problem.Errors) != 1 || problem.Errors[0].Path != "page_size" {
		p.Errorf("a page of no rows: %s", answer.Body)
	}
}

func (p partner) detect(ctx context.Context) *client.ReportDetail {
	p.Helper()
	answer, err := p.api.DetectDriftWithResponse(ctx, nil, client.DetectBody{CurrentDays: new(int64(30))})
	if err != nil {
		p.Fatal(err)
	}
	run := answer.JSON201
	if run == nil || run.Status != client.RunStatusSuccess || run.DriftEventCount < 2 || run.TestCount < run.DriftEventCount {
		p.Fatalf("detection answers %s: %s", answer.Status(), answer.Body)
	}
	return run
}

// events pages through what the run found, by cursor, one event at a time.
func (p partner) events(ctx context.Context, run *client.ReportDetail) {
	p.Helper()
	seen := map[string]bool{}
	for cursor := new(""); cursor != nil; {
		answer, err := p.api.ListReportDriftEventsWithResponse(ctx, run.ID, &client.ListReportDriftEventsParams{
			Cursor: cursor, PageSize: new(int32(1)),
		})
		if err != nil || answer.JSON200 == nil {
			p.Fatalf("events after %q: %v", *cursor, err)
		}
		for _, event := range answer.JSON200.Results {
			if seen[event.ID] || event.ReportRun != run.ID || event.Payer == "" {
				p.Fatalf("an event is there twice or not whole: %+v", event)
			}
			seen[event.ID] = true
		}
		cursor = p.cursorOf(answer.JSON200.Next)
	}
	if int64(len(seen)) != run.DriftEventCount {
		p.Errorf("%d events came back of %d", len(seen), run.DriftEventCount)
	}
}

func (p partner) cursorOf(next *string) *string {
	p.Helper()
	if next == nil {
		return nil
	}
	address, err := url.Parse(*next)
	if err != nil {
		p.Fatal(err)
	}
	return new(address.Query().Get("cursor"))
}

// unchanged reads an upload that the client has already.
func (p partner) unchanged(ctx context.Context, id string) {
	p.Helper()
	first, err := p.api.GetUploadWithResponse(ctx, id, nil)
	if err != nil {
		p.Fatal(err)
	}
	again, err := p.api.GetUploadWithResponse(ctx, id, &client.GetUploadParams{IfNoneMatch: new(first.HTTPResponse.Header.Get("ETag"))})
	if err != nil || again.StatusCode() != http.StatusNotModified || len(again.Body) > 0 {
		p.Errorf("read again: %v, %s", err, again.Status())
	}
}
