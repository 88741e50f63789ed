// Package store is the middle of Upstream: every use case, each one method and
// one transaction. Both APIs, the commands and the workers call the same
// methods, so drift detection, uniqueness, permissions and tenancy cannot be
// checked differently in one of them.
//
// An exported method reads top to bottom: may the viewer? is the input valid?
// lock, write, audit, return. A query can only be made on a transaction that
// tx.go bound to one customer, or as one that reading.go sends along with that
// customer; the one other door, system, serves sign-in and
// the operator (the one account that every request asks for comes from a
// function of the schema that opens that door for itself). Errors leave this package as *models.Error: constraints.go maps
// each constraint of the schema to a code, a field and a sentence.
//
// It may import models and its sub-packages and migrations; it knows nothing
// of HTTP or GraphQL.
package store
