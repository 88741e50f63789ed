package store_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/jackc/pgx/v5/pgxpool"

	"upstream/internal/factory"
	"upstream/internal/postgres"
	"upstream/models"
	"upstream/store"
)

// resident is a customer of TestTenancy_OneConnectionInterleaved. Whatever it
// stores carries its slug, so that a row in the wrong place shows.
type resident struct {
	viewer models.Viewer
	slug   string
	upload models.UploadID
	run    models.ReportRunID
	claim  models.ClaimID
	// mappings and uploads count what was committed for it.
	mappings, uploads atomic.Int64
}

// street is several customers behind one connection.
type street struct {
	*testing.T
	store     *store.Store
	pool      *pgxpool.Pool
	residents []*resident
	seq       atomic.Int64
	done      map[string]*atomic.Int64
}

var errOnPurpose = errors.New("on purpose")

// step is one thing that happens for a resident, beside a neighbour.
type step struct {
	name string
	// weight is how often it happens, as a share of the sum.
	weight int
	// fails says that it must end in an error (or a panic).
	fails bool
	do    func(ctx context.Context, s *street, me, other *resident) error
}

// steps are reads, writes, and the ways in which a transaction can go wrong.
func steps() []step {
	return []step{
		{"upload", 20, false, readOwnUpload},
		{"another's upload", 15, true, func(ctx context.Context, s *street, me, other *resident) error {
			_, err := s.store.Upload(ctx, me.viewer, other.upload)
			return err
		}},
		{"list of uploads", 10, false, listUploads},
		{"list of claims", 10, false, listClaims},
		{"uploads by identifiers", 10, false, uploadsByID},
		{"runs by identifiers", 10, false, runsByID},
		{"system", 5, false, func(ctx context.Context, s *street, me, _ *resident) error {
			_, err := s.store.CustomerBySlug(ctx, me.slug)
			return err
		}},
		{"write", 8, false, writeMapping},
		{"conflict", 3, true, func(ctx context.Context, s *street, me, _ *resident) error {
			_, err := s.store.CreatePayerMapping(ctx, me.viewer, models.NewPayerMapping{RawName: "shared", NormalizedName: "again"})
			return err
		}},
		{"copy", 2, false, ingestOne},
		{"broken copy", 1, true, func(ctx context.Context, s *street, me, _ *resident) error {
			_, err := s.store.Ingest(ctx, me.viewer, models.NewUpload{Filename: me.slug, Source: models.UploadSourceAPI}, &torn{})
			return err
		}},
		{"refused file", 1, true, func(ctx context.Context, s *street, me, _ *resident) error {
			_, err := s.store.Ingest(ctx, me.viewer, models.NewUpload{Filename: me.slug, Source: models.UploadSourceAPI}, strings.NewReader("no,claims\n1,2\n"))
			return err
		}},
		{"cancelled before", 2, true, func(ctx context.Context, s *street, me, _ *resident) error {
			ctx, cancel := context.WithCancel(ctx)
			cancel()
			_, err := s.store.Upload(ctx, me.viewer, me.upload)
			return err
		}},
		{"cancelled within", 1, true, func(ctx context.Context, s *street, me, _ *resident) error {
			ctx, cancel := context.WithCancel(ctx)
			defer cancel()
			return store.Audited(ctx, s.store, me.viewer, nil, func(tx store.ExclusiveTx) error {
				cancel()
				return tx.Exec(ctx, `SELECT 1`)
			})
		}},
		{"cancelled before commit", 2, true, func(ctx context.Context, s *street, me, _ *resident) error {
			ctx, cancel := context.WithCancel(ctx)
			defer cancel()
			return store.Serializable(ctx, s.store, me.viewer, func(store.ExclusiveTx) error {
				cancel()
				return nil
			})
		}},
		{"error", 3, true, func(ctx context.Context, s *street, me, _ *resident) error {
			return store.Audited(ctx, s.store, me.viewer, nil, func(tx store.ExclusiveTx) error {
				return errors.Join(tx.Exec(ctx, `UPDATE payer_mappings SET normalized_name = 'rolled back'`), errOnPurpose)
			})
		}},
		{"aborted", 3, true, func(ctx context.Context, s *street, me, _ *resident) error {
			return store.Audited(ctx, s.store, me.viewer, nil, func(tx store.ExclusiveTx) error {
				_ = tx.Exec(ctx, `SELECT 1/0`)
				return nil // and the commit finds out
			})
		}},
		{"panic", 3, true, panicWithin},
		{"savepoints", 3, false, rollBackToSavepoint},
		{"foreign row", 3, true, func(ctx context.Context, s *street, me, other *resident) error {
			return store.Serializable(ctx, s.store, me.viewer, func(tx store.ExclusiveTx) error {
				return tx.Exec(ctx, `INSERT INTO upload_rejections (customer_id, upload_id, row_number, "column", code, message)
					VALUES (?, ?, 1, '', 'REQUIRED', 'foreign')`, other.viewer.CustomerID.UUID().String(), other.upload.UUID().String())
			})
		}},
		{"local settings", 3, false, func(ctx context.Context, s *street, me, _ *resident) error {
			return store.Serializable(ctx, s.store, me.viewer, func(tx store.ExclusiveTx) error {
				return errors.Join(tx.Exec(ctx, `SET LOCAL statement_timeout = '17s'`), tx.Exec(ctx, `SET LOCAL search_path = pg_catalog`))
			})
		}},
		{"claim", 3, false, func(ctx context.Context, s *street, me, _ *resident) error {
			c, err := s.store.Claim(ctx, me.viewer, me.claim) // leaves a line in the log
			if err == nil && c.Payer != me.slug {
				s.Errorf("%s reads the claim %s of %s", me.slug, c.Payer, c.CustomerID)
			}
			return err
		}},
		{"another's claim", 3, true, func(ctx context.Context, s *street, me, other *resident) error {
			_, err := s.store.Claim(ctx, me.viewer, other.claim)
			return err
		}},
		{"look", 3, false, func(ctx context.Context, s *street, me, _ *resident) error {
			return store.Looked(ctx, s.store, me.viewer, func(tx store.ExclusiveTx) error { return s.sees(ctx, tx, me) })
		}},
		{"failing look", 3, true, func(ctx context.Context, s *street, me, _ *resident) error {
			return store.Looked(ctx, s.store, me.viewer, func(tx store.ExclusiveTx) error {
				_, err := tx.Count(ctx, `SELECT 1/0`)
				return errors.Join(err, s.sees(ctx, tx, me)) // each statement stands alone
			})
		}},
		{"look that writes", 2, true, func(ctx context.Context, s *street, me, _ *resident) error {
			return store.Looked(ctx, s.store, me.viewer, func(tx store.ExclusiveTx) error {
				_, err := tx.Values(ctx, `UPDATE payer_mappings SET normalized_name = 'written' RETURNING id`)
				return err
			})
		}},
		{"cancelled look", 2, true, func(ctx context.Context, s *street, me, _ *resident) error {
			ctx, cancel := context.WithCancel(ctx)
			defer cancel()
			return store.Looked(ctx, s.store, me.viewer, func(tx store.ExclusiveTx) error {
				cancel()
				_, err := tx.Count(ctx, `SELECT count(*) FROM uploads`)
				return err
			})
		}},
		{"panic in a look", 2, true, func(ctx context.Context, s *street, me, _ *resident) (err error) {
			defer func() {
				if cause := recover(); cause == errOnPurpose { //nolint:errorlint // the value itself was thrown
					err = errOnPurpose
				}
			}()
			return store.Looked(ctx, s.store, me.viewer, func(store.ExclusiveTx) error { panic(errOnPurpose) })
		}},
		{"exclusive", 1, false, func(ctx context.Context, s *street, me, _ *resident) error {
			return store.Exclusive(ctx, s.store, me.viewer, func(tx store.ExclusiveTx) error { return s.sees(ctx, tx, me) })
		}},
	}
}

// torn is a file that breaks off while it is copied: the first reading, which
// only hashes it, finds it whole.
type torn struct {
	rewound bool
	text    strings.Reader
}

// Read implements io.Reader.
func (f *torn) Read(p []byte) (int, error) {
	n, err := f.text.Read(p)
	if errors.Is(err, io.EOF) && f.rewound {
		return n, errOnPurpose
	}
	return n, err
}

// Seek implements io.Seeker.
func (f *torn) Seek(int64, int) (int64, error) {
	f.rewound = true
	f.text.Reset("claim_number,payer,cpt,submitted_date,decided_date,outcome\nT-1,torn,99213,2026-05-01,2026-05-15,PAID\n")
	return 0, nil
}

func readOwnUpload(ctx context.Context, s *street, me, _ *resident) error {
	u, err := s.store.Upload(ctx, me.viewer, me.upload)
	if err == nil && (u.CustomerID != me.viewer.CustomerID || !strings.HasPrefix(u.Filename, me.slug)) {
		s.Errorf("%s reads the upload %s of %s", me.slug, u.Filename, u.CustomerID)
	}
	return err
}

func listUploads(ctx context.Context, s *street, me, _ *resident) error {
	ten := models.List[models.UploadOrderField]{Page: models.Page{Limit: 10}}
	uploads, err := s.store.Uploads(ctx, me.viewer, models.UploadFilter{}, ten)
	if err != nil {
		return err
	}
	for _, u := range uploads.Items {
		if u.CustomerID != me.viewer.CustomerID || !strings.HasPrefix(u.Filename, me.slug) {
			s.Errorf("%s lists the upload %s of %s", me.slug, u.Filename, u.CustomerID)
		}
	}
	if len(uploads.Items) == 0 {
		s.Errorf("%s lists no upload", me.slug)
	}
	return nil
}

func listClaims(ctx context.Context, s *street, me, _ *resident) error {
	ten := models.List[models.ClaimOrderField]{Page: models.Page{Limit: 10}}
	claims, err := s.store.Claims(ctx, me.viewer, models.ClaimFilter{}, ten)
	if err != nil {
		return err
	}
	for _, c := range claims.Items {
		if c.CustomerID != me.viewer.CustomerID || !strings.HasPrefix(c.Payer, me.slug) {
			s.Errorf("%s lists the claim %s of %s", me.slug, c.Payer, c.CustomerID)
		}
	}
	if len(claims.Items) == 0 {
		s.Errorf("%s lists no claim", me.slug)
	}
	return nil
}

func uploadsByID(ctx context.Context, s *street, me, other *resident) error {
	found, err := s.store.UploadsByID(ctx, me.viewer, []models.UploadID{me.upload, other.upload})
	if err == nil && (len(found) != 1 || found[me.upload] == nil) {
		s.Errorf("%s finds %v", me.slug, found)
	}
	return err
}

func runsByID(ctx context.Context, s *street, me, other *resident) error {
	runs, err := s.store.ReportRunsByID(ctx, me.viewer, []models.ReportRunID{other.run, me.run})
	if err == nil && (len(runs) != 1 || runs[me.run] == nil) {
		s.Errorf("%s finds %v", me.slug, runs)
	}
	return err
}

func writeMapping(ctx context.Context, s *street, me, _ *resident) error {
	in := models.NewPayerMapping{RawName: fmt.Sprintf("%s %d", me.slug, s.seq.Add(1)), NormalizedName: me.slug}
	m, err := s.store.CreatePayerMapping(ctx, me.viewer, in)
	if err == nil {
		me.mappings.Add(1)
		if m.CustomerID != me.viewer.CustomerID {
			s.Errorf("%s wrote for %s", me.slug, m.CustomerID)
		}
	}
	return err
}

func ingestOne(ctx context.Context, s *street, me, _ *resident) error {
	// Claim numbers are the same for everybody: only one's own can be taken.
	text := fmt.Sprintf("claim_number,payer,cpt,submitted_date,decided_date,outcome\nN-%d,%s,99213,2026-05-01,2026-05-15,PAID\n",
		me.uploads.Add(1), me.slug)
	in := models.NewUpload{Filename: me.slug + ".csv", Source: models.UploadSourceAPI}
	u, err := s.store.Ingest(ctx, me.viewer, in, strings.NewReader(text))
	if err == nil && u.AcceptedRowCount != 1 {
		s.Errorf("%s ingests %d rows", me.slug, u.AcceptedRowCount)
	}
	return err
}

func panicWithin(ctx context.Context, s *street, me, _ *resident) (err error) {
	defer func() {
		if cause := recover(); cause == errOnPurpose { //nolint:errorlint // the value itself was thrown
			err = errOnPurpose
		}
	}()
	return store.Audited(ctx, s.store, me.viewer, nil, func(tx store.ExclusiveTx) error {
		if err := tx.Exec(ctx, `DELETE FROM payer_mappings`); err != nil {
			return err
		}
		panic(errOnPurpose)
	})
}

// rollBackToSavepoint rolls back to one: what was set before it is still in force.
func rollBackToSavepoint(ctx context.Context, s *street, me, _ *resident) error {
	return store.Serializable(ctx, s.store, me.viewer, func(tx store.ExclusiveTx) error {
		for _, statement := range []string{`SAVEPOINT a`, `DELETE FROM payer_mappings`} {
			if err := tx.Exec(ctx, statement); err != nil {
				return err
			}
		}
		_ = tx.Exec(ctx, `SELECT 1/0`)
		if err := tx.Exec(ctx, `ROLLBACK TO a`); err != nil {
			return err
		}
		return s.sees(ctx, tx, me)
	})
}

// sees demands that a transaction sees the resident's rows and no others.
func (s *street) sees(ctx context.Context, tx store.ExclusiveTx, me *resident) error {
	for want, condition := range map[bool]string{true: "=", false: "<>"} {
		n, err := tx.Count(ctx, `SELECT (SELECT count(*) FROM uploads WHERE customer_id `+condition+` ?0)
			+ (SELECT count(*) FROM payer_mappings WHERE customer_id `+condition+` ?0)`, me.viewer.CustomerID.UUID().String())
		if err != nil {
			return err
		}
		if (n > 0) != want {
			s.Errorf("%s sees %d rows whose customer is %s it", me.slug, n, condition)
		}
	}
	return nil
}

// checkNextBorrower takes the connection as whoever comes next: it has to be
// outside of any transaction, say nothing of a customer and see no row.
func (s *street) checkNextBorrower(ctx context.Context, after string) {
	s.Helper()
	var customer, system, timeout, path, role string
	var rows, temporary int
	conn, err := s.pool.Acquire(ctx)
	if err != nil {
		s.Errorf("after %s: %v", after, err)
		return
	}
	defer conn.Release()
	status := conn.Conn().PgConn().TxStatus()
	err = conn.QueryRow(ctx, `SELECT coalesce(current_setting('app.customer_id', true), ''), coalesce(current_setting('app.system', true), ''),
		current_setting('statement_timeout'), current_setting('search_path'), current_user,
		(SELECT count(*) FROM uploads) + (SELECT count(*) FROM memberships) + (SELECT count(*) FROM payer_mappings),
		(SELECT count(*) FROM pg_class WHERE relnamespace = pg_my_temp_schema() AND relkind = 'r')`).
		Scan(&customer, &system, &timeout, &path, &role, &rows, &temporary)
	if err != nil {
		s.Errorf("after %s: %v", after, err)
		return
	}
	left := fmt.Sprintf("%q %q %q %q %q %d %d %c", customer, system, timeout, path, role, rows, temporary, status)
	if want := `"" "" "1min" "\"$user\", public" "upstream_app" 0 0 I`; left != want {
		s.Errorf("after %s the next borrower finds %s, want %s", after, left, want)
	}
}

// populate gives every resident an upload, a run and one row that all have.
func (s *street) populate(w *factory.World, residents int) {
	s.Helper()
	for i := range residents {
		tenant := w.Tenant(fmt.Sprintf("house-%c", 'a'+i))
		me := &resident{viewer: tenant.System(), slug: tenant.Customer.Slug}
		upload := tenant.UploadRow(func(u *models.Upload) { u.Filename = me.slug + " first.csv" })
		run := tenant.RunRow()
		claim := tenant.ClaimRow(upload.ID, func(c *models.Claim) { c.Payer = me.slug })
		tenant.Insert(upload, run, claim)
		me.upload, me.run, me.claim = upload.ID, run.ID, claim.ID
		in := models.NewPayerMapping{RawName: "shared", NormalizedName: me.slug}
		must(w.Store.CreatePayerMapping(s.Context(), me.viewer, in))(s)
		s.residents = append(s.residents, me)
	}
}

// choose draws one of the steps by weight.
func choose(random *rand.Rand, all []step) step {
	total := 0
	for _, st := range all {
		total += st.weight
	}
	at := random.IntN(total)
	for _, st := range all {
		if at -= st.weight; at < 0 {
			return st
		}
	}
	return all[0]
}

// work is what one of several goroutines does with the connection.
func (s *street) work(random *rand.Rand, operations int) {
	all := steps()
	for range operations {
		at := random.IntN(len(s.residents))
		me, other := s.residents[at], s.residents[(at+1+random.IntN(len(s.residents)-1))%len(s.residents)]
		st := choose(random, all)
		err := st.do(s.Context(), s, me, other)
		if (err != nil) != st.fails {
			s.Errorf("%s of %s beside %s: %v", st.name, me.slug, other.slug, err)
		}
		s.done[st.name].Add(1)
		if odds := map[bool]int{true: 2, false: 10}[st.fails]; random.IntN(odds) == 0 {
			s.checkNextBorrower(s.Context(), st.name)
		}
	}
}

// One connection serves everybody, one after another, as behind a pooler: what
// a transaction was bound to must be gone in the next, however it ended.
func TestTenancy_OneConnectionInterleaved(t *testing.T) {
	t.Parallel()
	const residents, workers = 4, 5
	operations := 10_000
	if testing.Short() {
		operations = 1_000
	}
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	w := factory.New(t)
	s := &street{T: t, pool: w.Pool(postgres.PoolOptions{MaxConns: 1}), done: map[string]*atomic.Int64{}}
	s.store = w.StoreWith(s.pool, store.Options{Logger: slog.New(slog.DiscardHandler)})
	s.populate(w, residents)
	for _, st := range steps() {
		s.done[st.name] = new(atomic.Int64)
	}
	var wg sync.WaitGroup
	for worker := range uint64(workers) {
		wg.Go(func() { s.work(rand.New(rand.NewPCG(seed, worker)), operations/workers) })
	}
	wg.Wait()
	s.checkEnd(w)
}

// checkEnd counts what is stored: everything that was committed, for whom it
// was, and nothing that was not.
func (s *street) checkEnd(w *factory.World) {
	s.Helper()
	for name, n := range s.done {
		if n.Load() == 0 {
			s.Errorf("%s never happened", name)
		}
	}
	for _, me := range s.residents {
		tenant := &factory.Tenant{World: w, Customer: &models.Customer{ID: me.viewer.CustomerID}}
		const stored = `SELECT (SELECT count(*) FROM payer_mappings) || ' ' || (SELECT count(*) FROM claims)
			|| ' ' || (SELECT count(*) FROM payer_mappings WHERE normalized_name <> ?0) || ' ' || (SELECT count(*) FROM claims WHERE payer <> ?0)`
		got := factory.Query[string](tenant, stored, me.slug)
		if want := fmt.Sprintf("%d %d 0 0", me.mappings.Load()+1, me.uploads.Load()+1); got != want {
			s.Errorf("%s holds %s, want %s", me.slug, got, want)
		}
	}
}
