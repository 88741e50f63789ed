package migrations_test

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	"upstream/migrations"
)

// files are migrations by the names of their files.
func files(texts map[string]string) fstest.MapFS {
	all := fstest.MapFS{}
	for name, text := range texts {
		all[name] = &fstest.MapFile{Data: []byte(text)}
	}
	return all
}

// listener is a log that calls heard for each line.
type listener struct {
	slog.Handler

	heard func(line string)
}

func (l listener) Enabled(context.Context, slog.Level) bool { return true }

func (l listener) Handle(_ context.Context, r slog.Record) error {
	l.heard(r.Message)
	return nil
}

func hearing(heard func(line string)) *slog.Logger {
	return slog.New(listener{slog.DiscardHandler, heard})
}

// another is a transaction of somebody else that has run the statement.
func (db *database) another(t *testing.T, statement string) pgx.Tx {
	t.Helper()
	tx, err := db.Owner.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tx.Exec(t.Context(), statement); err != nil {
		t.Fatal(err)
	}
	return tx
}

func end(t *testing.T, tx pgx.Tx) {
	t.Helper()
	if err := tx.Commit(t.Context()); err != nil {
		t.Error(err)
	}
}

const soon = 50 * time.Millisecond

// What cannot have its lock gives up, which lets those through who queue behind
// it, and tries again: up and down, within a transaction and CONCURRENTLY.
func TestMigrator_TriesAgainForLocks(t *testing.T) {
	t.Parallel()
	inTx := files(map[string]string{
		"9001_x.tx.up.sql":   "ALTER TABLE uploads ADD COLUMN x int",
		"9001_x.tx.down.sql": "ALTER TABLE uploads DROP COLUMN x",
	})
	alone := files(map[string]string{
		"9001_x.up.sql":   "-- Serves nothing.\nCREATE INDEX CONCURRENTLY uploads_x_idx ON uploads (filename)",
		"9001_x.down.sql": "DROP INDEX CONCURRENTLY IF EXISTS uploads_x_idx",
	})
	for name, texts := range map[string]fstest.MapFS{"in a transaction": inTx, "concurrently": alone} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db := migrated(t)
			before := db.dump(t)
			said, blocker := 0, db.another(t, `LOCK TABLE uploads IN ROW EXCLUSIVE MODE`)
			m := migrations.Migrator{URL: db.OwnerURL, Logger: hearing(func(line string) {
				if !strings.Contains(line, "waits for a lock") {
					return
				}
				if said++; said == 2 {
					end(t, blocker)
				}
			})}.With(texts, soon, 1000)
			applied, err := m.Up(t.Context())
			if diff := cmp.Diff([]string{"9001_x"}, applied); diff != "" || err != nil || said < 2 {
				t.Fatalf("applied (+) after %d waits:\n%s\n%v", said, diff, err)
			}
			if db.dump(t) == before {
				t.Error("nothing has changed")
			}
			said, blocker = 0, db.another(t, `LOCK TABLE uploads IN ROW EXCLUSIVE MODE`)
			undone, err := m.Down(t.Context(), 1)
			if diff := cmp.Diff([]string{"9001_x"}, undone); diff != "" || err != nil || said < 2 {
				t.Fatalf("undone (+) after %d waits:\n%s\n%v", said, diff, err)
			}
			if diff := cmp.Diff(before, db.dump(t)); diff != "" {
				t.Errorf("left behind (+):\n%s", diff)
			}
		})
	}
}

func TestMigrator_GivesUpInTheEnd(t *testing.T) {
	t.Parallel()
	db := migrated(t)
	before, tries := db.dump(t), 0
	blocker := db.another(t, `SELECT count(*) FROM uploads`)
	m := migrations.Migrator{URL: db.OwnerURL, Logger: hearing(func(string) { tries++ })}.With(files(map[string]string{
		"9001_x.tx.up.sql": "CREATE TABLE x (); ALTER TABLE uploads ADD COLUMN x int", "9001_x.tx.down.sql": "DROP TABLE x",
	}), soon, 3)
	applied, err := m.Up(t.Context())
	if !errors.Is(err, migrations.ErrLocked) || !strings.Contains(err.Error(), "9001_x") || len(applied) > 0 || tries != 2 {
		t.Errorf("applied %v after %d waits: %v", applied, tries, err)
	}
	end(t, blocker)
	if diff := cmp.Diff(before, db.dump(t)); diff != "" {
		t.Errorf("left behind (+):\n%s", diff)
	}
	// Any other failure is one at once.
	tries = 0
	m = m.With(files(map[string]string{"9001_x.tx.up.sql": "SELECT 1/0", "9001_x.tx.down.sql": "SELECT 1"}), soon, 3)
	if _, err := m.Up(t.Context()); err == nil || errors.Is(err, migrations.ErrLocked) || tries != 0 {
		t.Errorf("%d waits: %v", tries, err)
	}
}

// River's part of a migration waits for locks like ours.
func TestMigrator_TriesAgainForRiver(t *testing.T) {
	t.Parallel()
	db := migrated(t)
	names := all(t)
	full := db.dump(t)
	blocker := db.another(t, `SELECT count(*) FROM river.river_job`)
	said := false
	m := migrations.Migrator{URL: db.OwnerURL, Logger: hearing(func(string) {
		if !said {
			said = true
			end(t, blocker)
		}
	})}.With(nil, soon, 1000)
	if undone, err := m.DownTo(t.Context(), "0006"); err != nil || len(undone) != len(names)-6 || !said {
		t.Fatalf("undone %v: %v", undone, err)
	}
	db.up(t)
	if diff := cmp.Diff(full, db.dump(t)); diff != "" {
		t.Errorf("the schema differs (+):\n%s", diff)
	}
}

// A process that is killed where it notes what it has done leaves whole steps:
// the next attempt goes on there. River's part and indexes, which are built
// outside of our transaction, are taken as they are.
func TestMigrator_KilledAtTheMark(t *testing.T) {
	t.Parallel()
	const killer = `CREATE FUNCTION kill() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
		PERFORM pg_terminate_backend(pg_backend_pid()); RETURN coalesce(NEW, OLD); END $$;
		CREATE TRIGGER kill BEFORE INSERT OR DELETE ON bun_migrations FOR EACH ROW EXECUTE FUNCTION kill()`
	const gone = `DROP TRIGGER kill ON bun_migrations; DROP FUNCTION kill()`
	for name, tt := range map[string]struct {
		texts fstest.MapFS
		from  string
		// whole says that nothing stays of what was killed.
		whole bool
	}{
		"in a transaction": {files(map[string]string{
			"9001_x.tx.up.sql": "CREATE TABLE x ()", "9001_x.tx.down.sql": "DROP TABLE x",
		}), "0000", true},
		"concurrently": {files(map[string]string{
			"9001_x.up.sql":   "CREATE INDEX CONCURRENTLY uploads_x_idx ON uploads (filename)\n--bun:split\nDROP INDEX CONCURRENTLY IF EXISTS uploads_y_idx\n",
			"9001_x.down.sql": "DROP INDEX CONCURRENTLY IF EXISTS uploads_x_idx",
		}), "0000", false},
		"River's": {nil, "0006", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db := migrated(t)
			m := migrations.Migrator{URL: db.OwnerURL}
			if tt.texts != nil {
				m = m.With(tt.texts, 0, 0)
			}
			if _, err := m.DownTo(t.Context(), tt.from); err != nil {
				t.Fatal(err)
			}
			before := db.dump(t)
			db.exec(t, killer)
			if applied, err := m.Up(t.Context()); err == nil || len(applied) > 0 {
				t.Fatalf("applied %v: %v", applied, err)
			}
			db.exec(t, gone)
			if after := db.dump(t); (after == before) != tt.whole {
				t.Errorf("left behind (+):\n%s", cmp.Diff(before, after))
			}
			applied, err := m.Up(t.Context())
			if err != nil || len(applied) == 0 {
				t.Fatalf("applied %v: %v", applied, err)
			}
			full := db.dump(t)
			db.exec(t, killer)
			if undone, err := m.DownTo(t.Context(), tt.from); err == nil || len(undone) > 0 {
				t.Fatalf("undone %v: %v", undone, err)
			}
			db.exec(t, gone)
			if after := db.dump(t); tt.whole && after != full {
				t.Errorf("undone although the mark stays (+):\n%s", cmp.Diff(full, after))
			}
			if _, err := m.DownTo(t.Context(), tt.from); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(before, db.dump(t)); diff != "" {
				t.Errorf("left behind (+):\n%s", diff)
			}
		})
	}
}

// An index whose building was broken off is useless, and is built anew; one that
// somebody built beforehand is taken.
func TestMigrator_BrokenIndexes(t *testing.T) {
	t.Parallel()
	db := migrated(t)
	db.exec(t, `CREATE TABLE things (name text); INSERT INTO things VALUES ('same'), ('same')`)
	m := migrations.Migrator{URL: db.OwnerURL}.With(files(map[string]string{
		"9001_x.up.sql":   "CREATE UNIQUE INDEX CONCURRENTLY things_x_key ON things (name)",
		"9001_x.down.sql": "DROP INDEX CONCURRENTLY IF EXISTS things_x_key",
	}), 0, 0)
	if _, err := m.Up(t.Context()); err == nil || !strings.Contains(err.Error(), "things_x_key") {
		t.Fatalf("two things of one name: %v", err)
	}
	valid := func() (valid bool) {
		row := db.sql.QueryRowContext(t.Context(), `SELECT indisvalid FROM pg_index WHERE indexrelid = to_regclass('things_x_key')`)
		if err := row.Scan(&valid); err != nil {
			t.Fatal(err)
		}
		return valid
	}
	if valid() {
		t.Fatal("the index is valid")
	}
	db.exec(t, `UPDATE things SET name = ctid::text`)
	if applied, err := m.Up(t.Context()); err != nil || len(applied) != 1 || !valid() {
		t.Errorf("applied %v: %v", applied, err)
	}
	oid := func() (oid int) {
		if err := db.sql.QueryRowContext(t.Context(), `SELECT 'things_x_key'::regclass::oid::int`).Scan(&oid); err != nil {
			t.Fatal(err)
		}
		return oid
	}
	built := oid()
	db.exec(t, `DELETE FROM bun_migrations WHERE name = '9001'`)
	if applied, err := m.Up(t.Context()); err != nil || len(applied) != 1 || oid() != built {
		t.Errorf("applied %v: %v", applied, err)
	}
}

// Of many that build an index at once one does. Those that wait must not be in
// the way of the index, which waits for every statement that began before it.
func TestMigrator_ManyAtOnceBuildAnIndex(t *testing.T) {
	t.Parallel()
	db := migrated(t)
	m := migrations.Migrator{URL: db.OwnerURL}.With(files(map[string]string{
		"9001_x.up.sql": "CREATE INDEX CONCURRENTLY uploads_x_idx ON uploads (filename)", "9001_x.down.sql": "DROP INDEX CONCURRENTLY uploads_x_idx",
	}), 0, 0)
	var mu sync.Mutex
	var applied []string
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			names, err := m.Up(t.Context())
			mu.Lock()
			defer mu.Unlock()
			if applied = append(applied, names...); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if diff := cmp.Diff([]string{"9001_x"}, applied); diff != "" {
		t.Errorf("applied (+):\n%s", diff)
	}
}

func TestMigrator_WaitsForTheOtherAndHonoursTheContext(t *testing.T) {
	t.Parallel()
	db := migrated(t)
	conn, err := db.Owner.Acquire(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Release()
	if _, err := conn.Exec(t.Context(), `SELECT pg_advisory_lock($1)`, int64(migrations.LockKey)); err != nil {
		t.Fatal(err)
	}
	defer func() { _, _ = conn.Exec(context.WithoutCancel(t.Context()), `SELECT pg_advisory_unlock_all()`) }()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	m := migrations.Migrator{URL: db.OwnerURL, Logger: hearing(func(line string) {
		if strings.Contains(line, "another process migrates") {
			cancel()
		}
	})}
	if _, err := m.Up(ctx); !errors.Is(err, context.Canceled) || !strings.Contains(err.Error(), "waiting for another migration") {
		t.Errorf("error = %v", err)
	}
}

// The end of the context ends the wait for a lock, too.
func TestMigrator_IsInterruptedBetweenTries(t *testing.T) {
	t.Parallel()
	db := migrated(t)
	blocker := db.another(t, `SELECT count(*) FROM uploads`)
	defer end(t, blocker)
	ctx, cancel := context.WithCancel(t.Context())
	m := migrations.Migrator{URL: db.OwnerURL, Logger: hearing(func(string) { cancel() })}.With(files(map[string]string{
		"9001_x.tx.up.sql": "ALTER TABLE uploads ADD COLUMN x int", "9001_x.tx.down.sql": "SELECT 1",
	}), soon, 1<<30)
	if _, err := m.Up(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("error = %v", err)
	}
}

func TestMigrator_DownTo(t *testing.T) {
	t.Parallel()
	db := migrated(t)
	names := all(t)
	full := db.dump(t)
	m := migrations.Migrator{URL: db.OwnerURL}
	undone, err := m.DownTo(t.Context(), "0019")
	newer := slices.Clone(names[19:])
	slices.Reverse(newer)
	if diff := cmp.Diff(newer, undone); diff != "" || err != nil {
		t.Errorf("undone (+):\n%s\n%v", diff, err)
	}
	if undone, err = m.DownTo(t.Context(), "0019"); len(undone) > 0 || err != nil {
		t.Errorf("a second time: %v, %v", undone, err)
	}
	if undone, err = m.DownTo(t.Context(), "0021"); len(undone) > 0 || err != nil {
		t.Errorf("to one that is not applied: %v, %v", undone, err)
	}
	for _, number := range []string{"9999", "19", "0019_bulk"} {
		if undone, err := m.DownTo(t.Context(), number); !errors.Is(err, migrations.ErrNoMigration) || len(undone) > 0 {
			t.Errorf("to %q: %v, %v", number, undone, err)
		}
	}
	db.up(t)
	if diff := cmp.Diff(full, db.dump(t)); diff != "" {
		t.Errorf("the schema differs (+):\n%s", diff)
	}
}

// A newer version's migrations are its own to undo; ours go up beneath them.
func TestMigrator_UndoesNothingOfANewerVersion(t *testing.T) {
	t.Parallel()
	db := migrated(t)
	newer := migrations.Migrator{URL: db.OwnerURL}.With(files(map[string]string{
		"9001_x.tx.up.sql": "ALTER TABLE uploads ADD COLUMN x int", "9001_x.tx.down.sql": "ALTER TABLE uploads DROP COLUMN x",
	}), 0, 0)
	if _, err := newer.Up(t.Context()); err != nil {
		t.Fatal(err)
	}
	for name, undo := range map[string]func(migrations.Migrator) ([]string, error){
		"a step": func(m migrations.Migrator) ([]string, error) { return m.Down(t.Context(), 1) },
		"all":    func(m migrations.Migrator) ([]string, error) { return m.DownTo(t.Context(), "0000") },
	} {
		undone, err := undo(migrations.Migrator{URL: db.OwnerURL})
		if !errors.Is(err, migrations.ErrNewer) || !strings.Contains(err.Error(), "9001") || len(undone) > 0 {
			t.Errorf("%s: %v, %v", name, undone, err)
		}
	}
	if applied := db.up(t); len(applied) > 0 {
		t.Errorf("applied %v", applied)
	}
	if undone, err := newer.Down(t.Context(), 1); err != nil || len(undone) != 1 {
		t.Errorf("undone %v: %v", undone, err)
	}
	if undone := db.down(t, 1); len(undone) != 1 {
		t.Errorf("undone %v", undone)
	}
}
