package auth_test

import (
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"upstream/internal/auth"
	"upstream/models"
	"upstream/store"
)

func TestAuthenticateReadsTheAccountAnew(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		change string
		want   models.Code
	}{
		"removed membership": {`DELETE FROM memberships WHERE user_id = $1`, models.CodeUnauthenticated},
		"changed role":       {`UPDATE memberships SET role = 'viewer' WHERE user_id = $1`, models.CodeUnauthenticated},
		"changed password":   {`UPDATE users SET password_hash = 'x' WHERE id = $1`, models.CodeUnauthenticated},
		"ended session":      {`UPDATE sessions SET ended_at = now(), end_reason = 'logout' WHERE user_id = $1`, models.CodeUnauthenticated},
		"deleted session":    {`DELETE FROM sessions WHERE user_id = $1`, models.CodeUnauthenticated},
		"deactivated":        {`UPDATE users SET is_active = false WHERE id = $1`, models.CodeUnauthenticated},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := setup(t)
			user := f.user(t, "ann@cedar.test", f.cedar.ID, models.RoleOwner)
			tokens := f.signIn(t, "ann@cedar.test")
			f.exec(t, c.change, user.ID.UUID())
			_, err := f.Authenticate(t.Context(), tokens.Access)
			wantCode(t, err, c.want)
		})
	}
	t.Run("removed and admitted again", func(t *testing.T) {
		t.Parallel()
		f := setup(t)
		user := f.user(t, "ann@cedar.test", f.cedar.ID, models.RoleOwner)
		tokens := f.signIn(t, "ann@cedar.test")
		f.exec(t, `DELETE FROM memberships WHERE user_id = $1`, user.ID.UUID())
		f.exec(t, `INSERT INTO memberships (id, customer_id, user_id, role) VALUES (gen_random_uuid(), $1, $2, 'owner')`,
			f.cedar.ID.UUID(), user.ID.UUID())
		_, err := f.Authenticate(t.Context(), tokens.Access)
		wantCode(t, err, models.CodeUnauthenticated)
		_, err = f.Refresh(t.Context(), tokens.Refresh)
		wantCode(t, err, models.CodeUnauthenticated)
	})
	t.Run("superuser demoted", func(t *testing.T) {
		t.Parallel()
		f := setup(t)
		root := f.user(t, "root@upstream.test", models.CustomerID{}, "")
		tokens := f.signIn(t, "root@upstream.test")
		v, err := f.Authenticate(t.Context(), tokens.Access)
		if err != nil || !v.Superuser || !v.CustomerID.IsZero() {
			t.Fatalf("%+v, %v", v, err)
		}
		f.exec(t, `UPDATE users SET is_superuser = false WHERE id = $1`, root.ID.UUID())
		_, err = f.Authenticate(t.Context(), tokens.Access)
		wantCode(t, err, models.CodeUnauthenticated)
	})
}

// One statement for the account, between those that begin, bind and end its
// transaction: authentication is paid with every request.
func TestAuthenticateCostsOneQuery(t *testing.T) {
	t.Parallel()
	f := setup(t)
	f.user(t, "ann@cedar.test", f.cedar.ID, models.RoleOwner)
	tokens := f.signIn(t, "ann@cedar.test")
	ctx, stats := store.WithStats(t.Context())
	if _, err := f.Authenticate(ctx, tokens.Access); err != nil {
		t.Fatal(err)
	}
	if n := stats.Statements(); n > 4 {
		t.Errorf("%d statements", n)
	}
}

func TestAuthenticateRefusesForgeries(t *testing.T) {
	t.Parallel()
	f := setup(t)
	f.user(t, "ann@cedar.test", f.cedar.ID, models.RoleOwner)
	access, other := f.signIn(t, "ann@cedar.test").Access, f.user(t, "bob@cedar.test", f.cedar.ID, models.RoleOwner)
	good := func() jwt.MapClaims {
		claims := jwt.MapClaims{}
		if _, _, err := jwt.NewParser().ParseUnverified(access, claims); err != nil {
			t.Fatal(err)
		}
		return claims
	}
	signed := func(c jwt.MapClaims) string {
		return forge(t, jwt.SigningMethodHS256, key("one").Secret, "one", c)
	}
	with := func(name string, value any) string {
		c := good()
		if c[name] = value; value == nil {
			delete(c, name)
		}
		return signed(c)
	}
	if _, err := f.Authenticate(t.Context(), signed(good())); err != nil {
		t.Fatalf("the pattern of the forgeries does not hold itself: %v", err)
	}
	whole := signed(good())
	for name, token := range map[string]string{
		"empty":              "",
		"garbage":            "not.a.token",
		"one part":           strings.Split(whole, ".")[0],
		"no signature":       whole[:strings.LastIndex(whole, ".")+1],
		"changed signature":  whole[:len(whole)-4] + "AAAA",
		"alg none":           forge(t, jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType, "one", good()),
		"other algorithm":    forge(t, jwt.SigningMethodHS512, key("one").Secret, "one", good()),
		"other secret":       forge(t, jwt.SigningMethodHS256, key("two").Secret, "one", good()),
		"unknown key":        forge(t, jwt.SigningMethodHS256, key("one").Secret, "two", good()),
		"no key name":        forge(t, jwt.SigningMethodHS256, key("one").Secret, "", good()),
		"refresh token":      with("token_type", "refresh"),
		"no type":            with("token_type", nil),
		"expired":            with("exp", f.clock.now().Add(-time.Second).Unix()),
		"no expiry":          with("exp", nil),
		"from the future":    with("iat", f.clock.now().Add(time.Minute).Unix()),
		"other issuer":       with("iss", "elsewhere"),
		"other audience":     with("aud", "elsewhere"),
		"no subject":         with("sub", nil),
		"subject no user":    with("sub", f.cedar.ID.String()),
		"another user":       with("sub", other.ID.String()),
		"no session":         with("sid", nil),
		"unknown session":    with("sid", "sess_01jz8k6v3pe9ktyh5wmcqa2x7d"),
		"session no session": with("sid", other.ID.String()),
		"older version":      with("ver", 0),
		"newer version":      with("ver", 2),
		"no version":         with("ver", nil),
		"other membership":   with("membership", "memb_01jz8k6v3pe9ktyh5wmcqa2x7d"),
		"no membership":      with("membership", nil),
		"older role":         with("membership_ver", 0),
		"newer role":         with("membership_ver", 2),
		"unknown user":       with("sub", "user_01jz8k6v3pe9ktyh5wmcqa2x7d"),
		"other customer":     with("customer", f.harbor.ID.String()),
		"no customer":        with("customer", nil),
		"malformed one":      with("customer", "cedar"),
	} {
		if v, err := f.Authenticate(t.Context(), token); models.CodeOf(err) != models.CodeUnauthenticated || !reflect.DeepEqual(v, models.Viewer{}) {
			t.Errorf("%s: %+v, %v", name, v, err)
		}
	}
}

func TestKeysRotate(t *testing.T) {
	t.Parallel()
	f := setup(t)
	f.user(t, "ann@cedar.test", f.cedar.ID, models.RoleOwner)
	old := f.signIn(t, "ann@cedar.test")
	rotated := f.service(t, auth.Options{Keys: keyring(t, key("two"), key("one"))})
	dropped := f.service(t, auth.Options{Keys: keyring(t, key("two"))})

	if _, err := rotated.Authenticate(t.Context(), old.Access); err != nil {
		t.Errorf("a retired key no longer verifies: %v", err)
	}
	next, err := rotated.Refresh(t.Context(), old.Refresh)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := dropped.Authenticate(t.Context(), next.Access); err != nil {
		t.Errorf("new tokens are not signed with the new key: %v", err)
	}
	_, err = dropped.Authenticate(t.Context(), old.Access)
	wantCode(t, err, models.CodeUnauthenticated)
}

func TestViewerOf(t *testing.T) {
	t.Parallel()
	f := setup(t)
	f.user(t, "ann@cedar.test", f.cedar.ID, models.RoleOwner)
	f.user(t, "root@upstream.test", models.CustomerID{}, "")
	ann, root := f.signIn(t, "ann@cedar.test").Access, f.signIn(t, "root@upstream.test").Access
	cedar, harbor := f.cedar.ID.String(), f.harbor.ID.String()

	for name, c := range map[string]struct {
		authorization, customer []string
		code                    models.Code
		acting                  models.CustomerID
	}{
		"anonymous":                     {nil, nil, "", models.CustomerID{}},
		"anonymous with a customer":     {nil, []string{cedar}, "", models.CustomerID{}},
		"member":                        {[]string{"Bearer " + ann}, nil, "", f.cedar.ID},
		"scheme in lower case":          {[]string{"bearer  " + ann}, nil, "", f.cedar.ID},
		"member names the own customer": {[]string{"Bearer " + ann}, []string{cedar}, "", f.cedar.ID},
		"member names another":          {[]string{"Bearer " + ann}, []string{harbor}, models.CodeForbidden, models.CustomerID{}},
		"superuser":                     {[]string{"Bearer " + root}, nil, "", models.CustomerID{}},
		"superuser names a customer":    {[]string{"Bearer " + root}, []string{harbor}, "", f.harbor.ID},
		"superuser names nonsense":      {[]string{"Bearer " + root}, []string{"harbor"}, models.CodeValidation, models.CustomerID{}},
		"superuser names a user":        {[]string{"Bearer " + root}, []string{"user_01jz8k6v3pe9ktyh5wmcqa2x7d"}, models.CodeValidation, models.CustomerID{}},
		"superuser names two":           {[]string{"Bearer " + root}, []string{cedar, harbor}, models.CodeValidation, models.CustomerID{}},
		"other scheme":                  {[]string{"Basic " + ann}, nil, models.CodeUnauthenticated, models.CustomerID{}},
		"no scheme":                     {[]string{ann}, nil, models.CodeUnauthenticated, models.CustomerID{}},
		"empty header":                  {[]string{""}, nil, models.CodeUnauthenticated, models.CustomerID{}},
		"two headers":                   {[]string{"Bearer " + ann, "Bearer " + ann}, nil, models.CodeUnauthenticated, models.CustomerID{}},
	} {
		r := httptest.NewRequest(http.MethodGet, "/", nil).WithContext(t.Context())
		r.Header["Authorization"], r.Header[auth.CustomerHeader] = c.authorization, c.customer
		if c.authorization == nil {
			r.Header.Del("Authorization")
		}
		v, err := f.ViewerOf(r)
		switch {
		case c.code == "" && err != nil:
			t.Errorf("%s: %v", name, err)
		case c.code != "" && models.CodeOf(err) != c.code:
			t.Errorf("%s: %v, want %s", name, err, c.code)
		case v.CustomerID != c.acting:
			t.Errorf("%s: acts for %s", name, v.CustomerID)
		case c.authorization == nil && v.Authenticated():
			t.Errorf("%s: %+v", name, v)
		}
	}
}

func TestMiddleware(t *testing.T) {
	t.Parallel()
	f := setup(t)
	f.user(t, "ann@cedar.test", f.cedar.ID, models.RoleOwner)
	access := f.signIn(t, "ann@cedar.test").Access

	var seen *models.Viewer
	handler := f.Middleware(func(w http.ResponseWriter, _ *http.Request, err error) {
		http.Error(w, string(models.CodeOf(err)), http.StatusTeapot)
	})(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		v := auth.ViewerFrom(r.Context())
		seen = &v
	}))
	serve := func(header http.Header) *httptest.ResponseRecorder {
		seen = nil
		r := httptest.NewRequest(http.MethodGet, "/", nil).WithContext(t.Context())
		r.RemoteAddr = "192.0.2.7:4711"
		r.Header = header
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, r)
		return w
	}

	w := serve(http.Header{"Authorization": {"Bearer " + access}, "X-Request-Id": {"trace-1"}})
	if seen == nil || seen.Email != "ann@cedar.test" || seen.RequestID != "trace-1" || seen.RemoteAddr != "192.0.2.7" {
		t.Errorf("viewer %+v", seen)
	}
	if w.Header().Get("X-Request-Id") != "trace-1" {
		t.Errorf("headers %v", w.Header())
	}
	serve(http.Header{})
	if seen == nil || seen.Authenticated() || seen.RequestID == "" {
		t.Errorf("anonymous viewer %+v", seen)
	}
	w = serve(http.Header{"Authorization": {"Bearer nonsense"}})
	if seen != nil || w.Code != http.StatusTeapot || !strings.Contains(w.Body.String(), "UNAUTHENTICATED") {
		t.Errorf("bad token: viewer %v, %d %s", seen, w.Code, w.Body)
	}
}
