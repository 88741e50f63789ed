package main

import (
	"context"
	"encoding/json"
	"fmt"
	"regexp"
	"strings"

	"upstream/bench/seed"
	"upstream/models"
)

// requestCase is a request that is measured.
type requestCase struct {
	name string
	// path is a REST resource; query a GraphQL document with variables.
	path, query string
	variables   map[string]any
	// first, when set, is the case whose first page this is a page far behind of.
	first string
}

func (c requestCase) request(base, bearer string) (request, error) {
	if c.query == "" {
		return request{url: base + c.path, bearer: bearer}, nil
	}
	body, err := json.Marshal(map[string]any{"query": c.query, "variables": c.variables})
	return request{url: base + "/graphql", bearer: bearer, body: body}, err
}

// slug is the name as a file has it.
func (c requestCase) slug() string {
	return strings.Trim(regexp.MustCompile(`[^a-z0-9]+`).ReplaceAllString(strings.ToLower(c.name), "-"), "-")
}

const (
	claimsQuery = `query Claims($after: String) {
  claims(first: 50, after: $after) {
    nodes { id payer cpt cptGroup submittedDate decidedDate outcome billedAmount allowedAmount denialReasonCode }
    pageInfo { hasNextPage endCursor }
  }
}`
	eventsQuery = `query Events {
  driftEvents(first: 50) {
    nodes { id payer cptGroup driftType severity confidence currentValue baselineValue deltaValue createdAt }
    pageInfo { hasNextPage endCursor }
  }
}`
	nestedQuery = `query Reports {
  reportRuns(first: 10) {
    nodes {
      id status startedAt finishedAt
      driftEvents(first: 10) { nodes { id payer cptGroup driftType severity createdAt } }
    }
  }
}`
	claimsPath = "/api/v1/claims/?page_size=50"
)

// The names of the cases whose pages far behind are measured, too.
const (
	graphClaims = "GraphQL: 50 claims, ten fields"
	restClaims  = "REST: 50 claims by cursor"
)

// far is how many claims precede a page far behind, where there are so many.
const far = 100_000

// cases are all requests that are measured, of a customer with claims.
func cases(ctx context.Context, db *seed.Database, facts *seed.Facts) ([]requestCase, error) {
	behind := min(far, int(facts.Claims)/2)
	deep, err := cursorAt(ctx, db, facts, behind)
	if err != nil {
		return nil, err
	}
	number := max(1, behind/50)
	days := fmt.Sprintf("&start_date=%s&end_date=%s", facts.Today.AddDays(-45), facts.Today.AddDays(-43))
	return []requestCase{
		{name: graphClaims, query: claimsQuery},
		{name: "GraphQL: 50 drift events", query: eventsQuery},
		{name: "GraphQL: 10 runs with 10 events each", query: nestedQuery},
		{name: "REST: 50 drift events, page 1 with its count", path: "/api/v1/drift-events/?page_size=50"},
		{name: "REST: 50 claims by outcome and day, with their count", path: claimsPath + "&outcome=DENIED" + days},
		{name: restClaims, path: claimsPath + "&cursor="},
		{name: fmt.Sprintf("REST: claims, page %d", number), path: fmt.Sprintf("%s&page=%d", claimsPath, number)},
		{name: "REST: payer summary, 90 days", path: "/api/v1/claims/payer_summary/"},
		{name: "REST: dashboard", path: "/api/v1/dashboard/"},
		{name: "GraphQL: 50 claims far behind", query: claimsQuery, variables: map[string]any{"after": deep}, first: graphClaims},
		{name: "REST: 50 claims far behind", path: claimsPath + "&cursor=n" + deep, first: restClaims},
	}, nil
}

// cursorAt points at the claim with so many before it.
func cursorAt(ctx context.Context, db *seed.Database, facts *seed.Facts, behind int) (string, error) {
	page := models.List[models.ClaimOrderField]{Page: models.Page{Limit: 1, Number: max(1, behind)}}
	rows, err := db.Store.Claims(ctx, models.SystemViewer(facts.ID), models.ClaimFilter{}, page)
	if err != nil {
		return "", err
	}
	if len(rows.Cursors) == 0 {
		return "", fmt.Errorf("there are no %d claims", behind)
	}
	return rows.Cursors[0], nil
}
