// Package models is the domain of Upstream: the nouns (customers, uploads,
// claims, report runs, drift events, alerts, webhooks), their enums, the inputs
// and filters of every use case, the bodies of events that partners hear of, who
// may do what, and the error codes both APIs answer with.
//
// It does no I/O and imports nothing of ours: the standard library and small
// value libraries (identifiers, decimals) only. Pure rules about the nouns live
// in its sub-packages (drift, claimfile, alerting), which may import models.
// Entities carry bun tags; filters and inputs carry the tags both edges read,
// because one struct serves REST, GraphQL and the store. The wire shape of an
// answer belongs to the edges, never here.
package models
