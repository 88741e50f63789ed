package graph

import (
	"slices"
	"testing"
)

// TestPlainRows_KnowTheirFields holds that no field falls back to the slow way
// without anybody noticing.
func TestPlainRows_KnowTheirFields(t *testing.T) {
	t.Parallel()
	schema := loadSchema()
	p := newPlainRows(schema)
	known := map[string]func(string) bool{
		"Claim":      func(name string) bool { return p.claims.fields[name] != nil },
		"DriftEvent": func(name string) bool { return p.events.fields[name] != nil },
		"ReportRun":  func(name string) bool { return p.runs.fields[name] != nil },
		"DriftTest":  func(name string) bool { return p.tests.fields[name] != nil },
	}
	resolved := []string{
		"Claim.upload", "DriftEvent.reportRun", "DriftEvent.claims", "DriftEvent.evidence", "DriftEvent.alertEvents", "DriftTest.driftEvent",
		"ReportRun.createdBy", "ReportRun.driftEvents", "ReportRun.tests", "ReportRun.summary", "ReportRun.signals",
	}
	for noun, knows := range known {
		for _, f := range schema.Types[noun].Fields {
			name := noun + "." + f.Name
			if knows(f.Name) == slices.Contains(resolved, name) {
				t.Errorf("%s: plain is %v", name, knows(f.Name))
			}
		}
	}
}
