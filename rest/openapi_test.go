package rest_test

import (
	"bytes"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/goccy/go-yaml"
	"github.com/google/go-cmp/cmp"

	"upstream/rest"
)

func TestDocumentsAreValid(t *testing.T) {
	t.Parallel()
	all, err := descriptions()
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range all {
		t.Run(d.version, func(t *testing.T) {
			t.Parallel()
			if !strings.HasPrefix(d.doc.OpenAPI, d.version) {
				t.Errorf("says it is %s", d.doc.OpenAPI)
			}
			if err := d.doc.Validate(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
	if _, err := rest.OpenAPI("2.0"); err == nil {
		t.Error("gives a document of version 2.0")
	}
}

// Every operation must tell a reader what it does, who may use it and how it
// fails; examples are held against their schemas by Validate above.
func TestOperationsAreDescribed(t *testing.T) {
	t.Parallel()
	all, err := descriptions()
	if err != nil {
		t.Fatal(err)
	}
	open := []string{
		"createToken", "refreshToken", "verifyToken", "logout", "requestPasswordReset", "confirmPasswordReset",
		"acceptInvitation", "healthz", "readyz", "health",
	}
	for path, item := range all[0].doc.Paths.Map() {
		for method, op := range item.Operations() {
			name := method + " " + path
			if op.Summary == "" || op.Description == "" || len(op.Tags) != 1 || op.OperationID == "" {
				t.Errorf("%s: summary %q, description %q, tags %v, id %q", name, op.Summary, op.Description, op.Tags, op.OperationID)
			}
			secured := op.Security != nil && len(*op.Security) == 1
			if secured == slices.Contains(open, op.OperationID) {
				t.Errorf("%s: secured %v", name, secured)
			}
			statuses := []string{"400", "406", "422", "500"}
			if secured {
				statuses = append(statuses, "401", "403")
			}
			checkResponses(t, name, op, statuses)
			for _, p := range op.Parameters {
				if p.Value.Description == "" {
					t.Errorf("%s: parameter %s has no description", name, p.Value.Name)
				}
			}
		}
	}
}

func checkResponses(t *testing.T, name string, op *openapi3.Operation, wanted []string) {
	t.Helper()
	for _, status := range wanted {
		if op.Responses.Value(status) == nil {
			t.Errorf("%s: %s is not described", name, status)
		}
	}
	for status, response := range op.Responses.Map() {
		for media, content := range response.Value.Content {
			if content.Example == nil && len(content.Examples) == 0 {
				t.Errorf("%s: %s %s has no example", name, status, media)
			}
			if failed := status >= "400"; failed != (media == "application/problem+json") {
				t.Errorf("%s: %s is %s", name, status, media)
			}
		}
	}
}

// Null listed inside an enum makes Go clients invent a member for it.
func TestNoEnumHoldsNull(t *testing.T) {
	t.Parallel()
	for _, version := range []string{"3.1", "3.0"} {
		b, err := rest.OpenAPI(version)
		if err != nil {
			t.Fatal(err)
		}
		var doc any
		if err := json.Unmarshal(b, &doc); err != nil {
			t.Fatal(err)
		}
		walk(doc, func(node map[string]any) {
			members, isEnum := node["enum"].([]any)
			types, _ := node["type"].([]any)
			if isEnum && (slices.Contains(members, nil) || len(types) > 1 || node["nullable"] != nil) {
				t.Errorf("%s: nullable enum %v", version, node)
			}
		})
	}
}

func walk(node any, visit func(map[string]any)) {
	switch node := node.(type) {
	case []any:
		for _, child := range node {
			walk(child, visit)
		}
	case map[string]any:
		visit(node)
		for _, child := range node {
			walk(child, visit)
		}
	}
}

func TestDocumentsAreServed(t *testing.T) {
	t.Parallel()
	f := setup(t)
	want, err := rest.OpenAPI("3.1")
	if err != nil {
		t.Fatal(err)
	}
	older, err := rest.OpenAPI("3.0")
	if err != nil {
		t.Fatal(err)
	}
	text, err := rest.OpenAPIYAML()
	if err != nil {
		t.Fatal(err)
	}
	for path, c := range map[string]struct {
		media string
		body  []byte
	}{
		"/api/openapi.json":     {"application/json", want},
		"/api/openapi-3.0.json": {"application/json", older},
		"/api/openapi.yaml":     {"application/yaml", text},
		"/api/schema/":          {"application/yaml", text},
		"/api/schema":           {"application/yaml", text},
	} {
		out := f.do(t, request{path: path, header: http.Header{"Accept": {"text/html"}}})
		if out.status != http.StatusOK || out.header.Get("Content-Type") != c.media || !bytes.Equal(out.body, c.body) {
			t.Errorf("%s: %d %s, %d bytes", path, out.status, out.header.Get("Content-Type"), len(out.body))
		}
	}
	var fromYAML, fromJSON any
	converted, err := yaml.YAMLToJSON(text)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(converted, &fromYAML); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(want, &fromJSON); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(fromJSON, fromYAML); diff != "" {
		t.Errorf("YAML differs from JSON (-json +yaml):\n%s", diff)
	}
}
