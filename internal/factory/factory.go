// Package factory builds rows for tests: customers, users of every role,
// claims by the normal ingestion path, and rows of any table inserted as they
// are. For tests only; it may import what they test.
package factory

import (
	"bytes"
	"context"
	"encoding/csv"
	"fmt"
	"io"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/pgdialect"

	"upstream/internal/postgres"
	"upstream/internal/secrets"
	"upstream/internal/testdb"
	"upstream/internal/webhook"
	"upstream/models"
	"upstream/models/claimfile"
	"upstream/store"
)

// World is one test's database and the store on it.
type World struct {
	testing.TB
	DB    *testdb.DB
	Store *store.Store

	bun *bun.DB
	seq atomic.Int64
}

// Now is the clock of every World: a fixed instant, so that windows and ages
// in tests do not depend on the day they run.
func Now() time.Time { return time.Date(2026, time.June, 15, 12, 0, 0, 0, time.UTC) }

// Today is the day of Now.
func Today() models.Date { return models.DateOf(Now()) }

// New makes a World of its own for the test.
func New(t testing.TB) *World {
	t.Helper()
	db := testdb.New(t)
	groups, err := claimfile.DefaultGroups()
	if err != nil {
		t.Fatal(err)
	}
	w := &World{
		TB: t, DB: db,
		Store: store.New(db.App, store.Options{Now: Now, Groups: groups, Sealer: Sealer(t), Webhooks: Webhooks(t)}),
		bun:   bun.NewDB(stdlib.OpenDBFromPool(db.App), pgdialect.New()),
	}
	closeAfter(t, w.Store)
	closeAfter(t, w.bun)
	return w
}

func closeAfter(t testing.TB, c io.Closer) {
	t.Helper()
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	})
}

// Sealer seals with a key for tests, the same each time.
func Sealer(t testing.TB) *secrets.Sealer {
	t.Helper()
	sealer, err := secrets.New([]byte("a secret key for tests, 32 bytes"))
	if err != nil {
		t.Fatal(err)
	}
	return sealer
}

// Webhooks are the rules of an installation that may also send to this machine,
// without TLS and on any port.
func Webhooks(t testing.TB) webhook.Policy {
	t.Helper()
	allowed, err := webhook.ParseAllow([]string{"127.0.0.1/32", "::1/128"})
	if err != nil {
		t.Fatal(err)
	}
	return webhook.NewPolicy(webhook.NewGuard(webhook.Targets{Allow: allowed}))
}

// StoreWith is another store on the World's database, with the World's clock,
// CPT groups, targets and key unless opts names others.
func (w *World) StoreWith(pool *pgxpool.Pool, opts store.Options) *store.Store {
	w.Helper()
	if opts.Now == nil {
		opts.Now = Now
	}
	if opts.Sealer == nil {
		opts.Sealer = Sealer(w)
	}
	if opts.Webhooks == nil {
		opts.Webhooks = Webhooks(w)
	}
	groups, err := claimfile.DefaultGroups()
	if err != nil {
		w.Fatal(err)
	}
	opts.Groups = groups
	s := store.New(pool, opts)
	closeAfter(w, s)
	return s
}

// Pool opens a pool of the application's role with these options; it is closed
// at the end of the test.
func (w *World) Pool(opts postgres.PoolOptions) *pgxpool.Pool {
	w.Helper()
	opts.Lazy = true
	pool, err := postgres.OpenPool(context.Background(), w.DB.AppURL, opts)
	if err != nil {
		w.Fatal(err)
	}
	w.Cleanup(pool.Close)
	return pool
}

// Tenant is a customer and the ways to act for it.
type Tenant struct {
	*World
	Customer *models.Customer
}

// Tenant creates a customer.
func (w *World) Tenant(slug string) *Tenant {
	w.Helper()
	customer, err := w.Store.CreateCustomer(context.Background(), models.NewCustomer{Slug: slug, Name: "Clinic " + slug})
	if err != nil {
		w.Fatal(err)
	}
	return &Tenant{World: w, Customer: customer}
}

// User creates a user of the customer and answers with who that is as a viewer.
func (t *Tenant) User(role models.Role) models.Viewer {
	t.Helper()
	return t.UserWithHash(role, "not a hash: nobody signs in with it")
}

// UserWithHash is User for tests that sign in.
func (t *Tenant) UserWithHash(role models.Role, hash string) models.Viewer {
	t.Helper()
	email := fmt.Sprintf("%s%d@%s.test", role, t.seq.Add(1), t.Customer.Slug)
	user, err := t.Store.CreateUser(context.Background(), t.Customer.ID, models.NewUser{Email: email, PasswordHash: hash, Role: role})
	if err != nil {
		t.Fatal(err)
	}
	return models.Viewer{UserID: user.ID, Email: email, CustomerID: t.Customer.ID, Role: role}
}

// System is the operator acting for the customer.
func (t *Tenant) System() models.Viewer { return models.SystemViewer(t.Customer.ID) }

// APIKey makes a key with these scopes.
func (t *Tenant) APIKey(scopes ...models.Scope) *models.IssuedAPIKey {
	t.Helper()
	issued, err := t.Store.CreateAPIKey(context.Background(), t.System(), models.NewAPIKey{
		Name: fmt.Sprintf("key %d", t.seq.Add(1)), Scopes: scopes,
	})
	if err != nil {
		t.Fatal(err)
	}
	return issued
}

// Batch describes equal claims: Count of them, decided on the days from
// FirstDay on, one day after another and round again.
type Batch struct {
	Payer    string
	CPT      string
	Outcome  models.Outcome
	Count    int
	FirstDay models.Date
	// Days is over how many days decisions spread; 1 when zero.
	Days int
	// Wait is the days from submission to decision.
	Wait int
	// Billed is USD, without cents.
	Billed int
}

// CSV writes the batches as a claims file in which no two rows are alike.
func (w *World) CSV(batches ...Batch) []byte {
	var out bytes.Buffer
	rows := csv.NewWriter(&out)
	_ = rows.Write([]string{"claim_number", "payer", "cpt", "submitted_date", "decided_date", "outcome", "billed_amount"})
	for _, b := range batches {
		for i := range b.Count {
			decided := b.FirstDay.AddDays(i % max(b.Days, 1))
			_ = rows.Write([]string{
				fmt.Sprintf("C%09d", w.seq.Add(1)), b.Payer, b.CPT, decided.AddDays(-b.Wait).String(),
				decided.String(), string(b.Outcome), strconv.Itoa(b.Billed),
			})
		}
	}
	rows.Flush()
	return out.Bytes()
}

// Ingest stores the batches by the normal path.
func (t *Tenant) Ingest(batches ...Batch) *models.Upload {
	t.Helper()
	in := models.NewUpload{Filename: fmt.Sprintf("claims-%d.csv", t.seq.Add(1)), Source: models.UploadSourceAPI}
	upload, err := t.Store.Ingest(context.Background(), t.System(), in, bytes.NewReader(t.CSV(batches...)))
	if err != nil {
		t.Fatal(err)
	}
	return upload
}

// IngestText sends a text as a claims file by the normal path.
func (t *Tenant) IngestText(text string) (*models.Upload, error) {
	in := models.NewUpload{Filename: fmt.Sprintf("claims-%d.csv", t.seq.Add(1)), Source: models.UploadSourceAPI}
	return t.Store.Ingest(context.Background(), t.System(), in, strings.NewReader(text))
}

// Drifting is two windows of claims around Today in which one payer's denial
// rate rises from 10 to 40 percent while another's stays at 10.
func (t *Tenant) Drifting() *models.Upload {
	t.Helper()
	baseline, current := Today().AddDays(-104), Today().AddDays(-14)
	mixed := func(payer string, first models.Date, days, paid, denied int) []Batch {
		b := Batch{Payer: payer, CPT: "99213", FirstDay: first, Days: days, Wait: 10, Billed: 200}
		b.Count, b.Outcome = paid, models.OutcomePaid
		d := b
		d.Count, d.Outcome = denied, models.OutcomeDenied
		return []Batch{b, d}
	}
	var batches []Batch
	batches = append(batches, mixed("Payer A", baseline, 90, 270, 30)...)
	batches = append(batches, mixed("Payer A", current, 14, 60, 40)...)
	batches = append(batches, mixed("Payer B", baseline, 90, 270, 30)...)
	batches = append(batches, mixed("Payer B", current, 14, 90, 10)...)
	return t.Ingest(batches...)
}

// Insert stores rows as they are, under the customer's row-level security.
// Each model is a pointer to a struct or slice that bun knows.
func (t *Tenant) Insert(rows ...any) {
	t.Helper()
	ctx := context.Background()
	err := t.bun.RunInTx(ctx, nil, func(ctx context.Context, tx bun.Tx) error {
		if _, err := tx.ExecContext(ctx, `SELECT set_config('app.customer_id', ?, true)`, t.Customer.ID.UUID().String()); err != nil {
			return err
		}
		for _, row := range rows {
			if _, err := tx.NewInsert().Model(row).Exec(ctx); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// Query runs one query that answers with a single value, under the customer's
// row-level security.
func Query[T any](t *Tenant, query string, args ...any) T {
	t.Helper()
	ctx := context.Background()
	var value T
	err := t.bun.RunInTx(ctx, nil, func(ctx context.Context, tx bun.Tx) error {
		if _, err := tx.ExecContext(ctx, `SELECT set_config('app.customer_id', ?, true)`, t.Customer.ID.UUID().String()); err != nil {
			return err
		}
		return tx.QueryRowContext(ctx, query, args...).Scan(&value)
	})
	if err != nil {
		t.Fatal(err)
	}
	return value
}
