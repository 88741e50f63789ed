package apitest

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"log/slog"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"upstream/internal/factory"
	"upstream/models"
	"upstream/store"
)

// invitations gives Cedar invitations of every state and role, two and two of
// the same instant, and Harbor one.
func (s *Server) invitations() {
	var ticks atomic.Int64
	start := time.Date(2026, time.June, 5, 8, 30, 0, 0, time.UTC)
	before := s.StoreWith(s.DB.App, store.Options{Now: func() time.Time {
		return start.Add(time.Duration(ticks.Load()/2) * 12 * time.Hour)
	}, Logger: slog.New(slog.DiscardHandler)})
	roles := models.Role("").Values()
	for i := range 18 {
		in := models.NewInvitation{
			Email: []string{"Grace", "alan_", "100%"}[i%3] + strconv.Itoa(i) + "@guests.test", Role: models.Role(roles[i%len(roles)]),
		}
		invited := must(before.InviteMember(s.Context(), s.Cedar.System(), in))(s)
		ticks.Add(1)
		switch i % 4 {
		case 1:
			_ = must(before.RevokeInvitation(s.Context(), s.Cedar.System(), invited.ID, nil))(s)
		case 2:
			s.accept(before, s.Cedar, invited.ID)
		default:
			s.known("invitation", invited.ID.String(), invited.ID.UUID())
		}
	}
	s.invited("harbor.invitation", s.Harbor)
}

// invited makes a pending invitation and names it.
func (s *Server) invited(name string, clinic *factory.Tenant) models.InvitationID {
	in := models.NewInvitation{Email: strings.ReplaceAll(name, ".", "-") + "@guests.test", Role: models.RoleViewer}
	id := must(s.Store.InviteMember(s.Context(), clinic.System(), in))(s).ID
	s.known(name, id.String(), id.UUID())
	return id
}

// accept uses the link of an invitation, as its mail tells it.
func (s *Server) accept(st *store.Store, clinic *factory.Tenant, id models.InvitationID) {
	letter := must(st.InvitationLetter(s.Context(), models.InvitationMailJob{CustomerID: clinic.Customer.ID, InvitationID: id}))(s)
	_ = must(st.AcceptInvitation(s.Context(), models.Viewer{}, models.Acceptance{Token: sha256.Sum256(letter.Token), PasswordHash: passwordHash}))(s)
}

func invitationList() list {
	return list{
		name: "invitations", path: "invitations/", parent: "Query", field: "invitations", key: "id", prefix: "inv", auditing: true,
		from: "(SELECT id, email, role, created_at, expires_at, CASE WHEN accepted_at IS NOT NULL THEN 'accepted' WHEN revoked_at IS NOT NULL THEN 'revoked' " +
			"WHEN expires_at <= '2026-06-15T12:00:00Z' THEN 'expired' ELSE 'pending' END AS status FROM invitations i) AS invitations",
		order: []string{"-created_at", "-id"}, tie: []string{"created_at", "id"}, search: []string{"email"},
		words: []string{"grace", "ALAN_ guests", "100%", "nothing like it"},
		filters: []probe{
			word("status", "status", "pending"), word("status", "status", "accepted"), word("status", "status", "revoked"), word("status", "status", "expired"),
			word("role", "role", "owner"), word("role", "role", "admin"), word("role", "role", "analyst"), word("role", "role", "viewer"),
		},
	}
}

// invitationFields is what changes of invitations answer with.
func invitationFields() string {
	return "{ userErrors { code message path reason existingId } invitation { " + selection("Invitation") + " } }"
}

// inviting is the case that invites an address.
func inviting(name, user, email, role string) write {
	return write{changes: []string{"audit_events", "audit_heads", "invitations"}, Case: Case{
		Name: name, As: Asker{User: user},
		REST: Call{Method: "POST", Path: "invitations/", Body: map[string]any{"email": email, "role": role}},
		GraphQL: Operation{
			Document:  "mutation($input: InviteMemberInput!) { inviteMember(input: $input) " + invitationFields() + " }",
			Variables: map[string]any{"input": map[string]any{"email": email, "role": strings.ToUpper(role)}},
			At:        "inviteMember.invitation", Type: "Invitation",
		},
	}}
}

// resending is the case that sends an invitation again.
func resending(name, user, id string) write {
	return write{changes: []string{"audit_events", "audit_heads", "invitations"}, Case: Case{
		Name: name, As: Asker{User: user}, REST: Call{Method: "POST", Path: "invitations/" + id + "/resend/"},
		GraphQL: Operation{
			Document:  "mutation($input: ResendInvitationInput!) { resendInvitation(input: $input) " + invitationFields() + " }",
			Variables: map[string]any{"input": map[string]any{"id": id}}, At: "resendInvitation.invitation", Type: "Invitation",
		},
	}}
}

// revoking is the case that revokes an invitation.
func revoking(name, user, id string) write {
	w := resending(name, user, id)
	w.REST = Call{Method: "DELETE", Path: "invitations/" + id + "/"}
	w.GraphQL.Document = "mutation($input: RevokeInvitationInput!) { revokeInvitation(input: $input) " + invitationFields() + " }"
	w.GraphQL.At, w.GraphQL.Silent = "revokeInvitation.invitation", true
	return w
}

// seedInvitations gives each of twins invitations to change.
func seedInvitations(s *Server) {
	for _, name := range []string{"first", "second", "third", "used"} {
		id := s.invited(name, s.Cedar)
		if name == "used" {
			s.accept(s.Store, s.Cedar, id)
		}
	}
	senior := must(s.Store.InviteMember(s.Context(), s.Cedar.System(), models.NewInvitation{Email: "senior@guests.test", Role: models.RoleAdmin}))(s)
	s.known("senior", senior.ID.String(), senior.ID.UUID())
	s.invited("harbor.invitation", s.Harbor)
}

// invitationChanges succeed one after another.
func invitationChanges() []write {
	byRoot := inviting("a superuser invites an owner", "root", "by-root@guests.test", "owner")
	byRoot.As.Customer = "{cedar}"
	again := revoking("revoke again", "cedar.admin", "{second}")
	again.changes = nil
	return []write{
		inviting("an owner invites an owner", "cedar.owner", "Owner.Two@guests.test", "owner"),
		inviting("an admin invites a viewer", "cedar.admin", " viewer.two@guests.test ", "viewer"),
		inviting("somebody of another customer is a stranger", "cedar.admin", "{harbor.viewer}", "analyst"),
		byRoot,
		resending("an admin sends again", "cedar.admin", "{first}"), resending("an owner sends an admin's again", "cedar.owner", "{senior}"),
		revoking("an admin revokes", "cedar.admin", "{second}"), again,
		inviting("a revoked address is free", "cedar.admin", "second@guests.test", "analyst"),
	}
}

// invitationRefusals leave everything as it is.
func invitationRefusals() []write {
	refused := func(w write, want models.Code, fields ...string) write {
		w.changes, w.Want, w.Fields = nil, want, fields
		return w
	}
	emperor := refused(inviting("as what is no role", "cedar.owner", "new@guests.test", "emperor"), models.CodeValidation, "role invalid")
	emperor.WordsOnly = true
	const none = "inv" + nowhere
	all := []write{
		refused(inviting("an admin invites an owner", "cedar.admin", "new@guests.test", "owner"), models.CodeForbidden),
		refused(inviting("an admin invites an admin who is a member", "cedar.admin", "{cedar.viewer}", "admin"), models.CodeForbidden),
		refused(inviting("what is no address", "cedar.admin", "nonsense", "viewer"), models.CodeValidation, "email invalid"),
		refused(inviting("a name beside the address", "cedar.admin", "Grace <grace@guests.test>", "viewer"), models.CodeValidation, "email invalid"),
		refused(inviting("an address of two lines", "cedar.admin", "a\nb@guests.test", "viewer"), models.CodeValidation, "email invalid"),
		emperor,
		refused(inviting("a member", "cedar.admin", "{cedar.viewer}", "viewer"), models.CodeConflict, "email taken"),
		refused(inviting("a pending address", "cedar.admin", "FIRST@guests.test", "viewer"), models.CodeConflict, "email taken"),
		refused(resending("an admin sends an admin's again", "cedar.admin", "{senior}"), models.CodeForbidden),
		refused(revoking("an admin revokes an admin's", "cedar.admin", "{senior}"), models.CodeForbidden),
		refused(resending("an accepted one again", "cedar.owner", "{used}"), models.CodeConflict),
		refused(revoking("an accepted one", "cedar.owner", "{used}"), models.CodeConflict),
		refused(resending("what has changed again", "cedar.owner", "{third}").at(99), models.CodeStale),
		refused(revoking("what has changed", "cedar.owner", "{third}").at(99), models.CodeStale),
	}
	for _, change := range []func(name, user, id string) write{resending, revoking} {
		all = append(all,
			refused(change("another customer's", "cedar.owner", "{harbor.invitation}"), models.CodeNotFound),
			refused(change("what is not there", "cedar.owner", none), models.CodeNotFound),
			refused(change("something else", "cedar.owner", "user"+nowhere), models.CodeValidation, "id invalid"),
		)
	}
	for _, user := range []string{"", "cedar.analyst", "cedar.viewer"} {
		want := models.CodeForbidden
		if user == "" {
			want = models.CodeUnauthenticated
		}
		all = append(all,
			refused(inviting("invited by "+user, user, "new@guests.test", "viewer"), want),
			refused(resending("sent again by "+user, user, "{first}"), want), refused(revoking("revoked by "+user, user, "{third}"), want))
	}
	return all
}

// TestInvitationChanges makes them on one pair of twins, one after another, and
// then puts all refusals.
func TestInvitationChanges(t *testing.T) {
	t.Parallel()
	w := newTwins(t, seedInvitations)
	for _, c := range append(invitationChanges(), invitationRefusals()...) {
		t.Run(strings.ReplaceAll(c.Name, "/", ""), func(t *testing.T) { c.run(t, w) })
	}
}

// TestInvitationAnswers are what REST alone says: where the new one is, and of
// which version.
func TestInvitationAnswers(t *testing.T) {
	t.Parallel()
	s := NewServer(t)
	admin := Asker{User: "cedar.admin"}
	made := s.rest(t, admin, inviting("", "", "grace@guests.test", "viewer").REST)
	var body struct{ ID, Status string }
	made.decode(t, &body)
	if want := "/api/v1/invitations/" + body.ID + "/"; made.status != 201 || !strings.HasSuffix(made.header.Get("Location"), want) || made.header.Get("ETag") != `"1-2-gzip"` {
		t.Errorf("%d %v", made.status, made.header)
	}
	again := s.rest(t, admin, resending("", "", body.ID).REST)
	shown := s.rest(t, admin, Call{Path: "invitations/" + body.ID + "/"})
	if again.status != 200 || shown.header.Get("ETag") != again.header.Get("ETag") || again.header.Get("ETag") == made.header.Get("ETag") {
		t.Errorf("%d, %s, %s", again.status, again.header.Get("ETag"), shown.header.Get("ETag"))
	}
	member := s.rest(t, admin, inviting("", "", s.names["cedar.viewer"], "viewer").REST)
	pending := s.rest(t, admin, inviting("", "", "grace@guests.test", "viewer").REST)
	for existing, r := range map[string]reply{s.names["member.cedar.viewer"]: member, body.ID: pending} {
		if r.status != 409 || !bytes.Contains(r.body, []byte(existing)) {
			t.Errorf("%d %s, want %s", r.status, r.body, existing)
		}
	}
	if r := s.rest(t, admin, revoking("", "", body.ID).REST); r.status != 204 || len(r.body) != 0 {
		t.Errorf("%d %s", r.status, r.body)
	}
}

// TestAcceptInvitation takes the link to the door that anybody may knock at.
func TestAcceptInvitation(t *testing.T) {
	t.Parallel()
	s := NewServer(t)
	link := func(clinic *factory.Tenant, email string) string {
		id := must(s.Store.InviteMember(s.Context(), clinic.System(), models.NewInvitation{Email: email, Role: models.RoleAnalyst}))(s).ID
		letter := must(s.Store.InvitationLetter(s.Context(), models.InvitationMailJob{CustomerID: clinic.Customer.ID, InvitationID: id}))(s)
		return string(letter.Token)
	}
	knock := func(body map[string]any) (reply, map[string]any) {
		r := s.rest(t, Asker{}, Call{Method: "POST", Path: "auth/invitations/accept/", Body: body})
		var said map[string]any
		r.decode(t, &said)
		return r, said
	}
	const chosen = "staple of the bright heron"
	token := link(s.Cedar, "grace@guests.test")
	if r, _ := knock(map[string]any{"token": token}); r.status != 422 || !bytes.Contains(r.body, []byte(`"code":"required"`)) {
		t.Errorf("without a password: %d %s", r.status, r.body)
	}
	r, said := knock(map[string]any{"token": token, "password": chosen, "first_name": "Grace"})
	same(t, "the new account", map[string]any{
		"customer": s.Cedar.Customer.Name, "email": "grace@guests.test", "role": "analyst", "existing_account": false,
	}, said)
	if r.status != 200 || r.header.Get("Cache-Control") != "no-store" {
		t.Errorf("%d %v", r.status, r.header)
	}
	used, _ := knock(map[string]any{"token": token, "password": chosen})
	unknown, _ := knock(map[string]any{"token": strings.Repeat("x", 43), "password": chosen})
	problem := func(r reply) map[string]any {
		var body map[string]any
		r.decode(t, &body)
		delete(body, "request_id")
		delete(body, "instance")
		return body
	}
	same(t, "a used and an unknown link", problem(used), problem(unknown))
	if used.status != 422 {
		t.Errorf("a used link: %d %s", used.status, used.body)
	}
	_, said = knock(map[string]any{"token": link(s.Cedar, s.names["harbor.viewer"])})
	same(t, "the old account", map[string]any{
		"customer": s.Cedar.Customer.Name, "email": s.names["harbor.viewer"], "role": "analyst", "existing_account": true,
	}, said)
	var pair struct{ Access string }
	body := must(json.Marshal(map[string]string{"email": "grace@guests.test", "password": chosen}))(t)
	s.rest(t, Asker{}, Call{Method: "POST", Path: "auth/token/", Body: json.RawMessage(body)}).decode(t, &pair)
	if r := s.rest(t, Asker{Token: pair.Access}, Call{Path: "customers/me/"}); r.status != 200 {
		t.Errorf("the new member: %d %s", r.status, r.body)
	}
}
