package rest

import (
	"net/http"
	"strconv"
	"time"

	"github.com/danielgtaylor/huma/v2"
)

// deprecation says that an operation will go.
type deprecation struct {
	// since is when that was decided, sunset the first instant at which the
	// operation may be gone.
	since, sunset time.Time
	// instead names what to call instead, in a sentence.
	instead string
}

// deprecate announces it with every answer (RFC 9745, RFC 8594), and documents
// that it does.
func (d *deprecation) deprecate(spec *huma.Operation) {
	if d == nil {
		return
	}
	spec.Deprecated = true
	spec.Description += "\n\nDeprecated: answers until " + d.sunset.UTC().Format(time.DateOnly) + ". " + d.instead
	since, sunset := "@"+strconv.FormatInt(d.since.Unix(), 10), d.sunset.UTC().Format(http.TimeFormat)
	// First of all, so that refusals announce it too.
	spec.Middlewares = append(huma.Middlewares{func(ctx huma.Context, next func(huma.Context)) {
		ctx.SetHeader("Deprecation", since)
		ctx.SetHeader("Sunset", sunset)
		next(ctx)
	}}, spec.Middlewares...)
}

// documentDeprecation adds the two headers to all answers of an operation.
func (d *deprecation) documentDeprecation(responses map[string]*huma.Response) {
	if d == nil {
		return
	}
	for _, response := range responses {
		if response.Headers == nil {
			response.Headers = map[string]*huma.Header{}
		}
		response.Headers["Deprecation"] = limitHeader("Since when the operation is deprecated, in seconds since 1970 (RFC 9745).",
			"@"+strconv.FormatInt(d.since.Unix(), 10))
		response.Headers["Sunset"] = limitHeader("From when on the operation may be gone (RFC 8594).", d.sunset.UTC().Format(http.TimeFormat))
	}
}
