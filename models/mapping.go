package models

import (
	"io"
	"slices"
	"strings"
	"time"

	"github.com/uptrace/bun"
)

// PayerMapping turns a raw payer name, compared without case, into the name
// claims are stored under. It applies to files read after it was written.
type PayerMapping struct {
	bun.BaseModel `bun:"table:payer_mappings,alias:pm"`

	CustomerID     CustomerID     `bun:"customer_id,pk,type:uuid"`
	ID             PayerMappingID `bun:"id,pk,type:uuid"`
	RawName        string         `bun:"raw_name"`
	NormalizedName string         `bun:"normalized_name"`
	Version        int64          `bun:"version"`
	CreatedAt      time.Time      `bun:"created_at"`
	UpdatedAt      time.Time      `bun:"updated_at"`
}

// GlobalID is the mapping's TypeID.
func (m *PayerMapping) GlobalID() string { return m.ID.String() }

// MaxPayerName is how many characters the name of a payer may have.
const MaxPayerName = 255

// NewPayerMapping is the input that creates a payer mapping.
type NewPayerMapping struct {
	RawName        string
	NormalizedName string
}

// Patch is the input as the patch of a mapping that says nothing yet.
func (in NewPayerMapping) Patch() PayerMappingPatch {
	return PayerMappingPatch{RawName: To(in.RawName), NormalizedName: To(in.NormalizedName)}
}

// Validate lists what is wrong with the input.
func (in NewPayerMapping) Validate() error { return in.Patch().Validate() }

// PayerMappingPatch is what a client may change of a payer mapping.
type PayerMappingPatch struct {
	RawName        Change[string] `json:"raw_name" maxLength:"255" doc:"The payer's name in claims files; upper and lower case do not differ, and white space around it does not count." example:"AETNA INC"`
	NormalizedName Change[string] `json:"normalized_name" maxLength:"255" doc:"The name claims are stored under." example:"Aetna"`
}

// Validate lists what is wrong with the patch.
func (in PayerMappingPatch) Validate() error {
	return Invalid(slices.Concat(
		checked("raw_name", in.RawName, textUpTo(MaxPayerName)),
		checked("normalized_name", in.NormalizedName, textUpTo(MaxPayerName)),
	)...)
}

// Apply makes the changes; white space around a name does not count.
func (in PayerMappingPatch) Apply(m *PayerMapping) {
	in.RawName.apply(&m.RawName)
	in.NormalizedName.apply(&m.NormalizedName)
	m.RawName, m.NormalizedName = strings.TrimSpace(m.RawName), strings.TrimSpace(m.NormalizedName)
}

// PayerMappingFilter narrows a list of payer mappings.
type PayerMappingFilter struct {
	RawName        *string `query:"raw_name" column:"raw_name" op:"icontains" doc:"Only mappings whose raw name contains this text, ignoring case."`
	NormalizedName *string `query:"normalized_name" column:"normalized_name" op:"icontains" doc:"Only mappings whose normalised name contains this text, ignoring case."`
}

// PayerMappingOrderField is a column payer mappings can be ordered by.
type PayerMappingOrderField string

// The orderings of payer mappings.
const (
	PayerMappingOrderRawName        PayerMappingOrderField = "raw_name"
	PayerMappingOrderNormalizedName PayerMappingOrderField = "normalized_name"
	PayerMappingOrderCreatedAt      PayerMappingOrderField = "created_at"
)

// Values lists the columns.
func (PayerMappingOrderField) Values() []string {
	return []string{
		string(PayerMappingOrderRawName), string(PayerMappingOrderNormalizedName), string(PayerMappingOrderCreatedAt),
	}
}

// MarshalGQL writes the GraphQL enum value.
func (f PayerMappingOrderField) MarshalGQL(w io.Writer) { marshalEnum(w, f) }

// UnmarshalGQL reads the GraphQL enum value.
func (f *PayerMappingOrderField) UnmarshalGQL(v any) error { return unmarshalEnum(f, v) }

// PayerMappingOrder is one term of an ordering of payer mappings.
type PayerMappingOrder = Order[PayerMappingOrderField]
