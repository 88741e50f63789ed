package obs_test

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"upstream/internal/obs"
)

// scrape reads the metrics.
func scrape(t *testing.T, telemetry *obs.Telemetry) (int, string) {
	t.Helper()
	w := httptest.NewRecorder()
	telemetry.Handler().ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/metrics", nil))
	return w.Code, w.Body.String()
}

func wantLines(t *testing.T, telemetry *obs.Telemetry, lines ...string) {
	t.Helper()
	status, text := scrape(t, telemetry)
	if status != http.StatusOK {
		t.Fatalf("status %d: %s", status, text)
	}
	for _, line := range lines {
		if !strings.Contains(text, line+"\n") {
			t.Errorf("no %s in\n%s", line, text)
		}
	}
}

func TestRequests(t *testing.T) {
	t.Parallel()
	telemetry := obs.New(obs.Options{})
	handler := telemetry.Requests(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/api/v1/claims/":
			obs.Name(r.Context(), "listClaims")
			w.WriteHeader(http.StatusUnprocessableEntity)
		case "/graphql":
			obs.Name(r.Context(), "Query.claims")
			obs.Outcome(r.Context(), "FORBIDDEN")
			obs.Outcome(r.Context(), "INTERNAL")
		case "/panics":
			panic(http.ErrAbortHandler)
		}
	}))
	for _, path := range []string{"/api/v1/claims/?payer=x", "/graphql", "/", "/panics"} {
		func() {
			defer func() { _ = recover() }()
			handler.ServeHTTP(httptest.NewRecorder(), httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, nil))
		}()
	}
	wantLines(t, telemetry,
		`upstream_requests_total{api="rest",operation="listClaims",status="422"} 1`,
		`upstream_requests_total{api="graphql",operation="Query.claims",status="200"} 1`,
		`upstream_requests_total{api="pages",operation="other",status="200"} 1`,
		`upstream_requests_total{api="pages",operation="other",status="0"} 1`,
		`upstream_operation_errors_total{api="graphql",code="FORBIDDEN",operation="Query.claims"} 1`,
		`upstream_request_duration_seconds_count{api="rest",operation="listClaims"} 1`,
		`upstream_requests_in_flight 0`)
}

func TestRequests_WithoutTelemetry(t *testing.T) {
	t.Parallel()
	var none *obs.Telemetry
	w := httptest.NewRecorder()
	none.Requests(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		obs.Name(r.Context(), "x")
		obs.Outcome(r.Context(), "y")
		w.WriteHeader(http.StatusTeapot)
	})).ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil))
	if w.Code != http.StatusTeapot {
		t.Error(w.Code)
	}
}

// A slow statement is logged by its shape and by what sent it, and never by its
// values.
func TestQueryTracer(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	telemetry := obs.New(obs.Options{
		Logger: obs.NewLogger(&log, obs.FormatJSON, "info"), SlowStatement: time.Nanosecond,
		RequestID: func(context.Context) string { return "req-1" },
	})
	tracer := telemetry.QueryTracer()
	handler := telemetry.Requests(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		obs.Name(r.Context(), "listClaims")
		ctx := tracer.TraceQueryStart(r.Context(), nil, pgx.TraceQueryStartData{SQL: `SELECT * FROM claims WHERE payer = 'Jane Roe'`})
		tracer.TraceQueryEnd(ctx, nil, pgx.TraceQueryEndData{})
		var batches pgx.BatchTracer = tracer
		batch := &pgx.Batch{}
		batch.Queue("SELECT set_config('app.customer_id', $1, true)")
		batch.Queue("SELECT 'Jane Roe' FROM uploads")
		ctx = batches.TraceBatchStart(r.Context(), nil, pgx.TraceBatchStartData{Batch: batch})
		batches.TraceBatchQuery(ctx, nil, pgx.TraceBatchQueryData{})
		batches.TraceBatchEnd(ctx, nil, pgx.TraceBatchEndData{})
		var copies pgx.CopyFromTracer = tracer
		ctx = copies.TraceCopyFromStart(r.Context(), nil, pgx.TraceCopyFromStartData{TableName: pgx.Identifier{"staged"}})
		copies.TraceCopyFromEnd(ctx, nil, pgx.TraceCopyFromEndData{})
	}))
	handler.ServeHTTP(httptest.NewRecorder(), httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/api/v1/claims/", nil))
	text := log.String()
	for _, want := range []string{
		`"operation":"listClaims"`, `"request_id":"req-1"`, `"statement":"SELECT * FROM claims WHERE payer = ?"`,
		`"statement":"SELECT ? FROM uploads"`, `"statement":"COPY \"staged\""`,
	} {
		if !strings.Contains(text, want) {
			t.Errorf("no %s in %s", want, text)
		}
	}
	if strings.Contains(text, "Jane") {
		t.Errorf("a value is in the log: %s", text)
	}
	wantLines(t, telemetry, `upstream_slow_statements_total{operation="listClaims"} 3`, `upstream_statement_duration_seconds_count 3`)
}

// What nobody asked for over HTTP is told by the command that it belongs to; what
// is meant to take long is not told at all.
func TestQueryTracer_Commands(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	telemetry := obs.New(obs.Options{
		Logger: obs.NewLogger(&log, obs.FormatJSON, "info"), SlowStatement: time.Nanosecond,
		RequestID: func(context.Context) string { return "" },
	})
	tracer := telemetry.QueryTracer()
	command := obs.Begin(t.Context(), "cli demo")
	for statement, ctx := range map[string]context.Context{"SELECT few": command, "SELECT many": obs.Bulk(command)} {
		tracer.TraceQueryEnd(tracer.TraceQueryStart(ctx, nil, pgx.TraceQueryStartData{SQL: statement}), nil, pgx.TraceQueryEndData{})
	}
	if text := log.String(); !strings.Contains(text, `"operation":"cli demo"`) || !strings.Contains(text, "few") || strings.Contains(text, "many") {
		t.Errorf("the log is %s", text)
	}
	wantLines(t, telemetry, `upstream_slow_statements_total{operation="cli demo"} 1`, `upstream_statement_duration_seconds_count 2`)
}

func TestQueryTracer_Quick(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	telemetry := obs.New(obs.Options{Logger: obs.NewLogger(&log, obs.FormatJSON, "info"), SlowStatement: time.Hour})
	tracer := telemetry.QueryTracer()
	tracer.TraceQueryEnd(tracer.TraceQueryStart(t.Context(), nil, pgx.TraceQueryStartData{SQL: "SELECT 1"}), nil, pgx.TraceQueryEndData{})
	if log.Len() > 0 {
		t.Error(log.String())
	}
	wantLines(t, telemetry, `upstream_statement_duration_seconds_count 1`)
}

func TestJob(t *testing.T) {
	t.Parallel()
	telemetry := obs.New(obs.Options{})
	errSnoozed, errOther := errors.New("later"), errors.New("no")
	job := obs.JobFacts{Kind: "detect", Queue: "detection", Waited: 2 * time.Second, Outcome: func(err error) string {
		if errors.Is(err, errSnoozed) {
			return "snoozed"
		}
		return ""
	}}
	for _, result := range []error{nil, errSnoozed, errOther, context.Canceled} {
		err := telemetry.Job(t.Context(), job, func(ctx context.Context) error {
			if name := obs.NameOf(ctx); name != "job detect" {
				t.Errorf("its statements are of %q", name)
			}
			return result
		})
		if !errors.Is(err, result) {
			t.Errorf("%v instead of %v", err, result)
		}
	}
	func() {
		defer func() { _ = recover() }()
		_ = telemetry.Job(t.Context(), job, func(context.Context) error { panic("x") })
	}()
	wantLines(t, telemetry,
		`upstream_jobs_total{kind="detect",outcome="done"} 1`, `upstream_jobs_total{kind="detect",outcome="snoozed"} 1`,
		`upstream_jobs_total{kind="detect",outcome="failed"} 1`, `upstream_jobs_total{kind="detect",outcome="cancelled"} 1`,
		`upstream_jobs_total{kind="detect",outcome="panicked"} 1`,
		`upstream_job_wait_seconds_sum{queue="detection"} 10`, `upstream_job_duration_seconds_count{kind="detect"} 5`)
}

func TestTelemetry_Counts(t *testing.T) {
	t.Parallel()
	telemetry := obs.New(obs.Options{})
	telemetry.Detected("statistical", "success", 3*time.Second)
	telemetry.Ingested("partial", 10, 2, 1)
	telemetry.Attempted("timed_out", 10*time.Second)
	telemetry.Throttled("burst")
	telemetry.Alerted("suppressed")
	telemetry.WatchQueue(func(context.Context) ([]obs.QueueDepth, error) {
		return []obs.QueueDepth{{Queue: "uploads", State: "available", Jobs: 7, Oldest: time.Minute}}, nil
	})
	wantLines(t, telemetry,
		`upstream_detection_duration_seconds_sum{method="statistical",outcome="success"} 3`,
		`upstream_uploads_total{outcome="partial"} 1`, `upstream_ingested_rows_total{outcome="accepted"} 10`,
		`upstream_ingested_rows_total{outcome="rejected"} 2`, `upstream_ingested_rows_total{outcome="warned"} 1`,
		`upstream_webhook_attempts_total{outcome="timed_out"} 1`, `upstream_webhook_attempt_duration_seconds_sum{outcome="timed_out"} 10`,
		`upstream_throttled_total{class="burst"} 1`, `upstream_alerts_total{outcome="suppressed"} 1`,
		`upstream_queue_jobs{queue="uploads",state="available"} 7`, `upstream_queue_oldest_seconds{queue="uploads",state="available"} 60`)
	if err := telemetry.Close(t.Context()); err != nil {
		t.Error(err)
	}
}

// Silence about the queue is not taken for an empty one.
func TestWatchQueue_Fails(t *testing.T) {
	t.Parallel()
	telemetry := obs.New(obs.Options{})
	telemetry.WatchQueue(func(context.Context) ([]obs.QueueDepth, error) { return nil, errors.New("no database") })
	if status, _ := scrape(t, telemetry); status != http.StatusInternalServerError {
		t.Errorf("status %d", status)
	}
}
