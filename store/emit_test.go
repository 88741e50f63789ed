package store_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"upstream/internal/factory"
	"upstream/internal/postgres"
	"upstream/models"
	"upstream/store"
)

// kinds counts the events of the feed by type.
func kinds(t *testing.T, c *factory.Tenant) map[models.WebhookEventType]int {
	t.Helper()
	rows := must(c.Store.WebhookEvents(t.Context(), c.System(), models.WebhookEventFilter{}, everyRow[models.WebhookEventOrderField]()))(t)
	found := map[models.WebhookEventType]int{}
	for i, e := range rows.Items {
		found[e.EventType]++
		if e.Sequence != int64(i+1) {
			t.Errorf("event %d of the feed has the sequence %d", i+1, e.Sequence)
		}
	}
	return found
}

// gaps counts what is missing in the sequences of deliveries of all endpoints.
func gaps(c *factory.Tenant) int {
	return factory.Query[int](c, `SELECT coalesce(sum(missing), 0) FROM (SELECT max(sequence) - count(*) AS missing FROM webhook_deliveries GROUP BY endpoint_id) AS e`)
}

func TestEmit_RunsAndUploads(t *testing.T) {
	t.Parallel()
	w := factory.New(t)
	cedar := w.Tenant("cedar")
	ctx, s, v := t.Context(), w.Store, cedar.System()
	all, drift := endpointOf(cedar), endpointOf(cedar, models.EventDriftDetected)
	cedar.Drifting()
	if _, err := cedar.IngestText("payer,cpt\n"); err == nil {
		t.Fatal("a file without its columns was accepted")
	}
	run := must(s.DetectDrift(ctx, v, models.DetectInput{}))(t)
	equal(t, "events", map[models.WebhookEventType]int{
		models.EventUploadProcessed: 2, models.EventDriftDetected: run.DriftEventCount, models.EventReportCompleted: 1,
	}, kinds(t, cedar))
	count := func(e *models.WebhookEndpoint) int64 { return must(s.WebhookEndpoint(ctx, v, e.ID))(t).LastSequence }
	equal(t, "deliveries", []int64{int64(run.DriftEventCount) + 3, int64(run.DriftEventCount)}, []int64{count(all), count(drift)})
	equal(t, "gaps", 0, gaps(cedar))
	equal(t, "jobs", 2, factory.Query[int](cedar, `SELECT count(*) FROM river.river_job WHERE kind = 'deliver_webhooks'`))

	// What is sent is the catalogue's, and says nothing that somebody wrote.
	rows := must(s.WebhookDeliveries(ctx, v, models.WebhookDeliveryFilter{}, everyRow[models.WebhookDeliveryOrderField]()))(t)
	for _, d := range rows.Items {
		if text := string(d.Body); !strings.Contains(text, d.ID.String()) || !strings.Contains(text, fmt.Sprintf(`"sequence":%d,`, d.Sequence)) ||
			strings.Contains(text, "Payer A") || strings.Contains(text, "claims-") {
			t.Errorf("the body of %s is %s", d.EventType, text)
		}
	}
}

// Of a run that is rolled back at its very end nobody hears but that it failed.
func TestEmit_RolledBack(t *testing.T) {
	t.Parallel()
	w := factory.New(t)
	cedar := w.Tenant("cedar")
	endpointOf(cedar)
	cedar.Drifting()
	exec(w, cedar, `CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'no'; END $$;
		CREATE CONSTRAINT TRIGGER refuse AFTER UPDATE ON report_runs DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
		WHEN (NEW.status = 'success') EXECUTE FUNCTION refuse()`)
	if _, err := w.Store.DetectDrift(t.Context(), cedar.System(), models.DetectInput{}); err == nil {
		t.Fatal("the run was to fail")
	}
	equal(t, "events", map[models.WebhookEventType]int{models.EventUploadProcessed: 1, models.EventReportFailed: 1}, kinds(t, cedar))
	equal(t, "deliveries and jobs", []int{2, 0}, []int{
		factory.Query[int](cedar, `SELECT count(*) FROM webhook_deliveries`),
		factory.Query[int](cedar, `SELECT count(*) FROM river.river_job WHERE kind = 'tell_events'`),
	})
}

// A process that ends right after the commit of a run leaves a job that tells.
func TestEmit_ToldByAJob(t *testing.T) {
	t.Parallel()
	w := factory.New(t)
	cedar := w.Tenant("cedar")
	endpointOf(cedar)
	ctx, v := t.Context(), cedar.System()
	must(store.EmitSerializable(ctx, w.Store, v, models.Happening{
		Data: models.ReportCompletedData{}, Subject: "run_1", Key: "report.completed:run_1", Revision: 2,
	}))(t)
	equal(t, "before", map[models.WebhookEventType]int{}, kinds(t, cedar))
	equal(t, "jobs", 1, factory.Query[int](cedar, `SELECT count(*) FROM river.river_job WHERE kind = 'tell_events'`))
	later := w.StoreWith(w.DB.App, store.Options{Now: func() time.Time { return factory.Now().Add(time.Minute) }})
	equal(t, "taken up", 1, must(later.ResumeWebhooks(ctx))(t))
	equal(t, "told", 0, must(w.Store.TellEvents(ctx, v))(t))
	equal(t, "after", map[models.WebhookEventType]int{models.EventReportCompleted: 1}, kinds(t, cedar))
	equal(t, "deliveries", 1, factory.Query[int](cedar, `SELECT count(*) FROM webhook_deliveries`))
	// The same is not told twice, by whomever.
	must(store.EmitSerializable(ctx, w.Store, v, models.Happening{
		Data: models.ReportCompletedData{}, Subject: "run_1", Key: "report.completed:run_1", Revision: 2,
	}))(t)
	equal(t, "told again", 0, must(w.Store.TellEvents(ctx, v))(t))
}

// Writers of all kinds at once get in nobody's way: no deadlock, no gap, and
// detections do not fail because deliveries are made meanwhile.
func TestEmit_Crowd(t *testing.T) {
	t.Parallel()
	w := factory.New(t)
	cedar, harbor := w.Tenant("cedar"), w.Tenant("harbor")
	s := w.StoreWith(w.Pool(postgres.PoolOptions{MaxConns: 16}), store.Options{})
	ctx := t.Context()
	var group sync.WaitGroup
	for _, tenant := range []*factory.Tenant{cedar, harbor} {
		tenant.Drifting()
		ids := []models.WebhookEndpointID{endpointOf(tenant).ID, endpointOf(tenant).ID, endpointOf(tenant).ID}
		v := tenant.System()
		do := func(n int, what string, fn func(i int) error) {
			group.Go(func() {
				for i := range n {
					if err := fn(i); err != nil {
						t.Errorf("%s: %v", what, err)
					}
				}
			})
		}
		for _, id := range ids {
			do(20, "test", func(int) error { _, err := s.TestWebhookEndpoint(ctx, v, id); return err })
			do(20, "lane", func(int) error { return deliverOnce(ctx, s, v, id) })
			do(5, "rotate", func(int) error {
				_, err := s.RotateWebhookSecret(ctx, v, models.WebhookSecretRotation{ID: id})
				return err
			})
			do(5, "rename", func(i int) error {
				_, err := s.UpdateWebhookEndpoint(ctx, v, models.Update[models.WebhookEndpointID, models.WebhookEndpointPatch]{
					ID: id, Patch: models.WebhookEndpointPatch{Name: models.To(fmt.Sprint("Name ", i))},
				})
				return err
			})
		}
		do(2, "detect", func(int) error { _, err := s.DetectDrift(ctx, v, models.DetectInput{}); return err })
		do(10, "ingest", func(i int) error {
			text := fmt.Sprintf("claim_number,payer,cpt,submitted_date,decided_date,outcome,billed_amount\nQ%d,P,99213,2026-01-01,2026-01-02,PAID,1\n", i)
			_, err := s.Ingest(ctx, v, models.NewUpload{Filename: "f", Source: models.UploadSourceAPI}, strings.NewReader(text))
			return err
		})
	}
	group.Wait()
	for _, tenant := range []*factory.Tenant{cedar, harbor} {
		equal(t, "gaps", 0, gaps(tenant))
		found := kinds(t, tenant)
		equal(t, "tests, uploads and runs", []int{60, 11, 2},
			[]int{found[models.EventWebhookTest], found[models.EventUploadProcessed], found[models.EventReportCompleted]})
	}
}

// deliverOnce takes what is due at an endpoint and says that it was delivered.
func deliverOnce(ctx context.Context, s *store.Store, v models.Viewer, id models.WebhookEndpointID) error {
	lane, err := s.OpenLane(ctx, v, id)
	if err != nil || lane == nil {
		return err
	}
	turn, err := s.TurnLane(ctx, v, lane, store.LaneReport{Want: 5})
	if err != nil {
		return err
	}
	var results []models.AttemptResult
	for _, d := range turn.Deliveries {
		results = append(results, models.AttemptResult{ID: d.ID, Outcome: models.AttemptDelivered, StartedAt: factory.Now(), StatusCode: 200})
	}
	return s.CloseLane(ctx, v, lane, results)
}

func TestPurgeWebhooks(t *testing.T) {
	t.Parallel()
	w := factory.New(t)
	cedar := w.Tenant("cedar")
	id := endpointOf(cedar).ID
	ctx, v := t.Context(), cedar.System()
	for range 4 {
		must(w.Store.TestWebhookEndpoint(ctx, v, id))(t)
	}
	if err := deliverOnce(ctx, w.Store, v, id); err != nil {
		t.Fatal(err)
	}
	must(w.Store.TestWebhookEndpoint(ctx, v, id))(t)
	left := func(days int) []int {
		s := w.StoreWith(w.DB.App, store.Options{Now: func() time.Time { return factory.Now().AddDate(0, 0, days) }})
		must(s.PurgeWebhooks(ctx))(t)
		return []int{
			factory.Query[int](cedar, `SELECT count(*) FROM webhook_attempts`),
			factory.Query[int](cedar, `SELECT count(*) FROM webhook_deliveries`),
			factory.Query[int](cedar, `SELECT count(*) FROM webhook_events`),
		}
	}
	equal(t, "after 29 days", []int{4, 5, 5}, left(29))
	equal(t, "after 31 days", []int{0, 5, 5}, left(31))
	equal(t, "after 91 days", []int{0, 1, 0}, left(91)) // what waits stays
	equal(t, "checkpoint", int64(4), must(w.Store.WebhookEndpoint(ctx, v, id))(t).DeliveredThrough)
}

// During a rotation both secrets sign, and afterwards the new one alone; and
// both are sealed anew when the master key changes.
func TestWebhookSecrets(t *testing.T) {
	t.Parallel()
	w := factory.New(t)
	cedar := w.Tenant("cedar")
	ctx, v := t.Context(), cedar.System()
	now := factory.Now()
	s := w.StoreWith(w.DB.App, store.Options{Now: func() time.Time { return now }})
	issued := must(s.CreateWebhookEndpoint(ctx, v, models.NewWebhookEndpoint{Name: "A", URL: "http://127.0.0.1:1/"}))(t)
	id := issued.Endpoint.ID
	signing := func() []string {
		must(s.TestWebhookEndpoint(ctx, v, id))(t)
		lane := must(s.OpenLane(ctx, v, id))(t)
		turn := must(s.TurnLane(ctx, v, lane, store.LaneReport{Want: 1}))(t)
		if err := s.CloseLane(ctx, v, lane, nil); err != nil {
			t.Fatal(err)
		}
		var all []string
		for _, secret := range turn.Secrets {
			all = append(all, string(secret))
		}
		return all
	}
	first := string(issued.Secret)
	equal(t, "before", []string{first}, signing())
	second := string(must(s.RotateWebhookSecret(ctx, v, models.WebhookSecretRotation{ID: id, OverlapHours: new(2)}))(t).Secret)
	equal(t, "during", []string{second, first}, signing())
	now = now.Add(2 * time.Hour)
	equal(t, "after", []string{second}, signing())
	third := string(must(s.RotateWebhookSecret(ctx, v, models.WebhookSecretRotation{ID: id, OverlapHours: new(0)}))(t).Secret)
	equal(t, "without an overlap", []string{third}, signing())
	for _, column := range must(s.RotateSecrets(ctx))(t) {
		if column.Table == "webhook_endpoints" && column.Unreadable != 0 {
			t.Errorf("unreadable: %+v", column)
		}
	}
}
