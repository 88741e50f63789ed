package graph_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/vektah/gqlparser/v2/ast"

	"upstream/models"
)

// undeclared are the fields that need no permission of their own, and why.
var undeclared = map[string]string{
	"Query.viewer": "says who asks, which everybody who has signed in may know",
	"Query.node":   "needs what the type of the object needs",
	"Query.nodes":  "needs what the types of the objects need",
}

// declared is the permission that a directive names; empty without one.
func declared(list ast.DirectiveList) models.Permission {
	d := list.ForName("requires")
	if d == nil {
		return ""
	}
	return models.Permission(strings.ToLower(d.Arguments.ForName("permission").Value.Raw))
}

// carries reports whether a type only passes objects on: their permission is
// that of the field that answers with it.
func carries(def *ast.Definition) bool {
	return slices.ContainsFunc([]string{"Connection", "Edge", "Payload"}, func(suffix string) bool { return strings.HasSuffix(def.Name, suffix) })
}

// TestEveryFieldDeclaresItsPermission demands @requires of all root fields, of
// all fields that lead from one object to others, and of all nodes.
func TestEveryFieldDeclaresItsPermission(t *testing.T) {
	t.Parallel()
	s := loaded(t)
	seen := 0
	for _, def := range s.Types {
		if def.Kind != ast.Object || def.BuiltIn || carries(def) {
			continue
		}
		if slices.Contains(def.Interfaces, "Node") && declared(def.Directives) == "" {
			t.Errorf("type %s does not say what node needs to find it", def.Name)
		}
		root := def == s.Query || def == s.Mutation
		for _, f := range def.Fields {
			to := s.Types[f.Type.Name()]
			leads := root || strings.HasSuffix(to.Name, "Connection") || slices.Contains(to.Interfaces, "Node")
			name := def.Name + "." + f.Name
			if strings.HasPrefix(f.Name, "__") || !leads {
				continue
			}
			seen++
			p := declared(f.Directives)
			if _, ok := undeclared[name]; ok == (p != "") {
				t.Errorf("%s declares %q", name, p)
			}
			if p == "" {
				continue
			}
			if sentence := p.NeedsSentence(strings.ToUpper(string(p))); !strings.HasSuffix(f.Description, sentence) {
				t.Errorf("%s is described as %q, want %q at the end", name, f.Description, sentence)
			}
		}
	}
	if seen < 20 {
		t.Errorf("only %d fields were looked at", seen)
	}
}

// path is a way to a field: an operation of which all fields but the last need
// what is listed in before.
type path struct {
	name      string
	document  string
	variables map[string]any
	before    []models.Permission
	needs     models.Permission
}

// asking is the input of each query that takes one.
func asking(nodes map[string]string) map[string]map[string]any {
	return map[string]map[string]any{
		"webhookReplayCount": {"endpointId": nodes["WebhookEndpoint"], "since": "2026-01-01T00:00:00Z"},
	}
}

// nowhere is the input of each mutation that changes nothing.
func nowhere() map[string]map[string]any {
	member, key := models.MembershipID{}.From(uuid.New()).String(), models.APIKeyID{}.From(uuid.New()).String()
	invitation := models.InvitationID{}.From(uuid.New()).String()
	payer, cpt := models.PayerMappingID{}.From(uuid.New()).String(), models.CPTGroupMappingID{}.From(uuid.New()).String()
	endpoint, delivery := models.WebhookEndpointID{}.From(uuid.New()).String(), models.WebhookDeliveryID{}.From(uuid.New()).String()
	customer, upload := models.CustomerID{}.From(uuid.New()).String(), models.UploadID{}.From(uuid.New()).String()
	rule, channel, alert := models.AlertRuleID{}.From(uuid.New()).String(), models.NotificationChannelID{}.From(uuid.New()).String(), models.AlertEventID{}.From(uuid.New()).String()
	return map[string]map[string]any{
		"createAlertRule":           {"name": ""},
		"updateAlertRule":           {"id": rule},
		"deleteAlertRule":           {"id": rule},
		"previewAlertRule":          {"thresholdValue": 0},
		"createNotificationChannel": {"name": ""},
		"updateNotificationChannel": {"id": channel},
		"deleteNotificationChannel": {"id": channel},
		"testNotificationChannel":   {"id": channel},
		"acknowledgeAlert":          {"id": alert},
		"resolveAlert":              {"id": alert},
		"reopenAlert":               {"id": alert},
		"snoozeAlert":               {"id": alert, "until": "2026-07-01T00:00:00Z"},
		"unsnoozeAlert":             {"id": alert},
		"assignAlert":               {"id": alert},
		"retryAlert":                {"id": alert},
		"submitAlertFeedback":       {"id": alert, "verdict": "REAL"},

		"createPayerMapping":    {"rawName": "", "normalizedName": ""},
		"updatePayerMapping":    {"id": payer},
		"deletePayerMapping":    {"id": payer},
		"createCptGroupMapping": {"cptCode": "", "cptGroup": ""},
		"updateCptGroupMapping": {"id": cpt},
		"deleteCptGroupMapping": {"id": cpt},
		"updateCustomer":        {"id": customer},
		"updateUpload":          {"id": upload},
		"deleteUpload":          {"id": upload},
		"cancelUpload":          {"id": upload},
		"detectDrift":           {"currentDays": 0},
		"triggerReport":         {"currentDays": 0},
		"changeMemberRole":      {"id": member, "role": "VIEWER", "expectedVersion": 1},
		"removeMember":          {"id": member},
		"inviteMember":          {"email": "nonsense", "role": "VIEWER"},
		"resendInvitation":      {"id": invitation},
		"revokeInvitation":      {"id": invitation},
		"createApiKey":          {"name": "", "scopes": []string{"CLAIMS_READ"}},
		"rotateApiKey":          {"id": key},
		"revokeApiKey":          {"id": key},
		"createWebhookEndpoint": {"name": "", "url": ""},
		"updateWebhookEndpoint": {"id": endpoint},
		"deleteWebhookEndpoint": {"id": endpoint},
		"rotateWebhookSecret":   {"id": endpoint},
		"testWebhookEndpoint":   {"id": endpoint},
		"redeliverWebhook":      {"id": delivery},
		"replayWebhooks":        {"endpointId": endpoint, "since": "2026-01-01T00:00:00Z"},
	}
}

// alertParts are the ways to the objects of alerts that have no identifier.
var alertParts = map[string]string{
	"AlertMemory":       "query($id: ID!) { node(id: $id) { ... on AlertEvent { memory { %s } } } }",
	"AlertHistoryEntry": "query($id: ID!) { node(id: $id) { ... on AlertEvent { history(first: 1) { nodes { %s } } } } }",
	"AlertNotification": "query($id: ID!) { node(id: $id) { ... on AlertEvent { notifications(first: 1) { nodes { %s } } } } }",
	"RecoveryStats":     "{ recoveryStats { %s } }",
}

// paths are the ways to every field of the schema that declares a permission,
// made from the schema. nodes are objects to start from, by type.
func paths(t *testing.T, nodes map[string]string) []path {
	t.Helper()
	s := loaded(t)
	selects := func(f *ast.FieldDefinition) string {
		switch def := s.Types[f.Type.Name()]; {
		case strings.HasSuffix(def.Name, "Connection"):
			return f.Name + " { totalCount }"
		case strings.HasSuffix(def.Name, "Payload"):
			return f.Name + "(input: $input) { userErrors { code message } }"
		default:
			return f.Name + " { __typename }"
		}
	}
	var all []path
	for _, def := range s.Types {
		p := declared(def.Directives)
		if p != "" {
			id := nodes[def.Name]
			if id == "" {
				t.Fatalf("no %s to find by node", def.Name)
			}
			all = append(all, path{
				name: "node of " + def.Name, document: "query($id: ID!) { node(id: $id) { id } }", variables: map[string]any{"id": id}, needs: p,
			})
		}
		for _, f := range def.Fields {
			needs := declared(f.Directives)
			if needs == "" {
				continue
			}
			way := path{name: def.Name + "." + f.Name, needs: needs}
			switch {
			case def == s.Query && f.Arguments.ForName("input") != nil:
				input := asking(nodes)[f.Name]
				if input == nil {
					input = nowhere()[f.Name]
				}
				if input == nil {
					t.Fatalf("no input of %s", f.Name)
				}
				way.document = fmt.Sprintf("query($input: %s) { %s(input: $input) { __typename } }", f.Arguments.ForName("input").Type, f.Name)
				way.variables = map[string]any{"input": input}
			case def == s.Query:
				way.document = "{ " + selects(f) + " }"
			case def == s.Mutation:
				input := nowhere()[f.Name]
				if input == nil {
					t.Fatalf("no input of %s that changes nothing", f.Name)
				}
				way.document = fmt.Sprintf("mutation($input: %s) { %s }", f.Arguments.ForName("input").Type, selects(f))
				way.variables = map[string]any{"input": input}
			case alertParts[def.Name] != "":
				way.document, way.before = fmt.Sprintf(alertParts[def.Name], selects(f)), []models.Permission{models.PermissionViewAlerts}
				way.variables = map[string]any{"id": nodes["AlertEvent"]}
			case def.Name == "AlertRulePreview" || def.Name == "AlertRuleMatch":
				below := map[string]string{"AlertRulePreview": "%s", "AlertRuleMatch": "matches { %s }"}[def.Name]
				way.document = "query($input: PreviewAlertRuleInput!) { previewAlertRule(input: $input) { " + fmt.Sprintf(below, selects(f)) + " } }"
				way.variables, way.before = map[string]any{"input": nowhere()["previewAlertRule"]}, []models.Permission{models.PermissionManageAlerts}
			case def.Name == "Viewer":
				way.document = "{ viewer { " + selects(f) + " } }"
			case def.Name == "Dashboard":
				way.document, way.before = "{ dashboard { "+selects(f)+" } }", []models.Permission{models.PermissionViewReports}
			case def.Name == "TopDriftPayer":
				way.document, way.before = "{ dashboard { topDriftPayers { "+selects(f)+" } } }", []models.Permission{models.PermissionViewReports}
			case def.Name == "PayerSummary":
				way.document = `{ payerSummary(first: 1, filter: {startDate: "2020-01-01"}) { nodes { ` + selects(f) + ` } } }`
				way.before = []models.Permission{models.PermissionViewClaims}
			case def.Name == "DriftTest":
				way.document = "query($id: ID!) { node(id: $id) { ... on ReportRun { tests(first: 1) { nodes { " + selects(f) + " } } } } }"
				way.variables, way.before = map[string]any{"id": nodes["ReportRun"]}, []models.Permission{declared(s.Types["ReportRun"].Directives)}
			default:
				way.document = "query($id: ID!) { node(id: $id) { ... on " + def.Name + " { " + selects(f) + " } } }"
				way.variables, way.before = map[string]any{"id": nodes[def.Name]}, []models.Permission{p}
			}
			all = append(all, way)
		}
	}
	return all
}

// TestDeclaredPermissionsAreTheStores proves that what a field declares is
// exactly what the store asks for: with that permission, and those of the way
// to the field, it answers; without it, and with all others there are, it is
// refused in the words of that permission.
func TestDeclaredPermissionsAreTheStores(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ways := paths(t, w.nodes())
	if len(ways) < 25 {
		t.Fatalf("only %d ways", len(ways))
	}
	var scopes []models.Scope
	for _, s := range models.Scope("").Values() {
		scopes = append(scopes, models.Scope(s))
	}
	roles := models.Role("").Values()
	members := map[models.Role]models.Viewer{}
	for _, role := range roles {
		members[models.Role(role)] = w.user(w.cedar, role+"@roles.test", models.Role(role))
	}
	for _, way := range ways {
		t.Run(way.name, func(t *testing.T) {
			t.Parallel()
			w := w.in(t)
			needed := append(slices.Clone(way.before), way.needs)
			for _, role := range roles {
				v := members[models.Role(role)]
				lacks := ""
				if i := slices.IndexFunc(needed, func(p models.Permission) bool { return !models.RoleMay(v.Role, p) }); i >= 0 {
					lacks = string(needed[i]) // the first on the way
				}
				w.wantAdmitted(way, role, v, lacks == "", "The role "+role+" lacks the permission "+lacks+".")
			}
			scope, ok := models.ScopeFor(way.needs)
			key := models.Viewer{KeyID: models.APIKeyID{}.From(uuid.New()), Email: "key", CustomerID: w.cedar}
			if !ok {
				key.Scopes = scopes
				closed := slices.IndexFunc(needed, func(p models.Permission) bool { _, ok := models.ScopeFor(p); return !ok })
				w.wantAdmitted(way, "a key with every scope", key, false, "No API key has the permission "+string(needed[closed]))
				return
			}
			for _, p := range needed {
				if s, _ := models.ScopeFor(p); s != "" {
					key.Scopes = append(key.Scopes, s)
				}
			}
			w.wantAdmitted(way, fmt.Sprintf("a key with %s", key.Scopes), key, true, "")
			if scope == "" {
				return
			}
			key.Scopes = slices.DeleteFunc(slices.Clone(scopes), func(s models.Scope) bool { return s == scope })
			w.wantAdmitted(way, fmt.Sprintf("a key without %s", scope), key, false, "The API key lacks the scope "+string(scope)+".")
		})
	}
}

// TestSuperusersNameTheCustomer walks the same fields as a superuser who names
// no customer.
func TestSuperusersNameTheCustomer(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	u, err := w.store.CreateUser(t.Context(), models.CustomerID{}, models.NewUser{Email: "root@upstream.test", PasswordHash: "x", Superuser: true})
	if err != nil {
		t.Fatal(err)
	}
	root := models.Viewer{UserID: u.ID, Email: u.Email, Superuser: true}
	across := []string{"Query.customers", "node of Customer", "Viewer.customer"}
	for _, way := range paths(t, w.nodes()) {
		code, message := w.refusal(root, way)
		if slices.Contains(across, way.name) {
			if code != "" {
				t.Errorf("%s: %s %s", way.name, code, message)
			}
			continue
		}
		said := string(w.ask(root, way.document, way.variables).Data) // where mutations list their errors
		if code == models.CodeValidation {
			said = message
		}
		if code != "" && code != models.CodeValidation || !strings.Contains(said, "X-Customer-Id") {
			t.Errorf("%s: %q %s", way.name, code, message)
		}
		named := root
		named.CustomerID = w.cedar
		if code, message := w.refusal(named, way); code != "" {
			t.Errorf("%s for a customer: %q %s", way.name, code, message)
		}
	}
}

// nodes ingests, detects, and names an object of every type.
func (w *world) nodes() map[string]string {
	w.t.Helper()
	upload := w.ingest(w.analyst, "shift.csv", shiftedFile())
	run, err := w.store.DetectDrift(w.t.Context(), w.analyst, models.DetectInput{})
	if err != nil {
		w.t.Fatal(err)
	}
	one := models.Page{Limit: 1}
	system := models.SystemViewer(w.cedar)
	claims, err1 := w.store.Claims(w.t.Context(), system, models.ClaimFilter{}, models.List[models.ClaimOrderField]{Page: one})
	events, err2 := w.store.DriftEvents(w.t.Context(), system, models.DriftEventFilter{}, models.List[models.DriftEventOrderField]{Page: one})
	lines, err3 := w.store.AuditEvents(w.t.Context(), system, models.AuditEventFilter{}, models.List[models.AuditEventOrderField]{Page: one})
	members, err4 := w.store.Members(w.t.Context(), system, models.MemberFilter{}, models.List[models.MemberOrderField]{Page: one})
	key, err5 := w.store.CreateAPIKey(w.t.Context(), system, models.NewAPIKey{Name: "partner", Scopes: []models.Scope{models.ScopeClaimsRead}})
	invitation, err6 := w.store.InviteMember(w.t.Context(), system, models.NewInvitation{Email: "invited@cedar.test", Role: models.RoleViewer})
	payer, err7 := w.store.CreatePayerMapping(w.t.Context(), system, models.NewPayerMapping{RawName: "AETNA INC", NormalizedName: "Aetna"})
	cpt, err8 := w.store.CreateCPTGroupMapping(w.t.Context(), system, models.NewCPTGroupMapping{CPTCode: "99214", CPTGroup: "OFFICE"})
	for _, err := range []error{err1, err2, err3, err4, err5, err6, err7, err8} {
		if err != nil {
			w.t.Fatal(err)
		}
	}
	delivery, event, replay := w.webhooks(system)
	w.alerts(w.cedar, 100)
	rules, err1 := w.store.AlertRules(w.t.Context(), system, models.AlertRuleFilter{}, models.List[models.AlertRuleOrderField]{Page: one})
	channels, err2 := w.store.NotificationChannels(w.t.Context(), system, models.NotificationChannelFilter{}, models.List[models.NotificationChannelOrderField]{Page: one})
	alerts, err3 := w.store.AlertEvents(w.t.Context(), system, models.AlertEventFilter{}, models.List[models.AlertEventOrderField]{Page: one})
	judgments, err4 := w.store.OperatorJudgments(w.t.Context(), system, models.OperatorJudgmentFilter{}, models.List[models.OperatorJudgmentOrderField]{Page: one})
	for _, err := range []error{err1, err2, err3, err4} {
		if err != nil {
			w.t.Fatal(err)
		}
	}
	return map[string]string{
		"AlertRule": rules.Items[0].ID.String(), "NotificationChannel": channels.Items[0].ID.String(), "AlertEvent": alerts.Items[0].ID.String(),
		"OperatorJudgment": judgments.Items[0].ID.String(),
		"Customer":         w.cedar.String(), "Upload": upload.ID.String(), "ReportRun": run.ID.String(), "Claim": claims.Items[0].ID.String(),
		"DriftEvent": events.Items[0].ID.String(), "AuditEvent": lines.Items[0].ID.String(), "Member": members.Items[0].ID.String(),
		"ApiKey": key.APIKey.ID.String(), "Invitation": invitation.ID.String(),
		"PayerMapping": payer.ID.String(), "CptGroupMapping": cpt.ID.String(),
		"WebhookEndpoint": delivery.EndpointID.String(), "WebhookDelivery": delivery.ID.String(), "WebhookEvent": event.ID.String(),
		"WebhookReplay": replay.ID.String(),
	}
}

// webhooks makes an endpoint, has it tested, and replays nothing.
func (w *world) webhooks(v models.Viewer) (*models.WebhookDelivery, *models.WebhookEvent, *models.WebhookReplay) {
	w.t.Helper()
	endpoint, err := w.store.CreateWebhookEndpoint(w.t.Context(), v, models.NewWebhookEndpoint{Name: "Warehouse", URL: "https://partner.example.org/hook"})
	if err != nil {
		w.t.Fatal(err)
	}
	delivery, err1 := w.store.TestWebhookEndpoint(w.t.Context(), v, endpoint.Endpoint.ID)
	events, err2 := w.store.WebhookEvents(w.t.Context(), v, models.WebhookEventFilter{}, models.List[models.WebhookEventOrderField]{Page: models.Page{Limit: 1}})
	replay, err3 := w.store.ReplayWebhooks(w.t.Context(), v, models.NewWebhookReplay{EndpointID: endpoint.Endpoint.ID, Since: now.AddDate(0, -1, 0)})
	for _, err := range []error{err1, err2, err3} {
		if err != nil {
			w.t.Fatal(err)
		}
	}
	return delivery, events.Items[0], replay
}

// refusal is the first top-level error of a way; empty when there is none.
func (w *world) refusal(v models.Viewer, way path) (code models.Code, message string) {
	w.t.Helper()
	r := w.ask(v, way.document, way.variables)
	if len(r.Errors) == 0 {
		return "", ""
	}
	return models.Code(r.code()), r.Errors[0].Message
}

func (w *world) wantAdmitted(way path, who string, v models.Viewer, may bool, refused string) {
	w.t.Helper()
	code, message := w.refusal(v, way)
	switch {
	case may && code != "":
		w.t.Errorf("%s: %s %s", who, code, message)
	case !may && (code != models.CodeForbidden || !strings.HasPrefix(message, refused)):
		w.t.Errorf("%s: %q %q, want FORBIDDEN %q", who, code, message, refused)
	}
}
