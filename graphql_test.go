package main

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"upstream/internal/cli"
	"upstream/internal/config"
)

// askGraphQL posts a body without a sign-in.
func askGraphQL(h http.Handler, body string) string {
	req := httptest.NewRequest(http.MethodPost, "/graphql", strings.NewReader(body))
	req.Header.Set("Content-Type", "application/json")
	rec := httptest.NewRecorder()
	h.ServeHTTP(rec, req)
	return rec.Body.String()
}

func TestGraphQLSettings(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "trusted.json")
	if err := os.WriteFile(file, []byte(`{"a": "{ __typename }"}`), 0o600); err != nil {
		t.Fatal(err)
	}
	handler, _ := handlerWith(t, cli.Deps{Config: config.Serve{TrustedDocs: file, GraphQLLimits: []string{"anonymous.values=9"}}})
	for body, want := range map[string]string{
		`{"doc_id": "a"}`:                `"__typename":"Query"`,
		`{"query": "{ b: __typename }"}`: "DOCUMENT_NOT_TRUSTED",
		`{"doc_id": "a", "variables": {"x": [1, 2, 3, 4, 5, 6, 7, 8]}}`: "TOO_COMPLEX",
	} {
		if got := askGraphQL(handler, body); !strings.Contains(got, want) {
			t.Errorf("%s answers %s, want %s", body, got, want)
		}
	}
}

func TestGraphQLSettingsThatCannotWork(t *testing.T) {
	t.Parallel()
	broken := filepath.Join(t.TempDir(), "broken.json")
	if err := os.WriteFile(broken, []byte(`{"a": "{ nothing }"}`), 0o600); err != nil {
		t.Fatal(err)
	}
	for want, c := range map[string]config.Serve{
		`--graphql-limits: there is no audience "nobody"`:      {GraphQLLimits: []string{"nobody.depth=1"}},
		"--trusted-documents: open":                            {TrustedDocs: filepath.Join(t.TempDir(), "none.json")},
		"--trusted-documents " + broken + ": trusted document": {TrustedDocs: broken},
	} {
		_, err := newGraphOptions(cli.Deps{Config: c})
		if err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
	}
	if _, err := newHandler(cli.Deps{Secret: bytes.Repeat([]byte("s"), 32), Config: config.Serve{GraphQLLimits: []string{"x"}}}); err == nil {
		t.Error("the program starts with a limit that is none")
	}
}
