package cli_test

import (
	"runtime/debug"
	"runtime/metrics"
	"testing"

	"upstream/internal/cli"
)

// TestReserveHeap_DelaysTheCollector reads at which size of the heap the
// collector is going to work.
func TestReserveHeap_DelaysTheCollector(t *testing.T) { //nolint:paralleltest // the heap is everybody's
	goal := func() uint64 {
		debug.FreeOSMemory() // which collects first
		sample := []metrics.Sample{{Name: "/gc/heap/goal:bytes"}}
		metrics.Read(sample)
		return sample[0].Value.Uint64()
	}
	before := goal()
	set := map[string]string{"GOGC": "50"}
	cli.ReserveHeap(func(name string) (string, bool) { v, ok := set[name]; return v, ok })()
	release := cli.ReserveHeap(func(string) (string, bool) { return "", false })
	with := goal()
	release()
	if with < before+64<<20 {
		t.Errorf("the heap may grow to %d bytes in place of %d", with, before)
	}
}
