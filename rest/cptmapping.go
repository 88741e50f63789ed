package rest

import (
	"context"
	"net/http"
	"time"

	"upstream/models"
)

// cptMapping is the representation of models.CPTGroupMapping.
type cptMapping struct {
	ID        models.CPTGroupMappingID `json:"id"`
	Customer  models.CustomerID        `json:"customer"`
	CPTCode   string                   `json:"cpt_code" doc:"The procedure code as claims files have it." example:"99214"`
	CPTGroup  string                   `json:"cpt_group" doc:"The group that claims with this code are put into." example:"OFFICE"`
	CreatedAt time.Time                `json:"created_at"`
	UpdatedAt time.Time                `json:"updated_at"`
	Links     mappingLinks             `json:"_links"`
}

const cptMappings = "cpt-mappings"

func showCPTMapping(l links, m *models.CPTGroupMapping) cptMapping {
	return cptMapping{
		ID: m.ID, Customer: m.CustomerID, CPTCode: m.CPTCode, CPTGroup: m.CPTGroup,
		CreatedAt: m.CreatedAt.UTC(), UpdatedAt: m.UpdatedAt.UTC(),
		Links: mappingLinks{Self: l.to(cptMappings, m.ID.String()), Collection: l.to(cptMappings)},
	}
}

// newCPTMapping is the body that creates a CPT group mapping.
type newCPTMapping struct {
	CPTCode  string `json:"cpt_code" doc:"The procedure code as claims files have it, 1 to 20 characters." example:"99214"`
	CPTGroup string `json:"cpt_group" doc:"The group that claims with this code are put into, 1 to 50 characters; not ALL, which names a payer as a whole." example:"OFFICE"`
}

// Validate lists what is wrong with the body.
func (body newCPTMapping) Validate() error { return models.NewCPTGroupMapping(body).Validate() }

func (a *api) registerCPTMappings() {
	version := func(m *models.CPTGroupMapping) int64 { return m.Version }
	registerList(a, mappingOperation(http.MethodGet, "listCPTMappings", "List CPT group mappings",
		"Which groups procedure codes belong to, by code unless ordered otherwise. Search looks at code and group.", cptMappings),
		func(ctx context.Context, v models.Viewer, _ *noInput, f models.CPTGroupMappingFilter, l models.List[models.CPTGroupMappingOrderField]) (*models.Rows[*models.CPTGroupMapping], error) {
			return a.store.CPTGroupMappings(ctx, v, f, l)
		}, showCPTMapping)
	registerDetail(a, mappingOperation(http.MethodGet, "getCPTMapping", "Show a CPT group mapping",
		"Which group one procedure code belongs to.", cptMappings, "{id}"), a.store.CPTGroupMapping, showCPTMapping, version)
	create := mappingOperation(http.MethodPost, "createCPTMapping", "Create a CPT group mapping",
		"Puts a procedure code into a group from now on. A code that is mapped already is a conflict, and `existing_id` is that mapping.",
		cptMappings)
	registerCreate(a, create, func(ctx context.Context, v models.Viewer, body newCPTMapping) (*models.CPTGroupMapping, error) {
		return a.store.CreateCPTGroupMapping(ctx, v, models.NewCPTGroupMapping(body))
	}, showCPTMapping, version, func(m cptMapping) string { return m.Links.Self.Href })
	replace := mappingOperation(http.MethodPut, "replaceCPTMapping", "Replace a CPT group mapping",
		"Changes code and group; claims that are stored keep theirs.", cptMappings, "{id}").conflicting()
	registerReplace(a, replace, a.store.UpdateCPTGroupMapping, showCPTMapping, version)
	update := mappingOperation(http.MethodPatch, "updateCPTMapping", "Change a CPT group mapping",
		"Changes which group a procedure code belongs to from now on; claims that are stored keep theirs.", cptMappings, "{id}").conflicting()
	registerPatch(a, update, a.store.UpdateCPTGroupMapping, showCPTMapping, version)
	registerDelete(a, mappingOperation(http.MethodDelete, "deleteCPTMapping", "Delete a CPT group mapping",
		"Forgets the group of a procedure code: it belongs to its RBCS category from now on.", cptMappings, "{id}"), a.store.DeleteCPTGroupMapping)
}
