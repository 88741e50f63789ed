package rest

import (
	"net/http"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humachi"

	"upstream/internal/auth"
	"upstream/internal/throttle"
	"upstream/models"
)

// classes are those an operation draws on: its own, else those of its method
// and of whom it is for.
func (op operation) classes() []throttle.Class {
	switch {
	case op.exempt:
		return nil
	case len(op.throttle) > 0:
		return op.throttle
	case op.permission == "" && !op.signedIn:
		return []throttle.Class{throttle.Anonymous}
	case op.permission == "":
		return []throttle.Class{throttle.User}
	case op.method == http.MethodGet, op.readsOnly:
		return []throttle.Class{throttle.ReadOnly}
	default:
		return []throttle.Class{throttle.WriteOperation}
	}
}

// throttled admits a request while its caller has something left of every
// class, and says how much. Where signing in is needed it comes before the
// check of who may do what, so that refusals count too, and nobody's request
// counts as an anonymous one.
func (a *api) throttled(op operation) func(huma.Context, func(huma.Context)) {
	needsViewer := op.permission != "" || op.signedIn
	own, anonymous := drawsOn(op.classes()), drawsOn([]throttle.Class{throttle.Anonymous})
	refundable := drawsOn(op.refundable)
	return func(ctx huma.Context, next func(huma.Context)) {
		r, w := humachi.Unwrap(ctx)
		draws, viewer := own, auth.Anonymous(r.Context())
		if needsViewer {
			if viewer = auth.ViewerFrom(ctx.Context()); !viewer.Authenticated() {
				draws = anonymous
			}
		}
		caller := throttle.CallerOf(viewer)
		verdict := a.opts.Throttle.Take(ctx.Context(), caller, draws...)
		verdict.SetHeaders(w.Header())
		if err := verdict.Err(); err != nil {
			a.writeProblem(w, r, err)
			return
		}
		next(ctx)
		if len(refundable) > 0 && ctx.Status() < http.StatusMultipleChoices {
			a.opts.Throttle.GiveBack(ctx.Context(), caller, refundable...)
		}
	}
}

func drawsOn(classes []throttle.Class) []throttle.Draw {
	draws := make([]throttle.Draw, len(classes))
	for i, class := range classes {
		draws[i] = throttle.Draw{Class: class, Cost: 1}
	}
	return draws
}

// describeThrottle names the classes an operation draws on.
func describeThrottle(spec *huma.Operation, op operation) {
	classes := op.classes()
	if len(classes) == 0 {
		return
	}
	names := make([]string, len(classes))
	for i, class := range classes {
		names[i] = string(class)
	}
	spec.Description += "\n\nThrottled as `" + strings.Join(names, "` and `") + "`."
	if spec.Extensions == nil {
		spec.Extensions = map[string]any{}
	}
	spec.Extensions["x-throttle"] = names
}

// documentThrottle adds to all answers of an operation what they tell about
// the classes it draws on.
func documentThrottle(responses map[string]*huma.Response, op operation) {
	if op.exempt {
		return
	}
	for _, response := range responses {
		if response.Headers == nil {
			response.Headers = map[string]*huma.Header{}
		}
		response.Headers[throttle.HeaderLimit] = limitHeader(
			"What is left, by class: units (r), which have to last so many seconds (t).", `"read_only";r=1999;t=1800`)
		response.Headers[throttle.HeaderPolicy] = limitHeader(
			"The budgets drawn on, by class: units (q) in so many seconds (w).", `"read_only";q=2000;w=3600`)
	}
}

func limitHeader(description, example string) *huma.Header {
	return &huma.Param{Description: description, Schema: &huma.Schema{Type: huma.TypeString, Examples: []any{example}}}
}

// rateLimited is the code of the answers that throttled gives.
func (op operation) rateLimited() []models.Code {
	if op.exempt {
		return nil
	}
	return []models.Code{models.CodeRateLimited}
}
