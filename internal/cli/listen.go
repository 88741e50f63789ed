package cli

import (
	"context"
	"errors"
	"fmt"
	"net"
	"syscall"

	"upstream/internal/config"
)

// listenError is an address that cannot be listened on.
type listenError struct {
	addr, flag string
	cause      error
}

// Error is one sentence with the way out.
func (e listenError) Error() string {
	reason := e.cause.Error()
	var op *net.OpError
	if errors.As(e.cause, &op) {
		reason = op.Err.Error() // without the address once more
	}
	if errors.Is(e.cause, syscall.EADDRINUSE) {
		reason = "another program uses it"
	}
	return fmt.Sprintf("cannot listen on %s: %s; choose another address with %s", e.addr, reason, e.flag)
}

// Unwrap gives the reason.
func (e listenError) Unwrap() error { return e.cause }

// listeners are bound before anything is started, so that a busy port is
// found out at once.
type listeners struct {
	public net.Listener
	admin  net.Listener
}

func listen(ctx context.Context, c config.Serve) (listeners, error) {
	var l listeners
	var err error
	if l.public, err = bind(ctx, c.Addr, "--addr"); err != nil || c.AdminAddr == "" {
		return l, err
	}
	if l.admin, err = bind(ctx, c.AdminAddr, "--admin-addr (empty for none)"); err != nil {
		l.close()
	}
	return l, err
}

func bind(ctx context.Context, addr, flag string) (net.Listener, error) {
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", addr)
	if err != nil {
		return nil, listenError{addr: addr, flag: flag, cause: err}
	}
	return listener, nil
}

func (l listeners) close() {
	for _, listener := range []net.Listener{l.public, l.admin} {
		if listener != nil {
			_ = listener.Close() // a second close is harmless
		}
	}
}

// url is where this machine reaches the public listener. A listener on every
// address is named by the one that always works here.
func (l listeners) url() string {
	addr := l.public.Addr()
	if tcp, ok := addr.(*net.TCPAddr); ok && tcp.IP.IsUnspecified() {
		return fmt.Sprintf("http://localhost:%d", tcp.Port)
	}
	return "http://" + addr.String()
}
