package main

import (
	"maps"
	"slices"
	"sync"
)

// ledger is what was acknowledged, and so has to be there in the end.
type ledger struct {
	mu sync.Mutex
	// claims and files are numbers and names of what was added; mappings and rules
	// what was last written to each; runs and tests of webhooks are identifiers.
	claims, files, runs, tests map[string]bool
	mappings, rules            map[string]string
}

func newLedger() *ledger {
	return &ledger{
		claims: map[string]bool{}, files: map[string]bool{}, runs: map[string]bool{}, tests: map[string]bool{},
		mappings: map[string]string{}, rules: map[string]string{},
	}
}

// note changes the ledger.
func (l *ledger) note(change func(*ledger)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	change(l)
}

// compareKeys adds a fault for each kind of deviation: what was acknowledged and
// is not there, what is there and was not acknowledged, what is there repeatedly.
func compareKeys(f *faults, what string, acknowledged map[string]bool, stored map[string]int) {
	var lost, repeated, foreign []string
	for key := range acknowledged {
		switch stored[key] {
		case 0:
			lost = append(lost, key)
		case 1:
		default:
			repeated = append(repeated, key)
		}
	}
	for key := range stored {
		if !acknowledged[key] {
			foreign = append(foreign, key)
		}
	}
	for name, keys := range map[string][]string{"were acknowledged and are lost": lost, "are there more than once": repeated, "were never acknowledged": foreign} {
		if len(keys) > 0 {
			slices.Sort(keys)
			f.addf("%d %s %s, such as %s", len(keys), what, name, keys[0])
		}
	}
}

// compareValues adds a fault for each row that does not hold what was last
// acknowledged.
func compareValues(f *faults, what string, acknowledged, stored map[string]string) {
	for _, key := range slices.Sorted(maps.Keys(acknowledged)) {
		if got, ok := stored[key]; !ok || got != acknowledged[key] {
			f.addf("%s %s is %q, and was acknowledged as %q", what, key, got, acknowledged[key])
		}
	}
	if len(stored) != len(acknowledged) {
		f.addf("%d %s are stored and %d acknowledged", len(stored), what, len(acknowledged))
	}
}
