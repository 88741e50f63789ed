package cli

import (
	"context"
	"errors"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"upstream/internal/auth"
	"upstream/internal/config"
	"upstream/internal/jobs"
	"upstream/internal/obs"
	"upstream/store"
)

// telemetryTimeout bounds the sending of what spans are left at the end.
const telemetryTimeout = 5 * time.Second

// newTelemetry is what a process that serves or works tells of itself. Traces
// are sent when the standard variables of OpenTelemetry say where to.
func (a *app) newTelemetry(ctx context.Context, c config.Observe) (*obs.Telemetry, error) {
	options := obs.Options{Logger: a.log, SlowStatement: c.SlowStatement, RequestID: auth.RequestID}
	if tracingWanted() {
		tracing, err := obs.NewTracing(ctx, "upstream")
		if err != nil {
			return nil, err
		}
		options.Tracing = tracing
	}
	return obs.New(options), nil
}

func tracingWanted() bool {
	if strings.EqualFold(os.Getenv("OTEL_SDK_DISABLED"), "true") {
		return false
	}
	return os.Getenv("OTEL_EXPORTER_OTLP_ENDPOINT") != "" || os.Getenv("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT") != ""
}

// withTelemetry gives fn telemetry and sees that its last spans are sent.
func (a *app) withTelemetry(ctx context.Context, c config.Observe, fn func(*obs.Telemetry) error) (err error) {
	telemetry, err := a.newTelemetry(ctx, c)
	if err != nil {
		return err
	}
	defer func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), telemetryTimeout)
		defer cancel()
		if lost := telemetry.Close(ctx); lost != nil {
			a.log.WarnContext(ctx, "the last traces could not be sent", "error", lost)
		}
	}()
	return fn(telemetry)
}

// watch tells of the pool and of the job queue.
func watch(t *obs.Telemetry, pool *pgxpool.Pool, st *store.Store) {
	t.WatchPool(pool)
	t.WatchQueue(func(ctx context.Context) ([]obs.QueueDepth, error) {
		depths, err := st.QueueDepths(ctx)
		all := make([]obs.QueueDepth, 0, len(depths))
		for _, d := range depths {
			all = append(all, obs.QueueDepth(d))
		}
		return all, err
	})
}

// observeJob tells of an attempt at a job.
func observeJob(t *obs.Telemetry) func(context.Context, jobs.Attempt, func(context.Context) error) error {
	return func(ctx context.Context, job jobs.Attempt, work func(context.Context) error) error {
		return t.Job(ctx, obs.JobFacts{Kind: job.Kind, Queue: job.Queue, Waited: job.Waited, Cause: job.Cause, Outcome: jobs.OutcomeOf}, work)
	}
}

// adminListener serves the admin pages of a process that serves nothing else,
// until ctx ends; nothing when addr is empty.
func (a *app) adminListener(ctx context.Context, addr string, t *obs.Telemetry) (stop func() error, err error) {
	if addr == "" {
		return func() error { return nil }, nil
	}
	listener, err := bind(ctx, addr, "--admin-addr (empty for none)")
	if err != nil {
		return nil, err
	}
	server := newServer(context.WithoutCancel(ctx), adminHandler(t), a.log, defaultPatience())
	done := make(chan error, 1)
	go func() { done <- server.Serve(listener) }()
	a.log.InfoContext(ctx, "admin listener", "addr", listener.Addr().String())
	return func() error {
		_ = server.Close()
		if err := <-done; err != nil && !errors.Is(err, http.ErrServerClosed) {
			return err
		}
		return nil
	}, nil
}
