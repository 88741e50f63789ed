package auth_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/google/go-cmp/cmp"

	"upstream/internal/auth"
	"upstream/models"
)

func TestSignIn(t *testing.T) {
	t.Parallel()
	f := setup(t)
	user := f.user(t, "ann@cedar.test", f.cedar.ID, models.RoleAnalyst)

	t.Run("gives tokens that speak for the user", func(t *testing.T) {
		tokens := f.signIn(t, "  ANN@cedar.test ")
		got, err := f.Authenticate(t.Context(), tokens.Access)
		if err != nil {
			t.Fatal(err)
		}
		want := models.Viewer{UserID: user.ID, Email: "ann@cedar.test", CustomerID: f.cedar.ID, Role: models.RoleAnalyst}
		if diff := cmp.Diff(want, got, cmp.Comparer(func(a, b models.UserID) bool { return a == b }),
			cmp.Comparer(func(a, b models.CustomerID) bool { return a == b })); diff != "" {
			t.Errorf("viewer (-want +got):\n%s", diff)
		}
		account, err := f.store.AccountByID(t.Context(), user.ID)
		if err != nil {
			t.Fatal(err)
		}
		if account.User.LastLoginAt == nil || !account.User.LastLoginAt.Equal(f.clock.now()) {
			t.Errorf("last login %v", account.User.LastLoginAt)
		}
	})
	t.Run("puts the contract's claims into the tokens", func(t *testing.T) {
		tokens := f.signIn(t, "ann@cedar.test")
		for text, want := range map[string]struct {
			kind string
			ttl  time.Duration
		}{tokens.Access: {"access", 30 * time.Minute}, tokens.Refresh: {"refresh", 24 * time.Hour}} {
			claims := jwt.MapClaims{}
			token, _, err := jwt.NewParser().ParseUnverified(text, claims)
			if err != nil {
				t.Fatal(err)
			}
			if token.Header["kid"] != "one" || token.Header["alg"] != "HS256" {
				t.Errorf("header %v", token.Header)
			}
			now := f.clock.now()
			if claims["token_type"] != want.kind || claims["sub"] != user.ID.String() ||
				claims["customer"] != f.cedar.ID.String() || claims["iss"] != "upstream" || claims["jti"] == "" ||
				claims["iat"] != float64(now.Unix()) || claims["exp"] != float64(now.Add(want.ttl).Unix()) {
				t.Errorf("claims %v", claims)
			}
		}
	})
	t.Run("two pairs differ", func(t *testing.T) {
		if first, second := f.signIn(t, "ann@cedar.test"), f.signIn(t, "ann@cedar.test"); first == second {
			t.Error("the same tokens twice in one second")
		}
	})
}

func TestSignInRefusesAlikeWhateverIsWrong(t *testing.T) {
	t.Parallel()
	f := setup(t)
	f.user(t, "ann@cedar.test", f.cedar.ID, models.RoleOwner)
	gone := f.user(t, "gone@cedar.test", f.cedar.ID, models.RoleOwner)
	f.exec(t, `UPDATE users SET is_active = false WHERE id = $1`, gone.ID.UUID())

	sentences := map[string]bool{}
	for name, c := range map[string]struct{ email, password string }{
		"wrong password":     {"ann@cedar.test", "wrong horse battery"},
		"empty password":     {"ann@cedar.test", ""},
		"endless password":   {"ann@cedar.test", strings.Repeat(password, 1000)},
		"unknown address":    {"nobody@cedar.test", password},
		"empty address":      {"", password},
		"unstorable address": {"a\x00b@cedar.test", password},
		"not UTF-8":          {"a\xff@cedar.test", password},
		"inactive":           {"gone@cedar.test", password},
	} {
		_, err := f.SignIn(t.Context(), c.email, c.password, "")
		if models.CodeOf(err) != models.CodeUnauthenticated {
			t.Errorf("%s: %v", name, err)
			continue
		}
		e := models.AsError(err)
		sentences[e.Message] = true
		if len(e.Fields) > 0 {
			t.Errorf("%s: blames %v", name, e.Fields)
		}
	}
	if len(sentences) != 1 {
		t.Errorf("the sentences tell the cases apart: %v", sentences)
	}
}

// An unknown address must cost a comparison like a known one. Measured against
// the cost of no comparison at all, so that a slow machine changes nothing.
func TestSignInTakesItsTimeForUnknownAddresses(t *testing.T) {
	t.Parallel()
	f := setup(t)
	oneHash := time.Hour
	for range 5 { // the quickest of a few: other tests share the processors
		start := time.Now()
		if _, err := auth.HashPassword(password); err != nil {
			t.Fatal(err)
		}
		oneHash = min(oneHash, time.Since(start))
	}
	start := time.Now()
	_, err := f.SignIn(t.Context(), "nobody@cedar.test", password, "")
	wantCode(t, err, models.CodeUnauthenticated)
	if took := time.Since(start); took < oneHash/2 {
		t.Errorf("refused after %v, a comparison takes about %v", took, oneHash)
	}
}

func TestSignInChoosesTheCustomer(t *testing.T) {
	t.Parallel()
	f := setup(t)
	user := f.user(t, "both@cedar.test", f.cedar.ID, models.RoleViewer)
	f.clock.advance(time.Hour)
	f.exec(t, `INSERT INTO memberships (id, customer_id, user_id, role, version, created_at, updated_at)
		SELECT gen_random_uuid(), $1, $2, 'owner', 1, now() + interval '1 year', now() + interval '1 year'`,
		f.harbor.ID.UUID(), user.ID.UUID())
	f.user(t, "root@upstream.test", models.CustomerID{}, "")
	lone := f.user(t, "lone@cedar.test", f.cedar.ID, models.RoleOwner)
	f.exec(t, `DELETE FROM memberships WHERE user_id = $1`, lone.ID.UUID())

	for name, c := range map[string]struct {
		customer string
		want     models.CustomerID
		role     models.Role
	}{
		"oldest membership": {"", f.cedar.ID, models.RoleViewer},
		"by slug":           {"harbor", f.harbor.ID, models.RoleOwner},
		"by identifier":     {f.harbor.ID.String(), f.harbor.ID, models.RoleOwner},
		"with white space":  {" cedar ", f.cedar.ID, models.RoleViewer},
	} {
		tokens, err := f.SignIn(t.Context(), "both@cedar.test", password, c.customer)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		v, err := f.Authenticate(t.Context(), tokens.Access)
		if err != nil || v.CustomerID != c.want || v.Role != c.role {
			t.Errorf("%s: %+v, %v", name, v, err)
		}
	}
	for name, c := range map[string]struct {
		email, customer string
		code            models.Code
	}{
		"no membership left":  {"lone@cedar.test", "", models.CodeForbidden},
		"superuser names one": {"root@upstream.test", "cedar", models.CodeValidation},
		"no such customer":    {"both@cedar.test", "nowhere", models.CodeValidation},
		"unstorable slug":     {"both@cedar.test", "a\x00", models.CodeValidation},
		"unknown identifier":  {"both@cedar.test", "cust_01jz8k6v3pe9ktyh5wmcqa2x7d", models.CodeValidation},
	} {
		_, err := f.SignIn(t.Context(), c.email, password, c.customer)
		if models.CodeOf(err) != c.code {
			t.Errorf("%s: %v, want %s", name, err, c.code)
		}
	}
	t.Run("another's customer looks like none", func(t *testing.T) {
		f.user(t, "ann@cedar.test", f.cedar.ID, models.RoleOwner)
		_, theirs := f.SignIn(t.Context(), "ann@cedar.test", password, "harbor")
		_, none := f.SignIn(t.Context(), "ann@cedar.test", password, "nowhere")
		wantCode(t, theirs, models.CodeValidation)
		if theirs.Error() != none.Error() {
			t.Errorf("%v, but %v", theirs, none)
		}
	})
}

func TestSignInStopsWithItsRequest(t *testing.T) {
	t.Parallel()
	f := setup(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := f.SignIn(ctx, "ann@cedar.test", password, ""); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
}

func TestRefresh(t *testing.T) {
	t.Parallel()
	f := setup(t)
	user := f.user(t, "ann@cedar.test", f.cedar.ID, models.RoleOwner)
	tokens := f.signIn(t, "ann@cedar.test")

	f.clock.advance(2 * time.Hour)
	if _, err := f.Authenticate(t.Context(), tokens.Access); models.CodeOf(err) != models.CodeUnauthenticated {
		t.Fatalf("the access token outlived its half hour: %v", err)
	}
	next, err := f.Refresh(t.Context(), tokens.Refresh)
	if err != nil {
		t.Fatal(err)
	}
	if v, err := f.Authenticate(t.Context(), next.Access); err != nil || v.UserID != user.ID || v.CustomerID != f.cedar.ID {
		t.Errorf("after refresh: %+v, %v", v, err)
	}
	if next.Refresh == tokens.Refresh {
		t.Error("the refresh token was not rotated")
	}
	_, err = f.Refresh(t.Context(), next.Access)
	wantCode(t, err, models.CodeUnauthenticated)
	_, err = f.Authenticate(t.Context(), next.Refresh)
	wantCode(t, err, models.CodeUnauthenticated)
	f.clock.advance(24 * time.Hour)
	_, err = f.Refresh(t.Context(), next.Refresh)
	wantCode(t, err, models.CodeUnauthenticated)
}

func TestRefreshEndsWithTheMembership(t *testing.T) {
	t.Parallel()
	f := setup(t)
	user := f.user(t, "ann@cedar.test", f.cedar.ID, models.RoleOwner)
	tokens := f.signIn(t, "ann@cedar.test")
	f.exec(t, `DELETE FROM memberships WHERE user_id = $1`, user.ID.UUID())
	_, err := f.Refresh(t.Context(), tokens.Refresh)
	wantCode(t, err, models.CodeUnauthenticated)
}
