//go:build !linux

package bench

import (
	"runtime"
	"testing"
)

// peakMemory is what the runtime took from the system, which it gives back
// slowly: close to a high-water mark.
type peakMemory struct{}

func newPeakMemory(*testing.B) peakMemory { return peakMemory{} }

func (peakMemory) megabytes(*testing.B) float64 {
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return float64(stats.Sys-stats.HeapReleased) / (1 << 20)
}
