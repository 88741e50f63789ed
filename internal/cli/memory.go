package cli

import "runtime"

// heapReserve is what the collector takes a server's heap to hold at least, in
// bytes.
const heapReserve = 64 << 20

// ReserveHeap has the garbage collector wait until a heap has grown by some
// 64 MiB, or by its own size if that is more, until release is called.
//
// The collector works whenever the heap has doubled. A server keeps so little
// that this would be many times a second, and a tenth of its processor time. A
// larger GOGC would let the heap of a detection grow to a multiple of what it
// needs as well. A reserve that is never touched takes no memory of the machine,
// and loses its weight beside a larger heap. Whoever has set GOGC or GOMEMLIMIT,
// found by lookup, decides alone.
func ReserveHeap(lookup func(variable string) (string, bool)) (release func()) {
	for _, variable := range []string{"GOGC", "GOMEMLIMIT"} {
		if _, set := lookup(variable); set {
			return func() {}
		}
	}
	reserve := make([]byte, heapReserve)
	return func() { runtime.KeepAlive(reserve) }
}
