package store_test

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"upstream/internal/factory"
	"upstream/internal/postgres"
	"upstream/models"
	"upstream/store"
)

// named is the viewer of one request under a key. Every call is another
// request, as sent again.
func named(v models.Viewer, key string, request ...string) models.Viewer {
	v.Once = models.NewOnce(key, "POST /here/", []byte(strings.Join(request, "\n")))
	return v
}

func newKey(name string) models.NewAPIKey {
	return models.NewAPIKey{Name: name, Scopes: []models.Scope{models.ScopeClaimsRead}}
}

// keptKeys counts the customer's idempotency keys.
func keptKeys(t *factory.Tenant) int {
	return factory.Query[int](t, `SELECT count(*) FROM idempotency_keys`)
}

func keysOf(t *factory.Tenant) int { return factory.Query[int](t, `SELECT count(*) FROM api_keys`) }

func TestIdempotency_TheFirstAnswerAgain(t *testing.T) {
	t.Parallel()
	cedar := factory.New(t).Tenant("cedar")
	owner := cedar.User(models.RoleOwner)
	first, again := named(owner, "k"), named(owner, "k")
	issued := must(cedar.Store.CreateAPIKey(t.Context(), first, newKey("Partner")))(t)
	lines := factory.Query[int](cedar, `SELECT count(*) FROM audit_events`)
	replayed := must(cedar.Store.CreateAPIKey(t.Context(), again, newKey("Partner")))(t)
	equal(t, "secret", string(issued.Text), string(replayed.Text))
	equal(t, "key", fmt.Sprintf("%+v", *issued.APIKey), fmt.Sprintf("%+v", *replayed.APIKey))
	equal(t, "replayed", []bool{false, true}, []bool{first.Once.Replayed(), again.Once.Replayed()})
	equal(t, "keys, new audit lines", []int{1, 0}, []int{keysOf(cedar), factory.Query[int](cedar, `SELECT count(*) FROM audit_events`) - lines})

	// The row says nothing of what it holds.
	row := factory.Query[string](cedar, `SELECT to_jsonb(k)::text || encode(result_sealed, 'escape') FROM idempotency_keys k`)
	for _, secret := range []string{string(issued.Text), "Partner", issued.APIKey.Prefix} {
		if strings.Contains(row, secret) {
			t.Errorf("the row shows %s", secret)
		}
	}
	// What happens to the key afterwards does not change what was answered.
	must(cedar.Store.RevokeAPIKey(t.Context(), owner, issued.APIKey.ID, nil))(t)
	if later := must(cedar.Store.CreateAPIKey(t.Context(), named(owner, "k"), newKey("Partner")))(t); later.APIKey.RevokedAt != nil {
		t.Error("the answer has changed")
	}
}

func TestIdempotency_AnotherRequest(t *testing.T) {
	t.Parallel()
	cedar := factory.New(t).Tenant("cedar")
	owner := cedar.User(models.RoleOwner)
	must(cedar.Store.CreateAPIKey(t.Context(), named(owner, "k", "a"), newKey("a")))(t)
	other := named(owner, "k", "b")
	_, err := cedar.Store.CreateAPIKey(t.Context(), other, newKey("b"))
	equal(t, "fields", []string{"Idempotency-Key:reused"}, fieldPaths(wantCode(t, err, models.CodeValidation)))
	equal(t, "keys, replayed, refused", []any{1, false, true}, []any{keysOf(cedar), other.Once.Replayed(), errors.Is(other.Once.Refused(), err)})
}

// A key is its sender's, of one customer, for one operation.
func TestIdempotency_WhoseKeyItIs(t *testing.T) {
	t.Parallel()
	w := factory.New(t)
	cedar, harbor := w.Tenant("cedar"), w.Tenant("harbor")
	owner := cedar.User(models.RoleOwner)
	both := models.Viewer{UserID: owner.UserID, Email: owner.Email, Superuser: true, CustomerID: harbor.Customer.ID}
	machine := models.Viewer{KeyID: models.APIKeyID{}.From(owner.UserID.UUID()), CustomerID: cedar.Customer.ID, System: true}
	elsewhere := owner
	elsewhere.Once = models.NewOnce("k", "POST /elsewhere/", nil)
	seen := map[models.APIKeyText]bool{}
	for i, v := range []models.Viewer{
		named(owner, "k"), named(cedar.User(models.RoleOwner), "k"), named(both, "k"), named(machine, "k"), elsewhere, named(owner, "K"),
	} {
		issued := must(w.Store.CreateAPIKey(t.Context(), v, newKey(strconv.Itoa(i))))(t)
		if seen[issued.Text] || v.Once.Replayed() {
			t.Errorf("the %d. is answered with what somebody else was", i)
		}
		seen[issued.Text] = true
	}
	// A superuser has one answer for each customer.
	both.CustomerID = cedar.Customer.ID
	both.Superuser = true
	equal(t, "of the superuser as a member", true, func() bool {
		again := named(both, "k")
		must(w.Store.CreateAPIKey(t.Context(), again, newKey("new")))(t)
		return again.Once.Replayed()
	}())
}

func TestIdempotency_PermissionsComeFirst(t *testing.T) {
	t.Parallel()
	cedar := factory.New(t).Tenant("cedar")
	owner := cedar.User(models.RoleOwner)
	must(cedar.Store.CreateAPIKey(t.Context(), named(owner, "k"), newKey("Partner")))(t)
	demoted := named(owner, "k")
	demoted.Role = models.RoleAnalyst
	_, err := cedar.Store.CreateAPIKey(t.Context(), demoted, newKey("Partner"))
	wantCode(t, err, models.CodeForbidden)
	equal(t, "replayed", false, demoted.Once.Replayed())
}

// What leaves nothing behind is not kept: the request may be sent again.
func TestIdempotency_FailuresAreNotKept(t *testing.T) {
	t.Parallel()
	cedar := factory.New(t).Tenant("cedar")
	owner := cedar.User(models.RoleOwner)
	must(cedar.Store.CreateAPIKey(t.Context(), owner, newKey("Partner")))(t)
	_, err := cedar.Store.CreateAPIKey(t.Context(), named(owner, "k"), newKey("partner"))
	wantCode(t, err, models.CodeConflict)
	_, err = cedar.Store.CreateAPIKey(t.Context(), named(owner, "k", "other"), newKey(""))
	wantCode(t, err, models.CodeValidation)
	_, err = cedar.Store.RevokeAPIKey(t.Context(), named(owner, "k"), models.APIKeyID{}, nil)
	wantCode(t, err, models.CodeNotFound)
	equal(t, "kept", 0, keptKeys(cedar))
	must(cedar.Store.CreateAPIKey(t.Context(), named(owner, "k"), newKey("Another")))(t)
	equal(t, "kept", 1, keptKeys(cedar))
}

// A transaction that rolls back leaves neither effect nor key: not when its
// result cannot be kept, and not when it breaks off after that.
func TestIdempotency_RollbackLeavesNothing(t *testing.T) {
	t.Parallel()
	w := factory.New(t)
	cedar := w.Tenant("cedar")
	owner := cedar.User(models.RoleOwner)
	unsealed := store.New(w.DB.App, store.Options{Now: factory.Now})
	t.Cleanup(func() { _ = unsealed.Close() })
	_, err := unsealed.CreateAPIKey(t.Context(), named(owner, "k"), newKey("Partner"))
	wantCode(t, err, models.CodeInternal)

	// Audit lines are written after the result.
	interrupted, ctx := interruptedAt(t, w, "audit_events")
	_, err = interrupted.CreateAPIKey(ctx, named(owner, "k"), newKey("Partner"))
	if !errors.Is(err, context.Canceled) {
		t.Errorf("the interrupted request answers %v", err)
	}
	equal(t, "keys, kept", []int{0, 0}, []int{keysOf(cedar), keptKeys(cedar)})
	// The server may take a moment to notice that the transaction is over.
	for models.AsError(err).RetryAfter > 0 || errors.Is(err, context.Canceled) {
		_, err = w.Store.CreateAPIKey(t.Context(), named(owner, "k"), newKey("Partner"))
	}
	if err != nil {
		t.Fatal(err)
	}
	equal(t, "keys, kept", []int{1, 1}, []int{keysOf(cedar), keptKeys(cedar)})
}

// interruptedAt is a store, and a context that ends before its first statement
// with this word.
func interruptedAt(t *testing.T, w *factory.World, word string) (*store.Store, context.Context) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	r := &tracer{before: func(sql string) {
		if strings.Contains(sql, word) {
			cancel()
		}
	}}
	return w.StoreWith(w.Pool(postgres.PoolOptions{Tracer: r}), store.Options{}), ctx
}

// contest sends one request 32 times at once to two stores, and answers with
// the results. Each is the first answer or a refusal that says when to ask again.
func contest[T any](t *testing.T, w *factory.World, do func(*store.Store) (T, *models.Once, error)) (results []T, effects int) {
	t.Helper()
	stores := []*store.Store{w.Store, w.StoreWith(w.DB.App, store.Options{})}
	var mu sync.Mutex
	var wg sync.WaitGroup
	for i := range 32 {
		wg.Go(func() {
			result, once, err := do(stores[i%2])
			mu.Lock()
			defer mu.Unlock()
			switch e := models.AsError(err); {
			case err == nil:
				results = append(results, result)
				if !once.Replayed() {
					effects++
				}
			case e.Code != models.CodeConflict || e.RetryAfter <= 0 || len(e.Fields) != 1 || e.Fields[0].Code != "in_flight" || once.Refused() == nil:
				t.Errorf("a duplicate is answered with %v", err)
			}
		})
	}
	wg.Wait()
	return results, effects
}

func TestIdempotency_ConcurrentDuplicates(t *testing.T) {
	t.Parallel()
	w := factory.New(t)
	cedar := w.Tenant("cedar")
	owner := cedar.User(models.RoleOwner)
	issued, effects := contest(t, w, func(s *store.Store) (*models.IssuedAPIKey, *models.Once, error) {
		v := named(owner, "k")
		key, err := s.CreateAPIKey(t.Context(), v, newKey("Partner"))
		return key, v.Once, err
	})
	equal(t, "effects, keys, kept", []int{1, 1, 1}, []int{effects, keysOf(cedar), keptKeys(cedar)})
	for _, key := range issued {
		equal(t, "secret", string(issued[0].Text), string(key.Text))
	}
}

func TestIdempotency_ConcurrentDetections(t *testing.T) {
	t.Parallel()
	w := factory.New(t)
	cedar := w.Tenant("cedar")
	cedar.Drifting()
	analyst := cedar.User(models.RoleAnalyst)
	runs, effects := contest(t, w, func(s *store.Store) (*models.ReportRun, *models.Once, error) {
		v := named(analyst, "k")
		run, err := s.DetectDrift(t.Context(), v, models.DetectInput{})
		return run, v.Once, err
	})
	equal(t, "effects, runs", []int{1, 1}, []int{effects, len(runsOf(t, cedar))})
	for _, run := range runs {
		equal(t, "run", fmt.Sprintf("%s %s %d", runs[0].ID, runs[0].SummaryJSON, runs[0].Version), fmt.Sprintf("%s %s %d", run.ID, run.SummaryJSON, run.Version))
	}
}

func TestIdempotency_ConcurrentUploads(t *testing.T) {
	t.Parallel()
	w := factory.New(t)
	cedar := w.Tenant("cedar")
	analyst := cedar.User(models.RoleAnalyst)
	file := string(cedar.CSV(factory.Batch{Payer: "A", CPT: "99213", FirstDay: factory.Today().AddDays(-30), Days: 5, Count: 20, Outcome: models.OutcomePaid}))
	uploads, effects := contest(t, w, func(s *store.Store) (*models.Upload, *models.Once, error) {
		v := named(analyst, "k")
		v.Once.Streamed()
		upload, err := s.Ingest(t.Context(), v, models.NewUpload{Filename: "a.csv", Source: models.UploadSourceAPI}, strings.NewReader(file))
		return upload, v.Once, err
	})
	equal(t, "effects, uploads", []int{1, 1}, []int{effects, factory.Query[int](cedar, `SELECT count(*) FROM uploads`)})
	for _, upload := range uploads {
		equal(t, "upload", uploads[0], upload)
	}
}

func TestIdempotency_Uploads(t *testing.T) {
	t.Parallel()
	cedar := factory.New(t).Tenant("cedar")
	analyst := cedar.User(models.RoleAnalyst)
	send := func(key, name, text string) (*models.Upload, bool, error) {
		v := named(analyst, key)
		v.Once.Streamed()
		upload, err := cedar.Store.Ingest(t.Context(), v, models.NewUpload{Filename: name, Source: models.UploadSourceAPI}, strings.NewReader(text))
		return upload, v.Once.Replayed(), err
	}
	refused := "payer,cpt,submitted_date,decided_date,outcome\n,99213,2026-05-01,2026-05-15,PAID\n"
	// A file that was refused has left its upload: to send it again makes no other.
	first, replayed, why := send("k", "a.csv", refused)
	again, replayedAgain, whyAgain := send("k", "a.csv", refused)
	equal(t, "upload", first, again)
	equal(t, "replayed", []bool{false, true}, []bool{replayed, replayedAgain})
	equal(t, "why", fmt.Sprintf("%v %v", wantCode(t, why, models.CodeValidation).Message, fieldPaths(models.AsError(why))),
		fmt.Sprintf("%v %v", wantCode(t, whyAgain, models.CodeValidation).Message, fieldPaths(models.AsError(whyAgain))))
	// The bytes and the name of the file are a part of the request.
	for what, send := range map[string]func() (*models.Upload, bool, error){
		"other bytes": func() (*models.Upload, bool, error) { return send("k", "a.csv", refused+"\n") },
		"other name":  func() (*models.Upload, bool, error) { return send("k", "b.csv", refused) },
	} {
		_, _, err := send()
		equal(t, what, []string{"Idempotency-Key:reused"}, fieldPaths(wantCode(t, err, models.CodeValidation)))
	}
	// One that breaks off is tried again.
	v := named(analyst, "torn")
	v.Once.Streamed()
	if _, err := cedar.Store.Ingest(t.Context(), v, models.NewUpload{Filename: "a.csv", Source: models.UploadSourceAPI}, &torn{}); err == nil {
		t.Error("a torn file was taken")
	}
	equal(t, "kept", 1, keptKeys(cedar))
}

// A key whose request is known only in part is never acted on.
func TestIdempotency_StreamsAreCounted(t *testing.T) {
	t.Parallel()
	cedar := factory.New(t).Tenant("cedar")
	v := named(cedar.User(models.RoleOwner), "k")
	v.Once.Streamed()
	_, err := cedar.Store.CreateAPIKey(t.Context(), v, newKey("Partner"))
	wantCode(t, err, models.CodeInternal)
	equal(t, "keys", 0, keysOf(cedar))
}

func TestIdempotency_Expiry(t *testing.T) {
	t.Parallel()
	w := factory.New(t)
	cedar := w.Tenant("cedar")
	owner := cedar.User(models.RoleOwner)
	at := func(after time.Duration) *store.Store {
		return w.StoreWith(w.DB.App, store.Options{Now: func() time.Time { return factory.Now().Add(after) }})
	}
	expiring := newKey("Partner")
	expiring.ExpiresAt = new(factory.Now().Add(time.Hour))
	first := must(w.Store.CreateAPIKey(t.Context(), named(owner, "k"), expiring))(t)
	// The answer is there for a day, whatever the request would mean by now.
	last := must(at(models.IdempotencyTTL-time.Second).CreateAPIKey(t.Context(), named(owner, "k"), expiring))(t)
	equal(t, "secret", string(first.Text), string(last.Text))
	// After that the key is free.
	other := must(at(models.IdempotencyTTL).CreateAPIKey(t.Context(), named(owner, "k", "another"), newKey("New")))(t)
	if other.Text == first.Text {
		t.Error("an expired answer was given")
	}
	equal(t, "kept", 1, keptKeys(cedar))
}

// Housekeeping deletes in bounded steps, and sees nothing that is not expired.
func TestIdempotency_Purge(t *testing.T) {
	t.Parallel()
	w := factory.New(t)
	cedar, harbor := w.Tenant("cedar"), w.Tenant("harbor")
	ago := func(age time.Duration) *store.Store {
		return w.StoreWith(w.DB.App, store.Options{Now: func() time.Time { return time.Now().Add(-age) }})
	}
	old, young := ago(models.IdempotencyTTL+time.Minute), ago(0)
	for _, clinic := range []*factory.Tenant{cedar, harbor} {
		owner := clinic.User(models.RoleOwner)
		must(old.CreateAPIKey(t.Context(), named(owner, "old"), newKey("old")))(t)
		must(young.CreateAPIKey(t.Context(), named(owner, "young"), newKey("young")))(t)
	}
	wantRows(t, w.DB, settings{system: true}, "idempotency_keys", 2)
	wantUntouched(t, w.DB, settings{system: true}, `DELETE FROM idempotency_keys WHERE expires_at > now()`)
	wantUntouched(t, w.DB, settings{system: true}, `UPDATE idempotency_keys SET result_sealed = result_sealed`)
	equal(t, "deleted", int64(2), must(young.PurgeIdempotencyKeys(t.Context()))(t))
	equal(t, "deleted again", int64(0), must(young.PurgeIdempotencyKeys(t.Context()))(t))
	equal(t, "kept", []int{1, 1}, []int{keptKeys(cedar), keptKeys(harbor)})
}

// Retired keys open what was kept, until it is sealed anew.
func TestIdempotency_RotatedSecrets(t *testing.T) {
	t.Parallel()
	w := factory.New(t)
	cedar := w.Tenant("cedar")
	owner := cedar.User(models.RoleOwner)
	old := w.StoreWith(w.DB.App, store.Options{Sealer: stamp{key: "old"}})
	both := w.StoreWith(w.DB.App, store.Options{Sealer: stamp{key: "new", retired: []string{"old"}}})
	alone := w.StoreWith(w.DB.App, store.Options{Sealer: stamp{key: "new"}})
	first := must(old.CreateAPIKey(t.Context(), named(owner, "k"), newKey("Partner")))(t)
	early := must(both.CreateAPIKey(t.Context(), named(owner, "k"), newKey("Partner")))(t)
	equal(t, "secret, before it is sealed anew", string(first.Text), string(early.Text))
	_, err := alone.CreateAPIKey(t.Context(), named(owner, "k"), newKey("Partner"))
	wantCode(t, err, models.CodeInternal)
	resealed := map[string]int64{}
	for _, column := range must(both.RotateSecrets(t.Context()))(t) {
		resealed[column.Table] = column.Resealed
	}
	equal(t, "resealed", int64(1), resealed["idempotency_keys"])
	again := must(alone.CreateAPIKey(t.Context(), named(owner, "k"), newKey("Partner")))(t)
	equal(t, "secret", string(first.Text), string(again.Text))
}

// A detection that failed may be asked for again; one that a crash cut off is
// made anew, and can then not end beside the new one; and one that is under way
// is refused, by every process.
func TestIdempotency_DetectionsThatDidNotEnd(t *testing.T) {
	t.Parallel()
	w := factory.New(t)
	cedar := w.Tenant("cedar")
	cedar.Drifting()
	analyst := cedar.User(models.RoleAnalyst)
	detect := func(s *store.Store) (*models.ReportRun, *models.Once, error) {
		v := named(analyst, "k")
		run, err := s.DetectDrift(t.Context(), v, models.DetectInput{})
		return run, v.Once, err
	}
	dying := w.StoreWith(w.DB.App, store.Options{})
	abandoned, die, err := store.StartAndHold(t.Context(), dying, named(analyst, "k"))
	if err != nil {
		t.Fatal(err)
	}
	_, once, err := detect(w.Store)
	equal(t, "fields", []string{"Idempotency-Key:in_flight"}, fieldPaths(wantCode(t, err, models.CodeConflict)))
	equal(t, "refused", true, once.Refused() != nil)

	die()
	run, once, err := detect(w.Store)
	if err != nil || once.Replayed() {
		t.Fatalf("after the crash: %v", err)
	}
	left := must(w.Store.ReportRun(t.Context(), analyst, abandoned.ID))(t)
	equal(t, "the run that was cut off", []any{models.RunFailed, "ABANDONED"}, []any{left.Status, *left.ErrorCode})
	if _, err := store.Compute(t.Context(), dying, named(analyst, "k"), abandoned); models.CodeOf(err) != models.CodeConflict {
		t.Errorf("the run that was cut off ended with %v", err)
	}
	again, once, err := detect(dying)
	if err != nil || !once.Replayed() || again.ID != run.ID {
		t.Errorf("replay: %v, %v", again, err)
	}
	equal(t, "runs", 2, len(runsOf(t, cedar)))

	// One that failed leaves the key free.
	canceled, ctx := interruptedAt(t, w, "drift_tests")
	if _, err := canceled.DetectDrift(ctx, named(analyst, "other"), models.DetectInput{}); err == nil {
		t.Fatal("the canceled run ended")
	}
	v := named(analyst, "other")
	second := must(w.Store.DetectDrift(t.Context(), v, models.DetectInput{}))(t)
	equal(t, "replayed, status", []any{false, models.RunSuccess}, []any{v.Once.Replayed(), second.Status})
}

func TestIdempotency_Triggers(t *testing.T) {
	t.Parallel()
	w := factory.New(t)
	cedar := w.Tenant("cedar")
	cedar.Drifting()
	analyst := cedar.User(models.RoleAnalyst)
	run := must(w.Store.TriggerReport(t.Context(), named(analyst, "k"), models.DetectInput{}))(t)
	if err := w.Store.PerformRun(t.Context(), cedar.System(), run.ID); err != nil {
		t.Fatal(err)
	}
	v := named(analyst, "k")
	again := must(w.Store.TriggerReport(t.Context(), v, models.DetectInput{}))(t)
	equal(t, "run", run, again)
	equal(t, "runs, jobs, replayed", []any{1, 1, true}, []any{len(runsOf(t, cedar)), detectJobs(t, w), v.Once.Replayed()})
}
