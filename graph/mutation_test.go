package graph_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"upstream/models"
)

// shiftedFile has two payers over 100 days before the test's clock; the denial
// rate of one of them rises from 10 to 60 percent in the last 14.
func shiftedFile() string {
	var b strings.Builder
	b.WriteString("claim_number,payer,cpt,submitted_date,decided_date,outcome,billed_amount,allowed_amount\n")
	n := 0
	for day := 1; day <= 100; day++ {
		decided := now.AddDate(0, 0, -day)
		for i := range 20 {
			outcome := "PAID"
			if i < 2 || day <= 14 && i < 12 {
				outcome = "DENIED"
			}
			for _, payer := range []string{"Shifty", "Steady"} {
				if payer == "Steady" && i >= 2 {
					outcome = "PAID"
				}
				n++
				fmt.Fprintf(&b, "s-%d,%s,99213,%s,%s,%s,200.00,150.00\n", n, payer,
					decided.AddDate(0, 0, -10).Format(time.DateOnly), decided.Format(time.DateOnly), outcome)
			}
		}
	}
	return b.String()
}

func TestDetectDrift(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.ingest(w.analyst, "shift.csv", shiftedFile())
	const mutation = `mutation($in: DetectDriftInput!) { detectDrift(input: $in) { clientMutationId userErrors { code message path reason existingId }
		reportRun { status runType method asOf testCount driftEventCount driftEvents { totalCount nodes { payer driftType trendDirection testMethod deltaValue } }
			tests { totalCount } } } }`

	t.Run("OK", func(t *testing.T) {
		t.Parallel()
		w := w.in(t)
		got := w.data(w.analyst, mutation, map[string]any{"in": map[string]any{"asOf": "2026-05-01", "clientMutationId": "m1"}})
		payload := at(t, got, "detectDrift").(map[string]any)
		if payload["clientMutationId"] != "m1" || len(payload["userErrors"].([]any)) != 0 {
			t.Errorf("payload %v", payload)
		}
		run := payload["reportRun"].(map[string]any)
		if run["status"] != "SUCCESS" || run["runType"] != "WEEKLY" || run["testCount"] != at(t, run, "tests", "totalCount") || run["testCount"].(float64) < 4 {
			t.Errorf("run %v", run)
		}
		found := false
		for _, e := range at(t, run, "driftEvents", "nodes").([]any) {
			event := e.(map[string]any)
			if event["payer"] != "Shifty" {
				t.Errorf("unexpected event %v", event)
			}
			found = found || event["driftType"] == "DENIAL_RATE" && event["trendDirection"] == "DEGRADING" && event["testMethod"] == "TWO_PROPORTION_Z"
		}
		if !found {
			t.Errorf("the planted shift was not found: %v", run)
		}
	})
	t.Run("Invalid", func(t *testing.T) {
		t.Parallel()
		w := w.in(t)
		got := w.data(w.analyst, mutation, map[string]any{"in": map[string]any{"asOf": "2030-01-01", "currentDays": 0, "alpha": 2, "clientMutationId": "m2"}})
		payload := at(t, got, "detectDrift").(map[string]any)
		if payload["reportRun"] != nil || payload["clientMutationId"] != "m2" {
			t.Errorf("payload %v", payload)
		}
		var paths []any
		for _, e := range payload["userErrors"].([]any) {
			if at(t, e, "code") != "VALIDATION" || at(t, e, "reason") != "invalid" || !strings.HasPrefix(at(t, e, "message").(string), at(t, e, "path", 0).(string)+" must ") {
				t.Errorf("user error %v", e)
			}
			paths = append(paths, at(t, e, "path", 0))
		}
		if fmt.Sprint(paths) != "[asOf currentDays alpha]" {
			t.Errorf("paths %v", paths)
		}
	})
	t.Run("WithoutClaims", func(t *testing.T) {
		t.Parallel()
		w := w.in(t)
		payload := at(t, w.data(w.rival, mutation, map[string]any{"in": map[string]any{}}), "detectDrift")
		if at(t, payload, "reportRun") != nil || at(t, payload, "userErrors", 0, "path", 0) != "customer" ||
			at(t, payload, "userErrors", 0, "reason") != "no_claims" {
			t.Errorf("payload %v", payload)
		}
	})
	t.Run("Forbidden", func(t *testing.T) {
		t.Parallel()
		w := w.in(t)
		r := w.ask(w.viewer, mutation, map[string]any{"in": map[string]any{}})
		if r.code() != "FORBIDDEN" || !strings.Contains(r.Errors[0].Message, "run_detection") || string(r.Data) != "null" {
			t.Errorf("got %s", r.Body)
		}
	})
	t.Run("Anonymous", func(t *testing.T) {
		t.Parallel()
		w := w.in(t)
		if r := w.ask(models.Viewer{}, mutation, map[string]any{"in": map[string]any{}}); r.code() != "UNAUTHENTICATED" {
			t.Errorf("got %s", r.Body)
		}
	})
	t.Run("Undecodable", func(t *testing.T) {
		t.Parallel()
		w := w.in(t)
		for field, value := range map[string]any{"asOf": "tomorrow", "method": "GUESS", "currentDays": "x", "alpha": "x", "unknown": 1} {
			if r := w.ask(w.analyst, mutation, map[string]any{"in": map[string]any{field: value}}); r.code() != "VALIDATION" {
				t.Errorf("%s: %s", field, r.Body)
			}
		}
	})
	t.Run("Methods", func(t *testing.T) {
		t.Parallel()
		w := w.in(t)
		got := w.data(w.analyst, mutation, map[string]any{"in": map[string]any{"method": "THRESHOLD", "windowBy": "DECIDED", "currentDays": 14, "baselineDays": 80, "minVolume": 10}})
		run := at(t, got, "detectDrift", "reportRun").(map[string]any)
		if run["method"] != "THRESHOLD" || run["runType"] != "CUSTOM" || at(t, run, "driftEvents", "nodes", 0, "testMethod") != "THRESHOLD" {
			t.Errorf("run %v", run)
		}
	})
}
