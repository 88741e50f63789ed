package rest

import (
	"context"
	"net/http"
	"time"

	"upstream/internal/auth"
	"upstream/models"
)

// member is the representation of models.Member.
type member struct {
	ID        models.MembershipID `json:"id"`
	Customer  models.CustomerID   `json:"customer"`
	UserID    models.UserID       `json:"user_id" doc:"The user, who is the same in every customer they belong to."`
	Email     string              `json:"email" format:"email" doc:"The address the user signs in with." example:"ada@cedar.example.org"`
	FirstName string              `json:"first_name" doc:"Empty when not known." example:"Ada"`
	LastName  string              `json:"last_name" doc:"Empty when not known." example:"Okafor"`
	Role      models.Role         `json:"role" doc:"What the member may do."`
	IsActive  bool                `json:"is_active" doc:"Whether the account can sign in."`
	CreatedAt time.Time           `json:"created_at" doc:"When the user joined the customer."`
	UpdatedAt time.Time           `json:"updated_at"`
	Links     memberLinks         `json:"_links"`
}

type memberLinks struct {
	Self       link `json:"self"`
	Collection link `json:"collection"`
}

func showMember(l links, m *models.Member) member {
	return member{
		ID: m.ID, Customer: m.CustomerID, UserID: m.UserID, Email: m.Email, FirstName: m.FirstName, LastName: m.LastName,
		Role: m.Role, IsActive: m.IsActive, CreatedAt: m.CreatedAt.UTC(), UpdatedAt: m.UpdatedAt.UTC(),
		Links: memberLinks{Self: l.to("members", m.ID.String()), Collection: l.to("members")},
	}
}

// roleBody is what a member is given.
type roleBody struct {
	Role models.Role `json:"role" doc:"The role to give."`
}

type changeRoleInput struct {
	ID      models.MembershipID `path:"id" doc:"The identifier of the row."`
	IfMatch string              `header:"If-Match" doc:"The entity tag of the version that the change was decided on, or *; when the row has changed since, the answer is 412."`
	Body    roleBody
}

func (a *api) registerMembers() {
	path := resourcePath("members", "{id}")
	registerList(a, operation{
		id: "listMembers", method: http.MethodGet, path: resourcePath("members"), tag: tagMembers,
		summary: "List members", description: "Who belongs to the customer, by e-mail address unless ordered otherwise. " +
			"Search looks at e-mail address, first and last name.",
		permission: models.PermissionManageUsers,
	}, func(ctx context.Context, v models.Viewer, _ *noInput, f models.MemberFilter, l models.List[models.MemberOrderField]) (*models.Rows[*models.Member], error) {
		return a.store.Members(ctx, v, f, l)
	}, showMember)
	registerDetail(a, operation{
		id: "getMember", method: http.MethodGet, path: path, tag: tagMembers,
		summary: "Show a member", description: "One member: who it is and what they may do.",
		permission: models.PermissionManageUsers,
	}, a.store.Member, showMember, func(m *models.Member) int64 { return m.Version })
	register(a, operation{
		id: "changeMemberRole", method: http.MethodPatch, path: path, tag: tagMembers,
		summary: "Change a member's role",
		description: "Gives a member another role, and signs them out everywhere. Only owners give the roles owner and admin and " +
			"change who has them (403). The last owner who can sign in stays owner (409, `last_owner`). `If-Match` has to name the " +
			"version that the change was decided on, or be `*`.",
		permission: models.PermissionManageUsers, hasBody: true,
		codes: []models.Code{models.CodeNotFound, models.CodeConflict, models.CodeStale},
	}, a.changeMemberRole)
	register(a, operation{
		id: "removeMember", method: http.MethodDelete, path: path, tag: tagMembers, status: http.StatusNoContent,
		summary: "Remove a member",
		description: "Takes a member out of the customer, and signs them out everywhere; their account stays. Only owners remove " +
			"owners and admins (403), and the last owner who can sign in stays (409, `last_owner`).",
		permission: models.PermissionManageUsers,
		codes:      []models.Code{models.CodeNotFound, models.CodeConflict, models.CodeStale},
	}, a.removeMember)
}

func (a *api) changeMemberRole(ctx context.Context, in *changeRoleInput) (*changedOutput[member], error) {
	if in.IfMatch == "" {
		return nil, models.InvalidField("If-Match", "required", "must name the version that the change was decided on, or be *")
	}
	version, err := ifMatch(in.IfMatch)
	if err != nil {
		return nil, err
	}
	m, err := a.store.ChangeMemberRole(ctx, auth.ViewerFrom(ctx), models.RoleChange{ID: in.ID, Role: in.Body.Role, ExpectedVersion: version})
	if err != nil {
		return nil, err
	}
	return &changedOutput[member]{ETag: etag(m.Version), Body: showMember(linksFor(ctx), m)}, nil
}

func (a *api) removeMember(ctx context.Context, in *changeByID[models.MembershipID]) (*noOutput, error) {
	version, err := ifMatch(in.IfMatch)
	if err != nil {
		return nil, err
	}
	return nil, a.store.RemoveMember(ctx, auth.ViewerFrom(ctx), models.Removal{ID: in.ID, ExpectedVersion: version})
}
