package web

import (
	"bytes"
	"encoding/json"
)

// exampleProblem writes the body of an answer about p.
func exampleProblem(p problem) (string, error) {
	type field struct {
		Path    string `json:"path"`
		Code    string `json:"code"`
		Message string `json:"message"`
	}
	body := struct {
		Type      string  `json:"type"`
		Title     string  `json:"title"`
		Status    int     `json:"status"`
		Detail    string  `json:"detail"`
		Instance  string  `json:"instance"`
		Code      string  `json:"code"`
		RequestID string  `json:"request_id"`
		Errors    []field `json:"errors"`
	}{
		Type: problemPrefix + p.Slug, Title: p.Title, Status: p.Status, Detail: p.Detail, Instance: "/api/v1/claims/",
		Code: p.Code, RequestID: "0d8f2a52-9a35-4ef6-b0a3-ef2b4f2c9d0e", Errors: []field{},
	}
	for _, f := range p.Fields {
		body.Errors = append(body.Errors, field(f))
	}
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false) // the template escapes
	encoder.SetIndent("", "  ")
	err := encoder.Encode(body)
	return text.String(), err
}

// problemPages are the pages about errors, and the list of them.
func problemPages() []htmlPage {
	pages := []htmlPage{{problemPrefix[:len(problemPrefix)-1], "problems.html", landingPolicy, problems()}}
	for _, p := range problems() {
		pages = append(pages, htmlPage{problemPrefix + p.Slug, "problem.html", landingPolicy, p})
	}
	return pages
}
