package jobs

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"upstream/internal/factory"
	"upstream/internal/mail"
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
	id := r.Header.Get("webhook-id")
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

// courier is a database with workers that deliver from it, by the clock of the
// machine.
type courier struct {
	*factory.World
	store   *store.Store
	cedar   *factory.Tenant
	workers *Workers
	post    *post
	policy  webhook.Policy
}

// newCourier delivers by rules that change changes.
func newCourier(t *testing.T, change func(*webhook.Policy)) *courier {
	t.Helper()
	c := &courier{World: factory.New(t), post: &post{}}
	c.policy = factory.Webhooks(t)
	if change != nil {
		change(&c.policy)
	}
	c.store = c.StoreWith(c.DB.App, store.Options{Now: time.Now, Webhooks: c.policy})
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
	eventually(t, func() bool {
		var err error
		if d, err = c.store.WebhookDelivery(t.Context(), c.cedar.System(), id); err != nil {
			t.Fatal(err)
		}
		return ok(d)
	})
	return d
}

func eventually(t *testing.T, ok func() bool) {
	t.Helper()
	ticker := time.NewTicker(10 * time.Millisecond)
	defer ticker.Stop()
	deadline, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	for !ok() {
		select {
		case <-ticker.C:
		case <-deadline.Done():
			t.Fatal("it did not come to that within 30 s")
		}
	}
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
