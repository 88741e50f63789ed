package models

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/uptrace/bun"
)

// CPTGroupMapping puts a procedure code into the customer's own group instead
// of its RBCS category. It applies to files read after it was written.
type CPTGroupMapping struct {
	bun.BaseModel `bun:"table:cpt_group_mappings,alias:cm"`

	CustomerID CustomerID        `bun:"customer_id,pk,type:uuid"`
	ID         CPTGroupMappingID `bun:"id,pk,type:uuid"`
	CPTCode    string            `bun:"cpt_code"`
	CPTGroup   string            `bun:"cpt_group"`
	Version    int64             `bun:"version"`
	CreatedAt  time.Time         `bun:"created_at"`
	UpdatedAt  time.Time         `bun:"updated_at"`
}

// GlobalID is the mapping's TypeID.
func (m *CPTGroupMapping) GlobalID() string { return m.ID.String() }

// How many characters the code and the group of a procedure may have.
const (
	MaxCPTCode  = 20
	MaxCPTGroup = 50
)

// NewCPTGroupMapping is the input that creates a CPT group mapping.
type NewCPTGroupMapping struct {
	CPTCode  string
	CPTGroup string
}

// Patch is the input as the patch of a mapping that says nothing yet.
func (in NewCPTGroupMapping) Patch() CPTGroupMappingPatch {
	return CPTGroupMappingPatch{CPTCode: To(in.CPTCode), CPTGroup: To(in.CPTGroup)}
}

// Validate lists what is wrong with the input.
func (in NewCPTGroupMapping) Validate() error { return in.Patch().Validate() }

// CPTGroupMappingPatch is what a client may change of a CPT group mapping.
type CPTGroupMappingPatch struct {
	CPTCode  Change[string] `json:"cpt_code" maxLength:"20" doc:"The procedure code as claims files have it." example:"99214"`
	CPTGroup Change[string] `json:"cpt_group" maxLength:"50" doc:"The group that claims with this code are put into; not ALL, which names a payer as a whole." example:"OFFICE"`
}

// Validate lists what is wrong with the patch.
func (in CPTGroupMappingPatch) Validate() error {
	return Invalid(slices.Concat(
		checked("cpt_code", in.CPTCode, textUpTo(MaxCPTCode)),
		checked("cpt_group", in.CPTGroup, groupName),
	)...)
}

func groupName(text string) string {
	if strings.EqualFold(strings.TrimSpace(text), CPTGroupAll) {
		return fmt.Sprintf("must not be %s, which names a payer as a whole", CPTGroupAll)
	}
	return textUpTo(MaxCPTGroup)(text)
}

// Apply makes the changes; white space around a code or group does not count.
func (in CPTGroupMappingPatch) Apply(m *CPTGroupMapping) {
	in.CPTCode.apply(&m.CPTCode)
	in.CPTGroup.apply(&m.CPTGroup)
	m.CPTCode, m.CPTGroup = strings.TrimSpace(m.CPTCode), strings.TrimSpace(m.CPTGroup)
}

// CPTGroupMappingFilter narrows a list of CPT group mappings.
type CPTGroupMappingFilter struct {
	CptCode  *string `query:"cpt_code" column:"cpt_code" op:"eq" doc:"Only the mapping of this procedure code."`
	CptGroup *string `query:"cpt_group" column:"cpt_group" op:"eq" doc:"Only mappings to this group."`
}

// CPTGroupMappingOrderField is a column CPT group mappings can be ordered by.
type CPTGroupMappingOrderField string

// The orderings of CPT group mappings.
const (
	CPTGroupMappingOrderCPTCode   CPTGroupMappingOrderField = "cpt_code"
	CPTGroupMappingOrderCPTGroup  CPTGroupMappingOrderField = "cpt_group"
	CPTGroupMappingOrderCreatedAt CPTGroupMappingOrderField = "created_at"
)

// Values lists the columns.
func (CPTGroupMappingOrderField) Values() []string {
	return []string{
		string(CPTGroupMappingOrderCPTCode), string(CPTGroupMappingOrderCPTGroup), string(CPTGroupMappingOrderCreatedAt),
	}
}

// MarshalGQL writes the GraphQL enum value.
func (f CPTGroupMappingOrderField) MarshalGQL(w io.Writer) { marshalEnum(w, f) }

// UnmarshalGQL reads the GraphQL enum value.
func (f *CPTGroupMappingOrderField) UnmarshalGQL(v any) error { return unmarshalEnum(f, v) }

// CPTGroupMappingOrder is one term of an ordering of CPT group mappings.
type CPTGroupMappingOrder = Order[CPTGroupMappingOrderField]
