package graph_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/uuid"

	"upstream/models"
)

func TestViewer(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	const query = `{ viewer { userId email role isSuperuser permissions customer { slug } } }`

	t.Run("Member", func(t *testing.T) {
		t.Parallel()
		w := w.in(t)
		equal(t, w.data(w.viewer, query), fmt.Sprintf(`{"viewer": {"userId": %q, "email": "viewer@cedar.test", "role": "VIEWER",
			"isSuperuser": false, "permissions": ["VIEW_CUSTOMER", "VIEW_CLAIMS", "VIEW_REPORTS", "VIEW_MAPPINGS", "VIEW_ALERTS"], "customer": {"slug": "cedar"}}}`, w.viewer.UserID))
	})
	t.Run("Superuser", func(t *testing.T) {
		t.Parallel()
		w := w.in(t)
		root := models.Viewer{UserID: w.viewer.UserID, Email: "root@upstream.test", Superuser: true}
		equal(t, w.data(root, query), fmt.Sprintf(`{"viewer": {"userId": %q, "email": "root@upstream.test", "role": null,
			"isSuperuser": true, "permissions": [], "customer": null}}`, w.viewer.UserID))
		root.CustomerID = w.harbor
		got := w.data(root, query)
		equal(t, at(t, got, "viewer", "customer"), `{"slug": "harbor"}`)
		if n := len(at(t, got, "viewer", "permissions").([]any)); n != len(models.Permissions()) {
			t.Errorf("superuser has %d permissions", n)
		}
	})
	t.Run("Operator", func(t *testing.T) {
		t.Parallel()
		w := w.in(t)
		got := w.data(models.SystemViewer(w.cedar), query)
		equal(t, at(t, got, "viewer", "userId"), `null`)
		equal(t, at(t, got, "viewer", "role"), `null`)
	})
}

func TestCustomer(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	got := w.data(w.viewer, `{ customer { id slug name toEmail ccEmail attachPdf timeZone version createdAt updatedAt } }`)
	equal(t, got, fmt.Sprintf(`{"customer": {"id": %q, "slug": "cedar", "name": "CEDAR", "toEmail": null, "ccEmail": null,
		"attachPdf": true, "timeZone": "UTC", "version": 1,
		"createdAt": "2026-05-01T12:00:00.123456Z", "updatedAt": "2026-05-01T12:00:00.123456Z"}}`, w.cedar))

	root := models.Viewer{UserID: w.viewer.UserID, Superuser: true}
	if r := w.ask(root, `{ customer { id } }`); r.code() != "VALIDATION" || r.field() != "X-Customer-Id" {
		t.Errorf("superuser without a customer: %s", r.Body)
	}
}

func TestUploadsAndClaims(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	u := w.ingest(w.analyst, "january.csv", claimsFile("c", 5, 2))
	w.ingest(w.rival, "secret.csv", claimsFile("h", 3, 0))

	t.Run("Upload", func(t *testing.T) {
		t.Parallel()
		w := w.in(t)
		got := w.data(w.viewer, `{ uploads(filter: {status: PARTIAL, uploadSource: API}, search: "january") { totalCount nodes {
			id filename status errorMessage rowCount dateMin dateMax acceptedRowCount rejectedRowCount warningRowCount phiDetections
			missingFields invalidDates invalidValues qualityScore fileEncoding uploadSource version uploadedAt
			processingStartedAt processingCompletedAt processingDurationSeconds fileSizeBytes fileHash createdAt updatedAt
			rejections { totalCount nodes { rowNumber column code message } }
			claims(orderBy: {field: PAYER}, first: 1) { totalCount nodes { payer upload { id } } pageInfo { hasNextPage hasPreviousPage } } } } }`)
		node := at(t, got, "uploads", "nodes", 0).(map[string]any)
		if node["fileHash"] != *u.FileHash || int64(node["fileSizeBytes"].(float64)) != *u.FileSizeBytes {
			t.Errorf("hash or size: %v", node)
		}
		for _, name := range []string{"fileHash", "fileSizeBytes", "processingDurationSeconds", "processingStartedAt", "processingCompletedAt", "createdAt", "updatedAt"} {
			if node[name] == nil {
				t.Errorf("%s is null", name)
			}
			delete(node, name)
		}
		message := at(t, node, "rejections", "nodes", 0, "message")
		equal(t, got, fmt.Sprintf(`{"uploads": {"totalCount": 1, "nodes": [{
			"id": %q, "filename": "january.csv", "status": "PARTIAL", "errorMessage": null, "rowCount": 7,
			"dateMin": "2026-01-01", "dateMax": "2026-01-10", "acceptedRowCount": 5, "rejectedRowCount": 2, "warningRowCount": 0,
			"phiDetections": 0, "missingFields": 2, "invalidDates": 0, "invalidValues": 0, "qualityScore": %v, "fileEncoding": "utf-8",
			"uploadSource": "API", "version": %d, "uploadedAt": "2026-05-01T12:00:00.123456Z",
			"rejections": {"totalCount": 2, "nodes": [
				{"rowNumber": 7, "column": "payer", "code": "REQUIRED", "message": %q},
				{"rowNumber": 8, "column": "payer", "code": "REQUIRED", "message": %q}]},
			"claims": {"totalCount": 5, "nodes": [{"payer": "Payer A", "upload": {"id": %q}}],
				"pageInfo": {"hasNextPage": true, "hasPreviousPage": false}}}]}}`, u.ID, 5.0/7, u.Version, message, message, u.ID))
	})
	t.Run("Claim", func(t *testing.T) {
		t.Parallel()
		w := w.in(t)
		got := w.data(w.viewer, `{ claims(filter: {outcome: DENIED, payer: "payer b", minAmount: "101.50", maxAmount: 101.5}) { nodes {
			claimNumber lineNumber payer cpt cptGroup submittedDate decidedDate daysToDecision outcome billedAmount allowedAmount
			paidAmount paymentVariance denialReasonCode denialReasonText paymentDate daysToPayment authorizationRequired
			authorizationObtained authorizationNumber modifierCodes diagnosisCodes procedureCount submittedVia sourceRowNumber
			dataQualityScore processedAt upload { filename } } } }`)
		node := at(t, got, "claims", "nodes", 0).(map[string]any)
		delete(node, "dataQualityScore")
		equal(t, got, `{"claims": {"nodes": [{"claimNumber": "c-1", "lineNumber": 1, "payer": "Payer B", "cpt": "99211",
			"cptGroup": "OTHER", "submittedDate": "2026-01-02", "decidedDate": "2026-01-06", "daysToDecision": 4, "outcome": "DENIED",
			"billedAmount": "101.50", "allowedAmount": "100.00", "paidAmount": null, "paymentVariance": null,
			"denialReasonCode": "CO-97", "denialReasonText": null, "paymentDate": null, "daysToPayment": null,
			"authorizationRequired": false, "authorizationObtained": false, "authorizationNumber": null, "modifierCodes": [],
			"diagnosisCodes": [], "procedureCount": 1, "submittedVia": "CSV_UPLOAD", "sourceRowNumber": 3,
			"processedAt": "2026-05-01T12:00:00.123456Z", "upload": {"filename": "january.csv"}}]}}`)
	})
	t.Run("FilterByUpload", func(t *testing.T) {
		t.Parallel()
		w := w.in(t)
		const query = `query($u: ID) { claims(filter: {upload: $u}) { totalCount } }`
		for id, want := range map[string]string{
			u.ID.String(): `{"claims": {"totalCount": 5}}`,
			models.UploadID{}.From(uuid.Must(uuid.NewV7())).String(): `{"claims": {"totalCount": 0}}`,
		} {
			equal(t, w.data(w.viewer, query, map[string]any{"u": id}), want)
		}
		r := w.ask(w.viewer, query, map[string]any{"u": w.cedar.String()})
		if r.code() != "VALIDATION" || r.field() != "filter.upload" {
			t.Errorf("wrong prefix: %s", r.Body)
		}
	})
	t.Run("BadScalars", func(t *testing.T) {
		t.Parallel()
		w := w.in(t)
		for argument, field := range map[string]string{
			`filter: {startDate: "2026-02-30"}`:  "filter.startDate",
			`filter: {minAmount: "much"}`:        "filter.minAmount",
			`filter: {minAmount: "1e999999999"}`: "filter.minAmount",
		} {
			if r := w.ask(w.viewer, "{ claims("+argument+") { totalCount } }"); r.code() != "VALIDATION" || r.field() != field {
				t.Errorf("%s: %s", argument, r.Body)
			}
		}
		r := w.ask(w.viewer, `{ uploads(filter: {uploadedAfter: "yesterday"}) { totalCount } }`)
		if r.code() != "VALIDATION" || r.field() != "filter.uploadedAfter" || len(r.Errors[0].Path) != 1 {
			t.Errorf("bad instant: %s", r.Body)
		}
	})
	t.Run("InstantsRoundTrip", func(t *testing.T) {
		t.Parallel()
		w := w.in(t)
		const query = `query($at: DateTime) { uploads(filter: {uploadedAfter: $at, uploadedBefore: $at}) { totalCount } }`
		for _, at := range []string{"2026-05-01T12:00:00.123456Z", "2026-05-01T14:00:00.123456+02:00"} {
			equal(t, w.data(w.viewer, query, map[string]any{"at": at}), `{"uploads": {"totalCount": 1}}`)
		}
	})
}

func TestRunsAndEvents(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.runs(w.cedar, 2, 3, 4)
	w.runs(w.harbor, 1, 2, 2)

	t.Run("ReportRun", func(t *testing.T) {
		t.Parallel()
		w := w.in(t)
		got := w.data(w.viewer, `{ reportRuns(first: 1, filter: {status: SUCCESS, method: STATISTICAL, runType: WEEKLY}) { totalCount nodes {
			runType status method windowBy asOf baselineStart baselineEnd currentStart currentEnd minVolume alpha startedAt finishedAt
			errorCode errorMessage testCount driftEventCount summary version
			tests(filter: {significant: true}, orderBy: {field: P_VALUE, direction: DESC}) { totalCount nodes { payer pValue qValue practical driftEvent { payer severity } } }
			driftEvents(search: "002") { totalCount nodes { payer reportRun { startedAt } } } } } }`)
		equal(t, got, `{"reportRuns": {"totalCount": 1, "nodes": [{"runType": "WEEKLY", "status": "SUCCESS", "method": "STATISTICAL",
			"windowBy": "DECIDED", "asOf": "2026-05-01", "baselineStart": "2026-01-01", "baselineEnd": "2026-04-01",
			"currentStart": "2026-04-01", "currentEnd": "2026-05-01", "minVolume": 30, "alpha": 0.05,
			"startedAt": "2026-04-01T00:00:01.000001Z", "finishedAt": "2026-04-02T00:00:02.000000Z", "errorCode": null,
			"errorMessage": null, "testCount": 4, "driftEventCount": 0, "summary": null, "version": 1,
			"tests": {"totalCount": 2, "nodes": [
				{"payer": "Payer 002", "pValue": 0.2, "qValue": 0.2, "practical": true, "driftEvent": {"payer": "Payer 002", "severity": 0.5}},
				{"payer": "Payer 004", "pValue": 0.1, "qValue": 0.2, "practical": true, "driftEvent": null}]},
			"driftEvents": {"totalCount": 1, "nodes": [{"payer": "Payer 002", "reportRun": {"startedAt": "2026-04-01T00:00:01.000001Z"}}]}}]}}`)
	})
	t.Run("DriftEvent", func(t *testing.T) {
		t.Parallel()
		w := w.in(t)
		got := w.data(w.viewer, `{ driftEvents(filter: {payer: "003", minSeverity: 0.7, severityLabel: HIGH}, first: 1) { totalCount nodes {
			payer cptGroup driftType baselineValue currentValue deltaValue deltaPercent severity severityLabel confidence baselineStart
			baselineEnd currentStart currentEnd baselineSampleSize currentSampleSize testMethod statisticalSignificance qValue effectCiLow
			effectCiHigh rateEffect mixEffect estimatedRevenueImpact trendDirection consecutivePeriods signalKey version createdAt
			evidence { reproduced stored recomputed reasons { code } differences { path } }  } } }`)
		equal(t, got, `{"driftEvents": {"totalCount": 2, "nodes": [{"payer": "Payer 003", "cptGroup": "EM", "driftType": "DENIAL_RATE",
			"baselineValue": 0.1, "currentValue": 0.3, "deltaValue": 0.2, "deltaPercent": 200, "severity": 0.75, "severityLabel": "HIGH",
			"confidence": 0.99, "baselineStart": "2026-01-01", "baselineEnd": "2026-04-01", "currentStart": "2026-04-01",
			"currentEnd": "2026-05-01", "baselineSampleSize": 300, "currentSampleSize": 100, "testMethod": "TWO_PROPORTION_Z",
			"statisticalSignificance": null, "qValue": 0.01, "effectCiLow": null, "effectCiHigh": null, "rateEffect": null,
			"mixEffect": null, "estimatedRevenueImpact": null, "trendDirection": "DEGRADING", "consecutivePeriods": 1,
			"signalKey": "key 3", "evidence": {"reproduced": false, "stored": {"weeks": [1, 2]}, "recomputed": null,
			"reasons": [{"code": "ENGINE_CHANGED"}], "differences": []}, "version": 1, "createdAt": "2026-04-02T00:00:00.000002Z"}]}}`)
	})
	t.Run("Active", func(t *testing.T) {
		t.Parallel()
		w := w.in(t)
		got := w.data(w.viewer, `{ activeDriftEvents { totalCount nodes { reportRun { finishedAt } } } }`)
		run := `{"reportRun": {"finishedAt": "2026-04-02T00:00:02.000000Z"}}`
		equal(t, got, `{"activeDriftEvents": {"totalCount": 3, "nodes": [`+run+`,`+run+`,`+run+`]}}`)
	})
	t.Run("EventsOfOneRun", func(t *testing.T) {
		t.Parallel()
		w := w.in(t)
		run := at(t, w.data(w.viewer, `{ reportRuns(first: 1) { nodes { id } } }`), "reportRuns", "nodes", 0, "id")
		const query = `query($r: ID!) { driftEvents(filter: {reportRun: $r}) { totalCount } }`
		equal(t, w.data(w.viewer, query, map[string]any{"r": run}), `{"driftEvents": {"totalCount": 3}}`)
		if r := w.ask(w.viewer, query, map[string]any{"r": "run_zz"}); r.field() != "filter.reportRun" {
			t.Errorf("malformed identifier: %s", r.Body)
		}
	})
	t.Run("NothingYet", func(t *testing.T) {
		t.Parallel()
		w := w.in(t)
		third := w.user(w.customer("maple"), "viewer@maple.test", models.RoleViewer)
		equal(t, w.data(third, `{ activeDriftEvents { totalCount nodes { id } edges { cursor } pageInfo { startCursor endCursor hasNextPage hasPreviousPage } } }`),
			`{"activeDriftEvents": {"totalCount": 0, "nodes": [], "edges": [],
				"pageInfo": {"startCursor": null, "endCursor": null, "hasNextPage": false, "hasPreviousPage": false}}}`)
	})
}

// TestNode fetches one object of every kind by the identifier that its own
// field gave out, and refuses everybody else's.
func TestNode(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.ingest(w.analyst, "a.csv", claimsFile("c", 1, 0))
	w.runs(w.cedar, 1, 1, 0)
	got := w.data(w.viewer, `{ customer { id } uploads { nodes { id } } claims { nodes { id } } reportRuns { nodes { id } } driftEvents { nodes { id } } }`)
	ids := map[string]any{"Customer": at(t, got, "customer", "id")}
	for name, list := range map[string]string{"Upload": "uploads", "Claim": "claims", "ReportRun": "reportRuns", "DriftEvent": "driftEvents"} {
		ids[name] = at(t, got, list, "nodes", 0, "id")
	}
	const query = `query($id: ID!) { node(id: $id) { __typename id ... on Claim { upload { filename } } ... on DriftEvent { reportRun { status } } } }`

	for name, id := range ids {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := w.in(t)
			node := at(t, w.data(w.viewer, query, map[string]any{"id": id}), "node").(map[string]any)
			if node["__typename"] != name || node["id"] != id {
				t.Errorf("got %v", node)
			}
			equal(t, at(t, w.data(w.rival, query, map[string]any{"id": id}), "node"), `null`)
		})
	}
	t.Run("Missing", func(t *testing.T) {
		t.Parallel()
		w := w.in(t)
		id := models.ClaimID{}.From(uuid.Must(uuid.NewV7())).String()
		equal(t, w.data(w.viewer, query, map[string]any{"id": id}), `{"node": null}`)
	})
	for name, id := range map[string]string{
		"UnknownPrefix": "foo_00000000000000000000000000", "NoPrefix": "abc", "Empty": "", "Malformed": "clm_1", "NotANode": w.viewer.UserID.String(),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := w.in(t)
			r := w.ask(w.viewer, query, map[string]any{"id": id})
			if r.code() != "VALIDATION" || r.field() != "id" {
				t.Errorf("%s: %s", id, r.Body)
			}
		})
	}
	t.Run("Nodes", func(t *testing.T) {
		t.Parallel()
		w := w.in(t)
		missing := models.UploadID{}.From(uuid.Must(uuid.NewV7())).String()
		const query = `query($ids: [ID!]!) { nodes(ids: $ids) { __typename } }`
		wanted := []any{ids["Claim"], missing, ids["ReportRun"], ids["Claim"], ids["Customer"]}
		equal(t, w.data(w.viewer, query, map[string]any{"ids": wanted}),
			`{"nodes": [{"__typename": "Claim"}, null, {"__typename": "ReportRun"}, {"__typename": "Claim"}, {"__typename": "Customer"}]}`)
		equal(t, w.data(w.rival, query, map[string]any{"ids": wanted}), `{"nodes": [`+strings.Repeat("null, ", 4)+`null]}`)
		equal(t, w.data(w.viewer, `{ nodes(ids: []) { id } }`), `{"nodes": []}`)
		if r := w.ask(w.viewer, query, map[string]any{"ids": []any{ids["Claim"], "x_1", "clm_1"}}); r.field() != "ids.1" || len(r.Errors[0].Extensions.Fields) != 2 {
			t.Errorf("bad identifiers: %s", r.Body)
		}
		many := make([]any, 101)
		for i := range many {
			many[i] = ids["Claim"]
		}
		if r := w.ask(w.viewer, query, map[string]any{"ids": many}); r.code() != "VALIDATION" || r.field() != "ids" {
			t.Errorf("101 identifiers: %s", r.Body)
		}
	})
}

func TestOtherTenantsSeeNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.ingest(w.analyst, "a.csv", claimsFile("c", 3, 1))
	w.runs(w.cedar, 1, 2, 2)
	got := w.data(w.rival, `{ uploads { totalCount nodes { id } } claims { totalCount nodes { id } } reportRuns { totalCount nodes { id } }
		driftEvents { totalCount nodes { id } } activeDriftEvents { totalCount nodes { id } } }`)
	empty := `{"totalCount": 0, "nodes": []}`
	equal(t, got, fmt.Sprintf(`{"uploads": %[1]s, "claims": %[1]s, "reportRuns": %[1]s, "driftEvents": %[1]s, "activeDriftEvents": %[1]s}`, empty))
}

// TestAnonymous asks for every root field without a viewer.
func TestAnonymous(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, query := range []string{
		`{ viewer { email } }`, `{ customer { id } }`, `{ node(id: "clm_1") { id } }`, `{ nodes(ids: []) { id } }`,
		`{ claims { totalCount } }`, `{ claims(first: -1) { totalCount } }`, `{ uploads { totalCount } }`, `{ reportRuns { totalCount } }`,
		`{ driftEvents { totalCount } }`, `{ activeDriftEvents { totalCount } }`,
		`mutation { detectDrift(input: {}) { userErrors { code } } }`, `{ __schema { types { name } } }`, `{ __type(name: "Claim") { name } }`,
	} {
		if r := w.ask(models.Viewer{}, query); r.code() != "UNAUTHENTICATED" || r.Status != 200 {
			t.Errorf("%s: %s", query, r.Body)
		}
	}
	equal(t, w.data(models.Viewer{}, `{ __typename }`), `{"__typename": "Query"}`)
}

func TestCustomerless(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	stranger := models.Viewer{UserID: w.viewer.UserID, Email: "x@y.test"}
	if r := w.ask(stranger, `{ claims { totalCount } }`); r.code() != "FORBIDDEN" {
		t.Errorf("got %s", r.Body)
	}
}
