package graph_test

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"upstream/graph"
	"upstream/models"
)

func hashOf(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])
}

// byHash is a request with the hash of a query, and with the query itself when
// that is sent, too.
func byHash(query, hash string) string {
	params := map[string]any{"extensions": map[string]any{"persistedQuery": map[string]any{"version": 1, "sha256Hash": hash}}}
	if query != "" {
		params["query"] = query
	}
	return string(marshalled(params))
}

// TestPersistedQueries speaks Apollo's protocol as its clients do.
func TestPersistedQueries(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	const query = `{ viewer { email } }`
	hash := hashOf(query)
	for mediaType, status := range map[string]int{typeJSON: 200, typeResponse: 404} {
		r := w.post(w.viewer, byHash("", hash), http.Header{"Accept": {mediaType}})
		if r.Status != status || r.code() != "PERSISTED_QUERY_NOT_FOUND" || r.Errors[0].Message != "PersistedQueryNotFound" {
			t.Errorf("unknown: %d %s", r.Status, r.Body)
		}
	}
	first := w.post(w.viewer, byHash(query, hash), nil)
	again := w.post(w.viewer, byHash("", hash), nil)
	if first.code() != "" || string(first.Data) != string(again.Data) || !strings.Contains(again.Body, w.viewer.Email) {
		t.Errorf("first %s\nagain %s", first.Body, again.Body)
	}
	// A colleague shares it; another customer and a stranger learn nothing.
	if r := w.post(w.analyst, byHash("", hash), nil); !strings.Contains(r.Body, w.analyst.Email) {
		t.Errorf("colleague: %s", r.Body)
	}
	unknown := w.post(w.rival, byHash("", hashOf("{ never }")), nil)
	for who, v := range map[string]models.Viewer{"another customer": w.rival, "a stranger": {RequestID: "req-1"}} {
		if r := w.post(v, byHash("", hash), nil); r.Body != unknown.Body || r.Status != unknown.Status {
			t.Errorf("%s: %d %s, for an unknown one %d %s", who, r.Status, r.Body, unknown.Status, unknown.Body)
		}
	}
}

func TestPersistedQueriesAreChecked(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for name, body := range map[string]string{
		"another's hash":   byHash("{ viewer { email } }", hashOf("{ x }")),
		"in capitals":      byHash("{ viewer { email } }", strings.ToUpper(hashOf("{ viewer { email } }"))),
		"a short hash":     byHash("", "abc"),
		"no hash":          `{"extensions": {"persistedQuery": {"version": 1}}}`,
		"another version":  strings.Replace(byHash("", hashOf("{ x }")), `"version":1`, `"version":2`, 1),
		"no object":        `{"extensions": {"persistedQuery": 7}}`,
		"neither of both":  `{"extensions": {"other": 1}}`,
		"a document":       `{"documentId": "sha256:` + hashOf("{ x }") + `"}`,
		"a document's key": `{"doc_id": "x"}`,
		"no text":          `{"documentId": 7}`,
	} {
		if r := w.post(w.viewer, body, nil); r.code() != "VALIDATION" {
			t.Errorf("%s: %s", name, r.Body)
		}
	}
	// What fails, or who has not signed in, makes nothing known.
	for name, ask := range map[string]struct {
		as    models.Viewer
		query string
	}{
		"that does not parse": {w.viewer, `{`}, "that is not valid": {w.viewer, `{ nothing }`},
		"that is too complex": {w.viewer, `{ a: claims(first: 100) { nodes { upload { claims(first: 100) { nodes { id payer cpt cptGroup outcome } } } } } }`},
		"of a stranger":       {models.Viewer{}, `{ __typename }`},
	} {
		w.post(ask.as, byHash(ask.query, hashOf(ask.query)), nil)
		if r := w.post(ask.as, byHash("", hashOf(ask.query)), nil); r.code() != "PERSISTED_QUERY_NOT_FOUND" {
			t.Errorf("a query %s: %s", name, r.Body)
		}
	}
	// Limits hold for what is known, too.
	const query = `query($n: Int) { reportRuns(first: $n) { nodes { driftEvents(first: $n) { nodes { id payer cptGroup severity } } } } }`
	if r := w.post(w.viewer, byHash(query, hashOf(query)), nil); r.code() != "" {
		t.Fatal(r.Body)
	}
	body := strings.Replace(byHash("", hashOf(query)), "{", `{"variables": {"n": 100}, `, 1)
	if r := w.post(w.viewer, body, nil); r.code() != "TOO_COMPLEX" {
		t.Errorf("beyond the budget: %s", r.Body)
	}
}

// TestPersistedQueriesByGET follows the rules of every other GET.
func TestPersistedQueriesByGET(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	const query, mutation = `{ viewer { email } }`, `mutation { detectDrift(input: {currentDays: 0}) { userErrors { code } } }`
	for _, document := range []string{query, mutation} {
		if r := w.post(w.analyst, byHash(document, hashOf(document)), nil); r.code() != "" {
			t.Fatal(r.Body)
		}
	}
	params := func(document string) url.Values {
		return url.Values{"extensions": {fmt.Sprintf(`{"persistedQuery":{"version":1,"sha256Hash":%q}}`, hashOf(document))}}
	}
	if r := w.get(w.analyst, params(query), nil); r.Status != 200 || !strings.Contains(r.Body, w.analyst.Email) {
		t.Errorf("%d %s", r.Status, r.Body)
	}
	if r := w.get(w.analyst, params(mutation), nil); r.Status != 405 {
		t.Errorf("a mutation: %d %s", r.Status, r.Body)
	}
	if r := w.get(w.analyst, params(query), http.Header{"Sec-Fetch-Site": {"cross-site"}}); r.Status != 403 {
		t.Errorf("from another site: %d %s", r.Status, r.Body)
	}
	if r := w.get(w.analyst, params("{ never }"), http.Header{"Accept": {typeResponse}}); r.Status != 404 || r.code() != "PERSISTED_QUERY_NOT_FOUND" {
		t.Errorf("unknown: %d %s", r.Status, r.Body)
	}
}

// TestTrustedDocuments runs what is on the list, by any name for it, and
// nothing else.
func TestTrustedDocuments(t *testing.T) {
	t.Parallel()
	const query, mutation = `query Me { viewer { email } }`, `mutation { detectDrift(input: {currentDays: 0}) { userErrors { code } } }`
	trusted, err := graph.ReadTrustedDocuments(marshalled(map[string]string{
		hashOf(query): query, "9f1a7f4e9c1f4f0c8a0e7c0b1d2e3f40": mutation, "introspection": introspectionQuery,
	}))
	if err != nil {
		t.Fatal(err)
	}
	w := newWorldWith(t, graph.Options{Trusted: trusted})
	for name, body := range map[string]string{
		"by its text":             string(marshalled(map[string]any{"query": query})),
		"by a persisted query":    byHash("", hashOf(query)),
		"by both":                 byHash(query, hashOf(query)),
		"by documentId":           `{"documentId": "` + hashOf(query) + `"}`,
		"by documentId, prefixed": `{"documentId": "sha256:` + hashOf(query) + `"}`,
		"by doc_id":               `{"doc_id": "9f1a7f4e9c1f4f0c8a0e7c0b1d2e3f40"}`,
		"of introspection":        `{"doc_id": "introspection"}`,
	} {
		if r := w.post(w.analyst, body, nil); r.code() != "" {
			t.Errorf("a document %s: %s", name, r.Body)
		}
	}
	for name, body := range map[string]string{
		"another text":       string(marshalled(map[string]any{"query": query + " "})),
		"another hash":       byHash("", hashOf("{ x }")),
		"a text and its own": byHash("{ viewer { role } }", hashOf("{ viewer { role } }")),
		"another id":         `{"documentId": "x"}`,
		"an id and a text":   `{"documentId": "x", "query": "{ viewer { role } }"}`,
		"what is no text":    `{"query": "{"}`,
	} {
		for _, v := range []models.Viewer{w.analyst, {}} {
			r := w.post(v, body, http.Header{"Accept": {typeResponse}})
			if r.code() != "DOCUMENT_NOT_TRUSTED" || r.Status != 403 {
				t.Errorf("%s: %d %s", name, r.Status, r.Body)
			}
		}
	}
	if r := w.get(w.analyst, url.Values{"documentId": {hashOf(query)}}, nil); r.Status != 200 || r.code() != "" {
		t.Errorf("by GET: %d %s", r.Status, r.Body)
	}
	if r := w.get(w.analyst, url.Values{"doc_id": {"9f1a7f4e9c1f4f0c8a0e7c0b1d2e3f40"}}, nil); r.Status != 405 {
		t.Errorf("a mutation by GET: %d %s", r.Status, r.Body)
	}
}

func TestTrustedDocumentsAreRead(t *testing.T) {
	t.Parallel()
	for text, words := range map[string][]string{
		``: {"JSON object"}, `[]`: {"JSON object"}, `{"a": 1}`: {"JSON object"}, `{}`: {"holds none"},
		`{"a": "{ nothing }", "b": "{", "c": "{ __typename }"}`: {`"a" is not valid`, `"b" is not valid`},
		`{"` + hashOf("{ x }") + `": "{ __typename }"}`:         {"its SHA-256 is " + hashOf("{ __typename }")},
	} {
		_, err := graph.ReadTrustedDocuments([]byte(text))
		for _, word := range words {
			if err == nil || !strings.Contains(err.Error(), word) || strings.Contains(err.Error(), `"c"`) {
				t.Errorf("%s: %v, want %s", text, err, word)
			}
		}
	}
}
