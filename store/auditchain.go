package store

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"slices"

	"github.com/jackc/pgx/v5"
	"github.com/uptrace/bun"

	"upstream/models"
)

// How a transaction appends to the chain of its customer.
//
// Lines are gathered during the use case and appended as its last act, so that
// they commit or vanish with what they describe, while the right to append, an
// advisory lock per chain, is held for two statements and the COMMIT only. All
// that a use case does beside that runs unhindered, and no transaction takes
// another lock while it holds this one: it cannot be part of a deadlock. Chains
// are taken in one order by a transaction that writes to several.
//
// A serializable transaction cannot read the head: its snapshot is older than
// the wait for the lock, and a head row that others wrote meanwhile would be a
// serialization failure each time anybody looked at a claim during a detection.
// It reads the head by a connection of its own instead, after it has taken the
// lock: PostgreSQL makes a commit visible before it releases the locks of the
// transaction, so what that connection sees is the end of the chain. It then
// inserts rows only, whose numbers nobody else can have, and reads none: there
// is nothing for serialization to object to.
//
// That connection does not come from the pool. The pool may be waiting for this
// very lock with every connection it has.

// chain is the customer whose lines are chained; zero for the platform.
type chain models.CustomerID

func chainOf(line *models.AuditEvent) chain {
	if line.CustomerID == nil {
		return chain{}
	}
	return chain(*line.CustomerID)
}

// arg is the chain as a statement's argument.
func (c chain) arg() any {
	if models.CustomerID(c).IsZero() {
		return nil
	}
	return models.CustomerID(c)
}

// link is a place in a chain: the number and hash of its newest line.
type link struct {
	seq  int64
	hash []byte
}

// appendTrail appends the gathered lines to their chains. bind is what makes a
// customer's lines writable in this transaction; nil when they are already.
func (s *Store) appendTrail(ctx context.Context, tx bun.Tx, opts *sql.TxOptions, t *trail, bind func(chain) error) error {
	slices.SortStableFunc(t.lines, func(a, b *models.AuditEvent) int {
		x, y := models.CustomerID(chainOf(a)).UUID(), models.CustomerID(chainOf(b)).UUID()
		return slices.Compare(x[:], y[:])
	})
	for len(t.lines) > 0 {
		c := chainOf(t.lines[0])
		n := slices.IndexFunc(t.lines, func(l *models.AuditEvent) bool { return chainOf(l) != c })
		if n < 0 {
			n = len(t.lines)
		}
		if bind != nil {
			if err := bind(c); err != nil {
				return err
			}
		}
		if err := s.appendLines(ctx, tx, opts, c, t.lines[:n]); err != nil {
			return err
		}
		t.lines = t.lines[n:]
	}
	return nil
}

func (s *Store) appendLines(ctx context.Context, tx bun.Tx, opts *sql.TxOptions, c chain, lines []*models.AuditEvent) error {
	head := s.lockedHead
	if opts.Isolation == sql.LevelSerializable {
		head = s.freshHead
	}
	at, err := head(ctx, tx, c)
	if err != nil {
		return err
	}
	for _, line := range lines {
		line.Seq, line.PrevHash = at.seq+1, at.hash
		if line.Hash, err = line.Digest(at.hash); err != nil {
			return err
		}
		at = link{line.Seq, line.Hash}
	}
	for chunk := range slices.Chunk(lines, insertChunk) {
		if err := insertLines(ctx, tx, opts, c, chunk); err != nil {
			return err
		}
	}
	return nil
}

// insertLines stores lines and the head they lead to in one statement. Older
// heads go, except under serializable isolation: a head committed after the
// snapshot cannot be deleted, and the next writer does it.
func insertLines(ctx context.Context, tx bun.Tx, opts *sql.TxOptions, c chain, lines []*models.AuditEvent) error {
	last := lines[len(lines)-1]
	insert := tx.NewInsert().Model(&lines)
	if opts.Isolation == sql.LevelSerializable {
		_, err := tx.NewRaw(`WITH lines AS (?) INSERT INTO audit_heads (customer_id, seq, hash) VALUES (?, ?, ?)`,
			insert, c.arg(), last.Seq, last.Hash).Exec(ctx)
		return err
	}
	of := bun.SafeQuery("customer_id = ?", c.arg())
	if c.arg() == nil {
		of = bun.SafeQuery("customer_id IS NULL")
	}
	_, err := tx.NewRaw(`WITH lines AS (?), older AS (DELETE FROM audit_heads WHERE ? AND seq < ?)
		INSERT INTO audit_heads (customer_id, seq, hash) VALUES (?, ?, ?)`,
		insert, of, last.Seq, c.arg(), last.Seq, last.Hash).Exec(ctx)
	return err
}

// lockedHead takes the lock of the chain and reads its end in one statement.
func (s *Store) lockedHead(ctx context.Context, tx bun.Tx, c chain) (link, error) {
	at := link{hash: models.AuditGenesis()}
	err := tx.QueryRowContext(ctx, `SELECT seq, hash FROM audit_head(?)`, c.arg()).Scan(&at.seq, &at.hash)
	if errors.Is(err, sql.ErrNoRows) {
		err = nil
	}
	return at, err
}

// freshHead is lockedHead for a transaction whose snapshot is old.
func (s *Store) freshHead(ctx context.Context, tx bun.Tx, c chain) (at link, err error) {
	conn, err := s.connect(ctx)
	if err != nil {
		return at, err
	}
	defer func() { err = cmp.Or(err, conn.Close(context.WithoutCancel(ctx))) }()
	if _, err := tx.ExecContext(ctx, `SELECT audit_lock(?)`, c.arg()); err != nil {
		return at, err
	}
	at.hash = models.AuditGenesis()
	err = pgx.BeginTxFunc(ctx, conn, pgx.TxOptions{AccessMode: pgx.ReadOnly}, func(own pgx.Tx) error {
		// Bound to the transaction, as everywhere: behind a pooler the session
		// is somebody else's next.
		if _, err := own.Exec(ctx, `SELECT set_config('app.customer_id', $1, true)`, models.CustomerID(c).UUID().String()); err != nil {
			return err
		}
		err := own.QueryRow(ctx, `SELECT seq, hash FROM audit_heads WHERE customer_id = $1 ORDER BY seq DESC LIMIT 1`,
			models.CustomerID(c).UUID().String()).Scan(&at.seq, &at.hash)
		if errors.Is(err, pgx.ErrNoRows) {
			return nil
		}
		return err
	})
	return at, err
}

// connect opens a connection beside the pool, set up as those of the pool are.
func (s *Store) connect(ctx context.Context) (*pgx.Conn, error) {
	config := s.pool.Config()
	if config.BeforeConnect != nil {
		if err := config.BeforeConnect(ctx, config.ConnConfig); err != nil {
			return nil, err
		}
	}
	conn, err := pgx.ConnectConfig(ctx, config.ConnConfig)
	if err != nil {
		return nil, err
	}
	if config.AfterConnect != nil {
		if err := config.AfterConnect(ctx, conn); err != nil {
			return nil, errors.Join(err, conn.Close(ctx))
		}
	}
	return conn, nil
}
