package graph

import (
	"cmp"
	"net/http"
	"strings"

	"github.com/99designs/gqlgen/graphql"
)

// parameters are what a request is made of.
type parameters struct {
	Query         string         `json:"query"`
	OperationName string         `json:"operationName"`
	Variables     map[string]any `json:"variables"`
	Extensions    map[string]any `json:"extensions"`
	// DocumentID and DocID, as Relay calls it, name a trusted document.
	DocumentID string `json:"documentId"`
	DocID      string `json:"doc_id"`
}

// raw are the parameters as the executor takes them. A query may be left out
// where something else says which one is meant.
func (p parameters) raw(r *request) (*graphql.RawParams, *refusal) {
	r.document = cmp.Or(p.DocumentID, p.DocID)
	if strings.TrimSpace(p.Query) == "" && r.document == "" && p.Extensions[extensionPersisted] == nil {
		refused := invalid(http.StatusBadRequest, "The request has no query.")
		return nil, &refused
	}
	return &graphql.RawParams{Query: p.Query, OperationName: p.OperationName, Variables: p.Variables, Extensions: p.Extensions}, nil
}

// tooManyValues refuses JSON that would fill the memory once it is decoded.
func tooManyValues(text string, r *request) *refusal {
	if n := countValues(text); n > r.limits.Values {
		return &refusal{status: http.StatusBadRequest, err: r.refused("The request holds %d JSON values; at most %d are allowed", n, r.limits.Values)}
	}
	return nil
}

// countValues counts the values in JSON text, those within others included, by
// what begins or separates them. Text that is no JSON has some number, too.
func countValues(text string) int {
	n, quoted := 1, false
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case c == '"':
			quoted = !quoted
		case quoted && c == '\\':
			i++
		case !quoted && (c == ',' || c == '[' || c == '{'):
			n++
		}
	}
	return n
}
