package store_test

import (
	"context"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/jackc/pgx/v5"
	"github.com/uptrace/bun"

	"upstream/internal/factory"
	"upstream/internal/postgres"
	"upstream/models"
	"upstream/store"
)

// keys is a clinic, an admin of it, and a store whose clock the test moves.
type keys struct {
	*factory.Tenant
	store *store.Store
	admin models.Viewer
	now   atomic.Int64
}

func keyring(t *testing.T) *keys {
	t.Helper()
	w := factory.New(t)
	k := &keys{Tenant: w.Tenant("cedar")}
	k.now.Store(factory.Now().UnixNano())
	k.store = w.StoreWith(w.DB.App, store.Options{Now: k.clock})
	k.admin = k.User(models.RoleAdmin)
	k.admin.RemoteAddr = "192.0.2.1"
	return k
}

func (k *keys) clock() time.Time        { return time.Unix(0, k.now.Load()).UTC() }
func (k *keys) advance(d time.Duration) { k.now.Add(int64(d)) }

func (k *keys) create(in models.NewAPIKey) *models.IssuedAPIKey {
	k.Helper()
	if in.Name == "" {
		in.Name = "partner"
	}
	if in.Scopes == nil {
		in.Scopes = []models.Scope{models.ScopeDriftRead, models.ScopeClaimsRead}
	}
	return must(k.store.CreateAPIKey(context.Background(), k.admin, in))(k)
}

func (k *keys) use(issued *models.IssuedAPIKey, addr string) (*models.APIKey, error) {
	return k.store.UseAPIKey(context.Background(), models.Viewer{RemoteAddr: addr, RequestID: "req-1"}, issued.Text.Hash())
}

// works fails the test unless the key does, or does not.
func (k *keys) works(what string, issued *models.IssuedAPIKey, want bool) {
	k.Helper()
	_, err := k.use(issued, "192.0.2.7")
	if want && err != nil || !want && models.CodeOf(err) != models.CodeUnauthenticated {
		k.Errorf("%s works: %v (%v)", what, err == nil, err)
	}
}

// sameKey compares all that is stored of two keys.
func sameKey(t *testing.T, want, got *models.APIKey) {
	t.Helper()
	ids := cmpopts.EquateComparable(models.CustomerID{}, models.APIKeyID{}, models.UserID{})
	if diff := cmp.Diff(want, got, ids, cmpopts.IgnoreTypes(bun.BaseModel{})); diff != "" {
		t.Errorf("the keys differ (-want +got):\n%s", diff)
	}
}

func TestAPIKey_Create(t *testing.T) {
	t.Parallel()
	k := keyring(t)
	expires := k.clock().Add(time.Hour)
	issued := k.create(models.NewAPIKey{Name: "  Nightly  ", AllowedCIDRs: []string{"192.0.2.7", "2001:DB8::/32"}, ExpiresAt: &expires})
	row := must(k.store.APIKey(t.Context(), k.admin, issued.APIKey.ID))(t)
	sameKey(t, issued.APIKey, row)
	equal(t, "name", "Nightly", row.Name)
	equal(t, "scopes", []models.Scope{models.ScopeDriftRead, models.ScopeClaimsRead}, row.Scopes)
	equal(t, "networks", []string{"192.0.2.7/32", "2001:db8::/32"}, row.AllowedCIDRs)
	equal(t, "creator", k.admin.UserID.String(), row.CreatedBy.String())
	hash := issued.Text.Hash()
	equal(t, "hash", hash[:], row.KeyHash)
	equal(t, "prefix", issued.Text.Prefix(), row.Prefix)
	bare := k.create(models.NewAPIKey{Name: "bare"})
	sameKey(t, bare.APIKey, must(k.store.APIKey(t.Context(), k.admin, bare.APIKey.ID))(t))

	for _, table := range []string{"api_keys", "audit_events"} {
		all := factory.Query[string](k.Tenant, `SELECT string_agg(to_jsonb(x)::text, ' ') FROM `+table+` x`)
		if strings.Contains(all, string(issued.Text)) || strings.Contains(all, string(issued.Text[14:])) {
			t.Errorf("%s holds the key", table)
		}
	}
	action := "api_key_created"
	line := lines(t, k.Tenant, models.AuditEventFilter{Action: &action})[0]
	if after := compact(t, line.After); !strings.Contains(after, `"key_hash":"[REDACTED]"`) || !strings.Contains(after, `"scopes":["drift:read","claims:read"]`) {
		t.Errorf("audited as %s", after)
	}
}

func TestAPIKey_Names(t *testing.T) {
	t.Parallel()
	k := keyring(t)
	first := k.create(models.NewAPIKey{Name: "Partner"})
	_, err := k.store.CreateAPIKey(t.Context(), k.admin, models.NewAPIKey{Name: "PARTNER", Scopes: []models.Scope{models.ScopeDriftRun}})
	wantCode(t, err, models.CodeConflict)
	equal(t, "field", []models.FieldError{{Path: "name", Code: "taken", Message: "is that of another key in use (upper and lower case do not differ)"}}, models.AsError(err).Fields)
	must(k.store.RevokeAPIKey(t.Context(), k.admin, first.APIKey.ID, nil))(t)
	k.create(models.NewAPIKey{Name: "partner"})
	// Another customer's names are its own.
	must(k.store.CreateAPIKey(t.Context(), k.World.Tenant("harbor").System(), models.NewAPIKey{Name: "partner", Scopes: []models.Scope{models.ScopeDriftRun}}))(t)
}

func TestAPIKey_WhoMayManage(t *testing.T) {
	t.Parallel()
	k := keyring(t)
	id := k.create(models.NewAPIKey{}).APIKey.ID
	every := k.APIKey(scopes()...).APIKey
	for name, c := range map[string]struct {
		v    models.Viewer
		want models.Code
	}{
		"owner":   {k.User(models.RoleOwner), ""},
		"admin":   {k.User(models.RoleAdmin), ""},
		"analyst": {k.User(models.RoleAnalyst), models.CodeForbidden},
		"viewer":  {k.User(models.RoleViewer), models.CodeForbidden},
		"key":     {models.Viewer{KeyID: every.ID, Scopes: every.Scopes, CustomerID: k.Customer.ID}, models.CodeForbidden},
		"nobody":  {models.Viewer{CustomerID: k.Customer.ID}, models.CodeUnauthenticated},
		"other":   {k.World.Tenant("harbor").User(models.RoleOwner), models.CodeNotFound},
	} {
		ctx, s := t.Context(), k.store
		calls := map[string]func() error{
			"APIKey":       func() error { _, err := s.APIKey(ctx, c.v, id); return err },
			"RotateAPIKey": func() error { _, err := s.RotateAPIKey(ctx, c.v, id, models.APIKeyRotation{}, nil); return err },
			"RevokeAPIKey": func() error { _, err := s.RevokeAPIKey(ctx, c.v, id, nil); return err },
		}
		if c.want != models.CodeNotFound {
			calls["APIKeys"] = func() error {
				_, err := s.APIKeys(ctx, c.v, models.APIKeyFilter{}, everyRow[models.APIKeyOrderField]())
				return err
			}
			calls["APIKeysByID"] = func() error { _, err := s.APIKeysByID(ctx, c.v, []models.APIKeyID{id}); return err }
			calls["CreateAPIKey"] = func() error {
				_, err := s.CreateAPIKey(ctx, c.v, models.NewAPIKey{Name: "of " + name, Scopes: scopes()})
				return err
			}
		}
		if c.want == "" {
			delete(calls, "RotateAPIKey") // by turns they would refuse each other
			delete(calls, "RevokeAPIKey")
		}
		for method, call := range calls {
			switch err := call(); {
			case c.want == "" && err != nil, c.want != "" && (err == nil || models.CodeOf(err) != c.want):
				t.Errorf("%s by %s: %v", method, name, err)
			}
		}
	}
}

// scopes are all of them.
func scopes() []models.Scope {
	var all []models.Scope
	for _, s := range models.Scope("").Values() {
		all = append(all, models.Scope(s))
	}
	return all
}

func TestAPIKey_RotationOverlaps(t *testing.T) {
	t.Parallel()
	k := keyring(t)
	expires := k.clock().Add(30 * 24 * time.Hour)
	old := k.create(models.NewAPIKey{AllowedCIDRs: []string{"192.0.2.0/24"}, ExpiresAt: &expires})
	k.advance(10 * 24 * time.Hour)
	next := must(k.store.RotateAPIKey(t.Context(), k.admin, old.APIKey.ID, models.APIKeyRotation{}, nil))(t)
	equal(t, "name", old.APIKey.Name, next.APIKey.Name)
	equal(t, "scopes", old.APIKey.Scopes, next.APIKey.Scopes)
	equal(t, "networks", old.APIKey.AllowedCIDRs, next.APIKey.AllowedCIDRs)
	equal(t, "replaces", old.APIKey.ID.String(), next.APIKey.Replaces.String())
	equal(t, "life", k.clock().Add(30*24*time.Hour), *next.APIKey.ExpiresAt)
	replaced := must(k.store.APIKey(t.Context(), k.admin, old.APIKey.ID))(t)
	equal(t, "end of the old one", k.clock().Add(24*time.Hour), *replaced.ExpiresAt)
	equal(t, "replaced", k.clock(), *replaced.ReplacedAt)
	k.works("the old key at once", old, true)
	k.works("the new key at once", next, true)
	k.advance(24*time.Hour - time.Microsecond)
	k.works("the old key at the end of the overlap", old, true)
	k.advance(time.Microsecond)
	k.works("the old key after the overlap", old, false)
	k.works("the new key after the overlap", next, true)
	equal(t, "log", "api_key_created api_key_rotated api_key_created", strings.Join(slices.DeleteFunc(
		strings.Fields(actions(t, k.Tenant)), func(a string) bool { return !strings.HasPrefix(a, "api_key") }), " "))

	last := must(k.store.RotateAPIKey(t.Context(), k.admin, next.APIKey.ID, models.APIKeyRotation{
		OverlapHours: new(0), AllowedCIDRs: &[]string{}, ExpiresAt: new(k.clock().Add(time.Hour)),
	}, nil))(t)
	k.works("a key without overlap", next, false)
	k.works("its successor", last, true)
	equal(t, "networks of the last", []string{}, last.APIKey.AllowedCIDRs)

	// The overlap never prolongs a life.
	must(k.store.RotateAPIKey(t.Context(), k.admin, last.APIKey.ID, models.APIKeyRotation{OverlapHours: new(168)}, nil))(t)
	k.advance(time.Hour)
	k.works("a key that would have expired", last, false)
}

func TestAPIKey_RotationRefused(t *testing.T) {
	t.Parallel()
	k := keyring(t)
	rotate := func(id models.APIKeyID, in models.APIKeyRotation) error {
		_, err := k.store.RotateAPIKey(t.Context(), k.admin, id, in, nil)
		return err
	}
	revoked, rotated := k.create(models.NewAPIKey{Name: "revoked"}), k.create(models.NewAPIKey{Name: "rotated"})
	expired := k.create(models.NewAPIKey{Name: "expired", ExpiresAt: new(k.clock().Add(time.Minute))})
	must(k.store.RevokeAPIKey(t.Context(), k.admin, revoked.APIKey.ID, nil))(t)
	if err := rotate(rotated.APIKey.ID, models.APIKeyRotation{}); err != nil {
		t.Fatal(err)
	}
	k.advance(time.Minute)
	before := factory.Query[string](k.Tenant, `SELECT string_agg(to_jsonb(x)::text, ' ' ORDER BY id) FROM api_keys x`)
	for _, key := range []*models.IssuedAPIKey{revoked, rotated, expired} {
		wantCode(t, rotate(key.APIKey.ID, models.APIKeyRotation{}), models.CodeConflict)
	}
	wantCode(t, rotate(models.APIKeyID{}, models.APIKeyRotation{}), models.CodeNotFound)
	wantCode(t, rotate(revoked.APIKey.ID, models.APIKeyRotation{OverlapHours: new(-1)}), models.CodeValidation)
	equal(t, "rows", before, factory.Query[string](k.Tenant, `SELECT string_agg(to_jsonb(x)::text, ' ' ORDER BY id) FROM api_keys x`))
}

func TestAPIKey_RotationsAtTheSameTime(t *testing.T) {
	t.Parallel()
	k := keyring(t)
	id := k.create(models.NewAPIKey{}).APIKey.ID
	var wg sync.WaitGroup
	var succeeded, refused atomic.Int64
	for range 8 {
		wg.Go(func() {
			switch _, err := k.store.RotateAPIKey(t.Context(), k.admin, id, models.APIKeyRotation{}, nil); {
			case err == nil:
				succeeded.Add(1)
			case models.CodeOf(err) == models.CodeConflict:
				refused.Add(1)
			default:
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if succeeded.Load() != 1 || refused.Load() != 7 {
		t.Errorf("%d succeeded, %d were refused", succeeded.Load(), refused.Load())
	}
	equal(t, "keys", 2, factory.Query[int](k.Tenant, `SELECT count(*) FROM api_keys`))
}

func TestAPIKey_Revoke(t *testing.T) {
	t.Parallel()
	k := keyring(t)
	issued := k.create(models.NewAPIKey{})
	k.works("the key", issued, true)
	first := must(k.store.RevokeAPIKey(t.Context(), k.admin, issued.APIKey.ID, nil))(t)
	k.works("the revoked key", issued, false)
	equal(t, "revoked", k.clock(), *first.RevokedAt)
	k.advance(time.Hour)
	again := must(k.store.RevokeAPIKey(t.Context(), k.admin, issued.APIKey.ID, nil))(t)
	sameKey(t, first, again)
	if n := strings.Count(actions(t, k.Tenant), "api_key_revoked"); n != 1 {
		t.Errorf("audited %d times", n)
	}
	_, err := k.store.RevokeAPIKey(t.Context(), k.admin, models.APIKeyID{}, nil)
	wantCode(t, err, models.CodeNotFound)
}

// Whoever made a key may leave; the partner's program goes on.
func TestAPIKey_OutlivesItsCreator(t *testing.T) {
	t.Parallel()
	k := keyring(t)
	issued := k.create(models.NewAPIKey{})
	tx := must(k.DB.Owner.Begin(t.Context()))(t)
	for _, statement := range []string{`SELECT set_config('app.system', 'on', true)`, `DELETE FROM memberships`, `UPDATE users SET is_active = false`} {
		if _, err := tx.Exec(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
	if err := tx.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}
	k.works("the key", issued, true)
}

func TestUseAPIKey_Refusals(t *testing.T) {
	t.Parallel()
	k := keyring(t)
	expired, revoked := k.create(models.NewAPIKey{Name: "e", ExpiresAt: new(k.clock().Add(1000))}), k.create(models.NewAPIKey{Name: "r"})
	must(k.store.RevokeAPIKey(t.Context(), k.admin, revoked.APIKey.ID, nil))(t)
	k.advance(time.Minute)
	sentences := map[string]bool{}
	for name, issued := range map[string]*models.IssuedAPIKey{"unknown": {Text: models.NewAPIKeyText()}, "expired": expired, "revoked": revoked} {
		ctx, stats := store.WithStats(t.Context())
		key, err := k.store.UseAPIKey(ctx, models.Viewer{}, issued.Text.Hash())
		wantCode(t, err, models.CodeUnauthenticated)
		sentences[models.AsError(err).Message] = true
		if key != nil {
			t.Errorf("%s: %+v", name, key)
		}
		equal(t, name+" statements", 1, stats.Statements())
	}
	if len(sentences) != 1 {
		t.Errorf("the refusals differ: %v", sentences)
	}
	equal(t, "used", 0, factory.Query[int](k.Tenant, `SELECT count(*) FROM api_keys WHERE last_used_at IS NOT NULL`))
}

func TestUseAPIKey_NotesTheUseOnceAMinute(t *testing.T) {
	t.Parallel()
	k := keyring(t)
	issued := k.create(models.NewAPIKey{})
	last := func() (time.Time, string, int64) {
		row := must(k.store.APIKey(t.Context(), k.admin, issued.APIKey.ID))(t)
		return *row.LastUsedAt, *row.LastUsedAddr, row.Version
	}
	first := k.clock()
	for i, addr := range []string{"192.0.2.7", "192.0.2.8", "192.0.2.9"} {
		must(k.use(issued, addr))(t)
		at, from, version := last()
		want, wantFrom, changes := first, "192.0.2.7", int64(2)
		if i == 2 {
			want, wantFrom, changes = k.clock(), addr, 3
		}
		equal(t, "noted", []any{want, wantFrom, changes}, []any{at, from, version})
		k.advance(30 * time.Second)
	}
}

// A use of a key whose row somebody holds waits for nobody.
func TestUseAPIKey_NeverWaits(t *testing.T) {
	t.Parallel()
	k := keyring(t)
	issued := k.create(models.NewAPIKey{AllowedCIDRs: []string{"192.0.2.0/24"}})
	holder := must(k.DB.Owner.Begin(t.Context()))(t)
	defer func() { _ = holder.Rollback(context.Background()) }()
	if err := within(holder, k.Customer.ID); err != nil {
		t.Fatal(err)
	}
	if _, err := holder.Exec(t.Context(), `SELECT FROM api_keys FOR UPDATE`); err != nil {
		t.Fatal(err)
	}
	s := k.StoreWith(k.Pool(postgres.PoolOptions{MaxConns: 1}), store.Options{})
	for _, addr := range []string{"192.0.2.7", "198.51.100.1"} {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		_, err := s.UseAPIKey(ctx, models.Viewer{RemoteAddr: addr}, issued.Text.Hash())
		cancel()
		if err != nil && models.CodeOf(err) != models.CodeForbidden {
			t.Errorf("from %s: %v", addr, err)
		}
	}
}

func TestUseAPIKey_ForeignAddress(t *testing.T) {
	t.Parallel()
	k := keyring(t)
	issued := k.create(models.NewAPIKey{AllowedCIDRs: []string{"192.0.2.0/24", "2001:db8::/32"}})
	for _, addr := range []string{"192.0.2.7", "2001:db8::7", "::ffff:192.0.2.7"} {
		if _, err := k.use(issued, addr); err != nil {
			t.Errorf("from %s: %v", addr, err)
		}
	}
	refusals := func() []*models.AuditEvent {
		action := "api_key_refused"
		return lines(t, k.Tenant, models.AuditEventFilter{Action: &action})
	}
	for _, addr := range []string{"198.51.100.1", "2001:db9::7", ""} {
		key, err := k.use(issued, addr)
		wantCode(t, err, models.CodeForbidden)
		if key != nil {
			t.Errorf("from %s: %+v", addr, key)
		}
	}
	if got := refusals(); len(got) != 1 || *got[0].RemoteAddr != "198.51.100.1" || got[0].ActorType != models.ActorKey ||
		got[0].Actor != "partner" || *got[0].ActorID != issued.APIKey.ID.String() || *got[0].RequestID != "req-1" {
		t.Errorf("audited %+v", got)
	}
	k.advance(store.APIKeyRefusalNoted)
	_, err := k.use(issued, "198.51.100.1")
	wantCode(t, err, models.CodeForbidden)
	equal(t, "audited after an hour", 2, len(refusals()))
}

// Below the use cases: neither what a key opens nor the key itself can be
// changed by the role that serves, and a system transaction can add none.
func TestAPIKey_RowLevelSecurity(t *testing.T) {
	t.Parallel()
	k := keyring(t)
	k.create(models.NewAPIKey{})
	row := rowOf(t, k.Tenant, "api_keys")
	for _, statement := range []string{
		`UPDATE api_keys SET scopes = '{audit:read}'`, `UPDATE api_keys SET key_hash = sha256('x')`, `UPDATE api_keys SET allowed_cidrs = '{}'`,
		`UPDATE api_keys SET name = 'x'`, `DELETE FROM api_keys`, `TRUNCATE api_keys`,
	} {
		err := apply(t, k.World, &k.Customer.ID, func(ctx context.Context, tx pgx.Tx) error {
			_, err := tx.Exec(ctx, statement)
			return err
		})
		if !isRefused(err) {
			t.Errorf("%s: %v", statement, err)
		}
	}
	err := apply(t, k.World, nil, func(ctx context.Context, tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, `SELECT set_config('app.system', 'on', true)`); err != nil {
			return err
		}
		return insertCopy(ctx, tx, "api_keys", row)
	})
	if !isRefused(err) {
		t.Errorf("a system transaction adds a key: %v", err)
	}
	err = apply(t, k.World, &k.Customer.ID, func(ctx context.Context, tx pgx.Tx) error {
		return insertCopy(ctx, tx, "api_keys", strings.Replace(row, `"drift:read"`, `"everything"`, 1))
	})
	wantCode(t, store.Translate(err), models.CodeValidation)
}

// The closed list of the database is that of models.
func TestAPIKey_EveryScopeCanBeStored(t *testing.T) {
	t.Parallel()
	k := keyring(t)
	issued := k.create(models.NewAPIKey{Scopes: scopes()})
	equal(t, "scopes", scopes(), must(k.store.APIKey(t.Context(), k.admin, issued.APIKey.ID))(t).Scopes)
}

func TestAPIKey_LookUpUsesItsIndex(t *testing.T) {
	t.Parallel()
	k := keyring(t)
	plan := ""
	err := apply(t, k.World, nil, func(ctx context.Context, tx pgx.Tx) error {
		for _, setting := range []string{`SELECT set_config('app.system', 'on', true)`, `SET LOCAL enable_seqscan = off`} {
			if _, err := tx.Exec(ctx, setting); err != nil {
				return err
			}
		}
		return tx.QueryRow(ctx, `EXPLAIN (FORMAT JSON) SELECT id FROM api_keys WHERE key_hash = sha256('x') LIMIT 1`).Scan(&plan)
	})
	if err != nil || !strings.Contains(plan, "api_keys_key_hash_idx") {
		t.Errorf("%s, %v", plan, err)
	}
}
