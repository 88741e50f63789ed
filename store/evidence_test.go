package store_test

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/shopspring/decimal"

	"upstream/internal/factory"
	"upstream/models"
)

func evidenceOf(t *testing.T, cedar *factory.Tenant, id models.DriftEventID) *models.DriftEvidence {
	t.Helper()
	return must(cedar.Store.DriftEvidence(t.Context(), cedar.User(models.RoleViewer), id))(t)
}

func reasonCodes(e *models.DriftEvidence) (codes []models.EvidenceReasonCode) {
	for _, r := range e.Reasons {
		codes = append(codes, r.Code)
	}
	return codes
}

// Every event of every method and signal is reproduced while the claims are
// what they were.
func TestDriftEvidence_IsReproduced(t *testing.T) {
	t.Parallel()
	cedar := factory.New(t).Tenant("cedar")
	driftingEverywhere(cedar)
	kinds := map[models.DriftType]bool{}
	for _, method := range []models.Method{models.MethodStatistical, models.MethodThreshold} {
		for _, by := range []models.WindowBy{models.WindowByDecided, models.WindowBySubmitted} {
			run := must(cedar.Store.DetectDrift(t.Context(), cedar.System(), models.DetectInput{Method: &method, WindowBy: &by}))(t)
			for _, event := range eventsOf(t, cedar, run.ID) {
				kinds[event.DriftType] = true
				e := evidenceOf(t, cedar, event.ID)
				if !e.Reproduced || len(e.Differences) > 0 || len(e.Reasons) > 0 || e.Recomputed == nil {
					t.Errorf("%s by %s, %s %s %s: %+v", method, by, event.Payer, event.CPTGroup, event.DriftType, e)
				}
			}
		}
	}
	for _, kind := range models.DriftType("").Values() {
		if !kinds[models.DriftType(kind)] {
			t.Errorf("no event of the type %s was tried", kind)
		}
	}
}

// driftingEverywhere plants a change of every signal: the payer of the current
// window denies more, for want of authorisations, decides and pays later, and
// pays less.
func driftingEverywhere(t *factory.Tenant) {
	upload := t.UploadRow()
	var rows []*models.Claim
	add := func(n int, change func(i int, c *models.Claim)) {
		for i := range n {
			rows = append(rows, t.ClaimRow(upload.ID, func(c *models.Claim) {
				c.CPTGroup = []string{"E&M", "TEST"}[i%2]
				c.CPT = []string{"99213", "80053"}[i%2]
				c.AuthorizationRequired = true
				c.AllowedAmount = new(decimal.New(int64(10000+i%7*100), -2))
				change(i, c)
			}))
		}
	}
	deny := func(c *models.Claim) {
		c.Outcome, c.DenialReasonCode, c.AllowedAmount = models.OutcomeDenied, new("CO-197"), nil
	}
	add(900, func(i int, c *models.Claim) {
		c.DecidedDate = factory.Today().AddDays(-15 - i%85)
		c.SubmittedDate = c.DecidedDate.AddDays(-5 - i%3)
		c.PaymentDate = new(c.DecidedDate.AddDays(3))
		if i%10 == 0 {
			deny(c)
		}
	})
	add(300, func(i int, c *models.Claim) {
		c.DecidedDate = factory.Today().AddDays(-1 - i%4)
		// Late, and yet submitted within the window.
		c.SubmittedDate = factory.Today().AddDays(-14 + i%2)
		c.PaymentDate = new(c.SubmittedDate.AddDays(25))
		c.AllowedAmount = new(decimal.New(int64(8000+i%7*100), -2))
		if i%3 == 0 {
			deny(c)
		}
	})
	t.Insert(upload, &rows)
}

func TestDriftEvidence_SaysWhatDiffersAndWhy(t *testing.T) {
	t.Parallel()
	w := factory.New(t)
	cedar, harbor := w.Tenant("cedar"), w.Tenant("harbor")
	cedar.Drifting()
	run := must(cedar.Store.DetectDrift(t.Context(), cedar.System(), models.DetectInput{}))(t)
	events := eventsOf(t, cedar, run.ID)
	event := events[slices.IndexFunc(events, func(e *models.DriftEvent) bool { return e.DriftType == models.DriftDenialRate })]
	event.Evidence = must(cedar.Store.DriftEvidence(t.Context(), cedar.System(), event.ID))(t).Stored // no list has it

	altered := func(old, replacement string) models.DriftEventID {
		t.Helper()
		body := bytes.Replace(event.Evidence, []byte(old), []byte(replacement), 1)
		if bytes.Equal(body, event.Evidence) {
			t.Fatalf("%s is not in %s", old, event.Evidence)
		}
		row := *event
		// The same finding of another payer would be another row; its evidence
		// is looked for under the name that it was found under.
		other := cedar.RunRow()
		row.ID, row.ReportRunID, row.Evidence = cedar.EventRow(other.ID, "x").ID, other.ID, body
		cedar.Insert(other, &row)
		return row.ID
	}
	engine := evidenceOf(t, cedar, altered(`"engine_version": 1`, `"engine_version": 0`))
	equal(t, "engine", []models.EvidenceReasonCode{models.EvidenceEngineChanged}, reasonCodes(engine))
	changed := evidenceOf(t, cedar, altered(`"count": 40`, `"count": 41`))
	equal(t, "claims", []models.EvidenceReasonCode{models.EvidenceClaimsChanged}, reasonCodes(changed))
	i := slices.IndexFunc(changed.Differences, func(d models.EvidenceDifference) bool { return d.Path == "current.count" })
	if changed.Reproduced || i < 0 || string(changed.Differences[i].Stored) != "41" || string(changed.Differences[i].Recomputed) != "40" {
		t.Errorf("%+v", changed)
	}

	cedar.Ingest(factory.Batch{
		Payer: "Payer A", CPT: "99213", Outcome: models.OutcomeDenied, Count: 7, FirstDay: factory.Today().AddDays(-3), Wait: 10,
	}, factory.Batch{
		Payer: "Payer B", CPT: "99213", Outcome: models.OutcomeDenied, Count: 5, FirstDay: factory.Today().AddDays(-3), Wait: 10,
	})
	added := evidenceOf(t, cedar, event.ID)
	equal(t, "added", []models.EvidenceReasonCode{models.EvidenceClaimsAdded}, reasonCodes(added))
	if added.Reproduced || !strings.Contains(added.Reasons[0].Message, "7 in 1") {
		t.Errorf("%+v", added)
	}
	var now struct {
		Current struct {
			Count      int `json:"count"`
			SampleSize int `json:"sample_size"`
		} `json:"current"`
	}
	if err := json.Unmarshal(added.Recomputed, &now); err != nil {
		t.Fatal(err)
	}
	equal(t, "counts now", []int{47, 107}, []int{now.Current.Count, now.Current.SampleSize})

	_, err := w.Store.DriftEvidence(t.Context(), harbor.System(), event.ID)
	wantCode(t, err, models.CodeNotFound)
}
