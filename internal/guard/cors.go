package guard

import (
	"net/http"
	"slices"
	"time"

	"github.com/go-chi/cors"
)

// preflightAge is how long a browser may remember what a preflight allowed: an
// origin that was taken off the list is out that much later at most.
const preflightAge = 10 * time.Minute

// CORS lets pages of the listed origins (as a browser writes them:
// scheme://host[:port], lower case, no default port) read answers and send
// every request of both APIs, credentials included. Any other origin, and every
// one when the list is empty, gets no CORS header, so that the browser keeps
// the answer from it.
//
// It answers preflights itself, for every path: they carry no credentials, and
// come before a path is looked at.
func CORS(origins []string) func(http.Handler) http.Handler {
	allowed := slices.Clone(origins)
	return cors.Handler(cors.Options{
		// A function, because the library takes an empty list for "all".
		AllowOriginFunc:  func(_ *http.Request, origin string) bool { return slices.Contains(allowed, origin) },
		AllowedMethods:   []string{http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete},
		AllowedHeaders:   acceptedHeaders(),
		ExposedHeaders:   exposedHeaders(),
		AllowCredentials: true,
		MaxAge:           int(preflightAge.Seconds()),
	})
}

// acceptedHeaders are those a page of another origin may send beyond the few
// every page may.
func acceptedHeaders() []string {
	return []string{
		"Accept", "Accept-Language", "Authorization", "Content-Type", "GraphQL-Preflight", "Idempotency-Key", "If-Match",
		"If-None-Match", "X-Customer-Id", "X-Request-Id",
	}
}

// exposedHeaders are those a page of another origin may read beyond the few
// every page may.
func exposedHeaders() []string {
	return []string{
		"API-Version", "Cache-Control", "ETag", "Idempotency-Replayed", "Last-Modified", "Link", "Location", "RateLimit", "RateLimit-Policy",
		"Retry-After", "Server-Timing", "WWW-Authenticate", "X-Request-Duration-Ms", "X-Request-Id",
	}
}
