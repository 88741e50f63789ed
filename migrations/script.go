package migrations

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"regexp"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/uptrace/bun/migrate"
)

// script is the SQL of one direction of a migration.
type script struct {
	text string
	// transactional says that it runs in one transaction, as the name of its file
	// does.
	transactional bool
}

// scriptOf reads the script of a migration; direction is "up" or "down".
func scriptOf(from fs.FS, m migrate.Migration, direction string) (script, error) {
	text, err := fs.ReadFile(from, fmt.Sprintf("%s.tx.%s.sql", m, direction))
	if err == nil {
		return script{dense(string(text)), true}, nil
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return script{}, err
	}
	text, err = fs.ReadFile(from, fmt.Sprintf("%s.%s.sql", m, direction))
	return script{dense(string(text)), false}, err
}

// dense leaves out empty lines. The first migrations were applied like that, and
// what they made of functions is compared with a dump to the letter.
func dense(text string) string { return blank.ReplaceAllString(text, "") }

var blank = regexp.MustCompile(`(?m)^[ \t]*\n`)

// split is the line between statements that do not share a transaction.
const split = "--bun:split"

// parts are the statements of a script that is not transactional. A part with
// nothing but comments is none.
func (s script) parts() (parts []string) {
	for _, part := range regexp.MustCompile(`(?m)^`+split+`\s*$`).Split(s.text, -1) {
		if strings.TrimSpace(comments.ReplaceAllString(part, "")) != "" {
			parts = append(parts, part)
		}
	}
	return parts
}

var comments = regexp.MustCompile(`(?m)^\s*--.*$`)

// executor is a connection or a transaction on it.
type executor interface {
	Exec(ctx context.Context, sql string, args ...any) (pgconn.CommandTag, error)
}

// mark notes that a migration was applied. Each is a group of its own, so that
// older versions of the program undo one at a time.
func mark(m migrate.Migration) func(context.Context, executor) error {
	return func(ctx context.Context, on executor) error {
		_, err := on.Exec(ctx, `INSERT INTO bun_migrations (name, group_id) SELECT $1, coalesce(max(group_id), 0) + 1 FROM bun_migrations`, m.Name)
		return err
	}
}

func unmark(m migrate.Migration) func(context.Context, executor) error {
	return func(ctx context.Context, on executor) error {
		_, err := on.Exec(ctx, `DELETE FROM bun_migrations WHERE name = $1`, m.Name)
		return err
	}
}

func unnoted(context.Context, executor) error { return nil }

// up applies a migration. What River does has transactions of its own, after
// ours: there, too, it is noted last, and our part may run a second time.
func (r *run) up(ctx context.Context, m migrate.Migration) error {
	s, err := scriptOf(r.files, m, "up")
	if err != nil {
		return err
	}
	river := riverStepOf(m.Name)
	if river == nil {
		return r.execute(ctx, s, mark(m))
	}
	if err := r.execute(ctx, s, unnoted); err != nil {
		return err
	}
	if err := river.up(ctx, r.Migrator); err != nil {
		return err
	}
	return mark(m)(ctx, r.conn)
}

func (r *run) down(ctx context.Context, m migrate.Migration) error {
	s, err := scriptOf(r.files, m, "down")
	if err != nil {
		return err
	}
	if river := riverStepOf(m.Name); river != nil {
		if err := river.down(ctx, r.Migrator); err != nil {
			return err
		}
	}
	return r.execute(ctx, s, unmark(m))
}

// execute runs a script and notes that it did.
func (r *run) execute(ctx context.Context, s script, note func(context.Context, executor) error) error {
	if s.transactional {
		return pgx.BeginFunc(ctx, r.conn, func(tx pgx.Tx) error {
			if _, err := tx.Exec(ctx, s.text); err != nil {
				return err
			}
			return note(ctx, tx)
		})
	}
	for _, part := range s.parts() {
		if err := r.alone(ctx, part); err != nil {
			return err
		}
	}
	return note(ctx, r.conn)
}

var (
	concurrent  = regexp.MustCompile(`(?is)^(?:CREATE\s+(?:UNIQUE\s+)?|DROP\s+|RE)INDEX\s+(?:INDEX\s+|TABLE\s+)?CONCURRENTLY\b`)
	buildsIndex = regexp.MustCompile(`(?is)^CREATE\s+(?:UNIQUE\s+)?INDEX\s+CONCURRENTLY\s+(?:IF\s+NOT\s+EXISTS\s+)?"?(\w+)"?\s+ON\b`)
)

// waitFor bounds the waits of the statements that follow.
const waitFor = `SELECT set_config('lock_timeout', $1, false)`

// alone runs a statement outside of a transaction.
func (r *run) alone(ctx context.Context, statement string) error {
	bare := strings.TrimSpace(comments.ReplaceAllString(statement, ""))
	if !concurrent.MatchString(bare) {
		_, err := r.conn.Exec(ctx, statement)
		return err
	}
	if _, err := r.conn.Exec(ctx, waitFor, millis(r.patience.concurrent)); err != nil {
		return err
	}
	err := r.concurrently(ctx, statement, bare)
	if r.conn.IsClosed() {
		return err
	}
	_, resetErr := r.conn.Exec(ctx, waitFor, millis(r.patience.lock))
	return errors.Join(err, resetErr)
}

// concurrently runs a statement that works CONCURRENTLY. An index that was built
// by an attempt before this one is taken as it is; one that was broken off is
// useless, and is dropped first.
func (r *run) concurrently(ctx context.Context, statement, bare string) error {
	if m := buildsIndex.FindStringSubmatch(bare); m != nil {
		var valid bool
		err := r.conn.QueryRow(ctx, `SELECT indisvalid AND indisready FROM pg_index WHERE indexrelid = to_regclass($1)`, quote(m[1])).Scan(&valid)
		switch {
		case errors.Is(err, pgx.ErrNoRows): // as it should be
		case err != nil:
			return err
		case valid:
			return nil
		default:
			r.Logger.WarnContext(ctx, "an index is left over from an attempt that was broken off: it is dropped and built again", "index", m[1])
			if _, err := r.conn.Exec(ctx, `DROP INDEX CONCURRENTLY `+quote(m[1])); err != nil {
				return err
			}
		}
	}
	_, err := r.conn.Exec(ctx, statement)
	return err
}
