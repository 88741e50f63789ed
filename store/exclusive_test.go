package store_test

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"

	"upstream/internal/factory"
	"upstream/models"
	"upstream/store"
)

// conflict is what PostgreSQL answers to a transaction it cannot serialize.
func conflict(code string) error { return &pgconn.PgError{Code: code, Message: "try again"} }

func TestExclusive_GivesUpAfterFiveAttempts(t *testing.T) {
	t.Parallel()
	w := factory.New(t)
	var log buffer
	w.Store = w.StoreWith(w.DB.App, store.Options{Logger: log.logger()})
	cedar := w.Tenant("cedar")
	for _, state := range []string{"40001", "40P01"} {
		attempts := 0
		err := store.Exclusive(t.Context(), w.Store, cedar.System(), func(store.ExclusiveTx) error {
			attempts++
			return conflict(state)
		})
		wantCode(t, err, models.CodeSerializationConflict)
		equal(t, "attempts", 5, attempts)
	}
	equal(t, "retries in the log", 8, strings.Count(log.String(), "trying again"))
	equal(t, "attempts allowed", 5, store.MaxAttempts)
}

func TestExclusive_SucceedsOnALaterAttempt(t *testing.T) {
	t.Parallel()
	cedar := factory.New(t).Tenant("cedar")
	attempts := 0
	err := store.Exclusive(t.Context(), cedar.Store, cedar.System(), func(tx store.ExclusiveTx) error {
		attempts++
		err := tx.Exec(t.Context(), `UPDATE customers SET name = name || ?`, strconv.Itoa(attempts))
		if err == nil && attempts < 5 {
			return conflict("40001")
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	equal(t, "attempts", 5, attempts)
	// What the earlier attempts wrote is gone.
	equal(t, "name", "Clinic cedar5", factory.Query[string](cedar, `SELECT name FROM customers`))
}

func TestExclusive_OtherErrorsAreFinal(t *testing.T) {
	t.Parallel()
	cedar := factory.New(t).Tenant("cedar")
	attempts := 0
	err := store.Exclusive(t.Context(), cedar.Store, cedar.System(), func(tx store.ExclusiveTx) error {
		attempts++
		return tx.Exec(t.Context(), `UPDATE customers SET name = ''`)
	})
	equal(t, "fields", []string{"name:invalid"}, fieldPaths(wantCode(t, err, models.CodeValidation)))
	equal(t, "attempts", 1, attempts)

	attempts = 0
	err = store.Exclusive(t.Context(), cedar.Store, cedar.User(models.RoleViewer), func(store.ExclusiveTx) error {
		attempts++
		return nil
	})
	wantCode(t, err, models.CodeForbidden)
	equal(t, "attempts of one who may not", 0, attempts)
}

func TestExclusive_PauseHonoursTheContext(t *testing.T) {
	t.Parallel()
	cedar := factory.New(t).Tenant("cedar")
	ctx, cancel := context.WithCancel(t.Context())
	attempts := 0
	err := store.Exclusive(ctx, cedar.Store, cedar.System(), func(store.ExclusiveTx) error {
		attempts++
		cancel()
		return conflict("40001")
	})
	if !errors.Is(err, context.Canceled) && models.CodeOf(err) != models.CodeSerializationConflict {
		t.Errorf("error = %v", err)
	}
	equal(t, "attempts", 1, attempts)
}

// Two stores stand for two processes: the gate within one does not help.
func TestExclusive_WaitsForTheLock(t *testing.T) {
	t.Parallel()
	w := factory.New(t)
	cedar, harbor := w.Tenant("cedar"), w.Tenant("harbor")
	other := w.StoreWith(w.DB.App, store.Options{})
	held, release := make(chan struct{}), make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		err := store.Exclusive(t.Context(), other, cedar.System(), func(tx store.ExclusiveTx) error {
			close(held)
			<-release
			return tx.Exec(t.Context(), `UPDATE customers SET name = 'first'`)
		})
		if err != nil {
			t.Error(err)
		}
	})
	<-held

	// Another customer does not wait, and neither does another kind of work.
	for name, err := range map[string]error{
		"another customer": store.Exclusive(t.Context(), w.Store, harbor.System(), func(store.ExclusiveTx) error { return nil }),
		"another lock":     store.ExclusiveAs(t.Context(), w.Store, cedar.System(), "other", func(store.ExclusiveTx) error { return nil }),
	} {
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}

	// A waiter that is given up stops waiting: in the database, and at the gate.
	ctx, cancel := context.WithCancel(t.Context())
	for range 2 {
		wg.Go(func() {
			err := store.Exclusive(ctx, w.Store, cedar.System(), func(store.ExclusiveTx) error {
				t.Error("two were inside")
				return nil
			})
			if !errors.Is(err, context.Canceled) {
				t.Errorf("error = %v", err)
			}
		})
	}
	for waiters(t, w) == 0 {
		continue
	}
	cancel()
	for waiters(t, w) > 0 {
		continue
	}

	// The others run once the lock is free, see what was done before them, and
	// have used none of their attempts for waiting.
	var inside, runs atomic.Int32
	for i := range 4 {
		s := []*store.Store{w.Store, other}[i%2]
		wg.Go(func() {
			failures := 0
			err := store.Exclusive(t.Context(), s, cedar.System(), func(tx store.ExclusiveTx) error {
				if inside.Add(1) != 1 {
					t.Error("two were inside")
				}
				defer inside.Add(-1)
				n, err := tx.Count(t.Context(), `SELECT count(*) FROM customers WHERE name = 'first'`)
				if n != 1 || err != nil {
					t.Errorf("the work waited for is not seen: %d, %v", n, err)
				}
				if failures++; failures < store.MaxAttempts {
					return conflict("40001")
				}
				runs.Add(1)
				return nil
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
	for waiters(t, w) == 0 {
		continue
	}
	close(release)
	wg.Wait()
	equal(t, "runs", int32(4), runs.Load())
}

func TestExclusive_APanicFreesTheLock(t *testing.T) {
	t.Parallel()
	cedar := factory.New(t).Tenant("cedar")
	func() {
		defer func() { _ = recover() }()
		_ = store.Exclusive(t.Context(), cedar.Store, cedar.System(), func(store.ExclusiveTx) error { panic("x") })
	}()
	if err := store.Exclusive(t.Context(), cedar.Store, cedar.System(), func(store.ExclusiveTx) error { return nil }); err != nil {
		t.Error(err)
	}
}

// Each transaction checks that no run is under way and starts one: each alone
// is right and under REPEATABLE READ both pass. Under ours one of them fails.
func TestSerializable_RefusesWriteSkew(t *testing.T) {
	t.Parallel()
	cedar := factory.New(t).Tenant("cedar")
	v, s := cedar.System(), cedar.Store
	running := func(r *models.ReportRun) { r.Status, r.FinishedAt = models.RunRunning, nil }
	insert := func(tx store.ExclusiveTx) error {
		r := cedar.RunRow(running)
		return tx.Exec(t.Context(), `INSERT INTO report_runs (customer_id, id, method, window_by, as_of,
			baseline_start, baseline_end, current_start, current_end, min_volume, alpha)
			VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`, r.CustomerID, r.ID, r.Method, r.WindowBy, r.AsOf,
			r.BaselineStart, r.BaselineEnd, r.CurrentStart, r.CurrentEnd, r.MinVolume, r.Alpha)
	}
	var looked sync.WaitGroup
	looked.Add(2)
	failures := make([]error, 2)
	var wg sync.WaitGroup
	for i := range failures {
		wg.Go(func() {
			failures[i] = store.Serializable(t.Context(), s, v, func(tx store.ExclusiveTx) error {
				n, err := tx.Count(t.Context(), `SELECT count(*) FROM report_runs WHERE status = 'running'`)
				looked.Done()
				if err != nil || n != 0 {
					return fmt.Errorf("%d runs are under way: %w", n, err)
				}
				looked.Wait() // both have looked before either writes
				return insert(tx)
			})
		})
	}
	wg.Wait()
	if (failures[0] == nil) == (failures[1] == nil) {
		t.Fatalf("not exactly one passed: %v", failures)
	}
	for _, err := range failures {
		if err != nil {
			wantCode(t, err, models.CodeSerializationConflict)
		}
	}
	equal(t, "runs under way", 1, factory.Query[int](cedar, `SELECT count(*) FROM report_runs WHERE status = 'running'`))
}
