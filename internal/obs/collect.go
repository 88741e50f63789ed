package obs

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/prometheus/client_golang/prometheus"
)

// collectTimeout bounds what is asked of the database for a scrape.
const collectTimeout = 3 * time.Second

// WatchPool tells of a pool's connections from now on.
func (t *Telemetry) WatchPool(pool *pgxpool.Pool) { t.registry.MustRegister(newPoolCollector(pool)) }

type poolCollector struct {
	pool                                           *pgxpool.Pool
	connections, most, acquired, waited, emptyWait *prometheus.Desc
}

func newPoolCollector(pool *pgxpool.Pool) *poolCollector {
	return &poolCollector{
		pool:        pool,
		connections: desc("pool_connections", "Connections to the database, by what they do.", "state"),
		most:        desc("pool_connections_max", "Connections that may be opened."),
		acquired:    desc("pool_acquired_total", "How often a connection was taken."),
		waited:      desc("pool_waited_total", "How often taking one had to wait."),
		emptyWait:   desc("pool_wait_seconds_total", "How long that took in all."),
	}
}

func desc(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc(prometheus.BuildFQName(namespace, "", name), help, labels, nil)
}

// Describe implements prometheus.Collector.
func (c *poolCollector) Describe(out chan<- *prometheus.Desc) { prometheus.DescribeByCollect(c, out) }

// Collect implements prometheus.Collector.
func (c *poolCollector) Collect(out chan<- prometheus.Metric) {
	s := c.pool.Stat()
	gauge := func(d *prometheus.Desc, v float64, labels ...string) {
		out <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
	}
	total := func(d *prometheus.Desc, v float64) {
		out <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, v)
	}
	gauge(c.connections, float64(s.AcquiredConns()), "used")
	gauge(c.connections, float64(s.IdleConns()), "idle")
	gauge(c.connections, float64(s.ConstructingConns()), "opening")
	gauge(c.most, float64(s.MaxConns()))
	total(c.acquired, float64(s.AcquireCount()))
	total(c.waited, float64(s.EmptyAcquireCount()))
	total(c.emptyWait, s.EmptyAcquireWaitTime().Seconds())
}

// QueueDepth is how much of a queue is in one state.
type QueueDepth struct {
	Queue, State string
	Jobs         int64
	// Oldest is how long the oldest of them has been due; 0 where none is.
	Oldest time.Duration
}

// WatchQueue tells of the job queue from now on; depths reads it.
func (t *Telemetry) WatchQueue(depths func(context.Context) ([]QueueDepth, error)) {
	t.registry.MustRegister(&queueCollector{
		depths: depths,
		jobs:   desc("queue_jobs", "Background jobs, by queue and state.", "queue", "state"),
		oldest: desc("queue_oldest_seconds", "How long the oldest job has been due.", "queue", "state"),
	})
}

type queueCollector struct {
	depths       func(context.Context) ([]QueueDepth, error)
	jobs, oldest *prometheus.Desc
}

// Describe implements prometheus.Collector.
func (c *queueCollector) Describe(out chan<- *prometheus.Desc) {
	out <- c.jobs
	out <- c.oldest
}

// Collect implements prometheus.Collector. A database that does not answer makes
// the scrape fail, so that nobody takes silence for an empty queue.
func (c *queueCollector) Collect(out chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), collectTimeout)
	defer cancel()
	depths, err := c.depths(ctx)
	if err != nil {
		out <- prometheus.NewInvalidMetric(c.jobs, err)
		return
	}
	for _, d := range depths {
		out <- prometheus.MustNewConstMetric(c.jobs, prometheus.GaugeValue, float64(d.Jobs), d.Queue, d.State)
		out <- prometheus.MustNewConstMetric(c.oldest, prometheus.GaugeValue, d.Oldest.Seconds(), d.Queue, d.State)
	}
}
