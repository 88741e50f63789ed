package store_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"strings"
	"sync"
	"testing"
	"time"

	"upstream/internal/factory"
	"upstream/models"
	"upstream/store"
)

func queueText(t tester, tenant *factory.Tenant, text string) *models.Upload {
	t.Helper()
	in := models.NewUpload{Filename: "queued.csv", Source: models.UploadSourceAPI}
	return must(tenant.Store.QueueUpload(context.Background(), tenant.System(), in, strings.NewReader(text)))(t)
}

func chunks(tenant *factory.Tenant) int {
	return factory.Query[int](tenant, `SELECT count(*) FROM upload_chunks`)
}

func uploadJobs(tenant *factory.Tenant) int {
	return factory.Query[int](tenant, `SELECT count(*) FROM river.river_job WHERE kind = 'ingest_upload' AND queue = 'uploads'`)
}

func uploadNow(t tester, tenant *factory.Tenant, id models.UploadID) *models.Upload {
	t.Helper()
	return must(tenant.Store.Upload(context.Background(), tenant.System(), id))(t)
}

// perform is the job of an upload.
func perform(t tester, s *store.Store, tenant *factory.Tenant, id models.UploadID) {
	t.Helper()
	if err := s.PerformUpload(context.Background(), tenant.System(), id); err != nil {
		t.Fatal(err)
	}
}

// A file that is read in the background comes to the same as one that is waited
// for, once, however often its job comes.
func TestQueueUpload(t *testing.T) {
	t.Parallel()
	w := factory.New(t)
	cedar, harbor := w.Tenant("cedar"), w.Tenant("harbor")
	text := longFile() + line("C000001", "Cigna") + ",,99213,2026-01-01,2026-01-05,PAID,1,\n"
	queued := queueText(t, cedar, text)
	equal(t, "queued", []any{models.UploadProcessing, 0, (*time.Time)(nil), (len(text) + 256<<10 - 1) / (256 << 10), 1, 1},
		[]any{queued.Status, *queued.Percent(), queued.ProcessingStartedAt, chunks(cedar), uploadJobs(cedar), audited(cedar, "upload_queued")})
	equal(t, "claims", 0, len(claims(t, cedar)))

	in := models.NewUpload{Filename: "again.csv", Source: models.UploadSourceAPI}
	_, err := w.Store.Ingest(t.Context(), cedar.System(), in, strings.NewReader(text))
	equal(t, "existing", queued.ID.String(), wantCode(t, err, models.CodeConflict).ExistingID)
	_, err = w.Store.QueueUpload(t.Context(), cedar.System(), in, strings.NewReader(text))
	equal(t, "existing", queued.ID.String(), wantCode(t, err, models.CodeConflict).ExistingID)

	for range 3 {
		perform(t, w.Store, cedar, queued.ID)
	}
	got, want := uploadNow(t, cedar, queued.ID), must(w.Store.Ingest(t.Context(), harbor.System(), in, strings.NewReader(text)))(t)
	equal(t, "tally", tallyOf(want), tallyOf(got))
	equal(t, "rest", []any{100, int64(20_002), int64(len(text)), *want.FileHash, true, 1, 0},
		[]any{*got.Percent(), got.RowsSoFar(), got.BytesSoFar(), *got.FileHash, got.Worker == nil, got.Attempts, chunks(cedar)})
	equal(t, "rejections", rejections(t, harbor, want.ID), rejections(t, cedar, got.ID))
	equal(t, "claims", 20_000, len(claims(t, cedar)))
	equal(t, "audit lines", 1, audited(cedar, "upload_created"))
	equal(t, "left to do", 0, must(w.Store.ResumeUploads(t.Context()))(t))
}

func TestQueueUpload_Refused(t *testing.T) {
	t.Parallel()
	cedar := factory.New(t).Tenant("cedar")
	for text, code := range map[string]string{"payer\nAetna\n": "VALIDATION", "": "VALIDATION", header: "VALIDATION"} {
		id := queueText(t, cedar, text).ID
		perform(t, cedar.Store, cedar, id)
		u := uploadNow(t, cedar, id)
		equal(t, "failed", []any{models.UploadFailed, code, true, 0}, []any{u.Status, *u.ErrorCode, u.ErrorMessage != nil, chunks(cedar)})
	}
	in := models.NewUpload{Filename: "x.csv", Source: models.UploadSourceAPI}
	_, err := cedar.Store.QueueUpload(t.Context(), cedar.User(models.RoleViewer), in, strings.NewReader("x"))
	wantCode(t, err, models.CodeForbidden)
	_, err = cedar.Store.QueueUpload(t.Context(), cedar.System(), models.NewUpload{}, strings.NewReader("x"))
	wantCode(t, err, models.CodeValidation)
	_, err = cedar.Store.QueueUpload(t.Context(), cedar.System(), in, &breaking{Reader: strings.NewReader(longFile()), after: 300_000, then: func() error { return errDisk }})
	wantCode(t, err, models.CodeInternal)
	equal(t, "uploads and chunks of a source that broke off", []int{3, 0}, []int{len(uploads(t, cedar)), chunks(cedar)})
}

func TestQueueUpload_Once(t *testing.T) {
	t.Parallel()
	cedar := factory.New(t).Tenant("cedar")
	in := models.NewUpload{Filename: "x.csv", Source: models.UploadSourceAPI}
	ask := func(text string) (*models.Upload, error) {
		v := cedar.System()
		v.Once = models.NewOnce("a key", "upload").Streamed()
		return cedar.Store.QueueUpload(t.Context(), v, in, strings.NewReader(text))
	}
	first := must(ask(longFile()))(t)
	perform(t, cedar.Store, cedar, first.ID)
	equal(t, "again", first, must(ask(longFile()))(t))
	_, err := ask(header)
	wantCode(t, err, models.CodeValidation)
	equal(t, "uploads", 1, len(uploads(t, cedar)))
}

// pausing stops the store's reading before its second piece, and lets others see
// what is there meanwhile.
func pausing(w *factory.World, during func()) {
	var once sync.Once
	traced(w).on(func(sql string) {
		if strings.Contains(sql, `"upload_chunks"`) && strings.Contains(sql, "uc.number = 1)") {
			once.Do(during)
		}
	})
	// Every telling leaves a dead version of the upload for each claim's foreign key to walk past.
	store.TellProgressEvery(w.Store, 50*time.Millisecond)
}

// Others see how far reading has come, and a change of the name stays.
func TestPerformUpload_TellsItsProgress(t *testing.T) {
	t.Parallel()
	w := factory.New(t)
	cedar := w.Tenant("cedar")
	plain := w.Store
	id := queueText(t, cedar, longFile()).ID
	var seen *models.Upload
	pausing(w, func() {
		for seen == nil || seen.RowsRead == 0 {
			seen = must(plain.Upload(t.Context(), cedar.System(), id))(t)
		}
		patch := models.UploadPatch{Filename: models.Change[string]{Set: true, Value: new("renamed.csv")}}
		must(plain.UpdateUpload(t.Context(), cedar.System(), models.Update[models.UploadID, models.UploadPatch]{ID: id, Patch: patch}))(t)
	})
	perform(t, w.Store, cedar, id)
	if seen == nil {
		t.Fatal("the file was never between two pieces")
	}
	if seen.Status != models.UploadProcessing || seen.RowsSoFar() <= 0 || seen.RowsSoFar() >= 20_000 || seen.BytesSoFar() <= 0 ||
		*seen.Percent() <= 0 || *seen.Percent() >= 100 || seen.Version <= 2 {
		t.Errorf("seen: %+v", seen)
	}
	u := uploadNow(t, cedar, id)
	equal(t, "in the end", []any{models.UploadSuccess, "renamed.csv", int64(20_000), 100}, []any{u.Status, u.Filename, u.RowsSoFar(), *u.Percent()})
	if u.Version <= seen.Version {
		t.Errorf("version %d after %d", u.Version, seen.Version)
	}
}

func TestCancelUpload(t *testing.T) {
	t.Parallel()
	w := factory.New(t)
	cedar, harbor := w.Tenant("cedar"), w.Tenant("harbor")
	plain := w.Store
	cancel := func(tenant *factory.Tenant, id models.UploadID, version ...int64) (*models.Upload, error) {
		in := models.Cancellation{ID: id}
		if len(version) > 0 {
			in.ExpectedVersion = &version[0]
		}
		return plain.CancelUpload(t.Context(), tenant.System(), in)
	}
	nothing := func(what string, id models.UploadID) {
		t.Helper()
		u := uploadNow(t, cedar, id)
		equal(t, what, []any{models.UploadFailed, "CANCELLED", true, true, 0, 0},
			[]any{u.Status, *u.ErrorCode, u.ProcessingCompletedAt != nil, u.Worker == nil, len(claims(t, cedar)), chunks(cedar)})
	}
	waiting := queueText(t, cedar, longFile())
	_, err := cancel(harbor, waiting.ID)
	wantCode(t, err, models.CodeNotFound)
	_, err = cancel(cedar, waiting.ID, 7)
	wantCode(t, err, models.CodeStale)
	_, err = plain.CancelUpload(t.Context(), cedar.User(models.RoleViewer), models.Cancellation{ID: waiting.ID})
	wantCode(t, err, models.CodeForbidden)
	must(cancel(cedar, waiting.ID, 1))(t)
	nothing("cancelled while it waited", waiting.ID)
	perform(t, plain, cedar, waiting.ID)
	nothing("and its job came", waiting.ID)

	running := queueText(t, cedar, longFile()).ID // the same bytes
	pausing(w, func() { must(cancel(cedar, running))(t) })
	perform(t, w.Store, cedar, running)
	nothing("cancelled while it was read", running)

	w.Store = plain
	done := queueText(t, cedar, longFile()).ID
	perform(t, plain, cedar, done)
	for _, id := range []models.UploadID{running, done} {
		_, err = cancel(cedar, id)
		wantCode(t, err, models.CodeConflict)
	}
	equal(t, "claims, lines", []int{20_000, 2}, []int{len(claims(t, cedar)), audited(cedar, "upload_cancelled")})
}

// Whoever comes first, cancelling or the end of the file, the upload has one end
// and its claims follow it.
func TestCancelUpload_Races(t *testing.T) {
	t.Parallel()
	cedar := factory.New(t).Tenant("cedar")
	for i := range 6 {
		text := header + line("R"+string(rune('a'+i)), "Aetna")
		id := queueText(t, cedar, text).ID
		var group sync.WaitGroup
		var cancelled error
		group.Go(func() {
			_, cancelled = cedar.Store.CancelUpload(t.Context(), cedar.System(), models.Cancellation{ID: id})
		})
		for range 2 {
			group.Go(func() {
				if err := cedar.Store.PerformUpload(t.Context(), cedar.System(), id); err != nil {
					t.Error(err)
				}
			})
		}
		group.Wait()
		u := uploadNow(t, cedar, id)
		stored := factory.Query[int](cedar, `SELECT count(*) FROM claims WHERE upload_id = ?`, id)
		switch {
		case cancelled == nil && u.Status == models.UploadFailed && stored == 0:
		case models.CodeOf(cancelled) == models.CodeConflict && u.Status == models.UploadSuccess && stored == 1:
		default:
			t.Errorf("cancelling: %v; the upload is %s with %d claims", cancelled, u.Status, stored)
		}
	}
	equal(t, "chunks", 0, chunks(cedar))
}

// An upload in the hands of a living process is left alone; one whose process is
// gone is taken over, by its job or by a new one, and ends once.
func TestPerformUpload_AfterACrash(t *testing.T) {
	t.Parallel()
	for _, byWatchdog := range []bool{false, true} {
		w := factory.New(t)
		cedar := w.Tenant("cedar")
		id := queueText(t, cedar, longFile()).ID
		die := must(store.ClaimUploadAndHold(t.Context(), w.StoreWith(w.DB.App, store.Options{}), cedar.System(), id))(t)
		perform(t, w.Store, cedar, id)
		equal(t, "watched", 0, must(w.Store.ResumeUploads(t.Context()))(t))
		equal(t, "in other hands", models.UploadProcessing, uploadNow(t, cedar, id).Status)
		die()
		if byWatchdog {
			equal(t, "taken up", 1, must(w.Store.ResumeUploads(t.Context()))(t))
			equal(t, "again", 0, must(w.Store.ResumeUploads(t.Context()))(t))
			equal(t, "jobs", 2, uploadJobs(cedar))
		}
		perform(t, w.Store, cedar, id)
		perform(t, w.Store, cedar, id)
		u := uploadNow(t, cedar, id)
		equal(t, "in the end", []any{models.UploadSuccess, 2, 20_000, 0}, []any{u.Status, u.Attempts, len(claims(t, cedar)), chunks(cedar)})
	}
}

// A process that was taken for dead commits nothing when another took over.
func TestPerformUpload_WrongAboutAProcess(t *testing.T) {
	t.Parallel()
	w := factory.New(t)
	cedar := w.Tenant("cedar")
	plain := w.Store
	id := queueText(t, cedar, longFile()).ID
	done := make(chan struct{})
	pausing(w, func() {
		defer close(done)
		if err := asOwner(t, cedar, `UPDATE uploads SET worker = gen_random_uuid() WHERE id = $1`, id.UUID().String()); err != nil {
			t.Error(err)
		}
		perform(t, plain, cedar, id)
	})
	perform(t, w.Store, cedar, id)
	<-done // the driver does not wait for who reads the file
	equal(t, "claims, uploads", []any{20_000, models.UploadSuccess, 1}, []any{len(claims(t, cedar)), uploadNow(t, cedar, id).Status, audited(cedar, "upload_created")})
}

// A job that is interrupted, or fails for reasons that may pass, comes again;
// what fails each time ends.
func TestPerformUpload_TriesAgain(t *testing.T) {
	t.Parallel()
	w := factory.New(t)
	cedar := w.Tenant("cedar")
	plain := w.Store
	id := queueText(t, cedar, longFile()).ID
	ctx, cancel := context.WithCancel(t.Context())
	pausing(w, cancel)
	if err := w.Store.PerformUpload(ctx, cedar.System(), id); !errors.Is(err, context.Canceled) {
		t.Fatalf("error = %v", err)
	}
	u := uploadNow(t, cedar, id)
	equal(t, "put back", []any{models.UploadProcessing, true, 0, 0}, []any{u.Status, u.Worker == nil, u.Attempts, len(claims(t, cedar))})

	if err := asOwner(t, cedar, `DELETE FROM upload_chunks WHERE number = 2`); err != nil {
		t.Fatal(err)
	}
	for attempt := 1; attempt < store.MaxUploadAttempts; attempt++ {
		wantCode(t, plain.PerformUpload(t.Context(), cedar.System(), id), models.CodeInternal)
		u := uploadNow(t, cedar, id)
		equal(t, "put back", []any{models.UploadProcessing, true, attempt}, []any{u.Status, u.Worker == nil, u.Attempts})
	}
	perform(t, plain, cedar, id)
	u = uploadNow(t, cedar, id)
	equal(t, "given up", []any{models.UploadFailed, "INTERNAL", 0, 0}, []any{u.Status, *u.ErrorCode, len(claims(t, cedar)), chunks(cedar)})
	queueText(t, cedar, longFile())
}

func TestResumeUploads(t *testing.T) {
	t.Parallel()
	w := factory.New(t)
	cedar, harbor := w.Tenant("cedar"), w.Tenant("harbor")
	lost, poison := queueText(t, cedar, longFile()).ID, queueText(t, harbor, longFile()).ID
	equal(t, "nothing to do", 0, must(w.Store.ResumeUploads(t.Context()))(t))
	if _, err := w.DB.App.Exec(t.Context(), `UPDATE river.river_job SET state = 'discarded', finalized_at = now() WHERE kind = 'ingest_upload'`); err != nil {
		t.Fatal(err)
	}
	die := must(store.ClaimUploadAndHold(t.Context(), w.StoreWith(w.DB.App, store.Options{}), harbor.System(), poison))(t)
	die()
	if err := asOwner(t, harbor, `UPDATE uploads SET attempts = $1`, store.MaxUploadAttempts); err != nil {
		t.Fatal(err)
	}
	total := make(chan int, 3)
	var group sync.WaitGroup
	for range cap(total) { // as on several servers
		group.Go(func() {
			n, err := w.Store.ResumeUploads(t.Context())
			if err != nil {
				t.Error(err)
			}
			total <- n
		})
	}
	group.Wait()
	close(total)
	sum := 0
	for n := range total {
		sum += n
	}
	equal(t, "seen to", 2, sum)
	u := uploadNow(t, harbor, poison)
	equal(t, "given up", []any{models.UploadFailed, "ABANDONED", 0}, []any{u.Status, *u.ErrorCode, chunks(harbor)})
	equal(t, "jobs", 3, uploadJobs(cedar))
	perform(t, w.Store, cedar, lost)
	equal(t, "taken up", models.UploadSuccess, uploadNow(t, cedar, lost).Status)
}

// What is stored in pieces comes out as it was.
func TestSpool_KeepsEveryByte(t *testing.T) {
	t.Parallel()
	cedar := factory.New(t).Tenant("cedar")
	for _, size := range []int{0, 1, 256 << 10, 256<<10 + 1, 700_001} {
		content := bytes.Repeat([]byte{0, '\\', '\'', 0xff, 'x', '\n', '?'}, size/7+1)[:size]
		in := models.NewUpload{Filename: "x", Source: models.UploadSourceAPI}
		u := must(cedar.Store.QueueUpload(t.Context(), cedar.System(), in, bytes.NewReader(content)))(t)
		got := must(io.ReadAll(store.OpenSpool(t.Context(), cedar.Store, cedar.System(), u)))(t)
		if !bytes.Equal(content, got) {
			t.Errorf("%d bytes came back as %d others", len(content), len(got))
		}
	}
}
