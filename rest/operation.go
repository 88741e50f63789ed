package rest

import (
	"context"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humachi"

	"upstream/internal/auth"
	"upstream/internal/throttle"
	"upstream/models"
)

// operation declares one method of one path.
type operation struct {
	id          string
	method      string
	path        string
	tag         string
	summary     string
	description string
	// permission is what the viewer needs; empty for operations open to all.
	permission models.Permission
	// signedIn demands a viewer, whatever they may do; permission implies it.
	signedIn bool
	// status is that of success; 0 means 200.
	status int
	// codes are the errors beside those that every operation can answer with.
	codes []models.Code
	// params are documented query parameters; list says that the handler reads
	// them itself. An operation without them refuses any.
	params []*huma.Param
	list   bool
	// fixed are parameters of the filter that the path sets already.
	fixed []string
	// unsearchable lists have no column of text to search.
	unsearchable bool
	// notModified says that the operation can answer 304.
	notModified bool
	// maxBody bounds a JSON body in bytes; 0 means the server's limit.
	maxBody int64
	// hasBody says that a JSON body is read.
	hasBody bool
	// throttle are the classes that a request draws on; unless given they
	// follow from the method and from whom the operation is for. An exempt
	// operation draws on none. What is refundable is given back on success.
	throttle   []throttle.Class
	refundable []throttle.Class
	exempt     bool
}

// bodyReadTimeout is how long a JSON body may take to arrive.
const bodyReadTimeout = 30 * time.Second

// register adds an operation whose handler may return any error.
func register[I, O any](a *api, op operation, handle func(context.Context, *I) (*O, error)) {
	spec := a.humaOperation(op)
	huma.Register(a.huma, spec, func(ctx context.Context, in *I) (*O, error) {
		out, err := handle(ctx, in)
		if err != nil {
			return nil, a.problem(ctx, err)
		}
		return out, nil
	})
	documentThrottle(spec.Responses, op) // to which registering has added success
}

// humaOperation is the library's form of op.
func (a *api) humaOperation(op operation) huma.Operation {
	spec := huma.Operation{
		OperationID: op.id, Method: op.method, Path: op.path, Summary: op.summary, Description: op.description,
		Tags: []string{op.tag}, DefaultStatus: op.status, Parameters: op.params,
		BodyReadTimeout: bodyReadTimeout, MaxBodyBytes: a.opts.MaxBodyBytes + 1,
		Responses: map[string]*huma.Response{},
	}
	if op.maxBody > 0 {
		spec.MaxBodyBytes = op.maxBody + 1 // the library refuses a body of exactly its limit
	}
	if op.permission != "" || op.signedIn {
		spec.Middlewares = append(spec.Middlewares, a.identify)
	}
	if !op.exempt {
		spec.Middlewares = append(spec.Middlewares, a.throttled(op))
	}
	if op.permission != "" {
		spec.Middlewares = append(spec.Middlewares, a.authorize(op.permission))
		spec.Security = []map[string][]string{{"bearer": {}}}
		spec.Parameters = append(spec.Parameters, customerParam())
		spec.Description += "\n\nNeeds the permission `" + string(op.permission) + "`."
		spec.Extensions = map[string]any{"x-permission": string(op.permission)}
	}
	if op.signedIn {
		spec.Middlewares = append(spec.Middlewares, a.authenticate)
		spec.Security = []map[string][]string{{"bearer": {}}}
	}
	if !op.list {
		spec.Middlewares = append(spec.Middlewares, a.refuseQuery)
	}
	a.documentErrors(&spec, op.allCodes())
	describeThrottle(&spec, op)
	if op.notModified {
		spec.Responses[strconv.Itoa(http.StatusNotModified)] = &huma.Response{Description: "The client has the current version."}
	}
	return spec
}

// allCodes are the errors an operation can answer with.
func (op operation) allCodes() []models.Code {
	codes := append([]models.Code{models.CodeValidation, codeNotAcceptable, models.CodeInternal}, op.codes...)
	codes = append(codes, op.rateLimited()...)
	if op.permission != "" || op.signedIn {
		codes = append(codes, models.CodeUnauthenticated, models.CodeForbidden)
	}
	if op.hasBody {
		codes = append(codes, models.CodePayloadTooLarge, codeUnsupportedMediaType, codeRequestTimeout)
	}
	slices.Sort(codes)
	return slices.Compact(codes)
}

// identify puts the viewer into the context. A request whose credentials do
// not hold ends here.
func (a *api) identify(ctx huma.Context, next func(huma.Context)) {
	r, w := humachi.Unwrap(ctx)
	v, err := a.auth.ViewerOf(r)
	if err != nil {
		a.writeProblem(w, r, err)
		return
	}
	next(huma.WithContext(ctx, auth.WithViewer(ctx.Context(), v)))
}

// authorize refuses early who lacks the permission: before a gigabyte of upload
// is received, and before a malformed body could be answered with anything but
// 401. The store checks again.
func (a *api) authorize(p models.Permission) func(huma.Context, func(huma.Context)) {
	return func(ctx huma.Context, next func(huma.Context)) {
		if err := auth.ViewerFrom(ctx.Context()).Authorize(p); err != nil {
			r, w := humachi.Unwrap(ctx)
			a.writeProblem(w, r, err)
			return
		}
		next(ctx)
	}
}

// authenticate is authorize for what every account may do about itself.
func (a *api) authenticate(ctx huma.Context, next func(huma.Context)) {
	if !auth.ViewerFrom(ctx.Context()).Authenticated() {
		r, w := humachi.Unwrap(ctx)
		a.writeProblem(w, r, models.NewError(models.CodeUnauthenticated, "Sign in first: send a bearer token."))
		return
	}
	next(ctx)
}

// refuseQuery guards operations that take no query parameters.
func (a *api) refuseQuery(ctx huma.Context, next func(huma.Context)) {
	if err := callFrom(ctx.Context()).noQuery(); err != nil {
		r, w := humachi.Unwrap(ctx)
		a.writeProblem(w, r, err)
		return
	}
	next(ctx)
}
