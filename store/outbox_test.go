package store_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	"upstream/internal/factory"
	"upstream/models"
	"upstream/store"
)

// noteJob is a job of these tests.
type noteJob struct {
	Row models.UploadID `json:"row"`
}

func (noteJob) Kind() string { return "note" }

// storedJob is a waiting job as the queue keeps it.
type storedJob struct {
	Kind, State, Args, Metadata string
}

func storedJobs(t *testing.T, w *factory.World) []storedJob {
	t.Helper()
	rows, err := w.DB.App.Query(t.Context(), `SELECT kind, state::text, args::text, metadata::text FROM river.river_job ORDER BY id`)
	if err != nil {
		t.Fatal(err)
	}
	jobs, err := pgx.CollectRows(rows, pgx.RowToStructByPos[storedJob])
	if err != nil {
		t.Fatal(err)
	}
	return jobs
}

func TestEnqueue_TheJobIsThereWhenItsTransactionIs(t *testing.T) {
	t.Parallel()
	w := factory.New(t)
	tenant := w.Tenant("cedar")
	v := tenant.User(models.RoleOwner)
	v.RequestID = "req-1"
	args := noteJob{Row: models.UploadID{}.From([16]byte{15: 7})}
	for name, enqueue := range map[string]func(error) error{
		"of a customer": func(fail error) error { return store.EnqueueAs(t.Context(), w.Store, v, args, fail) },
		"of the system": func(fail error) error { return store.EnqueueInSystem(t.Context(), w.Store, v, args, fail) },
	} {
		refused := errors.New("changed my mind")
		if err := enqueue(refused); !errors.Is(err, refused) {
			t.Fatalf("%s: error = %v", name, err)
		}
		if jobs := storedJobs(t, w); len(jobs) != 0 {
			t.Errorf("%s: after a rollback there are %v", name, jobs)
		}
	}
	for _, err := range []error{
		store.EnqueueAs(t.Context(), w.Store, v, args, nil),
		store.EnqueueInSystem(t.Context(), w.Store, models.Viewer{}, args, nil),
		store.EnqueueExclusively(t.Context(), w.Store, v, args),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	body := `{"row": "` + args.Row.String() + `"}`
	want := []storedJob{
		{"note", "available", body, `{"request_id": "req-1"}`},
		{"note", "available", body, `{}`},
		{"note", "available", body, `{"request_id": "req-1"}`},
	}
	if diff := cmp.Diff(want, storedJobs(t, w)); diff != "" {
		t.Errorf("jobs (+):\n%s", diff)
	}
}

// Workers poll: a NOTIFY would make all who enqueue commit one after another.
func TestEnqueue_NotifiesNobody(t *testing.T) {
	t.Parallel()
	w := factory.New(t)
	v := w.Tenant("cedar").System()
	r := traced(w)
	for range 2 {
		if err := store.EnqueueAs(t.Context(), w.Store, v, noteJob{}, nil); err != nil {
			t.Fatal(err)
		}
	}
	if slices.ContainsFunc(r.take(), func(s statement) bool { return strings.Contains(strings.ToLower(s.sql), "notify(") }) {
		t.Error("a notification was sent")
	}
}

func TestEnqueue_CountsAsWorkInTheDatabase(t *testing.T) {
	t.Parallel()
	w := factory.New(t)
	v := w.Tenant("cedar").System()
	ctx, stats := store.WithStats(context.WithoutCancel(t.Context()))
	if err := store.EnqueueAs(ctx, w.Store, v, noteJob{}, nil); err != nil {
		t.Fatal(err)
	}
	if n := stats.Statements(); n < 2 {
		t.Errorf("%d statements were counted", n)
	}
}

func TestJobRequestID(t *testing.T) {
	t.Parallel()
	for metadata, want := range map[string]string{`{"request_id":"r"}`: "r", `{}`: "", ``: "", `[`: ""} {
		if got := store.JobRequestID([]byte(metadata)); got != want {
			t.Errorf("%q: %q, want %q", metadata, got, want)
		}
	}
}

// The queue is nobody's data and beyond the tables that a customer sees; the
// runtime role may do there what work needs, and not change its shape.
func TestQueue_RuntimeRole(t *testing.T) {
	t.Parallel()
	w := factory.New(t)
	for _, statement := range []string{`DROP TABLE river.river_job`, `CREATE TABLE river.mine (id int)`, `TRUNCATE river.river_job`} {
		if _, err := w.DB.App.Exec(t.Context(), statement); !isRefused(err) {
			t.Errorf("%s: %v", statement, err)
		}
	}
}

// River's leader throws away the stuck jobs whose kind it does not know. When
// the leader is of an older version, those of the newer one are none of its.
func TestNewQueue_RescuesNoJobsOfLaterVersions(t *testing.T) {
	t.Parallel()
	w := factory.New(t)
	for _, kind := range []string{"note", "of_a_later_version"} {
		_, err := w.DB.App.Exec(t.Context(), `INSERT INTO river.river_job (state, attempt, attempted_at, kind, args, max_attempts)
			VALUES ('running', 1, now() - interval '3 hours', $1, '{}', 3)`, kind)
		if err != nil {
			t.Fatal(err)
		}
	}
	got, err := w.Store.StuckJobs(t.Context(), []string{"note"}, time.Now().Add(-time.Hour))
	if diff := cmp.Diff([]string{"note"}, got); diff != "" || err != nil {
		t.Errorf("stuck (+):\n%s\n%v", diff, err)
	}
}
