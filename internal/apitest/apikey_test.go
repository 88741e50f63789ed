package apitest

import (
	"log/slog"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"upstream/internal/factory"
	"upstream/models"
	"upstream/store"
)

// keys gives Cedar keys of every kind, two and two of the same instant, one key
// with each scope alone that cases ask by, and one key to Harbor.
func (s *Server) keys() {
	var ticks atomic.Int64
	before := s.StoreWith(s.DB.App, store.Options{Now: func() time.Time {
		return time.Date(2026, time.May, 10, 8, 30, 0, int(ticks.Load()/2)*1000, time.UTC)
	}, Logger: slog.New(slog.DiscardHandler)})
	all := models.Scope("").Values()
	for i := range 20 {
		in := models.NewAPIKey{
			Name:   []string{"Nightly ", "upload 50% ", "é_"}[i%3] + strconv.Itoa(i),
			Scopes: []models.Scope{models.Scope(all[i%3]), models.Scope(all[3+i%4])},
		}
		if i%3 == 0 {
			in.ExpiresAt = new(time.Date(2026, time.July, 1, 0, 0, 0, i%2*1000, time.UTC))
		}
		if i%5 == 0 {
			in.AllowedCIDRs = []string{"192.0.2.0/24", "2001:db8::/32"}
		}
		issued := must(before.CreateAPIKey(s.Context(), s.Cedar.System(), in))(s)
		ticks.Add(1)
		s.treat(before, i, issued)
	}
	for _, scope := range all {
		s.usable(scope, s.Cedar.APIKey(models.Scope(scope)))
	}
	s.usable("harbor", s.Harbor.APIKey(models.ScopeClaimsRead, models.ScopeDriftRead, models.ScopeAuditRead))
	s.known("harbor.key", s.names["key.harbor"], models.APIKeyID{}.UUID())
}

// treat uses, rotates or revokes the i-th key, or leaves it alone.
func (s *Server) treat(st *store.Store, i int, issued *models.IssuedAPIKey) {
	id := issued.APIKey.ID
	switch i % 5 {
	case 1:
		_ = must(st.UseAPIKey(s.Context(), models.Viewer{RemoteAddr: "192.0.2.7"}, issued.Text.Hash()))(s)
	case 2:
		next := must(st.RotateAPIKey(s.Context(), s.Cedar.System(), id, models.APIKeyRotation{}, nil))(s)
		s.known("key", next.APIKey.ID.String(), next.APIKey.ID.UUID())
	case 3:
		_ = must(st.RevokeAPIKey(s.Context(), s.Cedar.System(), id, nil))(s)
	}
}

// usable names a key for those who ask by it. It is used once now: the clock
// stands still, so no later use is noted.
func (s *Server) usable(name string, issued *models.IssuedAPIKey) {
	s.names["text."+name], s.names["key."+name] = string(issued.Text), issued.APIKey.ID.String()
	_ = must(s.Store.UseAPIKey(s.Context(), models.Viewer{RemoteAddr: "127.0.0.1"}, issued.Text.Hash()))(s)
}

func keyList() list {
	given := func(name, column string, there bool) probe {
		where := column + " IS NULL"
		if there {
			where = column + " IS NOT NULL"
		}
		return probe{name: name, text: strconv.FormatBool(there), value: there, where: where}
	}
	scope := func(s models.Scope) probe {
		return probe{name: "scope", text: string(s), value: members(string(s)), where: literal(string(s)) + " = ANY (scopes)"}
	}
	return list{
		name: "API keys", path: "api-keys/", parent: "Query", field: "apiKeys", from: "api_keys", key: "id", prefix: "key", auditing: true,
		order: []string{"-created_at", "-id"}, tie: []string{"created_at", "id"}, search: []string{"name", "prefix"},
		words: []string{"nightly", "UPLOAD up_live", "50%", "é_", "nothing like it"},
		filters: []probe{
			holds("name", "name", "NIGHT"), holds("name", "name", "%"), holds("name", "name", "_"),
			scope(models.ScopeClaimsRead), scope(models.ScopeMappingsWrite),
			given("revoked", "revoked_at", true), given("revoked", "revoked_at", false),
			given("replaced", "replaced_at", true), given("replaced", "replaced_at", false),
			given("used", "last_used_at", true), given("used", "last_used_at", false),
			atLeast("created_after", "created_at", "2026-05-10T08:30:00.000002Z"), atMost("created_before", "created_at", "2026-05-10T10:30:00.000002+02:00"),
			atLeast("expires_after", "expires_at", "2026-07-01T00:00:00.000001Z"), atMost("expires_before", "expires_at", "2026-07-01T00:00:00Z"),
		},
	}
}

// permissionFor is what reading a resource takes.
func permissionFor(path string) models.Permission {
	resource, _, _ := strings.Cut(path, "/")
	return map[string]models.Permission{
		"claims": models.PermissionViewClaims, "uploads": models.PermissionViewClaims, "customers": models.PermissionViewCustomer,
		"reports": models.PermissionViewReports, "drift-events": models.PermissionViewReports,
		"audit-events": models.PermissionViewAudit, "api-keys": models.PermissionManageAPIKeys,
		"members": models.PermissionManageUsers, "invitations": models.PermissionManageUsers,
		"payer-mappings": models.PermissionViewMappings, "cpt-mappings": models.PermissionViewMappings,
		"webhook-endpoints": models.PermissionViewWebhooks, "webhook-deliveries": models.PermissionViewWebhooks,
		"webhook-replays": models.PermissionViewWebhooks, "events": models.PermissionViewWebhooks,
		"alert-rules": models.PermissionViewAlerts, "notification-channels": models.PermissionViewAlerts, "alerts": models.PermissionViewAlerts,
		"judgments": models.PermissionViewAlerts,
	}[resource]
}

// scopeCases let the key of every scope read every list and one object of each
// kind, and let those detect drift who may not.
func scopeCases() []Case {
	var cases []Case
	for _, name := range models.Scope("").Values() {
		held := []models.Scope{models.Scope(name)}
		add := func(c Case, permissions ...models.Permission) {
			c.Name, c.As = "the key "+name+": "+c.Name, Asker{Key: name}
			for _, p := range permissions {
				if !models.ScopesMay(held, p) {
					c.Want = models.CodeForbidden
				}
			}
			cases = append(cases, c)
		}
		for _, l := range lists() {
			if l.parent == "PayerSummary" && permissionFor(l.path) != models.PermissionViewClaims {
				continue // the way to it in GraphQL takes another scope too
			}
			if l.parent == "DriftEvent" && permissionFor(l.path) != models.PermissionViewReports && l.field != "claims" {
				continue // likewise
			}
			c := l.ask(question{})
			c.Name = l.name
			c.REST.Query.Set("page_size", "5")
			c.GraphQL.Variables["first"] = 5
			needs := []models.Permission{permissionFor(l.path)}
			if l.field == "claims" { // whatever they hang from
				needs = append(needs, models.PermissionViewClaims)
			}
			add(c, needs...)
		}
		for _, n := range nouns() {
			add(Case{Name: n.typ, REST: Call{Path: n.path + n.own + "/"}, GraphQL: node(n.typ, n.own)}, permissionFor(n.path))
		}
		add(ownCustomer(), models.PermissionViewCustomer)
		if !models.ScopesMay(held, models.PermissionRunDetection) {
			add(detection("detect drift", nil), models.PermissionRunDetection)
		}
	}
	stranger := Case{Name: "another customer's key", As: Asker{Key: "harbor"}, Want: models.CodeNotFound}
	stranger.REST, stranger.GraphQL = Call{Path: "claims/{claim}/"}, node("Claim", "{claim}")
	header := ownCustomer()
	header.Name, header.As, header.Want = "a key for another customer", Asker{Key: "harbor", Customer: "{cedar}"}, models.CodeForbidden
	own := ownCustomer()
	own.Name, own.As = "a key for its own customer", Asker{Key: "harbor", Customer: "{harbor}"}
	unknown := ownCustomer()
	unknown.Name, unknown.As, unknown.Want = "a key that is none", Asker{Token: string(models.APIKeyTextOf([32]byte{1}))}, models.CodeUnauthenticated
	typo := ownCustomer()
	typo.Name, typo.As, typo.Want = "a mistyped key", Asker{Token: "up_live_typo"}, models.CodeUnauthenticated
	return append(cases, stranger, header, own, unknown, typo)
}

// keyChange is a case that changes keys by the mutation of this name. The
// parameters are named as in REST.
func keyChange(name, mutation, key string, parameters map[string]any) write {
	call := Call{Method: "POST", Path: "api-keys/", Body: maps.Clone(parameters)}
	input := map[string]any{}
	for parameter, value := range parameters {
		if parameter == "scopes" {
			value = members(value)
		}
		input[camel(parameter)] = value
	}
	if key != "" {
		input["id"] = key
	}
	switch mutation {
	case "rotateApiKey":
		call.Path += key + "/rotate/"
	case "revokeApiKey":
		call = Call{Method: "DELETE", Path: "api-keys/" + key + "/"}
	}
	capital := strings.ToUpper(mutation[:1]) + mutation[1:]
	return write{changes: []string{"api_keys", "audit_events", "audit_heads"}, Case: Case{
		Name: name, As: Asker{User: "cedar.admin"}, REST: call, GraphQL: Operation{
			Document: "mutation($input: " + capital + "Input!) { " + mutation + "(input: $input) { userErrors { code message path reason existingId } " +
				"apiKey { " + selection("ApiKey") + " } } }",
			Variables: map[string]any{"input": input}, At: mutation + ".apiKey", Type: "ApiKey", Silent: mutation == "revokeApiKey",
		},
	}}
}

// with is the body of a key with these changes; nil takes a field away.
func with(changes map[string]any) map[string]any {
	body := map[string]any{"name": "Partner", "scopes": []any{"claims:read", "drift:run"}}
	for name, value := range changes {
		if body[name] = value; value == nil {
			delete(body, name)
		}
	}
	return body
}

// seedKeys gives each of twins keys to change.
func seedKeys(s *Server) {
	for _, name := range []string{"first", "second", "third", "revoked"} {
		issued := s.Cedar.APIKey(models.ScopeClaimsRead)
		s.known(name, issued.APIKey.ID.String(), issued.APIKey.ID.UUID())
		if name == "revoked" {
			_ = must(s.Store.RevokeAPIKey(s.Context(), s.Cedar.System(), issued.APIKey.ID, nil))(s)
		}
		s.usable(name, s.Cedar.APIKey(scopesAll()...))
	}
	s.known("harbor.key", s.Harbor.APIKey(models.ScopeClaimsRead).APIKey.ID.String(), models.APIKeyID{}.UUID())
}

func scopesAll() []models.Scope {
	var all []models.Scope
	for _, scope := range models.Scope("").Values() {
		all = append(all, models.Scope(scope))
	}
	return all
}

// keyChanges are changes that succeed, one after another.
func keyChanges() []write {
	byRoot := keyChange("create by a superuser", "createApiKey", "", with(map[string]any{"name": "by root"}))
	byRoot.As = Asker{User: "root", Customer: "{cedar}"}
	byOwner := keyChange("create by an owner", "createApiKey", "", with(map[string]any{"name": "by the owner"}))
	byOwner.As = Asker{User: "cedar.owner"}
	again := keyChange("revoke again", "revokeApiKey", "{third}", nil)
	again.changes = nil
	return []write{
		keyChange("create", "createApiKey", "", with(nil)),
		keyChange("create with everything", "createApiKey", "", with(map[string]any{
			"name": " Médica 50% ", "allowed_cidrs": []any{"192.0.2.7", "2001:DB8::/32"}, "expires_at": "2027-01-01T02:00:00.123456+02:00",
		})),
		byRoot, byOwner,
		keyChange("rotate", "rotateApiKey", "{first}", nil),
		keyChange("rotate with everything", "rotateApiKey", "{second}", map[string]any{
			"overlap_hours": 0, "allowed_cidrs": []any{"198.51.100.0/24"}, "expires_at": "2027-01-01T00:00:00Z",
		}),
		keyChange("revoke", "revokeApiKey", "{third}", nil).at(1), again,
	}
}

// keyRefusals are changes that both APIs refuse.
func keyRefusals() []write {
	refused := func(name, mutation, key string, parameters map[string]any, code models.Code, fields ...string) write {
		w := keyChange(name, mutation, key, parameters)
		w.changes, w.Want, w.Fields = nil, code, fields
		return w
	}
	create := func(name string, parameters map[string]any, fields ...string) write {
		return refused("create with "+name, "createApiKey", "", with(parameters), models.CodeValidation, fields...)
	}
	undecodable := func(w write) write {
		w.WordsOnly = true
		return w
	}
	cases := []write{
		create("a blank name", map[string]any{"name": " "}, "name invalid"),
		create("a long name", map[string]any{"name": strings.Repeat("n", 101)}, "name invalid"),
		create("no scope", map[string]any{"scopes": []any{}}, "scopes required"),
		create("a scope twice", map[string]any{"scopes": []any{"drift:run", "drift:run"}}, "scopes.1 repeated"),
		create("a network that is none", map[string]any{"allowed_cidrs": []any{"192.0.2.7", "here"}}, "allowed_cidrs.1 invalid"),
		create("a past end", map[string]any{"expires_at": factory.Now().Format(time.RFC3339)}, "expires_at invalid"),
		create("a far end", map[string]any{"expires_at": "2099-01-01T00:00:00Z"}, "expires_at invalid"),
		undecodable(create("an unknown scope", map[string]any{"scopes": []any{"claims:rite"}})),
		undecodable(create("an end in words", map[string]any{"expires_at": "tomorrow"})),
		undecodable(create("an unknown field", map[string]any{"scope": "claims:read"})),
		undecodable(create("no name", map[string]any{"name": nil}, "name required")),
		refused("create with a name in use", "createApiKey", "", with(map[string]any{"name": "BY THE OWNER"}), models.CodeConflict, "name taken"),
		refused("rotate a revoked key", "rotateApiKey", "{revoked}", nil, models.CodeConflict),
		refused("rotate a rotated key", "rotateApiKey", "{first}", nil, models.CodeConflict),
		refused("rotate what has changed", "rotateApiKey", "{first}", nil, models.CodeStale).at(99),
		refused("revoke what has changed", "revokeApiKey", "{second}", nil, models.CodeStale).at(99),
		refused("rotate for too long", "rotateApiKey", "{third}", map[string]any{"overlap_hours": 169}, models.CodeValidation, "overlap_hours invalid"),
	}
	for _, mutation := range []string{"rotateApiKey", "revokeApiKey"} {
		cases = append(
			cases,
			refused(mutation+" of another customer", mutation, "{harbor.key}", nil, models.CodeNotFound),
			refused(mutation+" of what is not there", mutation, "key"+nowhere, nil, models.CodeNotFound),
			undecodable(refused(mutation+" of what is something else", mutation, "user"+nowhere, nil, models.CodeValidation, "id invalid")),
		)
	}
	for _, as := range []Asker{{}, {User: "cedar.analyst"}, {User: "cedar.viewer"}, {Key: "first"}} {
		for _, w := range []write{
			keyChange("create", "createApiKey", "", with(map[string]any{"name": "forbidden"})),
			keyChange("rotate", "rotateApiKey", "{third}", nil), keyChange("revoke", "revokeApiKey", "{third}", nil),
		} {
			w.Name, w.As, w.Want, w.changes = w.Name+" by "+as.String(), as, models.CodeForbidden, nil
			if as == (Asker{}) {
				w.Want = models.CodeUnauthenticated
			}
			cases = append(cases, w)
		}
	}
	return cases
}

// TestKeyChanges runs them one after another on one pair of twins, and demands
// the same answers and rows of both.
func TestKeyChanges(t *testing.T) {
	t.Parallel()
	w := newTwins(t, seedKeys)
	for _, c := range slices.Concat(keyChanges(), keyRefusals()) {
		t.Run(strings.ReplaceAll(c.Name, "/", ""), func(t *testing.T) { c.run(t, w) })
	}
}

// TestKeysAtWork makes a key by each API and uses it by the other.
func TestKeysAtWork(t *testing.T) {
	t.Parallel()
	s := NewServer(t)
	admin := Asker{User: "cedar.admin"}
	created := s.graphql(t, admin, Operation{
		Document:  "mutation($input: CreateApiKeyInput!) { createApiKey(input: $input) { key clientMutationId apiKey { prefix } } }",
		Variables: map[string]any{"input": map[string]any{"name": "G", "scopes": []any{"CLAIMS_READ"}, "clientMutationId": "7"}},
	})
	var g struct {
		Data struct {
			CreateAPIKey struct {
				Key, ClientMutationID string
				APIKey                struct{ Prefix string }
			} `json:"createApiKey"`
		}
	}
	created.decode(t, &g)
	made := g.Data.CreateAPIKey
	if !models.APIKeyText(made.Key).Valid() || !strings.HasPrefix(made.Key, made.APIKey.Prefix) || made.ClientMutationID != "7" {
		t.Fatalf("made %s", created.body)
	}
	var byREST struct{ ID, Key string }
	s.rest(t, admin, Call{Method: "POST", Path: "api-keys/", Body: with(nil)}).decode(t, &byREST)

	if r := s.rest(t, Asker{Token: made.Key}, Call{Path: "claims/"}); r.status != 200 {
		t.Errorf("REST says %d %s to a key made by GraphQL", r.status, r.body)
	}
	var viewer struct {
		Data struct{ Viewer map[string]any }
	}
	const who = "{ viewer { userId email apiKeyId scopes role isSuperuser permissions customer { id } } }"
	s.graphql(t, Asker{Token: byREST.Key}, Operation{Document: who}).decode(t, &viewer)
	want := map[string]any{
		"userId": nil, "email": "Partner", "apiKeyId": byREST.ID, "scopes": []any{"CLAIMS_READ", "DRIFT_RUN"}, "role": nil, "isSuperuser": false,
		"permissions": []any{"VIEW_CUSTOMER", "VIEW_CLAIMS", "RUN_DETECTION"}, "customer": map[string]any{"id": s.names["cedar"]},
	}
	if diff := cmp.Diff(want, viewer.Data.Viewer); diff != "" {
		t.Errorf("the viewer (-want +got):\n%s", diff)
	}
	if r := s.rest(t, admin, Call{Method: "DELETE", Path: "api-keys/" + byREST.ID + "/"}); r.status != 204 {
		t.Errorf("%d %s", r.status, r.body)
	}
	if r := s.graphql(t, Asker{Token: byREST.Key}, Operation{Document: who}); r.status != 401 {
		t.Errorf("GraphQL says %d %s to a revoked key", r.status, r.body)
	}
}
