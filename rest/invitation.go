package rest

import (
	"context"
	"net/http"
	"time"

	"upstream/internal/auth"
	"upstream/models"
)

// invitation is the representation of models.Invitation.
type invitation struct {
	ID         models.InvitationID     `json:"id"`
	Customer   models.CustomerID       `json:"customer"`
	Email      string                  `json:"email" format:"email" doc:"Where the link was mailed." example:"grace@cedar.example.org"`
	Role       models.Role             `json:"role" doc:"What whoever accepts will be."`
	Status     models.InvitationStatus `json:"status" doc:"What has become of it."`
	InvitedBy  *models.UserID          `json:"invited_by" doc:"The user who invited; null for commands."`
	ExpiresAt  time.Time               `json:"expires_at" doc:"The first instant at which the link is no good: seven days after it was made or sent again."`
	MailedAt   *time.Time              `json:"mailed_at" doc:"When the present link was handed to the mail server; null before."`
	AcceptedAt *time.Time              `json:"accepted_at" doc:"When it was accepted."`
	RevokedAt  *time.Time              `json:"revoked_at" doc:"When it was revoked."`
	CreatedAt  time.Time               `json:"created_at"`
	UpdatedAt  time.Time               `json:"updated_at"`
	Links      invitationLinks         `json:"_links"`
}

type invitationLinks struct {
	Self       link `json:"self"`
	Collection link `json:"collection"`
}

// newInvitation is the body that invites somebody.
type newInvitation struct {
	Email string      `json:"email" doc:"Where the link is mailed: the address that the member will sign in with." example:"grace@cedar.example.org"`
	Role  models.Role `json:"role" doc:"What whoever accepts will be." example:"viewer"`
}

type newInvitationInput struct{ Body newInvitation }

func showInvitation(l links, i *models.Invitation) invitation {
	return invitation{
		ID: i.ID, Customer: i.CustomerID, Email: i.Email, Role: i.Role, Status: i.Status, InvitedBy: i.InvitedBy,
		ExpiresAt: i.ExpiresAt.UTC(), MailedAt: utc(i.MailedAt), AcceptedAt: utc(i.AcceptedAt), RevokedAt: utc(i.RevokedAt),
		CreatedAt: i.CreatedAt.UTC(), UpdatedAt: i.UpdatedAt.UTC(),
		Links: invitationLinks{Self: l.to("invitations", i.ID.String()), Collection: l.to("invitations")},
	}
}

// invitationVersion numbers what the representation has been: it changes with
// the row, and once more when the invitation expires, which changes no row.
func invitationVersion(i *models.Invitation) int64 {
	version := 2 * i.Version
	if i.Status == models.InvitationExpired {
		version++
	}
	return version
}

// invitationMatches is the version of the row behind such a number.
func invitationMatches(header string) (*int64, error) {
	expected, err := ifMatch(header)
	if expected != nil {
		*expected /= 2
	}
	return expected, err
}

func invitationOperation(method, id, summary, description string, path ...string) operation {
	return operation{
		id: id, method: method, path: resourcePath(append([]string{"invitations"}, path...)...), tag: tagMembers,
		summary: summary, description: description, permission: models.PermissionManageUsers,
	}
}

func (a *api) registerInvitations() {
	registerList(a, invitationOperation(http.MethodGet, "listInvitations", "List invitations",
		"Whom the customer has invited, those that are over included, the newest first unless ordered otherwise. Search looks at the e-mail address."),
		func(ctx context.Context, v models.Viewer, _ *noInput, f models.InvitationFilter, l models.List[models.InvitationOrderField]) (*models.Rows[*models.Invitation], error) {
			return a.store.Invitations(ctx, v, f, l)
		}, showInvitation)
	registerDetail(a, invitationOperation(http.MethodGet, "getInvitation", "Show an invitation",
		"One invitation, without its link, which only its mail has.", "{id}"),
		a.store.Invitation, showInvitation, invitationVersion)
	a.registerInvitationChanges()
}

func (a *api) registerInvitationChanges() {
	create := invitationOperation(http.MethodPost, "inviteMember", "Invite a member",
		"Mails a link to an address, by which whoever reads its mail becomes a member: with a new account, or the one that the "+
			"address has. The link works once, for seven days. Only owners invite owners and admins (403). An address that a member "+
			"or a pending invitation has is a conflict (409), which names that one.")
	create.status, create.hasBody, create.codes = http.StatusCreated, true, []models.Code{models.CodeConflict}
	create.rules = rulesOf(func(b newInvitation, _ time.Time) error { return models.NewInvitation(b).Validate() })
	register(a, create, func(ctx context.Context, in *newInvitationInput) (*createdOutput[invitation], error) {
		i, err := a.store.InviteMember(ctx, auth.ViewerFrom(ctx), models.NewInvitation(in.Body))
		if err != nil {
			return nil, err
		}
		body := showInvitation(linksFor(ctx), i)
		return &createdOutput[invitation]{Location: body.Links.Self.Href, ETag: etag(invitationVersion(i)), Body: body}, nil
	})
	resend := invitationOperation(http.MethodPost, "resendInvitation", "Send an invitation again",
		"Mails a new link, which works once, for seven days. The link of before is dead at once. Of an invitation that was accepted, "+
			"revoked or replaced there is none (409).", "{id}", "resend")
	resend.codes = []models.Code{models.CodeNotFound, models.CodeConflict, models.CodeStale}
	register(a, resend, func(ctx context.Context, in *changeByID[models.InvitationID]) (*changedOutput[invitation], error) {
		expected, err := invitationMatches(in.IfMatch)
		if err != nil {
			return nil, err
		}
		i, err := a.store.ResendInvitation(ctx, auth.ViewerFrom(ctx), in.ID, expected)
		if err != nil {
			return nil, err
		}
		return &changedOutput[invitation]{ETag: etag(invitationVersion(i)), Body: showInvitation(linksFor(ctx), i)}, nil
	})
	revoke := invitationOperation(http.MethodDelete, "revokeInvitation", "Revoke an invitation",
		"Ends an invitation: its link is dead at once. To revoke it again is no error. One that was accepted is a conflict (409): "+
			"remove the member instead. The invitation stays listed.", "{id}")
	revoke.status, revoke.codes = http.StatusNoContent, []models.Code{models.CodeNotFound, models.CodeConflict, models.CodeStale}
	register(a, revoke, func(ctx context.Context, in *changeByID[models.InvitationID]) (*noOutput, error) {
		expected, err := invitationMatches(in.IfMatch)
		if err != nil {
			return nil, err
		}
		_, err = a.store.RevokeInvitation(ctx, auth.ViewerFrom(ctx), in.ID, expected)
		return nil, err
	})
}

// acceptance is the body that uses an invitation's link up.
type acceptance struct {
	Token     models.Secret  `json:"token" doc:"The secret of the mailed link: what follows #token= in it." example:"k4sXo1u0mB3n6cYwq9fT2hZ8vR5eJ7dLaPgUiOxWtNs"`
	Password  *models.Secret `json:"password,omitempty" format:"password" writeOnly:"true" doc:"The password of the account to make, by the rules of a new password. Required for an address without an account, and not allowed for one that has an account." example:"staple of the bright heron"`
	FirstName string         `json:"first_name,omitempty" doc:"First name of the account to make, at most 150 characters." example:"Grace"`
	LastName  string         `json:"last_name,omitempty" doc:"Last name of the account to make, at most 150 characters." example:"Okafor"`
}

// joined is what came of it.
type joined struct {
	Customer        string      `json:"customer" doc:"The name of the organisation that was joined." example:"Cedar Clinic"`
	Email           string      `json:"email" format:"email" doc:"The address to sign in with." example:"grace@cedar.example.org"`
	Role            models.Role `json:"role" doc:"What the new member may do."`
	ExistingAccount bool        `json:"existing_account" doc:"Whether the account was there before: its password is the one it had."`
}

type (
	acceptInput  struct{ Body acceptance }
	joinedOutput struct{ Body joined }
)

func (a *api) registerAcceptance() {
	accept := tokenOperation("acceptInvitation", "auth/invitations/accept", "Accept an invitation",
		"Uses up the link of an invitation. An address without an account gets one, with the password given; without a password the "+
			"answer is that it is `required`, and the link stays good. An address that has an account joins with that, and its password "+
			"stays. A link that is unknown, was used, revoked or replaced, or has expired gets one and the same answer. Sign in afterwards.")
	accept.codes = nil
	accept.rules = rulesOf(func(b acceptance, _ time.Time) error {
		return models.Acceptance{FirstName: b.FirstName, LastName: b.LastName}.Validate()
	})
	register(a, accept, func(ctx context.Context, in *acceptInput) (*joinedOutput, error) {
		done, err := a.auth.AcceptInvitation(ctx, auth.Acceptance{
			Token: string(in.Body.Token), Password: (*string)(in.Body.Password), FirstName: in.Body.FirstName, LastName: in.Body.LastName,
		})
		if err != nil {
			return nil, err
		}
		return &joinedOutput{Body: joined{
			Customer: done.Customer, Email: done.Email, Role: done.Role, ExistingAccount: done.Registered,
		}}, nil
	})
}
