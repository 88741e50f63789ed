package rest

import (
	"context"
	"net/http"
	"reflect"
	"slices"
	"strconv"

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
	// also is a second one that it takes, where what is shown is of two kinds.
	also models.Permission
	// acrossCustomers operations are about no customer's data: a superuser need
	// name none.
	acrossCustomers bool
	// signedIn demands a person who has signed in, whatever they may do.
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
	// readsOnly says that the operation changes nothing although its method is POST:
	// what it asks for does not fit into a query.
	readsOnly bool
	// hasBody says that a JSON body is read.
	hasBody bool
	// streamed says that the handler reads the body itself, so that what it holds
	// is told to the store, which has to count it as a part of the request.
	streamed bool
	// secret says that an answer holds what nobody may keep: no cache may store
	// it, whatever the method. Answers that carry a token or key are found by
	// their fields.
	secret bool
	// throttle are the classes that a request draws on; unless given they
	// follow from the method and from whom the operation is for. An exempt
	// operation draws on none. What is refundable is given back on success.
	throttle   []throttle.Class
	refundable []throttle.Class
	exempt     bool
	// rules are those of the body that its schema cannot say; nil when it has none.
	rules bodyRules
	// patient operations take as long as they need; others end after the time
	// that requests have.
	patient bool
	// deprecated says that the operation will go, and when.
	deprecated *deprecation
	// produces are the media types of a successful answer that is no JSON, and
	// samples an answer in each.
	produces []string
	samples  map[string]any
}

// register adds an operation whose handler may return any error.
func register[I, O any](a *api, op operation, handle func(context.Context, *I) (*O, error)) {
	op.secret = op.secret || op.tag == tagAuth || carriesSecret(reflect.TypeFor[O]())
	spec := a.humaOperation(op)
	huma.Register(a.huma, spec, func(ctx context.Context, in *I) (*O, error) {
		if op.hasBody {
			callFrom(ctx).bodyArrived()
		}
		ctx, once := op.once(ctx)
		out, err := handle(ctx, in)
		if once.Replayed() {
			callFrom(ctx).header.Set(replayedHeader, "true")
		}
		if err != nil {
			return nil, a.problem(ctx, err)
		}
		return out, nil
	})
	documentThrottle(spec.Responses, op) // to which registering has added success
	documentReplay(spec.Responses, op)
	op.deprecated.documentDeprecation(spec.Responses)
}

// withoutSearch is a list that has no column of text to search.
func (op operation) withoutSearch() operation {
	op.unsearchable = true
	return op
}

// humaOperation is the library's form of op.
func (a *api) humaOperation(op operation) huma.Operation {
	spec := huma.Operation{
		OperationID: op.id, Method: op.method, Path: op.path, Summary: op.summary, Description: op.description,
		Tags: []string{op.tag}, DefaultStatus: op.status, Parameters: op.params,
		BodyReadTimeout: a.opts.BodyTimeout, Responses: map[string]*huma.Response{}, Extensions: map[string]any{},
	}
	if a.opts.Named != nil {
		spec.Middlewares = append(spec.Middlewares, a.named(op.id))
	}
	a.limitBody(&spec, op)
	if len(op.produces) > 0 {
		spec.Metadata = map[string]any{producesKey: op.produces}
	}
	if op.secret {
		spec.Middlewares = append(spec.Middlewares, neverStored)
	}
	if !op.patient {
		spec.Middlewares = append(spec.Middlewares, a.hurried)
	}
	if op.permission != "" || op.signedIn {
		spec.Middlewares = append(spec.Middlewares, a.identify)
	}
	if !op.exempt {
		spec.Middlewares = append(spec.Middlewares, a.throttled(op))
	}
	if op.permission != "" {
		spec.Middlewares = append(spec.Middlewares, a.authorize(op))
		spec.Security = []map[string][]string{{"bearer": {}}}
		if !op.acrossCustomers {
			spec.Parameters = append(spec.Parameters, customerParam())
		}
		documentAccess(&spec, op.permission)
		if op.also != "" {
			spec.Extensions["x-also-permission"] = string(op.also)
			spec.Description += " " + op.also.NeedsSentence(string(op.also))
		}
	}
	if op.signedIn {
		spec.Middlewares = append(spec.Middlewares, a.authenticate)
		spec.Security = []map[string][]string{{"bearer": {}}}
		spec.Description += "\n\nFor people: no API key may."
	}
	if !op.list {
		spec.Middlewares = append(spec.Middlewares, a.refuseQuery)
	}
	if op.honoursKey() {
		spec.Middlewares = append(spec.Middlewares, a.takeName(op))
	}
	documentKey(&spec, op)
	a.documentErrors(&spec, op.allCodes())
	describeThrottle(&spec, op)
	if op.notModified {
		spec.Responses[strconv.Itoa(http.StatusNotModified)] = &huma.Response{
			Description: "The client has the current version.", Headers: map[string]*huma.Header{
				"ETag": limitHeader("The entity tag that is current.", etag(1)),
			},
		}
	}
	if op.rules != nil {
		spec.Middlewares = append(spec.Middlewares, op.rules.remember)
	}
	if op.list && op.notModified {
		spec.Middlewares = append(spec.Middlewares, a.weaklyTagged)
	}
	op.deprecated.deprecate(&spec)
	return spec
}

// documentAccess says who may: the permission that people need and the scope
// that an API key needs, in words and for programs.
func documentAccess(spec *huma.Operation, p models.Permission) {
	spec.Extensions["x-permission"] = string(p)
	if scope, ok := models.ScopeFor(p); ok && scope != "" {
		spec.Extensions["x-scope"] = string(scope)
	}
	spec.Description += "\n\n" + p.NeedsSentence(string(p))
}

// limitBody bounds a JSON body, and documents the bound.
func (a *api) limitBody(spec *huma.Operation, op operation) {
	limit := a.opts.MaxBodyBytes
	if op.maxBody > 0 {
		limit = min(limit, op.maxBody)
	}
	spec.MaxBodyBytes = limit + 1 // the library refuses a body of exactly its limit
	if op.hasBody {
		a.bodies[op.id] = op.rules != nil
		spec.Extensions[bodyLimitExtension] = limit
	}
}

// bodyLimitExtension documents how many bytes the body of an operation may have.
const bodyLimitExtension = "x-max-body-bytes"

// allCodes are the errors an operation can answer with.
func (op operation) allCodes() []models.Code {
	codes := append([]models.Code{models.CodeValidation, codeNotAcceptable, models.CodeInternal, codeTimeout}, op.codes...)
	codes = append(codes, op.rateLimited()...)
	if op.permission != "" || op.signedIn {
		codes = append(codes, models.CodeUnauthenticated, models.CodeForbidden)
	}
	if op.honoursKey() {
		codes = append(codes, models.CodeConflict)
	}
	if op.hasBody {
		codes = append(codes, models.CodePayloadTooLarge, codeUnsupportedMediaType, codeRequestTimeout)
	}
	slices.Sort(codes)
	return slices.Compact(codes)
}

// hurried ends a request that takes longer than it may.
func (a *api) hurried(ctx huma.Context, next func(huma.Context)) {
	limited, cancel := context.WithTimeout(ctx.Context(), a.opts.RequestTimeout)
	defer cancel()
	next(huma.WithContext(ctx, limited))
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
func (a *api) authorize(op operation) func(huma.Context, func(huma.Context)) {
	return a.onlyIf(op.admits)
}

// admits answers nil when the viewer has what the operation takes.
func (op operation) admits(v models.Viewer) error {
	if op.acrossCustomers {
		return v.AuthorizeAcross(op.permission)
	}
	if err := v.Authorize(op.permission); err != nil || op.also == "" {
		return err
	}
	return v.Authorize(op.also)
}

// authenticate is authorize for what every person may do about their account.
func (a *api) authenticate(ctx huma.Context, next func(huma.Context)) {
	a.onlyIf(models.Viewer.AuthorizePerson)(ctx, next)
}

// onlyIf lets those pass whom admits answers nil.
func (a *api) onlyIf(admits func(models.Viewer) error) func(huma.Context, func(huma.Context)) {
	return func(ctx huma.Context, next func(huma.Context)) {
		if err := admits(auth.ViewerFrom(ctx.Context())); err != nil {
			r, w := humachi.Unwrap(ctx)
			a.writeProblem(w, r, err)
			return
		}
		next(ctx)
	}
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
