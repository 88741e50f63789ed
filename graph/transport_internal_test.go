package graph

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"upstream/internal/auth"
	"upstream/models"
)

func silentHandler() http.Handler {
	return NewHandler(nil, Options{Logger: slog.New(slog.DiscardHandler), RequestID: func(context.Context) string { return "given" }})
}

// body is a request body that misbehaves.
type body func([]byte) (int, error)

func (b body) Read(p []byte) (int, error) { return b(p) }

func TestBodiesThatBreak(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		body   io.Reader
		status int
		code   models.Code
	}{
		"Error": {body(func([]byte) (int, error) { return 0, errors.New("reset by peer") }), 400, models.CodeValidation},
		"Panic": {body(func([]byte) (int, error) { panic("secret") }), 500, models.CodeInternal},
	} {
		req := httptest.NewRequest(http.MethodPost, "/graphql", c.body)
		req.Header.Set("Content-Type", typeJSON)
		rec := httptest.NewRecorder()
		silentHandler().ServeHTTP(rec, req)
		got := rec.Body.String()
		if rec.Code != c.status || !strings.Contains(got, fmt.Sprintf(`"code":%q`, c.code)) || !strings.Contains(got, `"request_id":"given"`) ||
			strings.Contains(got, "secret") || strings.Contains(got, "peer") {
			t.Errorf("%s: %d %s", name, rec.Code, got)
		}
	}
}

// TestRequestsShareNothing runs many requests of different viewers at once;
// run it with the race detector.
func TestRequestsShareNothing(t *testing.T) {
	t.Parallel()
	h := silentHandler()
	var wg sync.WaitGroup
	for i := range 50 {
		wg.Go(func() {
			email := fmt.Sprintf("user%d@cedar.test", i)
			req := httptest.NewRequest(http.MethodPost, "/graphql", strings.NewReader(`{"query": "{ a: viewer { email } b: viewer { email permissions } }"}`))
			req.Header.Set("Content-Type", typeJSON)
			viewer := models.Viewer{UserID: models.UserID{}.From([16]byte{byte(i + 1)}), Email: email}
			rec := httptest.NewRecorder()
			h.ServeHTTP(rec, req.WithContext(auth.WithViewer(req.Context(), viewer)))
			if strings.Count(rec.Body.String(), email) != 2 {
				t.Errorf("%s got %s", email, rec.Body)
			}
		})
	}
	wg.Wait()
}

// TestFamilies has the members of a family load a field at the same time, and
// counts the fetches.
func TestFamilies(t *testing.T) {
	t.Parallel()
	ctx := signedInContext()
	parents := []*models.ReportRun{{}, {}, {}}
	for i, p := range parents {
		p.ID = models.ReportRunID{}.From([16]byte{byte(i + 1)})
	}
	adopt(ctx, parents)
	var fetches atomic.Int64
	fetch := func(_ models.Viewer, ids []models.ReportRunID) (map[models.ReportRunID]*models.Upload, error) {
		fetches.Add(1)
		found := map[models.ReportRunID]*models.Upload{}
		for _, id := range ids[:2] {
			found[id] = &models.Upload{Filename: id.String()}
		}
		return found, nil
	}
	load := func(p *models.ReportRun, name string) (*models.Upload, error) {
		return related(ctx, p, name, func(r *models.ReportRun) models.ReportRunID { return r.ID }, fetch)
	}
	var wg sync.WaitGroup
	for range 20 {
		for i, p := range parents {
			wg.Go(func() {
				got, err := load(p, "x")
				if err != nil || i < 2 && got.Filename != p.ID.String() || i == 2 && got != nil {
					t.Errorf("member %d: %v, %v", i, got, err)
				}
			})
		}
	}
	wg.Wait()
	if n := fetches.Load(); n != 1 {
		t.Errorf("%d fetches for a family", n)
	}
	if _, err := load(parents[0], "y"); err != nil || fetches.Load() != 2 {
		t.Errorf("another field: %v after %d fetches", err, fetches.Load())
	}
	loaded, _ := load(parents[0], "x")
	if f := familyOf(ctx, loaded); len(f.members) != 2 {
		t.Errorf("what was loaded together is a family of %d", len(f.members))
	}
	if f := familyOf(ctx, &models.Upload{}); len(f.members) != 1 {
		t.Errorf("a row read alone is in a family of %d", len(f.members))
	}
}

func TestFamiliesShareFailures(t *testing.T) {
	t.Parallel()
	ctx := signedInContext()
	parents := []*models.ReportRun{{}, {}}
	adopt(ctx, parents)
	failure := models.Internal(errors.New("down"))
	fetches := 0
	for _, p := range parents {
		got, err := related(ctx, p, "x", func(*models.ReportRun) int { return 1 }, func(models.Viewer, []int) (map[int]*models.Upload, error) {
			fetches++
			return nil, failure
		})
		if got != nil || !errors.Is(err, failure) {
			t.Errorf("got %v, %v", got, err)
		}
	}
	if fetches != 1 {
		t.Errorf("%d fetches", fetches)
	}
	anonymous := testContext("")
	if _, err := related(anonymous, parents[0], "x", func(*models.ReportRun) int { return 1 }, func(models.Viewer, []int) (map[int]*models.Upload, error) {
		t.Error("fetched for nobody")
		return nil, nil
	}); models.CodeOf(err) != models.CodeUnauthenticated {
		t.Errorf("anonymous: %v", err)
	}
}

func signedInContext() context.Context {
	viewer := models.SystemViewer(models.CustomerID{}.From([16]byte{9}))
	ctx, _ := newRequest(auth.WithViewer(context.Background(), viewer), Options{}.withDefaults())
	return ctx
}

// deadlines is a writer that remembers the read deadlines set on it.
type deadlines struct {
	*httptest.ResponseRecorder
	set []time.Time
}

func (d *deadlines) SetReadDeadline(at time.Time) error {
	d.set = append(d.set, at)
	return nil
}

// The deadline of a body must not end an operation that has read it: the server
// would take its passing for the client's leaving.
func TestRead_LiftsTheDeadline(t *testing.T) {
	t.Parallel()
	w := &deadlines{ResponseRecorder: httptest.NewRecorder()}
	body, err := read(w, httptest.NewRequest(http.MethodPost, "/graphql", strings.NewReader("{}")), DefaultLimits(AudienceViewer))
	if err != nil || string(body) != "{}" || len(w.set) != 2 || w.set[0].IsZero() || !w.set[1].IsZero() {
		t.Errorf("%q, %v, deadlines %v", body, err, w.set)
	}
}

func TestRead_BodiesThatDoNotArrive(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(NewHandler(nil, Options{Limits: map[Audience]Limits{AudienceAnonymous: {Arrival: 30 * time.Millisecond}}}))
	defer server.Close()
	conn, err := net.Dial("tcp", server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	if _, err := fmt.Fprint(conn, "POST /graphql HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 99\r\n\r\n{"); err != nil {
		t.Fatal(err)
	}
	reader := bufio.NewReader(conn)
	response, err := http.ReadResponse(reader, nil)
	if err != nil || response.StatusCode != http.StatusRequestTimeout {
		t.Fatalf("answers %v, %v", response, err)
	}
	if rest, err := io.ReadAll(response.Body); err != nil || !strings.Contains(string(rest), "did not arrive in time") {
		t.Errorf("says %q, %v", rest, err)
	}
	if _, err := reader.ReadByte(); err == nil {
		t.Error("the connection goes on")
	}
}
