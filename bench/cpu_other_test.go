//go:build !linux

package bench

import (
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
)

// cpuMeter measures elapsed time where processor time is not to be had.
type cpuMeter struct{}

func newCPUMeter(*testing.B, *pgxpool.Pool) cpuMeter { return cpuMeter{} }

func (cpuMeter) of(_ *testing.B, work func()) time.Duration {
	start := time.Now()
	work()
	return time.Since(start)
}
