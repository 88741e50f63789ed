package models_test

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"github.com/santhosh-tekuri/jsonschema/v6"
	"pgregory.net/rapid"

	"upstream/models"
)

func TestNewWebhookEndpoint_Validate(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		in   models.NewWebhookEndpoint
		want string
	}{
		"all events":  {models.NewWebhookEndpoint{Name: "a", URL: "https://x"}, ""},
		"some events": {models.NewWebhookEndpoint{Name: "a", URL: "https://x", EventTypes: []models.WebhookEventType{models.EventAlertResolved}}, ""},
		"nothing":     {models.NewWebhookEndpoint{}, "name invalid, url invalid"},
		"all wrong": {models.NewWebhookEndpoint{
			Name: strings.Repeat("x", 101), URL: "https://evil", EventTypes: []models.WebhookEventType{"alert.triggered", "alert_triggered", "alert.triggered"},
		}, "name invalid, url invalid, event_types.1 invalid, event_types.2 repeated"},
	} {
		if got := problems(tt.in.Validate(noEvil{})); got != tt.want {
			t.Errorf("%s: %q, want %q", name, got, tt.want)
		}
	}
	if e := (models.NewWebhookEndpoint{}).Endpoint(); !e.Active || e.Circuit != models.CircuitClosed {
		t.Errorf("defaults: %+v", e)
	}
}

func TestWebhookEndpoint_Receives(t *testing.T) {
	t.Parallel()
	some := []models.WebhookEventType{models.EventDriftDetected, models.EventReportFailed}
	for name, tt := range map[string]struct {
		endpoint models.WebhookEndpoint
		want     []models.WebhookEventType
	}{
		"all":      {models.WebhookEndpoint{Active: true}, []models.WebhookEventType{models.EventDriftDetected, models.EventUploadProcessed, models.EventWebhookTest}},
		"some":     {models.WebhookEndpoint{Active: true, EventTypes: some}, []models.WebhookEventType{models.EventDriftDetected, models.EventWebhookTest}},
		"off":      {models.WebhookEndpoint{}, nil},
		"disabled": {models.WebhookEndpoint{Active: true, EndpointHealth: models.EndpointHealth{DisabledAt: &time.Time{}}}, nil},
	} {
		var got []models.WebhookEventType
		for _, e := range []models.WebhookEventType{models.EventDriftDetected, models.EventUploadProcessed, models.EventWebhookTest} {
			if tt.endpoint.Receives(e) {
				got = append(got, e)
			}
		}
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

func TestWebhookSecretRotation(t *testing.T) {
	t.Parallel()
	for hours, ok := range map[int]bool{-1: false, 0: true, 168: true, 169: false} {
		in := models.WebhookSecretRotation{OverlapHours: &hours}
		if err := in.Validate(); (err == nil) != ok || in.Overlap() != time.Duration(hours)*time.Hour {
			t.Errorf("%d: %v, %v", hours, in.Overlap(), err)
		}
	}
	if in := (models.WebhookSecretRotation{}); in.Validate() != nil || in.Overlap() != 24*time.Hour {
		t.Errorf("default: %v", in.Overlap())
	}
}

func TestWebhookEventType_GraphQL(t *testing.T) {
	t.Parallel()
	for _, word := range models.WebhookEventType("").Values() {
		var out strings.Builder
		models.WebhookEventType(word).MarshalGQL(&out)
		if want := `"` + strings.ToUpper(strings.ReplaceAll(word, ".", "_")) + `"`; out.String() != want {
			t.Errorf("%s is shown as %s", word, out.String())
		}
		var back models.WebhookEventType
		if err := back.UnmarshalGQL(strings.Trim(out.String(), `"`)); err != nil || string(back) != word {
			t.Errorf("%s is read as %q, %v", out.String(), back, err)
		}
	}
	var back models.WebhookEventType
	if back.UnmarshalGQL("DRIFT_IMAGINED") == nil || back.UnmarshalGQL(1) == nil {
		t.Error("nonsense is an event type")
	}
}

// catalogue is the data of each event type, made from nouns as the store does.
func catalogue(t *rapid.T) []models.WebhookData {
	raw := uuid.UUID(rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, "uuid"))
	number, rate := rapid.Float64Range(-1e9, 1e9).Draw(t, "number"), rapid.Float64Range(0, 1).Draw(t, "rate")
	count := rapid.IntRange(0, 1e9).Draw(t, "count")
	secret := "Mercy Patient" // must not be found in any body
	event := &models.DriftEvent{
		ID: models.DriftEventID{}.From(raw), ReportRunID: models.ReportRunID{}.From(raw), DriftType: pick[models.DriftType](t), TrendDirection: pick[models.TrendDirection](t),
		Payer: secret, CPTGroup: secret, SignalKey: secret, BaselineValue: number, CurrentValue: rate, DeltaValue: -number, Severity: rate, Confidence: rate,
		BaselineSampleSize: count, CurrentSampleSize: count,
	}
	if rapid.Bool().Draw(t, "impact") {
		event.EstimatedRevenueImpact = usd("1234.5")
	}
	run := &models.ReportRun{
		ID: event.ReportRunID, RunType: pick[models.RunType](t), Method: pick[models.Method](t), AsOf: models.NewDate(2026, time.March, 2),
		TestCount: count, DriftEventCount: count, ErrorMessage: &secret,
	}
	alert := &models.AlertEvent{
		ID: models.AlertEventID{}.From(raw), AlertRuleID: models.AlertRuleID{}.From(raw), DriftEventID: event.ID, ReportRunID: run.ID,
		Payer: secret, DriftType: event.DriftType, Resolution: new(pick[models.AlertResolution](t)),
		Payload: models.AlertPayload{RuleName: secret, RuleSeverity: pick[models.AlertSeverity](t), Severity: rate, DeltaValue: number},
	}
	upload := &models.Upload{ID: models.UploadID{}.From(raw), Status: pick[models.UploadStatus](t), Filename: secret, AcceptedRowCount: int64(count)}
	return []models.WebhookData{
		models.DriftDetectedOf(event), models.ReportCompletedOf(run), models.ReportFailedOf(run), models.AlertTriggeredOf(alert),
		models.AlertResolvedOf(alert), models.UploadProcessedOf(upload),
		models.WebhookTestData{WebhookEndpointID: models.WebhookEndpointID{}.From(raw)},
	}
}

func pick[E models.Enum](t *rapid.T) E {
	var zero E
	return E(rapid.SampledFrom(zero.Values()).Draw(t, reflect.TypeFor[E]().Name()))
}

func compiled(t *testing.T) map[models.WebhookEventType]*jsonschema.Schema {
	t.Helper()
	schemas := map[models.WebhookEventType]*jsonschema.Schema{}
	for _, word := range models.WebhookEventType("").Values() {
		document, err := jsonschema.UnmarshalJSON(bytes.NewReader(models.WebhookSchema(models.WebhookEventType(word))))
		if err != nil {
			t.Fatalf("%s: %v", word, err)
		}
		compiler := jsonschema.NewCompiler()
		compiler.DefaultDraft(jsonschema.Draft2020)
		compiler.AssertFormat()
		if err := compiler.AddResource(word+".json", document); err != nil {
			t.Fatal(err)
		}
		if schemas[models.WebhookEventType(word)], err = compiler.Compile(word + ".json"); err != nil {
			t.Fatalf("%s: %v", word, err)
		}
	}
	return schemas
}

func instance(t interface{ Fatal(args ...any) }, body []byte) any {
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	return value
}

// Each body that can be sent is one that its schema describes, and no other
// type's, and says nothing that somebody wrote.
func TestWebhookBody_MatchesSchema(t *testing.T) {
	t.Parallel()
	schemas := compiled(t)
	rapid.Check(t, func(t *rapid.T) {
		for _, data := range catalogue(t) {
			origin := models.WebhookOrigin{
				Delivery: models.WebhookDeliveryID{}.From(uuid.Must(uuid.NewV7())), Customer: models.CustomerID{}.From(uuid.Must(uuid.NewV7())),
				Sequence: rapid.Int64Range(1, 1<<53).Draw(t, "sequence"), Revision: rapid.Int64Range(1, 1<<31).Draw(t, "revision"),
				At: time.Unix(rapid.Int64Range(0, 4e9).Draw(t, "at"), 123456000).In(time.FixedZone("", 3600)),
			}
			body, err := models.NewWebhookBody(origin, data).Bytes()
			if err != nil {
				t.Fatal(err)
			}
			value := instance(t, body)
			for kind, schema := range schemas {
				if err := schema.Validate(value); (err == nil) != (kind == data.EventType()) {
					t.Fatalf("%s by the schema of %s: %v\n%s", data.EventType(), kind, err, body)
				}
			}
			if bytes.ContainsAny(body, "\n") || bytes.Contains(body, []byte("Mercy")) {
				t.Fatalf("%s", body)
			}
		}
	})
}

// The schemas refuse what differs in one field.
func TestWebhookSchema_Refuses(t *testing.T) {
	t.Parallel()
	schema := compiled(t)[models.EventAlertResolved]
	good := `{"id":"dlv_00000000000000000000000000","type":"alert.resolved","timestamp":"2026-03-02T12:00:00Z","customer_id":"cust_00000000000000000000000000","sequence":1,"revision":2,` +
		`"data":{"alert_event_id":"alert_00000000000000000000000000","alert_rule_id":"rule_00000000000000000000000000","drift_event_id":"drift_00000000000000000000000000","resolution":"noise"}}`
	if err := schema.Validate(instance(t, []byte(good))); err != nil {
		t.Fatal(err)
	}
	for _, change := range [][2]string{
		{`"sequence":1`, `"sequence":0`},
		{`"sequence":1`, `"sequence":1.5`},
		{`"sequence":1,`, ``},
		{`"dlv_`, `"hook_`},
		{`"rule_0`, `"rule_8`},
		{`"noise"`, `"boredom"`},
		{`"noise"`, `"noise","notes":"free text"`},
		{`"type":"alert.resolved"`, `"type":"alert.triggered"`},
		{`2026-03-02T12:00:00Z`, `yesterday`},
		{`{"id"`, `{"payer":"Aetna","id"`},
	} {
		bad := strings.Replace(good, change[0], change[1], 1)
		if bad == good || schema.Validate(instance(t, []byte(bad))) == nil {
			t.Errorf("%s passes for %s", change[1], change[0])
		}
	}
}

// The catalogue is a contract: a change of it shows in this file.
func TestWebhookSchema_Golden(t *testing.T) {
	t.Parallel()
	all := map[string]json.RawMessage{}
	for _, word := range models.WebhookEventType("").Values() {
		all[word] = models.WebhookSchema(models.WebhookEventType(word))
	}
	got, err := json.MarshalIndent(all, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	got = append(got, '\n')
	path := filepath.Join("testdata", "webhook-schemas.json")
	if *updateDocs {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("the schemas changed; if that is meant, run go test ./models -run Golden -update (-file +now):\n%s", diff)
	}
	if models.WebhookSchema("drift.imagined") != nil {
		t.Error("an unknown type has a schema")
	}
}

// No body has a field that could hold free text: strings are identifiers,
// instants, days, amounts or closed words.
func TestWebhookSchema_NoFreeText(t *testing.T) {
	t.Parallel()
	for _, word := range models.WebhookEventType("").Values() {
		var schema map[string]any
		if err := json.Unmarshal(models.WebhookSchema(models.WebhookEventType(word)), &schema); err != nil {
			t.Fatal(err)
		}
		walk(t, word, schema)
	}
}

func walk(t *testing.T, path string, schema map[string]any) {
	t.Helper()
	if properties, ok := schema["properties"].(map[string]any); ok {
		if open, closed := schema["additionalProperties"].(bool); open || !closed || len(schema["required"].([]any)) != len(properties) {
			t.Errorf("%s is open", path)
		}
		for name, property := range properties {
			walk(t, path+"."+name, property.(map[string]any))
		}
		return
	}
	kinds, _ := schema["type"].([]any)
	if schema["type"] != "string" && !slices.Contains(kinds, "string") {
		return
	}
	for _, bound := range []string{"pattern", "enum", "const", "format"} {
		if schema[bound] != nil {
			return
		}
	}
	t.Errorf("%s may hold any text", path)
}

func TestWebhookBody_NoNumber(t *testing.T) {
	t.Parallel()
	zero := 0.0
	if body, err := models.NewWebhookBody(models.WebhookOrigin{}, models.DriftDetectedData{DeltaValue: 1 / zero}).Bytes(); err == nil {
		t.Errorf("%s", body)
	}
}

func TestDeliveryStatus_Done(t *testing.T) {
	t.Parallel()
	for _, word := range models.DeliveryStatus("").Values() {
		s := models.DeliveryStatus(word)
		if s.Done() != (s == models.DeliverySuccess || s == models.DeliveryDead) {
			t.Errorf("%s: %v", s, s.Done())
		}
	}
}
