package graph_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"upstream/models"
)

// keyed runs an operation under an idempotency key.
func (w *world) keyed(v models.Viewer, key, query string, variables map[string]any) response {
	w.t.Helper()
	body, err := json.Marshal(map[string]any{"query": query, "variables": variables})
	if err != nil {
		w.t.Fatal(err)
	}
	return w.post(v, string(body), http.Header{"Idempotency-Key": {key}})
}

const createKey = `mutation($in: CreateApiKeyInput!) { createApiKey(input: $in) {
	clientMutationId key apiKey { id name prefix createdAt scopes } userErrors { code message path reason } } }`

func keyInput(name string) map[string]any {
	return map[string]any{"in": map[string]any{"name": name, "scopes": []string{"CLAIMS_READ"}, "clientMutationId": "m"}}
}

// wantRepeated demands that the data of an answer are those of another one, byte for
// byte, and that it alone says so.
func wantRepeated(t *testing.T, first, again response) {
	t.Helper()
	if len(first.Errors)+len(again.Errors) > 0 || string(first.Data) != string(again.Data) || first.Status != again.Status {
		t.Errorf("first %s, then %s", first.Body, again.Body)
	}
	if first.Header.Get("Idempotency-Replayed") != "" || again.Header.Get("Idempotency-Replayed") != "true" {
		t.Errorf("Idempotency-Replayed: first %q, then %q", first.Header.Get("Idempotency-Replayed"), again.Header.Get("Idempotency-Replayed"))
	}
}

func TestIdempotency_Replay(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.ingest(w.analyst, "shift.csv", shiftedFile())
	admin := w.user(w.cedar, "admin@cedar.test", models.RoleAdmin)
	for _, c := range []struct {
		name, query  string
		input, other map[string]any
	}{
		{"createApiKey", createKey, keyInput("a"), keyInput("b")},
		{
			"inviteMember",
			`mutation($in: InviteMemberInput!) { inviteMember(input: $in) { invitation { id email status expiresAt createdAt } userErrors { code reason path } } }`,
			map[string]any{"in": map[string]any{"email": "a@guests.test", "role": "VIEWER"}},
			map[string]any{"in": map[string]any{"email": "b@guests.test", "role": "VIEWER"}},
		},
		{
			"detectDrift", `mutation($in: DetectDriftInput!) { detectDrift(input: $in) {
				reportRun { id status testCount startedAt finishedAt driftEvents { totalCount nodes { id payer } } } userErrors { code reason path } } }`,
			map[string]any{"in": map[string]any{"asOf": "2026-05-01"}},
			map[string]any{"in": map[string]any{}},
		},
		{
			"triggerReport", `mutation($in: TriggerReportInput!) { triggerReport(input: $in) { reportRun { id status startedAt } userErrors { code reason path } } }`,
			map[string]any{"in": map[string]any{"minVolume": 20}},
			map[string]any{"in": map[string]any{"minVolume": 21}},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			w := w.in(t)
			first := w.keyed(admin, "k"+c.name, c.query, c.input)
			if strings.Contains(first.Body, `"reason"`) && !strings.Contains(first.Body, `"userErrors":[]`) {
				t.Fatalf("refused: %s", first.Body)
			}
			wantRepeated(t, first, w.keyed(admin, "k"+c.name, c.query, c.input))
			for what, other := range map[string]response{
				"other variables": w.keyed(admin, "k"+c.name, c.query, c.other), "another document": w.keyed(admin, "k"+c.name, c.query+" ", c.input),
			} {
				wantKeyRefused(t, what, other, c.name, "VALIDATION", "reused")
			}
		})
	}
}

// wantKeyRefused demands that a mutation's payload refuses the key.
func wantKeyRefused(t *testing.T, what string, r response, mutation, code, reason string) {
	t.Helper()
	var data map[string]struct {
		UserErrors []struct {
			Code, Reason string
			Path         []string
		}
	}
	if err := json.Unmarshal(r.Data, &data); err != nil || len(data[mutation].UserErrors) != 1 {
		t.Fatalf("%s: %s", what, r.Body)
	}
	if e := data[mutation].UserErrors[0]; e.Code != code || e.Reason != reason || !slices.Equal(e.Path, []string{"Idempotency-Key"}) {
		t.Errorf("%s: %s", what, r.Body)
	}
}

func TestIdempotency_Refusals(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	admin := w.user(w.cedar, "admin@cedar.test", models.RoleAdmin)
	for _, key := range []string{"", "a b", "ä", strings.Repeat("k", 256)} {
		r := w.keyed(admin, key, createKey, keyInput("a"))
		if r.Status != http.StatusBadRequest || r.code() != "VALIDATION" || r.field() != "Idempotency-Key" || r.Data != nil {
			t.Errorf("%q: %d %s", key, r.Status, r.Body)
		}
	}
	// One key, one effect, however the second is written.
	const two = `mutation($in: CreateApiKeyInput!) { __typename first: createApiKey(input: $in) { key } %s }`
	for _, more := range []string{
		`createApiKey(input: $in) { key }`, `...F } fragment F on Mutation { second: createApiKey(input: $in) { key }`,
		`... on Mutation { second: createApiKey(input: $in) { key } }`,
	} {
		r := w.keyed(admin, "two", fmt.Sprintf(two, more), keyInput("a"))
		if r.Status != http.StatusBadRequest || r.code() != "VALIDATION" || r.field() != "Idempotency-Key" || r.Data != nil {
			t.Errorf("%s: %d %s", more, r.Status, r.Body)
		}
	}
	if n := len(w.data(admin, `{ apiKeys { nodes { id } } }`)["apiKeys"].(map[string]any)["nodes"].([]any)); n != 0 {
		t.Errorf("%d keys were made", n)
	}
	// What does not run is no effect, and neither is the same field twice.
	const one = `mutation($in: CreateApiKeyInput!, $no: Boolean = false) { __typename createApiKey(input: $in) { key } createApiKey(input: $in) { apiKey { name } }
		never: createApiKey(input: $in) @include(if: $no) { key } }`
	wantRepeated(t, w.keyed(admin, "one", one, keyInput("a")), w.keyed(admin, "one", one, keyInput("a")))
}

// A failure is not kept, and neither is it repeated.
func TestIdempotency_FailuresRunAgain(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	admin := w.user(w.cedar, "admin@cedar.test", models.RoleAdmin)
	for range 2 {
		if r := w.keyed(admin, "k", createKey, keyInput("")); r.Header.Get("Idempotency-Replayed") != "" || !strings.Contains(string(r.Data), "VALIDATION") {
			t.Errorf("%v %s", r.Header, r.Body)
		}
	}
	first := w.keyed(admin, "k", createKey, keyInput("a"))
	wantRepeated(t, first, w.keyed(admin, "k", createKey, keyInput("a")))
	// Whoever lacks the permission by now is refused, and another user has
	// another key.
	demoted := admin
	demoted.Role = models.RoleAnalyst
	if r := w.keyed(demoted, "k", createKey, keyInput("a")); r.code() != "FORBIDDEN" || r.Header.Get("Idempotency-Replayed") != "" {
		t.Errorf("%s", r.Body)
	}
	colleague := w.user(w.cedar, "owner@cedar.test", models.RoleOwner)
	if r := w.keyed(colleague, "k", createKey, keyInput("a")); !strings.Contains(string(r.Data), "taken") {
		t.Errorf("%s", r.Body)
	}
	rival := w.user(w.harbor, "admin@harbor.test", models.RoleAdmin)
	if r := w.keyed(rival, "k", createKey, keyInput("a")); string(r.Data) == string(first.Data) || r.Header.Get("Idempotency-Replayed") != "" {
		t.Errorf("%s", r.Body)
	}
	// Who has not signed in has no key.
	if r := w.keyed(models.Viewer{}, "k", createKey, keyInput("a")); r.code() != "UNAUTHENTICATED" {
		t.Errorf("%s", r.Body)
	}
}

// Queries take the header and ignore it, whatever it holds.
func TestIdempotency_Queries(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, key := range []string{"k", "not a key"} {
		for range 2 {
			r := w.keyed(w.viewer, key, `{ uploads { totalCount } }`, nil)
			if len(r.Errors) > 0 || r.Header.Get("Idempotency-Replayed") != "" {
				t.Errorf("%v %s", r.Header, r.Body)
			}
		}
	}
}

// While a mutation is under way, the same again is refused at once.
func TestIdempotency_InFlight(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	admin := w.user(w.cedar, "admin@cedar.test", models.RoleAdmin)
	lock, err := w.db.Owner.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := lock.Exec(t.Context(), `LOCK TABLE api_keys IN SHARE MODE`); err != nil {
		t.Fatal(err)
	}
	first := make(chan response)
	go func() { first <- w.keyed(admin, "k", createKey, keyInput("a")) }()
	for waiting := 0; waiting == 0; {
		if err := lock.QueryRow(t.Context(), `SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = 'api_keys'::regclass`).Scan(&waiting); err != nil {
			t.Fatal(err)
		}
	}
	second := w.keyed(admin, "k", createKey, keyInput("a"))
	if err := lock.Rollback(t.Context()); err != nil {
		t.Fatal(err)
	}
	wantKeyRefused(t, "the second", second, "createApiKey", "CONFLICT", "in_flight")
	if second.Header.Get("Retry-After") != "1" || second.Header.Get("Idempotency-Replayed") != "" {
		t.Errorf("headers %v", second.Header)
	}
	wantRepeated(t, <-first, w.keyed(admin, "k", createKey, keyInput("a")))
}
