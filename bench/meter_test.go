package bench

import (
	"testing"
	"time"

	"upstream/bench/meter"
)

// cpuOf is the processor time that work takes in this process and in the
// database.
func cpuOf(b *testing.B, m meter.Meter, work func()) time.Duration {
	b.Helper()
	used, err := m.Of(b.Context(), func() error {
		work()
		return nil
	})
	if err != nil {
		b.Fatal(err)
	}
	return used.All()
}
