package auth_test

import (
	"bytes"
	"sync/atomic"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"upstream/internal/auth"
	"upstream/internal/factory"
	"upstream/internal/testdb"
	"upstream/models"
	"upstream/store"
)

const password = "correct horse battery"

// passwordHash is of the cheapest costs: the tests are about what follows a
// comparison, not about how long it takes.
const passwordHash = "$argon2id$v=19$m=64,t=1,p=1$MDEyMzQ1Njc4OWFiY2RlZg$" + "/ur5fLELUb1eXkT9oKHqq6gHGZ9Phwgbj4qyIcCNaYc"

// clock is a time that tests move.
type clock struct{ nanos atomic.Int64 }

func newClock() *clock {
	c := &clock{}
	c.nanos.Store(time.Date(2026, 5, 1, 9, 0, 0, 0, time.UTC).UnixNano())
	return c
}

func (c *clock) now() time.Time          { return time.Unix(0, c.nanos.Load()).UTC() }
func (c *clock) advance(d time.Duration) { c.nanos.Add(int64(d)) }

func key(id string) auth.Key {
	return auth.Key{ID: id, Secret: bytes.Repeat([]byte(id[:1]), 32)}
}

// fixture is two customers and the service that knows them.
type fixture struct {
	*auth.Service
	db            *testdb.DB
	store         *store.Store
	clock         *clock
	cedar, harbor *models.Customer
}

func setup(t *testing.T) *fixture {
	t.Helper()
	f := &fixture{db: testdb.New(t), clock: newClock()}
	f.store = store.New(f.db.App, store.Options{Now: f.clock.now, Sealer: factory.Sealer(t)})
	f.Service = f.service(t, auth.Options{Keys: keyring(t, key("one"))})
	f.cedar = f.customer(t, "cedar")
	f.harbor = f.customer(t, "harbor")
	return f
}

func keyring(t *testing.T, signing auth.Key, retired ...auth.Key) *auth.Keyring {
	t.Helper()
	ring, err := auth.NewKeyring(signing, retired...)
	if err != nil {
		t.Fatal(err)
	}
	return ring
}

// service is another one on the same store and clock.
func (f *fixture) service(t *testing.T, opts auth.Options) *auth.Service {
	t.Helper()
	opts.Now = f.clock.now
	s, err := auth.New(f.store, opts)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func (f *fixture) customer(t *testing.T, slug string) *models.Customer {
	t.Helper()
	c, err := f.store.CreateCustomer(t.Context(), models.NewCustomer{Slug: slug, Name: slug + " clinic"})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func (f *fixture) user(t *testing.T, email string, customer models.CustomerID, role models.Role) *models.User {
	t.Helper()
	u, err := f.store.CreateUser(t.Context(), customer, models.NewUser{
		Email: email, PasswordHash: passwordHash, Role: role, Superuser: role == "",
	})
	if err != nil {
		t.Fatal(err)
	}
	return u
}

// exec changes rows behind the store's back, as the owner of the tables.
func (f *fixture) exec(t *testing.T, sql string, args ...any) {
	t.Helper()
	tx, err := f.db.Owner.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tx.Exec(t.Context(), `SELECT set_config('app.system', 'on', true)`); err != nil {
		t.Fatal(err)
	}
	tag, err := tx.Exec(t.Context(), sql, args...)
	if err != nil {
		t.Fatal(err)
	}
	if tag.RowsAffected() == 0 {
		t.Fatalf("%s changes nothing", sql)
	}
	if err := tx.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func (f *fixture) signIn(t *testing.T, email string) auth.Tokens {
	t.Helper()
	tokens, err := f.SignIn(t.Context(), email, password, "")
	if err != nil {
		t.Fatal(err)
	}
	return tokens
}

// forge signs claims of the test's choosing with the fixture's key.
func forge(t *testing.T, method jwt.SigningMethod, secret any, kid string, claims jwt.MapClaims) string {
	t.Helper()
	token := jwt.NewWithClaims(method, claims)
	token.Header["kid"] = kid
	text, err := token.SignedString(secret)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func wantCode(t *testing.T, err error, want models.Code) {
	t.Helper()
	if err == nil {
		t.Fatalf("no error, want %s", want)
	}
	if got := models.CodeOf(err); got != want {
		t.Fatalf("%s (%v), want %s", got, err, want)
	}
}
