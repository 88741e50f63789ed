package obs

import (
	"net/http"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// metrics are what the program counts. Labels come from closed sets and never
// name a customer, a user or a partner.
type metrics struct {
	registry *prometheus.Registry

	requests   *prometheus.CounterVec
	durations  *prometheus.HistogramVec
	inFlight   prometheus.Gauge
	failures   *prometheus.CounterVec
	statements prometheus.Histogram
	slow       *prometheus.CounterVec
	jobs       *prometheus.CounterVec
	jobTimes   *prometheus.HistogramVec
	jobWaits   *prometheus.HistogramVec
	detections *prometheus.HistogramVec
	uploads    *prometheus.CounterVec
	rows       *prometheus.CounterVec
	refusals   *prometheus.CounterVec
	alerts     *prometheus.CounterVec
	attempts   *prometheus.CounterVec
	answers    *prometheus.HistogramVec
}

// Buckets of durations, in seconds: those of an interactive request, of one
// statement, and of work in the background.
func requestBuckets() []float64 {
	return []float64{.002, .005, .01, .02, .05, .1, .2, .5, 1, 2, 5, 10, 30}
}

func statementBuckets() []float64 {
	return []float64{.0002, .0005, .001, .002, .005, .01, .05, .2, 1, 5, 30}
}

func workBuckets() []float64 { return []float64{.01, .05, .2, 1, 5, 15, 60, 300, 900, 3600} }

func newMetrics() *metrics {
	m := &metrics{registry: prometheus.NewRegistry()}
	m.registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	m.requests = counter(m, "requests_total", "Requests answered, by API, operation and status of HTTP.", "api", "operation", "status")
	m.durations = histogram(m, "request_duration_seconds", "How long answering took.", requestBuckets(), "api", "operation")
	m.failures = counter(m, "operation_errors_total", "Operations that failed, by the code of their first error.", "api", "operation", "code")
	m.inFlight = prometheus.NewGauge(prometheus.GaugeOpts{Namespace: namespace, Name: "requests_in_flight", Help: "Requests that are being answered."})
	m.statements = prometheus.NewHistogram(prometheus.HistogramOpts{
		Namespace: namespace, Name: "statement_duration_seconds", Help: "How long statements took, answers included.", Buckets: statementBuckets(),
	})
	m.registry.MustRegister(m.inFlight, m.statements)
	m.slow = counter(m, "slow_statements_total", "Statements that were logged as slow, by operation.", "operation")
	m.jobs = counter(m, "jobs_total", "Attempts at background jobs, by what came of them.", "kind", "outcome")
	m.jobTimes = histogram(m, "job_duration_seconds", "How long attempts at background jobs took.", workBuckets(), "kind")
	m.jobWaits = histogram(m, "job_wait_seconds", "How long jobs that were due waited for a worker.", workBuckets(), "queue")
	m.detections = histogram(m, "detection_duration_seconds", "How long detection runs took.", workBuckets(), "method", "outcome")
	m.uploads = counter(m, "uploads_total", "Claims files and batches that were read.", "outcome")
	m.rows = counter(m, "ingested_rows_total", "Rows of claims files and batches.", "outcome")
	m.alerts = counter(m, "alerts_total", "Alerts that were created, and how telling people went.", "outcome")
	m.attempts = counter(m, "webhook_attempts_total", "Attempts to deliver webhooks, by what came of them.", "outcome")
	m.answers = histogram(m, "webhook_attempt_duration_seconds", "How long attempts to deliver webhooks took.", requestBuckets(), "outcome")
	m.refusals = counter(m, "throttled_total", "Requests refused because a budget was used up, by its class.", "class")
	return m
}

const namespace = "upstream"

func counter(m *metrics, name, help string, labels ...string) *prometheus.CounterVec {
	c := prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: namespace, Name: name, Help: help}, labels)
	m.registry.MustRegister(c)
	return c
}

func histogram(m *metrics, name, help string, buckets []float64, labels ...string) *prometheus.HistogramVec {
	h := prometheus.NewHistogramVec(prometheus.HistogramOpts{Namespace: namespace, Name: name, Help: help, Buckets: buckets}, labels)
	m.registry.MustRegister(h)
	return h
}

// answered counts a request.
func (m *metrics) answered(api, operation string, status int, code string, took time.Duration) {
	m.requests.WithLabelValues(api, operation, strconv.Itoa(status)).Inc()
	m.durations.WithLabelValues(api, operation).Observe(took.Seconds())
	if code != "" {
		m.failures.WithLabelValues(api, operation, code).Inc()
	}
}

// handler serves the metrics in the formats of Prometheus and OpenMetrics.
func (m *metrics) handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{Registry: m.registry, EnableOpenMetrics: true})
}
