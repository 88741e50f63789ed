package graph_test

import (
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/vektah/gqlparser/v2"
	"github.com/vektah/gqlparser/v2/ast"

	"upstream/graph"
	"upstream/models"
)

func loaded(t *testing.T) *ast.Schema {
	t.Helper()
	s, err := gqlparser.LoadSchema(&ast.Source{Input: graph.SDL()})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestSDL(t *testing.T) {
	t.Parallel()
	first := graph.SDL()
	for range 5 {
		if graph.SDL() != first {
			t.Fatal("the text differs from call to call")
		}
	}
	s := loaded(t)
	if s.Query == nil || s.Mutation == nil || s.Types["DriftEvent"] == nil {
		t.Error("the schema is incomplete")
	}
}

// TestEverythingIsDescribed demands a description of every element of ours.
func TestEverythingIsDescribed(t *testing.T) {
	t.Parallel()
	check := func(name, description string) {
		t.Helper()
		if len(description) < 5 || !strings.ContainsAny(description[len(description)-1:], ".`?") {
			t.Errorf("%s is described as %q", name, description)
		}
	}
	for _, def := range loaded(t).Types {
		if def.BuiltIn {
			continue
		}
		check(def.Name, def.Description)
		for _, f := range def.Fields {
			if strings.HasPrefix(f.Name, "__") {
				continue
			}
			check(def.Name+"."+f.Name, f.Description)
			for _, a := range f.Arguments {
				check(def.Name+"."+f.Name+"("+a.Name+")", a.Description)
			}
		}
		for _, v := range def.EnumValues {
			check(def.Name+"."+v.Name, v.Description)
		}
	}
}

// TestFiltersAreThoseOfModels holds the input types against the structs that
// REST reads and the store turns into SQL: same fields, same words.
func TestFiltersAreThoseOfModels(t *testing.T) {
	t.Parallel()
	s := loaded(t)
	for name, filter := range map[string]any{
		"ClaimFilter": models.ClaimFilter{}, "UploadFilter": models.UploadFilter{}, "ReportRunFilter": models.ReportRunFilter{},
		"DriftEventFilter": models.DriftEventFilter{}, "DriftTestFilter": models.DriftTestFilter{},
		"AuditEventFilter": models.AuditEventFilter{}, "MemberFilter": models.MemberFilter{}, "CustomerFilter": models.CustomerFilter{},
		"ApiKeyFilter": models.APIKeyFilter{}, "InvitationFilter": models.InvitationFilter{},
		"WebhookEndpointFilter": models.WebhookEndpointFilter{}, "WebhookDeliveryFilter": models.WebhookDeliveryFilter{},
		"DeliveryAttemptFilter": models.DeliveryAttemptFilter{}, "WebhookReplayFilter": models.WebhookReplayFilter{},
		"WebhookEventFilter": models.WebhookEventFilter{},
	} {
		want, got := map[string]string{}, map[string]string{}
		for f := range reflect.TypeOf(filter).Fields() {
			want[camel(f.Tag.Get("query"))] = f.Tag.Get("doc")
		}
		for _, f := range s.Types[name].Fields {
			got[f.Name] = f.Description
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s -models +schema\n%s", name, diff)
		}
	}
}

func camel(snake string) string {
	words := strings.Split(snake, "_")
	for i, w := range words[1:] {
		words[i+1] = strings.ToUpper(w[:1]) + w[1:]
	}
	return strings.Join(words, "")
}

// TestEnumsAreThoseOfModels compares every enum with the Go set it stands for.
func TestEnumsAreThoseOfModels(t *testing.T) {
	t.Parallel()
	var codes, permissions []string
	for _, c := range models.Codes() {
		codes = append(codes, string(c))
	}
	for _, p := range models.Permissions() {
		permissions = append(permissions, string(p))
	}
	want := map[string][]string{
		"ErrorCode": codes, "Permission": permissions, "Role": models.Role("").Values(), "OrderDirection": models.Direction("").Values(),
		"UploadStatus": models.UploadStatus("").Values(), "UploadSource": models.UploadSource("").Values(), "RejectionCode": models.RejectionCode("").Values(),
		"Outcome": models.Outcome("").Values(), "SubmittedVia": models.SubmittedVia("").Values(), "RunType": models.RunType("").Values(),
		"RunStatus": models.RunStatus("").Values(), "DetectionMethod": models.Method("").Values(), "WindowBy": models.WindowBy("").Values(),
		"DriftType": models.DriftType("").Values(), "TestMethod": models.TestMethod("").Values(), "TrendDirection": models.TrendDirection("").Values(),
		"SeverityLabel": models.SeverityLabel("").Values(), "ClaimOrderField": models.ClaimOrderField("").Values(),
		"UploadOrderField": models.UploadOrderField("").Values(), "RejectionOrderField": models.RejectionOrderField("").Values(),
		"ReportRunOrderField": models.ReportRunOrderField("").Values(), "DriftEventOrderField": models.DriftEventOrderField("").Values(),
		"DriftTestOrderField": models.DriftTestOrderField("").Values(), "ActorType": models.ActorType("").Values(),
		"AuditEventOrderField": models.AuditEventOrderField("").Values(), "MemberOrderField": models.MemberOrderField("").Values(),
		"InvitationStatus": models.InvitationStatus("").Values(), "InvitationOrderField": models.InvitationOrderField("").Values(),
		"ApiKeyOrderField": models.APIKeyOrderField("").Values(), "Scope": models.Scope("").Values(), "CustomerOrderField": models.CustomerOrderField("").Values(),
		"EvidenceReasonCode": models.EvidenceReasonCode("").Values(), "ClaimDimension": models.ClaimDimension("").Values(),
		"PayerSummaryOrderField": models.PayerSummaryOrderField("").Values(), "ClaimStatsOrderField": models.ClaimStatsOrderField("").Values(),
		"AlertMetric":                   models.AlertMetric("").Values(),
		"ThresholdType":                 models.ThresholdType("").Values(),
		"AlertSeverity":                 models.AlertSeverity("").Values(),
		"ChannelType":                   models.ChannelType("").Values(),
		"AlertStatus":                   models.AlertStatus("").Values(),
		"SuppressionReason":             models.SuppressionReason("").Values(),
		"AlertResolution":               models.AlertResolution("").Values(),
		"AlertAction":                   models.AlertAction("").Values(),
		"NotificationStatus":            models.NotificationStatus("").Values(),
		"Verdict":                       models.Verdict("").Values(),
		"MemoryBadge":                   models.MemoryBadge("").Values(),
		"AlertRuleOrderField":           models.AlertRuleOrderField("").Values(),
		"NotificationChannelOrderField": models.NotificationChannelOrderField("").Values(),
		"AlertEventOrderField":          models.AlertEventOrderField("").Values(),
		"AlertHistoryOrderField":        models.AlertHistoryOrderField("").Values(),
		"AlertNotificationOrderField":   models.AlertNotificationOrderField("").Values(),
		"OperatorJudgmentOrderField":    models.OperatorJudgmentOrderField("").Values(),
		"AlertUrgency":                  models.AlertUrgency("").Values(),
		"Weekday":                       models.Weekday("").Values(), "PayerMappingOrderField": models.PayerMappingOrderField("").Values(),
		"CptGroupMappingOrderField": models.CPTGroupMappingOrderField("").Values(),
		"WebhookEventType":          models.WebhookEventType("").Values(), "CircuitState": models.CircuitState("").Values(),
		"DisabledReason": models.DisabledReason("").Values(), "DeliveryStatus": models.DeliveryStatus("").Values(),
		"AttemptOutcome": models.AttemptOutcome("").Values(), "ReplayState": models.ReplayState("").Values(),
		"WebhookEndpointOrderField": models.WebhookEndpointOrderField("").Values(), "WebhookDeliveryOrderField": models.WebhookDeliveryOrderField("").Values(),
		"DeliveryAttemptOrderField": models.DeliveryAttemptOrderField("").Values(), "WebhookReplayOrderField": models.WebhookReplayOrderField("").Values(),
		"WebhookEventOrderField": models.WebhookEventOrderField("").Values(),
	}
	for _, def := range loaded(t).Types {
		if def.Kind != ast.Enum || def.BuiltIn {
			continue
		}
		var got []string
		for _, v := range def.EnumValues {
			got = append(got, v.Name)
		}
		if diff := cmp.Diff(strings.Fields(strings.ToUpper(strings.NewReplacer(":", "_", ".", "_").Replace(strings.Join(want[def.Name], " ")))), got); diff != "" {
			t.Errorf("%s -models +schema\n%s", def.Name, diff)
		}
		delete(want, def.Name)
	}
	if len(want) > 0 {
		t.Errorf("not in the schema: %v", want)
	}
}

// TestRelayShape checks what Relay demands of connections, edges and mutations.
func TestRelayShape(t *testing.T) {
	t.Parallel()
	s := loaded(t)
	shape := func(def *ast.Definition) []string {
		var got []string
		for _, f := range def.Fields {
			got = append(got, f.Name+": "+f.Type.String())
		}
		slices.Sort(got)
		return got
	}
	for name, def := range s.Types {
		noun, isConnection := strings.CutSuffix(name, "Connection")
		if !isConnection {
			continue
		}
		want := []string{"edges: [" + noun + "Edge!]!", "nodes: [" + noun + "!]!", "pageInfo: PageInfo!", "totalCount: Int!"}
		if diff := cmp.Diff(want, shape(def)); diff != "" {
			t.Errorf("%s\n%s", name, diff)
		}
		if diff := cmp.Diff([]string{"cursor: String!", "node: " + noun + "!"}, shape(s.Types[noun+"Edge"])); diff != "" {
			t.Errorf("%sEdge\n%s", noun, diff)
		}
	}
	for _, def := range s.Types {
		for _, f := range def.Fields {
			if !strings.HasSuffix(f.Type.Name(), "Connection") || def.BuiltIn {
				continue
			}
			for argument, typ := range map[string]string{"first": "Int", "after": "String", "last": "Int", "before": "String"} {
				if a := f.Arguments.ForName(argument); a == nil || a.Type.String() != typ {
					t.Errorf("%s.%s lacks %s: %s", def.Name, f.Name, argument, typ)
				}
			}
			if a := f.Arguments.ForName("orderBy"); a == nil || !strings.HasSuffix(a.Type.String(), "Order!]") {
				t.Errorf("%s.%s has no orderBy", def.Name, f.Name)
			}
		}
	}
	for _, f := range s.Mutation.Fields {
		title := strings.ToUpper(f.Name[:1]) + f.Name[1:]
		input, payload := s.Types[title+"Input"], s.Types[title+"Payload"]
		if len(f.Arguments) != 1 || f.Arguments[0].Type.String() != title+"Input!" || f.Type.String() != title+"Payload!" ||
			input.Fields.ForName("clientMutationId") == nil || payload.Fields.ForName("clientMutationId") == nil ||
			payload.Fields.ForName("userErrors").Type.String() != "[UserError!]!" {
			t.Errorf("%s is not a Relay mutation", f.Name)
		}
	}
}
