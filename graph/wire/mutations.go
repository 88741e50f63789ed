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
