package bench

import (
	"fmt"
	"os"
	"strings"
	"testing"
)

// peakMemory is the high-water mark of this process's resident memory.
type peakMemory struct{}

// newPeakMemory forgets the mark so far.
func newPeakMemory(b *testing.B) peakMemory {
	b.Helper()
	if err := os.WriteFile("/proc/self/clear_refs", []byte("5"), 0o200); err != nil {
		b.Logf("the peak is since the start of the process: %v", err)
	}
	return peakMemory{}
}

func (peakMemory) megabytes(b *testing.B) float64 {
	b.Helper()
	text, err := os.ReadFile("/proc/self/status")
	if err != nil {
		b.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		var kilobytes float64
		if _, err := fmt.Sscanf(line, "VmHWM: %f kB", &kilobytes); err == nil {
			return kilobytes / 1024
		}
	}
	b.Fatal("the system does not tell the peak of memory")
	return 0
}
