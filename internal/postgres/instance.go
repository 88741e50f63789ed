//go:build linux || darwin || freebsd

package postgres

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"sync"
	"syscall"
	"time"
)

// Instance is an embedded server: one this process runs, or one it joined.
type Instance struct {
	at      endpoint
	secrets passwords
	version string

	// server is nil for a joined instance.
	server *server
}

// server is a running server process and everything that goes with it.
type server struct {
	dir      *dataDir
	cmd      *exec.Cmd
	watchdog *watchdog
	done     chan struct{}
	stopping sync.Once
	asked    chan struct{}
	// exit is how the process ended, and err what that means; read them after
	// done.
	exit, err error
}

// killPatience is how long a server may take for each harder way to stop it.
const killPatience = 5 * time.Second

// OwnerURL connects to the database as [OwnerRole]: for migrations.
func (i *Instance) OwnerURL() string { return i.at.url(OwnerRole, i.secrets.Owner, DatabaseName) }

// AppURL connects to the database as [AppRole]: for serving.
func (i *Instance) AppURL() string { return i.at.url(AppRole, i.secrets.App, DatabaseName) }

// AdminURL connects to the maintenance database as superuser [AdminRole].
func (i *Instance) AdminURL() string { return i.at.url(AdminRole, i.secrets.Admin, "postgres") }

// Version is the server's version, such as "15.18".
func (i *Instance) Version() string { return i.version }

// Joined says that another process runs the server.
func (i *Instance) Joined() bool { return i.server == nil }

// Done is closed when the server has ended, asked or not. It is nil, and so
// never ready, for a joined instance.
func (i *Instance) Done() <-chan struct{} {
	if i.server == nil {
		return nil
	}
	return i.server.done
}

// Err is what went wrong at the server's end: nil while it runs, after a clean
// [Instance.Stop], and for a joined instance.
func (i *Instance) Err() error {
	if i.server == nil {
		return nil
	}
	select {
	case <-i.server.done:
		return i.server.err
	default:
		return nil
	}
}

// Stop shuts the server down: open transactions are rolled back, what was
// committed is kept. When ctx ends first the server is stopped hard, and the
// next start recovers. Stopping a joined instance, or twice, does nothing.
func (i *Instance) Stop(ctx context.Context) error {
	if i.server == nil {
		return nil
	}
	return i.server.stop(ctx)
}

func (s *server) stop(ctx context.Context) error {
	s.stopping.Do(func() { close(s.asked) })
	if s.signal(ctx, syscall.SIGINT) {
		return s.err
	}
	for _, harder := range []syscall.Signal{syscall.SIGQUIT, syscall.SIGKILL} {
		patience, cancel := context.WithTimeout(context.WithoutCancel(ctx), killPatience)
		ended := s.signal(patience, harder)
		cancel()
		if ended {
			return fmt.Errorf("PostgreSQL was stopped hard: %w", context.Cause(ctx))
		}
	}
	return errors.New("PostgreSQL does not stop")
}

// signal sends a signal and waits for the end of the server or of ctx.
func (s *server) signal(ctx context.Context, sig syscall.Signal) bool {
	_ = s.cmd.Process.Signal(sig) // an error means that it has ended, which done tells
	select {
	case <-s.done:
		return true
	case <-ctx.Done():
		return false
	}
}

// supervise owns the server process: it waits for its end and then lets go of
// everything that belonged to it.
func (s *server) supervise() {
	s.exit = s.cmd.Wait()
	s.watchdog.release()
	s.err = s.verdict()
	_ = os.Remove(s.dir.path(serverName)) // whoever reads it also asks the server
	s.dir.release()
	close(s.done)
}

func (s *server) verdict() error {
	what := "PostgreSQL ended by itself"
	select {
	case <-s.asked:
		if s.exit == nil {
			return nil
		}
		what = "PostgreSQL did not shut down cleanly"
	default:
	}
	how := s.exit
	if how == nil {
		how = errStopped
	}
	return fmt.Errorf("%s: %w; the end of its log, %s:\n%s", what, how, s.dir.path(logName), s.dir.logTail())
}
