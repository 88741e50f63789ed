package store_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/shopspring/decimal"

	"upstream/internal/factory"
	"upstream/models"
)

// assorted inserts claims that differ in all that decides whether a test counts
// them.
func assorted(tenant *factory.Tenant, n int, seed uint64) {
	random := rand.New(rand.NewPCG(seed, 7))
	upload := tenant.UploadRow()
	claims := make([]*models.Claim, n)
	for i := range claims {
		claims[i] = tenant.ClaimRow(upload.ID, func(c *models.Claim) {
			c.Payer, c.CPTGroup = fmt.Sprintf("P%d", random.IntN(2)), []string{"E&M", "IMAGING"}[random.IntN(2)]
			c.DecidedDate = factory.Today().AddDays(-random.IntN(40))
			c.SubmittedDate = c.DecidedDate.AddDays(-random.IntN(20))
			c.Outcome = models.Outcome(c.Outcome.Values()[random.IntN(3)])
			c.AuthorizationRequired = random.IntN(2) == 0
			if random.IntN(3) > 0 {
				c.AllowedAmount = new(decimal.New(random.Int64N(100_000), -2))
			}
			if random.IntN(3) > 0 {
				c.PaymentDate = new(c.DecidedDate.AddDays(random.IntN(9)))
			}
		})
	}
	tenant.Insert(upload, &claims)
}

// The claims behind an event are as many as its test counted, whatever it looks
// at and by whichever date. Every test of a run is made an event, so that there
// is one of each type and segment.
func TestClaimsOfDriftEvents_AreThoseTheTestCounted(t *testing.T) {
	t.Parallel()
	w := factory.New(t)
	cedar, harbor := w.Tenant("cedar"), w.Tenant("harbor")
	assorted(cedar, 400, 1)
	assorted(harbor, 50, 2)
	ctx, v, s := t.Context(), cedar.System(), w.Store
	var events []models.DriftEventID
	want := map[models.DriftEventID]int{}
	types, groups := map[models.DriftType]bool{}, map[string]bool{}
	for _, by := range []models.WindowBy{models.WindowByDecided, models.WindowBySubmitted} {
		run := must(s.DetectDrift(ctx, v, models.DetectInput{WindowBy: &by, MinVolume: new(1), CurrentDays: new(13), BaselineDays: new(25)}))(t)
		tests := must(s.DriftTests(ctx, v, run.ID, models.DriftTestFilter{}, everyRow[models.DriftTestOrderField]()))(t).Items
		for _, table := range []string{"drift_tests", "drift_events"} {
			if err := asOwner(t, cedar, `DELETE FROM `+table+` WHERE report_run_id = $1`, run.ID.UUID().String()); err != nil {
				t.Fatal(err)
			}
		}
		for _, test := range tests {
			event := cedar.EventRow(run.ID, test.Payer, func(e *models.DriftEvent) {
				e.CPTGroup, e.DriftType, e.SignalKey = test.CPTGroup, test.DriftType, fmt.Sprint(test.CPTGroup, test.DriftType)
				e.CurrentStart, e.CurrentEnd, e.CurrentSampleSize = run.CurrentStart, run.CurrentEnd, test.CurrentSampleSize
			})
			cedar.Insert(event)
			events, want[event.ID] = append(events, event.ID), test.CurrentSampleSize
			types[test.DriftType], groups[test.CPTGroup] = true, true
		}
	}
	if len(types) != 6 || len(groups) != 3 || len(events) < 50 {
		t.Fatalf("%d events of the types %v and the groups %v", len(events), types, groups)
	}
	list := models.List[models.ClaimOrderField]{Page: models.Page{Limit: 1000, WantTotal: true}}
	found := must(s.ClaimsOfDriftEvents(ctx, v, events, models.ClaimFilter{}, list))(t)
	for _, id := range events {
		equal(t, "claims behind the event", []int{want[id], want[id]}, []int{len(found[id].Items), int(*found[id].Total)})
	}
	if theirs := must(s.ClaimsOfDriftEvents(ctx, harbor.System(), events, models.ClaimFilter{}, list))(t); len(theirs[events[0]].Items) != 0 {
		t.Error("another customer sees claims behind the event")
	}
	_, err := s.ClaimsOfDriftEvent(ctx, harbor.System(), events[0], models.ClaimFilter{}, list)
	wantCode(t, err, models.CodeNotFound)

	sameAsSingle(t, events, [][]models.ClaimOrder{nil, {{Field: models.ClaimOrderPayer, Direction: models.Descending}, {Field: models.ClaimOrderOutcome}}},
		func(ctx context.Context, ids []models.DriftEventID, l models.List[models.ClaimOrderField]) (map[models.DriftEventID]*models.Rows[*models.Claim], error) {
			return s.ClaimsOfDriftEvents(ctx, v, ids, models.ClaimFilter{}, l)
		},
		func(ctx context.Context, id models.DriftEventID, l models.List[models.ClaimOrderField]) (*models.Rows[*models.Claim], error) {
			return s.ClaimsOfDriftEvent(ctx, v, id, models.ClaimFilter{}, l)
		})
	filtered := must(s.ClaimsOfDriftEvents(ctx, v, events[:1], models.ClaimFilter{Payer: new("nobody")}, list))(t)
	equal(t, "claims of another payer", 0, len(filtered[events[0]].Items))
}

// The page of each event is read from the index by payer, the pages of many in
// one statement.
func TestExplain_ClaimsOfDriftEvents(t *testing.T) {
	t.Parallel()
	w := factory.New(t)
	cedar := crowded(w)
	r := traced(w)
	ctx, v, s := t.Context(), cedar.System(), w.Store
	events := must(s.DriftEvents(ctx, v, models.DriftEventFilter{}, models.List[models.DriftEventOrderField]{Page: models.Page{Limit: 20}}))(t).Items
	ids := make([]models.DriftEventID, len(events))
	for i, e := range events {
		ids[i] = e.ID
	}
	r.take()
	must(s.ClaimsOfDriftEvents(ctx, v, ids, models.ClaimFilter{}, models.List[models.ClaimOrderField]{Page: models.Page{Limit: 10}}))(t)
	pages := slices.DeleteFunc(r.take(), func(sent statement) bool { return !strings.Contains(sent.sql, "LATERAL") })
	equal(t, "statements that read pages", 1, len(pages))
	scans := explain(t, cedar, pages[0])
	if !slices.Contains(scans, "Index Scan Backward claims_customer_id_payer_decided_date_id_idx on claims") &&
		!slices.Contains(scans, "Index Scan claims_customer_id_payer_decided_date_id_idx on claims") || slices.Contains(scans, "Sort") {
		t.Errorf("read by %v", scans)
	}
}
