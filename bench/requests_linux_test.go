package bench

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-chi/chi/v5"
	"github.com/jackc/pgx/v5"

	"upstream/bench/meter"
	"upstream/graph"
	"upstream/internal/auth"
	"upstream/internal/cli"
	"upstream/internal/factory"
	"upstream/internal/guard"
	"upstream/internal/obs"
	"upstream/internal/postgres"
	"upstream/internal/throttle"
	"upstream/models"
	"upstream/rest"
	"upstream/store"
)

// round is how long each of the two is measured at a time.
const round = 2 * time.Second

// requestCase is a request that is measured.
type requestCase struct {
	name string
	// path is a REST resource; query a GraphQL document with variables.
	path, query string
	variables   map[string]any
}

func (c requestCase) load(base, bearer string) load {
	if c.query == "" {
		return load{URL: base + c.path, Bearer: bearer, For: round}
	}
	body, err := json.Marshal(map[string]any{"query": c.query, "variables": c.variables})
	if err != nil {
		panic(err) // of text and numbers
	}
	return load{URL: base + "/graphql", Bearer: bearer, Body: string(body), For: round}
}

const (
	claimsQuery = `query Claims($after: String) {
  claims(first: 50, after: $after) {
    nodes { id payer cpt cptGroup submittedDate decidedDate outcome billedAmount allowedAmount denialReasonCode }
    pageInfo { hasNextPage endCursor }
  }
}`
	eventsQuery = `query Events {
  driftEvents(first: 50) {
    nodes { id payer cptGroup driftType severity confidence currentValue baselineValue deltaValue createdAt }
    pageInfo { hasNextPage endCursor }
  }
}`
	nestedQuery = `query Reports {
  reportRuns(first: 10) {
    nodes {
      id status startedAt finishedAt
      driftEvents(first: 10) { nodes { id payer cptGroup driftType severity createdAt } }
    }
  }
}`
)

// BenchmarkRequests makes the requests of the two APIs over HTTP, with one
// connection kept alive, of a customer with 300,000 of 1 million claims
// (UPSTREAM_BENCH_CLAIMS), 500 runs and 5,000 drift events; and has the same
// statements run by pgbench, in turns, so that what else the machine does falls
// on both alike. Of one request, as medians over the rounds:
//
//	ratio      processor time of server and PostgreSQL over that of pgbench and its backend
//	ratio-db   the same over that of pgbench's backend alone
//	server-µs  processor time of the server
//	db-µs      processor time of PostgreSQL for the server
//	sql-µs     processor time of pgbench's backend, and sql-client-µs of pgbench
//	req/s, sql/s  how many follow each other in a second
//
// Cases that page deep say by "times-first" what a page far behind takes of what
// the first page takes.
func BenchmarkRequests(b *testing.B) {
	s := newSite(b)
	for _, c := range []requestCase{
		{name: "graphql/claims", query: claimsQuery},
		{name: "graphql/drift-events", query: eventsQuery},
		{name: "graphql/nested", query: nestedQuery},
		{name: "rest/drift-events", path: "/api/v1/drift-events/?page_size=50"},
		{name: "rest/claims-filtered", path: "/api/v1/claims/?page_size=50&outcome=DENIED&start_date=2026-05-01&end_date=2026-05-03"},
		{name: "rest/claims-cursor", path: "/api/v1/claims/?page_size=50&cursor="},
		{name: "rest/claims-page-2000", path: "/api/v1/claims/?page_size=50&page=2000"},
		{name: "rest/payer-summary", path: "/api/v1/claims/payer_summary/"},
		{name: "rest/dashboard", path: "/api/v1/dashboard/"},
	} {
		b.Run(c.name, func(b *testing.B) { s.compare(b, c) })
	}
	b.Run("graphql/claims-deep", func(b *testing.B) {
		first := requestCase{query: claimsQuery}
		s.comparePages(b, first, requestCase{query: claimsQuery, variables: map[string]any{"after": s.deepCursor(b)}})
	})
	b.Run("rest/claims-deep", func(b *testing.B) {
		const path = "/api/v1/claims/?page_size=50&cursor="
		s.comparePages(b, requestCase{path: path}, requestCase{path: path + "n" + s.deepCursor(b)})
	})
}

// site is the program on a listener of its own.
type site struct {
	url, bearer string
	cpu         meter.Meter
	pgbench     *meter.Pgbench
	statements  *statements
	program     string
	store       *store.Store
	asked       *factory.Tenant
}

// statements are those sent to the database, while somebody wants to know.
type statements struct {
	mu   sync.Mutex
	on   bool
	sent []string
}

// TraceQueryStart implements pgx.QueryTracer.
func (s *statements) TraceQueryStart(ctx context.Context, _ *pgx.Conn, data pgx.TraceQueryStartData) context.Context {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.on {
		s.sent = append(s.sent, data.SQL)
	}
	return ctx
}

// TraceQueryEnd implements pgx.QueryTracer.
func (s *statements) TraceQueryEnd(context.Context, *pgx.Conn, pgx.TraceQueryEndData) {}

// TraceBatchStart implements pgx.BatchTracer.
func (s *statements) TraceBatchStart(ctx context.Context, conn *pgx.Conn, data pgx.TraceBatchStartData) context.Context {
	for _, q := range data.Batch.QueuedQueries {
		s.TraceQueryStart(ctx, conn, pgx.TraceQueryStartData{SQL: q.SQL})
	}
	return ctx
}

// TraceBatchQuery implements pgx.BatchTracer.
func (s *statements) TraceBatchQuery(context.Context, *pgx.Conn, pgx.TraceBatchQueryData) {}

// TraceBatchEnd implements pgx.BatchTracer.
func (s *statements) TraceBatchEnd(context.Context, *pgx.Conn, pgx.TraceBatchEndData) {}

// frame are the statements that carry no data of the customer: those that find
// out who asks, and the transaction.
var frame = regexp.MustCompile(`(?i)^\s*(begin|commit|rollback)\b|set_config\('app\.|session_account\(|use_api_key\(`)

// of are the statements with the customer's data that work sends.
func (s *statements) of(work func()) []string {
	s.mu.Lock()
	s.on, s.sent = true, nil
	s.mu.Unlock()
	work()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.on = false
	return slices.DeleteFunc(s.sent, frame.MatchString)
}

func newSite(b *testing.B) *site {
	b.Helper()
	world := factory.New(b)
	tenant := seedSite(b, world)
	program, err := os.Executable()
	if err != nil {
		b.Fatal(err)
	}
	traced := &statements{}
	pool := world.Pool(postgres.PoolOptions{MaxConns: 4, Tracer: traced})
	st := world.StoreWith(pool, store.Options{Logger: slog.New(slog.DiscardHandler)})
	handler, signIn := newProgram(b, st)
	server := httptest.NewServer(handler)
	b.Cleanup(server.Close)
	b.Cleanup(cli.ReserveHeap(os.LookupEnv)) // as the program does when it serves
	bench, err := meter.NewPgbench(b.Context(), world.DB.Owner, world.DB.AppURL, tenant.Customer.ID.UUID().String())
	if errors.Is(err, meter.ErrNoPgbench) {
		b.Skip(err)
	}
	if err != nil {
		b.Fatal(err)
	}
	return &site{
		url: server.URL, bearer: tokenOf(b, signIn, tenant), cpu: meter.New(world.DB.Owner),
		pgbench:    bench,
		statements: traced, program: program, store: st, asked: tenant,
	}
}

// newProgram is wired as the program's own.
func newProgram(b *testing.B, st *store.Store) (http.Handler, *auth.Service) {
	b.Helper()
	limits, err := throttle.New(throttle.Options{Rates: throttle.Rates{
		throttle.ReadOnly:            {Limit: throttle.MaxLimit, Window: time.Minute},
		throttle.RejectedCredentials: throttle.DefaultRates()[throttle.RejectedCredentials],
	}})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = limits.Close() })
	keys, err := auth.DeriveKeyring([]byte("0123456789abcdef0123456789abcdef"))
	if err != nil {
		b.Fatal(err)
	}
	signIn, err := auth.New(st, auth.Options{Keys: keys, Rejected: limits.Rejections(), Now: factory.Now})
	if err != nil {
		b.Fatal(err)
	}
	log := obs.NewLogger(io.Discard, obs.FormatJSON, "info")
	api, err := rest.New(st, signIn, rest.Options{Throttle: limits, Logger: log, Now: factory.Now})
	if err != nil {
		b.Fatal(err)
	}
	options := graph.Options{Logger: log, RequestID: auth.RequestID, Throttle: limits}
	root := chi.NewRouter()
	root.Handle("/graphql", signIn.Middleware(graph.Refuse(options))(graph.NewHandler(st, options)))
	root.NotFound(api.ServeHTTP)
	layers := chi.Chain(guard.Headers(false), auth.Identify, obs.AccessLog(log, auth.RequestID), guard.CORS(nil), guard.Bodies(30*time.Second))
	return layers.Handler(root), signIn
}

// seedSite stores the claims of four customers, runs and drift events, and
// answers the customer that is asked about.
func seedSite(b *testing.B, world *factory.World) *factory.Tenant {
	b.Helper()
	claims := size(b, claimsVariable, defaultClaims)
	asked, conn := world.Tenant("bench"), owner(b, world)
	others := []*factory.Tenant{world.Tenant("other-a"), world.Tenant("other-b"), world.Tenant("other-c")}
	seedClaims(b, conn, population{claims: claims * 3 / 10, payers: 60, groups: 15}, asked)
	seedClaims(b, conn, population{claims: claims * 7 / 30, payers: 60, groups: 15}, others...)
	for _, t := range append(others, asked) {
		var runs []*models.ReportRun
		var events []*models.DriftEvent
		for i := range 500 {
			at := factory.Now().Add(-time.Duration(i) * time.Hour)
			run := t.RunRow(func(r *models.ReportRun) { r.StartedAt, r.FinishedAt = at, &at })
			runs = append(runs, run)
			for j := range 10 {
				name := fmt.Sprintf("Payer of region %d", (i+7*j)%60)
				events = append(events, t.EventRow(run.ID, name, func(e *models.DriftEvent) { e.CreatedAt = at }))
			}
		}
		t.Insert(&runs, &events)
	}
	for table := range strings.FieldsSeq("report_runs drift_events claim_days claim_payer_days claim_months") {
		if _, err := conn.Exec(context.Background(), `VACUUM ANALYZE `+table); err != nil {
			b.Fatal(err)
		}
	}
	return asked
}

// took is the processor time of one request.
type took struct {
	meter.Used

	perSecond float64
}

// run has a client make the request for one round.
func (s *site) run(b *testing.B, l load) took {
	b.Helper()
	var done loaded
	used, err := s.cpu.Of(b.Context(), func() (err error) {
		done, err = l.by(b.Context(), s.program)
		return err
	})
	if err != nil {
		b.Fatal(err)
	}
	return took{Used: used.Per(done.Requests), perSecond: float64(done.Requests) / done.Took.Seconds()}
}

// ask makes the request once, in this process.
func (s *site) ask(b *testing.B, l load) []byte {
	b.Helper()
	text, err := l.once(context.Background())
	if err != nil {
		b.Fatal(err)
	}
	return text
}

func (s *site) compare(b *testing.B, c requestCase) {
	b.Helper()
	l := c.load(s.url, s.bearer)
	s.ask(b, l) // connections and caches as they are later
	sent := s.statements.of(func() { s.ask(b, l) })
	if len(sent) == 0 {
		b.Fatal("no statement was sent")
	}
	if testing.Verbose() {
		b.Logf("%d statements:\n%s", len(sent), strings.Join(sent, "\n"))
	}
	var ours []took
	var theirs []meter.Ran
	for b.Loop() {
		ours = append(ours, s.run(b, l))
		ran, err := s.pgbench.Run(b.Context(), sent, round)
		if err != nil {
			b.Fatal(err)
		}
		theirs = append(theirs, ran)
	}
	ratio := func(of func(took, meter.Ran) float64) float64 {
		all := make([]float64, len(ours))
		for i := range ours {
			all[i] = of(ours[i], theirs[i])
		}
		return meter.Median(all)
	}
	b.ReportMetric(0, "ns/op") // elapsed time of a round says nothing
	b.ReportMetric(ratio(func(o took, t meter.Ran) float64 { return o.All().Seconds() / t.All().Seconds() }), "ratio")
	b.ReportMetric(ratio(func(o took, t meter.Ran) float64 { return o.All().Seconds() / t.Backend.Seconds() }), "ratio-db")
	b.ReportMetric(ratio(func(o took, _ meter.Ran) float64 { return microseconds(o.Program) }), "server-µs")
	b.ReportMetric(ratio(func(o took, _ meter.Ran) float64 { return microseconds(o.Database) }), "db-µs")
	b.ReportMetric(ratio(func(_ took, t meter.Ran) float64 { return microseconds(t.Backend) }), "sql-µs")
	b.ReportMetric(ratio(func(_ took, t meter.Ran) float64 { return microseconds(t.Client) }), "sql-client-µs")
	b.ReportMetric(ratio(func(o took, _ meter.Ran) float64 { return o.perSecond }), "req/s")
	b.ReportMetric(ratio(func(_ took, t meter.Ran) float64 { return t.PerSecond }), "sql/s")
}

// comparePages measures a page far behind beside the first.
func (s *site) comparePages(b *testing.B, first, deep requestCase) {
	b.Helper()
	one, other := first.load(s.url, s.bearer), deep.load(s.url, s.bearer)
	s.ask(b, one)
	s.ask(b, other)
	var times, firsts, deeps []float64
	for b.Loop() {
		near, far := s.run(b, one), s.run(b, other)
		times = append(times, far.All().Seconds()/near.All().Seconds())
		firsts, deeps = append(firsts, microseconds(near.All())), append(deeps, microseconds(far.All()))
	}
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(meter.Median(times), "times-first")
	b.ReportMetric(meter.Median(firsts), "first-µs")
	b.ReportMetric(meter.Median(deeps), "deep-µs")
}

// deepCursor points at the 100,000th claim.
func (s *site) deepCursor(b *testing.B) string {
	b.Helper()
	const behind = 100_000
	page := models.List[models.ClaimOrderField]{Page: models.Page{Limit: 1, Number: behind}}
	rows, err := s.store.Claims(context.Background(), s.asked.System(), models.ClaimFilter{}, page)
	if err != nil {
		b.Fatal(err)
	}
	return rows.Cursors[0]
}

func microseconds(d time.Duration) float64 { return d.Seconds() * 1e6 }
