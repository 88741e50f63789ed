package rest_test

import (
	"maps"
	"net/http"
	"strings"
	"testing"
	"time"

	"upstream/internal/factory"
	"upstream/models"
)

type tokenPair struct{ Access, Refresh string }

func (f *fixture) post(t *testing.T, path string, body any) answer {
	t.Helper()
	return f.do(t, request{method: http.MethodPost, path: "/api/v1/" + path, body: body})
}

func TestSignIn(t *testing.T) {
	t.Parallel()
	f := setup(t)
	email := f.cedar.UserWithHash(models.RoleAnalyst, passwordHash).Email
	out := f.post(t, "auth/token/", map[string]any{"email": email, "password": password})
	wantStatus(t, out, http.StatusOK)
	if out.header.Get("Cache-Control") != "no-store" {
		t.Errorf("tokens may be cached: %q", out.header.Get("Cache-Control"))
	}
	if got := out.object(t); len(got) != 2 {
		t.Errorf("answers with %v", got)
	}
	var tokens tokenPair
	out.decode(t, &tokens)
	wantStatus(t, f.get(t, tokens.Access, "/api/v1/customers/me/"), http.StatusOK)

	t.Run("a refresh token is no access token", func(t *testing.T) {
		wantProblem(t, f.get(t, tokens.Refresh, "/api/v1/customers/me/"), http.StatusUnauthorized, models.CodeUnauthenticated)
		wantProblem(t, f.post(t, "auth/token/refresh/", map[string]any{"refresh": tokens.Access}), http.StatusUnauthorized, models.CodeUnauthenticated)
	})
	t.Run("refreshing after the access token has expired", func(t *testing.T) {
		f.advance(31 * time.Minute)
		p := wantProblem(t, f.get(t, tokens.Access, "/api/v1/customers/me/"), http.StatusUnauthorized, models.CodeUnauthenticated)
		if !strings.Contains(p.Detail, "expired") {
			t.Errorf("%q does not say that it expired", p.Detail)
		}
		// A client that sends its stale token along must not be turned away.
		out := f.do(t, request{
			method: http.MethodPost, path: "/api/v1/auth/token/refresh/", token: tokens.Access, body: map[string]any{"refresh": tokens.Refresh},
		})
		wantStatus(t, out, http.StatusOK)
		var next tokenPair
		out.decode(t, &next)
		wantStatus(t, f.get(t, next.Access, "/api/v1/customers/me/"), http.StatusOK)
		if next.Refresh == tokens.Refresh {
			t.Error("the refresh token stayed the same")
		}
	})
}

func TestSignInRefusals(t *testing.T) {
	t.Parallel()
	f := setup(t)
	email := f.cedar.UserWithHash(models.RoleAnalyst, passwordHash).Email
	sentences := map[string]bool{}
	for _, body := range []map[string]any{
		{"email": email, "password": "wrong horse battery"},
		{"email": "nobody@cedar.test", "password": password},
		{"email": "a\x00b", "password": password},
		{"email": "", "password": ""},
	} {
		out := f.post(t, "auth/token/", body)
		sentences[wantProblem(t, out, http.StatusUnauthorized, models.CodeUnauthenticated).Detail] = true
		if !strings.HasPrefix(out.header.Get("Www-Authenticate"), "Bearer") {
			t.Errorf("WWW-Authenticate %q", out.header.Get("Www-Authenticate"))
		}
	}
	if len(sentences) != 1 {
		t.Errorf("different sentences: %v", sentences)
	}
	for name, c := range map[string]struct {
		body   any
		fields []string
	}{
		"empty object":   {map[string]any{}, []string{"email:required", "password:required"}},
		"no password":    {map[string]any{"email": email}, []string{"password:required"}},
		"wrong types":    {map[string]any{"email": 1, "password": []string{"x"}}, []string{"email:invalid", "password:invalid"}},
		"unknown field":  {map[string]any{"email": email, "password": password, "username": "x"}, []string{"username:unknown"}},
		"other customer": {map[string]any{"email": email, "password": password, "customer": "harbor"}, []string{"customer:invalid"}},
		"null":           {map[string]any{"email": nil, "password": nil}, []string{"email:invalid", "password:invalid"}},
		"a list":         {[]any{}, []string{"body:invalid"}},
	} {
		out := sorted(f.post(t, "auth/token/", c.body))
		wantProblem(t, out, http.StatusUnprocessableEntity, models.CodeValidation, c.fields...)
		if strings.Contains(string(out.body), password) {
			t.Errorf("%s: repeats the password", name)
		}
	}
}

func TestTokensDieWithTheMembership(t *testing.T) {
	t.Parallel()
	f := setup(t)
	v := f.cedar.UserWithHash(models.RoleOwner, passwordHash)
	tokens := f.signIn(t, v.Email)
	wantStatus(t, f.get(t, tokens.Access, "/api/v1/claims/"), http.StatusOK)
	tx, err := f.DB.Owner.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, statement := range []string{`SELECT set_config('app.system', 'on', true)`, `DELETE FROM memberships`} {
		if _, err := tx.Exec(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
	if err := tx.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}
	wantProblem(t, f.get(t, tokens.Access, "/api/v1/claims/"), http.StatusUnauthorized, models.CodeUnauthenticated)
	wantProblem(t, f.post(t, "auth/token/refresh/", map[string]any{"refresh": tokens.Refresh}), http.StatusUnauthorized, models.CodeUnauthenticated)
	wantProblem(t, f.post(t, "auth/token/", map[string]any{"email": v.Email, "password": password}), http.StatusForbidden, models.CodeForbidden)
}

func TestSuperusersNameTheCustomer(t *testing.T) {
	t.Parallel()
	f := setup(t)
	f.harbor.Ingest(factory.Batch{Payer: "Payer H", CPT: "99213", Outcome: models.OutcomePaid, Count: 3, FirstDay: factory.Today().AddDays(-9), Wait: 2, Billed: 90})
	root, owner := f.root(t), f.as(t, f.cedar, models.RoleOwner)
	as := func(token string, customer ...string) answer {
		return f.do(t, request{path: "/api/v1/claims/", token: token, header: http.Header{"X-Customer-Id": customer}})
	}
	wantProblem(t, as(root), http.StatusUnprocessableEntity, models.CodeValidation, "X-Customer-Id:required")
	wantProblem(t, as(root, "harbor"), http.StatusUnprocessableEntity, models.CodeValidation, "X-Customer-Id:invalid")
	for customer, want := range map[string]int64{
		f.harbor.Customer.ID.String(): 3, f.cedar.Customer.ID.String(): 0, "cust_01jz8k6v3pe9ktyh5wmcqa2x7d": 0,
	} {
		var l list
		out := as(root, customer)
		wantStatus(t, out, http.StatusOK)
		if out.decode(t, &l); *l.Count != want {
			t.Errorf("%s: %d claims, want %d", customer, *l.Count, want)
		}
	}
	wantStatus(t, as(owner, f.cedar.Customer.ID.String()), http.StatusOK)
	wantProblem(t, as(owner, f.harbor.Customer.ID.String()), http.StatusForbidden, models.CodeForbidden)
	unknown := f.do(t, request{path: "/api/v1/customers/me/", token: root, header: http.Header{"X-Customer-Id": {"cust_01jz8k6v3pe9ktyh5wmcqa2x7d"}}})
	wantProblem(t, unknown, http.StatusNotFound, models.CodeNotFound)
}

// The matrix of domain rules: what each role, and nobody, gets from each
// operation, and what another customer's member gets.
func TestWhoMayDoWhat(t *testing.T) {
	t.Parallel()
	f, _, report := populated(t)
	id := func(path string) string {
		return f.list(t, f.as(t, f.cedar, models.RoleOwner), "/api/v1/"+path+"/").Results[0]["id"].(string)
	}
	run, _ := report["id"].(string)
	reads := []string{
		"customers/me/", "claims/", "claims/" + id("claims") + "/", "uploads/", "uploads/" + id("uploads") + "/",
		"uploads/" + id("uploads") + "/rejections/", "reports/", "reports/" + run + "/", "reports/" + run + "/tests/",
		"reports/" + run + "/drift-events/", "drift-events/", "drift-events/active/", "drift-events/" + id("drift-events") + "/",
	}
	tokens := map[string]string{"anonymous": "", "nonsense": "a.b.c", "superuser": f.root(t), "stranger": f.as(t, f.harbor, models.RoleOwner)}
	for _, role := range []models.Role{models.RoleOwner, models.RoleAdmin, models.RoleAnalyst, models.RoleViewer} {
		tokens[string(role)] = f.as(t, f.cedar, role)
	}
	writes := map[string]int{"owner": 201, "admin": 201, "analyst": 201, "viewer": 403, "stranger": 201, "anonymous": 401, "nonsense": 401, "superuser": 201}
	for who, token := range tokens {
		t.Run(who, func(t *testing.T) {
			t.Parallel()
			header := http.Header{}
			if who == "superuser" {
				header.Set("X-Customer-Id", f.cedar.Customer.ID.String())
			}
			for _, path := range reads {
				want := http.StatusOK
				switch {
				case token == "" || who == "nonsense":
					want = http.StatusUnauthorized
				case who == "stranger" && strings.Contains(path, "_"):
					want = http.StatusNotFound
				}
				if out := f.do(t, request{path: "/api/v1/" + path, token: token, header: header}); out.status != want {
					t.Errorf("GET %s: %d, want %d", path, out.status, want)
				}
			}
			detect := f.do(t, request{method: http.MethodPost, path: "/api/v1/drift/detect/", token: token, header: header})
			formHeader, body := form("file", who+".csv", goodCSV(f, 2))
			maps.Copy(formHeader, header)
			upload := f.do(t, request{method: http.MethodPost, path: "/api/v1/uploads/", token: token, header: formHeader, body: body})
			if detect.status != writes[who] || upload.status != writes[who] {
				t.Errorf("detect %d, upload %d, want %d", detect.status, upload.status, writes[who])
			}
		})
	}
}

// Who may not do something is told that before anything about the input.
func TestPermissionsComeBeforeInput(t *testing.T) {
	t.Parallel()
	f := setup(t)
	viewer := f.as(t, f.cedar, models.RoleViewer)
	for token, want := range map[string]models.Code{"": models.CodeUnauthenticated, viewer: models.CodeForbidden} {
		out := f.do(t, request{method: http.MethodPost, path: "/api/v1/drift/detect/?x=1", token: token, body: `{"alpha": "nonsense"`})
		status := map[models.Code]int{models.CodeUnauthenticated: 401, models.CodeForbidden: 403}[want]
		wantProblem(t, out, status, want)
	}
	wantProblem(t, f.get(t, "", "/api/v1/claims/?nonsense=1"), http.StatusUnauthorized, models.CodeUnauthenticated)
}

// Another customer's row must look exactly like one that does not exist.
func TestStrangersLearnNothing(t *testing.T) {
	t.Parallel()
	f, token, report := populated(t)
	stranger := f.as(t, f.harbor, models.RoleOwner)
	event, _ := f.list(t, token, "/api/v1/drift-events/").Results[0]["id"].(string)
	run, _ := report["id"].(string)
	for _, c := range []struct{ theirs, none string }{
		{"drift-events/" + event + "/", "drift-events/drift_01jz8k6v3pe9ktyh5wmcqa2x7d/"},
		{"reports/" + run + "/tests/", "reports/run_01jz8k6v3pe9ktyh5wmcqa2x7d/tests/"},
		{"drift-events/?report_run=" + run, "drift-events/?report_run=run_01jz8k6v3pe9ktyh5wmcqa2x7d"},
	} {
		theirs, none := f.get(t, stranger, "/api/v1/"+c.theirs), f.get(t, stranger, "/api/v1/"+c.none)
		var a, b problemBody
		theirs.decode(t, &a)
		none.decode(t, &b)
		if theirs.status != none.status || a.Code != b.Code || a.Detail != b.Detail {
			t.Errorf("%s: %d %s, but %d %s", c.theirs, theirs.status, theirs.body, none.status, none.body)
		}
	}
}
