package main

import (
	"net/url"
	"strconv"

	"upstream/models"
)

// line is one line of the table: a request, or work of its own.
type line struct {
	name string
	// path is a REST resource, query a GraphQL document.
	path, query string
	// plotted says that it is in the plot.
	plotted bool
}

func detectionLine() line { return line{name: "drift detection, one run", plotted: true} }
func ingestionLine() line { return line{name: "ingestion of the file", plotted: true} }

// claims is a list of claims in REST, a page of 50 unless q says otherwise, with
// names and values.
func claims(q ...string) string {
	values := url.Values{}
	for i := 0; i < len(q); i += 2 {
		values.Set(q[i], q[i+1])
	}
	return "/api/v1/claims/?" + values.Encode()
}

// total is a request for the number of claims that pass a filter.
func total(q ...string) string {
	return claims(append(q, "cursor", "", "count", "exact", "page_size", "1")...)
}

// first is a request for the first page of the claims that pass a filter.
func first(q ...string) string { return claims(append(q, "cursor", "")...) }

// cases are the requests, in the order of the table.
func (s *site) cases() []line {
	payer, code := s.facts.Payers[0], s.facts.Codes[0]
	lastPayer := s.facts.Payers[len(s.facts.Payers)-1]
	middle := strconv.Itoa(1 + s.half/models.DefaultPageSize)
	// In the middle of months, so that both are counted in part.
	since, until := s.facts.Today.AddDays(-400).FirstOfMonth().AddDays(14).String(), s.facts.Today.AddDays(-100).FirstOfMonth().AddDays(14).String()
	event := "/api/v1/drift-events/" + s.facts.EventIDs[0].String() + "/"
	return []line{
		{name: "claims, first page", path: first(), plotted: true},
		{name: "claims, first page (GraphQL)", query: `{ claims(first: 50) { nodes { id payer cpt decidedDate outcome billedAmount } pageInfo { hasNextPage endCursor } } }`},
		{name: "claims of a payer", path: first("payer", payer)},
		{name: "claims of a payer with few", path: first("payer", lastPayer)},
		{name: "denied claims", path: first("outcome", "DENIED")},
		{name: "claims of a group", path: first("cpt_group", "IMAGING")},
		{name: "claims of a code", path: first("cpt", code)},
		{name: "claims of a code that none has", path: first("cpt", "00000")},
		{name: "claims of a group that none has", path: first("cpt_group", "NONE")},
		{name: "claims above an amount that none has", path: first("min_amount", "9999999")},
		{name: "claims by a word of payers", path: first("search", payer)},
		{name: "claims by a word that nothing has", path: first("search", "zzzz")},
		{name: "total of all claims", path: total(), plotted: true},
		{name: "total of all claims (GraphQL)", query: `{ claims(first: 1) { totalCount } }`},
		{name: "total of a payer", path: total("payer", payer)},
		{name: "total of denied claims", path: total("outcome", "DENIED")},
		{name: "total of a group", path: total("cpt_group", "IMAGING")},
		{name: "total of days", path: total("start_date", since, "end_date", until)},
		{name: "total of a payer's denied claims, two months in part", path: total("payer", payer, "outcome", "DENIED", "start_date", since, "end_date", until), plotted: true},
		{name: "total of a group, two months in part", path: total("cpt_group", "IMAGING", "start_date", since, "end_date", until)},
		{name: "total of a code", path: total("cpt", code)},
		{name: "total of an upload", path: total("upload", s.facts.UploadIDs[0].String())},
		{name: "claims in the middle, by cursor", path: claims("cursor", "n"+s.middle), plotted: true},
		{name: "claims in the middle, by number", path: claims("page", middle, "count", "none"), plotted: true},
		{name: "claims in the middle, by number, oldest first", path: claims("page", middle, "count", "none", "ordering", "decided_date")},
		{name: "claims, last page", path: claims("page", "last"), plotted: true},
		{name: "claims by payer, page 1,000", path: claims("page", strconv.Itoa(min(1000, s.half/models.DefaultPageSize)), "count", "none", "ordering", "payer")},
		{name: "one claim", path: "/api/v1/claims/" + s.facts.ClaimIDs[0].String() + "/"},
		{name: "one upload", path: "/api/v1/uploads/" + s.facts.UploadIDs[0].String() + "/"},
		{name: "uploads", path: "/api/v1/uploads/"},
		{name: "drift events", path: "/api/v1/drift-events/"},
		{name: "claims behind a drift event", path: event + "claims/?cursor="},
		{name: "evidence of a drift event", path: event + "evidence/"},
		{name: "payer summary, 90 days", path: "/api/v1/claims/payer_summary/", plotted: true},
		{name: "a payer's claims in the summary (GraphQL)", query: `{ payerSummary(first: 5) { nodes { payer claims(first: 5) { totalCount nodes { id } } } } }`},
		{name: "dashboard", path: "/api/v1/dashboard/", plotted: true},
		{name: "statistics by payer", path: "/api/v1/claims/stats/", plotted: true},
		{name: "statistics by payer, twelve months", path: "/api/v1/claims/stats/?from_month=" + models.MonthOf(s.facts.Today.AddDays(-335)).String()},
	}
}
