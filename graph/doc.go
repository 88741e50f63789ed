// Package graph is the GraphQL edge: it decodes an operation, calls one store
// method per field that reads or writes, and encodes the answer. No SQL and no
// rule of the domain lives here.
//
// What lives where:
//
//   - schema/*.graphqls: the schema, one file per noun, every element described
//   - generated/: what `go tool gqlgen generate` makes of it, never edited
//   - wire/: the Go shapes of what exists in GraphQL only
//   - *.resolvers.go: the resolvers, one file per schema file
//   - relay.go, node.go: connections and global identification
//   - loaders.go: why nested fields cost a fixed number of statements
//   - limits.go, shape.go, cost.go: what an operation may ask for
//   - throttle.go: what an operation draws on the budgets of its caller
//   - errors.go: the one table from error codes to answers
//   - handler.go, transport.go, negotiate.go: GraphQL over HTTP
//
// It may import models, store, internal/auth and internal/throttle. It must
// never import another edge, and nothing of ours below it may import it.
package graph
