package rest

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"time"

	"upstream/models"
)

// basePath is where every resource lives.
const basePath = "/api/v1"

// call is what a handler needs to know about the request beside its input.
type call struct {
	// path is as the client wrote it, canonical with its trailing slash.
	path      string
	canonical string
	// head says that the client wants the headers alone.
	head bool
	// base is scheme and host (and perhaps a prefix) of absolute links.
	base string
	// query is nil when it cannot be parsed.
	query url.Values
	// ifMatch is the precondition of the request, as it came.
	ifMatch string
	// header is that of the answer.
	header http.Header
	// control reaches the connection.
	control *http.ResponseController
}

// bodyArrived lifts the deadline that was set for the body. Left in place it
// would cancel, once it has passed, an operation that takes longer.
func (c call) bodyArrived() {
	if c.control != nil {
		_ = c.control.SetReadDeadline(time.Time{}) // what has no connection has no deadline
	}
}

type callKey struct{}

// callFrom is the call a context belongs to.
func callFrom(ctx context.Context) call {
	c, _ := ctx.Value(callKey{}).(call)
	return c
}

// withCall describes the request for whatever comes after.
func (a *api) withCall(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c := call{
			path: r.URL.Path, head: r.Method == http.MethodHead, canonical: r.URL.Path, base: a.base(r), ifMatch: strings.Join(r.Header.Values("If-Match"), ","),
			header: w.Header(), control: http.NewResponseController(w),
		}
		if !strings.HasSuffix(c.canonical, "/") {
			c.canonical += "/"
		}
		if q, err := url.ParseQuery(r.URL.RawQuery); err == nil {
			c.query = q
		}
		next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), callKey{}, c)))
	})
}

// base is where clients reach us: the configured address, else the one this
// client used.
func (a *api) base(r *http.Request) string {
	if a.opts.PublicURL != "" {
		return strings.TrimSuffix(a.opts.PublicURL, "/")
	}
	scheme := "http"
	if r.TLS != nil {
		scheme = "https"
	}
	return scheme + "://" + r.Host
}

// parsedQuery is the query of the request; one that cannot be parsed is a 400,
// because what Go would keep of it is not what the client meant.
func (c call) parsedQuery() (url.Values, error) {
	if c.query == nil {
		return nil, malformed("The query string is malformed: separate parameters with & and percent-encode their values.")
	}
	return c.query, nil
}

// link is a hyperlink in the manner of HAL.
type link struct {
	Href string `json:"href" format:"uri" doc:"Absolute address." example:"https://upstream.example.org/api/v1/claims/"`
}

// links builds the hyperlinks of one answer.
type links struct{ base string }

func linksFor(ctx context.Context) links { return links{base: callFrom(ctx).base} }

// to is the resource under basePath that segments name.
func (l links) to(segments ...string) link {
	return link{Href: l.base + resourcePath(segments...)}
}

func resourcePath(segments ...string) string {
	return basePath + "/" + strings.Join(segments, "/") + "/"
}

// noQuery refuses parameters where an operation has none: one that is ignored
// is a filter the client believes in.
func (c call) noQuery() error {
	q, err := c.parsedQuery()
	if err != nil {
		return err
	}
	var fields []models.FieldError
	for _, name := range sortedKeys(q) {
		fields = append(fields, models.FieldError{Path: name, Code: "unknown", Message: "is not a parameter: this operation takes none"})
	}
	return models.Invalid(fields...)
}
