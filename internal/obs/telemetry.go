package obs

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/go-chi/chi/v5/middleware"
	"github.com/jackc/pgx/v5/multitracer"
)

// Options are what Telemetry takes from outside; zero fields have defaults.
type Options struct {
	// Logger hears of slow statements; defaults to slog.Default.
	Logger *slog.Logger
	// SlowStatement is how long a statement may take without being logged; 0
	// logs none.
	SlowStatement time.Duration
	// RequestID names the request of a context in the log; may be nil.
	RequestID func(context.Context) string
	// Tracing sends spans; nil makes none.
	Tracing *Tracing
}

// Telemetry is what the program tells of itself while it runs. It is safe for
// concurrent use.
type Telemetry struct {
	*metrics

	log       *slog.Logger
	slowAfter time.Duration
	requestID func(context.Context) string
	tracing   *Tracing
}

// New makes Telemetry that has seen nothing yet.
func New(o Options) *Telemetry {
	t := &Telemetry{metrics: newMetrics(), log: o.Logger, slowAfter: o.SlowStatement, requestID: o.RequestID, tracing: o.Tracing}
	if t.log == nil {
		t.log = slog.Default()
	}
	if t.requestID == nil {
		t.requestID = func(context.Context) string { return "" }
	}
	return t
}

// Handler serves the metrics in the formats of Prometheus and OpenMetrics.
func (t *Telemetry) Handler() http.Handler { return t.handler() }

// Close sends what spans are left.
func (t *Telemetry) Close(ctx context.Context) error { return t.tracing.close(ctx) }

// The APIs, as metrics name them.
const (
	apiGraphQL = "graphql"
	apiREST    = "rest"
	apiPages   = "pages"
)

func apiOf(path string) string {
	switch {
	case path == "/graphql":
		return apiGraphQL
	case strings.HasPrefix(path, "/api/v1/"), path == "/healthz", path == "/readyz":
		return apiREST
	}
	return apiPages
}

// Requests counts, times and traces every request.
func (t *Telemetry) Requests(next http.Handler) http.Handler {
	if t == nil {
		return next
	}
	counted := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		began := time.Now()
		ctx, op := withOperation(r.Context())
		answer := middleware.NewWrapResponseWriter(w, r.ProtoMajor)
		t.inFlight.Inc()
		defer func() {
			t.inFlight.Dec()
			name, code := valueOr(op.name.Load(), Others), valueOr(op.outcome.Load(), "")
			api, status := apiOf(r.URL.Path), answer.Status()
			t.tracing.nameRequest(ctx, api, name, code)
			t.answered(api, name, status, code, time.Since(began))
		}()
		next.ServeHTTP(answer, r.WithContext(ctx))
		if answer.Status() == 0 {
			answer.WriteHeader(http.StatusOK) // as the server does; a panic leaves 0
		}
	})
	return t.tracing.requests(counted)
}

// QueryTracer sees every statement of a pool.
func (t *Telemetry) QueryTracer() *multitracer.Tracer {
	own := &statementTracer{t}
	if t.tracing == nil {
		return multitracer.New(own)
	}
	return multitracer.New(own, t.tracing.statements())
}

// JobFacts are what is told of an attempt at a background job.
type JobFacts struct {
	// Kind and Queue are names of closed sets.
	Kind, Queue string
	// Waited is how long the job was due before the attempt.
	Waited time.Duration
	// Cause is the traceparent of the work that enqueued it; may be empty.
	Cause string
	// Outcome says what an error of the attempt means: "failed" unless it says
	// otherwise, such as "snoozed".
	Outcome func(error) string
}

// Job counts, times and traces an attempt at a background job.
func (t *Telemetry) Job(ctx context.Context, job JobFacts, work func(context.Context) error) (err error) {
	began := time.Now()
	ctx, op := withOperation(ctx)
	name := "job " + job.Kind
	op.name.Store(&name)
	ctx, end := t.tracing.job(ctx, job)
	outcome := "panicked"
	defer func() {
		end(outcome)
		t.jobs.WithLabelValues(job.Kind, outcome).Inc()
		t.jobTimes.WithLabelValues(job.Kind).Observe(time.Since(began).Seconds())
		t.jobWaits.WithLabelValues(job.Queue).Observe(job.Waited.Seconds())
	}()
	err = work(ctx)
	outcome = job.outcome(err)
	return err
}

func (j JobFacts) outcome(err error) string {
	switch {
	case err == nil:
		return "done"
	case errors.Is(err, context.Canceled):
		return "cancelled"
	case j.Outcome != nil:
		if said := j.Outcome(err); said != "" {
			return said
		}
	}
	return "failed"
}

// Detected counts a detection run.
func (t *Telemetry) Detected(method, outcome string, took time.Duration) {
	t.detections.WithLabelValues(method, outcome).Observe(took.Seconds())
}

// Ingested counts what came of a claims file or batch.
func (t *Telemetry) Ingested(outcome string, accepted, rejected, warnings int64) {
	t.uploads.WithLabelValues(outcome).Inc()
	t.rows.WithLabelValues("accepted").Add(float64(accepted))
	t.rows.WithLabelValues("rejected").Add(float64(rejected))
	t.rows.WithLabelValues("warned").Add(float64(warnings))
}

// Attempted counts an attempt to deliver a webhook.
func (t *Telemetry) Attempted(outcome string, took time.Duration) {
	t.attempts.WithLabelValues(outcome).Inc()
	t.answers.WithLabelValues(outcome).Observe(took.Seconds())
}

// Alerted counts what happened to an alert.
func (t *Telemetry) Alerted(outcome string) { t.alerts.WithLabelValues(outcome).Inc() }

// Throttled counts a refused request.
func (t *Telemetry) Throttled(class string) { t.refusals.WithLabelValues(class).Inc() }
