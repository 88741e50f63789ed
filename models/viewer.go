package models

// Viewer is who is asking: a signed-in user acting for exactly one customer, a
// superuser, or the program itself (a command or a worker) acting for a
// customer. The zero Viewer is anonymous and may do nothing.
type Viewer struct {
	// UserID is zero for the program itself.
	UserID UserID
	Email  string
	// CustomerID is the customer acted for; zero for a superuser who named none.
	CustomerID CustomerID
	Role       Role
	Superuser  bool
	// System is set for commands and workers of the operator.
	System bool
	// RequestID and RemoteAddr travel into the audit log.
	RequestID  string
	RemoteAddr string
}

// SystemViewer acts for a customer on behalf of the operator: a command on the
// server's own machine, or a background job.
func SystemViewer(customer CustomerID) Viewer {
	return Viewer{CustomerID: customer, System: true, Email: "system"}
}

// Authenticated reports whether the viewer has signed in at all.
func (v Viewer) Authenticated() bool { return v.System || !v.UserID.IsZero() }

// Authorize answers nil when the viewer may do p within a customer. Otherwise
// it is UNAUTHENTICATED, VALIDATION (a superuser who named no customer) or
// FORBIDDEN naming the permission, checked in this order.
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
	if v.System || v.Superuser || RoleMay(v.Role, p) {
		return nil
	}
	return NewError(CodeForbidden, "The role %s lacks the permission %s.", v.Role, p)
}
