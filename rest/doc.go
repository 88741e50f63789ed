// Package rest is the REST edge: resources under /api/v1, problem details on
// every error, and the OpenAPI documents generated from the same Go types.
//
// A handler decodes, calls one store method, encodes. No SQL, no rule and no
// permission table lives here: filters and orderings are those of models, the
// store decides who may do what. Representations (the JSON of a resource) are
// this package's own, so that the wire shape can stay while models change.
//
// It may import models, store, internal/auth and internal/throttle, and must
// never know graph.
package rest
