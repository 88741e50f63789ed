package auth_test

import (
	"context"
	"strings"
	"sync"
	"testing"
	"time"

	"upstream/internal/auth"
	"upstream/models"
	"upstream/store"
)

// invite invites an address to a customer and answers with the secret of the
// link, as the mail would.
func (f *fixture) invite(t *testing.T, customer models.CustomerID, email string, role models.Role) (string, models.InvitationID) {
	t.Helper()
	row, err := f.store.InviteMember(t.Context(), models.SystemViewer(customer), models.NewInvitation{Email: email, Role: role})
	if err != nil {
		t.Fatal(err)
	}
	return f.linkOf(t, customer, row.ID), row.ID
}

func (f *fixture) linkOf(t *testing.T, customer models.CustomerID, id models.InvitationID) string {
	t.Helper()
	letter, err := f.store.InvitationLetter(t.Context(), models.InvitationMailJob{CustomerID: customer, InvitationID: id})
	if err != nil {
		t.Fatal(err)
	}
	return string(letter.Token)
}

// accept uses a link with a password, or without when it is empty.
func (f *fixture) accept(t *testing.T, token, password string) (*models.Joined, error) {
	t.Helper()
	in := auth.Acceptance{Token: token, FirstName: "Grace", LastName: "Okafor"}
	if password != "" {
		in.Password = &password
	}
	return f.AcceptInvitation(context.WithoutCancel(t.Context()), in)
}

// wantDead fails unless the error is that of a link that is no good.
func wantDead(t *testing.T, what string, err error) {
	t.Helper()
	e := models.AsError(err)
	if err == nil || e.Code != models.CodeValidation || len(e.Fields) != 1 || e.Fields[0] != (models.FieldError{
		Path: "token", Code: "invalid", Message: "is unknown, was used, revoked or replaced, or has expired: ask whoever invited you for another one",
	}) {
		t.Errorf("%s: %v: %+v", what, err, e)
	}
}

// wantAbout fails unless the error is about the password, in this word.
func wantAbout(t *testing.T, code string, err error) {
	t.Helper()
	e := models.AsError(err)
	if err == nil || e.Code != models.CodeValidation || len(e.Fields) == 0 || e.Fields[0].Path != "password" || e.Fields[0].Code != code {
		t.Errorf("want password %s: %v", code, err)
	}
}

func TestAcceptInvitation_MakesAnAccount(t *testing.T) {
	t.Parallel()
	f := setup(t)
	token, _ := f.invite(t, f.cedar.ID, "grace@cedar.test", models.RoleAnalyst)
	_, err := f.accept(t, token, "")
	wantAbout(t, "required", err)
	for code, bad := range map[string]string{"too_short": "short", "too_common": "passwordpassword", "too_similar": "grace@cedar.test!", "too_long": strings.Repeat("x", 2000)} {
		_, err := f.accept(t, token, bad)
		wantAbout(t, code, err)
	}
	for _, in := range []auth.Acceptance{{FirstName: "a\x00b"}, {LastName: strings.Repeat("n", 151)}} {
		in.Token, in.Password = token, new(newPassword)
		_, err := f.AcceptInvitation(t.Context(), in)
		wantCode(t, err, models.CodeValidation)
	}
	joined, err := f.accept(t, token, newPassword)
	if err != nil {
		t.Fatal(err)
	}
	if want := (models.Joined{Customer: f.cedar.Name, Email: "grace@cedar.test", Role: models.RoleAnalyst}); *joined != want {
		t.Errorf("joined %+v, want %+v", *joined, want)
	}
	if _, err := f.SignIn(t.Context(), "grace@cedar.test", newPassword, ""); err != nil {
		t.Error(err)
	}
	account, err := f.store.AccountByEmail(t.Context(), "grace@cedar.test")
	if err != nil || account.User.FirstName != "Grace" || account.User.LastName != "Okafor" || account.User.IsSuperuser ||
		len(account.Memberships) != 1 || account.Memberships[0].Role != models.RoleAnalyst || account.Memberships[0].CustomerID != f.cedar.ID {
		t.Errorf("%+v, %v", account, err)
	}
	_, err = f.accept(t, token, newPassword)
	wantDead(t, "used", err)
}

func TestAcceptInvitation_AddsAMembership(t *testing.T) {
	t.Parallel()
	f := setup(t)
	f.user(t, "ann@harbor.test", f.harbor.ID, models.RoleOwner)
	before, err := f.store.AccountByEmail(t.Context(), "ann@harbor.test")
	if err != nil {
		t.Fatal(err)
	}
	session := f.signIn(t, "ann@harbor.test")
	token, _ := f.invite(t, f.cedar.ID, "Ann@HARBOR.test", models.RoleViewer)
	_, err = f.accept(t, token, newPassword)
	wantAbout(t, "not_allowed", err)
	joined, err := f.accept(t, token, "")
	if err != nil {
		t.Fatal(err)
	}
	if want := (models.Joined{Customer: f.cedar.Name, Email: "ann@harbor.test", Role: models.RoleViewer, Registered: true}); *joined != want {
		t.Errorf("joined %+v, want %+v", *joined, want)
	}
	after, err := f.store.AccountByEmail(t.Context(), "ann@harbor.test")
	if err != nil || after.User.PasswordHash != before.User.PasswordHash || after.User.FirstName != before.User.FirstName || len(after.Memberships) != 2 {
		t.Errorf("%+v, %v", after, err)
	}
	if err := f.Verify(t.Context(), session.Access); err != nil {
		t.Errorf("the session of before: %v", err)
	}
	if _, err := f.SignIn(t.Context(), "ann@harbor.test", password, f.cedar.Slug); err != nil {
		t.Error(err)
	}
}

func TestAcceptInvitation_LinksThatAreNoGood(t *testing.T) {
	t.Parallel()
	f := setup(t)
	system := models.SystemViewer(f.cedar.ID)
	revoked, id := f.invite(t, f.cedar.ID, "revoked@cedar.test", models.RoleViewer)
	if _, err := f.store.RevokeInvitation(t.Context(), system, id, nil); err != nil {
		t.Fatal(err)
	}
	resent, id := f.invite(t, f.cedar.ID, "resent@cedar.test", models.RoleViewer)
	if _, err := f.store.ResendInvitation(t.Context(), system, id, nil); err != nil {
		t.Fatal(err)
	}
	fresh := f.linkOf(t, f.cedar.ID, id)
	gone := f.user(t, "gone@harbor.test", f.harbor.ID, models.RoleOwner)
	deactivated, _ := f.invite(t, f.cedar.ID, "gone@harbor.test", models.RoleViewer)
	f.exec(t, `UPDATE users SET is_active = false WHERE id = $1`, gone.ID.UUID())
	f.user(t, "root@upstream.test", models.CustomerID{}, "")
	superuser, _ := f.invite(t, f.cedar.ID, "root@upstream.test", models.RoleOwner)
	member, _ := f.invite(t, f.cedar.ID, "bob@cedar.test", models.RoleOwner)
	f.user(t, "bob@cedar.test", f.cedar.ID, models.RoleViewer) // by the operator, meanwhile
	for name, token := range map[string]string{
		"revoked": revoked, "sent again": resent, "of somebody deactivated": deactivated, "of a superuser": superuser, "of a member": member,
		"unknown": "k4sXo1u0mB3n6cYwq9fT2hZ8vR5eJ7dLaPgUiOxWtNs", "empty": "", "not text": "\x00\xff", "long": strings.Repeat("x", 60_000),
	} {
		for _, password := range []string{"", newPassword} {
			_, err := f.accept(t, token, password)
			wantDead(t, name, err)
		}
	}
	bob, err := f.store.AccountByEmail(t.Context(), "bob@cedar.test")
	if err != nil || bob.Memberships[0].Role != models.RoleViewer {
		t.Errorf("a link has changed a member: %+v, %v", bob, err)
	}
	late, _ := f.invite(t, f.cedar.ID, "late@cedar.test", models.RoleViewer)
	f.clock.advance(store.InvitationTTL - time.Microsecond)
	if _, err := f.accept(t, fresh, newPassword); err != nil {
		t.Errorf("just before its end: %v", err)
	}
	f.clock.advance(time.Microsecond)
	_, err = f.accept(t, late, newPassword)
	wantDead(t, "expired", err)
}

// Of many acceptances of one link one wins; so does one of two links by which
// two customers invite one new address, and the other joins the account.
func TestAcceptInvitation_OneWins(t *testing.T) {
	t.Parallel()
	f := setup(t)
	token, _ := f.invite(t, f.cedar.ID, "grace@cedar.test", models.RoleAnalyst)
	other, _ := f.invite(t, f.harbor.ID, "grace@cedar.test", models.RoleViewer)
	var group sync.WaitGroup
	type outcome struct{ token, password string }
	won := make(chan outcome, 8)
	for i := range cap(won) {
		group.Go(func() {
			mine := outcome{[]string{token, other}[i%2], newPassword + strings.Repeat("!", i)}
			switch _, err := f.accept(t, mine.token, mine.password); {
			case err == nil:
				won <- mine
			case models.CodeOf(err) != models.CodeValidation:
				t.Errorf("%d: %v", i, err)
			}
		})
	}
	group.Wait()
	close(won)
	if len(won) != 1 { // who comes second brings a password, which the account has already
		t.Fatalf("%d acceptances won", len(won))
	}
	first := <-won
	if _, err := f.SignIn(t.Context(), "grace@cedar.test", first.password, ""); err != nil {
		t.Errorf("the winner's password does not sign in: %v", err)
	}
	left := map[string]string{token: other, other: token}[first.token]
	if joined, err := f.accept(t, left, ""); err != nil || !joined.Registered {
		t.Errorf("the other customer's link: %+v, %v", joined, err)
	}
	account, err := f.store.AccountByEmail(t.Context(), "grace@cedar.test")
	if err != nil || len(account.Memberships) != 2 {
		t.Errorf("%+v, %v", account, err)
	}
}

// Who has no good link costs no hashing, whatever they send.
func TestAcceptInvitation_StrangersAreCheap(t *testing.T) {
	t.Parallel()
	f := setup(t)
	lines := f.audited(t, "member_added")
	ctx, stats := store.WithStats(t.Context())
	_, err := f.AcceptInvitation(ctx, auth.Acceptance{Token: "x", Password: new(newPassword)})
	wantDead(t, "unknown", err)
	if n := stats.Statements(); n > 4 { // to begin, to bind, to look, to end
		t.Errorf("%d statements", n)
	}
	if f.audited(t, "member_added") != lines {
		t.Error("a refusal is audited as a member")
	}
}
