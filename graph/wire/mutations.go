package wire

import "upstream/models"

// UserError is an expected failure of a mutation.
type UserError struct {
	Code       models.Code
	Message    string
	Path       []string
	Reason     *string
	ExistingID *string
}

// DetectDriftInput is what a client says about a detection run.
type DetectDriftInput struct {
	models.DetectInput
	ClientMutationID *string
}

// DetectDriftPayload is what came of it.
type DetectDriftPayload struct {
	ReportRun        *models.ReportRun
	UserErrors       []UserError
	ClientMutationID *string
}

// TriggerReportInput is what a client says about a run to be queued.
type TriggerReportInput struct {
	models.DetectInput
	ClientMutationID *string
}

// TriggerReportPayload is what came of it.
type TriggerReportPayload struct {
	ReportRun        *models.ReportRun
	UserErrors       []UserError
	ClientMutationID *string
}

// ChangeMemberRoleInput is what a client says about a member's new role.
type ChangeMemberRoleInput struct {
	ID               string
	Role             models.Role
	ExpectedVersion  int64
	ClientMutationID *string
}

// ChangeMemberRolePayload is what came of it.
type ChangeMemberRolePayload struct {
	Member           *models.Member
	UserErrors       []UserError
	ClientMutationID *string
}

// CreateAPIKeyInput is what a client says about a new API key.
type CreateAPIKeyInput struct {
	models.NewAPIKey
	ClientMutationID *string
}

// RotateAPIKeyInput is what a client says about the rotation of an API key.
type RotateAPIKeyInput struct {
	models.APIKeyRotation
	ID               models.APIKeyID
	ExpectedVersion  *int64
	ClientMutationID *string
}

// APIKeyPayload is what came of a new API key or of a rotation.
type APIKeyPayload struct {
	APIKey           *models.APIKey
	Key              *string
	UserErrors       []UserError
	ClientMutationID *string
}

// RemoveMemberPayload is what came of it.
type RemoveMemberPayload struct {
	RemovedMemberID  *string
	UserErrors       []UserError
	ClientMutationID *string
}

// NewAPIKeyPayload shows a key that was just made, or why there is none.
func NewAPIKeyPayload(issued *models.IssuedAPIKey, problems []UserError, echo *string) *APIKeyPayload {
	p := &APIKeyPayload{UserErrors: problems, ClientMutationID: echo}
	if issued != nil {
		p.APIKey, p.Key = issued.APIKey, new(string(issued.Text))
	}
	return p
}

// RevokeAPIKeyInput names the API key that is to end.
type RevokeAPIKeyInput struct {
	ID               models.APIKeyID
	ExpectedVersion  *int64
	ClientMutationID *string
}

// RevokeAPIKeyPayload is what came of it.
type RevokeAPIKeyPayload struct {
	APIKey           *models.APIKey
	UserErrors       []UserError
	ClientMutationID *string
}

// InviteMemberInput is what a client says about whom to invite.
type InviteMemberInput struct {
	models.NewInvitation
	ClientMutationID *string
}

// InvitationPayload is what came of inviting, or of a change of an invitation.
type InvitationPayload struct {
	Invitation       *models.Invitation
	UserErrors       []UserError
	ClientMutationID *string
}
