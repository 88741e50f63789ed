//go:build !linux && !darwin && !freebsd

package postgres

import "context"

// Instance is an embedded server. This platform has none.
type Instance struct{}

// OwnerURL is empty on this platform.
func (*Instance) OwnerURL() string { return "" }

// AppURL is empty on this platform.
func (*Instance) AppURL() string { return "" }

// AdminURL is empty on this platform.
func (*Instance) AdminURL() string { return "" }

// Version is empty on this platform.
func (*Instance) Version() string { return "" }

// Joined is false on this platform.
func (*Instance) Joined() bool { return false }

// Done is never ready on this platform.
func (*Instance) Done() <-chan struct{} { return nil }

// Err is nil on this platform.
func (*Instance) Err() error { return nil }

// Stop does nothing on this platform.
func (*Instance) Stop(context.Context) error { return nil }

// Start answers [ErrUnsupported].
func Start(context.Context, Options) (*Instance, error) { return nil, ErrUnsupported }

// StartOrJoin answers [ErrUnsupported].
func StartOrJoin(context.Context, Options) (*Instance, error) { return nil, ErrUnsupported }

// Join never finds a server on this platform.
func Join(context.Context, string) (*Instance, bool, error) { return nil, false, nil }

// Locate answers [ErrUnsupported].
func Locate(context.Context, Options) (binDir, version string, err error) {
	return "", "", ErrUnsupported
}
