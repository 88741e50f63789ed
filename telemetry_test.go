package main

import (
	"compress/gzip"
	"context"
	"encoding/hex"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	coltrace "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"

	"upstream/internal/auth"
	"upstream/internal/cli"
	"upstream/internal/factory"
	"upstream/internal/obs"
	"upstream/internal/postgres"
	"upstream/models"
	"upstream/store"
)

// collector takes spans by OTLP over HTTP and keeps them.
type collector struct {
	mu    sync.Mutex
	spans []*tracepb.Span
	raw   strings.Builder
}

// ServeHTTP implements http.Handler.
func (c *collector) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body := io.Reader(r.Body)
	if r.Header.Get("Content-Encoding") == "gzip" {
		body, _ = gzip.NewReader(r.Body)
	}
	text, _ := io.ReadAll(body)
	var sent coltrace.ExportTraceServiceRequest
	if err := proto.Unmarshal(text, &sent); err != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.raw.Write(text)
	for _, resource := range sent.GetResourceSpans() {
		for _, scope := range resource.GetScopeSpans() {
			c.spans = append(c.spans, scope.GetSpans()...)
		}
	}
}

// named are the spans with a name.
func (c *collector) named(name string) []*tracepb.Span {
	var found []*tracepb.Span
	for _, s := range c.spans {
		if s.GetName() == name {
			found = append(found, s)
		}
	}
	return found
}

// observed is a server whose pool and store are observed.
func observed(t *testing.T, telemetry *obs.Telemetry) (http.Handler, *factory.Tenant) {
	t.Helper()
	w := factory.New(t)
	pool, err := postgres.OpenPool(t.Context(), w.DB.AppURL, postgres.PoolOptions{MaxConns: 4, Tracer: telemetry.QueryTracer()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	telemetry.WatchPool(pool)
	w.Store = w.StoreWith(pool, store.Options{Observer: telemetry})
	tenant := w.Tenant("lakeside")
	tenant.Drifting()
	handler, err := newHandler(cli.Deps{Store: w.Store, Secret: []byte(strings.Repeat("s", 32)), Logger: slog.New(slog.DiscardHandler), Telemetry: telemetry})
	if err != nil {
		t.Fatal(err)
	}
	return handler, tenant
}

func bearer(tenant *factory.Tenant) string {
	return "Bearer " + string(tenant.APIKey(models.ScopeClaimsRead, models.ScopeDriftRead, models.ScopeDriftRun).Text)
}

func TestTelemetry_OfTheProgram(t *testing.T) {
	t.Parallel()
	telemetry := obs.New(obs.Options{RequestID: auth.RequestID})
	handler, tenant := observed(t, telemetry)
	key := bearer(tenant)
	ask(t, handler, "GET", "/api/v1/claims/?payer=Jane", "", "Authorization", key)
	ask(t, handler, "GET", "/api/v1/claims/?nonsense=1", "", "Authorization", key)
	ask(t, handler, "GET", "/api/v1/nowhere/", "", "Authorization", key)
	ask(t, handler, "POST", "/graphql", `{"query":"query Mine { claims { totalCount } }"}`, "Authorization", key)
	ask(t, handler, "POST", "/graphql", `{"query":"{ claims { totalCount } }"}`)
	_, err := tenant.Store.CreateAlertRule(t.Context(), tenant.System(), models.NewAlertRule{Name: "all", ThresholdValue: new(0.0)})
	if err != nil {
		t.Fatal(err)
	}
	ask(t, handler, "POST", "/graphql", `{"query":"mutation { detectDrift(input: {}) { reportRun { id } } }"}`, "Authorization", key)
	scraped := httptest.NewRecorder()
	telemetry.Handler().ServeHTTP(scraped, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/metrics", nil))
	text := scraped.Body.String()
	for _, line := range []string{
		`upstream_requests_total{api="rest",operation="listClaims",status="200"} 1`,
		`upstream_requests_total{api="rest",operation="listClaims",status="422"} 1`,
		`upstream_requests_total{api="rest",operation="other",status="404"} 1`,
		`upstream_requests_total{api="graphql",operation="Query.claims",status="200"} 2`,
		`upstream_requests_total{api="graphql",operation="Mutation.detectDrift",status="200"} 1`,
		`upstream_operation_errors_total{api="graphql",code="UNAUTHENTICATED",operation="Query.claims"} 1`,
		`upstream_detection_duration_seconds_count{method="statistical",outcome="success"} 1`,
		`upstream_uploads_total{outcome="success"} 1`,
		`upstream_pool_connections_max 4`,
	} {
		if !strings.Contains(text, line+"\n") {
			t.Errorf("no %s", line)
		}
	}
	if !strings.Contains(text, `upstream_alerts_total{outcome="created"} `) {
		t.Error("no alerts are counted")
	}
	for _, canary := range []string{"Jane", "lakeside", tenant.Customer.ID.String(), tenant.Customer.Name} {
		if strings.Contains(text, canary) {
			t.Errorf("%q is in the metrics", canary)
		}
	}
}

// One trace leads from the request through its statements and through the job it
// caused, and tells of nobody's data.
func TestTelemetry_Traces(t *testing.T) {
	kept := &collector{}
	server := httptest.NewServer(kept)
	defer server.Close()
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", server.URL)
	tracing, err := obs.NewTracing(t.Context(), "upstream")
	if err != nil {
		t.Fatal(err)
	}
	telemetry := obs.New(obs.Options{Tracing: tracing})
	handler, tenant := observed(t, telemetry)
	key := bearer(tenant)
	parent := "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
	ask(t, handler, "GET", "/api/v1/claims/?payer=Canary%27s", "", "Authorization", key, "traceparent", parent)
	answer := ask(t, handler, "POST", "/api/v1/reports/trigger/", `{}`, "Authorization", key, "traceparent", parent)
	if answer.Code != http.StatusAccepted {
		t.Fatalf("%d %s", answer.Code, answer.Body)
	}
	metadata := factory.Query[string](tenant, `SELECT metadata::text FROM river.river_job WHERE kind = 'detect'`)
	cause := store.JobTraceparent([]byte(metadata))
	if !strings.HasPrefix(cause, parent[:36]) {
		t.Fatalf("the job was caused by %q", cause)
	}
	err = telemetry.Job(t.Context(), obs.JobFacts{Kind: "detect", Queue: "detection", Cause: cause, Waited: time.Second}, func(ctx context.Context) error {
		_, err := tenant.Store.Claims(ctx, tenant.System(), models.ClaimFilter{Payer: new("Canary")}, models.List[models.ClaimOrderField]{})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := telemetry.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	kept.mu.Lock()
	defer kept.mu.Unlock()
	for _, name := range []string{"rest listClaims", "rest triggerReport", "job detect", "SELECT", "INSERT"} {
		spans := kept.named(name)
		ours := slices.ContainsFunc(spans, func(s *tracepb.Span) bool { return hex.EncodeToString(s.GetTraceId()) == parent[3:35] })
		if !ours {
			t.Errorf("no span %q of the trace among %d of that name", name, len(spans))
		}
	}
	if job := kept.named("job detect"); len(job) == 1 && hex.EncodeToString(job[0].GetParentSpanId()) != cause[36:52] {
		t.Errorf("the job hangs off %x", job[0].GetParentSpanId())
	}
	for _, canary := range []string{"Canary", "lakeside", "set_config"} {
		if strings.Contains(kept.raw.String(), canary) {
			t.Errorf("%q is in the traces", canary)
		}
	}
}
