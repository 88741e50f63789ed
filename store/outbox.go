package store

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
	"github.com/riverqueue/river/rivertype"

	"upstream/migrations"
	"upstream/models"
)

// Effects leave as rows: a use case inserts the job that will mail or call
// somebody in its own transaction, so that the job exists exactly when what it
// tells about was committed.

// Queue is the job queue as those see it who work on it.
type Queue = river.Client[pgx.Tx]

// queueDriver is River's driver without LISTEN and NOTIFY. Workers poll instead:
// that works behind a pooler which hands connections around, and a NOTIFY would
// make every transaction that enqueues wait for the others at its commit.
type queueDriver struct {
	*riverpgxv5.Driver

	// kinds are those of the jobs that are worked on here.
	kinds []string
}

// GetExecutor implements River's driver.
//
//nolint:ireturn // as River declares it
func (d queueDriver) GetExecutor() riverdriver.Executor {
	return queueExecutor{d.Driver.GetExecutor(), d.kinds}
}

// queueExecutor is River's executor for a program that shares the queue with
// other versions of itself.
type queueExecutor struct {
	riverdriver.Executor

	kinds []string
}

// JobGetStuck implements River's executor. River's leader discards the stuck
// jobs whose kind it does not know: those of a newer version are left to it.
func (e queueExecutor) JobGetStuck(ctx context.Context, params *riverdriver.JobGetStuckParams) ([]*rivertype.JobRow, error) {
	jobs, err := e.Executor.JobGetStuck(ctx, params)
	return slices.DeleteFunc(jobs, func(job *rivertype.JobRow) bool { return !slices.Contains(e.kinds, job.Kind) }), err
}

// SupportsListener implements River's driver.
func (queueDriver) SupportsListener() bool { return false }

// SupportsListenNotify implements River's driver.
func (queueDriver) SupportsListenNotify() bool { return false }

// NewQueue is a client of the queue on the store's pool that works as config
// says on jobs of these kinds; the schema is the store's to know. Jobs of other
// kinds wait, without an attempt, for a version of the program that knows them.
func (s *Store) NewQueue(config river.Config, kinds []string) (*Queue, error) {
	config.Schema, config.PollOnly, config.FetchOnlyKnownKinds = migrations.RiverSchema, true, true
	return river.NewClient(queueDriver{riverpgxv5.New(s.pool), kinds}, &config)
}

// outbox inserts jobs and does nothing else.
type outbox struct {
	*Queue

	// traceparent names the work that inserts them.
	traceparent func(context.Context) string
}

func newOutbox(pool *pgxpool.Pool, log *slog.Logger, traceparent func(context.Context) string) outbox {
	client, err := river.NewClient(queueDriver{Driver: riverpgxv5.New(pool)}, &river.Config{Schema: migrations.RiverSchema, Logger: log})
	if err != nil {
		panic(err) // the configuration is constant
	}
	return outbox{client, traceparent}
}

// jobMetadata travels beside the arguments of a job.
type jobMetadata struct {
	RequestID   string `json:"request_id,omitempty"`
	Traceparent string `json:"traceparent,omitempty"`
}

// JobRequestID reads, from the metadata of a job, the request that caused it;
// empty when none did.
func JobRequestID(metadata []byte) string { return metadataOf(metadata).RequestID }

// JobTraceparent reads, from the metadata of a job, the span that caused it;
// empty when none did.
func JobTraceparent(metadata []byte) string { return metadataOf(metadata).Traceparent }

func metadataOf(text []byte) (m jobMetadata) {
	if json.Unmarshal(text, &m) != nil {
		return jobMetadata{}
	}
	return m
}

// enqueue inserts a job that exists once the transaction commits.
func (tx *tenantTx) enqueue(ctx context.Context, args models.JobArgs) error {
	return tx.enqueueIn(ctx, 0, args)
}

// enqueueIn is enqueue of a job that is to wait a while first.
func (tx *tenantTx) enqueueIn(ctx context.Context, wait time.Duration, args models.JobArgs) error {
	return tx.pgx(ctx, func(conn *pgx.Conn) error { return insertJob(ctx, tx.outbox, conn, tx.viewer, wait, args) })
}

// enqueue inserts a job that exists once the transaction commits, on behalf of
// the viewer.
func (tx *systemTx) enqueue(ctx context.Context, v models.Viewer, args models.JobArgs) error {
	return rawConn(ctx, tx.conn, func(conn *pgx.Conn) error { return insertJob(ctx, tx.outbox, conn, v, 0, args) })
}

// enqueueAll inserts jobs of one kind that exist once the transaction commits.
func (tx *tenantTx) enqueueAll(ctx context.Context, args []models.JobArgs) error {
	params := make([]river.InsertManyParams, len(args))
	for i, a := range args {
		opts, err := tx.outbox.options(ctx, tx.viewer, a)
		if err != nil {
			return err
		}
		params[i] = river.InsertManyParams{Args: a, InsertOpts: opts}
	}
	return tx.pgx(ctx, func(conn *pgx.Conn) error {
		if _, err := tx.outbox.InsertManyFastTx(ctx, joinedTx{conn}, params); err != nil {
			return fmt.Errorf("enqueue %d jobs: %w", len(args), err)
		}
		return nil
	})
}

func insertJob(ctx context.Context, outbox outbox, conn *pgx.Conn, v models.Viewer, wait time.Duration, args models.JobArgs) error {
	opts, err := outbox.options(ctx, v, args)
	if err != nil {
		return err
	}
	if wait > 0 {
		opts.ScheduledAt = time.Now().Add(wait)
	}
	if _, err := outbox.InsertTx(ctx, joinedTx{conn}, args, opts); err != nil {
		return fmt.Errorf("enqueue %s: %w", args.Kind(), err)
	}
	return nil
}

// options say whose request a job is for, and which queue it waits in.
func (o outbox) options(ctx context.Context, v models.Viewer, args models.JobArgs) (*river.InsertOpts, error) {
	metadata, err := json.Marshal(jobMetadata{RequestID: clip(v.RequestID), Traceparent: o.traceparent(ctx)})
	if err != nil {
		return nil, err
	}
	opts := &river.InsertOpts{Metadata: metadata}
	if queued, ok := args.(models.QueuedJobArgs); ok {
		opts.Queue = queued.Queue()
	}
	return opts, nil
}

type pgxConn = pgx.Conn

// joinedTx is the transaction that a connection is in, as pgx wants to see it.
// It belongs to who began it: nothing done here ends it.
type joinedTx struct{ *pgxConn }

// Begin implements pgx.Tx.
func (t joinedTx) Begin(context.Context) (pgx.Tx, error) { return t, nil } //nolint:ireturn // as pgx declares it

// Commit implements pgx.Tx.
func (joinedTx) Commit(context.Context) error { return nil }

// Rollback implements pgx.Tx.
func (joinedTx) Rollback(context.Context) error { return nil }

// LargeObjects implements pgx.Tx.
func (joinedTx) LargeObjects() pgx.LargeObjects { return pgx.LargeObjects{} }

// Conn implements pgx.Tx.
func (t joinedTx) Conn() *pgx.Conn { return t.pgxConn }
