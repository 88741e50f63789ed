package rest_test

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"pgregory.net/rapid"

	"upstream/internal/factory"
	"upstream/models"
	"upstream/rest"
)

// populated is a fixture whose cedar has claims, rejections and a run that
// found something, and whose harbor has claims of its own.
func populated(t *testing.T) (*fixture, string, map[string]any) {
	t.Helper()
	f := setup(t)
	f.cedar.Drifting()
	f.harbor.Ingest(factory.Batch{Payer: "Payer H", CPT: "99213", Outcome: models.OutcomePaid, Count: 3, FirstDay: factory.Today().AddDays(-9), Wait: 2, Billed: 90})
	token := f.as(t, f.cedar, models.RoleAnalyst)
	csv := f.CSV(factory.Batch{Payer: "Payer C", CPT: "70450", Outcome: models.OutcomeOther, Count: 4, FirstDay: factory.Today().AddDays(-30), Days: 4, Wait: 3, Billed: 75})
	csv = append(csv, "X1,Payer C,70450,2026-02-30,2026-03-01,PAID,10\nX2,,70450,2026-02-01,2026-03-01,PAID,10\nX3,Payer C,70450,2026-02-01,2026-03-01,PAID,-1\n"...)
	out := f.upload(t, token, "mixed.csv", csv)
	wantStatus(t, out, http.StatusCreated)
	signals := map[string]any{"signals": []string{"DENIAL_RATE", "DECISION_TIME"}}
	run := f.do(t, request{method: http.MethodPost, path: "/api/v1/drift/detect/", token: token, body: signals})
	wantStatus(t, run, http.StatusCreated)
	report := run.object(t)
	if report["drift_event_count"] == float64(0) {
		t.Fatalf("nothing found: %s", run.body)
	}
	return f, token, report
}

// addEvents puts three more events, one without anything optional, into a run.
func addEvents(t *testing.T, f *fixture, report map[string]any) {
	t.Helper()
	var run models.ReportRunID
	if err := run.UnmarshalText(fmt.Append(nil, report["id"])); err != nil {
		t.Fatal(err)
	}
	day := factory.Today()
	for i, kind := range []models.DriftType{models.DriftDecisionTime, models.DriftPaymentAmount, models.DriftProcessingDelay} {
		f.cedar.Insert(&models.DriftEvent{
			CustomerID: f.cedar.Customer.ID, ID: models.DriftEventID{}.From(uuid.New()), ReportRunID: run, Payer: "Payer B",
			CPTGroup: models.CPTGroupAll, DriftType: kind, DeltaValue: float64(i), CurrentValue: float64(i),
			Severity: 0.1 * float64(i+1), Confidence: 0.5, BaselineStart: day.AddDays(-104), BaselineEnd: day.AddDays(-14),
			CurrentStart: day.AddDays(-14), CurrentEnd: day, BaselineSampleSize: 40, CurrentSampleSize: 40,
			TestMethod: models.TestThreshold, TrendDirection: models.TrendDegrading, ConsecutivePeriods: 1,
			SignalKey: "signal-" + string(kind), Evidence: []byte(`{}`), Version: 1, CreatedAt: factory.Now().Add(time.Duration(i) * time.Hour),
		})
	}
}

// Both ways of paging must visit every row once, in one order, and lead back.
func TestListsPageToTheEnd(t *testing.T) {
	t.Parallel()
	f, token, report := populated(t)
	for range 3 {
		out := f.do(t, request{method: http.MethodPost, path: "/api/v1/drift/detect/", token: token, body: map[string]any{}})
		wantStatus(t, out, http.StatusCreated)
		report = out.object(t) // the newest is the active one
	}
	addEvents(t, f, report)
	run := fmt.Sprint(report["id"])
	mixed := f.list(t, token, "/api/v1/uploads/?search=mixed").Results[0]["id"]
	for path, size := range map[string]int{
		"/api/v1/claims/?ordering=payer,-decided_date&outcome=DENIED": 7,
		"/api/v1/uploads/?ordering=row_count":                         1,
		fmt.Sprintf("/api/v1/uploads/%s/rejections/?", mixed):         2,
		"/api/v1/reports/?ordering=status":                            3,
		"/api/v1/reports/" + run + "/tests/?ordering=-p_value":        2,
		"/api/v1/reports/" + run + "/drift-events/?":                  1,
		"/api/v1/drift-events/?ordering=severity":                     2,
		"/api/v1/drift-events/active/?":                               1,
	} {
		t.Run(path, func(t *testing.T) {
			t.Parallel()
			whole := f.list(t, token, path+"&page_size=1000")
			if len(whole.Results) <= size || whole.Next != nil || whole.Previous != nil || *whole.Count != int64(len(whole.Results)) {
				t.Fatalf("%d rows, count %v, next %v", len(whole.Results), whole.Count, whole.Next)
			}
			for _, mode := range []string{"&page=1", "&cursor="} {
				checkPaging(t, f, token, fmt.Sprintf("%s&page_size=%d%s", path, size, mode), size, whole.Results)
			}
		})
	}
}

func checkPaging(t *testing.T, f *fixture, token, start string, size int, want []map[string]any) {
	t.Helper()
	var pages [][]map[string]any
	var last list
	for next := &start; next != nil; next = last.Next {
		out := f.get(t, token, strings.TrimPrefix(*next, f.server.URL))
		wantStatus(t, out, http.StatusOK)
		last = list{}
		out.decode(t, &last)
		pages = append(pages, last.Results)
		checkLinkHeader(t, out, last)
		if numbered := strings.Contains(start, "page=1"); numbered != (last.Count != nil) {
			t.Errorf("%s: count %v", *next, last.Count)
		}
		if len(pages) > len(want) {
			t.Fatalf("%s: no end", start)
		}
	}
	if diff := cmp.Diff(want, slices.Concat(pages...)); diff != "" {
		t.Errorf("%s: rows of all pages (-whole +paged):\n%s", start, diff)
	}
	if wanted := (len(want) + size - 1) / size; len(pages) != wanted {
		t.Errorf("%s: %d pages, want %d", start, len(pages), wanted)
	}
	for i := len(pages) - 2; i >= 0; i-- {
		if last.Previous == nil {
			t.Fatalf("%s: no way back from page %d", start, i+2)
		}
		last = f.list(t, token, strings.TrimPrefix(*last.Previous, f.server.URL))
		if diff := cmp.Diff(pages[i], last.Results); diff != "" {
			t.Fatalf("%s: page %d on the way back:\n%s", start, i+1, diff)
		}
	}
	if last.Previous != nil {
		t.Errorf("%s: the first page has a previous one: %s", start, *last.Previous)
	}
}

func checkLinkHeader(t *testing.T, out answer, l list) {
	t.Helper()
	header := out.header.Get("Link")
	for rel, address := range map[string]*string{"next": l.Next, "prev": l.Previous} {
		has := strings.Contains(header, `rel="`+rel+`"`)
		if has != (address != nil) || (has && !strings.Contains(header, "<"+*address+`>; rel="`+rel+`"`)) {
			t.Errorf("Link %q, %s %v", header, rel, address)
		}
	}
	if !strings.Contains(header, `rel="first"`) || (l.Count != nil) != strings.Contains(header, `rel="last"`) {
		t.Errorf("Link %q", header)
	}
}

func TestPages(t *testing.T) {
	t.Parallel()
	f := setup(t)
	token := f.as(t, f.cedar, models.RoleViewer)
	t.Run("first page of an empty list", func(t *testing.T) {
		t.Parallel()
		for _, path := range []string{"claims", "uploads", "reports", "drift-events", "drift-events/active"} {
			for _, mode := range []string{"?page=1", "?cursor="} {
				l := f.list(t, token, "/api/v1/"+path+"/"+mode)
				if l.Results == nil || len(l.Results) != 0 || l.Next != nil || l.Previous != nil {
					t.Errorf("%s%s: %+v", path, mode, l)
				}
			}
		}
	})
	t.Run("past the end", func(t *testing.T) {
		t.Parallel()
		for _, page := range []string{"2", "2147483647"} {
			wantProblem(t, f.get(t, token, "/api/v1/claims/?page_size=1000&page="+page), http.StatusNotFound, models.CodeNotFound)
		}
	})
	t.Run("bad pages", func(t *testing.T) {
		t.Parallel()
		for query, field := range map[string]string{
			"page=0": "page:invalid", "page=-1": "page:invalid", "page=x": "page:invalid", "page=": "page:invalid",
			"page=99999999999999999999": "page:invalid", "page=1.5": "page:invalid", "page=1&page=2": "page:repeated",
			"page_size=0": "page_size:invalid", "page_size=1001": "page_size:invalid", "page_size=all": "page_size:invalid",
			"cursor=&page=1": "page:invalid", "cursor=x": "cursor:invalid_cursor", "cursor=n": "cursor:invalid_cursor", "cursor=p": "cursor:invalid_cursor",
			"cursor=nAAAA": "cursor:invalid_cursor", "cursor=pAAAA": "cursor:invalid_cursor", "cursor=&cursor=": "cursor:repeated",
		} {
			out := f.get(t, token, "/api/v1/claims/?"+query)
			wantProblem(t, out, http.StatusUnprocessableEntity, models.CodeValidation, field)
		}
	})
}

func TestCursorsBelongToTheirList(t *testing.T) {
	t.Parallel()
	f, token, _ := populated(t)
	first := f.list(t, token, "/api/v1/claims/?cursor=&page_size=2")
	u, err := url.Parse(*first.Next)
	if err != nil {
		t.Fatal(err)
	}
	cursor := url.QueryEscape(u.Query().Get("cursor"))
	for name, path := range map[string]string{
		"other order":  "/api/v1/claims/?ordering=payer&cursor=" + cursor,
		"other filter": "/api/v1/claims/?outcome=PAID&cursor=" + cursor,
		"other search": "/api/v1/claims/?search=a&cursor=" + cursor,
		"other list":   "/api/v1/uploads/?cursor=" + cursor,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			wantProblem(t, f.get(t, token, path), http.StatusUnprocessableEntity, models.CodeValidation, "cursor:foreign_cursor")
		})
	}
	t.Run("other customer", func(t *testing.T) {
		t.Parallel()
		theirs := f.as(t, f.harbor, models.RoleOwner)
		wantProblem(t, f.get(t, theirs, "/api/v1/claims/?cursor="+cursor), http.StatusUnprocessableEntity, models.CodeValidation, "cursor:foreign_cursor")
	})
}

func TestLinksKeepTheFilters(t *testing.T) {
	t.Parallel()
	f, token, _ := populated(t)
	l := f.list(t, token, "/api/v1/claims?payer=payer+a&outcome=DENIED&page_size=5&page=2&ordering=-submitted_date")
	next, err := url.Parse(*l.Next)
	if err != nil {
		t.Fatal(err)
	}
	want := url.Values{"payer": {"payer a"}, "outcome": {"DENIED"}, "page_size": {"5"}, "page": {"3"}, "ordering": {"-submitted_date"}}
	if diff := cmp.Diff(want, next.Query()); diff != "" {
		t.Errorf("query of next (-want +got):\n%s", diff)
	}
	if got := next.Scheme + "://" + next.Host + next.Path; got != f.server.URL+"/api/v1/claims/" {
		t.Errorf("address of next %s", got)
	}
}

func TestPublicURL(t *testing.T) {
	t.Parallel()
	f := setupWith(t, rest.Options{PublicURL: "https://api.example.org/upstream/"})
	f.cedar.Drifting()
	token := f.as(t, f.cedar, models.RoleViewer)
	l := f.list(t, token, "/api/v1/claims/?page_size=1")
	if want := "https://api.example.org/upstream/api/v1/claims/?page=2&page_size=1"; *l.Next != want {
		t.Errorf("next %s, want %s", *l.Next, want)
	}
	links, _ := l.Results[0]["_links"].(map[string]any)
	self, _ := links["self"].(map[string]any)
	if want := fmt.Sprintf("https://api.example.org/upstream/api/v1/claims/%s/", l.Results[0]["id"]); self["href"] != want {
		t.Errorf("self %v, want %s", self, want)
	}
}

func TestParametersAreNeverIgnored(t *testing.T) {
	t.Parallel()
	f := setup(t)
	token := f.as(t, f.cedar, models.RoleViewer)
	for path, fields := range map[string][]string{
		"/api/v1/claims/?payr=x":                                {"payr:unknown"},
		"/api/v1/claims/?Payer=x":                               {"Payer:unknown"},
		"/api/v1/claims/?payer=a&payer=b":                       {"payer:repeated"},
		"/api/v1/claims/?ordering=billed_amount":                {"ordering:unknown"},
		"/api/v1/claims/?ordering=":                             {"ordering:unknown"},
		"/api/v1/claims/?ordering=payer,-payer":                 {"ordering:repeated"},
		"/api/v1/claims/?ordering=--payer":                      {"ordering:unknown"},
		"/api/v1/claims/?outcome=maybe":                         {"outcome:invalid"},
		"/api/v1/claims/?outcome=":                              {"outcome:invalid"},
		"/api/v1/claims/?start_date=01/02/2026":                 {"start_date:invalid"},
		"/api/v1/claims/?start_date=2026-02-30":                 {"start_date:invalid"},
		"/api/v1/claims/?upload=run_01jz8k6v3pe9ktyh5wmcqa2x7d": {"upload:invalid"},
		"/api/v1/claims/?upload=17":                             {"upload:invalid"},
		"/api/v1/claims/?min_amount=1e9":                        {"min_amount:invalid"},
		"/api/v1/claims/?min_amount=1.234":                      {"min_amount:invalid"},
		"/api/v1/claims/?min_amount=12345678901":                {"min_amount:invalid"},
		"/api/v1/claims/?payer=%00":                             {"payer:invalid"},
		"/api/v1/claims/?payer=%ff":                             {"payer:invalid"},
		"/api/v1/claims/?search=%00":                            {"search:invalid"},
		"/api/v1/drift-events/?min_severity=high":               {"min_severity:invalid"},
		"/api/v1/drift-events/?min_severity=NaN":                {"min_severity:invalid"},
		"/api/v1/drift-events/?max_severity=-Inf":               {"max_severity:invalid"},
		"/api/v1/drift-events/?created_after=yesterday":         {"created_after:invalid"},
		"/api/v1/uploads/?status=done":                          {"status:invalid"},
		"/api/v1/reports/?run_type=daily":                       {"run_type:invalid"},
		"/api/v1/customers/me/?verbose=1":                       {"verbose:unknown"},
		"/healthz?x=1":                                          {"x:unknown"},
		// All of them at once, unknown ones first.
		"/api/v1/claims/?zz=1&outcome=x&page=0&ordering=y&start_date=z": {"zz:unknown", "outcome:invalid", "start_date:invalid", "ordering:unknown", "page:invalid"},
	} {
		wantProblem(t, f.get(t, token, path), http.StatusUnprocessableEntity, models.CodeValidation, fields...)
	}
	for _, query := range []string{"payer=%zz", "a=1;b=2", "%"} {
		wantProblem(t, f.get(t, token, "/api/v1/claims/?"+query), http.StatusBadRequest, models.CodeValidation)
		wantProblem(t, f.get(t, token, "/api/v1/customers/me/?"+query), http.StatusBadRequest, models.CodeValidation)
	}
}

func TestUnknownWordsAreGuessed(t *testing.T) {
	t.Parallel()
	f := setup(t)
	token := f.as(t, f.cedar, models.RoleViewer)
	for path, want := range map[string]string{
		"/api/v1/claims/?payr=x":                  `did you mean "payer"?`,
		"/api/v1/claims/?PAYER=x":                 `did you mean "payer"?`,
		"/api/v1/claims/?submitted_date_after=x":  `did you mean "submitted_after"?`,
		"/api/v1/drift-events/?severity_min=0.5":  `did you mean "min_severity"?`,
		"/api/v1/drift-events/?limit=5":           ``,
		"/api/v1/drift-events/?ordering=sevrity":  `did you mean "severity"?`,
		"/api/v1/drift-events/?drift_type=DENIAL": `must be one of DENIAL_RATE`,
		"/api/v1/claims/?outcome=payd":            `did you mean "PAID"?`,
		"/api/v1/claims/?pagesize=5":              `did you mean "page_size"?`,
	} {
		p := wantProblem(t, f.get(t, token, path), http.StatusUnprocessableEntity, models.CodeValidation, pathAndCode(path))
		if message := p.Errors[0].Message; !strings.Contains(message, want) || (want == "" && strings.Contains(message, "did you mean")) {
			t.Errorf("%s: %s", path, message)
		}
	}
}

// pathAndCode is the error the guesses are attached to.
func pathAndCode(path string) string {
	_, query, _ := strings.Cut(path, "?")
	name, _, _ := strings.Cut(query, "=")
	switch name {
	case "ordering":
		return "ordering:unknown"
	case "drift_type", "outcome":
		return name + ":invalid"
	default:
		return name + ":unknown"
	}
}

func TestManyUnknownParametersAnswerBriefly(t *testing.T) {
	t.Parallel()
	f := setup(t)
	q := url.Values{strings.Repeat("x", 5000): {"1"}}
	for i := range 5000 {
		q.Set(fmt.Sprintf("p%d", i), "1")
	}
	out := f.get(t, f.as(t, f.cedar, models.RoleViewer), "/api/v1/claims/?"+q.Encode())
	wantStatus(t, out, http.StatusUnprocessableEntity)
	if len(out.body) > 10_000 {
		t.Errorf("%d bytes", len(out.body))
	}
}

// Whatever the query, a list answers with rows, a validation problem or "no
// such page": it never fails and never ignores.
func TestListsSurviveAnyQuery(t *testing.T) {
	t.Parallel()
	f, token, _ := populated(t)
	names := []string{
		"payer", "outcome", "cpt", "cpt_group", "upload", "start_date", "end_date", "submitted_after", "decided_before",
		"min_amount", "max_amount", "denial_reason_code", "search", "ordering", "page", "page_size", "cursor", "other",
	}
	value := rapid.OneOf(rapid.String(), rapid.SampledFrom([]string{
		"PAID", "2026-06-01", "-payer", "payer,decided_date", "0", "1", "2", "150.00", "%", "_", `\`, "'", "a b,c", "null",
	}))
	rapid.Check(t, func(rt *rapid.T) {
		q := url.Values{}
		for range rapid.IntRange(0, 4).Draw(rt, "parameters") {
			q.Add(rapid.SampledFrom(names).Draw(rt, "name"), value.Draw(rt, "value"))
		}
		out := f.do(t, request{path: "/api/v1/claims/?" + q.Encode(), token: token, undocumented: true})
		switch out.status {
		case http.StatusOK, http.StatusUnprocessableEntity, http.StatusNotFound:
		default:
			rt.Fatalf("%s: %d %s", q.Encode(), out.status, out.body)
		}
		if out.status == http.StatusOK && (q.Has("other") || len(q["payer"]) > 1) {
			rt.Fatalf("%s: something was ignored", q.Encode())
		}
	})
}
