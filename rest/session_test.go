package rest_test

import (
	"net/http"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	"upstream/models"
)

const newPassword = "violet tugboat heron"

func (f *fixture) postAs(t *testing.T, token, path string, body any) answer {
	t.Helper()
	return f.do(t, request{method: http.MethodPost, path: "/api/v1/" + path, token: token, body: body})
}

func TestLogout(t *testing.T) {
	t.Parallel()
	f := setup(t)
	tokens := f.signIn(t, f.cedar.UserWithHash(models.RoleAnalyst, passwordHash).Email)
	for range 2 {
		out := f.post(t, "auth/logout/", map[string]any{"refresh": tokens.Refresh})
		wantStatus(t, out, http.StatusNoContent)
		if len(out.body) != 0 || out.header.Get("Cache-Control") != "no-store" {
			t.Errorf("%q, %v", out.body, out.header)
		}
	}
	wantProblem(t, f.get(t, tokens.Access, "/api/v1/claims/"), http.StatusUnauthorized, models.CodeUnauthenticated)
	wantProblem(t, f.post(t, "auth/token/refresh/", map[string]any{"refresh": tokens.Refresh}), http.StatusUnauthorized, models.CodeUnauthenticated)
	wantProblem(t, f.post(t, "auth/logout/", map[string]any{"refresh": tokens.Access}), http.StatusUnauthorized, models.CodeUnauthenticated)
	wantProblem(t, f.post(t, "auth/logout/", map[string]any{}), http.StatusUnprocessableEntity, models.CodeValidation, "refresh:required")
}

func TestVerifyToken(t *testing.T) {
	t.Parallel()
	f := setup(t)
	tokens := f.signIn(t, f.cedar.UserWithHash(models.RoleAnalyst, passwordHash).Email)
	for _, token := range []string{tokens.Access, tokens.Refresh} {
		out := f.post(t, "auth/token/verify/", map[string]any{"token": token})
		wantStatus(t, out, http.StatusOK)
		if got := out.object(t); len(got) != 0 {
			t.Errorf("answers with %v", got)
		}
	}
	wantProblem(t, f.post(t, "auth/token/verify/", map[string]any{"token": "nonsense"}), http.StatusUnauthorized, models.CodeUnauthenticated)
	wantProblem(t, f.post(t, "auth/token/verify/", map[string]any{}), http.StatusUnprocessableEntity, models.CodeValidation, "token:required")
}

func TestRefreshTokensAreUsedOnce(t *testing.T) {
	t.Parallel()
	f := setup(t)
	tokens := f.signIn(t, f.cedar.UserWithHash(models.RoleAnalyst, passwordHash).Email)
	var next tokenPair
	out := f.post(t, "auth/token/refresh/", map[string]any{"refresh": tokens.Refresh})
	wantStatus(t, out, http.StatusOK)
	out.decode(t, &next)
	wantProblem(t, f.post(t, "auth/token/refresh/", map[string]any{"refresh": tokens.Refresh}), http.StatusUnauthorized, models.CodeUnauthenticated)
	wantProblem(t, f.post(t, "auth/token/refresh/", map[string]any{"refresh": next.Refresh}), http.StatusUnauthorized, models.CodeUnauthenticated)
	wantProblem(t, f.get(t, next.Access, "/api/v1/claims/"), http.StatusUnauthorized, models.CodeUnauthenticated)
}

func TestChangePassword(t *testing.T) {
	t.Parallel()
	f := setup(t)
	email := f.cedar.UserWithHash(models.RoleViewer, passwordHash).Email
	tokens := f.signIn(t, email)
	change := func(token, old, next string) answer {
		return f.postAs(t, token, "auth/password/", map[string]any{"old_password": old, "new_password": next})
	}
	wantProblem(t, change("", password, newPassword), http.StatusUnauthorized, models.CodeUnauthenticated)
	wantProblem(t, change(tokens.Access, "wrong horse", newPassword), http.StatusUnprocessableEntity, models.CodeValidation, "old_password:wrong")
	wantProblem(t, change(tokens.Access, password, "123456"), http.StatusUnprocessableEntity, models.CodeValidation,
		"new_password:too_short", "new_password:all_digits", "new_password:too_common")
	out := f.postAs(t, tokens.Access, "auth/password/", map[string]any{})
	wantProblem(t, sorted(out), http.StatusUnprocessableEntity, models.CodeValidation, "new_password:required", "old_password:required")

	out = change(tokens.Access, password, newPassword)
	wantStatus(t, out, http.StatusOK)
	if out.header.Get("Cache-Control") != "no-store" {
		t.Errorf("tokens may be cached: %q", out.header.Get("Cache-Control"))
	}
	var next tokenPair
	out.decode(t, &next)
	wantStatus(t, f.get(t, next.Access, "/api/v1/claims/"), http.StatusOK)
	wantProblem(t, f.get(t, tokens.Access, "/api/v1/claims/"), http.StatusUnauthorized, models.CodeUnauthenticated)
	wantProblem(t, f.post(t, "auth/token/", map[string]any{"email": email, "password": password}), http.StatusUnauthorized, models.CodeUnauthenticated)
	wantStatus(t, f.post(t, "auth/token/", map[string]any{"email": email, "password": newPassword}), http.StatusOK)
}

// The sixth answer is the first one's, whether the password is right or wrong.
func TestLockoutGivesNoHint(t *testing.T) {
	t.Parallel()
	f := setup(t)
	email := f.cedar.UserWithHash(models.RoleViewer, passwordHash).Email
	var details []string
	for _, given := range []string{"a", "b", "c", "d", "e", "f", password} {
		out := f.post(t, "auth/token/", map[string]any{"email": email, "password": given})
		details = append(details, wantProblem(t, out, http.StatusUnauthorized, models.CodeUnauthenticated).Detail)
		if got := out.header.Get("Retry-After"); got != "" {
			t.Errorf("Retry-After %q tells that the account is locked", got)
		}
	}
	for _, detail := range details {
		if detail != details[0] {
			t.Errorf("%q, but %q", detail, details[0])
		}
	}
}

func TestPasswordReset(t *testing.T) {
	t.Parallel()
	f := setup(t)
	email := f.cedar.UserWithHash(models.RoleAnalyst, passwordHash).Email
	var answers []answer
	for _, asked := range []string{email, "nobody@cedar.test", "nonsense", ""} {
		out := f.post(t, "auth/password-reset/", map[string]any{"email": asked})
		wantStatus(t, out, http.StatusAccepted)
		out.header.Del("X-Request-Id")
		out.header.Del("Date")
		out.header.Del("Server-Timing")
		answers = append(answers, out)
	}
	for _, out := range answers[1:] {
		if diff := cmp.Diff(answers[0].header, out.header); diff != "" || string(out.body) != string(answers[0].body) {
			t.Errorf("answers differ: %s and %s\n%s", answers[0].body, out.body, diff)
		}
	}
	if answers[0].header.Get("Cache-Control") != "no-store" {
		t.Errorf("may be cached: %q", answers[0].header.Get("Cache-Control"))
	}
	wantProblem(t, f.post(t, "auth/password-reset/", map[string]any{}), http.StatusUnprocessableEntity, models.CodeValidation, "email:required")

	token := f.resetToken(t)
	confirm := func(token, password string) answer {
		return f.post(t, "auth/password-reset/confirm/", map[string]any{"token": token, "new_password": password})
	}
	wantProblem(t, confirm("wrong", "staple of the bright heron"), http.StatusUnprocessableEntity, models.CodeValidation, "token:invalid")
	wantProblem(t, confirm(token, "Xq7.rT"), http.StatusUnprocessableEntity, models.CodeValidation, "new_password:too_short")
	out := confirm(token, "staple of the bright heron")
	wantStatus(t, out, http.StatusNoContent)
	if len(out.body) > 0 {
		t.Errorf("answers with %s", out.body)
	}
	wantProblem(t, confirm(token, "staple of the bright heron"), http.StatusUnprocessableEntity, models.CodeValidation, "token:invalid")
	wantStatus(t, f.post(t, "auth/token/", map[string]any{"email": email, "password": "staple of the bright heron"}), http.StatusOK)
}

// resetToken is the secret of the only link there is to mail.
func (f *fixture) resetToken(t *testing.T) string {
	t.Helper()
	rows, err := f.DB.App.Query(t.Context(), `SELECT args->>'reset_id' FROM river.river_job WHERE kind = 'password_reset_mail'`)
	if err != nil {
		t.Fatal(err)
	}
	ids, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		t.Fatal(err)
	}
	var tokens []string
	for _, text := range ids {
		var id models.PasswordResetID
		if err := id.UnmarshalText([]byte(text)); err != nil {
			t.Fatal(err)
		}
		if letter, err := f.Store.PasswordResetLetter(t.Context(), id); err == nil {
			tokens = append(tokens, string(letter.Token))
		}
	}
	if len(tokens) != 1 {
		t.Fatalf("%d links would be mailed", len(tokens))
	}
	return tokens[0]
}
