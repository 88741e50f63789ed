package obs

import (
	"context"
	"sync/atomic"
)

// Others is the operation of work that nobody has named: a page, or a path that
// leads nowhere.
const Others = "other"

// operation is what a piece of work is called. It is named within, once routing
// knows, and read outside and by the statements it sends.
type operation struct{ name, outcome atomic.Pointer[string] }

type operationKey struct{}

// withOperation lets the work of a context be named.
func withOperation(ctx context.Context) (context.Context, *operation) {
	o := &operation{}
	return context.WithValue(ctx, operationKey{}, o), o
}

// Begin is a context whose work is the operation of this name, but for what is
// named within: a command's.
func Begin(ctx context.Context, name string) context.Context {
	ctx, o := withOperation(ctx)
	o.name.Store(&name)
	return ctx
}

type bulkKey struct{}

// Bulk is a context whose statements may take as long as they do, since they
// read or write very much on purpose: none is logged or counted as slow.
func Bulk(ctx context.Context) context.Context { return context.WithValue(ctx, bulkKey{}, true) }

// Name names the operation that a context belongs to: of a closed set, such as
// "listClaims". It does nothing where no operation was begun.
func Name(ctx context.Context, name string) {
	if o, ok := ctx.Value(operationKey{}).(*operation); ok {
		o.name.Store(&name)
	}
}

// Outcome says what came of the operation where the status of HTTP does not: the
// code of an error, of which the first counts. It does nothing where no
// operation was begun.
func Outcome(ctx context.Context, code string) {
	if o, ok := ctx.Value(operationKey{}).(*operation); ok {
		o.outcome.CompareAndSwap(nil, &code)
	}
}

// NameOf is the name of the operation that a context belongs to; "" where none
// was begun, and Others where none was named.
func NameOf(ctx context.Context) string {
	o, ok := ctx.Value(operationKey{}).(*operation)
	if !ok {
		return ""
	}
	return valueOr(o.name.Load(), Others)
}

func valueOr(text *string, otherwise string) string {
	if text == nil {
		return otherwise
	}
	return *text
}
