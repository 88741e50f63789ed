package meter

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

// Of measures work, without the time of backends that come or go meanwhile.
func (m Meter) Of(ctx context.Context, work func() error) (Used, error) {
	backends, err := m.backends(ctx)
	if err != nil {
		return Used{}, err
	}
	program, database, err := m.read(backends)
	if err != nil {
		return Used{}, err
	}
	if err := work(); err != nil {
		return Used{}, err
	}
	programAfter, databaseAfter, err := m.read(backends)
	if err != nil {
		return Used{}, err
	}
	used := Used{Program: programAfter - program}
	for pid, now := range databaseAfter {
		used.Database += now - database[pid]
	}
	return used, nil
}

// read is the time so far of the program and of the backends still there.
func (m Meter) read(backends []int) (program time.Duration, database map[int]time.Duration, err error) {
	if program, err = ofProgram(m.pid); err != nil {
		return 0, nil, err
	}
	database = make(map[int]time.Duration, len(backends))
	for _, pid := range backends {
		switch spent, err := ofProcess(pid); {
		case err == nil:
			database[pid] = spent
		case !errors.Is(err, fs.ErrNotExist):
			return 0, nil, err
		}
	}
	return program, database, nil
}

func ofProgram(pid int) (time.Duration, error) {
	if pid != os.Getpid() {
		return ofProcess(pid)
	}
	var usage syscall.Rusage
	err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage)
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano()), err
}

// ofProcess adds up the threads of a process. Threads that ended are not in it,
// which neither backends nor programs in Go make many of.
func ofProcess(pid int) (time.Duration, error) {
	threads, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/schedstat", pid))
	if err != nil {
		return 0, err
	}
	if len(threads) == 0 {
		return 0, fmt.Errorf("process %d: %w", pid, fs.ErrNotExist)
	}
	var sum time.Duration
	for _, path := range threads {
		text, err := os.ReadFile(path) //nolint:gosec // of /proc
		if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ESRCH) {
			continue
		}
		if err != nil {
			return 0, err
		}
		var onCPU time.Duration // in nanoseconds
		if _, err := fmt.Sscan(string(text), &onCPU); err != nil {
			return 0, fmt.Errorf("%s: %w", path, err)
		}
		sum += onCPU
	}
	return sum, nil
}
