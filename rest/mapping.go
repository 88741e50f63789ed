package rest

import (
	"context"
	"net/http"
	"time"

	"upstream/models"
)

// payerMapping is the representation of models.PayerMapping.
type payerMapping struct {
	ID             models.PayerMappingID `json:"id"`
	Customer       models.CustomerID     `json:"customer"`
	RawName        string                `json:"raw_name" doc:"The payer's name in claims files; upper and lower case do not differ." example:"AETNA INC"`
	NormalizedName string                `json:"normalized_name" doc:"The name claims are stored under." example:"Aetna"`
	CreatedAt      time.Time             `json:"created_at"`
	UpdatedAt      time.Time             `json:"updated_at"`
	Links          mappingLinks          `json:"_links"`
}

type mappingLinks struct {
	Self       link `json:"self"`
	Collection link `json:"collection"`
}

const payerMappings = "payer-mappings"

func showPayerMapping(l links, m *models.PayerMapping) payerMapping {
	return payerMapping{
		ID: m.ID, Customer: m.CustomerID, RawName: m.RawName, NormalizedName: m.NormalizedName,
		CreatedAt: m.CreatedAt.UTC(), UpdatedAt: m.UpdatedAt.UTC(),
		Links: mappingLinks{Self: l.to(payerMappings, m.ID.String()), Collection: l.to(payerMappings)},
	}
}

// newPayerMapping is the body that creates a payer mapping.
type newPayerMapping struct {
	RawName        string `json:"raw_name" doc:"The payer's name in claims files, 1 to 255 characters; upper and lower case do not differ, and white space around it does not count." example:"AETNA INC"`
	NormalizedName string `json:"normalized_name" doc:"The name claims are stored under, 1 to 255 characters." example:"Aetna"`
}

// Validate lists what is wrong with the body.
func (body newPayerMapping) Validate() error { return models.NewPayerMapping(body).Validate() }

// mappingOperation reads or writes mappings, by the method.
func mappingOperation(method, id, summary, description string, path ...string) operation {
	op := operation{
		id: id, method: method, path: resourcePath(path...), tag: tagMappings, summary: summary, description: description,
		permission: models.PermissionManageMappings,
	}
	if method == http.MethodGet {
		op.permission = models.PermissionViewMappings
	}
	return op
}

func (a *api) registerPayerMappings() {
	version := func(m *models.PayerMapping) int64 { return m.Version }
	registerList(a, mappingOperation(http.MethodGet, "listPayerMappings", "List payer mappings",
		"How payers' names are read, by raw name unless ordered otherwise. Search looks at both names.", payerMappings),
		func(ctx context.Context, v models.Viewer, _ *noInput, f models.PayerMappingFilter, l models.List[models.PayerMappingOrderField]) (*models.Rows[*models.PayerMapping], error) {
			return a.store.PayerMappings(ctx, v, f, l)
		}, showPayerMapping)
	registerDetail(a, mappingOperation(http.MethodGet, "getPayerMapping", "Show a payer mapping",
		"How one payer's name is read.", payerMappings, "{id}"), a.store.PayerMapping, showPayerMapping, version)
	create := mappingOperation(http.MethodPost, "createPayerMapping", "Create a payer mapping",
		"Says how a payer's name is to be read from now on. A name that is mapped already is a conflict, whatever its case, and "+
			"`existing_id` is that mapping.", payerMappings)
	registerCreate(a, create, func(ctx context.Context, v models.Viewer, body newPayerMapping) (*models.PayerMapping, error) {
		return a.store.CreatePayerMapping(ctx, v, models.NewPayerMapping(body))
	}, showPayerMapping, version, func(m payerMapping) string { return m.Links.Self.Href })
	replace := mappingOperation(http.MethodPut, "replacePayerMapping", "Replace a payer mapping",
		"Changes both names; claims that are stored keep theirs.", payerMappings, "{id}").conflicting()
	registerReplace(a, replace, a.store.UpdatePayerMapping, showPayerMapping, version)
	update := mappingOperation(http.MethodPatch, "updatePayerMapping", "Change a payer mapping",
		"Changes how a payer's name is read from now on; claims that are stored keep theirs.", payerMappings, "{id}").conflicting()
	registerPatch(a, update, a.store.UpdatePayerMapping, showPayerMapping, version)
	registerDelete(a, mappingOperation(http.MethodDelete, "deletePayerMapping", "Delete a payer mapping",
		"Forgets how a payer's name is to be read: it is kept as it is from now on.", payerMappings, "{id}"), a.store.DeletePayerMapping)
}
