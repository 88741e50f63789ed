package auth_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"upstream/internal/auth"
	"upstream/models"
	"upstream/store"
)

// from is a context of a request from a network address.
func from(t *testing.T, addr string) context.Context {
	t.Helper()
	var ctx context.Context
	r := httptest.NewRequest(http.MethodPost, "/", nil).WithContext(t.Context())
	r.RemoteAddr = addr
	auth.Identify(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { ctx = r.Context() })). //nolint:fatcontext // taken out once
														ServeHTTP(httptest.NewRecorder(), r)
	return ctx
}

// audited counts the lines of the audit log with this action, of customers and
// of the platform alike.
func (f *fixture) audited(t *testing.T, action string) int {
	t.Helper()
	tx, err := f.db.Owner.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = tx.Rollback(t.Context()) }()
	total := 0
	for _, customer := range []models.CustomerID{f.cedar.ID, f.harbor.ID} {
		var n int
		if _, err := tx.Exec(t.Context(), `SELECT set_config('app.customer_id', $1, true)`, customer.UUID().String()); err != nil {
			t.Fatal(err)
		}
		if err := tx.QueryRow(t.Context(), `SELECT count(*) FROM audit_events WHERE action = $1 AND customer_id IS NOT NULL`, action).Scan(&n); err != nil {
			t.Fatal(err)
		}
		total += n
	}
	return total + f.platformAudited(t, action)
}

func (f *fixture) platformAudited(t *testing.T, action string) (n int) {
	t.Helper()
	tx, err := f.db.Owner.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = tx.Rollback(t.Context()) }()
	if _, err := tx.Exec(t.Context(), `SELECT set_config('app.system', 'on', true)`); err != nil {
		t.Fatal(err)
	}
	if err := tx.QueryRow(t.Context(), `SELECT count(*) FROM audit_events WHERE action = $1 AND customer_id IS NULL`, action).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
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

func TestReuseEndsTheWholeFamily(t *testing.T) {
	t.Parallel()
	f := setup(t)
	f.user(t, "ann@cedar.test", f.cedar.ID, models.RoleOwner)
	first, other := f.signIn(t, "ann@cedar.test"), f.signIn(t, "ann@cedar.test")
	second, err := f.Refresh(t.Context(), first.Refresh)
	if err != nil {
		t.Fatal(err)
	}
	third, err := f.Refresh(t.Context(), second.Refresh)
	if err != nil {
		t.Fatal(err)
	}
	_, err = f.Refresh(t.Context(), first.Refresh)
	wantCode(t, err, models.CodeUnauthenticated)
	for name, token := range map[string]string{"used": second.Refresh, "newest": third.Refresh} {
		_, err := f.Refresh(t.Context(), token)
		if models.CodeOf(err) != models.CodeUnauthenticated || err == nil {
			t.Errorf("%s refresh token: %v", name, err)
		}
	}
	for name, token := range map[string]string{"first": first.Access, "newest": third.Access} {
		if _, err := f.Authenticate(t.Context(), token); err == nil {
			t.Errorf("the %s access token of the family is still good", name)
		}
	}
	if n := f.audited(t, "refresh_token_reused"); n != 1 {
		t.Errorf("%d lines in the audit log, want 1", n)
	}
	if _, err := f.Refresh(t.Context(), other.Refresh); err != nil {
		t.Errorf("another session of the same user: %v", err)
	}
}

func TestConcurrentRefreshesHaveOneWinner(t *testing.T) {
	t.Parallel()
	f := setup(t)
	f.user(t, "ann@cedar.test", f.cedar.ID, models.RoleOwner)
	tokens := f.signIn(t, "ann@cedar.test")
	const callers = 16
	results := make([]auth.Tokens, callers)
	errs := make([]error, callers)
	var start, done sync.WaitGroup
	start.Add(1)
	for i := range callers {
		done.Go(func() {
			start.Wait()
			results[i], errs[i] = f.Refresh(t.Context(), tokens.Refresh)
		})
	}
	start.Done()
	done.Wait()
	var winner auth.Tokens
	won := 0
	for i, err := range errs {
		switch {
		case err == nil:
			won++
			winner = results[i]
		case models.CodeOf(err) != models.CodeUnauthenticated:
			t.Errorf("loser: %v", err)
		}
	}
	if won != 1 {
		t.Fatalf("%d of %d won, want exactly 1", won, callers)
	}
	// The others were second uses: the winner's tokens died with the family.
	_, err := f.Authenticate(t.Context(), winner.Access)
	wantCode(t, err, models.CodeUnauthenticated)
	if n := f.audited(t, "refresh_token_reused"); n != 1 {
		t.Errorf("%d lines in the audit log, want 1", n)
	}
}

func TestTokensDieWith(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]string{
		"the membership": `DELETE FROM memberships WHERE user_id = $1`,
		"the role":       `UPDATE memberships SET role = 'admin' WHERE user_id = $1`,
		"the password":   `UPDATE users SET password_hash = 'x' WHERE id = $1`,
		"deactivation":   `UPDATE users SET is_active = false WHERE id = $1`,
		"a new rank":     `UPDATE users SET is_superuser = true WHERE id = $1`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := setup(t)
			user := f.user(t, "ann@cedar.test", f.cedar.ID, models.RoleOwner)
			tokens := f.signIn(t, "ann@cedar.test")
			f.exec(t, change, user.ID.UUID())
			_, err := f.Refresh(t.Context(), tokens.Refresh)
			wantCode(t, err, models.CodeUnauthenticated)
			_, err = f.Authenticate(t.Context(), tokens.Access)
			wantCode(t, err, models.CodeUnauthenticated)
			wantCode(t, f.Verify(t.Context(), tokens.Access), models.CodeUnauthenticated)
		})
	}
}

func TestLogout(t *testing.T) {
	t.Parallel()
	f := setup(t)
	f.user(t, "ann@cedar.test", f.cedar.ID, models.RoleOwner)
	first, other := f.signIn(t, "ann@cedar.test"), f.signIn(t, "ann@cedar.test")
	second, err := f.Refresh(t.Context(), first.Refresh)
	if err != nil {
		t.Fatal(err)
	}
	wantCode(t, f.Logout(t.Context(), second.Access), models.CodeUnauthenticated)
	wantCode(t, f.Logout(t.Context(), "nonsense"), models.CodeUnauthenticated)
	for range 2 { // the second time changes nothing
		if err := f.Logout(t.Context(), second.Refresh); err != nil {
			t.Fatal(err)
		}
	}
	_, err = f.Refresh(t.Context(), second.Refresh)
	wantCode(t, err, models.CodeUnauthenticated)
	_, err = f.Authenticate(t.Context(), second.Access)
	wantCode(t, err, models.CodeUnauthenticated)
	if n := f.audited(t, "logged_out"); n != 1 {
		t.Errorf("%d lines in the audit log, want 1", n)
	}
	if _, err := f.Authenticate(t.Context(), other.Access); err != nil {
		t.Errorf("another session of the same user: %v", err)
	}
}

func TestLogoutOfAnAccountThatMayNoLongerAct(t *testing.T) {
	t.Parallel()
	f := setup(t)
	user := f.user(t, "ann@cedar.test", f.cedar.ID, models.RoleOwner)
	tokens := f.signIn(t, "ann@cedar.test")
	f.exec(t, `UPDATE users SET is_active = false WHERE id = $1`, user.ID.UUID())
	if err := f.Logout(t.Context(), tokens.Refresh); err != nil {
		t.Fatal(err)
	}
	if n := f.platformAudited(t, "logged_out"); n != 1 {
		t.Errorf("%d lines in the audit log, want 1", n)
	}
}

func TestVerify(t *testing.T) {
	t.Parallel()
	f := setup(t)
	f.user(t, "ann@cedar.test", f.cedar.ID, models.RoleOwner)
	tokens := f.signIn(t, "ann@cedar.test")
	for range 2 { // it uses nothing up
		for _, token := range []string{tokens.Access, tokens.Refresh} {
			if err := f.Verify(t.Context(), token); err != nil {
				t.Fatal(err)
			}
		}
	}
	next, err := f.Refresh(t.Context(), tokens.Refresh)
	if err != nil {
		t.Fatal(err)
	}
	wantCode(t, f.Verify(t.Context(), tokens.Refresh), models.CodeUnauthenticated)
	wantCode(t, f.Verify(t.Context(), "nonsense"), models.CodeUnauthenticated)
	f.clock.advance(31 * time.Minute)
	wantCode(t, f.Verify(t.Context(), next.Access), models.CodeUnauthenticated)
	if err := f.Verify(t.Context(), next.Refresh); err != nil {
		t.Error(err)
	}
}

const newPassword = "violet tugboat heron"

func TestChangePassword(t *testing.T) {
	t.Parallel()
	f := setup(t)
	f.user(t, "ann@cedar.test", f.cedar.ID, models.RoleAnalyst)
	mine, other := f.signIn(t, "ann@cedar.test"), f.signIn(t, "ann@cedar.test")
	v, err := f.Authenticate(t.Context(), mine.Access)
	if err != nil {
		t.Fatal(err)
	}
	compared := auth.CountComparisons(f.Service)
	for name, c := range map[string]struct {
		old, next string
		field     string
		compares  int64
	}{
		"wrong old password": {"wrong horse battery", newPassword, "old_password:wrong", 1},
		"weak new password":  {password, "short", "new_password:too_short", 0},
		"common one":         {password, "password1234", "new_password:too_common", 0},
		"the same":           {password, password, "new_password:unchanged", 0},
		"own name":           {password, "ann@cedar.test", "new_password:too_similar", 0},
	} {
		before := compared()
		_, err := f.ChangePassword(t.Context(), v, c.old, c.next)
		wantCode(t, err, models.CodeValidation)
		e := models.AsError(err)
		if got := e.Fields[0].Path + ":" + e.Fields[0].Code; got != c.field {
			t.Errorf("%s: %s, want %s", name, got, c.field)
		}
		if n := compared() - before; n != c.compares {
			t.Errorf("%s: compares %d times, want %d", name, n, c.compares)
		}
	}
	next, err := f.ChangePassword(t.Context(), v, password, newPassword)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := f.Authenticate(t.Context(), next.Access); err != nil || got.Role != models.RoleAnalyst || got.CustomerID != f.cedar.ID {
		t.Errorf("the new session: %+v, %v", got, err)
	}
	if _, err := f.Refresh(t.Context(), next.Refresh); err != nil {
		t.Errorf("the new session: %v", err)
	}
	for name, tokens := range map[string]auth.Tokens{"own": mine, "other": other} {
		if _, err := f.Authenticate(t.Context(), tokens.Access); err == nil {
			t.Errorf("the %s access token outlived the password", name)
		}
		if _, err := f.Refresh(t.Context(), tokens.Refresh); err == nil {
			t.Errorf("the %s refresh token outlived the password", name)
		}
	}
	_, err = f.SignIn(t.Context(), "ann@cedar.test", password, "")
	wantCode(t, err, models.CodeUnauthenticated)
	if _, err := f.SignIn(t.Context(), "ann@cedar.test", newPassword, ""); err != nil {
		t.Error(err)
	}
	if n := f.audited(t, "password_changed"); n != 1 {
		t.Errorf("%d lines in the audit log, want 1", n)
	}
	_, err = f.ChangePassword(t.Context(), models.Viewer{}, password, newPassword)
	wantCode(t, err, models.CodeUnauthenticated)
}

func TestChangePasswordOfASuperuser(t *testing.T) {
	t.Parallel()
	f := setup(t)
	f.user(t, "root@upstream.test", models.CustomerID{}, "")
	v, err := f.Authenticate(t.Context(), f.signIn(t, "root@upstream.test").Access)
	if err != nil {
		t.Fatal(err)
	}
	v.CustomerID = f.cedar.ID // named for this request
	next, err := f.ChangePassword(t.Context(), v, password, newPassword)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := f.Authenticate(t.Context(), next.Access); err != nil || !got.Superuser || !got.CustomerID.IsZero() {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestConcurrentPasswordChangesHaveOneWinner(t *testing.T) {
	t.Parallel()
	f := setup(t)
	f.user(t, "ann@cedar.test", f.cedar.ID, models.RoleOwner)
	v, err := f.Authenticate(t.Context(), f.signIn(t, "ann@cedar.test").Access)
	if err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	var won []auth.Tokens
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			tokens, err := f.ChangePassword(t.Context(), v, password, newPassword)
			mu.Lock()
			defer mu.Unlock()
			if err == nil {
				won = append(won, tokens)
			} else if code := models.CodeOf(err); code != models.CodeStale && code != models.CodeValidation {
				t.Errorf("loser: %v", err)
			}
		})
	}
	all.Wait()
	if len(won) != 1 {
		t.Fatalf("%d won, want exactly 1", len(won))
	}
	if _, err := f.Authenticate(t.Context(), won[0].Access); err != nil {
		t.Errorf("the winner's tokens: %v", err)
	}
}

func TestLockout(t *testing.T) {
	t.Parallel()
	f := setup(t)
	f.user(t, "ann@cedar.test", f.cedar.ID, models.RoleOwner)
	f.user(t, "bob@cedar.test", f.cedar.ID, models.RoleOwner)
	here, elsewhere := from(t, "192.0.2.7:4711"), from(t, "198.51.100.9:4711")
	fails := func(ctx context.Context, email, pass, customer string) string {
		t.Helper()
		_, err := f.SignIn(ctx, email, pass, customer)
		wantCode(t, err, models.CodeUnauthenticated)
		return models.AsError(err).Message
	}
	before := fails(here, "ann@cedar.test", "wrong", "")
	for range store.MaxSignInFailures - 1 {
		fails(here, " ANN@cedar.test", "wrong", "") // another spelling is the same account
	}
	compared := auth.CountComparisons(f.Service)
	if during := fails(here, "ann@cedar.test", password, ""); during != before {
		t.Errorf("locked answers %q, unlocked %q", during, before)
	}
	if compared() != 1 {
		t.Errorf("%d comparisons while locked, want the work of every attempt: 1", compared())
	}
	// What only the right password may bring out stays in as well.
	fails(here, "ann@cedar.test", password, "nowhere")
	if _, err := f.SignIn(elsewhere, "ann@cedar.test", password, ""); err != nil {
		t.Errorf("locked out from another address: %v", err)
	}
	if _, err := f.SignIn(here, "bob@cedar.test", password, ""); err != nil {
		t.Errorf("another account is locked too: %v", err)
	}
	if n := f.audited(t, "login_locked"); n != 1 {
		t.Errorf("%d locks in the audit log, want 1", n)
	}
	if n := f.audited(t, "login_failed"); n != store.MaxSignInFailures+2 {
		t.Errorf("%d failures in the audit log, want %d", n, store.MaxSignInFailures+2)
	}
	f.clock.advance(store.SignInLock - time.Second)
	fails(here, "ann@cedar.test", password, "")
	f.clock.advance(time.Second) // attempts meanwhile have not prolonged it
	if _, err := f.SignIn(here, "ann@cedar.test", password, ""); err != nil {
		t.Errorf("still locked: %v", err)
	}
}

func TestLockoutCounts(t *testing.T) {
	t.Parallel()
	type step struct {
		wait  time.Duration
		right bool
	}
	wrong, right := step{}, step{right: true}
	for name, c := range map[string]struct {
		steps []step
		want  bool
	}{
		"four failures are forgiven":     {[]step{wrong, wrong, wrong, wrong, right}, true},
		"a success starts the count":     {[]step{wrong, wrong, wrong, wrong, right, wrong, wrong, wrong, wrong, right}, true},
		"five are not":                   {[]step{wrong, wrong, wrong, wrong, wrong, right}, false},
		"a pause starts the count":       {[]step{wrong, wrong, wrong, wrong, {wait: 15 * time.Minute}, wrong, wrong, wrong, right}, true},
		"a shorter pause does not":       {[]step{wrong, wrong, wrong, wrong, {wait: 14 * time.Minute}, right}, false},
		"a lock that is over starts too": {[]step{wrong, wrong, wrong, wrong, wrong, {wait: 15 * time.Minute}, wrong, wrong, wrong, right}, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := setup(t)
			f.user(t, "ann@cedar.test", f.cedar.ID, models.RoleOwner)
			var err error
			for _, s := range c.steps {
				f.clock.advance(s.wait)
				given := "wrong"
				if s.right {
					given = password
				}
				_, err = f.SignIn(t.Context(), "ann@cedar.test", given, "")
			}
			if (err == nil) != c.want {
				t.Errorf("signed in: %v, want %v (%v)", err == nil, c.want, err)
			}
		})
	}
}

// Unknown accounts lock like known ones: a lock tells nobody which exist.
func TestLockoutOfUnknownAccounts(t *testing.T) {
	t.Parallel()
	f := setup(t)
	f.user(t, "ann@cedar.test", f.cedar.ID, models.RoleOwner)
	statements := func(email string) []int {
		var all []int
		for range store.MaxSignInFailures + 2 {
			ctx, stats := store.WithStats(t.Context())
			_, err := f.SignIn(ctx, email, "wrong", "")
			wantCode(t, err, models.CodeUnauthenticated)
			all = append(all, stats.Statements())
		}
		return all
	}
	known, unknown := statements("ann@cedar.test"), statements("nobody@cedar.test")
	if diff := cmp.Diff(known, unknown); diff != "" {
		t.Errorf("statements of each attempt for a known account (-) and an unknown one (+):\n%s", diff)
	}
	if n := f.platformAudited(t, "login_locked"); n != 1 {
		t.Errorf("%d locks of the unknown account in the audit log, want 1", n)
	}
}

func TestConcurrentGuessesLock(t *testing.T) {
	t.Parallel()
	f := setup(t)
	f.user(t, "ann@cedar.test", f.cedar.ID, models.RoleOwner)
	var all sync.WaitGroup
	for range 20 {
		all.Go(func() {
			_, err := f.SignIn(t.Context(), "ann@cedar.test", "wrong", "")
			if models.CodeOf(err) != models.CodeUnauthenticated {
				t.Error(err)
			}
		})
	}
	all.Wait()
	_, err := f.SignIn(t.Context(), "ann@cedar.test", password, "")
	wantCode(t, err, models.CodeUnauthenticated)
	if n := f.audited(t, "login_locked"); n != 1 {
		t.Errorf("%d locks in the audit log, want 1", n)
	}
}

// Signing in many times at once with the right password is no attack.
func TestConcurrentSignInsAllSucceed(t *testing.T) {
	t.Parallel()
	f := setup(t)
	f.user(t, "ann@cedar.test", f.cedar.ID, models.RoleOwner)
	var all sync.WaitGroup
	for range 20 {
		all.Go(func() {
			if _, err := f.SignIn(t.Context(), "ann@cedar.test", password, ""); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
}

func TestGuessingTheOldPasswordLocks(t *testing.T) {
	t.Parallel()
	f := setup(t)
	f.user(t, "ann@cedar.test", f.cedar.ID, models.RoleOwner)
	v, err := f.Authenticate(t.Context(), f.signIn(t, "ann@cedar.test").Access)
	if err != nil {
		t.Fatal(err)
	}
	var refusals []string
	for _, guess := range []string{"a", "b", "c", "d", "e", password} {
		_, err := f.ChangePassword(t.Context(), v, guess, newPassword)
		wantCode(t, err, models.CodeValidation)
		refusals = append(refusals, err.Error())
	}
	if len(slices.Compact(refusals)) != 1 {
		t.Errorf("the answers tell the right password apart: %v", refusals)
	}
	_, err = f.SignIn(t.Context(), "ann@cedar.test", password, "")
	wantCode(t, err, models.CodeUnauthenticated)
}

func TestDistance(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		a, b string
		want int
	}{{"", "", 0}, {"abc", "", 3}, {"kitten", "sitting", 3}, {"flaw", "lawn", 2}, {"éa", "ea", 1}} {
		if got := auth.Distance(c.a, c.b); got != c.want {
			t.Errorf("%q to %q: %d, want %d", c.a, c.b, got, c.want)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		a, b, c := rapid.String().Draw(t, "a"), rapid.String().Draw(t, "b"), rapid.String().Draw(t, "c")
		if auth.Distance(a, b) != auth.Distance(b, a) || (auth.Distance(a, b) == 0) != (a == b) ||
			auth.Distance(a, c) > auth.Distance(a, b)+auth.Distance(b, c) {
			t.Fatal("not a metric")
		}
	})
}

// A password typed into the field of the address must not end up in the log.
func TestAuditNameHidesWhatIsNoAddress(t *testing.T) {
	t.Parallel()
	for email, want := range map[string]string{
		" ann@cedar.test ": "ann@cedar.test", //nolint:gocritic // the white space is the point
		password:           "unknown", "": "unknown", "a\x00@b": "unknown", "a\xff@b": "unknown",
		strings.Repeat("a", 250) + "@b.test": "unknown",
	} {
		if got := auth.AuditName(email); got != want {
			t.Errorf("%q is called %q, want %q", email, got, want)
		}
	}
}
