package auth_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"upstream/internal/auth"
	"upstream/models"
	"upstream/store"
)

// onlyOnce admits sources that nothing of was rejected yet.
type onlyOnce struct{ rejected map[string]int }

func (o onlyOnce) Admit(_ context.Context, source string) error {
	if o.rejected[source] > 0 {
		return models.NewError(models.CodeRateLimited, "Enough.")
	}
	return nil
}

func (o onlyOnce) Reject(_ context.Context, source string) { o.rejected[source]++ }

func TestRejectedTokensAreLimitedBeforeTheDatabase(t *testing.T) {
	t.Parallel()
	f := setup(t)
	f.user(t, "ann@cedar.test", f.cedar.ID, models.RoleViewer)
	f.user(t, "bob@cedar.test", f.cedar.ID, models.RoleViewer)
	limit := onlyOnce{map[string]int{}}
	service := f.service(t, auth.Options{Keys: keyring(t, key("one")), Rejected: limit})
	ask := func(addr, token string) (models.Code, int) {
		t.Helper()
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.RemoteAddr = addr + ":1"
		r.Header.Set("Authorization", "Bearer "+token)
		ctx, stats := store.WithStats(r.Context())
		var err error
		auth.Identify(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			_, err = service.ViewerOf(r)
		})).ServeHTTP(httptest.NewRecorder(), r.WithContext(ctx))
		if err == nil {
			return "", stats.Statements()
		}
		return models.CodeOf(err), stats.Statements()
	}
	ann, bob := f.signIn(t, "ann@cedar.test"), f.signIn(t, "bob@cedar.test")
	if err := service.Logout(t.Context(), ann.Refresh); err != nil {
		t.Fatal(err)
	}
	for i, tt := range []struct {
		addr, token string
		code        models.Code
		reads       bool
	}{
		{"192.0.2.1", bob.Access, "", true},
		{"192.0.2.1", ann.Access, models.CodeUnauthenticated, true}, // genuine, but its session has ended
		{"192.0.2.1", ann.Access, models.CodeRateLimited, false},
		{"192.0.2.9", ann.Access, models.CodeRateLimited, false}, // wherever it is sent from
		{"192.0.2.1", bob.Access, "", true},                      // which keeps out nobody beside it
		{"192.0.2.1", "nonsense", models.CodeUnauthenticated, false},
		{"192.0.2.1", ann.Access + "x", models.CodeRateLimited, false}, // not genuine: the address counts
		{"192.0.2.2", "nonsense", models.CodeUnauthenticated, false},
		{"192.0.2.1", bob.Access, "", true},
	} {
		code, statements := ask(tt.addr, tt.token)
		if code != tt.code || (statements > 0) != tt.reads {
			t.Errorf("request %d is answered %q after %d statements, want %q", i, code, statements, tt.code)
		}
	}
	for source := range limit.rejected {
		if strings.Contains(source, ann.Access) {
			t.Error("a token is kept")
		}
	}
}
