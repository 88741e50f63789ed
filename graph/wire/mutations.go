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

// RemoveMemberInput is what a client says about a member who is to go.
type RemoveMemberInput struct {
	ID               string
	ExpectedVersion  *int64
	ClientMutationID *string
}

// RemoveMemberPayload is what came of it.
type RemoveMemberPayload struct {
	RemovedMemberID  *string
	UserErrors       []UserError
	ClientMutationID *string
}
