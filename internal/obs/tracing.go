package obs

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/exaring/otelpgx"
	"go.opentelemetry.io/contrib/instrumentation/net/http/otelhttp"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	semconv "go.opentelemetry.io/otel/semconv/v1.37.0"
	"go.opentelemetry.io/otel/trace"
)

// Tracing sends a trace of each request, from the edge to its statements and
// through the jobs it causes. A nil Tracing makes no spans.
type Tracing struct {
	provider *sdktrace.TracerProvider
	tracer   trace.Tracer
	spread   propagation.TraceContext
}

// NewTracing sends spans by OTLP over HTTP to where the standard variables
// (OTEL_EXPORTER_OTLP_ENDPOINT, OTEL_EXPORTER_OTLP_HEADERS ...) say; service is
// what the spans are of, unless OTEL_SERVICE_NAME says otherwise. OTEL_TRACES_SAMPLER
// is honoured.
func NewTracing(ctx context.Context, service string) (*Tracing, error) {
	exporter, err := otlptracehttp.New(ctx)
	if err != nil {
		return nil, fmt.Errorf("traces: %w", err)
	}
	return newTracing(ctx, service, sdktrace.WithBatcher(redactingExporter{exporter}))
}

func newTracing(ctx context.Context, service string, options ...sdktrace.TracerProviderOption) (*Tracing, error) {
	// What comes later wins: the variables.
	of, err := resource.New(ctx, resource.WithAttributes(semconv.ServiceName(service)), resource.WithFromEnv(), resource.WithTelemetrySDK())
	if err != nil && !errors.Is(err, resource.ErrPartialResource) {
		return nil, fmt.Errorf("traces: %w", err)
	}
	provider := sdktrace.NewTracerProvider(append(options, sdktrace.WithResource(of))...)
	return &Tracing{provider: provider, tracer: provider.Tracer("upstream")}, nil
}

func (t *Tracing) close(ctx context.Context) error {
	if t == nil {
		return nil
	}
	return t.provider.Shutdown(ctx)
}

// requests begins a span for each request, beneath the client's if it names one.
func (t *Tracing) requests(next http.Handler) http.Handler {
	if t == nil {
		return next
	}
	return otelhttp.NewHandler(next, "request",
		otelhttp.WithTracerProvider(t.provider), otelhttp.WithPropagators(t.spread),
		otelhttp.WithSpanNameFormatter(func(_ string, r *http.Request) string { return r.Method }),
		otelhttp.WithFilter(func(r *http.Request) bool { return !isHealthPath(r.URL.Path) }))
}

// nameRequest says what the request turned out to be.
func (t *Tracing) nameRequest(ctx context.Context, api, name, code string) {
	if t == nil {
		return
	}
	span := trace.SpanFromContext(ctx)
	span.SetName(api + " " + name)
	span.SetAttributes(attribute.String("upstream.operation", name))
	if code != "" {
		span.SetAttributes(semconv.ErrorTypeKey.String(code))
		span.SetStatus(codes.Error, code)
	}
}

// statements begins a span for each statement, named after its first word: its
// text holds values.
func (t *Tracing) statements() *otelpgx.Tracer {
	return otelpgx.NewTracer(otelpgx.WithTracerProvider(t.provider), otelpgx.WithDisableSQLStatementInAttributes(),
		otelpgx.WithDisableConnectionDetailsInAttributes())
}

// job begins the span of an attempt, linked to the work that enqueued it.
func (t *Tracing) job(ctx context.Context, job JobFacts) (_ context.Context, end func(outcome string)) {
	if t == nil {
		return ctx, func(string) {}
	}
	ctx = t.spread.Extract(ctx, propagation.MapCarrier{traceparentKey: job.Cause})
	ctx, span := t.tracer.Start(ctx, "job "+job.Kind, //nolint:spancheck // ended by what is answered
		trace.WithSpanKind(trace.SpanKindConsumer),
		trace.WithAttributes(attribute.String("upstream.operation", "job "+job.Kind), attribute.String("upstream.queue", job.Queue)))
	return ctx, func(outcome string) { //nolint:spancheck // as above
		if outcome != "done" {
			span.SetStatus(codes.Error, outcome)
		}
		span.End()
	}
}

const traceparentKey = "traceparent"

// Traceparent names the span that a context belongs to, as W3C Trace Context
// writes it; "" without one.
func (t *Telemetry) Traceparent(ctx context.Context) string {
	if t == nil || t.tracing == nil {
		return ""
	}
	carrier := propagation.MapCarrier{}
	t.tracing.spread.Inject(ctx, carrier)
	return carrier[traceparentKey]
}
