package store_test

import (
	"bytes"
	"context"
	"log/slog"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"
	"github.com/shopspring/decimal"

	"upstream/internal/factory"
	"upstream/internal/postgres"
	"upstream/models"
	"upstream/store"
)

// tester is what *testing.T and *rapid.T have in common here.
type tester interface {
	Helper()
	Errorf(format string, args ...any)
	Fatal(args ...any)
	Fatalf(format string, args ...any)
}

// must is the value of a call that may not fail.
func must[T any](v T, err error) func(tester) T {
	return func(t tester) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func wantCode(t tester, err error, want models.Code) *models.Error {
	t.Helper()
	if err == nil {
		t.Fatalf("no error, want %s", want)
	}
	e := models.AsError(err)
	if e.Code != want {
		t.Fatalf("error is %s, want %s: %v", e.Code, want, err)
	}
	return e
}

// fieldPaths are the fields an error names, each with its code.
func fieldPaths(e *models.Error) []string {
	var paths []string
	for _, f := range e.Fields {
		paths = append(paths, f.Path+":"+f.Code)
	}
	return paths
}

// equal compares structures that hold decimals, dates and identifiers.
func equal(t tester, what string, want, got any) {
	t.Helper()
	if diff := cmp.Diff(want, got, comparers...); diff != "" {
		t.Errorf("%s: want (-), got (+):\n%s", what, diff)
	}
}

var comparers = []cmp.Option{
	cmp.Comparer(func(a, b decimal.Decimal) bool { return a.Equal(b) }),
	cmp.Comparer(func(a, b models.Date) bool { return a == b }),
	cmp.Comparer(func(a, b models.Month) bool { return a == b }),
	cmp.Comparer(func(a, b models.UploadID) bool { return a == b }),
	cmp.Comparer(func(a, b models.ClaimID) bool { return a == b }),
	cmp.Comparer(func(a, b models.ReportRunID) bool { return a == b }),
	cmp.Comparer(func(a, b models.DriftEventID) bool { return a == b }),
	cmp.Comparer(func(a, b models.CustomerID) bool { return a == b }),
	cmp.Comparer(func(a, b models.UserID) bool { return a == b }),
	cmp.Comparer(func(a, b models.MembershipID) bool { return a == b }),
}

// everyRow is a page that holds any list of these tests.
func everyRow[F models.OrderField]() models.List[F] {
	return models.List[F]{Page: models.Page{Limit: 100_000}}
}

// buffer is a log that goroutines may write to.
type buffer struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}

func (b *buffer) logger() *slog.Logger {
	return slog.New(slog.NewTextHandler(b, &slog.HandlerOptions{Level: slog.LevelDebug}))
}

// statement is one statement as the driver sent it.
type statement struct {
	sql  string
	args []any
}

// tracer remembers statements and lets a test act before one of them.
type tracer struct {
	mu     sync.Mutex
	seen   []statement
	before func(sql string)
}

func (r *tracer) TraceQueryStart(ctx context.Context, _ *pgx.Conn, data pgx.TraceQueryStartData) context.Context {
	r.mu.Lock()
	r.seen = append(r.seen, statement{data.SQL, data.Args})
	before := r.before
	r.mu.Unlock()
	if before != nil {
		before(data.SQL)
	}
	return ctx
}

func (r *tracer) TraceQueryEnd(context.Context, *pgx.Conn, pgx.TraceQueryEndData) {}

// TraceBatchStart implements pgx.BatchTracer.
func (r *tracer) TraceBatchStart(ctx context.Context, conn *pgx.Conn, data pgx.TraceBatchStartData) context.Context {
	for _, q := range data.Batch.QueuedQueries {
		r.TraceQueryStart(ctx, conn, pgx.TraceQueryStartData{SQL: q.SQL, Args: q.Arguments})
	}
	return ctx
}

func (r *tracer) TraceBatchQuery(context.Context, *pgx.Conn, pgx.TraceBatchQueryData) {}

func (r *tracer) TraceBatchEnd(context.Context, *pgx.Conn, pgx.TraceBatchEndData) {}

// take returns what was seen since the last call.
func (r *tracer) take() []statement {
	r.mu.Lock()
	defer r.mu.Unlock()
	seen := r.seen
	r.seen = nil
	return seen
}

func (r *tracer) on(before func(sql string)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.before = before
}

// traced points the World's store at a pool whose statements are seen.
func traced(w *factory.World) *tracer {
	r := &tracer{}
	w.Store = w.StoreWith(w.Pool(postgres.PoolOptions{Tracer: r}), store.Options{})
	return r
}

// asOwner runs a statement as the owner of the tables, for whom row-level
// security is in force as well, within the customer.
func asOwner(t testing.TB, tenant *factory.Tenant, sql string, args ...any) error {
	t.Helper()
	return pgx.BeginFunc(context.Background(), tenant.DB.Owner, func(tx pgx.Tx) error {
		if err := within(tx, tenant.Customer.ID); err != nil {
			return err
		}
		_, err := tx.Exec(context.Background(), sql, args...)
		return err
	})
}

// within binds the rest of a transaction to a customer.
func within(tx pgx.Tx, customer models.CustomerID) error {
	_, err := tx.Exec(context.Background(), `SELECT set_config('app.customer_id', $1, true)`, customer.UUID().String())
	return err
}
