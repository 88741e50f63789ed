package store_test

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"upstream/internal/factory"
	"upstream/models"
	"upstream/store"
)

// lines lists the customer's log in the order of its chain.
func lines(t tester, tenant *factory.Tenant, f models.AuditEventFilter) []*models.AuditEvent {
	t.Helper()
	l := everyRow[models.AuditEventOrderField]()
	l.OrderBy = []models.AuditEventOrder{{Field: models.AuditEventOrderSeq, Direction: models.Ascending}}
	return must(tenant.Store.AuditEvents(context.Background(), tenant.System(), f, l))(t).Items
}

func actions(t tester, tenant *factory.Tenant) string {
	t.Helper()
	var names []string
	for _, l := range lines(t, tenant, models.AuditEventFilter{}) {
		names = append(names, l.Action)
	}
	return strings.Join(names, " ")
}

// superuser is an operator as the API makes one, acting for the tenant.
func superuser(t tester, tenant *factory.Tenant) models.Viewer {
	t.Helper()
	user := must(tenant.Store.CreateUser(context.Background(), models.CustomerID{},
		models.NewUser{Email: "root-" + uuid.NewString() + "@x.test", PasswordHash: "h", Superuser: true}))(t)
	return models.Viewer{
		UserID: user.ID, Email: user.Email, Superuser: true, CustomerID: tenant.Customer.ID,
		RequestID: "req-9", RemoteAddr: "192.0.2.9",
	}
}

// platformLog are the actions of lines without a customer, which no API shows.
func platformLog(t testing.TB, w *factory.World) []string {
	t.Helper()
	tx, err := w.DB.Owner.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = tx.Rollback(context.Background()) }()
	var all []string
	if _, err := tx.Exec(t.Context(), `SELECT set_config('app.system', 'on', true)`); err != nil {
		t.Fatal(err)
	}
	err = tx.QueryRow(t.Context(), `SELECT array_agg(action || ' ' || coalesce(entity_id, '') ORDER BY seq) FROM audit_events
		WHERE customer_id IS NULL`).Scan(&all)
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// The log of a customer from its first day on, in full.
func TestAudit_EveryEventIsEmitted(t *testing.T) {
	t.Parallel()
	w := factory.New(t)
	cedar := w.Tenant("cedar")
	ctx, s := t.Context(), w.Store
	analyst := cedar.User(models.RoleAnalyst)
	analyst.RequestID, analyst.RemoteAddr = "req-1", "192.0.2.7"
	if err := store.AuditSignIn(ctx, s, analyst); err != nil {
		t.Fatal(err)
	}
	must(s.CreatePayerMapping(ctx, analyst, models.NewPayerMapping{RawName: "AETNA INC", NormalizedName: "Aetna"}))(t)
	text := header + line("C1", "Aetna") + line("123-45-6789", "Aetna")
	upload := must(s.Ingest(ctx, analyst, models.NewUpload{Filename: "Doe John.csv", Source: models.UploadSourceAPI}, strings.NewReader(text)))(t)
	_, err := s.Ingest(ctx, analyst, models.NewUpload{Filename: "x.csv", Source: models.UploadSourceAPI}, strings.NewReader("nonsense"))
	wantCode(t, err, models.CodeValidation)
	claim := must(s.Claims(ctx, analyst, models.ClaimFilter{}, everyRow[models.ClaimOrderField]()))(t).Items[0]
	must(s.Claim(ctx, analyst, claim.ID))(t)
	_, err = s.Claim(ctx, analyst, models.ClaimID{}.From(uuid.New()))
	wantCode(t, err, models.CodeNotFound)
	equal(t, "found", 1, len(must(s.ClaimsByID(ctx, analyst, []models.ClaimID{claim.ID, models.ClaimID{}.From(uuid.New())}))(t)))
	run := must(s.DetectDrift(ctx, analyst, models.DetectInput{}))(t)

	equal(t, "actions", "member_added login_succeeded payer_mapping_created phi_detection_in_upload upload_created upload_failed "+
		strings.Repeat("claim_viewed ", 2)+"report_run_started report_run_completed", actions(t, cedar))
	for i, l := range lines(t, cedar, models.AuditEventFilter{}) {
		equal(t, "number", int64(i+1), l.Seq)
		if i == 0 {
			equal(t, "the operator's command", []any{models.ActorSystem, "system", (*string)(nil), (*string)(nil)}, []any{l.ActorType, l.Actor, l.ActorID, l.RequestID})
			continue
		}
		equal(t, l.Action, []any{models.ActorUser, analyst.Email, new(analyst.UserID.String()), "req-1", "192.0.2.7", &analyst.UserID},
			[]any{l.ActorType, l.Actor, l.ActorID, *l.RequestID, *l.RemoteAddr, l.UserID})
	}
	said := func(action string) []string {
		l := lines(t, cedar, models.AuditEventFilter{Action: &action})[0]
		return []string{l.EntityType + " " + *l.EntityID, compact(t, l.Before), compact(t, l.After)}
	}
	equal(t, "mapping", []string{`null`, `{"normalized_name":"Aetna","raw_name":"AETNA INC"}`}, said("payer_mapping_created")[1:])
	equal(t, "upload", []string{"upload " + upload.ID.String(), `null`, `{"accepted_row_count":1,"file_hash":"` + *upload.FileHash +
		`","rejected_row_count":1,"status":"partial","upload_source":"api"}`}, said("upload_created"))
	equal(t, "member", []string{`null`, `{"role":"analyst","user_id":"` + analyst.UserID.String() + `"}`}, said("member_added")[1:])
	equal(t, "run", []string{"report_run " + run.ID.String(), `{"status":"running"}`, `{"drift_event_count":0,"status":"success","test_count":0}`},
		said("report_run_completed"))
	equal(t, "viewed", []string{"claim " + claim.ID.String(), "null", "null"}, said("claim_viewed"))
	if got := platformLog(t, w); len(got) != 2 || !strings.HasPrefix(got[0], "customer_created") || !strings.HasPrefix(got[1], "user_created") {
		t.Errorf("the platform's log: %v", got)
	}
	all := factory.Query[string](cedar, `SELECT string_agg(to_jsonb(a)::text, ' ') FROM audit_events a`)
	for _, secret := range []string{"not a hash", "123-45-6789", "Doe John"} {
		if strings.Contains(all, secret) {
			t.Errorf("the log holds %q", secret)
		}
	}
}

func compact(t tester, raw json.RawMessage) string {
	t.Helper()
	if raw == nil {
		return "null"
	}
	var value any
	if err := json.Unmarshal(raw, &value); err != nil {
		t.Fatal(err)
	}
	return string(must(json.Marshal(value))(t))
}

func TestAudit_PasswordsAreNeverShown(t *testing.T) {
	t.Parallel()
	w := factory.New(t)
	v := w.Tenant("cedar").User(models.RoleViewer)
	if err := w.Store.SetPassword(t.Context(), v.UserID, "$argon2id$canary"); err != nil {
		t.Fatal(err)
	}
	equal(t, "newest line", "password_set "+v.UserID.String(), platformLog(t, w)[2])
	var text string
	tx := must(w.DB.Owner.Begin(t.Context()))(t)
	defer func() { _ = tx.Rollback(context.Background()) }()
	if _, err := tx.Exec(t.Context(), `SELECT set_config('app.system', 'on', true)`); err != nil {
		t.Fatal(err)
	}
	if err := tx.QueryRow(t.Context(), `SELECT string_agg(to_jsonb(a)::text, ' ') FROM audit_events a`).Scan(&text); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(text, "canary") || strings.Contains(text, "not a hash") || strings.Count(text, `"password_hash": "[REDACTED]"`) != 3 {
		t.Errorf("log: %s", text)
	}
}

func TestAudit_SuperuserAccess(t *testing.T) {
	t.Parallel()
	w := factory.New(t)
	cedar := w.Tenant("cedar")
	cedar.Drifting()
	s := w.Store
	root := superuser(t, cedar)
	accesses := func() int { return audited(cedar, "superuser_access") }
	get := func(ctx context.Context) {
		must(s.Customer(ctx, root))(t)
		must(s.Uploads(ctx, root, models.UploadFilter{}, everyRow[models.UploadOrderField]()))(t)
	}
	// One request, whose fields are resolved side by side: one line.
	request, _ := store.WithStats(t.Context())
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() { get(request) })
	}
	wg.Wait()
	equal(t, "lines of one request", 1, accesses())
	l := lines(t, cedar, models.AuditEventFilter{Action: new("superuser_access")})[0]
	equal(t, "line", []any{models.ActorSuperuser, root.Email, root.UserID.String(), "req-9", "192.0.2.9", cedar.Customer.ID.String()},
		[]any{l.ActorType, l.Actor, *l.ActorID, *l.RequestID, *l.RemoteAddr, *l.EntityID})
	// Another request says the same request id: another line.
	request, _ = store.WithStats(t.Context())
	get(request)
	equal(t, "lines of two requests", 2, accesses())
	// An access that finds nothing, and one that fails, are accesses.
	_, err := s.Claim(t.Context(), root, models.ClaimID{}.From(uuid.New()))
	wantCode(t, err, models.CodeNotFound)
	_, err = s.CreatePayerMapping(t.Context(), root, models.NewPayerMapping{RawName: "a", NormalizedName: "b"})
	if err != nil {
		t.Fatal(err)
	}
	equal(t, "lines of four", 4, accesses())
	// Detection is many transactions of one request.
	request, _ = store.WithStats(t.Context())
	must(s.DetectDrift(request, root, models.DetectInput{}))(t)
	equal(t, "lines of five", 5, accesses())
	// A customer that does not exist: nothing is found, yet it was tried.
	lost := root
	lost.CustomerID = models.CustomerID{}.From(uuid.New())
	_, err = s.Customer(t.Context(), lost)
	wantCode(t, err, models.CodeNotFound)
	if log := platformLog(t, w); !slices.Contains(log, "superuser_access "+lost.CustomerID.String()) {
		t.Errorf("the platform's log: %v", log)
	}
	// Members leave no such line.
	must(s.Customer(t.Context(), cedar.User(models.RoleOwner)))(t)
	equal(t, "lines in the end", 5, accesses())
	proven(t, s, cedar.Customer.ID)
	proven(t, s, models.CustomerID{})
}

// Without a line there is no access.
func TestAudit_NoSuperuserAccessWithoutItsLine(t *testing.T) {
	t.Parallel()
	w := factory.New(t)
	cedar := w.Tenant("cedar")
	root := superuser(t, cedar)
	tamper(t, cedar, `ALTER TABLE audit_events ADD CONSTRAINT audit_events_full_check CHECK (action <> 'superuser_access') NOT VALID`)
	request, _ := store.WithStats(t.Context())
	for range 2 { // the failure is not remembered as an access
		_, err := w.Store.Customer(request, root)
		wantCode(t, err, models.CodeInternal)
	}
	tamper(t, cedar, `ALTER TABLE audit_events DROP CONSTRAINT audit_events_full_check`)
	must(w.Store.Customer(request, root))(t)
	equal(t, "lines", 1, audited(cedar, "superuser_access"))
}

func TestAuditEvents_WhoMayRead(t *testing.T) {
	t.Parallel()
	w := factory.New(t)
	cedar, harbor := w.Tenant("cedar"), w.Tenant("harbor")
	harbor.User(models.RoleViewer)
	mine, theirs := cedar.User(models.RoleAdmin), lines(t, harbor, models.AuditEventFilter{})[0]
	event := lines(t, cedar, models.AuditEventFilter{})[0]
	for role, may := range map[models.Role]bool{
		models.RoleOwner: true, models.RoleAdmin: true, models.RoleAnalyst: false, models.RoleViewer: false,
	} {
		v := cedar.User(role)
		_, listErr := w.Store.AuditEvents(t.Context(), v, models.AuditEventFilter{}, everyRow[models.AuditEventOrderField]())
		_, oneErr := w.Store.AuditEvent(t.Context(), v, event.ID)
		_, manyErr := w.Store.AuditEventsByID(t.Context(), v, []models.AuditEventID{event.ID})
		for _, err := range []error{listErr, oneErr, manyErr} {
			if (err == nil) != may || err != nil && models.CodeOf(err) != models.CodeForbidden {
				t.Errorf("%s: %v", role, err)
			}
		}
	}
	equal(t, "one", event.Hash, must(w.Store.AuditEvent(t.Context(), mine, event.ID))(t).Hash)
	_, err := w.Store.AuditEvent(t.Context(), mine, theirs.ID)
	wantCode(t, err, models.CodeNotFound)
	equal(t, "theirs", 0, len(must(w.Store.AuditEventsByID(t.Context(), mine, []models.AuditEventID{theirs.ID}))(t)))
	for _, l := range lines(t, cedar, models.AuditEventFilter{}) {
		equal(t, "customer", cedar.Customer.ID, *l.CustomerID)
	}
}

func TestAuditEvents_Filters(t *testing.T) {
	t.Parallel()
	w := factory.New(t)
	cedar := w.Tenant("cedar")
	ada, bea := cedar.User(models.RoleOwner), cedar.User(models.RoleAnalyst)
	for _, v := range []models.Viewer{ada, bea, ada} {
		if err := store.AuditSignIn(t.Context(), w.Store, v); err != nil {
			t.Fatal(err)
		}
	}
	later := w.StoreWith(w.DB.App, store.Options{Now: func() time.Time { return factory.Now().Add(time.Hour) }})
	mapping := must(later.CreatePayerMapping(t.Context(), bea, models.NewPayerMapping{RawName: "a", NormalizedName: "b"}))(t)
	instant := factory.Now().Add(30 * time.Minute)
	for name, tt := range map[string]struct {
		filter models.AuditEventFilter
		search string
		want   int
	}{
		"all":           {models.AuditEventFilter{}, "", 6},
		"action":        {models.AuditEventFilter{Action: new("login_succeeded")}, "", 3},
		"no action":     {models.AuditEventFilter{Action: new("login")}, "", 0},
		"user":          {models.AuditEventFilter{User: &ada.UserID}, "", 2},
		"kind of actor": {models.AuditEventFilter{ActorType: new(models.ActorSystem)}, "", 2},
		"entity":        {models.AuditEventFilter{EntityType: new("payer_mapping"), EntityID: new(mapping.ID.String())}, "", 1},
		"another kind":  {models.AuditEventFilter{EntityType: new("claim"), EntityID: new(mapping.ID.String())}, "", 0},
		"after":         {models.AuditEventFilter{OccurredAfter: &instant}, "", 1},
		"before":        {models.AuditEventFilter{OccurredBefore: &instant}, "", 5},
		"search":        {models.AuditEventFilter{}, "LOGIN " + ada.Email, 2},
	} {
		l := everyRow[models.AuditEventOrderField]()
		l.Search, l.Page.WantTotal = tt.search, true
		rows := must(w.Store.AuditEvents(t.Context(), ada, tt.filter, l))(t)
		equal(t, name, []int64{int64(tt.want), int64(tt.want)}, []int64{int64(len(rows.Items)), *rows.Total})
	}
	newest := must(w.Store.AuditEvents(t.Context(), ada, models.AuditEventFilter{}, models.List[models.AuditEventOrderField]{Page: models.Page{Limit: 1}}))(t)
	equal(t, "newest first", "payer_mapping_created", newest.Items[0].Action)
}

func TestDiff(t *testing.T) {
	t.Parallel()
	type row struct {
		ID           string  `bun:"id,pk"`
		Name         string  `bun:"name"`
		Email        *string `bun:"email"`
		PasswordHash string  `bun:"password_hash"`
		FileHash     string  `bun:"file_hash"`
		Filename     string  `bun:"filename"`
		Version      int     `bun:"version"`
		UpdatedAt    int     `bun:"updated_at"`
		Derived      string
	}
	old := &row{"1", "a", nil, "s1", "f1", "n1", 1, 1, "x"}
	for name, tt := range map[string]struct {
		before, after *row
		was, is       map[string]any
	}{
		"created": {nil, old, nil, map[string]any{"name": "a", "email": (*string)(nil), "password_hash": "[REDACTED]", "file_hash": "f1", "filename": "[REDACTED]"}},
		"removed": {old, nil, map[string]any{"name": "a", "email": (*string)(nil), "password_hash": "[REDACTED]", "file_hash": "f1", "filename": "[REDACTED]"}, nil},
		"same":    {old, &row{"1", "a", nil, "s1", "f1", "n1", 2, 2, "y"}, map[string]any{}, map[string]any{}},
		"changed": {old, &row{"1", "b", new("e"), "s1", "f1", "n1", 2, 2, "x"}, map[string]any{"name": "a", "email": (*string)(nil)}, map[string]any{"name": "b", "email": new("e")}},
		"renamed": {old, &row{"1", "a", nil, "s1", "f1", "n2", 2, 2, "x"}, map[string]any{"filename": "[REDACTED]"}, map[string]any{"filename": "[REDACTED]"}},
		"secret":  {old, &row{"1", "a", nil, "s2", "f1", "n1", 2, 2, "x"}, map[string]any{"password_hash": "[REDACTED]"}, map[string]any{"password_hash": "[REDACTED]"}},
	} {
		was, is := store.Diff(tt.before, tt.after)
		equal(t, name+", before", tt.was, was)
		equal(t, name+", after", tt.is, is)
	}
}
