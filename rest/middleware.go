package rest

import (
	"context"
	"net/http"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humachi"
	"github.com/go-chi/chi/v5"

	"upstream/internal/auth"
	"upstream/models"
	"upstream/store"
)

// apiVersion is the version of the contract, sent with every answer.
const apiVersion = "1.0.0"

// answer is a response writer that completes the headers at the last moment,
// when status and cost are known.
type answer struct {
	http.ResponseWriter
	complete func(h http.Header, status int)
	started  bool
}

// WriteHeader implements http.ResponseWriter.
func (w *answer) WriteHeader(status int) {
	if !w.started && status >= http.StatusOK {
		w.started = true
		w.complete(w.Header(), status)
	}
	w.ResponseWriter.WriteHeader(status)
}

// Write implements http.ResponseWriter.
func (w *answer) Write(b []byte) (int, error) {
	if !w.started {
		w.WriteHeader(http.StatusOK)
	}
	return w.ResponseWriter.Write(b)
}

// Unwrap lets http.ResponseController reach the connection.
func (w *answer) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// frame wraps every request: it counts database work, sets the headers every
// answer carries and turns a panic into a 500.
func (a *api) frame(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx, stats := store.WithStats(r.Context())
		out := &answer{ResponseWriter: w}
		out.Header().Del("Cache-Control") // what a layer before us says of answers nobody spoke for
		out.complete = func(h http.Header, status int) {
			h.Set("API-Version", apiVersion)
			cacheHeaders(h, r.Method, status)
			h.Set("Server-Timing", serverTiming(stats))
		}
		defer a.recovered(out, r)
		next.ServeHTTP(out, r.WithContext(ctx))
	})
}

// serverTiming says how long the database took, in milliseconds.
func serverTiming(stats *store.Stats) string {
	var room [64]byte
	b := strconv.AppendFloat(append(room[:0], "db;dur="...), float64(stats.Duration().Microseconds())/1000, 'f', 3, 64)
	b = strconv.AppendInt(append(b, `;desc="`...), int64(stats.Statements()), 10)
	return string(append(b, ` statements"`...))
}

// cacheHeaders lets the client's own cache keep what was read, to be
// revalidated each time, and nobody keep anything else.
func cacheHeaders(h http.Header, method string, status int) {
	h["Vary"] = append([]string{"Authorization, " + auth.CustomerHeader}, h["Vary"]...)
	if h.Get("Cache-Control") != "" {
		return
	}
	read := method == http.MethodGet || method == http.MethodHead
	if read && (status < http.StatusMultipleChoices || status == http.StatusNotModified) {
		h.Set("Cache-Control", "private, no-cache")
		return
	}
	h.Set("Cache-Control", "no-store")
}

// recovered answers a panic with 500 and logs where it came from. When the
// answer is already under way, cutting the connection is all that is left to
// tell the client.
func (a *api) recovered(w *answer, r *http.Request) {
	cause := recover()
	if cause == nil {
		return
	}
	if err, ok := cause.(error); ok && err == http.ErrAbortHandler { //nolint:errorlint // the sentinel is passed as it is
		panic(cause)
	}
	a.log.ErrorContext(r.Context(), "panic", "request_id", auth.RequestID(r.Context()), "path", r.URL.Path,
		"panic", cause, "stack", string(debug.Stack()))
	if w.started {
		panic(http.ErrAbortHandler)
	}
	a.writeProblem(w, r.WithContext(context.WithoutCancel(r.Context())), models.NewError(models.CodeInternal, models.InternalMessage))
}

// routable prepares routing: it forgets the route context of a router we may be
// mounted in (our patterns are whole paths), lets HEAD find its GET, and finds
// a resource whose trailing slash was left out. An empty segment is not taken
// for an identifier.
func (a *api) routable(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		route := chi.NewRouteContext()
		route.RoutePath = r.URL.Path
		if r.URL.RawPath != "" {
			route.RoutePath = r.URL.RawPath
		}
		if strings.HasPrefix(route.RoutePath, basePath) && !strings.HasSuffix(route.RoutePath, "/") {
			route.RoutePath += "/"
		}
		if strings.Contains(route.RoutePath, "//") {
			a.notFound(w, r)
			return
		}
		route.RouteMethod = r.Method
		if r.Method == http.MethodHead {
			route.RouteMethod = http.MethodGet
		}
		next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), chi.RouteCtxKey, route)))
	})
}

// named says which operation the request turned out to be.
func (a *api) named(operation string) func(huma.Context, func(huma.Context)) {
	return func(ctx huma.Context, next func(huma.Context)) {
		a.opts.Named(ctx.Context(), operation)
		next(ctx)
	}
}

// producesKey marks operations whose answer is no JSON.
const producesKey = "produces"

type acceptKey struct{}

// accepted is what the client of an operation accepts that produces other than
// JSON.
func accepted(ctx context.Context) string {
	text, _ := ctx.Value(acceptKey{}).(string)
	return text
}

// preference is how much a client wants a media type, 0..1, by its Accept
// header: the range that names it best counts.
func preference(accept, mediaType string) float64 {
	if strings.TrimSpace(accept) == "" {
		return 1
	}
	kind, _, _ := strings.Cut(mediaType, "/")
	wanted, best := 0.0, -1
	for part := range strings.SplitSeq(accept, ",") {
		media, params, _ := strings.Cut(part, ";")
		exactness := slices.Index([]string{"*/*", kind + "/*", mediaType}, strings.ToLower(strings.TrimSpace(media)))
		if exactness > best {
			wanted, best = quality(params), exactness
		}
	}
	return wanted
}

// acceptable refuses, before anything is done, a client that reads no JSON.
// Past it the header says JSON, so that the library has nothing to negotiate.
func (a *api) acceptable(ctx huma.Context, next func(huma.Context)) {
	r, w := humachi.Unwrap(ctx)
	accept := strings.Join(r.Header.Values("Accept"), ",")
	if ctx.Operation().Metadata[producesKey] != nil { // which sees itself to what it is to be
		r.Header.Set("Accept", "application/json")
		next(huma.WithValue(ctx, acceptKey{}, accept))
		return
	}
	if !acceptsJSON(accept) {
		a.writeProblem(w, r, models.NewError(codeNotAcceptable, "Answers are application/json; accept that."))
		return
	}
	r.Header.Set("Accept", "application/json")
	next(ctx)
}

// acceptsJSON looks for a range that covers JSON and is not ruled out by q=0.
func acceptsJSON(accept string) bool {
	if strings.TrimSpace(accept) == "" {
		return true
	}
	for part := range strings.SplitSeq(accept, ",") {
		media, params, _ := strings.Cut(part, ";")
		switch strings.ToLower(strings.TrimSpace(media)) {
		case "*/*", "application/*", "application/json", problemType:
			if quality(params) > 0 {
				return true
			}
		}
	}
	return false
}

// quality is the q of a media range; 1 when there is none.
func quality(params string) float64 {
	for param := range strings.SplitSeq(params, ";") {
		name, value, _ := strings.Cut(strings.TrimSpace(param), "=")
		if strings.EqualFold(name, "q") {
			if q, err := strconv.ParseFloat(value, 64); err == nil {
				return q
			}
		}
	}
	return 1
}

// notFound answers for paths that lead nowhere.
func (a *api) notFound(w http.ResponseWriter, r *http.Request) {
	a.writeProblem(w, r, models.NewError(models.CodeNotFound, "There is nothing at this path."))
}

// wrongMethod answers OPTIONS with what a path allows, any other method with 405.
func (a *api) wrongMethod(w http.ResponseWriter, r *http.Request) {
	allowed := strings.Join(a.allowed(chi.RouteContext(r.Context()).RoutePath), ", ")
	w.Header().Set("Allow", allowed)
	if r.Method == http.MethodOptions {
		w.WriteHeader(http.StatusNoContent)
		return
	}
	a.writeProblem(w, r, models.NewError(codeMethodNotAllowed, "This path allows %s.", allowed))
}

// allowed lists the methods of a path.
func (a *api) allowed(path string) []string {
	var methods []string
	for _, method := range []string{http.MethodGet, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete} {
		if !a.router.Match(chi.NewRouteContext(), method, path) {
			continue
		}
		methods = append(methods, method)
		if method == http.MethodGet {
			methods = append(methods, http.MethodHead)
		}
	}
	return append(methods, http.MethodOptions)
}
