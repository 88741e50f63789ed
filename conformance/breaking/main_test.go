package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const document = `{"openapi": "3.1.0", "info": {"title": "t", "version": "1"}, "paths": {"/claims/": {"get": {
	"parameters": [{"name": "payer", "in": "query", "schema": {"type": "string"}}],
	"responses": {"200": {"description": "OK", "content": {"application/json": {"schema": {
		"type": "object", "required": ["id"], "properties": {"id": {"type": "string"}, "payer": {"type": "string"}}}}}}}}}}}`

func TestCompare(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		old, with string
		broken    bool
		says      string
	}{
		"the same":               {"/claims/", "/claims/", false, "0 changes break"},
		"a path is gone":         {"/claims/", "/claim/", true, "[api-path-removed-without-deprecation]"},
		"a field changes":        {`"id": {"type": "string"}`, `"id": {"type": "integer"}`, true, "[response-property-type-changed]"},
		"a parameter is needed":  {`"in": "query",`, `"in": "query", "required": true,`, true, "[request-parameter-became-required]"},
		"a field may be missing": {`"required": ["id"]`, `"required": []`, true, "[response-property-became-optional]"},
		"a parameter is new": {
			`"parameters": [`, `"parameters": [{"name": "cpt", "in": "query", "schema": {"type": "string"}}, `, false, "0 changes break",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var out strings.Builder
			broken, err := compare(&out, written(t, document), written(t, strings.Replace(document, c.old, c.with, 1)))
			if err != nil || (broken > 0) != c.broken || !strings.Contains(out.String(), c.says) {
				t.Errorf("%d broken, %v:\n%s", broken, err, out.String())
			}
		})
	}
}

func TestCompare_UnreadableDocuments(t *testing.T) {
	t.Parallel()
	good, bad := written(t, document), written(t, "{")
	for _, pair := range [][2]string{{good, bad}, {bad, good}, {good, filepath.Join(t.TempDir(), "none.json")}} {
		if _, err := compare(&strings.Builder{}, pair[0], pair[1]); err == nil {
			t.Errorf("%v were compared", pair)
		}
	}
}

func written(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "openapi.json")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}
