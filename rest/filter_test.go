package rest_test

import (
	"cmp"
	"fmt"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/shopspring/decimal"

	"upstream/internal/factory"
	"upstream/models"
)

// claimRows are claims that every filter splits.
func claimRows(f *fixture) *models.Upload {
	day := factory.Today().AddDays(-20)
	upload := f.cedar.Ingest(
		factory.Batch{Payer: "Aetna", CPT: "99213", Outcome: models.OutcomePaid, Count: 3, FirstDay: day, Days: 3, Wait: 5, Billed: 100},
		factory.Batch{Payer: "Blue 100%", CPT: "70450", Outcome: models.OutcomeDenied, Count: 2, FirstDay: day.AddDays(5), Days: 2, Wait: 9, Billed: 250},
	)
	f.cedar.Ingest(factory.Batch{Payer: "aetna better health", CPT: "99213", Outcome: models.OutcomeOther, Count: 1, FirstDay: day.AddDays(8), Wait: 1, Billed: 400})
	return upload
}

func TestClaimFilters(t *testing.T) {
	t.Parallel()
	f := setup(t)
	upload := claimRows(f)
	f.cedar.Insert(&models.Claim{
		CustomerID: f.cedar.Customer.ID, ID: claimID(t), UploadID: upload.ID, LineNumber: 1, Payer: "Cigna", CPT: "00100",
		CPTGroup: "Special", SubmittedDate: factory.Today().AddDays(-400), DecidedDate: factory.Today().AddDays(-390),
		Outcome: models.OutcomeDenied, DenialReasonCode: new("CO-97"), ModifierCodes: []string{"25"}, DiagnosisCodes: []string{},
		ProcedureCount: 1, SubmittedVia: models.ViaAPI, ProcessedAt: factory.Now(), PaidAmount: new(decimal.RequireFromString("7.50")),
		AllowedAmount: new(decimal.RequireFromString("10.00")),
	})
	token := f.as(t, f.cedar, models.RoleViewer)
	day := func(n int) string { return factory.Today().AddDays(n).String() }
	covered := map[string]bool{}
	for query, want := range map[string]int{
		"payer=AETNA":                       4,
		"payer=100%25":                      2, // a literal percent sign
		"payer=_etna":                       0, // nor is _ a wildcard
		"outcome=denied":                    3,
		"outcome=PAID":                      3,
		"cpt=99213":                         4,
		"cpt=9921":                          0,
		"cpt_group=Special":                 1,
		"cpt_group=special":                 0,
		"upload=" + upload.ID.String():      6,
		"start_date=" + day(-15):            3,
		"end_date=" + day(-19):              3,
		"submitted_after=" + day(-24):       5,
		"submitted_before=" + day(-25):      2,
		"decided_after=" + day(-12):         1,
		"decided_before=" + day(-15):        5,
		"min_amount=250":                    3,
		"min_amount=250.01":                 1,
		"max_amount=100.00":                 3,
		"denial_reason_code=CO-97":          1,
		"denial_reason_code=co-97":          0,
		"payer=aetna&outcome=other":         1,
		"search=aetna":                      4,
		"search=aetna+99213":                4,
		"search=aetna,health":               1,
		"search=CO-97":                      1,
		"search=nothing":                    0,
		"start_date=2026-05-01&payer=Cigna": 0,
	} {
		l := f.do(t, request{path: "/api/v1/claims/?" + query, token: token, undocumented: strings.Contains(query, "outcome=")})
		var got list
		l.decode(t, &got)
		if got.Count == nil || *got.Count != int64(want) || len(got.Results) != want {
			t.Errorf("%s: %v rows, want %d: %s", query, got.Count, want, l.body)
		}
		values, _ := url.ParseQuery(query)
		for name := range values {
			covered[name] = true
		}
	}
	wantCovered(t, reflect.TypeFor[models.ClaimFilter](), covered)
}

// wantCovered fails for a filter that no case of the test used.
func wantCovered(t *testing.T, filter reflect.Type, covered map[string]bool) {
	t.Helper()
	for field := range filter.Fields() {
		if name := field.Tag.Get("query"); !covered[name] {
			t.Errorf("no case filters %s by %s", filter, name)
		}
	}
}

func claimID(t *testing.T) models.ClaimID {
	t.Helper()
	var id models.ClaimID
	if err := id.UnmarshalText([]byte("clm_01jz8k6v3pe9ktyh5wmcqa2x7d")); err != nil {
		t.Fatal(err)
	}
	return id
}

func TestUploadFilters(t *testing.T) {
	t.Parallel()
	f := setup(t)
	claimRows(f)
	token := f.as(t, f.cedar, models.RoleAnalyst)
	f.upload(t, token, "broken.csv", []byte("payer,cpt\nAetna,99213\n"))
	at := url.QueryEscape(factory.Now().Format(time.RFC3339))
	covered := map[string]bool{}
	for query, want := range map[string]int{
		"status=success": 2, "status=failed": 1, "status=partial": 0,
		"upload_source=api": 3, "upload_source=web_ui": 0,
		"uploaded_after=" + at: 3, "uploaded_after=2026-06-16": 0, "uploaded_after=2026-06-15": 3,
		"uploaded_before=" + at: 3, "uploaded_before=2026-06-15": 0,
		"search=broken": 1, "search=FAILED": 1, "search=claims": 2,
	} {
		if got := f.list(t, token, "/api/v1/uploads/?"+query); *got.Count != int64(want) {
			t.Errorf("%s: %d, want %d", query, *got.Count, want)
		}
		name, _, _ := strings.Cut(query, "=")
		covered[name] = true
	}
	wantCovered(t, reflect.TypeFor[models.UploadFilter](), covered)
}

func TestDriftFilters(t *testing.T) {
	t.Parallel()
	f, token, report := populated(t)
	run := fmt.Sprint(report["id"])
	all := f.list(t, token, "/api/v1/drift-events/").Results
	event := all[0]
	severity, _ := event["severity"].(float64)
	for _, c := range []struct {
		base   string
		filter reflect.Type
		cases  map[string]bool // whether the event is in the answer
	}{
		{"/api/v1/drift-events/", reflect.TypeFor[models.DriftEventFilter](), map[string]bool{
			"payer=payer+a": true, "payer=payer+b": false,
			"cpt_group=" + url.QueryEscape(fmt.Sprint(event["cpt_group"])): true, "cpt_group=NONE": false,
			"drift_type=denial_rate": true, "drift_type=DECISION_TIME": false,
			"trend_direction=degrading": true, "trend_direction=improving": false,
			"severity_label=" + fmt.Sprint(event["severity_label"]): true,
			fmt.Sprintf("min_severity=%g", severity):                true, fmt.Sprintf("min_severity=%g", severity+0.01): false,
			fmt.Sprintf("max_severity=%g", severity): true, fmt.Sprintf("max_severity=%g", severity-0.01): false,
			"min_confidence=0": true, "min_confidence=1.01": false,
			"created_after=2026-06-15T12:00:00Z": true, "created_after=2026-06-15T12:00:01%2B00:00": false,
			"created_before=2026-06-16": true, "created_before=2026-06-15": false,
			"report_run=" + run: true, "report_run=run_01jz8k6v3pe9ktyh5wmcqa2x7d": false,
			"search=denial": true, "search=improbable": false,
		}},
		{"/api/v1/reports/" + run + "/tests/", reflect.TypeFor[models.DriftTestFilter](), map[string]bool{
			"payer=payer+a": true, "payer=payer+c": false,
			"cpt_group=" + url.QueryEscape(fmt.Sprint(event["cpt_group"])): true, "cpt_group=none": false,
			"drift_type=DENIAL_RATE": true, "drift_type=PAYMENT_AMOUNT": false,
			"practical=true": true, "significant=true": true, "practical=1&significant=1": true,
			"practical=false&significant=true&payer=zzz": false,
		}},
		{"/api/v1/reports/", reflect.TypeFor[models.ReportRunFilter](), map[string]bool{
			"status=success": true, "status=failed": false, "run_type=weekly": true, "run_type=custom": false,
			"method=statistical": true, "method=threshold": false,
		}},
	} {
		covered := map[string]bool{}
		for query, want := range c.cases {
			out := f.do(t, request{path: c.base + "?" + query, token: token, undocumented: true})
			wantStatus(t, out, 200)
			var got list
			out.decode(t, &got)
			if (len(got.Results) > 0) != want {
				t.Errorf("%s?%s: %d rows", c.base, query, len(got.Results))
			}
			values, _ := url.ParseQuery(query)
			for name := range values {
				covered[name] = true
			}
		}
		wantCovered(t, c.filter, covered)
	}
}

func TestOrdering(t *testing.T) {
	t.Parallel()
	f, token, report := populated(t)
	addEvents(t, f, report)
	claimRows(f)
	f.advance(time.Minute)
	wantStatus(t, f.do(t, request{method: "POST", path: "/api/v1/drift/detect/", token: token, body: map[string]any{"method": "threshold"}}), 201)
	run := fmt.Sprint(report["id"])
	for base, fields := range map[string][]string{
		"/api/v1/claims/":                    models.ClaimOrderField("").Values(),
		"/api/v1/uploads/":                   models.UploadOrderField("").Values(),
		"/api/v1/reports/":                   models.ReportRunOrderField("").Values(),
		"/api/v1/drift-events/":              models.DriftEventOrderField("").Values(),
		"/api/v1/reports/" + run + "/tests/": models.DriftTestOrderField("").Values(),
	} {
		for _, field := range fields {
			up := f.list(t, token, base+"?page_size=1000&ordering="+field).column(field)
			down := f.list(t, token, base+"?page_size=1000&ordering=-"+field).column(field)
			if len(up) < 2 || len(up) != len(down) {
				t.Fatalf("%s by %s: %d and %d rows", base, field, len(up), len(down))
			}
			if !slices.IsSortedFunc(up, compareValues) {
				t.Errorf("%s by %s: %v", base, field, up)
			}
			slices.Reverse(down)
			if !slices.IsSortedFunc(down, compareValues) {
				t.Errorf("%s by -%s: %v", base, field, down)
			}
		}
	}
	twofold := f.list(t, token, "/api/v1/claims/?ordering=outcome,-payer&page_size=1000")
	outcomes, payers := twofold.column("outcome"), twofold.column("payer")
	for i := 1; i < len(outcomes); i++ {
		if compareValues(outcomes[i-1], outcomes[i]) > 0 || (outcomes[i-1] == outcomes[i] && compareValues(payers[i-1], payers[i]) < 0) {
			t.Fatalf("row %d: %v %v after %v %v", i, outcomes[i], payers[i], outcomes[i-1], payers[i-1])
		}
	}
}

// compareValues orders JSON values; null last, as in PostgreSQL.
func compareValues(a, b any) int {
	switch {
	case a == nil && b == nil:
		return 0
	case a == nil:
		return 1
	case b == nil:
		return -1
	}
	if x, ok := a.(float64); ok {
		y, _ := b.(float64)
		return cmp.Compare(x, y)
	}
	return strings.Compare(fmt.Sprint(a), fmt.Sprint(b))
}
