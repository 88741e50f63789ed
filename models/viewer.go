package models

import "net/netip"

// Viewer is who is asking: a signed-in user acting for exactly one customer, an
// API key of a customer, a superuser, or the program itself (a command or a
// job) acting for a customer. The zero Viewer is anonymous and may do nothing.
type Viewer struct {
	// UserID is zero for a key and for the program itself.
	UserID UserID
	// Email is the user's address; the name of a key, command or job otherwise.
	Email string
	// KeyID is that of the API key that asks; zero for all others.
	KeyID APIKeyID
	// Scopes are what the key may do.
	Scopes []Scope
	// CustomerID is the customer acted for; zero for a superuser who named none.
	CustomerID CustomerID
	Role       Role
	Superuser  bool
	// System is set for commands and jobs; Job names the job, if it is one.
	System bool
	Job    string
	// RequestID and RemoteAddr travel into the audit log.
	RequestID  string
	RemoteAddr string
	// Once asks that what the viewer does take effect once; nil for whatever
	// may happen each time.
	Once *Once
}

// SystemViewer acts for a customer on behalf of the operator: a command on the
// server's own machine.
func SystemViewer(customer CustomerID) Viewer {
	return Viewer{CustomerID: customer, System: true, Email: "system"}
}

// JobViewer acts for a customer in a background job of this name, on behalf of
// the request that caused it.
func JobViewer(customer CustomerID, job, requestID string) Viewer {
	return Viewer{CustomerID: customer, System: true, Job: job, Email: job, RequestID: requestID}
}

// Authenticated reports whether the viewer has signed in or shown a key.
func (v Viewer) Authenticated() bool { return v.System || !v.UserID.IsZero() || !v.KeyID.IsZero() }

// Authorize answers nil when the viewer may do p within a customer. Otherwise
// it is UNAUTHENTICATED, VALIDATION (a superuser who named no customer) or
// FORBIDDEN naming the permission or the scope, checked in this order.
func (v Viewer) Authorize(p Permission) error {
	if !v.Authenticated() {
		return NewError(CodeUnauthenticated, "Sign in first: send a bearer token.")
	}
	if v.CustomerID.IsZero() {
		if v.Superuser {
			return InvalidField("X-Customer-Id", "required", "must name the customer a superuser acts for")
		}
		return NewError(CodeForbidden, "This account belongs to no customer.")
	}
	if v.System || v.Superuser {
		return nil
	}
	if !v.KeyID.IsZero() {
		return v.authorizeKey(p)
	}
	if RoleMay(v.Role, p) {
		return nil
	}
	return NewError(CodeForbidden, "The role %s lacks the permission %s.", v.Role, p)
}

// AuthorizeAcross is Authorize for what spans customers, such as the list of
// them: a superuser need name none.
func (v Viewer) AuthorizeAcross(p Permission) error {
	if v.Superuser && v.Authenticated() {
		return nil
	}
	return v.Authorize(p)
}

// AuthorizePerson answers nil when the viewer is somebody with an account of
// their own, about which they may do what every user may; UNAUTHENTICATED when
// nobody has signed in, FORBIDDEN for a key.
func (v Viewer) AuthorizePerson() error {
	switch {
	case !v.KeyID.IsZero():
		return NewError(CodeForbidden, "An API key has no account of its own: sign in as a person.")
	case v.UserID.IsZero():
		return NewError(CodeUnauthenticated, "Sign in first: send a bearer token.")
	}
	return nil
}

func (v Viewer) authorizeKey(p Permission) error {
	if ScopesMay(v.Scopes, p) {
		return nil
	}
	scope, ok := ScopeFor(p)
	if !ok {
		return NewError(CodeForbidden, "No API key has the permission %s: sign in as a person.", p)
	}
	return NewError(CodeForbidden, "The API key lacks the scope %s.", scope)
}

// Network is what one party has of an address: an IPv4 address as a whole, but
// of IPv6 the 64 bits that a provider hands out, within which everybody may
// choose addresses at will. What is no address is answered as it is.
func Network(remoteAddr string) string {
	const handedOut = 64
	addr, err := netip.ParseAddr(remoteAddr)
	if err != nil {
		return remoteAddr
	}
	if addr = addr.Unmap(); addr.Is4() {
		return addr.String()
	}
	prefix, err := addr.WithZone("").Prefix(handedOut)
	if err != nil {
		return remoteAddr
	}
	return prefix.String()
}
