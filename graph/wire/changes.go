package wire

import (
	"github.com/99designs/gqlgen/graphql"

	"upstream/models"
)

// Changeable is an input field of which leaving it out, null and a value mean
// three things.
type Changeable[T any] = graphql.Omittable[*T]

// change reads such a field.
func change[T any](field Changeable[T]) models.Change[T] {
	value, set := field.ValueOK()
	return models.Change[T]{Set: set, Value: value}
}

// changeList reads such a field that holds a list.
func changeList[T any](field graphql.Omittable[[]T]) models.Change[[]T] {
	list, set := field.ValueOK()
	if list == nil {
		return models.Change[[]T]{Set: set}
	}
	return models.Change[[]T]{Set: true, Value: &list}
}

// RowInput names a row that something is to happen to.
type RowInput struct {
	ID               string
	ExpectedVersion  *int64
	ClientMutationID *string
}

// CreatePayerMappingInput is what a client says about a new payer mapping.
type CreatePayerMappingInput struct {
	models.NewPayerMapping
	ClientMutationID *string
}

// UpdatePayerMappingInput is what a client says about a payer mapping.
type UpdatePayerMappingInput struct {
	ID               string
	ExpectedVersion  *int64
	RawName          Changeable[string]
	NormalizedName   Changeable[string]
	ClientMutationID *string
}

// Patch is what the input changes.
func (in UpdatePayerMappingInput) Patch() models.PayerMappingPatch {
	return models.PayerMappingPatch{RawName: change(in.RawName), NormalizedName: change(in.NormalizedName)}
}

// PayerMappingPayload is what came of creating or changing a payer mapping.
type PayerMappingPayload struct {
	PayerMapping     *models.PayerMapping
	UserErrors       []UserError
	ClientMutationID *string
}

// DeletePayerMappingPayload is what came of deleting a payer mapping.
type DeletePayerMappingPayload struct {
	DeletedPayerMappingID *string
	UserErrors            []UserError
	ClientMutationID      *string
}

// CreateCPTGroupMappingInput is what a client says about a new CPT group mapping.
type CreateCPTGroupMappingInput struct {
	models.NewCPTGroupMapping
	ClientMutationID *string
}

// UpdateCPTGroupMappingInput is what a client says about a CPT group mapping.
type UpdateCPTGroupMappingInput struct {
	ID               string
	ExpectedVersion  *int64
	CPTCode          Changeable[string]
	CPTGroup         Changeable[string]
	ClientMutationID *string
}

// Patch is what the input changes.
func (in UpdateCPTGroupMappingInput) Patch() models.CPTGroupMappingPatch {
	return models.CPTGroupMappingPatch{CPTCode: change(in.CPTCode), CPTGroup: change(in.CPTGroup)}
}

// CPTGroupMappingPayload is what came of creating or changing a CPT group
// mapping.
type CPTGroupMappingPayload struct {
	CPTGroupMapping  *models.CPTGroupMapping
	UserErrors       []UserError
	ClientMutationID *string
}

// DeleteCPTGroupMappingPayload is what came of deleting a CPT group mapping.
type DeleteCPTGroupMappingPayload struct {
	DeletedCPTGroupMappingID *string
	UserErrors               []UserError
	ClientMutationID         *string
}

// UpdateCustomerInput is what a client says about its customer.
type UpdateCustomerInput struct {
	ID                string
	ExpectedVersion   *int64
	Name              Changeable[string]
	ToEmail           Changeable[string]
	CCEmail           Changeable[string]
	AttachPDF         Changeable[bool]
	TimeZone          Changeable[string]
	WeeklyRunEnabled  Changeable[bool]
	WeeklyRunWeekday  Changeable[models.Weekday]
	MonthlyRunEnabled Changeable[bool]
	RunLocalTime      Changeable[string]

	AlertCooldownMinutes Changeable[int]
	AlertNoiseThreshold  Changeable[int]
	AlertNoiseWindowDays Changeable[int]
	AlertMemoryDays      Changeable[int]
	AlertAutoResolveRuns Changeable[int]

	ClientMutationID *string
}

// Patch is what the input changes.
func (in UpdateCustomerInput) Patch() models.CustomerPatch {
	return models.CustomerPatch{
		Name: change(in.Name), ToEmail: change(in.ToEmail), CCEmail: change(in.CCEmail), AttachPDF: change(in.AttachPDF),
		TimeZone: change(in.TimeZone), WeeklyRunEnabled: change(in.WeeklyRunEnabled), WeeklyRunWeekday: change(in.WeeklyRunWeekday),
		MonthlyRunEnabled: change(in.MonthlyRunEnabled), RunLocalTime: change(in.RunLocalTime),
		AlertCooldownMinutes: change(in.AlertCooldownMinutes), AlertNoiseThreshold: change(in.AlertNoiseThreshold),
		AlertNoiseWindowDays: change(in.AlertNoiseWindowDays), AlertMemoryDays: change(in.AlertMemoryDays),
		AlertAutoResolveRuns: change(in.AlertAutoResolveRuns),
	}
}

// UpdateCustomerPayload is what came of it.
type UpdateCustomerPayload struct {
	Customer         *models.Customer
	UserErrors       []UserError
	ClientMutationID *string
}

// UpdateUploadInput is what a client says about an upload.
type UpdateUploadInput struct {
	ID               string
	ExpectedVersion  *int64
	Filename         Changeable[string]
	ClientMutationID *string
}

// Patch is what the input changes.
func (in UpdateUploadInput) Patch() models.UploadPatch {
	return models.UploadPatch{Filename: change(in.Filename)}
}

// UpdateUploadPayload is what came of it.
type UpdateUploadPayload struct {
	Upload           *models.Upload
	UserErrors       []UserError
	ClientMutationID *string
}

// DeleteUploadPayload is what came of deleting an upload.
type DeleteUploadPayload struct {
	DeletedUploadID  *string
	UserErrors       []UserError
	ClientMutationID *string
}

// CancelUploadPayload is what came of cancelling an upload.
type CancelUploadPayload struct {
	Upload           *models.Upload
	UserErrors       []UserError
	ClientMutationID *string
}
