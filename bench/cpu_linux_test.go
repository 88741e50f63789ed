package bench

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
)

// cpuMeter adds up the processor time of this process and of the backends of
// one database.
type cpuMeter struct{ owner *pgxpool.Pool }

func newCPUMeter(_ *testing.B, owner *pgxpool.Pool) cpuMeter { return cpuMeter{owner} }

// of is the processor time that work takes, without that of a backend that
// came or went meanwhile.
func (m cpuMeter) of(b *testing.B, work func()) time.Duration {
	b.Helper()
	before := used(b, m.backends(b))
	work()
	after := used(b, slices.Collect(maps.Keys(before)))
	var total time.Duration
	for pid, then := range after {
		total += then - before[pid]
	}
	return total
}

// backends are the processes that serve the database, on this machine.
func (m cpuMeter) backends(b *testing.B) []int {
	b.Helper()
	// What kind of backend another role's is, the owner is not told.
	rows, err := m.owner.Query(context.Background(), `SELECT pid FROM pg_stat_activity WHERE datname = current_database()`)
	if err != nil {
		b.Fatal(err)
	}
	defer rows.Close()
	var pids []int
	for rows.Next() {
		var pid int
		if err := rows.Scan(&pid); err != nil {
			b.Fatal(err)
		}
		pids = append(pids, pid)
	}
	if err := rows.Err(); err != nil || len(pids) == 0 {
		b.Fatalf("%d backends: %v", len(pids), err)
	}
	return pids
}

// self stands for this process among the backends.
const self = 0

// used is the processor time so far of this process and of those of the
// backends that are still there.
func used(b *testing.B, backends []int) map[int]time.Duration {
	b.Helper()
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		b.Fatal(err)
	}
	times := map[int]time.Duration{self: time.Duration(usage.Utime.Nano() + usage.Stime.Nano())}
	for _, pid := range backends {
		if pid == self {
			continue
		}
		text, err := os.ReadFile(fmt.Sprintf("/proc/%d/schedstat", pid))
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			b.Fatal(err)
		}
		var onCPU int64 // in nanoseconds
		if _, err := fmt.Sscan(string(text), &onCPU); err != nil {
			b.Fatal(err)
		}
		times[pid] = time.Duration(onCPU)
	}
	return times
}
