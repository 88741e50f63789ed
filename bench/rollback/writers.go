package main

import (
	"bytes"
	"context"
	"fmt"
	"mime/multipart"
	"net/http"
	"strings"

	"github.com/google/uuid"
)

// batchSize and fileSize are how many claims come at once.
const (
	batchSize = 20
	fileSize  = 200
)

// partner is a program that hands in claims as they come.
type partner struct {
	*clinic

	// source begins the numbers of its claims.
	source string
}

type batch struct {
	Upload struct {
		ID       string `json:"id"`
		Accepted int    `json:"accepted_row_count"`
	} `json:"upload"`
}

func (p *partner) round(ctx context.Context, n int) {
	claims := make([]newClaim, batchSize)
	for i := range claims {
		claims[i] = made(p.source, n*batchSize+i)
	}
	named := []string{"Idempotency-Key", uuid.NewString()}
	answer, ok := post[batch](ctx, &p.key, http.StatusCreated, "/api/v1/claims/batch/", claims, named...)
	if !ok {
		return
	}
	p.key.expectf(answer.Upload.Accepted == batchSize, "of %d claims %d were taken", batchSize, answer.Upload.Accepted)
	p.ledger.note(func(l *ledger) {
		for _, c := range claims {
			l.claims[c.ClaimNumber] = true
		}
	})
	if n%4 != 0 {
		return
	}
	// A second time by the same name: the same answer, whichever server gives it.
	again, ok := post[batch](ctx, &p.key, http.StatusCreated, "/api/v1/claims/batch/", claims, named...)
	p.key.expectf(!ok || again == answer, "the same batch again is %+v, and was %+v", again, answer)
}

// uploadEvery is in how many rounds a file is handed in: reading them takes longer
// than sending them.
const uploadEvery = 6

// upload hands in a file that is read in the background.
func (c *clinic) upload(ctx context.Context, n int) {
	if n%uploadEvery != 0 {
		_, _ = get[map[string]any](ctx, &c.key, "/api/v1/uploads/stats/")
		return
	}
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	name := fmt.Sprintf("file-%d.csv", n)
	part, err := form.CreateFormFile("file", name)
	if err != nil {
		c.key.faults.addf("%v", err)
		return
	}
	var text strings.Builder
	text.WriteString("claim_number,payer,cpt,submitted_date,decided_date,outcome,billed_amount\n")
	numbers := make([]string, fileSize)
	for i := range numbers {
		claim := made("F", n*fileSize+i)
		numbers[i] = claim.ClaimNumber
		fmt.Fprintf(&text, "%s,%s,%s,%s,%s,%s,%s\n", claim.ClaimNumber, claim.Payer, claim.CPT, claim.SubmittedDate, claim.DecidedDate, claim.Outcome, claim.BilledAmount)
	}
	_, _ = part.Write([]byte(text.String())) // into memory
	if err := form.Close(); err != nil {
		c.key.faults.addf("%v", err)
		return
	}
	answer, ok := read[struct {
		ID string `json:"id"`
	}](&c.key, name)(c.key.send(ctx, request{
		method: http.MethodPost, path: "/api/v1/uploads/", want: http.StatusAccepted, body: body.Bytes(),
		headers: []string{"Content-Type", form.FormDataContentType(), "Prefer", "respond-async"},
	}))
	if !ok {
		return
	}
	c.ledger.note(func(l *ledger) {
		l.files[name] = true
		for _, number := range numbers {
			l.claims[number] = true
		}
	})
	_, _ = get[map[string]any](ctx, &c.key, "/api/v1/uploads/"+answer.ID+"/")
}

// rename makes a mapping by one API and changes it by the other.
func (c *clinic) rename(ctx context.Context, n int) {
	raw, first, second := fmt.Sprintf("PAYER NO %d", n), fmt.Sprintf("Payer %d", n), fmt.Sprintf("Payer %d, renamed", n)
	created, ok := post[struct {
		ID string `json:"id"`
	}](ctx, &c.key, http.StatusCreated, "/api/v1/payer-mappings/", map[string]string{"raw_name": raw, "normalized_name": first})
	if !ok {
		return
	}
	c.ledger.note(func(l *ledger) { l.mappings[raw] = first })
	changed, ok := query[struct {
		UpdatePayerMapping struct {
			UserErrors []struct{ Message string }
		}
	}](ctx, &c.key, `mutation($id: ID!, $name: String!) {
		updatePayerMapping(input: {id: $id, normalizedName: $name}) { userErrors { message } } }`, map[string]any{"id": created.ID, "name": second})
	c.key.expectf(len(changed.UpdatePayerMapping.UserErrors) == 0, "a mapping cannot be changed: %+v", changed.UpdatePayerMapping.UserErrors)
	if !ok || len(changed.UpdatePayerMapping.UserErrors) > 0 {
		return
	}
	c.ledger.note(func(l *ledger) { l.mappings[raw] = second })
	stored, ok := get[struct {
		Name string `json:"normalized_name"`
	}](ctx, &c.key, "/api/v1/payer-mappings/"+created.ID+"/")
	c.key.expectf(!ok || stored.Name == second, "a mapping is %q and was changed to %q", stored.Name, second)
}

// detect asks for a run in the background.
func (c *clinic) detect(ctx context.Context, _ int) {
	run, ok := post[struct {
		ID string `json:"id"`
	}](ctx, &c.key, http.StatusAccepted, "/api/v1/reports/trigger/", map[string]any{"as_of": "2026-05-01"})
	if !ok {
		return
	}
	c.ledger.note(func(l *ledger) { l.runs[run.ID] = true })
	_, _ = get[map[string]any](ctx, &c.key, "/api/v1/reports/"+run.ID+"/")
}

// operate makes a rule, changes it, and sends a test to the webhook endpoint.
func (c *clinic) operate(ctx context.Context, n int) {
	name := fmt.Sprintf("Rule %d", n)
	rule, ok := post[struct {
		ID string `json:"id"`
	}](ctx, &c.key, http.StatusCreated, "/api/v1/alert-rules/", map[string]any{
		"name": name, "metric": "severity", "threshold_type": "gte", "threshold_value": 0.5, "severity": "warning",
	})
	if ok {
		c.ledger.note(func(l *ledger) { l.rules[name] = "0.5" })
		_, ok = change[map[string]any](ctx, &c.key, request{
			method: http.MethodPatch, path: "/api/v1/alert-rules/" + rule.ID + "/", want: http.StatusOK,
		}, map[string]any{"threshold_value": 0.75, "enabled": n%8 == 0})
	}
	if ok {
		c.ledger.note(func(l *ledger) { l.rules[name] = "0.75" })
	}
	test, ok := post[struct {
		ID string `json:"id"`
	}](ctx, &c.key, http.StatusAccepted, "/api/v1/webhook-endpoints/"+c.endpoint+"/test/", map[string]any{})
	if ok {
		c.ledger.note(func(l *ledger) { l.tests[test.ID] = true })
	}
}
