package bench

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"testing"
	"time"

	"upstream/bench/meter"
	"upstream/internal/auth"
	"upstream/internal/factory"
	"upstream/internal/obs"
	"upstream/internal/throttle"
	"upstream/models"
	"upstream/rest"
)

// perRound is how many requests of each kind are measured in a row.
const perRound = 300

// service is the program as far as a REST request sees it.
type service struct {
	handler http.Handler
	auth    *auth.Service
	limits  *throttle.Throttle
	cpu     meter.Meter
}

// BenchmarkRequest lists 50 drift events by REST through the whole handler, and
// beside it does alone what precedes every such request: finding out who asks,
// and drawing on their budget. "guards-%" is the share of the second in the
// first, in processor time of this process and of PostgreSQL's backends where
// the system tells it, in elapsed time elsewhere.
func BenchmarkRequest(b *testing.B) {
	world := factory.New(b)
	tenant := world.Tenant("bench")
	run := tenant.RunRow()
	tenant.Insert(run)
	for i := range 200 {
		tenant.Insert(tenant.EventRow(run.ID, fmt.Sprintf("Payer %03d", i)))
	}
	for _, credential := range []struct {
		name   string
		bearer func(*auth.Service) string
	}{
		{"token", func(s *auth.Service) string { return tokenOf(b, s, tenant) }},
		{"key", func(*auth.Service) string { return string(tenant.APIKey(models.ScopeDriftRead).Text) }},
	} {
		b.Run(credential.name, func(b *testing.B) {
			s := newService(b, world)
			compareGuards(b, s, credential.bearer(s.auth))
		})
	}
}

func newService(b *testing.B, world *factory.World) *service {
	b.Helper()
	// The command the documents give counts in process; with REDIS_URL it
	// measures this process's share of counting there.
	limits, err := throttle.New(throttle.Options{RedisURL: os.Getenv("REDIS_URL"), Rates: throttle.Rates{
		throttle.ReadOnly:            {Limit: throttle.MaxLimit, Window: time.Hour},
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
	signIn, err := auth.New(world.Store, auth.Options{Keys: keys, Rejected: limits.Rejections(), Now: factory.Now})
	if err != nil {
		b.Fatal(err)
	}
	api, err := rest.New(world.Store, signIn, rest.Options{Throttle: limits, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		b.Fatal(err)
	}
	log := obs.NewLogger(io.Discard, obs.FormatJSON, "info")
	return &service{
		handler: auth.Identify(obs.AccessLog(log, auth.RequestID)(api)), auth: signIn, limits: limits,
		cpu: meter.New(world.DB.Owner),
	}
}

func tokenOf(b *testing.B, s *auth.Service, tenant *factory.Tenant) string {
	b.Helper()
	const password = "correct horse battery"
	hash, err := auth.HashPassword(password)
	if err != nil {
		b.Fatal(err)
	}
	tokens, err := s.SignIn(context.Background(), tenant.UserWithHash(models.RoleViewer, hash).Email, password, "")
	if err != nil {
		b.Fatal(err)
	}
	return tokens.Access
}

// compareGuards measures both in turns, so that what else the machine does
// falls on both alike.
func compareGuards(b *testing.B, s *service, bearer string) {
	b.Helper()
	s.list(b, bearer) // connections, statements and caches as they are later
	s.guard(b, bearer)
	var list, guard time.Duration
	b.ResetTimer()
	for range b.N {
		list += cpuOf(b, s.cpu, func() {
			for range perRound {
				s.list(b, bearer)
			}
		})
		guard += cpuOf(b, s.cpu, func() {
			for range perRound {
				s.guard(b, bearer)
			}
		})
	}
	requests := float64(b.N * perRound)
	b.ReportMetric(float64(list.Microseconds())/requests, "list-µs")
	b.ReportMetric(float64(guard.Microseconds())/requests, "guards-µs")
	b.ReportMetric(100*guard.Seconds()/list.Seconds(), "guards-%")
}

func request(bearer string) *http.Request {
	r := httptest.NewRequest(http.MethodGet, "/api/v1/drift-events/?page_size=50", nil)
	r.Header.Set("Authorization", "Bearer "+bearer)
	return r
}

func (s *service) list(b *testing.B, bearer string) {
	b.Helper()
	w := httptest.NewRecorder()
	s.handler.ServeHTTP(w, request(bearer))
	if w.Code != http.StatusOK || w.Header().Get(throttle.HeaderLimit) == "" {
		b.Fatalf("%d %v %s", w.Code, w.Header(), w.Body)
	}
}

// guard is what identify and throttled do for a request of list.
func (s *service) guard(b *testing.B, bearer string) {
	b.Helper()
	r := request(bearer)
	v, err := s.auth.ViewerOf(r)
	if err != nil {
		b.Fatal(err)
	}
	verdict := s.limits.Take(r.Context(), throttle.CallerOf(v), throttle.Draw{Class: throttle.ReadOnly, Cost: 1})
	verdict.SetHeaders(http.Header{})
	if err := verdict.Err(); err != nil {
		b.Fatal(err)
	}
}
