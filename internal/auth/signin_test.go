package auth_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/golang-jwt/jwt/v5"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"upstream/internal/auth"
	"upstream/models"
	"upstream/store"
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
		if diff := cmp.Diff(want, got, cmpopts.EquateComparable(models.UserID{}, models.CustomerID{}, models.APIKeyID{})); diff != "" {
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

	sentences, work := map[string]bool{}, map[int][]string{}
	compared := auth.CountComparisons(f.Service)
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
		before := compared()
		ctx, stats := store.WithStats(t.Context())
		_, err := f.SignIn(ctx, c.email, c.password, "")
		if n := compared() - before; n != 1 {
			t.Errorf("%s: %d comparisons, want the same work as for every other: 1", name, n)
		}
		if utf8.ValidString(c.email) && !strings.ContainsRune(c.email, 0) { // what no address can be is not looked up
			work[stats.Statements()] = append(work[stats.Statements()], name)
		}
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
	if len(work) != 1 {
		t.Errorf("the numbers of statements tell the cases apart: %v", work)
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
