package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
)

// tick is the unit of processor times in /proc.
const tick = time.Second / 100

// stat are the fields of /proc/PID/stat from the parent's number on.
func stat(pid int) ([]int64, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return nil, err
	}
	// The name is in parentheses and may hold anything; the state follows it.
	fields := strings.Fields(string(text[bytes.LastIndexByte(text, ')')+1:]))
	numbers := make([]int64, 0, len(fields))
	for _, field := range fields[1:] {
		n, err := strconv.ParseInt(field, 10, 64)
		if err != nil {
			break // what comes so far back is not asked for
		}
		numbers = append(numbers, n)
	}
	if len(numbers) < 14 {
		return nil, fmt.Errorf("process %d: its times cannot be read", pid)
	}
	return numbers, nil
}

// Where stat has what, from the parent's number on.
const (
	statParent    = 0
	statOwn       = 10 // user and system time
	statCollected = 12 // the same of children that have ended
)

// timeOf is the processor time of a process so far.
func timeOf(pid int) (time.Duration, error) {
	fields, err := stat(pid)
	if err != nil {
		return 0, err
	}
	return time.Duration(fields[statOwn]+fields[statOwn+1]) * tick, nil
}

// timeOfServer is the processor time of a PostgreSQL server so far: of its first
// process, of those it has, and of those that have ended.
func timeOfServer(postmaster int) (time.Duration, error) {
	fields, err := stat(postmaster)
	if err != nil {
		return 0, err
	}
	sum := time.Duration(fields[statOwn]+fields[statOwn+1]+fields[statCollected]+fields[statCollected+1]) * tick
	children, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%[1]d/children", postmaster))
	if err != nil {
		return 0, err
	}
	for text := range strings.FieldsSeq(string(children)) {
		pid, err := strconv.Atoi(text)
		if err != nil {
			return 0, err
		}
		own, err := timeOf(pid)
		if err != nil && !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, syscall.ESRCH) {
			return 0, err
		}
		sum += own
	}
	return sum, nil
}

// timeOfMachine is what all processes took since the machine was started.
func timeOfMachine() (time.Duration, error) {
	text, err := os.ReadFile("/proc/stat")
	if err != nil {
		return 0, err
	}
	first, _, _ := strings.Cut(string(text), "\n")
	var sum int64
	for i, field := range strings.Fields(first)[1:] {
		n, err := strconv.ParseInt(field, 10, 64)
		if err != nil {
			return 0, err
		}
		if i != 3 && i != 4 && i < 8 { // not idle, nor waiting for a disk, nor what guests are counted twice for
			sum += n
		}
	}
	return time.Duration(sum) * tick, nil
}

// postmaster is the first process of the server that a pool is connected to.
func postmaster(ctx context.Context, owner *pgxpool.Pool) (int, error) {
	conn, err := owner.Acquire(ctx)
	if err != nil {
		return 0, err
	}
	defer conn.Release()
	fields, err := stat(int(conn.Conn().PgConn().PID()))
	if err != nil {
		return 0, fmt.Errorf("it is on another machine: %w", err)
	}
	return int(fields[statParent]), nil
}
