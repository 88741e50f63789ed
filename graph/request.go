package graph

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"

	"upstream/internal/auth"
	"upstream/models"
	"upstream/store"
)

// request is what one HTTP request carries besides its operation: who asks,
// what it has cost so far, and the rows it has loaded.
type request struct {
	viewer models.Viewer
	// anonymous is who asks when nobody has signed in: an address.
	anonymous models.Viewer

	audience Audience
	limits   Limits

	id      string
	stats   *store.Stats
	loaders loaders
	// timeout is set once execution starts; zero before.
	timeout time.Duration
	// cost is the price of the operation, spent what its answer cost so far.
	cost  int
	spent spent
	// document names a trusted document in place of a query; persist is the hash
	// of the query that is to be kept once it has passed every check.
	document string
	persist  string
	// presented counts errors, so that the answer holds only the first few.
	presented atomic.Int64
	// logged holds the internal failures already written to the log: one cause
	// may surface at a hundred rows.
	logged sync.Map
}

type requestKey struct{}

// newRequest prepares the context of one request.
func newRequest(ctx context.Context, opts Options) (context.Context, *request) {
	ctx, stats := store.WithStats(ctx)
	viewer := auth.ViewerFrom(ctx)
	audience := audienceOf(viewer)
	r := &request{
		viewer: viewer, anonymous: auth.Anonymous(ctx), audience: audience, limits: opts.Limits[audience],
		stats: stats, id: opts.RequestID(ctx),
	}
	return context.WithValue(ctx, requestKey{}, r), r
}

// requestFrom is the request of a context that newRequest made.
func requestFrom(ctx context.Context) *request {
	r, _ := ctx.Value(requestKey{}).(*request)
	return r
}

// signedIn is the viewer of a context, or UNAUTHENTICATED: every field that
// touches a customer's data starts with it.
func signedIn(ctx context.Context) (models.Viewer, error) {
	v := requestFrom(ctx).viewer
	if !v.Authenticated() {
		return v, models.NewError(models.CodeUnauthenticated, "Sign in first: send a bearer token.")
	}
	return v, nil
}

// named tells what an operation is before it runs: its kind and first field.
func named(tell func(context.Context, string)) graphql.OperationMiddleware {
	return func(ctx context.Context, next graphql.OperationHandler) graphql.ResponseHandler {
		tell(ctx, nameOf(graphql.GetOperationContext(ctx)))
		return next(ctx)
	}
}

// nameOf is such as Query.claims: of a closed set, which names that clients give
// are not.
func nameOf(op *graphql.OperationContext) string {
	kind := "Query"
	if op.Operation.Operation == ast.Mutation {
		kind = "Mutation"
	}
	for _, field := range graphql.CollectFields(op, op.Operation.SelectionSet, []string{kind}) {
		return kind + "." + field.Name
	}
	return kind
}
