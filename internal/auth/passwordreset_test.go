package auth_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"upstream/internal/auth"
	"upstream/models"
	"upstream/store"
)

// request asks for a link and answers with its secret, as the mail would; empty
// when none would be sent.
func (f *fixture) request(t *testing.T, email string) string {
	t.Helper()
	if err := f.RequestPasswordReset(t.Context(), email); err != nil {
		t.Fatal(err)
	}
	var id models.PasswordResetID
	var text string
	err := f.db.App.QueryRow(t.Context(), `SELECT args->>'reset_id' FROM river.river_job
		WHERE kind = 'password_reset_mail' ORDER BY id DESC LIMIT 1`).Scan(&text)
	if err != nil {
		t.Fatal(err)
	}
	if err := id.UnmarshalText([]byte(text)); err != nil {
		t.Fatal(err)
	}
	letter, err := f.store.PasswordResetLetter(t.Context(), id)
	if models.CodeOf(err) == models.CodeNotFound && err != nil {
		return ""
	}
	if err != nil {
		t.Fatal(err)
	}
	if !strings.EqualFold(letter.Email, strings.TrimSpace(email)) || !letter.ExpiresAt.Equal(f.clock.now().Add(24*time.Hour)) {
		t.Errorf("letter to %s until %s", letter.Email, letter.ExpiresAt)
	}
	return string(letter.Token)
}

// wantNoGood fails unless the error is that of a link that is no good.
func wantNoGood(t *testing.T, err error) {
	t.Helper()
	e := models.AsError(err)
	if err == nil || e.Code != models.CodeValidation || len(e.Fields) != 1 ||
		e.Fields[0] != (models.FieldError{Path: "token", Code: "invalid", Message: "is unknown, was used or replaced, or has expired: ask for a new link"}) {
		t.Errorf("%v: %+v", err, e)
	}
}

func TestPasswordReset(t *testing.T) {
	t.Parallel()
	f := setup(t)
	f.user(t, "ann@cedar.test", f.cedar.ID, models.RoleOwner)
	before := f.signIn(t, "ann@cedar.test")
	token := f.request(t, " Ann@CEDAR.test ")
	if len(token) != 43 { // 256 bits
		t.Errorf("token %q", token)
	}
	for range store.MaxSignInFailures {
		_, err := f.SignIn(t.Context(), "ann@cedar.test", "wrong", "")
		wantCode(t, err, models.CodeUnauthenticated)
	}
	for _, bad := range []string{"short", "123456789012345", "ann@cedar.test", strings.Repeat("x", 2000)} {
		err := f.ConfirmPasswordReset(t.Context(), token, bad)
		if e := models.AsError(err); e.Code != models.CodeValidation || e.Fields[0].Path != "new_password" {
			t.Errorf("%.20s: %v", bad, err)
		}
	}
	if err := f.ConfirmPasswordReset(t.Context(), token, newPassword); err != nil {
		t.Fatal(err)
	}
	wantNoGood(t, f.ConfirmPasswordReset(t.Context(), token, newPassword+" twice"))
	// Who proved to be the owner is no longer locked out from there.
	if _, err := f.SignIn(t.Context(), "ann@cedar.test", newPassword, ""); err != nil {
		t.Error(err)
	}
	_, err := f.SignIn(t.Context(), "ann@cedar.test", password, "")
	wantCode(t, err, models.CodeUnauthenticated)
	wantCode(t, f.Verify(t.Context(), before.Access), models.CodeUnauthenticated)
	wantCode(t, f.Verify(t.Context(), before.Refresh), models.CodeUnauthenticated)
	for action, want := range map[string]int{"password_reset_requested": 1, "password_reset_completed": 1} {
		if n := f.audited(t, action) - f.platformAudited(t, action); n != want {
			t.Errorf("%d lines %s of the customer, want %d", n, action, want)
		}
	}
	var told int
	err = f.db.App.QueryRow(t.Context(), `SELECT count(*) FROM river.river_job WHERE kind = 'password_changed_mail'`).Scan(&told)
	if err != nil || told != 1 {
		t.Errorf("%d notices, %v", told, err)
	}
}

func TestPasswordReset_OfASuperuser(t *testing.T) {
	t.Parallel()
	f := setup(t)
	f.user(t, "root@upstream.test", models.CustomerID{}, "")
	if err := f.ConfirmPasswordReset(t.Context(), f.request(t, "root@upstream.test"), newPassword); err != nil {
		t.Fatal(err)
	}
	if _, err := f.SignIn(t.Context(), "root@upstream.test", newPassword, ""); err != nil {
		t.Error(err)
	}
	if n := f.platformAudited(t, "password_reset_completed"); n != 1 {
		t.Errorf("%d lines of the platform", n)
	}
}

func TestPasswordReset_LinksThatAreNoGood(t *testing.T) {
	t.Parallel()
	f := setup(t)
	ann := f.user(t, "ann@cedar.test", f.cedar.ID, models.RoleOwner)
	f.user(t, "bob@cedar.test", f.cedar.ID, models.RoleViewer)
	older := f.request(t, "ann@cedar.test")
	newer := f.request(t, "ann@cedar.test")
	for name, token := range map[string]string{
		"replaced": older, "unknown": "k4sXo1u0mB3n6cYwq9fT2hZ8vR5eJ7dLaPgUiOxWtNs", "empty": "", "not text": "\x00\xff", "long": strings.Repeat("x", 60_000),
	} {
		t.Run(name, func(t *testing.T) { wantNoGood(t, f.ConfirmPasswordReset(t.Context(), token, newPassword)) })
	}
	f.exec(t, `UPDATE users SET is_active = false WHERE id = $1`, ann.ID.UUID())
	wantNoGood(t, f.ConfirmPasswordReset(t.Context(), newer, newPassword))
	f.exec(t, `UPDATE users SET is_active = true WHERE id = $1`, ann.ID.UUID())
	bobs := f.request(t, "bob@cedar.test")
	f.clock.advance(24*time.Hour - time.Second)
	if err := f.ConfirmPasswordReset(t.Context(), newer, newPassword); err != nil {
		t.Errorf("just before its end: %v", err)
	}
	f.clock.advance(time.Second)
	wantNoGood(t, f.ConfirmPasswordReset(t.Context(), bobs, newPassword))
	if _, err := f.SignIn(t.Context(), "bob@cedar.test", password, ""); err != nil {
		t.Errorf("bob's password has changed: %v", err)
	}
}

func TestPasswordReset_OneOfManyConfirmationsWins(t *testing.T) {
	t.Parallel()
	f := setup(t)
	f.user(t, "ann@cedar.test", f.cedar.ID, models.RoleOwner)
	token := f.request(t, "ann@cedar.test")
	var group sync.WaitGroup
	won := make(chan string, 8)
	for i := range cap(won) {
		group.Go(func() {
			mine := newPassword + strings.Repeat("!", i)
			switch err := f.ConfirmPasswordReset(context.WithoutCancel(t.Context()), token, mine); {
			case err == nil:
				won <- mine
			case models.CodeOf(err) != models.CodeValidation:
				t.Errorf("%d: %v", i, err)
			}
		})
	}
	group.Wait()
	close(won)
	if len(won) != 1 {
		t.Fatalf("%d confirmations won", len(won))
	}
	if _, err := f.SignIn(t.Context(), "ann@cedar.test", <-won, ""); err != nil {
		t.Errorf("the winner's password does not sign in: %v", err)
	}
}

// Whoever asks must not learn from the answer, the work or the log's length
// whether an address has an account.
func TestPasswordReset_AsksAlikeForEverybody(t *testing.T) {
	t.Parallel()
	f := setup(t)
	f.user(t, "ann@cedar.test", f.cedar.ID, models.RoleOwner)
	f.user(t, "root@upstream.test", models.CustomerID{}, "")
	f.user(t, "locked@cedar.test", f.cedar.ID, models.RoleOwner)
	gone := f.user(t, "gone@cedar.test", f.cedar.ID, models.RoleOwner)
	f.exec(t, `UPDATE users SET is_active = false WHERE id = $1`, gone.ID.UUID())
	for range store.MaxSignInFailures {
		_, _ = f.SignIn(t.Context(), "locked@cedar.test", "wrong", "")
	}
	compared := auth.CountComparisons(f.Service)
	type work struct{ statements, lines, jobs int }
	seen := map[work][]string{}
	for email, mailed := range map[string]bool{
		"ann@cedar.test": true, "ANN@cedar.test": true, "locked@cedar.test": true, "root@upstream.test": true,
		"gone@cedar.test": false, "nobody@cedar.test": false, "nonsense": false, "": false,
	} {
		lines, jobs := f.audited(t, "password_reset_requested"), f.jobs(t)
		ctx, stats := store.WithStats(t.Context())
		if err := f.RequestPasswordReset(ctx, email); err != nil {
			t.Errorf("%q: %v", email, err)
		}
		did := work{
			statements: stats.Statements(), lines: f.audited(t, "password_reset_requested") - lines,
			jobs: f.jobs(t) - jobs,
		}
		seen[did] = append(seen[did], email)
		if got := f.request(t, email) != ""; got != mailed {
			t.Errorf("%q gets a mail: %v, want %v", email, got, mailed)
		}
	}
	if len(seen) != 1 {
		t.Errorf("the work tells addresses apart: %v", seen)
	}
	if n := compared(); n != 0 {
		t.Errorf("%d passwords were compared", n)
	}
	for _, email := range []string{"a\x00b@cedar.test", "a\xff@cedar.test"} {
		if err := f.RequestPasswordReset(t.Context(), email); err != nil {
			t.Errorf("%q: %v", email, err)
		}
	}
}

// jobs counts the waiting mails with links.
func (f *fixture) jobs(t *testing.T) (n int) {
	t.Helper()
	if err := f.db.App.QueryRow(t.Context(), `SELECT count(*) FROM river.river_job WHERE kind = 'password_reset_mail'`).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

func TestPasswordReset_LeavesNoSecretBehind(t *testing.T) {
	t.Parallel()
	f := setup(t)
	f.user(t, "ann@cedar.test", f.cedar.ID, models.RoleOwner)
	token := f.request(t, "ann@cedar.test")
	found := func() bool {
		t.Helper()
		var all bool
		err := pgx.BeginFunc(t.Context(), f.db.Owner, func(tx pgx.Tx) error {
			if _, err := tx.Exec(t.Context(), `SELECT set_config('app.system', 'on', true), set_config('app.customer_id', $1, true)`,
				f.cedar.ID.UUID().String()); err != nil {
				return err
			}
			return tx.QueryRow(t.Context(), `SELECT EXISTS (
				SELECT FROM (SELECT encode(coalesce(token_sealed, ''), 'escape') || pr::text AS text FROM password_resets AS pr
					UNION ALL SELECT j::text FROM river.river_job AS j UNION ALL SELECT a::text FROM audit_events AS a) AS everything
				WHERE position($1 in text) > 0)`, token).Scan(&all)
		})
		if err != nil {
			t.Fatal(err)
		}
		return all
	}
	if found() {
		t.Error("the secret of the link can be read")
	}
	var id uuid.UUID
	f.query(t, &id, `SELECT id FROM password_resets`)
	reset := models.PasswordResetID{}.From(id)
	if err := f.store.PasswordResetMailed(t.Context(), reset); err != nil {
		t.Fatal(err)
	}
	var sealed bool
	if f.query(t, &sealed, `SELECT token_sealed IS NOT NULL FROM password_resets`); sealed {
		t.Error("the sealed secret outlives its mail")
	}
	// It is mailed once, and still works.
	if _, err := f.store.PasswordResetLetter(t.Context(), reset); models.CodeOf(err) != models.CodeNotFound {
		t.Errorf("a second letter: %v", err)
	}
	if err := f.ConfirmPasswordReset(t.Context(), token, newPassword); err != nil {
		t.Error(err)
	}
}

// query reads one value as the system does.
func (f *fixture) query(t *testing.T, into any, sql string) {
	t.Helper()
	err := pgx.BeginFunc(t.Context(), f.db.Owner, func(tx pgx.Tx) error {
		_, err := tx.Exec(t.Context(), `SELECT set_config('app.system', 'on', true)`)
		return errors.Join(err, tx.QueryRow(t.Context(), sql).Scan(into))
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestPasswordReset_RowsForNobodyGo(t *testing.T) {
	t.Parallel()
	f := setup(t)
	f.user(t, "ann@cedar.test", f.cedar.ID, models.RoleOwner)
	var rows int
	f.request(t, "nobody@cedar.test") // and looks for its letter, as the job does
	if f.query(t, &rows, `SELECT count(*)::int FROM password_resets`); rows != 0 {
		t.Errorf("%d rows are left of nobody", rows)
	}
	f.request(t, "ann@cedar.test")
	f.clock.advance(24 * time.Hour)
	if n, err := f.store.PurgeSessions(t.Context()); n != 1 || err != nil {
		t.Errorf("purged %d, %v", n, err)
	}
}
