package rest_test

import (
	"bytes"
	"encoding/json"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"upstream/models"
	"upstream/rest"
)

// described is the part of an OpenAPI document that tells of webhooks.
type described struct {
	Webhooks   map[string]map[string]webhookRequest `json:"webhooks"`
	Older      map[string]map[string]webhookRequest `json:"x-webhooks"`
	Components struct{ Schemas map[string]json.RawMessage }
}

type webhookRequest struct {
	OperationID string
	Parameters  []struct {
		Name, In string
		Required bool
		Schema   json.RawMessage
		Example  any
	}
	RequestBody struct {
		Content map[string]struct {
			Schema struct {
				Ref string `json:"$ref"`
			}
			Example json.RawMessage
		}
	}
	Responses map[string]any
}

func documentOf(t *testing.T, version string) (text []byte, d described) {
	t.Helper()
	text, err := rest.OpenAPI(version)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, &d); err != nil {
		t.Fatal(err)
	}
	return text, d
}

// schemaAt compiles what an OpenAPI 3.1 document says at a JSON pointer.
func schemaAt(t *testing.T, document []byte, pointer string) *jsonschema.Schema {
	t.Helper()
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(document))
	if err != nil {
		t.Fatal(err)
	}
	compiler := jsonschema.NewCompiler()
	compiler.DefaultDraft(jsonschema.Draft2020)
	compiler.AssertFormat()
	if err := compiler.AddResource("openapi.json", value); err != nil {
		t.Fatal(err)
	}
	schema, err := compiler.Compile("openapi.json" + pointer)
	if err != nil {
		t.Fatal(err)
	}
	return schema
}

// Each event type has a request of its own, whose schema admits its example and
// no other type's.
func TestWebhooksAreDescribed(t *testing.T) {
	t.Parallel()
	text, d := documentOf(t, "3.1")
	if got, want := sortedNames(d.Webhooks), slices.Sorted(slices.Values(models.WebhookEventType("").Values())); !slices.Equal(got, want) {
		t.Fatalf("%v are described, want %v", got, want)
	}
	if d.Older != nil {
		t.Error("3.1 has webhooks in two places")
	}
	var examples []json.RawMessage
	for _, kind := range sortedNames(d.Webhooks) {
		examples = append(examples, d.Webhooks[kind]["post"].RequestBody.Content["application/json"].Example)
	}
	for i, kind := range sortedNames(d.Webhooks) {
		request := d.Webhooks[kind]["post"]
		schema := schemaAt(t, text, request.RequestBody.Content["application/json"].Schema.Ref)
		for j, example := range examples {
			body, err := jsonschema.UnmarshalJSON(bytes.NewReader(example))
			if err != nil {
				t.Fatal(err)
			}
			if err := schema.Validate(body); (err == nil) != (i == j) {
				t.Errorf("the example %s by the schema of %s: %v", example, kind, err)
			}
		}
		for _, status := range []string{"2XX", "410", "429", "4XX", "5XX"} {
			if request.Responses[status] == nil {
				t.Errorf("%s does not say what %s means", kind, status)
			}
		}
	}
}

// The headers are those that are signed, with examples that their patterns admit.
func TestWebhookHeadersAreDescribed(t *testing.T) {
	t.Parallel()
	text, d := documentOf(t, "3.1")
	for kind, methods := range d.Webhooks {
		var names []string
		for i, p := range methods["post"].Parameters {
			names = append(names, p.Name)
			if p.In != "header" || !p.Required {
				t.Errorf("%s: %s is in %s, required %v", kind, p.Name, p.In, p.Required)
			}
			at := "#/webhooks/" + kind + "/post/parameters/" + string(rune('0'+i)) + "/schema"
			if err := schemaAt(t, text, at).Validate(p.Example); err != nil {
				t.Errorf("%s: the example of %s: %v", kind, p.Name, err)
			}
		}
		if diff := cmp.Diff([]string{"webhook-id", "webhook-timestamp", "webhook-signature"}, names); diff != "" {
			t.Errorf("%s (-want +got):\n%s", kind, diff)
		}
	}
}

// OpenAPI 3.0 knows no webhooks: the same requests are an extension there, and
// their schemas are written in its words.
func TestWebhooksInOpenAPI30(t *testing.T) {
	t.Parallel()
	text, older := documentOf(t, "3.0")
	_, d := documentOf(t, "3.1")
	if older.Webhooks != nil {
		t.Error("3.0 has a member that it does not know")
	}
	if diff := cmp.Diff(sortedNames(d.Webhooks), sortedNames(older.Older)); diff != "" {
		t.Errorf("(-3.1 +3.0):\n%s", diff)
	}
	var document any
	if err := json.Unmarshal(text, &document); err != nil {
		t.Fatal(err)
	}
	walk(document, func(node map[string]any) {
		_, several := node["type"].([]any)
		_, constant := node["const"].(string)
		if several || constant {
			t.Errorf("%v is no schema of OpenAPI 3.0", node)
		}
	})
	all, err := descriptions()
	if err != nil {
		t.Fatal(err)
	}
	for kind, methods := range older.Older {
		content := methods["post"].RequestBody.Content["application/json"]
		for _, described := range all {
			ref := described.doc.Components.Schemas[content.Schema.Ref[len("#/components/schemas/"):]]
			var example any
			if err := json.Unmarshal(content.Example, &example); err != nil {
				t.Fatal(err)
			}
			if err := ref.Value.VisitJSON(example); err != nil {
				t.Errorf("%s in %s: %v", kind, described.version, err)
			}
		}
	}
}

func sortedNames[V any](m map[string]V) []string {
	names := make([]string, 0, len(m))
	for name := range m {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}
