package auth_test

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"upstream/internal/auth"
	"upstream/models"
	"upstream/store"
)

// apiKey makes a key of the cedar clinic.
func (f *fixture) apiKey(t *testing.T, in models.NewAPIKey) *models.IssuedAPIKey {
	t.Helper()
	in.Name, in.Scopes = "partner", []models.Scope{models.ScopeClaimsRead}
	issued, err := f.store.CreateAPIKey(t.Context(), models.SystemViewer(f.cedar.ID), in)
	if err != nil {
		t.Fatal(err)
	}
	return issued
}

func TestAPIKeyIsAViewer(t *testing.T) {
	t.Parallel()
	f := setup(t)
	issued := f.apiKey(t, models.NewAPIKey{})
	v, err := f.Authenticate(t.Context(), string(issued.Text))
	if err != nil {
		t.Fatal(err)
	}
	if v.KeyID != issued.APIKey.ID || v.CustomerID != f.cedar.ID || v.Email != "partner" || len(v.Scopes) != 1 ||
		!v.UserID.IsZero() || v.Superuser || v.System || v.Role != "" {
		t.Errorf("viewer %+v", v)
	}
	if err := v.Authorize(models.PermissionViewClaims); err != nil {
		t.Error(err)
	}
	wantCode(t, v.Authorize(models.PermissionUploadClaims), models.CodeForbidden)
	wantCode(t, v.Authorize(models.PermissionManageAPIKeys), models.CodeForbidden)
	if _, err := f.store.RevokeAPIKey(t.Context(), models.SystemViewer(f.cedar.ID), issued.APIKey.ID, nil); err != nil {
		t.Fatal(err)
	}
	_, err = f.Authenticate(t.Context(), string(issued.Text))
	wantCode(t, err, models.CodeUnauthenticated)
}

// A mistyped key costs nothing, and a good one a single query after its use was
// noted: authentication is paid with every request.
func TestAPIKeyCostsOneQuery(t *testing.T) {
	t.Parallel()
	f := setup(t)
	text := string(f.apiKey(t, models.NewAPIKey{}).Text)
	cost := func(bearer string) int64 {
		ctx, stats := store.WithStats(t.Context())
		_, _ = f.Authenticate(ctx, bearer)
		return int64(stats.Statements())
	}
	for _, typo := range []string{text[:len(text)-1], text + "0", "up_live_", "up_live_é", text[:20] + "-" + text[21:]} {
		_, err := f.Authenticate(t.Context(), typo)
		wantCode(t, err, models.CodeUnauthenticated)
		if n := cost(typo); n != 0 {
			t.Errorf("%d statements for %q", n, typo)
		}
	}
	if n := cost(text); n > 6 {
		t.Errorf("%d statements for the first use", n)
	}
	if n := cost(text); n != 1 {
		t.Errorf("%d statements for the second use", n)
	}
}

func TestAPIKeyExpires(t *testing.T) {
	t.Parallel()
	f := setup(t)
	text := string(f.apiKey(t, models.NewAPIKey{ExpiresAt: new(f.clock.now().Add(time.Hour))}).Text)
	f.clock.advance(time.Hour - time.Microsecond)
	if _, err := f.Authenticate(t.Context(), text); err != nil {
		t.Error(err)
	}
	f.clock.advance(time.Microsecond)
	_, err := f.Authenticate(t.Context(), text)
	wantCode(t, err, models.CodeUnauthenticated)
}

func TestAPIKeyInARequest(t *testing.T) {
	t.Parallel()
	f := setup(t)
	text := string(f.apiKey(t, models.NewAPIKey{AllowedCIDRs: []string{"192.0.2.0/24", "2001:db8::/32"}}).Text)
	cedar, harbor := f.cedar.ID.String(), f.harbor.ID.String()
	for name, c := range map[string]struct {
		authorization, customer, from string
		want                          models.Code
	}{
		"IPv4":                      {"Bearer " + text, "", "192.0.2.7:4711", ""},
		"IPv6":                      {"Bearer " + text, "", "[2001:db8::7]:4711", ""},
		"IPv4 as IPv6":              {"bearer " + text, "", "[::ffff:192.0.2.7]:4711", ""},
		"own customer":              {"Bearer " + text, cedar, "192.0.2.7:4711", ""},
		"another customer":          {"Bearer " + text, harbor, "192.0.2.7:4711", models.CodeForbidden},
		"no customer":               {"Bearer " + text, "cedar", "192.0.2.7:4711", models.CodeValidation},
		"foreign IPv4":              {"Bearer " + text, "", "198.51.100.1:4711", models.CodeForbidden},
		"foreign IPv6":              {"Bearer " + text, "", "[2001:db9::7]:4711", models.CodeForbidden},
		"foreign IPv4 as IPv6":      {"Bearer " + text, "", "[::ffff:198.51.100.1]:4711", models.CodeForbidden},
		"no address":                {"Bearer " + text, "", "", models.CodeForbidden},
		"other scheme":              {"Basic " + text, "", "192.0.2.7:4711", models.CodeUnauthenticated},
		"prefix in the other case":  {"Bearer UP_LIVE_" + text[8:], "", "192.0.2.7:4711", models.CodeUnauthenticated},
		"unknown key of right form": {"Bearer " + string(models.NewAPIKeyText()), "", "192.0.2.7:4711", models.CodeUnauthenticated},
	} {
		r := httptest.NewRequest(http.MethodGet, "/", nil).WithContext(t.Context())
		r.RemoteAddr = c.from
		r.Header.Set("Authorization", c.authorization)
		if c.customer != "" {
			r.Header.Set(auth.CustomerHeader, c.customer)
		}
		var v models.Viewer
		var err error
		auth.Identify(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { v, err = f.ViewerOf(r) })).
			ServeHTTP(httptest.NewRecorder(), r)
		switch {
		case c.want == "" && (err != nil || v.CustomerID != f.cedar.ID || v.RemoteAddr == ""):
			t.Errorf("%s: %+v, %v", name, v, err)
		case c.want != "" && (err == nil || models.CodeOf(err) != c.want || v.Authenticated()):
			t.Errorf("%s: %+v, %v, want %s", name, v, err, c.want)
		}
	}
}

// What concerns a person's account is none of a key's business.
func TestAPIKeyHasNoAccount(t *testing.T) {
	t.Parallel()
	f := setup(t)
	text := string(f.apiKey(t, models.NewAPIKey{}).Text)
	v, err := f.Authenticate(t.Context(), text)
	if err != nil {
		t.Fatal(err)
	}
	_, err = f.ChangePassword(t.Context(), v, password, "staple of the bright heron")
	wantCode(t, err, models.CodeForbidden)
	_, err = f.Refresh(t.Context(), text)
	wantCode(t, err, models.CodeUnauthenticated)
	wantCode(t, f.Logout(t.Context(), text), models.CodeUnauthenticated)
	wantCode(t, f.Verify(t.Context(), text), models.CodeUnauthenticated)
}
