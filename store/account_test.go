package store_test

import (
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"upstream/internal/factory"
	"upstream/models"
	"upstream/store"
)

func newUser(email string) models.NewUser {
	return models.NewUser{Email: email, PasswordHash: "hash", Role: models.RoleAdmin}
}

func TestAccountByEmail(t *testing.T) {
	t.Parallel()
	w := factory.New(t)
	cedar := w.Tenant("cedar")
	user := must(w.Store.CreateUser(t.Context(), cedar.Customer.ID, newUser("Ada.Éva@Cedar.test")))(t)
	for _, spelled := range []string{"Ada.Éva@Cedar.test", "ada.Éva@cedar.TEST", "  ada.Éva@cedar.test\n"} {
		account := must(w.Store.AccountByEmail(t.Context(), spelled))(t)
		equal(t, "user", *user, account.User)
	}
	equal(t, "by identifier", must(w.Store.AccountByEmail(t.Context(), user.Email))(t), must(w.Store.AccountByID(t.Context(), user.ID))(t))
	for _, other := range []string{"", "%", "ada", "ada_Éva@cedar.test", "' OR true --"} {
		_, err := w.Store.AccountByEmail(t.Context(), other)
		wantCode(t, err, models.CodeNotFound)
	}
	_, err := w.Store.AccountByID(t.Context(), models.UserID{})
	wantCode(t, err, models.CodeNotFound)
}

func TestAccount_MembershipsOldestFirst(t *testing.T) {
	t.Parallel()
	w := factory.New(t)
	cedar, harbor, alder := w.Tenant("cedar"), w.Tenant("harbor"), w.Tenant("alder")
	user := must(w.Store.CreateUser(t.Context(), harbor.Customer.ID, newUser("ada@x.test")))(t)
	join := func(tenant *factory.Tenant, role models.Role, at time.Time) {
		tenant.Insert(&models.Membership{
			ID: models.MembershipID{}.From(tenant.UploadRow().ID.UUID()), CustomerID: tenant.Customer.ID, UserID: user.ID,
			Role: role, Version: 1, CreatedAt: at, UpdatedAt: at,
		})
	}
	join(alder, models.RoleViewer, factory.Now().Add(time.Hour))
	join(cedar, models.RoleOwner, factory.Now().Add(-time.Hour))
	account := must(w.Store.AccountByID(t.Context(), user.ID))(t)
	var got []string
	for _, m := range account.Memberships {
		got = append(got, m.CustomerID.String()+" "+string(m.Role))
		equal(t, "user of the membership", user.ID, m.UserID)
	}
	equal(t, "memberships", []string{
		cedar.Customer.ID.String() + " owner", harbor.Customer.ID.String() + " admin", alder.Customer.ID.String() + " viewer",
	}, got)
}

func TestCreateUser(t *testing.T) {
	t.Parallel()
	w := factory.New(t)
	cedar := w.Tenant("cedar")
	id := cedar.Customer.ID
	user := must(w.Store.CreateUser(t.Context(), id, newUser("ada@x.test")))(t)
	if !user.IsActive || user.IsSuperuser || user.LastLoginAt != nil || user.Version != 1 {
		t.Errorf("user = %+v", user)
	}
	root := must(w.Store.CreateUser(t.Context(), models.CustomerID{}, models.NewUser{Email: "root@x.test", PasswordHash: "h", Superuser: true}))(t)
	if account := must(w.Store.AccountByID(t.Context(), root.ID))(t); !account.User.IsSuperuser || len(account.Memberships) != 0 {
		t.Errorf("superuser = %+v", account)
	}
	people := func() (n int) {
		err := pgx.BeginFunc(t.Context(), w.DB.Owner, func(tx pgx.Tx) error {
			_, err := tx.Exec(t.Context(), `SELECT set_config('app.system', 'on', true)`)
			if err != nil {
				return err
			}
			return tx.QueryRow(t.Context(), `SELECT (SELECT count(*) FROM users) * 1000 + (SELECT count(*) FROM memberships) * 100
				+ (SELECT count(*) FROM audit_events WHERE action = 'user_created')`).Scan(&n)
		})
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	equal(t, "users, memberships and audit lines", 2102, people())
	bad := newUser("no address")
	bad.PasswordHash, bad.Role = "", "king"
	for name, tt := range map[string]struct {
		customer models.CustomerID
		in       models.NewUser
		code     models.Code
		fields   []string
	}{
		"taken":                     {id, newUser("ADA@x.test"), models.CodeConflict, []string{"email:taken"}},
		"all wrong":                 {id, bad, models.CodeValidation, []string{"email:invalid", "password:required", "role:invalid"}},
		"no such customer":          {models.CustomerID{}.From(cedar.UploadRow().ID.UUID()), newUser("b@x.test"), models.CodeValidation, []string{"customer:invalid"}},
		"no customer":               {models.CustomerID{}, newUser("c@x.test"), models.CodeValidation, []string{"customer:invalid"}},
		"a superuser of a customer": {id, models.NewUser{Email: "d@x.test", PasswordHash: "h", Superuser: true}, models.CodeValidation, []string{"customer:invalid"}},
	} {
		got, err := w.Store.CreateUser(t.Context(), tt.customer, tt.in)
		equal(t, name, tt.fields, fieldPaths(wantCode(t, err, tt.code)))
		if got != nil {
			t.Errorf("%s: answers with %+v", name, got)
		}
	}
	equal(t, "nothing half-written", 2102, people())
}

func TestCreateCustomer(t *testing.T) {
	t.Parallel()
	w := factory.New(t)
	cedar := w.Tenant("cedar")
	equal(t, "by slug", cedar.Customer, must(w.Store.CustomerBySlug(t.Context(), "cedar"))(t))
	equal(t, "own", cedar.Customer, must(w.Store.Customer(t.Context(), cedar.User(models.RoleViewer)))(t))
	_, err := w.Store.CustomerBySlug(t.Context(), "oak")
	if e := wantCode(t, err, models.CodeNotFound); !strings.Contains(e.Message, `"oak"`) {
		t.Errorf("message %q", e.Message)
	}
	_, err = w.Store.Customer(t.Context(), models.SystemViewer(models.CustomerID{}.From(cedar.UploadRow().ID.UUID())))
	wantCode(t, err, models.CodeNotFound)
	for name, tt := range map[string]struct {
		in     models.NewCustomer
		code   models.Code
		fields []string
	}{
		"slug taken": {models.NewCustomer{Slug: "cedar", Name: "Other"}, models.CodeConflict, []string{"slug:taken"}},
		"name taken": {models.NewCustomer{Slug: "other", Name: "Clinic cedar"}, models.CodeConflict, []string{"name:taken"}},
		"all wrong":  {models.NewCustomer{Slug: "-", Name: ""}, models.CodeValidation, []string{"slug:invalid", "name:invalid"}},
		"blank name": {models.NewCustomer{Slug: "blank", Name: "  "}, models.CodeValidation, []string{"name:invalid"}},
	} {
		_, err := w.Store.CreateCustomer(t.Context(), tt.in)
		equal(t, name, tt.fields, fieldPaths(wantCode(t, err, tt.code)))
	}
}

func TestSetPassword(t *testing.T) {
	t.Parallel()
	w := factory.New(t)
	v := w.Tenant("cedar").User(models.RoleViewer)
	if err := w.Store.SetPassword(t.Context(), v.UserID, "new hash"); err != nil {
		t.Fatal(err)
	}
	user := must(w.Store.AccountByID(t.Context(), v.UserID))(t).User
	equal(t, "hash and version", []any{"new hash", int64(2)}, []any{user.PasswordHash, user.Version})
	wantCode(t, w.Store.SetPassword(t.Context(), models.UserID{}, "x"), models.CodeNotFound)
}

func TestAuditEvents_AreAppendOnly(t *testing.T) {
	t.Parallel()
	w := factory.New(t)
	cedar := w.Tenant("cedar")
	must(cedar.IngestText(header + line("C1", "Aetna")))(t)
	lines := factory.Query[int](cedar, `SELECT count(*) FROM audit_events`)
	if lines == 0 {
		t.Fatal("no audit lines to defend")
	}
	for _, change := range []string{
		`UPDATE audit_events SET actor = 'somebody else'`, `DELETE FROM audit_events`, `TRUNCATE audit_events`, `TRUNCATE customers CASCADE`,
	} {
		if err := asOwner(t, cedar, change); !isRefused(err) {
			t.Errorf("the owner's %s: %v", change, err)
		}
		err := store.Serializable(t.Context(), w.Store, cedar.System(), func(tx store.ExclusiveTx) error { return tx.Exec(t.Context(), change) })
		wantCode(t, err, models.CodeInternal)
	}
	equal(t, "lines", lines, factory.Query[int](cedar, `SELECT count(*) FROM audit_events`))
}
