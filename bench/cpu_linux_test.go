package bench

import (
	"context"
	"fmt"
	"os"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
)

// cpuMeter adds up the processor time of this process and of the backends of
// one database.
type cpuMeter struct{ owner *pgxpool.Pool }

func newCPUMeter(_ *testing.B, owner *pgxpool.Pool) cpuMeter { return cpuMeter{owner} }

// of is the processor time that work takes.
func (m cpuMeter) of(b *testing.B, work func()) time.Duration {
	b.Helper()
	backends := m.backends(b)
	before := used(b, backends)
	work()
	return used(b, backends) - before
}

// backends are the processes that serve the database, on this machine.
func (m cpuMeter) backends(b *testing.B) []int {
	b.Helper()
	rows, err := m.owner.Query(context.Background(),
		`SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND backend_type = 'client backend'`)
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

func used(b *testing.B, backends []int) time.Duration {
	b.Helper()
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		b.Fatal(err)
	}
	total := time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
	for _, pid := range backends {
		text, err := os.ReadFile(fmt.Sprintf("/proc/%d/schedstat", pid))
		if err != nil {
			b.Fatal(err)
		}
		var onCPU int64 // in nanoseconds
		if _, err := fmt.Sscan(string(text), &onCPU); err != nil {
			b.Fatal(err)
		}
		total += time.Duration(onCPU)
	}
	return total
}
