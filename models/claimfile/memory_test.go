package claimfile_test

import (
	"errors"
	"io"
	"runtime"
	"strings"
	"testing"

	"upstream/models/claimfile"
)

// maxHeap is how much of the heap reading may use above what was in use before.
const maxHeap = 10 << 20

// TestMemoryIsBounded streams 40 MB of each kind of file, and 200 MB of the usual
// one: what reading holds must not grow with what is read. It does not run in
// parallel, so that the heap it measures is its own.
func TestMemoryIsBounded(t *testing.T) { //nolint:paralleltest // the heap it measures must be its own
	const usual = "good rows"
	wide := strings.TrimSpace(requiredHeader) + ",note\n"
	cases := map[string]struct {
		header, rows string
		accepted     bool
	}{
		usual:                  {wide, "Aetna,99213,2026-01-05,2026-01-20,PAID," + strings.Repeat("n", 4000) + "\n", true},
		"quoted rows":          {wide, "Aetna,99213,2026-01-05,2026-01-20,PAID,\"" + strings.Repeat(strings.Repeat("n", 199)+"\n", 20) + "\"\n", true},
		"rejected rows":        {requiredHeader, strings.Repeat("x", 4000) + "\n", false},
		"one endless line":     {requiredHeader, strings.Repeat("x", 4000), false},
		"one endless quote":    {requiredHeader + "\"", strings.Repeat("x", 4000), false},
		"endless separators":   {requiredHeader, strings.Repeat(",", 4000), false},
		"blank lines":          {requiredHeader, strings.Repeat(" ", 4000) + "\n", false},
		"a quote now and then": {requiredHeader, "\"" + strings.Repeat(strings.Repeat("x", 999)+"\n", 20), false},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			size := 40 << 20
			if name == usual {
				size = 200 << 20
			}
			before := heap(t)
			src := &repeated{rows: []byte(tc.rows), rest: []byte(tc.header), remaining: size / len(tc.rows)}
			reader, err := claimfile.NewReader(src, claimfile.Options{Today: today})
			if err != nil {
				t.Fatal(err)
			}
			peak, step := uint64(0), int64(0)
			for {
				_, _, err := reader.Next()
				if errors.Is(err, io.EOF) {
					break
				}
				if err != nil {
					t.Fatal(err)
				}
				if reader.BytesRead() > step {
					peak, step = max(peak, heapNow()), step+int64(size/40)
				}
			}
			peak = max(peak, heapNow())
			if peak > before+maxHeap {
				t.Errorf("the heap grew from %d to %d MiB", before>>20, peak>>20)
			}
			if got := reader.Counts().Accepted > 0; got != tc.accepted || reader.BytesRead() < int64(size/2) {
				t.Errorf("counts %+v after %d bytes", reader.Counts(), reader.BytesRead())
			}
		})
	}
}

// heap collects garbage and returns what is in use.
func heap(t *testing.T) uint64 {
	t.Helper()
	runtime.GC()
	return heapNow()
}

func heapNow() uint64 {
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return stats.HeapAlloc
}
