package webhook

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"syscall"

	"code.dny.dev/ssrf"

	"upstream/models"
)

// Targets says what this installation may send to, besides https on port 443 at
// public addresses.
type Targets struct {
	// Allow are networks that may be sent to although they are not public, on any
	// port and, by address or as localhost, without TLS: 127.0.0.1/32 for
	// development.
	Allow []netip.Prefix
	// Ports are allowed at public addresses; 443 when there are none.
	Ports []uint16
	// PlainHTTP allows http everywhere.
	PlainHTTP bool
}

// ParseAllow reads networks such as "127.0.0.1/32" for [Targets].
func ParseAllow(texts []string) ([]netip.Prefix, error) {
	var allowed []netip.Prefix
	for _, text := range texts {
		network, err := netip.ParsePrefix(text)
		if err != nil || network.Addr().Is4In6() || network != network.Masked() {
			return nil, fmt.Errorf("%q is not a network such as 127.0.0.1/32 or fd00::/8", text)
		}
		allowed = append(allowed, network)
	}
	return allowed, nil
}

// Guard keeps webhooks from reaching what is not public. It is safe for
// concurrent use.
type Guard struct {
	targets Targets
	public  *ssrf.Guardian
}

var _ models.URLChecker = (*Guard)(nil)

// azureHost answers metadata of machines on Azure at an address that counts as
// public.
var azureHost = netip.MustParsePrefix("168.63.129.16/32")

// NewGuard makes a guard.
func NewGuard(t Targets) *Guard {
	if len(t.Ports) == 0 {
		t.Ports = []uint16{443}
	}
	return &Guard{targets: t, public: ssrf.New(ssrf.WithPorts(t.Ports...), ssrf.WithDeniedV4Prefixes(azureHost))}
}

// errBlocked is the error of every connection that the guard refuses.
var errBlocked = errors.New("webhook: the address may not be sent to")

// Control is for [net.Dialer.Control], which asks before each connection, when
// the address is known and nothing has been sent.
func (g *Guard) Control(network, address string, conn syscall.RawConn) error {
	target, err := netip.ParseAddrPort(address)
	if err != nil {
		return errBlocked
	}
	if g.allowed(target.Addr()) {
		return nil
	}
	if err := g.public.Safe(network, address, conn); err != nil {
		return fmt.Errorf("%w: %w", errBlocked, err)
	}
	return nil
}

// allowed reports whether an address is in the list. One with a zone is in none.
func (g *Guard) allowed(addr netip.Addr) bool {
	return slices.ContainsFunc(g.targets.Allow, func(p netip.Prefix) bool { return p.Contains(addr) })
}
