package jobs

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/riverqueue/river"

	"upstream/internal/factory"
	"upstream/internal/mail"
	"upstream/internal/postgres"
	"upstream/models"
	"upstream/store"
)

// post is a way to send mail that keeps it.
type post struct {
	mu   sync.Mutex
	sent []mail.Message
}

// Send implements mail.Sender.
func (p *post) Send(_ context.Context, m mail.Message) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.sent = append(p.sent, m)
	return nil
}

// all are the messages so far.
func (p *post) all() []mail.Message {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.sent)
}

// log is a log that goroutines write to and tests read.
type log struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *log) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *log) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// probe is a job of these tests, which do as work says.
type probe struct {
	Name string `json:"name"`
}

func (probe) Kind() string { return "probe" }

type prober struct {
	river.WorkerDefaults[probe]

	work func(context.Context, *river.Job[probe]) error
}

func (p *prober) Work(ctx context.Context, job *river.Job[probe]) error { return p.work(ctx, job) }

// rig is a database with workers on it.
type rig struct {
	*factory.World
	workers *Workers
	log     *log
	post    *post
}

// newRig makes workers that do with probes what work says.
func newRig(t *testing.T, drain time.Duration, work func(context.Context, *river.Job[probe]) error) *rig {
	t.Helper()
	r := &rig{World: factory.New(t), log: &log{}, post: &post{}}
	workers, err := New(Options{
		Store: r.Store, Mail: r.post, PublicURL: "https://upstream.example", PollInterval: 10 * time.Millisecond,
		Logger: slog.New(slog.NewTextHandler(r.log, nil)), DrainTimeout: drain,
		register: func(w *river.Workers) { river.AddWorker(w, &prober{work: work}) },
	})
	if err != nil {
		t.Fatal(err)
	}
	r.workers = workers
	return r
}

func (r *rig) start(t *testing.T) {
	t.Helper()
	if err := r.workers.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// enqueue inserts a probe as a use case would.
func (r *rig) enqueue(t *testing.T, name string) {
	t.Helper()
	opts := &river.InsertOpts{Metadata: []byte(`{"request_id":"req-1"}`)}
	if _, err := r.workers.queue.Insert(t.Context(), probe{Name: name}, opts); err != nil {
		t.Fatal(err)
	}
}

// states counts the probes by their state.
func (r *rig) states(t *testing.T) map[string]int {
	t.Helper()
	rows, err := r.DB.App.Query(t.Context(), `SELECT state::text, count(*)::int FROM river.river_job WHERE kind = 'probe' GROUP BY 1`)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	states := map[string]int{}
	for rows.Next() {
		var state string
		var n int
		if err := rows.Scan(&state, &n); err != nil {
			t.Fatal(err)
		}
		states[state] = n
	}
	return states
}

func TestWorkers_DoJobsOnce(t *testing.T) {
	t.Parallel()
	const jobs = 50
	done := make(chan string, 2*jobs)
	work := func(_ context.Context, job *river.Job[probe]) error {
		done <- job.Args.Name
		return nil
	}
	r := newRig(t, 0, work)
	other, err := New(Options{
		Store: r.Store, Mail: r.post, PollInterval: 10 * time.Millisecond, Logger: slog.New(slog.DiscardHandler),
		register: func(w *river.Workers) { river.AddWorker(w, &prober{work: work}) },
	})
	if err != nil {
		t.Fatal(err)
	}
	for i := range jobs {
		r.enqueue(t, strings.Repeat("x", i))
	}
	r.start(t)
	if err := other.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for range jobs {
		name := <-done
		if seen[name] {
			t.Errorf("job %d was done twice", len(name))
		}
		seen[name] = true
	}
	if err := errors.Join(r.workers.Stop(), other.Stop()); err != nil {
		t.Error(err)
	}
	if states := r.states(t); states["completed"] != jobs {
		t.Errorf("states %v", states)
	}
}

// As behind a pooler: one connection does for everything.
func TestWorkers_OnOneConnection(t *testing.T) {
	t.Parallel()
	w := factory.New(t)
	done := make(chan struct{})
	st := w.StoreWith(w.Pool(postgres.PoolOptions{MaxConns: 1}), store.Options{})
	workers, err := New(Options{
		Store: st, Mail: &post{}, PollInterval: 10 * time.Millisecond, Logger: slog.New(slog.DiscardHandler),
		register: func(w *river.Workers) {
			river.AddWorker(w, &prober{work: func(context.Context, *river.Job[probe]) error {
				close(done)
				return nil
			}})
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := workers.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := workers.queue.Insert(t.Context(), probe{}, nil); err != nil {
		t.Fatal(err)
	}
	<-done
	if err := workers.Stop(); err != nil {
		t.Error(err)
	}
}

func TestWorkers_StopWaitsForWhatRuns(t *testing.T) {
	t.Parallel()
	entered, release := make(chan struct{}), make(chan struct{})
	r := newRig(t, time.Minute, func(ctx context.Context, _ *river.Job[probe]) error {
		close(entered)
		<-release
		return ctx.Err()
	})
	ctx, cancel := context.WithCancel(t.Context())
	if err := r.workers.Check(ctx); err == nil {
		t.Error("ready before the start")
	}
	if err := r.workers.Start(ctx); err != nil {
		t.Fatal(err)
	}
	if err := r.workers.Check(ctx); err != nil {
		t.Errorf("not ready: %v", err)
	}
	r.enqueue(t, "")
	<-entered
	cancel() // the signal: it must not reach the job
	stopped := make(chan error, 1)
	go func() { stopped <- r.workers.Stop() }()
	for r.workers.Check(t.Context()) == nil { //nolint:revive // until Stop has begun
	}
	select {
	case err := <-stopped:
		t.Fatalf("it did not wait: %v", err)
	default:
	}
	close(release)
	if err := <-stopped; err != nil {
		t.Errorf("Stop: %v", err)
	}
	if states := r.states(t); states["completed"] != 1 {
		t.Errorf("states %v\n%s", states, r.log)
	}
}

func TestWorkers_StopCutsWhatNeverEndsAndKeepsIt(t *testing.T) {
	t.Parallel()
	entered := make(chan struct{})
	r := newRig(t, 10*time.Millisecond, func(ctx context.Context, _ *river.Job[probe]) error {
		close(entered)
		<-ctx.Done()
		return ctx.Err()
	})
	r.start(t)
	r.enqueue(t, "")
	<-entered
	if err := r.workers.Stop(); err == nil || !strings.Contains(err.Error(), "still running after 10ms") {
		t.Errorf("Stop: %v", err)
	}
	if states := r.states(t); states["completed"] != 0 || states["running"] != 0 {
		t.Errorf("states %v", states)
	}
}

func TestWorkers_FailuresAreLoggedAndTriedAgain(t *testing.T) {
	t.Parallel()
	const secret = "canary-7f3a"
	failed := make(chan struct{}, 2)
	r := newRig(t, 0, func(_ context.Context, job *river.Job[probe]) error {
		defer func() { failed <- struct{}{} }()
		if strings.HasPrefix(job.Args.Name, "panic") {
			panic(job.Args.Name)
		}
		return errors.New("the server is away")
	})
	r.start(t)
	r.enqueue(t, "error "+secret)
	r.enqueue(t, "panic "+secret)
	<-failed
	<-failed
	if err := r.workers.Stop(); err != nil {
		t.Error(err)
	}
	text := r.log.String()
	for _, want := range []string{
		`level=WARN msg="job failed, will be tried again" kind=probe job_id=`, `error="the server is away"`,
		`level=ERROR msg="job panicked" kind=probe job_id=`, "attempt=1", "request_id=req-1",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("the log lacks %q:\n%s", want, text)
		}
	}
	if strings.Contains(text, secret) {
		t.Errorf("the log repeats arguments:\n%s", text)
	}
	if n := strings.Count(text, "the server is away"); n != 1 {
		t.Errorf("the failure is logged %d times:\n%s", n, text)
	}
	// The first pause is so short that River leaves it to the next fetch.
	if states := r.states(t); states["retryable"]+states["available"] != 2 {
		t.Errorf("states %v", states)
	}
}

func TestWorkers_TheLastFailureIsAnError(t *testing.T) {
	t.Parallel()
	failed := make(chan struct{})
	r := newRig(t, 0, func(context.Context, *river.Job[probe]) error {
		defer close(failed)
		return errors.New("never mind")
	})
	if _, err := r.workers.queue.Insert(t.Context(), probe{}, &river.InsertOpts{MaxAttempts: 1}); err != nil {
		t.Fatal(err)
	}
	r.start(t)
	<-failed
	if err := r.workers.Stop(); err != nil {
		t.Error(err)
	}
	if text := r.log.String(); !strings.Contains(text, `level=ERROR msg="job failed for the last time" kind=probe`) {
		t.Error(text)
	}
	if states := r.states(t); states["discarded"] != 1 {
		t.Errorf("states %v", states)
	}
}

func TestWorkers_KeepHouseAtTheStart(t *testing.T) {
	t.Parallel()
	r := newRig(t, 0, nil)
	tx, err := r.DB.Owner.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, statement := range []string{
		`SELECT set_config('app.system', 'on', true)`,
		`INSERT INTO sign_in_failures (key_hash, failures, first_at, last_at)
			VALUES (decode(repeat('ab', 32), 'hex'), 1, timestamptz '2026-06-01', timestamptz '2026-06-01')`,
	} {
		if _, err := tx.Exec(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
	if err := tx.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}
	long := r.StoreWith(r.DB.App, store.Options{Now: func() time.Time { return time.Date(2020, time.January, 1, 0, 0, 0, 0, time.UTC) }})
	owner := r.Tenant("cedar").User(models.RoleOwner)
	owner.Once = models.NewOnce("a key", "invite")
	if _, err := long.InviteMember(t.Context(), owner, models.NewInvitation{Email: "a@guests.test", Role: models.RoleViewer}); err != nil {
		t.Fatal(err)
	}
	done, cancel := r.workers.queue.Subscribe(river.EventKindJobCompleted, river.EventKindJobFailed)
	defer cancel()
	r.start(t)
	for event := range done { // other jobs begin at the start, too
		if event.Kind != river.EventKindJobCompleted {
			t.Errorf("%s of %s", event.Kind, event.Job.Kind)
		}
		if event.Job.Kind == "housekeeping" {
			break
		}
	}
	if err := r.workers.Stop(); err != nil {
		t.Error(err)
	}
	for _, line := range []string{`chore="delete expired sessions" count=1`, `chore="delete expired idempotency keys" count=1`} {
		if text := r.log.String(); !strings.Contains(text, line) {
			t.Errorf("no %s in the log:\n%s", line, text)
		}
	}
}

func TestNew_NeedsAStoreAndMail(t *testing.T) {
	t.Parallel()
	if _, err := New(Options{}); err == nil {
		t.Error("workers without a store")
	}
	if _, err := New(Options{Store: factory.New(t).Store}); err == nil {
		t.Error("workers without mail")
	}
}
