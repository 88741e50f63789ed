package store

import (
	"context"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

// lifelineTimeout bounds the work of showing a sign of life.
const lifelineTimeout = 10 * time.Second

// lifeline is how other processes see that this one lives. While it computes
// runs it keeps one transaction open beside the pool, which holds an advisory
// lock named after the process and nothing else, not even a snapshot. The lock
// goes when the process does, so that a run which is slow can be told with
// certainty from one whose process is gone.
//
// The lock is shared: a lifeline that was cut and tied again does not wait for
// what the server still believes of the old one.
type lifeline struct {
	connect func(context.Context) (*pgx.Conn, error)
	// id names the process in the rows of its runs.
	id uuid.UUID

	mu    sync.Mutex
	conn  *pgx.Conn
	users int
}

// workerLock is the name of a process's lock.
func workerLock(id uuid.UUID) string { return "upstream.worker:" + id.String() }

// hold shows life until leave is called. It goes on when ctx has ended: the
// lifeline is everybody's.
func (l *lifeline) hold(ctx context.Context) (leave func(), err error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), lifelineTimeout)
	defer cancel()
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.tie(ctx); err != nil {
		return nil, unlessCanceled(ctx, err)
	}
	l.users++
	return sync.OnceFunc(l.leave), nil
}

// tie makes sure that the lock is held. A connection that broke is replaced.
func (l *lifeline) tie(ctx context.Context) error {
	if l.conn != nil {
		if _, err := l.conn.Exec(ctx, `SELECT 1`); err == nil {
			return nil
		}
		_ = l.conn.Close(ctx) // it has told what is wrong with it
		l.conn = nil
	}
	conn, err := l.connect(ctx)
	if err != nil {
		return err
	}
	for _, statement := range []string{
		`BEGIN ISOLATION LEVEL READ COMMITTED READ ONLY`,
		`SELECT set_config('idle_in_transaction_session_timeout', '0', true)`,
		`SELECT pg_advisory_xact_lock_shared(hashtextextended('` + workerLock(l.id) + `', 0))`,
	} {
		if _, err := conn.Exec(ctx, statement); err != nil {
			_ = conn.Close(ctx)
			return err
		}
	}
	l.conn = conn
	return nil
}

func (l *lifeline) leave() {
	ctx, cancel := context.WithTimeout(context.Background(), lifelineTimeout)
	defer cancel()
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.users--; l.users == 0 && l.conn != nil {
		_ = l.conn.Close(ctx) // the lock goes either way
		l.conn = nil
	}
}

// gone reports whether a process has ended, or lost its lifeline.
func (tx *tenantTx) gone(ctx context.Context, worker uuid.UUID) (gone bool, err error) {
	err = tx.tx.QueryRowContext(ctx, `SELECT pg_try_advisory_xact_lock(hashtextextended(?, 0))`, workerLock(worker)).Scan(&gone)
	return gone, err
}
