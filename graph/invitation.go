package graph

import (
	"context"

	"upstream/graph/wire"
	"upstream/models"
)

// changedInvitation answers a mutation that does something to one invitation.
func changedInvitation(
	ctx context.Context, input wire.InvitationInput,
	change func(context.Context, models.Viewer, models.InvitationID, ...int64) (*models.Invitation, error),
) (*wire.InvitationPayload, error) {
	v, err := signedIn(ctx)
	if err != nil {
		return nil, err
	}
	var invitation *models.Invitation
	id, err := inputID(models.InvitationID{}, "id", input.ID)
	if err == nil {
		invitation, err = change(ctx, v, id, given(input.ExpectedVersion)...)
	}
	expected, err := userErrors(err)
	return &wire.InvitationPayload{Invitation: invitation, UserErrors: expected, ClientMutationID: input.ClientMutationID}, err
}
