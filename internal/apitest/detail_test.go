package apitest

import (
	"net/url"
	"slices"
	"strings"
	"testing"

	"upstream/models"
)

// noun is a kind of object that both APIs show by its identifier.
type noun struct {
	// typ is the type of GraphQL, path the resource of REST.
	typ, path string
	// own and foreign name an object of Cedar and one of Harbor.
	own, foreign string
	// prefix is that of its identifiers.
	prefix string
	// auditing says that it takes a permission that begins with admins, as
	// viewing the audit log does.
	auditing bool
	// across says that superusers find every one and name no customer.
	across bool
	// below are the lists that hang from it, in either API.
	below []branch
}

// branch is a list that hangs from an object.
type branch struct{ path, field string }

func nouns() []noun {
	return []noun{
		{typ: "Claim", path: "claims/", own: "{claim}", foreign: "{harbor.claim}", prefix: "clm"},
		{
			typ: "Upload", path: "uploads/", own: "{upload}", foreign: "{harbor.upload}", prefix: "upl",
			below: []branch{{path: "rejections/", field: "rejections"}},
		},
		{
			typ: "ReportRun", path: "reports/", own: "{real.run}", foreign: "{harbor.run}", prefix: "run",
			below: []branch{{path: "tests/", field: "tests"}, {path: "drift-events/", field: "driftEvents"}},
		},
		{
			typ: "DriftEvent", path: "drift-events/", own: "{real.event}", foreign: "{harbor.event}", prefix: "drift",
			below: []branch{{path: "claims/", field: "claims"}},
		},
		{typ: "ApiKey", path: "api-keys/", own: "{key}", foreign: "{harbor.key}", prefix: "key", auditing: true},
		{typ: "AuditEvent", path: "audit-events/", own: "{audit}", foreign: "{harbor.audit}", prefix: "aud", auditing: true},
		{typ: "Member", path: "members/", own: "{member.cedar.viewer}", foreign: "{member.harbor.viewer}", prefix: "memb", auditing: true},
		{typ: "Invitation", path: "invitations/", own: "{invitation}", foreign: "{harbor.invitation}", prefix: "inv", auditing: true},
		{typ: "PayerMapping", path: "payer-mappings/", own: "{payer.mapping}", foreign: "{harbor.payer.mapping}", prefix: "pmap"},
		{typ: "CptGroupMapping", path: "cpt-mappings/", own: "{cpt.mapping}", foreign: "{harbor.cpt.mapping}", prefix: "cmap"},
		{
			typ: "WebhookEndpoint", path: "webhook-endpoints/", own: "{endpoint}", foreign: "{harbor.endpoint}", prefix: "hook", auditing: true,
			below: []branch{{path: "deliveries/", field: "deliveries"}},
		},
		{
			typ: "WebhookDelivery", path: "webhook-deliveries/", own: "{delivery}", foreign: "{harbor.delivery}", prefix: "dlv", auditing: true,
			below: []branch{{path: "attempts/", field: "attempts"}},
		},
		{typ: "WebhookReplay", path: "webhook-replays/", own: "{replay}", foreign: "{harbor.replay}", prefix: "job", auditing: true},
		{typ: "WebhookEvent", path: "events/", own: "{happening}", foreign: "{harbor.happening}", prefix: "evt", auditing: true},
		{typ: "AlertRule", path: "alert-rules/", own: "{rule}", foreign: "{harbor.rule}", prefix: "rule"},
		{typ: "NotificationChannel", path: "notification-channels/", own: "{channel}", foreign: "{harbor.channel}", prefix: "chan"},
		{
			typ: "AlertEvent", path: "alerts/", own: "{alert}", foreign: "{harbor.alert}", prefix: "alert",
			below: []branch{{path: "history/", field: "history"}, {path: "notifications/", field: "notifications"}, {path: "judgments/", field: "judgments"}},
		},
		{typ: "OperatorJudgment", path: "judgments/", own: "{judgment}", foreign: "{harbor.judgment}", prefix: "judg"},
		{typ: "Customer", path: "customers/", own: "{cedar}", foreign: "{harbor}", prefix: "cust", across: true},
	}
}

// nowhere ends an identifier that no row has.
const nowhere = "_01jz8k6v3pe9ktyh5wmcqa2x7d"

// malformed are texts that are no identifier of the kind with this prefix.
func malformed(prefix string) []string {
	other := "user"
	return []string{
		"17", prefix, prefix + "_", prefix + nowhere + "0", prefix + "_01JZ8K6V3PE9KTYH5WMCQA2X7D", prefix + "_z1jz8k6v3pe9ktyh5wmcqa2x7d",
		prefix + "_01jz8k6v3pe9ktyh5wmcqa2xiu", "0197e8b1-6d6f-7a69-afe2-3c5a3e8f8f51", other + nowhere, " " + prefix + nowhere, "_", "é",
	}
}

// readerOf is somebody of Cedar with no more rights than reading takes.
func readerOf(auditing bool) Asker {
	if auditing {
		return Asker{User: "cedar.admin"}
	}
	return Asker{User: "cedar.viewer"}
}

// detailCases ask for one object: one's own, another customer's, none, and by
// something that is no identifier.
func detailCases() []Case {
	viewer := Asker{User: "cedar.viewer"}
	var cases []Case
	for _, n := range nouns() {
		reader := readerOf(n.auditing)
		detail := func(name, id string, want models.Code, fields ...string) Case {
			return Case{
				Name: n.typ + " " + name, As: reader, REST: Call{Path: n.path + url.PathEscape(id) + "/"},
				GraphQL: node(n.typ, id), Want: want, Fields: fields,
			}
		}
		own := detail("of one's own", "", "")
		own.REST.Path, own.GraphQL.Variables["id"] = n.path+n.own+"/", n.own
		foreign := detail("of another customer", "", models.CodeNotFound)
		foreign.REST.Path, foreign.GraphQL.Variables["id"] = n.path+n.foreign+"/", n.foreign
		cases = append(cases, own, foreign, detail("that does not exist", n.prefix+nowhere, models.CodeNotFound))
		for _, id := range malformed(n.prefix) {
			cases = append(cases, detail("by "+id, id, models.CodeValidation, "id invalid"))
		}
		for _, b := range n.below {
			cases = append(cases, n.belowCases(b)...)
		}
	}
	cases = append(cases, alertDetails()...)
	own := ownCustomer()
	own.As = viewer
	for _, id := range []string{"{real.event}", "{harbor.event}", "drift" + nowhere} {
		c := Case{
			Name: "evidence of " + id, As: viewer, REST: Call{Path: "drift-events/" + id + "/evidence/"},
			GraphQL: Operation{
				Document:  "query($id: ID!) { node(id: $id) { ... on DriftEvent { evidence { " + whole("DriftEvidence") + " } } } }",
				Variables: map[string]any{"id": id}, At: "node.evidence", Type: "DriftEvidence",
			},
		}
		if id != "{real.event}" {
			c.Want = models.CodeNotFound
		}
		cases = append(cases, c)
	}
	return append(cases, own, Case{
		Name: "Customer by the viewer", As: viewer, REST: Call{Path: "customers/me/"},
		GraphQL: Operation{Document: "{ viewer { customer { " + selection("Customer") + " } } }", At: "viewer.customer", Type: "Customer"},
	}, Case{
		Name: "UploadStats", As: viewer, REST: Call{Path: "uploads/stats/"},
		GraphQL: Operation{Document: "{ uploadStats { " + selection("UploadStats") + " } }", At: "uploadStats", Type: "UploadStats"},
	}, Case{
		Name: "Customer by its identifier", As: viewer, REST: Call{Path: "customers/me/"}, GraphQL: node("Customer", "{cedar}"),
	})
}

// ownCustomer asks for the customer that one acts for.
func ownCustomer() Case {
	return Case{
		Name: "Customer of one's own", REST: Call{Path: "customers/me/"},
		GraphQL: Operation{Document: "{ customer { " + selection("Customer") + " } }", At: "customer", Type: "Customer"},
	}
}

// belowCases ask for a list of an object that is not there.
func (n noun) belowCases(b branch) []Case {
	ask := func(name, id string, want models.Code, fields ...string) Case {
		op := nestedConnection(n.typ, b.field, selection)
		op.Variables = map[string]any{"id": id}
		return Case{
			Name: n.typ + "." + b.field + " " + name, As: readerOf(n.auditing),
			REST: Call{Path: n.path + id + "/" + b.path}, GraphQL: op, Want: want, Fields: fields,
		}
	}
	return []Case{
		ask("of another customer", n.foreign, models.CodeNotFound),
		ask("of what does not exist", n.prefix+nowhere, models.CodeNotFound),
		ask("of what is something else", "user"+nowhere, models.CodeValidation, "id invalid"),
	}
}

// testDetails runs them, and looks the same objects up many at a time.
func (s *Server) testDetails(t *testing.T) {
	t.Parallel()
	s.runAll(t, detailCases())
	t.Run("nodes", func(t *testing.T) {
		t.Parallel()
		s.checkNodes(t)
	})
}

// nodesDocument looks up objects of every kind at once.
func nodesDocument() string {
	var objects []string
	for _, n := range nouns() {
		objects = append(objects, "... on "+n.typ+" { id }")
	}
	return "query($ids: [ID!]!) { nodes(ids: $ids) { __typename " + strings.Join(objects, " ") + " } }"
}

// checkNodes demands of `nodes` what REST says to each identifier by itself:
// the object, or none where that is NOT_FOUND.
func (s *Server) checkNodes(t tester) {
	t.Helper()
	reader := Asker{User: "cedar.admin"}
	var ids, want, found []any
	for _, n := range slices.Backward(nouns()) {
		for _, id := range []string{n.own, n.prefix + nowhere, n.foreign, n.own} {
			ids = append(ids, id)
			a := restAnswer(t, n.typ, s.rest(t, reader, Call{Path: n.path + id + "/"}))
			if a.Code == models.CodeNotFound {
				want = append(want, nil)
				continue
			}
			want = append(want, map[string]any{"__typename": n.typ, "id": a.Rows[0]["id"]})
		}
	}
	r := s.graphql(t, reader, Operation{Document: nodesDocument(), Variables: map[string]any{"ids": ids}})
	var g graphqlReply
	r.decode(t, &g)
	found, _ = g.Data["nodes"].([]any)
	same(t, "REST one by one and nodes", want, found)
}
