package cli

import (
	"context"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"upstream/internal/testdb"
	"upstream/store"
)

// signalLog closes done at its first line.
type signalLog struct {
	once sync.Once
	done chan struct{}
	line string
}

func (l *signalLog) Write(p []byte) (int, error) {
	l.once.Do(func() {
		l.line = string(p)
		close(l.done)
	})
	return len(p), nil
}

func TestHousekeepingDeletesAtOnceAndStops(t *testing.T) {
	t.Parallel()
	db := testdb.New(t)
	tx, err := db.Owner.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, statement := range []string{
		`SELECT set_config('app.system', 'on', true)`,
		`INSERT INTO sign_in_failures (key_hash, failures, first_at, last_at)
			VALUES (decode(repeat('ab', 32), 'hex'), 1, now() - interval '1 day', now() - interval '1 day')`,
	} {
		if _, err := tx.Exec(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
	if err := tx.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}
	st := store.New(db.App, store.Options{})
	defer func() { _ = st.Close() }()
	out := &signalLog{done: make(chan struct{})}
	a := &app{log: slog.New(slog.NewTextHandler(out, nil))}
	stop := a.startHousekeeping(context.Background(), st, time.Hour)
	<-out.done
	stop()
	if !strings.Contains(out.line, "rows=1") {
		t.Errorf("log: %s", out.line)
	}
}
