package graph_test

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"upstream/graph"
	"upstream/internal/throttle"
	"upstream/models"
)

func throttledWorld(t *testing.T, rates throttle.Rates) *world {
	t.Helper()
	th, err := throttle.New(throttle.Options{Rates: rates, Logger: slog.New(slog.DiscardHandler), Now: func() time.Time { return now }})
	if err != nil {
		t.Fatal(err)
	}
	return newWorldWith(t, graph.Options{Throttle: th})
}

// wantLimited demands a refusal by HTTP, with nothing executed.
func wantLimited(t *testing.T, r response, class throttle.Class) {
	t.Helper()
	if r.Status != http.StatusTooManyRequests || r.code() != "RATE_LIMITED" || r.Data != nil {
		t.Fatalf("%d %s", r.Status, r.Body)
	}
	after := r.Header.Get("Retry-After")
	if !strings.Contains(r.Body, `"retryAfter":`+after) || !strings.Contains(r.Header.Get("RateLimit"), `"`+string(class)+`";r=`) {
		t.Errorf("%s\n%v", r.Body, r.Header)
	}
}

func (w *world) left(r response) string {
	w.t.Helper()
	limit, _, _ := strings.Cut(r.Header.Get("RateLimit"), ";t=")
	return limit
}

func TestThrottle_QueriesPayByCost(t *testing.T) {
	t.Parallel()
	w := throttledWorld(t, throttle.Rates{throttle.ReadOnly: {Limit: 10, Window: time.Hour}})
	cheap := w.ask(w.viewer, `{ viewer { email } }`)
	if w.left(cheap) != `"read_only";r=9` || cheap.Header.Get("RateLimit-Policy") != `"read_only";q=10;w=3600` || len(cheap.Errors) > 0 {
		t.Fatalf("%s %v", cheap.Body, cheap.Header)
	}
	page := `{ claims(first: 100) { nodes { id payer cpt cptGroup submittedDate decidedDate outcome billedAmount allowedAmount denialReasonCode } } }`
	dear := w.ask(w.viewer, page)
	if cost := dear.Extensions.Cost; cost == nil || cost.Requested <= 1000 || cost.Requested > 2000 || w.left(dear) != `"read_only";r=7` {
		t.Fatalf("%s %v", dear.Body, dear.Header)
	}
	// What cannot be run costs one, even if it would have cost more than there is.
	for _, query := range []string{`{`, `{ nothing }`} {
		if r := w.ask(w.viewer, query); len(r.Errors) == 0 || r.Status == http.StatusTooManyRequests {
			t.Fatalf("%s", r.Body)
		}
	}
	tooDear := `{ a: claims(first: 100) { nodes { upload { rejections(first: 100) { nodes { message } } } } } b: claims(first: 100) { nodes { upload { claims(first: 100) { nodes { id payer cpt } } } } } }`
	if r := w.ask(w.viewer, tooDear); r.code() != "TOO_COMPLEX" && r.code() != "VALIDATION" || w.left(r) != `"read_only";r=4` {
		t.Fatalf("%s %v", r.Body, r.Header)
	}
	if r := w.post(w.viewer, `[]`, nil); r.Status != http.StatusBadRequest || w.left(r) != `"read_only";r=3` {
		t.Fatalf("%s %v", r.Body, r.Header)
	}
	for range 3 {
		w.data(w.viewer, `{ viewer { email } }`)
	}
	wantLimited(t, w.ask(w.viewer, `{ viewer { email } }`), throttle.ReadOnly)
	wantLimited(t, w.ask(w.viewer, `{ nothing }`), throttle.ReadOnly)
	wantLimited(t, w.post(w.viewer, `{"query":"{ viewer { email } }"}`, http.Header{"Accept": {"application/graphql-response+json"}}), throttle.ReadOnly)
	w.data(w.analyst, `{ viewer { email } }`) // a budget of their own
}

func TestThrottle_MutationsPayByField(t *testing.T) {
	t.Parallel()
	w := throttledWorld(t, throttle.Rates{
		throttle.ReportGeneration: {Limit: 3, Window: time.Hour}, throttle.ReadOnly: {Limit: 1, Window: time.Hour},
	})
	w.ingest(w.analyst, "shift.csv", shiftedFile())
	detect := `detectDrift(input: {}) { reportRun { id } userErrors { code } }`
	r := w.ask(w.analyst, `mutation { a: `+detect+` ...more } fragment more on Mutation { b: `+detect+` }`)
	if len(r.Errors) > 0 || w.left(r) != `"report_generation";r=1` {
		t.Fatalf("%s %v", r.Body, r.Header)
	}
	wantLimited(t, w.ask(w.analyst, `mutation { a: `+detect+` b: `+detect+` }`), throttle.ReportGeneration)
	got := w.data(w.analyst, `{ reportRuns { totalCount } }`)
	equal(t, at(t, got, "reportRuns", "totalCount"), `2`)
	w.data(w.analyst, `mutation { `+detect+` }`) // the refused one has drawn nothing
	wantLimited(t, w.ask(w.analyst, `mutation { `+detect+` }`), throttle.ReportGeneration)
}

func TestThrottle_AnonymousByAddress(t *testing.T) {
	t.Parallel()
	w := throttledWorld(t, throttle.Rates{throttle.Anonymous: {Limit: 2, Window: time.Hour}})
	query := `{"query":"{ viewer { email } }"}`
	for left := range 2 {
		if r := w.post(models.Viewer{}, query, nil); r.code() != "UNAUTHENTICATED" || w.left(r) != `"anonymous";r=`+[]string{"1", "0"}[left] {
			t.Fatalf("%s %v", r.Body, r.Header)
		}
	}
	wantLimited(t, w.post(models.Viewer{}, query, nil), throttle.Anonymous)
	wantLimited(t, w.do(models.Viewer{}, httptest.NewRequest(http.MethodGet, "/graphql?query=mutation", nil)), throttle.Anonymous)
	w.data(w.viewer, `{ viewer { email } }`)
}

// A refusal that precedes the handler has the same shape.
func TestThrottle_RefusedBeforehand(t *testing.T) {
	t.Parallel()
	err := models.NewError(models.CodeRateLimited, "Enough.")
	err.RetryAfter = 7 * time.Second
	rec := httptest.NewRecorder()
	graph.Refuse(graph.Options{Logger: slog.New(slog.DiscardHandler)})(rec, httptest.NewRequest(http.MethodPost, "/graphql", nil), err)
	if rec.Code != http.StatusTooManyRequests || rec.Header().Get("Retry-After") != "7" || !strings.Contains(rec.Body.String(), `"retryAfter":7`) {
		t.Errorf("%d %v %s", rec.Code, rec.Header(), rec.Body)
	}
}
