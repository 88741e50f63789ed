package graph

import (
	"context"

	"upstream/graph/wire"
	"upstream/models"
)

// changedInvitation answers a mutation that does something to one invitation.
func changedInvitation(
	ctx context.Context, input wire.RowInput,
	change func(context.Context, models.Viewer, models.InvitationID, *int64) (*models.Invitation, error),
) (*wire.InvitationPayload, error) {
	invitation, expected, err := changing(ctx, input.ID, func(v models.Viewer, id models.InvitationID) (*models.Invitation, error) {
		return change(ctx, v, id, input.ExpectedVersion)
	})
	return &wire.InvitationPayload{Invitation: invitation, UserErrors: expected, ClientMutationID: input.ClientMutationID}, err
}
