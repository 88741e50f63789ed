package rest_test

import (
	"bytes"
	"net/http"
	"strings"
	"testing"

	"github.com/google/uuid"

	"upstream/internal/factory"
	"upstream/models"
)

// keyed sends a JSON body under an idempotency key.
func (f *fixture) keyed(t *testing.T, method, token, path, key string, body any) answer {
	t.Helper()
	return f.do(t, request{method: method, path: "/api/v1/" + path, token: token, body: body, header: http.Header{"Idempotency-Key": {key}}})
}

// wantReplay demands that an answer is another one, byte for byte, and that it
// alone says so.
func wantReplay(t *testing.T, first, again answer) {
	t.Helper()
	if again.status != first.status || !bytes.Equal(again.body, first.body) {
		t.Errorf("first %d %s, then %d %s", first.status, first.body, again.status, again.body)
	}
	for _, name := range []string{"Location", "ETag", "Content-Type", "Cache-Control"} {
		if again.header.Get(name) != first.header.Get(name) {
			t.Errorf("%s: first %q, then %q", name, first.header.Get(name), again.header.Get(name))
		}
	}
	if first.header.Get("Idempotency-Replayed") != "" || again.header.Get("Idempotency-Replayed") != "true" {
		t.Errorf("Idempotency-Replayed: first %q, then %q", first.header.Get("Idempotency-Replayed"), again.header.Get("Idempotency-Replayed"))
	}
}

func TestIdempotency_Replay(t *testing.T) {
	t.Parallel()
	f := setup(t)
	f.cedar.Drifting()
	owner := f.as(t, f.cedar, models.RoleOwner)
	invited := f.keyed(t, http.MethodPost, owner, "invitations/", "seed", map[string]any{"email": "seed@guests.test", "role": "viewer"})
	wantStatus(t, invited, http.StatusCreated)
	resend := "invitations/" + invited.object(t)["id"].(string) + "/resend/"
	for _, c := range []struct {
		name, path   string
		body, other  any
		status       int
		secretFields []string
	}{
		{
			name: "an API key, its secret included", path: "api-keys/", status: http.StatusCreated, secretFields: []string{"key"},
			body: map[string]any{"name": "a", "scopes": []string{"claims:read"}}, other: map[string]any{"name": "b", "scopes": []string{"claims:read"}},
		},
		{
			name: "a webhook endpoint, its secret included", path: "webhook-endpoints/", status: http.StatusCreated, secretFields: []string{"secret"},
			body:  map[string]any{"name": "a", "url": "https://partner.example.org/"},
			other: map[string]any{"name": "b", "url": "https://partner.example.org/"},
		},
		{
			name: "an invitation", path: "invitations/", status: http.StatusCreated,
			body: map[string]any{"email": "a@guests.test", "role": "viewer"}, other: map[string]any{"email": "b@guests.test", "role": "viewer"},
		},
		{name: "a detection", path: "drift/detect/", status: http.StatusCreated, body: map[string]any{"min_volume": 20}, other: map[string]any{"min_volume": 21}},
		{name: "a queued run", path: "reports/trigger/", status: http.StatusAccepted, body: map[string]any{"min_volume": 20}, other: map[string]any{}},
		{name: "no body", path: resend, status: http.StatusOK},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			first := f.keyed(t, http.MethodPost, owner, c.path, "the-key", c.body)
			wantStatus(t, first, c.status)
			for _, name := range c.secretFields {
				if secret, _ := first.object(t)[name].(string); secret == "" {
					t.Errorf("no %s in %s", name, first.body)
				}
			}
			f.perform(t, first)
			wantReplay(t, first, f.keyed(t, http.MethodPost, owner, c.path, "the-key", c.body))
			wantReplay(t, first, f.keyed(t, http.MethodPost, owner, strings.TrimSuffix(c.path, "/"), "the-key", c.body))
			if c.other != nil {
				wantProblem(t, f.keyed(t, http.MethodPost, owner, c.path, "the-key", c.other),
					http.StatusUnprocessableEntity, models.CodeValidation, "Idempotency-Key:reused")
			}
		})
	}
}

// perform computes the run of an answer, if it is one that waits.
func (f *fixture) perform(t *testing.T, out answer) {
	t.Helper()
	if out.object(t)["status"] != "queued" {
		return
	}
	var id models.ReportRunID
	if err := id.UnmarshalText([]byte(out.object(t)["id"].(string))); err != nil {
		t.Fatal(err)
	}
	if err := f.Store.PerformRun(t.Context(), f.cedar.System(), id); err != nil {
		t.Fatal(err)
	}
}

func TestIdempotency_Uploads(t *testing.T) {
	t.Parallel()
	f := setup(t)
	token := f.as(t, f.cedar, models.RoleAnalyst)
	send := func(key, name string, content []byte) answer {
		header, body := form("file", name, content) // with a boundary of its own each time
		header.Set("Idempotency-Key", key)
		return f.do(t, request{method: http.MethodPost, path: "/api/v1/uploads/", token: token, header: header, body: body})
	}
	file := goodCSV(f, 5)
	first := send("k", "a.csv", file)
	wantStatus(t, first, http.StatusCreated)
	wantReplay(t, first, send("k", "a.csv", file))
	for _, other := range []answer{send("k", "b.csv", file), send("k", "a.csv", goodCSV(f, 6))} {
		wantProblem(t, other, http.StatusUnprocessableEntity, models.CodeValidation, "Idempotency-Key:reused")
	}
	// A file that was refused as a whole is refused again by the same upload.
	refused := send("refused", "bad.csv", []byte("payer\n"))
	p := wantProblemOf(t, refused, http.StatusUnprocessableEntity)
	again := send("refused", "bad.csv", []byte("payer\n"))
	if q := wantProblemOf(t, again, http.StatusUnprocessableEntity); q.UploadID != p.UploadID || q.Detail != p.Detail || len(q.Errors) != len(p.Errors) ||
		again.header.Get("Idempotency-Replayed") != "true" || refused.header.Get("Idempotency-Replayed") != "" {
		t.Errorf("first %s, then %s", refused.body, again.body)
	}
	if l := f.list(t, token, "/api/v1/uploads/"); *l.Count != 2 {
		t.Errorf("%d uploads", *l.Count)
	}
}

func wantProblemOf(t *testing.T, out answer, status int) (p problemBody) {
	t.Helper()
	wantStatus(t, out, status)
	out.decode(t, &p)
	return p
}

func TestIdempotency_Keys(t *testing.T) {
	t.Parallel()
	f := setup(t)
	owner := f.as(t, f.cedar, models.RoleOwner)
	n := 0
	create := func(keys ...string) answer {
		n++
		return f.do(t, request{
			method: http.MethodPost, path: "/api/v1/api-keys/", token: owner, header: http.Header{"Idempotency-Key": keys}, undocumented: true,
			body: map[string]any{"name": strings.Repeat("n", n), "scopes": []string{"claims:read"}},
		})
	}
	for name, keys := range map[string][]string{
		"empty": {""}, "white space": {"a b"}, "a tab": {"a\tb"}, "beyond ASCII": {"ä"}, "too long": {strings.Repeat("k", 256)},
	} {
		if p := wantProblem(t, create(keys...), http.StatusUnprocessableEntity, models.CodeValidation, "Idempotency-Key:invalid"); p.Detail == "" {
			t.Errorf("%s: no detail", name)
		}
	}
	wantProblem(t, create("a", "b"), http.StatusUnprocessableEntity, models.CodeValidation, "Idempotency-Key:repeated")
	for _, key := range []string{"k", `"quoted"`, "~!", strings.Repeat("k", 255)} {
		wantStatus(t, create(key), http.StatusCreated)
	}
	wantStatus(t, create(), http.StatusCreated)
	if l := f.list(t, owner, "/api/v1/api-keys/"); *l.Count != 5 {
		t.Errorf("%d keys", *l.Count)
	}
}

// A key belongs to who sent it, for one method and path.
func TestIdempotency_Scope(t *testing.T) {
	t.Parallel()
	f := setup(t)
	body := map[string]any{"name": "Partner", "scopes": []string{"claims:read"}}
	owner, rival, root := f.as(t, f.cedar, models.RoleOwner), f.as(t, f.harbor, models.RoleOwner), f.root(t)
	first := f.keyed(t, http.MethodPost, owner, "api-keys/", "k", body)
	wantStatus(t, first, http.StatusCreated)
	theirs := f.keyed(t, http.MethodPost, rival, "api-keys/", "k", body)
	wantStatus(t, theirs, http.StatusCreated)
	if theirs.header.Get("Idempotency-Replayed") != "" || theirs.object(t)["key"] == first.object(t)["key"] {
		t.Errorf("another customer is answered %s", theirs.body)
	}
	// Another owner of the same customer meets the name, and not the answer.
	colleague := f.as(t, f.cedar, models.RoleOwner)
	wantProblem(t, f.keyed(t, http.MethodPost, colleague, "api-keys/", "k", body), http.StatusConflict, models.CodeConflict, "name:taken")
	// A superuser has one answer in each customer they act for.
	for _, customer := range []models.CustomerID{f.cedar.Customer.ID, f.harbor.Customer.ID} {
		send := func() answer {
			return f.do(t, request{
				method: http.MethodPost, path: "/api/v1/api-keys/", token: root, body: map[string]any{"name": "root's", "scopes": []string{"claims:read"}},
				header: http.Header{"Idempotency-Key": {"k"}, "X-Customer-Id": {customer.String()}},
			})
		}
		made := send()
		wantStatus(t, made, http.StatusCreated)
		if made.object(t)["customer"] != customer.String() {
			t.Errorf("made %s", made.body)
		}
		wantReplay(t, made, send())
	}
	// The same key elsewhere is another one.
	id := first.object(t)["id"].(string)
	wantStatus(t, f.keyed(t, http.MethodPost, owner, "api-keys/"+id+"/rotate/", "k", nil), http.StatusCreated)
	revoked := f.keyed(t, http.MethodDelete, owner, "api-keys/"+id+"/", "k", nil)
	wantStatus(t, revoked, http.StatusNoContent)
	wantReplay(t, revoked, f.keyed(t, http.MethodDelete, owner, "api-keys/"+id+"/", "k", nil))
}

// Whoever may no longer do it is not shown what came of it.
func TestIdempotency_PermissionIsLost(t *testing.T) {
	t.Parallel()
	f := setup(t)
	user := f.cedar.UserWithHash(models.RoleAdmin, passwordHash)
	body := map[string]any{"name": "Partner", "scopes": []string{"claims:read"}}
	wantStatus(t, f.keyed(t, http.MethodPost, f.signIn(t, user.Email).Access, "api-keys/", "k", body), http.StatusCreated)
	id := factory.Query[string](f.cedar, `SELECT id::text FROM memberships WHERE user_id = ?`, user.UserID.UUID().String())
	_, err := f.Store.ChangeMemberRole(t.Context(), f.cedar.System(), models.RoleChange{ID: memberID(t, id), Role: models.RoleAnalyst})
	if err != nil {
		t.Fatal(err)
	}
	out := f.keyed(t, http.MethodPost, f.signIn(t, user.Email).Access, "api-keys/", "k", body)
	wantProblem(t, out, http.StatusForbidden, models.CodeForbidden)
}

// A precondition is a part of the request.
func TestIdempotency_Preconditions(t *testing.T) {
	t.Parallel()
	f := setup(t)
	owner := f.as(t, f.cedar, models.RoleOwner)
	user := f.cedar.User(models.RoleViewer)
	id := factory.Query[string](f.cedar, `SELECT id::text FROM memberships WHERE user_id = ?`, user.UserID.UUID().String())
	send := func(tag string) answer {
		return f.do(t, request{
			method: http.MethodPatch, path: "/api/v1/members/" + memberID(t, id).String() + "/", token: owner, body: map[string]any{"role": "analyst"},
			header: http.Header{"Idempotency-Key": {"k"}, "If-Match": {tag}},
		})
	}
	wantProblem(t, send(`"1-9"`), http.StatusPreconditionFailed, models.CodeStale) // and is not kept
	first := send(`"1-1"`)
	wantStatus(t, first, http.StatusOK)
	wantReplay(t, first, send(`"1-1"`)) // although the version is another one by now
	wantProblem(t, send("*"), http.StatusUnprocessableEntity, models.CodeValidation, "Idempotency-Key:reused")
}

// memberID reads the identifier that the database has of a member.
func memberID(t *testing.T, stored string) models.MembershipID {
	t.Helper()
	id, err := uuid.Parse(stored)
	if err != nil {
		t.Fatal(err)
	}
	return models.MembershipID{}.From(id)
}

// While a request is under way, the same again is refused at once: it does not
// wait for the table that the first one waits for.
func TestIdempotency_InFlight(t *testing.T) {
	t.Parallel()
	f := setup(t)
	owner := f.as(t, f.cedar, models.RoleOwner)
	body := map[string]any{"name": "Partner", "scopes": []string{"claims:read"}}
	lock, err := f.DB.Owner.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := lock.Exec(t.Context(), `LOCK TABLE api_keys IN SHARE MODE`); err != nil {
		t.Fatal(err)
	}
	first := make(chan answer)
	go func() { first <- f.keyed(t, http.MethodPost, owner, "api-keys/", "k", body) }()
	for waiting := 0; waiting == 0; {
		if err := lock.QueryRow(t.Context(), `SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = 'api_keys'::regclass`).Scan(&waiting); err != nil {
			t.Fatal(err)
		}
	}
	second := f.keyed(t, http.MethodPost, owner, "api-keys/", "k", body)
	if err := lock.Rollback(t.Context()); err != nil {
		t.Fatal(err)
	}
	wantProblem(t, second, http.StatusConflict, models.CodeConflict, "Idempotency-Key:in_flight")
	if second.header.Get("Retry-After") != "1" || second.header.Get("Idempotency-Replayed") != "" {
		t.Errorf("headers %v", second.header)
	}
	made := <-first
	wantStatus(t, made, http.StatusCreated)
	wantReplay(t, made, f.keyed(t, http.MethodPost, owner, "api-keys/", "k", body))
}

// Where nobody has to be signed in the header is taken and says nothing.
func TestIdempotency_NotForSignIn(t *testing.T) {
	t.Parallel()
	f := setup(t)
	user := f.cedar.UserWithHash(models.RoleViewer, passwordHash)
	for _, key := range []string{"k", "not a key"} {
		seen := map[any]bool{}
		for range 2 {
			out := f.do(t, request{
				method: http.MethodPost, path: "/api/v1/auth/token/", header: http.Header{"Idempotency-Key": {key}},
				body: map[string]any{"email": user.Email, "password": password},
			})
			wantStatus(t, out, http.StatusOK)
			seen[out.object(t)["refresh"]] = true
			if out.header.Get("Idempotency-Replayed") != "" {
				t.Error("a sign-in is repeated")
			}
		}
		if len(seen) != 2 {
			t.Error("two sign-ins share a session")
		}
	}
	if n := factory.Query[int](f.cedar, `SELECT count(*) FROM idempotency_keys`); n != 0 {
		t.Errorf("%d answers are kept", n)
	}
}

// The header is described where it applies, and nowhere else.
func TestIdempotency_Documented(t *testing.T) {
	t.Parallel()
	all, err := descriptions()
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range all {
		writes := 0
		for path, item := range d.doc.Paths.Map() {
			for method, operation := range item.Operations() {
				permission, _ := operation.Extensions["x-permission"].(string)
				write := method != http.MethodGet && permission != "" && operation.OperationID != "previewAlertRule" // which reads
				described := operation.Parameters.GetByInAndName("header", "Idempotency-Key") != nil
				if described != write {
					t.Errorf("%s: %s %s describes the key: %t", d.version, method, path, described)
				}
				if write {
					writes++
					if operation.Responses.Status(http.StatusConflict) == nil || operation.Responses.Status(http.StatusUnprocessableEntity) == nil {
						t.Errorf("%s: %s %s does not describe its refusals", d.version, method, path)
					}
				}
				if says := strings.Contains(operation.Description, "has no effect here"); says != (method == http.MethodPost && !write) {
					t.Errorf("%s: %s %s: %s", d.version, method, path, operation.Description)
				}
				for status, response := range operation.Responses.Map() {
					if replayed := response.Value.Headers["Idempotency-Replayed"] != nil; status[0] == '2' && replayed != write {
						t.Errorf("%s: %s %s %s describes the replay: %t", d.version, method, path, status, replayed)
					}
				}
			}
		}
		if writes < 8 {
			t.Errorf("%s: only %d writes", d.version, writes)
		}
	}
}
