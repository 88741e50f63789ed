//go:build linux || darwin || freebsd

package postgres

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// orphanPatience is how long a server that outlived its parent may take to
// finish its shutdown before the data directory counts as in use.
const orphanPatience = 30 * time.Second

const pollInterval = 10 * time.Millisecond

// pidFile is the part of postmaster.pid we read. Its lines are: process id,
// data directory, start time, port, socket directory, address, shared memory
// and status.
type pidFile struct {
	pid     int
	started string
	status  string
}

func readPIDFile(cluster string) (pidFile, error) {
	content, err := os.ReadFile(filepath.Join(cluster, "postmaster.pid"))
	if err != nil {
		return pidFile{}, err
	}
	lines := strings.Split(string(content), "\n")
	pid, err := strconv.Atoi(strings.TrimSpace(lines[0]))
	if err != nil {
		return pidFile{}, fmt.Errorf("postmaster.pid begins with %q", lines[0])
	}
	out := pidFile{pid: pid}
	if len(lines) > 2 {
		out.started = strings.TrimSpace(lines[2])
	}
	if len(lines) > 7 {
		out.status = strings.TrimSpace(lines[7])
	}
	return out, nil
}

// settle makes a cluster startable after its last server ended badly. We hold
// the directory's lock, so a server that still runs is either an orphan of a
// killed parent on its way down, or was started by hand.
func (d *dataDir) settle(ctx context.Context) error {
	cluster := d.path(clusterDir)
	file, err := readPIDFile(cluster)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("read the server's process id: %w", err)
	}
	if runsCluster(file.pid, cluster) {
		return d.awaitOrphan(ctx, file)
	}
	return disownPIDFile(cluster)
}

func (d *dataDir) awaitOrphan(ctx context.Context, file pidFile) error {
	cluster := d.path(clusterDir)
	patience := time.Second
	if d.recorded(file) {
		// It is ours: should its watchdog be gone too, nobody else would stop it.
		_ = syscall.Kill(file.pid, syscall.SIGINT)
		patience = orphanPatience
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	gone := func() (bool, error) { return !runsCluster(file.pid, cluster), nil }
	if err := poll(ctx, nil, gone); err != nil {
		return inUse(d.root, heldLockError{pid: file.pid})
	}
	return d.settle(context.WithoutCancel(ctx))
}

// recorded says whether the running server is one that this data directory's
// last holder started.
func (d *dataDir) recorded(file pidFile) bool {
	var last serverFile
	err := readJSON(d.path(serverName), &last)
	return err == nil && last.PID == file.pid && last.Started == file.started
}

// disownPIDFile keeps a stale postmaster.pid from blocking the start when its
// process id meanwhile belongs to somebody else, as it often does after a
// container restarts. The file must stay: its shared memory line is how
// PostgreSQL notices that backends of the dead server still run. PostgreSQL
// ignores its parent's process id, which will be ours.
func disownPIDFile(cluster string) error {
	path := filepath.Join(cluster, "postmaster.pid")
	content, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	_, rest, _ := strings.Cut(string(content), "\n")
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_TRUNC|syscall.O_NOFOLLOW, 0)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(file, "%d\n%s", os.Getpid(), rest)
	return errors.Join(err, file.Close())
}

// runsCluster says whether a process is alive and serves the cluster, and not
// some other process that was given the number since.
func runsCluster(pid int, cluster string) bool {
	if pid <= 0 || errors.Is(syscall.Kill(pid, 0), syscall.ESRCH) {
		return false
	}
	if runtime.GOOS != "linux" {
		out, err := exec.Command("ps", "-o", "command=", "-p", strconv.Itoa(pid)).Output() //nolint:noctx // it only reads the process table
		return err == nil && strings.Contains(string(out), cluster)
	}
	if cwd, err := os.Readlink(fmt.Sprintf("/proc/%d/cwd", pid)); err == nil {
		return sameFile(cwd, cluster)
	}
	// A root without CAP_SYS_PTRACE, as in most containers, may not see where
	// another account's process is, but what it was started with. A zombie has
	// neither.
	cmdline, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
	return err == nil && strings.Contains(string(cmdline), cluster)
}

func sameFile(a, b string) bool {
	infoA, errA := os.Stat(a)
	infoB, errB := os.Stat(b)
	return errA == nil && errB == nil && os.SameFile(infoA, infoB)
}

// poll asks until check is true or fails, the context ends, or stop closes.
func poll(ctx context.Context, stop <-chan struct{}, check func() (bool, error)) error {
	ticker := time.NewTicker(pollInterval)
	defer ticker.Stop()
	for {
		ok, err := check()
		if ok || err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-stop:
			return errStopped
		case <-ticker.C:
		}
	}
}

var errStopped = errors.New("the server stopped")
