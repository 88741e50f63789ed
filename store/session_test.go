package store_test

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"upstream/internal/factory"
	"upstream/internal/postgres"
	"upstream/models"
	"upstream/store"
)

// sessions is a tenant whose store has a clock that tests move.
type sessions struct {
	*factory.Tenant
	store  *store.Store
	viewer models.Viewer
	offset atomic.Int64
	seq    atomic.Int64
}

func setupSessions(t *testing.T) *sessions {
	t.Helper()
	w := factory.New(t)
	s := &sessions{Tenant: w.Tenant("cedar")}
	s.store = w.StoreWith(w.DB.App, store.Options{Now: s.now})
	s.viewer = s.User(models.RoleAnalyst)
	return s
}

func (s *sessions) now() time.Time { return factory.Now().Add(time.Duration(s.offset.Load())) }

func hashOf(secret string) models.SecretHash { return sha256.Sum256([]byte(secret)) }

var here = models.SignInKey(sha256.Sum256([]byte("somebody, here")))

// refresh is a new refresh token of one day.
func (s *sessions) refresh() models.NewRefreshToken {
	return models.NewRefreshToken{Hash: hashOf(fmt.Sprint("token ", s.seq.Add(1))), ExpiresAt: s.now().Add(24 * time.Hour)}
}

// start signs the viewer in.
func (s *sessions) start(t *testing.T) models.NewSession {
	t.Helper()
	in := models.NewSession{
		ID: models.SessionID{}.From(uuid.New()), UserID: s.viewer.UserID, CustomerID: s.Customer.ID, TokenVersion: 1, Refresh: s.refresh(),
	}
	if !must(s.store.StartSession(t.Context(), s.viewer, here, in))(t) {
		t.Fatal("the session did not start")
	}
	return in
}

// alive reports whether authentication admits the session.
func (s *sessions) alive(t *testing.T, in models.NewSession) bool {
	t.Helper()
	_, err := s.store.SessionAccount(t.Context(), in.UserID, in.ID)
	if err != nil && models.CodeOf(err) != models.CodeNotFound {
		t.Fatal(err)
	}
	return err == nil
}

// system runs one query for a number as a system transaction sees it.
func (s *sessions) system(t *testing.T, query string, args ...any) (n int) {
	t.Helper()
	err := pgx.BeginFunc(t.Context(), s.DB.Owner, func(tx pgx.Tx) error {
		if _, err := tx.Exec(t.Context(), `SELECT set_config('app.system', 'on', true)`); err != nil {
			return err
		}
		return tx.QueryRow(t.Context(), query, args...).Scan(&n)
	})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func (s *sessions) audited(action string) int {
	s.Helper()
	return factory.Query[int](s.Tenant, `SELECT count(*) FROM audit_events WHERE action = ?`, action)
}

func TestStartSession(t *testing.T) {
	t.Parallel()
	s := setupSessions(t)
	in := s.start(t)
	account := must(s.store.SessionAccount(t.Context(), in.UserID, in.ID))(t)
	equal(t, "no more than is needed", models.User{
		ID: in.UserID, Email: s.viewer.Email, IsActive: true, TokenVersion: 1,
	}, account.User)
	equal(t, "last sign-in", new(factory.Now()), must(s.store.AccountByID(t.Context(), in.UserID))(t).User.LastLoginAt)
	equal(t, "versions", []int{1, 1}, []int{account.User.TokenVersion, account.Memberships[0].TokenVersion})
	equal(t, "audit lines of the customer", 1, s.audited("login_succeeded"))

	t.Run("of another user", func(t *testing.T) {
		_, err := s.store.SessionAccount(t.Context(), s.User(models.RoleOwner).UserID, in.ID)
		wantCode(t, err, models.CodeNotFound)
	})
	t.Run("of an account that has changed since", func(t *testing.T) {
		stale := in
		stale.ID, stale.TokenVersion, stale.Refresh = models.SessionID{}.From(uuid.New()), 2, s.refresh()
		if must(s.store.StartSession(t.Context(), s.viewer, here, stale))(t) {
			t.Error("the session started")
		}
		if s.alive(t, stale) {
			t.Error("the session is there")
		}
	})
}

// The function that reads an account opens the system door for itself only: on
// the same connection, in the same transaction, it is as it was before.
func TestSessionAccount_LeavesTheDoorAsItWas(t *testing.T) {
	t.Parallel()
	s := setupSessions(t)
	in := s.start(t)
	ctx := t.Context()
	pool := s.Pool(postgres.PoolOptions{MaxConns: 1})
	one := s.StoreWith(pool, store.Options{})
	users := func(query func(context.Context, string, ...any) pgx.Row) (n int) {
		t.Helper()
		if err := query(ctx, `SELECT count(*) FROM users`).Scan(&n); err != nil {
			t.Fatal(err)
		}
		return n
	}
	for range 3 {
		must(one.SessionAccount(ctx, in.UserID, in.ID))(t)
		equal(t, "users seen on the connection afterwards", 0, users(pool.QueryRow))
	}
	_, err := one.SessionAccount(ctx, in.UserID, models.SessionID{}.From(uuid.New()))
	wantCode(t, err, models.CodeNotFound)
	equal(t, "users seen after one that is not there", 0, users(pool.QueryRow))
	for before, want := range map[string]bool{"off": false, "": false, "on": true} {
		tx := must(pool.Begin(ctx))(t)
		_ = must(tx.Exec(ctx, `SELECT set_config('app.system', $1, true)`, before))(t)
		_ = must(tx.Exec(ctx, `SELECT email FROM session_account($1, $2)`, in.UserID.UUID(), in.ID.UUID()))(t)
		equal(t, "users are seen with the door "+before, want, users(tx.QueryRow) > 0)
		if err := tx.Rollback(ctx); err != nil {
			t.Fatal(err)
		}
	}
}

func TestSessionAccount_IsOneStatement(t *testing.T) {
	t.Parallel()
	s := setupSessions(t)
	in := s.start(t)
	ctx, stats := store.WithStats(t.Context())
	must(s.store.SessionAccount(ctx, in.UserID, in.ID))(t)
	equal(t, "statements", 1, stats.Statements())
	ctx, cancel := context.WithCancel(ctx)
	cancel()
	if _, err := s.store.SessionAccount(ctx, in.UserID, in.ID); !errors.Is(err, context.Canceled) {
		t.Errorf("with a request that has ended: %v", err)
	}
}

func TestTokenVersionsRise(t *testing.T) {
	t.Parallel()
	s := setupSessions(t)
	versions := func() []int {
		account := must(s.store.AccountByID(t.Context(), s.viewer.UserID))(t)
		return []int{account.User.TokenVersion, account.Memberships[0].TokenVersion}
	}
	for _, c := range []struct {
		change string
		want   []int
	}{
		{`UPDATE users SET first_name = 'Ann', last_login_at = now()`, []int{1, 1}},
		{`UPDATE users SET password_hash = 'x'`, []int{2, 1}},
		{`UPDATE users SET password_hash = 'x'`, []int{2, 1}},
		{`UPDATE users SET password_hash = 'y', token_version = token_version + 1`, []int{3, 1}},
		{`UPDATE users SET is_active = false`, []int{4, 1}},
		{`UPDATE memberships SET version = version + 1`, []int{4, 1}},
		{`UPDATE memberships SET role = 'admin'`, []int{4, 2}},
		{`UPDATE memberships SET role = 'analyst'`, []int{4, 3}},
	} {
		s.system(t, `WITH changed AS (`+c.change+` RETURNING 1) SELECT count(*) FROM changed`)
		equal(t, c.change, c.want, versions())
	}
}

func TestRotateRefreshToken(t *testing.T) {
	t.Parallel()
	s := setupSessions(t)
	in := s.start(t)
	rotate := func(used models.NewRefreshToken) (models.NewRefreshToken, error) {
		next := s.refresh()
		return next, s.store.RotateRefreshToken(t.Context(), s.viewer, in.ID, used.Hash, next)
	}
	second := must(rotate(in.Refresh))(t)
	third := must(rotate(second))(t)

	_, err := rotate(models.NewRefreshToken{Hash: hashOf("nobody's")})
	wantCode(t, err, models.CodeUnauthenticated)
	other := s.start(t)
	_, err = rotate(other.Refresh) // right token, wrong session
	wantCode(t, err, models.CodeUnauthenticated)
	if !s.alive(t, in) || !s.alive(t, other) {
		t.Fatal("a token that never was ends a session")
	}
	s.offset.Add(int64(24 * time.Hour))
	_, err = rotate(third)
	wantCode(t, err, models.CodeUnauthenticated)
	if !s.alive(t, in) {
		t.Fatal("a token that has expired ends the session")
	}
	_, err = rotate(second)
	wantCode(t, err, models.CodeUnauthenticated)
	if s.alive(t, in) || !s.alive(t, other) {
		t.Error("a second use must end its own session only")
	}
	_, err = rotate(second) // a third use changes nothing more
	wantCode(t, err, models.CodeUnauthenticated)
	equal(t, "audit lines", 1, s.audited("refresh_token_reused"))
	equal(t, "why", 1, s.system(t, `SELECT count(*) FROM sessions WHERE end_reason = 'token_reused' AND id = $1`, in.ID.UUID()))
}

// Whichever comes first, a family that is ended while one of its tokens is
// exchanged has no good token left.
func TestRotationAndEndAtTheSameTime(t *testing.T) {
	t.Parallel()
	s := setupSessions(t)
	for range 25 {
		in, next := s.start(t), s.refresh()
		var both sync.WaitGroup
		both.Go(func() {
			err := s.store.RotateRefreshToken(t.Context(), s.viewer, in.ID, in.Refresh.Hash, next)
			if err != nil && models.CodeOf(err) != models.CodeUnauthenticated {
				t.Error(err)
			}
		})
		both.Go(func() {
			if err := s.store.EndSession(t.Context(), s.viewer, in.ID); err != nil {
				t.Error(err)
			}
		})
		both.Wait()
		for _, token := range []models.NewRefreshToken{in.Refresh, next} {
			if must(s.store.RefreshTokenGood(t.Context(), in.ID, token.Hash))(t) {
				t.Error("a token outlived its session")
			}
		}
	}
}

func TestConcurrentRotationsHaveOneWinner(t *testing.T) {
	t.Parallel()
	s := setupSessions(t)
	in := s.start(t)
	var won atomic.Int64
	var all sync.WaitGroup
	for range 32 {
		next := s.refresh()
		all.Go(func() {
			switch err := s.store.RotateRefreshToken(t.Context(), s.viewer, in.ID, in.Refresh.Hash, next); {
			case err == nil:
				won.Add(1)
			case models.CodeOf(err) != models.CodeUnauthenticated:
				t.Error(err)
			}
		})
	}
	all.Wait()
	equal(t, "winners", int64(1), won.Load())
	equal(t, "tokens of the session", 2, s.system(t, `SELECT count(*) FROM refresh_tokens`))
	if s.alive(t, in) {
		t.Error("31 second uses did not end the session")
	}
}

func TestEndSession(t *testing.T) {
	t.Parallel()
	s := setupSessions(t)
	in, other := s.start(t), s.start(t)
	for _, id := range []models.SessionID{in.ID, in.ID, {}} {
		if err := s.store.EndSession(t.Context(), s.viewer, id); err != nil {
			t.Fatal(err)
		}
	}
	equal(t, "alive", []bool{false, true}, []bool{s.alive(t, in), s.alive(t, other)})
	equal(t, "audit lines", 1, s.audited("logged_out"))
	wantCode(t, s.store.RotateRefreshToken(t.Context(), s.viewer, in.ID, in.Refresh.Hash, s.refresh()), models.CodeUnauthenticated)
}

func TestSetPasswordEndsSessions(t *testing.T) {
	t.Parallel()
	s := setupSessions(t)
	in := s.start(t)
	if err := s.store.SetPassword(t.Context(), s.viewer.UserID, "new hash"); err != nil {
		t.Fatal(err)
	}
	if s.alive(t, in) {
		t.Error("the session outlived the password")
	}
}

func TestChangePassword(t *testing.T) {
	t.Parallel()
	s := setupSessions(t)
	in := s.start(t)
	old := must(s.store.AccountByID(t.Context(), s.viewer.UserID))(t).User.PasswordHash
	next := in
	next.ID, next.Refresh = models.SessionID{}.From(uuid.New()), s.refresh()
	change := models.PasswordChange{UserID: s.viewer.UserID, OldHash: old, NewHash: "new hash"}
	equal(t, "version", 2, must(s.store.ChangePassword(t.Context(), s.viewer, here, change, next))(t))
	equal(t, "alive", []bool{false, true}, []bool{s.alive(t, in), s.alive(t, next)})
	equal(t, "audit lines", 1, s.audited("password_changed"))
	equal(t, "why", 1, s.system(t, `SELECT count(*) FROM sessions WHERE end_reason = 'password_changed'`))

	again := next
	again.ID, again.Refresh = models.SessionID{}.From(uuid.New()), s.refresh()
	_, err := s.store.ChangePassword(t.Context(), s.viewer, here, change, again)
	wantCode(t, err, models.CodeStale)
	if !s.alive(t, next) {
		t.Error("a refused change ended a session")
	}
}

func TestLockout(t *testing.T) {
	t.Parallel()
	s := setupSessions(t)
	there := models.SignInKey(sha256.Sum256([]byte("somebody, there")))
	fail := func() {
		t.Helper()
		if err := s.store.RecordSignInFailure(t.Context(), s.viewer, here); err != nil {
			t.Fatal(err)
		}
	}
	locked := func() []bool {
		return []bool{must(s.store.SignInLocked(t.Context(), here))(t), must(s.store.SignInLocked(t.Context(), there))(t)}
	}
	for range store.MaxSignInFailures - 1 {
		fail()
	}
	equal(t, "after four", []bool{false, false}, locked())
	s.start(t) // a success forgets them
	for range store.MaxSignInFailures - 1 {
		fail()
	}
	equal(t, "after a success and four", []bool{false, false}, locked())
	fail()
	equal(t, "after five", []bool{true, false}, locked())
	s.offset.Add(int64(10 * time.Minute))
	fail()
	in := models.NewSession{ID: models.SessionID{}.From(uuid.New()), UserID: s.viewer.UserID, TokenVersion: 1, Refresh: s.refresh()}
	if must(s.store.StartSession(t.Context(), s.viewer, here, in))(t) {
		t.Error("a session started while locked")
	}
	change := models.PasswordChange{UserID: s.viewer.UserID, OldHash: "not a hash: nobody signs in with it", NewHash: "x"}
	equal(t, "change while locked", 0, must(s.store.ChangePassword(t.Context(), s.viewer, here, change, in))(t))
	s.offset.Add(int64(5 * time.Minute))
	equal(t, "after the lock, not prolonged", []bool{false, false}, locked())
	equal(t, "locks in the log", 1, s.audited("login_locked"))
	equal(t, "failures in the log", 4+4+1+1+2, s.audited("login_failed"))
}

func TestConcurrentFailuresCountEach(t *testing.T) {
	t.Parallel()
	s := setupSessions(t)
	var all sync.WaitGroup
	for range 20 {
		all.Go(func() {
			if err := s.store.RecordSignInFailure(t.Context(), s.viewer, here); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	equal(t, "failures", 20, s.system(t, `SELECT failures FROM sign_in_failures`))
	equal(t, "locks in the log", 1, s.audited("login_locked"))
}

func TestPurgeSessions(t *testing.T) {
	t.Parallel()
	s := setupSessions(t)
	idle, busy := s.start(t), s.start(t)
	if err := s.store.RecordSignInFailure(t.Context(), s.viewer, here); err != nil {
		t.Fatal(err)
	}
	equal(t, "nothing has expired", int64(0), must(s.store.PurgeSessions(t.Context()))(t))
	s.offset.Add(int64(12 * time.Hour))
	next := s.refresh()
	if err := s.store.RotateRefreshToken(t.Context(), s.viewer, busy.ID, busy.Refresh.Hash, next); err != nil {
		t.Fatal(err)
	}
	s.offset.Add(int64(12 * time.Hour))
	// The idle session with its token, the busy one's first token, the failure.
	equal(t, "rows", int64(3), must(s.store.PurgeSessions(t.Context()))(t))
	equal(t, "alive", []bool{false, true}, []bool{s.alive(t, idle), s.alive(t, busy)})
	equal(t, "tokens left", 1, s.system(t, `SELECT count(*) FROM refresh_tokens`))
	equal(t, "failures left", 0, s.system(t, `SELECT count(*) FROM sign_in_failures`))
	if !must(s.store.RefreshTokenGood(t.Context(), busy.ID, next.Hash))(t) {
		t.Error("the newest token is gone")
	}
}

// No tenant, and nobody without one, can see or make a session.
func TestSessionsAreOfTheSystemOnly(t *testing.T) {
	t.Parallel()
	s := setupSessions(t)
	s.start(t)
	if err := s.store.RecordSignInFailure(t.Context(), s.viewer, here); err != nil {
		t.Fatal(err)
	}
	for _, table := range []string{"sessions", "refresh_tokens", "sign_in_failures"} {
		equal(t, table+" seen by the tenant", 0, factory.Query[int](s.Tenant, `SELECT count(*) FROM `+table))
		equal(t, table+" seen by the system", 1, s.system(t, `SELECT count(*) FROM `+table))
		var n int
		if err := s.DB.App.QueryRow(t.Context(), `SELECT count(*) FROM `+table).Scan(&n); err != nil || n != 0 {
			t.Errorf("%s seen without a tenant: %d, %v", table, n, err)
		}
	}
	_, err := s.DB.App.Exec(t.Context(), `INSERT INTO sign_in_failures (key_hash, failures, first_at, last_at) VALUES ($1, 1, now(), now())`, here[:])
	if !isRefused(err) {
		t.Errorf("insert without the system door: %v", err)
	}
	if err := asOwner(t, s.Tenant, `INSERT INTO sessions (id, user_id, created_at, expires_at) SELECT gen_random_uuid(), id, now(), now() + interval '1 day' FROM users`); !isRefused(err) {
		t.Errorf("a tenant's insert: %v", err)
	}
}
