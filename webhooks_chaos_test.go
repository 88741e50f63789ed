//go:build linux || darwin || freebsd

package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"upstream/internal/await"
	"upstream/internal/factory"
	"upstream/models"
	"upstream/store"
)

// chaosVariable is how many events TestWebhooks_Chaos makes; 1,500 unless set.
const chaosVariable = "UPSTREAM_TEST_WEBHOOK_EVENTS"

// chaosPatience is for the longest proof; -timeout of go test is what ends it.
const chaosPatience = time.Hour

// chaoticServers is how many servers deliver at a time.
const chaoticServers = 3

// moody is a partner who answers as the mood takes it, and remembers what it
// heard.
type moody struct {
	*httptest.Server

	calm chan struct{} // closed at the end: then it answers well
	next chan struct{} // each request tells one of those that are slow

	mu sync.Mutex
	// verifiers are by endpoint, whose name is the path.
	verifiers map[string]*standardwebhooks.Webhook
	// took are the webhook-ids that were answered with a 2xx status, came counts all
	// requests; what each said must not change.
	took      map[string]bool
	came      map[string]int
	bodies    map[string]string
	sequences map[string]map[int64]string
	faults    []string
	total     int
	alarms    []alarm
}

// alarm is closed when so many requests have come.
type alarm struct {
	total int
	ring  chan struct{}
}

func newMoody(t *testing.T) *moody {
	t.Helper()
	m := &moody{
		calm: make(chan struct{}), next: make(chan struct{}), verifiers: map[string]*standardwebhooks.Webhook{}, took: map[string]bool{}, came: map[string]int{},
		bodies: map[string]string{}, sequences: map[string]map[int64]string{},
	}
	m.Server = httptest.NewServer(m)
	t.Cleanup(m.Close)
	return m
}

// ServeHTTP reads a webhook and answers with a success three times of four.
func (m *moody) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return // the sender was killed
	}
	id := r.Header.Get(standardwebhooks.HeaderWebhookID)
	mood := rand.IntN(100)
	select {
	case <-m.calm:
		mood = 99
	case m.next <- struct{}{}:
	default:
	}
	m.hear(r, id, string(body), mood >= 15)
	switch {
	case mood < 5:
		w.WriteHeader(http.StatusInternalServerError)
	case mood < 8: // reset
		hijack(w, func(conn net.Conn) {
			if tcp, ok := conn.(*net.TCPConn); ok {
				_ = tcp.SetLinger(0)
			}
		})
	case mood < 10: // half an answer
		hijack(w, func(conn net.Conn) { _, _ = io.WriteString(conn, "HTTP/1.1 200") })
	case mood < 13: // later, please
		w.Header().Set("Retry-After", "1")
		w.WriteHeader(http.StatusTooManyRequests)
	case mood < 15: // hang
		select {
		case <-r.Context().Done():
		case <-m.calm:
		}
	case mood < 20: // slow: not before another request
		select {
		case <-r.Context().Done():
		case <-m.calm:
		case <-m.next:
		}
	case mood < 25: // a body that is shorter than it says
		hijack(w, func(conn net.Conn) { _, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nok") })
	}
}

func hijack(w http.ResponseWriter, fn func(net.Conn)) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return
	}
	fn(conn)
	_ = conn.Close()
}

// hear checks a webhook against what was heard before.
func (m *moody) hear(r *http.Request, id, body string, taken bool) {
	var said struct {
		ID       string `json:"id"`
		Sequence int64  `json:"sequence"`
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	fault := func(format string, args ...any) { m.faults = append(m.faults, fmt.Sprintf(format, args...)) }
	if err := m.verifiers[r.URL.Path].Verify([]byte(body), r.Header); err != nil {
		fault("%s: %v", id, err)
	}
	if err := json.Unmarshal([]byte(body), &said); err != nil || said.ID != id {
		fault("%s came with %s", id, body)
	}
	if before, again := m.bodies[id]; again && before != body {
		fault("%s said %s and then %s", id, before, body)
	}
	if other, taken := m.sequences[r.URL.Path][said.Sequence]; taken && other != id {
		fault("%s and %s are both number %d", id, other, said.Sequence)
	}
	if m.sequences[r.URL.Path] == nil {
		m.sequences[r.URL.Path] = map[int64]string{}
	}
	m.bodies[id], m.sequences[r.URL.Path][said.Sequence] = body, id
	m.came[id]++
	m.total++
	m.alarms = slices.DeleteFunc(m.alarms, func(a alarm) bool {
		if a.total > m.total {
			return false
		}
		close(a.ring)
		return true
	})
	m.took[id] = m.took[id] || taken
}

// after rings when n more requests have come.
func (m *moody) after(n int) <-chan struct{} {
	m.mu.Lock()
	defer m.mu.Unlock()
	a := alarm{total: m.total + n, ring: make(chan struct{})}
	m.alarms = append(m.alarms, a)
	return a.ring
}

// chaos is a clinic, a partner, and servers that do not live long.
type chaos struct {
	*factory.Tenant
	store     *store.Store
	partner   *moody
	endpoints []models.WebhookEndpointID

	mu   sync.Mutex
	made []models.WebhookDeliveryID
}

func newChaos(t *testing.T) *chaos {
	t.Helper()
	c := &chaos{Tenant: drifting(t), partner: newMoody(t)}
	c.store = c.StoreWith(c.DB.App, store.Options{Now: time.Now})
	for _, name := range []string{"/first", "/second"} {
		issued, err := c.store.CreateWebhookEndpoint(t.Context(), c.System(), models.NewWebhookEndpoint{Name: name, URL: c.partner.URL + name})
		if err != nil {
			t.Fatal(err)
		}
		verifier, err := standardwebhooks.NewWebhook(string(issued.Secret))
		if err != nil {
			t.Fatal(err)
		}
		c.partner.verifiers[name] = verifier
		c.endpoints = append(c.endpoints, issued.Endpoint.ID)
	}
	return c
}

// serve is a server that delivers until it is killed, which it is after some
// requests of all servers while lives goes on, and is replaced.
func (c *chaos) serve(ctx context.Context, t *testing.T) (killed int) {
	t.Helper()
	for {
		p := c.start(t)
		select {
		case <-c.partner.after(100 + rand.IntN(200)):
			killed++
		case <-ctx.Done():
		}
		if err := p.Process.Kill(); err != nil {
			t.Error(err)
		}
		_ = p.Wait()
		if ctx.Err() != nil {
			return killed
		}
	}
}

// start starts a server and waits until it serves.
func (c *chaos) start(t *testing.T) *exec.Cmd {
	t.Helper()
	cmd := exec.Command(os.Args[0], "serve", "--database-url="+c.DB.AppURL, "--secret-key=a secret key for tests, 32 bytes", "--max-conns=6",
		"--webhook-allow=127.0.0.1/32", "--webhook-timeout=1s", "--webhook-pause=500ms", "--webhook-retries="+strings.Repeat("200ms,", 19)+"1s")
	cmd.Env = append(environment(t.TempDir()), "LOG_LEVEL=error")
	cmd.Stderr = t.Output()
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if scanner := bufio.NewScanner(out); !scanner.Scan() {
		t.Errorf("a server did not start")
	}
	return cmd
}

// emit makes events of several kinds, n in all for each endpoint.
func (c *chaos) emit(t *testing.T, n int) {
	t.Helper()
	numbers := make(chan int)
	var writers sync.WaitGroup
	for range 4 {
		writers.Go(func() {
			for i := range numbers {
				if i%50 == 0 {
					c.upload(t, i)
					continue
				}
				for _, id := range c.endpoints {
					d, err := c.store.TestWebhookEndpoint(t.Context(), c.System(), id)
					if err != nil {
						t.Error(err)
						continue
					}
					c.mu.Lock()
					c.made = append(c.made, d.ID)
					c.mu.Unlock()
				}
			}
		})
	}
	for i := range n {
		numbers <- i
	}
	close(numbers)
	writers.Wait()
}

func (c *chaos) upload(t *testing.T, i int) {
	t.Helper()
	file := strings.NewReader(fmt.Sprintf("claim_number,payer,cpt,submitted_date,decided_date,outcome,billed_amount\nZ%d,Payer Z,99213,2026-01-01,2026-01-05,PAID,100\n", i))
	in := models.NewUpload{Filename: fmt.Sprintf("%d.csv", i), Source: models.UploadSourceAPI}
	if _, err := c.store.Ingest(t.Context(), c.System(), in, file); err != nil {
		t.Error(err)
	}
}

// failing makes a detection fail when all of it is done, and answers with the
// run, of which nobody may hear but that it failed.
func (c *chaos) failing(t *testing.T) models.ReportRunID {
	t.Helper()
	ctx := t.Context()
	_, err := c.DB.Owner.Exec(ctx, `CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$
		BEGIN RAISE EXCEPTION 'refused at the commit'; END $$;
		CREATE CONSTRAINT TRIGGER refuse AFTER UPDATE ON report_runs DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
		WHEN (NEW.status = 'success') EXECUTE FUNCTION refuse()`)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.store.DetectDrift(ctx, c.System(), models.DetectInput{AsOf: &detectionDay}); err == nil {
		t.Error("the run was to fail")
	}
	if _, err := c.DB.Owner.Exec(ctx, `DROP TRIGGER refuse ON report_runs; DROP FUNCTION refuse()`); err != nil {
		t.Fatal(err)
	}
	return runsOf(t, c.Tenant)[0].ID
}

// Servers are killed all the time and the partner is moody, and yet every event
// comes at least once, each time under the same webhook-id and with the same
// body, with numbers that have no gaps; and of what was rolled back nobody hears.
//
// UPSTREAM_TEST_WEBHOOK_EVENTS=20000 makes it the proof it is meant to be; it
// takes some minutes then.
func TestWebhooks_Chaos(t *testing.T) {
	t.Parallel()
	events := 1500
	if text := os.Getenv(chaosVariable); text != "" {
		var err error
		if events, err = strconv.Atoi(text); err != nil {
			t.Fatal(err)
		}
	}
	c := newChaos(t)
	lives, endOfLives := context.WithCancel(t.Context())
	defer endOfLives()
	killed := make([]int, chaoticServers)
	var servers sync.WaitGroup
	for i := range chaoticServers {
		servers.Go(func() { killed[i] = c.serve(lives, t) })
	}
	begun := time.Now()
	failed := c.failing(t)
	c.emit(t, events/len(c.endpoints))
	if _, err := c.store.DetectDrift(t.Context(), c.System(), models.DetectInput{AsOf: &detectionDay}); err != nil {
		t.Error(err)
	}
	t.Logf("made after %s", time.Since(begun).Round(time.Second))
	// The servers go on dying until half of what is left is delivered.
	waiting := func() int {
		return factory.Query[int](c.Tenant, `SELECT count(*) FROM webhook_deliveries WHERE status IN ('pending', 'retrying')`)
	}
	await.Within(t, chaosPatience, "most deliveries", func() bool { return waiting() <= 100 })
	t.Logf("mostly delivered after %s", time.Since(begun).Round(time.Second))
	endOfLives()
	servers.Wait()
	close(c.partner.calm)
	last := c.start(t)
	defer func() { _ = last.Wait() }()
	defer func() { _ = last.Process.Kill() }()
	await.Within(t, chaosPatience, "the last delivery", func() bool { return waiting() == 0 })
	c.check(t, failed)
	if sum(killed) == 0 {
		t.Error("no server was killed")
	}
	t.Logf("%d deliveries in %s, %d servers killed, %d requests", len(c.partner.took), time.Since(begun).Round(time.Second), sum(killed), c.partner.total)
}

func sum(numbers []int) (total int) {
	for _, n := range numbers {
		total += n
	}
	return total
}

func (c *chaos) check(t *testing.T, failed models.ReportRunID) {
	t.Helper()
	m := c.partner
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, fault := range m.faults[:min(len(m.faults), 10)] {
		t.Error(fault)
	}
	stored := factory.Query[int](c.Tenant, `SELECT count(*) FROM webhook_deliveries WHERE status = 'success'`)
	all := factory.Query[int](c.Tenant, `SELECT count(*) FROM webhook_deliveries`)
	if stored != all || len(m.took) != all {
		t.Errorf("of %d deliveries, %d are stored as delivered and %d came", all, stored, len(m.took))
	}
	for id, taken := range m.took {
		if !taken {
			t.Errorf("%s came and was not taken, and yet is done", id)
		}
	}
	for _, id := range c.made {
		if !m.took[id.String()] {
			t.Errorf("%s never came", id)
		}
	}
	for path, sequences := range m.sequences {
		for n := range int64(len(sequences)) {
			if sequences[n+1] == "" {
				t.Errorf("%s never heard of number %d of %d", path, n+1, len(sequences))
			}
		}
	}
	if gaps := factory.Query[int](c.Tenant, `SELECT max(sequence) - min(sequence) + 1 - count(*) + count(*) FILTER (WHERE sequence IS NULL) FROM webhook_events`); gaps != 0 {
		t.Errorf("the feed has %d gaps", gaps)
	}
	c.checkRolledBack(t, failed)
	ended := factory.Query[int](c.Tenant, `SELECT count(*) FROM uploads WHERE created_at > (SELECT min(created_at) FROM webhook_events)`)
	told := factory.Query[int](c.Tenant, `SELECT count(*) FROM webhook_events WHERE event_type = 'upload.processed' AND created_at >= (SELECT min(created_at) FROM webhook_endpoints)`)
	if ended != told {
		t.Errorf("%d uploads have ended, and %d were told of", ended, told)
	}
}

// checkRolledBack demands that nobody heard of the failed run but that it failed,
// and of the other all.
func (c *chaos) checkRolledBack(t *testing.T, failed models.ReportRunID) {
	t.Helper()
	heard := map[bool][]string{}
	for _, body := range c.partner.bodies {
		var said struct {
			Type string `json:"type"`
			Data struct {
				ReportRunID string `json:"report_run_id"`
			} `json:"data"`
		}
		if err := json.Unmarshal([]byte(body), &said); err != nil {
			t.Fatal(err)
		}
		if said.Data.ReportRunID != "" {
			of := said.Data.ReportRunID == failed.String()
			heard[of] = append(heard[of], said.Type)
		}
	}
	if n := len(c.endpoints); len(heard[true]) != n || slices.ContainsFunc(heard[true], func(kind string) bool { return kind != "report.failed" }) {
		t.Errorf("of a run that was rolled back came %v", heard[true])
	}
	// The servers make runs by the schedule, too.
	drift := factory.Query[int](c.Tenant, `SELECT count(*) FROM drift_events`)
	runs := factory.Query[int](c.Tenant, `SELECT count(*) FROM report_runs WHERE status IN ('success', 'failed')`) - 1
	if want := (drift + runs) * len(c.endpoints); drift == 0 || len(heard[false]) != want {
		t.Errorf("of %d runs with %d events came %v", runs, drift, heard[false])
	}
}
