package auth_test

import (
	"net/http"
	"net/http/httptest"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"upstream/internal/auth"
	"upstream/models"
)

func TestIdentify(t *testing.T) {
	t.Parallel()
	made := regexp.MustCompile(`^[0-9a-f-]{36}$`)
	for name, c := range map[string]struct {
		sent string
		kept bool
	}{
		"none":          {"", false},
		"good":          {"A.b_c-9", true},
		"longest":       {strings.Repeat("a", 64), true},
		"too long":      {strings.Repeat("a", 65), false},
		"white space":   {"a b", false},
		"line break":    {"a\nb", false},
		"markup":        {"<script>", false},
		"not ASCII":     {"é", false},
		"trailing line": {"abc\n", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var inside string
			h := auth.Identify(auth.Identify(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
				inside = auth.RequestID(r.Context())
			})))
			r := httptest.NewRequest(http.MethodGet, "/", nil)
			if c.sent != "" {
				r.Header["X-Request-Id"] = []string{c.sent}
			}
			w := httptest.NewRecorder()
			h.ServeHTTP(w, r)
			if kept := inside == c.sent; kept != c.kept {
				t.Errorf("sent %q, used %q", c.sent, inside)
			}
			if !c.kept && !made.MatchString(inside) {
				t.Errorf("made %q", inside)
			}
			if got := w.Header()["X-Request-Id"]; len(got) != 1 || got[0] != inside {
				t.Errorf("echoed %v, used %q", got, inside)
			}
		})
	}
}

func TestViewerFromIsAnonymousByDefault(t *testing.T) {
	t.Parallel()
	if v := auth.ViewerFrom(t.Context()); v.Authenticated() || !reflect.DeepEqual(v, models.Viewer{}) {
		t.Errorf("%+v", v)
	}
	want := models.Viewer{Email: "ann@cedar.test", System: true}
	if v := auth.ViewerFrom(auth.WithViewer(t.Context(), want)); !reflect.DeepEqual(v, want) {
		t.Errorf("%+v", v)
	}
}
