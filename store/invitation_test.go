package store_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"upstream/internal/factory"
	"upstream/models"
	"upstream/store"
)

// doorway is a customer that invites, on a clock that can be moved.
type doorway struct {
	staff

	store *store.Store
	now   atomic.Int64
}

func newDoorway(t *testing.T) *doorway {
	t.Helper()
	w := factory.New(t)
	d := &doorway{staff: newStaff(w, "cedar")}
	d.store = w.StoreWith(w.DB.App, store.Options{Now: func() time.Time { return factory.Now().Add(time.Duration(d.now.Load())) }})
	return d
}

func (d *doorway) advance(by time.Duration) { d.now.Add(int64(by)) }

func (d *doorway) invite(t tester, v models.Viewer, email string, role models.Role) *models.Invitation {
	t.Helper()
	return must(d.store.InviteMember(context.Background(), v, models.NewInvitation{Email: email, Role: role}))(t)
}

// link is the secret that would be mailed; nil when nothing would.
func (d *doorway) link(t tester, id models.InvitationID) []byte {
	t.Helper()
	letter, err := d.store.InvitationLetter(context.Background(), models.InvitationMailJob{CustomerID: d.Customer.ID, InvitationID: id})
	if err != nil && models.CodeOf(err) == models.CodeNotFound {
		return nil
	}
	return must(letter, err)(t).Token
}

func (d *doorway) accept(token []byte) (*models.Joined, error) {
	return d.store.AcceptInvitation(context.Background(), models.Viewer{RequestID: "req-9", RemoteAddr: "192.0.2.9"},
		models.Acceptance{Token: hashOf(string(token)), PasswordHash: "x"})
}

func (d *doorway) status(t tester, id models.InvitationID) models.InvitationStatus {
	t.Helper()
	return must(d.store.Invitation(context.Background(), d.System(), id))(t).Status
}

func TestInvitation_Life(t *testing.T) {
	t.Parallel()
	d := newDoorway(t)
	row := d.invite(t, d.admin, " Grace@guests.test ", models.RoleAnalyst)
	equal(t, "address", "Grace@guests.test", row.Email)
	equal(t, "inviter", d.admin.UserID.String(), row.InvitedBy.String())
	equal(t, "end", factory.Now().Add(7*24*time.Hour), row.ExpiresAt)
	equal(t, "status", models.InvitationPending, d.status(t, row.ID))
	old := d.link(t, row.ID)
	d.advance(8 * 24 * time.Hour)
	equal(t, "status after a week", models.InvitationExpired, d.status(t, row.ID))
	if d.link(t, row.ID) != nil {
		t.Error("an expired link is mailed")
	}
	again := must(d.store.ResendInvitation(t.Context(), d.owner, row.ID, nil))(t)
	equal(t, "status once sent again", models.InvitationPending, again.Status)
	equal(t, "version", row.Version+1, again.Version)
	fresh := d.link(t, row.ID)
	_, err := d.accept(old)
	wantCode(t, err, models.CodeNotFound)
	must(d.accept(fresh))(t)
	equal(t, "status in the end", models.InvitationAccepted, d.status(t, row.ID))
	equal(t, "log", "member_invited invitation_resent member_added", strings.Join(slices.DeleteFunc(
		strings.Fields(actions(t, d.Tenant)), func(a string) bool { return !strings.Contains(a, "invit") && a != "member_added" })[5:], " "))
	added := "member_added"
	all := lines(t, d.Tenant, models.AuditEventFilter{Action: &added})
	line := all[len(all)-1]
	if line.Actor != "Grace@guests.test" || line.ActorType != models.ActorUser || *line.RequestID != "req-9" ||
		!strings.Contains(string(line.Metadata), row.ID.String()) {
		t.Errorf("audited %+v %s", line, line.Metadata)
	}
}

func TestInvitation_LeavesNoSecretBehind(t *testing.T) {
	t.Parallel()
	d := newDoorway(t)
	row := d.invite(t, d.owner, "grace@guests.test", models.RoleViewer)
	token := d.link(t, row.ID)
	sealed := func() bool {
		return factory.Query[bool](d.Tenant, `SELECT count(token_sealed) > 0 FROM invitations`)
	}
	found := factory.Query[bool](d.Tenant, `SELECT EXISTS (SELECT FROM invitations i WHERE position(convert_to(?0, 'UTF8') in i.token_sealed) > 0)
		OR EXISTS (SELECT FROM (SELECT i::text AS text FROM invitations i
			UNION ALL SELECT a::text FROM audit_events a UNION ALL SELECT j::text FROM river.river_job j) AS everything
			WHERE position(?0 in text) > 0)`, string(token))
	if found || !sealed() {
		t.Errorf("the secret can be read: %v, sealed: %v", found, sealed())
	}
	job := models.InvitationMailJob{CustomerID: d.Customer.ID, InvitationID: row.ID}
	if err := d.store.InvitationMailed(t.Context(), job, []byte("the link of before")); err != nil || !sealed() {
		t.Errorf("the mail of another link: %v", err)
	}
	if err := d.store.InvitationMailed(t.Context(), job, token); err != nil || sealed() || d.link(t, row.ID) != nil {
		t.Errorf("the sealed secret outlives its mail: %v", err)
	}
	must(d.accept(token))(t)
	late := d.invite(t, d.owner, "late@guests.test", models.RoleViewer)
	d.advance(store.InvitationTTL - time.Microsecond)
	equal(t, "forgotten too early", int64(0), must(d.store.PurgeInvitations(t.Context()))(t))
	d.advance(time.Microsecond)
	equal(t, "forgotten", int64(1), must(d.store.PurgeInvitations(t.Context()))(t))
	equal(t, "status", models.InvitationExpired, d.status(t, late.ID))
	if sealed() {
		t.Error("the secret of an expired link is kept")
	}
}

// One address has one open invitation; who was invited long ago can be anew.
func TestInvitation_OneOpenForAnAddress(t *testing.T) {
	t.Parallel()
	d := newDoorway(t)
	first := d.invite(t, d.owner, "grace@guests.test", models.RoleViewer)
	again := models.NewInvitation{Email: "GRACE@guests.test", Role: models.RoleAnalyst}
	_, err := d.store.InviteMember(t.Context(), d.owner, again)
	wantCode(t, err, models.CodeConflict)
	equal(t, "existing", first.ID.String(), models.AsError(err).ExistingID)
	d.advance(store.InvitationTTL)
	second := must(d.store.InviteMember(t.Context(), d.owner, again))(t)
	equal(t, "the first", models.InvitationExpired, d.status(t, first.ID))
	_, err = d.store.ResendInvitation(t.Context(), d.owner, first.ID, nil)
	wantCode(t, err, models.CodeConflict)
	must(d.accept(d.link(t, second.ID)))(t)
	_, err = d.store.InviteMember(t.Context(), d.owner, again)
	wantCode(t, err, models.CodeConflict)
	equal(t, "existing", memberOf(t, d.Tenant, models.Viewer{UserID: must(d.store.AccountByEmail(t.Context(), again.Email))(t).User.ID}).ID.String(),
		models.AsError(err).ExistingID)
}

func TestInvitation_ManyAtTheSameTime(t *testing.T) {
	t.Parallel()
	d := newDoorway(t)
	var invited atomic.Int64
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			switch _, err := d.store.InviteMember(context.Background(), d.owner, models.NewInvitation{Email: "grace@guests.test", Role: models.RoleViewer}); {
			case err == nil:
				invited.Add(1)
			case models.CodeOf(err) != models.CodeConflict:
				t.Error(err)
			}
		})
	}
	wg.Wait()
	equal(t, "invitations", int64(1), invited.Load())
}

// The ranks of inviting are those of giving roles. What an owner or an admin
// has begun stands after they lost their own role, until somebody revokes it.
func TestInvitation_WhoMay(t *testing.T) {
	t.Parallel()
	d := newDoorway(t)
	senior := d.invite(t, d.owner, "senior@guests.test", models.RoleAdmin)
	for name, tt := range map[string]struct {
		v      models.Viewer
		senior models.Code
		junior models.Code
	}{
		"owner":   {d.owner, "", ""},
		"system":  {d.System(), "", ""},
		"admin":   {d.admin, models.CodeForbidden, ""},
		"analyst": {d.analyst, models.CodeForbidden, models.CodeForbidden},
		"viewer":  {d.viewer, models.CodeForbidden, models.CodeForbidden},
		"key":     {models.Viewer{KeyID: models.APIKeyID{}, Scopes: scopes(), CustomerID: d.Customer.ID}, models.CodeUnauthenticated, models.CodeUnauthenticated},
	} {
		for role, want := range map[models.Role]models.Code{
			models.RoleOwner: tt.senior, models.RoleAdmin: tt.senior, models.RoleAnalyst: tt.junior, models.RoleViewer: tt.junior,
		} {
			_, err := d.store.InviteMember(t.Context(), tt.v, models.NewInvitation{Email: name + "-" + string(role) + "@guests.test", Role: role})
			if (err == nil) != (want == "") || err != nil && models.CodeOf(err) != want {
				t.Errorf("%s invites an %s: %v", name, role, err)
			}
		}
		if tt.senior == "" {
			continue
		}
		_, resend := d.store.ResendInvitation(t.Context(), tt.v, senior.ID, nil)
		_, revoke := d.store.RevokeInvitation(t.Context(), tt.v, senior.ID, nil)
		for _, err := range []error{resend, revoke} {
			wantCode(t, err, tt.senior)
		}
	}
	must(d.store.ChangeMemberRole(t.Context(), d.second, models.RoleChange{ID: d.id(t, d.owner), Role: models.RoleViewer}))(t)
	_, err := d.store.InviteMember(t.Context(), d.owner, models.NewInvitation{Email: "late@guests.test", Role: models.RoleViewer})
	wantCode(t, err, models.CodeForbidden) // the tokens say owner, the members do not
	if joined := must(d.accept(d.link(t, senior.ID)))(t); joined.Role != models.RoleAdmin {
		t.Errorf("joined %+v", joined)
	}
}

// Whoever is removed has no link left to come back by.
func TestInvitation_EndsWithTheMember(t *testing.T) {
	t.Parallel()
	d := newDoorway(t)
	row := d.invite(t, d.owner, "grace@guests.test", models.RoleOwner)
	token := d.link(t, row.ID)
	user := must(d.store.CreateUser(t.Context(), d.Customer.ID, models.NewUser{Email: "grace@guests.test", PasswordHash: "x", Role: models.RoleViewer}))(t)
	_, err := d.store.ResendInvitation(t.Context(), d.owner, row.ID, nil)
	wantCode(t, err, models.CodeConflict)
	member := memberOf(t, d.Tenant, models.Viewer{UserID: user.ID})
	if err := d.store.RemoveMember(t.Context(), d.owner, models.Removal{ID: member.ID}); err != nil {
		t.Fatal(err)
	}
	equal(t, "status", models.InvitationRevoked, d.status(t, row.ID))
	_, err = d.store.AcceptInvitation(t.Context(), models.Viewer{}, models.Acceptance{Token: hashOf(string(token))})
	wantCode(t, err, models.CodeNotFound)
}

// An invitation whose job or audit line cannot be written does not exist.
func TestInvitation_IsAllOrNothing(t *testing.T) {
	t.Parallel()
	d := newDoorway(t)
	must(d.DB.Owner.Exec(t.Context(), `REVOKE INSERT ON river.river_job FROM upstream_app`))(t)
	_, err := d.store.InviteMember(t.Context(), d.owner, models.NewInvitation{Email: "grace@guests.test", Role: models.RoleViewer})
	wantCode(t, err, models.CodeInternal)
	equal(t, "invitations", 0, factory.Query[int](d.Tenant, `SELECT count(*) FROM invitations`))
}

// Below the use cases: whom an invitation invites, and as what, can be changed
// by nobody, and a system transaction can add none.
func TestInvitation_RowLevelSecurity(t *testing.T) {
	t.Parallel()
	d := newDoorway(t)
	d.invite(t, d.owner, "grace@guests.test", models.RoleViewer)
	row := rowOf(t, d.Tenant, "invitations")
	for _, statement := range []string{
		`UPDATE invitations SET role = 'owner'`, `UPDATE invitations SET email = 'mallory@guests.test'`, `UPDATE invitations SET invited_by = NULL`,
		`DELETE FROM invitations`, `TRUNCATE invitations`,
	} {
		for _, as := range []settings{{customer: d.Customer.ID}, {system: true}} {
			err := applyAs(t, d.DB, as, func(ctx context.Context, tx pgx.Tx) error {
				_, err := tx.Exec(ctx, statement)
				return err
			})
			if !isRefused(err) {
				t.Errorf("%s: %v", statement, err)
			}
		}
	}
	err := applyAs(t, d.DB, settings{system: true}, func(ctx context.Context, tx pgx.Tx) error { return insertCopy(ctx, tx, "invitations", row) })
	if !isRefused(err) {
		t.Errorf("a system transaction adds an invitation: %v", err)
	}
}

func TestInvitation_SecretsRotate(t *testing.T) {
	t.Parallel()
	d := newDoorway(t)
	old := d.StoreWith(d.DB.App, store.Options{Sealer: stamp{key: "old"}})
	row := must(old.InviteMember(t.Context(), d.owner, models.NewInvitation{Email: "grace@guests.test", Role: models.RoleViewer}))(t)
	both := d.StoreWith(d.DB.App, store.Options{Sealer: stamp{key: "new", retired: []string{"old"}}})
	for _, rotated := range must(both.RotateSecrets(t.Context()))(t) {
		if rotated.Table == "invitations" {
			equal(t, "rotation", models.RotatedSecrets{Table: "invitations", Column: "token_sealed", Secrets: 1, Resealed: 1}, rotated)
		}
	}
	fresh := d.StoreWith(d.DB.App, store.Options{Sealer: stamp{key: "new"}})
	job := models.InvitationMailJob{CustomerID: d.Customer.ID, InvitationID: row.ID}
	if letter, err := fresh.InvitationLetter(t.Context(), job); err != nil || len(letter.Token) != 43 { // 256 bits
		t.Errorf("%+v, %v", letter, errors.Unwrap(err))
	}
}
