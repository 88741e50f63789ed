package meter

import (
	"errors"
	"time"
)

// ErrNoPgbench says that pgbench was not found, or that this system tells
// nothing of the processor time of others.
var ErrNoPgbench = errors.New("pgbench cannot be measured here")

// Ran is what a script of statements takes once under pgbench.
type Ran struct {
	// Client is the processor time of pgbench, Backend that of its backend.
	Client, Backend time.Duration
	// PerSecond is how many follow each other in a second.
	PerSecond float64
}

// All is the sum of both.
func (r Ran) All() time.Duration { return r.Client + r.Backend }
