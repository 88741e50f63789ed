package auth

import (
	"context"
	"net"
	"net/http"
	"net/netip"
	"regexp"
	"slices"
	"strings"

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
func Identify(next http.Handler) http.Handler { return IdentifyBehind(nil)(next) }

// IdentifyBehind is Identify for a server that these proxies stand in front of:
// only what they say in X-Forwarded-For about the client's address is believed.
func IdentifyBehind(proxies []netip.Prefix) func(http.Handler) http.Handler {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if RequestID(r.Context()) != "" {
				next.ServeHTTP(w, r)
				return
			}
			info := requestInfo{id: r.Header.Get(RequestIDHeader), remoteAddr: clientAddr(r, proxies)}
			if !requestIDPattern.MatchString(info.id) {
				info.id = uuid.NewString()
			}
			w.Header().Set(RequestIDHeader, info.id)
			next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), requestKey{}, info)))
		})
	}
}

// RequestID is the identifier of the request a context belongs to; empty
// outside Identify.
func RequestID(ctx context.Context) string { return requestFrom(ctx).id }

func requestFrom(ctx context.Context) requestInfo {
	info, _ := ctx.Value(requestKey{}).(requestInfo)
	return info
}

// clientAddr is the address a request comes from, as much as fits the audit
// log's column: the peer's, unless that is one of the proxies. Every proxy
// appends the address that it was asked from, so the client is the last one in
// the list that is no proxy of ours; whatever stands before it, the client may
// have made up.
func clientAddr(r *http.Request, proxies []netip.Prefix) string {
	host := remoteHost(r.RemoteAddr)
	addr, err := netip.ParseAddr(host)
	if err != nil || !within(addr, proxies) {
		return host
	}
	hops := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
	for _, hop := range slices.Backward(hops) {
		forwarded, err := parseHop(strings.TrimSpace(hop))
		if err != nil {
			break // beyond it nothing can be believed
		}
		addr = forwarded
		if !within(addr, proxies) {
			break
		}
	}
	return addr.Unmap().WithZone("").String()
}

// parseHop reads an address to which some proxies add the port.
func parseHop(hop string) (netip.Addr, error) {
	if withPort, err := netip.ParseAddrPort(hop); err == nil {
		return withPort.Addr(), nil
	}
	return netip.ParseAddr(strings.TrimSuffix(strings.TrimPrefix(hop, "["), "]"))
}

func within(addr netip.Addr, networks []netip.Prefix) bool {
	addr = addr.Unmap().WithZone("")
	return slices.ContainsFunc(networks, func(n netip.Prefix) bool { return n.Contains(addr) })
}

// remoteHost is the peer's address without its port.
func remoteHost(addr string) string {
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		host = addr
	}
	const longest = 64
	return host[:min(len(host), longest)]
}
