package store_test

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"upstream/internal/factory"
	"upstream/models"
)

// memberOf finds the membership of a viewer.
func memberOf(t tester, tenant *factory.Tenant, v models.Viewer) *models.Member {
	t.Helper()
	for _, m := range must(tenant.Store.Members(tenant.Context(), tenant.System(), models.MemberFilter{}, everyRow[models.MemberOrderField]()))(t).Items {
		if m.UserID == v.UserID {
			return m
		}
	}
	t.Fatalf("%s is no member", v.Email)
	return nil
}

// staff is one active member of every role, and a second owner.
type staff struct {
	*factory.Tenant
	owner, second, admin, analyst, viewer models.Viewer
}

func newStaff(w *factory.World, slug string) staff {
	w.Helper()
	t := w.Tenant(slug)
	return staff{
		t, t.User(models.RoleOwner), t.User(models.RoleOwner), t.User(models.RoleAdmin), t.User(models.RoleAnalyst), t.User(models.RoleViewer),
	}
}

func (s staff) id(t tester, v models.Viewer) models.MembershipID { return memberOf(t, s.Tenant, v).ID }

// deactivate keeps a user from signing in.
func deactivate(t *testing.T, w *factory.World, user models.UserID) {
	t.Helper()
	tx := must(w.DB.Owner.Begin(t.Context()))(t)
	defer func() { _ = tx.Rollback(t.Context()) }()
	must(tx.Exec(t.Context(), `SELECT set_config('app.system', 'on', true)`))(t)
	if tag := must(tx.Exec(t.Context(), `UPDATE users SET is_active = false WHERE id = $1`, user.UUID().String()))(t); tag.RowsAffected() != 1 {
		t.Fatal("no such user")
	}
	if err := tx.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func TestMembers_List(t *testing.T) {
	t.Parallel()
	w := factory.New(t)
	cedar, harbor := newStaff(w, "cedar"), newStaff(w, "harbor")
	deactivate(t, w, cedar.second.UserID)
	ask := func(f models.MemberFilter, l models.List[models.MemberOrderField]) []string {
		var found []string
		l.Page.Limit = 100
		for _, m := range must(w.Store.Members(t.Context(), cedar.admin, f, l))(t).Items {
			found = append(found, m.Email)
			if m.CustomerID != cedar.Customer.ID || m.Version < 1 || m.CreatedAt.IsZero() {
				t.Errorf("member %+v", m)
			}
		}
		return found
	}
	all := []string{cedar.admin.Email, cedar.analyst.Email, cedar.owner.Email, cedar.second.Email, cedar.viewer.Email}
	slices.Sort(all)
	reversed := slices.Clone(all)
	slices.Reverse(reversed)
	search := func(words string) models.List[models.MemberOrderField] {
		return models.List[models.MemberOrderField]{Search: words}
	}
	for name, c := range map[string]struct {
		filter models.MemberFilter
		list   models.List[models.MemberOrderField]
		want   []string
	}{
		"everybody":       {want: all},
		"analysts":        {filter: models.MemberFilter{Role: new(models.RoleAnalyst)}, want: []string{cedar.analyst.Email}},
		"inactive":        {filter: models.MemberFilter{IsActive: new(false)}, want: []string{cedar.second.Email}},
		"active owners":   {filter: models.MemberFilter{Role: new(models.RoleOwner), IsActive: new(true)}, want: []string{cedar.owner.Email}},
		"search":          {list: search("CEDAR.test, viewer"), want: []string{cedar.viewer.Email}},
		"search of other": {list: search("harbor"), want: nil},
		"descending": {list: models.List[models.MemberOrderField]{
			OrderBy: []models.MemberOrder{{Field: models.MemberOrderEmail, Direction: models.Descending}},
		}, want: reversed},
	} {
		if diff := cmp.Diff(c.want, ask(c.filter, c.list)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
	theirs := harbor.id(t, harbor.viewer)
	if _, err := w.Store.Member(t.Context(), cedar.owner, theirs); models.CodeOf(err) != models.CodeNotFound {
		t.Errorf("another customer's member: %v", err)
	}
	own := cedar.id(t, cedar.viewer)
	found := must(w.Store.MembersByID(t.Context(), cedar.admin, []models.MembershipID{own, theirs}))(t)
	if len(found) != 1 || found[own] == nil || found[own].Role != models.RoleViewer {
		t.Errorf("by identifier: %v", found)
	}
}

// Who may give which role to whom: the matrix of the domain, tried in full.
func TestChangeMemberRole_Matrix(t *testing.T) {
	t.Parallel()
	w := factory.New(t)
	senior := func(r models.Role) bool { return r == models.RoleOwner || r == models.RoleAdmin }
	for i, acting := range append(models.Role("").Values(), "superuser", "system") {
		tenant := w.Tenant(fmt.Sprintf("clinic-%d", i))
		tenant.User(models.RoleOwner) // so that no target is the last one
		actor := models.Viewer{Superuser: true, UserID: models.UserID{}.From(uuid.New()), CustomerID: tenant.Customer.ID, Email: "root"}
		switch acting {
		case "superuser":
			actor.UserID = must(w.Store.CreateUser(t.Context(), models.CustomerID{}, models.NewUser{Email: "root@upstream.test", PasswordHash: "x", Superuser: true}))(t).ID
		case "system":
			actor = tenant.System()
		default:
			actor = tenant.User(models.Role(acting))
		}
		top := acting == "owner" || acting == "superuser" || acting == "system"
		for _, from := range models.Role("").Values() {
			for _, to := range models.Role("").Values() {
				target := memberOf(t, tenant, tenant.User(models.Role(from)))
				_, err := w.Store.ChangeMemberRole(t.Context(), actor, models.RoleChange{ID: target.ID, Role: models.Role(to), ExpectedVersion: &target.Version})
				may := top || acting == "admin" && !senior(models.Role(from)) && !senior(models.Role(to))
				if may != (err == nil) || err != nil && models.CodeOf(err) != models.CodeForbidden {
					t.Errorf("%s makes %s %s: %v", acting, from, to, err)
				}
				if got := must(w.Store.Member(t.Context(), tenant.System(), target.ID))(t); may && string(got.Role) != to || !may && *got != *target {
					t.Errorf("%s makes %s %s: is %+v", acting, from, to, got)
				}
				err = w.Store.RemoveMember(t.Context(), actor, models.Removal{ID: target.ID})
				mayRemove := top || acting == "admin" && !senior(models.Role(from))
				if mayRemove != (err == nil) || err != nil && models.CodeOf(err) != models.CodeForbidden {
					t.Errorf("%s removes %s: %v", acting, from, err)
				}
			}
		}
	}
}

// Each refusal in the order of the domain: of two that apply the earlier answers.
func TestChangeMemberRole_OrderOfRefusals(t *testing.T) {
	t.Parallel()
	w := factory.New(t)
	cedar, harbor := newStaff(w, "cedar"), newStaff(w, "harbor")
	if err := w.Store.RemoveMember(t.Context(), cedar.owner, models.Removal{ID: cedar.id(t, cedar.second)}); err != nil {
		t.Fatal(err)
	}
	owner, analyst, foreign := cedar.id(t, cedar.owner), cedar.id(t, cedar.analyst), harbor.id(t, harbor.viewer)
	nobody := models.MembershipID{}.From(uuid.New())
	for _, c := range []struct {
		name  string
		as    models.Viewer
		id    models.MembershipID
		role  models.Role
		stale bool
		want  models.Code
		says  string
	}{
		{"anonymous about the last owner", models.Viewer{CustomerID: cedar.Customer.ID}, owner, "emperor", true, models.CodeUnauthenticated, ""},
		{"an analyst about the last owner", cedar.analyst, owner, models.RoleOwner, true, models.CodeForbidden, "manage_users"},
		{"a role that is none", cedar.admin, owner, "emperor", true, models.CodeValidation, "role"},
		{"an admin assigns admin to an owner", cedar.admin, owner, models.RoleAdmin, true, models.CodeForbidden, "make somebody"},
		{"an admin assigns owner to nobody", cedar.admin, nobody, models.RoleOwner, true, models.CodeForbidden, "make somebody"},
		{"an admin about nobody", cedar.admin, nobody, models.RoleViewer, true, models.CodeNotFound, "member"},
		{"an owner about another customer's", cedar.owner, foreign, models.RoleViewer, false, models.CodeNotFound, "member"},
		{"an admin about the last owner", cedar.admin, owner, models.RoleViewer, true, models.CodeForbidden, "change or remove"},
		{"a stale version of the last owner", cedar.owner, owner, models.RoleViewer, true, models.CodeStale, "version"},
		{"the last owner", cedar.owner, owner, models.RoleViewer, false, models.CodeConflict, "role:last_owner"},
		{"the last owner, by the program", cedar.System(), owner, models.RoleAdmin, false, models.CodeConflict, "role:last_owner"},
		{"a stale version", cedar.admin, analyst, models.RoleViewer, true, models.CodeStale, "version"},
	} {
		in := models.RoleChange{ID: c.id, Role: c.role}
		if c.stale {
			in.ExpectedVersion = new(int64(99))
		}
		_, err := w.Store.ChangeMemberRole(t.Context(), c.as, in)
		e := wantCode(t, err, c.want)
		if !strings.Contains(e.Error()+strings.Join(fieldPaths(e), " "), c.says) {
			t.Errorf("%s: %v", c.name, err)
		}
	}
	for _, c := range []struct {
		name string
		as   models.Viewer
		id   models.MembershipID
		want models.Code
		says string
	}{
		{"anonymous", models.Viewer{}, owner, models.CodeUnauthenticated, ""},
		{"a viewer", cedar.viewer, owner, models.CodeForbidden, "manage_users"},
		{"another customer's", cedar.owner, foreign, models.CodeNotFound, "member"},
		{"an admin about the last owner", cedar.admin, owner, models.CodeConflict, "id:last_owner"},
		{"the last owner about themselves", cedar.owner, owner, models.CodeConflict, "id:last_owner"},
		{"an admin about themselves, stale", cedar.admin, cedar.id(t, cedar.admin), models.CodeForbidden, "change or remove"},
		{"a stale version", cedar.owner, analyst, models.CodeStale, "version"},
	} {
		err := w.Store.RemoveMember(t.Context(), c.as, models.Removal{ID: c.id, ExpectedVersion: new(int64(99))})
		e := wantCode(t, err, c.want)
		if !strings.Contains(e.Error()+strings.Join(fieldPaths(e), " "), c.says) {
			t.Errorf("removing, %s: %v", c.name, err)
		}
	}
	if n := factory.Query[int](cedar.Tenant, `SELECT count(*) FROM memberships`); n != 4 {
		t.Errorf("%d members are left of 4", n)
	}
	if n := factory.Query[int](cedar.Tenant, `SELECT count(*) FROM audit_events WHERE action = 'role_changed'`); n != 0 {
		t.Errorf("%d refused changes were audited as made", n)
	}
}

// An owner who cannot sign in does not count as one who remains.
func TestLastOwner_CountsActiveUsers(t *testing.T) {
	t.Parallel()
	w := factory.New(t)
	cedar := newStaff(w, "cedar")
	deactivate(t, w, cedar.second.UserID)
	_, err := w.Store.ChangeMemberRole(t.Context(), cedar.owner, models.RoleChange{ID: cedar.id(t, cedar.owner), Role: models.RoleAdmin})
	wantCode(t, err, models.CodeConflict)
	wantCode(t, w.Store.RemoveMember(t.Context(), cedar.System(), models.Removal{ID: cedar.id(t, cedar.owner)}), models.CodeConflict)
	if err := w.Store.RemoveMember(t.Context(), cedar.owner, models.Removal{ID: cedar.id(t, cedar.second)}); err != nil {
		t.Errorf("an owner who cannot sign in: %v", err)
	}
}

func TestMembers_AreAudited(t *testing.T) {
	t.Parallel()
	w := factory.New(t)
	cedar := newStaff(w, "cedar")
	target := memberOf(t, cedar.Tenant, cedar.analyst)
	for range 2 { // the second time nothing changes
		m := must(w.Store.ChangeMemberRole(t.Context(), cedar.admin, models.RoleChange{ID: target.ID, Role: models.RoleViewer}))(t)
		if m.Role != models.RoleViewer || m.Version != target.Version+1 {
			t.Errorf("changed to %+v", m)
		}
	}
	if err := w.Store.RemoveMember(t.Context(), cedar.owner, models.Removal{ID: target.ID, ExpectedVersion: new(target.Version + 1)}); err != nil {
		t.Fatal(err)
	}
	lines := must(w.Store.AuditEvents(t.Context(), cedar.owner, models.AuditEventFilter{EntityID: new(target.ID.String())}, everyRow[models.AuditEventOrderField]()))(t)
	got := map[string]string{}
	for _, e := range lines.Items {
		got[e.Action] = fmt.Sprintf("%s %s %s %s", e.Actor, e.Before, e.After, e.Metadata)
	}
	user := target.UserID.String()
	want := map[string]string{
		"member_added":   `system  {"role": "analyst", "user_id": "` + user + `"} {}`,
		"role_changed":   cedar.admin.Email + ` {"role": "analyst"} {"role": "viewer"} {"user": "` + user + `"}`,
		"member_removed": cedar.owner.Email + ` {"role": "viewer", "user_id": "` + user + `"}  {}`,
	}
	if diff := cmp.Diff(want, got); diff != "" || len(lines.Items) != len(want) {
		t.Errorf("%d lines (-want +got):\n%s", len(lines.Items), diff)
	}
}

// Two owners who demote each other at once: exactly one succeeds, be there a
// third owner or not, and whichever way each of them goes about it.
func TestOwners_DemoteEachOther(t *testing.T) {
	t.Parallel()
	w := factory.New(t)
	for round := range 40 {
		tenant := w.Tenant(fmt.Sprintf("clinic-%d", round))
		owners := []models.Viewer{tenant.User(models.RoleOwner), tenant.User(models.RoleOwner)}
		left := 1
		if round%2 == 1 {
			tenant.User(models.RoleOwner)
			left = 2
		}
		ids := []models.MembershipID{memberOf(t, tenant, owners[0]).ID, memberOf(t, tenant, owners[1]).ID}
		errs := make([]error, 2)
		start := make(chan struct{})
		var wg sync.WaitGroup
		for i := range owners {
			wg.Go(func() {
				<-start
				if (round+i)%4 == 3 {
					errs[i] = w.Store.RemoveMember(t.Context(), owners[i], models.Removal{ID: ids[1-i]})
					return
				}
				role := []models.Role{models.RoleAdmin, models.RoleViewer}[round/4%2]
				_, errs[i] = w.Store.ChangeMemberRole(t.Context(), owners[i], models.RoleChange{ID: ids[1-i], Role: role})
			})
		}
		close(start)
		wg.Wait()
		failed := errs[0]
		if failed == nil {
			failed = errs[1]
		}
		if (errs[0] == nil) == (errs[1] == nil) || !slices.Contains([]models.Code{models.CodeForbidden, models.CodeConflict}, models.CodeOf(failed)) {
			t.Fatalf("round %d: %v and %v", round, errs[0], errs[1])
		}
		if n := factory.Query[int](tenant, `SELECT count(*) FROM memberships WHERE role = 'owner'`); n != left {
			t.Fatalf("round %d: %d owners are left, want %d", round, n, left)
		}
	}
}

// A change of members that waits holds up nobody who adds rows to the customer.
func TestLockMembers_LetsInsertsPass(t *testing.T) {
	t.Parallel()
	w := factory.New(t)
	cedar := newStaff(w, "cedar")
	tx := must(w.DB.App.Begin(t.Context()))(t)
	defer func() { _ = tx.Rollback(t.Context()) }()
	if err := within(tx, cedar.Customer.ID); err != nil {
		t.Fatal(err)
	}
	must(tx.Exec(t.Context(), `SELECT pg_advisory_xact_lock(hashtextextended('upstream.members:' || $1::text, 0))`, cedar.Customer.ID.UUID().String()))(t)
	done := make(chan error, 1)
	id := cedar.id(t, cedar.viewer)
	go func() {
		_, err := w.Store.ChangeMemberRole(t.Context(), cedar.owner, models.RoleChange{ID: id, Role: models.RoleAnalyst})
		done <- err
	}()
	for blocked := 0; blocked == 0; {
		err := w.DB.Owner.QueryRow(t.Context(), `SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted
			AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`).Scan(&blocked)
		if err != nil {
			t.Fatal(err)
		}
	}
	cedar.User(models.RoleAnalyst) // refers to the customer's row
	cedar.Insert(cedar.UploadRow())
	select {
	case err := <-done:
		t.Fatalf("the change did not wait: %v", err)
	default:
	}
	if err := tx.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := <-done; err != nil {
		t.Error(err)
	}
}

func TestCustomers(t *testing.T) {
	t.Parallel()
	w := factory.New(t)
	cedar, harbor := newStaff(w, "cedar"), newStaff(w, "harbor")
	root := models.Viewer{Email: "root@upstream.test", Superuser: true}
	root.UserID = must(w.Store.CreateUser(t.Context(), models.CustomerID{}, models.NewUser{Email: root.Email, PasswordHash: "x", Superuser: true}))(t).ID
	key := models.Viewer{KeyID: models.APIKeyID{}.From(uuid.New()), CustomerID: cedar.Customer.ID}
	slugs := func(v models.Viewer, f models.CustomerFilter) []string {
		var found []string
		for _, c := range must(w.Store.Customers(t.Context(), v, f, everyRow[models.CustomerOrderField]()))(t).Items {
			found = append(found, c.Slug)
		}
		return found
	}
	entered := root
	entered.CustomerID = harbor.Customer.ID
	for name, c := range map[string]struct {
		viewer models.Viewer
		filter models.CustomerFilter
		want   []string
	}{
		"a member":                     {viewer: cedar.viewer, want: []string{"cedar"}},
		"a member who names another":   {viewer: cedar.owner, filter: models.CustomerFilter{Slug: new("harbor")}},
		"a key":                        {viewer: key, want: []string{"cedar"}},
		"a superuser":                  {viewer: root, want: []string{"cedar", "harbor"}},
		"a superuser within one":       {viewer: entered, want: []string{"cedar", "harbor"}},
		"a superuser who searches one": {viewer: root, filter: models.CustomerFilter{Name: new("HARB")}, want: []string{"harbor"}},
		"a command":                    {viewer: cedar.System(), want: []string{"cedar"}},
	} {
		if diff := cmp.Diff(c.want, slugs(c.viewer, c.filter)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
	ids := []models.CustomerID{cedar.Customer.ID, harbor.Customer.ID, models.CustomerID{}.From(uuid.New())}
	for name, c := range map[string]struct {
		viewer models.Viewer
		want   []models.Code
	}{
		"a member":    {cedar.viewer, []models.Code{"", models.CodeNotFound, models.CodeNotFound}},
		"a key":       {key, []models.Code{"", models.CodeNotFound, models.CodeNotFound}},
		"a superuser": {root, []models.Code{"", "", models.CodeNotFound}},
		"nobody":      {models.Viewer{}, []models.Code{models.CodeUnauthenticated, models.CodeUnauthenticated, models.CodeUnauthenticated}},
	} {
		for i, id := range ids {
			got, err := w.Store.CustomerByID(t.Context(), c.viewer, id)
			if c.want[i] != "" {
				wantCode(t, err, c.want[i])
			} else if err != nil || got.ID != id {
				t.Errorf("%s: %v, %v", name, got, err)
			}
		}
	}
	if _, err := w.Store.Customers(t.Context(), models.Viewer{}, models.CustomerFilter{}, everyRow[models.CustomerOrderField]()); models.CodeOf(err) != models.CodeUnauthenticated {
		t.Errorf("nobody: %v", err)
	}
	// Three lists and three look-ups of the superuser, each on the platform's chain.
	tx := must(w.DB.Owner.Begin(t.Context()))(t)
	defer func() { _ = tx.Rollback(t.Context()) }()
	must(tx.Exec(t.Context(), `SELECT set_config('app.system', 'on', true)`))(t)
	var lines int
	err := tx.QueryRow(t.Context(), `SELECT count(*) FROM audit_events WHERE customer_id IS NULL AND action = 'customers_viewed'
		AND actor_type = 'superuser' AND user_id = $1`, root.UserID.UUID().String()).Scan(&lines)
	if err != nil || lines != 6 {
		t.Errorf("%d lines in the platform's log, want 6 (%v)", lines, err)
	}
}
