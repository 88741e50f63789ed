package migrations

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/uptrace/bun/migrate"
)

// lockKey is the advisory lock that lets only one process migrate at a time.
const lockKey = 0x7570737472656d // "upstrem"

// lockPoll is how often a process that waits for another one's migrations asks
// whether they are done. It must not wait in a statement: building an index
// concurrently waits for all statements that are older, this one included.
const lockPoll = 200 * time.Millisecond

var (
	// ErrLocked says that a migration did not get a lock that it needs, however
	// often it was tried.
	ErrLocked = errors.New("others hold a lock that it needs; look for long transactions and try again")
	// ErrNewer says that the database has migrations of a newer version, which only
	// that version can undo.
	ErrNewer = errors.New("the database has migrations that this program does not know: undo them by the version that made them")
	// ErrNoMigration says that there is no migration of that number.
	ErrNoMigration = errors.New("no such migration")
)

// patience is how long a migration waits for locks.
type patience struct {
	// lock is how long a statement may queue for a lock, and with it how long it
	// makes others queue behind it.
	lock time.Duration
	// concurrent is the same for a statement that works CONCURRENTLY: nobody queues
	// behind it, and what it waits for is the end of transactions, which may be long.
	concurrent time.Duration
	// tries is how often a migration is begun at most. The pause after the first
	// time is at most pause, doubles, and is never more than longest.
	tries          int
	pause, longest time.Duration
}

// defaultPatience tries for about two minutes.
func defaultPatience() patience {
	return patience{lock: time.Second, concurrent: 10 * time.Minute, tries: 15, pause: time.Second, longest: 15 * time.Second}
}

// Migrator changes the schema of one database. Several may run at once, in as
// many processes: one does, the others wait for it.
//
// A migration is applied, and noted as applied, in one transaction, or not at
// all; one that works CONCURRENTLY goes on where it was broken off. One that
// cannot have its locks soon gives up, lets others through and tries again.
type Migrator struct {
	// URL logs in as the owner role, as one of its members, or as a superuser. A
	// pooler that hands connections around must not be in between.
	URL string
	// Logger hears of what is waited for; nil for nobody.
	Logger *slog.Logger

	// files are those of the program, and patience is the default one, unless a test
	// says otherwise.
	files    fs.FS
	patience patience
}

// Up applies every pending migration, oldest first, and returns the names of
// those it applied.
func (m Migrator) Up(ctx context.Context) (applied []string, err error) {
	err = m.run(ctx, func(r *run) error {
		for _, migration := range r.known {
			if r.applied[migration.Name] {
				continue
			}
			if err := r.persist(ctx, migration, func() error { return r.up(ctx, migration) }); err != nil {
				return fmt.Errorf("migration %s: %w", migration, err)
			}
			applied = append(applied, migration.String())
		}
		return nil
	})
	return applied, err
}

// Down undoes the newest applied migrations, at most steps of them, and returns
// their names, newest first.
func (m Migrator) Down(ctx context.Context, steps int) (undone []string, err error) {
	err = m.run(ctx, func(r *run) error {
		undone, err = r.undo(ctx, steps, "")
		return err
	})
	return undone, err
}

// DownTo undoes every applied migration that is newer than the one with this
// number, which stays, and returns their names, newest first. "0000" undoes all.
func (m Migrator) DownTo(ctx context.Context, number string) (undone []string, err error) {
	err = m.run(ctx, func(r *run) error {
		if strings.Trim(number, "0") != "" && !slices.ContainsFunc(r.known, func(k migrate.Migration) bool { return k.Name == number }) {
			return fmt.Errorf("%w: %q", ErrNoMigration, number)
		}
		undone, err = r.undo(ctx, len(r.known), number)
		return err
	})
	return undone, err
}

// run is a migrator at work: it has the owner's role and the migration lock, both
// for as long as its connection lives.
type run struct {
	Migrator

	conn *pgx.Conn
	// known are the migrations of this program, by their numbers; applied those of
	// the database.
	known   migrate.MigrationSlice
	applied map[string]bool
}

func (m Migrator) withDefaults() Migrator {
	if m.Logger == nil {
		m.Logger = slog.New(slog.DiscardHandler)
	}
	if m.files == nil {
		m.files = files
	}
	if m.patience == (patience{}) {
		m.patience = defaultPatience()
	}
	return m
}

// configure says what holds for every connection of a migration: no statement is
// bounded in time by the login's settings, except in its wait for locks.
func (m Migrator) configure(config *pgx.ConnConfig) {
	config.RuntimeParams["application_name"] = "upstream migrate"
	config.RuntimeParams["lock_timeout"] = millis(m.patience.lock)
	config.RuntimeParams["statement_timeout"] = "0"
	config.DefaultQueryExecMode = pgx.QueryExecModeExec
}

func millis(d time.Duration) string { return strconv.FormatInt(d.Milliseconds(), 10) }

// run connects, becomes the owner, waits for its turn and calls fn.
func (m Migrator) run(ctx context.Context, fn func(*run) error) error {
	m = m.withDefaults()
	known, err := discover(m.files)
	if err != nil {
		return err
	}
	config, err := pgx.ParseConfig(m.URL)
	if err != nil {
		return fmt.Errorf("the database URL cannot be read: %w", err)
	}
	m.configure(config)
	conn, err := pgx.ConnectConfig(ctx, config)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }() // nothing is left to lose
	r := &run{Migrator: m, conn: conn, known: known}
	if err := r.await(ctx); err != nil {
		return fmt.Errorf("waiting for another migration: %w", err)
	}
	if err := becomeOwner(ctx, conn); err != nil {
		return err
	}
	if err := r.prepare(ctx); err != nil {
		return fmt.Errorf("preparing the migration table: %w", err)
	}
	return fn(r)
}

// await takes the migration lock, which is held until the connection ends.
func (r *run) await(ctx context.Context) error {
	ticker := time.NewTicker(lockPoll)
	defer ticker.Stop()
	for said := false; ; said = true {
		var mine bool
		if err := r.conn.QueryRow(ctx, `SELECT pg_try_advisory_lock($1)`, int64(lockKey)).Scan(&mine); err != nil || mine {
			return err
		}
		if !said {
			r.Logger.InfoContext(ctx, "another process migrates this database: waiting for it")
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// prepare makes the table of what was applied, as bun has it, and reads it.
func (r *run) prepare(ctx context.Context) error {
	_, err := r.conn.Exec(ctx, `CREATE TABLE IF NOT EXISTS bun_migrations (
		id bigserial PRIMARY KEY, name varchar, group_id bigint, migrated_at timestamptz NOT NULL DEFAULT current_timestamp);
		GRANT SELECT ON bun_migrations TO `+AppRole)
	if err != nil {
		return err
	}
	rows, err := r.conn.Query(ctx, `SELECT name FROM bun_migrations`)
	if err != nil {
		return err
	}
	names, err := pgx.CollectRows(rows, pgx.RowTo[string])
	r.applied = make(map[string]bool, len(names))
	for _, name := range names {
		r.applied[name] = true
	}
	return err
}

// undo undoes the newest applied migrations after the one with the number, at
// most steps of them.
func (r *run) undo(ctx context.Context, steps int, after string) (undone []string, err error) {
	var chosen []migrate.Migration
	for _, m := range slices.Backward(r.known) {
		if r.applied[m.Name] && m.Name > after && len(chosen) < steps {
			chosen = append(chosen, m)
		}
	}
	if err := r.refuseNewer(chosen); err != nil {
		return nil, err
	}
	for _, m := range chosen {
		if err := r.persist(ctx, m, func() error { return r.down(ctx, m) }); err != nil {
			return undone, fmt.Errorf("undoing migration %s: %w", m, err)
		}
		undone = append(undone, m.String())
	}
	return undone, nil
}

// refuseNewer refuses to undo what migrations of a newer version may build on.
func (r *run) refuseNewer(chosen []migrate.Migration) error {
	if len(chosen) == 0 {
		return nil
	}
	oldest := chosen[len(chosen)-1].Name
	var newer []string
	for name := range r.applied {
		unknown := !slices.ContainsFunc(r.known, func(k migrate.Migration) bool { return k.Name == name })
		if unknown && name > oldest {
			newer = append(newer, name)
		}
	}
	if len(newer) == 0 {
		return nil
	}
	slices.Sort(newer)
	return fmt.Errorf("%w (%s)", ErrNewer, strings.Join(newer, ", "))
}

// persist does something again and again until it is not for want of a lock that
// it fails.
func (r *run) persist(ctx context.Context, m migrate.Migration, do func() error) error {
	pause := r.patience.pause
	for attempt := 1; ; attempt++ {
		err := do()
		switch {
		case !wantsLock(err):
			return err
		case attempt == r.patience.tries:
			return fmt.Errorf("given up after %d tries: %w: %w", attempt, ErrLocked, err)
		}
		wait := pause/2 + rand.N(pause/2+1) //nolint:gosec // not a secret
		r.Logger.WarnContext(ctx, "a migration waits for a lock that others hold; it lets them through and tries again",
			"migration", m.String(), "attempt", attempt, "of", r.patience.tries, "again_in", wait.Round(time.Millisecond), "error", err)
		timer := time.NewTimer(wait)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return ctx.Err()
		}
		pause = min(2*pause, r.patience.longest)
	}
}

// wantsLock reports whether something failed for want of a lock: it queued too
// long, or in a circle.
func wantsLock(err error) bool {
	var pgErr *pgconn.PgError
	return errors.As(err, &pgErr) && (pgErr.Code == "55P03" || pgErr.Code == "40P01")
}
