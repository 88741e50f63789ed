package apitest

import (
	"cmp"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/vektah/gqlparser/v2/ast"

	"upstream/models"
)

// principal is somebody of Cedar, or nobody, and what the policy grants them.
type principal struct {
	Asker

	may func(models.Permission) bool
	// refusal is what all that the policy does not grant answers with.
	refusal models.Code
	// word is a part of that refusal; the permission, or a key's scope, when empty.
	word string
	// across says that what spans customers is granted all the same.
	across bool
}

// principals are all who may come. One line adds another.
func principals() []principal {
	nothing := func(models.Permission) bool { return false }
	everything := func(models.Permission) bool { return true }
	all := []principal{
		{Asker: Asker{}, may: nothing, refusal: models.CodeUnauthenticated, word: "Sign in"},
		{Asker: Asker{User: "root"}, may: nothing, refusal: models.CodeValidation, word: "X-Customer-Id", across: true},
		{Asker: Asker{User: "root", Customer: "{cedar}"}, may: everything, across: true},
	}
	for _, role := range models.Role("").Values() {
		may := func(p models.Permission) bool { return models.RoleMay(models.Role(role), p) }
		all = append(all, principal{Asker: Asker{User: "cedar." + role}, may: may, refusal: models.CodeForbidden})
	}
	for _, scope := range models.Scope("").Values() {
		may := func(p models.Permission) bool { return models.ScopesMay([]models.Scope{models.Scope(scope)}, p) }
		all = append(all, principal{Asker: Asker{Key: scope}, may: may, refusal: models.CodeForbidden})
	}
	return all
}

// wordAbout is what the refusal of a permission has to name: what the principal
// would need.
func (p principal) wordAbout(needs models.Permission) string {
	if scope, some := models.ScopeFor(needs); p.Key != "" && some {
		return string(scope)
	}
	return cmp.Or(p.word, string(needs))
}

// guarded is an operation of either API and the permission it declares.
type guarded struct {
	name  string
	needs models.Permission
	// also is a second one that it declares, if any.
	also models.Permission
	// across says that it is about no customer's data.
	across bool
	ask    func(*Server, tester, Asker) (Answer, reply)
}

// has reports whether the policy grants the principal what the operation declares.
func (p principal) has(op guarded) bool { return p.may(op.needs) && (op.also == "" || p.may(op.also)) }

// lacked is the first of what the operation declares that the principal lacks.
func (op guarded) lacked(p principal) models.Permission {
	if !p.may(op.needs) {
		return op.needs
	}
	return op.also
}

// harmless is the input of each mutation that changes nothing, and of each query
// that takes one.
func harmless() map[string]map[string]any {
	return map[string]map[string]any{
		"detectDrift":               {"currentDays": 0},
		"triggerReport":             {"currentDays": 0},
		"changeMemberRole":          {"id": "memb" + nowhere, "role": "VIEWER", "expectedVersion": 1},
		"removeMember":              {"id": "memb" + nowhere},
		"inviteMember":              {"email": "nonsense", "role": "VIEWER"},
		"resendInvitation":          {"id": "inv" + nowhere},
		"revokeInvitation":          {"id": "inv" + nowhere},
		"createPayerMapping":        {"rawName": "", "normalizedName": ""},
		"updatePayerMapping":        {"id": "pmap" + nowhere},
		"deletePayerMapping":        {"id": "pmap" + nowhere},
		"createCptGroupMapping":     {"cptCode": "", "cptGroup": ""},
		"updateCptGroupMapping":     {"id": "cmap" + nowhere},
		"deleteCptGroupMapping":     {"id": "cmap" + nowhere},
		"updateCustomer":            {"id": "cust" + nowhere},
		"updateUpload":              {"id": "upl" + nowhere},
		"deleteUpload":              {"id": "upl" + nowhere},
		"cancelUpload":              {"id": "upl" + nowhere},
		"createAlertRule":           {"name": ""},
		"updateAlertRule":           {"id": "rule" + nowhere},
		"deleteAlertRule":           {"id": "rule" + nowhere},
		"previewAlertRule":          {"runs": 0},
		"createNotificationChannel": {"name": ""},
		"updateNotificationChannel": {"id": "chan" + nowhere},
		"deleteNotificationChannel": {"id": "chan" + nowhere},
		"testNotificationChannel":   {"id": "chan" + nowhere},
		"acknowledgeAlert":          {"id": "alert" + nowhere},
		"resolveAlert":              {"id": "alert" + nowhere},
		"reopenAlert":               {"id": "alert" + nowhere},
		"snoozeAlert":               {"id": "alert" + nowhere, "until": "2026-07-01T00:00:00Z"},
		"unsnoozeAlert":             {"id": "alert" + nowhere},
		"assignAlert":               {"id": "alert" + nowhere},
		"retryAlert":                {"id": "alert" + nowhere},
		"submitAlertFeedback":       {"id": "alert" + nowhere, "verdict": "REAL"},

		"createApiKey":          {"name": "", "scopes": []string{"CLAIMS_READ"}},
		"rotateApiKey":          {"id": "key" + nowhere},
		"revokeApiKey":          {"id": "key" + nowhere},
		"createWebhookEndpoint": {"name": "", "url": ""},
		"updateWebhookEndpoint": {"id": "hook" + nowhere},
		"deleteWebhookEndpoint": {"id": "hook" + nowhere},
		"rotateWebhookSecret":   {"id": "hook" + nowhere},
		"testWebhookEndpoint":   {"id": "hook" + nowhere},
		"redeliverWebhook":      {"id": "dlv" + nowhere},
		"replayWebhooks":        {"endpointId": "hook" + nowhere, "since": "2026-06-01T00:00:00Z"},
		"webhookReplayCount":    {"endpointId": "hook" + nowhere, "since": "2026-06-01T00:00:00Z"},
	}
}

// unguarded are the operations and root fields that declare no permission, and why.
var unguarded = map[string]string{
	"POST /api/v1/auth/token/":                  "is how one signs in",
	"POST /api/v1/auth/token/refresh/":          "takes the token as its input",
	"POST /api/v1/auth/token/verify/":           "takes the token as its input",
	"POST /api/v1/auth/logout/":                 "takes the token as its input",
	"POST /api/v1/auth/password/":               "is about the own account",
	"POST /api/v1/auth/password-reset/":         "is for who cannot sign in",
	"POST /api/v1/auth/password-reset/confirm/": "takes the link's secret as its input",
	"POST /api/v1/auth/invitations/accept/":     "takes the link's secret as its input",
	"GET /api/v1/health/":                       "says nothing about a customer",
	"GET /healthz":                              "says nothing about a customer",
	"GET /readyz":                               "says nothing about a customer",
	"Query.viewer":                              "is about the own account",
	"Query.node":                                "declares it on the type of the object: see nodesByType",
	"Query.nodes":                               "declares it on the types of the objects",
}

// acrossCustomers are the operations that superusers use to choose a customer.
var acrossCustomers = []string{"GET /api/v1/customers/", "GET /api/v1/customers/{id}/", "Query.customers", "node of Customer"}

// guardedByREST are all of REST that declare a permission. What they ask
// changes nothing: identifiers are of no row, and bodies of no shape.
func guardedByREST(t *testing.T) []guarded {
	t.Helper()
	prefixes := map[string]string{}
	for _, n := range nouns() {
		prefixes[strings.TrimSuffix(n.path, "/")] = n.prefix
	}
	var all []guarded
	for path, methods := range openAPI(t).Paths {
		for method, op := range methods {
			name := strings.ToUpper(method) + " " + path
			if _, open := unguarded[name]; open == (op.Permission != "") {
				t.Errorf("%s declares %q", name, op.Permission)
			}
			if op.Permission == "" {
				continue
			}
			below := strings.TrimPrefix(path, "/api/v1/")
			collection, _, _ := strings.Cut(below, "/")
			call := Call{Method: strings.ToUpper(method), Path: strings.ReplaceAll(below, "{id}", prefixes[collection]+nowhere)}
			if call.Method != http.MethodGet {
				call.Body, call.Header = map[string]any{"nonsense": true}, map[string]string{"If-Match": "*"}
			}
			all = append(all, guarded{name, op.Permission, op.Also, slices.Contains(acrossCustomers, name), func(s *Server, t tester, as Asker) (Answer, reply) {
				r := s.rest(t, as, call)
				if r.status == http.StatusOK && strings.HasPrefix(r.header.Get("Content-Type"), "text/csv") {
					return Answer{Total: -1}, r // an export, which is no list of ours
				}
				return restAnswer(t, "Claim", r), r
			}})
		}
	}
	return all
}

// declaredPermission is what @requires says.
func declaredPermission(list ast.DirectiveList) models.Permission {
	if d := list.ForName("requires"); d != nil {
		return models.Permission(strings.ToLower(d.Arguments.ForName("permission").Value.Raw))
	}
	return ""
}

// graphqlOperations are all root fields that declare a permission, and node for
// each type.
func graphqlOperations(t *testing.T) []guarded {
	t.Helper()
	var all []guarded
	add := func(name string, needs models.Permission, op Operation) {
		if _, open := unguarded[name]; open == (needs != "") {
			t.Errorf("%s declares %q", name, needs)
		}
		if needs == "" {
			return
		}
		all = append(all, guarded{name, needs, "", slices.Contains(acrossCustomers, name), func(s *Server, t tester, as Asker) (Answer, reply) {
			r := s.graphql(t, as, op)
			return graphqlAnswer(t, op, r), r
		}})
	}
	for _, n := range nouns() {
		add("node of "+n.typ, declaredPermission(definition(n.typ).Directives), node(n.typ, n.own))
	}
	for _, f := range schema().Query.Fields {
		switch {
		case strings.HasPrefix(f.Name, "__"):
		case shapeOf(f) == connection:
			add("Query."+f.Name, declaredPermission(f.Directives), rootConnection(f.Name, keySelection))
		case f.Arguments.ForName("input") != nil:
			add("Query."+f.Name, declaredPermission(f.Directives), Operation{
				Document:  "query($input: " + f.Arguments.ForName("input").Type.String() + ") { " + f.Name + "(input: $input) { __typename } }",
				Variables: map[string]any{"input": harmless()[f.Name]}, At: f.Name,
			})
		default:
			add("Query."+f.Name, declaredPermission(f.Directives), Operation{Document: "{ " + f.Name + " { __typename } }", At: "none"})
		}
	}
	for _, f := range schema().Mutation.Fields {
		input := harmless()[f.Name]
		if input == nil {
			t.Errorf("no input of %s that changes nothing", f.Name)
		}
		add("Mutation."+f.Name, declaredPermission(f.Directives), Operation{
			Document:  "mutation($input: " + f.Arguments.ForName("input").Type.String() + ") { " + f.Name + "(input: $input) { userErrors { code message path reason } } }",
			Variables: map[string]any{"input": input}, At: f.Name + ".none",
		})
	}
	return all
}

// testRoles puts every operation of both APIs to everybody: whoever lacks what
// it declares is refused in these words, and nobody else is.
func (s *Server) testRoles(t *testing.T) {
	t.Parallel()
	operations := append(guardedByREST(t), graphqlOperations(t)...)
	if len(operations) < 40 {
		t.Fatalf("only %d operations", len(operations))
	}
	for _, p := range principals() {
		t.Run(p.String(), func(t *testing.T) {
			t.Parallel()
			for _, op := range operations {
				a, r := op.ask(s, t, p.Asker)
				if p.has(op) || op.across && p.across {
					if slices.Contains([]models.Code{models.CodeUnauthenticated, models.CodeForbidden, models.CodeInternal}, a.Code) ||
						strings.Contains(string(r.body), "X-Customer-Id") {
						t.Errorf("%s is refused: %s", op.name, r.body)
					}
					continue
				}
				word := p.wordAbout(op.lacked(p))
				if a.Code != p.refusal || !strings.Contains(string(r.body), word) {
					t.Errorf("%s answers %q, want %s about %s: %d %s", op.name, a.Code, p.refusal, word, r.status, r.body)
				}
			}
		})
	}
}
