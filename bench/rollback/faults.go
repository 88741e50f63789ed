package main

import (
	"fmt"
	"io"
	"sync"
)

// shownFaults is how many faults are told in full.
const shownFaults = 25

// faults is what went wrong.
type faults struct {
	mu   sync.Mutex
	list []string
	// phase is what goes on meanwhile.
	phase string
}

func (f *faults) enter(phase string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.phase = phase
}

func (f *faults) addf(format string, args ...any) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.list = append(f.list, f.phase+": "+fmt.Sprintf(format, args...))
}

// check adds err, if it is one.
func (f *faults) check(what string, err error) {
	if err != nil {
		f.addf("%s: %v", what, err)
	}
}

// verdict tells the faults and is an error when there are any.
func (f *faults) verdict(out io.Writer) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, fault := range f.list[:min(len(f.list), shownFaults)] {
		_, _ = fmt.Fprintln(out, "fault:", fault)
	}
	if len(f.list) > 0 {
		return fmt.Errorf("%d faults", len(f.list))
	}
	return nil
}
