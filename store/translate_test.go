package store_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"upstream/internal/factory"
	"upstream/internal/postgres"
	"upstream/models"
	"upstream/store"
)

func TestTranslate(t *testing.T) {
	t.Parallel()
	pg := func(code, constraint, column, detail string) error {
		return fmt.Errorf("wrapped: %w", &pgconn.PgError{Code: code, ConstraintName: constraint, ColumnName: column, Detail: detail, Message: "secret detail"})
	}
	for name, tt := range map[string]struct {
		err    error
		want   models.Code
		fields []string
	}{
		"unique":               {pg("23505", "users_email_key", "", ""), models.CodeConflict, []string{"email:taken"}},
		"unknown constraint":   {pg("23505", "made_up_key", "", ""), models.CodeInternal, nil},
		"invariant":            {pg("23514", "users_version_check", "", ""), models.CodeInternal, nil},
		"missing reference":    {pg("23503", "memberships_customer_id_fkey", "", `Key is not present in table "customers".`), models.CodeValidation, []string{"customer:invalid"}},
		"still referenced":     {pg("23503", "claims_customer_id_upload_id_fkey", "", `Key is still referenced from table "claims".`), models.CodeInUse, nil},
		"restrict":             {pg("23001", "claims_customer_id_upload_id_fkey", "", ""), models.CodeInUse, nil},
		"check":                {pg("23514", "customers_slug_check", "", ""), models.CodeValidation, []string{"slug:invalid"}},
		"null":                 {pg("23502", "", "filename", ""), models.CodeValidation, []string{"filename:required"}},
		"too long":             {pg("22001", "", "", ""), models.CodeValidation, []string{"input:invalid"}},
		"too large":            {pg("22003", "", "", ""), models.CodeValidation, []string{"input:invalid"}},
		"no such day":          {pg("22008", "", "", ""), models.CodeValidation, []string{"input:invalid"}},
		"no date":              {pg("22007", "", "", ""), models.CodeValidation, []string{"input:invalid"}},
		"no number":            {pg("22P02", "", "", ""), models.CodeValidation, []string{"input:invalid"}},
		"bad character":        {pg("22021", "", "", ""), models.CodeValidation, []string{"input:invalid"}},
		"serialization":        {pg("40001", "", "", ""), models.CodeSerializationConflict, nil},
		"deadlock":             {pg("40P01", "", "", ""), models.CodeSerializationConflict, nil},
		"syntax":               {pg("42601", "", "", ""), models.CodeInternal, nil},
		"right":                {pg("42501", "", "", ""), models.CodeInternal, nil},
		"no rows":              {sql.ErrNoRows, models.CodeNotFound, nil},
		"anything else":        {errors.New("secret detail"), models.CodeInternal, nil},
		"a coded error, as is": {models.NotFound("claim"), models.CodeNotFound, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := store.Translate(tt.err)
			e := wantCode(t, got, tt.want)
			equal(t, "fields", tt.fields, fieldPaths(e))
			if !errors.Is(got, tt.err) {
				t.Error("the cause is lost")
			}
			if strings.Contains(e.Message+fmt.Sprint(e.Fields), "secret") || e.Message == "" {
				t.Errorf("the client reads %q %v", e.Message, e.Fields)
			}
		})
	}
	if err := store.Translate(nil); err != nil {
		t.Errorf("nil becomes %v", err)
	}
	for _, err := range []error{context.Canceled, context.DeadlineExceeded} {
		if got := store.Translate(fmt.Errorf("x: %w", err)); !errors.Is(got, err) || models.AsError(got).Code != models.CodeInternal {
			t.Errorf("%v becomes %v", err, got)
		}
	}
	if got := store.Translate(pg("57014", "", "", "")); !errors.Is(got, context.DeadlineExceeded) {
		t.Errorf("a statement that took too long: %v", got)
	}
}

// Every rule reads as a sentence.
func TestTranslate_EveryConstraintHasASentence(t *testing.T) {
	t.Parallel()
	for _, name := range store.MappedConstraints() {
		for _, code := range []string{"23505", "23514", "23503"} {
			e := models.AsError(store.Translate(&pgconn.PgError{Code: code, ConstraintName: name}))
			if e.Message == "" || strings.Contains(e.Message, "  ") {
				t.Errorf("%s: %q", name, e.Message)
			}
			for _, f := range e.Fields {
				if f.Path == "" || f.Code == "" || f.Message == "" || strings.HasSuffix(f.Message, ".") {
					t.Errorf("%s: %+v", name, f)
				}
			}
		}
	}
}

// A deferred constraint speaks up at COMMIT.
func TestTranslate_CommitErrors(t *testing.T) {
	t.Parallel()
	w := factory.New(t)
	cedar := w.Tenant("cedar")
	if _, err := w.DB.Owner.Exec(t.Context(), `ALTER TABLE report_runs ALTER CONSTRAINT report_runs_created_by_fkey DEFERRABLE INITIALLY DEFERRED`); err != nil {
		t.Fatal(err)
	}
	cedar.Insert(cedar.RunRow())
	err := store.Serializable(t.Context(), w.Store, cedar.System(), func(tx store.ExclusiveTx) error {
		err := tx.Exec(t.Context(), `UPDATE report_runs SET created_by = ?`, cedar.UploadRow().ID)
		if err != nil {
			t.Errorf("the constraint did not wait: %v", err)
		}
		return err
	})
	equal(t, "fields", []string{"created_by:invalid"}, fieldPaths(wantCode(t, err, models.CodeValidation)))
}

func TestTranslate_EndedContexts(t *testing.T) {
	t.Parallel()
	w := factory.New(t)
	cedar := w.Tenant("cedar")
	dead, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := w.Store.Customer(dead, cedar.System()); !errors.Is(err, context.Canceled) {
		t.Errorf("on a dead context: %v", err)
	}
	// The context ends between two statements: database/sql rolls back by itself.
	for range 20 {
		ctx, cancel := context.WithCancel(t.Context())
		err := store.Serializable(ctx, w.Store, cedar.System(), func(tx store.ExclusiveTx) error {
			cancel()
			return tx.Exec(ctx, `SELECT 1`)
		})
		if !errors.Is(err, context.Canceled) {
			t.Fatalf("cancelled in between: %v", err)
		}
		ctx, cancel = context.WithCancel(t.Context())
		err = store.Serializable(ctx, w.Store, cedar.System(), func(store.ExclusiveTx) error { cancel(); return nil })
		if !errors.Is(err, context.Canceled) {
			t.Fatalf("cancelled before the commit: %v", err)
		}
	}
	late, stop := context.WithDeadline(t.Context(), time.Now().Add(50*time.Millisecond))
	defer stop()
	err := store.Serializable(late, w.Store, cedar.System(), func(tx store.ExclusiveTx) error {
		return tx.Exec(late, `SELECT pg_sleep(30)`)
	})
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("past its deadline: %v", err)
	}
	slow := w.StoreWith(w.Pool(postgres.PoolOptions{StatementTimeout: 20 * time.Millisecond}), store.Options{})
	err = store.Serializable(t.Context(), slow, cedar.System(), func(tx store.ExclusiveTx) error {
		return tx.Exec(t.Context(), `SELECT pg_sleep(30)`)
	})
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("past the server's own limit: %v", err)
	}
}

func TestPing(t *testing.T) {
	t.Parallel()
	w := factory.New(t)
	if err := w.Store.Ping(t.Context()); err != nil {
		t.Error(err)
	}
	if pending := must(w.Store.PendingMigrations(t.Context()))(t); len(pending) > 0 {
		t.Errorf("pending: %v", pending)
	}
	pool := w.Pool(postgres.PoolOptions{})
	gone := w.StoreWith(pool, store.Options{})
	pool.Close()
	wantCode(t, gone.Ping(t.Context()), models.CodeInternal)
	_, err := gone.Customer(t.Context(), w.Tenant("cedar").System())
	wantCode(t, err, models.CodeInternal)
	_, err = gone.PendingMigrations(t.Context())
	wantCode(t, err, models.CodeInternal)
}

// A zero Options is usable.
func TestNew_Defaults(t *testing.T) {
	t.Parallel()
	w := factory.New(t)
	s := store.New(w.DB.App, store.Options{})
	t.Cleanup(func() { _ = s.Close() })
	before := time.Now().Add(-time.Millisecond)
	customer := must(s.CreateCustomer(t.Context(), models.NewCustomer{Slug: "cedar", Name: "Cedar"}))(t)
	if customer.CreatedAt.Before(before) || customer.CreatedAt.After(time.Now()) || customer.CreatedAt.Location() != time.UTC {
		t.Errorf("created at %v", customer.CreatedAt)
	}
	if customer.ID.UUID().Version() != 7 {
		t.Errorf("identifier %s", customer.ID.UUID())
	}
}
