package jobs

import (
	"io"
	"net/http"
	"net/http/httptest"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"upstream/internal/await"
	"upstream/internal/factory"
	"upstream/internal/mail"
	"upstream/internal/postgres"
	"upstream/internal/webhook"
	"upstream/models"
	"upstream/store"
)

// partner is a receiver of webhooks.
type partner struct {
	*httptest.Server

	mu     sync.Mutex
	answer func(http.ResponseWriter, *http.Request)
	// had are the requests by webhook-id, bodies are what each said.
	had    map[string]int
	bodies map[string][]byte
	header map[string]http.Header
	heard  chan string
}

func newPartner(t *testing.T) *partner {
	t.Helper()
	p := &partner{had: map[string]int{}, bodies: map[string][]byte{}, header: map[string]http.Header{}, heard: make(chan string, 100_000)}
	p.Server = httptest.NewServer(p)
	t.Cleanup(p.Close)
	return p
}

func (p *partner) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	id := r.Header.Get(standardwebhooks.HeaderWebhookID)
	p.mu.Lock()
	p.had[id]++
	p.bodies[id], p.header[id] = body, r.Header.Clone()
	answer := p.answer
	p.mu.Unlock()
	if answer != nil {
		answer(w, r)
	}
	p.heard <- id
}

// answers changes what the partner answers.
func (p *partner) answers(answer func(http.ResponseWriter, *http.Request)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.answer = answer
}

func status(code int) func(http.ResponseWriter, *http.Request) {
	return func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(code) }
}

// count is how often a webhook-id came.
func (p *partner) count(id models.WebhookDeliveryID) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.had[id.String()]
}

// begun is how many messages have come.
func (p *partner) begun() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.had)
}

// courier is a database with workers that deliver from it, by the clock of the
// machine.
type courier struct {
	*factory.World
	store   *store.Store
	cedar   *factory.Tenant
	workers *Workers
	post    *post
	policy  webhook.Policy
	// ahead is how far the store's clock is ahead of the machine's.
	ahead atomic.Int64
}

// newCourier delivers by rules that change changes.
func newCourier(t *testing.T, change func(*webhook.Policy)) *courier {
	t.Helper()
	c := &courier{World: factory.New(t), post: &post{}}
	c.policy = factory.Webhooks(t)
	if change != nil {
		change(&c.policy)
	}
	c.store = c.StoreWith(c.DB.App, store.Options{Now: func() time.Time { return time.Now().Add(time.Duration(c.ahead.Load())) }, Webhooks: c.policy})
	c.cedar = c.Tenant("cedar")
	c.workers = c.worker(t, c.post)
	return c
}

func (c *courier) worker(t *testing.T, out mail.Sender) *Workers {
	t.Helper()
	sender := webhook.NewSender(webhook.Options{Guard: c.policy.Guard, Timeout: 2 * time.Second})
	t.Cleanup(sender.Close)
	workers, err := New(Options{Store: c.store, Mail: out, PublicURL: "https://upstream.example", PollInterval: 10 * time.Millisecond, Webhooks: sender})
	if err != nil {
		t.Fatal(err)
	}
	return workers
}

func (c *courier) start(t *testing.T) {
	t.Helper()
	if err := c.workers.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.workers.Stop(); err != nil {
			t.Error(err)
		}
	})
}

func (c *courier) endpoint(t *testing.T, tenant *factory.Tenant, url string) *models.IssuedWebhookEndpoint {
	t.Helper()
	issued, err := c.store.CreateWebhookEndpoint(t.Context(), tenant.User(models.RoleAdmin), models.NewWebhookEndpoint{Name: "Partner", URL: url})
	if err != nil {
		t.Fatal(err)
	}
	return issued
}

// tests queues test events and answers with their deliveries.
func (c *courier) tests(t *testing.T, tenant *factory.Tenant, id models.WebhookEndpointID, n int) []*models.WebhookDelivery {
	t.Helper()
	var all []*models.WebhookDelivery
	for range n {
		d, err := c.store.TestWebhookEndpoint(t.Context(), tenant.System(), id)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, d)
	}
	return all
}

// await answers with the delivery once it is as ok says.
func (c *courier) await(t *testing.T, id models.WebhookDeliveryID, ok func(*models.WebhookDelivery) bool) *models.WebhookDelivery {
	t.Helper()
	var d *models.WebhookDelivery
	await.Until(t, "the delivery", func() bool {
		var err error
		if d, err = c.store.WebhookDelivery(t.Context(), c.cedar.System(), id); err != nil {
			t.Fatal(err)
		}
		return ok(d)
	})
	return d
}

func in(want models.DeliveryStatus) func(*models.WebhookDelivery) bool {
	return func(d *models.WebhookDelivery) bool { return d.Status == want }
}

func TestDelivery_Signed(t *testing.T) {
	t.Parallel()
	c, p := newCourier(t, nil), newPartner(t)
	issued := c.endpoint(t, c.cedar, p.URL)
	c.start(t)
	d := c.tests(t, c.cedar, issued.Endpoint.ID, 1)[0]
	got := c.await(t, d.ID, in(models.DeliverySuccess))
	if got.Attempts != 1 || got.AttemptsTotal != 1 || got.ResponseCode == nil || *got.ResponseCode != 200 || got.NextAttemptAt != nil {
		t.Errorf("after the attempt: %+v", got)
	}
	verifier, err := standardwebhooks.NewWebhook(string(issued.Secret))
	if err != nil {
		t.Fatal(err)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	body, header := p.bodies[d.ID.String()], p.header[d.ID.String()]
	if err := verifier.Verify(body, header); err != nil {
		t.Error(err)
	}
	if string(body) != string(got.Body) {
		t.Errorf("sent %s, stored %s", body, got.Body)
	}
	attempts, err := c.store.DeliveryAttempts(t.Context(), c.cedar.System(), d.ID, models.DeliveryAttemptFilter{},
		models.List[models.DeliveryAttemptOrderField]{Page: models.Page{Limit: 10}})
	if err != nil || len(attempts.Items) != 1 || attempts.Items[0].Outcome != models.AttemptDelivered {
		t.Errorf("attempts: %v, %v", attempts, err)
	}
	endpoint, err := c.store.WebhookEndpoint(t.Context(), c.cedar.System(), issued.Endpoint.ID)
	if err != nil || endpoint.DeliveredThrough != 1 {
		t.Errorf("checkpoint: %+v, %v", endpoint, err)
	}
}

// quick are rules by which a test need not wait.
func quick(p *webhook.Policy) {
	p.Schedule.Delays = slices.Repeat([]time.Duration{time.Millisecond}, 5)
	p.Breaker.Failures = 100
}

func TestDelivery_RetriedAndDead(t *testing.T) {
	t.Parallel()
	c, p := newCourier(t, quick), newPartner(t)
	p.answers(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusInternalServerError)
		_, _ = io.WriteString(w, strings.Repeat("é\x00 ", 2000))
	})
	issued := c.endpoint(t, c.cedar, p.URL)
	c.start(t)
	ds := c.tests(t, c.cedar, issued.Endpoint.ID, 2)
	for _, d := range ds {
		got := c.await(t, d.ID, in(models.DeliveryDead))
		if got.Attempts != 6 || *got.ResponseCode != 500 || got.NextAttemptAt != nil || *got.LastError != "answered with status 500" ||
			len([]rune(*got.ResponseBody)) > 1000 || p.count(d.ID) != 6 {
			t.Errorf("given up as %+v after %d requests", got, p.count(d.ID))
		}
	}
	// Who made the endpoint hears of it once, although two deliveries are dead.
	await.Until(t, "a letter", func() bool { return len(c.post.all()) > 0 })
	if sent := c.post.all(); len(sent) != 1 || !strings.Contains(sent[0].Text, `"Partner" of Clinic cedar`) {
		t.Errorf("mails %+v", sent)
	}
	// A redelivery is the same message, and its attempts are counted on.
	p.answers(nil)
	if _, err := c.store.RedeliverWebhook(t.Context(), c.cedar.System(), models.Redelivery{ID: ds[0].ID}); err != nil {
		t.Fatal(err)
	}
	got := c.await(t, ds[0].ID, in(models.DeliverySuccess))
	if got.Attempts != 1 || got.AttemptsTotal != 7 || p.count(ds[0].ID) != 7 {
		t.Errorf("delivered again as %+v", got)
	}
	endpoint := c.shown(t, issued.Endpoint.ID)
	if endpoint.DeliveredThrough != 1 || endpoint.LastSequence != 2 || endpoint.ConsecutiveFailures != 0 {
		t.Errorf("checkpoint %+v", endpoint)
	}
}

func (c *courier) shown(t *testing.T, id models.WebhookEndpointID) *models.WebhookEndpoint {
	t.Helper()
	e, err := c.store.WebhookEndpoint(t.Context(), c.cedar.System(), id)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// 410 disables the endpoint, people hear of it, and what waits is sent once it
// is switched on again.
func TestDelivery_Gone(t *testing.T) {
	t.Parallel()
	c, p := newCourier(t, quick), newPartner(t)
	p.answers(status(http.StatusGone))
	owner := c.cedar.User(models.RoleOwner)
	issued := c.endpoint(t, c.cedar, p.URL)
	id := issued.Endpoint.ID
	first := c.tests(t, c.cedar, id, 1)[0]
	c.start(t)
	c.await(t, first.ID, in(models.DeliveryDead))
	e := c.shown(t, id)
	if e.DisabledAt == nil || *e.DisabledReason != models.DisabledGone || e.Delivers() {
		t.Fatalf("after 410: %+v", e)
	}
	await.Until(t, "two letters", func() bool { return len(c.post.all()) == 2 })
	var told []string
	for _, m := range c.post.all() {
		told = append(told, m.To)
		if !strings.Contains(m.Text, "410 Gone") {
			t.Errorf("the mail says %s", m.Text)
		}
	}
	if !slices.Contains(told, owner.Email) {
		t.Errorf("told %v and not the owner", told)
	}
	if _, err := c.store.TestWebhookEndpoint(t.Context(), c.cedar.System(), id); models.CodeOf(err) != models.CodeConflict {
		t.Errorf("a test of a disabled endpoint: %v", err)
	}
	p.answers(nil)
	_, err := c.store.UpdateWebhookEndpoint(t.Context(), c.cedar.System(), models.Update[models.WebhookEndpointID, models.WebhookEndpointPatch]{
		ID: id, Patch: models.WebhookEndpointPatch{Active: models.To(true)},
	})
	if err != nil {
		t.Fatal(err)
	}
	c.await(t, c.tests(t, c.cedar, id, 1)[0].ID, in(models.DeliverySuccess))
}

// An endpoint that is switched off keeps what waits for it, and gets it when it
// is switched on.
func TestDelivery_SwitchedOff(t *testing.T) {
	t.Parallel()
	c, p := newCourier(t, quick), newPartner(t)
	id := c.endpoint(t, c.cedar, p.URL).Endpoint.ID
	waiting := c.tests(t, c.cedar, id, 3)
	turn := func(on bool) {
		_, err := c.store.UpdateWebhookEndpoint(t.Context(), c.cedar.System(), models.Update[models.WebhookEndpointID, models.WebhookEndpointPatch]{
			ID: id, Patch: models.WebhookEndpointPatch{Active: models.To(on)},
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	turn(false)
	if lane, err := c.store.OpenLane(t.Context(), c.cedar.System(), id); lane != nil || err != nil {
		t.Errorf("the lane of an endpoint that is switched off: %v, %v", lane, err)
	}
	c.start(t)
	turn(true)
	for _, d := range waiting {
		c.await(t, d.ID, in(models.DeliverySuccess))
		if p.count(d.ID) != 1 {
			t.Errorf("%s came %d times", d.ID, p.count(d.ID))
		}
	}
}

// A dead endpoint is left alone after some failures, and does not keep another
// one waiting.
func TestDelivery_CircuitOpens(t *testing.T) {
	t.Parallel()
	c := newCourier(t, func(p *webhook.Policy) {
		quick(p)
		p.Breaker.Failures, p.Breaker.Pause, p.Breaker.MaxPause = 5, time.Hour, time.Hour
	})
	dead, well := newPartner(t), newPartner(t)
	dead.answers(status(http.StatusBadGateway))
	broken := c.endpoint(t, c.cedar, dead.URL).Endpoint.ID
	c.tests(t, c.cedar, broken, 200)
	fine := c.endpoint(t, c.cedar, well.URL).Endpoint.ID
	c.start(t)
	await.Until(t, "an open circuit", func() bool { return c.shown(t, broken).Circuit == models.CircuitOpen })
	c.await(t, c.tests(t, c.cedar, fine, 1)[0].ID, in(models.DeliverySuccess))
	// The circuit opened while a batch was under way; the next one was not begun.
	if n := len(dead.heard); n > laneBatch {
		t.Errorf("%d requests came to the dead endpoint", n)
	}
	e := c.shown(t, broken)
	if e.RetryAt == nil || e.LaneJobAt == nil || e.LaneJobAt.Before(*e.RetryAt) || e.LaneWorker != nil {
		t.Errorf("who comes back when: %+v", e)
	}
}

// At no time are more than so many deliveries to an endpoint under way, with
// several processes at work.
func TestDelivery_BoundedByEndpoint(t *testing.T) {
	t.Parallel()
	c, p := newCourier(t, quick), newPartner(t)
	var now, most atomic.Int64
	p.answers(func(http.ResponseWriter, *http.Request) {
		n := now.Add(1)
		for high := most.Load(); n > high && !most.CompareAndSwap(high, n); high = most.Load() {
			continue
		}
		runtime.Gosched()
		now.Add(-1)
	})
	other := c.StoreWith(c.Pool(postgres.PoolOptions{}), store.Options{Now: time.Now, Webhooks: c.policy})
	id := c.endpoint(t, c.cedar, p.URL).Endpoint.ID
	c.start(t)
	second := &courier{World: c.World, store: other, cedar: c.cedar, policy: c.policy}
	second.workers = second.worker(t, &post{})
	second.start(t)
	for _, d := range c.tests(t, c.cedar, id, 200) {
		c.await(t, d.ID, in(models.DeliverySuccess))
		if p.count(d.ID) != 1 {
			t.Errorf("%s came %d times", d.ID, p.count(d.ID))
		}
	}
	if most.Load() > defaultInFlight {
		t.Errorf("%d deliveries were under way at a time", most.Load())
	}
}

// What a process took and did not live to record is sent again by another one.
func TestDelivery_AfterACrash(t *testing.T) {
	t.Parallel()
	c, p := newCourier(t, quick), newPartner(t)
	id := c.endpoint(t, c.cedar, p.URL).Endpoint.ID
	d := c.tests(t, c.cedar, id, 1)[0]
	crashed := c.StoreWith(c.Pool(postgres.PoolOptions{}), store.Options{Now: time.Now, Webhooks: c.policy})
	lane, err := crashed.OpenLane(t.Context(), c.cedar.System(), id)
	if err != nil || lane == nil {
		t.Fatal(lane, err)
	}
	turn, err := crashed.TurnLane(t.Context(), c.cedar.System(), lane, store.LaneReport{Want: 10})
	if err != nil || len(turn.Deliveries) != 1 || turn.Deliveries[0].ID != d.ID {
		t.Fatalf("%+v, %v", turn, err)
	}
	// The process lives: nobody else gets the lane.
	if other, err := c.store.OpenLane(t.Context(), c.cedar.System(), id); other != nil || err != nil {
		t.Fatalf("a second lane: %v, %v", other, err)
	}
	c.ahead.Store(int64(time.Minute)) // its lease is over
	c.start(t)
	c.await(t, d.ID, in(models.DeliverySuccess))
	// Too late, the one that was taken for dead says that it failed.
	_, err = crashed.TurnLane(t.Context(), c.cedar.System(), lane, store.LaneReport{Results: []models.AttemptResult{
		{ID: d.ID, Outcome: models.AttemptTimedOut, StartedAt: time.Now(), Error: "late"},
	}})
	if err != nil {
		t.Fatal(err)
	}
	if got := c.await(t, d.ID, func(*models.WebhookDelivery) bool { return true }); got.Status != models.DeliverySuccess || got.AttemptsTotal != 2 {
		t.Errorf("after a late result: %+v", got)
	}
	if err := crashed.CloseLane(t.Context(), c.cedar.System(), lane, nil); err != nil {
		t.Error(err)
	}
}

// Deliveries whose job is lost are found.
func TestDelivery_WithoutAJob(t *testing.T) {
	t.Parallel()
	c, p := newCourier(t, quick), newPartner(t)
	id := c.endpoint(t, c.cedar, p.URL).Endpoint.ID
	d := c.tests(t, c.cedar, id, 1)[0]
	resume := func(at time.Time) int {
		s := c.StoreWith(c.DB.App, store.Options{Now: func() time.Time { return at }, Webhooks: c.policy})
		n, err := s.ResumeWebhooks(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	later := time.Now().Add(time.Minute)
	if n := resume(later); n != 0 {
		t.Errorf("%d taken up although a job waits", n)
	}
	if _, err := c.DB.Owner.Exec(t.Context(), `DELETE FROM river.river_job`); err != nil {
		t.Fatal(err)
	}
	if n := resume(time.Now()); n != 0 {
		t.Errorf("%d taken up although nothing is overdue", n)
	}
	if n := resume(later); n != 1 {
		t.Errorf("%d taken up, want 1", n)
	}
	if n := resume(later); n != 0 {
		t.Errorf("%d taken up twice", n)
	}
	c.start(t)
	c.await(t, d.ID, in(models.DeliverySuccess))
}

// The guard stands in the way of every attempt, whatever was stored: of names
// that lead inside, and of URLs that were written before the rules were.
func TestDelivery_NeverInside(t *testing.T) {
	t.Parallel()
	c, p := newCourier(t, quick), newPartner(t)
	id := c.endpoint(t, c.cedar, p.URL).Endpoint.ID
	strict := c.policy
	strict.Guard = webhook.NewGuard(webhook.Targets{})
	c.policy = strict
	c.workers = c.worker(t, c.post)
	c.start(t)
	for _, url := range []string{
		p.URL, "https://127.0.0.1/", "https://[::1]/", "https://169.254.169.254/latest/meta-data/", "https://[::ffff:127.0.0.1]/",
		"https://0177.0.0.1/", "https://2130706433/", "https://10.0.0.1/", "https://user:secret@example.com/", "https://[64:ff9b::7f00:1]/", "http://example.com/",
	} {
		_, err := c.DB.Owner.Exec(t.Context(), `SET app.customer_id = '`+c.cedar.Customer.ID.UUID().String()+`'; UPDATE webhook_endpoints SET url = '`+url+`'; RESET app.customer_id`)
		if err != nil {
			t.Fatal(err)
		}
		got := c.await(t, c.tests(t, c.cedar, id, 1)[0].ID, func(d *models.WebhookDelivery) bool { return d.AttemptsTotal > 0 })
		attempts, err := c.store.DeliveryAttempts(t.Context(), c.cedar.System(), got.ID, models.DeliveryAttemptFilter{},
			models.List[models.DeliveryAttemptOrderField]{Page: models.Page{Limit: 10}})
		if err != nil || len(attempts.Items) == 0 || attempts.Items[0].Outcome != models.AttemptBlocked {
			t.Errorf("%s: %+v, %v", url, attempts, err)
		}
	}
	if len(p.heard) > 0 {
		t.Error("a request came through")
	}
}

// A worker that is stopped leaves what it could not finish to the next one, and
// counts nothing against the endpoint.
func TestDelivery_Stopped(t *testing.T) {
	t.Parallel()
	c, p := newCourier(t, quick), newPartner(t)
	hang := make(chan struct{})
	p.answers(func(_ http.ResponseWriter, r *http.Request) {
		p.heard <- "begun"
		select {
		case <-hang:
		case <-r.Context().Done():
		}
	})
	id := c.endpoint(t, c.cedar, p.URL).Endpoint.ID
	d := c.tests(t, c.cedar, id, 1)[0]
	sender := webhook.NewSender(webhook.Options{Guard: c.policy.Guard, Timeout: time.Minute})
	t.Cleanup(sender.Close)
	workers, err := New(Options{Store: c.store, Mail: c.post, PollInterval: 10 * time.Millisecond, Webhooks: sender, DrainTimeout: 50 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	if err := workers.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	<-p.heard
	if err := workers.Stop(); err == nil {
		t.Error("the worker says that all was done")
	}
	close(hang)
	p.answers(nil)
	if got := c.await(t, d.ID, in(models.DeliveryPending)); got.AttemptsTotal != 0 {
		t.Errorf("counted as %+v", got)
	}
	c.start(t)
	if got := c.await(t, d.ID, in(models.DeliverySuccess)); got.AttemptsTotal != 1 {
		t.Errorf("delivered as %+v", got)
	}
}

// While one customer has many waiting, another's first does not wait behind them.
func TestDelivery_Fair(t *testing.T) {
	t.Parallel()
	c, slow, well := newCourier(t, quick), newPartner(t), newPartner(t)
	turn := make(chan struct{})
	slow.answers(func(_ http.ResponseWriter, r *http.Request) {
		select {
		case <-turn:
		case <-r.Context().Done():
		}
	})
	busy := c.endpoint(t, c.cedar, slow.URL).Endpoint.ID
	c.tests(t, c.cedar, busy, 100)
	harbor := c.Tenant("harbor")
	theirs := c.endpoint(t, harbor, well.URL).Endpoint.ID
	c.start(t)
	await.Until(t, "the first request", func() bool { return slow.begun() > 0 })
	d := c.tests(t, harbor, theirs, 1)[0]
	if got := <-well.heard; got != d.ID.String() {
		t.Errorf("heard of %s, want %s", got, d.ID)
	}
	close(turn)
	await.Until(t, "a hundred requests", func() bool { return len(slow.heard) >= 100 })
}

// One job delivers on and on: many deliveries are no more jobs than one.
func TestDelivery_OneJobForMany(t *testing.T) {
	t.Parallel()
	c, p := newCourier(t, quick), newPartner(t)
	id := c.endpoint(t, c.cedar, p.URL).Endpoint.ID
	const many = 5 * laneBatch
	c.tests(t, c.cedar, id, many)
	c.start(t)
	await.Until(t, "the last delivery", func() bool { return c.shown(t, id).DeliveredThrough == many })
	if jobs := factory.Query[int](c.cedar, `SELECT count(*) FROM river.river_job WHERE kind = 'deliver_webhooks'`); jobs > 2 {
		t.Errorf("%d jobs for %d deliveries", jobs, many)
	}
}
