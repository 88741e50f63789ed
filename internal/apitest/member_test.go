package apitest

import (
	"fmt"
	"strings"
	"testing"

	"upstream/models"
)

// roleChange is the case that gives a member another role.
func roleChange(name, user, member, role string, version int) Case {
	return Case{
		Name: name, As: Asker{User: user},
		REST: Call{Method: "PATCH", Path: "members/" + member + "/", Body: map[string]any{"role": role}, Header: map[string]string{"If-Match": fmt.Sprintf(`"1-%d"`, version)}},
		GraphQL: Operation{
			Document: "mutation($input: ChangeMemberRoleInput!) { changeMemberRole(input: $input) { userErrors { code message path reason existingId } " +
				"member { " + selection("Member") + " } } }",
			Variables: map[string]any{"input": map[string]any{"id": member, "role": strings.ToUpper(role), "expectedVersion": version}},
			At:        "changeMemberRole.member", Type: "Member",
		},
	}
}

// removal is the case that removes a member, at any version when that is 0.
func removal(name, user, member string, version int) Case {
	c := Case{
		Name: name, As: Asker{User: user},
		REST: Call{Method: "DELETE", Path: "members/" + member + "/"},
		GraphQL: Operation{
			Document: "mutation($input: RemoveMemberInput!) { removeMember(input: $input) { " +
				"userErrors { code message path reason existingId } removedMemberId } }",
			Variables: map[string]any{"input": map[string]any{"id": member}}, At: "removeMember.removedMemberId", Type: "Member",
		},
	}
	if version > 0 {
		c.REST.Header = map[string]string{"If-Match": fmt.Sprintf(`"1-%d"`, version)}
		c.GraphQL.Variables["input"].(map[string]any)["expectedVersion"] = version
	}
	return c
}

// memberChanges succeed one after another.
func memberChanges() []write {
	touched := []string{"audit_events", "audit_heads", "memberships"}
	root := roleChange("a superuser makes the admin owner", "root", "{member.cedar.admin}", "owner", 1)
	root.As.Customer = "{cedar}"
	return []write{
		{roleChange("an admin makes a viewer analyst", "cedar.admin", "{member.cedar.viewer}", "analyst", 1), touched},
		{roleChange("an admin makes the analyst what they are", "cedar.admin", "{member.cedar.viewer}", "analyst", 2), nil},
		{roleChange("an owner makes an analyst admin", "cedar.owner", "{member.cedar.analyst}", "admin", 1), touched},
		{removal("an admin removes an analyst", "cedar.admin", "{member.cedar.viewer}", 2), touched},
		{root, touched},
		{removal("an owner removes an owner", "cedar.owner", "{member.cedar.admin}", 0), touched},
	}
}

// memberRefusals leave everything as it is.
func memberRefusals() []write {
	refused := func(c Case, want models.Code, fields ...string) write {
		c.Want, c.Fields = want, fields
		return write{Case: c}
	}
	emperor := refused(roleChange("a role that is none", "cedar.owner", "{member.cedar.viewer}", "emperor", 1), models.CodeValidation, "role invalid")
	emperor.WordsOnly = true
	none := "memb" + nowhere
	return []write{
		refused(roleChange("nobody", "", "{member.cedar.viewer}", "analyst", 1), models.CodeUnauthenticated),
		refused(roleChange("a viewer promotes themselves", "cedar.viewer", "{member.cedar.viewer}", "owner", 1), models.CodeForbidden),
		refused(roleChange("an analyst", "cedar.analyst", "{member.cedar.viewer}", "analyst", 1), models.CodeForbidden),
		refused(roleChange("an admin promotes themselves", "cedar.admin", "{member.cedar.admin}", "owner", 1), models.CodeForbidden),
		refused(roleChange("an admin makes an admin", "cedar.admin", "{member.cedar.viewer}", "admin", 1), models.CodeForbidden),
		refused(roleChange("an admin demotes the owner", "cedar.admin", "{member.cedar.owner}", "viewer", 1), models.CodeForbidden),
		refused(roleChange("the last owner steps down", "cedar.owner", "{member.cedar.owner}", "admin", 1), models.CodeConflict, "role last_owner"),
		refused(roleChange("a version that was", "cedar.owner", "{member.cedar.viewer}", "analyst", 7), models.CodeStale),
		refused(roleChange("a member of another customer", "cedar.owner", "{member.harbor.viewer}", "analyst", 1), models.CodeNotFound),
		refused(roleChange("no member", "cedar.owner", none, "analyst", 1), models.CodeNotFound),
		refused(roleChange("something else", "cedar.owner", "user"+nowhere, "analyst", 1), models.CodeValidation, "id invalid"),
		emperor,
		refused(removal("nobody removes", "", "{member.cedar.viewer}", 0), models.CodeUnauthenticated),
		refused(removal("an analyst removes", "cedar.analyst", "{member.cedar.viewer}", 0), models.CodeForbidden),
		refused(removal("an admin removes an admin", "cedar.admin", "{member.cedar.admin}", 0), models.CodeForbidden),
		refused(removal("an admin removes the last owner", "cedar.admin", "{member.cedar.owner}", 0), models.CodeConflict, "id last_owner"),
		refused(removal("the last owner leaves", "cedar.owner", "{member.cedar.owner}", 0), models.CodeConflict, "id last_owner"),
		refused(removal("a version that was not", "cedar.owner", "{member.cedar.viewer}", 7), models.CodeStale),
		refused(removal("another customer's", "cedar.owner", "{member.harbor.viewer}", 0), models.CodeNotFound),
	}
}

// TestMemberChanges makes them on one pair of twins, one after another.
func TestMemberChanges(t *testing.T) {
	t.Parallel()
	w := newTwins(t, func(*Server) {})
	for _, c := range memberChanges() {
		t.Run(c.Name, func(t *testing.T) { c.run(t, w) })
	}
}

// TestRefusedMemberChanges puts all refusals to one pair of twins.
func TestRefusedMemberChanges(t *testing.T) {
	t.Parallel()
	w := newTwins(t, func(*Server) {})
	for _, c := range memberRefusals() {
		t.Run(c.Name, func(t *testing.T) { c.run(t, w) })
	}
}

// TestTokensDieWithTheRole signs in, changes the role or removes the member by
// one API, and finds every token of before dead, in both.
func TestTokensDieWithTheRole(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]Case{
		"role":       roleChange("role", "cedar.owner", "{member.cedar.analyst}", "viewer", 1),
		"membership": removal("membership", "cedar.owner", "{member.cedar.analyst}", 0),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newTwins(t, func(*Server) {})
			as := Asker{User: "cedar.analyst"}
			for _, s := range []*Server{w.rest, w.graphql} {
				s.run(t, Case{Name: "before", As: as, REST: Call{Path: "customers/me/"}, GraphQL: ownCustomer().GraphQL})
			}
			rest, graphql := w.ask(t, c)
			c.check(t, rest, graphql)
			for _, s := range []*Server{w.rest, w.graphql} {
				s.run(t, Case{Name: "after", As: as, REST: Call{Path: "customers/me/"}, GraphQL: ownCustomer().GraphQL, Want: models.CodeUnauthenticated})
				refresh := Call{Method: "POST", Path: "auth/token/refresh/", Body: map[string]any{"refresh": s.refresh["cedar.analyst"]}}
				if a := restAnswer(t, "Customer", s.rest(t, Asker{}, refresh)); a.Code != models.CodeUnauthenticated {
					t.Errorf("the refresh token of before: %q", a.Code)
				}
				ended := s.queryAll(t, `SELECT array_agg(end_reason) FROM sessions WHERE ended_at IS NOT NULL`)
				want := map[string]string{"role": "role_changed", "membership": "member_removed"}[name]
				same(t, "sessions that ended", []string{want}, ended)
			}
		})
	}
}
