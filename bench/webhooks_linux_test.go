package bench

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"upstream/bench/meter"
	"upstream/internal/await"
	"upstream/internal/factory"
	"upstream/internal/jobs"
	"upstream/internal/mail"
	"upstream/internal/postgres"
	"upstream/internal/webhook"
	"upstream/models"
	"upstream/store"
)

// deliveriesVariable is how many deliveries wait when measuring begins.
const deliveriesVariable = "UPSTREAM_BENCH_DELIVERIES"

// fastPartner answers at once, and says when what came.
type fastPartner struct {
	*httptest.Server

	came atomic.Int64
	// heard has the instants at which messages came, by webhook-id.
	heard sync.Map
}

func newFastPartner(b *testing.B) *fastPartner {
	b.Helper()
	p := &fastPartner{}
	p.Server = httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		p.heard.Store(r.Header.Get("Webhook-Id"), time.Now())
		_, _ = io.Copy(io.Discard, r.Body)
		p.came.Add(1)
	}))
	b.Cleanup(p.Close)
	return p
}

// noMail loses mails.
type noMail struct{}

func (noMail) Send(context.Context, mail.Message) error { return nil }

// post is a database with workers that deliver.
type post struct {
	*factory.World
	store   *store.Store
	workers *jobs.Workers
}

func newPost(b *testing.B) *post {
	b.Helper()
	w := factory.New(b)
	quiet := slog.New(slog.DiscardHandler)
	s := w.StoreWith(w.Pool(postgres.PoolOptions{MaxConns: 20}), store.Options{Now: time.Now, Logger: quiet})
	sender := webhook.NewSender(webhook.Options{Guard: factory.Webhooks(b).Guard})
	b.Cleanup(sender.Close)
	workers, err := jobs.New(jobs.Options{Store: s, Mail: noMail{}, Webhooks: sender, Logger: quiet})
	if err != nil {
		b.Fatal(err)
	}
	return &post{World: w, store: s, workers: workers}
}

func (p *post) start(b *testing.B) {
	b.Helper()
	if err := p.workers.Start(b.Context()); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		if err := p.workers.Stop(); err != nil {
			b.Error(err)
		}
	})
}

func (p *post) endpoint(b *testing.B, t *factory.Tenant, url string) models.WebhookEndpointID {
	b.Helper()
	issued, err := p.store.CreateWebhookEndpoint(b.Context(), t.System(), models.NewWebhookEndpoint{Name: "Partner", URL: url})
	if err != nil {
		b.Fatal(err)
	}
	return issued.Endpoint.ID
}

// fill makes deliveries that wait, faster than events would.
func (p *post) fill(b *testing.B, t *factory.Tenant, id models.WebhookEndpointID, n int) {
	b.Helper()
	tx, err := p.DB.Owner.Begin(b.Context())
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = tx.Rollback(context.Background()) }()
	customer := t.Customer.ID.UUID().String()
	for _, statement := range []struct {
		sql  string
		args []any
	}{
		{`SELECT set_config('app.customer_id', $1, true)`, []any{customer}},
		{`INSERT INTO webhook_deliveries (customer_id, id, endpoint_id, event_type, event_key, sequence, body, max_attempts, next_attempt_at)
		SELECT $1::uuid, gen_random_uuid(), $2::uuid, 'drift.detected', 'filled:' || i, (i), json_build_object('filled', repeat('x', 550)), 6, now()
		FROM generate_series(1, $3::integer) AS i`, []any{customer, id.UUID().String(), n}},
		{`UPDATE webhook_endpoints SET last_sequence = $3 WHERE customer_id = $1::uuid AND id = $2::uuid`, []any{customer, id.UUID().String(), n}},
	} {
		if _, err := tx.Exec(b.Context(), statement.sql, statement.args...); err != nil {
			b.Fatal(err)
		}
	}
	if err := tx.Commit(b.Context()); err != nil {
		b.Fatal(err)
	}
	if _, err := p.DB.Owner.Exec(b.Context(), `ANALYZE webhook_deliveries`); err != nil {
		b.Fatal(err)
	}
	p.test(b, t, id)
}

func (p *post) test(b *testing.B, t *factory.Tenant, id models.WebhookEndpointID) models.WebhookDeliveryID {
	b.Helper()
	d, err := p.store.TestWebhookEndpoint(b.Context(), t.System(), id)
	if err != nil {
		b.Fatal(err)
	}
	return d.ID
}

// patience is for the largest backlog; -timeout of go test is what ends it.
const patience = time.Hour

// delays emits one event at a time and answers, sorted, how long after its
// commit the first byte about each came.
func (p *post) delays(b *testing.B, t *factory.Tenant, id models.WebhookEndpointID, at *fastPartner, n int) []time.Duration {
	b.Helper()
	all := make([]time.Duration, 0, n)
	for range n {
		delivery := p.test(b, t, id).String()
		committed := time.Now()
		await.Within(b, patience, "the delivery", func() bool {
			came, ok := at.heard.Load(delivery)
			if ok {
				all = append(all, max(0, came.(time.Time).Sub(committed)))
			}
			return ok
		})
	}
	slices.Sort(all)
	return all
}

func asMilliseconds(sorted []time.Duration, quantile float64) float64 {
	return float64(sorted[min(int(quantile*float64(len(sorted))), len(sorted)-1)].Microseconds()) / 1000
}

// BenchmarkWebhooks measures deliveries to a partner on this machine who answers
// at once. Processor time includes the partner's, which is in this process.
//
//	backlog   deliveries that wait are sent as fast as it goes
//	delay     from the commit of an event to the first byte at the partner
//	fairness  the same while another customer has 100,000 deliveries waiting
func BenchmarkWebhooks(b *testing.B) {
	b.Run("backlog", func(b *testing.B) {
		n := size(b, deliveriesVariable, 5_000)
		for b.Loop() {
			p, partner := newPost(b), newFastPartner(b)
			cedar := p.Tenant("cedar")
			p.fill(b, cedar, p.endpoint(b, cedar, partner.URL), n)
			begun := time.Now()
			cpu := cpuOf(b, meter.New(p.DB.Owner), func() {
				p.start(b)
				await.Within(b, patience, "the last delivery", func() bool { return partner.came.Load() > int64(n) })
			})
			b.ReportMetric(float64(n)/time.Since(begun).Seconds(), "deliveries/s")
			b.ReportMetric(float64(cpu.Microseconds())/float64(n), "cpu-µs/delivery")
		}
	})
	b.Run("delay", func(b *testing.B) {
		for b.Loop() {
			p, partner := newPost(b), newFastPartner(b)
			cedar := p.Tenant("cedar")
			p.start(b)
			sorted := p.delays(b, cedar, p.endpoint(b, cedar, partner.URL), partner, 300)
			b.ReportMetric(asMilliseconds(sorted, 0.5), "p50-ms")
			b.ReportMetric(asMilliseconds(sorted, 0.99), "p99-ms")
		}
	})
	b.Run("fairness", func(b *testing.B) {
		n := size(b, deliveriesVariable, 100_000)
		for b.Loop() {
			p, busy, partner := newPost(b), newFastPartner(b), newFastPartner(b)
			cedar, harbor := p.Tenant("cedar"), p.Tenant("harbor")
			p.fill(b, cedar, p.endpoint(b, cedar, busy.URL), n)
			id := p.endpoint(b, harbor, partner.URL)
			p.start(b)
			await.Within(b, patience, "the first hundred deliveries", func() bool { return busy.came.Load() >= 100 })
			sorted := p.delays(b, harbor, id, partner, 20)
			b.ReportMetric(asMilliseconds(sorted, 0.5), "p50-ms")
			b.ReportMetric(asMilliseconds(sorted, 1), "max-ms")
			b.ReportMetric(float64(n)-float64(busy.came.Load()), "still-waiting")
		}
	})
}
