package graph

import (
	"context"
	"net/http"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"

	"upstream/internal/throttle"
	"upstream/models"
)

// costPerUnit is how much cost a unit of the class read_only buys: a page of 25
// claims with every field is one unit, as it is in REST.
const costPerUnit = 1000

// draws are what an operation takes from the budgets of its caller, the same
// ones that REST draws on:
//
//   - a query takes one unit of read_only for each started thousand of its cost
//   - a request that cannot be run takes one unit, however dear it would be
//   - each field of a mutation takes one unit of the class of its REST
//     counterpart: report_generation for runs, bulk_operation for uploads,
//     write_operation else
//   - whoever has not signed in draws on the class anonymous instead
func draws(op *graphql.OperationContext, cost int, signedIn bool) []throttle.Draw {
	units := max(1, (cost+costPerUnit-1)/costPerUnit)
	if op.Operation == nil {
		units = 1
	}
	if !signedIn {
		return []throttle.Draw{{Class: throttle.Anonymous, Cost: units}}
	}
	if op.Operation == nil || op.Operation.Operation != ast.Mutation {
		return []throttle.Draw{{Class: throttle.ReadOnly, Cost: units}}
	}
	fields := rootFields(op.Operation.SelectionSet)
	list := make([]throttle.Draw, len(fields))
	for i, name := range fields {
		list[i] = throttle.Draw{Class: classOf(name), Cost: 1}
	}
	return list
}

// classOf is the class of a mutation.
func classOf(mutation string) throttle.Class {
	switch mutation {
	case "detectDrift", "triggerReport":
		return throttle.ReportGeneration
	case "updateUpload", "deleteUpload", "cancelUpload":
		return throttle.BulkOperation
	default:
		return throttle.WriteOperation
	}
}

// rootFields are the fields an operation selects at its root, those of
// fragments included, as often as they are selected.
func rootFields(set ast.SelectionSet) []string {
	var names []string
	for _, selection := range set {
		switch selection := selection.(type) {
		case *ast.Field:
			names = append(names, selection.Name)
		case *ast.InlineFragment:
			names = append(names, rootFields(selection.SelectionSet)...)
		case *ast.FragmentSpread:
			names = append(names, rootFields(selection.Definition.SelectionSet)...)
		}
	}
	return names
}

// nothing is the operation of a request that holds none that can be run.
func nothing() *graphql.OperationContext { return &graphql.OperationContext{} }

// admit draws on the caller's budgets for an operation that is about to run. It
// says in the headers what is left, and answers a request that is one too many.
func (t transport) admit(ctx context.Context, a answer, op *graphql.OperationContext) bool {
	r := requestFrom(ctx)
	viewer := r.viewer
	if !viewer.Authenticated() {
		viewer = r.anonymous
	}
	verdict := t.throttle.Take(ctx, throttle.CallerOf(viewer), draws(op, r.cost, viewer.Authenticated())...)
	verdict.SetHeaders(a.w.Header())
	if err := verdict.Err(); err != nil {
		t.fail(ctx, a, refusal{status: http.StatusTooManyRequests, err: models.AsError(err)})
		return false
	}
	return true
}
