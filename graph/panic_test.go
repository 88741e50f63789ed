package graph_test

import (
	"bytes"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"upstream/graph"
	"upstream/internal/auth"
	"upstream/models"
)

// TestPanics has resolvers panic, for want of a store, at a field, at many
// fields beside each other, and in a mutation.
func TestPanics(t *testing.T) {
	t.Parallel()
	for name, query := range map[string]string{
		"Field":    `{ claims { totalCount } }`,
		"Fields":   `{ viewer { email } a: claims { totalCount } b: claims { totalCount } c: uploads { totalCount } d: customer { id } }`,
		"Mutation": `mutation { detectDrift(input: {}) { userErrors { code } } }`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var log bytes.Buffer
			h := graph.NewHandler(nil, graph.Options{Logger: slog.New(slog.NewTextHandler(&log, nil))})
			viewer := models.Viewer{
				UserID: models.UserID{}.From([16]byte{1}), Email: "owner@cedar.test", RequestID: "req-9",
				CustomerID: models.CustomerID{}.From([16]byte{2}), Role: models.RoleOwner,
			}
			req := httptest.NewRequest(http.MethodPost, "/graphql", bytes.NewReader(marshalled(map[string]any{"query": query})))
			req.Header.Set("Content-Type", "application/json")
			rec := httptest.NewRecorder()
			h.ServeHTTP(rec, req.WithContext(auth.WithViewer(req.Context(), viewer)))
			body := rec.Body.String()
			if rec.Code != http.StatusOK || !strings.Contains(body, `"code":"INTERNAL"`) || !strings.Contains(body, models.InternalMessage) ||
				!strings.Contains(body, `"request_id":"req-9"`) || strings.Contains(body, "nil pointer") || strings.Contains(body, ".go:") {
				t.Errorf("%d %s", rec.Code, body)
			}
			lines := strings.Count(log.String(), "level=ERROR")
			if lines != 1 || !strings.Contains(log.String(), "nil pointer") || !strings.Contains(log.String(), ".go:") || !strings.Contains(log.String(), "req-9") {
				t.Errorf("%d lines: %.2000s", lines, log.String())
			}
		})
	}
}
