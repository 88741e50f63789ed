package graph

import (
	"context"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"upstream/models"
)

// introspection lets signed-in viewers read the schema, unless it is switched
// off, and refuses the whole operation otherwise. gqlgen's own switch would
// answer null with an uncoded error.
type introspection struct{ viewerMay, switchedOff bool }

var _ interface {
	graphql.HandlerExtension
	graphql.OperationContextMutator
} = introspection{}

// ExtensionName implements graphql.HandlerExtension.
func (introspection) ExtensionName() string { return "Introspection" }

// Validate implements graphql.HandlerExtension.
func (introspection) Validate(graphql.ExecutableSchema) error { return nil }

// MutateOperationContext implements graphql.OperationContextMutator.
func (i introspection) MutateOperationContext(_ context.Context, op *graphql.OperationContext) *gqlerror.Error {
	if !readsSchema(op.Operation.SelectionSet, map[string]bool{}) {
		return nil
	}
	if i.switchedOff {
		return refuse(models.NewError(models.CodeForbidden, "Introspection is switched off."))
	}
	if !i.viewerMay {
		return refuse(models.NewError(models.CodeUnauthenticated, "Sign in to read the schema: send a bearer token."))
	}
	op.DisableIntrospection = false
	return nil
}

// readsSchema reports whether a root selection holds __schema or __type, which
// exist at the root only. seen holds the fragments looked into.
func readsSchema(set ast.SelectionSet, seen map[string]bool) bool {
	for _, sel := range set {
		var below ast.SelectionSet
		switch sel := sel.(type) {
		case *ast.Field:
			if isIntrospection(sel.Name) {
				return true
			}
		case *ast.InlineFragment:
			below = sel.SelectionSet
		case *ast.FragmentSpread:
			if !seen[sel.Name] {
				seen[sel.Name] = true
				below = sel.Definition.SelectionSet
			}
		}
		if readsSchema(below, seen) {
			return true
		}
	}
	return false
}
