package auth

import (
	"context"
	"net"
	"net/http"
	"regexp"

	"github.com/google/uuid"
)

// RequestIDHeader carries the identifier of a request, both ways.
const RequestIDHeader = "X-Request-Id"

// requestInfo is what one request tells about its caller before any credential
// is looked at.
type requestInfo struct {
	id         string
	remoteAddr string
}

type requestKey struct{}

// requestIDPattern keeps what a client sends short and harmless in logs,
// headers and the audit trail.
var requestIDPattern = regexp.MustCompile(`^[A-Za-z0-9._-]{1,64}$`)

// Identify gives every request an identifier, the client's own if it is
// well-formed, echoes it, and remembers it and the client's address for the
// viewer. Applied twice, the outer one wins.
func Identify(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if RequestID(r.Context()) != "" {
			next.ServeHTTP(w, r)
			return
		}
		info := requestInfo{id: r.Header.Get(RequestIDHeader), remoteAddr: remoteHost(r.RemoteAddr)}
		if !requestIDPattern.MatchString(info.id) {
			info.id = uuid.NewString()
		}
		w.Header().Set(RequestIDHeader, info.id)
		next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), requestKey{}, info)))
	})
}

// RequestID is the identifier of the request a context belongs to; empty
// outside Identify.
func RequestID(ctx context.Context) string { return requestFrom(ctx).id }

func requestFrom(ctx context.Context) requestInfo {
	info, _ := ctx.Value(requestKey{}).(requestInfo)
	return info
}

// remoteHost is the peer's address without its port, as much as fits the audit
// log's column.
func remoteHost(addr string) string {
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		host = addr
	}
	const longest = 64
	return host[:min(len(host), longest)]
}
