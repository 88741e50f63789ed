package alerting_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"upstream/models"
	"upstream/models/alerting"
)

func TestPhraseOf(t *testing.T) {
	t.Parallel()
	e := denials()
	want := alerting.Phrase{
		DriftType: "Denial rate", CPTGroup: "SURGERY", Baseline: "10.0%", Current: "25.0%", Delta: "+15.0 points", Severity: "0.30",
	}
	if diff := cmp.Diff(want, alerting.PhraseOf(&e)); diff != "" {
		t.Errorf("(+):\n%s", diff)
	}
	r := rule()
	match := alerting.Match{Rule: &r, Event: &e, Value: e.Severity}
	if diff := cmp.Diff(want, alerting.PhraseOfAlert(&match.Alert(alertID(1), noon).Payload)); diff != "" {
		t.Errorf("of an alert (+):\n%s", diff)
	}
	days := denials(func(e *models.DriftEvent) {
		e.DriftType, e.CPTGroup, e.BaselineValue, e.CurrentValue, e.DeltaValue = models.DriftDecisionTime, "ALL", 14, 21, 7
	})
	want = alerting.Phrase{DriftType: "Time to decision", Baseline: "14 days", Current: "21 days", Delta: "+7 days", Severity: "0.30"}
	if diff := cmp.Diff(want, alerting.PhraseOf(&days)); diff != "" {
		t.Errorf("of days (+):\n%s", diff)
	}
}

// Every type has a name that people read, and no two have the same.
func TestTypeName(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for _, kind := range models.DriftType("").Values() {
		name := alerting.TypeName(models.DriftType(kind))
		if name == kind || seen[name] {
			t.Errorf("%s is called %q", kind, name)
		}
		seen[name] = true
	}
	if alerting.TypeName("OTHER") != "OTHER" {
		t.Error("an unknown type loses its name")
	}
}
