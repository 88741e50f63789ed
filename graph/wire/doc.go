// Package wire holds the Go shapes of what exists in the GraphQL schema only:
// custom scalars, connections, payloads and inputs that wrap those of models.
// It may import models and the scalar support of gqlgen; package graph and the
// generated code import it, which is why it is apart from graph.
package wire
