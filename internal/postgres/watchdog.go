//go:build linux || darwin || freebsd

package postgres

import (
	"fmt"
	"io"
	"os"
	"os/exec"
)

// watchdogScript waits for its standard input to close. That happens when the
// process at the other end dies, however it dies; a line means it has let go
// in good order. It is one mechanism for every system: Linux's parent-death
// signal exists nowhere else, and is tied to a thread instead of a process.
const watchdogScript = `read -r pid || exit 0
read -r word && exit 0
kill -s INT "$pid"`

// watchdog stops the server when this process dies without stopping it.
type watchdog struct {
	cmd  *exec.Cmd
	pipe *os.File
}

// startWatchdog starts it before the server, so that hardly a moment is left in
// which a server would outlive us.
func startWatchdog(acct account) (*watchdog, error) {
	read, write, err := os.Pipe()
	if err != nil {
		return nil, fmt.Errorf("start the watchdog: %w", err)
	}
	cmd := exec.Command("/bin/sh", "-c", watchdogScript, "upstream-postgres-watchdog") //nolint:noctx // it outlives every context
	acct.adopt(cmd)
	cmd.Dir = "/"
	cmd.Stdin = read
	err = cmd.Start()
	_ = read.Close() // the child has its own copy
	if err != nil {
		_ = write.Close()
		return nil, fmt.Errorf("start the watchdog: %w", err)
	}
	return &watchdog{cmd: cmd, pipe: write}, nil
}

// guard names the process to stop.
func (w *watchdog) guard(pid int) error {
	_, err := fmt.Fprintf(w.pipe, "%d\n", pid)
	return err
}

// release sends the watchdog home and waits until it is gone.
func (w *watchdog) release() {
	// Writing can only fail when the watchdog has gone already.
	_, _ = io.WriteString(w.pipe, "done\ndone\n")
	_ = w.pipe.Close()
	_ = w.cmd.Wait()
}
