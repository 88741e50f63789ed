package graph_test

import (
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"upstream/graph"
	"upstream/models"
)

const (
	typeJSON     = "application/json"
	typeResponse = "application/graphql-response+json"
)

// TestStatusAndMediaType pairs every kind of failure with both media types.
func TestStatusAndMediaType(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for name, c := range map[string]struct {
		body           string
		json, response int
		data           string // "absent", "null" or "object"
	}{
		"OK":                {`{"query": "{ __typename }"}`, 200, 200, "object"},
		"NullMembers":       {`{"query": "{ __typename }", "variables": null, "operationName": null, "extensions": null}`, 200, 200, "object"},
		"UnknownMember":     {`{"query": "{ __typename }", "id": 1, "extensions": {"a": 1}}`, 200, 200, "object"},
		"OperationName":     {`{"query": "query A { __typename } query B { x: __typename }", "operationName": "B"}`, 200, 200, "object"},
		"FieldError":        {`{"query": "{ node(id: \"x\") { id } }"}`, 200, 200, "object"},
		"FieldErrorAtRoot":  {`{"query": "{ claims(first: -1) { totalCount } }"}`, 200, 200, "null"},
		"Syntax":            {`{"query": "{"}`, 200, 400, "absent"},
		"Validation":        {`{"query": "{ nothing }"}`, 200, 400, "absent"},
		"MissingVariable":   {`{"query": "query($id: ID!) { node(id: $id) { id } }"}`, 200, 400, "absent"},
		"BadVariable":       {`{"query": "query($n: Int) { claims(first: $n) { totalCount } }", "variables": {"n": "x"}}`, 200, 400, "absent"},
		"NoSuchOperation":   {`{"query": "query A { __typename }", "operationName": "B"}`, 200, 400, "absent"},
		"WhichOperation":    {`{"query": "query A { __typename } query B { __typename }"}`, 200, 400, "absent"},
		"TooComplex":        {`{"query": "{ ` + strings.Repeat("viewer { email } ", 21) + `}"}`, 200, 400, "absent"},
		"NoQuery":           {`{}`, 400, 400, "absent"},
		"BlankQuery":        {`{"query": " "}`, 400, 400, "absent"},
		"QueryIsNumber":     {`{"query": 1}`, 400, 400, "absent"},
		"QueryIsObject":     {`{"query": {}}`, 400, 400, "absent"},
		"NameIsObject":      {`{"query": "{ __typename }", "operationName": {}}`, 400, 400, "absent"},
		"VariablesAreList":  {`{"query": "{ __typename }", "variables": []}`, 400, 400, "absent"},
		"VariablesAreText":  {`{"query": "{ __typename }", "variables": "x"}`, 400, 400, "absent"},
		"ExtensionsAreText": {`{"query": "{ __typename }", "extensions": "x"}`, 400, 400, "absent"},
		"Malformed":         {`{"query": "secret`, 400, 400, "absent"},
		"NotAnObject":       {`"x"`, 400, 400, "absent"},
		"EmptyBody":         {``, 400, 400, "absent"},
		"TwoValues":         {`{"query": "{ __typename }"} {}`, 400, 400, "absent"},
		"Batch":             {` [{"query": "{ __typename }"}, {"query": "{ __typename }"}]`, 400, 400, "absent"},
	} {
		for mediaType, status := range map[string]int{typeJSON: c.json, typeResponse: c.response} {
			t.Run(name+"/"+mediaType, func(t *testing.T) {
				t.Parallel()
				w := w.in(t)
				r := w.post(w.viewer, c.body, http.Header{"Accept": {mediaType}})
				if r.Status != status || r.Header.Get("Content-Type") != mediaType+"; charset=utf-8" {
					t.Errorf("%d %s", r.Status, r.Header.Get("Content-Type"))
				}
				data := map[string]string{"": "absent", "null": "null"}[string(r.Data)]
				if data == "" {
					data = "object"
				}
				if data != c.data || c.data == "absent" && r.code() == "" {
					t.Errorf("data %s: %s", data, r.Body)
				}
				if strings.Contains(r.Body, "secret") {
					t.Errorf("the answer repeats the body: %s", r.Body)
				}
			})
		}
	}
}

func TestIntrospectionRefusedByStatus(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	r := w.post(models.Viewer{}, `{"query": "{ __schema { types { name } } }"}`, http.Header{"Accept": {typeResponse}})
	if r.Status != 401 || r.code() != "UNAUTHENTICATED" || r.Header.Get("WWW-Authenticate") != "Bearer" {
		t.Errorf("%d %v %s", r.Status, r.Header, r.Body)
	}
}

func TestPostRules(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for contentType, status := range map[string]int{
		"application/json": 200, "application/json; charset=utf-8": 200, "Application/JSON;charset=UTF-8": 200,
		"": 415, "text/plain": 415, "application/x-www-form-urlencoded": 415, "multipart/form-data; boundary=x": 415,
		"application/graphql": 415, "application/json; charset=iso-8859-1": 415, "application/json;": 200, "json": 415,
	} {
		r := w.post(w.viewer, `{"query": "{ __typename }"}`, http.Header{"Content-Type": {contentType}})
		if r.Status != status || (status != 200) != (r.code() == "VALIDATION") {
			t.Errorf("%q: %d %s", contentType, r.Status, r.Body)
		}
	}
	for name, r := range map[string]response{
		"Accept": w.post(w.viewer, `{"query": "{ __typename }"}`, http.Header{"Accept": {"text/html"}}),
		"PUT":    w.do(w.viewer, httptest.NewRequest(http.MethodPut, "/graphql", strings.NewReader("{}"))),
		"DELETE": w.do(w.viewer, httptest.NewRequest(http.MethodDelete, "/graphql", nil)),
	} {
		want := map[string]int{"Accept": 406}[name]
		if want == 0 {
			want = 405
		}
		if r.Status != want || r.code() != "VALIDATION" || want == 405 && r.Header.Get("Allow") != "GET, POST" {
			t.Errorf("%s: %d %v %s", name, r.Status, r.Header, r.Body)
		}
	}
	h := w.post(w.viewer, `{"query": "{ __typename }"}`, nil).Header
	if h.Get("Cache-Control") != "private, no-store" || h.Get("Vary") == "" {
		t.Errorf("headers: %v", h)
	}
}

func (w *world) get(v models.Viewer, params url.Values, header http.Header) response {
	w.t.Helper()
	req := httptest.NewRequest(http.MethodGet, "/graphql?"+params.Encode(), nil)
	maps.Copy(req.Header, header)
	return w.do(v, req)
}

func TestGetRules(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ok := url.Values{"query": {`query($n: Int) { claims(first: $n) { nodes { id } } }`}, "variables": {`{"n": 3}`}}

	t.Run("Query", func(t *testing.T) {
		t.Parallel()
		w := w.in(t)
		if r := w.get(w.viewer, ok, nil); r.Status != 200 || r.code() != "" {
			t.Errorf("%d %s", r.Status, r.Body)
		}
	})
	t.Run("Mutation", func(t *testing.T) {
		t.Parallel()
		w := w.in(t)
		for _, accept := range []string{typeJSON, typeResponse} {
			r := w.get(w.analyst, url.Values{"query": {`mutation { detectDrift(input: {}) { reportRun { id } } }`}}, http.Header{"Accept": {accept}})
			if r.Status != 405 || r.code() != "VALIDATION" || r.Header.Get("Allow") != "POST" {
				t.Errorf("%d %s", r.Status, r.Body)
			}
		}
		if n := at(t, w.data(w.analyst, `{ reportRuns { totalCount } }`), "reportRuns", "totalCount"); n != 0.0 {
			t.Errorf("%v runs were made", n)
		}
	})
	t.Run("HiddenMutation", func(t *testing.T) {
		t.Parallel()
		w := w.in(t)
		r := w.get(w.analyst, url.Values{"query": {`query A { __typename } mutation B { detectDrift(input: {}) { reportRun { id } } }`}, "operationName": {"B"}}, nil)
		if r.Status != 405 {
			t.Errorf("%d %s", r.Status, r.Body)
		}
	})
	t.Run("Malformed", func(t *testing.T) {
		t.Parallel()
		w := w.in(t)
		for _, params := range []url.Values{
			{},
			{"query": {""}},
			{"query": {"{ __typename }"}, "variables": {"x"}},
			{"query": {"{ __typename }"}, "variables": {"[]"}},
			{"query": {"{ __typename }"}, "extensions": {"1"}},
			{"query": {"{ __typename }"}, "variables": {"{} {}"}},
		} {
			if r := w.get(w.viewer, params, nil); r.Status != 400 || r.code() != "VALIDATION" {
				t.Errorf("%v: %d %s", params, r.Status, r.Body)
			}
		}
		req := httptest.NewRequest(http.MethodGet, "/graphql", nil)
		req.URL.RawQuery = "query=%zz"
		if r := w.do(w.viewer, req); r.Status != 400 {
			t.Errorf("%d %s", r.Status, r.Body)
		}
	})
	t.Run("CrossSite", func(t *testing.T) {
		t.Parallel()
		w := w.in(t)
		for header, status := range map[[2]string]int{
			{"Sec-Fetch-Site", "cross-site"}: 403, {"Sec-Fetch-Site", "same-site"}: 403,
			{"Sec-Fetch-Site", "same-origin"}: 200, {"Sec-Fetch-Site", "none"}: 200,
		} {
			if r := w.get(w.viewer, ok, http.Header{header[0]: {header[1]}}); r.Status != status {
				t.Errorf("%v: %d %s", header, r.Status, r.Body)
			}
		}
		for _, asked := range []string{"Authorization", "Graphql-Preflight"} {
			if r := w.get(w.viewer, ok, http.Header{"Sec-Fetch-Site": {"cross-site"}, asked: {"1"}}); r.Status != 200 {
				t.Errorf("%s: %d %s", asked, r.Status, r.Body)
			}
		}
	})
	t.Run("TooLong", func(t *testing.T) {
		t.Parallel()
		w := newWorldWith(t, graph.Options{Limits: forAll(graph.Limits{Body: 100})})
		if r := w.get(w.viewer, url.Values{"query": {"{ __typename }"}, "x": {strings.Repeat("a", 100)}}, nil); r.Status != 413 || r.code() != "PAYLOAD_TOO_LARGE" {
			t.Errorf("%d %s", r.Status, r.Body)
		}
	})
}

// TestCachedDocumentsAreCheckedAgain asks the same text twice: the second time
// it comes from the cache, and everything that depends on who asks and with
// which variables still holds.
func TestCachedDocumentsAreCheckedAgain(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	const query = `query($n: Int) { claims(first: $n) { nodes { id payer cpt } } reportRuns(first: $n) { nodes { driftEvents(first: $n) { nodes { id payer cptGroup severity } } } } }`
	for range 2 {
		if r := w.ask(w.viewer, query, map[string]any{"n": 1}); r.code() != "" {
			t.Error(r.Body)
		}
		if r := w.ask(w.viewer, query, map[string]any{"n": 100}); r.code() != "TOO_COMPLEX" {
			t.Error(r.Body)
		}
		if r := w.ask(models.Viewer{}, query, map[string]any{"n": 1}); r.code() != "UNAUTHENTICATED" {
			t.Error(r.Body)
		}
	}
}
