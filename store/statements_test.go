package store_test

import (
	"context"
	"encoding/binary"
	"io"
	"net"
	"net/url"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/shopspring/decimal"

	"upstream/internal/factory"
	"upstream/internal/postgres"
	"upstream/models"
	"upstream/store"
)

// prepared are the statements that the one connection of a pool keeps.
func prepared(t *testing.T, pool *pgxpool.Pool) []string {
	t.Helper()
	rows, err := pool.Query(t.Context(), `SELECT statement FROM pg_prepared_statements`)
	if err != nil {
		t.Fatal(err)
	}
	var texts []string
	for rows.Next() {
		var text string
		if err := rows.Scan(&text); err != nil {
			t.Fatal(err)
		}
		texts = append(texts, text)
	}
	if rows.Err() != nil {
		t.Fatal(rows.Err())
	}
	return texts
}

func listsOwnClaims(t *testing.T, s *store.Store, claims map[*factory.Tenant]int) {
	t.Helper()
	list := models.List[models.ClaimOrderField]{Page: models.Page{Limit: 50}}
	for tenant, want := range claims {
		rows := must(s.Claims(t.Context(), tenant.System(), models.ClaimFilter{}, list))(t)
		equal(t, "claims of "+tenant.Customer.Slug, want, len(rows.Items))
		for _, claim := range rows.Items {
			equal(t, "customer", tenant.Customer.ID, claim.CustomerID)
		}
	}
}

func withClaims(w *factory.World) map[*factory.Tenant]int {
	claims := map[*factory.Tenant]int{w.Tenant("cedar"): 2, w.Tenant("harbor"): 3}
	for tenant, n := range claims {
		upload := tenant.UploadRow()
		tenant.Insert(upload)
		for range n {
			tenant.Insert(tenant.ClaimRow(upload.ID))
		}
	}
	return claims
}

// A list that is asked for again stays prepared with its values in it; each
// customer's is one of its own.
func TestStatements_ThatComeAgainStayPrepared(t *testing.T) {
	t.Parallel()
	w := factory.New(t)
	claims := withClaims(w)
	pool := w.Pool(postgres.PoolOptions{MaxConns: 1})
	s := w.StoreWith(pool, store.Options{})
	for range 4 {
		listsOwnClaims(t, s, claims)
	}
	texts := strings.Join(prepared(t, pool), "\n")
	for tenant := range claims {
		equal(t, "statements kept for "+tenant.Customer.Slug, 1, strings.Count(texts, tenant.Customer.ID.UUID().String()))
	}
	equal(t, "that name the customer", 1, strings.Count(texts, "'app.customer_id', $1, true"))
}

// What was prepared and is gone, or is not what it was, is done without.
func TestStatements_ThatAreOutdatedAreDoneWithout(t *testing.T) {
	t.Parallel()
	for name, meanwhile := range map[string]func(*testing.T, *factory.World, *pgxpool.Pool){
		"gone": func(t *testing.T, _ *factory.World, pool *pgxpool.Pool) {
			t.Helper()
			if _, err := pool.Exec(t.Context(), `DEALLOCATE ALL`); err != nil {
				t.Fatal(err)
			}
		},
		"a column of another type": func(t *testing.T, w *factory.World, _ *pgxpool.Pool) {
			t.Helper()
			if _, err := w.DB.Owner.Exec(t.Context(), `ALTER TABLE claims ALTER COLUMN authorization_number TYPE varchar(5000)`); err != nil {
				t.Fatal(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := factory.New(t)
			claims := withClaims(w)
			pool := w.Pool(postgres.PoolOptions{MaxConns: 1})
			s := w.StoreWith(pool, store.Options{})
			for range 3 {
				listsOwnClaims(t, s, claims)
			}
			equal(t, "prepared", true, len(prepared(t, pool)) >= 3)
			meanwhile(t, w, pool)
			for range 3 {
				listsOwnClaims(t, s, claims)
			}
		})
	}
}

// Behind a pooler, which tells its clients numbers of its own in place of those
// of the processes that happen to answer, nothing is prepared.
func TestStatements_NothingIsPreparedBehindAPooler(t *testing.T) {
	t.Parallel()
	w := factory.New(t)
	claims := withClaims(w)
	pool, err := postgres.OpenPool(t.Context(), pooled(t, w.DB.AppURL), postgres.PoolOptions{MaxConns: 1})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	s := w.StoreWith(pool, store.Options{})
	for range 4 {
		listsOwnClaims(t, s, claims)
	}
	equal(t, "prepared", 0, len(prepared(t, pool)))
}

// pooled is the address of something between a client and a server that changes
// the number of the process in what the server says.
func pooled(t *testing.T, address string) string {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	query := u.Query()
	server := filepath.Join(query.Get("host"), ".s.PGSQL."+query.Get("port"))
	directory := t.TempDir()
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "unix", filepath.Join(directory, ".s.PGSQL."+query.Get("port")))
	if err != nil {
		t.Skipf("no sockets of the file system: %v", err)
	}
	var serving sync.WaitGroup
	serving.Go(func() {
		for {
			client, err := listener.Accept()
			if err != nil {
				return
			}
			serving.Go(func() { relay(client, server) })
		}
	})
	t.Cleanup(func() { _ = listener.Close(); serving.Wait() })
	query.Set("host", directory)
	u.RawQuery = query.Encode()
	return u.String()
}

func relay(client net.Conn, server string) {
	defer func() { _ = client.Close() }()
	backend, err := (&net.Dialer{}).DialContext(context.Background(), "unix", server)
	if err != nil {
		return
	}
	defer func() { _ = backend.Close() }()
	go func() {
		_, _ = io.Copy(backend, client)
		_ = backend.Close()
	}()
	for header := make([]byte, 5); ; {
		if _, err := io.ReadFull(backend, header); err != nil {
			return
		}
		body := make([]byte, binary.BigEndian.Uint32(header[1:])-4)
		if _, err := io.ReadFull(backend, body); err != nil {
			return
		}
		if header[0] == 'K' { // the key data: process, secret
			body[3]++
		}
		if _, err := client.Write(slices.Concat(header, body)); err != nil {
			return
		}
	}
}

// Rows are the same whether they are read in binary form or by the query builder.
func TestFill_ReadsWhatTheQueryBuilderReads(t *testing.T) {
	t.Parallel()
	w := factory.New(t)
	cedar, run := inhabited(w, "cedar")
	upload := cedar.UploadRow()
	cedar.Insert(upload)
	for i, text := range []string{"", `a "b" \ {c}, 'd' ü`, "0", "-1.5"} {
		cedar.Insert(cedar.ClaimRow(upload.ID, func(c *models.Claim) {
			c.LineNumber, c.DenialReasonText, c.ModifierCodes = i+1, &text, []string{text, "25"}
			c.BilledAmount, c.AllowedAmount, c.PaidAmount = new(decimal.New(int64(i)*1_000_005, -2)), new(decimal.New(7, 0)), nil
			c.DataQualityScore = new(float64(i) / 3)
		}))
	}
	cedar.Insert(cedar.EventRow(run.ID, "A payer", func(e *models.DriftEvent) { e.QValue, e.MixEffect = new(1e-300), nil }))
	key := models.NewAPIKey{Name: "networks", Scopes: []models.Scope{models.ScopeClaimsRead}, AllowedCIDRs: []string{"10.1.0.0/16", "192.0.2.7/32", "2001:db8::/33"}}
	must(w.Store.CreateAPIKey(t.Context(), cedar.System(), key))(t)
	sameBothWays[models.Claim](t, w, cedar)
	sameBothWays[models.DriftEvent](t, w, cedar)
	sameBothWays[models.DriftTest](t, w, cedar)
	sameBothWays[models.ReportRun](t, w, cedar)
	sameBothWays[models.Upload](t, w, cedar)
	sameBothWays[models.Rejection](t, w, cedar)
	sameBothWays[models.APIKey](t, w, cedar)
	sameBothWays[models.PayerMapping](t, w, cedar)
	sameBothWays[models.CPTGroupMapping](t, w, cedar)
	sameBothWays[models.Invitation](t, w, cedar)
	sameBothWays[models.AuditEvent](t, w, cedar)
}

func sameBothWays[T any](t *testing.T, w *factory.World, tenant *factory.Tenant) {
	t.Helper()
	filled, scanned, err := store.BothWays[T](t.Context(), w.Store, tenant.System())
	if err != nil {
		t.Fatalf("%T: %v", *new(T), err)
	}
	exact := cmp.Comparer(func(a, b decimal.Decimal) bool { return a.Exponent() == b.Exponent() && a.Equal(b) })
	typed := cmp.Exporter(func(reflect.Type) bool { return true })
	if diff := cmp.Diff(scanned, filled, exact, typed); diff != "" || len(filled) == 0 {
		t.Errorf("%T, %d rows: query builder (-), binary (+):\n%s", *new(T), len(filled), diff)
	}
}
