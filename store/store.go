package store

import (
	"context"
	"database/sql"
	"log/slog"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/uptrace/bun"

	"upstream/migrations"
	"upstream/models"
	"upstream/models/claimfile"
)

// Options are what a Store takes from outside; zero fields have defaults.
type Options struct {
	// Now is the clock; defaults to the system's, in UTC.
	Now func() time.Time
	// NewUUID makes identifiers; defaults to UUIDv7.
	NewUUID func() uuid.UUID
	// Logger hears of retries and internal failures; defaults to slog.Default.
	Logger *slog.Logger
	// Groups are the CPT groups of codes a customer has not mapped.
	Groups claimfile.Groups
	// Sealer encrypts secrets at rest; without one, use cases that store or read
	// such secrets fail.
	Sealer Sealer
	// Observer hears of work that was done; may be nil.
	Observer Observer
	// Webhooks are the rules of deliveries; without them, no endpoint can be made
	// and nothing is delivered.
	Webhooks WebhookPolicy
}

// Store is the database seen as use cases. It is safe for concurrent use.
type Store struct {
	db      *bun.DB
	pool    *pgxpool.Pool
	now     func() time.Time
	newUUID func() uuid.UUID
	log     *slog.Logger
	groups  claimfile.Groups
	sealer  Sealer
	// webhooks decide what is delivered when.
	webhooks WebhookPolicy
	outbox   outbox
	// observer is never nil.
	observer Observer
	gates    gates
	// life shows other processes that this one computes runs.
	life lifeline
	// progressEvery is how often is written how far reading a file has come.
	progressEvery time.Duration
}

// New wraps a pool whose login is subject to row-level security. The caller
// keeps the pool, and closes first the store and then the pool.
func New(pool *pgxpool.Pool, opts Options) *Store {
	s := &Store{
		db:      bun.NewDB(openDB(pool), newDialect()).WithQueryHook(statsHook{}),
		pool:    pool,
		now:     opts.Now,
		newUUID: opts.NewUUID,
		log:     opts.Logger,
		groups:  opts.Groups,
		sealer:  opts.Sealer,

		webhooks: opts.Webhooks,

		progressEvery: progressInterval,
	}
	if s.now == nil {
		s.now = time.Now
	}
	if s.newUUID == nil {
		s.newUUID = newUUIDv7
	}
	if s.log == nil {
		s.log = slog.Default()
	}
	if s.sealer == nil {
		s.sealer = noSealer{}
	}
	if s.webhooks == nil {
		s.webhooks = noPolicy{}
	}
	if s.observer = opts.Observer; s.observer == nil {
		s.observer = unobserved{}
	}
	s.outbox = newOutbox(pool, s.log, s.observer.Traceparent)
	s.life.connect, s.life.id = s.connect, uuid.New()
	return s
}

// Close ends what New started; the pool stays open. No method may run any more.
func (s *Store) Close() error { return s.db.Close() }

// Ping answers nil when the database can be reached.
func (s *Store) Ping(ctx context.Context) error {
	if err := s.db.PingContext(ctx); err != nil {
		return models.Internal(err)
	}
	return nil
}

// PendingMigrations names the migrations the database lacks.
func (s *Store) PendingMigrations(ctx context.Context) ([]string, error) {
	pending, err := migrations.Pending(ctx, s.db.DB)
	if err != nil {
		return nil, translate(err)
	}
	return pending, nil
}

// clock is the current instant as PostgreSQL keeps it: UTC, microseconds.
func (s *Store) clock() time.Time { return s.now().UTC().Truncate(time.Microsecond) }

// newUUIDv7 is time-ordered, so that new rows sit together in their indexes.
func newUUIDv7() uuid.UUID { return uuid.Must(uuid.NewV7()) }

// txOptions of the isolation levels in use.
var (
	readCommitted = &sql.TxOptions{Isolation: sql.LevelReadCommitted}
	serializable  = &sql.TxOptions{Isolation: sql.LevelSerializable}
	// snapshot sees one state of the database in all its statements.
	snapshot = &sql.TxOptions{Isolation: sql.LevelRepeatableRead, ReadOnly: true}
)
