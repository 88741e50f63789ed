package apitest

import (
	"testing"

	"upstream/internal/factory"
	"upstream/models"
)

// triggers are runs that are queued, each on databases of its own.
func triggers() []write {
	queued := []string{"audit_events", "audit_heads", "report_runs"}
	as := func(user string, parameters map[string]any) write {
		c := trigger("by "+user, parameters)
		c.As = Asker{User: user}
		return write{Case: c, changes: queued}
	}
	return []write{
		as("cedar.analyst", nil),
		as("cedar.owner", map[string]any{
			"as_of": "2026-06-14", "run_type": "custom", "method": "threshold", "window_by": "decided",
			"current_days": 20, "baseline_days": 60, "min_volume": 10, "alpha": 0.1, "signals": []string{"DECISION_TIME"},
		}),
		as("harbor.admin", map[string]any{"run_type": "monthly"}),
	}
}

// TestTriggers queues a run by each API, and asks again: the answer is the run
// that waits, and nothing changes.
func TestTriggers(t *testing.T) {
	t.Parallel()
	for _, c := range triggers() {
		t.Run(c.Name, func(t *testing.T) {
			t.Parallel()
			w := newTwins(t, ingestShift)
			c.run(t, w)
			again := c
			again.Name, again.changes = c.Name+" again", nil
			again.run(t, w)
			w.crossRead(t, c.As)
		})
	}
}

// triggerRefusals are runs that neither API queues.
func triggerRefusals() []write {
	refused := func(name string, parameters map[string]any, fields ...string) write {
		c := trigger(name, parameters)
		c.Want, c.Fields = models.CodeValidation, fields
		return write{Case: c}
	}
	return []write{
		refused("as of tomorrow", map[string]any{"as_of": factory.Today().AddDays(1).String()}, "as_of invalid"),
		refused("no days and no volume", map[string]any{"current_days": 0, "min_volume": 0}, "current_days invalid", "min_volume invalid"),
		refused("three years and a day", map[string]any{"baseline_days": 1096}, "baseline_days invalid"),
		refused("alpha of one", map[string]any{"alpha": 1}, "alpha invalid"),
	}
}

func TestRefusedTriggers(t *testing.T) {
	t.Parallel()
	w := newTwins(t, ingestShift)
	for _, c := range triggerRefusals() {
		t.Run(c.Name, func(t *testing.T) { c.run(t, w) })
	}
	viewer := trigger("by a viewer", nil)
	viewer.As, viewer.Want = Asker{User: "cedar.viewer"}, models.CodeForbidden
	write{Case: viewer}.run(t, w)
}

// TestTriggerWithoutClaims: there is nothing to look at, and nothing is queued.
func TestTriggerWithoutClaims(t *testing.T) {
	t.Parallel()
	w := newTwins(t, func(*Server) {})
	c := trigger("without claims", nil)
	c.As, c.Want, c.Fields = Asker{User: "cedar.analyst"}, models.CodeValidation, []string{"customer no_claims"}
	write{Case: c}.run(t, w)
}
