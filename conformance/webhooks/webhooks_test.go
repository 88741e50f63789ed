// Package webhooks receives the deliveries of a running server and judges them
// by the reference library of the Standard Webhooks specification and by the
// schemas of the OpenAPI document.
package webhooks

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v6"
	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
)

// testLength is how long a whole test may take.
const testLength = 2 * time.Minute

// delivery is a request as the receiver got it.
type delivery struct {
	header http.Header
	body   []byte
}

func (d delivery) kind(t *testing.T) string {
	t.Helper()
	var body struct{ Type string }
	if err := json.Unmarshal(d.body, &body); err != nil {
		t.Fatalf("%v in %s", err, d.body)
	}
	return body.Type
}

// partner has a server of its own, which takes every delivery, and an account
// at Upstream that may manage webhooks.
type partner struct {
	*testing.T
	ctx      context.Context
	url      string
	token    string
	receiver *httptest.Server
	arrived  chan delivery
	// statuses are what the receiver answers with, one after another; 204 when
	// there is none.
	statuses chan int
}

func newPartner(t *testing.T) *partner {
	t.Helper()
	address, password := os.Getenv("CONFORMANCE_URL"), os.Getenv("CONFORMANCE_PASSWORD")
	if address == "" || password == "" {
		t.Fatal("CONFORMANCE_URL or CONFORMANCE_PASSWORD is not set: run this through run.mjs")
	}
	ctx, cancel := context.WithTimeout(t.Context(), testLength)
	t.Cleanup(cancel)
	p := &partner{T: t, ctx: ctx, url: address, arrived: make(chan delivery, 1000), statuses: make(chan int, 10)}
	p.receiver = httptest.NewServer(http.HandlerFunc(p.receive))
	t.Cleanup(p.receiver.Close)
	var session struct{ Access string }
	p.post("auth/token/", map[string]any{"email": "admin@cedar.test", "password": password}, http.StatusOK, &session)
	p.token = session.Access
	return p
}

func (p *partner) receive(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil || r.Method != http.MethodPost {
		p.Errorf("%s: %v", r.Method, err)
	}
	p.arrived <- delivery{r.Header, body}
	select {
	case status := <-p.statuses:
		w.WriteHeader(status)
	default:
		w.WriteHeader(http.StatusNoContent)
	}
}

// next is the next delivery of a type; others are passed over.
func (p *partner) next(kind string) delivery {
	p.Helper()
	for {
		select {
		case d := <-p.arrived:
			if d.kind(p.T) == kind {
				return d
			}
		case <-p.ctx.Done():
			p.Fatalf("no %s arrived", kind)
		}
	}
}

func (p *partner) do(method, path string, body io.Reader, contentType string, want int, answer any) {
	p.Helper()
	r, err := http.NewRequestWithContext(p.ctx, method, p.url+"/api/v1/"+path, body)
	if err != nil {
		p.Fatal(err)
	}
	r.Header.Set("Content-Type", contentType)
	if p.token != "" {
		r.Header.Set("Authorization", "Bearer "+p.token)
	}
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		p.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	text, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode != want {
		p.Fatalf("%s %s answers %d %s (%v), want %d", method, path, response.StatusCode, text, err, want)
	}
	if answer != nil {
		if err := json.Unmarshal(text, answer); err != nil {
			p.Fatal(err)
		}
	}
}

func (p *partner) get(path string, answer any) {
	p.Helper()
	p.do(http.MethodGet, path, http.NoBody, "application/json", http.StatusOK, answer)
}

func (p *partner) post(path string, body any, want int, answer any) {
	p.Helper()
	text, err := json.Marshal(body)
	if err != nil {
		p.Fatal(err)
	}
	p.do(http.MethodPost, path, bytes.NewReader(text), "application/json", want, answer)
}

// endpoint is what the API shows of one, and its secret where it does.
type endpoint struct {
	ID, Secret string
	Last       int64 `json:"last_sequence"`
	Through    int64 `json:"delivered_through"`
}

// listen makes an endpoint of the receiver, until the test ends.
func (p *partner) listen(kinds ...string) endpoint {
	p.Helper()
	var made endpoint
	p.post("webhook-endpoints/", map[string]any{"name": rand.Text(), "url": p.receiver.URL, "event_types": append([]string{}, kinds...)}, http.StatusCreated, &made)
	p.Cleanup(func() {
		p.ctx = context.WithoutCancel(p.ctx)
		p.do(http.MethodDelete, "webhook-endpoints/"+made.ID+"/", http.NoBody, "application/json", http.StatusNoContent, nil)
	})
	if !strings.HasPrefix(made.Secret, "whsec_") {
		p.Fatal("the answer that makes an endpoint has no secret")
	}
	return made
}

func (p *partner) test(e endpoint) delivery {
	p.Helper()
	var queued struct {
		ID   string
		Body json.RawMessage
	}
	p.post("webhook-endpoints/"+e.ID+"/test/", nil, http.StatusAccepted, &queued)
	d := p.next("webhook.test")
	if d.header.Get("webhook-id") != queued.ID || !bytes.Equal(d.body, queued.Body) {
		p.Errorf("%s came with the body %s, and %s was announced with %s", d.header.Get("webhook-id"), d.body, queued.ID, queued.Body)
	}
	return d
}

// verifies says whether the reference library takes a delivery for one that was
// signed with the secret.
func verifies(t *testing.T, secret string, d delivery) error {
	t.Helper()
	verifier, err := standardwebhooks.NewWebhook(secret)
	if err != nil {
		t.Fatal(err)
	}
	return verifier.Verify(d.body, d.header)
}

func signatures(d delivery) int { return len(strings.Fields(d.header.Get("webhook-signature"))) }

func TestSignatures(t *testing.T) {
	t.Parallel()
	p := newPartner(t)
	mine, other := p.listen("upload.processed"), p.listen("upload.processed")
	d := p.test(mine)
	if err := verifies(t, mine.Secret, d); err != nil || signatures(d) != 1 {
		t.Errorf("%v: %v", d.header, err)
	}
	if verifies(t, other.Secret, d) == nil {
		t.Error("another secret verifies it, too")
	}
	for name, forged := range map[string]delivery{
		"another body": {d.header, bytes.Replace(d.body, []byte(`"sequence":`), []byte(`"sequence":9`), 1)},
		"another id":   {with(d.header, "webhook-id", "dlv_01jz8k6v3pe9ktyh5wmcqa2x7d"), d.body},
		"another time": {with(d.header, "webhook-timestamp", fmt.Sprint(time.Now().Unix()-60)), d.body},
		"no signature": {with(d.header, "webhook-signature", ""), d.body},
	} {
		if verifies(t, mine.Secret, forged) == nil {
			t.Errorf("%s passes", name)
		}
	}
}

func with(h http.Header, name, value string) http.Header {
	changed := h.Clone()
	changed.Set(name, value)
	return changed
}

// During a rotation both secrets verify each body; after it the new one alone.
func TestRotation(t *testing.T) {
	t.Parallel()
	p := newPartner(t)
	first := p.listen("upload.processed")
	var second, third endpoint
	p.post("webhook-endpoints/"+first.ID+"/rotate-secret/", map[string]any{"overlap_hours": 1}, http.StatusOK, &second)
	both := p.test(first)
	if signatures(both) != 2 || verifies(t, first.Secret, both) != nil || verifies(t, second.Secret, both) != nil {
		t.Errorf("during the rotation: %v", both.header)
	}
	p.post("webhook-endpoints/"+first.ID+"/rotate-secret/", map[string]any{"overlap_hours": 0}, http.StatusOK, &third)
	one := p.test(first)
	if signatures(one) != 1 || verifies(t, third.Secret, one) != nil || verifies(t, first.Secret, one) == nil || verifies(t, second.Secret, one) == nil {
		t.Errorf("after it: %v", one.header)
	}
}

// A delivery that failed, and one that is asked for again, has the same id and
// body as before and is signed anew.
func TestRepetitions(t *testing.T) {
	t.Parallel()
	p := newPartner(t)
	mine := p.listen("upload.processed")
	p.statuses <- http.StatusServiceUnavailable
	first := p.test(mine)
	retried := p.next("webhook.test")
	p.post("webhook-deliveries/"+first.header.Get("webhook-id")+"/redeliver/", nil, http.StatusAccepted, nil)
	again := p.next("webhook.test")
	for name, d := range map[string]delivery{"the first": first, "retried": retried, "sent again": again} {
		if err := verifies(t, mine.Secret, d); err != nil || !bytes.Equal(d.body, first.body) || d.header.Get("webhook-id") != first.header.Get("webhook-id") {
			t.Errorf("%s: %v %s, %v", name, d.header, d.body, err)
		}
	}
	if first.header.Get("webhook-timestamp") == retried.header.Get("webhook-timestamp") {
		t.Error("the retry, seconds later, has the time of the first attempt")
	}
}

// attempt is what the API shows of one.
type attempt struct {
	Number       int
	Outcome      string
	ResponseCode *int    `json:"response_code"`
	ResponseBody *string `json:"response_body"`
}

// What became of deliveries is told: each attempt, how far the endpoint is, and
// how many a replay would send again, which then comes with the ids of before.
// The feed has the same events.
func TestLog(t *testing.T) {
	t.Parallel()
	p := newPartner(t)
	mine := p.listen("upload.processed")
	since := time.Now().UTC().Add(-time.Minute)
	p.statuses <- http.StatusServiceUnavailable
	first := p.test(mine)
	p.next("webhook.test")
	second := p.test(mine)
	var sent struct{ Sequence int64 }
	if err := json.Unmarshal(second.body, &sent); err != nil {
		t.Fatal(err)
	}
	p.settled(mine, sent.Sequence)
	var attempts struct{ Results []attempt }
	p.get("webhook-deliveries/"+first.header.Get("webhook-id")+"/attempts/", &attempts)
	if a := attempts.Results; len(a) != 2 || a[0].Number != 1 || a[0].Outcome != "rejected" || *a[0].ResponseCode != http.StatusServiceUnavailable ||
		a[1].Number != 2 || a[1].Outcome != "delivered" || *a[1].ResponseCode != http.StatusNoContent {
		t.Errorf("attempts: %+v", a)
	}
	var matching struct{ Count int }
	// Other tests upload files at the same time, of which every endpoint hears.
	words := "?status=success&event_type=webhook.test&since=" + since.Format(time.RFC3339)
	p.get("webhook-endpoints/"+mine.ID+"/replay/count/"+words, &matching)
	if matching.Count != 2 {
		t.Errorf("%d deliveries would be sent again", matching.Count)
	}
	p.post("webhook-endpoints/"+mine.ID+"/replay/", map[string]any{"since": since, "status": "success", "event_type": "webhook.test", "expected_count": 2}, http.StatusAccepted, nil)
	again := map[string]bool{}
	for range 2 {
		d := p.next("webhook.test")
		if err := verifies(t, mine.Secret, d); err != nil {
			t.Error(err)
		}
		again[d.header.Get("webhook-id")] = true
	}
	if !again[first.header.Get("webhook-id")] || !again[second.header.Get("webhook-id")] {
		t.Errorf("%v were sent again", again)
	}
	var feed struct {
		Results []struct {
			Sequence int64
			Subject  string
		}
	}
	p.get("events/?type=webhook.test&page_size=1000", &feed)
	told, last := 0, int64(0)
	for _, event := range feed.Results {
		if event.Sequence <= last {
			t.Errorf("%d comes after %d", event.Sequence, last)
		}
		if last = event.Sequence; event.Subject == mine.ID {
			told++
		}
	}
	if told != 2 {
		t.Errorf("the feed has %d of 2 tests", told)
	}
}

// schemas are those of the webhooks section, by event type.
func (p *partner) schemas() map[string]*jsonschema.Schema {
	p.Helper()
	r, err := http.NewRequestWithContext(p.ctx, http.MethodGet, p.url+"/api/openapi.json", http.NoBody)
	if err != nil {
		p.Fatal(err)
	}
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		p.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	document, err := jsonschema.UnmarshalJSON(response.Body)
	if err != nil {
		p.Fatal(err)
	}
	compiler := jsonschema.NewCompiler()
	compiler.DefaultDraft(jsonschema.Draft2020)
	compiler.AssertFormat()
	if err := compiler.AddResource("openapi.json", document); err != nil {
		p.Fatal(err)
	}
	found := map[string]*jsonschema.Schema{}
	described, _ := document.(map[string]any)["webhooks"].(map[string]any)
	for kind := range described {
		at := "openapi.json#/webhooks/" + kind + "/post/requestBody/content/application~1json/schema"
		if found[kind], err = compiler.Compile(at); err != nil {
			p.Fatal(err)
		}
	}
	return found
}

// upload sends a file whose payer changes its mind, and a run finds that.
func (p *partner) upload() {
	p.Helper()
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	part, err := form.CreateFormFile("file", "hooks.csv")
	if err != nil {
		p.Fatal(err)
	}
	payer, today := "Payer "+rand.Text(), time.Now().UTC()
	_, _ = fmt.Fprintln(part, "claim_number,payer,cpt,submitted_date,decided_date,outcome,billed_amount")
	for i := range 400 {
		outcome, ago := "PAID", 20+i%80
		if i%5 == 0 {
			ago = 2 + i%10
		}
		if ago < 14 && i%10 == 0 {
			outcome = "DENIED"
		}
		decided := today.AddDate(0, 0, -ago)
		_, _ = fmt.Fprintf(part, "%s-%d,%s,99213,%s,%s,%s,210.00\n", payer[6:], i, payer,
			decided.AddDate(0, 0, -10).Format(time.DateOnly), decided.Format(time.DateOnly), outcome)
	}
	if err := form.Close(); err != nil {
		p.Fatal(err)
	}
	p.do(http.MethodPost, "uploads/", &body, form.FormDataContentType(), http.StatusCreated, nil)
	p.post("drift/detect/", map[string]any{"method": "statistical"}, http.StatusCreated, nil)
}

// Every body that a day brings is one that its schema describes, signed, and
// numbered without gaps; the checkpoint says when all of them have arrived, and
// the feed of events has the same.
func TestBodies(t *testing.T) {
	t.Parallel()
	p := newPartner(t)
	schemas, mine := p.schemas(), p.listen()
	p.post("alert-rules/", map[string]any{"name": "Everything " + mine.ID, "threshold_value": 0}, http.StatusCreated, nil)
	p.upload()
	p.post("webhook-endpoints/"+mine.ID+"/test/", nil, http.StatusAccepted, nil)
	seen, sequences := map[string]int{}, map[int64]bool{}
	missing := []string{"upload.processed", "report.completed", "drift.detected", "alert.triggered", "alert.resolved", "webhook.test"}
	for len(missing) > 0 {
		select {
		case d := <-p.arrived:
			p.judge(d, mine, schemas)
			var body struct {
				Sequence int64
				Data     struct {
					Alert string `json:"alert_event_id"`
				}
			}
			if err := json.Unmarshal(d.body, &body); err != nil {
				t.Fatal(err)
			}
			if seen[d.kind(t)]++; d.kind(t) == "alert.triggered" && seen["alert.triggered"] == 1 {
				p.post("alerts/"+body.Data.Alert+"/resolve/", nil, http.StatusOK, nil)
			}
			sequences[body.Sequence] = true
		case <-p.ctx.Done():
			t.Fatalf("no %v arrived, only %v", missing, seen)
		}
		for len(missing) > 0 && seen[missing[0]] > 0 {
			missing = missing[1:]
		}
	}
	var now endpoint
	p.get("webhook-endpoints/"+mine.ID+"/", &now)
	for int64(len(sequences)) < now.Last {
		select {
		case d := <-p.arrived:
			p.judge(d, mine, schemas)
			var body struct{ Sequence int64 }
			if err := json.Unmarshal(d.body, &body); err != nil {
				t.Fatal(err)
			}
			sequences[body.Sequence] = true
		case <-p.ctx.Done():
			t.Fatalf("%d of %d arrived", len(sequences), now.Last)
		}
	}
	for n := range now.Last {
		if !sequences[n+1] {
			t.Errorf("%d is missing", n+1)
		}
	}
	p.settled(mine, now.Last)
}

func (p *partner) judge(d delivery, e endpoint, schemas map[string]*jsonschema.Schema) {
	p.Helper()
	if err := verifies(p.T, e.Secret, d); err != nil {
		p.Errorf("%v: %v", d.header, err)
	}
	kind := d.kind(p.T)
	body, err := jsonschema.UnmarshalJSON(bytes.NewReader(d.body))
	if err != nil || schemas[kind] == nil {
		p.Fatalf("%s %s: %v", kind, d.body, err)
	}
	if err := schemas[kind].Validate(body); err != nil {
		p.Errorf("%s is not what OpenAPI describes: %v", d.body, err)
	}
}

// settled waits until the endpoint knows that everything has arrived.
func (p *partner) settled(e endpoint, last int64) {
	p.Helper()
	again := time.NewTicker(100 * time.Millisecond)
	defer again.Stop()
	for {
		var now endpoint
		p.get("webhook-endpoints/"+e.ID+"/", &now)
		if now.Through >= last {
			return
		}
		select {
		case <-again.C:
		case <-p.ctx.Done():
			p.Fatalf("delivered through %d of %d", now.Through, last)
		}
	}
}
